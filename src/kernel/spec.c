/*
 * spec.c: a machine as a line of text.
 *
 *     ram=1G,swap=512M,nodes=2,seed=7,vm.swappiness=10
 *
 * Keys and values with commas between them; blanks around them do not count.
 * Sizes are bytes, or have one of the suffixes K, M, G, T.  A key may be given
 * once.  What is wrong is told in one sentence that names the key and what is
 * allowed.
 *
 *   ram               a size               nodes, cpus   how many
 *   swap              sizes, with priorities: 512M:5+1G:1
 *   seed              a number             profile       which kernel's rules
 *   arch              x86-64, x86-32, x86-32-pae
 *   disk_size         a size               disk_latency  microseconds
 *   disk_bandwidth    bytes a second
 *   thp               never, madvise, always
 *   aslr              0, 1, 2              memory_model  sparsemem, flatmem, ...
 *   managed, present  pages of each zone: DMA:3840+DMA32:48839
 *   boot_used         pages in use before the first task, in all or by zone
 *                     (these three also node by node, with / between them)
 *   boot_freed        pages that came back after the watermarks were set
 *   tmp_size, shm_size   how much /tmp and /dev/shm may hold
 *   maxmem, slots     memory that may be plugged in; memory_block: its unit
 *   vm.NAME           a setting of /proc/sys/vm (kernel. and fs. as well)
 */
#include "kernel/spec.h"

#include "kernel/clock.h"
#include "kernel/spec_parser.h"
#include "kernel/sysctl.h"
#include "kernel/thp.h"

#include <mmsim/kernel.h>

#include <errno.h>
#include <string.h>

enum {
	SPEC_VALUE_MAX = 128, /* of a setting */
	SPEC_MIN_RAM = 4 << 20,
	SPEC_MAX_SWAP_PRIO = 32767,
};
#define SPEC_MAX_SWAP ((uint64_t)64 << 40)
#define SPEC_DISK_SIZE ((uint64_t)4 << 40)
#define SPEC_MIN_DISK ((uint64_t)1 << 20)
#define SPEC_MAX_DISK ((uint64_t)64 << 40)
#define SPEC_MAX_LATENCY_US ((uint64_t)10000000)
#define SPEC_MAX_BANDWIDTH ((uint64_t)1 << 40)
#define SPEC_SECOND_NS ((uint64_t)1000000000)

static int spec_ram(struct spec_parser *parser, struct spec_text value)
{
	uint64_t bytes;

	if (!spec_size(value, &bytes) || bytes < SPEC_MIN_RAM ||
	    bytes > SPEC_MAX_RAM || bytes % PAGE_SIZE != 0)
		return spec_reject(parser, "ram", value,
				   "a size from 4M to 64T is allowed, a "
				   "multiple of 4K, as in 512M");
	parser->spec->ram = bytes;
	return 0;
}

/* "512M", "512M:5" (a priority), "512M:off" */
static bool spec_swap_device(struct spec_text text, struct spec_swap *swap)
{
	bool has_how = memchr(text.at, ':', text.len) != NULL;
	struct spec_text size = spec_split(&text, ':'), how = spec_trim(text);
	uint64_t prio;

	*swap = (struct spec_swap){.prio = -1};
	if (!spec_size(size, &swap->bytes) || swap->bytes > SPEC_MAX_SWAP ||
	    swap->bytes % PAGE_SIZE != 0 || swap->bytes < 2 * PAGE_SIZE)
		return false;
	if (!has_how)
		return true;
	swap->is_off = spec_text_is(how, "off");
	if (swap->is_off)
		return true;
	if (!spec_digits(how, &prio) || prio > SPEC_MAX_SWAP_PRIO)
		return false;
	swap->prio = (int)prio;
	return true;
}

