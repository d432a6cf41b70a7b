/*
 * chunk.h: the layout of a chunk, and the only code that knows it.
 *
 * Every block that malloc hands out is the user part of a chunk, and in front
 * of every user pointer stand the same 8 bytes: the header.
 *
 *      chunk -> +----------------------------------------------------+
 *               | prev_size: bytes of the chunk before, if that is F |
 *               +--------------------------+-------------------------+
 *  user - 8 ->  | lo: units | F L C M | tag| hi                      |
 *       user -> +--------------------------+-------------------------+
 *               | user data; free chunks keep links here             |
 *               |                                                    |
 *       next -> + - - - - - - - - - - - - - - - - - - - - - - - - - -+
 *               | the last 8 bytes of user data (next's prev_size)   |
 *               +----------------------------------------------------+
 *
 *  lo, bits  0-15  tag: names the arena, mixed with a secret of the heap
 *            16    M: mapped on its own            (mapped.c)
 *            17    C: free in a cache, in a run, or on its way there
 *            18    L: no cache takes it: large, or small outside of a run
 *            19    F: free in a bin of its arena
 *            20-31 size / 16, the low 12 bits
 *  hi            of a small chunk (at most SMALL_MAX bytes, in a run): the
 *                distance from its run to the user pointer, / 16
 *                of any other: bits 0-30 size / 16 from bit 12 on, bit 31 P:
 *                the chunk before is in use
 *
 * free() compares lo with what the thread's own arena would have written: one
 * xor and one rotation prove that the chunk is of this arena, cacheable, not
 * free already and not trampled, and leave the size as a small number.  The
 * tag stands in the lowest bytes, because an overflow out of the block before
 * arrives there first; its low byte is never 0, so that the favourite
 * off-by-one, a '\0' too many, always shows.
 *
 * Two writers must not share a word: the holder of a block toggles C without
 * a lock, and the neighbour's coalescing sets P under the arena's lock.  So
 * C is in lo, which belongs to the holder, and P is in hi, which belongs to
 * the arena.  Small chunks have no P: they live in runs (run.c).
 *
 * The idea of boundary tags: D. Knuth, The Art of Computer Programming vol. 1,
 * 2.5; the shape of the chunk: D. Lea, "A Memory Allocator", 1996.
 */
#ifndef ALLOC_CHUNK_H
#define ALLOC_CHUNK_H

#include "base/base.h"

#define CHUNK_TAG_MASK 0xffffu
#define CHUNK_M (1u << 16)
#define CHUNK_C (1u << 17)
#define CHUNK_L (1u << 18)
#define CHUNK_F (1u << 19)
/* All at once, which no chunk has. */
#define CHUNK_NONE (CHUNK_M | CHUNK_C | CHUNK_L | CHUNK_F)
#define CHUNK_UNITS_SHIFT 20
#define CHUNK_UNITS_LO_BITS 12
#define CHUNK_P (1u << 31)

/* Sizes are counted in units of 16 bytes: malloc's alignment. */
#define UNIT 16u
#define HEADER_SIZE 8u
/* From the chunk to the user pointer. */
#define USER_OFFSET 16u
/* The least chunk that can stand free in a bin: prev_size, header, fd, bk. */
#define MIN_FREE_UNITS 2u

struct chunk {
	size_t prev_size; /* bytes; valid when the chunk before is free */
	uint32_t lo;
	uint32_t hi;
	struct chunk *fd; /* in a bin: next of the bin */
	struct chunk *bk; /* in a bin: the one before, NULL for the first */
	/* The rest is there only in free chunks of PURGE_MIN and more. */
	struct chunk *dirty_fd; /* next of the arena's dirty list */
	struct chunk *dirty_bk;
	uint64_t freed_ns; /* since when its pages wait; 0: not listed */
};

static inline struct chunk *chunk_of(const void *user)
{
	return (struct chunk *)((uintptr_t)user - USER_OFFSET);
}

static inline void *chunk_user(const struct chunk *c)
{
	return (void *)((uintptr_t)c + USER_OFFSET);
}

static inline struct chunk *chunk_at(const struct chunk *c, ptrdiff_t bytes)
{
	return (struct chunk *)((uintptr_t)c + (uintptr_t)bytes);
}

/* lo is written by the holder while others may look at its size. */
static inline uint32_t chunk_lo(const struct chunk *c)
{
	return load_relaxed(&c->lo);
}

static inline uint32_t chunk_hi(const struct chunk *c)
{
	return load_relaxed(&c->hi);
}

/* The header word in front of a user pointer, for the fast paths. */
static ALWAYS_INLINE uint32_t *user_lo(void *user)
{
	return (uint32_t *)(void *)((char *)user - HEADER_SIZE);
}

/* Toggles C, which only the holder does, while neighbours may look at lo: one
 * instruction that ThreadSanitizer cannot know to be one store. */
static ALWAYS_INLINE void user_toggle_cached(void *user)
{
#if HAS_THREAD_SANITIZER
	store_relaxed(user_lo(user), load_relaxed(user_lo(user)) ^ CHUNK_C);
#else
	*user_lo(user) ^= CHUNK_C;
#endif
}

/* Size in units of a chunk that is not small. */
static inline size_t chunk_units(const struct chunk *c)
{
	return chunk_lo(c) >> CHUNK_UNITS_SHIFT |
	       (size_t)(chunk_hi(c) & ~CHUNK_P) << CHUNK_UNITS_LO_BITS;
}

static inline size_t chunk_bytes(const struct chunk *c)
{
	return chunk_units(c) * UNIT;
}

static inline struct chunk *chunk_next(const struct chunk *c)
{
	return chunk_at(c, (ptrdiff_t)chunk_bytes(c));
}

static inline bool chunk_prev_in_use(const struct chunk *c)
{
	return (chunk_hi(c) & CHUNK_P) != 0;
}

/* The arena's lock is held for all of these. */
static inline void chunk_set_prev_in_use(struct chunk *c)
{
	store_relaxed(&c->hi, c->hi | CHUNK_P);
}

static inline void chunk_set_prev_free(struct chunk *c)
{
	store_relaxed(&c->hi, c->hi & ~CHUNK_P);
}

/* Writes a whole header: a chunk that nobody else can see, or is free. */
static inline void chunk_write(struct chunk *c, uint32_t tag_and_flags,
			       size_t units, uint32_t p)
{
	store_relaxed(&c->lo,
		      tag_and_flags | (uint32_t)units << CHUNK_UNITS_SHIFT);
	store_relaxed(&c->hi, (uint32_t)(units >> CHUNK_UNITS_LO_BITS) | p);
}

/* Bytes a user may write: over the header's end into the next prev_size. */
static inline size_t chunk_units_usable(size_t units)
{
	return units * UNIT - HEADER_SIZE;
}

/* The least lo of a cached chunk, not small, that holds `size` user bytes: one
 * comparison, without rounding up.  A byte of size counts 1 << 16 in lo; what
 * else a cached chunk has there, C and the tag, counts more than two bytes and
 * less than three, so C makes the bound exact. */
static inline uint32_t chunk_cached_lo_for(size_t size)
{
	return ((uint32_t)size + HEADER_SIZE) *
		       ((1u << CHUNK_UNITS_SHIFT) / UNIT) +
	       CHUNK_C;
}

/* Units of the chunk that holds `size` user bytes. */
static inline size_t chunk_units_for(size_t size)
{
	return (size + HEADER_SIZE + UNIT - 1) / UNIT;
}

#endif
