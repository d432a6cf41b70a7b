/*
 * outcome.c: ends of runs, classified and grouped.
 */
#include "cli/outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

bool outcome_statuses_parse(struct outcome_statuses *statuses, const char *text)
{
	struct outcome_statuses parsed = *statuses;

	for (;;) {
		unsigned value = 0, digits = 0;

		for (; *text >= '0' && *text <= '9' && digits < 4; text++) {
			value = value * 10 + (unsigned)(*text - '0');
			digits++;
		}
		if (digits == 0 || value > 255)
			return false;
		parsed.is_clean[value] = true;
		if (*text == '\0')
			break;
		if (*text++ != ',')
			return false;
	}
	*statuses = parsed;
	return true;
}

struct outcome outcome_of(int wait_status, bool timed_out,
			  const struct outcome_statuses *statuses)
{
	if (timed_out)
		return (struct outcome){OUTCOME_HANG, 0};
	if (WIFSIGNALED(wait_status))
		return (struct outcome){OUTCOME_CRASH, WTERMSIG(wait_status)};
	return (struct outcome){statuses->is_clean[WEXITSTATUS(wait_status)]
					? OUTCOME_CLEAN
					: OUTCOME_WRONG_EXIT,
				WEXITSTATUS(wait_status)};
}

bool outcome_is_same(struct outcome a, struct outcome b)
{
	return a.kind == b.kind && a.code == b.code;
}

const char *outcome_kind_name(enum outcome_kind kind)
{
	static const char *const names[OUTCOME_KINDS] = {
		[OUTCOME_CLEAN] = "clean",
		[OUTCOME_WRONG_EXIT] = "wrong exit",
		[OUTCOME_CRASH] = "crash",
		[OUTCOME_HANG] = "hang",
	};

	return names[kind];
}

void outcome_signal_name(int signal, char *text, size_t size)
{
	const char *name = sigabbrev_np(signal);

	if (name)
		snprintf(text, size, "SIG%s", name);
	else
		snprintf(text, size, "signal %d", signal);
}

void outcome_text(struct outcome outcome, char *text, size_t size)
{
	char code[32];

	switch (outcome.kind) {
	case OUTCOME_CRASH:
		outcome_signal_name(outcome.code, code, sizeof(code));
		break;
	case OUTCOME_HANG:
		snprintf(text, size, "hang");
		return;
	default:
		snprintf(code, sizeof(code), "status %d", outcome.code);
		break;
	}
	snprintf(text, size, "%s, %s", outcome_kind_name(outcome.kind), code);
}

void outcome_add(struct outcome_table *table, struct outcome outcome,
		 uint64_t number)
{
	struct outcome_group *group = table->groups;
	struct outcome_group *end = group + table->nr_groups;

	while (group < end && !outcome_is_same(group->outcome, outcome))
		group++;
	if (group == end) {
		if (table->nr_groups == OUTCOME_GROUPS)
			return;
		table->nr_groups++;
		*group = (struct outcome_group){outcome, number, 0};
	}
	if (number < group->smallest)
		group->smallest = number;
	group->count++;
}

static int compare_groups(const void *left, const void *right)
{
	const struct outcome_group *a = left, *b = right;

	if (a->outcome.kind != b->outcome.kind)
		return a->outcome.kind < b->outcome.kind ? -1 : 1;
	return (a->smallest > b->smallest) - (a->smallest < b->smallest);
}

void outcome_sort(struct outcome_table *table)
{
	qsort(table->groups, table->nr_groups, sizeof(table->groups[0]),
	      compare_groups);
}

uint64_t outcome_count(const struct outcome_table *table,
		       enum outcome_kind kind)
{
	uint64_t count = 0;

	for (size_t i = 0; i < table->nr_groups; i++)
		if (table->groups[i].outcome.kind == kind)
			count += table->groups[i].count;
	return count;
}
