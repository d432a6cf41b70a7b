/*
 * brk.c: the heap, and the stack and other areas that grow.
 */
#include "areas.h"

#include <sys/resource.h>

TestSuite(brk);

static struct mmsim_machine *m;
static struct mmsim_task *t;
static intptr_t heap_end;

static void start(const char *spec)
{
	m = sim_boot(spec);
	t = sim_spawn(m);
	heap_end = mmsim_brk(t, 0);
	cr_assert_gt(heap_end, 0);
}

static bool grows(long bytes)
{
	intptr_t now = mmsim_brk(t, 0);

	return mmsim_brk(t, (uintptr_t)(now + bytes)) == now + bytes;
}

Test(brk, to_the_byte_and_to_the_page)
{
	long size;

	start(SIM_512M);
	size = sim_status(m, t, "VmSize");
	cr_assert_eq(heap_end, 0x687000);
	cr_assert(grows(1));
	cr_assert_eq(sim_status(m, t, "VmSize"), size + 4);
	cr_assert(grows(4095));
	cr_assert_eq(sim_status(m, t, "VmSize"), size + 4);
	cr_assert_eq(mmsim_access(t, (uintptr_t)heap_end, SIM_PAGE, 1), 0);
	cr_assert(grows(-4096));
	cr_assert_eq(sim_status(m, t, "VmSize"), size);
	cr_assert_eq(mmsim_access(t, (uintptr_t)heap_end, 1, 0), SIGSEGV);
	cr_assert_eq(mmsim_brk(t, 1), heap_end);
	sim_shutdown(m);
}

Test(brk, needs_a_free_page)
{
	start(SIM_512M);
	mmsim_mmap(t, (uintptr_t)heap_end + 4 * SIM_PAGE, SIM_PAGE, AREAS_RW,
		   AREAS_ANON | MAP_FIXED, NULL, 0);
	cr_assert(!grows(4 * SIM_PAGE));
	cr_assert(!grows(8 * SIM_PAGE));
	cr_assert(grows(3 * SIM_PAGE));
	cr_assert(grows(-2 * SIM_PAGE));
	sim_shutdown(m);
}

Test(brk, limits)
{
	start(SIM_512M);
	mmsim_task_set_rlimit(t, RLIMIT_AS,
			      (uint64_t)sim_status(m, t, "VmSize") * 1024,
			      ~0ull);
	cr_assert(!grows(SIM_PAGE));
	mmsim_task_set_rlimit(t, RLIMIT_AS, ~0ull, ~0ull);
	mmsim_task_set_rlimit(t, RLIMIT_DATA, 160 * 1024, ~0ull);
	cr_assert(!grows(64 << 10));
	mmsim_task_set_rlimit(t, RLIMIT_DATA, ~0ull, ~0ull);
	cr_assert(!grows(1L << 40)); /* more than RAM */
	cr_assert(grows(64 << 10));
	sim_shutdown(m);
}

Test(brk, heap_is_charged)
{
	start(SIM_512M);
	cr_assert(grows(1 << 20));
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), 1896 + 1024);
	cr_assert(grows(-(1 << 20)));
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), 1896);
	sim_shutdown(m);
}

/* 7 MiB below the frame the stack is one area; beyond its limit SIGSEGV. */
Test(brk, stack_grows_to_its_limit)
{
	uintptr_t top = 0x7ffffffff000;

	start(SIM_512M);
	cr_assert_eq(sim_status(m, t, "VmStk"), 132);
	cr_assert_eq(mmsim_access(t, top - (7 << 20), 1, 1), 0);
	cr_assert_eq(sim_status(m, t, "VmStk"), 7 << 10);
	cr_assert_eq(sim_smaps(m, t, "Rss"), 4);
	cr_assert_eq(mmsim_access(t, top - (8 << 20) - 1, 1, 1), SIGSEGV);
	cr_assert_eq(mmsim_access(t, top - (8 << 20), 1, 1), 0);
	sim_shutdown(m);
}

Test(brk, growsdown_keeps_a_gap)
{
	start(SIM_512M);
	areas_mmap(t, 900, 2, AREAS_RW, AREAS_ANON | MAP_GROWSDOWN);
	areas_touch(t, 899, 1);
	areas_are(m, t, "899-902rw-p");
	areas_touch(t, 880, 1);
	areas_are(m, t, "880-902rw-p");
	areas_map(t, 400, 4, AREAS_RW);
	areas_touch(t, 660, 1);
	cr_assert_eq(mmsim_access(t, areas_at(659), 1, 1), SIGSEGV);
	areas_protect(t, 400, 4, PROT_NONE);
	areas_touch(t, 405, 1);
	areas_are(m, t, "400-404---p 405-902rw-p");
	sim_shutdown(m);
}

Test(brk, mmap_keeps_the_gap_too)
{
	start(SIM_512M);
	areas_mmap(t, 900, 2, AREAS_RW, AREAS_ANON | MAP_GROWSDOWN);
	cr_assert_eq(mmsim_mmap(t, areas_at(643), SIM_PAGE, AREAS_RW,
				AREAS_ANON, NULL, 0),
		     (intptr_t)areas_at(643));
	cr_assert_neq(mmsim_mmap(t, areas_at(644), SIM_PAGE, AREAS_RW,
				 AREAS_ANON, NULL, 0),
		      (intptr_t)areas_at(644));
	sim_shutdown(m);
}
