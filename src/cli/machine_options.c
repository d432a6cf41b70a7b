/*
 * machine_options.c: options become the spec of a machine.
 *
 *     --machine swap=1G --ram 64M --swappiness 10 --min-free 1M
 *     -> swap=1G,ram=64M,vm.swappiness=10,vm.min_free_kbytes=1024
 *
 * --machine gives any spec; each other option stands for one of its keys, and
 * wins over what --machine says of the key, wherever it stands in the line.  Of
 * the same option twice the later one counts.  Without ram= and managed= the
 * machine has 1G.
 *
 * What is allowed is the library's to say (mmsim_spec_check); its sentence
 * begins with the key, in whose place the option is put that the user gave.
 */
#include "cli/machine_options.h"

#include "cli/size.h"

#include <mmsim/kernel.h>

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_MACHINE = 0x4d00, OPTION_FIRST };

/* In the order of the list below, from OPTION_FIRST on. */
static const struct machine_key {
	const char *key; /* of the spec */
	bool in_kb;      /* the option takes a size, the key kB */
} keys[MACHINE_OPTIONS] = {
	{"ram", false},
	{"swap", false},
	{"vm.overcommit_memory", false},
	{"vm.overcommit_ratio", false},
	{"vm.overcommit_kbytes", false},
	{"vm.swappiness", false},
	{"vm.min_free_kbytes", true},
	{"thp", false},
	{"cpus", false},
	{"nodes", false},
	{"profile", false},
	{"seed", false},
};

static const struct argp_option options[] = {
	{"machine", OPTION_MACHINE, "SPEC", 0,
	 "The machine, as in ram=1G,swap=512M; mmsim(7) lists the keys", 0},
	{"ram", OPTION_FIRST, "SIZE", 0, "Memory of the machine [1G]", 0},
	{"swap", OPTION_FIRST + 1, "SIZE", 0, "Swap space [0]", 0},
	{"overcommit", OPTION_FIRST + 2, "MODE", 0,
	 "vm.overcommit_memory: 0 guess, 1 always, 2 never [0]", 0},
	{"overcommit-ratio", OPTION_FIRST + 3, "PERCENT", 0,
	 "Part of the memory that may be promised in mode 2 [50]", 0},
	{"overcommit-kbytes", OPTION_FIRST + 4, "KB", 0,
	 "The same as an amount [0: by the ratio]", 0},
	{"swappiness", OPTION_FIRST + 5, "N", 0, "vm.swappiness [60]", 0},
	{"min-free", OPTION_FIRST + 6, "SIZE", 0,
	 "vm.min_free_kbytes [by the memory]", 0},
	{"thp", OPTION_FIRST + 7, "WHEN", 0,
	 "Transparent huge pages: never, madvise, always [never]", 0},
	{"cpus", OPTION_FIRST + 8, "N", 0, "CPUs of the machine [1]", 0},
	{"nodes", OPTION_FIRST + 9, "N", 0, "NUMA nodes [1]", 0},
	{"profile", OPTION_FIRST + 10, "KERNEL", 0,
	 "Whose rules hold: linux-2.6.32, linux-3.10, linux-6.1, linux-6.18 "
	 "[linux-6.1]",
	 0},
	{"seed", OPTION_FIRST + 11, "N", 0, "Where chance comes from [0]", 0},
	{0},
};

/* A key=value of a spec, without blanks around the key and the value. */
struct pair {
	const char *key, *value, *end; /* of the text; end: behind the value */
	size_t key_len, value_len;
};

static size_t trim(const char **at, const char *end)
{
	while (*at < end && strchr(" \t", **at))
		++*at;
	while (end > *at && strchr(" \t\n", end[-1]))
		end--;
	return (size_t)(end - *at);
}

static struct pair pair_at(const char *text)
{
	struct pair pair = {.key = text, .end = text + strcspn(text, ",")};
	const char *equals = memchr(text, '=', (size_t)(pair.end - text));

	pair.value = equals ? equals + 1 : pair.end;
	pair.key_len = trim(&pair.key, equals ? equals : pair.end);
	pair.value_len = trim(&pair.value, pair.end);
	return pair;
}

static bool pair_is(const struct pair *pair, const char *key)
{
	return pair->key_len == strlen(key) &&
	       memcmp(pair->key, key, pair->key_len) == 0;
}

bool machine_options_get(const char *spec, const char *key, char *value,
			 size_t size)
{
	while (*spec) {
		struct pair pair = pair_at(spec);

		if (pair_is(&pair, key)) {
			if (pair.value_len >= size)
				return false;
			memcpy(value, pair.value, pair.value_len);
			value[pair.value_len] = '\0';
			return true;
		}
		spec = pair.end + (*pair.end == ',');
	}
	return false;
}

