/*
 * bin.h: the free chunks of an arena, by size.
 *
 * Bins 0..63 hold chunks of exactly that many units; above, each doubling is
 * cut into eight bins; the last one holds all from 15 GiB on.  A bit for each bin
 * that is not empty, and a summary bit for each word of bits, so that a fitting
 * chunk is found in constant time however many are free: good fit, not best fit.
 *
 *   summary  1 0 1 ...          one bit a word
 *   map      [word 0][word 1]   one bit a bin
 *   first    -> chunk <-> chunk <-> chunk    (fd, bk; LIFO)
 *
 * Source: M. Masmano et al., "TLSF: a New Dynamic Memory Allocator for
 * Real-Time Systems", 2004.
 */
#ifndef ALLOC_BIN_H
#define ALLOC_BIN_H

#include "alloc/chunk.h"

#define BIN_EXACT 64u
#define BIN_SUB_LOG2 3u
#define BIN_WORDS 4u
#define NR_BINS (BIN_WORDS * 64u)
/* From so many units on the best fit is worth looking for. */
#define BIN_LARGE (1 * MIB / UNIT)
/* More than any address space holds. */
#define BIN_UNITS_MAX ((size_t)1 << 44)

struct bins {
	uint64_t summary;
	uint64_t map[BIN_WORDS];
	struct chunk *first[NR_BINS];
	size_t nr_chunks;
	size_t nr_units;
};

struct arena;

/* The bin of chunks of so many units. */
static inline unsigned bin_index(size_t units)
{
	unsigned e;

	if (units < BIN_EXACT)
		return (unsigned)units;
	e = log2_floor(units);
	e = BIN_EXACT + ((e - 6) << BIN_SUB_LOG2) +
	    (unsigned)(units >> (e - BIN_SUB_LOG2) & 7);
	return e < NR_BINS ? e : NR_BINS - 1;
}

/* Puts a chunk, whose header is written, into its bin. */
void bin_insert(struct bins *bins, struct chunk *c);

/* Takes a chunk out.  Ends the program when its links are damaged: every link
 * is held against the arena's bounds before it is followed. */
void bin_unlink(struct arena *a, struct chunk *c);

/* A chunk of at least `units`, still in its bin, or NULL. */
struct chunk *bin_find(struct arena *a, size_t units);

#endif
