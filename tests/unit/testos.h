/*
 * testos.h: an os backend whose clock and break belong to the test.
 *
 * The real system's break is shared with the C library of the test program,
 * and its clock does not stand still.  Here the break moves inside a
 * reservation, which nobody else uses, and time passes when the test says so:
 * the same calls give the same operations, run after run.
 */
#ifndef TESTS_UNIT_TESTOS_H
#define TESTS_UNIT_TESTOS_H

#include "unit.h"

#define TESTOS_BREAK_MAX ((size_t)1 << 30)

struct testos {
	struct mmsim_os os;
	char *base;
	size_t brk;       /* the break, bytes from base */
	size_t committed; /* writable from base on, whole pages */
	uint64_t now_ns;
};

static inline void *testos_sbrk(void *ctx, intptr_t increment)
{
	struct testos *t = ctx;
	const struct mmsim_os *host = mmsim_os_host();
	size_t old = t->brk, brk = old + (size_t)increment, pages;

	if (brk > TESTOS_BREAK_MAX)
		return NULL;
	pages = (brk + host->page_size - 1) & ~(host->page_size - 1);
	if (pages > t->committed &&
	    host->commit(NULL, t->base + t->committed, pages - t->committed))
		return NULL;
	if (pages < t->committed &&
	    host->decommit(NULL, t->base + pages, t->committed - pages))
		return NULL;
	t->committed = pages;
	t->brk = brk;
	return t->base + old;
}

static inline uint64_t testos_now_ns(void *ctx)
{
	return ((struct testos *)ctx)->now_ns;
}

static inline unsigned testos_nr_cpus(void *ctx)
{
	(void)ctx;
	return 2;
}

/* Makes `t`, with the break at its start; a second call takes everything of
 * the first back. */
static inline void testos_init(struct testos *t)
{
	const struct mmsim_os *host = mmsim_os_host();

	if (t->base)
		host->decommit(NULL, t->base, TESTOS_BREAK_MAX);
	else
		t->base = host->reserve(NULL, TESTOS_BREAK_MAX);
	cr_assert_not_null(t->base);
	t->os = *host;
	t->os.ctx = t;
	t->os.sbrk = testos_sbrk;
	t->os.now_ns = testos_now_ns;
	t->os.nr_cpus = testos_nr_cpus;
	t->brk = 0;
	t->committed = 0;
	t->now_ns = 1000000000;
}

static inline void testos_pass_ms(struct testos *t, uint64_t ms)
{
	t->now_ns += ms * 1000000;
}

#endif
