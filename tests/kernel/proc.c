/*
 * proc.c: the files of /proc and /sys: their format, and that their figures are
 * those of what was done.
 */
#include "kernel/machine.h"

#include "sim.h"

#include <unistd.h>

enum { KB = 1024, MB = 1024 * 1024 };

/* meminfo of the recordings, in order. */
static const char *const meminfo_names[] = {
	"MemTotal",	 "MemFree",	   "MemAvailable",   "Buffers",
	"Cached",	 "SwapCached",	   "Active",	     "Inactive",
	"Active(anon)",	 "Inactive(anon)", "Active(file)",   "Inactive(file)",
	"Unevictable",	 "Mlocked",	   "SwapTotal",	     "SwapFree",
	"Zswap",	 "Zswapped",	   "Dirty",	     "Writeback",
	"AnonPages",	 "Mapped",	   "Shmem",	     "KReclaimable",
	"Slab",		 "SReclaimable",   "SUnreclaim",     "KernelStack",
	"PageTables",	 "SecPageTables",  "NFS_Unstable",   "Bounce",
	"WritebackTmp",	 "CommitLimit",	   "Committed_AS",   "VmallocTotal",
	"VmallocUsed",	 "VmallocChunk",   "Percpu",	     "HardwareCorrupted",
	"AnonHugePages", "ShmemHugePages", "ShmemPmdMapped", "FileHugePages",
	"FilePmdMapped", "HugePages_Total", "HugePages_Free",
	"HugePages_Rsvd", "HugePages_Surp", "Hugepagesize",  "Hugetlb",
	"DirectMap4k",	 "DirectMap2M",	   "DirectMap1G",
};

/* The recorded 6.1 was built without it. */
Test(proc, vsyscall_area)
{
	struct mmsim_machine *m = sim_boot("ram=64M,profile=linux-6.18");
	char *text = sim_task_proc(m, sim_spawn(m), "maps");

	cr_assert(strstr(text,
			 "ffffffffff600000-ffffffffff601000 --xp 00000000 "
			 "00:00 0                  [vsyscall]\n"));
	free(text);
	sim_shutdown(m);
}

Test(proc, meminfo_has_the_recorded_lines)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M);
	char *text = sim_proc(m, "/proc/meminfo"), *line = text;

	for (size_t i = 0; i < sizeof(meminfo_names) / sizeof(char *); i++) {
		char *end = strchr(line, '\n');
		size_t len = strlen(meminfo_names[i]);

		cr_assert_not_null(end, "no line %s", meminfo_names[i]);
		*end = '\0';
		cr_assert(strncmp(line, meminfo_names[i], len) == 0 &&
				  line[len] == ':',
			  "%s instead of %s", line, meminfo_names[i]);
		if (strncmp(line, "HugePages_", 10) == 0)
			cr_assert_eq(end - line, 24, "%s", line);
		else if (strcmp(meminfo_names[i], "VmallocTotal") == 0)
			cr_assert_str_eq(line, "VmallocTotal:   34359738367 kB");
		else
			cr_assert_eq(end - line, 27, "%s", line);
		line = end + 1;
	}
	cr_assert_str_empty(line);
	free(text);
	sim_shutdown(m);
}

Test(proc, meminfo_of_the_recorded_machines)
{
	static const struct {
		const char *spec;
		long total, commit_limit;
	} machines[] = {
		{SIM_256M, 210716, 105356},   {SIM_512M, 468380, 234188},
		{SIM_1024M, 983708, 491852},  {SIM_2048M, 2014364, 1007180},
		{SIM_4096M, 4009364, 2004680},
	};

	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		struct mmsim_machine *m = sim_boot(machines[i].spec);

		cr_assert_eq(sim_meminfo(m, "MemTotal"), machines[i].total);
		cr_assert_eq(sim_meminfo(m, "MemFree"), machines[i].total);
		cr_assert_eq(sim_meminfo(m, "CommitLimit"),
			     machines[i].commit_limit);
		cr_assert_eq(sim_meminfo(m, "Committed_AS"), 0);
		sim_shutdown(m);
	}
}

