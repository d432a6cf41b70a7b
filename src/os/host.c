/*
 * host.c: the os operations on the real system.
 *
 * malloc is called before any constructor has run, from signal handlers'
 * forked children and by threads that are being cancelled.  So nothing here
 * allocates, nothing uses stdio, files are read through bare system calls
 * (open(2) and read(2) of libc are cancellation points), and errno is put back
 * after each operation.
 *
 * A reservation is PROT_NONE; commit makes part of it writable, which is when
 * the kernel charges it, and refuses it by the rule of vm.overcommit_memory (not
 * so with MAP_NORESERVE, which would exempt the memory for good); decommit lays a
 * fresh reservation over it, which frees the pages and the charge in one step.
 * purge is MADV_DONTNEED: MADV_FREE would leave the resident set as it is
 * until memory is short.
 *
 * The number of CPUs looks at the cgroup's quota at the usual places below
 * /sys/fs/cgroup.  Left out: cgroups mounted elsewhere.
 *
 * Sources: brk(2), mmap(2), mremap(2), madvise(2), getrandom(2), getauxval(3),
 * cgroups(7), the kernel's Documentation/admin-guide/cgroup-v2.rst.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* mremap */
#endif

#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <mmsim/os.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

/* ---- memory ---- */

static void *host_sbrk(void *ctx, intptr_t increment)
{
	int saved = errno;
	void *old = sbrk(increment);

	(void)ctx;
	errno = saved;
	return old == (void *)-1 ? NULL : old;
}

/* The result of mmap or mremap, with errno as it was before. */
static void *host_address(void *addr, int saved)
{
	errno = saved;
	return addr == MAP_FAILED ? NULL : addr;
}

/* 0 or a negative errno value, with errno as it was before. */
static int host_result(int result, int saved)
{
	int error = result == 0 ? 0 : -errno;

	errno = saved;
	return error;
}

