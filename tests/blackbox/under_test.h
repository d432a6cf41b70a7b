/*
 * under_test.h: makes sure that the malloc a test calls is mmsim's.
 *
 * A black-box test that by accident runs on libc's malloc would pass and say
 * nothing.  So every test program asks first which malloc it has.  When it is
 * not mmsim's, the program executes itself again with the library preloaded;
 * when that does not help either, it stops with "Bail out!".
 *
 *   MMSIM_LIB=path    the library, .libs/libmmsim.so unless given
 *   MMSIM_LIB=none    take the malloc that is there: tells what a rule does
 *                     with libc's own malloc, or with another preloaded one
 *
 * Variables that change an allocator's behaviour are removed on the way, so
 * that a test's result does not depend on the caller's environment.
 */
#ifndef UNDER_TEST_H
#define UNDER_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNDER_TEST_MARK "MMSIM_TEST_EXECUTED_AGAIN"

static const char *const under_test_unset[] = {"GLIBC_TUNABLES",
					       "MALLOC_CHECK_",
					       "MALLOC_TOP_PAD_",
					       "MALLOC_PERTURB_",
					       "MALLOC_MMAP_THRESHOLD_",
					       "MALLOC_TRIM_THRESHOLD_",
					       "MALLOC_MMAP_MAX_",
					       "MALLOC_ARENA_MAX",
					       "MALLOC_ARENA_TEST",
					       "MMSIM_STATS",
					       NULL};

static inline void under_test_bail(const char *why)
{
	printf("Bail out! %s\n", why);
	fflush(stdout);
	_exit(99);
}

/* True when the malloc that this process calls is mmsim's. */
static inline int under_test_is_mmsim(void)
{
	Dl_info mine, used;
	void *name = dlsym(RTLD_DEFAULT, "mmsim_heap_default");
	void *call = dlsym(RTLD_DEFAULT, "malloc");

	return name && call && dladdr(name, &mine) && dladdr(call, &used) &&
	       mine.dli_fbase == used.dli_fbase;
}

/* Returns when the right malloc is in place. */
static inline void under_test_start(char **argv)
{
	const char *lib = getenv("MMSIM_LIB");
	char path[PATH_MAX];
	int i;

	for (i = 0; under_test_unset[i]; i++)
		unsetenv(under_test_unset[i]);
	if ((lib && !strcmp(lib, "none")) || under_test_is_mmsim())
		return;
	if (getenv(UNDER_TEST_MARK))
		under_test_bail("preloaded, but malloc is not mmsim's");
	if (!realpath(lib ? lib : ".libs/libmmsim.so", path))
		under_test_bail("no libmmsim.so: set MMSIM_LIB to its path");
	setenv("LD_PRELOAD", path, 1);
	setenv(UNDER_TEST_MARK, "1", 1);
	execv("/proc/self/exe", argv);
	under_test_bail("cannot execute the test program again");
}

#endif
