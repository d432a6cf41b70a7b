/*
 * /proc/sys/vm/drop_caches, and what it drops: pages of files, Buffers, names
 * and inodes.
 */
#include "sim.h"

#include "base/base.h"
#include "kernel/file_state.h"
#include "kernel/machine.h"

#include <fcntl.h>

#define MB(n) ((size_t)(n) << 20)
#define DROP "/proc/sys/vm/drop_caches"

static struct mmsim_machine *m;
static struct mmsim_task *t;

static void start(const char *spec)
{
	m = sim_boot(spec);
	t = sim_spawn(m);
}

static struct mmsim_file *open_file(const char *path, int flags)
{
	struct mmsim_file *file = NULL;
	int err = mmsim_open(t, path, flags, &file);

	cr_assert_eq(err, 0, "%s: %d", path, err);
	return file;
}

static void read_pages(struct mmsim_file *file, uint64_t index, size_t nr)
{
	static char buf[MB(1)];

	for (; nr > 0; nr--, index++)
		cr_assert_eq(mmsim_pread(t, file, buf, SIM_PAGE,
					 (off_t)(index * SIM_PAGE)),
			     SIM_PAGE);
}

static struct mmsim_file *cached_file(const char *path, size_t nr_pages)
{
	struct mmsim_file *file;

	cr_assert_eq(mmsim_file_create(m, path, (off_t)(nr_pages * SIM_PAGE),
				       &file),
		     0);
	read_pages(file, 0, nr_pages);
	return file;
}

Test(drop_caches, the_file)
{
	static char log[8192];
	char *text;

	start(SIM_256M);
	cr_assert_eq(mmsim_proc_read(m, DROP, NULL, 0), -EACCES);
	cr_assert_eq(mmsim_proc_write(m, DROP, ""), -EINVAL);
	cr_assert_eq(mmsim_proc_write(m, DROP, "0"), -EINVAL);
	cr_assert_eq(mmsim_proc_write(m, DROP, "5"), -EINVAL);
	cr_assert_eq(mmsim_proc_write(m, DROP, "-1"), -EINVAL);
	cr_assert_eq(mmsim_proc_write(m, DROP, "all"), -EINVAL);
	cr_assert_eq(sim_vmstat(m, "drop_pagecache"), 0);
	sim_write(m, DROP, "1");
	sim_write(m, DROP, "2\n");
	sim_write(m, DROP, " 3");
	cr_assert_eq(sim_vmstat(m, "drop_pagecache"), 2);
	cr_assert_eq(sim_vmstat(m, "drop_slab"), 2);
	mmsim_machine_log(m, log, sizeof(log));
	text = strstr(log, "init (1): drop_caches: 1\n");
	cr_assert_not_null(text);
	cr_assert_not_null(strstr(text, "init (1): drop_caches: 3\n"));
	sim_write(m, DROP, "4");
	sim_write(m, DROP, "2");
	mmsim_machine_log(m, log, sizeof(log));
	text = strstr(log, "drop_caches: 2\n");
	cr_assert_not_null(text);
	cr_assert_null(strstr(text + 1, "drop_caches: 2\n"), "4: no more");
	sim_shutdown(m);
}

Test(drop_caches, older_kernels)
{
	static char log[8192];

	start(SIM_256M ",profile=linux-3.10");
	cr_assert_eq(mmsim_proc_write(m, DROP, "4"), -EINVAL);
	sim_write(m, DROP, "3");
	mmsim_machine_log(m, log, sizeof(log));
	cr_assert_null(strstr(log, "drop_caches"));
	sim_shutdown(m);
}

