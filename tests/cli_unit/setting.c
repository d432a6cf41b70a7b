/*
 * setting.c: lists of values for options, their combinations, and how each is
 * written down.
 */
#include "cli/setting.h"

#include "alloc/options.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct setting setting;
static char why[512];

static void teardown(void)
{
	setting_free(&setting);
}

TestSuite(setting, .fini = teardown);

static void add(const char *text)
{
	cr_assert(setting_add(&setting, text, why, sizeof(why)), "%s", why);
}

static void refused(const char *text, const char *expected)
{
	unsigned before = setting.nr_axes;

	cr_assert_not(setting_add(&setting, text, why, sizeof(why)), "%s",
		      text);
	cr_assert(strstr(why, expected), "%s: said \"%s\"", text, why);
	cr_assert_eq(setting.nr_axes, before);
}

static void is_text(char *text, const char *expected)
{
	cr_assert(text);
	cr_assert_str_eq(text, expected);
	free(text);
}

Test(setting, names)
{
	static const char *const same[] = {
		"M_TRIM_THRESHOLD",       "trim_threshold",
		"MALLOC_TRIM_THRESHOLD_", "MMSIM_TRIM_THRESHOLD",
		"m_trim_threshold",       "glibc.malloc.trim_threshold",
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		cr_assert_str_eq(setting_find(same[i])->name, "trim_threshold");
	cr_assert_str_eq(setting_find("M_CHECK_ACTION")->name, "check");
	cr_assert_null(setting_find("M_TRIM"));
	cr_assert_null(setting_find(""));
}

/* Each option is found by the name that it is shown with. */
Test(setting, every_option_has_a_name)
{
	for (const struct option *opt = option_table; *opt->name; opt++) {
		char name[64];

		setting_name(opt, name, sizeof(name));
		cr_assert_eq(setting_find(name), opt, "%s", name);
	}
}

Test(setting, without_any_there_is_one_combination)
{
	cr_assert_eq(setting_count(&setting), 1u);
	cr_assert_null(setting_export(&setting, 0));
}

Test(setting, combinations)
{
	add("M_TRIM_THRESHOLD=64K,-1");
	add("M_ARENA_MAX=1,2,8");
	cr_assert_eq(setting_count(&setting), 6u);
	is_text(setting_label(&setting, 0),
		"M_TRIM_THRESHOLD=64K M_ARENA_MAX=1");
	is_text(setting_label(&setting, 2),
		"M_TRIM_THRESHOLD=64K M_ARENA_MAX=8");
	is_text(setting_label(&setting, 3),
		"M_TRIM_THRESHOLD=-1 M_ARENA_MAX=1");
	is_text(setting_label(&setting, 5),
		"M_TRIM_THRESHOLD=-1 M_ARENA_MAX=8");
}

Test(setting, every_notation)
{
	char **environment;

	add("M_MMAP_THRESHOLD=1M");
	add("trim_threshold=-1");
	add("mxfast=0x40");
	add("decay_ms=10");
	is_text(setting_export(&setting, 0),
		"MALLOC_MMAP_THRESHOLD_=1048576 MALLOC_TRIM_THRESHOLD_=-1 "
		"MMSIM_MXFAST=64 MMSIM_DECAY_MS=10");
	is_text(setting_tunables(&setting, 0),
		"GLIBC_TUNABLES=glibc.malloc.mmap_threshold=1048576:"
		"glibc.malloc.trim_threshold=-1:glibc.malloc.mxfast=64");
	is_text(setting_calls(&setting, 0),
		"mallopt(M_MMAP_THRESHOLD, 1048576); "
		"mallopt(M_TRIM_THRESHOLD, -1); mallopt(M_MXFAST, 64);");
	is_text(setting_no_tunables(&setting, 0), "decay_ms");
	is_text(setting_no_calls(&setting, 0), "decay_ms");
	environment = setting_environment(&setting, 0);
	cr_assert_str_eq(environment[0], "MMSIM_MMAP_THRESHOLD=1048576");
	cr_assert_str_eq(environment[1], "MMSIM_TRIM_THRESHOLD=-1");
	cr_assert_str_eq(environment[2], "MMSIM_MXFAST=64");
	cr_assert_str_eq(environment[3], "MMSIM_DECAY_MS=10");
	cr_assert_null(environment[4]);
	setting_environment_free(environment);
}

/* The program reads back what was asked for. */
Test(setting, the_environment_sets_it)
{
	struct options options;
	char **environment;

	add("M_MMAP_THRESHOLD=1M");
	add("M_ARENA_MAX=3");
	environment = setting_environment(&setting, 0);
	options_init(&options);
	options_from_env(&options, environment, false);
	cr_assert_eq(options.mmap_threshold, MIB);
	cr_assert_eq(options.arena_max, 3u);
	setting_environment_free(environment);
}

Test(setting, what_mallopt_cannot_take_is_left_out)
{
	add("M_MMAP_THRESHOLD=4G");
	cr_assert_null(setting_calls(&setting, 0));
	is_text(setting_no_calls(&setting, 0), "M_MMAP_THRESHOLD");
	cr_assert_null(setting_no_tunables(&setting, 0));
	add("cache_max=0");
	cr_assert_null(setting_calls(&setting, 0));
}

Test(setting, bad_input)
{
	refused("M_TRIM", "NAME=VALUE");
	refused("M_NONSENSE=1", "no such option; there are M_MMAP_THRESHOLD");
	refused("=1", "no such option");
	refused("M_ARENA_MAX=", "bad value \"\"");
	refused("M_ARENA_MAX=1,,2", "bad value \"\"");
	refused("M_ARENA_MAX=1,x", "bad value \"x\", allowed is 0 to");
	refused("M_ARENA_MAX=-1", "bad value");
	refused("M_ARENA_MAX=1K", "bad value");
	refused("M_TOP_PAD=2000G", "allowed is 0 to 1099511627776 (K, M, G");
	refused("M_TRIM_THRESHOLD=128K,131072", "there twice");
	add("M_ARENA_MAX=1");
	refused("arena_max=2", "there twice");
}

Test(setting, too_many_values)
{
	char text[1024] = "M_ARENA_MAX=0";

	for (int i = 1; i <= SETTING_VALUES; i++)
		sprintf(text + strlen(text), ",%d", i);
	refused(text, "more than 64 values");
}

Test(setting, too_many_combinations)
{
	static const char *const names[] = {"M_ARENA_MAX", "M_PERTURB",
					    "M_MMAP_MAX"};

	for (int axis = 0; axis < 3; axis++) {
		char text[1024];

		sprintf(text, "%s=0", names[axis]);
		for (int i = 1; i < SETTING_VALUES; i++)
			sprintf(text + strlen(text), ",%d", i);
		add(text);
	}
	cr_assert_eq(setting_count(&setting), SETTING_COMBINATIONS + 1u);
}
