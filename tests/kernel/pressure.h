/*
 * pressure.h: random work on a machine that is kept nearly full, with every
 * byte compared on every load.
 *
 * A few tasks, forked from one another, have the same window of regions:
 *
 *   anon           private memory; maps, protects, discards, moves
 *   shared         shared anonymous memory: one content for all tasks
 *   file           a shared mapping of a disk file, which is also read,
 *                  written, cut and synced by calls
 *   private        a private mapping of another part of the same file
 *   tmpfs          a shared mapping of a file of tmpfs
 *
 * `steer` looks at how full memory and swap are, and lets the next operations
 * free or fill.  A task may be killed for want of memory; its place is filled
 * by a fork later.
 */
#ifndef TESTS_KERNEL_PRESSURE_H
#define TESTS_KERNEL_PRESSURE_H

#include "pressure_model.h"

/* --- areas --------------------------------------------------------------- */

static void pressure_map(struct pressure *p, struct pressure_task *t,
			 enum pressure_region region, unsigned page,
			 unsigned nr)
{
	int flags = MAP_FIXED |
		    (region == P_ANON || region == P_PRIVATE ? MAP_PRIVATE
							     : MAP_SHARED);
	struct mmsim_file *file = NULL;
	off_t offset = (off_t)page * SIM_PAGE;
	intptr_t at;

	if (region == P_ANON || region == P_SHARED)
		flags |= MAP_ANONYMOUS;
	else
		file = pressure_object(p, region)->file;
	if (region == P_PRIVATE)
		offset = (off_t)pressure_file_page(p, page) * SIM_PAGE;
	if (!file)
		offset = 0;
	/* a private mapping of a file would get copies of its own by it */
	if (region != P_PRIVATE && pressure_below(p, 16) == 0)
		flags |= MAP_POPULATE;
	at = mmsim_mmap(t->task, pressure_addr(region, page), nr * SIM_PAGE,
			PROT_READ | PROT_WRITE, flags, file, offset);
	if (pressure_lost(p, t) || at == -ENOMEM)
		return;
	cr_assert_eq(at, (intptr_t)pressure_addr(region, page), "%zd",
		     (ssize_t)at);
	for (unsigned i = page; i < page + nr; i++) {
		t->mapped[region][i] = true;
		if (region == P_ANON) {
			t->anon[i] = PRESSURE_ZERO;
			t->prot[i] = PROT_READ | PROT_WRITE;
		} else if (region == P_PRIVATE) {
			t->own[i] = PRESSURE_NOT_OWN;
		}
	}
}

static void pressure_unmap(struct pressure *p, struct pressure_task *t,
			   enum pressure_region region, unsigned page,
			   unsigned nr)
{
	int err = mmsim_munmap(t->task, pressure_addr(region, page),
			       nr * SIM_PAGE);

	if (pressure_lost(p, t) || err == -ENOMEM)
		return;
	cr_assert_eq(err, 0, "munmap: %d", err);
	memset(&t->mapped[region][page], 0, nr);
}

static void pressure_protect(struct pressure *p, struct pressure_task *t,
			     unsigned page, unsigned nr)
{
	unsigned char prot = PROT_READ;
	int err;

	for (unsigned i = page; i < page + nr; i++)
		if (!t->mapped[P_ANON][i])
			return;
	if (pressure_below(p, 3))
		prot |= PROT_WRITE;
	err = mmsim_mprotect(t->task, pressure_addr(P_ANON, page),
			     nr * SIM_PAGE, prot);
	if (pressure_lost(p, t) || err == -ENOMEM)
		return;
	cr_assert_eq(err, 0, "mprotect: %d", err);
	memset(&t->prot[page], prot, nr);
}

/* What a range of anon holds after the advice. */
static void pressure_advised(struct pressure_task *t, int advice, unsigned page,
			     unsigned nr)
{
	for (unsigned i = page; i < page + nr; i++) {
		if (advice == MADV_DONTNEED) {
			t->anon[i] = PRESSURE_ZERO;
		} else if (advice == MADV_FREE &&
			   t->anon[i] != PRESSURE_UNKNOWN) {
			t->freed[i] = (unsigned char)t->anon[i];
			t->anon[i] = PRESSURE_UNKNOWN;
		}
	}
}

