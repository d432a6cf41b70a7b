/*
 * view.c: what tools would print.
 */
#include "sim.h"

static char *view_text(struct mmsim_machine *m, const char *view)
{
	ssize_t len = mmsim_view(m, view, NULL, 0);
	char *text;

	cr_assert_geq(len, 0, "%s: %zd", view, len);
	text = malloc((size_t)len + 1);
	cr_assert_eq(mmsim_view(m, view, text, (size_t)len + 1), len);
	return text;
}

/* Numbers of the line that begins with `name`. */
static int numbers(const char *text, const char *name, long *v, int max)
{
	const char *p = strstr(text, name);
	int n = 0;

	cr_assert_not_null(p, "%s", text);
	p += strlen(name);
	while (n < max && *p != '\n') {
		char *end;

		v[n] = strtol(p, &end, 10);
		if (end == p)
			break;
		n++;
		p = end;
	}
	return n;
}

Test(view, free_and_its_older_idea_of_used)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M ",swap=64M");
	struct mmsim_task *task = sim_spawn(m);
	intptr_t s = mmsim_mmap(task, 0, 64 << 20, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, NULL, 0);
	long now[6], old[6], swap[3];
	char *text;

	sim_touch(task, (uintptr_t)s, 64 << 20);
	text = view_text(m, "free");
	cr_assert(strncmp(text,
			  "               total        used        free      "
			  "shared  buff/cache   available\n",
			  80) == 0,
		  "%s", text);
	cr_assert_eq(numbers(text, "Mem:", now, 6), 6);
	cr_assert_eq(numbers(text, "Swap:", swap, 3), 3);
	free(text);
	text = view_text(m, "free -o");
	cr_assert_eq(numbers(text, "Mem:", old, 6), 6);
	free(text);
	cr_assert_eq(now[0], 983708);
	cr_assert_eq(now[1], now[0] - now[5]);
	cr_assert_eq(now[3], 65536);
	cr_assert_eq(now[4], 65536 + sim_meminfo(m, "SReclaimable"));
	cr_assert_eq(old[1], old[0] - old[2] - old[4]);
	/* shared memory is in the cache, and yet nobody can have it */
	cr_assert_gt(now[1] - old[1], 65536);
	cr_assert_eq(swap[0], sim_meminfo(m, "SwapTotal"));
	cr_assert_eq(swap[1], 0);
	sim_shutdown(m);
}

/* Used in MB: as free says now, and as it said before. */
static void used(struct mmsim_machine *m, double *now, double *old)
{
	char *text = view_text(m, "free");
	long v[6];

	cr_assert_eq(numbers(text, "Mem:", v, 6), 6);
	*now = (double)v[1] / 1024;
	free(text);
	text = view_text(m, "free -o");
	cr_assert_eq(numbers(text, "Mem:", v, 6), 6);
	*old = (double)v[1] / 1024;
	free(text);
}

/* 64 MB more of a kind: by how much both figures grow. */
static void expect_used(struct mmsim_machine *m, const double before[2],
			double now, double old, const char *kind)
{
	double after[2];

	used(m, &after[0], &after[1]);
	cr_assert_float_eq(after[0] - before[0], now, 1, "%s: now %f", kind,
			   after[0] - before[0]);
	cr_assert_float_eq(after[1] - before[1], old, 1, "%s: old %f", kind,
			   after[1] - before[1]);
}

/*
 * What was recorded for 64 MB, in kB.  "used" before: read() of a file 0,
 * anonymous memory +66024, tmpfs and shared memory 0.  Available, of which
 * today's is made: -4500, -66024, -65900.  Within 1 MB, as tables and slabs are in it.
 */
Test(view, free_counts_what_cannot_be_had)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M);
	struct mmsim_task *task = sim_spawn(m);
	static char buf[1 << 20];
	struct mmsim_file *file, *shm;
	double before[2];

	cr_assert_eq(mmsim_file_create(m, "/data", 64 << 20, &file), 0);
	cr_assert_eq(mmsim_file_create(m, "/dev/shm/x", 64 << 20, &shm), 0);
	used(m, &before[0], &before[1]);
	for (off_t at = 0; at < 64 << 20; at += (off_t)sizeof(buf))
		mmsim_pread(task, file, buf, sizeof(buf), at);
	expect_used(m, before, 4500.0 / 1024, 0, "file");
	used(m, &before[0], &before[1]);
	for (off_t at = 0; at < 64 << 20; at += (off_t)sizeof(buf))
		mmsim_pwrite(task, shm, buf, sizeof(buf), at);
	expect_used(m, before, 65900.0 / 1024, 0, "tmpfs");
	used(m, &before[0], &before[1]);
	sim_touch(task, sim_mmap(task, 64 << 20), 64 << 20);
	expect_used(m, before, 66024.0 / 1024, 66024.0 / 1024, "anonymous");
	mmsim_close(file);
	mmsim_close(shm);
	sim_shutdown(m);
}

