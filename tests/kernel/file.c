/*
 * file.c: files of the simulated disk: names, page cache, dirty pages, content.
 */
#include "sim.h"

#include "base/base.h"
#include "kernel/file_state.h"
#include "kernel/machine.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>

#define MB(n) ((size_t)(n) << 20)

static struct mmsim_file *create(struct mmsim_machine *m, const char *path,
				 size_t bytes)
{
	struct mmsim_file *file = NULL;
	int err = mmsim_file_create(m, path, (off_t)bytes, &file);

	cr_assert_eq(err, 0, "%s: %d", path, err);
	return file;
}

static void fill(unsigned char *buf, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = (unsigned char)(seed + i * 7 + i / 251);
}

/* The cache forgets the clean pages of the file. */
static void drop(struct mmsim_file *file)
{
	truncate_pages(&file->inode->mapping, 0);
}

Test(file, names)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m);
	struct mmsim_file *f, *g;
	static char longname[300], longpath[5000];

	f = create(m, "/data/a", 1000);
	cr_assert_eq(mmsim_file_size(f), 1000);
	cr_assert_eq(mmsim_file_create(m, "/data/a", 1, &g), -EEXIST);
	cr_assert_eq(mmsim_file_create(m, "/", 1, &g), -EEXIST);
	cr_assert_eq(mmsim_file_create(m, "data", 1, &g), -EINVAL);
	cr_assert_eq(mmsim_file_create(m, "", 1, &g), -ENOENT);
	cr_assert_eq(mmsim_file_create(m, "/x", -1, &g), -EINVAL);
	cr_assert_eq(mmsim_file_create(m, "/x", (off_t)1 << 44, &g), -EFBIG);
	memset(longname, 'n', 258);
	longname[0] = '/';
	cr_assert_eq(mmsim_file_create(m, longname, 1, &g), -ENAMETOOLONG);
	longname[256] = '\0';
	memset(longpath, 'p', sizeof(longpath) - 1);
	longpath[0] = '/';
	cr_assert_eq(mmsim_file_create(m, longpath, 1, &g), -ENAMETOOLONG);
	cr_assert_eq(mmsim_file_create(m, longname, 1, &g), 0);
	cr_assert_eq(mmsim_close(g), 0);
	cr_assert_eq(mmsim_close(NULL), -EBADF);
	cr_assert_eq(mmsim_open(t, "/data/b", O_RDONLY, &g), -ENOENT);
	cr_assert_eq(mmsim_open(t, "/data/a", O_RDWR | O_CREAT | O_EXCL, &g),
		     -EEXIST);
	cr_assert_eq(mmsim_open(t, "/data/a", O_ACCMODE, &g), -EINVAL);
	cr_assert_eq(mmsim_open(t, "/data/b", O_RDWR | O_CREAT, &g), 0);
	cr_assert_eq(mmsim_file_size(g), 0);
	mmsim_close(g);
	cr_assert_eq(mmsim_open(t, "/data/a", O_RDWR | O_TRUNC, &g), 0);
	cr_assert_eq(mmsim_file_size(f), 0);
	mmsim_close(g);
	cr_assert_eq(mmsim_unlink(m, "/data/a"), 0);
	cr_assert_eq(mmsim_unlink(m, "/data/a"), -ENOENT);
	cr_assert_eq(mmsim_pwrite(t, f, "x", 1, 0), 1, "still open");
	mmsim_close(f);
	sim_shutdown(m);
}

