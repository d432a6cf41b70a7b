/*
 * live.h: a simulated task whose addresses are real addresses of this process.
 */
#ifndef MMU_LIVE_H
#define MMU_LIVE_H

#include "kernel/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct live;

/* What the task asks of its kernel.  Arguments as in the system call. */
enum live_op {
	LIVE_BRK = 1,  /* addr (0: asks) -> break */
	LIVE_MMAP,     /* addr, len, prot, flags -> address */
	LIVE_MUNMAP,   /* addr, len */
	LIVE_MPROTECT, /* addr, len, prot */
	LIVE_MREMAP,   /* addr, old_len, new_len, flags -> address */
	LIVE_MADVISE,  /* addr, len, advice */
	LIVE_MLOCK,    /* addr, len */
	LIVE_MUNLOCK,  /* addr, len */
	LIVE_MLOCK2,   /* addr, len, flags */
	LIVE_MLOCKALL, /* flags */
	LIVE_MUNLOCKALL,
	LIVE_MINCORE, /* addr, len, vec (not the task's; -EFAULT) */
	LIVE_MSYNC,   /* addr, len, flags */
	LIVE_HELLO,   /* -> 0: the server is there */
	LIVE_STOP,    /* the server ends after this answer */
	LIVE_FORK,    /* from here on live_fork.c's */
	LIVE_FORK_READY,
	LIVE_FORK_BLOCK,
	LIVE_FORK_MERGE,
	LIVE_FORK_REGISTER,
	LIVE_FORK_DONE,
};

enum live_end {
	LIVE_END_EXIT,   /* by itself, or by a signal from outside */
	LIVE_END_EXEC,   /* it runs another program now */
	LIVE_END_KILLED, /* the simulated kernel killed the task, or panicked */
	LIVE_END_BROKEN, /* its faults can no longer be served */
};

/*
 * What is told to whoever set up the live task, in the server, between two
 * events; it may look at the machine, and must not touch the task's memory, use
 * a descriptor of the program, or call malloc.
 */
struct live_observer {
	/* The server is there, and will say the last word. */
	void (*serving)(struct live_observer *self);
	/* A system call is to be served: 0, or the negative errno value that it
	 * shall fail with. */
	int (*call_begin)(struct live_observer *self, enum live_op op,
			  const uintptr_t arg[4]);
	/* It was served. */
	void (*call_end)(struct live_observer *self, enum live_op op,
			 const uintptr_t arg[4], intptr_t result);
	/* A fault was served: 0, or the signal it earned. */
	void (*fault_end)(struct live_observer *self, uintptr_t addr,
			  enum fault_access access, int result);
	/* The last word: the process is dead, or has other memory now.  `why`
	 * is NULL unless it is LIVE_END_BROKEN; `stderr_fd` is what the program
	 * had as its standard error if it was killed (LIVE_END_KILLED and
	 * BROKEN), else -1. */
	void (*end)(struct live_observer *self, enum live_end how,
		    const char *why, int stderr_fd);
	/* In the child of a fork, before its server starts; `parent` is the
	 * host's pid of the parent. */
	void (*forked)(struct live_observer *self, int parent);
};

struct live_config {
	struct mmsim_task *task;
	struct live_observer *observer; /* or NULL */
	bool survive;                   /* MMSIM_SIM_SURVIVE */
	bool old_host; /* for tests: as if Linux were older than 6.4 */
};

/* 0, -EPERM, -ENOSYS, -ENOMEM, -EFBIG (RLIMIT_FSIZE), -EAGAIN, -EINVAL (not an
 * x86_64 machine). */
int live_start(const struct live_config *config, struct live **live);
void live_stop(struct live *live);

/* One system call of the task, by any thread: what Linux would return. */
intptr_t live_syscall(struct live *live, enum live_op op, uintptr_t a0,
		      uintptr_t a1, uintptr_t a2, uintptr_t a3);

/* [start, end) of the addresses that can be the task's. */
void live_window(const struct live *live, uintptr_t *start, uintptr_t *end);

/* The three halves of pthread_atfork(3). */
void live_fork_prepare(struct live *live);
void live_fork_parent(struct live *live);
void live_fork_child(struct live *live);

#endif
