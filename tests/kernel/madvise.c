/*
 * madvise.c: each advice on each kind of area, mincore and msync.
 */
#include "areas.h"

#include <fcntl.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

TestSuite(madvise);

static struct mmsim_machine *m;
static struct mmsim_task *t;
static struct mmsim_file *file, *ro;

enum { RW, RO, NONE, SHARED_RW, LOCKED, PRIVATE_FILE, SHARED_RO, NR_KINDS };

/* Four pages of each kind, with holes between. */
static void start(const char *profile)
{
	char spec[256];

	snprintf(spec, sizeof(spec), SIM_512M ",profile=%s", profile);
	m = sim_boot(spec);
	t = sim_spawn(m);
	cr_assert_eq(mmsim_file_create(m, "/f", 4 * SIM_PAGE, &file), 0);
	cr_assert_eq(mmsim_open(t, "/f", O_RDONLY, &ro), 0);
	areas_map(t, 10 * RW, 4, AREAS_RW);
	areas_map(t, 10 * RO, 4, PROT_READ);
	areas_map(t, 10 * NONE, 4, PROT_NONE);
	areas_mmap(t, 10 * SHARED_RW, 4, AREAS_RW, MAP_SHARED | MAP_ANONYMOUS);
	areas_mmap(t, 10 * LOCKED, 4, AREAS_RW, AREAS_ANON | MAP_LOCKED);
	mmsim_mmap(t, areas_at(10 * PRIVATE_FILE), 4 * SIM_PAGE, AREAS_RW,
		   MAP_PRIVATE | MAP_FIXED, file, 0);
	mmsim_mmap(t, areas_at(10 * SHARED_RO), 4 * SIM_PAGE, PROT_READ,
		   MAP_SHARED | MAP_FIXED, ro, 0);
}

static void finish(void)
{
	mmsim_close(file);
	mmsim_close(ro);
	sim_shutdown(m);
}

static int advise(long page, long nr, int advice)
{
	return mmsim_madvise(t, areas_at(page), (size_t)nr * SIM_PAGE, advice);
}

/* As seen on a host of 6.18. */
Test(madvise, errno_of_each_kind)
{
	static const struct {
		int advice;
		int err[NR_KINDS];
	} rows[] = {
		{ MADV_NORMAL, { 0 } },
		{ MADV_WILLNEED, { 0 } },
		{ MADV_DONTNEED, { [LOCKED] = -EINVAL } },
		{ MADV_FREE,
		  { [SHARED_RW] = -EINVAL, [LOCKED] = -EINVAL,
		    [PRIVATE_FILE] = -EINVAL, [SHARED_RO] = -EINVAL } },
		{ MADV_REMOVE,
		  { -EINVAL, -EINVAL, -EINVAL, 0, -EINVAL, -EACCES,
		    -EACCES } },
		{ MADV_DOFORK, { 0 } },
		{ MADV_MERGEABLE, { 0 } },
		{ MADV_DODUMP, { 0 } },
		{ MADV_WIPEONFORK,
		  { [SHARED_RW] = -EINVAL, [PRIVATE_FILE] = -EINVAL,
		    [SHARED_RO] = -EINVAL } },
		{ MADV_KEEPONFORK, { 0 } },
		{ MADV_COLD, { [LOCKED] = -EINVAL } },
		{ MADV_PAGEOUT, { [LOCKED] = -EINVAL } },
		{ MADV_POPULATE_READ, { [NONE] = -EINVAL } },
		{ MADV_POPULATE_WRITE,
		  { [RO] = -EINVAL, [NONE] = -EINVAL,
		    [SHARED_RO] = -EINVAL } },
		{ 5, { -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL,
		       -EINVAL } },
	};

	start("linux-6.18");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int kind = 0; kind < NR_KINDS; kind++)
			cr_assert_eq(advise(10 * kind, 4, rows[i].advice),
				     rows[i].err[kind], "advice %d, kind %d",
				     rows[i].advice, kind);
	finish();
}

Test(madvise, bad_ranges)
{
	start("linux-6.1");
	cr_assert_eq(mmsim_madvise(t, areas_at(0) + 1, 1, MADV_NORMAL),
		     -EINVAL);
	cr_assert_eq(mmsim_madvise(t, areas_at(0), (size_t)-1, MADV_NORMAL),
		     -EINVAL);
	cr_assert_eq(mmsim_madvise(t, areas_at(0), 0, MADV_NORMAL), 0);
	cr_assert_eq(advise(5, 1, MADV_NORMAL), -ENOMEM);
	/* A hole does not stop it. */
	areas_touch(t, 0, 4);
	cr_assert_eq(advise(2, 12, MADV_DONTNEED), -ENOMEM);
	cr_assert_eq(sim_smaps_of(m, t, areas_at(0), "Rss"), 8);
	finish();
}

