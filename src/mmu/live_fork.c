/*
 * live_fork.c: fork(2) of a live task's process.
 *
 * The child gets a copy of the whole machine.  Tables of the kernel half are
 * ordinary private memory and copied by the host's fork; the store is shared
 * memory, and would stay shared.  So it is copied before, and for the time of
 * the fork both processes see the window as a private mapping of the copy, in
 * which every page of the task is there, what is swapped out as well: libc
 * touches the heap before any handler runs in the child, and other threads of
 * the parent go on.
 *
 *   parent                                       child
 *   prepare: a new file; LIVE_FORK: nothing of
 *   the window is mapped any more, contents are
 *   copied to the file
 *   window = private mapping of the file;
 *   LIVE_FORK_READY
 *   ----------------------------- fork -----------------------------
 *   LIVE_FORK_BLOCK: the window is registered    waits for the parent
 *   its pages move aside (MREMAP_DONTUNMAP):     its pages move aside
 *   from here on every access waits              alias, window = the file,
 *   LIVE_FORK_MERGE: what was stored meanwhile   shared
 *   is stored into the simulated pages           what was stored is stored
 *   window = the store again, registered         into the simulated pages
 *   before it is moved there; LIVE_FORK_DONE     new userfaultfd, new server
 *
 * The child takes the file for its own store, so it waits until the parent has
 * left it: a word in shared memory counts the forks that the parent is done
 * with.  Moving a registered mapping keeps it registered
 * (UFFD_FEATURE_EVENT_REMAP), but the mover waits until the event was read; so
 * the forking thread moves, and the server reads.
 *
 * Who does all this touches nothing of the window meanwhile.  Where the forking
 * thread's own stack is there, another process does it for the thread
 * (errand.c).
 *
 * Signals are blocked from prepare to the handlers behind the fork.  A fork
 * cannot be refused by a handler: where the host has no room for the copy, the
 * child ends, and the parent goes on.
 *
 * Sources: fork(2), pthread_atfork(3), mremap(2), userfaultfd(2); the kernel's
 * Documentation/admin-guide/mm/pagemap.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "mmu/live_state.h"

#include "base/fatal.h"
#include "kernel/swap.h"
#include "kernel/task.h"
#include "kernel/vma.h"
#include "mmu/errand.h"
#include "mmu/host_call.h"
#include "mmu/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* How long the child looks for the parent, ns and times. */
enum { CHILD_WAIT_NS = 10000000, CHILD_WAITS = 6000 };

/* Entries of /proc/PID/pagemap. */
#define PAGEMAP_PRESENT ((uint64_t)1 << 63)
#define PAGEMAP_SWAPPED ((uint64_t)1 << 62)
#define PAGEMAP_FILE ((uint64_t)1 << 61)
enum { MERGE_BATCH = 512 };

static void fork_failed(const char *what)
{
	fatal(what);
}

uint32_t *fork_count_map(void)
{
	void *addr = host_mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1);

	return addr == MAP_FAILED ? NULL : addr;
}

/* --- contents, by address ------------------------------------------------- */

struct content_walk {
	struct pgtable_walk walk;
	struct live *live;
	/* The page at addr has this content, here or elsewhere. */
	void (*found)(struct live *live, uintptr_t addr, const void *content);
};

static int content_visit(struct pgtable_walk *walk, uintptr_t addr,
			 pte_t *entry, bool huge)
{
	struct content_walk *contents =
		container_of(walk, struct content_walk, walk);
	struct live *live = contents->live;
	struct mmsim_machine *machine = live->machine;

	for (unsigned i = 0; i < (huge ? HPAGE_PMD_NR : 1); i++) {
		uintptr_t at = addr + i * PAGE_SIZE;
		const struct page *page = NULL;
		const void *content = NULL;

		if (pte_is_swap(*entry))
			content =
				swap_content(machine, pte_to_swp_entry(*entry));
		else
			page = pte_page(machine, *entry);
		if (page)
			content = page[i].data;
		if (content)
			contents->found(live, at, content);
	}
	return 0;
}

static void content_walk_all(struct live *live,
			     void (*found)(struct live *, uintptr_t,
					   const void *))
{
	struct content_walk contents = {
		.walk = {.mm = live->task->mm, .visit = content_visit},
		.live = live,
		.found = found,
	};

	pgtable_walk(&contents.walk, (uintptr_t)live->window,
		     (uintptr_t)live->window + LIVE_WINDOW_LEN);
}

