/*
 * trace.c: events and samples over virtual time, and the views of them.
 */
#include "sim.h"

#include "kernel/machine.h"
#include "kernel/mempolicy.h"
#include "kernel/page_alloc.h"
#include "kernel/trace.h"

#define MS ((uint64_t)1000000)

static char *trace_text(struct mmsim_machine *m)
{
	ssize_t len = mmsim_trace_read(m, NULL, 0);
	char *text;

	cr_assert_gt(len, 0);
	text = malloc((size_t)len + 1);
	cr_assert_eq(mmsim_trace_read(m, text, (size_t)len + 1), len);
	cr_assert_eq(strlen(text), (size_t)len);
	return text;
}

static char *view_text(struct mmsim_machine *m, const char *view)
{
	ssize_t len = mmsim_view(m, view, NULL, 0);
	char *text;

	cr_assert_geq(len, 0, "%s: %zd", view, len);
	text = malloc((size_t)len + 1);
	cr_assert_eq(mmsim_view(m, view, text, (size_t)len + 1), len);
	return text;
}

/* A line of the trace. */
struct event {
	unsigned long time_ns, free, min, low, high, anon, file, unevictable,
		swap, value;
	char name[16], where[16];
};

/* The line at *text, behind which *text then stands; false at the end. */
static bool next_event(const char **text, struct event *e)
{
	if (**text == '\0')
		return false;
	cr_assert_eq(sscanf(*text,
			    "%lu %15s %15s %lu %lu %lu %lu %lu %lu %lu %lu "
			    "%lu\n",
			    &e->time_ns, e->name, e->where, &e->free, &e->min,
			    &e->low, &e->high, &e->anon, &e->file,
			    &e->unevictable, &e->swap, &e->value),
		     12, "%s", *text);
	*text = strchr(*text, '\n') + 1;
	return true;
}

static const char *behind_head(const char *text)
{
	static const char head[] =
		"        time_ns event        where           free"
		"     min     low    high      anon      file"
		" unevictable swap_free     value\n";

	cr_assert(strncmp(text, head, strlen(head)) == 0, "%s", text);
	return text + strlen(head);
}

Test(trace, nothing_before_it_is_started)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	char *text = trace_text(m);

	cr_assert_str_eq(behind_head(text), "");
	cr_assert_eq(mmsim_trace_stop(m), 0);
	free(text);
	sim_shutdown(m);
}

Test(trace, start_and_samples)
{
	struct mmsim_machine *m = sim_boot("ram=64M,swap=16M");
	unsigned long start;
	struct event e;
	const char *at;
	char *text;

	mmsim_idle(m, 1500 * MS);
	start = mmsim_clock_ns(m);
	cr_assert_eq(mmsim_trace_start(m, 1000 * MS), 0);
	mmsim_idle(m, 3000 * MS);
	text = trace_text(m);
	at = behind_head(text);
	cr_assert(next_event(&at, &e));
	cr_assert_eq(e.time_ns, start);
	cr_assert_str_eq(e.name, "start");
	cr_assert_str_eq(e.where, "-");
	cr_assert_eq(e.value, 1000 * MS);
	cr_assert_eq(e.free, (unsigned long)sim_vmstat(m, "nr_free_pages"));
	cr_assert_eq(e.swap * 4, (unsigned long)sim_meminfo(m, "SwapFree"));
	cr_assert_leq(e.low, e.high);
	/* at whole intervals, also in the middle of an idle time */
	for (unsigned long i = 1; i <= 3; i++) {
		cr_assert(next_event(&at, &e));
		cr_assert_str_eq(e.name, "sample");
		cr_assert_eq(e.time_ns, (1 + i) * 1000 * MS);
		cr_assert_eq(e.value, i);
	}
	cr_assert_not(next_event(&at, &e));
	free(text);
	/* no more of them, but what there was can be read */
	cr_assert_eq(mmsim_trace_stop(m), 0);
	mmsim_idle(m, 5000 * MS);
	text = trace_text(m);
	cr_assert_not_null(strstr(text, "    4000000000 sample "));
	cr_assert_null(strstr(text, "    5000000000 sample "));
	free(text);
	/* again: from the beginning, without samples */
	cr_assert_eq(mmsim_trace_start(m, 0), 0);
	mmsim_idle(m, 5000 * MS);
	text = trace_text(m);
	at = behind_head(text);
	cr_assert(next_event(&at, &e));
	cr_assert_not(next_event(&at, &e));
	free(text);
	sim_shutdown(m);
}