/* What is in use, dirty, locked or without another copy stays. */
Test(drop_caches, what_stays)
{
	struct mmsim_file *clean, *mapped, *dirty, *tmp;
	uintptr_t a;

	start(SIM_256M);
	clean = cached_file("/clean", 100);
	mapped = cached_file("/mapped", 100);
	dirty = cached_file("/dirty", 100);
	tmp = cached_file("/tmp/t", 100);
	a = (uintptr_t)mmsim_mmap(t, 0, 100 * SIM_PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE, mapped, 0);
	cr_assert_eq(mmsim_access(t, a, 100 * SIM_PAGE, 0), 0);
	/* copies of its own: the file's pages are free to go */
	cr_assert_eq(mmsim_access(t, a, 10 * SIM_PAGE, 1), 0);
	cr_assert_eq(mmsim_pwrite(t, dirty, "x", 1, 50 * SIM_PAGE), 1);
	cr_assert_eq(mmsim_pwrite(t, tmp, "x", 1, 0), 1);
	sim_write(m, DROP, "1");
	cr_assert_eq(clean->inode->mapping.nr_pages, 0);
	cr_assert_eq(mapped->inode->mapping.nr_pages, 90);
	cr_assert_eq(dirty->inode->mapping.nr_pages, 1);
	cr_assert_eq(tmp->inode->mapping.nr_pages, 1);
	sim_write(m, DROP, "3");
	cr_assert_eq(dirty->inode->mapping.nr_pages, 1, "it writes nothing");
	mmsim_sync(m);
	mmsim_munmap(t, a, 100 * SIM_PAGE);
	sim_write(m, DROP, "2");
	cr_assert_eq(mapped->inode->mapping.nr_pages, 90, "slabs only");
	sim_write(m, DROP, "1");
	cr_assert_eq(mapped->inode->mapping.nr_pages, 0);
	cr_assert_eq(dirty->inode->mapping.nr_pages, 0);
	cr_assert_eq(tmp->inode->mapping.nr_pages, 1);
	mmsim_close(clean);
	mmsim_close(mapped);
	mmsim_close(dirty);
	mmsim_close(tmp);
	sim_shutdown(m);
}

Test(drop_caches, locked_pages_stay)
{
	struct mmsim_file *f;
	uintptr_t a;

	start(SIM_256M);
	f = cached_file("/f", 100);
	a = (uintptr_t)mmsim_mmap(t, 0, 50 * SIM_PAGE, PROT_READ, MAP_SHARED, f,
				  0);
	cr_assert_eq(mmsim_mlock(t, a, 50 * SIM_PAGE), 0);
	sim_write(m, DROP, "3");
	cr_assert_eq(f->inode->mapping.nr_pages, 50);
	cr_assert_eq(sim_meminfo(m, "Mlocked"), 200);
	mmsim_close(f);
	sim_shutdown(m);
}

/* What must be written before is the first to go afterwards. */
Test(drop_caches, dirty_pages_are_the_next_to_be_reclaimed)
{
	struct mmsim_file *f;

	start(SIM_256M);
	f = cached_file("/f", 10);
	cr_assert_eq(mmsim_pwrite(t, f, "x", 1, 0), 1);
	sim_write(m, DROP, "1");
	cr_assert_eq(sim_vmstat(m, "pgrotated"), 0);
	mmsim_sync(m);
	cr_assert_eq(sim_vmstat(m, "pgrotated"), 1);
	mmsim_close(f);
	sim_shutdown(m);
}

Test(drop_caches, the_disk_as_a_file)
{
	struct mmsim_file *f, *g;
	static char buf[MB(1)];
	long cached;
	uintptr_t a;

	start(SIM_1024M);
	cached = sim_meminfo(m, "Cached");
	f = open_file("/dev/vda", O_RDONLY);
	cr_assert_eq(mmsim_file_size(f), (off_t)4 << 40);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(mmsim_pread(t, f, buf, MB(1), (off_t)MB(i)),
			     (ssize_t)MB(1));
	cr_assert_geq(sim_meminfo(m, "Buffers"), 4096);
	cr_assert_eq(sim_meminfo(m, "Cached"), cached);
	a = (uintptr_t)mmsim_mmap(t, 0, MB(1), PROT_READ, MAP_SHARED, f, 0);
	cr_assert_eq(mmsim_access(t, a, SIM_PAGE, 0), 0);
	sim_write(m, DROP, "2");
	cr_assert_geq(sim_meminfo(m, "Buffers"), 4096);
	sim_write(m, DROP, "1");
	cr_assert_eq(sim_meminfo(m, "Buffers"), 64, "what is mapped");
	cr_assert_eq(mmsim_open(t, "/dev/vda", O_RDWR, &g), -EBUSY);
	cr_assert_eq(mmsim_file_create(m, "/dev/vda", 0, &g), -EEXIST);
	cr_assert_eq(mmsim_unlink(m, "/dev/vda"), -EPERM);
	mmsim_task_set_uid(t, 1000);
	cr_assert_eq(mmsim_open(t, "/dev/vda", O_RDONLY, &g), -EACCES);
	mmsim_close(f);
	sim_shutdown(m);
}

/* Blocks of the file system: dirty when files are made, read when they are
 * looked up again. */