/* --- the copy of the store ------------------------------------------------ */

static void tag_in_place(struct live *live, uintptr_t addr, const void *content)
{
	if (content == live_content(live, addr))
		radix_tag_set(&live->slots, live_slot(live, addr),
			      RADIX_IN_PLACE);
}

static void copy_elsewhere(struct live *live, uintptr_t addr,
			   const void *content)
{
	if (content != live_content(live, addr))
		memcpy(live->fork.alias +
			       (live_content(live, addr) - live->alias),
		       content, PAGE_SIZE);
}

/* The content at a slot goes to the copy.  But a page that has moved left its
 * content behind until it is touched again, at an address where others read
 * zeros: that is not of the copy. */
static void copy_slot(struct live *live, uint64_t slot)
{
	uintptr_t addr = (uintptr_t)live->window + (slot << PAGE_SHIFT);
	size_t offset = slot << PAGE_SHIFT;

	if (radix_has_tag(&live->slots, slot, RADIX_IN_PLACE)) {
		radix_tag_clear(&live->slots, slot, RADIX_IN_PLACE);
		memcpy(live->fork.alias + offset, live->alias + offset,
		       PAGE_SIZE);
	} else if (store_vacate(live, addr)) {
		fork_failed("mmsim: fork: the host has no memory");
	}
}

/* LIVE_FORK.  From here on faults wait. */
static void fork_copy(struct live *live)
{
	uint64_t slot = 0;
	void *entry;

	live->is_forking = true;
	store_unmap_all(live);
	content_walk_all(live, tag_in_place);
	for (; (entry = radix_next(&live->slots, &slot)) != NULL; slot++)
		if (store_entry_has_content(entry))
			copy_slot(live, slot);
	content_walk_all(live, copy_elsewhere);
}

/* --- what was stored during the fork -------------------------------------- */

/* The store may be what the OOM killer took the task for. */
static bool task_is_alive(const struct live *live)
{
	return task_check(live->task) == 0;
}

/* A store of a whole page, as the task's own.  Where the task may not store,
 * nothing is. */
static void merge_page(struct live *live, uintptr_t addr, const void *content)
{
	struct mmsim_task *task = live->task;
	struct walk walk;
	void *data;

	if (!task_is_alive(live))
		return;
	while (!mmu_walk(task->mm, addr, FAULT_WRITE, &walk))
		if (handle_page_fault(task, addr, FAULT_WRITE))
			return;
	data = page_content_write(live->machine, walk.page);
	if (!data)
		fork_failed("mmsim: fork: the host has no memory");
	memcpy(data, content, PAGE_SIZE);
}

struct merge {
	struct live *live;
	int pagemap;       /* /proc/self/pagemap, or -errno */
	const char *aside; /* where the private mapping now stands */
	const char *copy;  /* the file that it is of */
};

/* Without /proc, as after chroot(2): what differs from the file.  Looking at a
 * page that nobody has read maps it, so nothing may be registered here.
 * Simplified: a page that the host has swapped out meanwhile is not found. */
static void merge_compare(const char *from, const char *copy, size_t nr,
			  bool *stored)
{
	unsigned char vec[MERGE_BATCH];

	if (syscall(SYS_mincore, from, nr << PAGE_SHIFT, vec))
		memset(vec, 1, nr);
	for (size_t i = 0; i < nr; i++)
		stored[i] = (vec[i] & 1) &&
			    memcmp(from + i * PAGE_SIZE, copy + i * PAGE_SIZE,
				   PAGE_SIZE) != 0;
}

/* Which of `nr` pages were stored to. */
static void merge_look(const struct merge *merge, size_t offset, size_t nr,
		       bool *stored)
{
	const char *from = merge->aside + offset;
	off_t at = (off_t)((uintptr_t)from >> PAGE_SHIFT) * 8;
	uint64_t entries[MERGE_BATCH];

	if (merge->pagemap < 0) {
		merge_compare(from, merge->copy + offset, nr, stored);
		return;
	}
	if (pread(merge->pagemap, entries, nr * 8, at) != (ssize_t)(nr * 8))
		fork_failed("mmsim: fork: cannot read /proc/self/pagemap");
	for (size_t i = 0; i < nr; i++)
		stored[i] =
			(entries[i] & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED)) &&
			!(entries[i] & PAGEMAP_FILE);
}

