/*
 * bin.c: insert, unlink and find in the bins of free chunks.
 *
 * A good-fit search looks at a few chunks of the request's own bin, where one
 * may be too small, and then takes the first of the next bin that is not
 * empty, where every chunk is large enough.  Of large chunks it takes the least of
 * many, because what a hole leaves over is much.  The list links are in the freed
 * memory itself: before one is followed, it is checked to lie inside the arena
 * and to point back.
 */
#include "alloc/bin.h"

#include "alloc/arena.h"
#include "base/fatal.h"

/* How many chunks of the request's own bin are tried. */
#define BIN_TRIES 8
/* How many large ones are compared. */
#define BIN_LARGE_TRIES 64

static void bin_mark(struct bins *bins, unsigned i)
{
	bins->map[i / 64] |= UINT64_C(1) << (i % 64);
	bins->summary |= UINT64_C(1) << (i / 64);
}

static void bin_clear(struct bins *bins, unsigned i)
{
	bins->map[i / 64] &= ~(UINT64_C(1) << (i % 64));
	if (bins->map[i / 64] == 0)
		bins->summary &= ~(UINT64_C(1) << (i / 64));
}

void bin_insert(struct bins *bins, struct chunk *c)
{
	size_t units = chunk_units(c);
	unsigned i = bin_index(units);
	struct chunk *first = bins->first[i];

	c->fd = first;
	c->bk = NULL;
	if (first)
		first->bk = c;
	bins->first[i] = c;
	bin_mark(bins, i);
	bins->nr_chunks++;
	bins->nr_units += units;
}

static void bin_check_links(struct arena *a, const struct chunk *c, unsigned i)
{
	if (c->fd && (!arena_has_chunk(a, c->fd) || c->fd->bk != c))
		fatal_at("corrupted double-linked list", chunk_user(c));
	if (c->bk ? !arena_has_chunk(a, c->bk) || c->bk->fd != c
		  : a->bins.first[i] != c)
		fatal_at("corrupted double-linked list", chunk_user(c));
}

void bin_unlink(struct arena *a, struct chunk *c)
{
	struct bins *bins = &a->bins;
	size_t units = chunk_units(c);
	unsigned i = bin_index(units);

	bin_check_links(a, c, i);
	if (c->fd)
		c->fd->bk = c->bk;
	if (c->bk)
		c->bk->fd = c->fd;
	else
		bins->first[i] = c->fd;
	if (!bins->first[i])
		bin_clear(bins, i);
	bins->nr_chunks--;
	bins->nr_units -= units;
}

/* The first bin from `i` on that is not empty, or NR_BINS. */
static unsigned bin_next(const struct bins *bins, unsigned i)
{
	unsigned word = i / 64;
	uint64_t bits;

	if (i >= NR_BINS)
		return NR_BINS;
	bits = bins->map[word] & UINT64_MAX << (i % 64);
	if (!bits) {
		uint64_t words = bins->summary & ~UINT64_C(0) << word;

		words &= words == 0 ? 0 : ~(UINT64_C(1) << word);
		if (!words)
			return NR_BINS;
		word = log2_lowest(words);
		bits = bins->map[word];
	}
	return word * 64 + log2_lowest(bits);
}

/* The least chunk of the first of a bin that has at least `units`; or NULL. */
static FAR struct chunk *bin_least(struct arena *a, unsigned i, size_t units)
{
	struct chunk *least = NULL, *c = a->bins.first[i];

	for (int n = 0; c && n < BIN_LARGE_TRIES; n++, c = c->fd) {
		if (!arena_has_chunk(a, c))
			fatal_at("corrupted double-linked list", chunk_user(c));
		if (chunk_units(c) >= units &&
		    (!least || chunk_units(c) < chunk_units(least)))
			least = c;
	}
	return least;
}

struct chunk *bin_find(struct arena *a, size_t units)
{
	struct bins *bins = &a->bins;
	unsigned i;
	struct chunk *c;

	if (units > BIN_UNITS_MAX)
		return NULL;
	i = bin_index(units);
	if (units >= BIN_LARGE) {
		c = bin_least(a, i, units);
		if (c)
			return c;
		i = bin_next(bins, i + 1);
		return i < NR_BINS ? bin_least(a, i, units) : NULL;
	}
	c = bins->first[i];
	for (int n = 0; c && n < BIN_TRIES; n++, c = c->fd) {
		if (!arena_has_chunk(a, c))
			fatal_at("corrupted double-linked list", chunk_user(c));
		if (chunk_units(c) >= units)
			return c;
	}
	i = bin_next(bins, i + 1);
	return i < NR_BINS ? bins->first[i] : NULL;
}
