/*
 * Reclaim and swap against the recordings: how much is scanned, written and
 * read when memory is short, and which pages go.
 *
 * Counts under reclaim repeat within a few per cent only, so the tolerance is
 * what the recordings themselves span.  swap-cycle has five runs of the same
 * steps that differ in settings of little influence there: a figure must lie
 * where the recorded ones of the step lie, widened by their span on both sides,
 * or by 2 %.  The recorded program had 40 pages of its own that went and came
 * back; and how many of 20000 random pages are missing is chance: 11,600 on the
 * average, +-70 (three times that is allowed).
 *
 * swappiness-mix has rows that repeat one another: 6732 and 6619 pages left,
 * 15678 to 16716, 32432 to 33640 kB swapped: 2 to 7 %, 1000 pages at most.  How
 * much anonymous memory goes depends, besides, on the costs that the runs
 * before have left.
 */
#include "unit.h"
#include "zones.h"

TestSuite(reclaim_recordings, .timeout = 120);

#define MIB ((size_t)1 << 20)

static char buffer[1 << 20];

/* --- more anonymous memory than there is --------------------------------- */

enum {
	CYCLE_PAGES = 102400,
	CYCLE_RANDOM = 20000,
	CYCLE_COLUMNS_MAX = 16,
	CYCLE_ROWS_MAX = 32,
	CYCLE_STEPS = 4,
	CYCLE_OWN_PAGES = 40,
	CYCLE_CHANCE = 210,
};

static const char *const cycle_steps[CYCLE_STEPS] = {"write", "pass1", "pass2",
						     "random"};

struct cycle_row {
	int line;
	long swappiness, cluster;
	int step;
	long figures[CYCLE_COLUMNS_MAX];
};

struct cycle {
	struct table table;
	char spec[256];
	char columns[CYCLE_COLUMNS_MAX][32];
	int nr_columns, nr_rows;
	struct cycle_row rows[CYCLE_ROWS_MAX];
};

static void cycle_read_row(struct cycle *cycle, long swappiness, long cluster)
{
	const struct table *table = &cycle->table;
	struct cycle_row *row = &cycle->rows[cycle->nr_rows++];

	cr_assert_leq(cycle->nr_rows, CYCLE_ROWS_MAX);
	row->line = table->line;
	row->swappiness = swappiness;
	row->cluster = cluster;
	while (!table_is(table, cycle_steps[row->step]))
		cr_assert_lt(++row->step, CYCLE_STEPS, "no such step");
	for (int i = 0; i < cycle->nr_columns; i++)
		row->figures[i] = table_number(table, 1 + i);
}

static void cycle_read(struct cycle *cycle)
{
	struct table *table = &cycle->table;
	long swappiness = 0, cluster = 0;

	*table = table_open("swap-cycle");
	while (table_next(table)) {
		if (table_is(table, "machine")) {
			snprintf(cycle->spec, sizeof(cycle->spec), "%s",
				 table_word(table, 1));
		} else if (table_is(table, "columns")) {
			for (int i = 1; i < table->nr_words; i++)
				snprintf(cycle->columns[cycle->nr_columns++],
					 sizeof(cycle->columns[0]), "%s",
					 table->words[i]);
		} else if (table_is(table, "run")) {
			swappiness = table_number(table, 1);
			cluster = table_number(table, 2);
		} else {
			cycle_read_row(cycle, swappiness, cluster);
		}
	}
	table_close(table);
}

/* Where the recorded figures of this step lie, of runs with this page-cluster.
 */
static void cycle_span(const struct cycle *cycle, const struct cycle_row *row,
		       int column, long *least, long *most)
{
	*least = *most = row->figures[column];
	for (int i = 0; i < cycle->nr_rows; i++) {
		const struct cycle_row *other = &cycle->rows[i];

		if (other->step != row->step || other->cluster != row->cluster)
			continue;
		if (other->figures[column] < *least)
			*least = other->figures[column];
		if (other->figures[column] > *most)
			*most = other->figures[column];
	}
}

