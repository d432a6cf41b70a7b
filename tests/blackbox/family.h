/*
 * family.h: what the Criterion programs about the malloc family share.
 *
 * FAMILY_START makes sure, before main, that the program runs on mmsim (see
 * under_test.h); EXPECT_ENOMEM checks a call that has to fail.
 */
#ifndef FAMILY_H
#define FAMILY_H

#include "probe.h"
#include "under_test.h"

#include <criterion/criterion.h>

#define FAMILY_START                                                           \
	__attribute__((constructor)) static void family_start(                 \
		int argc, char **argv, char **envp)                            \
	{                                                                      \
		(void)argc;                                                    \
		(void)envp;                                                    \
		under_test_start(argv);                                        \
	}

#define EXPECT_ENOMEM(call)                                                    \
	do {                                                                   \
		void *family_got;                                              \
		errno = 0;                                                     \
		family_got = hide_ptr(call);                                   \
		cr_expect(!family_got && errno == ENOMEM,                      \
			  "%s gave %p, errno %d", #call, family_got, errno);   \
	} while (0)

/* A function that the C library's headers may not declare. */
static inline void (*find_function(const char *name))(void)
{
	void (*f)(void) = NULL;
	void *found = dlsym(RTLD_DEFAULT, name);

	memcpy(&f, &found, sizeof(f));
	return f;
}

#endif
