/*
 * shm.c: System V shared memory.
 */
#include "sim.h"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/shm.h>

#define MB(n) ((size_t)(n) << 20)

enum { KEY = 0x1234abcd };

static int get(struct mmsim_task *t, int key, size_t size, int flags)
{
	int id = mmsim_shmget(t, key, size, flags);

	cr_assert_geq(id, 0, "%d", id);
	return id;
}

static uintptr_t attach(struct mmsim_task *t, int id, int flags)
{
	intptr_t a = mmsim_shmat(t, id, 0, flags);

	cr_assert_gt(a, 0, "%ld", (long)a);
	return (uintptr_t)a;
}

static struct shmid_ds stat_of(struct mmsim_task *t, int id)
{
	struct shmid_ds ds;

	cr_assert_eq(mmsim_shmctl(t, id, IPC_STAT, &ds), 0);
	return ds;
}

/* Recorded: Committed_AS at shmget; Cached and Shmem at touch; Mapped while
 * attached; all of it stays after shmdt and drop_caches, and goes with
 * IPC_RMID. */
Test(shm, life_of_a_segment_as_recorded)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M);
	struct mmsim_task *t = sim_spawn(m);
	long cached = sim_meminfo(m, "Cached"), as;
	uintptr_t p;
	int id;

	as = sim_meminfo(m, "Committed_AS");
	id = get(t, IPC_PRIVATE, MB(64), IPC_CREAT | 0600);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as + 65536);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 0);
	p = attach(t, id, 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as + 65536);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 0);
	cr_assert_eq(mmsim_access(t, p, MB(64), 1), 0);
	cr_assert_eq(sim_meminfo(m, "Cached"), cached + 65536);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 65536);
	cr_assert_eq(sim_meminfo(m, "Mapped"), 65536);
	cr_assert_eq(sim_smaps_of(m, t, p, "Rss"), 65536);
	cr_assert_eq(mmsim_shmdt(t, p), 0);
	cr_assert_eq(sim_meminfo(m, "Mapped"), 0);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 65536);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as + 65536);
	cr_assert_eq(mmsim_shmctl(t, id, IPC_RMID, NULL), 0);
	cr_assert_eq(sim_meminfo(m, "Cached"), cached);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as);
	sim_shutdown(m);
}

Test(shm, it_outlives_tasks)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m), *u;
	int id = get(t, KEY, 10000, IPC_CREAT | 0600);
	uintptr_t p = attach(t, id, 0), q;
	char c = 0;

	cr_assert_eq(mmsim_store(t, p + 9999, "x", 1), 0);
	mmsim_task_exit(t, 0);
	u = sim_spawn(m);
	cr_assert_eq(get(u, KEY, 0, 0), id);
	q = attach(u, id, SHM_RDONLY);
	cr_assert_eq(mmsim_load(u, q + 9999, &c, 1), 0);
	cr_assert_eq(c, 'x');
	cr_assert_eq(mmsim_store(u, q, "y", 1), SIGSEGV);
	cr_assert_eq(mmsim_mprotect(u, q, 4096, PROT_READ | PROT_WRITE),
		     -EACCES);
	cr_assert_eq(stat_of(u, id).shm_nattch, 1);
	cr_assert_eq(stat_of(u, id).shm_cpid, mmsim_task_pid(t));
	sim_shutdown(m);
}

/* nattch is the number of areas. */
Test(shm, what_counts_as_attached)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m), *child;
	int id = get(t, IPC_PRIVATE, MB(1), 0600), pid;
	uintptr_t p = attach(t, id, 0);

	cr_assert_eq(stat_of(t, id).shm_nattch, 1);
	cr_assert_eq(mmsim_mprotect(t, p + 4096, 4096, PROT_READ), 0);
	cr_assert_eq(stat_of(t, id).shm_nattch, 3);
	cr_assert_eq(mmsim_task_fork(t, &child), 0);
	pid = mmsim_task_pid(child);
	cr_assert_eq(stat_of(t, id).shm_nattch, 6);
	cr_assert_eq(stat_of(t, id).shm_lpid, mmsim_task_pid(t));
	mmsim_task_exit(child, 0);
	cr_assert_eq(stat_of(t, id).shm_nattch, 3);
	cr_assert_eq(stat_of(t, id).shm_lpid, pid);
	cr_assert_eq(mmsim_shmdt(t, p), 0);
	cr_assert_eq(stat_of(t, id).shm_nattch, 0);
	cr_assert_eq(mmsim_shmdt(t, p), -EINVAL);
	/* munmap detaches as well */
	p = attach(t, id, 0);
	cr_assert_eq(mmsim_munmap(t, p, MB(1)), 0);
	cr_assert_eq(stat_of(t, id).shm_nattch, 0);
	sim_shutdown(m);
}

