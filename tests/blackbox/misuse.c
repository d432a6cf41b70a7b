/*
 * misuse.c: wrong pointers are caught and named.
 *
 * Double frees, of every kind of block and from every state that a freed
 * block can be in; pointers that never came from malloc, or do not point to
 * the start of a block; realloc and malloc_usable_size of what was freed.  One
 * case a misuse, with its exact text, in the words of the GNU C library where
 * it has them.
 */
#include "death.h"

DEATH(double_free_in_the_cache, TCACHE, SMALL, MEDIUM)
{
	void *p = pinned(n);

	misused(p);
	release(p);
	release(p);
}

DEATH(double_free_with_another_between, TCACHE, SMALL, MEDIUM)
{
	void *p = malloc(n), *q = malloc(n);

	misused(p);
	release(p);
	release(q);
	release(p);
}

DEATH(double_free_by_another_thread, TCACHE, SMALL, MEDIUM)
{
	void *p = pinned(n);

	misused(p);
	release(p);
	free_in_thread(p);
}

DEATH(double_free_after_another_thread, TCACHE "|" NOT_PREV, SMALL, MEDIUM)
{
	void *p = pinned(n);

	misused(p);
	free_in_thread(p);
	release(p);
}

/* Every second block stays in use: what was freed cannot merge. */
static void *flush_cache(size_t n, size_t keep_every)
{
	size_t count = n < 1000 ? 20000 : 2000, i;
	void **p = table_create(count * sizeof(*p));

	for (i = 0; i < count; i++)
		p[i] = malloc(n);
	for (i = 0; i < count; i++)
		if (i % keep_every == 0)
			free(p[i]);
	return p[0];
}

DEATH(double_free_of_small_after_flush, TCACHE, SMALL)
{
	void *p = flush_cache(n, 2);

	misused(p);
	release(p);
}

DEATH(double_free_of_medium_after_flush, TCACHE "|" NOT_PREV, MEDIUM)
{
	void *p = flush_cache(n, 2);

	misused(p);
	release(p);
}

DEATH(double_free_after_all_was_freed,
      TCACHE "|" NOT_PREV "|" IN_TOP "|" BAD_FREE, SMALL, MEDIUM)
{
	void *p = flush_cache(n, 1);

	misused(p);
	release(p);
}

DEATH(double_free_of_large, NOT_PREV "|" TCACHE, LARGE)
{
	void *p = pinned(n);

	misused(p);
	release(p);
	release(p);
}

/* A block of n that was freed and is in use again. */
static void *used_again(size_t n)
{
	release(pinned(n));
	return hide_ptr(malloc(n));
}

DEATH(double_free_of_large_used_again, NOT_PREV "|" TCACHE, LARGE)
{
	void *p = used_again(n);

	misused(p);
	release(p);
	release(p);
}

DEATH(double_free_of_large_used_again_after_another_thread, NOT_PREV "|" TCACHE,
      LARGE)
{
	void *p = used_again(n);

	misused(p);
	free_in_thread(p);
	release(p);
}

DEATH(double_free_of_large_in_a_bin, NOT_PREV, LARGE)
{
	void *p;

	keep_nothing_back();
	p = pinned(n);
	misused(p);
	release(p);
	release(p);
}

DEATH(double_free_of_large_merged_with_its_neighbour, NOT_PREV, LARGE)
{
	unsigned char *p, *q, *guard;

	keep_nothing_back();
	neighbours(n, &p, &q);
	guard = hide_ptr(malloc(n));
	(void)guard;
	misused(q);
	release(p);
	release(q);
	release(q);
}

DEATH(double_free_of_what_became_top, IN_TOP, LARGE)
{
	void *p;

	keep_nothing_back();
	p = malloc(n);
	misused(p);
	release(p);
	release(p);
}

DEATH(double_free_of_mapped, BAD_MAPPED, MAPPED)
{
	void *p = malloc(n);

	misused(p);
	memset(p, 1, n);
	release(p);
	release(p);
}

