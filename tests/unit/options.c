/*
 * options.c: the table, the three kinds of text, mallopt, and the complaints.
 */
#include "alloc/options.h"

#include "unit.h"

#include <limits.h>
#include <malloc.h>
#include <unistd.h>

static struct options o;

static void setup(void)
{
	options_init(&o);
}

TestSuite(options, .init = setup);

#define read_env(...) options_from_env(&o, (char *[]){__VA_ARGS__, NULL}, false)

/* What is written to standard error between the two calls, into text. */
static int caught_fds[2], real_stderr;

static void catch_stderr(void)
{
	real_stderr = dup(STDERR_FILENO);
	cr_assert_eq(pipe(caught_fds), 0);
	cr_assert_eq(dup2(caught_fds[1], STDERR_FILENO), STDERR_FILENO);
	close(caught_fds[1]);
}

static void caught(char *text, size_t size)
{
	ssize_t n;

	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	n = read(caught_fds[0], text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(caught_fds[0]);
}

Test(options, defaults)
{
	cr_assert_eq(o.mmap_threshold, 128 * KIB);
	cr_assert_eq(o.trim_threshold, 128 * KIB);
	cr_assert_eq(o.top_pad, 128 * KIB);
	cr_assert_eq(o.mmap_max, 65536u);
	cr_assert_eq(o.mxfast, 128u);
	cr_assert_eq(o.perturb, 0u);
	cr_assert_eq(o.arena_max, 0u);
	cr_assert_eq(o.decay_ms, 1000u);
	cr_assert_eq(o.populate_max, MIB);
	cr_assert_eq(o.cache_max, MIB);
	cr_assert_eq(o.hugepages, 0u);
	cr_assert_eq(o.background, 0u);
	cr_assert_eq(o.stats, 0u);
	cr_assert_not(o.thresholds_set);
}

Test(options, the_table_makes_sense)
{
	for (const struct option *a = option_table; *a->name; a++) {
		cr_assert(option_default(a) >= a->min &&
				  option_default(a) <= a->max,
			  "%s", a->name);
		cr_assert(a->help[0], "%s", a->name);
		cr_assert(a->env[0] || a->tunable[0], "%s", a->name);
		for (const struct option *b = option_table; b < a; b++) {
			cr_assert_str_neq(a->name, b->name);
			cr_assert_neq(a->offset, b->offset);
			cr_assert(a->param == 0 || a->param != b->param);
		}
	}
}

Test(options, glibc_variables)
{
	read_env("PATH=/bin", "MALLOC_MMAP_THRESHOLD_=65536",
		 "MALLOC_TRIM_THRESHOLD_=0x40000", "MALLOC_TOP_PAD_=010",
		 "MALLOC_MMAP_MAX_=7", "MALLOC_PERTURB_=165",
		 "MALLOC_ARENA_MAX=3", "MALLOC_ARENA_TEST=2", "MALLOC_CHECK_=3",
		 "MALLOC_UNKNOWN=9");
	cr_assert_eq(o.mmap_threshold, 65536u);
	cr_assert_eq(o.trim_threshold, 0x40000u);
	cr_assert_eq(o.top_pad, 8u);
	cr_assert_eq(o.mmap_max, 7u);
	cr_assert_eq(o.perturb, 165u);
	cr_assert_eq(o.arena_max, 3u);
	cr_assert_eq(o.arena_test, 2u);
	cr_assert_eq(o.check_action, 3u);
	cr_assert(o.thresholds_set && o.trim_threshold_set && o.top_pad_set);
}

Test(options, each_of_the_four_ends_the_dynamic_rule)
{
	static char *four[] = {"MALLOC_MMAP_THRESHOLD_=1", "MALLOC_TOP_PAD_=1",
			       "MALLOC_TRIM_THRESHOLD_=1",
			       "MALLOC_MMAP_MAX_=1"};

	for (size_t i = 0; i < ARRAY_SIZE(four); i++) {
		options_init(&o);
		read_env(four[i]);
		cr_assert(o.thresholds_set, "%s", four[i]);
	}
	options_init(&o);
	read_env("MALLOC_ARENA_MAX=1", "MMSIM_DECAY_MS=1", "MALLOC_PERTURB_=1");
	cr_assert_not(o.thresholds_set);
}

Test(options, tunables)
{
	read_env("GLIBC_TUNABLES=glibc.malloc.top_pad=4096:glibc.cpu.x=y:"
		 "glibc.malloc.mxfast=160:glibc.malloc.hugetlb=2:"
		 "glibc.malloc.tcache_max=64:glibc.malloc.tcache_count=3:"
		 "glibc.malloc.arena_max=5:nonsense:=:glibc.malloc.check=1");
	cr_assert_eq(o.top_pad, 4096u);
	cr_assert_eq(o.mxfast, 160u);
	cr_assert_eq(o.hugepages, 1u);
	cr_assert_eq(o.arena_max, 5u);
	cr_assert_eq(o.check_action, 1u);
	cr_assert_eq(o.cache_max, MIB);
}

Test(options, tunable_without_a_thread_cache)
{
	read_env("GLIBC_TUNABLES=glibc.malloc.tcache_count=0");
	cr_assert_eq(o.cache_max, 0u);
}

Test(options, own_variables_and_suffixes)
{
	read_env("MMSIM_DECAY_MS=-1", "MMSIM_POPULATE_MAX=64K",
		 "MMSIM_CACHE_MAX=2m", "MMSIM_HUGEPAGES=1", "MMSIM_STATS=1",
		 "MMSIM_TOP_PAD=1G", "MMSIM_UNKNOWN=1");
	cr_assert_eq(o.decay_ms, OPTION_NEVER);
	cr_assert_eq(o.populate_max, 64 * KIB);
	cr_assert_eq(o.cache_max, 2 * MIB);
	cr_assert_eq(o.hugepages, 1u);
	cr_assert_eq(o.stats, 1u);
	cr_assert_eq(o.top_pad, GIB);
	cr_assert(o.top_pad_set);
}

Test(options, own_beat_tunables_beat_malloc_and_the_first_of_two_counts)
{
	read_env("MMSIM_TOP_PAD=3",
		 "GLIBC_TUNABLES=glibc.malloc.top_pad=2:"
		 "glibc.malloc.mmap_max=2",
		 "MALLOC_TOP_PAD_=1", "MALLOC_MMAP_MAX_=1",
		 "MALLOC_ARENA_MAX=8", "MALLOC_ARENA_MAX=9");
	cr_assert_eq(o.top_pad, 3u);
	cr_assert_eq(o.mmap_max, 2u);
	cr_assert_eq(o.arena_max, 8u);
}

Test(options, secure_programs_read_nothing)
{
	options_from_env(&o, (char *[]){"MALLOC_TOP_PAD_=1", NULL}, true);
	cr_assert_eq(o.top_pad, 128 * KIB);
	options_from_env(&o, NULL, false);
	cr_assert_eq(o.top_pad, 128 * KIB);
}

Test(options, empty_values_are_no_values)
{
	char text[256];

	catch_stderr();
	read_env("MALLOC_TOP_PAD_=", "GLIBC_TUNABLES=glibc.malloc.top_pad=",
		 "MMSIM_DECAY_MS=", "GLIBC_TUNABLES=", "MALLOC_TOP_PAD_");
	caught(text, sizeof(text));
	cr_assert_str_eq(text, "");
	cr_assert_eq(o.top_pad, 128 * KIB);
	cr_assert_not(o.thresholds_set);
}

/* One line with the variable, the value and the range; the default stays. */
Test(options, bad_values_are_named)
{
	static const struct {
		char *variable;
		const char *line;
	} bad[] = {
		{"MALLOC_ARENA_MAX=many",
		 "mmsim: MALLOC_ARENA_MAX: bad value \"many\", allowed is 0 "
		 "to 2147483647; it stays 0\n"},
		{"MALLOC_PERTURB_=256",
		 "mmsim: MALLOC_PERTURB_: bad value \"256\", allowed is 0 to "
		 "255; it stays 0\n"},
		{"MALLOC_MMAP_MAX_=-1",
		 "mmsim: MALLOC_MMAP_MAX_: bad value \"-1\", allowed is 0 to "
		 "2147483647; it stays 65536\n"},
		{"MMSIM_DECAY_MS=1s",
		 "mmsim: MMSIM_DECAY_MS: bad value \"1s\", allowed is 0 to "
		 "2147483647 or -1; it stays 1000\n"},
		{"MALLOC_TOP_PAD_=2000000G",
		 "mmsim: MALLOC_TOP_PAD_: bad value \"2000000G\", allowed is "
		 "0 to 1099511627776 (K, M, G may follow); it stays "
		 "131072\n"},
		{"MALLOC_TOP_PAD_=99999999999999999999",
		 "mmsim: MALLOC_TOP_PAD_: bad value \"99999999999999999999\", "
		 "allowed is 0 to 1099511627776 (K, M, G may follow); it "
		 "stays 131072\n"},
		{"GLIBC_TUNABLES=a=b:glibc.malloc.mxfast=161",
		 "mmsim: glibc.malloc.mxfast: bad value \"161\", allowed is 0 "
		 "to 160 (K, M, G may follow); it stays 128\n"},
		{"MMSIM_STATS=yes\n\x1b[2Jand a very long text that must not "
		 "fill the screen",
		 "mmsim: MMSIM_STATS: bad value \"yes??[2Jand a very long "
		 "text that must n...\", allowed is 0 to 1; it stays 0\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[512];

		catch_stderr();
		read_env(bad[i].variable);
		caught(text, sizeof(text));
		cr_assert_str_eq(text, bad[i].line);
	}
	cr_assert_not(o.thresholds_set);
}

/* 0 is the default, by the CPUs, and said to be one. */
Test(options, an_arena_max_of_zero_is_the_default)
{
	char text[256];

	catch_stderr();
	read_env("MALLOC_ARENA_MAX=0",
		 "GLIBC_TUNABLES=glibc.malloc.arena_max=0");
	caught(text, sizeof(text));
	cr_assert_str_eq(text, "");
	cr_assert_eq(o.arena_max, 0u);
	catch_stderr();
	read_env("MALLOC_ARENA_TEST=0");
	caught(text, sizeof(text));
	cr_assert_str_eq(text, "mmsim: MALLOC_ARENA_TEST: bad value \"0\", "
			       "allowed is 1 to 2147483647; it stays 2\n");
}

Test(options, odd_numbers_are_refused)
{
	static const char *const bad[] = {"top_pad=",
					  "top_pad=0x",
					  "top_pad=+",
					  "top_pad=-",
					  "top_pad=08",
					  "top_pad=1KB",
					  "top_pad=1 ",
					  "top_pad=K",
					  "mmap_max=1K",
					  "top_pad",
					  "=1",
					  "Top_pad=1",
					  "top_pa=1",
					  "top_padd=1",
					  "top_pad=1,",
					  ",top_pad=1",
					  "top_pad=1,,mxfast=1",
					  "top_pad=18446744073709551616",
					  "top_pad=0x1ffffffffffffffff"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cr_assert_not(options_from_list(&o, bad[i]), "%s", bad[i]);
		cr_assert_eq(o.top_pad, 128 * KIB, "%s", bad[i]);
	}
}

Test(options, lists_are_all_or_nothing)
{
	cr_assert(options_from_list(&o, "mmap_threshold=64K,"
					"trim_threshold=-1,decay_ms=0"));
	cr_assert_eq(o.mmap_threshold, 65536u);
	cr_assert_eq(o.trim_threshold, OPTION_NEVER);
	cr_assert_eq(o.decay_ms, 0u);
	cr_assert_not(options_from_list(&o, "top_pad=5,decay_ms=x"));
	cr_assert_eq(o.top_pad, 128 * KIB);
	cr_assert_not(o.top_pad_set);
	cr_assert(options_from_list(&o, ""));
	cr_assert(options_from_list(&o, NULL));
}

Test(options, mallopt_thresholds)
{
	cr_assert_eq(options_mallopt(&o, M_MMAP_THRESHOLD, 4096), 1);
	cr_assert_eq(o.mmap_threshold, 4096u);
	cr_assert_eq(options_mallopt(&o, M_TRIM_THRESHOLD, -1), 1);
	cr_assert_eq(o.trim_threshold, OPTION_NEVER);
	cr_assert_eq(options_mallopt(&o, M_TRIM_THRESHOLD, INT_MIN), 1);
	cr_assert_eq(o.trim_threshold, OPTION_NEVER);
	cr_assert_eq(options_mallopt(&o, M_TOP_PAD, INT_MAX), 1);
	cr_assert_eq(o.top_pad, (size_t)INT_MAX);
	cr_assert_eq(options_mallopt(&o, M_MMAP_MAX, 0), 1);
	cr_assert_eq(o.mmap_max, 0u);
	cr_assert_eq(options_mallopt(&o, M_MMAP_MAX, -5), 1);
	cr_assert_eq(o.mmap_max, 0u);
	cr_assert(o.thresholds_set && o.trim_threshold_set && o.top_pad_set);
}

Test(options, mallopt_return_values_are_glibcs)
{
	cr_assert_eq(options_mallopt(&o, M_MXFAST, 160), 1);
	cr_assert_eq(o.mxfast, 160u);
	cr_assert_eq(options_mallopt(&o, M_MXFAST, 161), 0);
	cr_assert_eq(options_mallopt(&o, M_MXFAST, -1), 0);
	cr_assert_eq(o.mxfast, 160u);
	cr_assert_eq(options_mallopt(&o, M_MXFAST, 0), 1);
	cr_assert_eq(options_mallopt(&o, M_CHECK_ACTION, 3), 1);
	cr_assert_eq(o.check_action, 0u);
	cr_assert_eq(options_mallopt(&o, M_PERTURB, 0x1a5), 1);
	cr_assert_eq(o.perturb, 0xa5u);
	cr_assert_eq(options_mallopt(&o, M_PERTURB, 0), 1);
	cr_assert_eq(o.perturb, 0u);
	cr_assert_eq(options_mallopt(&o, M_ARENA_MAX, 4), 1);
	cr_assert_eq(options_mallopt(&o, M_ARENA_MAX, 0), 1);
	cr_assert_eq(options_mallopt(&o, M_ARENA_MAX, -1), 1);
	cr_assert_eq(o.arena_max, 4u);
	cr_assert_eq(options_mallopt(&o, M_ARENA_TEST, 4), 1);
	cr_assert_eq(options_mallopt(&o, M_ARENA_TEST, -4), 1);
	cr_assert_eq(o.arena_test, 4u);
	cr_assert_eq(options_mallopt(&o, 12345, 1), 1);
	cr_assert_eq(options_mallopt(&o, 0, 1), 1);
	cr_assert_not(o.thresholds_set);
}
