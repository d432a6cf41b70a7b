/*
 * boot.c: `mmsim boot [SPEC]`, a machine as it is after boot.
 *
 * It prints the spec; the zones, in frames and in pages, with their watermarks and
 * what they keep back from requests that could be served elsewhere; memory and swap
 * as free(1) and the nodes as numactl(8) show them.
 *
 * Everything is read from the machine's own files, /proc/zoneinfo for the
 * zones.
 */
#include "cli/command.h"
#include "cli/machine_options.h"
#include "cli/machine_text.h"

#include <argp.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static error_t parse_boot(int key, char *arg, struct argp_state *state)
{
	struct machine_options *machine = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = machine;
		return 0;
	case ARGP_KEY_ARG:
		machine_options_argument(machine, arg, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp boot_argp = {
	.parser = parse_boot,
	.args_doc = "[SPEC]",
	.doc = "Shows the machine that SPEC, such as ram=1G,swap=512M, or the "
	       "options describe, as it is after boot: zones and watermarks in "
	       "pages of 4 kB, memory in kB as free(1) shows it, nodes as "
	       "numactl(8) shows them.",
	.children = machine_options_children,
};

/* A zone of /proc/zoneinfo. */
struct zone_lines {
	int node;
	char name[16];
	unsigned long free, min, low, high, spanned, present, managed, start;
	char protection[128];
};

static void print_zone(const struct zone_lines *zone)
{
	if (zone->spanned == 0)
		return;
	printf("%4d  %-8s %11lu %11lu %11lu %11lu %11lu %8lu %8lu %8lu  %s\n",
	       zone->node, zone->name, zone->start, zone->spanned,
	       zone->present, zone->managed, zone->free, zone->min, zone->low,
	       zone->high, zone->protection);
}

static void read_zone_line(struct zone_lines *zone, const char *line)
{
	unsigned long value;
	char name[32];

	if (sscanf(line, " protection: (%127[^)])", zone->protection) == 1)
		return;
	if (sscanf(line, " pages free %lu", &zone->free) == 1)
		return;
	if (sscanf(line, " %31s %lu", name, &value) != 2)
		return;
	if (strcmp(name, "min") == 0)
		zone->min = value;
	else if (strcmp(name, "low") == 0)
		zone->low = value;
	else if (strcmp(name, "high") == 0)
		zone->high = value;
	else if (strcmp(name, "spanned") == 0)
		zone->spanned = value;
	else if (strcmp(name, "present") == 0)
		zone->present = value;
	else if (strcmp(name, "managed") == 0)
		zone->managed = value;
	else if (strcmp(name, "start_pfn:") == 0)
		zone->start = value;
}

static void print_zones(struct mmsim_machine *machine)
{
	struct zone_lines zone = {0};
	int error;
	char *text = machine_proc(machine, "/proc/zoneinfo", &error);
	char *rest = text, *line;

	if (!text)
		errx(EXIT_MMSIM, "/proc/zoneinfo: %s", strerror(-error));
	printf("%4s  %-8s %11s %11s %11s %11s %11s %8s %8s %8s  %s\n", "node",
	       "zone", "first", "spanned", "present", "managed", "free", "min",
	       "low", "high", "protection");
	while ((line = strsep(&rest, "\n"))) {
		struct zone_lines next = {0};

		if (sscanf(line, "Node %d, zone %15s", &next.node, next.name) ==
		    2) {
			print_zone(&zone);
			zone = next;
		} else {
			read_zone_line(&zone, line);
		}
	}
	print_zone(&zone);
	free(text);
}

static void print_view(struct mmsim_machine *machine, const char *view)
{
	int error;
	char *text = machine_view(machine, view, &error);

	if (!text)
		errx(EXIT_MMSIM, "%s: %s", view, strerror(-error));
	printf("\n%s", text);
	free(text);
}

int boot_main(int argc, char **argv)
{
	struct machine_options options = {0};
	struct mmsim_machine *machine;

	argp_parse(&boot_argp, argc, argv, 0, NULL, &options);
	machine = machine_boot(options.spec);
	printf("machine: %s\n\n", options.spec);
	print_zones(machine);
	print_view(machine, "free");
	print_view(machine, "numactl --hardware");
	mmsim_machine_shutdown(machine);
	return 0;
}
