/*
 * calls: makes known calls of malloc, for the recorder to write down.
 *
 *     calls family      one of each function, and those that must be left out
 *     calls threads     blocks that one thread makes and another one frees
 *     calls fork        a child of fork and one of _Fork that allocate, too
 *     calls exec SELF   a child that runs `SELF few`
 *     calls few         three calls
 *     calls usable      malloc_usable_size fits the malloc behind
 *
 * Exit status 1: a call did not do what it should.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKS = 20000, RING = 64, MARKED = 48, OWN = 80 };

static void need(int condition)
{
	if (!condition)
		_exit(1);
}

/* The addresses are hidden from the compiler, which knows what malloc is. */
static void *seen(void *p)
{
	void *volatile hidden = p;

	need(hidden != NULL);
	return hidden;
}

static int family(void)
{
	void *a = seen(malloc(100)), *b = seen(calloc(3, 40));
	void *c = seen(memalign(64, 1000)), *d = NULL, *e, *f, *g;
	volatile size_t huge = PTRDIFF_MAX;

	need(posix_memalign(&d, 32, 50) == 0);
	a = seen(realloc(a, 200));
	e = seen(realloc(NULL, 7));
	need(realloc(e, 0) == NULL);
	free(b);
	f = seen(reallocarray(NULL, 5, 6));
	g = seen(aligned_alloc(256, 512));
	free(NULL);
	need(malloc(huge) == NULL && errno == ENOMEM);
	need(realloc(a, huge) == NULL && errno == ENOMEM);
	need(reallocarray(a, huge, 3) == NULL && errno == ENOMEM);
	need(posix_memalign(&b, 24, 8) == EINVAL);
	a = seen(realloc(a, 300));
	free(c);
	free(g);
	free(f);
	free(d);
	free(a);
	return 0;
}

static int few(void)
{
	void *p = seen(malloc(11)), *q = seen(malloc(22));

	free(p);
	(void)q;
	return 0;
}

/* --- threads ---------------------------------------------------------------- */

static void *_Atomic ring[RING];

static void *produce(void *unused)
{
	for (int i = 0; i < BLOCKS; i++) {
		char *p = seen(malloc(MARKED));

		memset(p, 1, MARKED);
		while (ring[i % RING])
			sched_yield();
		ring[i % RING] = p;
		free(seen(malloc(OWN)));
	}
	return unused;
}

static void *consume(void *unused)
{
	for (int i = 0; i < BLOCKS; i++) {
		void *p;

		while (!(p = ring[i % RING]))
			sched_yield();
		ring[i % RING] = NULL;
		p = seen(realloc(p, MARKED + 1));
		free(p);
	}
	return unused;
}

static int threads(void)
{
	pthread_t one, other;

	need(!pthread_create(&one, NULL, produce, NULL));
	need(!pthread_create(&other, NULL, consume, NULL));
	pthread_join(one, NULL);
	pthread_join(other, NULL);
	return 0;
}

/* --- processes ---------------------------------------------------------------- */

static int wait_for(pid_t child)
{
	int status = 1;

	need(child > 0 && waitpid(child, &status, 0) == child);
	return status != 0;
}

static int forks(void)
{
	void *p = seen(malloc(1000));

	for (int bare = 0; bare < 2; bare++) {
		pid_t child = bare ? _Fork() : fork();

		if (child == 0) {
			free(p);
			seen(malloc(2000));
			_exit(0);
		}
		need(!wait_for(child));
	}
	free(seen(malloc(3000)));
	free(p);
	return 0;
}

static int execs(char *self)
{
	char *argv[] = {self, (char *)"few", NULL};
	pid_t child = vfork();

	if (child == 0) {
		execv(self, argv);
		_exit(1);
	}
	return wait_for(child);
}

static int usable(void)
{
	void *p = seen(malloc(100));
	size_t bytes = malloc_usable_size(p);

	need(bytes >= 100 && bytes < 200);
	free(p);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "family"))
		return family();
	if (!strcmp(what, "threads"))
		return threads();
	if (!strcmp(what, "fork"))
		return forks();
	if (!strcmp(what, "exec") && argc > 2)
		return execs(argv[2]);
	if (!strcmp(what, "few"))
		return few();
	if (!strcmp(what, "usable"))
		return usable();
	return 2;
}
