/*
 * Write-back: when dirty pages go to the disk, who waits for it, and that the
 * content is the one that was written last.
 */
#include "sim.h"

#include "base/base.h"
#include "base/rng.h"
#include "kernel/file_state.h"
#include "kernel/machine.h"

#include <fcntl.h>

#define MB(n) ((size_t)(n) << 20)
#define SECOND ((uint64_t)1000000000)

static struct mmsim_machine *m;
static struct mmsim_task *t;
static struct mmsim_file *f;

static void start(const char *spec)
{
	m = sim_boot(spec);
	t = sim_spawn(m);
	cr_assert_eq(mmsim_file_create(m, "/f", 0, &f), 0);
}

static void finish(void)
{
	mmsim_close(f);
	sim_shutdown(m);
}

/* Pages index.. get bytes of this value. */
static void put(uint64_t index, size_t nr, int value)
{
	static char buf[MB(1)];

	memset(buf, value, sizeof(buf));
	while (nr > 0) {
		size_t now = nr < MB(1) / SIM_PAGE ? nr : MB(1) / SIM_PAGE;

		cr_assert_eq(mmsim_pwrite(t, f, buf, now * SIM_PAGE,
					  (off_t)(index * SIM_PAGE)),
			     (ssize_t)(now * SIM_PAGE));
		index += now;
		nr -= now;
	}
}

static int get(uint64_t index)
{
	unsigned char c;

	cr_assert_eq(mmsim_pread(t, f, &c, 1, (off_t)(index * SIM_PAGE)), 1);
	return c;
}

static void forget(void)
{
	invalidate_mapping_pages(&f->inode->mapping, 0, UINT64_MAX);
	cr_assert_eq(f->inode->mapping.nr_pages, 0);
}

Test(writeback, old_pages_are_written)
{
	start(SIM_256M);
	put(0, 100, 'a');
	mmsim_idle(m, 29 * SECOND);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 400, "not old yet");
	mmsim_idle(m, 7 * SECOND);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	cr_assert_eq(sim_meminfo(m, "Writeback"), 0);
	cr_assert_eq(sim_vmstat(m, "nr_written"), 100);
	cr_assert_eq(sim_vmstat(m, "pgpgout"), 400);
	forget();
	cr_assert_eq(get(99), 'a');
	finish();
}

/* The interval and the age are settings; no interval: never. */
Test(writeback, settings_of_time)
{
	start(SIM_256M ",vm.dirty_writeback_centisecs=0");
	put(0, 10, 'a');
	mmsim_idle(m, 1000 * SECOND);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 40);
	sim_write(m, "/proc/sys/vm/dirty_writeback_centisecs", "100");
	mmsim_idle(m, 2 * SECOND);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	sim_write(m, "/proc/sys/vm/dirty_expire_centisecs", "200");
	put(0, 10, 'b');
	mmsim_idle(m, SECOND);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 40);
	mmsim_idle(m, 3 * SECOND);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	finish();
}

/* Files that are dirty for different times. */
Test(writeback, only_the_old_file)
{
	struct mmsim_file *first;

	start(SIM_256M);
	first = f;
	put(0, 10, 'a');
	mmsim_idle(m, 20 * SECOND);
	cr_assert_eq(mmsim_file_create(m, "/g", 0, &f), 0);
	put(0, 7, 'b');
	mmsim_idle(m, 15 * SECOND);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 28, "the second file is young");
	mmsim_idle(m, 20 * SECOND);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	mmsim_close(first);
	finish();
}

/* Above the background limit the flusher works, down to it. */
Test(writeback, the_background_limit)
{
	start(SIM_256M ",vm.dirty_background_bytes=4194304,"
		       "vm.dirty_bytes=419430400");
	put(0, 1024, 'a');
	mmsim_idle(m, SECOND);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 4096, "not above it");
	put(1024, 512, 'a');
	mmsim_idle(m, SECOND);
	cr_assert_leq(sim_meminfo(m, "Dirty"), 4096);
	cr_assert_eq(sim_vmstat(m, "nr_written") * 4,
		     1536 * 4 - sim_meminfo(m, "Dirty"));
	finish();
}

