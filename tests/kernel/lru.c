/*
 * lru.c: lists of pages for reclaim, and their counters.
 */
#include "sim.h"

#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/page_alloc.h"

static struct page *new_page(struct mmsim_machine *m, uint64_t flags)
{
	struct page *page = alloc_pages(m, NULL, GFP_HIGHUSER_MOVABLE, 0);

	cr_assert_not_null(page);
	page_set(page, flags);
	lru_add(m, page);
	return page;
}

static void drop(struct mmsim_machine *m, struct page *page)
{
	page_put(m, page);
}

Test(lru, a_page_is_on_the_list_that_its_flags_say)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	static const struct {
		uint64_t flags;
		const char *counter;
	} kinds[] = {
		{0, "nr_inactive_file"},
		{PG_active, "nr_active_file"},
		{PG_swapbacked, "nr_inactive_anon"},
		{PG_swapbacked | PG_active, "nr_active_anon"},
		{PG_swapbacked | PG_unevictable, "nr_unevictable"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		long before = sim_vmstat(m, kinds[i].counter);
		struct page *page = new_page(m, kinds[i].flags);
		char name[64] = "nr_zone_";

		strcat(name, kinds[i].counter + 3);
		cr_expect_eq(sim_vmstat(m, kinds[i].counter), before + 1);
		cr_expect_eq(sim_vmstat(m, name), before + 1);
		drop(m, page);
		cr_expect_eq(sim_vmstat(m, kinds[i].counter), before);
		cr_expect_eq(sim_vmstat(m, name), before);
	}
	mmsim_machine_shutdown(m);
}

Test(lru, the_second_use_activates)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct page *page = new_page(m, 0);

	mark_page_accessed(m, page);
	cr_assert(!page_has(page, PG_active));
	cr_assert_eq(sim_vmstat(m, "pgactivate"), 0);
	mark_page_accessed(m, page);
	cr_assert(page_has(page, PG_active));
	cr_assert(!page_has(page, PG_referenced));
	cr_assert_eq(sim_vmstat(m, "pgactivate"), 1);
	cr_assert_eq(sim_vmstat(m, "nr_active_file"), 1);
	mark_page_accessed(m, page);
	mark_page_accessed(m, page);
	cr_assert_eq(sim_vmstat(m, "pgactivate"), 1);
	lru_deactivate(m, page);
	cr_assert_eq(sim_vmstat(m, "pgdeactivate"), 1);
	cr_assert_eq(sim_vmstat(m, "nr_inactive_file"), 1);
	drop(m, page);
	mmsim_machine_shutdown(m);
}

Test(lru, newest_first)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct page *a = new_page(m, 0), *b = new_page(m, 0);
	struct list_head *list = &m->nodes[0]->lruvec.lists[LRU_INACTIVE_FILE];

	cr_assert_eq(list_first(list, struct page, lru), b);
	cr_assert_eq(list_last(list, struct page, lru), a);
	drop(m, a);
	drop(m, b);
	mmsim_machine_shutdown(m);
}

Test(lru, mlocked_pages_are_unevictable)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct page *page = new_page(m, PG_swapbacked | PG_active);

	mlock_page(m, page);
	mlock_page(m, page);
	cr_assert_eq(sim_meminfo(m, "Mlocked"), 4);
	cr_assert_eq(sim_meminfo(m, "Unevictable"), 4);
	cr_assert_eq(sim_vmstat(m, "unevictable_pgs_mlocked"), 1);
	mark_page_accessed(m, page);
	mark_page_accessed(m, page);
	cr_assert_eq(sim_meminfo(m, "Unevictable"), 4);
	munlock_page(m, page);
	munlock_page(m, page);
	cr_assert_eq(sim_meminfo(m, "Mlocked"), 0);
	cr_assert_eq(sim_meminfo(m, "Unevictable"), 0);
	cr_assert_eq(sim_vmstat(m, "nr_inactive_anon"), 1, "as recorded");
	cr_assert_eq(sim_vmstat(m, "unevictable_pgs_munlocked"), 1);
	drop(m, page);
	mmsim_machine_shutdown(m);
}
