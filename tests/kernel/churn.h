/*
 * churn.h: random operations on a few address spaces, with the content of
 * memory compared with what was stored and the books proved after each one.
 *
 * A small window of pages is kept beside each task, as the test believes it:
 * one byte for each page.  Whatever the kernel does with the frames, a load
 * gives the byte that this task stored last.
 */
#ifndef TESTS_KERNEL_CHURN_H
#define TESTS_KERNEL_CHURN_H

#include "sim.h"

enum { CHURN_PAGES = 2048, CHURN_TASKS = 6 }; /* 8 MiB: four huge pages */

#define CHURN_BASE ((uintptr_t)0x10000000)

struct churn_task {
	struct mmsim_task *task;
	unsigned char bytes[CHURN_PAGES];
	unsigned char prot[CHURN_PAGES]; /* 0: nothing is mapped */
	bool is_shared[CHURN_PAGES];
};

struct churn {
	struct mmsim_machine *m;
	struct churn_task tasks[CHURN_TASKS];
	uint64_t state;
};

static uint64_t churn_below(struct churn *churn, uint64_t bound)
{
	churn->state = churn->state * 6364136223846793005u + 1442695040888963407u;
	return (churn->state >> 33) % bound;
}

static uintptr_t churn_addr(unsigned page)
{
	return CHURN_BASE + (uintptr_t)page * SIM_PAGE;
}

static void churn_map(struct churn *churn, struct churn_task *t, unsigned page,
		      unsigned nr)
{
	bool populate = churn_below(churn, 8) == 0;
	int flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS |
		    (populate ? MAP_POPULATE : 0);
	intptr_t addr = mmsim_mmap(t->task, churn_addr(page), nr * SIM_PAGE,
				   PROT_READ | PROT_WRITE, flags, NULL, 0);

	cr_assert_eq(addr, (intptr_t)churn_addr(page), "%zd", (ssize_t)addr);
	memset(t->bytes + page, 0, nr);
	memset(t->prot + page, PROT_READ | PROT_WRITE, nr);
}

static void churn_unmap(struct churn_task *t, unsigned page, unsigned nr)
{
	cr_assert_eq(mmsim_munmap(t->task, churn_addr(page), nr * SIM_PAGE), 0);
	memset(t->prot + page, 0, nr);
}

static void churn_protect(struct churn *churn, struct churn_task *t,
			  unsigned page, unsigned nr)
{
	static const unsigned char prots[] = { PROT_READ,
					       PROT_READ | PROT_WRITE,
					       PROT_READ | PROT_WRITE };
	unsigned char prot = prots[churn_below(churn, 3)];
	int result = mmsim_mprotect(t->task, churn_addr(page), nr * SIM_PAGE,
				    prot);
	unsigned i;

	/* up to the first hole */
	for (i = page; i < page + nr && t->prot[i]; i++)
		t->prot[i] = prot;
	cr_assert_eq(result, i < page + nr ? -ENOMEM : 0, "%d", result);
}

static void churn_advise(struct churn *churn, struct churn_task *t,
			 unsigned page, unsigned nr)
{
	static const int advices[] = { MADV_DONTNEED, MADV_DONTNEED,
				       MADV_HUGEPAGE, MADV_NOHUGEPAGE,
				       MADV_SEQUENTIAL, MADV_NORMAL };
	int advice = advices[churn_below(churn, 6)];
	int result = mmsim_madvise(t->task, churn_addr(page), nr * SIM_PAGE,
				   advice);

	(void)result;
	if (advice == MADV_DONTNEED)
		memset(t->bytes + page, 0, nr);
}

/* Moves a piece that is one area to a free place outside and back. */
static void churn_move(struct churn *churn, struct churn_task *t, unsigned page,
		       unsigned nr)
{
	unsigned delta = (unsigned)churn_below(churn, 3) * 256;
	uintptr_t away = 0x40000000 + delta * SIM_PAGE, from = churn_addr(page);
	intptr_t at = mmsim_mremap(t->task, from, nr * SIM_PAGE, nr * SIM_PAGE,
				   MREMAP_MAYMOVE | MREMAP_FIXED, away);

	if (at < 0)
		return;
	at = mmsim_mremap(t->task, away, nr * SIM_PAGE, nr * SIM_PAGE,
			  MREMAP_MAYMOVE | MREMAP_FIXED, from);
	cr_assert_eq(at, (intptr_t)from, "%zd", (ssize_t)at);
}