static int spec_swap(struct spec_parser *parser, struct spec_text value)
{
	struct spec *spec = parser->spec;
	struct spec_text rest = value;
	uint64_t bytes;
	bool more;

	if (spec_size(value, &bytes) && bytes == 0)
		return 0;
	do {
		struct spec_text device;

		more = memchr(rest.at, '+', rest.len) != NULL;
		device = spec_split(&rest, '+');
		if (spec->nr_swaps == SPEC_MAX_SWAPS ||
		    !spec_swap_device(device, &spec->swaps[spec->nr_swaps++]))
			return spec_reject(
				parser, "swap", value,
				"a size of 0 or from 8K to 64T is allowed, a "
				"multiple of 4K, as in 512M, or up to 29 such "
				"sizes with priorities, as in "
				"512M:5+1G:1+2G:off");
	} while (more);
	return 0;
}

static int spec_tmpfs(struct spec_parser *parser, const char *key,
		      struct spec_text value, struct spec_tmpfs *tmpfs)
{
	struct spec_text number = value;
	uint64_t percent;

	tmpfs->is_set = true;
	if (value.len && value.at[value.len - 1] == '%') {
		number.len--;
		if (spec_digits(number, &percent) && percent >= 1 &&
		    percent <= 100) {
			tmpfs->percent = (unsigned)percent;
			return 0;
		}
	} else if (spec_size(value, &tmpfs->bytes) &&
		   tmpfs->bytes <= SPEC_MAX_RAM) {
		return 0;
	}
	return spec_reject(parser, key, value,
			   "a size of up to 64T, as in 64M, a part of the "
			   "memory, as in 50%, or 0 for no limit is allowed");
}

static int spec_tmp_size(struct spec_parser *parser, struct spec_text value)
{
	return spec_tmpfs(parser, "tmp_size", value, &parser->spec->tmp_size);
}

static int spec_shm_size(struct spec_parser *parser, struct spec_text value)
{
	return spec_tmpfs(parser, "shm_size", value, &parser->spec->shm_size);
}

static int spec_disk_size(struct spec_parser *parser, struct spec_text value)
{
	uint64_t bytes;

	if (!spec_size(value, &bytes) || bytes < SPEC_MIN_DISK ||
	    bytes > SPEC_MAX_DISK || bytes % PAGE_SIZE != 0)
		return spec_reject(parser, "disk_size", value,
				   "a size from 1M to 64T is allowed, a "
				   "multiple of 4K, as in 20G");
	parser->spec->disk_size = bytes;
	return 0;
}

static int spec_disk_latency(struct spec_parser *parser, struct spec_text value)
{
	uint64_t us;

	if (!spec_digits(value, &us) || us > SPEC_MAX_LATENCY_US)
		return spec_reject(parser, "disk_latency", value,
				   "a number of microseconds from 0 to "
				   "10000000 is allowed");
	parser->spec->disk_latency_ns = us * 1000;
	return 0;
}

static int spec_disk_bandwidth(struct spec_parser *parser,
			       struct spec_text value)
{
	uint64_t bytes;

	if (!spec_size(value, &bytes) || bytes < PAGE_SIZE ||
	    bytes > SPEC_MAX_BANDWIDTH)
		return spec_reject(parser, "disk_bandwidth", value,
				   "a size from 4K to 1T is allowed, as in "
				   "500M");
	parser->spec->disk_page_ns = PAGE_SIZE * SPEC_SECOND_NS / bytes;
	return 0;
}

static int spec_count(struct spec_parser *parser, const char *key,
		      struct spec_text value, unsigned max, const char *allowed,
		      unsigned *count)
{
	uint64_t n;

	if (!spec_digits(value, &n) || n < 1 || n > max)
		return spec_reject(parser, key, value, allowed);
	*count = (unsigned)n;
	return 0;
}

_Static_assert(MAX_NODES == 16 && MAX_CPUS == 64, "the texts below say so");

static int spec_nodes(struct spec_parser *parser, struct spec_text value)
{
	return spec_count(parser, "nodes", value, MAX_NODES,
			  "a number from 1 to 16 is allowed",
			  &parser->spec->nodes);
}

static int spec_cpus(struct spec_parser *parser, struct spec_text value)
{
	return spec_count(parser, "cpus", value, MAX_CPUS,
			  "a number from 1 to 64 is allowed",
			  &parser->spec->cpus);
}

static int spec_seed(struct spec_parser *parser, struct spec_text value)
{
	if (!spec_digits(value, &parser->spec->seed))
		return spec_reject(parser, "seed", value,
				   "a number from 0 to 2^64-1 is allowed");
	return 0;
}

