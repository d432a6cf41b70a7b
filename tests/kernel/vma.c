/*
 * vma.c: which areas stand after each step, as recorded on a real 6.1
 * (numbers of the recording's steps in the comments), and where 6.18 differs.
 */
#include "areas.h"

#include "base/rng.h"
#include "kernel/machine.h"
#include "kernel/vma.h"

TestSuite(vma);

static struct mmsim_machine *m;
static struct mmsim_task *t;

static void start(const char *spec)
{
	m = sim_boot(spec);
	t = sim_spawn(m);
}

static void advise(long page, long nr, int advice)
{
	cr_assert_eq(mmsim_madvise(t, areas_at(page), (size_t)nr * SIM_PAGE,
				   advice),
		     0);
}

Test(vma, mappings_merge_and_split_as_recorded)
{
	start(SIM_512M);
	areas_map(t, 0, 4, AREAS_RW); /* 1 */
	areas_are(m, t, "0-4rw-p");
	areas_map(t, 4, 4, AREAS_RW); /* 2 */
	areas_are(m, t, "0-8rw-p");
	areas_map(t, 8, 4, PROT_READ); /* 3 */
	areas_are(m, t, "0-8rw-p 8-12r--p");
	cr_assert_eq(areas_protect(t, 8, 4, AREAS_RW), 0); /* 4 */
	areas_are(m, t, "0-12rw-p");
	cr_assert_eq(areas_protect(t, 5, 2, PROT_READ), 0); /* 5 */
	areas_are(m, t, "0-5rw-p 5-7r--p 7-12rw-p");
	cr_assert_eq(areas_protect(t, 5, 2, AREAS_RW), 0); /* 6 */
	areas_are(m, t, "0-12rw-p");
	cr_assert_eq(mmsim_munmap(t, areas_at(3), SIM_PAGE), 0); /* 7 */
	areas_are(m, t, "0-3rw-p 4-12rw-p");
	areas_map(t, 3, 1, AREAS_RW); /* 8 */
	areas_are(m, t, "0-12rw-p");
	areas_map(t, 6, 2, PROT_READ); /* 9 */
	areas_are(m, t, "0-6rw-p 6-8r--p 8-12rw-p");
	areas_clear(t); /* 10 */
	areas_are(m, t, "");
	sim_shutdown(m);
}

Test(vma, touched_areas_merge_as_recorded)
{
	start(SIM_512M);
	areas_map(t, 0, 4, AREAS_RW); /* 11 */
	areas_touch(t, 0, 4);
	areas_map(t, 4, 4, AREAS_RW);
	areas_are(m, t, "0-8rw-p");
	areas_clear(t);
	areas_map(t, 0, 4, AREAS_RW); /* 12 */
	areas_touch(t, 0, 4);
	areas_map(t, 8, 4, AREAS_RW);
	areas_touch(t, 8, 4);
	areas_are(m, t, "0-4rw-p 8-12rw-p");
	areas_map(t, 4, 4, AREAS_RW); /* 13 */
	areas_are(m, t, "0-4rw-p 4-12rw-p");
	areas_clear(t);
	areas_map(t, 0, 2, AREAS_RW); /* 14 */
	areas_mmap(t, 2, 2, AREAS_RW, MAP_SHARED | MAP_ANONYMOUS);
	areas_mmap(t, 4, 2, AREAS_RW, MAP_SHARED | MAP_ANONYMOUS);
	areas_are(m, t, "0-2rw-p 2-4rw-s 4-6rw-s");
	sim_shutdown(m);
}

Test(vma, file_pages_in_sequence_merge)
{
	static const long offsets[] = { 0, 2, 0 };
	struct mmsim_file *file;

	start(SIM_512M); /* 15 */
	cr_assert_eq(mmsim_file_create(m, "/f", 8 * SIM_PAGE, &file), 0);
	for (long i = 0; i < 3; i++)
		cr_assert_gt(mmsim_mmap(t, areas_at(2 * i), 2 * SIM_PAGE,
					PROT_READ, MAP_PRIVATE | MAP_FIXED,
					file, offsets[i] * SIM_PAGE),
			     0);
	areas_are(m, t, "0-4r--p 4-6r--p");
	mmsim_close(file);
	sim_shutdown(m);
}

