/*
 * What the OOM killer writes to the log, line by line as in a recording of
 * 6.1, and the choices and words of older kernels.
 */
#include "oom_tests.h"

TestSuite(oom_report, .timeout = 60);

/* --- the report ---------------------------------------------------------- */

/* The lines of the recording; '#' stands for any number. */
static const char *const report_lines[] = {
	"mm invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|"
	"__GFP_COMP|__GFP_ZERO), order=0, oom_score_adj=0",
	"CPU: 0 PID: 2 Comm: mm Not tainted 6.1.0 *1",
	"Mem-Info:",
	"active_anon:# inactive_anon:# isolated_anon:0",
	" active_file:0 inactive_file:0 isolated_file:0",
	" unevictable:0 dirty:0 writeback:0",
	" slab_reclaimable:# slab_unreclaimable:#",
	" mapped:0 shmem:0 pagetables:#",
	" sec_pagetables:0 bounce:0",
	" kernel_misc_reclaimable:0",
	" free:# free_pcp:# free_cma:0",
	"Node 0 active_anon:#kB inactive_anon:#kB active_file:0kB "
	"inactive_file:0kB unevictable:0kB isolated(anon):0kB "
	"isolated(file):0kB mapped:0kB dirty:0kB writeback:0kB shmem:0kB "
	"shmem_thp: 0kB shmem_pmdmapped: 0kB anon_thp: 0kB writeback_tmp:0kB "
	"kernel_stack:16kB pagetables:#kB sec_pagetables:0kB "
	"all_unreclaimable? yes",
	"Node 0 DMA free:#kB boost:0kB min:#kB low:#kB high:#kB "
	"reserved_highatomic:0KB active_anon:#kB inactive_anon:#kB "
	"active_file:0kB inactive_file:0kB unevictable:0kB writepending:0kB "
	"present:15992kB managed:15360kB mlocked:0kB bounce:0kB free_pcp:#kB "
	"local_pcp:#kB free_cma:0kB",
	"lowmem_reserve[]: 0 190 190 190 190",
	"Node 0 DMA32 free:#kB boost:0kB min:#kB low:#kB high:#kB "
	"reserved_highatomic:0KB active_anon:#kB inactive_anon:#kB "
	"active_file:0kB inactive_file:0kB unevictable:0kB writepending:0kB "
	"present:245596kB managed:195356kB mlocked:0kB bounce:0kB free_pcp:#kB "
	"local_pcp:#kB free_cma:0kB",
	"lowmem_reserve[]: 0 0 0 0 0",
	"Node 0 DMA: *= #kB",
	"Node 0 DMA32: *= #kB",
	"Node 0 hugepages_total=0 hugepages_free=0 hugepages_surp=0 "
	"hugepages_size=1048576kB",
	"Node 0 hugepages_total=0 hugepages_free=0 hugepages_surp=0 "
	"hugepages_size=2048kB",
	"0 total pagecache pages",
	"0 pages in swap cache",
	"Free swap  = 0kB",
	"Total swap = 0kB",
	"65397 pages RAM",
	"0 pages HighMem/MovableOnly",
	"12718 pages reserved",
	"0 pages hwpoisoned",
	"Tasks state (memory values in pages):",
	"[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents "
	"oom_score_adj name",
	"[      2]     0     2   512686 # # #             0 mm",
	"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,"
	"mems_allowed=0,global_oom,task_memcg=/,task=mm,pid=2,uid=0",
	"Out of memory: Killed process 2 (mm) total-vm:2050744kB, "
	"anon-rss:#kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:#kB "
	"oom_score_adj:0",
};

/* '#': spaces and digits; '*': anything. */
static bool line_matches(const char *line, const char *end, const char *like)
{
	for (; *like; like++) {
		if (*like == '*') {
			for (const char *p = line; p <= end; p++)
				if (line_matches(p, end, like + 1))
					return true;
			return false;
		}
		if (*like == '#') {
			const char *from = line;

			while (line < end && *line == ' ')
				line++;
			while (line < end && *line >= '0' && *line <= '9')
				line++;
			if (line == from)
				return false;
		} else if (line == end || *line++ != *like) {
			return false;
		}
	}
	return line == end;
}