Test(shm, areas_are_not_joined_again)
{
	static const char *const profiles[] = {"linux-6.1", "linux-6.18"};

	for (int i = 0; i < 2; i++) {
		struct mmsim_machine *m;
		struct mmsim_task *t;
		char spec[64];
		uintptr_t p;
		int id;

		snprintf(spec, sizeof(spec), "ram=64M,profile=%s", profiles[i]);
		m = sim_boot(spec);
		t = sim_spawn(m);
		id = get(t, IPC_PRIVATE, 8 * 4096, 0600);
		p = attach(t, id, 0);
		mmsim_mprotect(t, p + 4 * 4096, 4 * 4096, PROT_READ);
		cr_assert_eq(stat_of(t, id).shm_nattch, 2);
		/* a border can move only in the newer one */
		mmsim_mprotect(t, p + 4 * 4096, 4096, PROT_READ | PROT_WRITE);
		cr_assert_eq(stat_of(t, id).shm_nattch, i ? 2 : 3);
		mmsim_mprotect(t, p + 4 * 4096, 4 * 4096,
			       PROT_READ | PROT_WRITE);
		cr_assert_eq(stat_of(t, id).shm_nattch, i ? 2 : 3);
		cr_assert_eq(mmsim_shmdt(t, p), 0);
		cr_assert_eq(stat_of(t, id).shm_nattch, 0);
		sim_shutdown(m);
	}
}

Test(shm, a_marked_segment_goes_with_its_last_area)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	struct mmsim_task *t = sim_spawn(m), *child;
	int id = get(t, KEY, MB(1), IPC_CREAT | 0600), other;
	long as = sim_meminfo(m, "Committed_AS");
	uintptr_t p = attach(t, id, 0), q;
	struct shmid_ds ds;

	mmsim_access(t, p, MB(1), 1);
	cr_assert_eq(mmsim_shmctl(t, id, IPC_RMID, NULL), 0);
	cr_assert_eq(stat_of(t, id).shm_perm.mode, 0600 | SHM_DEST);
	cr_assert_eq(mmsim_shmctl(t, id, IPC_RMID, NULL), 0, "again");
	/* the key is free, the id is still good */
	cr_assert_eq(mmsim_shmget(t, KEY, 0, 0), -ENOENT);
	other = get(t, KEY, 4096, IPC_CREAT | IPC_EXCL | 0600);
	cr_assert_neq(other, id);
	q = attach(t, id, 0);
	cr_assert_eq(mmsim_task_fork(t, &child), 0);
	mmsim_shmdt(t, p);
	mmsim_shmdt(t, q);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 1024);
	mmsim_task_kill(child, SIGKILL);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 0);
	cr_assert_eq(mmsim_shmctl(t, id, IPC_STAT, &ds), -EINVAL);
	cr_assert_eq(mmsim_shmat(t, id, 0, 0), -EINVAL);
	mmsim_shmctl(t, other, IPC_RMID, NULL);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as - 1024);
	sim_shutdown(m);
}

