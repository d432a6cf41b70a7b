/*
 * The OOM killer, compared with recordings of 6.1 on a guest of 256 MiB, and
 * with the rules of older kernels.
 */
#include "oom_tests.h"

#include <linux/mempolicy.h>

TestSuite(oom, .timeout = 60);

/* s1: one hog of 2000 MB: dies at page 43109, within 1 %. */
Test(oom, one_hog)
{
	struct mmsim_machine *m = sim_boot(OOM_256M);
	struct mmsim_task *task = oom_spawn(m, "mm", 0);
	uintptr_t addr = sim_mmap(task, 2000ul << 20);
	long before = sim_meminfo(m, "MemFree"), pages;
	int sig;

	cr_assert(is_near((double)before, 175300, 0.2), "%ld", before);
	pages = oom_eat(task, addr, 0, 512000, &sig);
	cr_assert_eq(sig, SIGKILL);
	cr_assert(is_near((double)pages, 43109, 1), "%ld", pages);
	cr_assert_not(mmsim_task_is_alive(task));
	cr_assert(mmsim_task_is_oom_victim(task));
	cr_assert_eq(WTERMSIG(mmsim_task_wait_status(task)), SIGKILL);
	cr_assert_eq(mmsim_access(task, addr, 1, 1), -ESRCH);
	cr_assert_eq(sim_vmstat(m, "oom_kill"), 1);
	cr_assert_eq(sim_meminfo(m, "AnonPages"), 0);
	/* some of it on the CPU's list */
	cr_assert_geq(sim_meminfo(m, "MemFree"), before - 4096);
	sim_shutdown(m);
}

/* s6b: the same in mode 0 with MAP_NORESERVE. */
Test(oom, noreserve)
{
	struct mmsim_machine *m = sim_boot(SIM_256M ",boot_used=8846");
	struct mmsim_task *task = oom_spawn(m, "mm", 0);
	intptr_t addr = mmsim_mmap(task, 0, 2000ul << 20, RW,
				   PRIV | MAP_NORESERVE, NULL, 0);
	int sig;

	cr_assert_gt(addr, 0);
	cr_assert(
		is_near((double)oom_eat(task, (uintptr_t)addr, 0, 512000, &sig),
			43099, 1));
	cr_assert_eq(sig, SIGKILL);
	sim_shutdown(m);
}

/* A whole range in one access, and mlock, end the same way. */
Test(oom, in_one_call)
{
	struct mmsim_machine *m = sim_boot(OOM_256M);
	struct mmsim_task *task = oom_spawn(m, "mm", 0);
	uintptr_t addr = sim_mmap(task, 2000ul << 20);

	cr_assert_eq(mmsim_access(task, addr, 2000ul << 20, 1), SIGKILL);
	cr_assert_not(mmsim_task_is_alive(task));
	task = oom_spawn(m, "mm", 0);
	addr = sim_mmap(task, 2000ul << 20);
	cr_assert_eq(mmsim_mlock(task, addr, 2000ul << 20), -ESRCH);
	cr_assert_not(mmsim_task_is_alive(task));
	cr_assert_eq(sim_vmstat(m, "oom_kill"), 2);
	cr_assert_eq(sim_meminfo(m, "AnonPages"), 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), 0);
	sim_shutdown(m);
}

/* --- scores -------------------------------------------------------------- */

struct score_row {
	const char *name;
	long rss, pte_kb;
	int adj;
	long score;
};

static const struct score_row s2_rows[] = {
	{"A", 10553, 120, 0, 800},
	{"B", 7979, 100, 0, 767},
	{"C", 5405, 80, 0, 734},
	{"D", 2897, 60, 0, 703},
};
static const struct score_row s3_rows[] = {
	{"A", 10552, 120, -1000, 0}, {"B", 10552, 120, -500, 472},
	{"C", 7978, 100, 0, 767},    {"D", 5404, 80, 300, 932},
	{"E", 1576, 52, 1000, 1344},
};
static const struct score_row s4_rows[] = {
	{"A", 25930, 244, 0, 995},
};

enum { MAX_ROWS = 5 };

struct crowd {
	struct mmsim_machine *m;
	struct mmsim_task *tasks[MAX_ROWS], *hog;
	size_t nr;
	uintptr_t hog_addr;
	long hog_pages;
};