/* The end of the 1 GB machine's memory was frame 262103. */
Test(proc, direct_map_covers_all_frames)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M);

	cr_assert_eq(sim_meminfo(m, "DirectMap4k") +
			     sim_meminfo(m, "DirectMap2M") +
			     sim_meminfo(m, "DirectMap1G"),
		     1048412);
	cr_assert_eq(sim_meminfo(m, "DirectMap1G"), 0);
	sim_shutdown(m);
	m = sim_boot("ram=8G");
	cr_assert_geq(sim_meminfo(m, "DirectMap1G"), 6 * 1024 * 1024);
	sim_shutdown(m);
}

/* As free as the recorded guest c; zones keep high + protection: 21 + 945 and
 * 1449 pages.  There are no files and no slab that could be dropped. */
Test(proc, mem_available_is_free_less_what_zones_keep)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M ",boot_used=9670");
	long slab;

	cr_assert_eq(sim_meminfo(m, "MemFree"), 945028);
	slab = sim_meminfo(m, "KReclaimable");
	cr_assert_eq(slab, 0);
	cr_assert_eq(sim_meminfo(m, "MemAvailable"),
		     945028 - 4 * (21 + 945 + 1449));
	sim_shutdown(m);
}

Test(proc, paths_that_do_not_exist)
{
	static const char *const none[] = {
		"",	       "/",		   "/proc",
		"meminfo",     "/proc/meminfo/",   "/proc/99/maps",
		"/proc/PID/maps", "/proc/1",	   "/proc/1/none",
		"/proc/01/maps", "/proc/1x/maps",  "/proc/sys/kernel/none",
		"/proc/99999999999999999999/maps", "/sys/none",
	};
	struct mmsim_machine *m = sim_boot("ram=64M");
	char buf[4];

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		cr_assert_eq(mmsim_proc_read(m, none[i], buf, sizeof(buf)),
			     -ENOENT, "%s", none[i]);
		cr_assert_eq(mmsim_proc_write(m, none[i], "1"), -ENOENT, "%s",
			     none[i]);
	}
	cr_assert_eq(mmsim_proc_write(m, "/proc/meminfo", "1"), -EACCES);
	cr_assert_eq(mmsim_proc_read(m, "/proc/1/clear_refs", buf, 4), -EACCES);
	cr_assert_eq(mmsim_proc_read(m, "/proc/meminfo", buf, sizeof(buf)),
		     mmsim_proc_read(m, "/proc/meminfo", NULL, 0));
	cr_assert_str_eq(buf, "Mem");
	sim_shutdown(m);
}

Test(proc, swap_of_the_spec)
{
	struct mmsim_machine *m = sim_boot("ram=64M,swap=32M");
	char *text = sim_proc(m, "/proc/swaps");

	cr_assert(strstr(text, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\t"
			       "Priority\n/dev/vdb "),
		  "%s", text);
	free(text);
	cr_assert_leq(labs(sim_meminfo(m, "SwapTotal") - 32 * 1024), 4);
	cr_assert_eq(sim_meminfo(m, "SwapFree"), sim_meminfo(m, "SwapTotal"));
	sim_shutdown(m);
}

/* maps of the recorded test program at its start, without randomisation; the
 * stack and the heap have their sizes and names. */
Test(proc, maps_of_a_fresh_program)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct mmsim_task *task = sim_spawn(m);
	char *text = sim_task_proc(m, task, "maps");
	const char *line = strstr(text, "[stack]");

	cr_assert(strncmp(text, "00400000-00401000 r--p 00000000 ", 32) == 0,
		  "%s", text);
	cr_assert(strstr(text, "7ffffffde000-7ffffffff000 rw-p 00000000 00:00 "
			       "0                          [stack]\n"),
		  "%s", text);
	cr_assert(strstr(text, "00:00 0                                  "
			       "[heap]\n"),
		  "%s", text);
	cr_assert(strstr(text, "[vvar]\n"));
	cr_assert(strstr(text, "[vdso]\n"));
	cr_assert_null(strstr(text, "[vsyscall]"));
	while (line > text && line[-1] != '\n')
		line--;
	cr_assert_eq(strstr(line, "[stack]") - line, 73);
	cr_assert_eq(sim_status(m, task, "VmSize"), 2744);
	cr_assert_eq(sim_status(m, task, "VmRSS"), 0);
	cr_assert_eq(sim_status(m, task, "VmStk"), 132);
	free(text);
	sim_shutdown(m);
}