Test(file, modes_and_arguments)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m);
	struct mmsim_file *r, *w;
	char buf[16];

	mmsim_close(create(m, "/a", 100));
	cr_assert_eq(mmsim_open(t, "/a", O_RDONLY, &r), 0);
	cr_assert_eq(mmsim_open(t, "/a", O_WRONLY, &w), 0);
	cr_assert_eq(mmsim_pwrite(t, r, "x", 1, 0), -EBADF);
	cr_assert_eq(mmsim_pread(t, w, buf, 1, 0), -EBADF);
	cr_assert_eq(mmsim_pread(t, NULL, buf, 1, 0), -EBADF);
	cr_assert_eq(mmsim_pread(t, r, buf, 1, -1), -EINVAL);
	cr_assert_eq(mmsim_pread(t, r, NULL, 1, 0), -EFAULT);
	cr_assert_eq(mmsim_pread(t, r, buf, SIZE_MAX, 0), -EINVAL);
	cr_assert_eq(mmsim_pread(t, r, buf, 0, 0), 0);
	cr_assert_eq(mmsim_pread(t, r, buf, 16, 100), 0);
	cr_assert_eq(mmsim_pread(t, r, buf, 16, 90), 10);
	cr_assert_eq(mmsim_ftruncate(r, 10), -EINVAL);
	cr_assert_eq(mmsim_ftruncate(w, -1), -EINVAL);
	cr_assert_eq(mmsim_ftruncate(w, LONG_MAX), -EFBIG);
	cr_assert_eq(mmsim_ftruncate(NULL, 1), -EBADF);
	cr_assert_eq(mmsim_pwrite(t, w, "x", 1, LONG_MAX - 10), -EFBIG);
	cr_assert_eq(mmsim_fsync(t, NULL), -EBADF);
	mmsim_task_set_rlimit(t, RLIMIT_FSIZE, 10, 10);
	cr_assert_eq(mmsim_pwrite(t, w, "0123456789", 10, 5), 5);
	cr_assert_eq(mmsim_pwrite(t, w, "x", 1, 10), -EFBIG);
	sim_shutdown(m);
}

/* Recorded: Cached + 65536 (and little more), Dirty 0, nothing for AnonPages
 * and Mapped; 160 kB of SReclaimable for the tree. */
Test(file, reading_64_mib_as_recorded)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M);
	struct mmsim_task *t = sim_spawn(m);
	struct mmsim_file *f = create(m, "/f64", MB(64));
	static unsigned char buf[1 << 20];
	long cached = sim_meminfo(m, "Cached");
	long anon = sim_meminfo(m, "AnonPages");
	long file = sim_meminfo(m, "Inactive(file)");
	long slab = sim_meminfo(m, "SReclaimable");
	long in = sim_vmstat(m, "pgpgin");

	for (int i = 0; i < 64; i++)
		cr_assert_eq(mmsim_pread(t, f, buf, sizeof(buf), (off_t)MB(i)),
			     (ssize_t)sizeof(buf));
	cr_assert_eq(sim_meminfo(m, "Cached"), cached + 65536);
	cr_assert_eq(sim_meminfo(m, "Inactive(file)"), file + 65536);
	cr_assert_eq(sim_meminfo(m, "AnonPages"), anon);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	cr_assert_eq(sim_vmstat(m, "pgpgin"), in + 65536);
	slab = sim_meminfo(m, "SReclaimable") - slab;
	cr_assert(slab >= 136 && slab <= 168, "%ld kB", slab);
	/* the second time the pages become active */
	for (int i = 0; i < 64; i++)
		mmsim_pread(t, f, buf, sizeof(buf), (off_t)MB(i));
	cr_assert_eq(sim_meminfo(m, "Active(file)"), 65536);
	cr_assert_eq(sim_vmstat(m, "pgpgin"), in + 65536);
	sim_shutdown(m);
}

/* Recorded: Dirty + 65536, SReclaimable + 1744 (buffer heads and tree); sync:
 * pgpgout + 65544..65568, Dirty 0. */
Test(file, writing_64_mib_as_recorded)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M);
	struct mmsim_task *t = sim_spawn(m);
	struct mmsim_file *f = create(m, "/new", 0);
	static unsigned char buf[1 << 20];
	long cached = sim_meminfo(m, "Cached");
	long slab = sim_meminfo(m, "SReclaimable"), out;

	for (int i = 0; i < 64; i++)
		cr_assert_eq(mmsim_pwrite(t, f, buf, sizeof(buf), (off_t)MB(i)),
			     (ssize_t)sizeof(buf));
	cr_assert_eq(sim_meminfo(m, "Cached"), cached + 65536);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 65536);
	cr_assert_eq(sim_vmstat(m, "nr_dirtied"), 16384);
	slab = sim_meminfo(m, "SReclaimable") - slab;
	cr_assert(slab >= 1744 && slab <= 1860, "%ld kB", slab);
	out = sim_vmstat(m, "pgpgout");
	mmsim_sync(m);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	cr_assert_eq(sim_vmstat(m, "nr_written"), 16384);
	cr_assert_eq(sim_vmstat(m, "pgpgout"), out + 65536);
	cr_assert_eq(sim_meminfo(m, "Cached"), cached + 65536, "they stay");
	sim_shutdown(m);
}

