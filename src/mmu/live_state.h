/*
 * live_state.h: what the files of the live MMU share.
 *
 *   the program's threads        the server, a process with the same memory
 *   load or store in the    -->  event -> simulated kernel -> the page
 *   window
 *   live_syscall: request   -->  event -> the slot's request -> its result
 *   in a slot, touch of
 *   its doorbell
 *
 *   the window   [start, start + len): the task's addresses; a shared mapping
 *                of the store, registered with userfaultfd
 *   the store    a file in memory as large as the window: the content of the
 *                page at start + x stands at offset x
 *   the alias    the store mapped a second time: the server reads and writes
 *                contents here, unseen by the page tables of the window
 */
#ifndef MMU_LIVE_STATE_H
#define MMU_LIVE_STATE_H

#include "base/radix.h"
#include "kernel/machine.h"
#include "kernel/mmu_notifier.h"
#include "mmu/host_limit.h"
#include "mmu/live.h"

#include <linux/userfaultfd.h>

enum {
	LIVE_CALLS = 256,     /* system calls at a time */
	LIVE_EXCEPTIONS = 1024, /* ranges with other protection */
	LIVE_STALE_MAX = 4096, /* pages of the store that may be stale */
};
#define LIVE_WINDOW_LEN ((size_t)1 << 40)

enum live_call_state { CALL_FREE, CALL_TAKEN, CALL_POSTED, CALL_DONE };

/* One system call on its way; the thread that made it waits at its doorbell. */
struct live_call {
	uint32_t state; /* enum live_call_state */
	uint32_t op;
	uintptr_t arg[4];
	intptr_t result;
};

/* A part of the window whose real protection is not read and write: what the
 * task may not touch, or may execute. */
struct live_exception {
	uintptr_t start, end;
	int prot;
};

struct live {
	struct mmsim_machine *machine;
	struct mmsim_task *task;
	struct live_observer *observer;
	bool survive;
	bool can_continue_wp; /* UFFDIO_CONTINUE can map for reading only */

	char *window, *alias; /* LIVE_WINDOW_LEN bytes each */
	char *bells;          /* a page for each call */
	const char *zeros;    /* LIVE_ZEROS bytes, for many pages at a time */
	struct live_call calls[LIVE_CALLS];

	/* live_store.c's */
	struct mmu_notifier notifier;
	struct page_store store;
	struct pool slot_nodes;
	struct radix
		slots; /* page number in the window -> who has its content */
	uint64_t nr_stale;
	uint64_t nr_aged; /* slots with RADIX_AGED, at most */
	void *left_behind; /* a page of the machine's pool to free, or NULL */

	/* live_event.c's */
	struct live_exception exceptions[LIVE_EXCEPTIONS];
	unsigned nr_exceptions;
	bool is_dead; /* the task was killed; its memory is gone */
	bool is_stopping;
	bool is_serving;  /* an event is being served */
	bool is_forking; /* faults in the window wait for the fork to end */

	/* live_server.c's */
	int uffd;  /* in the server's table of descriptors */
	int pidfd; /* of the program, likewise */
	int program_pid, server_pid;
	char *stack, *tls;

	/* live_guard.c's */
	struct {
		char *stack;
		int pid;
		int server_fd; /* a pidfd, in the guard's table */
		bool is_over;  /* the server ends, and has said all */
	} guard;

	const char *broken; /* why faults can no longer be served */

	/* live_fork.c's, from prepare to the handlers behind it */
	struct {
		int fd;      /* the copy of the store */
		char *alias; /* mapped */
		uint64_t sigmask;
		struct host_limits limits; /* of the process, but for now */
		bool has_failed;           /* there is no copy */
		/* forks that are over in this process, in memory shared with
		 * its children, and how many that were at the begin of one */
		uint32_t *nr_done;
		uint32_t nr_done_before;
		/* The forking thread's stack is in the window; or NULL. */
		struct errand *errand;
		void *private; /* what is to be the window during the fork */
	} fork;
};

#define LIVE_ZEROS (2 * MIB)

static inline uint64_t live_slot(const struct live *live, uintptr_t addr)
{
	return (addr - (uintptr_t)live->window) >> PAGE_SHIFT;
}

static inline bool live_has(const struct live *live, uintptr_t addr)
{
	return addr - (uintptr_t)live->window < LIVE_WINDOW_LEN;
}

/* The content of the page at addr, through the alias. */
static inline char *live_content(const struct live *live, uintptr_t addr)
{
	return live->alias + ((addr & PAGE_MASK) - (uintptr_t)live->window);
}