Test(proc, maps_of_anonymous_shared_and_file)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct mmsim_task *task = sim_spawn(m);
	struct mmsim_file *file;
	intptr_t a, b;
	char *text, line[160];

	cr_assert_eq(mmsim_file_create(m, "/big", 64 * KB, &file), 0);
	a = mmsim_mmap(task, 0, 8 * KB, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, NULL, 0);
	b = mmsim_mmap(task, 0, 8 * KB, PROT_READ, MAP_PRIVATE, file, 4 * KB);
	cr_assert_gt(a, 0);
	cr_assert_gt(b, 0);
	text = sim_task_proc(m, task, "maps");
	snprintf(line, sizeof(line), "%lx-%lx rw-s 00000000 00:01 ",
		 (unsigned long)a, (unsigned long)a + 8 * KB);
	cr_assert(strstr(text, line), "%s", text);
	cr_assert(strstr(text, " /dev/zero (deleted)\n"), "%s", text);
	snprintf(line, sizeof(line), "%lx-%lx r--p 00001000 fe:00 ",
		 (unsigned long)b, (unsigned long)b + 8 * KB);
	cr_assert(strstr(text, line), "%s", text);
	cr_assert(strstr(text, " /big\n"), "%s", text);
	free(text);
	cr_assert_eq(mmsim_unlink(m, "/big"), 0);
	text = sim_task_proc(m, task, "maps");
	cr_assert(strstr(text, " /big (deleted)\n"), "%s", text);
	free(text);
	mmsim_close(file);
	sim_shutdown(m);
}

/* Recordings h: 64 MiB touched, fork, the child writes half of it. */
Test(proc, smaps_counts_shared_and_private)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct mmsim_task *task = sim_spawn(m), *child;
	uintptr_t a = sim_mmap(task, 64 * MB);

	cr_assert_eq(sim_smaps_of(m, task, a, "Rss"), 0);
	sim_touch(task, a, 64 * MB);
	cr_assert_eq(sim_smaps_of(m, task, a, "Size"), 65536);
	cr_assert_eq(sim_smaps_of(m, task, a, "Rss"), 65536);
	cr_assert_eq(sim_smaps_of(m, task, a, "Pss"), 65536);
	cr_assert_eq(sim_smaps_of(m, task, a, "Pss_Dirty"), 65536);
	cr_assert_eq(sim_smaps_of(m, task, a, "Private_Dirty"), 65536);
	cr_assert_eq(sim_smaps_of(m, task, a, "Referenced"), 65536);
	cr_assert_eq(sim_smaps_of(m, task, a, "Anonymous"), 65536);
	cr_assert_eq(mmsim_task_fork(task, &child), 0);
	cr_assert_eq(sim_smaps_of(m, task, a, "Pss"), 32768);
	cr_assert_eq(sim_smaps_of(m, task, a, "Shared_Dirty"), 65536);
	cr_assert_eq(sim_smaps_of(m, task, a, "Private_Dirty"), 0);
	cr_assert_eq(sim_smaps_of(m, child, a, "Shared_Dirty"), 65536);
	cr_assert_eq(sim_smaps_of(m, child, a, "Referenced"), 0);
	sim_touch(child, a, 32 * MB);
	for (int i = 0; i < 2; i++) {
		struct mmsim_task *t = i ? child : task;

		cr_assert_eq(sim_smaps_of(m, t, a, "Rss"), 65536);
		cr_assert_eq(sim_smaps_of(m, t, a, "Pss"), 49152);
		cr_assert_eq(sim_smaps_of(m, t, a, "Shared_Dirty"), 32768);
		cr_assert_eq(sim_smaps_of(m, t, a, "Private_Dirty"), 32768);
	}
	sim_shutdown(m);
}