/* Takes single pages from one zone until its free pages are `free`. */
static void take_until(struct zone *zone, uint64_t free,
		       struct list_head *taken)
{
	while (zone->stat[NR_FREE_PAGES] > free) {
		struct page *page = buddy_alloc(zone, 0, MIGRATE_MOVABLE);

		cr_assert_not_null(page);
		list_init(&page->lru);
		list_add(&page->lru, taken);
	}
}

static void give_until(struct zone *zone, uint64_t free,
		       struct list_head *taken)
{
	while (zone->stat[NR_FREE_PAGES] < free) {
		struct page *page = list_first(taken, struct page, lru);

		list_del(&page->lru);
		buddy_free(zone, page, 0, MIGRATE_MOVABLE);
	}
}

static void expect_event(const char **at, const char *name, uint64_t free)
{
	struct event e;

	cr_assert(next_event(at, &e), "%s is missing", name);
	cr_assert_str_eq(e.name, name);
	cr_assert_str_eq(e.where, "0:DMA32");
	cr_assert_eq(e.free, free, "%lu", e.free);
}

/* Each mark once, from whichever side. */
Test(trace, marks)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct zone *zone = &m->nodes[0]->zones[ZONE_DMA32];
	uint64_t min = zone->watermark[WMARK_MIN];
	uint64_t low = zone->watermark[WMARK_LOW];
	uint64_t high = zone->watermark[WMARK_HIGH];
	const uint64_t way[] = {high + 1, high, low + 1, low,  low - 1, high,
				low,      min,  min - 1, low,  min,     low + 1,
				min,      high, min,     high, high + 1};
	uint64_t before = zone->stat[NR_FREE_PAGES];
	struct list_head taken;
	const char *at;
	struct event e;
	char *text;

	list_init(&taken);
	cr_assert_eq(mmsim_trace_start(m, 0), 0);
	for (size_t i = 0; i < sizeof(way) / sizeof(way[0]); i++) {
		take_until(zone, way[i], &taken);
		give_until(zone, way[i], &taken);
		trace_marks(m);
		trace_marks(m);
	}
	text = trace_text(m);
	at = behind_head(text);
	cr_assert(next_event(&at, &e));
	expect_event(&at, "low", low);
	expect_event(&at, "min", min);
	/* up to low is still at min; above it, a fall to min is a new one */
	expect_event(&at, "min", min);
	expect_event(&at, "min", min);
	expect_event(&at, "high", high + 1);
	cr_assert_not(next_event(&at, &e));
	give_until(zone, before, &taken);
	free(text);
	sim_shutdown(m);
}

/* The oldest are lost, and how many is told. */
Test(trace, the_ring_is_bounded)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	unsigned lines = 0;
	char *text;

	cr_assert_eq(mmsim_trace_start(m, 1 * MS), 0);
	mmsim_idle(m, 20000 * MS);
	text = trace_text(m);
	cr_assert_not_null(strstr(text, "\n# lost: 3617\n"));
	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	cr_assert_eq(lines, TRACE_RECORDS + 2);
	free(text);
	text = view_text(m, "sar -B");
	lines = 0;
	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	cr_assert_eq(lines, TRACE_SAMPLES - 1 + 2);
	free(text);
	sim_shutdown(m);
}

Test(trace, a_panic_is_the_last_event)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	char *text;

	cr_assert_eq(mmsim_trace_start(m, 1000 * MS), 0);
	machine_panic(m, "test");
	cr_assert_eq(mmsim_trace_start(m, 0), -EIO);
	cr_assert_eq(mmsim_trace_stop(m), -EIO);
	text = trace_text(m);
	cr_assert_not_null(strstr(text, " panic "));
	free(text);
	mmsim_machine_shutdown(m);
}

/* Only the node that is short of memory wakes its kswapd. */
Test(trace, each_node_has_its_own)
{
	struct mmsim_machine *m = sim_boot(
		"ram=128M,nodes=2,cpus=2,swap=64M,vm.overcommit_memory=1");
	struct mmsim_task *task = sim_spawn(m);
	unsigned nr_wakes = 0;
	struct event e;
	const char *at;
	char *text;

	cr_assert_eq(mmsim_trace_start(m, 0), 0);
	cr_assert_eq(mmsim_set_mempolicy(task, MPOL_BIND, 1 << 1), 0);
	sim_touch(task, sim_mmap(task, 80 << 20), 80 << 20);
	text = trace_text(m);
	at = behind_head(text);
	while (next_event(&at, &e)) {
		cr_assert_neq(e.where[0], '0', "%s", e.name);
		if (strcmp(e.name, "kswapd-wake") == 0)
			nr_wakes++;
	}
	cr_assert_gt(nr_wakes, 0);
	free(text);
	sim_shutdown(m);
}

