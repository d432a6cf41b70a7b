/*
 * fit_report.c: what `mmsim fit` found, as text and as JSON.
 *
 * A container limit counts the heap and what is not simulated, but not what a
 * kernel keeps for itself:
 *
 *     least RAM - kept by the machine = for the heap
 *                                       + files + stack + other
 *                                       = the limit
 *
 * Each process has a machine of its own, but a container holds all that live at
 * once.  Where their sum, as it was seen on the host, is greater, it is the limit.
 *
 * The page tables of the heap stay with the heap, as a container's are counted,
 * too.
 *
 * Simplified: pages of files count in full, though they can be reclaimed, and may
 * be counted in another container; what the kernel needs for what is not
 * simulated is left out.
 */
#include "cli/fit.h"

#include "cli/json_text.h"
#include "cli/size.h"

#include <inttypes.h>
#include <string.h>
#include <sys/param.h>

/* The largest size of this kind that did not work, and why; NULL: none. */
static const struct fit_trial *find_failed(const struct fit *fit, bool is_swap)
{
	const struct fit_trial *found = NULL;

	for (size_t i = 0; i < fit->nr_trials; i++) {
		const struct fit_trial *trial = &fit->trials[i];
		bool is_kind = is_swap ? trial->ram == fit->ram &&
						 trial->swap < fit->swap
				       : trial->ram < fit->ram;

		if (!trial->worked && is_kind &&
		    (!found || (is_swap ? trial->swap > found->swap
					: trial->ram > found->ram)))
			found = trial;
	}
	return found;
}

/* It succeeds with the smallest machine that there is. */
static bool is_least_machine(const struct fit *fit)
{
	return fit->sought_ram && !find_failed(fit, false);
}

/* A part of the smallest machine may have been free all the time. */
static uint64_t heap_bytes(const struct fit *fit)
{
	uint64_t heap = fit->ram - fit->kept_bytes;

	if (is_least_machine(fit) && fit->peak_rss_kb << 10 < heap)
		return fit->peak_rss_kb << 10;
	return heap;
}

static uint64_t host_bytes(const struct fit *fit)
{
	const struct host_memory *memory = &fit->host.memory;

	return (memory->files_kb + memory->stack_kb + memory->other_kb) << 10;
}

static uint64_t limit_bytes(const struct fit *fit)
{
	return MAX(heap_bytes(fit) + host_bytes(fit),
		   fit->host.family_kb << 10);
}

/* What a run with the answer swapped. */
static uint64_t swapped_bytes(const struct fit *fit)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < fit->nr_trials; i++)
		if (fit->trials[i].ram == fit->ram &&
		    fit->trials[i].swap == fit->swap)
			pages = fit->trials[i].swapped_pages;
	return pages * FIT_PAGE;
}

/* ---- text ---- */

static void print_row(FILE *to, const char *what, uint64_t bytes,
		      const char *remark)
{
	char text[32];

	size_mb(bytes, text, sizeof(text));
	fprintf(to, "%-34s %12s%s%s\n", what, text, *remark ? "   " : "",
		remark);
}

static void print_sought(const struct fit *fit, FILE *to, bool is_swap)
{
	const struct fit_trial *failed = find_failed(fit, is_swap);
	char what[64], less[32], remark[128] = "";

	if (failed) {
		size_mb(is_swap ? failed->swap : failed->ram, less,
			sizeof(less));
		snprintf(remark, sizeof(remark), "with %s: %s", less,
			 failed->why);
	} else if (!is_swap) {
		snprintf(remark, sizeof(remark), "no machine is smaller");
	}
	if (is_swap && fit->sought_ram)
		snprintf(what, sizeof(what), "least swap with that RAM");
	else if (is_swap)
		snprintf(what, sizeof(what), "least swap");
	else
		snprintf(what, sizeof(what), "least RAM%s",
			 fit->swap_is_for_ram ? " with the swap given" : "");
	print_row(to, what, is_swap ? fit->swap : fit->ram, remark);
}

static void print_host(const struct fit *fit, FILE *to)
{
	const struct host_memory *memory = &fit->host.memory;
	char text[32], swap[64] = "", others[96];

	if (!fit->host.is_measured) {
		fprintf(to, "what is not simulated could not be measured; a "
			    "container needs it, too\n");
		return;
	}
	fprintf(to, "not simulated, measured on the host:\n");
	print_row(to, "  files", memory->files_kb << 10,
		  "the program and its libraries");
	print_row(to, "  stack", memory->stack_kb << 10, "");
	print_row(to, "  other", memory->other_kb << 10,
		  "static data, stacks of threads, mappings of its own");
	if (fit->host.family_kb) {
		snprintf(others, sizeof(others),
			 "the program and %u other%s, each of which has a "
			 "machine above",
			 fit->host.family_nr,
			 fit->host.family_nr > 1 ? "s" : "");
		print_row(to, "all processes at once, on the host",
			  fit->host.family_kb << 10, others);
	}
	if (fit->swap) {
		size_mb(fit->swap, text, sizeof(text));
		snprintf(swap, sizeof(swap), "and %s of swap", text);
	}
	print_row(to, "container limit, at least", limit_bytes(fit), swap);
}

