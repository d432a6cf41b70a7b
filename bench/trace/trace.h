/*
 * trace.h: a recorded run of a program as a compact file.
 *
 * A trace is the list of what a program asked of malloc, without addresses: a
 * block is named by its place among the live ones.  So it can be replayed on
 * any allocator.
 *
 * The file:
 *
 *     +-----------+---------+----------------+---------------------------+
 *     | "mmtrace" | version | length, 4 bytes| zstd frame with checksum  |
 *     | 7 bytes   | 1 byte  | little-endian  | to the end of the file    |
 *     +-----------+---------+----------------+---------------------------+
 *
 * The frame unpacks to `length` bytes.  N is a number in groups of seven bits,
 * the lowest first, the top bit set in all bytes but the last (LEB128):
 *
 *     N operations   N allocations   N slots   N threads
 *     N bytes of the column of sizes   N bytes of the column of places
 *     N bytes of the column of the rest
 *     column of heads    one byte for each operation
 *     column of sizes    N for each allocation and each realloc
 *     column of places   N for each realloc and each free
 *     column of the rest N for each new thread and each alignment
 *
 * Like things stand together because they compress better.  A head:
 *
 *       7   6   5   4   3   2   1   0
 *     +---+---+---+---+---+---+---+---+
 *     | 0   0   0 | T | S |   kind    |  kind: enum trace_kind
 *     +---+---+---+---+---+---+---+---+
 *
 * T: another thread than before, whose number is in the rest.  S: the place is
 * told from the previous place, else from the newest block.
 *
 * Places.  The live blocks stand in the order in which they were allocated (a
 * block that realloc changes stays where it is):
 *
 *     oldest  0 1 2 3 4 5 6 7 8 9  newest     the number of older blocks
 *             9 8 7 6 5 4 3 2 1 0             counted from the newest
 *                   ^ previous place          S: +1 is 2 * 1, -1 is 2 * 1 - 1
 *
 * A program that frees what it just allocated writes 0 again and again; one
 * that walks a list it built, from either end, 0 or 1 with S, for when a block
 * goes, the next newer one has its number.  The writer takes the smaller one.
 *
 * A decoded operation names its block by a slot, an index below the largest
 * number of blocks that live at once: the slot last left is taken first.
 */
#ifndef MMSIM_BENCH_TRACE_TRACE_H
#define MMSIM_BENCH_TRACE_TRACE_H

#include <stddef.h>
#include <stdint.h>

#define TRACE_MAGIC "mmtrace"
enum {
	TRACE_VERSION = 1,
	TRACE_MAX_OPS = 100000000, /* so that a damaged count is not believed */
	TRACE_MAX_THREADS = 65535,
	TRACE_ERROR_BYTES = 256
};

enum trace_kind {
	TRACE_MALLOC,
	TRACE_CALLOC,
	TRACE_ALIGNED,
	TRACE_REALLOC,
	TRACE_FREE,
	TRACE_NR_KINDS
};

struct trace_op {
	uint32_t slot;      /* which block */
	uint32_t size;      /* asked for; of a free: that of the block */
	uint32_t old_size;  /* TRACE_REALLOC: the block's size before */
	uint16_t thread;    /* who */
	uint8_t kind;       /* enum trace_kind */
	uint8_t align_log2; /* TRACE_ALIGNED: logarithm of the alignment */
};

struct trace {
	struct trace_op *ops; /* mapped; NULL: none */
	size_t room;          /* operations that fit there */
	size_t nr_ops;
	size_t nr_allocations; /* operations that are neither free nor realloc */
	uint32_t nr_slots;     /* blocks that live at once, at most */
	uint32_t nr_threads;
};

/* The functions return 1, or 0 and a text without newline in `error`. */

/* trace_read: from a file; trace_unload afterwards.  Everything that the
 * format promises is checked. */
int trace_read(struct trace *t, const char *path, char *error);

/* trace_write: to a file, which it replaces. */
int trace_write(const struct trace *t, const char *path, char *error);

/* trace_reserve: room for operations, from mmap; nr_ops stays. */
int trace_reserve(struct trace *t, size_t room, char *error);
void trace_unload(struct trace *t);

const char *trace_kind_name(enum trace_kind kind);

#endif
