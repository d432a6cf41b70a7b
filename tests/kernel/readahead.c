/*
 * Reading ahead: which pages a read or a fault brings into the cache, what the
 * hints change, and that nobody dies for pages that nobody asked for.
 */
#include "sim.h"

#include "base/base.h"
#include "kernel/file_state.h"
#include "kernel/machine.h"

#include <fcntl.h>

#define MB(n) ((size_t)(n) << 20)

static struct mmsim_machine *m;
static struct mmsim_task *t;
static struct mmsim_file *f;

/* A file of so many pages that is not cached. */
static void start(const char *spec, size_t nr_pages)
{
	m = sim_boot(spec);
	t = sim_spawn(m);
	cr_assert_eq(mmsim_file_create(m, "/f", (off_t)(nr_pages * SIM_PAGE),
				       &f),
		     0);
}

static void finish(void)
{
	mmsim_close(f);
	sim_shutdown(m);
}

/* The cached pages as "0-3 7-7 ", a range each. */
static const char *cached(void)
{
	static char text[1000];
	uint64_t index = 0, first = 0, end = 0;

	text[0] = '\0';
	for (; radix_next(&f->inode->mapping.pages, &index); index++) {
		if (index != end || end == 0) {
			if (end > 0)
				sprintf(strchr(text, '\0'), "%lu-%lu ",
					(long)first, (long)end - 1);
			first = index;
		}
		end = index + 1;
	}
	if (end > 0)
		sprintf(strchr(text, '\0'), "%lu-%lu ", (long)first,
			(long)end - 1);
	return text;
}

static void pread_pages(uint64_t index, size_t nr)
{
	static char buf[MB(1)];

	cr_assert_eq(mmsim_pread(t, f, buf, nr * SIM_PAGE,
				 (off_t)(index * SIM_PAGE)),
		     (ssize_t)(nr * SIM_PAGE));
}

static void touch(uintptr_t a, uint64_t index)
{
	char c;

	cr_assert_eq(mmsim_load(t, a + index * SIM_PAGE, &c, 1), 0);
}

Test(readahead, a_read_in_sequence)
{
	start(SIM_256M, 1000);
	pread_pages(0, 1);
	cr_assert_str_eq(cached(), "0-3 ");
	pread_pages(1, 1);
	cr_assert_str_eq(cached(), "0-11 ");
	pread_pages(2, 2);
	cr_assert_str_eq(cached(), "0-11 ");
	pread_pages(4, 1);
	cr_assert_str_eq(cached(), "0-27 ");
	pread_pages(5, 8);
	cr_assert_str_eq(cached(), "0-59 ");
	finish();
}

/* It may not read behind the end, and a short last window has no mark. */
Test(readahead, the_end_of_the_file)
{
	start(SIM_256M, 18);
	for (int i = 0; i < 18; i++)
		pread_pages((uint64_t)i, 1);
	cr_assert_str_eq(cached(), "0-17 ");
	cr_assert_eq(sim_vmstat(m, "pgpgin"), 18 * 4);
	finish();
}

Test(readahead, a_sequence_in_the_middle)
{
	start(SIM_256M, 10000);
	pread_pages(5000, 1);
	cr_assert_str_eq(cached(), "5000-5000 ");
	pread_pages(5001, 1);
	cr_assert_str_eq(cached(), "5000-5004 ");
	pread_pages(5002, 1);
	cr_assert_str_eq(cached(), "5000-5012 ");
	finish();
}

/* Two readers of one open file by turns: the cached pages in front of a miss
 * tell that it belongs to a sequence. */
Test(readahead, interleaved_sequences)
{
	start(SIM_256M, 10000);
	pread_pages(1000, 1);
	pread_pages(1001, 1);
	cr_assert_str_eq(cached(), "1000-1004 ");
	pread_pages(5000, 1);
	pread_pages(1002, 1);
	cr_assert_str_eq(cached(), "1000-1012 5000-5000 ");
	pread_pages(5001, 1);
	cr_assert_str_eq(cached(), "1000-1012 5000-5001 ", "one in front only");
	pread_pages(1003, 1);
	pread_pages(5002, 1);
	cr_assert_str_eq(cached(), "1000-1012 5000-5004 ");
	finish();
}