static void *host_map(void *ctx, size_t len)
{
	int saved = errno;

	(void)ctx;
	return host_address(mmap(NULL, len, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			    saved);
}

static void *host_reserve(void *ctx, size_t len)
{
	int saved = errno;

	(void)ctx;
	return host_address(
		mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		saved);
}

static int host_commit(void *ctx, void *addr, size_t len)
{
	int saved = errno;

	(void)ctx;
	return host_result(mprotect(addr, len, PROT_READ | PROT_WRITE), saved);
}

static int host_decommit(void *ctx, void *addr, size_t len)
{
	int saved = errno;
	void *fresh = mmap(addr, len, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	(void)ctx;
	return host_result(fresh == MAP_FAILED ? -1 : 0, saved);
}

static int host_unmap(void *ctx, void *addr, size_t len)
{
	int saved = errno;

	(void)ctx;
	return host_result(munmap(addr, len), saved);
}

static void *host_remap(void *ctx, void *addr, size_t old_len, size_t new_len,
			int may_move)
{
	int saved = errno;

	(void)ctx;
	return host_address(
		mremap(addr, old_len, new_len, may_move ? MREMAP_MAYMOVE : 0),
		saved);
}

static int host_purge(void *ctx, void *addr, size_t len)
{
	int saved = errno;

	(void)ctx;
	return host_result(madvise(addr, len, MADV_DONTNEED), saved);
}

static int host_populate(void *ctx, void *addr, size_t len)
{
	static bool is_unknown; /* this kernel has no such advice */
	int saved = errno;
	int error;

	(void)ctx;
	if (load_relaxed(&is_unknown))
		return -EINVAL;
	error = host_result(madvise(addr, len, MADV_POPULATE_WRITE), saved);
	/* -EINVAL has other causes too; no bytes at all are fine for any advice
	 * that the kernel knows. */
	if (error == -EINVAL &&
	    host_result(madvise(NULL, 0, MADV_POPULATE_WRITE), saved) == error)
		store_relaxed(&is_unknown, true);
	return error;
}

static int host_hugepage(void *ctx, void *addr, size_t len)
{
	int saved = errno;

	(void)ctx;
	return host_result(madvise(addr, len, MADV_HUGEPAGE), saved);
}

/* ---- time and chance ---- */

static uint64_t host_now_ns(void *ctx)
{
	int saved = errno;
	struct timespec now = {0};

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	errno = saved;
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The finaliser of G. Steele et al., "Fast Splittable Pseudorandom Number
 * Generators", 2014: every bit of x reaches every bit of the result. */
static uint64_t host_mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static uint64_t host_entropy(void *ctx)
{
	static uint32_t nr_drawn;
	int saved = errno;
	uint64_t x = 0;

	if (syscall(SYS_getrandom, &x, sizeof(x), GRND_NONBLOCK) !=
	    (long)sizeof(x)) {
		/* The kernel gave this process 16 random bytes at exec. */
		const char *random = (const char *)getauxval(AT_RANDOM);
		uint64_t words[2] = {0, 0};

		if (random)
			memcpy(words, random, sizeof(words));
		x = __atomic_add_fetch(&nr_drawn, 1, __ATOMIC_RELAXED);
		x = host_mix(words[0] + host_mix(words[1] + x));
		x ^= host_mix(host_now_ns(ctx) ^ (uintptr_t)&x);
	}
	errno = saved;
	return x;
}

/* ---- CPUs ---- */

#define CPU_MASK_WORDS 128
#define CGROUP_PATH_MAX 1024
#define CGROUP_TEXT_MAX 4096

START_CONST static const char cgroup_list[] = "/proc/self/cgroup";
START_CONST static const char cgroup_mount[] = "/sys/fs/cgroup";
START_CONST static const char cgroup_max[] = "/cpu.max";
/* The first version has a tree for each controller. */
START_CONST static const char cgroup_v1_mount[] = "/sys/fs/cgroup/cpu";
START_CONST static const char cgroup_v1_quota[] = "/cpu.cfs_quota_us";
START_CONST static const char cgroup_v1_period[] = "/cpu.cfs_period_us";
START_CONST static const char cgroup_v1_name[] = "cpu";

/* Reads the start of a file into text, which ends in '\0'; false: cannot. */
static bool host_read_file(const char *path, char *text, size_t size)
{
	long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	long n = 0;

	if (fd < 0)
		return false;
	while (len < size - 1) {
		n = syscall(SYS_read, fd, text + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	syscall(SYS_close, fd);
	text[len] = '\0';
	return n >= 0 && len > 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads a decimal number and moves *text behind it; 0 when there is none
 * ("max", "-1"). */
static uint64_t host_number(const char **text)
{
	uint64_t value = 0;

	while (**text == ' ')
		++*text;
	for (; is_digit(**text) && value < UINT32_MAX; ++*text)
		value = value * 10 + (uint64_t)(**text - '0');
	return value;
}

static unsigned host_quota_cpus(uint64_t quota_us, uint64_t period_us,
				unsigned cpus)
{
	uint64_t allowed;

	if (quota_us == 0 || period_us == 0)
		return cpus;
	allowed = (quota_us + period_us - 1) / period_us;
	return allowed < cpus ? (unsigned)allowed : cpus;
}

/* Appends to path, of CGROUP_PATH_MAX bytes; false: too long. */
static bool host_append(char *path, const char *part)
{
	size_t len = strlen(path);
	size_t more = strlen(part);

	if (len + more >= CGROUP_PATH_MAX)
		return false;
	memcpy(path + len, part, more + 1);
	return true;
}

/* One number from the file `name` of a cgroup's directory; 0: none. */
static uint64_t host_cgroup_number(char *dir, const char *name,
				   uint64_t *second)
{
	char text[64];
	const char *at = text;
	size_t len = strlen(dir);
	uint64_t first = 0;

	if (host_append(dir, name) && host_read_file(dir, text, sizeof(text))) {
		first = host_number(&at);
		if (second)
			*second = host_number(&at);
	}
	dir[len] = '\0';
	return first;
}

/* The quota of a cgroup and of all above it, whichever is least. */
static unsigned host_cgroup_cpus(const char *mount, const char *group,
				 bool is_v2, unsigned cpus)
{
	char dir[CGROUP_PATH_MAX] = "";
	size_t top = strlen(mount);

	if (group[0] == '/' && group[1] == '\0')
		group++;
	if (!host_append(dir, mount) || !host_append(dir, group))
		return cpus;
	for (;;) {
		uint64_t quota, period = 0;
		char *slash;

		if (is_v2) {
			quota = host_cgroup_number(dir, cgroup_max, &period);
		} else {
			quota = host_cgroup_number(dir, cgroup_v1_quota, NULL);
			period =
				host_cgroup_number(dir, cgroup_v1_period, NULL);
		}
		cpus = host_quota_cpus(quota, period, cpus);
		slash = strrchr(dir, '/');
		if (strlen(dir) <= top || !slash || slash < dir + top)
			return cpus;
		*slash = '\0';
	}
}

/* One line of /proc/self/cgroup: "0::/path" or "4:cpu,cpuacct:/path". */
static unsigned host_cgroup_line(char *line, unsigned cpus)
{
	char *controllers = strchr(line, ':');
	char *path = controllers ? strchr(controllers + 1, ':') : NULL;
	char *name;

	if (!path)
		return cpus;
	controllers++;
	*path++ = '\0';
	if (*controllers == '\0')
		return host_cgroup_cpus(cgroup_mount, path, true, cpus);
	name = strstr(controllers, cgroup_v1_name);
	while (name && ((name[3] != '\0' && name[3] != ',') ||
			(name > controllers && name[-1] != ',')))
		name = strstr(name + 1, cgroup_v1_name);
	return name ? host_cgroup_cpus(cgroup_v1_mount, path, false, cpus)
		    : cpus;
}

static unsigned host_affinity_cpus(void)
{
	unsigned long mask[CPU_MASK_WORDS] = {0};
	unsigned cpus = 0;

	if (syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask) < 0)
		return 1;
	/* Bit by bit: the compiler's own function that counts them stands far from
	 * our code. */
	for (size_t i = 0; i < ARRAY_SIZE(mask); i++)
		for (unsigned long m = mask[i]; m != 0; m &= m - 1)
			cpus++;
	return cpus > 0 ? cpus : 1;
}

static unsigned host_nr_cpus(void *ctx)
{
	char text[CGROUP_TEXT_MAX];
	int saved = errno;
	unsigned cpus = host_affinity_cpus();
	char *line = text;

	(void)ctx;
	if (!host_read_file(cgroup_list, text, sizeof(text)))
		text[0] = '\0';
	while (*line) {
		char *end = strchr(line, '\n');
		char *next = end ? end + 1 : line + strlen(line);

		if (end)
			*end = '\0';
		cpus = host_cgroup_line(line, cpus);
		line = next;
	}
	errno = saved;
	return cpus;
}

PUBLIC const struct mmsim_os *mmsim_os_host(void)
{
	static struct mmsim_os host = {
		.sbrk = host_sbrk,
		.map = host_map,
		.reserve = host_reserve,
		.commit = host_commit,
		.decommit = host_decommit,
		.unmap = host_unmap,
		.remap = host_remap,
		.purge = host_purge,
		.populate = host_populate,
		.hugepage = host_hugepage,
		.now_ns = host_now_ns,
		.entropy = host_entropy,
		.nr_cpus = host_nr_cpus,
	};

	/* Threads that meet here store the same value. */
	if (UNLIKELY(load_relaxed(&host.page_size) == 0))
		store_relaxed(&host.page_size, getauxval(AT_PAGESZ));
	return &host;
}
