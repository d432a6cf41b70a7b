/*
 * hog MB: one block of malloc, written page by page; tells how far it came.
 *
 * A line for each 64 pages goes out before the next one is written, so the last
 * line stands when the program is killed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES_A_LINE = 64 };

static void tell(size_t pages)
{
	char line[32];
	int len = snprintf(line, sizeof(line), "%zu\n", pages);

	if (write(STDOUT_FILENO, line, (size_t)len) != len)
		_exit(3);
}

int main(int argc, char **argv)
{
	size_t pages = (argc > 1 ? strtoul(argv[1], NULL, 10) : 0) << 20 >> 12;
	volatile char *block = malloc(pages * PAGE);

	if (!block) {
		perror("malloc");
		return 1;
	}
	for (size_t i = 0; i < pages; i++) {
		block[i * PAGE] = (char)(i | 1);
		if (i % PAGES_A_LINE == PAGES_A_LINE - 1)
			tell(i + 1);
	}
	return 0;
}