/* Makes the tasks, checks their scores, and a hog. */
static void crowd_init(struct crowd *crowd, const char *spec,
		       const struct score_row *rows, size_t nr, int hog_adj)
{
	memset(crowd, 0, sizeof(*crowd));
	crowd->m = sim_boot(spec);
	crowd->nr = nr;
	for (size_t i = 0; i < nr; i++) {
		crowd->tasks[i] = oom_sized(crowd->m, rows[i].name, rows[i].adj,
					    rows[i].rss, rows[i].pte_kb);
		cr_assert_eq(oom_score(crowd->m, crowd->tasks[i]),
			     rows[i].score, "%s: %ld, recorded %ld",
			     rows[i].name, oom_score(crowd->m, crowd->tasks[i]),
			     rows[i].score);
	}
	crowd->hog = oom_spawn(crowd->m, "HOG", hog_adj);
	crowd->hog_addr = sim_mmap(crowd->hog, 2000ul << 20);
}

/* The hog writes until somebody dies; the name of the dead. */
static char crowd_next_death(struct crowd *crowd)
{
	long kills = sim_vmstat(crowd->m, "oom_kill");

	while (sim_vmstat(crowd->m, "oom_kill") == kills) {
		int sig;

		crowd->hog_pages =
			oom_eat(crowd->hog, crowd->hog_addr, crowd->hog_pages,
				crowd->hog_pages + 128, &sig);
		if (sig)
			return sig == SIGKILL ? 'H' : '?';
	}
	for (size_t i = 0; i < crowd->nr; i++)
		if (crowd->tasks[i] && !mmsim_task_is_alive(crowd->tasks[i])) {
			crowd->tasks[i] = NULL;
			return (char)('A' + i);
		}
	return '-';
}

/* s2: by size; the hog itself cannot be killed.  The recorded machine had 8 MB
 * more to give by then. */
Test(oom, by_size)
{
	static const double recorded_mb[] = {71.4, 110.0, 139.1, 158.3};
	struct crowd crowd;

	crowd_init(&crowd, SIM_256M ",boot_used=6750,vm.overcommit_memory=1",
		   s2_rows, 4, -1000);
	for (int i = 0; i < 4; i++) {
		double mb;

		cr_assert_eq(crowd_next_death(&crowd), 'A' + i);
		mb = (double)crowd.hog_pages / 256;
		cr_assert(is_near(mb, recorded_mb[i], 5), "death %d at %.1f MB",
			  i, mb);
	}
	sim_shutdown(crowd.m);
}

/* s3: by oom_score_adj; -1000 never, and below 0 is not never. */
Test(oom, by_adj)
{
	struct crowd crowd;

	crowd_init(&crowd, OOM_256M, s3_rows, 5, -1000);
	cr_assert_eq(crowd_next_death(&crowd), 'E');
	cr_assert_eq(crowd_next_death(&crowd), 'D');
	cr_assert_eq(crowd_next_death(&crowd), 'C');
	cr_assert_eq(crowd_next_death(&crowd), 'B');
	cr_assert(mmsim_task_is_alive(crowd.tasks[0]));
	/* A cannot be killed, nor can the hog. */
	cr_assert_neq(mmsim_access(crowd.hog, crowd.hog_addr, 2000ul << 20, 1),
		      0);
	cr_assert(mmsim_machine_has_panicked(crowd.m));
	mmsim_machine_shutdown(crowd.m);
}

/* s4: the larger sibling, not the one that asks. */
Test(oom, sibling)
{
	struct crowd crowd;

	crowd_init(&crowd, OOM_256M, s4_rows, 1, 0);
	cr_assert_eq(crowd_next_death(&crowd), 'A');
	cr_assert(is_near((double)crowd.hog_pages / 256, 68, 4));
	cr_assert(mmsim_task_is_alive(crowd.hog));
	sim_shutdown(crowd.m);
}

/* s4b: the hog, with adj 500. */
Test(oom, hog_with_adj)
{
	struct crowd crowd;

	crowd_init(&crowd, OOM_256M, s4_rows, 1, 500);
	cr_assert_eq(crowd_next_death(&crowd), 'H');
	cr_assert(is_near((double)crowd.hog_pages / 256, 68.3, 3));
	cr_assert(mmsim_task_is_alive(crowd.tasks[0]));
	sim_shutdown(crowd.m);
}