DEATH(double_free_of_mapped_by_another_thread, BAD_MAPPED, MAPPED)
{
	void *p = malloc(n);

	misused(p);
	release(p);
	free_in_thread(p);
}

DEATH(double_free_of_aligned, TCACHE "|" NOT_PREV, 1, 100, 3000, 50000)
{
	void *p = memalign(4096, n), *guard = hide_ptr(memalign(4096, n));

	(void)guard;
	misused(p);
	release(p);
	release(p);
}

DEATH(free_of_interior, BAD_FREE, 64, 1000, MEDIUM, LARGE, MAPPED)
{
	unsigned char *p = pinned(n);

	misused(p + 16);
	release(p + 16);
}

DEATH(free_of_interior_of_filled, BAD_FREE, 64, 1000, MEDIUM, LARGE, MAPPED)
{
	unsigned char *p = pinned(n);

	memset(p, 0x41, n);
	misused(p + n / 2 / 16 * 16);
	release(p + n / 2 / 16 * 16);
}

DEATH(free_of_unaligned, BAD_FREE, SMALL, MEDIUM, LARGE, MAPPED)
{
	unsigned char *p = pinned(n);

	misused(p + 1);
	release(p + 1);
}

DEATH(free_of_half_aligned, BAD_FREE, SMALL, MEDIUM, LARGE, MAPPED)
{
	unsigned char *p = pinned(n);

	misused(p + 8);
	release(p + 8);
}

static void free_inside(unsigned char *area, size_t fill)
{
	memset(area, (int)fill, 512);
	misused(area + 256);
	release(area + 256);
}

DEATH(free_of_stack, BAD_FREE, 0, 0x41, 0xff, 1, 0x80)
{
	_Alignas(16) unsigned char area[512];

	release(malloc(1));
	free_inside(hide_ptr(area), n);
}

DEATH(free_of_static, BAD_FREE, 0, 0x41, 0xff, 1, 0x80)
{
	static _Alignas(16) unsigned char area[512];

	release(malloc(1));
	free_inside(area, n);
}

DEATH(free_of_foreign_mapping, BAD_FREE, 0, 0x41, 0xff, 1, 0x80)
{
	release(malloc(1));
	free_inside(table_create(65536), n);
}

/* Nothing was ever allocated: there is no heap yet to ask. */
DEATH(free_of_stack_as_the_first_call, BAD_FREE, 0, 0x41, 0xff)
{
	_Alignas(16) unsigned char area[512];

	free_inside(hide_ptr(area), n);
}

DEATH(realloc_of_freed, BAD_REALLOC, SMALL, MEDIUM, LARGE, MAPPED)
{
	void *p = pinned(n);

	misused(p);
	release(p);
	p = hide_ptr(realloc(p, n * 2));
}

DEATH(realloc_of_freed_within_its_room, BAD_REALLOC, SMALL, MEDIUM, LARGE,
      MAPPED)
{
	void *p = pinned(n);

	misused(p);
	release(p);
	p = hide_ptr(realloc(p, n));
}

DEATH(realloc_of_interior, BAD_REALLOC, 64, 1000, MEDIUM, LARGE, MAPPED)
{
	unsigned char *p = pinned(n);

	misused(p + 32);
	p = hide_ptr(realloc(hide_ptr(p + 32), n * 2));
}

DEATH(realloc_of_stack, BAD_REALLOC, 0, 0x41, 0xff)
{
	_Alignas(16) unsigned char area[512];
	unsigned char *p = hide_ptr(area);

	release(malloc(1));
	memset(p, (int)n, sizeof(area));
	misused(p + 256);
	p = hide_ptr(realloc(hide_ptr(p + 256), 100));
}

DEATH(usable_size_of_freed, BAD_USABLE, SMALL, MEDIUM, LARGE, MAPPED)
{
	void *p = pinned(n);

	misused(p);
	release(p);
	if (malloc_usable_size(p) == n)
		_exit(5);
}

TAP_MAIN
