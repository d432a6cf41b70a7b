/*
 * options.c: the table of options, and everything that fills it in.
 *
 * Four ways lead to an option, the later ones win: glibc's own variables
 * (MALLOC_TOP_PAD_), GLIBC_TUNABLES (glibc.malloc.top_pad), MMSIM_ and the
 * option's name in capitals (MMSIM_TOP_PAD), and at run time mallopt.  Names,
 * ranges and return values of what glibc has are glibc's.
 *
 * A value in text is decimal, octal (0...) or hexadecimal (0x...); K, M or G
 * may follow a number of bytes.  A value that cannot be used leaves things as
 * they were, and one line on standard error says which variable, which value
 * and what is allowed: a program must start, however it is called.  An empty
 * value is no value.
 *
 * All of this runs inside the first malloc of the process: own parsing, no
 * locale, no stdio, no getenv.
 *
 * Sources: mallopt(3); the glibc manual, "Memory Allocation Tunables".
 */
#include "alloc/options.h"

#include "base/outbuf.h"

#include <limits.h>
#include <malloc.h>
#include <string.h>
#include <unistd.h>

#define FIELD(f) .offset = offsetof(struct options, f)
#define TEXT_SHOWN_MAX 40 /* characters of a bad value that are repeated */

/* Apart from the table, which is long: every start reads this, and nothing else. */
START_CONST static const struct options defaults = {
	.mmap_threshold = 128 * KIB,
	.trim_threshold = 128 * KIB,
	.top_pad = 128 * KIB,
	.mmap_max = 65536,
	.mxfast = 128,
	.arena_test = 2,
	.decay_ms = 1000,
	.populate_max = 1 * MIB,
	.cache_max = 1 * MIB,
};

const struct option option_table[] = {
	{
		.name = "mmap_threshold",
		.param = M_MMAP_THRESHOLD,
		.env = "MALLOC_MMAP_THRESHOLD_",
		.tunable = "glibc.malloc.mmap_threshold",
		.max = SIZE_MAX,
		.minus_one = true,
		.is_bytes = true,
		FIELD(mmap_threshold),
		.help = "requests from this size on that no free memory can "
			"serve are mapped on their own",
	},
	{
		.name = "trim_threshold",
		.param = M_TRIM_THRESHOLD,
		.env = "MALLOC_TRIM_THRESHOLD_",
		.tunable = "glibc.malloc.trim_threshold",
		.max = SIZE_MAX,
		.minus_one = true,
		.is_bytes = true,
		FIELD(trim_threshold),
		.help = "free bytes at the top of the heap that are given "
			"back; -1: no memory ever is",
	},
	{
		.name = "top_pad",
		.param = M_TOP_PAD,
		.env = "MALLOC_TOP_PAD_",
		.tunable = "glibc.malloc.top_pad",
		.max = GIB << 10,
		.is_bytes = true,
		FIELD(top_pad),
		.help = "bytes asked for beyond what is needed when the heap "
			"grows, and kept when it shrinks",
	},
	{
		.name = "mmap_max",
		.param = M_MMAP_MAX,
		.env = "MALLOC_MMAP_MAX_",
		.tunable = "glibc.malloc.mmap_max",
		.max = INT_MAX,
		FIELD(mmap_max),
		.help = "mapped chunks at a time; 0: none",
	},
	{
		.name = "mxfast",
		.param = M_MXFAST,
		.tunable = "glibc.malloc.mxfast",
		.max = 160,
		.is_bytes = true,
		FIELD(mxfast),
		.help = "accepted, without effect: there are no fast bins",
	},
	{
		.name = "perturb",
		.param = M_PERTURB,
		.env = "MALLOC_PERTURB_",
		.tunable = "glibc.malloc.perturb",
		.max = 255,
		FIELD(perturb),
		.help = "fill freed memory with this byte and new memory with "
			"its complement; 0: no filling.  Set by mallopt, "
			"another thread follows at its next free or when "
			"its cache runs empty",
	},
	{
		.name = "check",
		.param = M_CHECK_ACTION,
		.env = "MALLOC_CHECK_",
		.tunable = "glibc.malloc.check",
		.max = 3,
		FIELD(check_action),
		.help = "3 turns the expensive checks on; mallopt accepts and "
			"ignores it",
	},
	{
		.name = "arena_test",
		.param = M_ARENA_TEST,
		.env = "MALLOC_ARENA_TEST",
		.tunable = "glibc.malloc.arena_test",
		.min = 1,
		.max = INT_MAX,
		FIELD(arena_test),
		.help = "arenas that there may be at the least, when "
			"arena_max is 0",
	},
	{
		.name = "arena_max",
		.param = M_ARENA_MAX,
		.env = "MALLOC_ARENA_MAX",
		.tunable = "glibc.malloc.arena_max",
		.max = INT_MAX,
		FIELD(arena_max),
		.help = "arenas at the most; 0, the default: one for each CPU "
			"that the process may use and one more, or arena_test",
	},
	{
		.name = "decay_ms",
		.env = "MMSIM_DECAY_MS",
		.max = INT_MAX,
		.minus_one = true,
		FIELD(decay_ms),
		.help = "milliseconds that free pages are kept for reuse; 0: "
			"given back at once, -1: kept for good",
	},
	{
		.name = "populate_max",
		.env = "MMSIM_POPULATE_MAX",
		.max = GIB,
		.is_bytes = true,
		FIELD(populate_max),
		.help = "bytes of pages fetched ahead in one step while the "
			"heap grows; 0: none",
	},
	{
		.name = "cache_max",
		.env = "MMSIM_CACHE_MAX",
		.max = GIB,
		.is_bytes = true,
		FIELD(cache_max),
		.help = "bytes that the cache of a thread may hold; 0: none "
			"(so does glibc.malloc.tcache_count=0; tcache_max "
			"and tcache_unsorted_limit have no effect)",
	},
	{
		.name = "hugepages",
		.env = "MMSIM_HUGEPAGES",
		.tunable = "glibc.malloc.hugetlb",
		.max = 1,
		FIELD(hugepages),
		.help = "1: ask for transparent huge pages (any "
			"glibc.malloc.hugetlb but 0 does)",
	},
	{
		.name = "background",
		.env = "MMSIM_BACKGROUND",
		.max = 1,
		FIELD(background),
		.help = "1: a thread gives back what has waited for decay_ms, "
			"without a call of the program; 0: no thread",
	},
	{
		.name = "stats",
		.env = "MMSIM_STATS",
		.max = 1,
		FIELD(stats),
		.help = "1: print malloc_stats on standard error at exit",
	},
	{.name = ""},
};

