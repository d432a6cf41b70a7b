/*
 * os_sim.c: a heap on a task of a simulated machine: plain pointers, and every
 * fault, system call, swap-out and kill is the simulated kernel's.
 */
#include "sim.h"
#include "unit.h"

#include <malloc.h>
#include <mmsim/sim.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

static struct mmsim_sim *sim;
static struct mmsim_machine *machine;
static struct mmsim_task *task;
static const struct mmsim_os *os;
static struct mmsim_heap *heap;

static void start_with(const char *spec, unsigned flags, const char *options)
{
	int err = mmsim_sim_start(spec, flags, &sim);

	cr_assert_eq(err, 0, "%s", mmsim_sim_why(err));
	machine = mmsim_sim_machine(sim);
	task = mmsim_sim_task(sim);
	os = mmsim_sim_os(sim);
	heap = mmsim_heap_create(os, options);
	cr_assert_not_null(heap);
}

static void start(const char *spec)
{
	start_with(spec, 0, NULL);
}

static void stop(void)
{
	assert_valid(heap);
	sim_validate(machine);
	mmsim_sim_stop(sim);
}

static long rss_kb(void)
{
	return sim_smaps(machine, task, "Rss");
}

static char *get(size_t size)
{
	char *p = mmsim_heap_malloc(heap, size);

	cr_assert_not_null(p);
	return p;
}

TestSuite(os_sim, .timeout = 120);

Test(os_sim, plain_pointers_on_a_simulated_machine)
{
	long faults, log_len;
	char *p;

	start("ram=64M,swap=0,seed=1");
	faults = sim_vmstat(machine, "pgfault");
	p = get(1 * MIB);
	pattern_fill(p, 1 * MIB, 7);
	cr_assert(pattern_holds(p, 1 * MIB, 7));
	cr_assert_geq(rss_kb(), 1024);
	cr_assert_lt(rss_kb(), 1400);
	cr_assert_geq(sim_vmstat(machine, "pgfault") - faults, 256);
	log_len = mmsim_machine_log(machine, NULL, 0);
	cr_assert_geq(log_len, 0);
	mmsim_heap_free(heap, p);
	stop();
}

/* What is asked for is not there before it is written. */
Test(os_sim, rss_grows_only_as_it_is_written)
{
	long before;
	char *p;

	start("ram=256M");
	before = rss_kb();
	p = get(100 * MIB);
	cr_assert_lt(rss_kb() - before, 64);
	for (size_t mib = 0; mib < 100; mib += 20) {
		long now = rss_kb();

		memset(p + mib * MIB, 1, 20 * MIB);
		cr_assert_eq(rss_kb() - now, mib ? 20480 : rss_kb() - now);
		cr_assert_geq(rss_kb() - before, (long)(mib + 20) * 1024);
		cr_assert_lt(rss_kb() - before, (long)(mib + 20) * 1024 + 64);
	}
	stop();
}

/* Reading shows zeros and takes the shared page of zeros. */
Test(os_sim, reading_costs_no_page)
{
	long before;
	char *p;

	start("ram=64M,thp=never");
	p = get(32 * MIB);
	before = rss_kb();
	cr_assert(all_zero(p, 32 * MIB));
	cr_assert_lt(rss_kb() - before, 64);
	p[5 * MIB] = 1;
	cr_assert_eq(p[5 * MIB], 1);
	cr_assert_eq(p[5 * MIB + 1], 0);
	stop();
}

Test(os_sim, the_break_moves_to_the_byte)
{
	char *base, *p;

	start("ram=64M,vm.overcommit_memory=2");
	base = os->sbrk(os->ctx, 0);
	cr_assert_not_null(base);
	cr_assert_eq(os->sbrk(os->ctx, 10001), base);
	p = os->sbrk(os->ctx, 100);
	cr_assert_eq(p, base + 10001);
	cr_assert_eq(os->sbrk(os->ctx, 0), base + 10101);
	memset(base, 1, 10101);
	cr_assert_null(os->sbrk(os->ctx, (intptr_t)(100 * MIB)));
	cr_assert_null(os->sbrk(os->ctx, INTPTR_MAX));
	cr_assert_null(os->sbrk(os->ctx, INTPTR_MIN));
	cr_assert_eq(os->sbrk(os->ctx, -10101), base + 10101);
	cr_assert_eq(os->sbrk(os->ctx, 0), base);
	cr_assert_eq(os->sbrk(os->ctx, 4096), base);
	cr_assert(all_zero(base, 4096), "fresh memory is zero");
	mmsim_sim_stop(sim);
}

