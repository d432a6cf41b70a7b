/*
 * fit_search.c: the trials of `mmsim fit`.
 *
 * A size works when each of its runs is a success.  The first sizes that are tried
 * follow from the most that the reference had resident; most programs need
 * little more, and the search begins close to its end.
 */
#include "cli/fit.h"

#include "cli/command.h"
#include "cli/jobs.h"
#include "cli/launch_judge.h"
#include "cli/machine_text.h"
#include "cli/size.h"

#include <mmsim/kernel.h>

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/wait.h>

struct fit_step {
	struct jobs jobs; /* first: jobs.c knows nothing more */
	struct fit *fit;
	struct fit_trial *trials;
	unsigned nr, nr_started[FIT_AT_ONCE];
	char specs[FIT_AT_ONCE][MACHINE_SPEC_MAX];
};

static struct fit_step *step_of(struct jobs *jobs)
{
	return (struct fit_step *)jobs;
}

void fit_spec(const struct fit *fit, uint64_t ram, uint64_t swap,
	      char spec[MACHINE_SPEC_MAX])
{
	char value[32];
	bool fits;

	strcpy(spec, fit->options->machine.spec);
	size_exact(ram, value, sizeof(value));
	fits = machine_options_set(spec, "ram", value);
	size_exact(swap, value, sizeof(value));
	if (!fits || !machine_options_set(spec, "swap", value))
		errx(EXIT_MMSIM,
		     "--machine: the machine has more than %d characters",
		     MACHINE_SPEC_MAX - 1);
}

/* ---- the reference ---- */

static bool next_reference(struct jobs *jobs, struct job *job)
{
	struct fit_step *step = step_of(jobs);
	struct fit *fit = step->fit;

	if (step->nr == 2)
		return false;
	job->number = step->nr++;
	job->launch = (struct launch){
		.machine = step->specs[0],
		.argv = fit->options->argv,
		.no_randomize = true,
		.quiet = true,
		.timeout_ms = 1000 * (fit->options->timeout_s
					      ? fit->options->timeout_s
					      : LAUNCH_REFERENCE_S),
	};
	return true;
}

static void reference_ended(struct jobs *jobs, struct job *job)
{
	struct fit *fit = step_of(jobs)->fit;
	const struct launch *launch = &job->launch;
	const struct run_process *first = launch_first(launch);
	struct fit_trial *trial = &step_of(jobs)->trials[job->number];

	/* Any exit status, unless some were named, is that of success. */
	if (!fit->options->has_statuses && WIFEXITED(launch->status) &&
	    !launch->timed_out)
		fit->statuses.is_clean[WEXITSTATUS(launch->status)] = true;
	fit->outcome[job->number] =
		outcome_of(launch->status, launch->timed_out, &fit->statuses);
	trial->worked = launch_has_worked(launch, &fit->statuses, trial->why,
					  sizeof(trial->why));
	if (launch->wall_ns > fit->wall_ns)
		fit->wall_ns = launch->wall_ns;
	if (!first)
		return;
	fit->fingerprint[job->number] = first->fingerprint;
	for (uint32_t i = 0;
	     i < launch->area->nr_processes && i < RUN_PROCESSES; i++)
		if (launch->area->processes[i].peak_rss_kb > fit->peak_rss_kb)
			fit->peak_rss_kb =
				launch->area->processes[i].peak_rss_kb;
}

int fit_reference(struct fit *fit)
{
	static struct fit_trial runs[2];
	static struct fit_step step;
	int status;

	step = (struct fit_step){
		.jobs = {.next = next_reference,
			 .ended = reference_ended,
			 .what = "mmsim fit: reference",
			 .expected = 2,
			 .at_once = fit->options->jobs},
		.fit = fit,
		.trials = runs,
	};
	fit_spec(fit, fit->ample, fit->swap, step.specs[0]);
	status = jobs_run(&step.jobs);
	if (status)
		return status;
	for (int i = 0; i < 2; i++)
		if (!runs[i].worked) {
			char text[32];

			size_mb(fit->ample, text, sizeof(text));
			warnx("%s: it does not succeed with %s of RAM: %s",
			      fit->options->argv[0], text, runs[i].why);
			return 1;
		}
	fit->is_deterministic =
		fit->fingerprint[0] == fit->fingerprint[1] &&
		outcome_is_same(fit->outcome[0], fit->outcome[1]);
	fit->tries = fit->options->tries     ? fit->options->tries
		     : fit->is_deterministic ? 1
					     : FIT_TRIES;
	fit->timeout_ms = fit->options->timeout_s
				  ? fit->options->timeout_s * 1000
				  : launch_patience_ms(fit->wall_ns);
	return 0;
}

