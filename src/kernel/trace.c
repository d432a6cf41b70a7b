/*
 * trace.c: events over virtual time, with the watermarks.
 *
 *     time_ns event where free min low high anon file unevictable swap value
 *
 * A zone falls and rises through three levels; each change is an event:
 *
 *     free pages of the zone
 *       high ----+--------------------+--- "high", when it had fallen to low
 *                 \                  /
 *       low  ------+----------------+----- "low"
 *                   \              /
 *       min  --------+------------+------- "min"
 *
 * A zone that was at its min counts as low again only above low, so that free
 * pages that go up and down around a mark are one event.  Nobody looks at each
 * page that is taken: marks are compared when the allocator finds no zone above
 * its low mark, when reclaim begins and ends, and with every other event.
 *
 * Simplified: with several CPUs a thread's events carry its own time, which may
 * lie before that of the line above.
 *
 * Source: kernel documentation, trace/events-kmem and admin-guide/mm/concepts;
 * the kinds of events are those of Linux's own trace points of reclaim
 * (mm_vmscan_kswapd_wake, mm_vmscan_direct_reclaim_begin, oom's mark_victim).
 */
#include "kernel/trace.h"

#include "base/hostmem.h"
#include "base/outbuf.h"

#include <errno.h>

static const char trace_event_names[NR_TRACE_EVENTS][16] = {
	[TRACE_START] = "start",
	[TRACE_SAMPLE] = "sample",
	[TRACE_LOW] = "low",
	[TRACE_MIN] = "min",
	[TRACE_HIGH] = "high",
	[TRACE_KSWAPD_WAKE] = "kswapd-wake",
	[TRACE_KSWAPD_SLEEP] = "kswapd-sleep",
	[TRACE_DIRECT_BEGIN] = "direct-begin",
	[TRACE_DIRECT_END] = "direct-end",
	[TRACE_OOM_KILL] = "oom-kill",
	[TRACE_PANIC] = "panic",
};

/* --- writing ------------------------------------------------------------- */

/* Adds the pages of a zone, or of all zones of a node, or of all nodes. */
static void trace_add_zones(const struct mmsim_machine *machine,
			    struct trace_record *record)
{
	const struct pglist_data *node;
	unsigned i;

	for_each_node(machine, node, i) {
		if (record->node != MAX_NODES && record->node != i)
			continue;
		for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
			const struct zone *zone = &node->zones[type];

			if (record->zone != MAX_NR_ZONES &&
			    record->zone != type)
				continue;
			record->free += zone->stat[NR_FREE_PAGES];
			for (int mark = 0; mark < NR_WMARK; mark++)
				record->mark[mark] += zone->watermark[mark];
		}
	}
}

static void trace_write(struct mmsim_machine *machine, enum trace_event event,
			unsigned node, unsigned zone, uint64_t value)
{
	struct trace *trace = machine->trace;
	struct trace_record *record =
		&trace->records[trace->nr_records++ % TRACE_RECORDS];

	*record = (struct trace_record){
		.time_ns = clock_now(machine),
		.value = value,
		.event = (uint8_t)event,
		.node = (uint8_t)node,
		.zone = (uint8_t)zone,
		.anon = vmstat_node_total(machine, NR_INACTIVE_ANON) +
			vmstat_node_total(machine, NR_ACTIVE_ANON),
		.file = vmstat_node_total(machine, NR_INACTIVE_FILE) +
			vmstat_node_total(machine, NR_ACTIVE_FILE),
		.unevictable = vmstat_node_total(machine, NR_UNEVICTABLE),
		.swap_free = machine->nr_swap_pages,
	};
	trace_add_zones(machine, record);
}

/* The level at which the zone is now, coming from `old`. */
static enum trace_event trace_level(const struct zone *zone,
				    enum trace_event old)
{
	uint64_t free = zone->stat[NR_FREE_PAGES];

	if (free <= zone->watermark[WMARK_MIN])
		return TRACE_MIN;
	if (free <= zone->watermark[WMARK_LOW])
		return old == TRACE_MIN ? TRACE_MIN : TRACE_LOW;
	if (free <= zone->watermark[WMARK_HIGH])
		return old == TRACE_MIN ? TRACE_LOW : old;
	return TRACE_HIGH;
}

/* A rise from min to low is no event. */
static void trace_compare_marks(struct mmsim_machine *machine, bool is_told)
{
	struct trace *trace = machine->trace;
	const struct pglist_data *node;
	unsigned i;

	for_each_node(machine, node, i)
		for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
			enum trace_event old = trace->level[i][type];
			enum trace_event now =
				trace_level(&node->zones[type], old);

			if (now == old || node->zones[type].managed_pages == 0)
				continue;
			trace->level[i][type] = (uint8_t)now;
			if (is_told && !(old == TRACE_MIN && now == TRACE_LOW))
				trace_write(machine, now, i, type, 0);
		}
}

void trace_note_marks(struct mmsim_machine *machine)
{
	if (machine->trace->is_on)
		trace_compare_marks(machine, true);
}

