/*
 * zones.h: figures of one zone out of /proc/zoneinfo, by the names that stand
 * there: zones_read(m, 0, "DMA32", "low").
 */
#ifndef TESTS_RECORDINGS_ZONES_H
#define TESTS_RECORDINGS_ZONES_H

#include "table.h"

#include <ctype.h>

/* Where the zone's text begins. */
static SIM_UNUSED const char *zones_find(const char *text, int node,
					 const char *zone)
{
	char name[32];
	int number;

	for (const char *p = text; (p = strstr(p, "Node ")) != NULL; p++)
		if (sscanf(p, "Node %d, zone %31s", &number, name) == 2 &&
		    number == node && strcmp(name, zone) == 0)
			return p;
	cr_assert_fail("zoneinfo has no zone %s on node %d", zone, node);
	return NULL;
}

/* What stands behind `field` in the zone's text: "min", "pages free", "high:"
 * (of the per-CPU lists), "protection:". */
static SIM_UNUSED const char *zones_field(const char *zone, const char *field)
{
	size_t len = strlen(field);

	for (const char *line = strchr(zone, '\n'); line;
	     line = strchr(line, '\n')) {
		line++;
		if (strncmp(line, "Node ", 5) == 0)
			break;
		while (*line == ' ')
			line++;
		if (strncmp(line, field, len) == 0 && line[len] == ' ')
			return line + len;
	}
	cr_assert_fail("zoneinfo has no field %s", field);
	return NULL;
}

static SIM_UNUSED long zones_read(struct mmsim_machine *m, int node,
				  const char *zone, const char *field)
{
	char *text = sim_proc(m, "/proc/zoneinfo");
	long n = strtol(zones_field(zones_find(text, node, zone), field), NULL,
			10);

	free(text);
	return n;
}

/* A row "zone min low high pcp-high pcp-batch protection...": all exact. */
static SIM_UNUSED void zones_expect_row(const struct table *table,
					struct mmsim_machine *m)
{
	static const char *const fields[] = {"min", "low", "high",
					     "high:", "batch:"};
	char *text = sim_proc(m, "/proc/zoneinfo");
	const char *zone = zones_find(text, 0, table->words[0]);
	const char *p = zones_field(zone, "protection:");

	for (int i = 0; i < 5; i++)
		table_expect(table, fields[i],
			     strtol(zones_field(zone, fields[i]), NULL, 10),
			     table_number(table, 1 + i), 0);
	cr_assert_gt(table->nr_words, 6);
	for (int i = 6; i < table->nr_words; i++) {
		char *end;

		while (*p && !isdigit((unsigned char)*p))
			p++;
		table_expect(table, "protection", strtol(p, &end, 10),
			     table_number(table, i), 0);
		p = end;
	}
	free(text);
}

#endif