enum { SPEC_WORD_LEN = 16 };

/* The number of the word in a list that ends with ""; -1: not there. */
static int spec_word(struct spec_text value, const char (*words)[SPEC_WORD_LEN])
{
	for (int i = 0; *words[i]; i++)
		if (spec_text_is(value, words[i]))
			return i;
	return -1;
}

static int spec_profile(struct spec_parser *parser, struct spec_text value)
{
	static const char words[][SPEC_WORD_LEN] = {
		"linux-2.6.32", "linux-3.10", "linux-6.1", "linux-6.18", ""};
	int word = spec_word(value, words);

	if (word < 0)
		return spec_reject(parser, "profile", value,
				   "linux-2.6.32, linux-3.10, linux-6.1 and "
				   "linux-6.18 are allowed");
	parser->spec->profile = (enum profile)(PROFILE_2_6_32 + word);
	return 0;
}

static int spec_arch(struct spec_parser *parser, struct spec_text value)
{
	static const char words[][SPEC_WORD_LEN] = {"x86-64", "x86-32",
						    "x86-32-pae", ""};
	int word = spec_word(value, words);

	if (word < 0)
		return spec_reject(parser, "arch", value,
				   "x86-64, x86-32 and x86-32-pae are allowed");
	parser->spec->arch = (enum arch)(ARCH_X86_64 + word);
	return 0;
}

static int spec_thp(struct spec_parser *parser, struct spec_text value)
{
	static const char words[][SPEC_WORD_LEN] = {"never", "madvise",
						    "always", ""};
	int word = spec_word(value, words);

	if (word < 0)
		return spec_reject(parser, "thp", value,
				   "never, madvise and always are allowed");
	parser->spec->thp = THP_NEVER + word;
	return 0;
}

static int spec_memory_model(struct spec_parser *parser, struct spec_text value)
{
	static const char words[][SPEC_WORD_LEN] = {"sparsemem", "flatmem",
						    "discontigmem", ""};
	int word = spec_word(value, words);

	if (word < 0)
		return spec_reject(parser, "memory_model", value,
				   "sparsemem, flatmem and discontigmem are "
				   "allowed");
	parser->spec->memory_model =
		(enum memory_model)(MEMORY_SPARSEMEM + word);
	return 0;
}

static int spec_aslr(struct spec_parser *parser, struct spec_text value)
{
	uint64_t n;

	if (!spec_digits(value, &n) || n > 2)
		return spec_reject(parser, "aslr", value,
				   "0, 1 and 2 are allowed");
	parser->spec->aslr = (unsigned)n;
	return 0;
}

static const struct spec_key {
	const char *name;
	int (*parse)(struct spec_parser *parser, struct spec_text value);
} spec_keys[] = {
	{"ram", spec_ram},
	{"swap", spec_swap},
	{"nodes", spec_nodes},
	{"cpus", spec_cpus},
	{"seed", spec_seed},
	{"profile", spec_profile},
	{"arch", spec_arch},
	{"thp", spec_thp},
	{"aslr", spec_aslr},
	{"memory_model", spec_memory_model},
	{"disk_size", spec_disk_size},
	{"disk_latency", spec_disk_latency},
	{"disk_bandwidth", spec_disk_bandwidth},
	{"managed", spec_managed},
	{"present", spec_present},
	{"boot_used", spec_boot_used},
	{"boot_freed", spec_boot_freed},
	{"tmp_size", spec_tmp_size},
	{"shm_size", spec_shm_size},
	{"maxmem", spec_maxmem},
	{"slots", spec_slots},
	{"memory_block", spec_memory_block},
};

/* vm.NAME=VALUE; what is allowed depends on the profile. */
static int spec_sysctl(struct spec_parser *parser, struct spec_text key,
		       struct spec_text value)
{
	struct spec *spec = parser->spec;

