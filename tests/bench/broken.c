/*
 * A malloc to be found out: every hundredth block is the one before it, and
 * nothing is ever freed.
 */
#include <stddef.h>

void *__libc_malloc(size_t size);

void *malloc(size_t size)
{
	static __thread unsigned calls;
	static __thread size_t last_size;
	static __thread void *last;

	if (++calls % 100 == 0 && size <= last_size)
		return last;
	last_size = size;
	last = __libc_malloc(size);
	return last;
}

void free(void *p)
{
	(void)p;
}
