/*
 * fail_each_report.c: what `mmsim run --fail-each` found, as a table and as
 * JSON.
 */
#include "cli/fail_each.h"

#include "cli/json_text.h"
#include "cli/quote.h"
#include "cli/run_words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

/* ---- words ---- */

static void fail_count_text(uint64_t count, char *text, size_t size)
{
	if (count == UINT64_MAX)
		snprintf(text, size, "all");
	else
		snprintf(text, size, "%" PRIu64, count);
}

/* The command that does the first run of a group again; a new string.  One that
 * hangs has to be ended. */
static char *replay(const struct fail_each *each,
		    const struct outcome_group *group)
{
	char *const *argv = each->options->argv;
	char digits[24], count[24], seconds[24], *text;
	const char **words;
	size_t nr = 0, at = 0;

	while (argv[nr])
		nr++;
	words = calloc(nr + 12, sizeof(*words));
	if (!words)
		abort();
	snprintf(digits, sizeof(digits), "%" PRIu64, group->smallest);
	words[at++] = "mmsim";
	words[at++] = "run";
	words[at++] = "--machine";
	words[at++] = each->options->machine;
	words[at++] = "--fail-at";
	words[at++] = digits;
	if (each->options->fail_count > 1) {
		fail_count_text(each->options->fail_count, count,
				sizeof(count));
		words[at++] = "--fail-count";
		words[at++] = count;
	}
	if (group->outcome.kind == OUTCOME_HANG) {
		snprintf(seconds, sizeof(seconds), "%u",
			 howmany(each->timeout_ms, 1000));
		words[at++] = "--timeout";
		words[at++] = seconds;
	}
	words[at++] = "--";
	memcpy(words + at, argv, nr * sizeof(*words));
	text = quote_words((char *const *)words);
	free(words);
	if (!text)
		abort();
	return text;
}

static const struct fail_run *first_of(const struct fail_each *each, size_t i)
{
	return &each->runs[each->table.groups[i].smallest];
}

static uint64_t nr_refused(const struct fail_each *each)
{
	uint64_t count = 0;

	for (size_t i = 0; i < each->table.nr_groups; i++)
		count += each->table.groups[i].count;
	return count;
}

/* ---- text ---- */

static void print_groups(const struct fail_each *each, FILE *to)
{
	fprintf(to, "\n%-28s %8s %10s   %s\n", "outcome", "runs", "first at",
		"the request refused there");
	for (size_t i = 0; i < each->table.nr_groups; i++) {
		const struct outcome_group *group = &each->table.groups[i];
		const struct run_refusal *refusal = &first_of(each, i)->refusal;
		char text[64];

		outcome_text(group->outcome, text, sizeof(text));
		fprintf(to, "%-28s %8" PRIu64 " %10" PRIu64 "   ", text,
			group->count, group->smallest);
		if (refusal->nr)
			fprintf(to, "%s of %" PRIu64 " kB\n",
				run_request_name(refusal->request),
				howmany(refusal->bytes, 1024));
		else
			fputs("-\n", to);
	}
}

static void print_replays(const struct fail_each *each, FILE *to)
{
	for (size_t i = 0; i < each->table.nr_groups; i++) {
		const struct outcome_group *group = &each->table.groups[i];
		char text[64], *command;

		if (group->outcome.kind == OUTCOME_CLEAN)
			continue;
		outcome_text(group->outcome, text, sizeof(text));
		command = replay(each, group);
		fprintf(to, "\n%s:\n  %s\n", text, command);
		free(command);
	}
}

static void print_end(const struct fail_each *each, FILE *to)
{
	if (!each->is_complete)
		fprintf(to,
			"\nNot complete: it ended after %" PRIu64
			" runs (--max-runs), and there are more requests.\n",
			each->nr_runs);
	if (each->nr_broken)
		fprintf(to,
			"\n%" PRIu64 " runs do not count, mmsim itself failed; "
			"the first: %s\n",
			each->nr_broken, each->why_broken);
	if (!each->is_deterministic)
		fprintf(to,
			"\nThe program is not deterministic: %s.\nA number "
			"does "
			"not stand for the same request in every run; a replay "
			"may end in another way.\n",
			each->why_not);
}