	for (unsigned i = 0; i < spec->nr_sysctls; i++)
		if (spec->sysctls[i].name_len == key.len &&
		    memcmp(spec->sysctls[i].name, key.at, key.len) == 0) {
			spec_say(parser, key);
			outbuf_str(&parser->why, ": a key is allowed once");
			return -EINVAL;
		}
	if (key.len >= SPEC_VALUE_MAX || value.len >= SPEC_VALUE_MAX ||
	    spec->nr_sysctls == SPEC_MAX_SYSCTLS) {
		spec_say(parser, key);
		outbuf_str(&parser->why,
			   ": names and values of up to 127 characters, and "
			   "64 settings, are allowed");
		return -EINVAL;
	}
	spec->sysctls[spec->nr_sysctls++] =
		(struct spec_sysctl){key.at, key.len, value.at, value.len};
	return 0;
}

/* When the profile is known: the table of settings tells what is allowed. */
static int spec_check_sysctls(struct spec_parser *parser)
{
	const struct spec *spec = parser->spec;

	for (unsigned i = 0; i < spec->nr_sysctls; i++) {
		const struct spec_sysctl *setting = &spec->sysctls[i];
		char name[SPEC_VALUE_MAX], text[SPEC_VALUE_MAX], why[256];

		memcpy(name, setting->name, setting->name_len);
		name[setting->name_len] = '\0';
		memcpy(text, setting->value, setting->value_len);
		text[setting->value_len] = '\0';
		if (sysctl_check(spec->profile, name, text, why, sizeof(why)) <
		    0) {
			outbuf_str(&parser->why, why);
			return -EINVAL;
		}
	}
	return 0;
}

static int spec_unknown_key(struct spec_parser *parser, struct spec_text key)
{
	spec_say(parser, key);
	outbuf_str(&parser->why, ": no such key; allowed are");
	for (size_t i = 0; i < ARRAY_SIZE(spec_keys); i++)
		outbuf_printf(&parser->why, " %s", spec_keys[i].name);
	outbuf_str(&parser->why, " and the settings vm.NAME");
	return -EINVAL;
}

static int spec_pair(struct spec_parser *parser, struct spec_text pair)
{
	bool has_value = memchr(pair.at, '=', pair.len) != NULL;
	struct spec_text value = pair;
	struct spec_text key = spec_split(&value, '=');

	value = spec_trim(value);
	if (memchr(key.at, '.', key.len) && has_value)
		return spec_sysctl(parser, key, value);
	for (size_t i = 0; i < ARRAY_SIZE(spec_keys); i++) {
		if (!spec_text_is(key, spec_keys[i].name))
			continue;
		if (!has_value) {
			outbuf_printf(&parser->why,
				      "%s: a value is needed, as in key=value",
				      spec_keys[i].name);
			return -EINVAL;
		}
		if (parser->seen >> i & 1) {
			outbuf_printf(&parser->why, "%s: a key is allowed once",
				      spec_keys[i].name);
			return -EINVAL;
		}
		parser->seen |= (uint64_t)1 << i;
		return spec_keys[i].parse(parser, value);
	}
	return spec_unknown_key(parser, key);
}

int spec_parse(const char *text, struct spec *spec, char *why, size_t len)
{
	struct spec_parser parser = {.spec = spec};
	struct spec_text rest = {text, strlen(text)};
	int err;

	memset(spec, 0, sizeof(*spec));
	spec->nodes = 1;
	spec->cpus = 1;
	spec->profile = PROFILE_6_1;
	spec->arch = ARCH_X86_64;
	spec->thp = THP_NEVER;
	spec->memory_model = MEMORY_SPARSEMEM;
	spec->disk_size = SPEC_DISK_SIZE;
	spec->disk_latency_ns = COST_DISK_LATENCY;
	spec->disk_page_ns = COST_DISK_PAGE;
	outbuf_init(&parser.why, why, len, -1);
	while (rest.len > 0) {
		struct spec_text pair = spec_split(&rest, ',');

		if (pair.len == 0)
			continue;
		err = spec_pair(&parser, pair);
		if (err < 0)
			return err;
	}
	err = spec_check_sysctls(&parser);
	return err ? err : spec_check_whole(&parser);
}

PUBLIC int mmsim_spec_check(const char *spec, char *why, size_t len)
{
	struct spec parsed;

	if (!why)
		len = 0;
	if (len > 0)
		why[0] = '\0';
	return spec_parse(spec ? spec : "", &parsed, why, len);
}
