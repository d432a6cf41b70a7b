/*
 * pressure_model.h: what the random work of pressure.h believes of memory, and
 * the loads and stores that are held against it.
 *
 * The test believes one byte of each page, at an offset that the page's number
 * gives.  An object that tasks share has one shadow; private memory has one in
 * each task, which for a private mapping of a file says only what is the task's
 * own.
 */
#ifndef TESTS_KERNEL_PRESSURE_MODEL_H
#define TESTS_KERNEL_PRESSURE_MODEL_H

#include "sim.h"

#include <fcntl.h>

enum {
	PRESSURE_TASKS = 5,
	PRESSURE_PAGES = 4096, /* of each region at most */
	PRESSURE_ZERO = 0,
	PRESSURE_NOT_OWN = 256, /* private: the file's byte */
	PRESSURE_UNKNOWN = 257, /* MADV_FREE: the byte before, or zero */
};

enum pressure_region {
	P_ANON,
	P_SHARED,
	P_FILE,
	P_PRIVATE,
	P_TMPFS,
	NR_REGIONS
};

/* One content that tasks share. */
struct pressure_object {
	struct mmsim_file *file; /* NULL: anonymous */
	unsigned nr_pages;       /* its size */
	unsigned char bytes[PRESSURE_PAGES];
};

struct pressure_task {
	struct mmsim_task *task; /* NULL: this place is free */
	bool mapped[NR_REGIONS][PRESSURE_PAGES];
	unsigned char prot[PRESSURE_PAGES];  /* of anon */
	uint16_t anon[PRESSURE_PAGES];       /* byte or UNKNOWN */
	unsigned char freed[PRESSURE_PAGES]; /* byte before MADV_FREE */
	uint16_t own[PRESSURE_PAGES];        /* of private, or NOT_OWN */
};

struct pressure {
	struct mmsim_machine *m;
	uint64_t state;
	unsigned nr_pages; /* of each region */
	struct pressure_task tasks[PRESSURE_TASKS];
	struct pressure_object shared, file, tmpfs;
	bool fill; /* there is room */
	uint64_t nr_loads, nr_kills;
	unsigned full_percent;
	bool is_full; /* to within 5 % of that */
	uint64_t nr_looks, nr_full;
};

static uint64_t pressure_below(struct pressure *p, uint64_t bound)
{
	p->state = p->state * 6364136223846793005u + 1442695040888963407u;
	return (p->state >> 33) % bound;
}

static uintptr_t pressure_addr(enum pressure_region region, unsigned page)
{
	return ((uintptr_t)(region + 1) << 28) + (uintptr_t)page * SIM_PAGE;
}

static unsigned pressure_offset(unsigned page)
{
	return page * 37 % SIM_PAGE;
}

/* The private mapping lies over the second half of the file. */
static unsigned pressure_file_page(const struct pressure *p, unsigned page)
{
	return p->nr_pages / 2 + page;
}

static unsigned pressure_region_pages(const struct pressure *p,
				      enum pressure_region region)
{
	return region == P_PRIVATE ? p->nr_pages / 2 : p->nr_pages;
}

static struct pressure_object *pressure_object(struct pressure *p,
					       enum pressure_region region)
{
	if (region == P_SHARED)
		return &p->shared;
	return region == P_TMPFS ? &p->tmpfs : &p->file;
}

/* --- what is believed ---------------------------------------------------- */

/* The task has died, or an operation was refused because it did. */
static bool pressure_lost(struct pressure *p, struct pressure_task *t)
{
	if (mmsim_task_is_alive(t->task))
		return false;
	p->nr_kills++;
	mmsim_task_put(t->task);
	t->task = NULL;
	return true;
}

static int pressure_want_signal(struct pressure *p, struct pressure_task *t,
				enum pressure_region region, unsigned page,
				bool write)
{
	if (!t->mapped[region][page])
		return SIGSEGV;
	if (region == P_ANON)
		return write && !(t->prot[page] & PROT_WRITE) ? SIGSEGV : 0;
	if (region == P_SHARED)
		return 0;
	if (region == P_PRIVATE)
		return pressure_file_page(p, page) < p->file.nr_pages ? 0
								      : SIGBUS;
	return page < pressure_object(p, region)->nr_pages ? 0 : SIGBUS;
}

static void pressure_stored(struct pressure *p, struct pressure_task *t,
			    enum pressure_region region, unsigned page,
			    unsigned char byte)
{
	if (region == P_ANON)
		t->anon[page] = byte;
	else if (region == P_PRIVATE)
		t->own[page] = byte;
	else
		pressure_object(p, region)->bytes[page] = byte;
}

static void pressure_check_byte(struct pressure *p, struct pressure_task *t,
				enum pressure_region region, unsigned page,
				unsigned char byte)
{
	unsigned want;

	p->nr_loads++;
	if (region == P_ANON && t->anon[page] == PRESSURE_UNKNOWN) {
		cr_assert(byte == 0 || byte == t->freed[page],
			  "anon page %u holds %u after MADV_FREE of %u", page,
			  byte, t->freed[page]);
		return;
	}
	if (region == P_ANON)
		want = t->anon[page];
	else if (region == P_PRIVATE && t->own[page] != PRESSURE_NOT_OWN)
		want = t->own[page];
	else if (region == P_PRIVATE)
		want = p->file.bytes[pressure_file_page(p, page)];
	else
		want = pressure_object(p, region)->bytes[page];
	cr_assert(byte == want, "region %d page %u holds %u, stored was %u",
		  (int)region, page, byte, want);
}

/* --- loads and stores ---------------------------------------------------- */

static void pressure_touch(struct pressure *p, struct pressure_task *t,
			   enum pressure_region region, unsigned page,
			   bool write)
{
	uintptr_t addr = pressure_addr(region, page) +
			 pressure_offset(region == P_PRIVATE
						 ? pressure_file_page(p, page)
						 : page);
	unsigned char byte = (unsigned char)pressure_below(p, 256);
	int want = pressure_want_signal(p, t, region, page, write);
	int sig = write ? mmsim_store(t->task, addr, &byte, 1)
			: mmsim_load(t->task, addr, &byte, 1);

	if (sig == SIGKILL || sig == -ESRCH)
		return;
	/* a full tmpfs or disk is told by SIGBUS, too */
	if (sig == SIGBUS && want == 0 &&
	    (region == P_TMPFS || region == P_FILE))
		return;
	cr_assert_eq(sig, want, "region %d page %u: %d", (int)region, page,
		     sig);
	if (sig)
		return;
	if (write)
		pressure_stored(p, t, region, page, byte);
	else
		pressure_check_byte(p, t, region, page, byte);
}

static void pressure_touch_range(struct pressure *p, struct pressure_task *t,
				 enum pressure_region region, unsigned page,
				 unsigned nr, bool write)
{
	for (unsigned i = page; i < page + nr; i++) {
		pressure_touch(p, t, region, i, write);
		if (pressure_lost(p, t))
			return;
	}
}

#endif
