/*
 * forks.c: fork at any moment, and both sides go on.
 *
 * A program with one thread may fork in a signal handler that interrupted
 * malloc; a program with several may fork while others are inside malloc; the
 * handlers that pthread_atfork registers may allocate.  Each child allocates,
 * frees what its parent allocated, and has a time limit of its own: a child
 * that hangs ends by SIGALRM and fails the case.  vfork and posix_spawn are
 * left alone.
 */
#include "tap.h"

#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/resource.h>

extern char **environ;

enum { NR_BLOCK = 256, MOST = 4000, CHILD_LIMIT_S = 30 };

static void *get(size_t n)
{
	void *p = hide_ptr(malloc(n));

	if (!p)
		_exit(11);
	return p;
}

/* Blocks with a pattern, some of which are replaced at every step. */
struct table {
	unsigned char *p[NR_BLOCK];
	size_t n[NR_BLOCK];
	uint64_t state;
};

static void table_step(struct table *t)
{
	size_t i = random_next(&t->state) % NR_BLOCK;

	free(t->p[i]);
	t->p[i] = NULL;
	t->n[i] = random_size(&t->state, MOST);
	t->p[i] = get(t->n[i]);
	pattern_fill(t->p[i], t->n[i], i);
}

/* Exits with 12 when a block has changed. */
static void table_free(struct table *t)
{
	size_t i;

	for (i = 0; i < NR_BLOCK; i++) {
		if (!t->p[i])
			continue;
		if (pattern_differs(t->p[i], t->n[i], i) != t->n[i])
			_exit(12);
		free(t->p[i]);
		t->p[i] = NULL;
	}
}

static void allocate_all_kinds(void)
{
	void *p[60];
	size_t i;

	for (i = 0; i < 60; i++)
		p[i] = memset(get(i * i * 60), 1,
			      i * i * 60 > 64 ? 64 : i * i * 60);
	for (i = 0; i < 60; i++)
		free(p[i]);
	for (i = 0; i < 60; i++)
		p[i] = memset(get(40), 2, 40);
	for (i = 0; i < 60; i++)
		free(p[i]);
}

static pid_t checked_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		_exit(13);
	if (pid == 0)
		alarm(CHILD_LIMIT_S);
	return pid;
}

/* 0 when the child ended well. */
static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			return -1;
	return status;
}

static struct table main_table = {{NULL}, {0}, 77};
static volatile sig_atomic_t handler_forks, handler_failed, is_child;

static timer_t handler_timer;

/* The next signal comes after a time that differs from the last. */
static void arm_timer(void)
{
	struct itimerspec once = {{0, 0}, {0, 0}};

	once.it_value.tv_nsec = 100000 + handler_forks * 7919 % 500000;
	timer_settime(handler_timer, 0, &once, NULL);
}

/* One child leaves at once, the next returns into the interrupted malloc. */
static void fork_in_handler(int sig)
{
	int saved = errno;
	pid_t pid;

	(void)sig;
	if (is_child)
		return;
	pid = checked_fork();
	if (pid == 0 && handler_forks % 2)
		_exit(0);
	if (pid == 0)
		is_child = 1;
	else if (wait_for(pid))
		handler_failed++;
	handler_forks++;
	if (pid != 0)
		arm_timer();
	errno = saved;
}

static void child_goes_on(void)
{
	int i;

	for (i = 0; i < 300; i++)
		table_step(&main_table);
	table_free(&main_table);
	allocate_all_kinds();
	_exit(0);
}

/*
 * The child must not call malloc inside the handler, no allocator promises
 * that; but it may return from the handler and go on.
 */
CASE_WITHIN(120, fork_in_a_handler_that_interrupts_malloc)
{
	int wanted = tap_long() ? 20000 : 2000;
	struct sigevent event;
	struct sigaction act;

	memset(&act, 0, sizeof(act));
	memset(&event, 0, sizeof(event));
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = SIGUSR1;
	act.sa_handler = fork_in_handler;
	act.sa_flags = SA_RESTART;
	REQUIRE(sigaction(SIGUSR1, &act, NULL) == 0);
	REQUIRE(timer_create(CLOCK_MONOTONIC, &event, &handler_timer) == 0);
	arm_timer();
	while (handler_forks < wanted && !handler_failed) {
		table_step(&main_table);
		if (is_child)
			child_goes_on();
	}
	timer_delete(handler_timer);
	CHECK_MSG(!handler_failed, "%d of %d children failed",
		  (int)handler_failed, (int)handler_forks);
	table_free(&main_table);
}

static atomic_int stop, loops;
static struct table thread_table[4];
static _Atomic(void *) exchange[64];

