/*
 * rounds N: so many times 20 MB in blocks of 60 KB are allocated, written and
 * freed, with M_TRIM_THRESHOLD at -1.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 340, BLOCK = 60 << 10 };

int main(int argc, char **argv)
{
	static char *blocks[BLOCKS];
	int rounds = argc > 1 ? atoi(argv[1]) : 0;

	if (!mallopt(M_TRIM_THRESHOLD, -1))
		return 1;
	while (rounds-- > 0) {
		for (int i = 0; i < BLOCKS; i++) {
			blocks[i] = malloc(BLOCK);
			if (!blocks[i])
				return 1;
			memset(blocks[i], i | 1, BLOCK);
		}
		for (int i = 0; i < BLOCKS; i++)
			free(blocks[i]);
	}
	return 0;
}