Test(oom_report, report)
{
	struct mmsim_machine *m = sim_boot(OOM_256M);
	struct mmsim_task *task = oom_spawn(m, "mm", 0);
	uintptr_t addr = sim_mmap(task, 2000ul << 20);
	char *log, *line;

	cr_assert_eq(mmsim_access(task, addr, 2000ul << 20, 1), SIGKILL);
	log = oom_log(m);
	line = strstr(log, "] mm invoked");
	cr_assert_not_null(line);
	while (line > log && line[-1] != '\n')
		line--;
	for (size_t i = 0; i < sizeof(report_lines) / sizeof(report_lines[0]);
	     i++) {
		char *text = strstr(line, "] "), *end;

		cr_assert_not_null(text, "no line \"%s\"", report_lines[i]);
		text += 2;
		end = strchr(text, '\n');
		cr_assert(line_matches(text, end, report_lines[i]),
			  "\"%.*s\" is not \"%s\"", (int)(end - text), text,
			  report_lines[i]);
		line = end + 1;
	}
	cr_assert_eq(*line, '\0');
	free(log);
	sim_shutdown(m);
}

/* The zones are at their marks at the kill. */
Test(oom_report, zones_at_the_kill)
{
	struct mmsim_machine *m = sim_boot(OOM_256M);
	struct mmsim_task *task = oom_spawn(m, "mm", 0);
	uintptr_t addr = sim_mmap(task, 2000ul << 20);
	long free_kb, min_kb;
	char *log, *at;

	cr_assert_eq(mmsim_access(task, addr, 2000ul << 20, 1), SIGKILL);
	log = oom_log(m);
	at = strstr(log, "Node 0 DMA free:");
	cr_assert_not_null(at);
	cr_assert_eq(sscanf(at, "Node 0 DMA free:%ldkB boost:0kB min:%ldkB",
			    &free_kb, &min_kb),
		     2);
	cr_assert_leq(free_kb, min_kb + 760);
	at = strstr(log, "Node 0 DMA32 free:");
	cr_assert_eq(sscanf(at, "Node 0 DMA32 free:%ldkB boost:0kB min:%ldkB",
			    &free_kb, &min_kb),
		     2);
	cr_assert_leq(free_kb, min_kb);
	cr_assert_geq(free_kb, min_kb / 2);
	free(log);
	sim_shutdown(m);
}

/* At most 10 reports in 5 seconds; the kills themselves are always told. */
Test(oom_report, ratelimit)
{
	struct mmsim_machine *m = sim_boot(OOM_256M);
	int reports = 0, kills = 0;
	char *log, *p;

	for (int i = 0; i < 13; i++) {
		struct mmsim_task *task = oom_spawn(m, "mm", 0);

		cr_assert_eq(mmsim_access(task, sim_mmap(task, 500ul << 20),
					  500ul << 20, 1),
			     SIGKILL);
		if (i == 11)
			mmsim_idle(m, 6000000000);
	}
	log = oom_log(m);
	for (p = log; (p = strstr(p, "invoked oom-killer")) != NULL; p++)
		reports++;
	for (p = log; (p = strstr(p, "Killed process")) != NULL; p++)
		kills++;
	cr_assert_eq(kills, 13);
	cr_assert_eq(reports, 11);
	cr_assert_not_null(
		strstr(log, "oom_kill_process: 2 callbacks suppressed"));
	free(log);
	sim_shutdown(m);
}

/* --- older kernels ------------------------------------------------------- */

Test(oom_report, profile_3_10)
{
	struct mmsim_machine *m = sim_boot(OOM_256M ",profile=linux-3.10");
	struct mmsim_task *root = oom_sized(m, "root", 0, 5000, 80);
	struct mmsim_task *user = oom_sized(m, "user", 0, 5000, 80), *hog;
	uintptr_t addr;
	int sig;

	cr_assert_eq(mmsim_task_set_uid(user, 1000), 0);
	/* 5020 pages; root: less 3 % (30 x 52) */
	cr_assert_eq(oom_score(m, user), 5020 * 1000 / 52679);
	cr_assert_eq(oom_score(m, root), (5020 - 30 * 52) * 1000 / 52679);
	sim_write(m, "/proc/2/oom_score_adj", "-900");
	cr_assert_eq(oom_score(m, root), 0);
	sim_write(m, "/proc/2/oom_score_adj", "0");
	/* User's child with its own memory goes in its stead. */
	cr_assert_eq(mmsim_task_fork(user, &hog), 0);
	hog = oom_spawn(m, "HOG", -1000);
	addr = sim_mmap(hog, 2000ul << 20);
	for (long page = 0; mmsim_task_find(m, 4);) {
		page = oom_eat(hog, addr, page, page + 64, &sig);
		cr_assert_eq(sig, 0);
	}
	cr_assert(mmsim_task_is_alive(user));
	oom_assert_log(m, "Out of memory: Kill process 3 (user) score 95 or "
			  "sacrifice child\n");
	oom_assert_log(m, "Killed process 4 (user) total-vm:");
	oom_assert_log(m, "HOG invoked oom-killer: gfp_mask=0x280da, order=0, "
			  "oom_score_adj=-1000\n");
	oom_assert_log(m, "CPU: 0 PID: 5 Comm: HOG Not tainted 3.10.0 #1\n");
	sim_shutdown(m);
}