/* Newer kernels: in a circle of 64 indices; older: the lowest free one. */
Test(shm, ids)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *t = sim_spawn(m);
	struct shmid_ds ds;
	int first = get(t, IPC_PRIVATE, 1, 0600), id;

	cr_assert_eq(first, 0);
	for (int i = 1; i < 64; i++) {
		id = get(t, IPC_PRIVATE, 1, 0600);
		cr_assert_eq(id, i);
		mmsim_shmctl(t, id, IPC_RMID, NULL);
	}
	cr_assert_eq(get(t, IPC_PRIVATE, 1, 0600), 32768 + 1);
	cr_assert_eq(mmsim_shmctl(t, 1, IPC_STAT, &ds), -EINVAL);
	cr_assert_eq(mmsim_shmctl(t, 1, SHM_STAT, &ds), 32769);
	cr_assert_eq(mmsim_shmctl(t, 1, SHM_STAT_ANY, &ds), 32769);
	cr_assert_eq(mmsim_shmctl(t, 2, SHM_STAT, &ds), -EINVAL);
	sim_shutdown(m);

	m = sim_boot("ram=64M,profile=linux-2.6.32");
	t = sim_spawn(m);
	cr_assert_eq(get(t, IPC_PRIVATE, 1, 0600), 0);
	cr_assert_eq(get(t, IPC_PRIVATE, 1, 0600), 32769);
	id = get(t, IPC_PRIVATE, 1, 0600);
	cr_assert_eq(id, 65538);
	mmsim_shmctl(t, id, IPC_RMID, NULL);
	cr_assert_eq(mmsim_shmctl(t, id, IPC_STAT, &ds), -EINVAL);
	cr_assert_eq(get(t, IPC_PRIVATE, 1, 0600), 98306);
	cr_assert_eq(mmsim_shmctl(t, id, IPC_STAT, &ds), -EIDRM);
	cr_assert_eq(mmsim_shmat(t, id, 0, 0), -EIDRM);
	sim_shutdown(m);
}

Test(shm, keys)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *t = sim_spawn(m);
	int id;

	cr_assert_eq(mmsim_shmget(t, KEY, 1, 0600), -ENOENT);
	id = get(t, KEY, 5000, IPC_CREAT | 0600);
	cr_assert_eq(get(t, KEY, 5000, 0), id);
	cr_assert_eq(get(t, KEY, 0, IPC_CREAT), id);
	cr_assert_eq(mmsim_shmget(t, KEY, 5001, 0), -EINVAL);
	cr_assert_eq(mmsim_shmget(t, KEY, 1, IPC_CREAT | IPC_EXCL), -EEXIST);
	cr_assert_eq(get(t, KEY, 1, IPC_EXCL), id);
	cr_assert_neq(get(t, IPC_PRIVATE, 1, 0), id);
	sim_shutdown(m);
}

Test(shm, limits)
{
	struct mmsim_machine *m = sim_boot("ram=64M,kernel.shmmax=100000,"
					   "kernel.shmall=30,kernel.shmmni=3");
	struct mmsim_task *t = sim_spawn(m);
	struct shminfo limits;
	struct shm_info used;
	int id;

	cr_assert_eq(mmsim_shmget(t, IPC_PRIVATE, 100001, 0600), -EINVAL);
	id = get(t, IPC_PRIVATE, 100000, 0600); /* 25 pages */
	cr_assert_eq(mmsim_shmget(t, IPC_PRIVATE, 5 * 4096 + 1, 0600), -ENOSPC);
	get(t, IPC_PRIVATE, 4 * 4096, 0600);
	get(t, IPC_PRIVATE, 1, 0600);
	cr_assert_eq(mmsim_shmget(t, IPC_PRIVATE, 1, 0600), -ENOSPC);
	sim_write(m, "/proc/sys/kernel/shmall", "100");
	cr_assert_eq(mmsim_shmget(t, IPC_PRIVATE, 1, 0600), -ENOSPC);
	cr_assert_eq(mmsim_shmctl(t, 0, IPC_INFO, &limits), 2);
	cr_assert_eq(limits.shmmax, 100000);
	cr_assert_eq(limits.shmmin, 1);
	cr_assert_eq(limits.shmmni, 3);
	cr_assert_eq(limits.shmseg, 3);
	cr_assert_eq(limits.shmall, 100);
	mmsim_access(t, attach(t, id, 0), 8192, 1);
	cr_assert_eq(mmsim_shmctl(t, 0, SHM_INFO, &used), 2);
	cr_assert_eq(used.used_ids, 3);
	cr_assert_eq(used.shm_tot, 30);
	cr_assert_eq(used.shm_rss, 2);
	cr_assert_eq(used.shm_swp, 0);
	/* a failed one has taken nothing */
	mmsim_shmctl(t, id, IPC_RMID, NULL);
	sim_shutdown(m);
}

