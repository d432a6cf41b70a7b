/*
 * table.h: reads the tables of recorded figures in tests/oracle-data.
 *
 * A table is text: words between blanks, one row a line.  What stands behind a
 * '#' is a remark.  The tests read it when they run, from the directory that
 * the environment's `srcdir` names.
 *
 *     struct table table = table_open("watermarks-256M");
 *     while (table_next(&table))
 *             if (table_is(&table, "set")) ... table.words[1] ...
 *     table_close(&table);
 */
#ifndef TESTS_RECORDINGS_TABLE_H
#define TESTS_RECORDINGS_TABLE_H

#include "sim.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_WORDS_MAX = 64, TABLE_LINE_MAX = 1024 };

struct table {
	const char *name;
	FILE *file;
	int line;                  /* number of the row in the file */
	char text[TABLE_LINE_MAX]; /* the row, cut into its words */
	const char *words[TABLE_WORDS_MAX];
	int nr_words;
	int nr_rows; /* read so far */
};

static SIM_UNUSED struct table table_open(const char *name)
{
	struct table table = {.name = name};
	const char *dir = getenv("srcdir");
	char path[512];

	snprintf(path, sizeof(path), "%s/tests/oracle-data/%s", dir ? dir : ".",
		 name);
	table.file = fopen(path, "r");
	cr_assert_not_null(table.file, "cannot read %s", path);
	return table;
}

/* A table without rows proves nothing. */
static SIM_UNUSED void table_close(struct table *table)
{
	cr_assert_gt(table->nr_rows, 0, "%s has no rows", table->name);
	fclose(table->file);
}

/* The next row; false at the end. */
static SIM_UNUSED bool table_next(struct table *table)
{
	while (fgets(table->text, sizeof(table->text), table->file)) {
		char *rest = strchr(table->text, '#'), *word;

		table->line++;
		table->nr_words = 0;
		if (rest)
			*rest = '\0';
		for (word = strtok_r(table->text, " \t\n", &rest); word;
		     word = strtok_r(NULL, " \t\n", &rest)) {
			cr_assert_lt(table->nr_words, TABLE_WORDS_MAX);
			table->words[table->nr_words++] = word;
		}
		if (table->nr_words > 0) {
			table->nr_rows++;
			return true;
		}
	}
	return false;
}

static SIM_UNUSED bool table_is(const struct table *table, const char *word)
{
	return strcmp(table->words[0], word) == 0;
}

/* A word of the row that must be there. */
static SIM_UNUSED const char *table_word(const struct table *table, int i)
{
	cr_assert_lt(i, table->nr_words, "%s:%d: word %d is missing",
		     table->name, table->line, i);
	return table->words[i];
}

/* A number that must be there, and all of the word. */
static SIM_UNUSED long table_number(const struct table *table, int i)
{
	const char *word = table_word(table, i);
	char *end;
	long n = strtol(word, &end, 0);

	cr_assert(end != word && *end == '\0', "%s:%d: %s is no number",
		  table->name, table->line, word);
	return n;
}

/* `got` is the row's figure, or `tolerance` away from it at most. */
static SIM_UNUSED void table_expect(const struct table *table, const char *what,
				    long got, long want, long tolerance)
{
	cr_expect(labs(got - want) <= tolerance,
		  "%s:%d: %s is %ld, recorded %ld (+-%ld allowed)", table->name,
		  table->line, what, got, want, tolerance);
}

/* A row "machine SPEC": boots it. */
static SIM_UNUSED struct mmsim_machine *table_boot(const struct table *table)
{
	cr_assert(table_is(table, "machine"), "%s:%d: no machine", table->name,
		  table->line);
	return sim_boot(table_word(table, 1));
}

#endif
