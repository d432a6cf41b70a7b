/*
 * fail_each.c: the runs of `mmsim run --fail-each`.
 *
 * First the reference, twice: its exit status is what success looks like, and
 * that both did the same is what makes a number mean the same request in every
 * run.  Then the numbers from 1 on, until a run has made fewer requests than
 * its number: nothing was left to refuse.  At last the first run of each
 * outcome once more.
 *
 * Refused are requests of the program that was started, and of what it executes
 * in its place; not those of its children.
 *
 * Simplified: what the program prints is not compared, and it gets nothing to
 * read; files that it writes are written by many runs at once.
 */
#include "cli/fail_each.h"

#include "cli/command.h"
#include "cli/jobs.h"
#include "cli/launch_judge.h"

#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/wait.h>

/* The experiment and the step of it that the jobs are for. */
struct fail_step {
	struct jobs jobs; /* first: jobs.c knows nothing more */
	struct fail_each *each;
	uint64_t next; /* number of the next run, or of the next group */
	uint64_t last; /* the least number that nothing was refused for */
};

static struct fail_step *step_of(struct jobs *jobs)
{
	return (struct fail_step *)jobs;
}

static uint64_t max_runs(const struct fail_each *each)
{
	return each->options->max_runs ? each->options->max_runs
				       : FAIL_EACH_MAX_RUNS;
}

/* ---- one run ---- */

static void set_up(const struct fail_each *each, struct job *job,
		   uint64_t number)
{
	job->number = number;
	job->launch.machine = each->options->machine;
	job->launch.argv = each->options->argv;
	job->launch.fail_at = number;
	job->launch.fail_count = each->options->fail_count;
	job->launch.no_randomize = true;
	job->launch.quiet = true;
	job->launch.timeout_ms = each->timeout_ms;
}

static const struct run_refusal *find_refusal(const struct run_process *process)
{
	for (uint32_t i = 0; i < process->nr_refusals; i++)
		if (process->refusals[i].rule == RUN_RULE_ON_PURPOSE)
			return &process->refusals[i];
	return NULL;
}

static void note_broken(struct fail_each *each, struct fail_run *run,
			uint64_t number, const char *why)
{
	if (each->nr_broken++ == 0)
		snprintf(each->why_broken, sizeof(each->why_broken),
			 "request %" PRIu64 ": %s", number, why);
	run->is_broken = true;
}

static void read_run(struct fail_each *each, const struct job *job,
		     struct fail_run *run)
{
	const struct launch *launch = &job->launch;
	const struct run_process *first = launch_first(launch);
	uint32_t nr = launch->area->nr_processes;

	memset(run, 0, sizeof(*run));
	run->is_over = true;
	run->wall_ns = launch->wall_ns;
	run->outcome =
		outcome_of(launch->status, launch->timed_out, &each->clean);
	if (!first) {
		note_broken(each, run, job->number,
			    "the program had no machine");
		return;
	}
	run->fingerprint = first->fingerprint;
	for (uint32_t i = 0; i < nr && i < RUN_PROCESSES; i++) {
		const struct run_process *process = &launch->area->processes[i];
		const struct run_refusal *refusal = find_refusal(process);

		if (process->pid == launch->pid && !process->is_fork &&
		    process->nr_requests > run->nr_requests)
			run->nr_requests = process->nr_requests;
		if (refusal && run->refusal.nr == 0)
			run->refusal = *refusal;
		if (process->end == RUN_END_BROKEN && !run->is_broken)
			note_broken(each, run, job->number, process->why);
	}
}

/* ---- the reference ---- */

static bool next_reference(struct jobs *jobs, struct job *job)
{
	struct fail_step *step = step_of(jobs);

	if (step->next == 2)
		return false;
	set_up(step->each, job, 0);
	job->launch.timeout_ms = step->each->options->timeout_s
					 ? step->each->timeout_ms
					 : LAUNCH_REFERENCE_S * 1000;
	job->number = step->next++;
	return true;
}

static void reference_ended(struct jobs *jobs, struct job *job)
{
	struct fail_each *each = step_of(jobs)->each;
	uint64_t number = job->number;

	job->number = 0;
	read_run(each, job, &each->reference[number]);
	/* It is "clean" that is to be found out. */
	if (WIFEXITED(job->launch.status) && !job->launch.timed_out)
		each->reference[number].outcome = (struct outcome){
			OUTCOME_CLEAN, WEXITSTATUS(job->launch.status)};
}

static void not_deterministic(struct fail_each *each, const char *why)
{
	if (each->is_deterministic)
		snprintf(each->why_not, sizeof(each->why_not), "%s", why);
	each->is_deterministic = false;
}

static int run_reference(struct fail_each *each)
{
	struct fail_step step = {
		.jobs = {.next = next_reference,
			 .ended = reference_ended,
			 .what = "mmsim run --fail-each: reference",
			 .expected = 2,
			 .at_once = each->options->jobs},
		.each = each,
	};
	const struct fail_run *reference = each->reference;
	char text[64];
	int status = jobs_run(&step.jobs);

	if (status)
		return status;
	if (each->nr_broken) {
		warnx("%s", each->why_broken);
		return EXIT_MMSIM;
	}
	for (int i = 0; i < 2; i++) {
		if (reference[i].outcome.kind == OUTCOME_CLEAN)
			continue;
		outcome_text(reference[i].outcome, text, sizeof(text));
		warnx("%s: without any request refused it does not succeed: %s",
		      each->options->argv[0], text);
		return EXIT_MMSIM;
	}
	if (!outcome_is_same(reference[0].outcome, reference[1].outcome))
		not_deterministic(each, "two runs without a refused request "
					"had different exit statuses");
	else if (reference[0].fingerprint != reference[1].fingerprint)
		not_deterministic(each, "two runs without a refused request "
					"did not do the same");
	for (int i = 0; i < 2; i++)
		each->clean.is_clean[reference[i].outcome.code] = true;
	return 0;
}