/* Recorded: SReclaimable + 5680 kB for 4000 empty files. */
Test(file, four_thousand_empty_files_as_recorded)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M);
	long slab = sim_meminfo(m, "SReclaimable"), freed = 0, n;
	char path[32];

	for (int i = 0; i < 4000; i++) {
		snprintf(path, sizeof(path), "/dir/f%d", i);
		mmsim_close(create(m, path, 0));
	}
	cr_assert_eq(sim_meminfo(m, "SReclaimable") - slab, 5692,
		     "308 slabs of 16 kB and 191 of 4 kB: %ld",
		     sim_meminfo(m, "SReclaimable") - slab);
	while ((n = (long)shrink_slab(m, 0)) > 0)
		freed += n;
	cr_assert_eq(freed, 8000, "a name and an inode each");
	cr_assert_leq(sim_meminfo(m, "SReclaimable") - slab, 150);
	mmsim_close(create(m, "/dir/g", 0));
	cr_assert_eq(mmsim_unlink(m, "/dir/f3999"), 0, "the file is there");
	sim_shutdown(m);
}

Test(file, content_survives_write_back_and_reading_again)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m);
	struct mmsim_file *f = create(m, "/a", 0);
	static unsigned char out[100000], in[100000];

	fill(out, sizeof(out), 3);
	cr_assert_eq(mmsim_pwrite(t, f, out, sizeof(out), 12345),
		     (ssize_t)sizeof(out));
	cr_assert_eq(mmsim_file_size(f), 112345);
	cr_assert_eq(mmsim_fsync(t, f), 0);
	drop(f);
	cr_assert_eq(f->inode->mapping.nr_pages, 0);
	cr_assert_eq(mmsim_pread(t, f, in, sizeof(in), 12345),
		     (ssize_t)sizeof(in));
	cr_assert_eq(memcmp(in, out, sizeof(in)), 0);
	cr_assert_eq(mmsim_pread(t, f, in, 12345, 0), 12345);
	for (int i = 0; i < 12345; i++)
		cr_assert_eq(in[i], 0);
	/* a part of a page that is on the disk only */
	drop(f);
	cr_assert_eq(mmsim_pwrite(t, f, "hello", 5, 20000), 5);
	memcpy(out + 20000 - 12345, "hello", 5);
	cr_assert_eq(mmsim_pread(t, f, in, sizeof(in), 12345),
		     (ssize_t)sizeof(in));
	cr_assert_eq(memcmp(in, out, sizeof(in)), 0);
	sim_shutdown(m);
}

Test(file, a_dirty_page_that_is_dropped_was_never_on_the_disk)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m);
	struct mmsim_file *f = create(m, "/a", 4096);
	char c = 1;

	mmsim_pwrite(t, f, "x", 1, 0);
	drop(f);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	cr_assert_eq(mmsim_pread(t, f, &c, 1, 0), 1);
	cr_assert_eq(c, 0);
	sim_shutdown(m);
}

Test(file, stores_through_a_mapping_reach_the_file)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m);
	struct mmsim_file *f = create(m, "/a", MB(1));
	intptr_t a = mmsim_mmap(t, 0, MB(1), PROT_READ | PROT_WRITE, MAP_SHARED,
				f, 0);
	char buf[8] = "";

	cr_assert_gt(a, 0);
	cr_assert_eq(mmsim_store(t, (uintptr_t)a + 5000, "mapped", 6), 0);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 4);
	cr_assert_eq(mmsim_pread(t, f, buf, 6, 5000), 6);
	cr_assert_str_eq(buf, "mapped");
	/* clean pages are read-only, so that the next store is noticed */
	cr_assert_eq(mmsim_fsync(t, f), 0);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	cr_assert_eq(mmsim_store(t, (uintptr_t)a + 5000, "again!", 6), 0);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 4);
	/* and what is written is seen through the mapping */
	cr_assert_eq(mmsim_pwrite(t, f, "write", 5, 5000), 5);
	cr_assert_eq(mmsim_load(t, (uintptr_t)a + 5000, buf, 6), 0);
	cr_assert_str_eq(buf, "write!");
	cr_assert_eq(mmsim_munmap(t, (uintptr_t)a, MB(1)), 0);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 4, "still dirty");
	mmsim_sync(m);
	drop(f);
	cr_assert_eq(mmsim_pread(t, f, buf, 6, 5000), 6);
	cr_assert_str_eq(buf, "write!");
	sim_shutdown(m);
}

