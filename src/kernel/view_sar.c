/*
 * view_sar.c: paging and memory over virtual time: "sar" and "vmstat".
 *
 *   sar -B   paging and reclaim, events a second:
 *              pgpgin/s pgpgout/s    kB from and to disks, swap too
 *              fault/s majflt/s      all faults; those that waited for a disk
 *              pgfree/s              pages put on free lists
 *              pgscank/s pgscand/s   pages looked at by kswapd, by tasks
 *              pgsteal/s             pages that these freed
 *              %vmeff                pgsteal of pgscank + pgscand: near 100
 *                                    when the oldest pages could go at once; 0
 *                                    also when none was looked at
 *   sar -r   memory, kB: kbmemused is what is neither free nor in buffers,
 *            cache or slabs; %commit is promised memory of RAM and swap
 *   sar -S   swap space, kB; kbswpcad is in memory as well
 *   sar -W   pages swapped in and out, a second
 *   vmstat   memory and swap in kB, swap and disk in kB a second
 *
 * One line for each interval between two samples that mmsim_trace_start had
 * taken, and for sar the average.  Without samples the one line is that of the
 * time since boot.
 *
 * Simplified: in front of a line stands the time since boot in seconds, not the
 * time of day; vmstat has no columns of interrupts and CPU time.
 *
 * Sources: sar(1), vmstat(8).
 */
#include "kernel/trace.h"
#include "kernel/view.h"

#include <errno.h>
#include <string.h>

/* An interval, and the levels at its end (or their mean). */
struct sar_line {
	const struct mmsim_machine *machine;
	const struct trace_sample *from, *to;
	const uint64_t *levels;
};

static uint64_t sar_delta(const struct sar_line *line, enum trace_item item)
{
	return line->to->items[item] - line->from->items[item];
}

/* Counts a second, times `unit`, rounded. */
static uint64_t sar_rate(const struct sar_line *line, enum trace_item item,
			 uint64_t unit)
{
	uint64_t ns = line->to->time_ns - line->from->time_ns;
	unsigned __int128 total = sar_delta(line, item);

	total *= (unsigned __int128)unit * 1000000000;
	return ns ? (uint64_t)((total + ns / 2) / ns) : 0;
}

static void sar_show_hundredths(struct outbuf *out, uint64_t value)
{
	outbuf_printf(out, " %6lu.%02lu", (unsigned long)(value / 100),
		      (unsigned long)(value % 100));
}

static void sar_show_rate(struct outbuf *out, const struct sar_line *line,
			  enum trace_item item)
{
	sar_show_hundredths(out, sar_rate(line, item, 100));
}

static void sar_show_percent(struct outbuf *out, uint64_t part, uint64_t whole)
{
	sar_show_hundredths(out,
			    whole ? (part * 10000 + whole / 2) / whole : 0);
}

static void sar_show_kb(struct outbuf *out, uint64_t nr_pages)
{
	outbuf_printf(out, " %9lu", (unsigned long)pages_to_kb(nr_pages));
}

static void sar_paging(struct outbuf *out, const struct sar_line *line)
{
	static const enum trace_item items[] = {
		SAMPLE_PGPGIN,       SAMPLE_PGPGOUT, SAMPLE_FAULTS,
		SAMPLE_MAJOR_FAULTS, SAMPLE_FREED,   SAMPLE_SCAN_KSWAPD,
		SAMPLE_SCAN_DIRECT,  SAMPLE_STEAL,
	};

	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		sar_show_rate(out, line, items[i]);
	sar_show_percent(out, sar_delta(line, SAMPLE_STEAL),
			 sar_delta(line, SAMPLE_SCAN_KSWAPD) +
				 sar_delta(line, SAMPLE_SCAN_DIRECT));
}

