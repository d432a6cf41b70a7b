/*
 * tune_data.c: the rows of `mmsim tune` for programs: JSON, and values with
 * commas between them.
 *
 * Source: RFC 4180 for the second.
 */
#include "cli/tune.h"

#include "cli/json_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The figures of a row, and their names in the same order. */
static const char *const names[] = {
	"peak_rss_kb", "final_rss_kb", "min_flt",   "maj_flt", "brk",
	"mmap",        "munmap",       "madvise",   "mremap",  "mprotect",
	"pswpin",      "pswpout",      "kernel_ns", "wall_ns",
};
enum { NR_NAMES = sizeof(names) / sizeof(names[0]) };

static void get_figures(const struct tune_row *row, uint64_t *figures)
{
	const uint64_t all[NR_NAMES] = {
		row->peak_rss_kb,
		row->final_rss_kb,
		row->min_flt,
		row->maj_flt,
		row->nr_calls[RUN_BRK],
		row->nr_calls[RUN_MMAP],
		row->nr_calls[RUN_MUNMAP],
		row->nr_calls[RUN_MADVISE],
		row->nr_calls[RUN_MREMAP],
		row->nr_calls[RUN_MPROTECT],
		row->pswpin,
		row->pswpout,
		row->kernel_ns,
		row->wall_ns,
	};

	memcpy(figures, all, sizeof(all));
}

/* ---- CSV ---- */

static void csv_text(FILE *to, const char *text)
{
	putc('"', to);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', to);
		putc(*text, to);
	}
	putc('"', to);
}

bool tune_csv(const struct tune *tune, FILE *to)
{
	fputs("row,setting", to);
	for (int i = 0; i < NR_NAMES; i++)
		fprintf(to, ",%s", names[i]);
	fputs(",pareto,failed\n", to);
	for (size_t nr = 0; nr < tune->nr_rows; nr++) {
		const struct tune_row *row = &tune->rows[nr];
		uint64_t figures[NR_NAMES];

		get_figures(row, figures);
		fprintf(to, "%zu,", nr);
		csv_text(to, row->label);
		for (int i = 0; i < NR_NAMES; i++)
			fprintf(to, ",%" PRIu64, figures[i]);
		fprintf(to, ",%d,", row->on_front);
		csv_text(to, row->why);
		putc('\n', to);
	}
	return !ferror(to);
}

/* ---- JSON ---- */

/* A string that may be missing; it is freed. */
static void set_line(json_t *object, const char *key, char *line)
{
	json_object_set_new(object, key,
			    line ? json_string(line) : json_null());
	free(line);
}

static json_t *json_values(const struct setting *setting, size_t combination)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < setting->nr_axes; i++) {
		const struct setting_axis *axis = &setting->axes[i];
		unsigned value = setting_value(setting, combination, i);
		char name[64];

		setting_name(axis->option, name, sizeof(name));
		/* Never and -1 are the same in 64 bits. */
		json_object_set_new(
			object, name,
			json_integer((json_int_t)axis->values[value]));
	}
	return object;
}

static json_t *json_host(const struct tune *tune, const struct host_run *host)
{
	struct outcome outcome = outcome_of(host->status, host->timed_out,
					    &tune->options->statuses);
	json_t *object = json_object();

	json_set_number(object, "peak_rss_kb", host->peak_rss_kb);
	json_set_number(object, "min_flt", host->min_flt);
	json_set_number(object, "maj_flt", host->maj_flt);
	json_set_number(object, "wall_ns", host->wall_ns);
	json_object_set_new(object, "failed",
			    json_boolean(outcome.kind != OUTCOME_CLEAN));
	return object;
}

static json_t *json_row(const struct tune *tune, size_t nr)
{
	const struct tune_row *row = &tune->rows[nr];
	uint64_t figures[NR_NAMES];
	json_t *object = json_object();

	json_set_number(object, "row", nr);
	json_object_set_new(object, "setting",
			    nr ? json_values(&tune->options->setting, nr - 1)
			       : json_object());
	get_figures(row, figures);
	for (int i = 0; i < NR_NAMES; i++)
		json_set_number(object, names[i], figures[i]);
	json_object_set_new(object, "pareto", json_boolean(row->on_front));
	json_object_set_new(object, "failed",
			    row->failed ? json_string(row->why) : json_false());
	if (row->host)
		json_object_set_new(object, "host", json_host(tune, row->host));
	return object;
}

static json_t *json_best(const struct tune *tune, size_t row)
{
	const struct setting *setting = &tune->options->setting;
	json_t *object;

	if (row == tune->nr_rows)
		return json_null();
	object = json_object();
	json_set_number(object, "row", row);
	if (row == 0)
		return object;
	set_line(object, "export", setting_export(setting, row - 1));
	set_line(object, "tunables", setting_tunables(setting, row - 1));
	set_line(object, "mallopt", setting_calls(setting, row - 1));
	return object;
}

bool tune_json(const struct tune *tune, FILE *to)
{
	json_t *rows = json_array(), *best = json_object();

	for (size_t i = 0; i < tune->nr_rows; i++)
		json_array_append_new(rows, json_row(tune, i));
	for (unsigned aim = 0; aim < TUNE_AIMS; aim++)
		json_object_set_new(best, tune_aim_name(aim),
				    json_best(tune, tune->best[aim]));
	return json_write(json_pack("{s:s, s:o, s:o, s:o}", "machine",
				    tune->options->machine.spec, "program",
				    json_words(tune->options->argv), "rows",
				    rows, "recommended", best),
			  to);
}
