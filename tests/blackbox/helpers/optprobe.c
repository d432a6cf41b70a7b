/*
 * optprobe.c: does one thing with malloc and prints what came of it.
 *
 * options.py runs it under many environments.  The first argument names the
 * thing; figures go to standard output, one "name value" to a line.  Nothing
 * is allocated before it, so that the first break step can be seen.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char line[256];

static void say(const char *name, long long value)
{
	int len = snprintf(line, sizeof(line), "%s %lld\n", name, value);

	if (write(STDOUT_FILENO, line, (size_t)len) != len)
		_exit(9);
}

static int first_step(char **args)
{
	char *start = sbrk(0);

	(void)args;
	if (!malloc(1))
		return 1;
	say("step", (char *)sbrk(0) - start);
	return 0;
}

static int where(char **args)
{
	char *start = sbrk(0);
	char *p = malloc(strtoul(args[0], NULL, 0));

	say("brk", p >= start && p < (char *)sbrk(0));
	return 0;
}

/* The same size again after it was freed once. */
static int again(char **args)
{
	char *start = sbrk(0);
	char *p = malloc(strtoul(args[0], NULL, 0));

	free(p);
	p = malloc(strtoul(args[0], NULL, 0));
	say("brk", p >= start && p < (char *)sbrk(0));
	return 0;
}

/* How much of a large block the break keeps after the free. */
static int trim(char **args)
{
	char *start = sbrk(0);
	size_t n = strtoul(args[0], NULL, 0);
	char *p = malloc(n);

	memset(p, 1, n);
	free(p);
	say("kept", (char *)sbrk(0) - start);
	return 0;
}

static int perturb(char **args)
{
	size_t n = strtoul(args[0], NULL, 0);
	volatile unsigned char *p = malloc(n), *guard = malloc(n);
	size_t i, same_alloc = 1, same_free = 1;

	(void)guard;
	say("allocated", p[0]);
	for (i = 1; i < n; i++)
		same_alloc += p[i] == p[0];
	memset((void *)(uintptr_t)p, 7, n);
	free((void *)(uintptr_t)p);
	say("freed", p[n / 2]);
	/* The first words of free memory may be used for links. */
	for (i = 64; i < n - 64; i++)
		same_free += p[i] == p[n / 2];
	say("allocated_all", same_alloc == n);
	say("freed_all", same_free + 127 == n);
	p = calloc(1, n);
	for (i = 0; i < n && !p[i]; i++)
		;
	say("calloc_zero", i == n);
	return 0;
}

static pthread_barrier_t all_here;

static void *hold_block(void *arg)
{
	void *p = malloc(1000);

	(void)arg;
	pthread_barrier_wait(&all_here);
	pthread_barrier_wait(&all_here);
	free(p);
	return NULL;
}

/* malloc_info while that many threads hold a block each. */
static int arenas(char **args)
{
	int count = atoi(args[0]), i;
	pthread_t thread[256];

	free(malloc(1));
	pthread_barrier_init(&all_here, NULL, (unsigned)count + 1);
	for (i = 0; i < count; i++)
		if (pthread_create(&thread[i], NULL, hold_block, NULL))
			return 1;
	pthread_barrier_wait(&all_here);
	malloc_info(0, stdout);
	fflush(stdout);
	pthread_barrier_wait(&all_here);
	for (i = 0; i < count; i++)
		pthread_join(thread[i], NULL);
	return 0;
}

static int one_cpu_arenas(char **args)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return 1;
	return arenas(args);
}

static int set_option(char **args)
{
	say("returned", mallopt(atoi(args[0]), atoi(args[1])));
	return 0;
}

/* The last calls leave something in the thread's cache. */
static void some_blocks(void)
{
	static void *p[3000];
	size_t i;

	for (i = 0; i < 3000; i++)
		p[i] = malloc(i * 7);
	for (i = 0; i < 3000; i += 2)
		free(p[i]);
	p[0] = malloc(3 << 20);
	p[2] = malloc(5 << 20);
	for (i = 4; i < 44; i += 2)
		p[i] = malloc(100);
	for (i = 4; i < 44; i += 2)
		free(p[i]);
}

static int info_xml(char **args)
{
	int got;

	some_blocks();
	errno = 0;
	got = malloc_info(atoi(args[0]), stdout);
	fflush(stdout);
	if (atoi(args[0]))
		say("returned", got ? (got == -1 ? errno : got) : 0);
	return 0;
}

static void say_info(const char *when)
{
	struct mallinfo2 m = mallinfo2();
	struct mallinfo old = mallinfo();

	if (write(STDOUT_FILENO, when, strlen(when)) < 0)
		_exit(9);
	say("arena", (long long)m.arena);
	say("ordblks", (long long)m.ordblks);
	say("smblks", (long long)m.smblks);
	say("hblks", (long long)m.hblks);
	say("hblkhd", (long long)m.hblkhd);
	say("usmblks", (long long)m.usmblks);
	say("fsmblks", (long long)m.fsmblks);
	say("uordblks", (long long)m.uordblks);
	say("fordblks", (long long)m.fordblks);
	say("keepcost", (long long)m.keepcost);
	say("same", old.arena == (int)m.arena && old.hblks == (int)m.hblks &&
			    old.hblkhd == (int)m.hblkhd &&
			    old.uordblks == (int)m.uordblks &&
			    old.fordblks == (int)m.fordblks &&
			    old.keepcost == (int)m.keepcost);
}

static int info2(char **args)
{
	(void)args;
	free(malloc(100));
	say_info("= start\n");
	some_blocks();
	say_info("= loaded\n");
	free(malloc(100000));
	say_info("= later\n");
	return 0;
}

/* More than 4 GiB in mappings that nobody touches. */
static int stats(char **args)
{
	int count = atoi(args[0]);

	some_blocks();
	while (count-- > 0)
		if (!malloc((size_t)1 << 30))
			return 1;
	malloc_stats();
	return 0;
}

/* Runs on, whatever the environment said. */
static int run_on(char **args)
{
	(void)args;
	some_blocks();
	say("done", 1);
	return 0;
}

/* Whether the heap asked for huge pages: VmFlags "hg" in smaps. */
static int hugepages(char **args)
{
	char text[512];
	FILE *f;
	int found = 0;

	(void)args;
	memset(malloc(16 << 20), 1, 16 << 20);
	memset(malloc(100000), 1, 100000);
	f = fopen("/proc/self/smaps", "r");
	while (f && fgets(text, sizeof(text), f))
		found |= !strncmp(text, "VmFlags:", 8) && strstr(text, " hg");
	say("asked", found);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(char **args);
	int args;
} things[] = {{"step", first_step, 0},
	      {"where", where, 1},
	      {"again", again, 1},
	      {"trim", trim, 1},
	      {"perturb", perturb, 1},
	      {"arenas", arenas, 1},
	      {"one_cpu_arenas", one_cpu_arenas, 1},
	      {"mallopt", set_option, 2},
	      {"info", info_xml, 1},
	      {"info2", info2, 0},
	      {"stats", stats, 1},
	      {"run", run_on, 0},
	      {"hugepages", hugepages, 0}};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; i < sizeof(things) / sizeof(things[0]); i++)
		if (argc > 1 && !strcmp(argv[1], things[i].name) &&
		    argc == 2 + things[i].args)
			return things[i].run(argv + 2);
	return 8;
}