static void lock_and_unlock(long page, long nr)
{
	cr_assert_eq(mmsim_mlock(t, areas_at(page), (size_t)nr * SIM_PAGE), 0);
	cr_assert_eq(mmsim_munlock(t, areas_at(page), (size_t)nr * SIM_PAGE),
		     0);
}

Test(vma, locking_there_and_back)
{
	start(SIM_512M);
	areas_map(t, 0, 8, AREAS_RW);
	lock_and_unlock(2, 2); /* 16, 17 */
	areas_are(m, t, "0-2rw-p 2-4rw-p 4-8rw-p");
	areas_clear(t);
	areas_map(t, 0, 8, AREAS_RW);
	areas_touch(t, 0, 8);
	lock_and_unlock(2, 2); /* 17b */
	areas_are(m, t, "0-8rw-p");
	mmsim_machine_shutdown(m);

	start(SIM_512M ",profile=linux-6.18");
	areas_map(t, 0, 8, AREAS_RW);
	lock_and_unlock(2, 2);
	areas_are(m, t, "0-8rw-p");
	sim_shutdown(m);
}

Test(vma, advice_there_and_back)
{
	start(SIM_512M);
	areas_map(t, 0, 8, AREAS_RW);
	advise(2, 2, MADV_DONTFORK); /* 18 */
	areas_are(m, t, "0-2rw-p 2-4rw-p 4-8rw-p");
	advise(2, 2, MADV_DOFORK); /* 18a */
	areas_are(m, t, "0-8rw-p");
	advise(2, 2, MADV_SEQUENTIAL); /* 18e */
	areas_are(m, t, "0-2rw-p 2-4rw-p 4-8rw-p");
	advise(2, 2, MADV_NORMAL); /* 18f */
	areas_are(m, t, "0-8rw-p");
	advise(2, 2, MADV_DONTNEED); /* 18g */
	advise(2, 2, MADV_WILLNEED);
	advise(2, 2, MADV_FREE);
	areas_are(m, t, "0-8rw-p");
	sim_shutdown(m);
}

Test(vma, protection_there_and_back)
{
	start(SIM_512M);
	areas_map(t, 0, 8, AREAS_RW); /* 18c */
	areas_protect(t, 2, 2, PROT_READ);
	areas_touch(t, 0, 1);
	areas_protect(t, 2, 2, AREAS_RW);
	areas_are(m, t, "0-8rw-p");
	areas_clear(t);
	areas_map(t, 0, 8, PROT_READ); /* 18d */
	areas_protect(t, 2, 2, AREAS_RW);
	areas_touch(t, 2, 2);
	areas_protect(t, 2, 2, PROT_READ);
	areas_are(m, t, "0-2r--p 2-4r--p 4-8r--p");
	areas_clear(t);
	areas_map(t, 0, 4, AREAS_RW); /* 18b */
	areas_mmap(t, 4, 4, AREAS_RW, AREAS_ANON | MAP_NORESERVE);
	areas_are(m, t, "0-4rw-p 4-8rw-p");
	sim_shutdown(m);
}

Test(vma, new_kernels_join_the_area_before)
{
	start(SIM_512M ",profile=linux-6.18");
	areas_map(t, 0, 4, AREAS_RW);
	areas_touch(t, 0, 4);
	areas_map(t, 8, 4, AREAS_RW);
	areas_touch(t, 8, 4);
	areas_map(t, 4, 4, AREAS_RW);
	areas_are(m, t, "0-8rw-p 8-12rw-p");
	sim_shutdown(m);
}

Test(vma, child_of_fork_does_not_join_what_it_shares)
{
	struct mmsim_task *child;

	start(SIM_512M);
	areas_map(t, 0, 4, AREAS_RW);
	areas_touch(t, 0, 4);
	cr_assert_eq(mmsim_task_fork(t, &child), 0);
	areas_map(child, 4, 4, AREAS_RW);
	areas_are(m, child, "0-4rw-p 4-8rw-p");
	areas_map(t, 4, 4, AREAS_RW);
	areas_are(m, t, "0-8rw-p");
	mmsim_task_exit(child, 0);
	sim_shutdown(m);
}

Test(vma, many_mappings_are_one_area)
{
	int before;

	start(SIM_512M);
	before = sim_maps_lines(m, t);
	for (int i = 0; i < 100; i++)
		sim_mmap(t, SIM_PAGE);
	cr_assert_eq(sim_maps_lines(m, t), before + 1);
	sim_shutdown(m);
}