/* Only a part that is committed is charged. */
Test(os_sim, a_reservation_is_not_charged)
{
	long committed, limit;
	char *p;

	start("ram=64M,vm.overcommit_memory=2");
	committed = sim_meminfo(machine, "Committed_AS");
	limit = sim_meminfo(machine, "CommitLimit");
	p = os->reserve(os->ctx, GIB);
	cr_assert_not_null(p);
	cr_assert_eq(sim_meminfo(machine, "Committed_AS"), committed);
	cr_assert_eq(os->commit(os->ctx, p, 1 * MIB), 0);
	cr_assert_eq(sim_meminfo(machine, "Committed_AS"), committed + 1024);
	memset(p, 1, 1 * MIB);
	cr_assert_eq(os->commit(os->ctx, p, (size_t)limit << 10), -ENOMEM);
	cr_assert_eq(os->decommit(os->ctx, p, 1 * MIB), 0);
	cr_assert_eq(sim_meminfo(machine, "Committed_AS"), committed);
	cr_assert_eq(os->commit(os->ctx, p, 1 * MIB), 0);
	cr_assert(all_zero(p, 1 * MIB));
	cr_assert_eq(os->unmap(os->ctx, p, GIB), 0);
	mmsim_sim_stop(sim);
}

Test(os_sim, mappings_are_resized_and_purged)
{
	char *p, *q;

	start("ram=64M");
	p = os->map(os->ctx, 1 * MIB);
	pattern_fill(p, 1 * MIB, 3);
	q = os->map(os->ctx, 4096);
	p = os->remap(os->ctx, p, 1 * MIB, 4 * MIB, 1);
	cr_assert_not_null(p);
	cr_assert(pattern_holds(p, 1 * MIB, 3));
	cr_assert(all_zero(p + 1 * MIB, 3 * MIB));
	cr_assert_eq(os->purge(os->ctx, p, 512 << 10), 0);
	cr_assert(all_zero(p, 512 << 10));
	p = os->remap(os->ctx, p, 4 * MIB, 1 * MIB, 0);
	cr_assert_not_null(p);
	cr_assert_eq(os->populate(os->ctx, p, 1 * MIB), 0);
	cr_assert_geq(sim_smaps_of(machine, task, (uintptr_t)p, "Rss"), 1024);
	cr_assert_eq(os->unmap(os->ctx, p, 1 * MIB), 0);
	cr_assert_eq(os->unmap(os->ctx, q, 4096), 0);
	cr_assert_eq(os->unmap(os->ctx, (char *)1, 4096), -EINVAL);
	mmsim_sim_stop(sim);
}

/* A free chunk below one that is in use cannot be given back by moving the
 * break; a mapping of its own goes. */
Test(os_sim, free_below_a_live_chunk_does_not_shrink_the_heap)
{
	char *low, *high, *mapped, *brk;
	long heap_kb;

	start_with("ram=256M", 0,
		   "trim_threshold=-1,mmap_threshold=1M,top_pad=0");
	low = get(800 << 10);
	high = get(800 << 10);
	mapped = get(8 * MIB);
	memset(low, 1, 800 << 10);
	memset(high, 2, 800 << 10);
	memset(mapped, 3, 8 * MIB);
	brk = os->sbrk(os->ctx, 0);
	heap_kb = rss_kb();
	mmsim_heap_free(heap, low);
	cr_assert_eq(os->sbrk(os->ctx, 0), brk);
	cr_assert_geq(rss_kb(), heap_kb);
	mmsim_heap_free(heap, mapped);
	cr_assert_leq(rss_kb(), heap_kb - 8192 + 64);
	cr_assert_eq(os->sbrk(os->ctx, 0), brk);
	mmsim_heap_free(heap, high);
	mmsim_heap_trim(heap, 0);
	cr_assert_lt((uintptr_t)os->sbrk(os->ctx, 0), (uintptr_t)brk);
	stop();
}

