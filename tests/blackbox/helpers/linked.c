/*
 * linked.c: a program that is linked with the library under test.
 *
 * Prints the file that its malloc comes from, how far the first malloc moves
 * the break, and whether the process runs in secure mode (AT_SECURE).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

int main(void)
{
	char *start = sbrk(0);
	void *p = malloc(1);
	long step = (char *)sbrk(0) - start;
	Dl_info info;

	if (!p || !dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info))
		return 1;
	printf("%s %ld %lu\n", info.dli_fname, step, getauxval(AT_SECURE));
	free(p);
	return 0;
}
