/*
 * shmem.c: tmpfs and shared anonymous memory.
 */
#include "sim.h"

#include "base/rng.h"
#include "kernel/file_state.h"
#include "kernel/machine.h"

#include <fcntl.h>

#define MB(n) ((size_t)(n) << 20)

static intptr_t map_shared(struct mmsim_task *t, size_t len, int flags)
{
	intptr_t a = mmsim_mmap(t, 0, len, PROT_READ | PROT_WRITE,
				MAP_SHARED | flags, NULL, 0);

	cr_assert_gt(a, 0, "%ld", (long)a);
	return a;
}

/* Recorded: Cached, Shmem, Mapped + 65536 when read; Committed_AS + 65536 when
 * mapped; all gone after munmap. */
Test(shmem, anonymous_shared_memory_as_recorded)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M);
	struct mmsim_task *t = sim_spawn(m);
	long cached = sim_meminfo(m, "Cached"), as;
	intptr_t a;

	as = sim_meminfo(m, "Committed_AS");
	a = map_shared(t, MB(64), MAP_ANONYMOUS);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as + 65536);
	cr_assert_eq(mmsim_access(t, (uintptr_t)a, MB(64), 0), 0);
	cr_assert_eq(sim_meminfo(m, "Cached"), cached + 65536);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 65536);
	cr_assert_eq(sim_meminfo(m, "Mapped"), 65536);
	cr_assert_eq(sim_meminfo(m, "Inactive(anon)"), 65536);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as + 65536);
	cr_assert_eq(mmsim_munmap(t, (uintptr_t)a, MB(64)), 0);
	cr_assert_eq(sim_meminfo(m, "Cached"), cached);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 0);
	cr_assert_eq(sim_meminfo(m, "Mapped"), 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as);
	sim_shutdown(m);
}

Test(shmem, noreserve_is_charged_page_by_page)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M);
	struct mmsim_task *t = sim_spawn(m);
	long as = sim_meminfo(m, "Committed_AS");
	intptr_t a = map_shared(t, MB(64), MAP_ANONYMOUS | MAP_NORESERVE);

	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as);
	cr_assert_eq(mmsim_access(t, (uintptr_t)a, 40960, 1), 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as + 40);
	mmsim_munmap(t, (uintptr_t)a, MB(64));
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as);
	sim_shutdown(m);
}

/* Recorded: write() of 64 MiB to tmpfs: Cached, Shmem, Committed_AS + 65536,
 * Mapped 0; a mapping of it + Mapped; unlink of an open file nothing; the last
 * close everything. */
Test(shmem, tmpfs_file_as_recorded)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M);
	struct mmsim_task *t = sim_spawn(m);
	static unsigned char buf[1 << 20];
	long as, cached = sim_meminfo(m, "Cached"), slab;
	struct mmsim_file *f;
	intptr_t a;

	as = sim_meminfo(m, "Committed_AS");
	slab = sim_meminfo(m, "SReclaimable");
	cr_assert_eq(mmsim_open(t, "/dev/shm/x", O_RDWR | O_CREAT, &f), 0);
	for (int i = 0; i < 64; i++)
		cr_assert_eq(mmsim_pwrite(t, f, buf, sizeof(buf), (off_t)MB(i)),
			     (ssize_t)sizeof(buf));
	cr_assert_eq(sim_meminfo(m, "Cached"), cached + 65536);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 65536);
	cr_assert_eq(sim_meminfo(m, "Mapped"), 0);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as + 65536);
	slab = sim_meminfo(m, "SReclaimable") - slab;
	cr_assert(slab >= 88 && slab <= 168, "the tree: %ld kB", slab);
	a = mmsim_mmap(t, 0, MB(64), PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as + 65536);
	mmsim_access(t, (uintptr_t)a, MB(64), 0);
	cr_assert_eq(sim_meminfo(m, "Mapped"), 65536);
	mmsim_munmap(t, (uintptr_t)a, MB(64));
	cr_assert_eq(mmsim_unlink(m, "/dev/shm/x"), 0);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 65536);
	mmsim_close(f);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 0);
	cr_assert_eq(sim_meminfo(m, "Cached"), cached);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as);
	sim_shutdown(m);
}