/* A writer is not faster than the disk for long. */
Test(writeback, writers_are_held_up)
{
	uint64_t begin;

	/* a page takes 1 ms */
	start("ram=256M,disk_bandwidth=4096000,disk_latency=0,"
	      "vm.dirty_background_bytes=2097152,vm.dirty_bytes=4194304");
	begin = mmsim_clock_ns(m);
	for (uint64_t i = 0; i < 10000; i += 10) {
		put(i, 10, 'a');
		cr_assert_leq(sim_meminfo(m, "Dirty") +
				      sim_meminfo(m, "Writeback"),
			      4096 + 32 * 4);
	}
	cr_assert_geq(mmsim_clock_ns(m) - begin,
		      (uint64_t)(10000 - 1024 - 32) * 1000000);
	cr_assert_leq(mmsim_clock_ns(m) - begin, (uint64_t)10000 * 1000000);
	finish();
}

/* The same through a mapping: the fault waits. */
Test(writeback, stores_are_held_up)
{
	uint64_t begin;
	uintptr_t a;

	start("ram=256M,disk_bandwidth=4096000,disk_latency=0,"
	      "vm.dirty_background_bytes=2097152,vm.dirty_bytes=4194304");
	mmsim_ftruncate(f, MB(40));
	a = (uintptr_t)mmsim_mmap(t, 0, MB(40), PROT_READ | PROT_WRITE,
				  MAP_SHARED, f, 0);
	begin = mmsim_clock_ns(m);
	for (uint64_t i = 0; i < 10000; i++)
		cr_assert_eq(mmsim_store(t, a + i * SIM_PAGE, "x", 1), 0);
	cr_assert_geq(mmsim_clock_ns(m) - begin,
		      (uint64_t)(10000 - 1024 - 32) * 1000000);
	mmsim_munmap(t, a, MB(40));
	mmsim_sync(m);
	forget();
	cr_assert_eq(get(9999), 'x');
	cr_assert_eq(get(10001), 0);
	finish();
}

Test(writeback, under_way_and_done)
{
	start("ram=256M,disk_bandwidth=4096000,disk_latency=0");
	put(0, 100, 'a');
	writeback_start(&f->inode->mapping, 0, UINT64_MAX);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	cr_assert_eq(sim_meminfo(m, "Writeback"), 400);
	mmsim_idle(m, SECOND / 20);
	cr_assert_leq(sim_meminfo(m, "Writeback"), 200);
	cr_assert_geq(sim_meminfo(m, "Writeback"), 196);
	cr_assert_eq(mmsim_fsync(t, f), 0);
	cr_assert_eq(sim_meminfo(m, "Writeback"), 0, "it was waited for");
	finish();
}

/* What is written while the page is on its way is written once more. */
Test(writeback, dirty_again_while_being_written)
{
	struct page *page;

	start("ram=256M,disk_bandwidth=4096000,disk_latency=0");
	put(0, 1, 'a');
	writeback_start(&f->inode->mapping, 0, UINT64_MAX);
	put(0, 1, 'b');
	page = filemap_find(&f->inode->mapping, 0);
	cr_assert(page_has(page, PG_dirty) && page_has(page, PG_writeback));
	sim_validate(m);
	cr_assert_eq(mmsim_fsync(t, f), 0);
	cr_assert_not(page_has(page, PG_dirty | PG_writeback));
	cr_assert_eq(sim_vmstat(m, "nr_written"), 2);
	forget();
	cr_assert_eq(get(0), 'b');
	finish();
}

/* A store after write-back is noticed: the entry may not write any more. */
Test(writeback, mapped_pages_become_dirty_again)
{
	uintptr_t a;

	start(SIM_256M);
	mmsim_ftruncate(f, MB(1));
	a = (uintptr_t)mmsim_mmap(t, 0, MB(1), PROT_READ | PROT_WRITE,
				  MAP_SHARED, f, 0);
	cr_assert_eq(mmsim_store(t, a, "one", 4), 0);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 4);
	mmsim_idle(m, 40 * SECOND);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	cr_assert_eq(mmsim_store(t, a, "two", 4), 0);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 4);
	cr_assert_eq(mmsim_msync(t, a, MB(1), MS_SYNC), 0);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	mmsim_munmap(t, a, MB(1));
	forget();
	cr_assert_eq(get(0), 't');
	finish();
}