/* ---- trials ---- */

/* The first run of every size, then the second of those that still work. */
static bool next_trial(struct jobs *jobs, struct job *job)
{
	struct fit_step *step = step_of(jobs);
	struct fit *fit = step->fit;
	unsigned best = step->nr;

	for (unsigned i = 0; i < step->nr; i++)
		if (step->trials[i].worked &&
		    step->nr_started[i] < fit->tries &&
		    (best == step->nr ||
		     step->nr_started[i] < step->nr_started[best]))
			best = i;
	if (best == step->nr)
		return false;
	step->nr_started[best]++;
	job->number = best;
	job->launch = (struct launch){
		.machine = step->specs[best],
		.argv = fit->options->argv,
		.no_randomize = true,
		.quiet = true,
		.timeout_ms = fit->timeout_ms,
	};
	return true;
}

static void trial_ended(struct jobs *jobs, struct job *job)
{
	struct fit_step *step = step_of(jobs);
	struct fit_trial *trial = &step->trials[job->number];
	const struct run_area *area = job->launch.area;
	uint64_t pages = 0;

	trial->nr_runs++;
	for (uint32_t i = 0; i < area->nr_processes && i < RUN_PROCESSES; i++)
		pages += area->processes[i].pswpin + area->processes[i].pswpout;
	trial->swapped_pages = MAX(trial->swapped_pages, pages);
	if (!launch_has_worked(&job->launch, &step->fit->statuses, trial->why,
			       sizeof(trial->why)))
		trial->worked = false;
}

static void keep_trials(struct fit *fit, const struct fit_trial *trials,
			unsigned nr)
{
	struct fit_trial *grown = realloc(
		fit->trials, (fit->nr_trials + nr) * sizeof(*fit->trials));

	if (!grown)
		err(EXIT_MMSIM, "no memory");
	memcpy(grown + fit->nr_trials, trials, nr * sizeof(*trials));
	fit->trials = grown;
	fit->nr_trials += nr;
}

/* Tries sizes of one kind; the other is as in `fit`. */
static int try_sizes(struct fit *fit, bool is_swap, const uint64_t *sizes,
		     bool *worked, unsigned nr, const char *remark)
{
	static struct fit_trial trials[FIT_AT_ONCE];
	static struct fit_step step;
	int status;

	step = (struct fit_step){
		.jobs = {.next = next_trial,
			 .ended = trial_ended,
			 .what = is_swap ? "mmsim fit: swap" : "mmsim fit: RAM",
			 .expected = nr * fit->tries,
			 .at_once = fit->options->jobs},
		.fit = fit,
		.trials = trials,
		.nr = nr,
	};
	snprintf(step.jobs.remark, sizeof(step.jobs.remark), "%s", remark);
	for (unsigned i = 0; i < nr; i++) {
		char why[256];

		trials[i] = (struct fit_trial){
			.ram = is_swap ? fit->ram : sizes[i],
			.swap = is_swap ? sizes[i] : fit->swap,
			.worked = true,
		};
		fit_spec(fit, trials[i].ram, trials[i].swap, step.specs[i]);
		if (mmsim_spec_check(step.specs[i], why, sizeof(why)) == 0)
			continue;
		trials[i].worked = false;
		snprintf(trials[i].why, sizeof(trials[i].why),
			 "there is no such machine");
	}
	status = jobs_run(&step.jobs);
	for (unsigned i = 0; i < nr; i++)
		worked[i] = trials[i].worked;
	if (status == 0)
		keep_trials(fit, trials, nr);
	return status;
}

static int run_search(struct fit *fit, struct bisect *bisect, bool is_swap)
{
	unsigned at_once = MIN(fit->options->jobs, (unsigned)FIT_AT_ONCE), nr;
	uint64_t sizes[FIT_AT_ONCE];
	bool worked[FIT_AT_ONCE];

	bisect->precision = fit->options->precision;
	bisect->percent = fit->options->percent;
	while ((nr = bisect_next(bisect, sizes, at_once)) > 0) {
		char low[32], high[32], remark[80];
		int status;

		size_mb(bisect->fails, low, sizeof(low));
		size_mb(bisect->works, high, sizeof(high));
		snprintf(remark, sizeof(remark), "between %s and %s", low,
			 high);
		status = try_sizes(fit, is_swap, sizes, worked, nr, remark);
		if (status)
			return status;
		bisect_tried(bisect, sizes, worked, nr);
	}
	return 0;
}

/* ---- RAM ---- */