Test(view, numactl_hardware)
{
	struct mmsim_machine *m = sim_boot("ram=1G,nodes=2,cpus=2");
	char *text = view_text(m, "numactl --hardware");
	long size;

	cr_assert(strncmp(text, "available: 2 nodes (0-1)\nnode 0 cpus: 0\n"
				"node 0 size: ",
			  53) == 0,
		  "%s", text);
	cr_assert(strstr(text, "\nnode 1 cpus: 1\n"), "%s", text);
	cr_assert(strstr(text, "\nnode distances:\nnode   0   1 \n"
			       "  0:  10  20 \n  1:  20  10 \n"),
		  "%s", text);
	cr_assert_eq(numbers(text, "node 1 size:", &size, 1), 1);
	cr_assert(size >= 500 && size <= 512, "%s", text);
	free(text);
	sim_shutdown(m);
}

Test(view, top)
{
	struct mmsim_machine *m = sim_boot("ram=1G");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t a = sim_mmap(task, 40 << 20);
	char *text, *row;

	sim_touch(task, a, 40 << 20);
	cr_assert_eq(mmsim_task_set_uid(task, 1000), 0);
	cr_assert_eq(mmsim_task_set_nice(task, 5), 0);
	text = view_text(m, "top");
	cr_assert(strstr(text, "Tasks:   2 total,"), "%s", text);
	row = strstr(text, "\n    2 ");
	cr_assert_not_null(row, "%s", text);
	cr_assert(strncmp(row, "\n    2 1000      25   5   43704  40960      0 "
			       "S",
			  46) == 0,
		  "%s", row);
	cr_assert(strstr(row, "  4.0 "), "%s", row);
	free(text);
	sim_write(m, "/proc/sys/vm/overcommit_memory", "1");
	sim_mmap(task, (size_t)100 << 40);
	text = view_text(m, "top");
	cr_assert(strstr(text, " 100.0t  40960 "), "%s", text);
	free(text);
	sim_shutdown(m);
}

static void expect_pmap_end(const char *spec, const char *end)
{
	struct mmsim_machine *m = sim_boot(spec);
	struct mmsim_task *task = sim_spawn(m);
	char *text = view_text(m, "pmap 2"), *stack;

	(void)task;
	cr_assert(strncmp(text, "2:   test\n0000000000400000      4K r---- ", 41) ==
			  0,
		  "%s", text);
	stack = strstr(text, "\n00007ffffffde000    132K rw---   [ stack ]\n");
	cr_assert(stack, "%s", text);
	cr_assert_str_eq(strchr(stack + 1, '\n') + 1, end);
	free(text);
	sim_shutdown(m);
}

/* The total is VmSize, and the page of old system calls where there is one. */
Test(view, pmap)
{
	expect_pmap_end("ram=64M", " total             2744K\n");
	expect_pmap_end("ram=64M,profile=linux-6.18",
			"ffffffffff600000      4K --x--   [ anon ]\n"
			" total             2748K\n");
}

Test(view, slabtop)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	char *text;

	sim_spawn(m);
	text = view_text(m, "slabtop");
	cr_assert(strstr(text, "vm_area_struct"), "%s", text);
	free(text);
	sim_shutdown(m);
}