bool machine_options_set(char spec[MACHINE_SPEC_MAX], const char *key,
			 const char *value)
{
	char result[MACHINE_SPEC_MAX];
	size_t len = 0;
	int added;

	for (const char *at = spec; *at;) {
		struct pair pair = pair_at(at);

		if (!pair_is(&pair, key) && pair.end > at) {
			if (len > 0)
				result[len++] = ',';
			memcpy(result + len, at, (size_t)(pair.end - at));
			len += (size_t)(pair.end - at);
		}
		at = pair.end + (*pair.end == ',');
	}
	added = snprintf(result + len, sizeof(result) - len, "%s%s=%s",
			 len > 0 ? "," : "", key, value);
	if (added < 0 || (size_t)added >= sizeof(result) - len)
		return false;
	strcpy(spec, result);
	return true;
}

/* Puts what an option gave into the spec. */
static void apply_option(struct machine_options *machine, unsigned nr,
			 struct argp_state *state)
{
	const char *value = machine->values[nr];
	uint64_t bytes;
	char kb[64];

	if (strpbrk(value, ",="))
		argp_error(state,
			   "--%s=%s: one value is allowed, without , and =",
			   options[nr + 1].name, value);
	if (keys[nr].in_kb) {
		if (!size_parse(value, &bytes))
			argp_error(state,
				   "--%s=%s: a size is allowed, as in 1M",
				   options[nr + 1].name, value);
		snprintf(kb, sizeof(kb), "%" PRIu64, bytes / 1024);
		value = kb;
	}
	if (!machine_options_set(machine->spec, keys[nr].key, value))
		argp_error(state,
			   "--%s: the machine has more than %d characters",
			   options[nr + 1].name, MACHINE_SPEC_MAX - 1);
}

/* `why` begins with a key of the spec: says it with the user's words. */
static void refuse(const struct machine_options *machine, const char *why,
		   struct argp_state *state)
{
	for (unsigned i = 0; i < MACHINE_OPTIONS; i++) {
		size_t len = strlen(keys[i].key);

		if (!machine->values[i] || strncmp(why, keys[i].key, len) ||
		    !strchr("=:", why[len]))
			continue;
		if (keys[i].in_kb)
			argp_error(state, "--%s=%s: %s", options[i + 1].name,
				   machine->values[i], why);
		argp_error(state, "--%s%s", options[i + 1].name, why + len);
	}
	if (machine->is_argument || !machine->machine)
		argp_error(state, "%s", why);
	argp_error(state, "--machine: %s", why);
}

/* All options were read. */
static void finish(struct machine_options *machine, struct argp_state *state)
{
	char why[600], value[64];

	machine->spec[0] = '\0';
	if (machine->machine) {
		if (strlen(machine->machine) >= MACHINE_SPEC_MAX)
			argp_error(state,
				   "--machine: up to %d characters are allowed",
				   MACHINE_SPEC_MAX - 1);
		strcpy(machine->spec, machine->machine);
	}
	for (unsigned i = 0; i < MACHINE_OPTIONS; i++)
		if (machine->values[i])
			apply_option(machine, i, state);
	if (!machine_options_get(machine->spec, "ram", value, sizeof(value)) &&
	    !strstr(machine->spec, "managed") &&
	    !machine_options_set(machine->spec, "ram", "1G"))
		argp_error(state, "--machine: up to %d characters are allowed",
			   MACHINE_SPEC_MAX - 1);
	if (mmsim_spec_check(machine->spec, why, sizeof(why)) < 0)
		refuse(machine, why, state);
}

static error_t parse_machine(int key, char *arg, struct argp_state *state)
{
	struct machine_options *machine = state->input;

	if (key == OPTION_MACHINE) {
		if (machine->machine && machine->is_argument)
			argp_error(state,
				   "--machine: the machine was given twice");
		machine->machine = arg;
		return 0;
	}
	if (key >= OPTION_FIRST && key < OPTION_FIRST + MACHINE_OPTIONS) {
		machine->values[key - OPTION_FIRST] = arg;
		return 0;
	}
	if (key == ARGP_KEY_END && machine) {
		finish(machine, state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp machine_argp = {
	.options = options,
	.parser = parse_machine,
};

const struct argp_child machine_options_children[] = {
	{&machine_argp, 0, "Machine:", 1},
	{0},
};

void machine_options_argument(struct machine_options *machine, char *arg,
			      struct argp_state *state)
{
	if (machine->machine)
		argp_error(state, "%s: the machine was given twice", arg);
	machine->machine = arg;
	machine->is_argument = true;
}
