/*
 * setting.c: values for options of the allocator, in every notation.
 *
 * The allocator's own table says which names and values there are.  glibc reads
 * plain numbers only, so that sizes are written in bytes wherever a line is to
 * be copied.
 *
 * Sources: mallopt(3); the glibc manual, "Memory Allocation Tunables".
 */
#include "cli/setting.h"

#include "alloc/options.h"

#include <ctype.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

void setting_name(const struct option *option, char *text, size_t size)
{
	if (option->param == 0) {
		snprintf(text, size, "%s", option->name);
		return;
	}
	snprintf(text, size, "M_%s%s", option->name,
		 option->param == M_CHECK_ACTION ? "_action" : "");
	for (; *text; text++)
		*text = (char)toupper((unsigned char)*text);
}

const struct option *setting_find(const char *name)
{
	char param[64], own[64];

	for (const struct option *opt = option_table; *opt->name; opt++) {
		setting_name(opt, param, sizeof(param));
		snprintf(own, sizeof(own), "MMSIM_%s", opt->name);
		if (strcasecmp(name, opt->name) == 0 ||
		    strcasecmp(name, param) == 0 ||
		    strcasecmp(name, own) == 0 ||
		    (*opt->env && strcasecmp(name, opt->env) == 0) ||
		    (*opt->tunable && strcmp(name, opt->tunable) == 0))
			return opt;
	}
	return NULL;
}

static void complain_name(const char *name, char *why, size_t size)
{
	FILE *to = fmemopen(why, size, "w");
	const char *between = "";

	if (!to)
		return;
	fprintf(to, "%s: no such option; there are ", name);
	for (const struct option *opt = option_table; *opt->name; opt++) {
		char text[64];

		setting_name(opt, text, sizeof(text));
		fprintf(to, "%s%s", between, text);
		between = ", ";
	}
	fclose(to);
}

/* ---- values ---- */

static void complain_value(const struct option *opt, const char *value,
			   char *why, size_t size)
{
	char name[64];

	setting_name(opt, name, sizeof(name));
	snprintf(why, size, "%s: bad value \"%s\", allowed is %zu to %zu%s%s",
		 name, value, opt->min, opt->max,
		 opt->minus_one ? " or -1" : "",
		 opt->is_bytes ? " (K, M, G may follow)" : "");
}

static bool read_value(const struct option *opt, const char *text,
		       size_t *value)
{
	struct options options;
	char item[128];

	/* A comma would begin another item, and does not come here. */
	if (*text == '\0' || snprintf(item, sizeof(item), "%s=%s", opt->name,
				      text) >= (int)sizeof(item))
		return false;
	options_init(&options);
	if (!options_from_list(&options, item))
		return false;
	memcpy(value, (char *)&options + opt->offset, sizeof(*value));
	return true;
}

static bool add_value(struct setting_axis *axis, const char *text, char *why,
		      size_t size)
{
	char name[64];
	size_t value;

	setting_name(axis->option, name, sizeof(name));
	if (!read_value(axis->option, text, &value)) {
		complain_value(axis->option, text, why, size);
		return false;
	}
	for (unsigned i = 0; i < axis->nr_values; i++)
		if (axis->values[i] == value) {
			snprintf(why, size, "%s: the value %s is there twice",
				 name, text);
			return false;
		}
	if (axis->nr_values == SETTING_VALUES) {
		snprintf(why, size, "%s: more than %d values", name,
			 SETTING_VALUES);
		return false;
	}
	axis->texts[axis->nr_values] = strdup(text);
	axis->values[axis->nr_values++] = value;
	return true;
}

static void free_axis(struct setting_axis *axis)
{
	while (axis->nr_values > 0)
		free(axis->texts[--axis->nr_values]);
}

/* The values in `list`, which is taken apart. */
static bool add_values(struct setting_axis *axis, char *list, char *why,
		       size_t size)
{
	char *text;

	while ((text = strsep(&list, ",")))
		if (!add_value(axis, text, why, size)) {
			free_axis(axis);
			return false;
		}
	return true;
}

bool setting_add(struct setting *setting, const char *text, char *why,
		 size_t size)
{
	struct setting_axis axis = {.nr_values = 0};
	char *copy = strdup(text);
	char *list = strchr(copy, '=');
	bool done = false;

	if (!list) {
		snprintf(why, size, "%s: NAME=VALUE[,VALUE...] is needed",
			 text);
		goto out;
	}
	*list++ = '\0';
	axis.option = setting_find(copy);
	if (!axis.option) {
		complain_name(copy, why, size);
		goto out;
	}
	for (unsigned i = 0; i < setting->nr_axes; i++)
		if (setting->axes[i].option == axis.option) {
			snprintf(why, size, "%s: the option is there twice",
				 copy);
			goto out;
		}
	if (setting->nr_axes == SETTING_AXES) {
		snprintf(why, size, "%s: more than %d options", copy,
			 SETTING_AXES);
		goto out;
	}
	done = add_values(&axis, list, why, size);
	if (done)
		setting->axes[setting->nr_axes++] = axis;
out:
	free(copy);
	return done;
}

void setting_free(struct setting *setting)
{
	while (setting->nr_axes > 0)
		free_axis(&setting->axes[--setting->nr_axes]);
}

/* ---- combinations ---- */

size_t setting_count(const struct setting *setting)
{
	size_t count = 1;

	for (unsigned i = 0; i < setting->nr_axes; i++) {
		count *= setting->axes[i].nr_values;
		if (count > SETTING_COMBINATIONS)
			return SETTING_COMBINATIONS + 1;
	}
	return count;
}

