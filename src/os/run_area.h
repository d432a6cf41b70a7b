/*
 * run_area.h: what a simulated program tells the command that started it.
 *
 * `mmsim run` makes a file in memory, writes down what it asks for, and names
 * the file to the program in MMSIM_RUN ("/proc/PID/fd/N").  Every process that
 * boots a machine of its own maps it, takes a free record by its index and
 * fills it: text as it comes, figures at its end.  As the area is shared
 * memory, what was written stays readable whatever the process died of, and no
 * descriptor of the program is ever used.
 *
 *   struct run_area | processes[RUN_PROCESSES] | events[RUN_EVENTS]
 *
 * The file is sparse: only what is used costs memory.  Writers are many
 * (each process's server), the reader looks at a record once its state says
 * RUN_ENDED, and at events below nr_events whose `kind` is not 0.
 */
#ifndef OS_RUN_AREA_H
#define OS_RUN_AREA_H

#include <stdint.h>

#define RUN_MAGIC UINT64_C(0x316e757230736d6d)
#define RUN_AREA_ENV "MMSIM_RUN"
#define RUN_MACHINE_ENV "MMSIM_MACHINE"

enum {
	RUN_PROCESSES = 2048,
	RUN_EVENTS = 1 << 21,
	RUN_REFUSALS = 64,
	RUN_LOG_BYTES = 128 << 10,
};

/* The exit status of a program that cannot have a simulated machine. */
enum { RUN_EXIT_NO_MACHINE = 124 };

/* Requests to the system, by the allocator's operations. */
enum run_request {
	RUN_BRK = 1,
	RUN_MMAP,
	RUN_MPROTECT,
	RUN_MREMAP,
	RUN_MUNMAP,
	RUN_MADVISE,
	NR_RUN_REQUESTS,
};

/* Why a request was refused. */
enum run_rule {
	RUN_RULE_NONE,
	RUN_RULE_COMMIT_LIMIT, /* overcommit_memory=2 */
	RUN_RULE_HEURISTIC,    /* overcommit_memory=0: more than RAM and swap */
	RUN_RULE_RLIMIT_AS,
	RUN_RULE_RLIMIT_DATA,
	RUN_RULE_MAX_MAP_COUNT,
	RUN_RULE_ADDRESS_SPACE, /* no hole is large enough */
	RUN_RULE_NO_MEMORY,     /* no frame for the kernel's own tables */
	RUN_RULE_ON_PURPOSE,    /* fail_at, fail_after_bytes */
	RUN_RULE_OTHER,         /* an argument: see `error` */
};

/* Where virtual time of the kernel went, ns. */
enum run_time {
	RUN_TIME_MINOR_FAULT,
	RUN_TIME_MAJOR_FAULT,
	RUN_TIME_BRK,
	RUN_TIME_MMAP,
	RUN_TIME_MPROTECT,
	RUN_TIME_MREMAP,
	RUN_TIME_MUNMAP,
	RUN_TIME_MADVISE,        /* and the rest: mlock, munlock, mincore */
	RUN_TIME_DIRECT_RECLAIM, /* part of those above */
	RUN_TIME_KSWAPD,         /* beside them */
	NR_RUN_TIMES,
};

struct run_refusal {
	uint64_t time_ns;                /* virtual */
	uint64_t nr;                     /* the how manieth request, from 1 */
	uint64_t bytes;                  /* asked for */
	uint16_t request;                /* enum run_request */
	uint16_t rule;                   /* enum run_rule */
	int32_t error;                   /* errno value */
	uint64_t committed_kb, limit_kb; /* Committed_AS, CommitLimit then */
};

enum run_state { RUN_FREE, RUN_RUNNING, RUN_ENDED };

/* How the machine ended. */
enum run_end {
	RUN_END_EXIT,     /* the process is gone, by itself or by a signal */
	RUN_END_EXEC,     /* it runs another program now */
	RUN_END_OOM_KILL, /* the OOM killer chose it */
	RUN_END_PANIC,    /* "Kernel panic": nobody could be killed */
	RUN_END_BROKEN,   /* mmsim's own: `why` says what */
};

struct run_process {
	uint32_t state;      /* enum run_state; written last */
	uint32_t end;        /* enum run_end */
	int32_t pid, ppid;   /* the host's */
	uint32_t is_fork;    /* its machine is a copy of its parent's */
	uint32_t has_execed; /* the process took another record; by that one */
	char comm[16];
	char why[160]; /* RUN_END_BROKEN */