static uint64_t kept_bytes(const struct fit *fit, uint64_t ram)
{
	char spec[MACHINE_SPEC_MAX], *text, *at;
	struct mmsim_machine *machine;
	uint64_t free_kb = 0;
	int error;

	fit_spec(fit, ram, fit->swap, spec);
	machine = machine_boot(spec);
	text = machine_proc(machine, "/proc/meminfo", &error);
	at = text ? strstr(text, "MemFree:") : NULL;
	if (!at || sscanf(at, "MemFree: %" SCNu64, &free_kb) != 1)
		errx(EXIT_MMSIM, "/proc/meminfo of the machine: no MemFree");
	free(text);
	mmsim_machine_shutdown(machine);
	return ram - MIN(ram, free_kb << 10);
}

static bool is_machine(const struct fit *fit, uint64_t ram)
{
	char spec[MACHINE_SPEC_MAX], why[256];

	fit_spec(fit, ram, fit->swap, spec);
	return mmsim_spec_check(spec, why, sizeof(why)) == 0;
}

/* Less RAM than any machine of this kind has; the search goes on above. */
static uint64_t below_all_machines(const struct fit *fit)
{
	struct bisect bisect;
	uint64_t size;

	bisect_init(&bisect, 0, fit->ample, FIT_STEP);
	while (bisect_next(&bisect, &size, 1)) {
		bool is_allowed = is_machine(fit, size);

		bisect_tried(&bisect, &size, &is_allowed, 1);
	}
	return bisect.fails;
}

/* Sizes about what the reference had resident: without swap too little, about
 * right, and enough. */
static int try_guesses(struct fit *fit)
{
	uint64_t peak = fit->peak_rss_kb << 10, least, guesses[3], sizes[3];
	struct bisect *bisect = &fit->by_ram;
	bool worked[3];
	unsigned nr = 0;
	int status;

	least = peak + peak / 32 +
		kept_bytes(fit, bisect->works) * peak / bisect->works;
	guesses[0] = fit->swap ? 0 : peak / FIT_STEP * FIT_STEP;
	guesses[1] = roundup(least, (uint64_t)FIT_STEP);
	guesses[2] = roundup(least + least / 4 + (8 << 20), (uint64_t)FIT_STEP);
	for (int i = 0; i < 3; i++)
		if (guesses[i] > bisect->fails && guesses[i] < bisect->works)
			sizes[nr++] = guesses[i];
	if (nr == 0)
		return 0;
	status = try_sizes(fit, false, sizes, worked, nr, "");
	if (status == 0)
		bisect_tried(bisect, sizes, worked, nr);
	return status;
}

static int search_ram(struct fit *fit)
{
	int status;

	bisect_init(&fit->by_ram, below_all_machines(fit), fit->ample,
		    FIT_STEP);
	status = try_guesses(fit);
	if (status == 0)
		status = run_search(fit, &fit->by_ram, false);
	fit->ram = fit->by_ram.works;
	fit->sought_ram = true;
	return status;
}

/* ---- swap ---- */

/* `most` is known to do, or else is tried. */
static int search_swap(struct fit *fit, uint64_t most, bool is_known)
{
	uint64_t sizes[2] = {0, roundup(most, (uint64_t)FIT_STEP)};
	bool worked[2] = {false, true};
	int status = try_sizes(fit, true, sizes, worked, is_known ? 1 : 2, "");
	char ram[32], swap[32];

	if (status)
		return status;
	fit->sought_swap = true;
	fit->swap = 0;
	if (worked[0])
		return 0;
	if (!worked[1]) {
		size_exact(fit->ram, ram, sizeof(ram));
		size_exact(sizes[1], swap, sizeof(swap));
		warnx("%s: it does not succeed with %s of RAM and %s of swap: "
		      "%s",
		      fit->options->argv[0], ram, swap,
		      fit->trials[fit->nr_trials - 1].why);
		return 1;
	}
	bisect_init(&fit->by_swap, 0, sizes[1], FIT_STEP);
	status = run_search(fit, &fit->by_swap, true);
	fit->swap = fit->by_swap.works;
	return status;
}

int fit_search(struct fit *fit)
{
	uint64_t most = fit->swap;
	int status;

	if (fit->options->has_ram) {
		if (!fit->options->has_swap)
			most = fit->ample;
		status = search_swap(fit, most, false);
	} else {
		status = search_ram(fit);
		if (status == 0 && most > 0) {
			fit->swap_is_for_ram = true;
			status = search_swap(fit, most, true);
		}
	}
	if (status == 0)
		fit->kept_bytes = kept_bytes(fit, fit->ram);
	return status;
}