/* What a real-time program does: never give memory back, touch it once. */
Test(os_sim, without_trimming_no_fault_and_no_brk_any_more)
{
	struct mmsim_usage before, after;
	char *brk, *p;

	start_with("ram=256M", 0, NULL);
	mmsim_heap_mallopt(heap, M_TRIM_THRESHOLD, -1);
	mmsim_heap_mallopt(heap, M_MMAP_MAX, 0);
	p = get(64 * MIB);
	memset(p, 1, 64 * MIB);
	mmsim_heap_free(heap, p);
	brk = os->sbrk(os->ctx, 0);
	mmsim_task_usage(task, &before);
	for (int i = 0; i < 100; i++) {
		size_t size = (size_t)(i % 32 + 1) * MIB;

		p = get(size);
		memset(p, 2, size);
		mmsim_heap_free(heap, p);
	}
	mmsim_task_usage(task, &after);
	cr_assert_eq(after.min_flt, before.min_flt);
	cr_assert_eq(after.maj_flt, before.maj_flt);
	cr_assert_eq(after.stime_ns, before.stime_ns, "no system call");
	cr_assert_eq(os->sbrk(os->ctx, 0), brk);
	stop();
}

/* 8 GB on a machine of 4 GB. */
Test(os_sim, more_than_there_is)
{
	static const struct {
		const char *spec;
		bool is_granted;
	} rows[] = {
		{"ram=4G,vm.overcommit_memory=0", false},
		{"ram=4G,swap=8G,vm.overcommit_memory=0", true},
		{"ram=4G,vm.overcommit_memory=1", true},
		{"ram=4G,vm.overcommit_memory=2", false},
		{"ram=4G,swap=8G,vm.overcommit_memory=2", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *p;

		start(rows[i].spec);
		p = mmsim_heap_malloc(heap, 8 * GIB);
		cr_assert_eq(p != NULL, rows[i].is_granted, "%s", rows[i].spec);
		if (p)
			p[8 * GIB - 1] = 1;
		cr_assert_not_null(mmsim_heap_malloc(heap, 1 * MIB));
		stop();
	}
}

/* Contents go to simulated swap and come back. */
Test(os_sim, swapped_contents_are_intact)
{
	/* Debug builds prove the books after each fault. */
	enum { DIVISOR = MMSIM_DEBUG >= 2 ? 8 : 1, BLOCKS = 96 / DIVISOR };
	char *blocks[BLOCKS];

	start(DIVISOR > 1 ? "ram=6M,swap=256M,seed=2"
			  : "ram=48M,swap=256M,seed=2");
	for (uint64_t i = 0; i < BLOCKS; i++) {
		blocks[i] = get(1 * MIB);
		pattern_fill(blocks[i], 1 * MIB, i);
	}
	cr_assert_gt(sim_vmstat(machine, "pswpout"), 10000 / DIVISOR);
	for (int round = 0; round < 2; round++)
		for (uint64_t i = 0; i < BLOCKS; i++)
			cr_assert(pattern_holds(blocks[i], 1 * MIB, i));
	cr_assert_gt(sim_vmstat(machine, "pswpin"), 10000 / DIVISOR);
	cr_assert_gt(sim_smaps(machine, task, "Swap"), 40000 / DIVISOR);
	cr_assert_lt(rss_kb(), (48 << 10) / DIVISOR);
	stop();
}

static char *map(size_t size)
{
	char *p = os->map(os->ctx, size);

	cr_assert_not_null(p);
	return p;
}

/* Contents of swapped pages go along when the pages move, something else takes
 * their place, and swap goes. */
Test(os_sim, swapped_memory_moves)
{
	char *p, *moved, *rest, *again;

	start("ram=24M,swap=128M,seed=3");
	p = map(6 * MIB);
	pattern_fill(p, 6 * MIB, 1);
	rest = map(32 * MIB);
	pattern_fill(rest, 32 * MIB, 2);
	cr_assert_geq(sim_vmstat(machine, "pswpout"), (long)(6 * MIB / 4096));
	moved = os->remap(os->ctx, p, 6 * MIB, 8 * MIB, 1);
	cr_assert_not_null(moved);
	cr_assert_neq(moved, p);
	again = map(6 * MIB);
	cr_assert_eq(again, p, "nothing took its place");
	pattern_fill(again, 6 * MIB, 3);
	for (int round = 0; round < 2; round++) {
		cr_assert(pattern_holds(moved, 6 * MIB, 1));
		cr_assert(all_zero(moved + 6 * MIB, 2 * MIB));
		cr_assert(pattern_holds(rest, 32 * MIB, 2));
		cr_assert(pattern_holds(again, 6 * MIB, 3));
		pattern_fill(rest, 1 * MIB, 2);
	}
	sim_validate(machine);
	os->unmap(os->ctx, rest, 32 * MIB);
	cr_assert_eq(mmsim_swapoff(task, "/dev/vdb"), 0);
	cr_assert(pattern_holds(moved, 6 * MIB, 1));
	cr_assert(pattern_holds(again, 6 * MIB, 3));
	stop();
}

/* Loads are seen by the accessed bit: what is used all the time stays. */
Test(os_sim, what_is_used_is_not_swapped_out)
{
	char *hot, *cold;

	start("ram=48M,swap=128M,seed=4");
	hot = map(4 * MIB);
	pattern_fill(hot, 4 * MIB, 1);
	cold = map(64 * MIB);
	for (uint64_t mib = 0; mib < 64; mib += 2) {
		pattern_fill(cold + mib * MIB, 2 * MIB, mib);
		cr_assert(pattern_holds(hot, 4 * MIB, 1));
	}
	cr_assert_geq(sim_vmstat(machine, "pswpout"), (long)(20 * MIB / 4096));
	cr_assert_leq(sim_vmstat(machine, "pswpin"), 1);
	stop();
}

/* System calls of the host fault into the simulated kernel as loads do. */
Test(os_sim, system_calls_read_and_write_it)
{
	char *from, *to, *filler;
	int fds[2];

	start("ram=32M,swap=128M");
	from = get(32 << 10);
	to = get(32 << 10);
	pattern_fill(from, 32 << 10, 1);
	filler = get(48 * MIB);
	memset(filler, 1, 48 * MIB);
	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(write(fds[1], from, 32 << 10), 32 << 10);
	cr_assert_eq(read(fds[0], to, 32 << 10), 32 << 10);
	cr_assert(pattern_holds(to, 32 << 10, 1));
	/* And find no memory where the task has none. */
	cr_assert_eq(write(fds[1], (char *)os->sbrk(os->ctx, 0) + 65536, 1),
		     -1);
	cr_assert_eq(errno, EFAULT);
	stop();
}

Test(os_sim, huge_pages)
{
	char *p;

	start("ram=256M,thp=always");
	p = mmsim_heap_memalign(heap, 2 * MIB, 16 * MIB);
	cr_assert_not_null(p);
	for (size_t i = 0; i < 8; i++)
		p[i * 2 * MIB + 12345] = (char)(i + 1);
	cr_assert_geq(sim_smaps(machine, task, "AnonHugePages"), 14336);
	cr_assert_geq(sim_vmstat(machine, "thp_fault_alloc"), 7);
	for (size_t i = 0; i < 8; i++)
		cr_assert_eq(p[i * 2 * MIB + 12345], (char)(i + 1));
	stop();
	start("ram=256M,thp=madvise");
	p = os->map(os->ctx, 8 * MIB);
	p[4 * MIB] = 1;
	cr_assert_eq(sim_smaps(machine, task, "AnonHugePages"), 0);
	cr_assert_eq(os->hugepage(os->ctx, p, 8 * MIB), 0);
	p[6 * MIB] = 1;
	cr_assert_geq(sim_smaps(machine, task, "AnonHugePages"), 2048);
	stop();
}

/* ---- the same again ---- */

static char *churn_and_tell(void)
{
	struct rng rng = {.state = 42};
	char *blocks[64] = {NULL}, *text;

	start("ram=8M,swap=128M,cpus=2,seed=11");
	for (int i = 0; i < 400; i++) {
		size_t n = rng_below(&rng, 64);
		size_t size = rng_size(&rng, 22);

		mmsim_heap_free(heap, blocks[n]);
		blocks[n] = get(size);
		memset(blocks[n], i, size);
	}
	text = sim_proc(machine, "/proc/vmstat");
	cr_assert_gt(sim_find(text, "pswpout", " ", 0), 0);
	return text;
}

Test(os_sim, the_same_run_gives_the_same_figures)
{
	char *text[2];
	uint64_t ns[2], chance[2];

	for (int i = 0; i < 2; i++) {
		text[i] = churn_and_tell();
		ns[i] = os->now_ns(os->ctx);
		chance[i] = os->entropy(os->ctx);
		cr_assert_eq(ns[i], mmsim_clock_ns(machine));
		cr_assert_neq(chance[i], os->entropy(os->ctx));
		cr_assert_eq(os->nr_cpus(os->ctx), 2u);
		stop();
	}
	cr_assert_str_eq(text[0], text[1]);
	free(text[0]);
	free(text[1]);
	cr_assert_eq(ns[0], ns[1]);
	cr_assert_eq(chance[0], chance[1]);
	start("ram=24M,seed=12");
	cr_assert_neq(os->entropy(os->ctx), chance[0]);
	stop();
}

/* ---- death ---- */

static sigjmp_buf out;
static void *volatile fault_at;

static void on_segv(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	fault_at = info->si_addr;
	siglongjmp(out, 1);
}

static void catch_segv(void)
{
	struct sigaction action = {.sa_sigaction = on_segv,
				   .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigaction(SIGSEGV, &action, NULL);
}

Test(os_sim, a_test_survives_the_oom_killer)
{
	char *volatile p;
	char *log;
	ssize_t len;

	start_with("ram=32M,vm.overcommit_memory=1", MMSIM_SIM_SURVIVE, NULL);
	catch_segv();
	p = get(64 * MIB);
	if (sigsetjmp(out, 1) == 0) {
		memset(p, 1, 64 * MIB);
		cr_assert(false, "it was not killed");
	}
	cr_assert_gt((char *)fault_at, p);
	cr_assert_lt((char *)fault_at, p + 32 * MIB);
	cr_assert(!mmsim_task_is_alive(task));
	cr_assert(mmsim_task_is_oom_victim(task));
	len = mmsim_machine_log(machine, NULL, 0);
	log = malloc((size_t)len + 1);
	mmsim_machine_log(machine, log, (size_t)len + 1);
	cr_assert_not_null(strstr(log, "invoked oom-killer"));
	cr_assert_not_null(strstr(log, "Killed process"));
	free(log);
	/* The memory is gone for good, and nothing can be had. */
	if (sigsetjmp(out, 1) == 0) {
		*p = 1;
		cr_assert(false, "the memory is still there");
	}
	cr_assert_null(os->map(os->ctx, 4096));
	cr_assert_null(os->sbrk(os->ctx, 4096));
	cr_assert_lt(os->purge(os->ctx, p, 4096), 0);
	sim_validate(machine);
	mmsim_sim_stop(sim);
}

/* All that the pipe gives until its writers are gone. */
static void read_all(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
}

Test(os_sim, without_survival_the_process_dies_of_it)
{
	static char text[32768];
	int fds[2], pid, status;

	cr_assert_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		start("ram=32M,vm.overcommit_memory=1");
		memset(get(64 * MIB), 1, 64 * MIB);
		_exit(0);
	}
	close(fds[1]);
	read_all(fds[0], text, sizeof(text));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status));
	cr_assert_eq(WTERMSIG(status), SIGKILL);
	cr_assert_not_null(strstr(text, "invoked oom-killer"));
	cr_assert_not_null(strstr(text, "Out of memory: Killed process"));
}