/* What scripts over smaps do: Rss is the sum of the four kinds, the Pss of all
 * is what they take, and rollup and status say the same. */
Test(proc, sums_over_smaps_agree)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct mmsim_task *task = sim_spawn(m), *kids[2];
	uintptr_t a = sim_mmap(task, 3 * MB);
	intptr_t s = mmsim_mmap(task, 0, MB, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, NULL, 0);
	long pss = 0;

	sim_touch(task, a, MB + 12 * KB);
	cr_assert_eq(mmsim_access(task, a + 2 * MB, 64 * KB, 0), 0);
	sim_touch(task, (uintptr_t)s, 100 * KB);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(mmsim_task_fork(task, &kids[i]), 0);
		sim_touch(kids[i], (uintptr_t)s, 64 * KB);
		sim_touch(kids[i], a, 20 * KB);
	}
	for (int i = 0; i < 3; i++) {
		struct mmsim_task *t = i < 2 ? kids[i] : task;
		long rss = sim_smaps(m, t, "Rss");
		char *rollup = sim_task_proc(m, t, "smaps_rollup");

		cr_assert_eq(rss, sim_smaps(m, t, "Shared_Clean") +
					  sim_smaps(m, t, "Shared_Dirty") +
					  sim_smaps(m, t, "Private_Clean") +
					  sim_smaps(m, t, "Private_Dirty"));
		cr_assert_eq(rss, sim_status(m, t, "VmRSS"));
		cr_assert_eq(sim_smaps(m, t, "Anonymous"),
			     sim_status(m, t, "RssAnon"));
		cr_assert_eq(rss, sim_find(rollup, "Rss", ":", 0));
		cr_assert_eq(sim_smaps(m, t, "Size"),
			     sim_status(m, t, "VmSize"));
		cr_assert_geq(sim_find(rollup, "Pss", ":", 0),
			      sim_smaps(m, t, "Pss"));
		cr_assert(strncmp(rollup,
				  "00400000-7ffffffff000 ---p 00000000 00:00 0 ",
				  44) == 0,
			  "%s", rollup);
		cr_assert_eq(strstr(rollup, "[rollup]\n") - rollup, 73);
		pss += sim_find(rollup, "Pss", ":", 0);
		free(rollup);
	}
	/* 1 MiB + 12 KiB once, two copies of 20 KiB, 100 KiB shared; a third of
	 * a page is cut off for each */
	cr_assert_geq(pss, 1036 + 40 + 100 - 3);
	cr_assert_leq(pss, 1036 + 40 + 100);
	sim_shutdown(m);
}

/* The script as people have it, on the file as they would get it. */
Test(proc, awk_over_smaps)
{
	static const char script[] =
		"/^Rss:/ {rss += $2} /^Pss:/ {pss += $2} "
		"/^Shared_(Clean|Dirty):/ {shared += $2} "
		"/^Private_(Clean|Dirty):/ {private += $2} "
		"/^Swap:/ {swap += $2} "
		"END {print rss, pss, shared, private, swap}";
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct mmsim_task *task = sim_spawn(m), *child;
	uintptr_t a = sim_mmap(task, 2 * MB);
	char name[] = "/tmp/smaps-XXXXXX", command[512], *text;
	int fd = mkstemp(name);
	long v[5] = {0};
	FILE *out;

	sim_touch(task, a, 2 * MB);
	cr_assert_eq(mmsim_task_fork(task, &child), 0);
	sim_touch(child, a, MB);
	text = sim_task_proc(m, task, "smaps");
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	free(text);
	snprintf(command, sizeof(command), "awk '%s' %s", script, name);
	out = popen(command, "r");
	cr_assert_not_null(out);
	cr_assert_eq(fscanf(out, "%ld %ld %ld %ld %ld", &v[0], &v[1], &v[2],
			    &v[3], &v[4]),
		     5);
	pclose(out);
	unlink(name);
	cr_assert_eq(v[0], 2048);
	cr_assert_eq(v[1], 1536);
	cr_assert_eq(v[2], 1024);
	cr_assert_eq(v[3], 1024);
	cr_assert_eq(v[4], 0);
	sim_shutdown(m);
}