Test(file, the_first_fault_of_a_page_is_major)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m);
	struct mmsim_file *f = create(m, "/a", MB(1));
	intptr_t a = mmsim_mmap(t, 0, MB(1), PROT_READ, MAP_PRIVATE, f, 0);
	struct mmsim_usage before, after;

	mmsim_task_usage(t, &before);
	cr_assert_eq(mmsim_access(t, (uintptr_t)a, 1, 0), 0);
	mmsim_task_usage(t, &after);
	cr_assert_eq(after.maj_flt, before.maj_flt + 1);
	mmsim_munmap(t, (uintptr_t)a, MB(1));
	a = mmsim_mmap(t, 0, MB(1), PROT_READ, MAP_PRIVATE, f, 0);
	cr_assert_eq(mmsim_access(t, (uintptr_t)a, 1, 0), 0);
	mmsim_task_usage(t, &before);
	cr_assert_eq(before.maj_flt, after.maj_flt);
	cr_assert_eq(before.min_flt, after.min_flt + 1);
	sim_shutdown(m);
}

Test(file, truncation_unmaps_and_then_sigbus)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m);
	struct mmsim_file *f = create(m, "/a", 0);
	static unsigned char buf[40000];
	intptr_t shared, private;
	char c;

	fill(buf, sizeof(buf), 1);
	mmsim_pwrite(t, f, buf, sizeof(buf), 0);
	shared = mmsim_mmap(t, 0, 40960, PROT_READ | PROT_WRITE, MAP_SHARED, f,
			    0);
	private = mmsim_mmap(t, 0, 40960, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			     f, 0);
	cr_assert_eq(mmsim_access(t, (uintptr_t)shared, 40960, 0), 0);
	cr_assert_eq(mmsim_access(t, (uintptr_t) private, 40960, 1), 0);
	cr_assert_eq(sim_smaps_of(m, t, (uintptr_t) private, "Rss"), 40);
	cr_assert_eq(mmsim_ftruncate(f, 5000), 0);
	cr_assert_eq(sim_smaps_of(m, t, (uintptr_t)shared, "Rss"), 8);
	cr_assert_eq(sim_smaps_of(m, t, (uintptr_t) private, "Rss"), 8,
		     "private copies go, too");
	cr_assert_eq(f->inode->mapping.nr_pages, 2);
	cr_assert_eq(mmsim_access(t, (uintptr_t)shared + 8192, 1, 0), SIGBUS);
	cr_assert_eq(mmsim_access(t, (uintptr_t) private + 8192, 1, 1), SIGBUS);
	cr_assert_eq(mmsim_access(t, (uintptr_t)shared + 4096, 1, 0), 0);
	/* behind the end of the last page there are zeros */
	cr_assert_eq(mmsim_load(t, (uintptr_t)shared + 4999, &c, 1), 0);
	cr_assert_eq((unsigned char)c, buf[4999]);
	cr_assert_eq(mmsim_load(t, (uintptr_t)shared + 5000, &c, 1), 0);
	cr_assert_eq(c, 0);
	cr_assert_eq(mmsim_ftruncate(f, 40000), 0);
	cr_assert_eq(mmsim_access(t, (uintptr_t)shared + 8192, 1, 0), 0);
	cr_assert_eq(mmsim_pread(t, f, &c, 1, 20000), 1);
	cr_assert_eq(c, 0, "a hole");
	sim_shutdown(m);
}

Test(file, truncation_of_what_is_on_the_disk_only)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m);
	struct mmsim_file *f = create(m, "/a", 0);
	static unsigned char buf[10000];
	char c;

	memset(buf, 'x', sizeof(buf));
	mmsim_pwrite(t, f, buf, sizeof(buf), 0);
	mmsim_fsync(t, f);
	drop(f);
	cr_assert_eq(mmsim_ftruncate(f, 4097), 0);
	cr_assert_eq(mmsim_ftruncate(f, 10000), 0);
	cr_assert_eq(mmsim_pread(t, f, &c, 1, 4096), 1);
	cr_assert_eq(c, 'x');
	cr_assert_eq(mmsim_pread(t, f, &c, 1, 4097), 1);
	cr_assert_eq(c, 0);
	cr_assert_eq(mmsim_pread(t, f, &c, 1, 9000), 1);
	cr_assert_eq(c, 0);
	sim_shutdown(m);
}

