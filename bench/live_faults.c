/*
 * live_faults.c: what a fault costs that the simulated kernel serves, beside
 * one that is answered without a thought.
 *
 *   bare     a thread of this process answers each fault at once: read,
 *            UFFDIO_COPY of zeros or UFFDIO_CONTINUE
 *   live     the server of a simulated machine answers
 *
 *   first touch   a store to a page that was never there
 *   touch again   a load of a page that stands in memory and is not mapped:
 *                 its accessed bit was cleared (/proc/PID/clear_refs)
 *   brk           a system call of the task, beside the bare first touch
 *
 * Usage: live_faults
 *
 * Bare and live take turns, a batch of pages each, on memory of the same kind,
 * of a file in memory.  live_bench.h tells how it is measured; the figures are
 * medians of the batches, and ratios those of batches that were neighbours.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "live_bench.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	BATCH_PAGES = 500,
	BATCHES = 41,
	WARM_UP = 2, /* batches that do not count */
};
#define BATCH_BYTES ((size_t)BATCH_PAGES * PAGE)

/* ---- the bare side ---- */

struct bare {
	int uffd;
	char *pages, *zeros;
	int is_there; /* the pages only have to be mapped */
};

static int bare_open(void)
{
	struct uffdio_api api = {.api = UFFD_API,
				 .features = UFFD_FEATURE_MINOR_SHMEM};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		die("userfaultfd", -errno);
	return fd;
}

static void bare_answer(struct bare *bare, uintptr_t addr)
{
	struct uffdio_copy copy = {
		.dst = addr, .src = (uintptr_t)bare->zeros, .len = PAGE};
	struct uffdio_continue cont = {.range = {.start = addr, .len = PAGE}};
	int err = bare->is_there ? ioctl(bare->uffd, UFFDIO_CONTINUE, &cont)
				 : ioctl(bare->uffd, UFFDIO_COPY, &copy);

	if (err)
		die("bare answer", -errno);
}

static void *bare_serve(void *arg)
{
	struct bare *bare = arg;
	struct uffd_msg msg;

	while (read(bare->uffd, &msg, sizeof(msg)) == sizeof(msg))
		bare_answer(bare,
			    msg.arg.pagefault.address & ~(uintptr_t)(PAGE - 1));
	return NULL;
}

static char *bare_map(int fd)
{
	char *pages = MAP_FAILED;

	if (fd >= 0 && !ftruncate(fd, BATCH_BYTES))
		pages = mmap(NULL, BATCH_BYTES, PROT_READ | PROT_WRITE,
			     MAP_SHARED, fd, 0);
	if (pages == MAP_FAILED)
		die("bare memory", -errno);
	close(fd);
	return pages;
}

static void bare_start(struct bare *bare)
{
	struct uffdio_register reg = {
		.mode = UFFDIO_REGISTER_MODE_MISSING |
			UFFDIO_REGISTER_MODE_MINOR,
	};
	pthread_t thread;
	int err;

	bare->uffd = bare_open();
	bare->pages = bare_map(memfd_create("bare", MFD_CLOEXEC));
	bare->zeros = bare_map(memfd_create("zeros", MFD_CLOEXEC));
	reg.range.start = (uintptr_t)bare->pages;
	reg.range.len = BATCH_BYTES;
	if (ioctl(bare->uffd, UFFDIO_REGISTER, &reg))
		die("register", -errno);
	err = pthread_create(&thread, NULL, bare_serve, bare);
	if (err)
		die("thread", err);
}

/* ---- batches: microseconds a page ---- */

static double each(const struct live_bench *live, double start)
{
	return (live_bench_now(live) - start) * 1e6 / BATCH_PAGES;
}

static double bare_first(struct bare *bare, const struct live_bench *live)
{
	double start;

	if (madvise(bare->pages, BATCH_BYTES, MADV_REMOVE))
		die("MADV_REMOVE", -errno);
	bare->is_there = 0;
	start = live_bench_now(live);
	touch_all(bare->pages, BATCH_PAGES, 1);
	return each(live, start);
}

static double bare_again(struct bare *bare, const struct live_bench *live)
{
	double start;

	if (madvise(bare->pages, BATCH_BYTES, MADV_DONTNEED))
		die("MADV_DONTNEED", -errno);
	bare->is_there = 1;
	start = live_bench_now(live);
	if (look_at_all(bare->pages, BATCH_PAGES, 1))
		die("a page is wrong", 0);
	return each(live, start);
}

static double live_first(const struct live_bench *live, char *pages)
{
	double start = live_bench_now(live);

	touch_all(pages, BATCH_PAGES, 1);
	return each(live, start);
}

static double live_again(const struct live_bench *live, const char *pages)
{
	char path[64];
	double start;
	int err;

	snprintf(path, sizeof(path), "/proc/%d/clear_refs",
		 mmsim_task_pid(mmsim_sim_task(live->sim)));
	err = mmsim_proc_write(live->machine, path, "1");
	if (err < 0)
		die("clear_refs", err);
	start = live_bench_now(live);
	if (look_at_all(pages, BATCH_PAGES, 1))
		die("a page is wrong", 0);
	return each(live, start);
}

static double live_brk(const struct live_bench *live)
{
	double start = live_bench_now(live);

	for (int i = 0; i < BATCH_PAGES; i++)
		live->os->sbrk(live->os->ctx, i & 1 ? -PAGE : PAGE);
	return each(live, start);
}

/* ---- figures ---- */

enum { BARE_FIRST, LIVE_FIRST, BARE_AGAIN, LIVE_AGAIN, LIVE_BRK, NR_KINDS };

static double figures[NR_KINDS][BATCHES];

static void measure(struct bare *bare, const struct live_bench *live, int batch)
{
	/* Always new pages. */
	char *pages = live_bench_map(live, BATCH_BYTES);

	figures[BARE_FIRST][batch] = bare_first(bare, live);
	figures[LIVE_FIRST][batch] = live_first(live, pages);
	figures[BARE_AGAIN][batch] = bare_again(bare, live);
	figures[LIVE_AGAIN][batch] = live_again(live, pages);
	figures[LIVE_BRK][batch] = live_brk(live);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *values)
{
	double sorted[BATCHES];

	memcpy(sorted, values, sizeof(sorted));
	qsort(sorted, BATCHES, sizeof(*sorted), compare);
	return sorted[BATCHES / 2];
}

static double median_ratio(int above, int below)
{
	double ratios[BATCHES];

	for (int i = 0; i < BATCHES; i++)
		ratios[i] = figures[above][i] / figures[below][i];
	return median(ratios);
}

static void tell_pair(const char *what, int live, int bare)
{
	char name[64];

	snprintf(name, sizeof(name), "live, %s", what);
	tell(name, "", median(figures[live]), "us");
	tell(name, "to a bare one", median_ratio(live, bare), "x");
}

int main(void)
{
	struct live_bench live;
	struct bare bare = {.uffd = -1};

	live_bench_start(&live, "ram=1G");
	bare_start(&bare);
	for (int batch = -WARM_UP; batch < BATCHES; batch++)
		measure(&bare, &live, batch < 0 ? 0 : batch);
	tell("bare userfaultfd, first touch", "", median(figures[BARE_FIRST]),
	     "us");
	tell("bare userfaultfd, touch again", "", median(figures[BARE_AGAIN]),
	     "us");
	tell_pair("first touch", LIVE_FIRST, BARE_FIRST);
	tell_pair("touch again", LIVE_AGAIN, BARE_AGAIN);
	tell_pair("brk", LIVE_BRK, BARE_FIRST);
	mmsim_sim_stop(live.sim);
	return 0;
}