static void sar_memory(struct outbuf *out, const struct sar_line *line)
{
	const struct mmsim_machine *machine = line->machine;
	const uint64_t *levels = line->levels;
	uint64_t total = machine->totalram_pages;
	uint64_t others = levels[SAMPLE_FREE] + levels[SAMPLE_BUFFERS] +
			  levels[SAMPLE_CACHED] + levels[SAMPLE_SLAB];
	uint64_t used = total - min_size(total, others);

	sar_show_kb(out, levels[SAMPLE_FREE]);
	sar_show_kb(out, levels[SAMPLE_AVAILABLE]);
	sar_show_kb(out, used);
	sar_show_percent(out, used, total);
	sar_show_kb(out, levels[SAMPLE_BUFFERS]);
	sar_show_kb(out, levels[SAMPLE_CACHED]);
	sar_show_kb(out, levels[SAMPLE_COMMITTED]);
	sar_show_percent(out, levels[SAMPLE_COMMITTED],
			 total + machine->total_swap_pages);
	sar_show_kb(out, levels[SAMPLE_ACTIVE]);
	sar_show_kb(out, levels[SAMPLE_INACTIVE]);
	sar_show_kb(out, levels[SAMPLE_DIRTY]);
}

static void sar_swap_space(struct outbuf *out, const struct sar_line *line)
{
	uint64_t total = line->machine->total_swap_pages;
	uint64_t free = line->levels[SAMPLE_SWAP_FREE];
	uint64_t used = total - min_size(total, free);

	sar_show_kb(out, free);
	sar_show_kb(out, used);
	sar_show_percent(out, used, total);
	sar_show_kb(out, line->levels[SAMPLE_SWAP_CACHED]);
	sar_show_percent(out, line->levels[SAMPLE_SWAP_CACHED], used);
}

static void sar_swapping(struct outbuf *out, const struct sar_line *line)
{
	sar_show_rate(out, line, SAMPLE_SWAP_IN);
	sar_show_rate(out, line, SAMPLE_SWAP_OUT);
}

static const struct sar_report {
	const char *option;
	const char *columns;
	void (*show)(struct outbuf *out, const struct sar_line *line);
} sar_reports[] = {
	{"-B",
	 "  pgpgin/s pgpgout/s   fault/s  majflt/s  pgfree/s pgscank/s"
	 " pgscand/s pgsteal/s    %vmeff",
	 sar_paging},
	{"-r",
	 " kbmemfree   kbavail kbmemused  %memused kbbuffers  kbcached"
	 "  kbcommit   %commit  kbactive   kbinact   kbdirty",
	 sar_memory},
	{"-S", " kbswpfree kbswpused  %swpused  kbswpcad   %swpcad",
	 sar_swap_space},
	{"-W", "  pswpin/s pswpout/s", sar_swapping},
};

/* --- intervals ----------------------------------------------------------- */

/* Sample `i` of those that are kept, the oldest first. */
static const struct trace_sample *sar_sample(const struct trace *trace,
					     uint64_t i)
{
	uint64_t first = trace->nr_samples > TRACE_SAMPLES
				 ? trace->nr_samples - TRACE_SAMPLES
				 : 0;

	return &trace->samples[(first + i) % TRACE_SAMPLES];
}

/* Intervals; 0: there are no samples. */
static uint64_t sar_nr_intervals(const struct mmsim_machine *machine)
{
	const struct trace *trace = machine->trace;

	if (!trace || trace->nr_samples < 2)
		return 0;
	return min_size(trace->nr_samples, TRACE_SAMPLES) - 1;
}

/* The time since boot as one interval. */
static void sar_since_boot(struct trace_sample *from, struct trace_sample *to,
			   const struct mmsim_machine *machine)
{
	trace_sample_at_boot(from);
	trace_sample_now(machine, to);
}

static void sar_show_time(struct outbuf *out, uint64_t ns)
{
	uint64_t us = ns / 1000;

	outbuf_printf(out, "%4lu.%06lu", (unsigned long)(us / 1000000),
		      (unsigned long)(us % 1000000));
}

static void sar_show_line(struct outbuf *out, const struct sar_report *report,
			  struct sar_line line)
{
	report->show(out, &line);
	outbuf_str(out, "\n");
}