static void merge_range(const struct merge *merge, uintptr_t start,
			uintptr_t end)
{
	struct live *live = merge->live;
	bool stored[MERGE_BATCH];

	while (start < end && task_is_alive(live)) {
		size_t offset = start - (uintptr_t)live->window;
		size_t nr = min_size((end - start) >> PAGE_SHIFT, MERGE_BATCH);

		merge_look(merge, offset, nr, stored);
		for (size_t i = 0; i < nr; i++)
			if (stored[i])
				merge_page(live, start + i * PAGE_SIZE,
					   merge->aside + offset +
						   i * PAGE_SIZE);
		start += nr << PAGE_SHIFT;
	}
}

static void fork_merge(struct live *live, const char *aside, const char *copy)
{
	struct merge merge = {
		.live = live,
		.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC),
		.aside = aside,
		.copy = copy,
	};
	uintptr_t at = (uintptr_t)live->window;
	struct vm_area_struct *vma;

	while (task_is_alive(live) && (vma = vma_find(live->task->mm, at)) &&
	       live_has(live, vma->start)) {
		at = vma->end;
		merge_range(&merge, vma->start, at);
	}
	if (merge.pagemap >= 0)
		close(merge.pagemap);
	task_call_done(live->machine);
}

/* The window was mapped anew, readable and writable: what differed before has
 * to be said again, or shows by itself. */
static void fork_protect(struct live *live)
{
	for (unsigned i = live->nr_exceptions; i-- > 0;) {
		struct live_exception *e = &live->exceptions[i];

		if (e->prot & PROT_EXEC)
			host_mprotect((void *)e->start, e->end - e->start,
				      e->prot);
		else
			*e = live->exceptions[--live->nr_exceptions];
	}
}

/* --- the server's side ---------------------------------------------------- */

static intptr_t fork_done(struct live *live)
{
	fork_protect(live);
	live->is_forking = false;
	event_check_death(live);
	store_wake(live, (uintptr_t)live->window, LIVE_WINDOW_LEN);
	call_serve_waiting(live);
	return 0;
}

/* The server's own faults would wait for the server. */
static intptr_t fork_merge_aside(struct live *live, const char *aside)
{
	struct uffdio_range range = {.start = (uintptr_t)aside,
				     .len = LIVE_WINDOW_LEN};

	if (ioctl(live->uffd, UFFDIO_UNREGISTER, &range))
		return -errno;
	fork_merge(live, aside, live->fork.alias);
	return 0;
}

intptr_t fork_serve(struct live *live, const struct live_call *call)
{
	switch (call->op) {
	case LIVE_FORK:
		fork_copy(live);
		return 0;
	case LIVE_FORK_READY:
		store_wake(live, (uintptr_t)live->window, LIVE_WINDOW_LEN);
		return 0;
	case LIVE_FORK_BLOCK:
		return server_register(live->uffd, live->window,
				       LIVE_WINDOW_LEN, LIVE_WINDOW_MODES);
	case LIVE_FORK_MERGE:
		return fork_merge_aside(live, (const char *)call->arg[0]);
	case LIVE_FORK_REGISTER:
		return server_register(live->uffd, (void *)call->arg[0],
				       LIVE_WINDOW_LEN, LIVE_WINDOW_MODES);
	case LIVE_FORK_DONE:
		return fork_done(live);
	default:
		return -ENOSYS;
	}
}

/* --- the forking thread --------------------------------------------------- */

static void fork_ask(struct live *live, enum live_op op, const void *arg)
{
	if (live_syscall(live, op, (uintptr_t)arg, 0, 0, 0))
		fork_failed("mmsim: fork: userfaultfd cannot take the memory");
}

static void *fork_moved(void *addr)
{
	if (addr == MAP_FAILED)
		fork_failed("mmsim: fork: the host has no room for the "
			    "simulated memory");
	return addr;
}

static void signals_block(struct live *live)
{
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	memcpy(&live->fork.sigmask, &before, sizeof(live->fork.sigmask));
}

