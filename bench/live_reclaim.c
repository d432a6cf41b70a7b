/*
 * live_reclaim.c: how fast pages of a live task go out to swap and come back.
 *
 * The task goes round and round through twice as much memory as the machine
 * has, which is the worst that can be done to it: every page it comes to has
 * been swapped out, and another must go for it.
 *
 *   write   each page is stored to, so that it is written out each time
 *   read    each page is loaded from: it is in swap already, and is dropped
 *
 * Contents are checked.  Figures are pages of pswpin, of pswpout, and that
 * reclaim took (pgsteal), a second; live_bench.h tells which seconds.
 *
 * Usage: live_reclaim
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "live_bench.h"

enum {
	RAM_MIB = 128,
	WORK_PAGES = 2 * RAM_MIB * 256,
	ROUNDS = 3,
};

struct counts {
	double in, out, stolen, seconds;
};

static struct counts counts_now(const struct live_bench *live)
{
	return (struct counts){
		.in = vmstat(live->machine, "pswpin"),
		.out = vmstat(live->machine, "pswpout"),
		.stolen = vmstat(live->machine, "pgsteal_kswapd") +
			  vmstat(live->machine, "pgsteal_direct"),
		.seconds = live_bench_now(live),
	};
}

static void tell_rate(const char *kind, const char *what, double pages,
		      double seconds)
{
	char name[64];

	snprintf(name, sizeof(name), "live, cyclic %s", kind);
	tell(name, what, pages / seconds / 1e3, "k pages/s");
}

static void tell_counts(const char *kind, const struct counts *from,
			const struct counts *to)
{
	double seconds = to->seconds - from->seconds;

	if (to->in - from->in < WORK_PAGES)
		die("pswpin", (long)(to->in - from->in));
	tell_rate(kind, "swapped in", to->in - from->in, seconds);
	tell_rate(kind, "swapped out", to->out - from->out, seconds);
	tell_rate(kind, "stolen", to->stolen - from->stolen, seconds);
}

static void bench_write(const struct live_bench *live, char *pages)
{
	struct counts from = counts_now(live), to;

	for (int round = 0; round < ROUNDS; round++)
		touch_all(pages, WORK_PAGES, 2 + round);
	to = counts_now(live);
	tell_counts("write", &from, &to);
}

static void bench_read(const struct live_bench *live, const char *pages)
{
	struct counts from = counts_now(live), to;

	for (int round = 0; round < ROUNDS; round++)
		if (look_at_all(pages, WORK_PAGES, 1 + ROUNDS))
			die("a page is wrong", round);
	to = counts_now(live);
	tell_counts("read", &from, &to);
}

int main(void)
{
	struct live_bench live;
	char spec[64], *pages;

	snprintf(spec, sizeof(spec), "ram=%dM,swap=1G", RAM_MIB);
	live_bench_start(&live, spec);
	pages = live_bench_map(&live, (size_t)WORK_PAGES * PAGE);
	touch_all(pages, WORK_PAGES, 1);
	bench_write(&live, pages);
	bench_read(&live, pages);
	mmsim_sim_stop(live.sim);
	return 0;
}
