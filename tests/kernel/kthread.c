/*
 * kthread.c: kernel threads in virtual time.
 */
#include "sim.h"

#include "kernel/kthread.h"
#include "kernel/machine.h"

/* A thread that works for `cost`, `left` times, every `period`. */
struct worker {
	struct kthread thread;
	uint64_t cost, period;
	unsigned left;
	uint64_t began[8]; /* machine's clock at each step */
	unsigned nr_steps;
	struct kthread *wakes; /* in its first step, or NULL */
};

static uint64_t work(struct kthread *thread)
{
	struct worker *worker = thread->arg;

	cr_assert_eq(kthread_current(thread->machine), thread);
	cr_assert_lt(worker->nr_steps, 8u);
	worker->began[worker->nr_steps++] = clock_now(thread->machine);
	clock_charge(thread->machine, NULL, worker->cost);
	if (worker->wakes && worker->nr_steps == 1)
		kthread_wake(worker->wakes);
	if (--worker->left == 0)
		return KTHREAD_ASLEEP;
	return thread->clock_ns + worker->period;
}

static void start(struct mmsim_machine *m, struct worker *worker)
{
	kthread_init(m, &worker->thread, "worker", work, worker);
}

Test(kthread, sleeps_until_it_is_woken)
{
	struct mmsim_machine *m = sim_boot("ram=64M,cpus=1");
	struct worker worker = {.cost = 10, .left = 1};

	start(m, &worker);
	mmsim_idle(m, 1000000);
	cr_expect_eq(worker.nr_steps, 0u);
	kthread_wake(&worker.thread);
	kthread_run_due(m);
	cr_expect_eq(worker.nr_steps, 1u);
	cr_expect_null(kthread_current(m));
	kthread_run_due(m);
	cr_expect_eq(worker.nr_steps, 1u);
	kthread_fini(&worker.thread);
	sim_shutdown(m);
}

Test(kthread, with_one_cpu_the_machine_waits_for_it)
{
	struct mmsim_machine *m = sim_boot("ram=64M,cpus=1");
	struct worker worker = {.cost = 500, .left = 3};
	uint64_t before = mmsim_clock_ns(m);

	start(m, &worker);
	kthread_wake(&worker.thread);
	kthread_run_due(m);
	cr_expect_eq(worker.nr_steps, 3u);
	cr_expect_eq(mmsim_clock_ns(m), before + 1500);
	cr_expect_eq(worker.thread.cpu_ns, 1500u);
	kthread_fini(&worker.thread);
	sim_shutdown(m);
}

Test(kthread, with_more_cpus_it_works_beside_the_tasks)
{
	struct mmsim_machine *m = sim_boot("ram=64M,cpus=2");
	struct worker worker = {.cost = 500, .left = 3};
	uint64_t before = mmsim_clock_ns(m);

	start(m, &worker);
	kthread_wake(&worker.thread);
	kthread_run_due(m);
	/* the first step ends after the machine's now */
	cr_expect_eq(worker.nr_steps, 1u);
	cr_expect_eq(mmsim_clock_ns(m), before);
	clock_advance_to(m, before + 999);
	kthread_run_due(m);
	cr_expect_eq(worker.nr_steps, 2u);
	clock_advance_to(m, before + 1000);
	kthread_run_due(m);
	cr_expect_eq(worker.nr_steps, 3u);
	cr_expect_eq(mmsim_clock_ns(m), before + 1000);
	kthread_fini(&worker.thread);
	sim_shutdown(m);
}

Test(kthread, idle_goes_from_event_to_event)
{
	struct mmsim_machine *m = sim_boot("ram=64M,cpus=2");
	struct worker worker = {.cost = 10, .period = 90, .left = 4};
	uint64_t before = mmsim_clock_ns(m);

	start(m, &worker);
	kthread_wake_at(&worker.thread, before + 1000);
	mmsim_idle(m, 1250);
	cr_assert_eq(worker.nr_steps, 3u);
	for (unsigned i = 0; i < 3; i++)
		cr_expect_eq(worker.began[i], before + 1000 + 100 * i);
	cr_expect_eq(mmsim_clock_ns(m), before + 1250);
	kthread_fini(&worker.thread);
	mmsim_idle(m, 1000);
	cr_expect_eq(worker.nr_steps, 3u);
	sim_shutdown(m);
}

Test(kthread, the_earliest_is_first_and_of_equals_the_oldest)
{
	struct mmsim_machine *m = sim_boot("ram=64M,cpus=1");
	struct worker a = {.cost = 1, .left = 1}, b = {.cost = 1, .left = 1},
		      c = {.cost = 1, .left = 1};
	uint64_t now = mmsim_clock_ns(m);

	start(m, &a);
	start(m, &b);
	start(m, &c);
	kthread_wake_at(&a.thread, now + 20);
	kthread_wake_at(&b.thread, now + 10);
	kthread_wake_at(&c.thread, now + 10);
	mmsim_idle(m, 30);
	cr_expect_eq(b.began[0], now + 10);
	cr_expect_eq(c.began[0], now + 11);
	cr_expect_eq(a.began[0], now + 20);
	kthread_fini(&a.thread);
	kthread_fini(&b.thread);
	kthread_fini(&c.thread);
	sim_shutdown(m);
}

Test(kthread, what_is_woken_in_a_step_comes_after_it)
{
	struct mmsim_machine *m = sim_boot("ram=64M,cpus=1");
	struct worker b = {.cost = 1, .left = 1};
	struct worker a = {.cost = 7, .left = 1, .wakes = &b.thread};
	uint64_t now = mmsim_clock_ns(m);

	start(m, &a);
	start(m, &b);
	kthread_wake(&a.thread);
	kthread_run_due(m);
	cr_assert_eq(b.nr_steps, 1u);
	cr_expect_eq(b.began[0], now + 7);
	kthread_fini(&a.thread);
	kthread_fini(&b.thread);
	sim_shutdown(m);
}

Test(kthread, waking_itself_in_a_step_counts)
{
	struct mmsim_machine *m = sim_boot("ram=64M,cpus=1");
	struct worker a = {.cost = 1, .period = 1000000, .left = 2};

	a.wakes = &a.thread;
	start(m, &a);
	kthread_wake(&a.thread);
	kthread_run_due(m);
	/* asked for a long sleep, but was woken meanwhile */
	cr_expect_eq(a.nr_steps, 2u);
	kthread_fini(&a.thread);
	sim_shutdown(m);
}