Test(shm, promises)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *t = sim_spawn(m);
	long as = sim_meminfo(m, "Committed_AS");
	uintptr_t p;
	int id;

	/* mode 0: one request above all of RAM */
	cr_assert_eq(mmsim_shmget(t, IPC_PRIVATE, MB(65), 0600), -ENOMEM);
	id = get(t, IPC_PRIVATE, MB(100), SHM_NORESERVE | 0600);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as);
	p = attach(t, id, 0);
	mmsim_access(t, p, MB(1), 1);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as + 1024);
	mmsim_shmdt(t, p);
	mmsim_shmctl(t, id, IPC_RMID, NULL);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as);
	/* mode 2 charges it all the same */
	sim_write(m, "/proc/sys/vm/overcommit_memory", "2");
	cr_assert_eq(mmsim_shmget(t, IPC_PRIVATE, MB(40), SHM_NORESERVE | 0600),
		     -ENOMEM);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), as);
	cr_assert_eq(mmsim_shmget(t, IPC_PRIVATE, MB(2), SHM_HUGETLB | 0600),
		     -ENOMEM);
	sim_shutdown(m);
}

Test(shm, permissions)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *t = sim_spawn(m), *u = sim_spawn(m);
	struct shmid_ds ds;
	int id;

	mmsim_task_set_uid(t, 1000);
	mmsim_task_set_uid(u, 1001);
	id = get(t, KEY, 4096, IPC_CREAT | 0604);
	cr_assert_eq(get(u, KEY, 0, 0444), id);
	cr_assert_eq(mmsim_shmget(u, KEY, 0, 0222), -EACCES);
	cr_assert_eq(mmsim_shmat(u, id, 0, 0), -EACCES);
	cr_assert_eq(mmsim_shmat(u, id, 0, SHM_RDONLY | SHM_EXEC), -EACCES);
	attach(u, id, SHM_RDONLY);
	attach(t, id, 0);
	cr_assert_eq(mmsim_shmctl(u, id, IPC_STAT, &ds), 0);
	cr_assert_eq(mmsim_shmctl(u, id, IPC_SET, &ds), -EPERM);
	cr_assert_eq(mmsim_shmctl(u, id, IPC_RMID, NULL), -EPERM);
	cr_assert_eq(mmsim_shmctl(u, id, SHM_LOCK, NULL), -EPERM);
	cr_assert_eq(mmsim_shmctl(u, id, SHM_UNLOCK, NULL), -EPERM);
	/* the owner gives it away, and stays the creator */
	ds.shm_perm.uid = 1001;
	ds.shm_perm.gid = 1001;
	ds.shm_perm.mode = 07400;
	cr_assert_eq(mmsim_shmctl(t, id, IPC_SET, &ds), 0);
	ds = stat_of(u, id);
	cr_assert_eq(ds.shm_perm.mode, 0400);
	cr_assert_eq(ds.shm_perm.uid, 1001);
	cr_assert_eq(ds.shm_perm.cuid, 1000);
	cr_assert_eq(mmsim_shmat(u, id, 0, 0), -EACCES);
	ds.shm_perm.uid = (uid_t)-1;
	cr_assert_eq(mmsim_shmctl(u, id, IPC_SET, &ds), -EINVAL);
	cr_assert_eq(mmsim_shmctl(t, id, IPC_RMID, NULL), 0);
	/* nobody may read it */
	id = get(t, IPC_PRIVATE, 1, 0);
	cr_assert_eq(mmsim_shmctl(t, id, IPC_STAT, &ds), -EACCES);
	cr_assert_eq(mmsim_shmctl(t, id & 32767, SHM_STAT, &ds), -EACCES);
	cr_assert_eq(mmsim_shmctl(t, id & 32767, SHM_STAT_ANY, &ds), id);
	sim_shutdown(m);
}