static void pressure_advise(struct pressure *p, struct pressure_task *t,
			    enum pressure_region region, unsigned page,
			    unsigned nr)
{
	static const int advices[] = {MADV_COLD,     MADV_PAGEOUT,
				      MADV_PAGEOUT,  MADV_WILLNEED,
				      MADV_DONTNEED, MADV_FREE};
	int advice = advices[pressure_below(p, p->fill ? 4 : 6)];
	int err;

	if (nr > 16 && (advice == MADV_DONTNEED || advice == MADV_FREE))
		nr = 16;
	for (unsigned i = page; i < page + nr; i++)
		if (!t->mapped[region][i])
			return;
	if (region != P_ANON && advice == MADV_FREE)
		advice = MADV_DONTNEED;
	err = mmsim_madvise(t->task, pressure_addr(region, page), nr * SIM_PAGE,
			    advice);
	if (pressure_lost(p, t))
		return;
	cr_assert(err == 0 || err == -EBADF || err == -EINVAL, "madvise %d: %d",
		  advice, err);
	/* refused at a locked area, after what lies in front of it */
	if (err && (advice == MADV_DONTNEED || advice == MADV_FREE))
		advice = MADV_FREE;
	else if (err)
		return;
	if (region == P_ANON)
		pressure_advised(t, advice, page, nr);
	else if (region == P_PRIVATE && advice == MADV_DONTNEED)
		for (unsigned i = page; i < page + nr; i++)
			t->own[i] = PRESSURE_NOT_OWN;
}

static void pressure_lock(struct pressure *p, struct pressure_task *t,
			  enum pressure_region region, unsigned page,
			  unsigned nr)
{
	uintptr_t addr = pressure_addr(region, page);

	if (nr > 32)
		nr = 32;
	if (pressure_below(p, 3) == 0)
		(void)mmsim_mlock(t->task, addr, nr * SIM_PAGE);
	else
		(void)mmsim_munlock(t->task, pressure_addr(region, 0),
				    pressure_region_pages(p, region) *
					    SIM_PAGE);
	(void)pressure_lost(p, t);
}

/* Moves a piece of anon away and back. */
static void pressure_move(struct pressure *p, struct pressure_task *t,
			  unsigned page, unsigned nr)
{
	uintptr_t away = pressure_addr(NR_REGIONS, page);
	intptr_t at = mmsim_mremap(t->task, pressure_addr(P_ANON, page),
				   nr * SIM_PAGE, nr * SIM_PAGE,
				   MREMAP_MAYMOVE | MREMAP_FIXED, away);

	if (pressure_lost(p, t) || at < 0)
		return;
	at = mmsim_mremap(t->task, away, nr * SIM_PAGE, nr * SIM_PAGE,
			  MREMAP_MAYMOVE | MREMAP_FIXED,
			  pressure_addr(P_ANON, page));
	if (pressure_lost(p, t))
		return;
	cr_assert_eq(at, (intptr_t)pressure_addr(P_ANON, page), "mremap: %zd",
		     (ssize_t)at);
}

/* --- files --------------------------------------------------------------- */

static void pressure_pwrite(struct pressure *p, struct pressure_task *t,
			    enum pressure_region region, unsigned page)
{
	struct pressure_object *object = pressure_object(p, region);
	unsigned char byte = (unsigned char)pressure_below(p, 256);
	ssize_t n;

	if (page >= object->nr_pages)
		return;
	n = mmsim_pwrite(t->task, object->file, &byte, 1,
			 (off_t)page * SIM_PAGE + pressure_offset(page));
	if (pressure_lost(p, t) || n == -ENOMEM || n == -ENOSPC)
		return;
	cr_assert_eq(n, 1, "pwrite: %zd", n);
	object->bytes[page] = byte;
}

static void pressure_pread(struct pressure *p, struct pressure_task *t,
			   enum pressure_region region, unsigned page)
{
	struct pressure_object *object = pressure_object(p, region);
	unsigned char byte = 0;
	ssize_t n = mmsim_pread(t->task, object->file, &byte, 1,
				(off_t)page * SIM_PAGE + pressure_offset(page));

	if (pressure_lost(p, t) || n == -ENOMEM)
		return;
	cr_assert_eq(n, page < object->nr_pages, "pread of page %u: %zd", page,
		     n);
	if (n)
		cr_assert_eq(byte, object->bytes[page],
			     "region %d page %u reads %u, stored was %u",
			     (int)region, page, byte, object->bytes[page]);
	p->nr_loads++;
}