Test(oom_report, badness_2_6_32)
{
	struct mmsim_machine *m = sim_boot(OOM_256M ",profile=linux-2.6.32");
	struct mmsim_task *task = sim_spawn(m), *child;
	long pages;

	sim_mmap(task, (size_t)(16000 - 686) * SIM_PAGE);
	pages = 16000;
	/* untouched memory counts; root is worth sixteen times as much */
	cr_assert_eq(oom_score(m, task), pages / 16);
	cr_assert_eq(mmsim_task_set_uid(task, 1000), 0);
	cr_assert_eq(oom_score(m, task), pages);
	cr_assert_eq(mmsim_task_set_nice(task, 5), 0);
	cr_assert_eq(oom_score(m, task), 2 * pages);
	cr_assert_eq(mmsim_task_fork(task, &child), 0);
	cr_assert_eq(oom_score(m, task), 2 * (pages + pages / 2 + 1));
	mmsim_task_exit(child, 0);
	mmsim_task_put(child);
	sim_write(m, "/proc/2/oom_adj", "2");
	cr_assert_eq(oom_score(m, task), 8 * pages);
	sim_write(m, "/proc/2/oom_adj", "-3");
	cr_assert_eq(oom_score(m, task), pages / 4);
	sim_write(m, "/proc/2/oom_adj", "-17");
	cr_assert_eq(oom_score(m, task), 0);
	sim_write(m, "/proc/2/oom_adj", "0");
	/* 4 x 8.192 s of CPU time: half; then 16 x 1024 s of life: half. */
	mmsim_task_run(task, 4 * 8192000000ull);
	cr_assert_eq(oom_score(m, task), pages);
	mmsim_idle(m, 16 * 1024000000000ull);
	cr_assert_eq(oom_score(m, task), pages / 2);
	sim_shutdown(m);
}

Test(oom_report, kill_2_6_32)
{
	struct mmsim_machine *m = sim_boot(OOM_256M ",profile=linux-2.6.32");
	struct mmsim_task *big = sim_spawn(m), *hog = sim_spawn(m);
	uintptr_t addr;

	/* Much promised, nothing used: chosen before the one that uses it. */
	sim_mmap(big, 4000ul << 20);
	addr = sim_mmap(hog, 200ul << 20);
	cr_assert_eq(mmsim_access(hog, addr, 200ul << 20, 1), SIGKILL);
	cr_assert_not(mmsim_task_is_alive(big));
	oom_assert_log(m, "test invoked oom-killer: gfp_mask=0x280da, order=0, "
			  "oom_adj=0\n");
	oom_assert_log(m, "Out of memory: kill process 2 (test) score ");
	oom_assert_log(m, "Killed process 2 (test)\n");
	oom_assert_log(m, "Killed process 3 (test)\n");
	/* -17 for all: panic. */
	hog = sim_spawn(m);
	addr = sim_mmap(hog, 200ul << 20);
	sim_write(m, "/proc/4/oom_adj", "-17");
	cr_assert_eq(mmsim_access(hog, addr, 200ul << 20, 1), -EIO);
	oom_assert_log(m, "Kernel panic - not syncing: Out of memory and no "
			  "killable processes...\n");
	mmsim_machine_shutdown(m);
}

Test(oom_report, profile_6_18)
{
	struct mmsim_machine *m = sim_boot(OOM_256M ",profile=linux-6.18");
	struct mmsim_task *hog = sim_spawn(m);
	uintptr_t addr;

	cr_assert_eq(mmsim_task_set_uid(hog, 1000), 0);
	addr = sim_mmap(hog, 2000ul << 20);
	cr_assert_eq(mmsim_access(hog, addr, 2000ul << 20, 1), SIGKILL);
	oom_assert_log(m, "test invoked oom-killer: gfp_mask=0x140dca("
			  "GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO), "
			  "order=0, oom_score_adj=0\n");
	oom_assert_log(m, "CPU: 0 UID: 1000 PID: 2 Comm: test Not tainted "
			  "6.18.0 #1\n");
	oom_assert_log(m, "[  pid  ]   uid  tgid total_vm      rss rss_anon "
			  "rss_file rss_shmem pgtables_bytes swapents "
			  "oom_score_adj name\n");
	sim_shutdown(m);
}