/* The blocks of a hole are free; content around it stays. */
Test(file, a_hole_in_a_file)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m);
	struct mmsim_file *f = create(m, "/a", 0);
	uint64_t used = m->files->nr_disk_blocks;
	static unsigned char buf[8 * SIM_PAGE];
	uintptr_t map;
	char c;

	memset(buf, 'x', sizeof(buf));
	mmsim_pwrite(t, f, buf, sizeof(buf), 0);
	mmsim_fsync(t, f);
	cr_assert_eq(mmsim_file_blocks(f), 64);
	cr_assert_eq(m->files->nr_disk_blocks, used + 8);
	map = (uintptr_t)mmsim_mmap(t, 0, sizeof(buf), PROT_READ | PROT_WRITE,
				    MAP_SHARED, f, 0);
	cr_assert_eq(mmsim_madvise(t, map + 2 * SIM_PAGE, 3 * SIM_PAGE,
				   MADV_REMOVE),
		     0);
	cr_expect_eq(mmsim_file_blocks(f), 40);
	cr_expect_eq(m->files->nr_disk_blocks, used + 5);
	cr_expect_eq(mmsim_file_size(f), (off_t)sizeof(buf));
	for (off_t i = 0; i < 8; i++) {
		cr_assert_eq(mmsim_pread(t, f, &c, 1, i * SIM_PAGE), 1);
		cr_expect_eq(c, i < 2 || i > 4 ? 'x' : 0, "page %ld", (long)i);
	}
	sim_validate(m);
	/* with a file's first size it has its blocks for good */
	cr_assert_eq(mmsim_close(f), 0);
	f = create(m, "/b", sizeof(buf));
	map = (uintptr_t)mmsim_mmap(t, 0, sizeof(buf), PROT_READ | PROT_WRITE,
				    MAP_SHARED, f, 0);
	cr_assert_eq(mmsim_store(t, map, "x", 1), 0);
	cr_assert_eq(mmsim_fsync(t, f), 0);
	cr_assert_eq(mmsim_madvise(t, map, sizeof(buf), MADV_REMOVE), 0);
	cr_expect_eq(mmsim_file_blocks(f), 64);
	cr_assert_eq(mmsim_load(t, map, &c, 1), 0);
	cr_expect_eq(c, 0);
	sim_shutdown(m);
}

Test(file, the_disk_is_finite)
{
	struct mmsim_machine *m = sim_boot(SIM_256M ",disk_size=16M");
	struct mmsim_task *t = sim_spawn(m);
	uint64_t rest = 4096 - m->files->nr_disk_blocks;
	struct mmsim_file *f = create(m, "/a", rest * PAGE_SIZE), *g;

	cr_assert_eq(mmsim_file_create(m, "/b", 4096, &g), -ENOSPC);
	g = create(m, "/c", 0);
	cr_assert_eq(mmsim_pwrite(t, g, "x", 1, 0), -ENOSPC);
	cr_assert_eq(mmsim_file_size(g), 0);
	cr_assert_eq(mmsim_ftruncate(f, (off_t)((rest - 1) * PAGE_SIZE)), 0);
	cr_assert_eq(mmsim_pwrite(t, g, "xxxxx", 5, 4094), 2,
		     "one block is free");
	mmsim_unlink(m, "/a");
	cr_assert_eq(mmsim_pwrite(t, g, "xxx", 3, 4096), -ENOSPC,
		     "open: its blocks are in use");
	mmsim_close(f);
	cr_assert_eq(mmsim_pwrite(t, g, "xxx", 3, 4096), 3);
	sim_shutdown(m);
}

Test(file, direct_io_leaves_no_cache)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M);
	struct mmsim_task *t = sim_spawn(m);
	struct mmsim_file *f, *g = create(m, "/a", MB(64)), *no;
	static unsigned char buf[1 << 20] __attribute__((aligned(4096)));
	long cached = sim_meminfo(m, "Cached");
	long in = sim_vmstat(m, "pgpgin");
	char c[8] = "";

	cr_assert_eq(mmsim_open(t, "/a", O_RDWR | O_DIRECT, &f), 0);
	for (int i = 0; i < 64; i++)
		mmsim_pread(t, f, buf, sizeof(buf), (off_t)MB(i));
	/* as recorded */
	cr_assert_eq(sim_meminfo(m, "Cached"), cached);
	cr_assert_eq(sim_vmstat(m, "pgpgin"), in + 65536);
	/* and it sees what others wrote, and they what it wrote */
	mmsim_pwrite(t, g, "cached", 6, 0);
	cr_assert_eq(mmsim_pread(t, f, buf, 512, 0), 512);
	cr_assert_eq(memcmp(buf, "cached", 6), 0);
	memcpy(buf, "direct", 6);
	cr_assert_eq(mmsim_pwrite(t, f, buf, 512, 0), 512);
	cr_assert_eq(mmsim_pread(t, g, c, 6, 0), 6);
	cr_assert_str_eq(c, "direct");
	cr_assert_eq(mmsim_pread(t, f, buf, 100, 0), -EINVAL);
	cr_assert_eq(mmsim_pread(t, f, buf + 1, 512, 0), -EINVAL);
	cr_assert_eq(mmsim_pread(t, f, buf, 512, 100), -EINVAL);
	cr_assert_eq(mmsim_open(t, "/tmp/x", O_RDWR | O_CREAT | O_DIRECT, &no),
		     -EINVAL);
	sim_shutdown(m);
}

