/*
 * Compaction against the recording: of 64 MiB in which every second page is
 * free, writing to compact_memory makes next to nothing.
 *
 * The free scanner takes wider steps as long as it finds nothing, up to 32
 * pages, and with these it meets only the pages in use.  That it does, and that
 * it ends because the scanners meet (the last page found no free one:
 * pgmigrate_fail 1), is exact.  The counts are not: what was in use at the two
 * ends of the recorded machine's memory, where the scanners begin, is not
 * known. They are small against the 8192 pages that could have been moved: FEW.
 *
 * The fragmentation index is exact.  The unusable index depends on the small
 * blocks that boot left; what the free half of the 64 MiB makes of it is the
 * same: SMALL, in thousandths.  Zone DMA was untouched and is not compared
 * there, since its blocks were those of the recorded boot.
 */
#include "table.h"
#include "unit.h"

TestSuite(compaction_recording);

enum {
	ORDERS = 11,
	PAGES = 16384,
	FEW = 400,   /* pages */
	SMALL = 10,  /* thousandths */
	SCANNED = 3, /* times what was recorded, at most */
};

static void make_holes(struct mmsim_machine *m)
{
	struct mmsim_task *task = sim_spawn(m);
	size_t len = (size_t)PAGES * SIM_PAGE;
	uintptr_t addr;

	sim_touch(task, sim_mmap(task, SIM_PAGE), SIM_PAGE);
	addr = sim_mmap(task, len);
	sim_touch(task, addr, len);
	for (size_t at = SIM_PAGE; at < len; at += 2 * SIM_PAGE)
		cr_assert_eq(
			mmsim_madvise(task, addr + at, SIM_PAGE, MADV_DONTNEED),
			0);
}

/* Behind the zone's name in a file with a line for each zone. */
static char *zone_line(struct mmsim_machine *m, const char *path,
		       const char *zone, char **text)
{
	char name[32], *p;

	snprintf(name, sizeof(name), "zone %8s ", zone);
	*text = sim_proc(m, path);
	p = strstr(*text, name);
	cr_assert_not_null(p, "%s", *text);
	return p + strlen(name);
}

/* extfrag_index|unusable_index ZONE INDEX... */
static void check_index(const struct table *table, struct mmsim_machine *m)
{
	bool is_exact = table_is(table, "extfrag_index");
	const char *zone = table_word(table, 1);
	char path[80], *text, *p;

	if (!is_exact && strcmp(zone, "DMA") == 0)
		return;
	snprintf(path, sizeof(path), "/sys/kernel/debug/extfrag/%s",
		 table->words[0]);
	p = zone_line(m, path, zone, &text);
	for (int order = 0; order < ORDERS; order++) {
		double index = strtod(p, &p) * 1000;

		table_expect(table, table->words[0],
			     (long)(index + (index < 0 ? -0.5 : 0.5)),
			     table_number(table, 2 + order),
			     is_exact ? 0 : SMALL);
	}
	free(text);
}

static long order_0(struct mmsim_machine *m)
{
	char *text;
	long nr = strtol(zone_line(m, "/proc/buddyinfo", "DMA32", &text), NULL,
			 10);

	free(text);
	return nr;
}

/* compact FIGURE=CHANGE... */
static void compact(const struct table *table, struct mmsim_machine *m)
{
	long before = order_0(m);

	sim_write(m, "/proc/sys/vm/compact_memory", "1");
	for (int i = 1; i < table->nr_words; i++) {
		char name[32];
		long want, got;

		cr_assert_eq(
			sscanf(table->words[i], "%31[^=]=%ld", name, &want), 2);
		if (strcmp(name, "order0") == 0)
			got = order_0(m) - before;
		else
			got = sim_vmstat(m, name);
		if (strcmp(name, "pgmigrate_fail") == 0)
			table_expect(table, name, got, want, 0);
		else if (strstr(name, "scanned"))
			cr_expect_leq(got, SCANNED * want, "%s: %ld", name,
				      got);
		else
			table_expect(table, name, got, want, FEW);
	}
}

Test(compaction_recording, every_second_page)
{
	struct table table = table_open("compaction");
	struct mmsim_machine *m = NULL;

	while (table_next(&table)) {
		if (table_is(&table, "machine")) {
			m = table_boot(&table);
			make_holes(m);
		} else if (table_is(&table, "compact")) {
			compact(&table, m);
		} else {
			check_index(&table, m);
		}
	}
	table_close(&table);
	sim_shutdown(m);
}