Test(drop_caches, blocks_of_the_file_system)
{
	char path[32];
	long in;

	start(SIM_256M);
	for (int i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/dir/file%02d", i);
		mmsim_close(open_file(path, O_RDWR | O_CREAT));
	}
	/* 4 or 5 of inodes, one of the directory, descriptors, bitmap */
	cr_assert_geq(sim_meminfo(m, "Buffers"), 7 * 4);
	cr_assert_leq(sim_meminfo(m, "Buffers"), 8 * 4);
	cr_assert_eq(sim_meminfo(m, "Dirty"), sim_meminfo(m, "Buffers"));
	sim_write(m, DROP, "1");
	cr_assert_geq(sim_meminfo(m, "Buffers"), 7 * 4, "they are dirty");
	mmsim_sync(m);
	sim_write(m, DROP, "1");
	cr_assert_eq(sim_meminfo(m, "Buffers"), 0);
	in = sim_vmstat(m, "pgpgin");
	mmsim_close(open_file("/dir/file07", O_RDONLY));
	cr_assert_eq(sim_vmstat(m, "pgpgin"), in, "it is remembered");
	sim_write(m, DROP, "2");
	mmsim_close(open_file("/dir/file07", O_RDONLY));
	cr_assert_eq(sim_vmstat(m, "pgpgin"), in + 8, "its name, its inode");
	cr_assert_eq(sim_meminfo(m, "Buffers"), 8);
	sim_shutdown(m);
}

/* Writing to a file makes its inode dirty: one page more. */
Test(drop_caches, a_write_changes_the_inode)
{
	struct mmsim_file *f;
	uintptr_t a;

	start(SIM_256M);
	f = open_file("/f", O_RDWR | O_CREAT);
	mmsim_ftruncate(f, 10 * SIM_PAGE);
	mmsim_sync(m);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	cr_assert_eq(mmsim_pwrite(t, f, "x", 1, 0), 1);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 8);
	mmsim_sync(m);
	a = (uintptr_t)mmsim_mmap(t, 0, 10 * SIM_PAGE, PROT_READ | PROT_WRITE,
				  MAP_SHARED, f, 0);
	cr_assert_eq(mmsim_access(t, a, 3 * SIM_PAGE, 1), 0);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 16);
	mmsim_close(f);
	sim_shutdown(m);
}

/* Names that are used again have a second round; open files stay. */
Test(drop_caches, names_and_inodes)
{
	struct mmsim_file *open;
	char path[32];
	long slab;

	start(SIM_256M);
	slab = sim_meminfo(m, "SReclaimable");
	for (int i = 0; i < 1000; i++) {
		struct mmsim_file *f;

		snprintf(path, sizeof(path), "/dir/f%d", i);
		cr_assert_eq(mmsim_file_create(m, path, SIM_PAGE, &f), 0);
		mmsim_close(f);
	}
	open = open_file("/dir/f0", O_RDONLY);
	mmsim_close(open_file("/dir/f1", O_RDONLY));
	cr_assert_eq(m->files->dcache.nr_dentries, 1000);
	cr_assert_eq(shrink_slab(m, 3), 128, "a batch of a quarter");
	cr_assert_eq(m->files->dcache.nr_dentries, 1000 - 128 - 1);
	cr_assert(path_find(m, "/dir/f1")->dentry_record, "it was used");
	cr_assert(path_find(m, "/dir/f0")->dentry_record, "it is open");
	cr_assert_null(path_find(m, "/dir/f2")->dentry_record);
	sim_write(m, "/proc/sys/vm/vfs_cache_pressure", "0");
	cr_assert_eq(shrink_slab(m, 0), 0, "they are never to go");
	sim_write(m, "/proc/sys/vm/vfs_cache_pressure", "100");
	sim_write(m, DROP, "2");
	cr_assert_eq(m->files->dcache.nr_dentries, 0);
	cr_assert_eq(m->files->dcache.nr_inodes, 0);
	cr_assert(path_find(m, "/dir/f0")->dentry_record);
	cr_assert_null(path_find(m, "/dir/f1")->inode_record);
	cr_assert_leq(sim_meminfo(m, "SReclaimable") - slab, 160);
	mmsim_close(open);
	sim_shutdown(m);
}

/* An inode stays as long as its file has pages in the cache. */
Test(drop_caches, inodes_with_pages)
{
	struct inode *inode;

	start(SIM_256M);
	mmsim_close(cached_file("/f", 10));
	inode = path_find(m, "/f");
	sim_write(m, DROP, "2");
	cr_assert_null(inode->dentry_record);
	cr_assert_not_null(inode->inode_record);
	sim_write(m, DROP, "1");
	cr_assert_eq(m->files->dcache.nr_inodes, 1, "now it may go");
	cr_assert_not_null(inode->inode_record);
	sim_write(m, DROP, "2");
	cr_assert_null(inode->inode_record);
	sim_shutdown(m);
}