Test(shm, where_it_is_attached)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *t = sim_spawn(m);
	int id = get(t, IPC_PRIVATE, 3 * 4096, 0600);
	const uintptr_t at = 0x10000000;

	cr_assert_eq(mmsim_shmat(t, id, at + 1, 0), -EINVAL);
	cr_assert_eq(mmsim_shmat(t, id, at + 1, SHM_RND), at);
	cr_assert_eq(mmsim_shmat(t, id, at + 8192, 0), -EINVAL, "in the way");
	cr_assert_eq(mmsim_shmat(t, id, at + 8192, SHM_REMAP), at + 8192);
	cr_assert_eq(stat_of(t, id).shm_nattch, 2);
	cr_assert_eq(mmsim_shmat(t, id, 0, SHM_REMAP), -EINVAL);
	cr_assert_eq(mmsim_shmat(t, id, 1, SHM_RND | SHM_REMAP), -EINVAL);
	cr_assert_eq(mmsim_shmat(t, id, UINTPTR_MAX - 4095, 0), -EINVAL);
	/* what is left of the first, and then the second */
	cr_assert_eq(mmsim_shmdt(t, at), 0);
	cr_assert_eq(stat_of(t, id).shm_nattch, 1);
	cr_assert_eq(mmsim_shmdt(t, at + 4096), -EINVAL);
	cr_assert_eq(mmsim_shmdt(t, at + 8193), -EINVAL);
	cr_assert_eq(mmsim_shmdt(t, at + 8192), 0);
	/* the first page is gone: it is still found by where it began */
	cr_assert_eq(mmsim_shmat(t, id, at, 0), at);
	mmsim_munmap(t, at, 4096);
	cr_assert_eq(mmsim_shmdt(t, at), 0);
	cr_assert_eq(stat_of(t, id).shm_nattch, 0);
	mmsim_task_set_uid(t, 1000);
	cr_assert_eq(mmsim_shmat(t, id, 1, SHM_RND), -EACCES);
	cr_assert_eq(stat_of(sim_spawn(m), id).shm_nattch, 0);
	sim_shutdown(m);
}

Test(shm, as_shown)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *t = sim_spawn(m);
	int a = get(t, KEY, 10000, IPC_CREAT | 0640), b;
	char *text, line[256], maps[160];
	uintptr_t p;

	b = get(t, IPC_PRIVATE, 4096, 0600);
	p = attach(t, a, 0);
	mmsim_access(t, p + 8192, 1, 1);
	attach(t, b, SHM_RDONLY);
	mmsim_shmctl(t, b, IPC_RMID, NULL);
	mmsim_shmctl(t, b, SHM_LOCK, NULL);
	text = sim_proc(m, "/proc/sysvipc/shm");
	snprintf(line, sizeof(line),
		 " 305441741          0   640                 10000 %5d %5d"
		 "      1     0     0     0     0          0          0"
		 "          0                  4096                     0\n",
		 mmsim_task_pid(t), mmsim_task_pid(t));
	cr_assert_not_null(strstr(text, line), "%s\n%s", text, line);
	snprintf(
		line, sizeof(line),
		"       key      shmid perms                  size  cpid  lpid "
		"nattch   uid   gid  cuid  cgid      atime      dtime      "
		"ctime                   rss                  swap\n");
	cr_assert_eq(strncmp(text, line, strlen(line)), 0, "%s", text);
	cr_assert_not_null(strstr(text, "         0          1  3600  "));
	free(text);
	text = sim_task_proc(m, t, "maps");
	snprintf(maps, sizeof(maps), "%lx-%lx rw-s 00000000 00:01 0 ",
		 (unsigned long)p, (unsigned long)p + 12288);
	snprintf(line, sizeof(line), "%-72s /SYSV1234abcd (deleted)\n", maps);
	cr_assert_not_null(strstr(text, line), "%s", text);
	cr_assert_not_null(strstr(text, "r--s 00000000 00:01 1  "));
	cr_assert_not_null(strstr(text, " /SYSV00000000 (deleted)\n"));
	free(text);
	text = sim_task_proc(m, t, "numa_maps");
	cr_assert_not_null(strstr(text,
				  " default file=/SYSV1234abcd\\040(deleted) "
				  "dirty=1 active=0 N0=1 kernelpagesize_kB=4\n"),
			   "%s", text);
	free(text);
	sim_shutdown(m);

	m = sim_boot("ram=64M,profile=linux-2.6.32");
	text = sim_proc(m, "/proc/sysvipc/shm");
	cr_assert_null(strstr(text, "rss"));
	free(text);
	sim_shutdown(m);
}