Test(trace, bad_input)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	char cut[10];

	cr_assert_eq(mmsim_trace_start(NULL, 0), -EINVAL);
	cr_assert_eq(mmsim_trace_stop(NULL), -EINVAL);
	cr_assert_eq(mmsim_trace_read(NULL, NULL, 0), -EINVAL);
	cr_assert_eq(mmsim_trace_read(m, NULL, 5), -EFAULT);
	cr_assert_eq(mmsim_trace_start(m, 999), -EINVAL);
	cr_assert_eq(mmsim_trace_start(m, (uint64_t)INT64_MAX + 1), -EINVAL);
	cr_assert_eq(mmsim_trace_start(m, INT64_MAX), 0);
	cr_assert_gt(mmsim_trace_read(m, cut, sizeof(cut)), 100);
	cr_assert_str_eq(cut, "        t");
	sim_shutdown(m);
}

/* --- sar and vmstat
 * ------------------------------------------------------------- */

/* Numbers of the line that begins with `name`. */
static int numbers(const char *text, const char *name, double *v, int max)
{
	const char *p = strstr(text, name);
	int n = 0;

	cr_assert_not_null(p, "%s: %s", name, text);
	p += strlen(name);
	while (n < max && *p != '\n') {
		char *end;

		v[n] = strtod(p, &end);
		if (end == p)
			break;
		n++;
		p = end;
	}
	return n;
}

static double delta_rate(struct mmsim_machine *m, const char *name, long before,
			 double seconds)
{
	return (double)(sim_vmstat(m, name) - before) / seconds;
}

Test(trace, sar_paging)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t a = sim_mmap(task, 4 << 20);
	static const char head[] =
		"             pgpgin/s pgpgout/s   fault/s  majflt/s  pgfree/s"
		" pgscank/s pgscand/s pgsteal/s    %vmeff\n";
	long faults, freed;
	double v[9];
	char *text;

	mmsim_idle(m, 2000 * MS - mmsim_clock_ns(m));
	cr_assert_eq(mmsim_trace_start(m, 500 * MS), 0);
	faults = sim_vmstat(m, "pgfault");
	freed = sim_vmstat(m, "pgfree");
	sim_touch(task, a, 4 << 20);
	mmsim_munmap(task, a, 4 << 20);
	mmsim_idle(m, 1000 * MS - mmsim_clock_ns(m) % (500 * MS));
	text = view_text(m, "sar -B");
	cr_assert(strncmp(text, head, strlen(head)) == 0, "%s", text);
	cr_assert_eq(numbers(text, "\n   2.500000", v, 9), 9);
	cr_assert_float_eq(v[2], delta_rate(m, "pgfault", faults, 0.5), 0.006);
	cr_assert_float_eq(v[4], delta_rate(m, "pgfree", freed, 0.5), 0.006);
	cr_assert_geq(v[2], 2048);
	cr_assert(v[0] == 0 && v[1] == 0 && v[3] == 0 && v[5] == 0 &&
			  v[6] == 0 && v[7] == 0 && v[8] == 0,
		  "%s", text);
	cr_assert_eq(numbers(text, "\n   3.000000", v, 9), 9);
	cr_assert_eq(v[2], 0);
	cr_assert_eq(numbers(text, "\nAverage:   ", v, 9), 9);
	cr_assert_float_eq(v[2], delta_rate(m, "pgfault", faults, 1), 0.006);
	free(text);
	sim_shutdown(m);
}

/* Of 200 pages that were looked at half went. */
Test(trace, sar_efficiency)
{
	struct mmsim_machine *m = sim_boot("ram=64M,swap=16M");
	double v[10];
	char *text;

	mmsim_idle(m, 4000 * MS);
	m->vm_events[PGSCAN_KSWAPD] = 150;
	m->vm_events[PGSCAN_DIRECT] = 50;
	m->vm_events[PGSTEAL_KSWAPD] = 80;
	m->vm_events[PGSTEAL_DIRECT] = 20;
	m->vm_events[PSWPIN] = 8;
	m->vm_events[PSWPOUT] = 10;
	m->vm_events[PGPGIN] = 32;
	m->vm_events[PGPGOUT] = 41;
	m->vm_events[PGMAJFAULT] = 4;
	text = view_text(m, "sar -B");
	cr_assert_eq(numbers(text, "\nAverage:   ", v, 9), 9);
	cr_assert(v[0] == 8 && v[1] == 10.25 && v[3] == 1 && v[5] == 37.5 &&
			  v[6] == 12.5 && v[7] == 25 && v[8] == 50,
		  "%s", text);
	free(text);
	text = view_text(m, "sar -W");
	cr_assert_str_eq(text, "             pswpin/s pswpout/s\n"
			       "Average:         2.00      2.50\n");
	free(text);
	text = view_text(m, "vmstat");
	cr_assert_eq(numbers(text, "bi    bo\n", v, 10), 10);
	cr_assert(v[0] == 0 && v[1] == 0 && v[2] == 0, "%s", text);
	cr_assert_eq(v[3], sim_meminfo(m, "MemFree"));
	cr_assert_eq(v[5],
		     sim_meminfo(m, "Cached") + sim_meminfo(m, "SReclaimable"));
	cr_assert(v[6] == 8 && v[7] == 10 && v[8] == 8 && v[9] == 10, "%s",
		  text);
	free(text);
	sim_shutdown(m);
}