/* What a mapping shows behind the end never gets into the file. */
Test(writeback, stores_behind_the_end)
{
	uintptr_t map;
	char c = 'x';

	start(SIM_256M);
	cr_assert_eq(mmsim_pwrite(t, f, &c, 1, 99), 1);
	map = (uintptr_t)mmsim_mmap(t, 0, SIM_PAGE, PROT_READ | PROT_WRITE,
				    MAP_SHARED, f, 0);
	cr_assert_eq(mmsim_store(t, map + 98, &c, 1), 0);
	cr_assert_eq(mmsim_store(t, map + 200, &c, 1), 0);
	cr_assert_eq(mmsim_fsync(t, f), 0);
	cr_assert_eq(mmsim_load(t, map + 200, &c, 1), 0);
	cr_expect_eq(c, 0, "written back, it is zeros");
	cr_assert_eq(mmsim_munmap(t, map, SIM_PAGE), 0);
	forget();
	cr_assert_eq(mmsim_ftruncate(f, SIM_PAGE), 0);
	cr_assert_eq(mmsim_pread(t, f, &c, 1, 200), 1);
	cr_expect_eq(c, 0);
	cr_assert_eq(mmsim_pread(t, f, &c, 1, 98), 1);
	cr_expect_eq(c, 'x');
	finish();
}

/* What is cut or removed while it is being written is waited for. */
Test(writeback, cut_while_being_written)
{
	uint64_t begin;

	start("ram=256M,disk_bandwidth=4096000,disk_latency=0");
	put(0, 100, 'a');
	writeback_start(&f->inode->mapping, 0, UINT64_MAX);
	begin = mmsim_clock_ns(m);
	cr_assert_eq(mmsim_ftruncate(f, 50 * SIM_PAGE), 0);
	cr_assert_geq(mmsim_clock_ns(m) - begin, SECOND / 20);
	cr_assert_eq(sim_meminfo(m, "Writeback"), 0);
	put(0, 100, 'b');
	writeback_start(&f->inode->mapping, 0, UINT64_MAX);
	mmsim_unlink(m, "/f");
	mmsim_close(f);
	cr_assert_eq(sim_meminfo(m, "Writeback"), 0);
	sim_shutdown(m);
}

Test(writeback, files_for_synchronous_writes)
{
	struct mmsim_file *g;

	start("ram=256M");
	cr_assert_eq(mmsim_open(t, "/f", O_WRONLY | O_SYNC, &g), 0);
	cr_assert_eq(mmsim_pwrite(t, g, "x", 1, 0), 1);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	cr_assert_eq(sim_vmstat(m, "nr_written"), 1);
	mmsim_close(g);
	finish();
}

/* Reclaim asks for it: all that is dirty then. */
Test(writeback, woken_by_reclaim)
{
	start(SIM_256M);
	put(0, 3000, 'a');
	flusher_wake(m);
	mmsim_idle(m, SECOND);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	put(0, 1, 'b');
	mmsim_idle(m, SECOND);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 4, "that was all");
	finish();
}

/* A hole gets its block when it is stored to; there may be none. */
Test(writeback, a_store_on_a_full_disk)
{
	struct mmsim_file *g;
	uint64_t left;
	uintptr_t a;

	start("ram=256M,disk_size=16M");
	left = m->files->disk_blocks - m->files->nr_disk_blocks;
	cr_assert_eq(mmsim_file_create(m, "/g", (off_t)(left - 2) * SIM_PAGE,
				       &g),
		     0);
	mmsim_ftruncate(f, MB(1));
	a = (uintptr_t)mmsim_mmap(t, 0, MB(1), PROT_READ | PROT_WRITE,
				  MAP_SHARED, f, 0);
	cr_assert_eq(mmsim_access(t, a, MB(1), 0), 0, "holes can be read");
	cr_assert_eq(mmsim_store(t, a, "x", 1), 0);
	cr_assert_eq(mmsim_store(t, a + 10 * SIM_PAGE, "x", 1), 0);
	cr_assert_eq(mmsim_store(t, a + 20 * SIM_PAGE, "x", 1), SIGBUS);
	cr_assert_eq(mmsim_store(t, a + 10 * SIM_PAGE, "y", 1), 0);
	cr_assert_eq(mmsim_fsync(t, f), 0);
	mmsim_unlink(m, "/g");
	mmsim_close(g);
	cr_assert_eq(mmsim_store(t, a + 20 * SIM_PAGE, "x", 1), 0);
	finish();
}

Test(writeback, advice_against_dirty_pages)
{
	start("ram=256M,disk_bandwidth=4096000");
	put(0, 10, 'a');
	cr_assert_eq(mmsim_fadvise(t, f, 0, 0, POSIX_FADV_DONTNEED), 0);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	cr_assert_eq(sim_meminfo(m, "Writeback"), 40);
	mmsim_idle(m, SECOND);
	cr_assert_eq(mmsim_fadvise(t, f, 0, 0, POSIX_FADV_DONTNEED), 0);
	cr_assert_eq(f->inode->mapping.nr_pages, 0);
	finish();
}