Test(shm, times)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *t = sim_spawn(m);
	struct shmid_ds ds;
	uintptr_t p;
	int id;

	mmsim_idle(m, 5000000000);
	id = get(t, IPC_PRIVATE, 1, 0600);
	mmsim_idle(m, 5000000000);
	p = attach(t, id, 0);
	mmsim_idle(m, 5000000000);
	mmsim_shmdt(t, p);
	mmsim_idle(m, 5000000000);
	ds = stat_of(t, id);
	cr_assert_eq(ds.shm_ctime, 5);
	cr_assert_eq(ds.shm_atime, 10);
	cr_assert_eq(ds.shm_dtime, 15);
	mmsim_shmctl(t, id, IPC_SET, &ds);
	cr_assert_eq(stat_of(t, id).shm_ctime, 20);
	sim_shutdown(m);
}

Test(shm, locked_segments)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *t = sim_spawn(m);
	int id, other;
	uintptr_t p;

	mmsim_task_set_uid(t, 1000);
	mmsim_task_set_rlimit(t, RLIMIT_MEMLOCK, MB(1), MB(1));
	id = get(t, IPC_PRIVATE, MB(1), 0600);
	other = get(t, IPC_PRIVATE, 1, 0600);
	p = attach(t, id, 0);
	mmsim_access(t, p, MB(1) / 2, 1);
	cr_assert_eq(mmsim_shmctl(t, id, SHM_LOCK, NULL), 0);
	cr_assert_eq(mmsim_shmctl(t, id, SHM_LOCK, NULL), 0);
	cr_assert_eq(stat_of(t, id).shm_perm.mode, 0600 | SHM_LOCKED);
	cr_assert_eq(mmsim_shmctl(t, other, SHM_LOCK, NULL), -ENOMEM);
	/* those made from now on are unevictable at once */
	mmsim_access(t, p, MB(1), 1);
	cr_assert_eq(sim_meminfo(m, "Unevictable"), 512);
	cr_assert_eq(sim_meminfo(m, "Mlocked"), 0);
	/* mlock and munlock leave them there */
	cr_assert_eq(mmsim_mlock(t, p + MB(1) - 4096, 4096), 0);
	cr_assert_eq(mmsim_munlock(t, p + MB(1) - 4096, 4096), 0);
	cr_assert_eq(sim_meminfo(m, "Unevictable"), 512);
	cr_assert_eq(mmsim_shmctl(t, id, SHM_UNLOCK, NULL), 0);
	cr_assert_eq(sim_meminfo(m, "Unevictable"), 0);
	cr_assert_eq(sim_meminfo(m, "Inactive(anon)"), 1024);
	cr_assert_eq(sim_vmstat(m, "unevictable_pgs_rescued"), 128);
	cr_assert_eq(mmsim_shmctl(t, id, SHM_UNLOCK, NULL), 0);
	cr_assert_eq(mmsim_shmctl(t, other, SHM_LOCK, NULL), 0);
	mmsim_task_set_rlimit(t, RLIMIT_MEMLOCK, 0, 0);
	cr_assert_eq(mmsim_shmctl(t, id, SHM_LOCK, NULL), -EPERM);
	/* a locked one goes as others do */
	cr_assert_eq(mmsim_shmctl(t, other, IPC_RMID, NULL), 0);
	sim_shutdown(m);
}

/* Pages that were there before the lock go to the unevictable list when reclaim
 * meets them; after SHM_UNLOCK they can go to swap like others. */