Test(proc, smaps_lines_are_those_of_6_1)
{
	static const char *const names[] = {
		"Size",		   "KernelPageSize", "MMUPageSize",
		"Rss",		   "Pss",	     "Pss_Dirty",
		"Shared_Clean",	   "Shared_Dirty",   "Private_Clean",
		"Private_Dirty",   "Referenced",     "Anonymous",
		"LazyFree",	   "AnonHugePages",  "ShmemPmdMapped",
		"FilePmdMapped",   "Shared_Hugetlb", "Private_Hugetlb",
		"Swap",		   "SwapPss",	     "Locked",
	};
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct mmsim_task *task = sim_spawn(m);
	char *text = sim_task_proc(m, task, "smaps");
	char *line = strchr(text, '\n') + 1;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *end = strchr(line, '\n');

		*end = '\0';
		cr_assert(strncmp(line, names[i], strlen(names[i])) == 0 &&
				  line[strlen(names[i])] == ':',
			  "%s instead of %s", line, names[i]);
		cr_assert_eq(end - line, 27, "%s", line);
		line = end + 1;
	}
	cr_assert(strncmp(line, "THPeligible:    0\nVmFlags: rd mr mw me sd \n",
			  43) == 0,
		  "%.60s", line);
	free(text);
	sim_shutdown(m);
}

static void assert_flags(struct mmsim_machine *m, struct mmsim_task *task,
			 uintptr_t addr, const char *flags)
{
	char *text = sim_task_proc(m, task, "smaps"), head[32];
	const char *area, *found;

	snprintf(head, sizeof(head), "%08lx-", (unsigned long)addr);
	area = strstr(text, head);
	cr_assert_not_null(area, "%s", head);
	found = strstr(area, "VmFlags: ") + 9;
	cr_assert(strncmp(found, flags, strlen(flags)) == 0 &&
			  found[strlen(flags)] == '\n',
		  "%.50s", found);
	free(text);
}

Test(proc, vm_flags)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t a = sim_mmap(task, 16 * SIM_PAGE);
	intptr_t b = mmsim_mmap(task, 0, 4 * SIM_PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
				NULL, 0);
	intptr_t c = mmsim_mmap(task, 0, SIM_PAGE, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, NULL, 0);

	assert_flags(m, task, (uintptr_t)b, "rd wr mr mw me nr sd ");
	assert_flags(m, task, (uintptr_t)c, "rd wr sh mr mw me ms sd ");
	assert_flags(m, task, a, "rd wr mr mw me ac sd ");
	cr_assert_eq(mmsim_mlock(task, a, SIM_PAGE), 0);
	assert_flags(m, task, a, "rd wr mr mw me lo ac sd ");
	cr_assert_eq(sim_smaps_of(m, task, a, "Locked"), 4);
	cr_assert_eq(sim_status(m, task, "VmLck"), 4);
	cr_assert_eq(mmsim_madvise(task, a + 2 * SIM_PAGE, SIM_PAGE,
				   MADV_RANDOM),
		     0);
	assert_flags(m, task, a + 2 * SIM_PAGE, "rd wr mr mw me rr ac sd ");
	cr_assert_eq(mmsim_madvise(task, a + 4 * SIM_PAGE, SIM_PAGE,
				   MADV_DONTFORK),
		     0);
	assert_flags(m, task, a + 4 * SIM_PAGE, "rd wr mr mw me dc ac sd ");
	sim_shutdown(m);
}