/* ---- many ---- */

Test(os_sim, several_machines_in_one_process)
{
	enum { SIMS = 4 };
	struct mmsim_sim *sims[SIMS];
	struct mmsim_heap *heaps[SIMS];
	char *p[SIMS];

	for (uint64_t i = 0; i < SIMS; i++) {
		cr_assert_eq(mmsim_sim_start("ram=24M,swap=64M", 0, &sims[i]),
			     0);
		heaps[i] = mmsim_heap_create(mmsim_sim_os(sims[i]), NULL);
		p[i] = mmsim_heap_malloc(heaps[i], 32 * MIB);
		cr_assert_not_null(p[i]);
	}
	for (size_t at = 0; at < 32; at++)
		for (uint64_t i = 0; i < SIMS; i++)
			pattern_fill(p[i] + at * MIB, 1 * MIB, at * SIMS + i);
	/* The one goes, the others stay. */
	mmsim_sim_stop(sims[1]);
	for (size_t at = 0; at < 32; at++)
		for (uint64_t i = 0; i < SIMS; i++)
			if (i != 1)
				cr_assert(pattern_holds(p[i] + at * MIB,
							1 * MIB,
							at * SIMS + i));
	for (uint64_t i = 0; i < SIMS; i++)
		if (i != 1) {
			sim_validate(mmsim_sim_machine(sims[i]));
			mmsim_sim_stop(sims[i]);
		}
}

