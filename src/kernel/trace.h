/*
 * trace.h: what happened to memory, over virtual time.
 *
 * Two rings, each of fixed size, which lose their oldest entries:
 *
 *   records   events (kswapd woken, a zone fell to its low mark, a task was
 *             killed) with the free pages and marks of the zone or node where
 *             they happened, and the machine's lists and swap    (trace.c)
 *   samples   the counters at every interval (trace_sample.c)
 *
 * mmsim_trace_read shows the records; the views "sar" and "vmstat" show what
 * lies between samples.  Nothing of it is made before mmsim_trace_start, and
 * then the places below cost one look at a pointer; they are places where
 * memory is short.
 */
#ifndef KERNEL_TRACE_H
#define KERNEL_TRACE_H

#include "kernel/kthread.h"
#include "kernel/machine.h"
#include "kernel/page_alloc.h"

enum {
	TRACE_RECORDS = 1 << 14, /* 1.4 MB */
	TRACE_SAMPLES = 1 << 12, /* 0.8 MB */
};

/* What stands behind them is the record's value. */
enum trace_event {
	TRACE_START,
	TRACE_SAMPLE,
	TRACE_LOW,         /* free pages of a zone are not above low any more */
	TRACE_MIN,         /* not above min */
	TRACE_HIGH,        /* above high again */
	TRACE_KSWAPD_WAKE, /* of a node; order */
	TRACE_KSWAPD_SLEEP, /* pages that it reclaimed since it woke */
	TRACE_DIRECT_BEGIN, /* of the first node that may serve; order */
	TRACE_DIRECT_END,   /* pages that were reclaimed */
	TRACE_OOM_KILL,     /* pid */
	TRACE_PANIC,
	NR_TRACE_EVENTS,
};

struct trace_record {
	uint64_t time_ns;
	uint64_t value;
	uint8_t event;      /* enum trace_event */
	uint8_t node, zone; /* MAX_NODES, MAX_NR_ZONES: all of them */
	uint64_t free, mark[NR_WMARK]; /* pages: of these */
	uint64_t anon, file;           /* on LRU lists of the machine */
	uint64_t unevictable;
	uint64_t swap_free;
};

/* Counters, and levels in pages. */
enum trace_item {
	SAMPLE_PGPGIN, /* kB */
	SAMPLE_PGPGOUT,
	SAMPLE_FAULTS,
	SAMPLE_MAJOR_FAULTS,
	SAMPLE_FREED,
	SAMPLE_SCAN_KSWAPD,
	SAMPLE_SCAN_DIRECT,
	SAMPLE_STEAL,
	SAMPLE_SWAP_IN,
	SAMPLE_SWAP_OUT,
	SAMPLE_FREE,
	SAMPLE_AVAILABLE,
	SAMPLE_BUFFERS,
	SAMPLE_CACHED,
	SAMPLE_SLAB,
	SAMPLE_SLAB_RECLAIMABLE,
	SAMPLE_COMMITTED,
	SAMPLE_ACTIVE,
	SAMPLE_INACTIVE,
	SAMPLE_DIRTY,
	SAMPLE_SWAP_FREE,
	SAMPLE_SWAP_CACHED,
	NR_SAMPLE_ITEMS,
};

struct trace_sample {
	uint64_t time_ns;
	uint64_t items[NR_SAMPLE_ITEMS];
};

struct trace {
	bool is_on;
	uint64_t interval_ns; /* between samples; 0: none are taken */
	struct kthread sampler;
	/* how far each zone has fallen: TRACE_HIGH, TRACE_LOW or TRACE_MIN */
	uint8_t level[MAX_NODES][MAX_NR_ZONES];
	uint64_t nr_records,
		nr_samples; /* ever; the rings hold the last ones */
	struct trace_record records[TRACE_RECORDS];
	struct trace_sample samples[TRACE_SAMPLES];
};

void trace_fini(struct mmsim_machine *machine);

/* An event of a zone, or (MAX_NR_ZONES) a node, or (MAX_NODES, too) of the
 * machine; behind the marks that were crossed before it. */
void trace_note(struct mmsim_machine *machine, enum trace_event event,
		unsigned node, unsigned zone, uint64_t value);
/* Of the first node that the request may use. */
void trace_note_request(const struct alloc_context *ac, enum trace_event event,
			uint64_t value);
/* The marks alone: for the places where memory becomes short or free. */
void trace_note_marks(struct mmsim_machine *machine);

static inline void trace_node(struct mmsim_machine *machine,
			      enum trace_event event, unsigned node,
			      uint64_t value)
{
	if (UNLIKELY(machine->trace))
		trace_note(machine, event, node, MAX_NR_ZONES, value);
}

static inline void trace_request(const struct alloc_context *ac,
				 enum trace_event event, uint64_t value)
{
	if (UNLIKELY(ac->machine->trace))
		trace_note_request(ac, event, value);
}

static inline void trace_machine(struct mmsim_machine *machine,
				 enum trace_event event, uint64_t value)
{
	if (UNLIKELY(machine->trace))
		trace_note(machine, event, MAX_NODES, MAX_NR_ZONES, value);
}

static inline void trace_marks(struct mmsim_machine *machine)
{
	if (UNLIKELY(machine->trace))
		trace_note_marks(machine);
}

/* trace_sample.c: the counters now, or as they were at boot. */
void trace_sample_now(const struct mmsim_machine *machine,
		      struct trace_sample *sample);
void trace_sample_at_boot(struct trace_sample *sample);
/* Starts and stops the sampler. */
void trace_sampler_start(struct mmsim_machine *machine);
void trace_sampler_stop(struct mmsim_machine *machine);

#endif