static size_t *option_field(struct options *options, const struct option *opt)
{
	return (size_t *)(void *)((char *)options + opt->offset);
}

static void option_store(struct options *options, const struct option *opt,
			 size_t value)
{
	store_relaxed(option_field(options, opt), value);
	switch (opt->param) {
	case M_TRIM_THRESHOLD:
		options->trim_threshold_set = true;
		break;
	case M_TOP_PAD:
		options->top_pad_set = true;
		break;
	case M_MMAP_THRESHOLD:
	case M_MMAP_MAX:
		break;
	default:
		return;
	}
	options->thresholds_set = true;
}

void options_init(struct options *options)
{
	const struct options *from = &defaults;

	/* Else the compiler makes constants in .rodata of what it knows. */
	__asm__("" : "+r"(from));
	*options = *from;
}

size_t option_default(const struct option *opt)
{
	return *option_field((struct options *)&defaults, opt);
}

/* ---- values in text ---- */

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return INT_MAX;
}

/* The digits at *at, in strtoul's base 0; *at moves behind them.  False: there
 * is none, or the number is too large. */
static bool parse_digits(const char **at, const char *end, size_t *value)
{
	int base = 10;
	const char *first;

	if (end - *at > 2 && (*at)[0] == '0' && ((*at)[1] | 0x20) == 'x') {
		base = 16;
		*at += 2;
	} else if (end - *at > 1 && (*at)[0] == '0') {
		base = 8;
	}
	*value = 0;
	for (first = *at; *at < end && digit_value(**at) < base; ++*at)
		if (__builtin_mul_overflow(*value, (size_t)base, value) ||
		    __builtin_add_overflow(*value, (size_t)digit_value(**at),
					   value))
			return false;
	return *at > first;
}

static unsigned suffix_shift(char c)
{
	switch (c | 0x20) {
	case 'k':
		return 10;
	case 'm':
		return 20;
	case 'g':
		return 30;
	default:
		return 0;
	}
}

