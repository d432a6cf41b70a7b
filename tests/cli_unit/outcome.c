/*
 * outcome.c: how ends of runs are classified and grouped.
 */
#include "cli/outcome.h"

#include <criterion/criterion.h>
#include <signal.h>

/* As waitpid(2) encodes them on Linux. */
#define EXITED(status) ((status) << 8)
#define KILLED(signal) (signal)

static struct outcome_statuses statuses;

static void setup(void)
{
	statuses = (struct outcome_statuses){{false}};
	statuses.is_clean[0] = true;
}

TestSuite(outcome, .init = setup);

static const char *text_of(struct outcome outcome)
{
	static char text[64];

	outcome_text(outcome, text, sizeof(text));
	return text;
}

Test(outcome, kinds)
{
	cr_assert_str_eq(text_of(outcome_of(EXITED(0), false, &statuses)),
			 "clean, status 0");
	cr_assert_str_eq(text_of(outcome_of(EXITED(3), false, &statuses)),
			 "wrong exit, status 3");
	cr_assert_str_eq(text_of(outcome_of(KILLED(SIGSEGV), false, &statuses)),
			 "crash, SIGSEGV");
	cr_assert_str_eq(text_of(outcome_of(KILLED(40), false, &statuses)),
			 "crash, signal 40");
	/* Killed because its time was up. */
	cr_assert_str_eq(text_of(outcome_of(KILLED(SIGKILL), true, &statuses)),
			 "hang");
}

Test(outcome, a_core_dump_is_the_same_crash)
{
	cr_assert_str_eq(
		text_of(outcome_of(KILLED(SIGABRT) | 0x80, false, &statuses)),
		"crash, SIGABRT");
}

Test(outcome, statuses_that_are_clean)
{
	cr_assert(outcome_statuses_parse(&statuses, "3,77,255"));
	cr_assert_eq(outcome_of(EXITED(77), false, &statuses).kind,
		     OUTCOME_CLEAN);
	cr_assert_eq(outcome_of(EXITED(0), false, &statuses).kind,
		     OUTCOME_CLEAN);
	cr_assert_eq(outcome_of(EXITED(4), false, &statuses).kind,
		     OUTCOME_WRONG_EXIT);
}

Test(outcome, bad_lists_change_nothing)
{
	static const char *const bad[] = {"",    "256", "-1", "1,",   ",1",
					  "1 2", "0x1", "a",  "1,,2", "00001"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_not(outcome_statuses_parse(&statuses, bad[i]), "%s",
			      bad[i]);
	cr_assert_not(statuses.is_clean[1]);
}

Test(outcome, groups)
{
	static struct outcome_table table;
	struct outcome segv = {OUTCOME_CRASH, SIGSEGV};
	struct outcome abrt = {OUTCOME_CRASH, SIGABRT};
	struct outcome clean = {OUTCOME_CLEAN, 0};

	outcome_add(&table, abrt, 9);
	outcome_add(&table, segv, 7);
	outcome_add(&table, clean, 8);
	outcome_add(&table, segv, 2);
	outcome_add(&table, segv, 11);
	outcome_add(&table, clean, 1);
	outcome_sort(&table);
	cr_assert_eq(table.nr_groups, 3u);
	cr_assert(outcome_is_same(table.groups[0].outcome, clean));
	cr_assert_eq(table.groups[0].smallest, 1u);
	cr_assert(outcome_is_same(table.groups[1].outcome, segv));
	cr_assert_eq(table.groups[1].smallest, 2u);
	cr_assert_eq(table.groups[1].count, 3u);
	cr_assert(outcome_is_same(table.groups[2].outcome, abrt));
	cr_assert_eq(table.groups[2].smallest, 9u);
	cr_assert_eq(outcome_count(&table, OUTCOME_CRASH), 4u);
	cr_assert_eq(outcome_count(&table, OUTCOME_HANG), 0u);
}

/* Every status, every signal, and a hang have room. */
Test(outcome, all_groups_fit)
{
	static struct outcome_table table;

	for (int i = 0; i < 256; i++)
		outcome_add(&table, outcome_of(EXITED(i), false, &statuses),
			    (uint64_t)i);
	for (int i = 1; i <= 64; i++)
		outcome_add(&table, outcome_of(KILLED(i), false, &statuses),
			    (uint64_t)i);
	outcome_add(&table, outcome_of(KILLED(9), true, &statuses), 1);
	cr_assert_eq(table.nr_groups, 256u + 64u + 1u);
}
