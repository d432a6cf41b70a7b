/*
 * memory.c: a program's own calls about memory of its simulated heap.
 */
#include "live.h"

#include <malloc.h>
#include <signal.h>

static sigjmp_buf again;
static void *volatile fault_at;
static volatile int fault_sig, nr_faults;

static void jump_out(int sig, siginfo_t *info, void *context)
{
	(void)context;
	fault_at = info->si_addr;
	fault_sig = sig;
	nr_faults++;
	siglongjmp(again, 1);
}

static void catch_faults(void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = handler;
	action.sa_flags = SA_SIGINFO;
	CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
	CHECK(sigaction(SIGBUS, &action, NULL) == 0);
}

static int store_faults(volatile char *p)
{
	fault_at = NULL;
	if (sigsetjmp(again, 1))
		return fault_at == p;
	*p = 1;
	return 0;
}

static int load_faults(volatile char *p)
{
	fault_at = NULL;
	if (sigsetjmp(again, 1))
		return fault_at == p;
	(void)*p;
	return 0;
}

/* ---- the break ---- */

LIVE(sbrk_moves_the_simulated_break, "ram=64M,swap=0")
{
	char *old = (char *)sbrk(0), *p = (char *)malloc(100);

	CHECK(p && is_simulated(p) && is_simulated(old));
	CHECK(sbrk(3 * MIB) >= (void *)old);
	memset((char *)sbrk(0) - 3 * MIB, 7, 3 * MIB);
	CHECK(bytes_differ((char *)sbrk(0) - 3 * MIB, 3 * MIB, 7) == 3 * MIB);
	/* malloc goes on behind it. */
	for (int i = 0; i < 100; i++) {
		p = (char *)malloc(50000);
		CHECK(p && is_simulated(p));
		memset(p, 1, 50000);
	}
	CHECK(proc_figure("/proc/meminfo", "AnonPages") > 7000);
}

LIVE(brk_back_and_forth, "ram=64M,swap=0")
{
	char *start = (char *)sbrk(0);

	CHECK(brk(start + MIB) == 0 && sbrk(0) == start + MIB);
	memset(start, 1, MIB);
	CHECK(brk(start) == 0 && sbrk(0) == start);
	CHECK(brk(start + MIB) == 0);
	CHECK(bytes_differ(start, MIB, 0) == MIB);
	CHECK(brk(start) == 0);
	errno = 0;
	CHECK(sbrk(PTRDIFF_MAX) == (void *)-1 && errno == ENOMEM);
	errno = 0;
	CHECK(brk(start + 64 * GIB) == -1 && errno == ENOMEM);
	CHECK(sbrk(0) == start);
}

/* ---- protection ---- */

LIVE(mprotect_of_heap_pages, "ram=64M,swap=0")
{
	char *p = live_pages(64 * KIB);

	catch_faults(jump_out);
	pattern_fill(p, 64 * KIB, 5);
	REQUIRE(mprotect(p + 8192, 8192, PROT_NONE) == 0);
	CHECK(load_faults(p + 8192 + 17) && fault_sig == SIGSEGV);
	CHECK(store_faults(p + 16383));
	CHECK(!load_faults(p + 8191) && !load_faults(p + 16384));
	REQUIRE(mprotect(p + 8192, 8192, PROT_READ) == 0);
	CHECK(!load_faults(p + 8192) && store_faults(p + 8192));
	REQUIRE(mprotect(p + 8192, 8192, PROT_READ | PROT_WRITE) == 0);
	CHECK(nr_faults == 3);
	CHECK(pattern_differs(p, 64 * KIB, 5) == 64 * KIB);
	CHECK(!store_faults(p + 8192));
	errno = 0;
	CHECK(mprotect(p + 1, 4096, PROT_READ) == -1 && errno == EINVAL);
	free(p);
}

