/*
 * swap_books.c: the self-check finds what is wrong with swap.
 */
#include "swap_tests.h"

struct world {
	struct mmsim_machine *m;
	struct mmsim_task *task;
	uintptr_t addr;
	struct swap_area *area;
	uint64_t slot;     /* on swap */
	uint64_t cached;   /* read in again */
	struct page *page; /* of that */
};

static struct world world_make(void)
{
	struct world w = {.m = sim_boot("ram=64M,swap=4M:2+4M:1")};
	struct mmsim_task *child;

	w.task = sim_spawn(w.m);
	w.addr = map_anon(w.task, 4, MAP_PRIVATE);
	for (unsigned i = 0; i < 4; i++) {
		put(w.task, w.addr + i * SIM_PAGE, (unsigned char)(i + 1));
		cr_assert(swap_out(w.task, w.addr + i * SIM_PAGE, SWAP_GONE));
	}
	w.area = w.m->swap->types[0];
	w.slot = swp_offset(swap_slot_at(w.task, w.addr));
	w.cached = swp_offset(swap_slot_at(w.task, w.addr + 3 * SIM_PAGE));
	sim_write(w.m, "/proc/sys/vm/page-cluster", "0");
	get(w.task, w.addr + 3 * SIM_PAGE);
	w.page = swap_page_at(w.task, w.addr + 3 * SIM_PAGE);
	cr_assert(page_has(w.page, PG_swapcache));
	cr_assert_eq(mmsim_task_fork(w.task, &child), 0);
	sim_validate(w.m);
	return w;
}

/* Adds to a number, looks whether the self-check names it, and takes it back.
 */
#define DAMAGE(w, lvalue, delta, word)                                         \
	do {                                                                   \
		char why[256] = "";                                            \
                                                                               \
		(lvalue) += (delta);                                           \
		cr_expect_eq(mmsim_machine_validate((w)->m, why, sizeof(why)), \
			     -1, "%s was not found", word);                    \
		cr_expect(strstr(why, word), "\"%s\" instead of \"%s\"", why,  \
			  word);                                               \
		(lvalue) -= (delta);                                           \
	} while (0)

Test(swap_books, slots)
{
	struct world w = world_make();

	DAMAGE(&w, w.area->map[w.slot], 1, "entries counted");
	DAMAGE(&w, w.area->map[w.slot + 10], 1, "entries counted");
	DAMAGE(&w, w.area->map[w.slot], SLOT_CACHED, "belongs to another");
	DAMAGE(&w, *(uintptr_t *)&w.area->contents[w.slot + 10], 16,
	       "is free and has content");
	DAMAGE(&w, *(uintptr_t *)&w.area->cache[w.slot + 10], 17,
	       "a page that it does not know");
	DAMAGE(&w, w.area->cluster_used[0], 1, "slots of cluster");
	DAMAGE(&w, w.area->cluster_used[1], 1, "slots of cluster");
	DAMAGE(&w, w.area->leaf_used[0], 1, "of 64 slots");
	DAMAGE(&w, w.area->nr_used, 1, "slots in use");
	DAMAGE(&w, w.area->nr_idle, 1, "only cached");
	sim_shutdown(w.m);
}

Test(swap_books, sums)
{
	struct world w = world_make();

	DAMAGE(&w, w.m->nr_swap_pages, 1, "pages of swap");
	DAMAGE(&w, w.m->total_swap_pages, 1, "pages of swap");
	DAMAGE(&w, w.m->nodes[0]->stat[NR_SWAPCACHE], 1, "nr_swapcached");
	DAMAGE(&w, w.m->nodes[0]->stat[NR_FILE_PAGES], 1, "nr_file_pages");
	DAMAGE(&w, w.m->swap->types[1]->prio, 5, "out of order");
	sim_shutdown(w.m);
}

Test(swap_books, pages)
{
	struct world w = world_make();

	DAMAGE(&w, w.page->private, 1, "is not in the swap cache");
	w.page->flags -= PG_swapcache;
	DAMAGE(&w, w.page->flags, 0, "belongs to another");
	w.page->flags += PG_swapcache;
	sim_shutdown(w.m);
}

Test(swap_books, entries)
{
	struct world w = world_make();
	pte_t *entry = pte_find(w.task->mm, w.addr);
	pte_t one = pte_from_swap(0, 1) - pte_from_swap(0, 0);

	DAMAGE(&w, *entry, one, "entries counted");
	DAMAGE(&w, *entry, one * 600, "entries counted");
	DAMAGE(&w, *entry, one * 2000, "which is not there");
	DAMAGE(&w, *entry, pte_from_swap(7, 0) - pte_from_swap(0, 0),
	       "which is not there");
	sim_shutdown(w.m);
}