void trace_note(struct mmsim_machine *machine, enum trace_event event,
		unsigned node, unsigned zone, uint64_t value)
{
	if (!machine->trace->is_on)
		return;
	trace_compare_marks(machine, true);
	trace_write(machine, event, node, zone, value);
}

void trace_note_request(const struct alloc_context *ac, enum trace_event event,
			uint64_t value)
{
	const struct zonelist *zonelist = alloc_zonelist(ac);
	unsigned node = ac->preferred_node;

	for (unsigned i = 0; i < zonelist->nr_refs; i++) {
		unsigned id = zonelist->refs[i].zone->node->id;

		if (zonelist->refs[i].type <= ac->highest &&
		    (!ac->nodemask || (ac->nodemask >> id & 1))) {
			node = id;
			break;
		}
	}
	trace_note(ac->machine, event, node, MAX_NR_ZONES, value);
}

/* --- on and off ---------------------------------------------------------- */

/* Every zone counts as high until it is compared. */
static void trace_reset(struct mmsim_machine *machine)
{
	struct trace *trace = machine->trace;

	for (unsigned i = 0; i < MAX_NODES; i++)
		for (unsigned type = 0; type < MAX_NR_ZONES; type++)
			trace->level[i][type] = TRACE_HIGH;
	trace->nr_records = 0;
	trace->nr_samples = 0;
	trace_compare_marks(machine, false);
}

PUBLIC int mmsim_trace_start(struct mmsim_machine *machine,
			     uint64_t interval_ns)
{
	int err = machine_check(machine);

	if (err)
		return err;
	if ((interval_ns > 0 && interval_ns < 1000) ||
	    interval_ns > CLOCK_END_NS)
		return -EINVAL;
	if (!machine->trace) {
		machine->trace = hostmem_map(sizeof(*machine->trace));
		if (!machine->trace)
			return -ENOMEM;
	}
	trace_sampler_stop(machine);
	trace_reset(machine);
	machine->trace->is_on = true;
	machine->trace->interval_ns = interval_ns;
	trace_note(machine, TRACE_START, MAX_NODES, MAX_NR_ZONES, interval_ns);
	if (interval_ns > 0)
		trace_sampler_start(machine);
	return 0;
}

PUBLIC int mmsim_trace_stop(struct mmsim_machine *machine)
{
	int err = machine_check(machine);

	if (err)
		return err;
	if (!machine->trace)
		return 0;
	trace_sampler_stop(machine);
	machine->trace->is_on = false;
	return 0;
}

void trace_fini(struct mmsim_machine *machine)
{
	if (!machine->trace)
		return;
	trace_sampler_stop(machine);
	hostmem_unmap(machine->trace, sizeof(*machine->trace));
	machine->trace = NULL;
}

/* --- reading ------------------------------------------------------------- */

/* "0:DMA32", "0" for a node, "-" for the machine. */
static void trace_show_where(struct outbuf *out,
			     const struct trace_record *record)
{
	char text[24];
	struct outbuf where;

	outbuf_init(&where, text, sizeof(text), -1);
	if (record->node == MAX_NODES)
		outbuf_str(&where, "-");
	else
		outbuf_uint(&where, record->node);
	if (record->zone != MAX_NR_ZONES)
		outbuf_printf(&where, ":%s", zone_names[record->zone]);
	outbuf_printf(out, " %-10s", text);
}

static void trace_show(struct outbuf *out, const struct trace_record *record)
{
	outbuf_printf(out, "%15lu %-12s", (unsigned long)record->time_ns,
		      trace_event_names[record->event]);
	trace_show_where(out, record);
	outbuf_printf(out, " %9lu %7lu %7lu %7lu", (unsigned long)record->free,
		      (unsigned long)record->mark[WMARK_MIN],
		      (unsigned long)record->mark[WMARK_LOW],
		      (unsigned long)record->mark[WMARK_HIGH]);
	outbuf_printf(out, " %9lu %9lu %11lu %9lu %9lu\n",
		      (unsigned long)record->anon, (unsigned long)record->file,
		      (unsigned long)record->unevictable,
		      (unsigned long)record->swap_free,
		      (unsigned long)record->value);
}

PUBLIC ssize_t mmsim_trace_read(struct mmsim_machine *machine, char *buf,
				size_t len)
{
	const struct trace *trace;
	struct outbuf out;
	uint64_t at = 0;

	if (!machine)
		return -EINVAL;
	if (!buf && len)
		return -EFAULT;
	outbuf_init(&out, buf, len, -1);
	outbuf_printf(&out, "%15s %-12s %-10s %9s %7s %7s %7s", "time_ns",
		      "event", "where", "free", "min", "low", "high");
	outbuf_printf(&out, " %9s %9s %11s %9s %9s\n", "anon", "file",
		      "unevictable", "swap_free", "value");
	trace = machine->trace;
	if (!trace)
		return (ssize_t)out.total;
	if (trace->nr_records > TRACE_RECORDS) {
		at = trace->nr_records - TRACE_RECORDS;
		outbuf_printf(&out, "# lost: %lu\n", (unsigned long)at);
	}
	for (; at < trace->nr_records; at++)
		trace_show(&out, &trace->records[at % TRACE_RECORDS]);
	return (ssize_t)out.total;
}
