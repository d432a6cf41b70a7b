/*
 * preinit.c: allocates before the constructor of any library has run.
 *
 * Functions in .preinit_array are called by the dynamic linker after
 * relocation and before all constructors.  The program then forks under its
 * threads' load once, and ends well.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *early[50];

static void allocate_early(int argc, char **argv, char **envp)
{
	size_t i;

	(void)argc;
	(void)argv;
	(void)envp;
	for (i = 0; i < 50; i++) {
		early[i] = malloc(i * i * 50 + 1);
		if (!early[i])
			abort();
		memset(early[i], (int)i, i * i * 50 + 1);
	}
}

__attribute__((section(".preinit_array"),
	       used)) static void (*preinit)(int, char **,
					     char **) = allocate_early;

static void *work(void *arg)
{
	size_t i;

	for (i = 0; i < 20000; i++)
		free(malloc(i % 3000));
	return arg;
}

int main(void)
{
	pthread_t thread[2];
	size_t i;
	int round, status;

	for (i = 0; i < 2; i++)
		if (pthread_create(&thread[i], NULL, work, NULL))
			return 1;
	for (round = 0; round < 50; round++) {
		pid_t pid = fork();

		if (pid == 0) {
			alarm(20);
			work(NULL);
			_exit(0);
		}
		if (waitpid(pid, &status, 0) != pid || status)
			return 2;
	}
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	for (i = 0; i < 50; i++) {
		if (early[i][i * i * 50] != (char)i)
			return 3;
		free(early[i]);
	}
	puts("all is well");
	return 0;
}