/* By how much figures differ from run to run: of those with page-cluster 3,
 * which are several. */
static long cycle_tolerance(const struct cycle *cycle,
			    const struct cycle_row *row, int column)
{
	struct cycle_row several = *row;
	long least, most;

	for (int i = 0; i < cycle->nr_rows; i++)
		if (cycle->rows[i].step == row->step &&
		    cycle->rows[i].cluster == 3)
			several = cycle->rows[i];
	cycle_span(cycle, &several, column, &least, &most);
	return most - least;
}

static void cycle_check(const struct cycle *cycle, const struct cycle_row *row,
			const char *before, const char *after)
{
	for (int i = 0; i < cycle->nr_columns; i++) {
		const char *name = cycle->columns[i];
		long got = sim_find(after, name, " ", 0) -
			   sim_find(before, name, " ", 0);
		long tolerance = cycle_tolerance(cycle, row, i), least, most;

		cycle_span(cycle, row, i, &least, &most);
		if (tolerance < least / 50)
			tolerance = least / 50;
		tolerance += row->step == 3 ? CYCLE_CHANCE : CYCLE_OWN_PAGES;
		cr_expect(got >= least - tolerance && got <= most + tolerance,
			  "swap-cycle:%d: %s is %ld, recorded %ld..%ld (+-%ld "
			  "allowed)",
			  row->line, name, got, least, most, tolerance);
	}
}

static void cycle_access(struct mmsim_task *task, uintptr_t addr, bool write)
{
	for (long i = 0; i < CYCLE_PAGES; i++)
		cr_assert_eq(mmsim_access(task, addr + (uintptr_t)i * SIM_PAGE,
					  1, write),
			     0);
}

/* The C library's old rand(), as the recorded program had its own. */
static void cycle_random(struct mmsim_task *task, uintptr_t addr)
{
	uint32_t x = 1;

	for (int i = 0; i < CYCLE_RANDOM; i++) {
		uint64_t high;

		x = x * 1103515245 + 12345;
		high = x >> 16;
		x = x * 1103515245 + 12345;
		high = high << 16 | x >> 16;
		cr_assert_eq(
			mmsim_access(task,
				     addr + (high % CYCLE_PAGES) * SIM_PAGE, 1,
				     0),
			0);
	}
}

/* One run; how many pages direct reclaim scanned in the first pass. */
static long cycle_run(const struct cycle *cycle, const struct cycle_row *row)
{
	struct mmsim_machine *m = sim_boot(cycle->spec);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = sim_mmap(task, (size_t)CYCLE_PAGES * SIM_PAGE);
	char text[16];
	long direct = 0;

	snprintf(text, sizeof(text), "%ld", row->swappiness);
	sim_write(m, "/proc/sys/vm/swappiness", text);
	snprintf(text, sizeof(text), "%ld", row->cluster);
	sim_write(m, "/proc/sys/vm/page-cluster", text);
	for (int step = 0; step < CYCLE_STEPS; step++, row++) {
		char *before = sim_proc(m, "/proc/vmstat"), *after;

		cr_assert_eq(row->step, step);
		if (step == 3)
			cycle_random(task, addr);
		else
			cycle_access(task, addr, step == 0);
		after = sim_proc(m, "/proc/vmstat");
		cycle_check(cycle, row, before, after);
		if (step == 1)
			direct = sim_find(after, "pgscan_direct", " ", 0) -
				 sim_find(before, "pgscan_direct", " ", 0);
		free(before);
		free(after);
		sim_validate(m);
	}
	cr_assert_eq(mmsim_munmap(task, addr, (size_t)CYCLE_PAGES * SIM_PAGE),
		     0);
	cr_expect_eq(sim_meminfo(m, "SwapFree"), sim_meminfo(m, "SwapTotal"));
	sim_shutdown(m);
	return direct;
}