/* A read that is larger than the largest window is taken as a whole. */
Test(readahead, large_reads)
{
	start(SIM_256M, 10000);
	pread_pages(0, 256);
	cr_assert_str_eq(cached(), "0-383 ", "and half of it ahead");
	finish();
}

Test(readahead, advice_for_an_open_file)
{
	start(SIM_256M, 10000);
	cr_assert_eq(mmsim_fadvise(t, f, 0, 0, POSIX_FADV_RANDOM), 0);
	pread_pages(0, 1);
	pread_pages(1, 2);
	cr_assert_str_eq(cached(), "0-2 ", "what was asked for");
	cr_assert_eq(mmsim_fadvise(t, f, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
	for (uint64_t i = 3; i < 128; i++)
		pread_pages(i, 1);
	cr_assert_eq(f->ra.size, 64);
	cr_assert_eq(mmsim_fadvise(t, f, 0, 0, POSIX_FADV_NORMAL), 0);
	cr_assert_eq(f->ra.ra_pages, 32);
	cr_assert_eq(mmsim_fadvise(t, f, 0, 0, POSIX_FADV_NOREUSE), 0);
	cr_assert_eq(mmsim_fadvise(t, f, 0, 0, 77), -EINVAL);
	cr_assert_eq(mmsim_fadvise(t, f, 0, -1, POSIX_FADV_NORMAL), -EINVAL);
	cr_assert_eq(mmsim_fadvise(t, NULL, 0, 0, POSIX_FADV_NORMAL), -EBADF);
	cr_assert_eq(mmsim_fadvise(NULL, f, 0, 0, POSIX_FADV_NORMAL), -EINVAL);
	finish();
}

/* WILLNEED: as many pages as the disk takes at a time; DONTNEED: the whole pages
 * of the range, and the last one when the file ends in it. */
Test(readahead, wanted_and_not_needed)
{
	start(SIM_256M, 10000);
	cr_assert_eq(mmsim_fadvise(t, f, 5 * SIM_PAGE, 0, POSIX_FADV_WILLNEED),
		     0);
	cr_assert_str_eq(cached(), "5-324 ");
	cr_assert_eq(mmsim_fadvise(t, f, 10 * SIM_PAGE + 1, 4 * SIM_PAGE,
				   POSIX_FADV_DONTNEED),
		     0);
	cr_assert_str_eq(cached(), "5-10 14-324 ");
	cr_assert_eq(mmsim_fadvise(t, f, 0, 0, POSIX_FADV_DONTNEED), 0);
	cr_assert_str_eq(cached(), "");
	cr_assert_eq(mmsim_ftruncate(f, 2 * SIM_PAGE + 100), 0);
	pread_pages(0, 2);
	cr_assert_str_eq(cached(), "0-2 ");
	cr_assert_eq(mmsim_fadvise(t, f, SIM_PAGE, SIM_PAGE + 99,
				   POSIX_FADV_DONTNEED),
		     0);
	cr_assert_str_eq(cached(), "0-0 2-2 ");
	cr_assert_eq(mmsim_fadvise(t, f, SIM_PAGE, SIM_PAGE + 100,
				   POSIX_FADV_DONTNEED),
		     0);
	cr_assert_str_eq(cached(), "0-0 ");
	finish();
}

Test(readahead, the_setting_holds_for_files_that_are_opened_then)
{
	struct mmsim_file *old, *none;
	char *text;

	start(SIM_256M, 10000);
	old = f;
	text = sim_proc(m, "/sys/block/vda/queue/read_ahead_kb");
	cr_assert_str_eq(text, "128\n");
	free(text);
	cr_assert_eq(mmsim_proc_write(m, "/sys/block/vda/queue/read_ahead_kb",
				      "x"),
		     -EINVAL);
	sim_write(m, "/sys/block/vda/queue/read_ahead_kb", "0\n");
	cr_assert_eq(mmsim_open(t, "/f", O_RDONLY, &none), 0);
	f = none;
	pread_pages(0, 16);
	cr_assert_str_eq(cached(), "0-15 ", "page by page");
	f = old;
	pread_pages(100, 1);
	pread_pages(101, 1);
	cr_assert_str_eq(cached(), "0-15 100-104 ");
	mmsim_close(none);
	finish();
}

Test(readahead, faults_read_around)
{
	uintptr_t a;

	start(SIM_256M, 10000);
	a = (uintptr_t)mmsim_mmap(t, 0, 10000 * SIM_PAGE, PROT_READ,
				  MAP_SHARED, f, 0);
	touch(a, 1000);
	cr_assert_str_eq(cached(), "984-1015 ");
	touch(a, 1007);
	cr_assert_str_eq(cached(), "984-1015 ");
	touch(a, 1008);
	cr_assert_str_eq(cached(), "984-1047 ");
	finish();
}

/* The hint is the area's. */
Test(readahead, advice_for_an_area)
{
	uintptr_t a;

	start(SIM_256M, 10000);
	a = (uintptr_t)mmsim_mmap(t, 0, 10000 * SIM_PAGE, PROT_READ,
				  MAP_SHARED, f, 0);
	mmsim_madvise(t, a, 5000 * SIM_PAGE, MADV_RANDOM);
	touch(a, 1000);
	cr_assert_str_eq(cached(), "1000-1000 ");
	touch(a, 6000);
	cr_assert_str_eq(cached(), "1000-1000 5984-6015 ");
	mmsim_madvise(t, a, 5000 * SIM_PAGE, MADV_SEQUENTIAL);
	touch(a, 0);
	cr_assert_str_eq(cached(), "0-31 1000-1000 5984-6015 ");
	touch(a, 16);
	cr_assert_str_eq(cached(), "0-63 1000-1000 5984-6015 ");
	mmsim_madvise(t, a + 7000 * SIM_PAGE, 100 * SIM_PAGE, MADV_WILLNEED);
	cr_assert_str_eq(cached(), "0-63 1000-1000 5984-6015 7000-7099 ");
	finish();
}

/* After 100 more misses than hits a fault reads its page only. */
Test(readahead, many_misses)
{
	uintptr_t a;

	start(SIM_256M, 40000);
	a = (uintptr_t)mmsim_mmap(t, 0, (size_t)40000 * SIM_PAGE, PROT_READ,
				  MAP_SHARED, f, 0);
	for (uint64_t i = 0; i < 200; i++)
		touch(a, 16 + i * 100);
	/* each miss maps what came with it, which counts as hits */
	cr_assert_eq(f->inode->mapping.nr_pages, 200 * 32);
	mmsim_munmap(t, a, (size_t)40000 * SIM_PAGE);
	a = (uintptr_t)mmsim_mmap(t, 0, (size_t)40000 * SIM_PAGE, PROT_READ,
				  MAP_SHARED, f, 0);
	f->ra.mmap_miss = 1000;
	touch(a, 30000);
	cr_assert_eq(f->inode->mapping.nr_pages, 200 * 32 + 1);
	finish();
}

/* The reader goes on while the next window comes, but not beyond it. */
Test(readahead, the_disk_sets_the_pace)
{
	uint64_t begin, end;

	start("ram=256M,disk_latency=0,disk_bandwidth=4096000", 6400);
	begin = mmsim_clock_ns(m);
	for (uint64_t i = 0; i < 6400; i++)
		pread_pages(i, 1);
	end = mmsim_clock_ns(m);
	/* a page takes 1 ms; the last windows were read ahead */
	cr_assert_geq(end - begin, (uint64_t)(6400 - 64) * 1000000);
	cr_assert_leq(end - begin, (uint64_t)6410 * 1000000);
	finish();
}

/* Memory is full and nothing can be had: the file is read all the same, a page
 * at a time, and nobody is killed for what is only read ahead. */
Test(readahead, nobody_dies_for_it)
{
	uintptr_t a;
	long killed;

	start("ram=32M,vm.overcommit_memory=1", 1000);
	a = (uintptr_t)mmsim_mmap(t, 0, MB(64), PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	for (size_t i = 0; sim_meminfo(m, "MemFree") > 1280; i++)
		cr_assert_eq(mmsim_store(t, a + i * SIM_PAGE, "x", 1), 0);
	killed = sim_vmstat(m, "oom_kill");
	readahead_force(&(struct readahead){&f->inode->mapping, &f->ra}, 0,
			1000);
	cr_assert_eq(sim_vmstat(m, "oom_kill"), killed);
	cr_assert_lt(f->inode->mapping.nr_pages, 320, "less than asked for");
	finish();
}