unsigned setting_value(const struct setting *setting, size_t combination,
		       unsigned axis)
{
	for (unsigned i = setting->nr_axes - 1; i > axis; i--)
		combination /= setting->axes[i].nr_values;
	return (unsigned)(combination % setting->axes[axis].nr_values);
}

/* A value of a combination as glibc reads it. */
static void plain_value(const struct setting_axis *axis, unsigned i, char *text,
			size_t size)
{
	if (axis->option->minus_one && axis->values[i] == OPTION_NEVER)
		snprintf(text, size, "-1");
	else
		snprintf(text, size, "%zu", axis->values[i]);
}

/* ---- the notations ---- */

/* One axis of a combination in some notation; false: it has none there. */
typedef bool notation_fn(FILE *to, const struct setting_axis *axis, unsigned i,
			 const char *between);

static char *write_all(const struct setting *setting, size_t combination,
		       const char *begin, const char *between,
		       notation_fn *note)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	bool is_empty = true;

	if (!to)
		return NULL;
	for (unsigned i = 0; i < setting->nr_axes; i++)
		if (note(to, &setting->axes[i],
			 setting_value(setting, combination, i),
			 is_empty ? begin : between))
			is_empty = false;
	if (fclose(to) == 0 && !is_empty)
		return text;
	free(text);
	return NULL;
}

static bool note_label(FILE *to, const struct setting_axis *axis, unsigned i,
		       const char *between)
{
	char name[64];

	setting_name(axis->option, name, sizeof(name));
	fprintf(to, "%s%s=%s", between, name, axis->texts[i]);
	return true;
}

char *setting_label(const struct setting *setting, size_t combination)
{
	return write_all(setting, combination, "", " ", note_label);
}

/* "MMSIM_TRIM_THRESHOLD" */
static void own_variable(const struct option *option, char *text, size_t size)
{
	snprintf(text, size, "MMSIM_%s", option->name);
	for (; *text; text++)
		*text = (char)toupper((unsigned char)*text);
}

char **setting_environment(const struct setting *setting, size_t combination)
{
	char **list = calloc(setting->nr_axes + 1, sizeof(*list));

	for (unsigned i = 0; list && i < setting->nr_axes; i++) {
		const struct setting_axis *axis = &setting->axes[i];
		char name[64], value[32];

		own_variable(axis->option, name, sizeof(name));
		plain_value(axis, setting_value(setting, combination, i), value,
			    sizeof(value));
		if (asprintf(&list[i], "%s=%s", name, value) < 0) {
			list[i] = NULL;
			setting_environment_free(list);
			return NULL;
		}
	}
	return list;
}

void setting_environment_free(char **environment)
{
	for (size_t i = 0; environment && environment[i]; i++)
		free(environment[i]);
	free(environment);
}

static bool note_export(FILE *to, const struct setting_axis *axis, unsigned i,
			const char *between)
{
	char name[64], value[32];

	own_variable(axis->option, name, sizeof(name));
	plain_value(axis, i, value, sizeof(value));
	fprintf(to, "%s%s=%s", between,
		*axis->option->env ? axis->option->env : name, value);
	return true;
}

char *setting_export(const struct setting *setting, size_t combination)
{
	return write_all(setting, combination, "", " ", note_export);
}

static bool note_tunable(FILE *to, const struct setting_axis *axis, unsigned i,
			 const char *between)
{
	char value[32];

	if (!*axis->option->tunable)
		return false;
	plain_value(axis, i, value, sizeof(value));
	fprintf(to, "%s%s=%s", between, axis->option->tunable, value);
	return true;
}

char *setting_tunables(const struct setting *setting, size_t combination)
{
	return write_all(setting, combination, "GLIBC_TUNABLES=", ":",
			 note_tunable);
}

/* mallopt's values are of type int. */
static bool has_call(const struct setting_axis *axis, unsigned i)
{
	return axis->option->param != 0 &&
	       (axis->values[i] <= INT_MAX || axis->values[i] == OPTION_NEVER);
}

static bool note_call(FILE *to, const struct setting_axis *axis, unsigned i,
		      const char *between)
{
	char name[64], value[32];

	if (!has_call(axis, i))
		return false;
	setting_name(axis->option, name, sizeof(name));
	plain_value(axis, i, value, sizeof(value));
	fprintf(to, "%smallopt(%s, %s);", between, name, value);
	return true;
}

char *setting_calls(const struct setting *setting, size_t combination)
{
	return write_all(setting, combination, "", " ", note_call);
}

static bool note_name(FILE *to, const struct setting_axis *axis,
		      const char *between)
{
	char name[64];

	setting_name(axis->option, name, sizeof(name));
	fprintf(to, "%s%s", between, name);
	return true;
}

static bool note_no_tunable(FILE *to, const struct setting_axis *axis,
			    unsigned i, const char *between)
{
	(void)i;
	return !*axis->option->tunable && note_name(to, axis, between);
}

char *setting_no_tunables(const struct setting *setting, size_t combination)
{
	return write_all(setting, combination, "", ", ", note_no_tunable);
}

static bool note_no_call(FILE *to, const struct setting_axis *axis, unsigned i,
			 const char *between)
{
	return !has_call(axis, i) && note_name(to, axis, between);
}

char *setting_no_calls(const struct setting *setting, size_t combination)
{
	return write_all(setting, combination, "", ", ", note_no_call);
}