/* A scan in a circle that does not fit misses everywhere; clean pages need no
 * second write; swappiness matters little, but 0 leaves the work to those who
 * ask for memory. */
Test(reclaim_recordings, a_cycle_through_more_memory_than_there_is)
{
	struct cycle *cycle = calloc(1, sizeof(*cycle));
	long direct_0 = 0, direct_most = 0;

	cr_assert_not_null(cycle);
	cycle_read(cycle);
	for (int i = 0; i < cycle->nr_rows; i += CYCLE_STEPS) {
		long direct = cycle_run(cycle, &cycle->rows[i]);

		if (cycle->rows[i].swappiness == 0)
			direct_0 = direct;
		else if (direct > direct_most)
			direct_most = direct;
	}
	/* recorded: 231380 against 7863, 18390 and 29262 */
	cr_expect_gt(direct_0, 4 * direct_most);
	free(cycle);
}

/* --- files against anonymous memory -------------------------------------- */

enum {
	MIX_PAGES = 1000,   /* counts of pages, besides 4 % */
	MIX_SWAP_KB = 4000, /* 1000 pages, besides 7 % */
};

struct mix {
	struct table table;
	struct mmsim_machine *m;
	struct mmsim_task *task;
	struct mmsim_file *file;
	uintptr_t addr;
	long written; /* MiB */
	int step;
	char kind; /* s, l, p: the first letter of the run's name */
	long swappiness;
	char *vmstat; /* before the step */
};

static void mix_read_file(struct mix *mix, long mib)
{
	for (long i = 0; i < mib; i++)
		cr_assert_eq(mmsim_pread(mix->task, mix->file, buffer,
					 sizeof(buffer), i << 20),
			     sizeof(buffer));
}

static void mix_write(struct mix *mix, long mib)
{
	sim_touch(mix->task, mix->addr + (uintptr_t)mix->written * MIB,
		  (size_t)mib * MIB);
	mix->written += mib;
}

static long mix_file_pages(const struct mix *mix)
{
	return mix->kind == 's' ? 51200 : 25600;
}

static long mix_cached(struct mix *mix)
{
	size_t pages = (size_t)mix_file_pages(mix);
	unsigned char *map = malloc(pages);
	intptr_t addr = mmsim_mmap(mix->task, 0, pages * SIM_PAGE, PROT_READ,
				   MAP_SHARED, mix->file, 0);
	long n = 0;

	cr_assert(map && addr > 0);
	cr_assert_eq(mmsim_mincore(mix->task, (uintptr_t)addr, pages * SIM_PAGE,
				   map),
		     0);
	for (size_t i = 0; i < pages; i++)
		n += map[i] & 1;
	cr_assert_eq(mmsim_munmap(mix->task, (uintptr_t)addr, pages * SIM_PAGE),
		     0);
	free(map);
	return n;
}

static void mix_begin(struct mix *mix)
{
	char text[16];

	mix->kind = table_word(&mix->table, 1)[0];
	mix->swappiness = table_number(&mix->table, 2);
	snprintf(text, sizeof(text), "%ld", mix->swappiness);
	sim_write(mix->m, "/proc/sys/vm/swappiness", text);
	mix->task = sim_spawn(mix->m);
	cr_assert_eq(mmsim_file_create(mix->m, "/big", 256 * MIB, &mix->file),
		     0);
	mix->addr = sim_mmap(mix->task, 140 * MIB);
	mix->written = 0;
	mix->step = 0;
	if (mix->kind == 'p') {
		for (int i = 0; i < 3; i++)
			mix_read_file(mix, 100);
		mix_write(mix, 40);
	} else {
		mix_write(mix, 100);
	}
}

static void mix_end(struct mix *mix)
{
	if (!mix->task)
		return;
	mmsim_close(mix->file);
	cr_assert_eq(mmsim_unlink(mix->m, "/big"), 0);
	mmsim_task_exit(mix->task, 0);
	mmsim_task_put(mix->task);
	mix->task = NULL;
	sim_validate(mix->m);
}

