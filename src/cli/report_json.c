/*
 * report_json.c: the report as JSON.
 *
 *   { "mmsim": version, "command": [...], "machine": spec,
 *     "exit_status": 0..255, "signal": number or null, "timed_out": bool,
 *     "wall_ns": n, "host_peak_rss_kb": n, "simulated": text, "not_simulated": text,
 *     "processes": [
 *       { "pid", "ppid", "comm", "is_fork", "end", "why",
 *         GROUP: { FIGURE: n, ... }, ...       (report.c)
 *         "kernel_time_ns": { KIND: n, ... },
 *         "refusals": [ { "nr", "time_ns", "request", "bytes", "rule",
 *                         "errno", "committed_kb", "limit_kb" }, ... ],
 *         "fingerprint": text, "oom_report": text or null, "log": text } ] }
 *
 * The program's own process is the first.
 */
#include "cli/report.h"

#include "cli/json_text.h"
#include "cli/run_words.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <sys/wait.h>

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static void add_figures(json_t *object, const struct run_process *process)
{
	for (size_t i = 0; i < report_nr_figures; i++) {
		const struct report_figure *figure = &report_figures[i];
		json_t *group = json_object_get(object, figure->group);
		/* The name of a call has its number as key. */
		const char *key =
			strchr(figure->key, '[') ? figure->label : figure->key;

		if (!group) {
			group = json_object();
			json_object_set_new(object, figure->group, group);
		}
		json_object_set_new(
			group, key,
			number(report_figure_value(process, figure)));
	}
	json_object_set_new(json_object_get(object, "commit"),
			    "overcommit_memory",
			    json_integer(process->overcommit_memory));
}

static json_t *times_json(const struct run_process *process)
{
	json_t *times = json_object();

	for (unsigned i = 0; i < NR_RUN_TIMES; i++)
		json_object_set_new(times, run_time_name(i),
				    number(process->time_ns[i]));
	return times;
}

static json_t *refusals_json(const struct run_process *process)
{
	json_t *refusals = json_array();

	for (uint32_t i = 0; i < process->nr_refusals && i < RUN_REFUSALS;
	     i++) {
		const struct run_refusal *refusal = &process->refusals[i];
		const char *name = strerrorname_np(refusal->error);

		json_array_append_new(
			refusals,
			json_pack("{sI sI ss sI ss ss sI sI}", "nr",
				  (json_int_t)refusal->nr, "time_ns",
				  (json_int_t)refusal->time_ns, "request",
				  run_request_name(refusal->request), "bytes",
				  (json_int_t)refusal->bytes, "rule",
				  run_rule_name(refusal->rule), "errno",
				  name ? name : "?", "committed_kb",
				  (json_int_t)refusal->committed_kb, "limit_kb",
				  (json_int_t)refusal->limit_kb));
	}
	return refusals;
}

static json_t *process_json(const struct run_process *process)
{
	const char *oom = report_oom(process);
	char fingerprint[20];
	json_t *object = json_pack(
		"{si si so sb ss so}", "pid", process->pid, "ppid",
		process->ppid, "comm",
		json_text(process->comm, sizeof(process->comm)), "is_fork",
		(int)process->is_fork, "end", run_end_name(process), "why",
		process->end == RUN_END_BROKEN
			? json_text(process->why, sizeof(process->why))
			: json_null());

	add_figures(object, process);
	json_object_set_new(object, "kernel_time_ns", times_json(process));
	json_object_set_new(object, "refusals", refusals_json(process));
	snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64,
		 process->fingerprint);
	json_object_set_new(object, "fingerprint", json_string(fingerprint));
	json_object_set_new(object, "oom_report",
			    oom ? json_text(oom, RUN_LOG_BYTES) : json_null());
	json_object_set_new(object, "log",
			    json_text(process->log, sizeof(process->log)));
	return object;
}

static json_t *report_json(const struct launch *launch)
{
	json_t *processes = json_array(), *signal;
	const struct run_process *process;

	for (unsigned i = 0; (process = report_process(launch, i)); i++)
		json_array_append_new(processes, process_json(process));
	signal = WIFSIGNALED(launch->status)
			 ? json_integer(WTERMSIG(launch->status))
			 : json_null();
	return json_pack("{ss so so si so sb sI sI ss ss so}", "mmsim",
			 PACKAGE_VERSION, "command", json_words(launch->argv),
			 "machine", json_text(launch->machine, SIZE_MAX),
			 "exit_status", launch_exit_status(launch), "signal",
			 signal, "timed_out", (int)launch->timed_out, "wall_ns",
			 (json_int_t)launch->wall_ns, "host_peak_rss_kb",
			 (json_int_t)launch->host_peak_kb, "simulated",
			 run_simulated, "not_simulated", run_not_simulated,
			 "processes", processes);
}

bool report_write_json(const struct launch *launch, FILE *out)
{
	return json_write(report_json(launch), out);
}