Test(madvise, dontneed_drops_and_free_keeps)
{
	char out = 1;

	start("linux-6.1");
	cr_assert_eq(mmsim_store(t, areas_at(0), "x", 1), 0);
	cr_assert_eq(advise(0, 4, MADV_FREE), 0);
	cr_assert_eq(sim_smaps_of(m, t, areas_at(0), "Rss"), 4);
	cr_assert_eq(mmsim_load(t, areas_at(0), &out, 1), 0);
	cr_assert_eq(out, 'x');
	cr_assert_eq(advise(0, 4, MADV_DONTNEED), 0);
	cr_assert_eq(sim_smaps_of(m, t, areas_at(0), "Rss"), 0);
	cr_assert_eq(mmsim_load(t, areas_at(0), &out, 1), 0);
	cr_assert_eq(out, 0);
	finish();
}

Test(madvise, remove_makes_a_hole)
{
	long page = 10 * SHARED_RW;
	char out = 1;

	start("linux-6.1");
	areas_touch(t, page, 4);
	cr_assert_eq(mmsim_store(t, areas_at(page + 1), "x", 1), 0);
	cr_assert_eq(mmsim_store(t, areas_at(page + 2), "y", 1), 0);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 16);
	cr_assert_eq(advise(page + 1, 1, MADV_REMOVE), 0);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 12);
	cr_assert_eq(mmsim_load(t, areas_at(page + 1), &out, 1), 0);
	cr_assert_eq(out, 0);
	cr_assert_eq(mmsim_load(t, areas_at(page + 2), &out, 1), 0);
	cr_assert_eq(out, 'y');
	finish();
}

Test(madvise, fork_advice)
{
	struct mmsim_task *child;
	char out = 1;

	start("linux-6.1");
	areas_clear(t);
	areas_map(t, 0, 6, AREAS_RW);
	areas_touch(t, 0, 6);
	cr_assert_eq(mmsim_store(t, areas_at(4), "x", 1), 0);
	cr_assert_eq(advise(2, 2, MADV_DONTFORK), 0);
	cr_assert_eq(advise(4, 2, MADV_WIPEONFORK), 0);
	cr_assert_eq(mmsim_task_fork(t, &child), 0);
	areas_are(m, child, "0-2rw-p 4-6rw-p");
	cr_assert_eq(mmsim_load(child, areas_at(4), &out, 1), 0);
	cr_assert_eq(out, 0);
	mmsim_task_exit(child, 0);
	finish();
}

Test(madvise, populate)
{
	start("linux-6.1");
	cr_assert_eq(advise(0, 4, MADV_POPULATE_WRITE), 0);
	cr_assert_eq(sim_smaps_of(m, t, areas_at(0), "Rss"), 16);
	cr_assert_eq(advise(0, 6, MADV_POPULATE_READ), -ENOMEM);
	finish();
}

Test(madvise, mincore)
{
	unsigned char vec[8];

	start("linux-6.1");
	areas_touch(t, 1, 1);
	memset(vec, 9, sizeof(vec));
	cr_assert_eq(mmsim_mincore(t, areas_at(0), 4 * SIM_PAGE, vec), 0);
	cr_assert_arr_eq(vec, ((unsigned char[]){ 0, 1, 0, 0, 9 }), 5);
	memset(vec, 9, sizeof(vec));
	cr_assert_eq(mmsim_mincore(t, areas_at(2), 4 * SIM_PAGE, vec),
		     -ENOMEM);
	cr_assert_arr_eq(vec, ((unsigned char[]){ 0, 0, 9, 9 }), 4);
	cr_assert_eq(mmsim_mincore(t, areas_at(0) + 1, 1, vec), -EINVAL);
	cr_assert_eq(mmsim_mincore(t, areas_at(0), SIM_PAGE, NULL), -EFAULT);
	cr_assert_eq(mmsim_mincore(t, areas_at(0), (size_t)-1, vec), -ENOMEM);
	cr_assert_eq(mmsim_mincore(t, areas_at(0), 0, NULL), 0);
	finish();
}

Test(madvise, msync)
{
	start("linux-6.1");
	cr_assert_eq(mmsim_msync(t, areas_at(0), SIM_PAGE, 0), 0);
	cr_assert_eq(mmsim_msync(t, areas_at(0), SIM_PAGE, 8), -EINVAL);
	cr_assert_eq(mmsim_msync(t, areas_at(0), SIM_PAGE, MS_SYNC | MS_ASYNC),
		     -EINVAL);
	cr_assert_eq(mmsim_msync(t, areas_at(5), SIM_PAGE, MS_SYNC), -ENOMEM);
	cr_assert_eq(mmsim_msync(t, areas_at(10 * LOCKED), SIM_PAGE,
				 MS_INVALIDATE),
		     -EBUSY);
	mmsim_mmap(t, areas_at(100), SIM_PAGE, AREAS_RW, MAP_SHARED | MAP_FIXED,
		   file, 0);
	areas_touch(t, 100, 1);
	cr_assert_eq(mmsim_msync(t, areas_at(100), SIM_PAGE, MS_SYNC), 0);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	finish();
}
