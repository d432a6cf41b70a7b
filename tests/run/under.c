/*
 * under KIND: 20 MB in blocks, written, and all of them but the last one freed.
 *
 *   brk      blocks of 60 KB, from the break
 *   all      the same, and the last one is freed as well
 *   mapped   blocks of 2 MB, each with a mapping of its own
 *
 * Prints by how many kB the break has grown with all blocks, and in the end.
 */
#define _DEFAULT_SOURCE
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SMALL = 60 << 10, NR_SMALL = 340, LARGE = 2 << 20, NR_LARGE = 10 };

int main(int argc, char **argv)
{
	static char *blocks[NR_SMALL];
	const char *kind = argc > 1 ? argv[1] : "", *start, *grown;
	int is_mapped = strcmp(kind, "mapped") == 0, i;
	int nr = is_mapped ? NR_LARGE : NR_SMALL;
	size_t len = is_mapped ? LARGE : SMALL;

	/* Without this the first free would move the threshold. */
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	start = sbrk(0);
	for (i = 0; i < nr; i++) {
		blocks[i] = malloc(len);
		if (!blocks[i])
			return 1;
		memset(blocks[i], 1, len);
	}
	grown = sbrk(0);
	if (strcmp(kind, "all") == 0)
		i++;
	for (i -= 2; i >= 0; i--)
		free(blocks[i]);
	printf("%ld %ld\n", (long)(grown - start) >> 10,
	       (long)((char *)sbrk(0) - start) >> 10);
	return 0;
}