Test(proc, clear_refs_forgets_uses)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t a = sim_mmap(task, 64 * KB);
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/clear_refs",
		 mmsim_task_pid(task));
	sim_touch(task, a, 64 * KB);
	cr_assert_eq(sim_smaps_of(m, task, a, "Referenced"), 64);
	sim_write(m, path, "1\n");
	cr_assert_eq(sim_smaps_of(m, task, a, "Referenced"), 0);
	cr_assert_eq(sim_smaps_of(m, task, a, "Rss"), 64);
	cr_assert_eq(mmsim_access(task, a, 8 * KB, 0), 0);
	cr_assert_eq(sim_smaps_of(m, task, a, "Referenced"), 8);
	cr_assert_eq(mmsim_madvise(task, a, 64 * KB, MADV_DONTNEED), 0);
	cr_assert_eq(sim_status(m, task, "VmHWM"), 64);
	sim_write(m, path, "5");
	cr_assert_eq(sim_status(m, task, "VmHWM"), 0);
	cr_assert_eq(mmsim_proc_write(m, path, "0"), -EINVAL);
	cr_assert_eq(mmsim_proc_write(m, path, "6"), -EINVAL);
	cr_assert_eq(mmsim_proc_write(m, path, "x"), -EINVAL);
	cr_assert_eq(mmsim_proc_write(m, path, "11"), -EINVAL);
	sim_shutdown(m);
}

/* Recordings b: 100 MiB and a page, written: 49 huge pages and small ones. */
Test(proc, huge_pages_are_counted_everywhere)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M ",thp=always");
	struct mmsim_task *task = sim_spawn(m), *child;
	uintptr_t a = sim_mmap(task, 100 * MB + SIM_PAGE);
	char path[64];

	cr_assert_eq(sim_smaps_of(m, task, a, "AnonHugePages"), 0);
	sim_touch(task, a, 100 * MB + SIM_PAGE);
	cr_assert_eq(sim_smaps_of(m, task, a, "AnonHugePages"), 100352);
	cr_assert_eq(sim_smaps_of(m, task, a, "Rss"), 100 * KB + 4);
	cr_assert_eq(sim_smaps_of(m, task, a, "Private_Dirty"), 100 * KB + 4);
	cr_assert_eq(sim_meminfo(m, "AnonHugePages"), 100352);
	cr_assert_eq(sim_vmstat(m, "nr_anon_transparent_hugepages"), 49);
	cr_assert_eq(mmsim_task_fork(task, &child), 0);
	cr_assert_eq(sim_smaps_of(m, child, a, "AnonHugePages"), 100352);
	cr_assert_eq(sim_smaps_of(m, child, a, "Pss"), 50 * KB + 2);
	cr_assert_eq(sim_meminfo(m, "AnonHugePages"), 100352);
	snprintf(path, sizeof(path), "/proc/%d/clear_refs",
		 mmsim_task_pid(task));
	sim_write(m, path, "1");
	cr_assert_eq(sim_smaps_of(m, task, a, "Referenced"), 0);
	cr_assert_eq(mmsim_access(task, a + 50 * MB, 4096, 0), 0);
	cr_assert_eq(sim_smaps_of(m, task, a, "Referenced"), 2048);
	sim_shutdown(m);
}

Test(proc, stat_has_52_fields_and_statm_7)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t a = sim_mmap(task, 40 * KB);
	intptr_t s = mmsim_mmap(task, 0, 40 * KB, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, NULL, 0);
	char *text, comm[20], state;
	long v[52];
	int pid, n = 0;

	sim_touch(task, a, 20 * KB);
	sim_touch(task, (uintptr_t)s, 12 * KB);
	text = sim_task_proc(m, task, "stat");
	cr_assert_eq(sscanf(text, "%d (%15[^)]) %c", &pid, comm, &state), 3);
	cr_assert(pid == 2 && state == 'S', "%s", text);
	cr_assert_str_eq(comm, "test");
	v[n++] = pid;
	v[n++] = 0;
	v[n++] = 0;
	for (char *p = strtok(strchr(text, ')') + 4, " "); p && n < 52;
	     p = strtok(NULL, " "))
		v[n++] = strtol(p, NULL, 10);
	cr_assert_eq(n, 52);
	cr_assert_null(strtok(NULL, " "));
	cr_assert_eq(v[3], 1);	/* ppid */
	cr_assert_eq(v[9], 8);	/* minflt */
	cr_assert_eq(v[17], 20); /* priority */
	cr_assert_eq(v[19], 1); /* threads */
	cr_assert_eq(v[22], (686 + 20) * 4096);
	cr_assert_eq(v[23], 8); /* rss */
	cr_assert_eq(v[25], 0x401000); /* text */
	cr_assert_eq(v[37], 17); /* SIGCHLD */
	free(text);
	text = sim_task_proc(m, task, "statm");
	cr_assert_eq(sscanf(text, "%ld %ld %ld %ld %ld %ld %ld", &v[0], &v[1],
			    &v[2], &v[3], &v[4], &v[5], &v[6]),
		     7);
	cr_assert_eq(v[0], 706);
	cr_assert_eq(v[1], 8);
	cr_assert_eq(v[2], 3);
	cr_assert_eq(v[4], 0);
	cr_assert_eq(v[6], 0);
	free(text);
	sim_shutdown(m);
}