static void mix_expect_count(struct mix *mix, const char *name, long want)
{
	long got =
		sim_vmstat(mix->m, name) - sim_find(mix->vmstat, name, " ", 0);

	table_expect(&mix->table, name, got, want, want / 25 + MIX_PAGES);
}

static void mix_step(struct mix *mix)
{
	const struct table *table = &mix->table;
	long swapped = table_number(table, 1), cached = table_number(table, 2);
	long got, all = mix_file_pages(mix);

	mix->vmstat = sim_proc(mix->m, "/proc/vmstat");
	if (mix->kind != 'p')
		mix_read_file(mix, mix->kind == 's' ? 200 : 100);
	else if (mix->step < 4)
		mix_write(mix, 25);
	else
		mix_read_file(mix, 100);
	mix->step++;
	got = sim_smaps(mix->m, mix->task, "Swap");
	if (swapped == 0 && (mix->kind == 's' || mix->swappiness == 0))
		table_expect(table, "swapped", got, 0, 0);
	else
		table_expect(table, "swapped", got, swapped,
			     swapped * 7 / 100 + MIX_SWAP_KB);
	table_expect(table, "cached", mix_cached(mix), cached,
		     cached == all && mix->step > 2 && mix->kind == 'l'
			     ? 0
			     : MIX_PAGES);
	mix_expect_count(mix, "workingset_refault_file",
			 table_number(table, 3));
	mix_expect_count(mix, "workingset_activate_file",
			 table_number(table, 4));
	mix_expect_count(mix, "pgsteal_file", table_number(table, 5));
	free(mix->vmstat);
}

/* A file that is streamed through never pushes memory out; one that is read in
 * a loop is found to be in use when it comes back, and then idle memory goes,
 * as swappiness allows. */
Test(reclaim_recordings, swappiness)
{
	struct mix mix = {.table = table_open("swappiness-mix")};

	while (table_next(&mix.table)) {
		if (table_is(&mix.table, "machine")) {
			mix_end(&mix);
			mmsim_machine_shutdown(mix.m);
			mix.m = table_boot(&mix.table);
		} else if (table_is(&mix.table, "run")) {
			mix_end(&mix);
			mix_begin(&mix);
		} else {
			mix_step(&mix);
		}
	}
	mix_end(&mix);
	table_close(&mix.table);
	sim_shutdown(mix.m);
}

/* --- kswapd while a file is read ----------------------------------------- */

enum {
	TRACE_BATCH = 15,   /* of the per-CPU lists of zone DMA32 */
	TRACE_RUN = 154,    /* what one run of kswapd steals */
	TRACE_WINDOW = 256, /* pages read ahead at a time */
};

struct trace {
	struct table table;
	struct mmsim_machine *m;
	struct mmsim_task *task;
	struct mmsim_file *file;
	long done; /* MiB */
};

static void trace_read(struct trace *trace, long mib)
{
	for (; trace->done < mib; trace->done++)
		cr_assert_eq(mmsim_pread(trace->task, trace->file, buffer,
					 sizeof(buffer), trace->done << 20),
			     sizeof(buffer));
}

/*
 * Until the zones are empty both machines do the same, but for the pages that
 * the task itself takes, those on the CPU's lists, and how far ahead was read.
 * Then kswapd keeps zone DMA32 between low (513) and a little above high (615),
 * and steals the same number of pages in each run.  The recorded one had a
 * higher mark for a while, once: watermark_boost_factor.
 */
