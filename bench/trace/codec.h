/*
 * codec.h: between the operations of a trace and the unpacked bytes of its
 * file, which trace.h draws.
 */
#ifndef MMSIM_BENCH_TRACE_CODEC_H
#define MMSIM_BENCH_TRACE_CODEC_H

#include "trace.h"

enum {
	HEAD_KIND = 7,
	HEAD_FROM_PREVIOUS = 8,
	HEAD_THREAD = 16,
	HEAD_BITS = 31
};

/* Bytes that are read or written from `at` on; at <= end. */
struct bytes {
	uint8_t *at;
	uint8_t *end;
};

/* Both return 1, or 0 and a text in `error`. */

/* trace_encode: the bytes, from malloc: free(start) afterwards. */
int trace_encode(const struct trace *t, uint8_t **start, size_t *length,
		 char *error);

/* trace_decode: fills an empty trace. */
int trace_decode(struct trace *t, const uint8_t *start, size_t length,
		 char *error);

#endif