/* 18 areas; what still works at each limit. */
static void at_limit(int limit, int middle_protect, int areas_after,
		     int middle_unmap, int first, int second)
{
	char text[32];
	int base;

	start(SIM_512M);
	base = (int)t->mm->map_count;
	areas_map(t, 0, 8, AREAS_RW);
	for (int i = 1; base + i < 18; i++)
		areas_map(t, 20 * i, 1, AREAS_RW);
	cr_assert_eq(t->mm->map_count, 18);
	snprintf(text, sizeof(text), "%d", limit);
	sim_write(m, "/proc/sys/vm/max_map_count", text);
	cr_assert_eq(areas_protect(t, 2, 1, PROT_READ), middle_protect);
	cr_assert_eq((int)t->mm->map_count, areas_after, "limit %d", limit);
	areas_protect(t, 2, 1, AREAS_RW);
	areas_map(t, 0, 8, AREAS_RW);
	cr_assert_eq(t->mm->map_count, 18);
	cr_assert_eq(mmsim_munmap(t, areas_at(5), SIM_PAGE), middle_unmap);
	if (!middle_unmap)
		areas_map(t, 5, 1, AREAS_RW);
	cr_assert_eq(mmsim_munmap(t, areas_at(7), SIM_PAGE), 0);
	for (int i = 0; i < 2; i++) {
		intptr_t got = areas_mmap(t, 1000 + 2 * i, 1, PROT_READ,
					  AREAS_ANON);
		int want = i ? second : first;

		cr_assert_eq(got < 0 ? (int)got : 0, want, "limit %d", limit);
	}
	sim_shutdown(m);
}

Test(vma, max_map_count_as_recorded)
{
	at_limit(18, -ENOMEM, 18, -ENOMEM, 0, -ENOMEM);
	at_limit(19, -ENOMEM, 19, 0, 0, 0);
	at_limit(20, 0, 20, 0, 0, 0);
	at_limit(21, 0, 20, 0, 0, 0);
}

Test(vma, one_area_more_than_max_map_count)
{
	int before, made = 0;

	start(SIM_512M);
	before = (int)t->mm->map_count;
	sim_write(m, "/proc/sys/vm/max_map_count", "200");
	while (areas_mmap(t, 2 * made, 1, AREAS_RW, AREAS_ANON) > 0)
		made++;
	cr_assert_eq(before + made, 201);
	cr_assert_eq(mmsim_munmap(t, areas_at(0), SIM_PAGE), 0);
	areas_map(t, 0, 1, AREAS_RW);
	sim_shutdown(m);
}

/* The search for holes against a plain walk: the highest hole; when it ends in
 * a guard gap, the highest below that gap. */
static uintptr_t walk_down(struct mm_struct *mm, size_t len, uintptr_t low,
			   uintptr_t high)
{
	struct vm_area_struct *vma, *next = NULL;
	uintptr_t from = 0, best = 0;

	for_each_vma(mm, vma) {
		uintptr_t f = from > low ? from : low;
		uintptr_t e = vma->start < high ? vma->start : high;

		if (e > f && e - f >= len) {
			best = e - len;
			next = vma;
		}
		from = vma->end;
	}
	from = from > low ? from : low;
	if (high > from && high - from >= len)
		return high - len;
	if (next && vma_start_gap(next) < best + len)
		return walk_down(mm, len, low, vma_start_gap(next));
	return best;
}

Test(vma, holes_are_the_highest_that_fit)
{
	struct rng rng = { 5 };

	start(SIM_512M);
	for (int i = 0; i < 4000; i++) {
		long page = (long)rng_below(&rng, 900);
		size_t len = (1 + rng_below(&rng, 12)) * SIM_PAGE;
		uintptr_t low = areas_at((long)rng_below(&rng, 400));
		uintptr_t high = areas_at(400 + (long)rng_below(&rng, 600));

		if (rng_below(&rng, 2))
			areas_mmap(t, page, 1 + (long)rng_below(&rng, 6),
				   (int)rng_below(&rng, 8),
				   AREAS_ANON | (rng_below(&rng, 40)
							 ? 0
							 : MAP_GROWSDOWN));
		else
			mmsim_munmap(t, areas_at(page), len);
		cr_assert_eq(vma_find_hole_down(t->mm, len, low, high),
			     walk_down(t->mm, len, low, high));
		if (i % 64 == 0)
			cr_assert(vma_tree_is_valid(t->mm));
	}
	sim_shutdown(m);
}