static void churn_store(struct churn *churn, struct churn_task *t,
			unsigned page, unsigned nr)
{
	unsigned char byte = (unsigned char)(churn_below(churn, 255) + 1);

	for (unsigned i = page; i < page + nr; i++) {
		int want = t->prot[i] & PROT_WRITE ? 0 : SIGSEGV;
		int sig = mmsim_store(t->task, churn_addr(i) + i % SIM_PAGE,
				      &byte, 1);

		cr_assert_eq(sig, want, "store to page %u: %d", i, sig);
		if (!sig)
			t->bytes[i] = byte;
	}
}

static void churn_load(struct churn_task *t, unsigned page, unsigned nr)
{
	for (unsigned i = page; i < page + nr; i++) {
		int want = t->prot[i] ? 0 : SIGSEGV;
		unsigned char byte;
		int sig = mmsim_load(t->task, churn_addr(i) + i % SIM_PAGE,
				     &byte, 1);

		cr_assert_eq(sig, want, "load from page %u: %d", i, sig);
		cr_assert(sig || byte == t->bytes[i],
			  "page %u holds %u, stored was %u", i, byte,
			  t->bytes[i]);
	}
}

static void churn_fork(struct churn *churn, struct churn_task *t)
{
	struct churn_task *slot =
		&churn->tasks[churn_below(churn, CHURN_TASKS)];

	if (slot == t)
		return;
	if (slot->task) {
		mmsim_task_exit(slot->task, 0);
		mmsim_task_put(slot->task);
	}
	memcpy(slot, t, sizeof(*slot));
	cr_assert_eq(mmsim_task_fork(t->task, &slot->task), 0);
}

static void churn_step(struct churn *churn)
{
	struct churn_task *t = &churn->tasks[churn_below(churn, CHURN_TASKS)];
	unsigned page = (unsigned)churn_below(churn, CHURN_PAGES);
	unsigned most = churn_below(churn, 4) ? 40 : 1200;
	unsigned nr = 1 + (unsigned)churn_below(churn, most);

	if (churn_below(churn, 3) == 0)
		page &= ~511u;
	if (nr > CHURN_PAGES - page)
		nr = CHURN_PAGES - page;
	if (!t->task)
		return;
	switch (churn_below(churn, 16)) {
	case 0:
	case 1:
		churn_map(churn, t, page, nr);
		break;
	case 2:
		churn_unmap(t, page, nr);
		break;
	case 3:
	case 4:
		churn_protect(churn, t, page, nr);
		break;
	case 5:
	case 6:
		churn_advise(churn, t, page, nr);
		break;
	case 7:
		churn_fork(churn, t);
		break;
	case 8:
		churn_move(churn, t, page, nr);
		break;
	case 9:
	case 10:
	case 11:
		churn_load(t, page, nr);
		break;
	default:
		churn_store(churn, t, page, nr);
	}
}

/* The books are proved every 16 steps here; builds that do it after every call
 * need fewer steps. */
static SIM_UNUSED void churn(const char *spec, unsigned seed, unsigned steps)
{
	struct churn *churn = calloc(1, sizeof(*churn));

	cr_assert_not_null(churn);
	churn->m = sim_boot(spec);
	churn->state = seed;
	churn->tasks[0].task = sim_spawn(churn->m);
	churn_map(churn, &churn->tasks[0], 0, CHURN_PAGES);
	if (MMSIM_DEBUG >= 2)
		steps /= 10;
	for (unsigned i = 0; i < steps; i++) {
		churn_step(churn);
		if (i % 16 == 0)
			sim_validate(churn->m);
	}
	sim_shutdown(churn->m);
	free(churn);
}

#endif