Test(shm, a_locked_segment_stays_in_memory)
{
	struct mmsim_machine *m = sim_boot("ram=64M,swap=256M");
	struct mmsim_task *t = sim_spawn(m);
	int id = get(t, IPC_PRIVATE, MB(8), 0600);
	struct shm_info used;
	uintptr_t p = attach(t, id, 0);
	intptr_t hog;
	char c = 0;

	cr_assert_eq(mmsim_access(t, p, MB(8), 1), 0);
	cr_assert_eq(mmsim_store(t, p + 5 * 4096, "x", 1), 0);
	cr_assert_eq(mmsim_shmdt(t, p), 0);
	cr_assert_eq(mmsim_shmctl(t, id, SHM_LOCK, NULL), 0);
	cr_assert_eq(sim_meminfo(m, "Unevictable"), 0);
	hog = mmsim_mmap(t, 0, MB(100), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	cr_assert_eq(mmsim_access(t, (uintptr_t)hog, MB(100), 1), 0);
	cr_assert_eq(mmsim_shmctl(t, 0, SHM_INFO, &used), 0);
	cr_assert_eq(used.shm_rss, MB(8) / 4096);
	cr_assert_eq(used.shm_swp, 0);
	cr_assert_eq(sim_meminfo(m, "Unevictable"), 8192);
	cr_assert_eq(sim_vmstat(m, "unevictable_pgs_culled"), 2048);
	/* advice does not help */
	p = attach(t, id, 0);
	cr_assert_eq(mmsim_madvise(t, p, MB(8), 21 /* PAGEOUT */), 0);
	cr_assert_eq(mmsim_shmdt(t, p), 0);
	cr_assert_eq(mmsim_shmctl(t, 0, SHM_INFO, &used), 0);
	cr_assert_eq(used.shm_swp, 0);
	cr_assert_eq(mmsim_shmctl(t, id, SHM_UNLOCK, NULL), 0);
	cr_assert_eq(mmsim_access(t, (uintptr_t)hog, MB(100), 1), 0);
	cr_assert_eq(mmsim_shmctl(t, 0, SHM_INFO, &used), 0);
	cr_assert_eq(used.shm_rss + used.shm_swp, MB(8) / 4096);
	cr_assert_gt(used.shm_swp, 1024, "%lu", used.shm_swp);
	p = attach(t, id, SHM_RDONLY);
	cr_assert_eq(mmsim_load(t, p + 5 * 4096, &c, 1), 0);
	cr_assert_eq(c, 'x');
	cr_assert_eq(mmsim_shmctl(t, id, IPC_RMID, NULL), 0);
	mmsim_shmdt(t, p);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 0);
	sim_shutdown(m);
}

/* In a task that locks what it maps, shmat faults all pages in. */
Test(shm, attached_by_a_task_that_locks_all)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *t = sim_spawn(m);
	int id = get(t, IPC_PRIVATE, MB(1), 0600);

	cr_assert_eq(mmsim_mlockall(t, MCL_FUTURE), 0);
	attach(t, id, 0);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 1024);
	cr_assert_eq(sim_meminfo(m, "Mlocked"), 1024);
	sim_shutdown(m);
}

/* --- bad input
 * ----------------------------------------------------------------- */

static struct mmsim_machine *m;
static struct mmsim_task *t;
static uintptr_t at;
static char *before;

static char *picture(void)
{
	static const char *const paths[] = {"/proc/meminfo",
					    "/proc/sysvipc/shm"};
	char *text = sim_task_proc(m, t, "maps");

	for (int i = 0; i < 2; i++) {
		char *more = sim_proc(m, paths[i]);

		text = realloc(text, strlen(text) + strlen(more) + 1);
		cr_assert_not_null(text);
		strcat(text, more);
		free(more);
	}
	return text;
}

static void set_up(void)
{
	m = sim_boot("ram=64M");
	t = sim_spawn(m);
	at = attach(t, get(t, KEY, 3 * 4096, IPC_CREAT | 0600), 0);
	mmsim_access(t, at, 4096, 1);
	before = picture();
}

static void tear_down(void)
{
	char *after = picture();

	cr_assert_str_eq(after, before);
	free(after);
	free(before);
	sim_shutdown(m);
}