Test(view, tlb)
{
	struct mmsim_machine *m = sim_boot("ram=64M,cpus=2");
	struct mmsim_task *task = sim_spawn(m);
	intptr_t a = mmsim_mmap(task, 0, 8 * SIM_PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	long v[4], cpu1[4];
	char *text;

	sim_touch(task, (uintptr_t)a, 8 * SIM_PAGE);
	sim_touch(task, (uintptr_t)a, 8 * SIM_PAGE);
	mmsim_madvise(task, (uintptr_t)a, SIM_PAGE, MADV_DONTNEED);
	text = view_text(m, "tlb");
	cr_assert_eq(numbers(text, "\n   0", v, 4), 4, "%s", text);
	cr_assert_eq(v[0], 8, "%s", text);
	cr_assert_eq(v[1], 8, "%s", text);
	cr_assert_eq(v[2], 1, "%s", text);
	cr_assert_eq(v[3], 0, "%s", text);
	cr_assert_eq(numbers(text, "\n   1", cpu1, 4), 4, "%s", text);
	cr_assert_eq(cpu1[0] + cpu1[1] + cpu1[2] + cpu1[3], 0, "%s", text);
	free(text);
	sim_shutdown(m);
}

/* Bits, accesses, bytes for a page, for 1 GiB, for every address. */
static void check_layout(const char *text, const char *name, long bits,
			 long accesses, long page, long gib, long full)
{
	long v[5];

	cr_assert_eq(numbers(text, name, v, 5), 5, "%s", text);
	cr_expect_eq(v[0], bits, "%s: %ld", name, v[0]);
	cr_expect_eq(v[1], accesses, "%s: %ld", name, v[1]);
	cr_expect_eq(v[2], page, "%s: %ld", name, v[2]);
	cr_expect_eq(v[3], gib, "%s: %ld", name, v[3]);
	cr_expect_eq(v[4], full, "%s: %ld", name, v[4]);
}

Test(view, paging)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	char *text = view_text(m, "paging");

	check_layout(text, "one level, 32 bits", 32, 2, 4 << 20, 4 << 20,
		     4 << 20);
	check_layout(text, "two levels, 32 bits", 32, 3, 2 * 4096,
		     (1 + 256) * 4096, (1 + 1024) * 4096);
	check_layout(text, "one level, 48 bits", 48, 2, 1L << 39, 1L << 39,
		     1L << 39);
	check_layout(text, "four levels, 48 bits", 48, 5, 4 * 4096,
		     (3 + 512) * 4096,
		     (1 + 512 + (1L << 18) + (1L << 27)) * 4096);
	check_layout(text, "three levels, 43 bits", 43, 4, 3 * 8192,
		     (2 + 128) * 8192, (1 + 1024 + (1L << 20)) * 8192);
	free(text);
	sim_shutdown(m);
}

Test(view, kernelmap)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	char *text = view_text(m, "kernelmap");

	cr_assert(strstr(text, "ffff888000000000"), "%s", text);
	cr_assert(strstr(text, "direct map   all frames; kmalloc, slabs\n"));
	cr_assert(strstr(text, "ffffc90000000000 ffffe90000000000    34359738368 "
			       "vmalloc      vmalloc, ioremap\n"));
	cr_assert_null(strstr(text, "kmap "), "%s", text);
	free(text);
	sim_shutdown(m);
	m = sim_boot("ram=1G,arch=x86-32");
	text = view_text(m, "kernelmap");
	cr_assert(strstr(text, "00000000c0000000 00000000f8000000         917504 "
			       "lowmem "),
		  "%s", text);
	cr_assert(strstr(text, "00000000ff800000 00000000ffc00000"), "%s", text);
	cr_assert(strstr(text, "fixmap "), "%s", text);
	cr_assert_eq(mmsim_view(m, "kernelmap x", NULL, 0), -EINVAL);
	free(text);
	sim_shutdown(m);
}

Test(view, what_does_not_exist)
{
	struct mmsim_machine *m = sim_boot("ram=64M");

	cr_assert_eq(mmsim_view(m, "", NULL, 0), -ENOENT);
	cr_assert_eq(mmsim_view(m, "fre", NULL, 0), -ENOENT);
	cr_assert_eq(mmsim_view(m, "freer", NULL, 0), -ENOENT);
	cr_assert_eq(mmsim_view(m, "free -x", NULL, 0), -EINVAL);
	cr_assert_eq(mmsim_view(m, "numactl", NULL, 0), -EINVAL);
	cr_assert_eq(mmsim_view(m, "top 2", NULL, 0), -EINVAL);
	cr_assert_eq(mmsim_view(m, "tlb 0", NULL, 0), -EINVAL);
	cr_assert_eq(mmsim_view(m, "paging x", NULL, 0), -EINVAL);
	cr_assert_eq(mmsim_view(m, "pmap", NULL, 0), -ESRCH);
	cr_assert_eq(mmsim_view(m, "pmap 99", NULL, 0), -ESRCH);
	cr_assert_eq(mmsim_view(m, "pmap x", NULL, 0), -ESRCH);
	sim_shutdown(m);
}
