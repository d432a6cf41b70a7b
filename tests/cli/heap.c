/*
 * heap.c: programs for the tests of experiments, by the first argument.
 *
 *     peak MB        so much is in use at a time, all written
 *     nest MB        so much, and a child that has as much for 300 ms
 *     grow MB        the same in small blocks
 *     checked N      N blocks; without one of them it ends with status 1
 *     crash N I      as `checked', but block I is written unseen
 *     hang N I       without block I it waits for ever
 *     chance         no two runs do the same
 *     status S       ends with S
 *     own MB         maps so much for itself, and writes it
 *     churn N        N blocks of 1 MB, one at a time
 */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MB = 1 << 20, BLOCK = 3 * MB };

static int peak(size_t nr, size_t size)
{
	char **blocks = malloc(nr * sizeof(*blocks));

	if (!blocks)
		return 3;
	for (size_t i = 0; i < nr; i++) {
		blocks[i] = malloc(size);
		if (!blocks[i])
			return 3;
		memset(blocks[i], 1, size);
	}
	for (size_t i = 0; i < nr; i++) {
		if (blocks[i][size - 1] != 1)
			return 4;
		free(blocks[i]);
	}
	free(blocks);
	return 0;
}

/* Block `careless` is not checked as the others are. */
static int blocks(size_t nr, size_t careless, int hangs)
{
	for (size_t i = 1; i <= nr; i++) {
		volatile char *block = malloc(BLOCK);

		if (!block && i == careless && hangs)
			for (;;)
				pause();
		if (!block && i != careless)
			return 1;
		block[0] = 1;
	}
	return 0;
}

static int chance(void)
{
	unsigned char pages[8];

	if (getrandom(pages, sizeof(pages), 0) != sizeof(pages))
		return 3;
	for (size_t i = 0; i < sizeof(pages); i++) {
		size_t size = MB + pages[i] * (size_t)4096;
		volatile char *block = malloc(size);

		if (!block)
			return 3;
		memset((char *)block, 1, size);
	}
	return 0;
}

static int churn(size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		char *block = malloc(MB);

		if (!block)
			return 3;
		memset(block, 1, MB);
		free(block);
	}
	return 0;
}

/* The program itself, as the child that stays. */
static int spawn(char *program, char *mb)
{
	char stay[] = "stay";
	char *const words[] = {program, stay, mb, NULL};
	pid_t pid;
	int status;

	if (posix_spawn(&pid, program, NULL, NULL, words, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid)
		return 3;
	return status != 0;
}

static int nest(char **argv, size_t len)
{
	volatile char *block = malloc(len);
	int status;

	if (!block)
		return 3;
	memset((char *)block, 1, len);
	if (strcmp(argv[1], "stay") == 0)
		status = usleep(300000);
	else
		status = spawn(argv[0], argv[2]);
	return block[len - 1] == 1 ? status : 4;
}

static int own(size_t len)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 3;
	memset(p, 1, len);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	size_t nr = argc > 2 ? (size_t)atol(argv[2]) : 0;
	size_t careless = argc > 3 ? (size_t)atol(argv[3]) : 0;

	if (strcmp(what, "peak") == 0)
		return peak(nr, MB);
	if (strcmp(what, "grow") == 0)
		return peak(nr * 1024, 1000);
	if (strcmp(what, "checked") == 0)
		return blocks(nr, 0, 0);
	if (strcmp(what, "crash") == 0)
		return blocks(nr, careless, 0);
	if (strcmp(what, "hang") == 0)
		return blocks(nr, careless, 1);
	if (strcmp(what, "chance") == 0)
		return chance();
	if (strcmp(what, "status") == 0)
		return (int)nr;
	if (strcmp(what, "own") == 0)
		return own(nr * MB);
	if (strcmp(what, "churn") == 0)
		return churn(nr);
	if (strcmp(what, "nest") == 0 || strcmp(what, "stay") == 0)
		return nest(argv, nr * MB);
	return 2;
}