Test(shmem, holes_are_read_without_pages)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m);
	struct mmsim_file *f;
	char buf[100] = "x";

	cr_assert_eq(mmsim_file_create(m, "/tmp/a", (off_t)MB(10), &f), 0);
	cr_assert_eq(mmsim_pread(t, f, buf, 100, 5000), 100);
	cr_assert_eq(buf[0], 0);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 0);
	cr_assert_eq(mmsim_pwrite(t, f, "page", 4, 5000), 4);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 4);
	cr_assert_eq(mmsim_ftruncate(f, 4096), 0);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 0);
	cr_assert_eq(mmsim_file_blocks(f), 0);
	sim_shutdown(m);
}

Test(shmem, a_tmpfs_holds_half_of_the_memory)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m);
	size_t half = (size_t)(3840 + 48839) / 2 * 4096;
	static unsigned char buf[1 << 20];
	struct mmsim_file *f, *g;
	size_t done = 0;
	ssize_t n;
	intptr_t a;

	cr_assert_eq(mmsim_file_create(m, "/tmp/a", 0, &f), 0);
	while ((n = mmsim_pwrite(t, f, buf, sizeof(buf), (off_t)done)) > 0)
		done += (size_t)n;
	cr_assert_eq(n, -ENOSPC);
	cr_assert_eq(done, half);
	cr_assert_eq((size_t)mmsim_file_size(f), half);
	/* the other tmpfs has its own limit */
	cr_assert_eq(mmsim_file_create(m, "/dev/shm/b", 4096, &g), 0);
	cr_assert_eq(mmsim_pwrite(t, g, "x", 1, 0), 1);
	/* through a mapping */
	cr_assert_eq(mmsim_file_create(m, "/tmp/c", 4096, &g), 0);
	a = mmsim_mmap(t, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, g, 0);
	cr_assert_eq(mmsim_access(t, (uintptr_t)a, 1, 1), SIGBUS);
	cr_assert_eq(mmsim_ftruncate(f, (off_t)half - 4096), 0);
	cr_assert_eq(mmsim_access(t, (uintptr_t)a, 1, 1), 0);
	sim_shutdown(m);
}

Test(shmem, mounts_have_a_size)
{
	static const struct {
		const char *spec;
		long shm, tmp; /* pages */
	} cases[] = {
		{"ram=64M", 64512 / 8, 64512 / 8},
		{"ram=64M,tmp_size=1M", 64512 / 8, 256},
		{"ram=64M,shm_size=4097,tmp_size=10%", 2, 1613},
		{"ram=64M,shm_size=1,tmp_size=100%", 1, 16128},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mmsim_machine *m = sim_boot(cases[i].spec);

		cr_assert_eq(m->files->max_tmpfs_pages[PLACE_SHM],
			     (uint64_t)cases[i].shm, "%s", cases[i].spec);
		cr_assert_eq(m->files->max_tmpfs_pages[PLACE_TMP],
			     (uint64_t)cases[i].tmp, "%s", cases[i].spec);
		sim_shutdown(m);
	}
}

/* 1 MiB is full: what fitted was written, the rest is refused, and nothing of
 * the refused page stays. */
