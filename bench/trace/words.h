/*
 * words.h: a trace made ready to be replayed, by `tracetool unpack`, which
 * writes it to its standard output.
 *
 *     +---------------------+------+------+------+-----
 *     | struct words_header | word | word | word | ...
 *     +---------------------+------+------+------+-----
 *
 * A word is 8 bytes in the machine's own order; an operation has one or two:
 *
 *      63            32 31                 3 2    0
 *     +----------------+--------------------+------+
 *     |      size      |        slot        | kind |   every operation
 *     +----------------+--------------------+------+
 *     |   old size, or alignment            |          after realloc, aligned
 *     +-------------------------------------+
 *
 * The size of a free is that of the block.  The blocks that the program left
 * at its end are freed by operations of their own, in the order of the slots:
 * the list can be gone through again and again.
 *
 * Who performs each operation is left out: all of them are performed by one
 * thread, in the order in which they were recorded.
 */
#ifndef MMSIM_BENCH_TRACE_WORDS_H
#define MMSIM_BENCH_TRACE_WORDS_H

#include <stdint.h>
#include <stdio.h>
#include "trace.h"

#define WORDS_MAGIC "mmwords1"
enum { WORDS_KIND_BITS = 3, WORDS_MAX_SLOTS = 1 << 29 };

struct words_header {
	char magic[8];     /* WORDS_MAGIC, without its 0 */
	uint64_t nr_words; /* behind this header */
	uint64_t nr_ops;   /* operations in them */
	uint64_t nr_slots; /* slots that they name */
};

static inline uint64_t word_make(enum trace_kind kind, uint32_t slot,
				 uint32_t size)
{
	return (uint64_t)size << 32 | (uint64_t)slot << WORDS_KIND_BITS |
	       (uint64_t)kind;
}

static inline enum trace_kind word_kind(uint64_t word)
{
	return (enum trace_kind)(word & ((1 << WORDS_KIND_BITS) - 1));
}

static inline uint32_t word_slot(uint64_t word)
{
	return (uint32_t)word >> WORDS_KIND_BITS;
}

static inline uint32_t word_size(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

/* words_write: the whole trace to a stream; 0 and a text in `error`: no. */
int words_write(const struct trace *t, FILE *f, char *error);

#endif
