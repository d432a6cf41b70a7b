/*
 * task.h: tasks: who they are, how they are born and die.
 */
#ifndef KERNEL_TASK_H
#define KERNEL_TASK_H

#include "base/list.h"
#include "kernel/fault.h"
#include "kernel/mempolicy.h"
#include "kernel/mm.h"

#include <mmsim/kernel.h>

#include <sys/types.h>

enum {
	TASK_COMM_LEN = 16,
	NR_RLIMITS = 16,
	OOM_SCORE_ADJ_MIN = -1000,
	OOM_SCORE_ADJ_MAX = 1000,
	OOM_ADJ_DISABLE = -17, /* of the old oom_adj */
};

enum task_state { TASK_RUNNING, TASK_ZOMBIE, TASK_DEAD };

struct rlimit_pair {
	uint64_t soft, hard;
};

struct mmsim_task {
	struct mmsim_machine *machine;
	struct list_head link;     /* in machine->tasks, by age */
	struct mmsim_task *parent; /* NULL: init */
	struct list_head children; /* of sibling */
	struct list_head sibling;
	int pid;
	enum task_state state;
	int wait_status;
	bool handle_gone;  /* mmsim_task_put was called */
	bool is_vfork_child;
	char comm[TASK_COMM_LEN];
	struct mm_struct *mm; /* NULL: dead */
	uid_t uid;
	int nice;
	unsigned cpu, node;
	struct rlimit_pair rlimits[NR_RLIMITS];
	int oom_score_adj;
	bool is_oom_victim;   /* TIF_MEMDIE: may use the reserves */
	int pending_signal;   /* SIGKILL to be told at its next access; 0 */
	struct mempolicy *policy; /* NULL: MPOL_DEFAULT */
	unsigned il_prev;         /* the last node interleaved to */
	uint64_t min_flt, maj_flt;
	uint64_t start_ns, utime_ns, stime_ns;
	uintptr_t fault_addr; /* of the last SIGSEGV or SIGBUS */
	int fault_code;
	void *record;         /* what it costs in the cache task_struct */
	struct page *stack[4]; /* the kernel's stack; NULL: init's, or dead */
	uint64_t maxrss;      /* pages, of the memory it has left behind */
	bool is_dying;        /* dead, but its memory goes when the call ends */
	int oom_adj;          /* of 2.6.32: -17 (never chosen) .. 15 */
};

static inline bool task_is_root(const struct mmsim_task *task)
{
	return task->uid == 0;
}

static inline uint64_t task_rlimit(const struct mmsim_task *task, int resource)
{
	return task->rlimits[resource].soft;
}

/* Every system call begins with this: 0, -EIO (panic), -ESRCH (dead). */
int task_check(const struct mmsim_task *task);
/* The same for calls that init can take too, which has no address space. */
int task_check_alive(const struct mmsim_task *task);

/* The same for what init can take, too: it has no memory.  The call is not one
 * of the task's own. */
int task_check_alive(const struct mmsim_task *task);

/* Boot: makes init, pid 1. */
int task_init(struct mmsim_machine *machine);
void task_fini(struct mmsim_machine *machine);
/* The death of a task by a signal; its memory is given back at once. */
void task_die(struct mmsim_task *task, int wait_status);
/* fork.c: a task without an address space, as a child of `parent`, in no list
 * yet: 0, -EAGAIN, -ENOMEM.  task_publish makes it known under its pid;
 * task_discard takes it back instead. */
int task_create(struct mmsim_task *parent, struct mmsim_task **task);
int task_publish(struct mmsim_task *task);
void task_discard(struct mmsim_task *task);
/* Its kernel stack and its record are given back. */
void task_free_resources(struct mmsim_task *task);
/* mm.c: the task has left this address space, which may live on with
 * others. */
void mm_forget_owner(struct mm_struct *mm, const struct mmsim_task *task);
/* Debug builds of level 2 prove the books here, after each public call. */
void task_call_done(struct mmsim_machine *machine);

#endif
