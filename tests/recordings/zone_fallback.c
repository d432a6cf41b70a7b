/*
 * Zone fallback against the recordings: one task writes anonymous memory, and
 * the zones are drained one after the other, each down to its low mark and the
 * protection against such requests.
 *
 * The recorded machine had started its task before the first row, while here
 * the task takes its stack and records behind it: they are added to the zone
 * that is being drained.  On the recorded machine pages waited on the per-CPU
 * lists; those of them that were of the right type were used first, so that a
 * zone could have that many pages more than here.  And pages leave a zone for
 * the per-CPU lists a batch at a time, for the task's own pages and for page
 * tables: while a zone is being drained its free pages may differ by a few
 * batches.  A drained zone, and one that is not used, stands where the recorded
 * one stands, to a batch.
 */
#include "unit.h"
#include "zones.h"

TestSuite(zone_fallback);

enum { ZONES = 3, BATCHES = 4 };

static const char *const zone_names[ZONES] = {"DMA", "DMA32", "Normal"};

struct trace {
	struct mmsim_machine *m;
	struct mmsim_task *task;
	uintptr_t addr;
	size_t done;        /* bytes written */
	long own;           /* pages that the task itself took */
	long lists[ZONES];  /* that waited on the per-CPU lists */
	long before[ZONES]; /* recorded free pages of the row before */
};

static long free_pages(struct mmsim_machine *m)
{
	return sim_meminfo(m, "MemFree") * 1024 / SIM_PAGE;
}

static void write_up_to(struct trace *trace, size_t bytes)
{
	if (!trace->task && bytes > 0) {
		trace->own = free_pages(trace->m);
		sim_write(trace->m, "/proc/sys/vm/overcommit_memory", "1");
		trace->task = sim_spawn(trace->m);
		trace->addr = sim_mmap(trace->task, (size_t)8 << 30);
		trace->own -= free_pages(trace->m);
	}
	if (bytes > trace->done)
		sim_touch(trace->task, trace->addr + trace->done,
			  bytes - trace->done);
	trace->done = bytes;
}

/* Free pages of the row's zones, the highest first. */
static void check_row(const struct table *table, struct trace *trace)
{
	long waited = 0, batch = 0;

	for (int i = table->nr_words - 3; i >= 0; i--) {
		const char *zone = zone_names[i];
		long got = zones_read(trace->m, 0, zone, "pages free");
		long want = table_number(table, 2 + i);
		long zone_batch = zones_read(trace->m, 0, zone, "batch:");

		if (zone_batch > batch)
			batch = zone_batch;
		waited += trace->lists[i];
		if (trace->done == 0)
			table_expect(table, zone, got, want, 0);
		else if (want == trace->before[i])
			table_expect(table, zone, got, want, zone_batch);
		else
			table_expect(table, zone, got + trace->own + waited / 2,
				     want, waited / 2 + BATCHES * batch);
		trace->before[i] = want;
	}
}

static void check_trace(const char *name)
{
	struct table table = table_open(name);
	struct trace trace = {0};

	while (table_next(&table)) {
		if (table_is(&table, "machine")) {
			trace.m = table_boot(&table);
		} else if (table_is(&table, "lists")) {
			for (int i = 1; i < table.nr_words; i++)
				trace.lists[i - 1] = table_number(&table, i);
		} else {
			write_up_to(&trace, (size_t)table_number(&table, 1)
						    << 20);
			check_row(&table, &trace);
		}
	}
	table_close(&table);
	sim_shutdown(trace.m);
}

Test(zone_fallback, trace_256M)
{
	check_trace("zone-fallback-256M");
}

Test(zone_fallback, trace_4096M)
{
	check_trace("zone-fallback-4096M");
}