/* A direct write shows in mappings, too. */
Test(file, direct_write_under_a_mapping)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m);
	struct mmsim_file *f;
	static unsigned char buf[4096] __attribute__((aligned(4096)));
	intptr_t a;
	char c;

	create(m, "/a", 8192);
	cr_assert_eq(mmsim_open(t, "/a", O_RDWR | O_DIRECT, &f), 0);
	a = mmsim_mmap(t, 0, 8192, PROT_READ, MAP_SHARED, f, 0);
	cr_assert_eq(mmsim_load(t, (uintptr_t)a, &c, 1), 0);
	memset(buf, 'd', sizeof(buf));
	cr_assert_eq(mmsim_pwrite(t, f, buf, 4096, 0), 4096);
	cr_assert_eq(mmsim_load(t, (uintptr_t)a, &c, 1), 0);
	cr_assert_eq(c, 'd');
	sim_shutdown(m);
}

Test(file, a_large_file_costs_nothing)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m);
	struct mmsim_file *f = create(m, "/big", (size_t)1 << 40);
	char c = 1;

	cr_assert_eq(mmsim_pread(t, f, &c, 1, ((off_t)1 << 40) - 1), 1);
	cr_assert_eq(c, 0);
	cr_assert_eq(mmsim_pwrite(t, f, "e", 1, ((off_t)1 << 40) - 1), 1);
	mmsim_sync(m);
	drop(f);
	cr_assert_eq(mmsim_pread(t, f, &c, 1, ((off_t)1 << 40) - 1), 1);
	cr_assert_eq(c, 'e');
	sim_shutdown(m);
}

/* A shadow copy says what every read must give. */
Test(file, random_work_against_a_shadow)
{
	enum { SIZE = 200000, STEPS = 4000 };
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m);
	struct mmsim_file *f = create(m, "/a", 0);
	static unsigned char shadow[SIZE], buf[30000];
	size_t size = 0, pos, len;
	struct rng rng = {77};

	for (int step = 0; step < STEPS; step++) {
		pos = rng_below(&rng, SIZE - sizeof(buf));
		len = rng_below(&rng, sizeof(buf)) + 1;
		switch (rng_below(&rng, 8)) {
		case 0:
		case 1:
		case 2:
			fill(buf, len, (unsigned)step);
			cr_assert_eq(mmsim_pwrite(t, f, buf, len, (off_t)pos),
				     (ssize_t)len);
			memcpy(shadow + pos, buf, len);
			if (pos + len > size)
				size = pos + len;
			break;
		case 3:
		case 4:
		case 5: {
			ssize_t n = mmsim_pread(t, f, buf, len, (off_t)pos);
			ssize_t want =
				pos >= size
					? 0
					: (ssize_t)min_size(len, size - pos);

			cr_assert_eq(n, want);
			cr_assert_eq(memcmp(buf, shadow + pos, (size_t)n), 0,
				     "step %d", step);
			break;
		}
		case 6:
			if (rng_below(&rng, 4) == 0) {
				cr_assert_eq(mmsim_ftruncate(f, (off_t)pos), 0);
				if (pos < size)
					memset(shadow + pos, 0, size - pos);
				size = pos;
			}
			break;
		default:
			cr_assert_eq(mmsim_fsync(t, f), 0);
			drop(f);
			break;
		}
		cr_assert_eq((size_t)mmsim_file_size(f), size);
	}
	mmsim_close(f);
	mmsim_unlink(m, "/a");
	cr_assert_eq(sim_meminfo(m, "Cached"), 0);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	sim_shutdown(m);
}