/* Reads a number, all of [at, end).  A negative one gives *is_negative. */
static COLD_FAR bool parse_number(const char *at, const char *end,
				  bool is_bytes, size_t *value,
				  bool *is_negative)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	*is_negative = at < end && *at == '-';
	if (at < end && (*at == '-' || *at == '+'))
		at++;
	if (!parse_digits(&at, end, value))
		return false;
	if (*value == 0)
		*is_negative = false;
	if (is_bytes && at < end && suffix_shift(*at) != 0) {
		unsigned shift = suffix_shift(*at++);

		if (*value > SIZE_MAX >> shift)
			return false;
		*value <<= shift;
	}
	return at == end;
}

/* False: the text is not a value that the option allows. */
static COLD_FAR bool option_set(struct options *options,
				const struct option *opt, const char *text,
				const char *end)
{
	size_t value;
	bool is_negative;

	if (!parse_number(text, end, opt->is_bytes, &value, &is_negative))
		return false;
	if (is_negative) {
		if (!opt->minus_one)
			return false;
		value = OPTION_NEVER;
	} else if (value < opt->min || value > opt->max) {
		return false;
	}
	option_store(options, opt, value);
	return true;
}

/* The line about a bad value; one write. */
static COLD_FAR void option_complain(const struct options *options,
				     const struct option *opt,
				     const char *source, const char *text,
				     const char *end)
{
	size_t now = *option_field((struct options *)options, opt);
	char line[512];
	struct outbuf out;

	outbuf_init(&out, line, sizeof(line), STDERR_FILENO);
	outbuf_printf(&out, "mmsim: %s: bad value \"", source);
	for (int i = 0; text < end && i < TEXT_SHOWN_MAX; i++, text++)
		outbuf_printf(&out, "%c",
			      *text >= ' ' && *text <= '~' ? *text : '?');
	outbuf_printf(&out, "%s\", allowed is %zu to %zu%s%s; it stays ",
		      text < end ? "..." : "", opt->min, opt->max,
		      opt->minus_one ? " or -1" : "",
		      opt->is_bytes ? " (K, M, G may follow)" : "");
	if (now == OPTION_NEVER)
		outbuf_str(&out, "-1\n");
	else
		outbuf_printf(&out, "%zu\n", now);
	outbuf_flush(&out);
}

static COLD_FAR void option_set_or_complain(struct options *options,
					    const struct option *opt,
					    const char *source,
					    const char *text, const char *end)
{
	if (text < end && !option_set(options, opt, text, end))
		option_complain(options, opt, source, text, end);
}

/* ---- the environment ---- */

/* Whether the characters from `name` to `end` are those of `text`. */
static bool name_is(const char *name, const char *end, const char *text)
{
	size_t len = (size_t)(end - name);

	return strncmp(name, text, len) == 0 && text[len] == '\0';
}

/* The same with `text` in capitals. */
static bool name_is_capitals(const char *name, const char *end,
			     const char *text)
{
	for (; name < end && *text; name++, text++) {
		bool is_lower = *text >= 'a' && *text <= 'z';

		if (*name != (is_lower ? *text - 'a' + 'A' : *text))
			return false;
	}
	return name == end && *text == '\0';
}

static void read_malloc_variable(struct options *options, const char *name,
				 const char *value)
{
	for (const struct option *opt = option_table; *opt->name; opt++)
		if (name_is(name, value - 1, opt->env))
			option_set_or_complain(options, opt, opt->env, value,
					       value + strlen(value));
}

static void read_mmsim_variable(struct options *options, const char *name,
				const char *value)
{
	char source[64] = "MMSIM_";
	struct outbuf out;

	name += strlen("MMSIM_");
	for (const struct option *opt = option_table; *opt->name; opt++) {
		if (!name_is_capitals(name, value - 1, opt->name))
			continue;
		outbuf_init(&out, source, sizeof(source), -1);
		outbuf_str(&out, "MMSIM_");
		for (; name < value - 1; name++)
			outbuf_printf(&out, "%c", *name);
		option_set_or_complain(options, opt, source, value,
				       value + strlen(value));
	}
}

/* One "name=value" of GLIBC_TUNABLES.  Names that we do not know may be those
 * of other parts of glibc. */
