/*
 * raw.h: what the recorder writes and `tracetool pack` reads.
 *
 *     +----------------------+ 0
 *     | struct raw_header    |
 *     +----------------------+ 64
 *     | struct raw_event     |  in the order of the calls, all threads mixed
 *     | struct raw_event     |
 *     | ...                  |
 *     +----------------------+ 64 + 24 * limit, or shorter
 *
 * The byte order is the machine's: a recording is packed where it was made.
 *
 * The rule that makes the order true for threads: an address belongs to the
 * thread that has it, so a free is written before the block goes back and an
 * allocation after the block has come.  realloc does both, and has an event
 * for each: RAW_RESIZE before the call, RAW_RESIZED after it.
 *
 * An event whose op is RAW_NONE was begun and never finished (its thread died
 * in between), or lies behind the end; it means nothing.
 */
#ifndef MMSIM_BENCH_TRACE_RAW_H
#define MMSIM_BENCH_TRACE_RAW_H

#include <stdint.h>

#define RAW_MAGIC "mmsimraw"
enum { RAW_VERSION = 1 };

enum raw_op {
	RAW_NONE,
	RAW_MALLOC,  /* address, size */
	RAW_CALLOC,  /* address, size: the product */
	RAW_ALIGNED, /* address, size, align_log2 */
	RAW_FREE,    /* address */
	RAW_RESIZE,  /* address: realloc is about to take the block */
	RAW_RESIZED, /* address, size: it gave this one; the next event of the
			same thread after its RAW_RESIZE.  0: it failed, the
			block is where it was */
	RAW_NR_OPS
};

struct raw_header {
	char magic[8];    /* RAW_MAGIC, without its 0 */
	uint32_t version; /* RAW_VERSION */
	uint32_t pid;     /* of the recorded process */
	uint64_t limit;   /* events for which there is room */
	char program[40]; /* its name, filled up with 0 */
};

struct raw_event {
	uint64_t address;   /* of the block */
	uint64_t size;      /* asked for */
	uint32_t thread;    /* 0, 1, ... in the order of their first calls */
	uint8_t op;         /* enum raw_op; written last */
	uint8_t align_log2; /* RAW_ALIGNED: the alignment's logarithm */
	uint16_t unused;    /* 0 */
};

_Static_assert(sizeof(struct raw_header) == 64, "see the drawing");
_Static_assert(sizeof(struct raw_event) == 24, "see the drawing");

#endif
