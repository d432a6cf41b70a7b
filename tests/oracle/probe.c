/*
 * probe.c: what this host's kernel does, and whether it can be compared at all.
 *
 * The simulated kernel has the rules of 6.1 and those of 6.18.  Which of the
 * two the host follows is asked of the host by experiment, for a distribution's
 * kernel may have either under any number.  The rules changed one by one:
 *
 *   6.4    a private area that was never touched and becomes read-only is no
 *          longer charged
 *   6.7    anonymous mappings of whole multiples of 2 MiB begin on one
 *   6.15   an area that was touched merges with untouched neighbours
 *   6.17   mremap moves several areas at once
 *
 * A kernel with some new and some old rules fits neither profile; it is not
 * compared.
 */
#include "oracle.h"

#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

struct host_facts host_facts;

enum { HUGE_PAGE = 512 * ORACLE_PAGE };

static char *map(size_t len, int prot)
{
	return mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

enum { PROBE_LINE = 512 };

/* The area of smaps that holds [p, p + len), into `line` its VmFlags; false:
 * there is none that holds it all, or it has no such line. */
static bool find_area(const char *p, size_t len, char line[PROBE_LINE])
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	bool in_area = false, found = false;

	while (!found && smaps && fgets(line, PROBE_LINE, smaps)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx", &start, &end) == 2)
			in_area = start <= (uintptr_t)p &&
				  end >= (uintptr_t)p + len;
		else
			found = in_area && strncmp(line, "VmFlags:", 8) == 0;
	}
	if (smaps)
		fclose(smaps);
	return found;
}

/* --- the rules, true: the new one ------------------------------------------------ */

/* Writable alone, so that nothing beside it has the same rights. */
static bool gives_charge_back(void)
{
	char *p = map(ORACLE_PAGE, PROT_WRITE), line[PROBE_LINE];
	bool found;

	mprotect(p, ORACLE_PAGE, PROT_NONE);
	found = find_area(p, ORACLE_PAGE, line);
	munmap(p, ORACLE_PAGE);
	return found && !strstr(line, " ac ");
}

/* Twice, with a page between: once may be chance. */
static bool aligns_huge_mappings(void)
{
	char *fence = map(ORACLE_PAGE, PROT_NONE);
	char *first = map(HUGE_PAGE, PROT_NONE);
	char *between = map(ORACLE_PAGE, PROT_READ);
	char *second = map(HUGE_PAGE, PROT_NONE);

	munmap(fence, ORACLE_PAGE);
	munmap(first, HUGE_PAGE);
	munmap(between, ORACLE_PAGE);
	munmap(second, HUGE_PAGE);
	return (uintptr_t)first % HUGE_PAGE == 0 &&
	       (uintptr_t)second % HUGE_PAGE == 0;
}

static bool merges_touched_areas(void)
{
	const size_t page = ORACLE_PAGE;
	char *p = map(3 * page, PROT_WRITE), line[PROBE_LINE];
	bool merged;

	mlock(p + page, page);
	munlock(p + page, page);
	merged = find_area(p, 3 * page, line);
	munmap(p, 3 * page);
	return merged;
}

static bool moves_several_areas(void)
{
	const size_t page = ORACLE_PAGE;
	char *from = map(2 * page, PROT_READ), *to = map(2 * page, PROT_NONE);
	bool moved;

	mprotect(from, page, PROT_NONE);
	moved = mremap(from, 2 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED,
		       to) == to;
	munmap(from, 2 * page);
	munmap(to, 2 * page);
	return moved;
}

static const struct {
	const char *what;
	bool (*is_new)(void);
} rules[] = {
	{"what mprotect gives back", gives_charge_back},
	{"mappings of 2 MiB", aligns_huge_mappings},
	{"merging of touched areas", merges_touched_areas},
	{"mremap of several areas", moves_several_areas},
};