static void pressure_cut(struct pressure *p, enum pressure_region region)
{
	struct pressure_object *object = pressure_object(p, region);
	unsigned nr = p->nr_pages / 4 * 3 +
		      (unsigned)pressure_below(p, p->nr_pages / 4 + 1);

	cr_assert_eq(mmsim_ftruncate(object->file, (off_t)nr * SIM_PAGE), 0);
	for (unsigned i = nr; i < p->nr_pages; i++)
		object->bytes[i] = 0;
	object->nr_pages = nr;
	for (unsigned k = 0; region == P_FILE && k < PRESSURE_TASKS; k++)
		for (unsigned i = 0; i < p->nr_pages / 2; i++)
			if (pressure_file_page(p, i) >= nr)
				p->tasks[k].own[i] = PRESSURE_NOT_OWN;
}

static void pressure_file_call(struct pressure *p, struct pressure_task *t,
			       unsigned page, unsigned nr)
{
	enum pressure_region region = pressure_below(p, 2) ? P_FILE : P_TMPFS;

	switch (pressure_below(p, 16)) {
	case 0:
		(void)mmsim_fsync(t->task, pressure_object(p, region)->file);
		break;
	case 1:
		mmsim_sync(p->m);
		break;
	case 2:
		(void)mmsim_msync(t->task, pressure_addr(region, page),
				  nr * SIM_PAGE,
				  pressure_below(p, 2) ? MS_SYNC : MS_ASYNC);
		break;
	case 3:
		pressure_cut(p, region);
		return;
	case 4:
	case 5:
	case 6:
	case 7:
	case 8:
		for (unsigned i = page; i < page + nr && t->task; i++)
			pressure_pread(p, t, region, i);
		return;
	default:
		for (unsigned i = page; i < page + nr && t->task; i++)
			pressure_pwrite(p, t, region, i);
		return;
	}
	(void)pressure_lost(p, t);
}

/* --- tasks --------------------------------------------------------------- */

static void pressure_exit(struct pressure_task *t)
{
	mmsim_task_exit(t->task, 0);
	mmsim_task_put(t->task);
	t->task = NULL;
}

static unsigned pressure_nr_alive(const struct pressure *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PRESSURE_TASKS; i++)
		n += p->tasks[i].task != NULL;
	return n;
}

static void pressure_fork(struct pressure *p, struct pressure_task *t)
{
	struct pressure_task *slot =
		&p->tasks[pressure_below(p, PRESSURE_TASKS)];
	struct mmsim_task *child;
	int err;

	if (slot == t || (slot->task && pressure_below(p, 8)))
		return;
	if (slot->task)
		pressure_exit(slot);
	err = mmsim_task_fork(t->task, &child);
	if (pressure_lost(p, t) || err == -ENOMEM)
		return;
	cr_assert_eq(err, 0, "fork: %d", err);
	memcpy(slot, t, sizeof(*slot));
	slot->task = child;
}

/* All died: a new task with everything mapped, but a new shared object. */
static void pressure_begin(struct pressure *p)
{
	struct pressure_task *t = &p->tasks[0];

	memset(t, 0, sizeof(*t));
	memset(p->shared.bytes, 0, sizeof(p->shared.bytes));
	t->task = sim_spawn(p->m);
	for (int region = 0; region < NR_REGIONS && t->task; region++)
		pressure_map(p, t, region, 0, pressure_region_pages(p, region));
	for (unsigned i = 0; i < p->nr_pages; i++)
		if (!t->mapped[P_PRIVATE][i])
			t->own[i] = PRESSURE_NOT_OWN;
}

/* --- the machine --------------------------------------------------------- */

static void pressure_look(struct pressure *p)
{
	long total =
		sim_meminfo(p->m, "MemTotal") + sim_meminfo(p->m, "SwapTotal");
	long free =
		sim_meminfo(p->m, "MemFree") + sim_meminfo(p->m, "SwapFree");

	p->fill = free * 100 > total * (100 - (long)p->full_percent);
	p->is_full = free * 100 <= total * (105 - (long)p->full_percent);
}

