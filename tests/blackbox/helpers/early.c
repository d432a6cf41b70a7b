/*
 * early.c: a library that allocates before anything else had its turn.
 *
 * Its constructor allocates, frees, and registers fork handlers that allocate;
 * its destructor frees what is left.  Preloaded before or behind the library
 * under test, its constructor runs before or after that one's.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *kept[100];

static void in_fork(void)
{
	size_t i;

	for (i = 0; i < 100; i += 3) {
		free(kept[i]);
		kept[i] = malloc(i * 700 + 1);
		if (!kept[i])
			abort();
	}
}

__attribute__((constructor)) static void start(void)
{
	size_t i;

	for (i = 0; i < 100; i++) {
		kept[i] = malloc(i * 500 + 1);
		if (!kept[i])
			abort();
		memset(kept[i], (int)i, i * 500 + 1);
	}
	for (i = 0; i < 100; i += 2) {
		kept[i] = realloc(kept[i], i * 900 + 1);
		if (!kept[i] || *(char *)kept[i] != (char)i)
			abort();
	}
	if (pthread_atfork(in_fork, in_fork, in_fork))
		abort();
}

__attribute__((destructor)) static void end(void)
{
	size_t i;

	for (i = 0; i < 100; i++)
		free(kept[i]);
	free(malloc(300000));
}