static void choose_timeout(struct fail_each *each)
{
	if (!each->options->timeout_s)
		each->timeout_ms =
			launch_patience_ms(MAX(each->reference[0].wall_ns,
					       each->reference[1].wall_ns));
}

/* ---- every number ---- */

static bool next_number(struct jobs *jobs, struct job *job)
{
	struct fail_step *step = step_of(jobs);

	if (step->next > max_runs(step->each) || step->next >= step->last)
		return false;
	set_up(step->each, job, step->next++);
	return true;
}

static void number_ended(struct jobs *jobs, struct job *job)
{
	struct fail_step *step = step_of(jobs);
	struct fail_each *each = step->each;
	struct fail_run *run = &each->runs[job->number];

	read_run(each, job, run);
	if (run->is_broken)
		return;
	if (run->nr_requests < job->number) {
		if (job->number < step->last)
			step->last = job->number;
		return;
	}
	outcome_add(&each->table, run->outcome, job->number);
	snprintf(jobs->remark, sizeof(jobs->remark),
		 "%" PRIu64 " wrong, %" PRIu64 " crashed, %" PRIu64 " hung",
		 outcome_count(&each->table, OUTCOME_WRONG_EXIT),
		 outcome_count(&each->table, OUTCOME_CRASH),
		 outcome_count(&each->table, OUTCOME_HANG));
}

static int run_numbers(struct fail_each *each)
{
	uint64_t requests = each->reference[0].nr_requests;
	struct fail_step step = {
		.jobs = {.next = next_number,
			 .ended = number_ended,
			 .what = "mmsim run --fail-each",
			 .expected = requests + 1 < max_runs(each)
					     ? requests + 1
					     : max_runs(each),
			 .at_once = each->options->jobs},
		.each = each,
		.next = 1,
		.last = UINT64_MAX,
	};
	int status = jobs_run(&step.jobs);

	if (status)
		return status;
	each->is_complete = step.last != UINT64_MAX;
	each->nr_runs = each->is_complete ? step.last : step.next - 1;
	/* Numbers beyond the end that were under way already do not count. */
	memset(&each->table, 0, sizeof(each->table));
	for (uint64_t i = 1; i <= each->nr_runs; i++)
		if (!each->runs[i].is_broken && i < step.last)
			outcome_add(&each->table, each->runs[i].outcome, i);
	outcome_sort(&each->table);
	return 0;
}

/* ---- the first of each group once more ---- */

static bool next_again(struct jobs *jobs, struct job *job)
{
	struct fail_step *step = step_of(jobs);
	const struct outcome_table *table = &step->each->table;

	/* A run that hangs was killed at some point, and never twice at the
	 * same one. */
	while (step->next < table->nr_groups &&
	       table->groups[step->next].outcome.kind == OUTCOME_HANG)
		step->next++;
	if (step->next == table->nr_groups)
		return false;
	set_up(step->each, job, table->groups[step->next].smallest);
	step->next++;
	return true;
}

static void again_ended(struct jobs *jobs, struct job *job)
{
	struct fail_each *each = step_of(jobs)->each;
	const struct fail_run *before = &each->runs[job->number];
	struct fail_run *run = NULL;
	char why[160];

	for (size_t i = 0; i < each->table.nr_groups; i++)
		if (each->table.groups[i].smallest == job->number)
			run = &each->again[i];
	read_run(each, job, run);
	snprintf(why, sizeof(why),
		 "two runs with request %" PRIu64 " refused %s", job->number,
		 outcome_is_same(run->outcome, before->outcome)
			 ? "did not do the same"
			 : "ended differently");
	if (!outcome_is_same(run->outcome, before->outcome) ||
	    run->fingerprint != before->fingerprint)
		not_deterministic(each, why);
}

static int run_again(struct fail_each *each)
{
	struct fail_step step = {
		.jobs = {.next = next_again,
			 .ended = again_ended,
			 .what = "mmsim run --fail-each: again",
			 .expected = each->table.nr_groups,
			 .at_once = each->options->jobs},
		.each = each,
	};

	return jobs_run(&step.jobs);
}

/* ---- all of it ---- */

static int write_report(const struct fail_each *each)
{
	struct output *report = each->options->report;
	bool is_text = report->file == stderr;

	fail_each_text(each, is_text ? stderr : stdout);
	if (!report->file || is_text)
		return 0;
	fail_each_json(each, output_begin(report));
	return output_end(report);
}

int fail_each(const struct fail_each_options *given)
{
	struct fail_each_options options = *given;
	struct fail_each *each = calloc(1, sizeof(*each));
	int status;

	if (options.jobs == 0)
		options.jobs = jobs_cpus();
	if (!each)
		err(EXIT_MMSIM, "no memory");
	each->options = &options;
	each->clean = options.clean;
	each->timeout_ms = options.timeout_s * 1000;
	each->is_deterministic = true;
	each->runs = calloc(max_runs(each) + 1, sizeof(*each->runs));
	if (!each->runs)
		err(EXIT_MMSIM, "no memory");
	status = run_reference(each);
	if (status)
		return status;
	choose_timeout(each);
	status = run_numbers(each);
	if (status == 0)
		status = run_again(each);
	if (status == 0)
		status = write_report(each);
	if (status == 0 && each->nr_broken)
		status = EXIT_MMSIM;
	for (size_t i = 0; status == 0 && i < each->table.nr_groups; i++)
		status = each->table.groups[i].outcome.kind != OUTCOME_CLEAN;
	free(each->runs);
	free(each);
	return status;
}
