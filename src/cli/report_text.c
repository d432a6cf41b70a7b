/*
 * report_text.c: the report for people.
 *
 *     mmsim run: python3 work.py
 *       machine        ram=64M
 *       ended          exit status 0, after 1.234 s
 *       on the host    peak RSS 61,440 kB, simulated memory included
 *       simulated      the heap: ...
 *       not simulated  stacks, ...
 *     process 4711 python3: ended
 *       peak RSS                             40,960 kB
 *       ...
 *     other processes, by peak RSS; FILE of --report has all their figures
 *           pid program          peak RSS kB peak swap kB   faults refused  end
 *          4712 sh                       212            0       53       0  ended
 *     and 12 more
 *
 * The program itself is told in full, of the others those that were largest.
 */
#include "cli/report.h"

#include "cli/outcome.h"
#include "cli/quote.h"
#include "cli/run_words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* 1234567 -> "1,234,567" */
static const char *grouped(uint64_t value, char text[32])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	char *to = text;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return text;
}

static void write_figure(FILE *out, const char *label, uint64_t value,
			 const char *unit)
{
	char text[32];

	fprintf(out, "  %-28s %20s%s%s\n", label, grouped(value, text),
		*unit ? " " : "", unit);
}

static void write_end(const struct launch *launch, FILE *out)
{
	int status = launch->status;
	char name[32];

	if (launch->timed_out) {
		fputs("killed when its time was over", out);
	} else if (WIFSIGNALED(status)) {
		outcome_signal_name(WTERMSIG(status), name, sizeof(name));
		fprintf(out, "killed by signal %d, %s", WTERMSIG(status), name);
	} else {
		fprintf(out, "exit status %d", WEXITSTATUS(status));
	}
	fprintf(out, ", after %.3f s\n", (double)launch->wall_ns / 1e9);
}

static void write_refusals(const struct run_process *process, FILE *out)
{
	char bytes[32], committed[32], limit[32];

	for (uint32_t i = 0; i < process->nr_refusals && i < RUN_REFUSALS;
	     i++) {
		const struct run_refusal *refusal = &process->refusals[i];

		fprintf(out,
			"  request %" PRIu64 ", %s of %s bytes: %s (%s; "
			"Committed_AS %s kB, CommitLimit %s kB)\n",
			refusal->nr, run_request_name(refusal->request),
			grouped(refusal->bytes, bytes),
			strerror(refusal->error), run_rule_what(refusal->rule),
			grouped(refusal->committed_kb, committed),
			grouped(refusal->limit_kb, limit));
	}
	if (process->nr_refused > process->nr_refusals)
		fprintf(out, "  and %s more that were refused\n",
			grouped(process->nr_refused - process->nr_refusals,
				bytes));
}

static void write_process(const struct run_process *process, FILE *out)
{
	fprintf(out, "process %d %.16s%s: %s", process->pid, process->comm,
		process->is_fork ? " (a fork; its machine began as a copy)"
				 : "",
		run_end_what(process));
	fprintf(out, "%s%.160s\n", process->end == RUN_END_BROKEN ? ": " : "",
		process->end == RUN_END_BROKEN ? process->why : "");
	for (size_t i = 0; i < report_nr_figures; i++)
		write_figure(out, report_figures[i].label,
			     report_figure_value(process, &report_figures[i]),
			     report_figures[i].unit);
	write_figure(out, "overcommit_memory",
		     (uint64_t)process->overcommit_memory, "");
	for (unsigned i = 0; i < NR_RUN_TIMES; i++) {
		char label[64];

		snprintf(label, sizeof(label), "kernel time, %s",
			 run_time_name(i));
		for (char *at = label; *at; at++)
			if (*at == '_')
				*at = ' ';
		write_figure(out, label, process->time_ns[i], "ns");
	}
	write_refusals(process, out);
	fprintf(out, "  fingerprint                      %016" PRIx64 "\n",
		process->fingerprint);
}

enum { OTHERS_MAX = 20 };

static int by_peak_rss(const void *a, const void *b)
{
	const struct run_process *const *x = a, *const *y = b;

	if ((*x)->peak_rss_kb != (*y)->peak_rss_kb)
		return (*x)->peak_rss_kb < (*y)->peak_rss_kb ? 1 : -1;
	return (*x > *y) - (*x < *y);
}

static void write_other(const struct run_process *process, FILE *out)
{
	fprintf(out,
		"  %8d %-15.16s %12" PRIu64 " %12" PRIu64 " %8" PRIu64
		" %7" PRIu64 "  %s%s\n",
		process->pid, process->comm, process->peak_rss_kb,
		process->peak_swap_kb, process->min_flt + process->maj_flt,
		process->nr_refused, run_end_what(process),
		process->is_fork ? " (a fork)" : "");
}

/* All but the program itself, which is the first. */
static void write_others(const struct launch *launch, FILE *out)
{
	const struct run_process *others[RUN_PROCESSES];
	unsigned nr = 0;

	while (nr < RUN_PROCESSES &&
	       (others[nr] = report_process(launch, nr + 1)))
		nr++;
	if (nr == 0)
		return;
	qsort(others, nr, sizeof(others[0]), by_peak_rss);
	fprintf(out,
		"other processes, by peak RSS; FILE of --report has all their "
		"figures\n  %8s %-15s %12s %12s %8s %7s  %s\n",
		"pid", "program", "peak RSS kB", "peak swap kB", "faults",
		"refused", "end");
	for (unsigned i = 0; i < nr && i < OTHERS_MAX; i++)
		write_other(others[i], out);
	if (nr > OTHERS_MAX)
		fprintf(out, "  and %u more\n", nr - OTHERS_MAX);
}

void report_write_text(const struct launch *launch, FILE *out)
{
	const struct run_process *process;
	char peak[32];

	fputs("mmsim run:", out);
	for (char *const *arg = launch->argv; *arg; arg++) {
		putc(' ', out);
		quote_word(out, *arg);
	}
	fprintf(out, "\n  machine        %s\n  ended          ",
		launch->machine);
	write_end(launch, out);
	fprintf(out,
		"  on the host    peak RSS %s kB, simulated memory included\n",
		grouped(launch->host_peak_kb, peak));
	fprintf(out, "  simulated      %s\n  not simulated  %s\n",
		run_simulated, run_not_simulated);
	process = report_process(launch, 0);
	if (process)
		write_process(process, out);
	write_others(launch, out);
	if (!launch_first(launch))
		fputs("no process had a machine: nothing was simulated\n", out);
}
