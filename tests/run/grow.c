/*
 * grow MB WRITTEN READ: one block of malloc, of which so many MB are written and
 * so many behind them only read.
 */
#include <stdio.h>
#include <stdlib.h>

enum { PAGE = 4096 };

static size_t mb(const char *text)
{
	return (size_t)strtoul(text, NULL, 10) << 20;
}

int main(int argc, char **argv)
{
	size_t len, end, at = 0;
	volatile char *block;
	char sum = 0;

	if (argc != 4)
		return 2;
	len = mb(argv[1]);
	block = malloc(len);
	if (!block) {
		perror("malloc");
		return 1;
	}
	for (end = mb(argv[2]); at < end; at += PAGE)
		block[at] = 1;
	for (end += mb(argv[3]); at < end; at += PAGE)
		sum += block[at];
	return sum != 0;
}