/* s5 */
Test(oom, allocating_task)
{
	struct crowd crowd;

	crowd_init(&crowd, OOM_256M ",vm.oom_kill_allocating_task=1", s4_rows,
		   1, 0);
	cr_assert_eq(crowd_next_death(&crowd), 'H');
	cr_assert(mmsim_task_is_alive(crowd.tasks[0]));
	oom_assert_log(crowd.m, "Out of memory (oom_kill_allocating_task): "
				"Killed process 3 (HOG) total-vm:2050744kB, ");
	sim_shutdown(crowd.m);
}

/* Of equals the youngest. */
Test(oom, tie)
{
	static const struct score_row rows[] = {
		{"A", 5405, 80, 0, 734},
		{"B", 5405, 80, 0, 734},
		{"C", 5405, 80, 0, 734},
		{"D", 5405, 80, 0, 734},
	};
	struct crowd crowd;

	crowd_init(&crowd, OOM_256M, rows, 4, -1000);
	for (char name = 'D'; name >= 'A'; name--)
		cr_assert_eq(crowd_next_death(&crowd), name);
	sim_shutdown(crowd.m);
}

Test(oom, adj_files)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	static const struct {
		const char *text;
		int err, adj, oom_adj;
	} rows[] = {
		{"500", 0, 500, 8},       {" -1000\n", 0, -1000, -17},
		{"1000", 0, 1000, 15},    {"0x10", 0, 16, 0},
		{"1001", -EINVAL, 16, 0}, {"-1001", -EINVAL, 16, 0},
		{"abc", -EINVAL, 16, 0},  {"5x", -EINVAL, 16, 0},
		{"", -EINVAL, 16, 0},     {"99999999999", -ERANGE, 16, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert_eq(mmsim_proc_write(m, "/proc/2/oom_score_adj",
					      rows[i].text),
			     rows[i].err, "\"%s\"", rows[i].text);
		cr_assert_eq(sim_sysctl(m, "/proc/2/oom_score_adj"),
			     rows[i].adj);
		cr_assert_eq(sim_sysctl(m, "/proc/2/oom_adj"), rows[i].oom_adj,
			     "\"%s\"", rows[i].text);
	}
	sim_write(m, "/proc/2/oom_adj", "-17");
	cr_assert_eq(sim_sysctl(m, "/proc/2/oom_score_adj"), -1000);
	sim_write(m, "/proc/2/oom_adj", "15");
	cr_assert_eq(sim_sysctl(m, "/proc/2/oom_score_adj"), 1000);
	sim_write(m, "/proc/2/oom_adj", "8");
	cr_assert_eq(sim_sysctl(m, "/proc/2/oom_score_adj"), 470);
	cr_assert_eq(mmsim_proc_write(m, "/proc/2/oom_adj", "16"), -EINVAL);
	cr_assert_eq(mmsim_proc_write(m, "/proc/2/oom_score", "1"), -EACCES);
	cr_assert_eq(oom_score(m, task),
		     (1000 + 470 * 16 * 1000 / 16128) * 2 / 3);
	sim_shutdown(m);
}

/* --- nobody to kill, panic_on_oom ---------------------------------------- */

Test(oom, deadlocked)
{
	struct mmsim_machine *m = sim_boot(OOM_256M);
	struct mmsim_task *tasks[3], *task;
	uintptr_t addr[3];
	bool done = false;
	char buf[16];

	for (int i = 0; i < 3; i++) {
		tasks[i] = oom_spawn(m, "mm", -1000);
		addr[i] = sim_mmap(tasks[i], 2000ul << 20);
	}
	for (long page = 0; !done; page += 64)
		for (int i = 0; i < 3 && !done; i++) {
			int sig = mmsim_access(
				tasks[i], addr[i] + (uintptr_t)page * SIM_PAGE,
				64 * SIM_PAGE, 1);

			cr_assert(sig == 0 || sig == -EIO);
			done = sig != 0;
		}
	cr_assert(mmsim_machine_has_panicked(m));
	oom_assert_log(m, "mm invoked oom-killer: gfp_mask=0x140dca("
			  "GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO), "
			  "order=0, oom_score_adj=-1000\n");
	oom_assert_log(m, "] Out of memory and no killable processes...\n");
	oom_assert_log(m, "] Kernel panic - not syncing: System is deadlocked "
			  "on memory\n");
	cr_assert_not(oom_log_has(m, "oom-kill:"));
	cr_assert_eq(mmsim_access(tasks[0], addr[0], 1, 0), -EIO);
	cr_assert_eq(mmsim_mmap(tasks[0], 0, 4096, RW, PRIV, NULL, 0), -EIO);
	cr_assert_eq(mmsim_task_spawn(m, "x", &task), -EIO);
	cr_assert_eq(mmsim_task_fork(tasks[1], &task), -EIO);
	cr_assert_eq(mmsim_set_mempolicy(tasks[1], MPOL_DEFAULT, 0), -EIO);
	cr_assert_eq(mmsim_proc_read(m, "/proc/meminfo", buf, 16), -EIO);
	mmsim_machine_shutdown(m);
}

