/*
 * pack.h: from a raw recording to a trace.
 */
#ifndef MMSIM_BENCH_TRACE_PACK_H
#define MMSIM_BENCH_TRACE_PACK_H

#include "trace.h"

/* What could not be told from the recording. */
struct pack_losses {
	size_t unknown;   /* frees of blocks from before the recording */
	size_t lost;      /* blocks whose free is missing */
	char program[41]; /* who was recorded */
};

/* pack_raw: at most `limit` operations of the recording in a file.  Returns 1,
 * or 0 and a text in `error`. */
int pack_raw(struct trace *t, const char *path, size_t limit,
	     struct pack_losses *losses, char *error);

#endif