static void print_doubts(const struct fit *fit, FILE *to)
{
	if (!fit->is_deterministic)
		fprintf(to,
			"The program is not deterministic: two runs did not do "
			"the same.  Each size was tried %u times.\n",
			fit->tries);
	if (fit->by_ram.is_uneven || fit->by_swap.is_uneven)
		fprintf(to, "Some less sufficed, too, but not all that lies "
			    "between.\n");
	if (fit->host.status != 0 || fit->host.timed_out) {
		struct outcome outcome = outcome_of(
			fit->host.status, fit->host.timed_out, &fit->statuses);
		char text[64];

		outcome_text(outcome, text, sizeof(text));
		if (outcome.kind != OUTCOME_CLEAN)
			fprintf(to,
				"On the host itself it ended otherwise: "
				"%s.\n",
				text);
	}
}

void fit_text(const struct fit *fit, FILE *to)
{
	if (fit->sought_ram)
		print_sought(fit, to, false);
	else
		print_row(to, "RAM", fit->ram, "as given");
	print_row(to, "  kept by the machine", fit->kept_bytes,
		  "not free after boot");
	print_row(to, "  for the heap", heap_bytes(fit),
		  heap_bytes(fit) < fit->ram - fit->kept_bytes
			  ? "the most that was resident"
			  : "");
	if (fit->sought_swap) {
		print_sought(fit, to, true);
		print_row(to, "  swapped in and out", swapped_bytes(fit),
			  "in such a run");
	}
	print_host(fit, to);
	print_doubts(fit, to);
}

/* ---- JSON ---- */

static json_t *json_trials(const struct fit *fit)
{
	json_t *array = json_array();

	for (size_t i = 0; i < fit->nr_trials; i++) {
		const struct fit_trial *trial = &fit->trials[i];
		json_t *object =
			json_pack("{s:I, s:I, s:I, s:I, s:b}", "ram_bytes",
				  (json_int_t)trial->ram, "swap_bytes",
				  (json_int_t)trial->swap, "runs",
				  (json_int_t)trial->nr_runs, "swapped_pages",
				  (json_int_t)trial->swapped_pages, "worked",
				  trial->worked);

		if (!trial->worked)
			json_object_set_new(object, "why",
					    json_string(trial->why));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *json_host(const struct fit *fit)
{
	const struct host_memory *memory = &fit->host.memory;

	if (!fit->host.is_measured)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "files_bytes",
			 (json_int_t)memory->files_kb << 10, "stack_bytes",
			 (json_int_t)memory->stack_kb << 10, "other_bytes",
			 (json_int_t)memory->other_kb << 10, "heap_bytes",
			 (json_int_t)memory->heap_kb << 10, "peak_rss_bytes",
			 (json_int_t)fit->host.peak_rss_kb << 10);
}

bool fit_json(const struct fit *fit, FILE *to)
{
	json_t *report = json_pack(
		"{s:s, s:o, s:b, s:I, s:I, s:b, s:I, s:b, s:I, s:I, s:I, s:b, "
		"s:o, s:o}",
		"machine", fit->options->machine.spec, "program",
		json_words(fit->options->argv), "deterministic",
		fit->is_deterministic, "tries", (json_int_t)fit->tries,
		"ram_bytes", (json_int_t)fit->ram, "ram_was_sought",
		fit->sought_ram, "swap_bytes", (json_int_t)fit->swap,
		"swap_was_sought", fit->sought_swap, "kept_by_machine_bytes",
		(json_int_t)fit->kept_bytes, "heap_bytes",
		(json_int_t)heap_bytes(fit), "peak_rss_with_ample_ram_bytes",
		(json_int_t)fit->peak_rss_kb << 10, "uneven",
		fit->by_ram.is_uneven || fit->by_swap.is_uneven,
		"not_simulated", json_host(fit), "trials", json_trials(fit));

	if (report && fit->host.is_measured) {
		json_set_number(report, "other_processes_at_once",
				fit->host.family_nr);
		json_set_number(report, "all_at_once_bytes",
				fit->host.family_kb << 10);
		json_set_number(report, "container_limit_bytes",
				limit_bytes(fit));
	}
	return json_write(report, to);
}
