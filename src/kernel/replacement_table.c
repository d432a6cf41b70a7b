/*
 * replacement_table.c: traces of accesses, and the hit rates of all policies.
 *
 * A program uses the pages of its working set at random, one each 20 ms of
 * virtual time.  They fit into the cache, and at first it is alone.  Then come
 * other accesses, which cannot hit, as their pages are new each time:
 *
 *   working set        none
 *   + read-ahead       every 4th use is followed by a new page, for which the
 *                      next 7 are read ahead; nobody wants them
 *   + scan             half of the time somebody reads a long file, 4 pages for
 *                      each use of the working set
 *   + scan of rows     the same, and each page is used 4 times at once
 *   moving             none, but now and then it is another set of pages
 *   all of it
 *   loop               the cache is a fifth too small for a loop over its pages
 *
 * What is counted are the uses of the working set (of the loop) after the time
 * alone: what the other accesses do to it is cache pollution.  Every policy
 * sees the same accesses.
 */
#include "kernel/replacement.h"

#include "base/outbuf.h"
#include "base/rng.h"

#include <errno.h>

enum {
	TRACE_CAPACITY = 1000,
	TRACE_WORKING_SET = 600,
	TRACE_LOOP = 1250,
	TRACE_WARM_UP = 5000, /* steps alone */
	TRACE_STEPS = 20000,  /* counted ones */
	TRACE_STEP_NS = 20000000,
	TRACE_READ_EVERY = 4,
	TRACE_READAHEAD = 7,
	TRACE_PHASE =
		5000, /* steps until a scan begins or ends, or the set moves */
	TRACE_SCAN_PAGES = 4, /* each step */
	TRACE_SCAN_USES = 4,
};

#define TRACE_NEW_PAGES ((uint64_t)1 << 20) /* behind all others */

enum {
	WITH_READAHEAD = 1,
	WITH_SCAN = 2,
	WITH_ROWS = 4,
	WITH_MOVES = 8,
	WITH_LOOP = 16
};

static const struct {
	char name[24];
	unsigned with;
} traces[] = {
	{"working set", 0},
	{"+ read-ahead, useless", WITH_READAHEAD},
	{"+ scan, one use", WITH_SCAN},
	{"+ scan of rows", WITH_SCAN | WITH_ROWS},
	{"working set, moving", WITH_MOVES},
	{"all of it", WITH_READAHEAD | WITH_SCAN | WITH_ROWS | WITH_MOVES},
	{"loop, too large", WITH_LOOP},
};

static const char trace_policies[][12] = {"lru", "two-lists", "young-old"};

/* One trace on one cache. */
struct trace {
	struct mmsim_replacement *cache;
	struct rng rng;
	uint64_t now_ns;
	uint64_t next_new; /* the next page that nobody has seen */
	uint64_t nr_hits;  /* of the counted uses */
	int err;           /* the first */
};

/* True: a hit. */
static bool trace_access(struct trace *trace, uint64_t page, bool is_readahead)
{
	int got = mmsim_replacement_access(trace->cache, page, trace->now_ns,
					   is_readahead, NULL);

	if (got < 0 && trace->err == 0)
		trace->err = got;
	return got > 0;
}

static void trace_read_with_readahead(struct trace *trace)
{
	trace_access(trace, trace->next_new++, false);
	for (unsigned i = 0; i < TRACE_READAHEAD; i++)
		trace_access(trace, trace->next_new++, true);
}

static void trace_scan(struct trace *trace, unsigned nr_uses)
{
	for (unsigned i = 0; i < TRACE_SCAN_PAGES; i++) {
		for (unsigned use = 0; use < nr_uses; use++)
			trace_access(trace, trace->next_new, false);
		trace->next_new++;
	}
}

static uint64_t trace_page(struct trace *trace, unsigned with, unsigned step)
{
	uint64_t set = with & WITH_MOVES ? step / TRACE_PHASE : 0;

	if (with & WITH_LOOP)
		return step % TRACE_LOOP;
	return set * TRACE_WORKING_SET +
	       rng_below(&trace->rng, TRACE_WORKING_SET);
}

static void trace_pollute(struct trace *trace, unsigned with, unsigned step)
{
	bool is_scanning = step / TRACE_PHASE % 2 == 0;

	if ((with & WITH_READAHEAD) && step % TRACE_READ_EVERY == 0)
		trace_read_with_readahead(trace);
	if ((with & WITH_SCAN) && is_scanning)
		trace_scan(trace, with & WITH_ROWS ? TRACE_SCAN_USES : 1);
}

static void trace_step(struct trace *trace, unsigned with, unsigned step)
{
	bool is_hit = trace_access(trace, trace_page(trace, with, step), false);

	if (step >= TRACE_WARM_UP) {
		trace->nr_hits += is_hit;
		trace_pollute(trace, with, step - TRACE_WARM_UP);
	}
	trace->now_ns += TRACE_STEP_NS;
}

/* Hits of 1000 counted uses; -ENOMEM. */
static int trace_run(const char *policy, unsigned with, uint64_t seed)
{
	struct trace trace = {.rng = {seed}, .next_new = TRACE_NEW_PAGES};
	int err =
		mmsim_replacement_create(policy, TRACE_CAPACITY, &trace.cache);

	if (err < 0)
		return err;
	for (unsigned step = 0; step < TRACE_WARM_UP + TRACE_STEPS; step++)
		trace_step(&trace, with, step);
	mmsim_replacement_destroy(trace.cache);
	if (trace.err < 0)
		return trace.err;
	return (int)((trace.nr_hits * 1000 + TRACE_STEPS / 2) / TRACE_STEPS);
}

static int trace_show_row(struct outbuf *out, unsigned row, uint64_t seed)
{
	outbuf_printf(out, "%-22s", traces[row].name);
	for (size_t i = 0; i < ARRAY_SIZE(trace_policies); i++) {
		int tenths =
			trace_run(trace_policies[i], traces[row].with, seed);

		if (tenths < 0)
			return tenths;
		outbuf_printf(out, " %9d.%d", tenths / 10, tenths % 10);
	}
	outbuf_str(out, "\n");
	return 0;
}

PUBLIC ssize_t mmsim_replacement_table(uint64_t seed, char *buf, size_t len)
{
	struct outbuf out;

	if (!buf && len)
		return -EFAULT;
	outbuf_init(&out, buf, len, -1);
	outbuf_printf(&out, "%-22s", "hits, %");
	for (size_t i = 0; i < ARRAY_SIZE(trace_policies); i++)
		outbuf_printf(&out, " %11s", trace_policies[i]);
	outbuf_str(&out, "\n");
	for (unsigned row = 0; row < ARRAY_SIZE(traces); row++) {
		int err = trace_show_row(&out, row, seed);

		if (err < 0)
			return err;
	}
	return (ssize_t)out.total;
}