static void *load(void *arg)
{
	struct table *t = arg;

	t->state = (uint64_t)(t - thread_table) + 1;
	/* The children should not have to wait for a processor. */
	setpriority(PRIO_PROCESS, (id_t)gettid(), 10);
	while (!atomic_load(&stop)) {
		size_t n = random_size(&t->state, 3000);

		table_step(t);
		free(atomic_exchange(&exchange[n % 64], get(n)));
		atomic_fetch_add_explicit(&loops, 1, memory_order_relaxed);
	}
	table_free(t);
	return NULL;
}

static void start_load(pthread_t *thread, int count)
{
	int i;

	for (i = 0; i < count; i++)
		REQUIRE(pthread_create(&thread[i], NULL, load,
				       &thread_table[i]) == 0);
	while (atomic_load(&loops) < 1000)
		sleep_ms(1);
}

static void end_load(pthread_t *thread, int count)
{
	int i;

	atomic_store(&stop, 1);
	for (i = 0; i < count; i++)
		pthread_join(thread[i], NULL);
	for (i = 0; i < 64; i++)
		free(atomic_exchange(&exchange[i], NULL));
}

static int nr_forks(void)
{
	return tap_long() ? 10000 : 2000;
}

/* The last steps of a child: its own table, then every kind of call. */
static void child_work(struct table *own)
{
	table_free(own);
	allocate_all_kinds();
	if (mallinfo2().arena == 0)
		_exit(14);
	malloc_trim(0);
	allocate_all_kinds();
	_exit(0);
}

CASE_WITHIN(120, thousands_of_forks_under_load)
{
	pthread_t thread[3];
	int i, status, failed = 0;

	start_load(thread, 3);
	for (i = 0; i < nr_forks() && !failed; i++) {
		pid_t pid;

		table_step(&main_table);
		pid = checked_fork();
		if (pid == 0)
			child_work(&main_table);
		status = wait_for(pid);
		CHECK_MSG(status == 0, "child %d: status %x", i, status);
		failed = status != 0;
	}
	end_load(thread, 3);
	table_free(&main_table);
}

static void *fork_often(void *arg)
{
	struct table *t = table_create(sizeof(*t));
	int i;

	t->state = (uintptr_t)arg + 50;
	for (i = 0; i < nr_forks() / 4 && !atomic_load(&stop); i++) {
		pid_t pid;
		int status;

		table_step(t);
		pid = checked_fork();
		if (pid == 0)
			child_work(t);
		status = wait_for(pid);
		CHECK_MSG(status == 0, "child %d: status %x", i, status);
		if (status)
			break;
	}
	table_free(t);
	return NULL;
}

CASE_WITHIN(120, threads_fork_at_the_same_time)
{
	pthread_t thread[2], forker[2];
	uintptr_t i;

	start_load(thread, 2);
	for (i = 0; i < 2; i++)
		REQUIRE(pthread_create(&forker[i], NULL, fork_often,
				       (void *)i) == 0);
	for (i = 0; i < 2; i++)
		pthread_join(forker[i], NULL);
	end_load(thread, 2);
}

static void *short_load(void *arg)
{
	struct table *t = arg;
	int i;

	for (i = 0; i < 2000; i++)
		table_step(t);
	table_free(t);
	return NULL;
}

static void start_short_loads(pthread_t *thread)
{
	uint64_t i;

	for (i = 0; i < 3; i++) {
		struct table *t = table_create(sizeof(*t));

		t->state = i + 5;
		if (pthread_create(&thread[i], NULL, short_load, t))
			_exit(15);
	}
}

/* A child may start threads and fork again, as daemons do. */
static void child_with_threads(void)
{
	pthread_t thread[3];
	pid_t pid = 0;
	int depth, i;

	for (depth = 0; depth < 3 && pid == 0; depth++) {
		start_short_loads(thread);
		pid = checked_fork();
		if (pid == 0)
			continue;
		for (i = 0; i < 3; i++)
			pthread_join(thread[i], NULL);
		if (wait_for(pid))
			_exit(16);
	}
	_exit(0);
}

CASE(children_start_threads_and_fork_again)
{
	pthread_t thread[3];
	int i, status;

	start_load(thread, 3);
	for (i = 0; i < 60; i++) {
		pid_t pid = checked_fork();

		if (pid == 0)
			child_with_threads();
		status = wait_for(pid);
		CHECK_MSG(status == 0, "status %x", status);
	}
	end_load(thread, 3);
}