Test(shmem, a_full_mount)
{
	struct mmsim_machine *m = sim_boot("ram=64M,shm_size=1M");
	struct mmsim_task *t = sim_spawn(m);
	static unsigned char buf[MB(2)];
	struct mmsim_file *f, *g;
	long as = sim_meminfo(m, "Committed_AS");
	intptr_t a;
	char c = 1;

	cr_assert_eq(mmsim_open(t, "/dev/shm/f", O_RDWR | O_CREAT, &f), 0);
	cr_assert_eq(mmsim_open(t, "/dev/shm/g", O_RDWR | O_CREAT, &g), 0);
	cr_assert_eq(mmsim_pwrite(t, f, buf, sizeof(buf), 0), MB(1));
	cr_assert_eq(mmsim_file_size(f), MB(1));
	cr_assert_eq(mmsim_pwrite(t, f, buf, 10, MB(1) - 5), 5);
	cr_assert_eq(mmsim_pwrite(t, f, buf, 10, MB(1)), -ENOSPC);
	cr_assert_eq(mmsim_pwrite(t, g, buf, 1, 0), -ENOSPC);
	cr_assert_eq(mmsim_file_size(g), 0);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 1024);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as + 1024);
	/* sizes and holes are free */
	cr_assert_eq(mmsim_ftruncate(g, (off_t)MB(1000)), 0);
	cr_assert_eq(mmsim_file_blocks(g), 0);
	cr_assert_eq(mmsim_pread(t, g, &c, 1, (off_t)MB(500)), 1);
	cr_assert_eq(c, 0);
	/* through a mapping, also a load: there is no zero page in tmpfs */
	a = mmsim_mmap(t, 0, MB(1), PROT_READ | PROT_WRITE, MAP_SHARED, g, 0);
	cr_assert_gt(a, 0);
	cr_assert_eq(mmsim_access(t, (uintptr_t)a, 1, 0), SIGBUS);
	cr_assert_eq(mmsim_access(t, (uintptr_t)a, 1, 1), SIGBUS);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 1024);
	sim_validate(m);
	/* one page less of one file is one more of the other */
	cr_assert_eq(mmsim_ftruncate(f, MB(1) - 4096), 0);
	cr_assert_eq(mmsim_access(t, (uintptr_t)a + 8192, 1, 1), 0);
	cr_assert_eq(mmsim_access(t, (uintptr_t)a, 1, 1), SIGBUS);
	cr_assert_eq(mmsim_file_blocks(g), 8);
	cr_assert_eq(mmsim_madvise(t, (uintptr_t)a, MB(1), MADV_REMOVE), 0);
	cr_assert_eq(mmsim_file_blocks(g), 0);
	cr_assert_eq(mmsim_access(t, (uintptr_t)a, 1, 1), 0);
	sim_shutdown(m);
}

Test(shmem, too_many_files)
{
	struct mmsim_machine *m = sim_boot("ram=8M");
	long max = sim_meminfo(m, "MemTotal") / 8 - 1, nr;
	struct mmsim_file *f, *g;
	char path[32];
	int err = 0;

	for (nr = 0; !err; nr++) {
		snprintf(path, sizeof(path), "/tmp/%ld", nr);
		err = mmsim_file_create(m, path, 0, &f);
	}
	cr_assert_eq(err, -ENOSPC, "%d", err);
	cr_assert_eq(nr - 1, max);
	cr_assert_eq(mmsim_file_create(m, "/dev/shm/a", 0, &f), 0);
	/* one that is open still is a file */
	cr_assert_eq(mmsim_open(sim_spawn(m), "/tmp/0", O_RDONLY, &g), 0);
	cr_assert_eq(mmsim_unlink(m, "/tmp/0"), 0);
	cr_assert_eq(mmsim_file_create(m, path, 0, &f), -ENOSPC);
	sim_shutdown(m);
}

Test(shmem, as_shown)
{
	struct mmsim_machine *m = sim_boot("ram=64M,tmp_size=1M");
	struct mmsim_task *t = sim_spawn(m);
	static unsigned char buf[300 << 10];
	struct mmsim_file *f;
	char text[1000], *mounts = sim_proc(m, "/proc/mounts");

	cr_assert_str_eq(mounts, "/dev/vda / ext4 rw,relatime 0 0\n"
				 "tmpfs /dev/shm tmpfs rw,relatime 0 0\n"
				 "tmpfs /tmp tmpfs rw,relatime,size=1024k 0 0\n");
	free(mounts);
	cr_assert_eq(mmsim_open(t, "/tmp/f", O_RDWR | O_CREAT, &f), 0);
	cr_assert_eq(mmsim_pwrite(t, f, buf, sizeof(buf), 0), sizeof(buf));
	cr_assert_gt(mmsim_view(m, "df", text, sizeof(text)), 0);
	cr_assert_not_null(strstr(
		text, "tmpfs                1024        300        724  30% "
		      "/tmp\n"), "%s", text);
	cr_assert_not_null(strstr(
		text, "tmpfs               32256          0      32256   0% "
		      "/dev/shm\n"), "%s", text);
	cr_assert_eq(mmsim_view(m, "df -h", text, sizeof(text)), -EINVAL);
	sim_shutdown(m);
	m = sim_boot("ram=64M,tmp_size=0");
	cr_assert_gt(mmsim_view(m, "df", text, sizeof(text)), 0);
	cr_assert_null(strstr(text, "/tmp"));
	mounts = sim_proc(m, "/proc/mounts");
	cr_assert_not_null(strstr(mounts, "/tmp tmpfs rw,relatime,size=0k"));
	free(mounts);
	sim_shutdown(m);
}