/* What was counted is in the intervals, all of it and nothing twice. */
Test(trace, sar_under_pressure)
{
	struct mmsim_machine *m =
		sim_boot("ram=64M,swap=64M,vm.overcommit_memory=1");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t a = sim_mmap(task, 100 << 20);
	double v[9], end, before, steal = 0, scan = 0;
	const char *line;
	char *text;

	before = (double)mmsim_clock_ns(m) / 1e9;
	cr_assert_eq(mmsim_trace_start(m, 10 * MS), 0);
	for (size_t at = 0; at < 100 << 20; at += 16 * SIM_PAGE)
		sim_touch(task, a + at, 16 * SIM_PAGE);
	mmsim_idle(m, 50 * MS);
	text = view_text(m, "sar -B");
	line = strchr(text, '\n') + 1;
	while (sscanf(line, "%lf %lf %lf %lf %lf %lf %lf %lf %lf %lf", &end,
		      &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7],
		      &v[8]) == 10) {
		double seconds = end - before;

		cr_assert_gt(seconds, 0);
		steal += v[7] * seconds;
		scan += (v[5] + v[6]) * seconds;
		cr_assert(v[8] >= 0 && v[8] <= 100, "%s", line);
		before = end;
		line = strchr(line, '\n') + 1;
	}
	/* times are shown in us, rates in hundredths */
	cr_assert_float_eq(steal,
			   (double)(sim_vmstat(m, "pgsteal_kswapd") +
				    sim_vmstat(m, "pgsteal_direct")),
			   steal / 1000);
	cr_assert_float_eq(scan,
			   (double)(sim_vmstat(m, "pgscan_kswapd") +
				    sim_vmstat(m, "pgscan_direct")),
			   scan / 1000);
	cr_assert_gt(steal, 9000);
	free(text);
	sim_shutdown(m);
}

Test(trace, sar_memory)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M ",swap=64M");
	struct mmsim_task *task = sim_spawn(m);
	intptr_t s = mmsim_mmap(task, 0, 64 << 20, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, NULL, 0);
	double v[11], total = (double)sim_meminfo(m, "MemTotal");
	long used;
	char *text;

	sim_touch(task, (uintptr_t)s, 64 << 20);
	used = sim_meminfo(m, "MemTotal") - sim_meminfo(m, "MemFree") -
	       sim_meminfo(m, "Buffers") - sim_meminfo(m, "Cached") -
	       sim_meminfo(m, "Slab");
	text = view_text(m, "sar -r");
	cr_assert_eq(numbers(text, "\nAverage:   ", v, 11), 11);
	cr_assert_eq(v[0], sim_meminfo(m, "MemFree"));
	cr_assert_eq(v[1], sim_meminfo(m, "MemAvailable"));
	cr_assert_eq(v[2], used);
	cr_assert_float_eq(v[3], (double)used * 100 / total, 0.006);
	cr_assert_eq(v[5], sim_meminfo(m, "Cached"));
	cr_assert_eq(v[6], sim_meminfo(m, "Committed_AS"));
	cr_assert_float_eq(
		v[7],
		v[6] * 100 / (total + (double)sim_meminfo(m, "SwapTotal")),
		0.006);
	cr_assert_eq(v[8], sim_meminfo(m, "Active"));
	cr_assert_eq(v[9], sim_meminfo(m, "Inactive"));
	cr_assert_eq(v[10], sim_meminfo(m, "Dirty"));
	free(text);
	text = view_text(m, "sar -S");
	cr_assert_eq(numbers(text, "\nAverage:   ", v, 5), 5);
	cr_assert_eq(v[0], sim_meminfo(m, "SwapFree"));
	cr_assert(v[1] == 0 && v[2] == 0 && v[3] == 0 && v[4] == 0);
	free(text);
	cr_assert_eq(mmsim_view(m, "sar", NULL, 0), -EINVAL);
	cr_assert_eq(mmsim_view(m, "sar -x", NULL, 0), -EINVAL);
	cr_assert_eq(mmsim_view(m, "vmstat 1", NULL, 0), -EINVAL);
	sim_shutdown(m);
}
