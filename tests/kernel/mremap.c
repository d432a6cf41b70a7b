/*
 * mremap.c: every form of the call, in both profiles; content moves along.
 */
#include "areas.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

TestSuite(mremap);

enum { TO = MREMAP_MAYMOVE | MREMAP_FIXED };

static struct mmsim_machine *m;
static struct mmsim_task *t;

static void start(const char *profile)
{
	char spec[256];

	snprintf(spec, sizeof(spec), SIM_512M ",profile=%s", profile);
	m = sim_boot(spec);
	t = sim_spawn(m);
}

static intptr_t remap(long page, long old_nr, long new_nr, int flags, long to)
{
	return mmsim_mremap(t, areas_at(page), (size_t)old_nr * SIM_PAGE,
			    (size_t)new_nr * SIM_PAGE, flags, areas_at(to));
}

static void moved(intptr_t got, long page)
{
	cr_assert_eq(got, (intptr_t)areas_at(page), "got %zd", got);
}

static void two_areas(void)
{
	areas_clear(t);
	areas_map(t, 0, 4, AREAS_RW);
	areas_map(t, 4, 4, PROT_READ);
	areas_map(t, 100, 20, PROT_NONE);
}

Test(mremap, as_recorded)
{
	start("linux-6.1");
	areas_map(t, 0, 4, AREAS_RW); /* 19 */
	moved(remap(0, 4, 8, 0, 0), 0);
	areas_are(m, t, "0-8rw-p");
	areas_map(t, 8, 1, PROT_READ);
	cr_assert_eq(remap(0, 8, 12, 0, 0), -ENOMEM);
	cr_assert_gt(remap(0, 8, 12, MREMAP_MAYMOVE, 0),
		     (intptr_t)0x7ffff0000000);
	areas_are(m, t, "8-9r--p"); /* 20 */
	areas_clear(t);
	areas_map(t, 0, 8, AREAS_RW);
	moved(remap(0, 8, 3, 0, 0), 0);
	areas_are(m, t, "0-3rw-p"); /* 21 */
	moved(remap(0, 3, 3, TO, 20), 20);
	areas_are(m, t, "20-23rw-p"); /* 22 */
	areas_map(t, 23, 3, PROT_READ);
	cr_assert_eq(remap(20, 6, 8, MREMAP_MAYMOVE, 0), -EFAULT);
	sim_shutdown(m);
}

static void content(const char *profile)
{
	char out[6] = "";

	start(profile);
	areas_map(t, 0, 4, AREAS_RW);
	cr_assert_eq(mmsim_store(t, areas_at(1) + 100, "hello", 6), 0);
	moved(remap(0, 4, 6, TO, 50), 50);
	cr_assert_eq(mmsim_load(t, areas_at(51) + 100, out, 6), 0);
	cr_assert_str_eq(out, "hello");
	cr_assert_eq(mmsim_access(t, areas_at(1), 1, 0), SIGSEGV);
	cr_assert_eq(sim_smaps(m, t, "Rss"), 4);
	sim_shutdown(m);
}

Test(mremap, content_moves)
{
	content("linux-6.1");
	content("linux-6.18");
}

Test(mremap, old_kernels_move_one_area_and_unmap_first)
{
	start("linux-6.1");
	two_areas();
	cr_assert_eq(remap(0, 8, 8, TO, 100), -EFAULT);
	areas_are(m, t, "0-4rw-p 4-8r--p 108-120---p");
	two_areas();
	cr_assert_eq(remap(0, 8, 6, TO, 100), -EFAULT);
	areas_are(m, t, "0-4rw-p 4-6r--p 106-120---p");
	sim_shutdown(m);
}

Test(mremap, new_kernels_move_several)
{
	start("linux-6.18");
	two_areas();
	moved(remap(0, 8, 8, TO, 100), 100);
	areas_are(m, t, "100-104rw-p 104-108r--p 108-120---p");
	two_areas();
	mmsim_munmap(t, areas_at(2), 3 * SIM_PAGE);
	moved(remap(0, 8, 8, TO, 100), 100);
	areas_are(m, t, "100-102rw-p 102-105---p 105-108r--p 108-120---p");
	two_areas();
	cr_assert_eq(remap(0, 8, 6, TO, 100), -EFAULT);
	cr_assert_eq(remap(0, 8, 10, TO, 100), -EFAULT);
	areas_are(m, t, "0-4rw-p 4-8r--p 100-120---p");
	moved(remap(0, 8, 3, TO, 100), 100);
	areas_are(m, t, "100-103rw-p 103-120---p");
	areas_clear(t);
	areas_map(t, 2, 4, AREAS_RW);
	cr_assert_eq(remap(0, 6, 6, TO, 100), -EFAULT);
	sim_shutdown(m);
}