Test(shmem, a_mount_without_a_limit)
{
	struct mmsim_machine *m = sim_boot("ram=64M,shm_size=0");
	struct mmsim_task *t = sim_spawn(m);
	static unsigned char buf[MB(48)];
	struct mmsim_file *f;

	cr_assert_eq(mmsim_open(t, "/dev/shm/f", O_RDWR | O_CREAT, &f), 0);
	cr_assert_eq(mmsim_pwrite(t, f, buf, sizeof(buf), 0), sizeof(buf));
	sim_shutdown(m);
}

/* What shm_open(3) and its like do: it survives close, and the name. */
Test(shmem, posix_shared_memory)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *t = sim_spawn(m), *u = sim_spawn(m);
	long as = sim_meminfo(m, "Committed_AS");
	struct mmsim_file *f;
	intptr_t a, b;
	char c = 0, *text;

	cr_assert_eq(mmsim_open(t, "/dev/shm/obj", O_RDWR | O_CREAT | O_EXCL,
				&f), 0);
	cr_assert_eq(mmsim_ftruncate(f, (off_t)MB(1)), 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as);
	a = mmsim_mmap(t, 0, MB(1), PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
	mmsim_close(f);
	cr_assert_eq(mmsim_store(t, (uintptr_t)a + 5000, "s", 1), 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as + 4);
	cr_assert_eq(mmsim_munmap(t, (uintptr_t)a, MB(1)), 0);
	mmsim_task_exit(t, 0);
	cr_assert_eq(mmsim_open(u, "/dev/shm/obj", O_RDWR | O_CREAT | O_EXCL,
				&f), -EEXIST);
	cr_assert_eq(mmsim_open(u, "/dev/shm/obj", O_RDWR, &f), 0);
	cr_assert_eq(mmsim_file_size(f), MB(1));
	b = mmsim_mmap(u, 0, MB(1), PROT_READ, MAP_SHARED, f, 0);
	cr_assert_eq(mmsim_load(u, (uintptr_t)b + 5000, &c, 1), 0);
	cr_assert_eq(c, 's');
	cr_assert_eq(mmsim_unlink(m, "/dev/shm/obj"), 0);
	mmsim_close(f);
	cr_assert_eq(mmsim_open(u, "/dev/shm/obj", O_RDWR, &f), -ENOENT);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 4);
	text = sim_task_proc(m, u, "maps");
	cr_assert_not_null(strstr(text, "/dev/shm/obj (deleted)\n"));
	free(text);
	mmsim_munmap(u, (uintptr_t)b, MB(1));
	cr_assert_eq(sim_meminfo(m, "Shmem"), 0);
	sim_shutdown(m);
}

/* What others have in the cache is told to those who may write it. */
Test(shmem, whom_mincore_tells)
{
	static const char *const paths[] = {"/dev/shm/f", "/data/f"};

	for (int i = 0; i < 2; i++) {
		struct mmsim_machine *m = sim_boot("ram=64M");
		struct mmsim_task *t = sim_spawn(m), *u = sim_spawn(m);
		unsigned char core = 9;
		struct mmsim_file *f, *g;
		intptr_t a;

		mmsim_task_set_uid(t, 1000);
		mmsim_task_set_uid(u, 1001);
		cr_assert_eq(mmsim_open(t, paths[i], O_RDWR | O_CREAT, &f), 0);
		cr_assert_eq(mmsim_ftruncate(f, 4096), 0);
		cr_assert_eq(mmsim_open(t, paths[i], O_RDONLY, &g), 0);
		a = mmsim_mmap(t, 0, 4096, PROT_READ, MAP_SHARED, g, 0);
		cr_assert_eq(mmsim_mincore(t, (uintptr_t)a, 1, &core), 0);
		cr_assert_eq(core, 0, "its own");
		a = mmsim_mmap(u, 0, 4096, PROT_READ, MAP_SHARED, g, 0);
		cr_assert_eq(mmsim_mincore(u, (uintptr_t)a, 1, &core), 0);
		cr_assert_eq(core, 1, "somebody else's");
		a = mmsim_mmap(u, 0, 4096, PROT_READ, MAP_SHARED, f, 0);
		cr_assert_eq(mmsim_mincore(u, (uintptr_t)a, 1, &core), 0);
		cr_assert_eq(core, 0, "open for writing");
		a = map_shared(u, 4096, MAP_ANONYMOUS);
		cr_assert_eq(mmsim_mincore(u, (uintptr_t)a, 1, &core), 0);
		cr_assert_eq(core, 0);
		sim_shutdown(m);
	}
}