	/* bytes = pages * 4096 in all kB figures */
	uint64_t rss_kb, peak_rss_kb;   /* of the simulated task */
	uint64_t swap_kb, peak_swap_kb; /* of its memory, in swap */
	uint64_t min_flt, maj_flt;
	uint64_t pswpin, pswpout; /* pages */
	uint64_t pgscan_kswapd, pgsteal_kswapd;
	uint64_t pgscan_direct, pgsteal_direct;
	uint64_t oom_kills;
	uint64_t nr_requests; /* that could be refused */
	uint64_t nr_refused;
	uint64_t nr_calls[NR_RUN_REQUESTS];
	uint64_t bytes_granted; /* to be written, by brk, mmap, mprotect
				 * and mremap, in all (on_purpose.h) */
	uint64_t committed_kb, commit_limit_kb, peak_committed_kb;
	uint64_t mem_total_kb, mem_free_kb, swap_total_kb, swap_free_kb;
	int64_t overcommit_memory;
	uint64_t clock_ns; /* virtual time at the end */
	uint64_t time_ns[NR_RUN_TIMES];
	/* A hash over all requests and the addresses of all faults, in order:
	 * two runs that did the same have the same. */
	uint64_t fingerprint;

	uint32_t nr_refusals; /* kept of nr_refused, the first ones */
	uint32_t log_len;     /* characters of `log`, without the '\0' */
	struct run_refusal refusals[RUN_REFUSALS];
	char log[RUN_LOG_BYTES]; /* the kernel's log, its last part */
};

/* What happened, over virtual time. */
enum run_event_kind {
	RUN_EVENT_SAMPLE = 1, /* the figures, at every change worth noting */
	RUN_EVENT_CALL,       /* what: enum run_request; arg: addr, len, result;
			       * brk: len is the growth, of a shrink negative */
	RUN_EVENT_REFUSED,    /* what: enum run_request; arg: addr, len, rule */
	RUN_EVENT_OOM_KILL,   /* arg: pid */
	RUN_EVENT_FORK,       /* the machine of arg[0] (record) was copied */
	RUN_EVENT_END,        /* what: enum run_end */
};

struct run_event {
	uint64_t time_ns; /* virtual, of the process's machine */
	uint32_t process; /* index of its record */
	uint16_t kind;    /* enum run_event_kind; written last, never 0 */
	uint16_t what;
	uint64_t arg[3];
	uint64_t rss_kb, swap_kb, committed_kb;
	uint64_t min_flt, maj_flt; /* so far */
};

struct run_area {
	uint64_t magic;
	/*
	 * ---- asked for; written before the program starts ----
	 * What is to fail fails in the first process, in each program that it
	 * executes, counted anew in each; never in its children.
	 */
	uint64_t fail_at;          /* refuse this request, from 1; 0: none */
	uint64_t fail_count;       /* and this many from it on; 0 is 1 */
	uint64_t fail_after_bytes; /* and what would bring bytes_granted above
				    * this; 0: never */
	uint32_t want_events;      /* fill `events` */
	uint32_t has_cpu_mask;     /* cpu_mask says where processes may run */
	uint64_t cpu_mask[16];     /* of the command itself, as for
				    * sched_setaffinity(2) */
	/* ---- told ---- */
	uint32_t nr_processes; /* records taken; atomic */
	uint32_t nr_news;   /* counts up at each change of a state; a futex */
	uint64_t nr_events; /* slots taken; atomic; may exceed RUN_EVENTS */
	uint64_t reserved[8];
	struct run_process processes[RUN_PROCESSES];
	struct run_event events[RUN_EVENTS];
};

/* ---- the program's side (run_area.c) ---- */

/* NULL: there is no such file, or it is not a run area. */
struct run_area *run_area_map(const char *path);
void run_area_unmap(struct run_area *area);
/* The next free record; NULL: none is left. */
struct run_process *run_area_take(struct run_area *area);
/* Changes the state, which makes all that was written before visible. */
void run_area_tell(struct run_area *area, struct run_process *process,
		   enum run_state state);
/* The next free event, to be given once it is filled; NULL: none is left, or
 * none are wanted. */
struct run_event *run_area_take_event(struct run_area *area);
void run_area_give_event(struct run_event *event, enum run_event_kind kind);
/* The calling thread, and those that it makes, run on one CPU: of the area's
 * mask the one whose turn it is by the record's index; the present one without
 * an area; all, when the area has no mask. */
void run_area_bind_cpu(const struct run_area *area, uint32_t index);

#endif