/* NULL, and host_facts.profile is known; else the rules that do not fit. */
static const char *find_profile(void)
{
	static char why[200];
	const char *new_rule = NULL, *old_rule = NULL;
	size_t i;

	for (i = 0; i < sizeof rules / sizeof *rules; i++)
		*(rules[i].is_new() ? &new_rule : &old_rule) = rules[i].what;
	host_facts.profile = old_rule ? "linux-6.1" : "linux-6.18";
	if (!new_rule || !old_rule)
		return NULL;
	snprintf(why, sizeof why,
		 "the kernel is between 6.1 and 6.18: new in %s, old in %s",
		 new_rule, old_rule);
	return why;
}

/* --- the host ---------------------------------------------------------------------- */

static long read_number(const char *path, long otherwise)
{
	FILE *in = fopen(path, "re");
	long value;

	if (!in)
		return otherwise;
	if (fscanf(in, "%ld", &value) != 1)
		value = otherwise;
	fclose(in);
	return value;
}

static bool has_smaps(void)
{
	char *p = map(ORACLE_PAGE, PROT_READ), line[PROBE_LINE];
	bool found = find_area(p, ORACLE_PAGE, line);

	munmap(p, ORACLE_PAGE);
	return found;
}

static bool is_unlimited(int resource)
{
	struct rlimit limit;

	return getrlimit(resource, &limit) == 0 &&
	       limit.rlim_cur == RLIM_INFINITY;
}

/* Container runtimes may refuse it. */
static bool can_fix_addresses(void)
{
	int now = personality(0xffffffff);
	bool can = personality((unsigned long)now | ADDR_NO_RANDOMIZE) != -1;

	personality((unsigned long)now);
	return can;
}

/* A file system whose pages are 4 KiB, become clean by being written, and may
 * be executed. */
static bool has_disk(void)
{
	const char *tmp = getenv("TMPDIR");
	struct statfs fs;

	return statfs(tmp ? tmp : "/tmp", &fs) == 0 &&
	       fs.f_type == EXT4_SUPER_MAGIC && !(fs.f_flags & ST_NOEXEC);
}

/* The setting reads like "always within_size advise [never] deny force". */
static bool has_small_shared_pages(void)
{
	FILE *in = fopen("/sys/kernel/mm/transparent_hugepage/shmem_enabled",
			 "re");
	char line[PROBE_LINE] = "[never]";
	bool small;

	if (in && !fgets(line, sizeof line, in))
		line[0] = '\0';
	small = strstr(line, "[never]") || strstr(line, "[advise]") ||
		strstr(line, "[deny]");
	if (in)
		fclose(in);
	return small;
}

static bool has_memfd(void)
{
	int fd = memfd_create("probe", 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* They live until they are removed. */
static bool has_segments(void)
{
	int id = shmget(IPC_PRIVATE, ORACLE_PAGE, 0600);

	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	return id >= 0 &&
	       read_number("/proc/sys/kernel/shm_rmid_forced", 0) == 0;
}

const char *find_host_facts(void)
{
#ifndef __x86_64__
	return "the program that runs the scripts is written for x86-64";
#endif
	if (!has_smaps())
		return "this host has no /proc/PID/smaps with VmFlags";
	if (prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) < 0)
		return "huge pages cannot be turned off for one process";
	if (!can_fix_addresses())
		return "address randomisation cannot be turned off";
	if (!is_unlimited(RLIMIT_AS) || !is_unlimited(RLIMIT_DATA))
		return "the address space is limited (ulimit -v, -d)";
	if (read_number("/proc/sys/vm/legacy_va_layout", 0))
		return "vm.legacy_va_layout is set";
	host_facts.overcommit_memory =
		(int)read_number("/proc/sys/vm/overcommit_memory", 0);
	host_facts.max_map_count =
		read_number("/proc/sys/vm/max_map_count", 65530);
	host_facts.mmap_min_addr =
		read_number("/proc/sys/vm/mmap_min_addr", 65536);
	host_facts.uid = geteuid();
	host_facts.has_disk = has_disk();
	host_facts.has_objects = has_memfd() && has_segments() &&
				 has_small_shared_pages();
	return find_profile();
}