/* ---- live.c ---- */
/* A file for the store, as large as the window: its descriptor, or -errno. */
int live_make_file(void);
/* What the host shall know of the window and the alias: a child of a fork without
 * handlers must not store into its parent's memory, and a core file would have to
 * read all of the window. */
void live_advise(struct live *live);
/* A new userfaultfd has the window and the doorbells, and a new server serves
 * it; 0 or -errno. */
int live_serve(struct live *live, bool old_host);

/* ---- live_store.c ---- */
void store_init(struct live *live);
void store_fini(struct live *live);
/*
 * The page at addr becomes real: `page`, NULL for zeros; stores trap unless it
 * is writable.  Who waits for it goes on.  0 or -errno of the host.
 */
int store_map(struct live *live, uintptr_t addr, struct page *page,
	      bool writable);
/* Maps those pages of [start, end) that are there and writable and were never
 * real, many at a time: a matter of speed only. */
void store_map_fresh(struct live *live, uintptr_t start, uintptr_t end);
/* What lost its accessed bit in this event is not mapped any more. */
void store_unmap_aged(struct live *live);
/* Nothing of the window is mapped; contents stay. */
void store_unmap_all(struct live *live);
/* Every wait for a page in [start, start + len) ends and is tried again. */
void store_wake(struct live *live, uintptr_t start, size_t len);
/* After a fork, in the child: `slots` tell what the copy of the store holds. */
void store_forked(struct live *live);
/* The slot at addr no longer has the content of a page; 0 or -ENOMEM. */
int store_vacate(struct live *live, uintptr_t addr);
/* Whether an entry of a slot, or NULL, says that a content stands there. */
bool store_entry_has_content(const void *entry);
/* The entry of a slot whose content nobody needs. */
void store_set_stale(struct live *live, uint64_t slot);
/* Gives back what is stale, neighbours in one call, when there is much of it.
 * Between two events: within one, content that is stale may still be read. */
void store_tidy(struct live *live);

/* ---- live_event.c ---- */
/* One event of userfaultfd. */
void event_serve(struct live *live, const struct uffd_msg *msg);
/* After each: did the simulated kernel kill the task?  Sees to its death. */
void event_check_death(struct live *live);
/* [start, end) has this real protection from now on. */
void event_protect(struct live *live, uintptr_t start, uintptr_t end, int prot);
/* Ordinary protection for all that overlaps [start, end). */
void event_unprotect(struct live *live, uintptr_t start, uintptr_t end);

/* ---- live_call.c ---- */
/* The doorbell at addr rang. */
void call_rang(struct live *live, uintptr_t addr);
/* Calls that waited for the end of a fork. */
void call_serve_waiting(struct live *live);

/* ---- live_server.c ---- */
/* Of the server's functions that call what never returns: AddressSanitizer
 * would ask libc for the bounds of the stack before, and libc knows of none. */
#define SERVER_MAY_END __attribute__((no_sanitize_address))
/* Starts the server with a userfaultfd of this process; 0 or -errno. */
int server_start(struct live *live, int uffd);
/* It has ended. */
void server_stop(struct live *live);
/* Stack and thread-local storage of a server that has ended. */
void server_unmap(struct live *live);
/* A userfaultfd with all that is needed, or -errno. */
int server_open_uffd(struct live *live, bool old_host);
/* The window and the doorbells are registered; 0 or -errno. */
int server_register(int uffd, const void *start, size_t len, uint64_t mode);
/* The server cannot go on: the program is killed, with this message. */
_Noreturn void server_broken(struct live *live, const char *why);
/* The program is killed on behalf of the simulated kernel. */
_Noreturn void server_kill(struct live *live);

#define LIVE_WINDOW_MODES                                                      \
	(UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR |           \
	 UFFDIO_REGISTER_MODE_WP)

/* ---- live_guard.c ---- */
int guard_map(struct live *live); /* 0 or -ENOMEM */
void guard_unmap(struct live *live);
/* The calling server is watched from now on; 0 or -errno. */
int guard_start(struct live *live);
/* The server ends as it should: the guard has ended behind this call. */
void guard_end(struct live *live);

/* ---- live_fork.c ---- */
/* Memory for fork.nr_done; NULL: none. */
uint32_t *fork_count_map(void);
/* Serves LIVE_FORK and its like. */
intptr_t fork_serve(struct live *live, const struct live_call *call);

#endif