Test(shm, bad_input, .init = set_up, .fini = tear_down)
{
	struct shmid_ds ds;

	cr_assert_eq(mmsim_shmget(t, IPC_PRIVATE, 0, 0600), -EINVAL);
	cr_assert_eq(mmsim_shmget(t, IPC_PRIVATE, SIZE_MAX, 0600), -EINVAL);
	cr_assert_eq(mmsim_shmget(t, IPC_PRIVATE, (size_t)1 << 63, 0600),
		     -EINVAL);
	cr_assert_eq(mmsim_shmget(t, IPC_PRIVATE, (size_t)1 << 62, 0600),
		     -ENOMEM);
	cr_assert_eq(mmsim_shmget(t, KEY + 1, 0, IPC_CREAT), -EINVAL);
	cr_assert_eq(mmsim_shmat(t, 1, 0, 0), -EINVAL);
	cr_assert_eq(mmsim_shmat(t, -1, 0, 0), -EINVAL);
	cr_assert_eq(mmsim_shmat(t, INT32_MIN, 0, 0), -EINVAL);
	cr_assert_eq(mmsim_shmat(t, 32768, 0, 0), -EINVAL);
	cr_assert_eq(mmsim_shmat(t, 0, at, 0), -EINVAL);
	cr_assert_eq(mmsim_shmat(t, 0, (uintptr_t)1 << 62, 0), -ENOMEM);
	cr_assert_eq(mmsim_shmdt(t, 0), -EINVAL);
	cr_assert_eq(mmsim_shmdt(t, at + 4096), -EINVAL);
	cr_assert_eq(mmsim_shmdt(t, UINTPTR_MAX), -EINVAL);
	cr_assert_eq(mmsim_shmdt(t, UINTPTR_MAX & ~(uintptr_t)4095), -EINVAL);
	cr_assert_eq(mmsim_shmctl(t, 0, 99, &ds), -EINVAL);
	cr_assert_eq(mmsim_shmctl(t, 0, -1, &ds), -EINVAL);
	cr_assert_eq(mmsim_shmctl(t, -1, IPC_INFO, &ds), -EINVAL);
	cr_assert_eq(mmsim_shmctl(t, 7, IPC_STAT, &ds), -EINVAL);
	cr_assert_eq(mmsim_shmctl(t, 7, IPC_STAT, NULL), -EINVAL);
	cr_assert_eq(mmsim_shmctl(t, 0, IPC_STAT, NULL), -EFAULT);
	cr_assert_eq(mmsim_shmctl(t, 7, IPC_SET, NULL), -EFAULT);
	cr_assert_eq(mmsim_shmctl(t, 7, IPC_SET, &ds), -EINVAL);
	cr_assert_eq(mmsim_shmctl(t, 7, IPC_RMID, NULL), -EINVAL);
	cr_assert_eq(mmsim_shmctl(t, 7, SHM_LOCK, NULL), -EINVAL);
	cr_assert_eq(mmsim_shmctl(t, 7, SHM_UNLOCK, NULL), -EINVAL);
	cr_assert_eq(mmsim_shmctl(t, 7, IPC_INFO, NULL), -EFAULT);
	cr_assert_eq(mmsim_shmctl(t, 7, SHM_INFO, NULL), -EFAULT);
	cr_assert_eq(mmsim_shmctl(t, 7, SHM_STAT, NULL), -EINVAL);
	cr_assert_eq(mmsim_shmget(NULL, KEY, 1, 0), -EINVAL);
	cr_assert_eq(mmsim_shmat(NULL, 0, 0, 0), -EINVAL);
	cr_assert_eq(mmsim_shmdt(NULL, at), -EINVAL);
	cr_assert_eq(mmsim_shmctl(NULL, 0, IPC_RMID, NULL), -EINVAL);
	cr_assert_eq(mmsim_proc_write(m, "/proc/sysvipc/shm", "1"), -EACCES);
}

/* Machines so small that each way of failing is met: nothing is left over. */
Test(shm, no_memory_leaves_no_trace)
{
	for (int size = 1; size <= 12; size++) {
		struct mmsim_machine *small =
			sim_boot("ram=4M,vm.overcommit_memory=1");
		struct mmsim_task *task = NULL;
		int id = 0;

		mmsim_task_spawn(small, "shm", &task);
		for (int i = 0; task && id >= 0 && i < 4000; i++) {
			id = mmsim_shmget(task, IPC_PRIVATE,
					  (size_t)size * 4096, 0600);
			if (id >= 0 &&
			    mmsim_access(task,
					 (uintptr_t)mmsim_shmat(task, id, 0, 0),
					 (size_t)size * 4096, 1))
				break;
		}
		sim_validate(small);
		mmsim_machine_shutdown(small);
	}
}
