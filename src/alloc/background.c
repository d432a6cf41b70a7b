/*
 * background.c: the thread that gives back, for those who ask for it.
 *
 * It takes no signal, has a small stack and never allocates; making it does, so
 * that is done where no lock is held.  It is detached, and ends when nothing
 * waits: a process whose last thread of its own has ended ends with it.  At exit
 * it is asleep, or gives back memory that nobody needs.  A machine's memory is
 * left to the calls of the program, whose clock it has.
 *
 * Sources: futex(2), pthread_create(3), pthread_attr_setstacksize(3), prctl(2).
 */
#include "alloc/background.h"

#include "alloc/heap.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES (128 * KIB)
#define STACK_RETRY_BYTES (8 * MIB)
/* The clock of the decay is a coarse one. */
#define LATE_NS UINT64_C(5000000)

/* Sleeps until the word is no longer `seen`, or for so long. */
static void background_sleep(uint32_t *word, uint32_t seen, uint64_t ns)
{
	struct timespec limit = {(time_t)(ns / 1000000000),
				 (long)(ns % 1000000000)};

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, &limit, NULL, 0);
}

/* Whether the thread may end: nothing waits.  What begins to wait after that
 * finds that there is none. */
static bool background_may_end(struct heap *heap)
{
	struct background *bg = &heap->background;

	store_relaxed(&bg->runs, false);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return load_relaxed(&heap->due_ns) == 0 ||
	       __atomic_exchange_n(&bg->runs, true, __ATOMIC_ACQ_REL);
}

static void *background_run(void *arg)
{
	struct heap *heap = arg;
	const struct mmsim_os *os = heap->os;

	prctl(PR_SET_NAME, "mmsim");
	for (;;) {
		uint32_t seen = __atomic_load_n(&heap->background.word,
						__ATOMIC_ACQUIRE);
		uint64_t due_ns = load_relaxed(&heap->due_ns);
		uint64_t now_ns = os->now_ns(os->ctx);

		if (due_ns == 0) {
			if (background_may_end(heap))
				return NULL;
		} else if (now_ns < due_ns) {
			background_sleep(&heap->background.word, seen,
					 due_ns - now_ns + LATE_NS);
		} else {
			heap_tick_slow(heap, &tcache_none);
		}
	}
}

void background_wake(struct heap *heap)
{
	struct background *bg = &heap->background;
	int saved = errno;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!load_relaxed(&bg->runs)) {
		store_relaxed(&bg->is_wanted, true);
		return;
	}
	__atomic_fetch_add(&bg->word, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &bg->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	errno = saved;
}

void background_start(struct heap *heap)
{
	struct background *bg = &heap->background;
	int saved = errno;
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t thread;

	store_relaxed(&bg->is_wanted, false);
	if (heap != &heap_default || heap->os != mmsim_os_host() ||
	    __atomic_exchange_n(&bg->runs, true, __ATOMIC_ACQ_REL))
		return;
	if (pthread_attr_init(&attr) != 0)
		return;
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	/* A stack too small for the thread-local variables of the program. */
	if (pthread_create(&thread, &attr, background_run, heap) == EINVAL) {
		pthread_attr_setstacksize(&attr, STACK_RETRY_BYTES);
		pthread_create(&thread, &attr, background_run, heap);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	errno = saved;
}

void background_forked(struct heap *heap)
{
	heap->background.runs = false;
	heap->background.is_wanted = load_relaxed(&heap->due_ns) != 0 &&
				     heap->options.background != 0;
}
