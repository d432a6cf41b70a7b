/*
 * icount: how many instructions one warm call of malloc, free, calloc and
 * realloc executes.
 *
 * The program forks; the child calls the functions of whatever malloc it was
 * started with (LD_PRELOAD=... icount), the parent single-steps it with
 * ptrace(2) from the first instruction of the function to its return.  The
 * call and the final ret are not counted; calls and rets that the function
 * makes inside are.  A string instruction with a rep prefix counts once,
 * however often it repeats.
 *
 * Each call is made warm: WARM_PAIRS pairs first, then SAMPLES calls are
 * stepped.  Meanwhile HELD blocks of the same size stay allocated, because in
 * a real program a page of blocks is seldom emptied by one free.  The median
 * is printed, and the range when they differ.
 *
 * Left out: time.  Instructions are not cycles; the micro rows measure those.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WARM_PAIRS = 2000, SAMPLES = 21, HELD = 20, STEP_LIMIT = 1000000 };

/* The functions under test, by address, so that no PLT stub is counted. */
static void *(*volatile call_malloc)(size_t);
static void (*volatile call_free)(void *);
static void *(*volatile call_calloc)(size_t, size_t);
static void *(*volatile call_realloc)(void *, size_t);

/* Each row is one call of a pair: an allocation, and what follows it. */
enum op { OP_MALLOC, OP_FREE, OP_CALLOC, OP_REALLOC };

struct row {
	const char *name;
	enum op op;
	size_t size;
	int count;            /* samples taken so far */
	long sample[SAMPLES]; /* instructions of each stepped call */
};

static struct row rows[] = {
	{.name = "malloc(16)", .op = OP_MALLOC, .size = 16},
	{.name = "free(16)", .op = OP_FREE, .size = 16},
	{.name = "malloc(64)", .op = OP_MALLOC, .size = 64},
	{.name = "free(64)", .op = OP_FREE, .size = 64},
	{.name = "malloc(2000)", .op = OP_MALLOC, .size = 2000},
	{.name = "free(2000)", .op = OP_FREE, .size = 2000},
	{.name = "malloc(16000)", .op = OP_MALLOC, .size = 16000},
	{.name = "free(16000)", .op = OP_FREE, .size = 16000},
	{.name = "calloc(1,100)", .op = OP_CALLOC, .size = 100},
	{.name = "realloc(100)", .op = OP_REALLOC, .size = 100},
};
enum { NR_ROWS = sizeof rows / sizeof rows[0] };

static void fail(const char *what)
{
	fprintf(stderr, "icount: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* POSIX lets dlsym's result be copied into a function pointer. */
static void find_symbol(const char *name, volatile void *slot)
{
	void *sym = dlsym(RTLD_DEFAULT, name);

	if (!sym) {
		fprintf(stderr, "icount: no function %s\n", name);
		exit(1);
	}
	memcpy((void *)slot, &sym, sizeof sym);
}

/* Stops the child; two registers tell the parent the row and the function. */
static void mark(long row, const void *function)
{
	__asm__ volatile("int3" : : "D"(row), "S"(function) : "memory");
}

static const void *address_of(const volatile void *slot)
{
	const void *function;

	memcpy(&function, (const void *)slot, sizeof function);
	return function;
}

/* One allocation and its free; the call that the row names is marked if
 * `stepped`. */
static void one_pair(long index, int stepped)
{
	const struct row *row = &rows[index];
	void *p;

	if (row->op == OP_CALLOC) {
		if (stepped)
			mark(index, address_of(&call_calloc));
		p = call_calloc(1, row->size);
	} else {
		if (stepped && row->op == OP_MALLOC)
			mark(index, address_of(&call_malloc));
		p = call_malloc(row->size);
	}
	if (!p)
		_exit(3);
	*(volatile char *)p = 1;
	if (row->op == OP_REALLOC) {
		if (stepped)
			mark(index, address_of(&call_realloc));
		p = call_realloc(p, row->size);
	}
	if (stepped && row->op == OP_FREE)
		mark(index, address_of(&call_free));
	call_free(p);
}

static void child_main(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(2);
	for (long i = 0; i < NR_ROWS; i++) {
		void *held[HELD];

		for (int n = 0; n < HELD; n++)
			held[n] = call_malloc(rows[i].size);
		for (int n = 0; n < WARM_PAIRS; n++)
			one_pair(i, 0);
		for (int n = 0; n < SAMPLES; n++)
			one_pair(i, 1);
		for (int n = 0; n < HELD; n++)
			call_free(held[n]);
	}
	_exit(0);
}

static struct user_regs_struct read_regs(pid_t child)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, child, NULL, &regs))
		fail("PTRACE_GETREGS");
	return regs;
}