LIVE(a_system_call_on_protected_pages, "ram=64M,swap=0")
{
	char *p = live_pages(64 * KIB);
	int fd[2];

	memset(p, 1, 64 * KIB);
	REQUIRE(pipe(fd) == 0);
	REQUIRE(mprotect(p, 4096, PROT_NONE) == 0);
	errno = 0;
	CHECK(write(fd[1], p, 100) == -1 && errno == EFAULT);
	REQUIRE(mprotect(p, 4096, PROT_READ) == 0);
	CHECK(write(fd[1], p, 100) == 100);
	errno = 0;
	CHECK(read(fd[0], p, 100) == -1 && errno == EFAULT);
	REQUIRE(mprotect(p, 4096, PROT_READ | PROT_WRITE) == 0);
	CHECK(write(fd[1], p, 100) == 100 && read(fd[0], p, 100) == 100);
}

static char *opened;

static void open_and_go_on(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	fault_at = info->si_addr;
	nr_faults++;
	if (mprotect((char *)((uintptr_t)info->si_addr & ~4095ul), 4096,
		     PROT_READ | PROT_WRITE))
		_exit(50);
}

/* As garbage collectors do: the handler opens the page, the store goes on. */
LIVE(a_handler_that_opens_the_page, "ram=64M,swap=0")
{
	size_t pages = 64;

	opened = live_pages(pages * 4096);
	pattern_fill(opened, pages * 4096, 1);
	catch_faults(open_and_go_on);
	REQUIRE(mprotect(opened, pages * 4096, PROT_READ) == 0);
	for (size_t i = 0; i < pages; i++) {
		((volatile char *)opened)[i * 4096 + 9] = (char)i;
		CHECK(fault_at == opened + i * 4096 + 9);
	}
	CHECK(nr_faults == (int)pages);
	for (size_t i = 0; i < pages; i++) {
		CHECK(opened[i * 4096 + 9] == (char)i);
		opened[i * 4096 + 9] = (char)pattern_byte(1, i * 4096 + 9);
	}
	CHECK(pattern_differs(opened, pages * 4096, 1) == pages * 4096);
}

LIVE(code_in_the_heap, "ram=64M,swap=0")
{
	/* mov $42, %eax; ret */
	static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};
	char *p = live_pages(16384);
	int (*fn)(void);

	memcpy(p + 4096, code, sizeof(code));
	*(void **)&fn = p + 4096;
	catch_faults(jump_out);
	fault_at = NULL;
	if (!sigsetjmp(again, 1)) {
		fn();
		CHECK(!"code ran in memory that is not executable");
	}
	CHECK(fault_at == p + 4096);
	REQUIRE(mprotect(p + 4096, 4096, PROT_READ | PROT_EXEC) == 0);
	CHECK(fn() == 42);
	CHECK(store_faults(p + 4097));
	REQUIRE(mprotect(p + 4096, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) ==
		0);
	p[4097] = 43;
	CHECK(fn() == 43);
}

LIVE(many_ranges_with_their_own_protection, "ram=128M,swap=0")
{
	size_t pages = 1000;
	char *p = live_pages(pages * 4096);

	pattern_fill(p, pages * 4096, 3);
	catch_faults(jump_out);
	for (size_t i = 0; i < pages; i += 2)
		REQUIRE(mprotect(p + i * 4096, 4096, PROT_NONE) == 0);
	for (size_t i = 0; i < pages; i++)
		CHECK(load_faults(p + i * 4096 + 1) == (i % 2 == 0));
	for (size_t i = 0; i < pages; i++)
		CHECK(store_faults(p + i * 4096 + 1) == (i % 2 == 0) || i % 2);
	REQUIRE(mprotect(p, pages * 4096, PROT_READ | PROT_WRITE) == 0);
	for (size_t i = 1; i < pages; i += 2)
		p[i * 4096 + 1] = (char)pattern_byte(3, i * 4096 + 1);
	CHECK(pattern_differs(p, pages * 4096, 3) == pages * 4096);
}

/* ---- unmapping ---- */

