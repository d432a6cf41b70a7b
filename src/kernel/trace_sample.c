/*
 * trace_sample.c: the counters at every interval of virtual time.
 *
 *     start        interval        interval        interval
 *       |-------------|---------------|---------------|
 *     sample        sample          sample          sample
 *
 * The sampler is a kernel thread that costs no time.  It is called where kernel
 * threads are; a long call in which memory is not short passes over the
 * intervals in its middle.  So a sample carries the time at which it was really
 * taken, and the next is due at the next whole interval.
 *
 * Each sample also leaves a record of the whole machine's free pages in the
 * trace.
 */
#include "kernel/proc/proc.h"
#include "kernel/trace.h"

/* Events by who reclaimed, all together. */
static uint64_t trace_stolen(const struct mmsim_machine *machine)
{
	const uint64_t *events = machine->vm_events;

	return events[PGSTEAL_KSWAPD] + events[PGSTEAL_DIRECT] +
	       events[PGSTEAL_KHUGEPAGED] + events[PGSTEAL_PROACTIVE];
}

static void trace_sample_events(const struct mmsim_machine *machine,
				uint64_t *items)
{
	static const struct {
		enum trace_item item;
		enum vm_event_item event;
	} rows[] = {
		{SAMPLE_PGPGIN, PGPGIN},
		{SAMPLE_PGPGOUT, PGPGOUT},
		{SAMPLE_FAULTS, PGFAULT},
		{SAMPLE_MAJOR_FAULTS, PGMAJFAULT},
		{SAMPLE_FREED, PGFREE},
		{SAMPLE_SCAN_KSWAPD, PGSCAN_KSWAPD},
		{SAMPLE_SCAN_DIRECT, PGSCAN_DIRECT},
		{SAMPLE_SWAP_IN, PSWPIN},
		{SAMPLE_SWAP_OUT, PSWPOUT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		items[rows[i].item] = machine->vm_events[rows[i].event];
	items[SAMPLE_STEAL] = trace_stolen(machine);
}

static void trace_sample_levels(const struct mmsim_machine *machine,
				uint64_t *items)
{
	struct meminfo info;

	meminfo_collect(machine, &info);
	items[SAMPLE_FREE] = info.free * KIB / PAGE_SIZE;
	items[SAMPLE_AVAILABLE] = info.available * KIB / PAGE_SIZE;
	items[SAMPLE_BUFFERS] = info.buffers * KIB / PAGE_SIZE;
	items[SAMPLE_CACHED] = info.cached * KIB / PAGE_SIZE;
	items[SAMPLE_SLAB_RECLAIMABLE] =
		vmstat_node_total(machine, NR_SLAB_RECLAIMABLE);
	items[SAMPLE_SLAB] = items[SAMPLE_SLAB_RECLAIMABLE] +
			     vmstat_node_total(machine, NR_SLAB_UNRECLAIMABLE);
	items[SAMPLE_COMMITTED] = machine->committed_as;
	items[SAMPLE_ACTIVE] = vmstat_node_total(machine, NR_ACTIVE_ANON) +
			       vmstat_node_total(machine, NR_ACTIVE_FILE);
	items[SAMPLE_INACTIVE] = vmstat_node_total(machine, NR_INACTIVE_ANON) +
				 vmstat_node_total(machine, NR_INACTIVE_FILE);
	items[SAMPLE_DIRTY] = vmstat_node_total(machine, NR_FILE_DIRTY);
	items[SAMPLE_SWAP_FREE] = machine->nr_swap_pages;
	items[SAMPLE_SWAP_CACHED] = vmstat_node_total(machine, NR_SWAPCACHE);
}

void trace_sample_now(const struct mmsim_machine *machine,
		      struct trace_sample *sample)
{
	*sample = (struct trace_sample){.time_ns = machine->clock_ns};
	trace_sample_events(machine, sample->items);
	trace_sample_levels(machine, sample->items);
}

void trace_sample_at_boot(struct trace_sample *sample)
{
	*sample = (struct trace_sample){0};
}

static void trace_sample_take(struct mmsim_machine *machine)
{
	struct trace *trace = machine->trace;

	trace_sample_now(machine,
			 &trace->samples[trace->nr_samples++ % TRACE_SAMPLES]);
}

static uint64_t trace_sampler_step(struct kthread *thread)
{
	struct mmsim_machine *machine = thread->machine;
	struct trace *trace = machine->trace;

	trace_sample_take(machine);
	trace_note(machine, TRACE_SAMPLE, MAX_NODES, MAX_NR_ZONES,
		   trace->nr_samples - 1);
	return machine->clock_ns + trace->interval_ns -
	       machine->clock_ns % trace->interval_ns;
}

void trace_sampler_start(struct mmsim_machine *machine)
{
	struct trace *trace = machine->trace;

	kthread_init(machine, &trace->sampler, "sampler", trace_sampler_step,
		     NULL);
	trace_sample_take(machine);
	kthread_wake_at(&trace->sampler,
			machine->clock_ns + trace->interval_ns -
				machine->clock_ns % trace->interval_ns);
}

void trace_sampler_stop(struct mmsim_machine *machine)
{
	struct trace *trace = machine->trace;

	if (!trace->is_on || trace->interval_ns == 0)
		return;
	kthread_fini(&trace->sampler);
	trace->interval_ns = 0;
}
