/*
 * pressure.c: random work under pressure: contents, books, determinism.
 */
#include "pressure.h"

/* Operations in all cases together: 50,000, with MMSIM_LONG a million. */
static unsigned nr_steps(unsigned percent)
{
	unsigned all = getenv("MMSIM_LONG") ? 1000000 : 50000;

	/* these builds prove the books after each call by themselves */
	if (MMSIM_DEBUG >= 2)
		all /= 500;
	return all / 100 * percent;
}

static void run(const char *spec, uint64_t seed, unsigned nr_pages,
		unsigned percent)
{
	struct pressure *p = calloc(1, sizeof(*p));
	unsigned steps = nr_steps(percent);

	cr_assert_not_null(p);
	pressure_boot(p, spec, seed, nr_pages);
	for (unsigned i = 0; i < steps; i++) {
		if (i % 8 == 0)
			pressure_steer(p);
		pressure_step(p);
		if (i % 64 == 0)
			sim_validate(p->m);
	}
	pressure_check_all(p);
	cr_expect_gt(p->nr_loads, steps / 4);
	cr_expect_gt(p->nr_full, p->nr_looks * 3 / 4,
		     "full in %lu looks of %lu", (unsigned long)p->nr_full,
		     (unsigned long)p->nr_looks);
	cr_expect_gt(sim_vmstat(p->m, "pswpout"), steps / 20);
	cr_expect_gt(sim_vmstat(p->m, "pswpin"), steps / 20);
	cr_expect_gt(sim_vmstat(p->m, "pgsteal_file"), 0);
	pressure_shutdown(p);
	free(p);
}

Test(pressure, a_small_machine_with_swap)
{
	run("ram=32M,swap=32M,seed=1", 1, 2400, 30);
}

Test(pressure, little_memory_much_swap)
{
	run("ram=16M,swap=64M,seed=2", 2, 2800, 14);
}

Test(pressure, two_nodes_and_two_processors)
{
	run("ram=48M,nodes=2,cpus=2,swap=32M,seed=3", 3, 2800, 14);
}

Test(pressure, huge_pages)
{
	run("ram=64M,swap=32M,thp=always,seed=4", 4, 3600, 10);
}

Test(pressure, two_swap_areas)
{
	run("ram=24M,swap=8M:5+24M:1,seed=5", 5, 2200, 10);
}

Test(pressure, high_memory_in_32_bits)
{
	run("ram=40M,swap=24M,arch=x86-32,seed=6", 6, 2600, 5);
	run("ram=40M,swap=24M,arch=x86-32-pae,seed=7", 7, 2600, 5);
}

Test(pressure, older_and_newer_kernels)
{
	run("ram=32M,swap=24M,profile=linux-2.6.32,seed=8", 8, 2400, 4);
	run("ram=32M,swap=24M,profile=linux-3.10,seed=9", 9, 2400, 4);
	run("ram=32M,swap=24M,profile=linux-6.18,seed=10", 10, 2400, 4);
}

/* What can be seen of a machine. */
static char *everything(struct mmsim_machine *m)
{
	static const char *const files[] = {"/proc/vmstat",   "/proc/meminfo",
					    "/proc/zoneinfo", "/proc/buddyinfo",
					    "/proc/swaps",    "/proc/slabinfo"};
	size_t len = 0, size = 8 << 20;
	char *text = malloc(size);

	cr_assert_not_null(text);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		len += (size_t)mmsim_proc_read(m, files[i], text + len,
					       size - len);
		cr_assert_lt(len, size);
	}
	len += (size_t)mmsim_machine_log(m, text + len, size - len);
	cr_assert_lt(len, size);
	len += (size_t)mmsim_trace_read(m, text + len, size - len);
	cr_assert_lt(len, size);
	snprintf(text + len, size - len, "clock %lu\n",
		 (unsigned long)mmsim_clock_ns(m));
	return text;
}

static char *run_and_tell(uint64_t seed)
{
	struct pressure *p = calloc(1, sizeof(*p));
	char *text;

	cr_assert_not_null(p);
	pressure_boot(p, "ram=24M,swap=24M,cpus=2,seed=9", seed, 2000);
	cr_assert_eq(mmsim_trace_start(p->m, 1000000), 0);
	for (unsigned i = 0; i < 2000; i++) {
		if (i % 8 == 0)
			pressure_steer(p);
		pressure_step(p);
	}
	text = everything(p->m);
	pressure_shutdown(p);
	free(p);
	return text;
}

Test(pressure, the_same_run_is_the_same)
{
	char *first = run_and_tell(11), *second = run_and_tell(11),
	     *other = run_and_tell(12);

	cr_expect_str_eq(first, second);
	cr_expect_str_neq(first, other);
	free(first);
	free(second);
	free(other);
}