static void *thread_churn(void *arg)
{
	struct rng rng = {.state = (uintptr_t)arg};
	char *blocks[16] = {NULL};
	size_t sizes[16] = {0};
	uint64_t marks[16] = {0};
	intptr_t nr_bad = 0;

	for (int i = 0; i < STEPS(2000); i++) {
		size_t n = rng_below(&rng, 16);

		if (blocks[n])
			nr_bad += !pattern_holds(blocks[n], sizes[n], marks[n]);
		mmsim_heap_free(heap, blocks[n]);
		sizes[n] = rng_size(&rng, 18);
		marks[n] = rng_next(&rng);
		blocks[n] = mmsim_heap_malloc(heap, sizes[n]);
		if (blocks[n])
			pattern_fill(blocks[n], sizes[n], marks[n]);
		else
			nr_bad++;
	}
	for (size_t n = 0; n < 16; n++)
		mmsim_heap_free(heap, blocks[n]);
	return (void *)nr_bad;
}

Test(os_sim, threads)
{
	pthread_t threads[4];

	start("ram=16M,swap=256M,cpus=4");
	for (uintptr_t i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, thread_churn,
					    (void *)(i + 1)),
			     0);
	for (int i = 0; i < 4; i++) {
		void *nr_bad;

		pthread_join(threads[i], &nr_bad);
		cr_assert_null(nr_bad);
	}
	stop();
}

