/*
 * sim_record.c: the record of a live task: what it asked for, what it got, and
 * where virtual time went.
 *
 * The server tells of each call and each fault.  What an event cost is how far
 * the machine's clock went on since the event before: nothing else moves it.
 * With one CPU kernel threads move it as well, and that time is theirs.  Levels
 * (RSS, swap, what is promised) are looked at after each event, for their peaks
 * and, when the run area wants events, for a sample from time to time; what
 * only counts up is read once, at the end.  So an event costs a few loads and
 * stores.
 *
 *   call_begin  -> refused on purpose? -> served
 *   call_end    -> refused by a rule?
 *   fault_end   after each fault
 *   forked      in the child: a record of its own, from zero on
 *   end         figures, log, "ended"
 *
 * When the task was killed its levels stay those of the last event before.
 *
 * Simplified: work that a test makes the machine do between events counts as
 * part of the next one.
 */
#include "os/sim_record.h"

#include "kernel/commit.h"
#include "kernel/kthread.h"
#include "kernel/machine.h"
#include "os/sim_report.h"
#include "os/sim_request.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RECORD_SAMPLE_NS = 100000 };

static struct sim_record *record_of(struct live_observer *observer)
{
	return container_of(observer, struct sim_record, observer);
}

static uint64_t kb(uint64_t pages)
{
	return pages << (PAGE_SHIFT - 10);
}

/* ---- order, time, totals ---- */

