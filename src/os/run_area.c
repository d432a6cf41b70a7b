/*
 * run_area.c: the program's side of the run area: finding it, taking a record,
 * and the words that are written in a certain order.
 *
 * A record is taken by counting nr_processes up, and belongs to the process
 * from then on.  Its state is written last and with release, so that the reader
 * sees all that stands before it; then nr_news goes up and wakes who waits for
 * it.  An event is taken likewise, and its kind is written last.
 *
 * The file is opened without waiting and looked at before it is believed: the
 * variable that names it may have outlived the command that set it, and
 * /proc/PID/fd/N then names nothing, or something else.
 *
 * Sources: futex(2), proc(5).
 */
#include "os/run_area.h"

#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The length of a regular file; 0: it is none. */
static uint64_t run_file_size(long fd)
{
	struct stat st;

	if (syscall(SYS_fstat, fd, &st) || !S_ISREG(st.st_mode))
		return 0;
	return (uint64_t)st.st_size;
}

struct run_area *run_area_map(const char *path)
{
	int saved = errno;
	struct run_area *area = NULL;
	long fd = syscall(SYS_openat, AT_FDCWD, path,
			  O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0 && run_file_size(fd) >= sizeof(*area)) {
		area = mmap(NULL, sizeof(*area), PROT_READ | PROT_WRITE,
			    MAP_SHARED, (int)fd, 0);
		if (area == MAP_FAILED)
			area = NULL;
	}
	if (fd >= 0)
		syscall(SYS_close, fd);
	if (area && area->magic != RUN_MAGIC) {
		munmap(area, sizeof(*area));
		area = NULL;
	}
	errno = saved;
	return area;
}

void run_area_unmap(struct run_area *area)
{
	int saved = errno;

	if (area)
		munmap(area, sizeof(*area));
	errno = saved;
}

void run_area_tell(struct run_area *area, struct run_process *process,
		   enum run_state state)
{
	int saved = errno;

	__atomic_store_n(&process->state, (uint32_t)state, __ATOMIC_RELEASE);
	__atomic_add_fetch(&area->nr_news, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &area->nr_news, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	errno = saved;
}

struct run_process *run_area_take(struct run_area *area)
{
	uint32_t index =
		__atomic_fetch_add(&area->nr_processes, 1, __ATOMIC_RELAXED);

	return index < RUN_PROCESSES ? &area->processes[index] : NULL;
}

struct run_event *run_area_take_event(struct run_area *area)
{
	uint64_t index;

	if (!area->want_events || load_relaxed(&area->nr_events) >= RUN_EVENTS)
		return NULL;
	index = __atomic_fetch_add(&area->nr_events, 1, __ATOMIC_RELAXED);
	return index < RUN_EVENTS ? &area->events[index] : NULL;
}

void run_area_give_event(struct run_event *event, enum run_event_kind kind)
{
	__atomic_store_n(&event->kind, (uint16_t)kind, __ATOMIC_RELEASE);
}

/* The CPU of the mask's n-th set bit, as many rounds as it takes; -1: none. */
static int run_mask_cpu(const uint64_t *mask, size_t words, uint32_t n)
{
	unsigned nr = 0;

	for (size_t i = 0; i < words; i++)
		nr += (unsigned)__builtin_popcountll(mask[i]);
	if (nr == 0)
		return -1;
	n %= nr;
	for (size_t i = 0; i < words; i++) {
		uint64_t bits = mask[i];

		for (; bits; bits &= bits - 1)
			if (n-- == 0)
				return (int)(i * 64 + log2_lowest(bits));
	}
	return -1;
}

static int run_current_cpu(void)
{
	unsigned cpu = 0;

	return syscall(SYS_getcpu, &cpu, NULL, NULL) ? -1 : (int)cpu;
}

void run_area_bind_cpu(const struct run_area *area, uint32_t index)
{
	uint64_t mask[ARRAY_SIZE(area->cpu_mask)] = {0};
	int saved = errno, cpu;

	if (!area)
		cpu = run_current_cpu();
	else if (area->has_cpu_mask)
		cpu = run_mask_cpu(area->cpu_mask, ARRAY_SIZE(area->cpu_mask),
				   index);
	else
		return;
	if (cpu >= 0 && (size_t)cpu < sizeof(mask) * 8) {
		mask[cpu / 64] = UINT64_C(1) << cpu % 64;
		syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask);
	}
	errno = saved;
}
