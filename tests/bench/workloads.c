/*
 * workloads.c: stands in for bench/workloads in tests/bench/peers.sh.
 *
 * The rows and the line that it prints are those of the real one.  The work is
 * to allocate and touch 16 MB, which a peer with a flaw does not survive or
 * does wrong.  The figures are made up, so that they are always the same.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 16384, SIZE = 1000 };
enum { NSEC_PER_PERCENT = 10000000, PEAK_KB_PER_PERCENT = 200 };

static const char *const names[] = {"alone", "pair/1", "pair/2"};

static void work(void)
{
	static void *block[BLOCKS];

	for (int i = 0; i < BLOCKS; i++) {
		block[i] = malloc(SIZE);
		memset(block[i], 1, SIZE);
	}
	for (int i = 0; i < BLOCKS; i++)
		free(block[i]);
}

int main(int argc, char **argv)
{
	int has_pause = argc > 4 && !strcmp(argv[4], "--pause");
	int is_wrong = dlsym(RTLD_DEFAULT, "peer_is_wrong") != NULL;
	int *peer = dlsym(RTLD_DEFAULT, "peer_percent");
	int percent = peer ? *peer : 100;
	int row = 0;
	long nsec;

	if (argc == 2 && !strcmp(argv[1], "--list"))
		return puts("alone 1\npair/1 1\npair/2 2") < 0;
	if (argc < 4 || strcmp(argv[2], "--scale"))
		return 2;
	while (row < 3 && strcmp(argv[1], names[row]))
		row++;
	if (row == 3)
		return 2;
	work();
	if (dlsym(RTLD_DEFAULT, "peer_hangs"))
		pause();
	/* The more rows, the less a percent is: the means must not be trivial. */
	nsec = (long)NSEC_PER_PERCENT * (percent + 40 * row);
	printf("%s wall_ns=%ld cpu_ns=%ld faults=%d ops=%d peak_kb=%d "
	       "end_kb=3000",
	       names[row], nsec, nsec, 100 + row, BLOCKS + is_wrong,
	       PEAK_KB_PER_PERCENT * percent);
	puts(has_pause ? " pause_kb=2500" : "");
	return 0;
}