static void panic_on_oom(const char *mode, const char *text)
{
	struct mmsim_machine *m = sim_boot(OOM_256M);
	struct mmsim_task *task = oom_spawn(m, "mm", 0);
	uintptr_t addr = sim_mmap(task, 2000ul << 20);

	sim_write(m, "/proc/sys/vm/panic_on_oom", mode);
	cr_assert_eq(mmsim_access(task, addr, 2000ul << 20, 1), -EIO);
	oom_assert_log(m, text);
	mmsim_machine_shutdown(m);
}

Test(oom, panic)
{
	panic_on_oom("1", "Kernel panic - not syncing: Out of memory: "
			  "system-wide panic_on_oom is enabled\n");
	panic_on_oom("2", "Kernel panic - not syncing: Out of memory: "
			  "compulsory panic_on_oom is enabled\n");
}

/* --- policies ------------------------------------------------------------ */

#define OOM_NUMA "ram=1G,nodes=2,cpus=2,vm.overcommit_memory=1"

static struct mmsim_task *bound_hog(struct mmsim_machine *m, uintptr_t *addr)
{
	struct mmsim_task *task = oom_spawn(m, "mm", 0);

	*addr = sim_mmap(task, 600ul << 20);
	cr_assert_eq(mmsim_mbind(task, *addr, 600ul << 20, MPOL_BIND, 1, 0), 0);
	return task;
}

Test(oom, bound_to_a_full_node)
{
	struct mmsim_machine *m = sim_boot(OOM_NUMA);
	uintptr_t addr;
	struct mmsim_task *task = bound_hog(m, &addr);

	cr_assert_eq(mmsim_access(task, addr, 600ul << 20, 1), SIGKILL);
	oom_assert_log(m, "oom-kill:constraint=CONSTRAINT_MEMORY_POLICY,"
			  "nodemask=0,cpuset=/,mems_allowed=0-1,global_oom,"
			  "task_memcg=/,task=mm,pid=2,uid=0\n");
	cr_assert_not(oom_log_has(m, "Node 1 "));
	/* 1 does not panic when a policy binds the request; 2 does. */
	sim_write(m, "/proc/sys/vm/panic_on_oom", "1");
	task = bound_hog(m, &addr);
	cr_assert_eq(mmsim_access(task, addr, 600ul << 20, 1), SIGKILL);
	sim_write(m, "/proc/sys/vm/panic_on_oom", "2");
	task = bound_hog(m, &addr);
	cr_assert_eq(mmsim_access(task, addr, 600ul << 20, 1), -EIO);
	mmsim_machine_shutdown(m);
}

/* A larger task that is bound to the other node would be of no use. */
Test(oom, only_who_can_help)
{
	struct mmsim_machine *m = sim_boot(OOM_NUMA);
	struct mmsim_task *other = oom_spawn(m, "other", 500), *task;
	uintptr_t addr;

	cr_assert_eq(mmsim_set_mempolicy(other, MPOL_BIND, 2), 0);
	sim_touch(other, sim_mmap(other, 100ul << 20), 100ul << 20);
	task = bound_hog(m, &addr);
	cr_assert_eq(mmsim_access(task, addr, 600ul << 20, 1), SIGKILL);
	cr_assert(mmsim_task_is_alive(other));
	cr_assert_not(oom_log_has(m, " other\n"));
	sim_shutdown(m);
}

/* --- who shares memory dies with it -------------------------------------- */

