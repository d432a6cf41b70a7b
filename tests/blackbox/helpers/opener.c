/*
 * opener.c: loads an allocator with dlopen and uses it beside libc's.
 *
 * Arguments: the library.  The library's functions are called by pointer,
 * from the main thread and from others, one of which ends only after dlclose.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *(*their_malloc)(size_t);
static void (*their_free)(void *);
static pthread_barrier_t used, closed;

static void use(void)
{
	static __thread char *p[200];
	size_t i;

	for (i = 0; i < 200; i++) {
		p[i] = their_malloc(i * i * 5 + 1);
		if (!p[i])
			exit(4);
		memset(p[i], (int)i, i * i * 5 + 1);
	}
	for (i = 0; i < 200; i++) {
		if (p[i][i * i * 5] != (char)i)
			exit(5);
		their_free(p[i]);
	}
}

static void *use_in_thread(void *arg)
{
	use();
	pthread_barrier_wait(&used);
	pthread_barrier_wait(&closed);
	free(malloc(1000));
	return arg;
}

static int fork_once(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(20);
		free(malloc(1000));
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

int main(int argc, char **argv)
{
	pthread_t thread[3];
	void *library, *m, *f;
	int i;

	if (argc != 2)
		return 8;
	library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	m = dlsym(library, "malloc");
	f = dlsym(library, "free");
	if (!m || !f || m == (void *)malloc)
		return 2;
	memcpy(&their_malloc, &m, sizeof(m));
	memcpy(&their_free, &f, sizeof(f));
	pthread_barrier_init(&used, NULL, 4);
	pthread_barrier_init(&closed, NULL, 4);
	use();
	for (i = 0; i < 3; i++)
		if (pthread_create(&thread[i], NULL, use_in_thread, NULL))
			return 3;
	pthread_barrier_wait(&used);
	if (!fork_once())
		return 6;
	if (dlclose(library))
		return 7;
	if (!fork_once())
		return 9;
	pthread_barrier_wait(&closed);
	for (i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	if (!fork_once())
		return 10;
	puts("all is well");
	return 0;
}