/* A task that is alive; a new one when there is none. */
static struct pressure_task *pressure_choose(struct pressure *p)
{
	unsigned first = (unsigned)pressure_below(p, PRESSURE_TASKS);

	if (pressure_nr_alive(p) == 0)
		pressure_begin(p);
	for (unsigned i = 0; i < PRESSURE_TASKS; i++) {
		struct pressure_task *t =
			&p->tasks[(first + i) % PRESSURE_TASKS];

		if (t->task)
			return t;
	}
	return NULL;
}

static void pressure_operator(struct pressure *p)
{
	static const char *const commands[][2] = {
		{"/proc/sys/vm/drop_caches", "1"},
		{"/proc/sys/vm/drop_caches", "3"},
		{"/proc/sys/vm/compact_memory", "1"},
		{"/proc/sys/vm/swappiness", "0"},
		{"/proc/sys/vm/swappiness", "60"},
		{"/proc/sys/vm/swappiness", "200"},
		{"/proc/sys/vm/min_free_kbytes", "512"},
		{"/proc/sys/vm/min_free_kbytes", "1024"},
		{"/proc/sys/vm/page-cluster", "0"},
		{"/proc/sys/vm/page-cluster", "3"},
	};
	size_t i = pressure_below(p, sizeof(commands) / sizeof(commands[0]));
	int err = mmsim_proc_write(p->m, commands[i][0], commands[i][1]);

	/* 2.6.32 does not compact, and swappiness ended at 100 once */
	cr_assert(err >= 0 || (i == 2 && err == -ENOENT) ||
			  (i == 5 && err == -EINVAL),
		  "%s: %d", commands[i][0], err);
	mmsim_idle(p->m, pressure_below(p, 1000000000));
}

/* The first area off, which may not find room, and on again. */
static void pressure_swap(struct pressure *p, struct pressure_task *t)
{
	int err;

	if (sim_meminfo(p->m, "SwapTotal") == 0)
		return;
	err = mmsim_swapoff(t->task, "/dev/vdb");
	if (pressure_lost(p, t) && err)
		return;
	cr_assert(err == 0 || err == -ENOMEM, "swapoff: %d", err);
	if (err)
		return;
	t = pressure_choose(p);
	cr_assert_not_null(t);
	cr_assert_eq(mmsim_swapon(t->task, "/dev/vdb", 0), 0);
}

/* Looks how full it is; anon memory of some task fills what is far from it. */
static void pressure_steer(struct pressure *p)
{
	pressure_look(p);
	for (unsigned i = 0; i < 16 && p->fill; i++) {
		struct pressure_task *t = pressure_choose(p);

		if (t && pressure_nr_alive(p) < PRESSURE_TASKS)
			pressure_fork(p, t);
		if (t && t->task)
			pressure_touch_range(
				p, t, P_ANON,
				(unsigned)pressure_below(p, p->nr_pages - 50),
				50, true);
		pressure_look(p);
	}
	p->nr_looks++;
	p->nr_full += p->is_full;
}

/* --- the operations
 * ------------------------------------------------------------ */

struct pressure_range {
	enum pressure_region region;
	unsigned page, nr;
};

static void op_map(struct pressure *p, struct pressure_task *t,
		   struct pressure_range r)
{
	if (r.region != P_SHARED)
		pressure_map(p, t, r.region, r.page, r.nr < 16 ? r.nr : 16);
}

static void op_unmap(struct pressure *p, struct pressure_task *t,
		     struct pressure_range r)
{
	if (!p->fill && r.region != P_SHARED)
		pressure_unmap(p, t, r.region, r.page, r.nr < 16 ? r.nr : 16);
}

static void op_protect(struct pressure *p, struct pressure_task *t,
		       struct pressure_range r)
{
	if (r.region == P_ANON)
		pressure_protect(p, t, r.page, r.nr);
}

static void op_advise(struct pressure *p, struct pressure_task *t,
		      struct pressure_range r)
{
	pressure_advise(p, t, r.region, r.page, r.nr);
}

static void op_lock(struct pressure *p, struct pressure_task *t,
		    struct pressure_range r)
{
	if (r.region != P_PRIVATE)
		pressure_lock(p, t, r.region, r.page, r.nr);
}

static void op_move(struct pressure *p, struct pressure_task *t,
		    struct pressure_range r)
{
	if (r.region == P_ANON)
		pressure_move(p, t, r.page, r.nr);
}