static void signals_restore(const struct live *live)
{
	sigset_t before;

	sigemptyset(&before);
	memcpy(&before, &live->fork.sigmask, sizeof(live->fork.sigmask));
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* Address space for a window. */
static void *fork_reserve(void)
{
	return fork_moved(host_mmap(NULL, LIVE_WINDOW_LEN, PROT_NONE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
				    -1));
}

/* What the host may refuse comes first: 0, or -errno with nothing changed. */
static int fork_make_copy(struct live *live)
{
	int prot = PROT_READ | PROT_WRITE;
	void *private;

	live->fork.fd = live_make_file();
	if (live->fork.fd < 0)
		return live->fork.fd;
	live->fork.alias = host_mmap(NULL, LIVE_WINDOW_LEN, prot,
				     MAP_SHARED | MAP_NORESERVE, live->fork.fd);
	private = host_mmap(NULL, LIVE_WINDOW_LEN, prot,
			    MAP_PRIVATE | MAP_NORESERVE, live->fork.fd);
	live->fork.private = private;
	if (live->fork.alias != MAP_FAILED && private != MAP_FAILED)
		return 0;
	if (live->fork.alias != MAP_FAILED)
		host_munmap(live->fork.alias, LIVE_WINDOW_LEN);
	close(live->fork.fd);
	return -ENOMEM;
}

static void fork_drop_copy(struct live *live, void *aside)
{
	host_munmap(aside, LIVE_WINDOW_LEN);
	close(live->fork.fd);
	live->fork.alias = NULL;
}

/* The stack or the variables of this thread are in the window. */
static bool fork_is_inside(const struct live *live)
{
	return live_has(live, (uintptr_t)__builtin_frame_address(0)) ||
	       live_has(live, (uintptr_t)__builtin_thread_pointer());
}

/* fn(live), which touches nothing of the window; false: there is no process to
 * do it in. */
static bool fork_run(struct live *live, void (*fn)(void *))
{
	if (live->fork.errand)
		return errand_run(live->fork.errand, fn, live);
	fn(live);
	return true;
}

static void fork_run_or_fail(struct live *live, void (*fn)(void *))
{
	if (!fork_run(live, fn))
		fork_failed("mmsim: fork: the host allows no further process");
}

static void prepare_window(void *arg)
{
	struct live *live = arg;

	fork_ask(live, LIVE_FORK, NULL);
	fork_moved(host_mremap(live->fork.private, LIVE_WINDOW_LEN,
			       LIVE_WINDOW_LEN, MREMAP_MAYMOVE | MREMAP_FIXED,
			       live->window));
	fork_ask(live, LIVE_FORK_READY, NULL);
}

/* False: the host has no room; nothing has changed. */
static bool prepare_copy(struct live *live)
{
	if (fork_is_inside(live)) {
		live->fork.errand = errand_create();
		if (!live->fork.errand)
			return false;
	}
	if (fork_make_copy(live))
		return false;
	if (fork_run(live, prepare_window))
		return true;
	host_munmap(live->fork.alias, LIVE_WINDOW_LEN);
	fork_drop_copy(live, live->fork.private);
	return false;
}

void live_fork_prepare(struct live *live)
{
	signals_block(live);
	host_limits_lift_all(&live->fork.limits);
	live->fork.nr_done_before = load_relaxed(live->fork.nr_done);
	live->fork.has_failed = !prepare_copy(live);
}

/* The end of either handler. */
static void fork_end(struct live *live)
{
	errand_destroy(live->fork.errand);
	live->fork.errand = NULL;
	host_limits_restore(&live->fork.limits);
	signals_restore(live);
}

static void parent_window(void *arg)
{
	struct live *live = arg;
	void *aside = fork_reserve(), *again;

	fork_ask(live, LIVE_FORK_BLOCK, NULL);
	fork_moved(host_mremap(live->window, LIVE_WINDOW_LEN, LIVE_WINDOW_LEN,
			       MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
			       aside));
	fork_ask(live, LIVE_FORK_MERGE, aside);
	/* A length of 0 maps shared memory a second time. */
	again = fork_moved(host_mremap(live->alias, 0, LIVE_WINDOW_LEN,
				       MREMAP_MAYMOVE, NULL));
	fork_ask(live, LIVE_FORK_REGISTER, again);
	fork_moved(host_mremap(again, LIVE_WINDOW_LEN, LIVE_WINDOW_LEN,
			       MREMAP_MAYMOVE | MREMAP_FIXED, live->window));
	live_advise(live);
	host_munmap(live->fork.alias, LIVE_WINDOW_LEN);
	fork_drop_copy(live, aside);
	__atomic_add_fetch(live->fork.nr_done, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, live->fork.nr_done, FUTEX_WAKE, INT_MAX, NULL, NULL,
		0);
	fork_ask(live, LIVE_FORK_DONE, NULL);
}

void live_fork_parent(struct live *live)
{
	if (!live->fork.has_failed)
		fork_run_or_fail(live, parent_window);
	fork_end(live);
}

/* The parent reads the file no more, or is gone; in another namespace of
 * processes its pid cannot be seen. */
static void child_wait_parent(struct live *live)
{
	struct timespec wait = {.tv_nsec = CHILD_WAIT_NS};
	uint32_t seen;

	for (unsigned i = 0; i < CHILD_WAITS; i++) {
		int parent = getppid();

		seen = __atomic_load_n(live->fork.nr_done, __ATOMIC_ACQUIRE);
		if (seen != live->fork.nr_done_before ||
		    (parent != 0 && parent != live->program_pid))
			return;
		syscall(SYS_futex, live->fork.nr_done, FUTEX_WAIT, seen, &wait,
			NULL, 0);
	}
	fork_failed("mmsim: fork: the parent does not end its fork");
}

/* This process's own count, for its children. */
static void child_forget_parent(struct live *live)
{
	host_munmap(live->fork.nr_done, PAGE_SIZE);
	live->fork.nr_done = fork_count_map();
	if (!live->fork.nr_done)
		fork_failed("mmsim: fork: the host has no memory");
}

static void mark_found(struct live *live, uintptr_t addr, const void *content)
{
	if (content != live_content(live, addr))
		store_set_stale(live, live_slot(live, addr));
}

/* The copy is the store now. */
static void child_take_store(struct live *live)
{
	int prot = PROT_READ | PROT_WRITE;

	fork_moved(host_mmap(live->alias, LIVE_WINDOW_LEN, prot,
			     MAP_SHARED | MAP_NORESERVE | MAP_FIXED,
			     live->fork.fd));
	fork_moved(host_mmap(live->window, LIVE_WINDOW_LEN, prot,
			     MAP_SHARED | MAP_NORESERVE | MAP_FIXED,
			     live->fork.fd));
	live_advise(live);
	host_munmap(live->fork.alias, LIVE_WINDOW_LEN);
	store_forked(live);
	content_walk_all(live, mark_found);
}

/* Calls of the parent's threads, which do not exist here. */
static void child_forget_calls(struct live *live)
{
	memset(live->calls, 0, sizeof(live->calls));
	host_madvise(live->bells, LIVE_CALLS * PAGE_SIZE, MADV_DONTNEED);
}

static void child_window(void *arg)
{
	struct live *live = arg;
	void *aside = fork_reserve();
	int err;

	fork_moved(host_mremap(live->window, LIVE_WINDOW_LEN, LIVE_WINDOW_LEN,
			       MREMAP_MAYMOVE | MREMAP_FIXED, aside));
	child_take_store(live);
	fork_merge(live, aside, live->alias);
	fork_drop_copy(live, aside);
	fork_protect(live);
	err = live_serve(live, !live->can_continue_wp);
	if (err == -EPERM)
		fork_failed("mmsim: fork: no right to handle page faults of "
			    "the kernel any more");
	if (err)
		fork_failed("mmsim: fork: no userfaultfd for the child");
}

void live_fork_child(struct live *live)
{
	int parent = live->program_pid;

	if (live->fork.has_failed)
		fork_failed("mmsim: fork: no file or no addresses for the "
			    "child's simulated memory (ulimit -v, -f, -n)");
	child_wait_parent(live);
	child_forget_parent(live);
	child_forget_calls(live);
	live->is_forking = false;
	live->program_pid = getpid();
	if (live->observer)
		live->observer->forked(live->observer, parent);
	fork_run_or_fail(live, child_window);
	fork_end(live);
}
