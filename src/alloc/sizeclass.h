/*
 * sizeclass.h: which chunk sizes the thread caches know.
 *
 *   class   1 ..  64   small: chunks of 16, 32 ... 1024 bytes
 *   class  65 .. 105   medium: eight to a doubling, user sizes 1 KiB, 1152,
 *                      1280 ... 2 KiB, 2304 ... 32 KiB, and 8 bytes more
 *
 * A chunk of small class k has k units.  A medium chunk is 16 bytes larger
 * than its round user size, so that malloc(4096) wastes nothing; at most an
 * eighth is lost, and one table of 257 bytes in steps of 128 bytes serves both
 * malloc (round up) and free (exact).  Larger sizes have no class.
 */
#ifndef ALLOC_SIZECLASS_H
#define ALLOC_SIZECLASS_H

#include "alloc/chunk.h"

#define NR_SMALL 64u
#define NR_MEDIUM 41u
#define CLASS_MEDIUM (NR_SMALL + 1)
#define NR_CLASSES (CLASS_MEDIUM + NR_MEDIUM)

/* The largest user size of a small and of a medium chunk, in bytes. */
#define SMALL_MAX (NR_SMALL * UNIT - HEADER_SIZE)
#define MEDIUM_MAX (32 * 1024 + HEADER_SIZE)
/* The largest chunk that a cache takes. */
#define CACHED_UNITS_MAX (32 * 1024 / UNIT + 1)

/* Entry k: the first medium class with room for 128 k + 8 user bytes. */
#define MEDIUM_STEP 128u
#define MEDIUM_TABLE_SIZE (32 * 1024 / MEDIUM_STEP + 1)

/* Fills in the table. */
void sizeclass_table(uint8_t table[MEDIUM_TABLE_SIZE]);

static inline bool sizeclass_is_small(unsigned cls)
{
	return cls <= NR_SMALL;
}

/* Units of the chunks of a class. */
static inline size_t sizeclass_units(unsigned cls)
{
	unsigned j = cls - CLASS_MEDIUM;

	if (sizeclass_is_small(cls))
		return cls;
	return ((size_t)(8 + (j & 7)) << (3 + (j >> 3))) + 1;
}

/* The class that serves `size` bytes; size is at most MEDIUM_MAX. */
static ALWAYS_INLINE size_t sizeclass_of_small(size_t size)
{
	return (size + HEADER_SIZE + UNIT - 1) / UNIT;
}

static ALWAYS_INLINE size_t sizeclass_of_medium(const uint8_t *table,
						size_t size)
{
	return table[(size - HEADER_SIZE + MEDIUM_STEP - 1) / MEDIUM_STEP];
}

/* What a block that is growing to `size` gets: it is likely to grow again, so
 * it is rounded up to an eighth of its power of two, as medium ones are. */
static ALWAYS_INLINE size_t sizeclass_grown(size_t size)
{
	size_t step;

	if (size <= 8 * UNIT || size > SMALL_MAX)
		return size;
	step = (size_t)1 << (log2_floor(size) - 3);
	return align_up(size + HEADER_SIZE, step) - HEADER_SIZE;
}

/* The class of a cacheable chunk that is not small. */
static ALWAYS_INLINE size_t sizeclass_of_units(const uint8_t *table,
					       uint32_t units)
{
	return table[(units - 1) / (MEDIUM_STEP / UNIT)];
}

/* Whether a chunk of so many units is exactly of a class. */
bool sizeclass_is_exact(size_t units);

/* How many chunks of a class a cache may hold at the most. */
static inline unsigned sizeclass_cache_max(unsigned cls)
{
	size_t n = 64 * KIB / (sizeclass_units(cls) * UNIT);

	return (unsigned)(n > 512 ? 512 : n < 4 ? 4 : n);
}

#endif