Test(proc, status_comm_limits_cmdline)
{
	struct mmsim_machine *m = sim_boot("ram=64M,cpus=2");
	struct mmsim_task *task = sim_spawn(m);
	char *text, buf[16];

	sim_write(m, "/proc/2/comm", "a name that is too long\n");
	text = sim_task_proc(m, task, "comm");
	cr_assert_str_eq(text, "a name that is \n");
	free(text);
	cr_assert_eq(mmsim_task_set_uid(task, 1000), 0);
	text = sim_task_proc(m, task, "status");
	cr_assert(strncmp(text, "Name:\ta name that is \nUmask:\t0022\n"
				"State:\tS (sleeping)\nTgid:\t2\nNgid:\t0\n"
				"Pid:\t2\nPPid:\t1\nTracerPid:\t0\n"
				"Uid:\t1000\t1000\t1000\t1000\n",
			  115) == 0,
		  "%s", text);
	cr_assert(strstr(text, "\nVmSize:\t    2744 kB\nVmLck:\t       0 kB\n"
			       "VmPin:\t       0 kB\nVmHWM:\t       0 kB\n"
			       "VmRSS:\t       0 kB\nRssAnon:\t       0 kB\n"
			       "RssFile:\t       0 kB\nRssShmem:\t       0 kB\n"),
		  "%s", text);
	cr_assert(strstr(text, "\nThreads:\t1\nSigQ:\t0/"), "%s", text);
	cr_assert(strstr(text, "\nCapEff:\t0000000000000000\n"), "%s", text);
	cr_assert(strstr(text, "\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\n"),
		  "%s", text);
	cr_assert(strstr(text, "\nMems_allowed_list:\t0\n"), "%s", text);
	free(text);
	text = sim_task_proc(m, task, "limits");
	cr_assert(strstr(text, "Limit                     Soft Limit           "
			       "Hard Limit           Units     \n"));
	cr_assert(strstr(text, "Max stack size            8388608              "
			       "unlimited            bytes     \n"),
		  "%s", text);
	cr_assert(strstr(text, "Max locked memory         8388608              "
			       "8388608              bytes     \n"),
		  "%s", text);
	free(text);
	cr_assert_eq(mmsim_proc_read(m, "/proc/2/cmdline", buf, 16), 16);
	sim_shutdown(m);
}

Test(proc, init_has_no_memory_and_the_dead_have_no_files)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	char *text = sim_proc(m, "/proc/1/maps");
	char buf[8];

	cr_assert_str_empty(text);
	free(text);
	text = sim_proc(m, "/proc/1/status");
	cr_assert_null(strstr(text, "VmSize"));
	free(text);
	text = sim_proc(m, "/proc/1/statm");
	cr_assert_str_eq(text, "0 0 0 0 0 0 0\n");
	free(text);
	cr_assert_eq(mmsim_proc_read(m, "/proc/1/smaps_rollup", buf, 8),
		     -ESRCH);
	mmsim_task_exit(task, 0);
	mmsim_task_put(task);
	cr_assert_eq(mmsim_proc_read(m, "/proc/2/status", buf, 8), -ENOENT);
	sim_shutdown(m);
}

