/*
 * setting.h: options of the allocator with several values each, and all their
 * combinations.
 *
 *     --set M_TRIM_THRESHOLD=64K,-1 --set M_ARENA_MAX=1,2,8
 *
 *     number       0    1    2    3    4    5
 *     trim         64K  64K  64K  -1   -1   -1
 *     arena_max    1    2    8    1    2    8      the last one turns fastest
 */
#ifndef CLI_SETTING_H
#define CLI_SETTING_H

#include <stdbool.h>
#include <stddef.h>

enum {
	SETTING_AXES = 16,   /* there are fewer options */
	SETTING_VALUES = 64, /* of one option */
	SETTING_COMBINATIONS = 4096,
};

/* That of alloc/options.h, which has the name of one in getopt.h. */
struct option;

struct setting_axis {
	const struct option *option;
	unsigned nr_values;
	char *texts[SETTING_VALUES];   /* as they were given */
	size_t values[SETTING_VALUES]; /* OPTION_NEVER for -1 */
};

struct setting {
	unsigned nr_axes;
	struct setting_axis axes[SETTING_AXES];
};

/* The option that `name` means: M_TRIM_THRESHOLD, trim_threshold,
 * MALLOC_TRIM_THRESHOLD_, MMSIM_TRIM_THRESHOLD, in capitals or not; or NULL. */
const struct option *setting_find(const char *name);
/* "M_TRIM_THRESHOLD", or "decay_ms" where mallopt has no number. */
void setting_name(const struct option *option, char *text, size_t size);

/* Adds NAME=VALUE[,VALUE...].  False: `why` says what is wrong and what is
 * allowed, and nothing was added. */
bool setting_add(struct setting *setting, const char *text, char *why,
		 size_t size);
void setting_free(struct setting *setting);

/* How many combinations there are; SETTING_COMBINATIONS + 1: too many. */
size_t setting_count(const struct setting *setting);
/* Which value of an axis belongs to a combination. */
unsigned setting_value(const struct setting *setting, size_t combination,
		       unsigned axis);

/* How one is set; each gives a new string. */

/* "M_TRIM_THRESHOLD=64K M_ARENA_MAX=1" */
char *setting_label(const struct setting *setting, size_t combination);
/* A list for launch.h's env_more; it wins over every other way. */
char **setting_environment(const struct setting *setting, size_t combination);
void setting_environment_free(char **environment);
/* "MALLOC_TRIM_THRESHOLD_=65536 MALLOC_ARENA_MAX=1"; with MMSIM_ names where
 * glibc has none. */
char *setting_export(const struct setting *setting, size_t combination);
/* "GLIBC_TUNABLES=glibc.malloc.trim_threshold=65536:..."; NULL when glibc has
 * a tunable for none of them. */
char *setting_tunables(const struct setting *setting, size_t combination);
/* "mallopt(M_TRIM_THRESHOLD, 65536);" with blanks between them; what cannot
 * be set so is left out, and NULL when that is all. */
char *setting_calls(const struct setting *setting, size_t combination);
/* "decay_ms, cache_max": the options that these two leave out; NULL: none. */
char *setting_no_tunables(const struct setting *setting, size_t combination);
char *setting_no_calls(const struct setting *setting, size_t combination);

#endif
