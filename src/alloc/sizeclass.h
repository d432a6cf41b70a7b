/*
 * sizeclass.h: which chunk sizes share a stack in the thread caches.
 *
 *   class   1 ..  64   small: chunks of 16, 32 ... 1024 bytes
 *   class  65 .. 105   medium: eight to a doubling, chunks from 1024, 1152 ...
 *                      2048, 2304 ... 32768 bytes on, up to the next
 *
 * All chunks of a small class have the same size.  A medium chunk has whatever
 * size its first owner asked for, rounded up to 16: nothing is wasted on round
 * numbers, unless its class is hot (medium.h).  Its class is the last one that
 * it is large enough for; a request looks at the newest chunk of its own class,
 * which may be too small, and then at the next class, where all are large enough.
 * One table of 257 bytes in steps of 128 bytes serves malloc and free.  Larger
 * chunks have no class.
 */
#ifndef ALLOC_SIZECLASS_H
#define ALLOC_SIZECLASS_H

#include "alloc/chunk.h"

#define NR_SMALL 64u
#define NR_MEDIUM 41u
#define CLASS_MEDIUM (NR_SMALL + 1)
#define NR_CLASSES (CLASS_MEDIUM + NR_MEDIUM)

/* The largest user size of a small and of a medium chunk, bytes. */
#define SMALL_MAX (NR_SMALL * UNIT - HEADER_SIZE)
#define MEDIUM_MAX (32 * 1024u + HEADER_SIZE)
/* The largest chunk that a cache takes, units: one more than MEDIUM_MAX needs,
 * because a rest of one unit cannot stand alone (arena_take). */
#define CACHED_UNITS_MAX (32 * 1024 / UNIT + 2)

/* Entry k: the class of medium chunks of 128 k bytes and a bit more. */
#define MEDIUM_STEP_UNITS 8u
#define MEDIUM_TABLE_SIZE (CACHED_UNITS_MAX / MEDIUM_STEP_UNITS + 1)

/* Fills in the table. */
void sizeclass_table(uint8_t table[MEDIUM_TABLE_SIZE]);

static inline bool sizeclass_is_small(unsigned cls)
{
	return cls <= NR_SMALL;
}

/* Units of the least chunk of a class. */
static inline size_t sizeclass_units(unsigned cls)
{
	unsigned j = cls - CLASS_MEDIUM;

	if (sizeclass_is_small(cls))
		return cls;
	return (size_t)(8 + (j & 7)) << (3 + (j >> 3));
}

static inline size_t sizeclass_bytes(unsigned cls)
{
	return sizeclass_units(cls) * UNIT;
}

/* Whether a chunk of the arena of so many units may go into a cache. */
static inline bool sizeclass_has_medium(size_t units)
{
	return units > NR_SMALL && units <= CACHED_UNITS_MAX;
}

/* The class of a medium chunk, or of a request for one. */
static ALWAYS_INLINE size_t sizeclass_of_medium(const uint8_t *table,
						uint32_t units)
{
	return table[units / MEDIUM_STEP_UNITS];
}

/* The class of a request for so many bytes, more than SMALL_MAX. */
static ALWAYS_INLINE size_t sizeclass_of_request(const uint8_t *table,
						 size_t size)
{
	return table[(size + HEADER_SIZE + UNIT - 1) /
		     (MEDIUM_STEP_UNITS * UNIT)];
}

/* The class of any chunk that a cache may take. */
static ALWAYS_INLINE size_t sizeclass_of(const uint8_t *table, uint32_t units)
{
	return units <= NR_SMALL ? units : sizeclass_of_medium(table, units);
}

/* What a block that is growing to `size` gets: it is likely to grow again, so
 * small ones are rounded up to an eighth of their power of two. */
static ALWAYS_INLINE size_t sizeclass_grown(size_t size)
{
	size_t step;

	if (size <= 8 * UNIT || size > SMALL_MAX)
		return size;
	step = (size_t)1 << (log2_floor(size) - 3);
	return align_up(size + HEADER_SIZE, step) - HEADER_SIZE;
}

/* How many chunks of a class a cache may hold at the most. */
static inline unsigned sizeclass_cache_max(unsigned cls)
{
	unsigned n = 64 * KIB / UNIT / (unsigned)sizeclass_units(cls);

	return n > 512 ? 512 : n < 4 ? 4 : n;
}

#endif