void fail_each_text(const struct fail_each *each, FILE *to)
{
	const struct fail_run *reference = &each->reference[0];
	char count[24];

	fprintf(to,
		"Without a refused request: %" PRIu64
		" requests, exit status %d, %.3f s.\n",
		reference->nr_requests, reference->outcome.code,
		(double)reference->wall_ns / 1e9);
	fail_count_text(each->options->fail_count, count, sizeof(count));
	fprintf(to,
		"With %s refused%s: %" PRIu64
		" runs, of at most %u.%u s each.\n",
		each->options->fail_count > 1 ? count : "one",
		each->options->fail_count > 1 ? " from there on" : "",
		nr_refused(each), each->timeout_ms / 1000,
		each->timeout_ms % 1000 / 100);
	if (each->table.nr_groups)
		print_groups(each, to);
	print_replays(each, to);
	print_end(each, to);
}

/* ---- JSON ---- */

static void add_outcome(json_t *object, struct outcome outcome)
{
	char text[32];

	json_object_set_new(object, "outcome",
			    json_string(outcome_kind_name(outcome.kind)));
	if (outcome.kind == OUTCOME_CRASH) {
		outcome_signal_name(outcome.code, text, sizeof(text));
		json_object_set_new(object, "signal", json_string(text));
	} else if (outcome.kind != OUTCOME_HANG) {
		json_object_set_new(object, "status",
				    json_integer(outcome.code));
	}
}

static void add_refusal(json_t *object, const struct run_refusal *refusal)
{
	if (refusal->nr == 0)
		return;
	json_object_set_new(object, "request",
			    json_string(run_request_name(refusal->request)));
	json_set_number(object, "bytes", refusal->bytes);
}

static json_t *json_groups(const struct fail_each *each)
{
	json_t *array = json_array();

	for (size_t i = 0; i < each->table.nr_groups; i++) {
		const struct outcome_group *group = &each->table.groups[i];
		json_t *object = json_object();
		char *command = replay(each, group);

		add_outcome(object, group->outcome);
		json_set_number(object, "runs", group->count);
		json_set_number(object, "first", group->smallest);
		add_refusal(object, &first_of(each, i)->refusal);
		json_object_set_new(object, "replay",
				    json_text(command, SIZE_MAX));
		json_array_append_new(array, object);
		free(command);
	}
	return array;
}

static json_t *json_runs(const struct fail_each *each)
{
	json_t *array = json_array();

	for (uint64_t i = 1; i <= each->nr_runs; i++) {
		const struct fail_run *run = &each->runs[i];
		json_t *object = json_object();

		json_set_number(object, "fail_at", i);
		add_outcome(object, run->outcome);
		if (run->is_broken)
			json_object_set_new(object, "broken", json_true());
		json_object_set_new(object, "refused",
				    json_boolean(run->nr_requests >= i));
		add_refusal(object, &run->refusal);
		json_array_append_new(array, object);
	}
	return array;
}

bool fail_each_json(const struct fail_each *each, FILE *to)
{
	const struct fail_run *reference = &each->reference[0];
	json_t *report = json_pack(
		"{s:s, s:o, s:{s:i, s:I, s:f}, s:f, s:b, s:b, s:I, s:o, s:o}",
		"machine", each->options->machine, "program",
		json_words(each->options->argv), "reference", "status",
		reference->outcome.code, "requests",
		(json_int_t)reference->nr_requests, "wall_s",
		(double)reference->wall_ns / 1e9, "timeout_s",
		each->timeout_ms / 1e3, "complete", each->is_complete,
		"deterministic", each->is_deterministic, "broken",
		(json_int_t)each->nr_broken, "outcomes", json_groups(each),
		"runs", json_runs(each));

	if (!report)
		return json_write(NULL, to);
	if (!each->is_deterministic)
		json_object_set_new(report, "why_not_deterministic",
				    json_string(each->why_not));
	if (each->nr_broken)
		json_object_set_new(report, "why_broken",
				    json_string(each->why_broken));
	return json_write(report, to);
}