LIVE(munmap_of_heap_pages, "ram=64M,swap=0")
{
	char *p = live_pages(MIB);
	unsigned long anon;

	memset(p, 1, MIB);
	anon = proc_figure("/proc/meminfo", "AnonPages");
	REQUIRE(munmap(p + 256 * KIB, 512 * KIB) == 0);
	CHECK(anon - proc_figure("/proc/meminfo", "AnonPages") == 512);
	catch_faults(jump_out);
	CHECK(load_faults(p + 256 * KIB) && fault_sig == SIGSEGV);
	CHECK(store_faults(p + 768 * KIB - 1));
	CHECK(!load_faults(p + 768 * KIB));
	/* And something in its place. */
	REQUIRE(mmap(p + 256 * KIB, 256 * KIB, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		     0) == p + 256 * KIB);
	CHECK(bytes_differ(p + 256 * KIB, 256 * KIB, 0) == 256 * KIB);
	memset(p + 256 * KIB, 2, 256 * KIB);
	CHECK(anon - proc_figure("/proc/meminfo", "AnonPages") == 256);
	CHECK(load_faults(p + 512 * KIB));
}

LIVE(mappings_that_cannot_stand_in_the_heap, "ram=64M,swap=0")
{
	char *p = live_pages(MIB), *other;
	int fd = memfd_create("x", MFD_CLOEXEC);

	REQUIRE(ftruncate(fd, MIB) == 0);
	pattern_fill(p, MIB, 2);
	errno = 0;
	CHECK(mmap(p, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) ==
		      MAP_FAILED &&
	      errno == EINVAL);
	errno = 0;
	CHECK(mmap(p, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
		   -1, 0) == MAP_FAILED &&
	      errno == EINVAL);
	other = (char *)mmap(NULL, MIB, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	REQUIRE(other != MAP_FAILED && !is_simulated(other));
	errno = 0;
	CHECK(mremap(other, MIB, MIB, MREMAP_MAYMOVE | MREMAP_FIXED, p) ==
		      MAP_FAILED &&
	      errno == EINVAL);
	CHECK(pattern_differs(p, MIB, 2) == MIB);
	CHECK(bytes_differ(other, MIB, 0) == MIB);
}

/* From far below the window to far above it. */
LIVE(ranges_that_straddle_the_window, "ram=64M,swap=0")
{
	char *p = live_pages(MIB), *below;
	uintptr_t base = (uintptr_t)p & ~(((uintptr_t)1 << 40) - 1);

	pattern_fill(p, MIB, 2);
	below = (char *)mmap((void *)(base - MIB), MIB, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	REQUIRE(below == (char *)(base - MIB));
	errno = 0;
	CHECK(mprotect(below, 2 * MIB + ((size_t)1 << 40), PROT_READ) == -1 &&
	      errno == ENOMEM);
	errno = 0;
	CHECK(mmap(below, 2 * MIB, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		   0) == MAP_FAILED &&
	      errno == EINVAL);
	errno = 0;
	CHECK(mincore(below, 2 * MIB, (unsigned char *)p) == -1 &&
	      errno == ENOMEM);
	CHECK(munmap((void *)base, (size_t)-1 - base) == -1);
	CHECK(mprotect(p, MIB, PROT_READ | PROT_WRITE) == 0);
	CHECK(pattern_differs(p, MIB, 2) == MIB);
}

/* ---- advice, locks, residence ---- */

LIVE(advice_on_heap_pages, "ram=64M,swap=0")
{
	char *p = live_pages(MIB);
	unsigned long anon;

	memset(p, 1, MIB);
	anon = proc_figure("/proc/meminfo", "AnonPages");
	REQUIRE(madvise(p, 512 * KIB, MADV_DONTNEED) == 0);
	CHECK(anon - proc_figure("/proc/meminfo", "AnonPages") == 512);
	CHECK(bytes_differ(p, 512 * KIB, 0) == 512 * KIB);
	CHECK(bytes_differ(p + 512 * KIB, 512 * KIB, 1) == 512 * KIB);
	CHECK(posix_madvise(p + 512 * KIB, 4096, POSIX_MADV_DONTNEED) == 0);
	CHECK(posix_madvise(p + 512 * KIB, 4096, POSIX_MADV_WILLNEED) == 0);
	CHECK(p[512 * KIB] == 1);
	errno = 0;
	CHECK(madvise(p, 4096, 12345) == -1 && errno == EINVAL);
	CHECK(posix_madvise(p + 1, 4096, POSIX_MADV_WILLNEED) == EINVAL);
}

LIVE(locked_heap_pages, "ram=64M,swap=64M")
{
	char *p = live_pages(8 * MIB), *q;

	REQUIRE(mlock(p, 8 * MIB) == 0);
	CHECK(proc_figure("/proc/meminfo", "Mlocked") >= 8192);
	pattern_fill(p, 8 * MIB, 4);
	q = live_pages(60 * MIB);
	pattern_fill(q, 60 * MIB, 5);
	CHECK(proc_figure("/proc/meminfo", "Mlocked") >= 8192);
	CHECK(vmstat("pswpout") > 0);
	CHECK(pattern_differs(q, 60 * MIB, 5) == 60 * MIB);
	CHECK(pattern_differs(p, 8 * MIB, 4) == 8 * MIB);
	REQUIRE(munlock(p, 8 * MIB) == 0);
	CHECK(proc_figure("/proc/meminfo", "Mlocked") == 0);
}

LIVE(mlockall_locks_the_simulated_memory, "ram=64M,swap=64M")
{
	char *p = live_pages(4 * MIB);
	size_t before = rss_bytes();

	REQUIRE(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
	CHECK(proc_figure("/proc/meminfo", "Mlocked") >= 4096);
	memset(live_pages(4 * MIB), 1, 4 * MIB);
	CHECK(proc_figure("/proc/meminfo", "Mlocked") >= 8192);
	CHECK(rss_bytes() < before + 64 * MIB);
	REQUIRE(munlockall() == 0);
	CHECK(proc_figure("/proc/meminfo", "Mlocked") == 0);
	memset(p, 1, 4 * MIB);
}

LIVE(mincore_of_heap_pages, "ram=64M,swap=0")
{
	size_t pages = 1000;
	char *p = live_pages(pages * 4096);
	unsigned char *vec = (unsigned char *)malloc(pages);

	madvise(p, pages * 4096, MADV_DONTNEED);
	for (size_t i = 0; i < pages; i += 3)
		p[i * 4096] = 1;
	REQUIRE(mincore(p, pages * 4096, vec) == 0);
	for (size_t i = 0; i < pages; i++)
		CHECK((vec[i] & 1) == (i % 3 == 0));
	CHECK(msync(p, pages * 4096, MS_SYNC) == 0);
	errno = 0;
	CHECK(msync(p + 1, 4096, MS_SYNC) == -1 && errno == EINVAL);
}

/* Faults are still counted, and stores still seen, where mremap put it. */
LIVE(realloc_of_large_blocks, "ram=64M,swap=128M")
{
	size_t len = MIB;
	char *p = (char *)malloc(len), *q;
	unsigned long faults;

	pattern_fill(p, len, 9);
	while (len < 32 * MIB) {
		q = (char *)malloc(MIB);
		memset(q, 1, MIB);
		p = (char *)realloc(p, len * 2);
		REQUIRE(p && is_simulated(p));
		CHECK_MSG(pattern_differs(p, len, 9) == len,
			  "len %zu: differs at %zu", len,
			  pattern_differs(p, len, 9));
		faults = vmstat("pgfault");
		memset(p + len, 1, len);
		CHECK(vmstat("pgfault") - faults >= len / 4096 - 1);
		pattern_fill(p, len * 2, 9);
		len *= 2;
	}
	/* It goes to swap, and comes back. */
	q = live_pages(48 * MIB);
	memset(q, 2, 48 * MIB);
	CHECK(vmstat("pswpout") > 4096);
	CHECK(pattern_differs(p, len, 9) == len);
	CHECK(vmstat("pswpin") > 4096);
	p = (char *)realloc(p, 3 * MIB);
	CHECK(p && pattern_differs(p, 3 * MIB, 9) == 3 * MIB);
}

LIVE(mremap_of_heap_pages, "ram=64M,swap=64M")
{
	char *p = live_pages(64 * 4096), *q;

	pattern_fill(p, 64 * 4096, 3);
	q = (char *)mremap(p + 16 * 4096, 32 * 4096, 200 * 4096,
			   MREMAP_MAYMOVE);
	REQUIRE(q != MAP_FAILED && is_simulated(q));
	for (size_t i = 0; i < 32 * 4096; i++)
		REQUIRE((unsigned char)q[i] == pattern_byte(3, 16 * 4096 + i));
	CHECK(bytes_differ(q + 32 * 4096, 168 * 4096, 0) == 168 * 4096);
	catch_faults(jump_out);
	CHECK(load_faults(p + 16 * 4096) && !load_faults(p));
	errno = 0;
	CHECK(mremap(p, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, q) ==
		      MAP_FAILED &&
	      errno == EINVAL);
	CHECK(munmap(q, 200 * 4096) == 0);
}

LIVE(advice_that_reclaims, "ram=64M,swap=64M")
{
	char *p = live_pages(8 * MIB);

	pattern_fill(p, 8 * MIB, 5);
	CHECK(madvise(p, 8 * MIB, MADV_COLD) == 0);
	CHECK(madvise(p, 8 * MIB, MADV_PAGEOUT) == 0);
	CHECK(vmstat("pswpout") >= 2000);
	CHECK(pattern_differs(p, 8 * MIB, 5) == 8 * MIB);
	CHECK(madvise(p, 8 * MIB, MADV_PAGEOUT) == 0);
	CHECK(madvise(p, 8 * MIB, MADV_WILLNEED) == 0);
	CHECK(pattern_differs(p, 8 * MIB, 5) == 8 * MIB);
	CHECK(madvise(p, 4 * MIB, MADV_FREE) == 0);
	pattern_fill(p, 4 * MIB, 6);
	CHECK(pattern_differs(p, 4 * MIB, 6) == 4 * MIB);
	CHECK(madvise(p, 8 * MIB, 23 /* MADV_POPULATE_WRITE */) == 0);
	CHECK(pattern_differs(p, 4 * MIB, 6) == 4 * MIB);
}

LIVE(more_than_the_window_has, "ram=64M,swap=0,vm.overcommit_memory=1")
{
	char *p;

	errno = 0;
	CHECK(!malloc(hide(2048 * GIB)) && errno == ENOMEM);
	p = (char *)malloc(hide(500 * GIB));
	REQUIRE(p && is_simulated(p));
	p[0] = p[250 * GIB] = p[500 * GIB - 1] = 1;
	CHECK(!malloc(hide(800 * GIB)));
	free(p);
	p = (char *)malloc(hide(900 * GIB));
	REQUIRE(p);
	CHECK(p[450 * GIB] == 0);
	free(p);
}

static pthread_barrier_t all_there;

static void *ask_at_once(void *arg)
{
	char *p;

	(void)arg;
	pthread_barrier_wait(&all_there);
	for (int i = 0; i < 20; i++) {
		p = (char *)malloc(200000);
		if (!p)
			return (void *)(uintptr_t) "no memory";
		p[100000] = 1;
		free(p);
	}
	return NULL;
}

/* More than there are places for calls that are under way. */
LIVE(calls_of_many_threads_at_once, "ram=256M,swap=0")
{
	enum { NR = 400 };
	static pthread_t threads[NR];
	pthread_attr_t attr;
	void *failed;

	live_spread();
	mallopt(M_MMAP_THRESHOLD, 100000);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	pthread_barrier_init(&all_there, NULL, NR);
	for (int i = 0; i < NR; i++)
		REQUIRE(pthread_create(&threads[i], &attr, ask_at_once, NULL) ==
			0);
	for (int i = 0; i < NR; i++) {
		pthread_join(threads[i], &failed);
		CHECK(!failed);
	}
}

LIVE(the_programs_own_mappings_are_real, "ram=32M,swap=0")
{
	size_t len = 100 * MIB;
	char *p = (char *)mmap(NULL, len, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(p != MAP_FAILED && !is_simulated(p));
	memset(p, 1, len);
	CHECK(mprotect(p, 4096, PROT_READ) == 0 && p[0] == 1);
	CHECK(mprotect(p, 4096, PROT_READ | PROT_WRITE) == 0);
	CHECK(madvise(p, 4096, MADV_DONTNEED) == 0 && p[0] == 0);
	p = (char *)mremap(p, len, 2 * len, MREMAP_MAYMOVE);
	REQUIRE(p != MAP_FAILED && p[len - 1] == 1);
	CHECK(munmap(p, 2 * len) == 0);
}

/* ---- without a machine ---- */

CASE(without_a_machine)
{
	static char preload[2 * PATH_MAX];
	char *argv[4] = {(char *)(uintptr_t) "test",
			 (char *)(uintptr_t) "--case",
			 (char *)(uintptr_t) "child_without_a_machine", NULL};
	pid_t pid;

	live_preload(preload, sizeof(preload));
	pid = fork();
	if (pid == 0) {
		setenv("LD_PRELOAD", preload, 1);
		execv("/proc/self/exe", argv);
		_exit(97);
	}
	CHECK(child_ends(pid, BY_EXIT(0)));
}

CASE(child_without_a_machine)
{
	char *start = (char *)sbrk(0), *p = (char *)malloc(100), *page;

	CHECK(!live_sim() && p);
	CHECK(sbrk(MIB) != (void *)-1);
	CHECK((char *)sbrk(0) >= start + MIB);
	memset((char *)sbrk(0) - MIB, 1, MIB);
	CHECK(brk(sbrk(0)) == 0);
	errno = 0;
	CHECK(brk((void *)-4096) == -1 && errno == ENOMEM);
	for (int i = 0; i < 1000; i++)
		memset(malloc(10000), 1, 10000);
	page = (char *)mmap(NULL, 16384, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	REQUIRE(page != MAP_FAILED);
	CHECK(mmap(page, 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
	CHECK(mprotect(page, 4096, PROT_READ) == 0);
	CHECK(mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0);
	CHECK(madvise(page, 4096, MADV_DONTNEED) == 0);
	CHECK(mlock(page, 4096) == 0 && munlock(page, 4096) == 0);
	CHECK(msync(page, 4096, MS_ASYNC) == 0);
	CHECK(mincore(page, 4096, (unsigned char *)page + 4096) == 0);
	CHECK(mlockall(MCL_FUTURE) == 0 && munlockall() == 0);
	CHECK(mremap(page, 16384, 65536, MREMAP_MAYMOVE) != MAP_FAILED);
}

/* ---- code ---- */

enum { CODE_PAGES = 300 };

/* Each other page has a function that returns. */
static void run_code(char *p)
{
	for (int i = 0; i < CODE_PAGES; i += 2) {
		void (*code)(void);

		*(void **)&code = p + i * 4096L;
		code();
	}
}

LIVE(code_in_many_places, "ram=24M,swap=64M")
{
	char *p = live_pages(CODE_PAGES * 4096L);
	pid_t pid;

	for (int i = 0; i < CODE_PAGES; i += 2) {
		p[i * 4096L] = (char)0xc3;
		REQUIRE(mprotect(p + i * 4096L, 4096,
				 PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
	}
	run_code(p);
	pid = fork();
	if (pid == 0) {
		run_code(p);
		_exit(0);
	}
	CHECK(child_ends(pid, BY_EXIT(0)));
}

/* A page amid code gets another protection, and the rest stays code. */
LIVE(code_around_data, "ram=24M,swap=64M")
{
	char *p = live_pages(CODE_PAGES * 4096L);

	for (int i = 0; i < CODE_PAGES; i += 2)
		p[i * 4096L] = (char)0xc3;
	REQUIRE(mprotect(p, CODE_PAGES * 4096L,
			 PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
	REQUIRE(mprotect(p + 4096, 4096, PROT_READ) == 0);
	REQUIRE(mprotect(p + 4096, 4096, PROT_READ | PROT_WRITE) == 0);
	run_code(p);
}

TAP_MAIN
