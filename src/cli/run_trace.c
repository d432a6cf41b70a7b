/*
 * run_trace.c: what happened, over virtual time.
 *
 * One line for each event, below a line of names, with blanks between the
 * columns and "-" where an event has nothing to say:
 *
 *   time_ns pid event what addr len result rss_kb swap_kb committed_kb min_flt
 *   maj_flt
 *
 *   event      what        addr, len             result
 *   sample     -           -                     -
 *   call       the call    as asked for          what it gave: hexadecimal, or
 *                                                an error's name
 *   refused    the call    as asked for          the rule
 *   oom-kill   -           -                     the pid of the machine's task
 *   fork       -           -                     the pid of the parent
 *   end        how         -                     -
 *
 * Lines are in the order in which the events came; the time is that of the
 * process's own machine.
 */
#include "cli/run.h"
#include "cli/run_words.h"

#include <inttypes.h>
#include <string.h>

enum { TRACE_MAX_ERRNO = 4095 };

/* An address or 0, or a negative errno value. */
static void write_result(uint64_t result, FILE *out)
{
	const char *name = NULL;

	if (result > (uint64_t)-TRACE_MAX_ERRNO - 1)
		name = strerrorname_np(-(int)result);
	if (name)
		fputs(name, out);
	else
		fprintf(out, "%#" PRIx64, result);
}

static void write_what(const struct run_area *area,
		       const struct run_event *event, FILE *out)
{
	switch (event->kind) {
	case RUN_EVENT_CALL:
	case RUN_EVENT_REFUSED:
		/* brk(0) only asks; a break that sinks has a negative length. */
		fprintf(out, "%s %#" PRIx64 " %" PRId64 " ",
			run_request_name(event->what), event->arg[0],
			event->what == RUN_BRK && event->arg[0] == 0
				? 0
				: (int64_t)event->arg[1]);
		if (event->kind == RUN_EVENT_REFUSED)
			fputs(run_rule_name((unsigned)event->arg[2]), out);
		else
			write_result(event->arg[2], out);
		return;
	case RUN_EVENT_OOM_KILL:
		fprintf(out, "- - - %" PRIu64, event->arg[0]);
		return;
	case RUN_EVENT_FORK:
		fprintf(out, "- - - %d",
			event->arg[0] < RUN_PROCESSES
				? area->processes[event->arg[0]].pid
				: 0);
		return;
	case RUN_EVENT_END:
		fprintf(out, "%s - - -", run_end_word(event->what));
		return;
	default:
		fputs("- - - -", out);
	}
}

void trace_write(const struct launch *launch, FILE *out)
{
	const struct run_area *area = launch->area;
	uint64_t nr = area->nr_events;

	fputs("time_ns pid event what addr len result rss_kb swap_kb "
	      "committed_kb min_flt maj_flt\n",
	      out);
	for (uint64_t i = 0; i < nr && i < RUN_EVENTS; i++) {
		const struct run_event *event = &area->events[i];

		if (__atomic_load_n(&event->kind, __ATOMIC_ACQUIRE) == 0)
			continue;
		fprintf(out, "%" PRIu64 " %d %s ", event->time_ns,
			event->process < RUN_PROCESSES
				? area->processes[event->process].pid
				: 0,
			run_event_name(event->kind));
		write_what(area, event, out);
		fprintf(out,
			" %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
			" %" PRIu64 "\n",
			event->rss_kb, event->swap_kb, event->committed_kb,
			event->min_flt, event->maj_flt);
	}
	if (nr > RUN_EVENTS)
		fprintf(out, "# %" PRIu64 " more events had no room\n",
			nr - RUN_EVENTS);
}