/* Executes one instruction of the child and returns its registers afterwards.
 */
static struct user_regs_struct step(pid_t child)
{
	int status;

	if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL))
		fail("PTRACE_SINGLESTEP");
	if (waitpid(child, &status, 0) != child)
		fail("waitpid");
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) {
		fprintf(stderr,
			"icount: the child ended inside a call (status 0x%x)\n",
			(unsigned)status);
		exit(1);
	}
	return read_regs(child);
}

/* Instructions from the entry of `function` to its ret, which is not counted.
 */
static long count_call(pid_t child, unsigned long function)
{
	struct user_regs_struct regs = read_regs(child);
	unsigned long previous, return_to, entry_sp;
	long count = 0;
	long steps = 0;

	while (regs.rip != function && steps++ < STEP_LIMIT)
		regs = step(child);
	errno = 0;
	entry_sp = regs.rsp;
	return_to = (unsigned long)ptrace(PTRACE_PEEKDATA, child,
					  (void *)entry_sp, NULL);
	if (errno)
		fail("PTRACE_PEEKDATA");
	/* The stack test tells this call's return from one to the same place
	 * deeper down. */
	while ((regs.rip != return_to || regs.rsp <= entry_sp) &&
	       steps++ < STEP_LIMIT) {
		previous = regs.rip;
		regs = step(child);
		if (regs.rip !=
		    previous) /* a rep instruction traps at each round */
			count++;
	}
	if (steps >= STEP_LIMIT) {
		fprintf(stderr,
			"icount: a call did not return within %d "
			"instructions\n",
			STEP_LIMIT);
		exit(1);
	}
	return count - 1;
}

static void parent_main(pid_t child)
{
	int status;

	for (;;) {
		if (waitpid(child, &status, 0) != child)
			fail("waitpid");
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return;
		if (!WIFSTOPPED(status)) {
			fprintf(stderr,
				"icount: the child failed (status 0x%x)%s\n",
				(unsigned)status,
				WIFEXITED(status) && WEXITSTATUS(status) == 2
					? ": ptrace is not permitted here"
					: "");
			exit(1);
		}
		if (WSTOPSIG(status) == SIGTRAP) {
			struct user_regs_struct regs = read_regs(child);
			struct row *row = &rows[regs.rdi];

			row->sample[row->count++] = count_call(child, regs.rsi);
		}
		if (ptrace(PTRACE_CONT, child, NULL,
			   WSTOPSIG(status) == SIGTRAP
				   ? 0
				   : (long)WSTOPSIG(status)))
			fail("PTRACE_CONT");
	}
}

static int by_value(const void *a, const void *b)
{
	long x = *(const long *)a;
	long y = *(const long *)b;

	return (x > y) - (x < y);
}

static void print_rows(void)
{
	for (int i = 0; i < NR_ROWS; i++) {
		struct row *row = &rows[i];
		long low, high;

		qsort(row->sample, SAMPLES, sizeof row->sample[0], by_value);
		low = row->sample[0];
		high = row->sample[SAMPLES - 1];
		printf("%-16s %6ld", row->name, row->sample[SAMPLES / 2]);
		if (low != high)
			printf("  (%ld..%ld)", low, high);
		putchar('\n');
	}
}

int main(void)
{
	pid_t child;

	find_symbol("malloc", &call_malloc);
	find_symbol("free", &call_free);
	find_symbol("calloc", &call_calloc);
	find_symbol("realloc", &call_realloc);
	child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0)
		child_main();
	parent_main(child);
	printf("instructions of one warm call, without its call and ret\n");
	print_rows();
	return 0;
}

#else /* not x86-64 */

int main(void)
{
	puts("icount: counts instructions on x86-64 only");
	return 0;
}

#endif