static void trace_check(struct trace *trace)
{
	const struct table *table = &trace->table;
	long dma = zones_read(trace->m, 0, "DMA", "pages free");
	long dma32 = zones_read(trace->m, 0, "DMA32", "pages free");
	long steal = sim_vmstat(trace->m, "pgsteal_kswapd");
	long want = table_number(table, 4);

	if (want == 0 || steal == 0) {
		table_expect(table, "DMA", dma, table_number(table, 2),
			     2 * TRACE_WINDOW + TRACE_BATCH * 4);
		return;
	}
	table_expect(table, "pgsteal_kswapd", steal, want,
		     want / 20 + 6 * TRACE_RUN);
	table_expect(table, "DMA", dma, table_number(table, 2), 2);
	cr_expect(dma32 >= 513 - TRACE_BATCH && dma32 <= 655,
		  "%s:%d: DMA32 has %ld pages", table->name, table->line,
		  dma32);
	cr_expect_eq(sim_vmstat(trace->m, "pgsteal_direct"), 0);
}

Test(reclaim_recordings, kswapd_while_a_file_is_read)
{
	struct trace trace = {.table = table_open("kswapd-trace")};
	long runs, steal;

	while (table_next(&trace.table)) {
		if (table_is(&trace.table, "machine")) {
			trace.m = table_boot(&trace.table);
			trace.task = sim_spawn(trace.m);
			cr_assert_eq(mmsim_file_create(trace.m, "/big",
						       256 * MIB, &trace.file),
				     0);
			continue;
		}
		trace_read(&trace, table_number(&trace.table, 1));
		trace_check(&trace);
	}
	table_close(&trace.table);
	runs = sim_vmstat(trace.m, "pageoutrun");
	steal = sim_vmstat(trace.m, "pgsteal_kswapd");
	cr_expect_eq(sim_vmstat(trace.m, "kswapd_low_wmark_hit_quickly"),
		     runs - 1, "recorded: all but the first");
	cr_expect_eq(sim_vmstat(trace.m, "kswapd_high_wmark_hit_quickly"), 0);
	cr_expect(labs(steal - runs * TRACE_RUN) <= runs * 3,
		  "%ld pages in %ld runs", steal, runs);
	mmsim_close(trace.file);
	sim_shutdown(trace.m);
}

/* --- anonymous memory into clean page cache ------------------------------ */

enum {
	FILL_READ_MIB = 240,
	/* rows until here find clean pages of the file to take */
	FILL_CLEAN_MIB = 152,
	/* pages by which the end of the cache may come sooner or later, of the
	 * 2048 between two rows */
	FILL_POINT = 2048,
};

/*
 * While there are clean pages kswapd keeps up: it looks at about as many pages
 * as were written, zone DMA stands at its low mark and protection, and zone
 * DMA32 between min and a run above high (the recorded rows: 410 to 703).  Then
 * the cache is used up, and what is written further makes as many pages go to
 * swap.
 */
static void fill_check(struct trace *trace, long scan_at_start)
{
	const struct table *table = &trace->table;
	long scan = sim_vmstat(trace->m, "pgscan_kswapd") - scan_at_start;
	long dma32 = zones_read(trace->m, 0, "DMA32", "pages free");
	long want = table_number(table, 4);

	table_expect(table, "pswpout", sim_vmstat(trace->m, "pswpout"),
		     table_number(table, 6), FILL_POINT);
	if (table_number(table, 1) > FILL_CLEAN_MIB)
		return;
	table_expect(table, "DMA", zones_read(trace->m, 0, "DMA", "pages free"),
		     table_number(table, 2), 22);
	cr_expect(dma32 >= 410 - TRACE_BATCH && dma32 <= 703 + TRACE_RUN,
		  "%s:%d: DMA32 has %ld pages", table->name, table->line,
		  dma32);
	table_expect(table, "pgscan_kswapd", scan, want,
		     want / 20 + 2 * TRACE_RUN);
	cr_expect_eq(sim_vmstat(trace->m, "pgscan_direct"), 0);
	cr_expect_eq(sim_vmstat(trace->m, "pswpout"), 0);
}