/* Recorded: 64 MiB of tmpfs are written, drop_caches, mapped and loaded: 16380
 * minor faults, one for each page but the last four of 16384, which were still
 * in a per-CPU batch of 15 (there are none here).  Without drop_caches: one for
 * 16 pages.  And: of what was only read, nothing need be kept. */
Test(shmem, drop_caches)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *t = sim_spawn(m);
	static unsigned char buf[MB(1)];
	struct mmsim_usage before, after;
	struct mmsim_file *f, *g;
	unsigned char c;
	intptr_t a;

	memset(buf, 7, sizeof(buf));
	cr_assert_eq(mmsim_open(t, "/tmp/f", O_RDWR | O_CREAT, &f), 0);
	cr_assert_eq(mmsim_pwrite(t, f, buf, MB(1), 0), MB(1));
	for (int dropped = 0; dropped < 2; dropped++) {
		if (dropped)
			sim_write(m, "/proc/sys/vm/drop_caches", "3");
		cr_assert_eq(sim_meminfo(m, "Shmem"), 1024);
		a = mmsim_mmap(t, 0x20000000, MB(1), PROT_READ, MAP_SHARED, f,
			       0);
		mmsim_task_usage(t, &before);
		cr_assert_eq(mmsim_access(t, (uintptr_t)a, MB(1), 0), 0);
		mmsim_task_usage(t, &after);
		cr_assert_eq(after.min_flt - before.min_flt, dropped ? 256 : 16);
		cr_assert_eq(mmsim_load(t, (uintptr_t)a + MB(1) - 1, &c, 1), 0);
		cr_assert_eq(c, 7);
		mmsim_munmap(t, (uintptr_t)a, MB(1));
	}
	cr_assert_eq(mmsim_file_create(m, "/tmp/g", MB(1), &g), 0);
	a = mmsim_mmap(t, 0, MB(1), PROT_READ, MAP_SHARED, g, 0);
	cr_assert_eq(mmsim_access(t, (uintptr_t)a, MB(1), 0), 0);
	sim_write(m, "/proc/sys/vm/drop_caches", "3");
	cr_assert_eq(sim_meminfo(m, "Shmem"), 2048);
	mmsim_munmap(t, (uintptr_t)a, MB(1));
	sim_write(m, "/proc/sys/vm/drop_caches", "3");
	cr_assert_eq(sim_meminfo(m, "Shmem"), 1024);
	cr_assert_eq(mmsim_file_blocks(g), 0);
	cr_assert_eq(mmsim_pread(t, f, buf, MB(1), 0), MB(1));
	cr_assert_eq(buf[MB(1) - 1], 7);
	sim_shutdown(m);
}

Test(shmem, a_child_sees_the_parents_stores)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m), *child;
	intptr_t a = map_shared(t, 8192, MAP_ANONYMOUS);
	long as;
	char c;

	cr_assert_eq(mmsim_task_fork(t, &child), 0);
	as = sim_meminfo(m, "Committed_AS");
	cr_assert_eq(mmsim_store(t, (uintptr_t)a, "p", 1), 0);
	cr_assert_eq(mmsim_load(child, (uintptr_t)a, &c, 1), 0);
	cr_assert_eq(c, 'p');
	cr_assert_eq(mmsim_store(child, (uintptr_t)a + 4096, "c", 1), 0);
	mmsim_munmap(t, (uintptr_t)a, 4096);
	cr_assert_eq(mmsim_load(t, (uintptr_t)a + 4096, &c, 1), 0);
	cr_assert_eq(c, 'c');
	mmsim_munmap(t, (uintptr_t)a + 4096, 4096);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 8, "the child has it");
	mmsim_task_exit(child, 0);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 0);
	cr_assert_lt(sim_meminfo(m, "Committed_AS"), as);
	sim_shutdown(m);
}

