/*
 * live.c: a task of a simulated machine whose memory is real.
 *
 *   task's addresses           this process
 *   image, stack               nothing: simulated only (mmsim_load, mmsim_store)
 *   [start_brk, brk)           the window, from its low end upwards
 *   what mmap gives            the window, from its high end downwards
 *
 * The window is at the same place in every run, one for each live task, and
 * reserved once; areas of the task are bookkeeping of the simulated kernel
 * inside it.  A real mremap would lose the registration with userfaultfd.
 *
 *   live_store.c   contents, and which pages are real
 *   live_event.c   faults
 *   live_call.c    system calls
 *   live_server.c  the process that serves both
 *   live_fork.c    fork(2)
 *
 * Sources: userfaultfd(2), memfd_create(2), mmap(2).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "mmu/live_state.h"

#include "base/hostmem.h"
#include "kernel/task.h"
#include "mmu/host_call.h"
#include "mmu/host_limit.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* Where windows are tried, one behind the other with room between. */
#define WINDOW_BASE ((uintptr_t)0x200000000000)
#define WINDOW_STEP (2 * (uintptr_t)LIVE_WINDOW_LEN)
enum { WINDOW_TRIES = 16 };

static int window_map(struct live *live, int fd)
{
	int prot = PROT_READ | PROT_WRITE;
	void *addr = MAP_FAILED;

	for (unsigned i = 0; i < WINDOW_TRIES && addr == MAP_FAILED; i++)
		addr = host_mmap(
			(void *)(WINDOW_BASE + i * WINDOW_STEP),
			LIVE_WINDOW_LEN, prot,
			MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, fd);
	if (addr == MAP_FAILED)
		return -ENOMEM;
	live->window = addr;
	addr = host_mmap(NULL, LIVE_WINDOW_LEN, prot,
			 MAP_SHARED | MAP_NORESERVE, fd);
	if (addr == MAP_FAILED)
		return -ENOMEM;
	live->alias = addr;
	live_advise(live);
	return 0;
}

void live_advise(struct live *live)
{
	host_madvise(live->window, LIVE_WINDOW_LEN, MADV_DONTFORK);
	host_madvise(live->window, LIVE_WINDOW_LEN, MADV_DONTDUMP);
	host_madvise(live->alias, LIVE_WINDOW_LEN, MADV_DONTDUMP);
}

/* The file is sparse.  Asking for more than the limit would earn a signal. */
static int file_set_size(int fd)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < LIVE_WINDOW_LEN)
		return -EFBIG;
	return ftruncate(fd, (off_t)LIVE_WINDOW_LEN) ? -errno : 0;
}

int live_make_file(void)
{
	int fd = memfd_create("mmsim", MFD_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = file_set_size(fd);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int window_make(struct live *live)
{
	int fd = live_make_file(), err;

	if (fd < 0)
		return fd;
	err = window_map(live, fd);
	close(fd);
	if (err)
		return err;
	live->bells = hostmem_map(LIVE_CALLS * PAGE_SIZE);
	live->zeros = hostmem_map(LIVE_ZEROS);
	live->fork.nr_done = fork_count_map();
	return live->bells && live->zeros && live->fork.nr_done ? 0 : -ENOMEM;
}

static void window_unmap(struct live *live)
{
	hostmem_unmap(live->fork.nr_done, PAGE_SIZE);
	hostmem_unmap((void *)(uintptr_t)live->zeros, LIVE_ZEROS);
	hostmem_unmap(live->bells, LIVE_CALLS * PAGE_SIZE);
	hostmem_unmap(live->alias, LIVE_WINDOW_LEN);
	hostmem_unmap(live->window, LIVE_WINDOW_LEN);
}

/* The task's heap and what it maps lie in the window from now on. */
static void window_lay_out(struct live *live)
{
	struct mm_struct *mm = live->task->mm;

	mm->start_brk = mm->brk = (uintptr_t)live->window;
	mm->mmap_min = (uintptr_t)live->window;
	mm->mmap_end = (uintptr_t)live->window + LIVE_WINDOW_LEN;
	mm->mmap_base = mm->mmap_end;
	mm->mmap_is_legacy = false;
	mm->mmap_legacy_base = mm->mmap_min;
}

int live_serve(struct live *live, bool old_host)
{
	int uffd = server_open_uffd(live, old_host), err;

	if (uffd < 0)
		return uffd;
	err = server_register(uffd, live->window, LIVE_WINDOW_LEN,
			      LIVE_WINDOW_MODES);
	if (!err)
		err = server_register(uffd, live->bells, LIVE_CALLS * PAGE_SIZE,
				      UFFDIO_REGISTER_MODE_MISSING);
	if (!err)
		err = server_start(live, uffd);
	close(uffd);
	if (!err)
		live_syscall(live, LIVE_HELLO, 0, 0, 0, 0);
	return err;
}

static int live_set_up(struct live *live, bool old_host)
{
	int err = window_make(live);

	if (err)
		goto unmap;
	store_init(live);
	window_lay_out(live);
	err = live_serve(live, old_host);
	if (!err)
		return 0;
	store_fini(live);
unmap:
	window_unmap(live);
	return err;
}

int live_start(const struct live_config *config, struct live **result)
{
	int err = task_check(config->task);
	struct host_limits limits;
	struct live *live;

	if (err)
		return err;
	if (config->task->machine->arch != ARCH_X86_64 ||
	    sysconf(_SC_PAGESIZE) != PAGE_SIZE)
		return -EINVAL;
	live = hostmem_map(sizeof(*live));
	if (!live)
		return -ENOMEM;
	live->task = config->task;
	live->machine = config->task->machine;
	live->observer = config->observer;
	live->survive = config->survive;
	live->program_pid = getpid();
	host_limits_lift(&limits);
	err = live_set_up(live, config->old_host);
	host_limits_restore(&limits);
	if (err)
		hostmem_unmap(live, sizeof(*live));
	else
		*result = live;
	return err;
}

void live_stop(struct live *live)
{
	server_stop(live);
	store_fini(live);
	window_unmap(live);
	server_unmap(live);
	hostmem_unmap(live, sizeof(*live));
}

void live_window(const struct live *live, uintptr_t *start, uintptr_t *end)
{
	*start = (uintptr_t)live->window;
	*end = (uintptr_t)live->window + LIVE_WINDOW_LEN;
}