static void read_tunable(struct options *options, const char *name,
			 const char *end)
{
	const char *value = memchr(name, '=', (size_t)(end - name));
	size_t number;
	bool is_negative;

	if (!value++)
		return;
	for (const struct option *opt = option_table; *opt->name; opt++) {
		if (!*opt->tunable || !name_is(name, value - 1, opt->tunable))
			continue;
		/* glibc's other kinds of huge pages, and their sizes. */
		if (opt->offset == offsetof(struct options, hugepages) &&
		    parse_number(value, end, true, &number, &is_negative) &&
		    number > 1)
			option_store(options, opt, 1);
		else
			option_set_or_complain(options, opt, opt->tunable,
					       value, end);
	}
	if (name_is(name, value - 1, "glibc.malloc.tcache_count") &&
	    parse_number(value, end, false, &number, &is_negative) &&
	    number == 0)
		options->cache_max = 0;
}

static void read_tunables(struct options *options, const char *list)
{
	while (*list) {
		const char *end = list + strcspn(list, ":");

		read_tunable(options, list, end);
		list = *end ? end + 1 : end;
	}
}

/* Without a function of libc, which would be one page more to touch in a
 * program that has no option at all. */
static bool has_prefix(const char *text, const char *prefix)
{
	while (*prefix && *text == *prefix) {
		text++;
		prefix++;
	}
	return *prefix == '\0';
}

/* The prefixes of the variables that are read, in this order. */
enum source { FROM_MALLOC, FROM_TUNABLES, FROM_MMSIM, NR_SOURCES };

START_CONST static const char source_prefixes[NR_SOURCES][16] = {
	[FROM_MALLOC] = "MALLOC_",
	[FROM_TUNABLES] = "GLIBC_TUNABLES=",
	[FROM_MMSIM] = "MMSIM_",
};

bool options_are_named(char *const *envp)
{
	for (; *envp; envp++)
		for (size_t s = 0; s < NR_SOURCES; s++)
			if (has_prefix(*envp, source_prefixes[s]))
				return true;
	return false;
}

static COLD_FAR void read_variable(struct options *options, enum source source,
				   const char *name)
{
	const char *value = strchr(name, '=');

	if (!value)
		return;
	switch (source) {
	case FROM_MALLOC:
		read_malloc_variable(options, name, value + 1);
		break;
	case FROM_TUNABLES:
		read_tunables(options, value + 1);
		break;
	default:
		read_mmsim_variable(options, name, value + 1);
	}
}

void options_from_env(struct options *options, char *const *envp, bool secure)
{
	size_t nr = 0;

	if (secure || !envp)
		return;
	while (envp[nr])
		nr++;
	for (size_t s = 0; s < NR_SOURCES; s++)
		/* Of two variables with one name getenv sees the first, so
		 * that one has to come last here. */
		for (size_t i = nr; i-- > 0;)
			if (has_prefix(envp[i], source_prefixes[s]))
				read_variable(options, s, envp[i]);
}

/* ---- lists and mallopt ---- */

static bool read_list_item(struct options *options, const char *name,
			   const char *end)
{
	const char *value = memchr(name, '=', (size_t)(end - name));

	if (!value++)
		return false;
	for (const struct option *opt = option_table; *opt->name; opt++)
		if (name_is(name, value - 1, opt->name))
			return option_set(options, opt, value, end);
	return false;
}

COLD_FAR bool options_from_list(struct options *options, const char *list)
{
	struct options changed = *options;

	if (!list || *list == '\0')
		return true;
	for (;;) {
		const char *end = list + strcspn(list, ",");

		if (!read_list_item(&changed, list, end))
			return false;
		if (*end == '\0')
			break;
		list = end + 1;
	}
	*options = changed;
	return true;
}

COLD_FAR int options_mallopt(struct options *options, int param, int value)
{
	const struct option *opt = option_table;
	size_t size;

	while (*opt->name && opt->param != param)
		opt++;
	if (!*opt->name || param == 0)
		return 1;
	/* glibc takes sizes as size_t: a negative int is beyond any size. */
	size = value < 0 ? opt->max : min_size((size_t)value, opt->max);
	switch (param) {
	case M_MXFAST:
		if (value < 0 || (size_t)value > opt->max)
			return 0;
		break;
	case M_PERTURB:
		size = (size_t)value & 0xff;
		break;
	case M_CHECK_ACTION:
		return 1;
	case M_ARENA_TEST:
	case M_ARENA_MAX:
		if (value <= 0)
			return 1;
		break;
	case M_MMAP_MAX:
		if (value < 0)
			size = 0;
		break;
	}
	option_store(options, opt, size);
	return 1;
}