/* ---- beginning and end ---- */

static int maps_lines(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	int c, lines = 0;

	cr_assert_not_null(file);
	while ((c = getc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

Test(os_sim, stopping_leaves_nothing_behind)
{
	int before = 0;

	for (int i = 0; i < 3; i++) {
		start("ram=32M,swap=64M");
		memset(get(40 * MIB), 1, 40 * MIB);
		mmsim_sim_stop(sim);
		if (i == 0)
			before = maps_lines();
	}
	cr_assert_leq(maps_lines(), before);
	cr_assert_eq(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	cr_assert_eq(errno, ECHILD);
	mmsim_sim_stop(NULL);
}

Test(os_sim, bad_specifications)
{
	static const char *const specs[] = {
		"ram=1",
		"ram=",
		"nonsense",
		"ram=64M,nonsense=1",
		"ram=64M,vm.overcommit_memory=3",
		"arch=i386",
		"arch=x86",
	};
	int before = maps_lines();

	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		sim = (struct mmsim_sim *)1;
		cr_assert_eq(mmsim_sim_start(specs[i], 0, &sim), -EINVAL, "%s",
			     specs[i]);
		cr_assert_null(sim);
	}
	cr_assert_eq(mmsim_sim_start(NULL, 0, &sim), -EINVAL);
	cr_assert_eq(mmsim_sim_start("ram=64M", 2, &sim), -EINVAL);
	cr_assert_eq(mmsim_sim_start("ram=64M", 0, NULL), -EINVAL);
	cr_assert_leq(maps_lines(), before + 1);
	cr_assert_null(mmsim_sim_machine(NULL));
	cr_assert_null(mmsim_sim_task(NULL));
	cr_assert_null(mmsim_sim_os(NULL));
}

/* All three ways to the right are named. */
Test(os_sim, what_is_missing_is_said)
{
	const char *why = mmsim_sim_why(-EPERM);

	cr_assert_not_null(strstr(why, "vm.unprivileged_userfaultfd"));
	cr_assert_not_null(strstr(why, "/dev/userfaultfd"));
	cr_assert_not_null(strstr(why, "CAP_SYS_PTRACE"));
	cr_assert_not_null(strstr(mmsim_sim_why(-EINVAL), "x86-64"));
	cr_assert_not_null(strstr(mmsim_sim_why(-ENOSYS), "5.19"));
	for (int error = 0; error > -200; error--)
		cr_assert_gt(strlen(mmsim_sim_why(error)), 10u);
}

Test(os_sim, without_the_right_there_is_no_machine)
{
	int pid = fork(), status;

	if (pid == 0) {
		int err;

		if (setresuid(65534, 65534, 65534))
			_exit(1);
		err = mmsim_sim_start("ram=32M", 0, &sim);
		_exit(err == -EPERM && !sim ? 0 : 2);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "%x", (unsigned)status);
}