static void refusals(const char *profile)
{
	start(profile);
	areas_map(t, 0, 4, AREAS_RW);
	cr_assert_eq(remap(0, 0, 8, MREMAP_MAYMOVE, 0), -EINVAL);
	cr_assert_eq(remap(0, 4, 0, 0, 0), -EINVAL);
	cr_assert_eq(remap(40, 4, 4, 0, 0), -EFAULT);
	cr_assert_eq(remap(0, 4, 4, TO, 2), -EINVAL);
	cr_assert_eq(remap(0, 4, 4, TO, 0), -EINVAL);
	cr_assert_eq(remap(0, 4, 4, 0x10, 0), -EINVAL);
	cr_assert_eq(remap(0, 4, 4, MREMAP_FIXED, 20), -EINVAL);
	cr_assert_eq(remap(0, 4, 8, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 20),
		     -EINVAL);
	cr_assert_eq(mmsim_mremap(t, areas_at(0) + 1, SIM_PAGE, SIM_PAGE, 0, 0),
		     -EINVAL);
	cr_assert_eq(mmsim_mremap(t, areas_at(0), SIM_PAGE, SIM_PAGE, TO,
				  areas_at(20) + 1),
		     -EINVAL);
	areas_are(m, t, "0-4rw-p");
	sim_shutdown(m);
}

Test(mremap, refusals_change_nothing)
{
	refusals("linux-6.1");
	refusals("linux-6.18");
}

Test(mremap, dontunmap_leaves_an_empty_area)
{
	start("linux-6.1");
	areas_map(t, 0, 4, AREAS_RW);
	areas_touch(t, 0, 4);
	moved(remap(0, 4, 4, TO | MREMAP_DONTUNMAP, 50), 50);
	areas_are(m, t, "0-4rw-p 50-54rw-p");
	cr_assert_eq(sim_smaps_of(m, t, areas_at(0), "Rss"), 0);
	cr_assert_eq(sim_smaps_of(m, t, areas_at(50), "Rss"), 16);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), 1896 + 32);
	sim_shutdown(m);
}

Test(mremap, shared_memory_is_mapped_twice)
{
	char out = 0;

	start("linux-6.1");
	areas_mmap(t, 0, 4, AREAS_RW, MAP_SHARED | MAP_ANONYMOUS);
	moved(remap(1, 0, 2, TO, 20), 20);
	areas_are(m, t, "0-4rw-s 20-22rw-s");
	cr_assert_eq(mmsim_store(t, areas_at(1), "x", 1), 0);
	cr_assert_eq(mmsim_load(t, areas_at(20), &out, 1), 0);
	cr_assert_eq(out, 'x');
	sim_shutdown(m);
}

Test(mremap, charges_follow)
{
	start("linux-6.1");
	areas_map(t, 0, 8, AREAS_RW);
	moved(remap(2, 2, 4, TO, 50), 50);
	areas_are(m, t, "0-2rw-p 4-8rw-p 50-54rw-p");
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), 1896 + 40);
	cr_assert_eq(sim_status(m, t, "VmSize"), 2744 + 40);
	areas_clear(t);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), 1896);
	sim_shutdown(m);
}

Test(mremap, locked_memory_grows_filled)
{
	start("linux-6.1");
	areas_map(t, 0, 2, AREAS_RW);
	cr_assert_eq(mmsim_mlock(t, areas_at(0), 2 * SIM_PAGE), 0);
	moved(remap(0, 2, 4, TO, 50), 50);
	cr_assert_eq(sim_status(m, t, "VmLck"), 16);
	cr_assert_eq(sim_smaps_of(m, t, areas_at(50), "Rss"), 16);
	sim_shutdown(m);
}

/* kB of page tables that a move from `page` makes. */
static long tables_of_move(long page, long nr)
{
	long before = sim_status(m, t, "VmPTE");

	moved(remap(page, nr, nr, TO, 4096), 4096);
	return sim_status(m, t, "VmPTE") - before;
}

Test(mremap, new_place_gets_the_tables_of_the_old_one)
{
	start("linux-6.1");
	areas_map(t, 8192, 1, PROT_NONE); /* the tables above stay */
	areas_map(t, 0, 8, AREAS_RW);
	cr_assert_eq(tables_of_move(0, 8), 0, "there was none to begin with");
	areas_map(t, 0, 8, AREAS_RW);
	sim_touch(t, areas_at(7), SIM_PAGE);
	areas_map(t, 16, 8, AREAS_RW);
	/* Page 7's table is that of page 16, too. */
	cr_assert_eq(tables_of_move(16, 8), 4);
	sim_shutdown(m);
}

/* VmLck after page 0 of 8 locked pages moved and page 0 stayed. */
static long locked_after_dontunmap(const char *profile)
{
	long locked;

	start(profile);
	areas_map(t, 0, 8, AREAS_RW);
	mmsim_mlock(t, areas_at(0), 8 * SIM_PAGE);
	moved(remap(0, 1, 1, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 64), 64);
	sim_validate(m);
	mmsim_munlockall(t);
	locked = sim_status(m, t, "VmLck");
	sim_shutdown(m);
	return locked;
}

/* The old area is not locked any more, and Linux does not count that. */
Test(mremap, dontunmap_forgets_what_was_locked)
{
	cr_assert_eq(locked_after_dontunmap("linux-6.18"), 8 * 4);
	cr_assert_eq(locked_after_dontunmap("linux-6.1"), 7 * 4);
}