Test(reclaim_recordings, anonymous_memory_into_clean_cache)
{
	struct trace trace = {.table = table_open("zone-fallback-swap")};
	uintptr_t addr = 0;
	long scan = 0, written = 0;

	while (table_next(&trace.table)) {
		long mib;

		if (table_is(&trace.table, "machine")) {
			trace.m = table_boot(&trace.table);
			trace.task = sim_spawn(trace.m);
			cr_assert_eq(mmsim_file_create(trace.m, "/big",
						       256 * MIB, &trace.file),
				     0);
			trace_read(&trace, FILL_READ_MIB);
			scan = sim_vmstat(trace.m, "pgscan_kswapd");
			addr = sim_mmap(trace.task, 256 * MIB);
			continue;
		}
		mib = table_number(&trace.table, 1);
		sim_touch(trace.task, addr + (size_t)written * MIB,
			  (size_t)(mib - written) * MIB);
		written = mib;
		fill_check(&trace, scan);
	}
	table_close(&trace.table);
	mmsim_close(trace.file);
	sim_shutdown(trace.m);
}

/* --- the near node first ------------------------------------------------- */

enum {
	NODE_FILE_MIB = 256,
	NODE_ANON_MIB = 250,
	NODE_OWN_PAGES = 64, /* of the recorded program, page tables */
	/* what is reclaimed goes to the CPU's list until that is full, and
	 * comes from there until it is empty; where in this circle it ends is
	 * chance */
	NODE_CPU_LIST = 562,
};

static long node_pages_far(struct mmsim_machine *m, struct mmsim_task *task)
{
	char *text = sim_task_proc(m, task, "numa_maps");
	const char *line = strstr(text, "anon=64000"), *far;
	long n;

	cr_assert_not_null(line, "%s", text);
	far = strstr(line, " N1=");
	n = far && far < strchr(line, '\n') ? strtol(far + 4, NULL, 10) : 0;
	free(text);
	return n;
}

/* mode MODE FAR MISS STEAL SCAN DEACTIVATE NODES */
static void node_check(const char *spec, const struct table *table)
{
	static const char *const names[] = {"numa_miss", "pgsteal_direct",
					    "pgscan_direct", "pgdeactivate",
					    "workingset_nodes"};
	struct mmsim_machine *m = sim_boot(spec);
	struct mmsim_task *task = sim_spawn(m);
	struct mmsim_file *file;
	uintptr_t addr;
	long want;

	sim_write(m, "/proc/sys/vm/zone_reclaim_mode", table_word(table, 1));
	cr_assert_eq(mmsim_file_create(m, "/big", NODE_FILE_MIB * MIB, &file),
		     0);
	for (long i = 0; i < 2 * NODE_FILE_MIB; i++)
		cr_assert_eq(mmsim_pread(task, file, buffer, sizeof(buffer),
					 i % NODE_FILE_MIB << 20),
			     sizeof(buffer));
	addr = sim_mmap(task, NODE_ANON_MIB * MIB);
	sim_touch(task, addr, NODE_ANON_MIB * MIB);
	want = table_number(table, 2);
	table_expect(table, "pages on node 1", node_pages_far(m, task), want,
		     want / 100 + (want ? NODE_OWN_PAGES : 0));
	for (int i = 0; i < 5; i++) {
		long nodes = strcmp(names[i], "workingset_nodes") == 0;

		want = table_number(table, 3 + i);
		table_expect(table, names[i], sim_vmstat(m, names[i]), want,
			     want ? NODE_CPU_LIST / (nodes ? 64 : 1) : 0);
	}
	cr_expect_eq(sim_vmstat(m, "allocstall_movable"), 0);
	mmsim_close(file);
	sim_shutdown(m);
}

Test(reclaim_recordings, zone_reclaim_mode)
{
	struct table table = table_open("zone-reclaim");
	char spec[256] = "";

	while (table_next(&table)) {
		if (table_is(&table, "machine"))
			snprintf(spec, sizeof(spec), "%s",
				 table_word(&table, 1));
		else
			node_check(spec, &table);
	}
	table_close(&table);
}
