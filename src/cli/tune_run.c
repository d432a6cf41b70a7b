/*
 * tune_run.c: the runs of `mmsim tune`.
 *
 * Each gets its setting by variables named MMSIM_, which win over every other
 * way, so that what the user's environment says holds for the rest.
 */
#include "cli/tune.h"

#include "cli/command.h"
#include "cli/jobs.h"
#include "cli/launch_judge.h"

#include <err.h>
#include <stdlib.h>
#include <sys/param.h>

struct tune_step {
	struct jobs jobs; /* first: jobs.c knows nothing more */
	struct tune *tune;
	size_t next; /* row */
	size_t nr_failed;
	char ***environments; /* by row; NULL: none or freed */
};

static struct tune_step *step_of(struct jobs *jobs)
{
	return (struct tune_step *)jobs;
}

static bool next_row(struct jobs *jobs, struct job *job)
{
	struct tune_step *step = step_of(jobs);
	const struct tune_options *options = step->tune->options;
	char **environment = NULL;

	if (step->next == step->tune->nr_rows)
		return false;
	if (step->next > 0) {
		environment =
			setting_environment(&options->setting, step->next - 1);
		if (!environment)
			err(EXIT_MMSIM, "no memory");
	}
	step->environments[step->next] = environment;
	job->number = step->next++;
	job->launch = (struct launch){
		.machine = options->machine.spec,
		.argv = options->argv,
		.env_more = environment,
		.no_randomize = true,
		.quiet = true,
		.timeout_ms = options->timeout_s * 1000,
	};
	return true;
}

static void read_machines(struct tune_row *row, const struct launch *launch)
{
	const struct run_area *area = launch->area;

	for (uint32_t i = 0; i < area->nr_processes && i < RUN_PROCESSES; i++) {
		const struct run_process *process = &area->processes[i];

		if (i == 0 || process->peak_rss_kb > row->peak_rss_kb) {
			row->peak_rss_kb = process->peak_rss_kb;
			row->final_rss_kb = process->rss_kb;
		}
		row->min_flt += process->min_flt;
		row->maj_flt += process->maj_flt;
		row->pswpin += process->pswpin;
		row->pswpout += process->pswpout;
		for (int call = 0; call < NR_RUN_REQUESTS; call++)
			row->nr_calls[call] += process->nr_calls[call];
		/* Direct reclaim is within the others, kswapd is no task. */
		for (int time = 0; time < RUN_TIME_DIRECT_RECLAIM; time++)
			row->kernel_ns += process->time_ns[time];
	}
}

static void row_ended(struct jobs *jobs, struct job *job)
{
	struct tune_step *step = step_of(jobs);
	struct tune_row *row = &step->tune->rows[job->number];

	read_machines(row, &job->launch);
	row->wall_ns = job->launch.wall_ns;
	row->failed =
		!launch_has_worked(&job->launch, &step->tune->options->statuses,
				   row->why, sizeof(row->why));
	step->nr_failed += row->failed;
	if (step->nr_failed)
		snprintf(jobs->remark, sizeof(jobs->remark), "%zu failed",
			 step->nr_failed);
	setting_environment_free(step->environments[job->number]);
	step->environments[job->number] = NULL;
}

int tune_run(struct tune *tune)
{
	struct tune_step step = {
		.jobs = {.next = next_row,
			 .ended = row_ended,
			 .what = "mmsim tune",
			 .expected = tune->nr_rows,
			 .at_once = MIN(tune->options->jobs, JOBS_AT_ONCE)},
		.tune = tune,
	};
	int status;

	step.environments = calloc(tune->nr_rows, sizeof(*step.environments));
	if (!step.environments)
		err(EXIT_MMSIM, "no memory");
	status = jobs_run(&step.jobs);
	free(step.environments);
	return status;
}

/* ---- on the host ---- */

static int verify_row(struct tune *tune, size_t nr)
{
	struct tune_row *row = &tune->rows[nr];
	char **environment = NULL;
	int status;

	if (row->host)
		return 0;
	row->host = calloc(1, sizeof(*row->host));
	if (nr > 0)
		environment =
			setting_environment(&tune->options->setting, nr - 1);
	if (!row->host || (nr > 0 && !environment))
		err(EXIT_MMSIM, "no memory");
	row->host->argv = tune->options->argv;
	row->host->env_more = environment;
	row->host->timeout_ms = tune->options->timeout_s * 1000;
	status = host_run(row->host);
	row->host->env_more = NULL;
	setting_environment_free(environment);
	return status;
}

int tune_verify(struct tune *tune)
{
	int status = verify_row(tune, 0);

	for (int aim = 0; aim < TUNE_AIMS && status == 0; aim++)
		if (tune->best[aim] < tune->nr_rows)
			status = verify_row(tune, tune->best[aim]);
	return status;
}
