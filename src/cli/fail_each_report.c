/*
 * fail_each_report.c: what `mmsim run --fail-each` found, as a table and as
 * JSON.
 */
#include "cli/fail_each.h"

#include "cli/quote.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

/* ---- words ---- */

static const char *request_name(unsigned request)
{
	static const char *const names[NR_RUN_REQUESTS] = {
		[RUN_BRK] = "brk",           [RUN_MMAP] = "mmap",
		[RUN_MPROTECT] = "mprotect", [RUN_MREMAP] = "mremap",
		[RUN_MUNMAP] = "munmap",     [RUN_MADVISE] = "madvise",
	};

	return request < NR_RUN_REQUESTS && names[request] ? names[request]
							   : "?";
}

/* The command that does the run with this number again; a new string. */
static char *replay(const struct fail_each *each, uint64_t number)
{
	char *const *argv = each->options->argv;
	char digits[24], *text;
	const char **words;
	size_t nr = 0;

	while (argv[nr])
		nr++;
	words = calloc(nr + 8, sizeof(*words));
	if (!words)
		abort();
	snprintf(digits, sizeof(digits), "%" PRIu64, number);
	words[0] = "mmsim";
	words[1] = "run";
	words[2] = "--machine";
	words[3] = each->options->machine;
	words[4] = "--fail-at";
	words[5] = digits;
	words[6] = "--";
	memcpy(words + 7, argv, nr * sizeof(*words));
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
				request_name(refusal->request),
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
		command = replay(each, group->smallest);
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

	fprintf(to,
		"Without a refused request: %" PRIu64
		" requests, exit status %d, %.3f s.\n"
		"With one refused: %" PRIu64
		" runs, of at most %u.%u s each.\n",
		reference->nr_requests, reference->outcome.code,
		(double)reference->wall_ns / 1e9, nr_refused(each),
		each->timeout_ms / 1000, each->timeout_ms % 1000 / 100);
	if (each->table.nr_groups)
		print_groups(each, to);
	print_replays(each, to);
	print_end(each, to);
}

/* ---- JSON ---- */

static json_t *strings(char *const *words)
{
	json_t *array = json_array();

	for (; *words; words++) {
		json_t *word = json_string(*words);

		/* Not UTF-8: the words that can be told are. */
		json_array_append_new(array, word ? word : json_string("?"));
	}
	return array;
}

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
			    json_string(request_name(refusal->request)));
	json_object_set_new(object, "bytes",
			    json_integer((json_int_t)refusal->bytes));
}

static json_t *json_groups(const struct fail_each *each)
{
	json_t *array = json_array();

	for (size_t i = 0; i < each->table.nr_groups; i++) {
		const struct outcome_group *group = &each->table.groups[i];
		json_t *object = json_object();
		char *command = replay(each, group->smallest);

		add_outcome(object, group->outcome);
		json_object_set_new(object, "runs",
				    json_integer((json_int_t)group->count));
		json_object_set_new(object, "first",
				    json_integer((json_int_t)group->smallest));
		add_refusal(object, &first_of(each, i)->refusal);
		json_object_set_new(object, "replay", json_string(command));
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

		json_object_set_new(object, "fail_at",
				    json_integer((json_int_t)i));
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

int fail_each_json(const struct fail_each *each, FILE *to)
{
	const struct fail_run *reference = &each->reference[0];
	json_t *report = json_pack(
		"{s:s, s:o, s:{s:i, s:I, s:f}, s:f, s:b, s:b, s:I, s:o, s:o}",
		"machine", each->options->machine, "program",
		strings(each->options->argv), "reference", "status",
		reference->outcome.code, "requests",
		(json_int_t)reference->nr_requests, "wall_s",
		(double)reference->wall_ns / 1e9, "timeout_s",
		each->timeout_ms / 1e3, "complete", each->is_complete,
		"deterministic", each->is_deterministic, "broken",
		(json_int_t)each->nr_broken, "outcomes", json_groups(each),
		"runs", json_runs(each));
	int failed;

	if (!report)
		return -1;
	if (!each->is_deterministic)
		json_object_set_new(report, "why_not_deterministic",
				    json_string(each->why_not));
	if (each->nr_broken)
		json_object_set_new(report, "why_broken",
				    json_string(each->why_broken));
	failed = json_dumpf(report, to, JSON_INDENT(2)) != 0 ||
		 putc('\n', to) == EOF;
	json_decref(report);
	return failed ? -1 : 0;
}