Test(proc, huge_page_choices)
{
	static const char thp[] = "/sys/kernel/mm/transparent_hugepage/enabled";
	static const char defrag[] =
		"/sys/kernel/mm/transparent_hugepage/defrag";
	struct mmsim_machine *m = sim_boot("ram=1G");
	char *text = sim_proc(m, thp);

	cr_assert_str_eq(text, "always madvise [never]\n");
	free(text);
	sim_write(m, thp, "always\n");
	text = sim_proc(m, thp);
	cr_assert_str_eq(text, "[always] madvise never\n");
	free(text);
	cr_assert_eq(mmsim_proc_write(m, thp, "sometimes"), -EINVAL);
	cr_assert_eq(mmsim_proc_write(m, thp, "alway"), -EINVAL);
	cr_assert_eq(mmsim_proc_write(m, thp, ""), -EINVAL);
	text = sim_proc(m, defrag);
	cr_assert_str_eq(text, "always defer defer+madvise [madvise] never\n");
	free(text);
	sim_write(m, defrag, "defer+madvise");
	text = sim_proc(m, defrag);
	cr_assert_str_eq(text, "always defer [defer+madvise] madvise never\n");
	free(text);
	sim_shutdown(m);
}

Test(proc, sets_of_nodes)
{
	struct mmsim_machine *m = sim_boot("ram=1G,nodes=2,cpus=2");
	static const char *const sets[] = {"online", "possible", "has_memory",
					   "has_normal_memory", "has_cpu"};

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		char path[64], *text;

		snprintf(path, sizeof(path), "/sys/devices/system/node/%s",
			 sets[i]);
		text = sim_proc(m, path);
		cr_assert_str_eq(text, "0-1\n", "%s: %s", sets[i], text);
		free(text);
	}
	sim_shutdown(m);
}

Test(proc, uptime_and_version)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	unsigned long before, s, cs;
	char *text;

	text = sim_proc(m, "/proc/uptime");
	cr_assert_eq(sscanf(text, "%lu.%lu", &before, &cs), 2);
	free(text);
	mmsim_idle(m, 3000000000u);
	text = sim_proc(m, "/proc/uptime");
	cr_assert_eq(sscanf(text, "%lu.%lu", &s, &cs), 2);
	cr_assert_eq(s, before + 3, "%s", text);
	free(text);
	text = sim_proc(m, "/proc/version");
	cr_assert(strncmp(text, "Linux version 6.1.0 ", 20) == 0, "%s", text);
	free(text);
	sim_shutdown(m);
}

Test(proc, old_kernels_have_fewer_lines)
{
	struct mmsim_machine *m = sim_boot("ram=64M,profile=linux-2.6.32");
	struct mmsim_task *task = sim_spawn(m);
	char *text = sim_proc(m, "/proc/meminfo");

	cr_assert_null(strstr(text, "MemAvailable"));
	cr_assert_null(strstr(text, "KReclaimable"));
	cr_assert_null(strstr(text, "AnonHugePages"));
	free(text);
	text = sim_task_proc(m, task, "smaps");
	cr_assert_null(strstr(text, "VmFlags"));
	cr_assert_not_null(strstr(text, "Swap:                  0 kB\n"
					"KernelPageSize:        4 kB\n"
					"MMUPageSize:           4 kB\n"));
	free(text);
	cr_assert_eq(mmsim_proc_read(m,
				     "/sys/kernel/mm/transparent_hugepage/"
				     "enabled",
				     NULL, 0),
		     -ENOENT);
	sim_shutdown(m);
}

Test(proc, a_machine_that_has_panicked_says_nothing)
{
	struct mmsim_machine *m =
		sim_boot("ram=16M,vm.overcommit_memory=1,vm.panic_on_oom=2");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t a = sim_mmap(task, 32 * MB);
	char buf[64];

	cr_assert_neq(mmsim_access(task, a, 32 * MB, 1), 0);
	cr_assert(mmsim_machine_has_panicked(m));
	cr_assert_eq(mmsim_proc_read(m, "/proc/meminfo", buf, 64), -EIO);
	cr_assert_eq(mmsim_proc_write(m, "/proc/sys/vm/swappiness", "1"), -EIO);
	cr_assert_eq(mmsim_view(m, "free", buf, 64), -EIO);
	cr_assert_gt(mmsim_machine_log(m, buf, 64), 64);
	mmsim_machine_shutdown(m);
}