Test(oom, sharers)
{
	struct mmsim_machine *m = sim_boot(OOM_256M);
	struct mmsim_task *a = oom_spawn(m, "a", 0), *b, *c;
	uintptr_t addr = sim_mmap(a, 2000ul << 20);

	cr_assert_eq(mmsim_task_vfork(a, &b), 0);
	cr_assert_eq(mmsim_task_fork(a, &c), 0);
	cr_assert_eq(mmsim_access(b, addr, 2000ul << 20, 1), SIGKILL);
	cr_assert_not(mmsim_task_is_alive(a));
	cr_assert_not(mmsim_task_is_alive(b));
	/* The vfork child was not chosen, the one it borrows from was. */
	cr_assert(mmsim_task_is_oom_victim(a));
	cr_assert(mmsim_task_is_alive(c));
	cr_assert_eq(sim_meminfo(m, "AnonPages"), 0);
	sim_shutdown(m);
}

/* The parent is killed in the middle of its fork. */
Test(oom, in_fork)
{
	struct mmsim_machine *m = sim_boot(OOM_256M);
	struct mmsim_task *task = oom_spawn(m, "mm", 0), *child = NULL;
	uintptr_t addr = sim_mmap(task, 164ul << 20);
	int err = 0;

	/* fork needs as many tables again. */
	sim_touch(task, addr, 160ul << 20);
	for (int i = 0; i < 200 && !err; i++) {
		char path[64];

		err = mmsim_task_fork(task, &child);
		snprintf(path, sizeof(path), "/proc/%d/oom_score_adj",
			 err ? 2 : mmsim_task_pid(child));
		if (!err)
			sim_write(m, path, "-1000");
	}
	cr_assert_eq(err, -ESRCH, "%d", err);
	cr_assert_not(mmsim_task_is_alive(task));
	cr_assert_geq(sim_vmstat(m, "oom_kill"), 1);
	sim_shutdown(m);
}

/* --- larger machines ----------------------------------------------------- */

/* 1 GB of RAM, no swap, mode 1: 2000 MB are promised, and the task is killed
 * when about 1 GB of them is written. */
Test(oom, first_experiment)
{
	struct mmsim_machine *m = sim_boot("ram=1G,vm.overcommit_memory=1");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = sim_mmap(task, 2000ul << 20);
	int sig;
	long pages = oom_eat(task, addr, 0, 512000, &sig);

	cr_assert_eq(sig, SIGKILL);
	cr_assert(is_near((double)pages * 4, (double)sim_meminfo(m, "MemTotal"),
			  2));
	oom_assert_log(m, "Out of memory: Killed process 2 (test) "
			  "total-vm:2050744kB, ");
	sim_shutdown(m);
}

/* 8 GB on a machine of 4 GB. */
Test(oom, eight_gigabytes)
{
	static const char *const machines[] = {SIM_4096M, "ram=4G,arch=x86-32"};
	size_t len = 8ul << 30;

	for (int i = 0; i < 2; i++)
		for (int mode = 0; mode <= 2; mode++) {
			struct mmsim_machine *m = sim_boot(machines[i]);
			struct mmsim_task *task = sim_spawn(m);
			char text[16];
			intptr_t addr;

			snprintf(text, sizeof(text), "%d", mode);
			sim_write(m, "/proc/sys/vm/overcommit_memory", text);
			addr = mmsim_mmap(task, 0, len, RW, PRIV, NULL, 0);
			if (i == 1 || mode != 1) {
				cr_assert_eq(addr, -ENOMEM);
			} else {
				cr_assert_gt(addr, 0);
				cr_assert_eq(mmsim_access(task, (uintptr_t)addr,
							  len, 1),
					     SIGKILL);
			}
			sim_shutdown(m);
		}
}

/* 127 TiB are promised on 2 GB, with swap and without; neither has them. */
Test(oom, all_of_the_address_space)
{
	static const char *const machines[] = {SIM_2048M,
					       SIM_2048M ",swap=512M"};

	for (int i = 0; i < 2; i++) {
		struct mmsim_machine *m = sim_boot(machines[i]);
		struct mmsim_task *task = sim_spawn(m);
		uintptr_t addr;

		sim_write(m, "/proc/sys/vm/overcommit_memory", "1");
		cr_assert_eq(
			mmsim_mmap(task, 0, 128ul << 40, RW, PRIV, NULL, 0),
			-ENOMEM);
		addr = sim_mmap(task, 127ul << 40);
		cr_assert_eq(mmsim_access(task, addr, 127ul << 40, 1), SIGKILL);
		sim_shutdown(m);
	}
}