static uint64_t record_hash(uint64_t hash, uint64_t x)
{
	hash = (hash ^ x) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

/* What kernel threads have worked; `name`: only those whose name begins so. */
static uint64_t record_kthread_ns(const struct mmsim_machine *machine,
				  const char *name)
{
	const struct kthread *thread;
	uint64_t ns = 0;

	list_for_each(thread, &machine->kthreads, link) {
		if (!name || strncmp(thread->name, name, strlen(name)) == 0)
			ns += thread->cpu_ns;
	}
	return ns;
}

/* What the event that is over cost the task. */
static uint64_t record_elapsed(struct sim_record *r)
{
	const struct mmsim_machine *machine = r->machine;
	uint64_t ns = machine->clock_ns - r->clock_ns, theirs;

	r->clock_ns = machine->clock_ns;
	if (machine->nr_cpus > 1)
		return ns;
	theirs = record_kthread_ns(machine, NULL) - r->kthread_ns;
	r->kthread_ns += theirs;
	return ns > theirs ? ns - theirs : 0;
}

static void record_totals(const struct sim_record *r, struct sim_totals *sum)
{
	const struct mmsim_machine *machine = r->machine;
	const uint64_t *events = machine->vm_events;

	*sum = (struct sim_totals){
		.min_flt = r->task->min_flt,
		.maj_flt = r->task->maj_flt,
		.pswpin = events[PSWPIN],
		.pswpout = events[PSWPOUT],
		.pgscan_kswapd = events[PGSCAN_KSWAPD],
		.pgsteal_kswapd = events[PGSTEAL_KSWAPD],
		.pgscan_direct = events[PGSCAN_DIRECT],
		.pgsteal_direct = events[PGSTEAL_DIRECT],
		.oom_kills = events[OOM_KILL],
		.direct_ns = machine->direct_reclaim_ns,
		.kswapd_ns = record_kthread_ns(machine, "kswapd"),
	};
}

/* ---- events ---- */

static void record_event(struct sim_record *r, enum run_event_kind kind,
			 unsigned what, const uint64_t arg[3])
{
	struct run_event *event = run_area_take_event(r->area);

	if (!event)
		return;
	event->time_ns = r->machine->clock_ns;
	event->process = r->index;
	event->what = (uint16_t)what;
	for (int i = 0; arg && i < 3; i++)
		event->arg[i] = arg[i];
	event->rss_kb = r->process->rss_kb;
	event->swap_kb = r->process->swap_kb;
	event->committed_kb = r->process->committed_kb;
	event->min_flt = r->task->min_flt - r->base.min_flt;
	event->maj_flt = r->task->maj_flt - r->base.maj_flt;
	run_area_give_event(event, kind);
}

static void record_sample(struct sim_record *r)
{
	const struct run_process *p = r->process;
	uint64_t hash;

	if (r->clock_ns - r->sample_ns < RECORD_SAMPLE_NS)
		return;
	hash = record_hash(p->rss_kb, p->swap_kb);
	hash = record_hash(hash, p->committed_kb);
	if (hash == r->sample_hash)
		return;
	r->sample_ns = r->clock_ns;
	r->sample_hash = hash;
	record_event(r, RUN_EVENT_SAMPLE, 0, NULL);
}

static void raise(uint64_t *peak, uint64_t level)
{
	if (level > *peak)
		*peak = level;
}

/* The simulated kernel may have killed the task just now. */
static void record_look_for_death(struct sim_record *r)
{
	const struct mmsim_task *task = r->task;
	uint64_t arg[3] = {(uint64_t)task->pid};

	if (LIKELY(task->state == TASK_RUNNING) || r->is_killed)
		return;
	r->is_killed = true;
	if (task->is_oom_victim)
		record_event(r, RUN_EVENT_OOM_KILL, 0, arg);
}

/* The levels after an event; those of a dead task stay as they were. */
static void record_look(struct sim_record *r)
{
	const struct mm_struct *mm = r->task->mm;
	struct run_process *p = r->process;

	record_look_for_death(r);
	if (!mm)
		return;
	p->rss_kb = kb(mm_rss(mm));
	p->swap_kb = kb((uint64_t)mm->rss[MM_SWAPENTS]);
	p->committed_kb = kb(r->machine->committed_as);
	raise(&p->peak_rss_kb, p->rss_kb);
	raise(&p->peak_swap_kb, p->swap_kb);
	raise(&p->peak_committed_kb, p->committed_kb);
	if (r->area->want_events)
		record_sample(r);
}

/* ---- calls ---- */

static void record_refusal(struct sim_record *r, enum live_op op,
			   const uintptr_t arg[4], enum run_rule rule,
			   int error)
{
	struct run_process *p = r->process;
	uint64_t args[3] = {arg[0], r->len, rule};
	struct run_refusal *refusal;

	p->nr_refused++;
	record_event(r, RUN_EVENT_REFUSED, sim_request_of(op), args);
	if (p->nr_refusals == RUN_REFUSALS)
		return;
	refusal = &p->refusals[p->nr_refusals++];
	*refusal = (struct run_refusal){
		.time_ns = r->machine->clock_ns,
		.nr = p->nr_requests,
		.bytes = r->bytes ? r->bytes : r->len,
		.request = (uint16_t)sim_request_of(op),
		.rule = (uint16_t)rule,
		.error = error,
		.committed_kb = kb(r->machine->committed_as),
		.limit_kb = kb(commit_limit(r->machine)),
	};
}

static int record_call_begin(struct live_observer *observer, enum live_op op,
			     const uintptr_t arg[4])
{
	struct sim_record *r = record_of(observer);
	struct run_process *p = r->process;
	int error;

	if (!p)
		return 0;
	r->is_request = sim_request_can_fail(op, arg);
	r->is_on_purpose = false;
	if (!sim_request_of(op))
		return 0;
	p->nr_calls[sim_request_of(op)]++;
	p->fingerprint = record_hash(p->fingerprint, (uint64_t)op);
	for (int i = 0; i < 3; i++)
		p->fingerprint = record_hash(p->fingerprint, arg[i]);
	r->bytes = sim_request_bytes(r->task, op, arg);
	r->len = sim_request_len(r->task, op, arg);
	if (!r->is_request)
		return 0;
	p->nr_requests++;
	if (!on_purpose_refuses(&r->plan, p->nr_requests, r->bytes,
				p->bytes_granted))
		return 0;
	r->is_on_purpose = true;
	/* Linux has no memory error for this advice. */
	error = op == LIVE_MADVISE && arg[2] == MADV_DONTNEED ? EINVAL : ENOMEM;
	record_refusal(r, op, arg, RUN_RULE_ON_PURPOSE, error);
	return -error;
}

static void record_result(struct sim_record *r, enum live_op op,
			  const uintptr_t arg[4], intptr_t result)
{
	uint64_t args[3] = {arg[0], r->len, (uint64_t)result};
	bool has_failed = result < 0 && result >= -4095;

	/* brk tells of a failure by the old break. */
	if (op == LIVE_BRK && r->is_request)
		has_failed = (uintptr_t)result != arg[0];
	if (has_failed && r->is_request) {
		int error =
			op == LIVE_BRK && result >= 0 ? ENOMEM : (int)-result;

		record_refusal(r, op, arg,
			       sim_request_rule(r->machine->refusal), error);
		return;
	}
	if (!has_failed)
		r->process->bytes_granted += r->bytes;
	record_event(r, RUN_EVENT_CALL, sim_request_of(op), args);
}

static void record_call_end(struct live_observer *observer, enum live_op op,
			    const uintptr_t arg[4], intptr_t result)
{
	struct sim_record *r = record_of(observer);
	struct run_process *p = r->process;

	if (!p)
		return;
	r->maj_flt = r->task->maj_flt;
	p->time_ns[sim_request_time(op)] += record_elapsed(r);
	record_look(r);
	if (sim_request_of(op) && !r->is_on_purpose)
		record_result(r, op, arg, result);
}

/* ---- faults ---- */

static void record_fault_end(struct live_observer *observer, uintptr_t addr,
			     enum fault_access access, int result)
{
	struct sim_record *r = record_of(observer);
	struct run_process *p = r->process;
	bool is_major;

	(void)result;
	if (!p)
		return;
	is_major = r->task->maj_flt != r->maj_flt;
	r->maj_flt = r->task->maj_flt;
	p->time_ns[is_major ? RUN_TIME_MAJOR_FAULT : RUN_TIME_MINOR_FAULT] +=
		record_elapsed(r);
	p->fingerprint = record_hash(p->fingerprint, addr | (uint64_t)access);
	record_look(r);
}

/* ---- the end ---- */

static void record_figures(struct sim_record *r)
{
	const struct mmsim_machine *machine = r->machine;
	struct run_process *p = r->process;
	struct sim_totals now;

	record_totals(r, &now);
	p->min_flt = now.min_flt - r->base.min_flt;
	p->maj_flt = now.maj_flt - r->base.maj_flt;
	p->pswpin = now.pswpin - r->base.pswpin;
	p->pswpout = now.pswpout - r->base.pswpout;
	p->pgscan_kswapd = now.pgscan_kswapd - r->base.pgscan_kswapd;
	p->pgsteal_kswapd = now.pgsteal_kswapd - r->base.pgsteal_kswapd;
	p->pgscan_direct = now.pgscan_direct - r->base.pgscan_direct;
	p->pgsteal_direct = now.pgsteal_direct - r->base.pgsteal_direct;
	p->oom_kills = now.oom_kills - r->base.oom_kills;
	p->time_ns[RUN_TIME_DIRECT_RECLAIM] = now.direct_ns - r->base.direct_ns;
	p->time_ns[RUN_TIME_KSWAPD] = now.kswapd_ns - r->base.kswapd_ns;
	p->commit_limit_kb = kb(commit_limit(machine));
	p->mem_total_kb = kb(machine->totalram_pages);
	p->mem_free_kb = kb(vmstat_zone_total(machine, NR_FREE_PAGES));
	p->swap_total_kb = kb(machine->total_swap_pages);
	p->swap_free_kb = kb(machine->nr_swap_pages);
	p->overcommit_memory = machine->vm.overcommit_memory;
	p->clock_ns = machine->clock_ns;
	p->log_len = (uint32_t)sim_report_log(machine, p->log, RUN_LOG_BYTES);
}

static enum run_end record_end_of(const struct sim_record *r, enum live_end how)
{
	switch (how) {
	case LIVE_END_EXIT:
		/* A program that ends soon may be gone before its server has
		 * looked. */
		return load_relaxed(&r->process->has_execed) ? RUN_END_EXEC
							     : RUN_END_EXIT;
	case LIVE_END_EXEC:
		return RUN_END_EXEC;
	case LIVE_END_KILLED:
		return r->machine->has_panicked ? RUN_END_PANIC
						: RUN_END_OOM_KILL;
	default:
		return RUN_END_BROKEN;
	}
}

static void record_set_why(struct run_process *p, const char *why)
{
	size_t len = strnlen(why, sizeof(p->why) - 1);

	memcpy(p->why, why, len);
	p->why[len] = '\0';
}

static void record_end(struct live_observer *observer, enum live_end how,
		       const char *why, int stderr_fd)
{
	struct sim_record *r = record_of(observer);
	struct run_process *p = r->process;

	/* Without a record for the command to read, people are told here. */
	if (!p && how == LIVE_END_KILLED)
		sim_report_kill(r->machine, stderr_fd);
	if (!p && why)
		sim_report_broken(why, stderr_fd);
	if (!p)
		return;
	record_figures(r);
	p->end = record_end_of(r, how);
	if (why)
		record_set_why(p, why);
	record_event(r, RUN_EVENT_END, p->end, NULL);
	run_area_tell(r->area, p, RUN_ENDED);
}

/* ---- the beginning, and fork ---- */

static void record_take(struct sim_record *r)
{
	struct run_process *p = run_area_take(r->area);

	r->process = p;
	r->index = p ? (uint32_t)(p - r->area->processes) : RUN_PROCESSES;
	if (!p)
		return;
	p->pid = r->pid;
	p->ppid = (int)syscall(SYS_getppid);
	prctl(PR_GET_NAME, p->comm);
}

/* A process that dies before has no machine: nobody waits for its figures. */
static void record_serving(struct live_observer *observer)
{
	struct sim_record *r = record_of(observer);

	if (r->process)
		run_area_tell(r->area, r->process, RUN_RUNNING);
}

/* Tells the record that the process had under another program. */
static void record_tell_execed(const struct sim_record *r)
{
	for (uint32_t i = 0; i < r->index; i++)
		if (r->area->processes[i].pid == r->pid)
			store_relaxed(&r->area->processes[i].has_execed, 1);
}

/* What comes from now on is the record's. */
static void record_begin(struct sim_record *r)
{
	r->is_killed = false;
	r->clock_ns = r->machine->clock_ns;
	r->kthread_ns = record_kthread_ns(r->machine, NULL);
	r->maj_flt = r->task->maj_flt;
	r->sample_ns = 0;
	r->sample_hash = 0;
	record_totals(r, &r->base);
	if (r->process)
		record_look(r);
}

static void record_forked(struct live_observer *observer, int parent)
{
	struct sim_record *r = record_of(observer);
	uint64_t arg[3] = {r->index};

	r->pid = (int)syscall(SYS_getpid);
	r->plan = (struct on_purpose){0};
	if (r->area) {
		record_take(r);
		run_area_bind_cpu(r->area, r->index);
	}
	record_begin(r);
	if (!r->process)
		return;
	r->process->is_fork = 1;
	r->process->ppid = parent;
	record_event(r, RUN_EVENT_FORK, 0, arg);
}

void sim_record_attach(struct sim_record *record, const char *path)
{
	*record = (struct sim_record){
		.observer =
			{
				.serving = record_serving,
				.call_begin = record_call_begin,
				.call_end = record_call_end,
				.fault_end = record_fault_end,
				.end = record_end,
				.forked = record_forked,
			},
		.pid = (int)syscall(SYS_getpid),
	};
	record->area = path ? run_area_map(path) : NULL;
	if (!record->area)
		return;
	record_take(record);
	if (record->process)
		record_tell_execed(record);
	/* The program may be behind others that execute it: env, a shell. */
	if (record->area->processes[0].pid == record->pid) {
		record->plan.at = record->area->fail_at;
		record->plan.count = record->area->fail_count;
		record->plan.after_bytes = record->area->fail_after_bytes;
	}
}

void sim_record_start(struct sim_record *record, struct mmsim_task *task)
{
	record->machine = task->machine;
	record->task = task;
	record_begin(record);
}

void sim_record_fail(struct sim_record *record, const char *why)
{
	struct run_process *p = record->process;

	if (!p)
		return;
	p->end = RUN_END_BROKEN;
	record_set_why(p, why);
	run_area_tell(record->area, p, RUN_ENDED);
}

void sim_record_detach(struct sim_record *record)
{
	run_area_unmap(record->area);
	record->area = NULL;
	record->process = NULL;
}