static void op_fork(struct pressure *p, struct pressure_task *t,
		    struct pressure_range r)
{
	(void)r;
	if (pressure_below(p, 8) == 0)
		pressure_fork(p, t);
}

static void op_exit(struct pressure *p, struct pressure_task *t,
		    struct pressure_range r)
{
	(void)r;
	if (!p->fill && pressure_nr_alive(p) > 1 && pressure_below(p, 16) == 0)
		pressure_exit(t);
}

static void op_file_call(struct pressure *p, struct pressure_task *t,
			 struct pressure_range r)
{
	if (r.region == P_FILE || r.region == P_TMPFS)
		pressure_file_call(p, t, r.page, r.nr);
}

static void op_operator(struct pressure *p, struct pressure_task *t,
			struct pressure_range r)
{
	(void)r;
	switch (pressure_below(p, 32)) {
	case 0:
		pressure_swap(p, t);
		break;
	case 1:
	case 2:
		pressure_operator(p);
		break;
	default:
		break;
	}
}

static void op_load(struct pressure *p, struct pressure_task *t,
		    struct pressure_range r)
{
	pressure_touch_range(p, t, r.region, r.page, r.nr, false);
}

static void op_store(struct pressure *p, struct pressure_task *t,
		     struct pressure_range r)
{
	if (p->fill)
		pressure_touch_range(p, t, r.region, r.page, r.nr, true);
}

/* Of 32 operations so many are of each kind. */
static const struct {
	unsigned weight;
	void (*run)(struct pressure *p, struct pressure_task *t,
		    struct pressure_range r);
} pressure_ops[] = {
	{1, op_map},      {1, op_unmap},     {1, op_protect}, {3, op_advise},
	{1, op_lock},     {1, op_move},      {1, op_fork},    {1, op_exit},
	{1, op_operator}, {4, op_file_call}, {8, op_load},    {9, op_store},
};

static void pressure_step(struct pressure *p)
{
	struct pressure_task *t = pressure_choose(p);
	struct pressure_range r = {
		.region = (enum pressure_region)pressure_below(p, NR_REGIONS),
		.nr = 1 + (unsigned)pressure_below(
				  p, pressure_below(p, 8) ? 24 : 400),
	};
	unsigned pages = pressure_region_pages(p, r.region), i = 0;
	unsigned choice = (unsigned)pressure_below(p, 32);

	r.page = (unsigned)pressure_below(p, pages);
	if (r.nr > pages - r.page)
		r.nr = pages - r.page;
	for (; choice >= pressure_ops[i].weight; i++)
		choice -= pressure_ops[i].weight;
	if (t)
		pressure_ops[i].run(p, t, r);
}

static void pressure_boot(struct pressure *p, const char *spec, uint64_t seed,
			  unsigned nr_pages)
{
	p->m = sim_boot(spec);
	p->state = seed;
	p->nr_pages = nr_pages;
	p->full_percent = 95;
	cr_assert_eq(mmsim_file_create(p->m, "/data",
				       (off_t)nr_pages * SIM_PAGE,
				       &p->file.file),
		     0);
	cr_assert_eq(mmsim_file_create(p->m, "/tmp/data",
				       (off_t)nr_pages * SIM_PAGE,
				       &p->tmpfs.file),
		     0);
	p->file.nr_pages = p->tmpfs.nr_pages = p->shared.nr_pages = nr_pages;
	pressure_begin(p);
}

static void pressure_shutdown(struct pressure *p)
{
	sim_validate(p->m);
	for (unsigned i = 0; i < PRESSURE_TASKS; i++)
		if (p->tasks[i].task)
			pressure_exit(&p->tasks[i]);
	mmsim_close(p->file.file);
	mmsim_close(p->tmpfs.file);
	sim_shutdown(p->m);
}

/* Every page of every task, once more. */
static void pressure_check_all(struct pressure *p)
{
	for (unsigned i = 0; i < PRESSURE_TASKS; i++)
		for (int region = 0; region < NR_REGIONS; region++) {
			struct pressure_task *t = &p->tasks[i];

			if (t->task)
				pressure_touch_range(
					p, t, region, 0,
					pressure_region_pages(p, region),
					false);
		}
}

#endif