Test(shmem, mode_2_refuses_what_was_not_promised)
{
	struct mmsim_machine *m = sim_boot(SIM_256M ",vm.overcommit_memory=2");
	struct mmsim_task *t = sim_spawn(m);
	static unsigned char buf[1 << 20];
	struct mmsim_file *f;
	long limit = sim_meminfo(m, "CommitLimit");
	size_t done = 0;
	ssize_t n;

	cr_assert_eq(mmsim_mmap(t, 0, MB(200), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, NULL, 0),
		     -ENOMEM);
	/* tmpfs: the page that is one too many */
	cr_assert_eq(mmsim_file_create(m, "/tmp/a", 0, &f), 0);
	while ((n = mmsim_pwrite(t, f, buf, sizeof(buf), (off_t)done)) > 0)
		done += (size_t)n;
	cr_assert_eq(n, -ENOSPC);
	cr_assert_lt(sim_meminfo(m, "Committed_AS"), limit);
	cr_assert_gt(sim_meminfo(m, "Committed_AS"), limit - 300);
	sim_shutdown(m);
}

/* Both tmpfs together hold all of the memory: the writer is killed, and what is
 * in them stays. */
Test(shmem, tmpfs_can_fill_the_memory)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m);
	static unsigned char buf[1 << 20];
	struct mmsim_file *f[2];
	size_t done = 0;
	ssize_t n;

	cr_assert_eq(mmsim_file_create(m, "/tmp/a", 0, &f[0]), 0);
	cr_assert_eq(mmsim_file_create(m, "/dev/shm/a", 0, &f[1]), 0);
	for (int i = 0; i < 2; i++) {
		done = 0;
		while ((n = mmsim_pwrite(t, f[i], buf, sizeof(buf),
					 (off_t)done)) > 0)
			done += (size_t)n;
		if (i == 0)
			cr_assert_eq(n, -ENOSPC);
	}
	cr_assert_eq(n, -ESRCH, "%zd", n);
	cr_assert(!mmsim_task_is_alive(t));
	cr_assert(mmsim_task_is_oom_victim(t));
	cr_assert_gt(sim_meminfo(m, "Shmem"), 190000);
	sim_validate(m);
	mmsim_unlink(m, "/tmp/a");
	mmsim_unlink(m, "/dev/shm/a");
	mmsim_close(f[0]);
	mmsim_close(f[1]);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), 0);
	sim_shutdown(m);
}

/* The same through the page cache of a file: part of the page's way fails. */
Test(shmem, failed_pages_leave_no_trace)
{
	struct mmsim_machine *m = sim_boot("ram=16M,vm.overcommit_memory=1");
	struct mmsim_task *t = sim_spawn(m);
	intptr_t a = mmsim_mmap(t, 0, MB(64), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, NULL, 0);

	cr_assert_gt(a, 0);
	cr_assert_eq(mmsim_access(t, (uintptr_t)a, MB(64), 1), SIGKILL);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), 0);
	sim_shutdown(m);
}

/* Files of both kinds, shared and private mappings, and tasks that are killed
 * in the middle of it all: the books must hold.  Files are mapped and unlinked,
 * so that their last reference is often a victim's area. */
enum { PRESSURE_TASKS = 4, PRESSURE_FILES = 6, PRESSURE_BYTES = 3 << 20 };

struct pressure {
	struct mmsim_machine *m;
	struct rng rng;
	struct mmsim_task *tasks[PRESSURE_TASKS];
	intptr_t areas[PRESSURE_TASKS];
	struct mmsim_file *files[PRESSURE_FILES];
	unsigned nr_killed, nr_full, nr_done;
};