/* Over all intervals: rates of the whole time, means of the levels. */
static void sar_show_average(struct outbuf *out,
			     const struct sar_report *report,
			     const struct mmsim_machine *machine, uint64_t nr)
{
	const struct trace *trace = machine->trace;
	uint64_t means[NR_SAMPLE_ITEMS] = {0};

	for (uint64_t i = 1; i <= nr; i++)
		for (int item = 0; item < NR_SAMPLE_ITEMS; item++)
			means[item] += sar_sample(trace, i)->items[item];
	for (int item = 0; item < NR_SAMPLE_ITEMS; item++)
		means[item] /= nr;
	outbuf_str(out, "Average:   ");
	sar_show_line(out, report,
		      (struct sar_line){machine, sar_sample(trace, 0),
					sar_sample(trace, nr), means});
}

static void sar_show_since_boot(struct outbuf *out,
				const struct sar_report *report,
				const struct mmsim_machine *machine)
{
	struct trace_sample boot, now;

	sar_since_boot(&boot, &now, machine);
	outbuf_str(out, "Average:   ");
	sar_show_line(out, report,
		      (struct sar_line){machine, &boot, &now, now.items});
}

int view_sar(struct mmsim_machine *machine, struct outbuf *out,
	     const char *args)
{
	uint64_t nr = sar_nr_intervals(machine);
	const struct sar_report *report = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(sar_reports); i++)
		if (strcmp(args, sar_reports[i].option) == 0)
			report = &sar_reports[i];
	if (!report)
		return -EINVAL;
	outbuf_printf(out, "%11s%s\n", "", report->columns);
	for (uint64_t i = 0; i < nr; i++) {
		const struct trace_sample *to =
			sar_sample(machine->trace, i + 1);

		sar_show_time(out, to->time_ns);
		sar_show_line(out, report,
			      (struct sar_line){machine,
						sar_sample(machine->trace, i),
						to, to->items});
	}
	if (nr > 0)
		sar_show_average(out, report, machine, nr);
	else
		sar_show_since_boot(out, report, machine);
	return 0;
}

/* --- vmstat -------------------------------------------------------------- */

static void vmstat_show_line(struct outbuf *out, struct sar_line line)
{
	const uint64_t *levels = line.levels;
	uint64_t swapped =
		line.machine->total_swap_pages - levels[SAMPLE_SWAP_FREE];
	uint64_t cache =
		levels[SAMPLE_CACHED] + levels[SAMPLE_SLAB_RECLAIMABLE];

	/* tasks: nobody runs or waits when a sample is taken */
	outbuf_printf(out, "%2u %2u %6lu %6lu %6lu %6lu", 0u, 0u,
		      (unsigned long)pages_to_kb(swapped),
		      (unsigned long)pages_to_kb(levels[SAMPLE_FREE]),
		      (unsigned long)pages_to_kb(levels[SAMPLE_BUFFERS]),
		      (unsigned long)pages_to_kb(cache));
	outbuf_printf(
		out, " %4lu %4lu %5lu %5lu\n",
		(unsigned long)sar_rate(&line, SAMPLE_SWAP_IN, PAGE_SIZE / KIB),
		(unsigned long)sar_rate(&line, SAMPLE_SWAP_OUT,
					PAGE_SIZE / KIB),
		(unsigned long)sar_rate(&line, SAMPLE_PGPGIN, 1),
		(unsigned long)sar_rate(&line, SAMPLE_PGPGOUT, 1));
}

int view_vmstat(struct mmsim_machine *machine, struct outbuf *out,
		const char *args)
{
	uint64_t nr = sar_nr_intervals(machine);
	struct trace_sample boot, now;

	if (*args)
		return -EINVAL;
	outbuf_str(out,
		   "procs -----------memory---------- ---swap-- -----io----\n"
		   " r  b   swpd   free   buff  cache   si   so    bi    bo\n");
	if (nr == 0) {
		sar_since_boot(&boot, &now, machine);
		vmstat_show_line(out, (struct sar_line){machine, &boot, &now,
							now.items});
	}
	for (uint64_t i = 0; i < nr; i++) {
		const struct trace_sample *to =
			sar_sample(machine->trace, i + 1);

		vmstat_show_line(
			out, (struct sar_line){machine,
					       sar_sample(machine->trace, i),
					       to, to->items});
	}
	return 0;
}
