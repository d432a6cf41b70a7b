/*
 * huge MB [COUNT]: so many blocks of malloc of this size, none of them touched;
 * prints how many there were, and why there was no more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	size_t len = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) << 20 : 0;
	int count = argc > 2 ? atoi(argv[2]) : 1, i;
	void *volatile block = NULL;

	for (i = 0; i < count; i++) {
		block = malloc(len);
		if (!block)
			break;
	}
	printf("%d %s\n", i, i < count ? strerror(errno) : "all");
	return 0;
}