/* Both sides see all blocks of all threads as they were. */
CASE(content_is_the_same_on_both_sides)
{
	int i, k, status;

	for (k = 0; k < 20; k++) {
		pid_t pid;

		for (i = 0; i < 2000; i++)
			table_step(&main_table);
		pid = checked_fork();
		if (pid == 0) {
			for (i = 0; i < 2000; i++)
				table_step(&main_table);
			child_work(&main_table);
		}
		for (i = 0; i < 500; i++)
			table_step(&main_table);
		status = wait_for(pid);
		CHECK_MSG(status == 0, "status %x", status);
	}
	table_free(&main_table);
}

static void *in_handler[3];
static atomic_int handler_calls;

static void allocating_handler(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		free(in_handler[i]);
		in_handler[i] = get((size_t)100 + (size_t)i * 40000);
	}
	allocate_all_kinds();
	handler_calls++;
}

CASE(atfork_handlers_allocate)
{
	pthread_t thread[3];
	int i, status;

	REQUIRE(pthread_atfork(allocating_handler, allocating_handler,
			       allocating_handler) == 0);
	start_load(thread, 3);
	for (i = 0; i < 300; i++) {
		pid_t pid = checked_fork();

		if (pid == 0) {
			allocate_all_kinds();
			_exit(handler_calls == 2 * i + 2 ? 0 : 17);
		}
		status = wait_for(pid);
		CHECK_MSG(status == 0, "fork %d: status %x", i, status);
	}
	end_load(thread, 3);
	CHECK(handler_calls == 600);
}

/* _Fork runs no handlers: with one thread that must not matter. */
CASE(fork_without_handlers)
{
	int i, status;

	for (i = 0; i < 200; i++) {
		pid_t pid;

		table_step(&main_table);
		pid = _Fork();
		if (pid == 0)
			child_work(&main_table);
		status = wait_for(pid);
		CHECK_MSG(status == 0, "status %x", status);
	}
	table_free(&main_table);
}

CASE(vfork_and_posix_spawn)
{
	char *argv[] = {(char *)(uintptr_t) "true", NULL};
	pthread_t thread[3];
	int i, status;

	start_load(thread, 3);
	for (i = 0; i < 300; i++) {
		pid_t pid;

		table_step(&main_table);
		if (i % 2) {
			REQUIRE(posix_spawnp(&pid, "true", NULL, NULL, argv,
					     environ) == 0);
		} else {
			pid = vfork();
			if (pid == 0) {
				execvp("true", argv);
				_exit(18);
			}
		}
		status = wait_for(pid);
		CHECK_MSG(status == 0, "status %x", status);
	}
	end_load(thread, 3);
	table_free(&main_table);
}

enum { NR_HOLDERS = 6, HELD = 200, HELD_SIZE = 900 };

static pthread_barrier_t holders_ready, holders_end;

/* Leaves freed blocks in the thread's cache and waits. */
static void *hold_cache(void *arg)
{
	void *p[HELD];
	size_t i, round;

	(void)arg;
	for (round = 0; round < 5; round++) {
		for (i = 0; i < HELD; i++)
			p[i] = get(HELD_SIZE);
		for (i = 0; i < HELD; i++)
			free(p[i]);
	}
	pthread_barrier_wait(&holders_ready);
	pthread_barrier_wait(&holders_end);
	return NULL;
}

/* What the caches of threads that are not there held counts as in use until it
 * is taken in.  Exits with 13 when it is not. */
static void child_takes_in(void)
{
	size_t before = mallinfo2().uordblks, i;

	alarm(CHILD_LIMIT_S);
	for (i = 0; i < 20000; i++)
		free(get(i % 1000 * 16 + 1));
	for (i = 0; i < 4000; i++)
		get(64);
	malloc_trim(0); /* its own cache is not what is asked about */
	_exit(mallinfo2().uordblks < before + 4000 * 80 ? 0 : 13);
}

CASE(caches_of_threads_left_behind_are_taken_in)
{
	pthread_t thread[NR_HOLDERS];
	pid_t pid;
	size_t i;
	int status;

	pthread_barrier_init(&holders_ready, NULL, NR_HOLDERS + 1);
	pthread_barrier_init(&holders_end, NULL, NR_HOLDERS + 1);
	for (i = 0; i < NR_HOLDERS; i++)
		REQUIRE(pthread_create(&thread[i], NULL, hold_cache, NULL) ==
			0);
	pthread_barrier_wait(&holders_ready);
	pid = checked_fork();
	if (pid == 0)
		child_takes_in();
	status = wait_for(pid);
	pthread_barrier_wait(&holders_end);
	for (i = 0; i < NR_HOLDERS; i++)
		pthread_join(thread[i], NULL);
	CHECK_MSG(status == 0, "status %x", status);
}

TAP_MAIN