/* Direct writes take mapped pages out of all address spaces. */
Test(writeback, direct_io_and_mappings)
{
	static char buf[SIM_PAGE] __attribute__((aligned(4096)));
	struct mmsim_file *g;
	uintptr_t a;
	char c;

	start(SIM_256M);
	mmsim_ftruncate(f, MB(1));
	a = (uintptr_t)mmsim_mmap(t, 0, MB(1), PROT_READ | PROT_WRITE,
				  MAP_SHARED, f, 0);
	cr_assert_eq(mmsim_store(t, a + 5 * SIM_PAGE, "xyz", 3), 0);
	cr_assert_eq(mmsim_open(t, "/f", O_RDWR | O_DIRECT, &g), 0);
	cr_assert_eq(mmsim_pread(t, g, buf, SIM_PAGE, 5 * SIM_PAGE), SIM_PAGE);
	cr_assert_eq(buf[1], 'y', "the disk has what was stored");
	buf[1] = 'Y';
	cr_assert_eq(mmsim_pwrite(t, g, buf, SIM_PAGE, 5 * SIM_PAGE), SIM_PAGE);
	cr_assert_null(filemap_find(&f->inode->mapping, 5));
	cr_assert_eq(mmsim_load(t, a + 5 * SIM_PAGE + 1, &c, 1), 0);
	cr_assert_eq(c, 'Y');
	mmsim_close(g);
	finish();
}

/* Random work of several kinds against a copy in memory, while time passes and
 * the flusher works. */
enum { RANDOM_PAGES = 200, RANDOM_BYTES = RANDOM_PAGES * SIM_PAGE };

static unsigned char shadow[RANDOM_BYTES];

static void random_step(struct rng *rng, uintptr_t a)
{
	static unsigned char buf[20000] __attribute__((aligned(4096)));
	size_t at = rng_below(rng, RANDOM_BYTES);
	size_t len = 1 + rng_below(rng, sizeof(buf) - 1);

	if (len > RANDOM_BYTES - at)
		len = RANDOM_BYTES - at;
	for (size_t i = 0; i < len; i++)
		buf[i] = (unsigned char)(rng_next(rng) >> 24);
	switch (rng_below(rng, 10)) {
	case 0:
	case 1:
	case 2:
		cr_assert_eq(mmsim_pwrite(t, f, buf, len, (off_t)at),
			     (ssize_t)len);
		memcpy(shadow + at, buf, len);
		break;
	case 3:
	case 4:
		cr_assert_eq(mmsim_store(t, a + at, buf, len), 0);
		memcpy(shadow + at, buf, len);
		break;
	case 5:
		cr_assert_eq(mmsim_load(t, a + at, buf, len), 0);
		cr_assert_eq(memcmp(buf, shadow + at, len), 0);
		break;
	case 6:
		cr_assert_eq(mmsim_pread(t, f, buf, len, (off_t)at),
			     (ssize_t)len);
		cr_assert_eq(memcmp(buf, shadow + at, len), 0);
		break;
	case 7:
		mmsim_idle(m, rng_below(rng, 10) * SECOND);
		break;
	case 8:
		writeback_start(&f->inode->mapping, at / SIM_PAGE, UINT64_MAX);
		break;
	default:
		mmsim_madvise(t, a + at / SIM_PAGE * SIM_PAGE, len,
			      MADV_DONTNEED);
		invalidate_mapping_pages(&f->inode->mapping, 0, UINT64_MAX);
	}
}

Test(writeback, content_survives_random_work)
{
	struct rng rng = {99};
	uintptr_t a;

	start("ram=64M,disk_bandwidth=4096000,disk_latency=1000,"
	      "vm.dirty_background_bytes=81920,vm.dirty_bytes=409600");
	mmsim_ftruncate(f, RANDOM_BYTES);
	a = (uintptr_t)mmsim_mmap(t, 0, RANDOM_BYTES, PROT_READ | PROT_WRITE,
				  MAP_SHARED, f, 0);
	for (int i = 0; i < 4000; i++) {
		random_step(&rng, a);
		if (i % 200 == 0)
			sim_validate(m);
	}
	finish();
}