static void pressure_task(struct pressure *p, unsigned i)
{
	if (p->tasks[i] && mmsim_task_is_alive(p->tasks[i]))
		return;
	if (p->tasks[i]) {
		mmsim_task_put(p->tasks[i]);
		p->nr_killed++;
	}
	p->tasks[i] = NULL;
	p->areas[i] = 0;
	mmsim_task_spawn(p->m, "pressure", &p->tasks[i]);
}

static void pressure_file(struct pressure *p, unsigned i)
{
	static const char *const dirs[3] = {"/data", "/tmp", "/dev/shm"};
	char path[32];

	snprintf(path, sizeof(path), "%s/f%u", dirs[i % 3], i);
	if (p->files[i]) {
		mmsim_unlink(p->m, path);
		mmsim_close(p->files[i]);
		p->files[i] = NULL;
	} else if (mmsim_file_create(p->m, path, PRESSURE_BYTES,
				     &p->files[i])) {
		p->files[i] = NULL;
	}
}

static void pressure_io(struct pressure *p, struct mmsim_task *task,
			struct mmsim_file *file)
{
	static unsigned char buf[70000];
	off_t at = (off_t)rng_below(&p->rng, PRESSURE_BYTES);
	ssize_t n;

	switch (rng_below(&p->rng, 6)) {
	case 0:
		n = mmsim_ftruncate(file, at);
		break;
	case 1:
		n = mmsim_fsync(task, file);
		break;
	case 2:
		n = mmsim_pread(task, file, buf, sizeof(buf), at);
		break;
	default:
		memset(buf, (int)at, sizeof(buf));
		n = mmsim_pwrite(task, file, buf, sizeof(buf), at);
	}
	p->nr_full += n == -ENOSPC;
	p->nr_done += n >= 0;
}

static void pressure_map(struct pressure *p, unsigned i, unsigned f)
{
	int type = rng_below(&p->rng, 3) ? MAP_SHARED : MAP_PRIVATE;
	struct mmsim_file *file = rng_below(&p->rng, 4) ? p->files[f] : NULL;

	if (p->areas[i] > 0)
		mmsim_munmap(p->tasks[i], (uintptr_t)p->areas[i],
			     PRESSURE_BYTES);
	p->areas[i] = mmsim_mmap(p->tasks[i], 0, PRESSURE_BYTES,
				 PROT_READ | PROT_WRITE,
				 type | (file ? 0 : MAP_ANONYMOUS), file, 0);
}

static void pressure_step(struct pressure *p)
{
	unsigned i = (unsigned)rng_below(&p->rng, PRESSURE_TASKS);
	unsigned f = (unsigned)rng_below(&p->rng, PRESSURE_FILES);

	pressure_task(p, i);
	if (!p->tasks[i])
		return;
	switch (rng_below(&p->rng, 8)) {
	case 0:
		pressure_file(p, f);
		break;
	case 1:
	case 2:
		pressure_map(p, i, f);
		break;
	case 3:
	case 4:
	case 5:
		if (p->areas[i] > 0)
			mmsim_access(
				p->tasks[i],
				(uintptr_t)p->areas[i] +
					rng_below(&p->rng, PRESSURE_BYTES / 2),
				PRESSURE_BYTES / 2, (int)rng_below(&p->rng, 2));
		break;
	default:
		if (p->files[f])
			pressure_io(p, p->tasks[i], p->files[f]);
	}
}

Test(shmem, random_work_with_too_little_memory)
{
	struct pressure p = {.rng = {12}};
	unsigned steps = 9000;

	p.m = sim_boot("ram=8M,vm.overcommit_memory=1");
	for (unsigned i = 0; i < steps; i++) {
		pressure_step(&p);
		if (mmsim_machine_has_panicked(p.m))
			break;
		if (i % 100 == 0)
			sim_validate(p.m);
		/* what only reclaim could free */
		if (i % 100 == 0)
			for (unsigned f = 0; f < PRESSURE_FILES; f++)
				if (p.files[f])
					mmsim_ftruncate(p.files[f], 0);
	}
	sim_validate(p.m);
	cr_assert(!mmsim_machine_has_panicked(p.m));
	cr_expect_gt(p.nr_killed, 5, "%u killed", p.nr_killed);
	cr_expect_gt(p.nr_full, 0);
	cr_expect_gt(p.nr_done, 100);
	mmsim_machine_shutdown(p.m);
}
