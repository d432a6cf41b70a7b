/*
 * Zone watermarks, protection and the limits of the per-CPU lists against the
 * recordings: every row exact.
 */
#include "unit.h"
#include "zones.h"

TestSuite(watermarks);

/* "set NAME VALUE... [only]" */
static void apply_setting(const struct table *table, struct mmsim_machine *m)
{
	char path[128], value[128] = "";

	if (strcmp(table_word(table, 1), "boot") == 0) {
		table_expect(table, "min_free_kbytes",
			     sim_sysctl(m, "/proc/sys/vm/min_free_kbytes"),
			     table_number(table, 2), 0);
		return;
	}
	snprintf(path, sizeof(path), "/proc/sys/vm/%s", table->words[1]);
	for (int i = 2; i < table->nr_words; i++) {
		if (strcmp(table->words[i], "only") == 0)
			continue;
		strcat(value, table->words[i]);
		strcat(value, "\t");
	}
	sim_write(m, path, value);
}

static void check_settings(const char *name, int nr_zone_rows)
{
	struct table table = table_open(name);
	struct mmsim_machine *m = NULL;
	int nr_rows = 0;

	while (table_next(&table)) {
		if (table_is(&table, "machine"))
			m = table_boot(&table);
		else if (table_is(&table, "set"))
			apply_setting(&table, m);
		else {
			zones_expect_row(&table, m);
			nr_rows++;
		}
	}
	cr_assert_eq(nr_rows, nr_zone_rows, "%d rows", nr_rows);
	table_close(&table);
	sim_shutdown(m);
}

Test(watermarks, settings_256M)
{
	check_settings("watermarks-256M", 40);
}

Test(watermarks, settings_1024M)
{
	check_settings("watermarks-1024M", 42);
}

Test(watermarks, settings_4096M)
{
	check_settings("watermarks-4096M", 63);
}

/* Turning THP on raises min_free_kbytes, turning it off computes it again. */
Test(watermarks, thp_raises_min_free_kbytes)
{
	struct table table = table_open("thp-min-free");
	struct mmsim_machine *m = NULL;

	while (table_next(&table)) {
		if (table_is(&table, "machine")) {
			if (m)
				sim_shutdown(m);
			m = table_boot(&table);
		} else if (table_is(&table, "thp")) {
			if (strcmp(table_word(&table, 1), "boot") != 0)
				sim_write(m,
					  "/sys/kernel/mm/transparent_hugepage/"
					  "enabled",
					  table.words[1]);
			table_expect(&table, "min_free_kbytes",
				     sim_sysctl(m, "/proc/sys/vm/"
						   "min_free_kbytes"),
				     table_number(&table, 2), 0);
		} else {
			zones_expect_row(&table, m);
		}
	}
	table_close(&table);
	sim_shutdown(m);
}
