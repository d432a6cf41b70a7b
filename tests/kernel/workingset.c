/*
 * workingset.c: pages that come back: how far they were gone, what becomes of
 * them, and the memory of their shadows.
 */
#include "sim.h"

#include "kernel/file.h"
#include "kernel/machine.h"
#include "kernel/reclaim.h"

TestSuite(workingset, .timeout = 60);

static struct page *new_page(struct mmsim_machine *m, uint64_t flags)
{
	struct page *page = alloc_pages(m, NULL, GFP_HIGHUSER_MOVABLE, 0);

	cr_assert_not_null(page);
	page_set(page, flags);
	return page;
}

/* The page leaves, so many others leave behind it, and it comes back. */
static void come_back_after(struct mmsim_machine *m, struct page *page,
			    uint64_t nr_others)
{
	void *shadow = workingset_eviction(m, page);

	m->nodes[0]->lruvec.nonresident_age += nr_others;
	page_clear(page, PG_active | PG_workingset);
	workingset_refault(m, page, shadow);
}

/* The distance is compared with the active pages of files, and with all
 * anonymous ones if there is swap for them. */
Test(workingset, a_page_that_should_have_stayed_is_activated)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	uint64_t *stat = m->nodes[0]->stat;
	struct page *page = new_page(m, 0);

	stat[NR_ACTIVE_FILE] += 100;
	stat[NR_INACTIVE_ANON] += 50;
	come_back_after(m, page, 99);
	cr_assert(page_has(page, PG_active));
	come_back_after(m, page, 100);
	cr_assert_not(page_has(page, PG_active), "one page too far");
	m->nr_swap_pages = 1;
	come_back_after(m, page, 149);
	cr_assert(page_has(page, PG_active));
	come_back_after(m, page, 150);
	cr_assert_not(page_has(page, PG_active));
	m->nr_swap_pages = 0;
	cr_assert_eq(sim_vmstat(m, "workingset_refault_file"), 4);
	cr_assert_eq(sim_vmstat(m, "workingset_activate_file"), 2);
	cr_assert_eq(sim_vmstat(m, "workingset_restore_file"), 0);
	stat[NR_ACTIVE_FILE] -= 100;
	stat[NR_INACTIVE_ANON] -= 50;
	page_put(m, page);
	mmsim_machine_shutdown(m);
}

/* An anonymous page competes with inactive pages of files as well. */
Test(workingset, anonymous_pages)
{
	struct mmsim_machine *m = sim_boot("ram=64M,swap=64M");
	uint64_t *stat = m->nodes[0]->stat;
	struct page *page = new_page(m, PG_swapbacked);

	stat[NR_INACTIVE_FILE] += 40;
	stat[NR_ACTIVE_ANON] += 20;
	stat[NR_INACTIVE_ANON] += 1000;
	come_back_after(m, page, 59);
	cr_assert(page_has(page, PG_active));
	come_back_after(m, page, 60);
	cr_assert_not(page_has(page, PG_active), "its own kind is not asked");
	cr_assert_eq(sim_vmstat(m, "workingset_refault_anon"), 2);
	cr_assert_eq(sim_vmstat(m, "workingset_activate_anon"), 1);
	stat[NR_INACTIVE_FILE] -= 40;
	stat[NR_ACTIVE_ANON] -= 20;
	stat[NR_INACTIVE_ANON] -= 1000;
	page_put(m, page);
	mmsim_machine_shutdown(m);
}

/* One that had been active before is part of what is in use: its kind bears the
 * cost. */
Test(workingset, what_was_active_is_restored)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct lruvec *lruvec = &m->nodes[0]->lruvec;
	struct page *page = new_page(m, PG_workingset);

	m->nodes[0]->stat[NR_ACTIVE_FILE] += 100;
	come_back_after(m, page, 10);
	cr_assert(page_has(page, PG_active));
	cr_assert(page_has(page, PG_workingset));
	cr_assert_eq(lruvec->file_cost, 1);
	cr_assert_eq(lruvec->anon_cost, 0);
	cr_assert_eq(sim_vmstat(m, "workingset_restore_file"), 1);
	m->nodes[0]->stat[NR_ACTIVE_FILE] -= 100;
	page_put(m, page);
	mmsim_machine_shutdown(m);
}

/* The age may run over. */
Test(workingset, the_age_is_a_circle)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct page *page = new_page(m, 0);

	m->nodes[0]->stat[NR_ACTIVE_FILE] += 100;
	m->nodes[0]->lruvec.nonresident_age = UINT64_MAX - 10;
	come_back_after(m, page, 50);
	cr_assert(page_has(page, PG_active));
	come_back_after(m, page, 500);
	cr_assert_not(page_has(page, PG_active));
	m->nodes[0]->stat[NR_ACTIVE_FILE] -= 100;
	page_put(m, page);
	mmsim_machine_shutdown(m);
}

/* --- the trees ----------------------------------------------------------- */

enum { FILE_PAGES = 640 };

static void shrink_all(struct mmsim_machine *m)
{
	struct scan_control sc = {
		.machine = m,
		.gfp = GFP_KERNEL,
		.highest = MAX_NR_ZONES - 1,
		.nr_to_reclaim = UINT64_MAX,
		.may_unmap = true,
	};

	m->is_reclaiming = true;
	shrink_node(m->nodes[0], &sc);
	m->is_reclaiming = false;
}

static char buffer[FILE_PAGES * SIM_PAGE];

static void read_pages(struct mmsim_task *task, struct mmsim_file *file,
		       long nr)
{
	cr_assert_eq(mmsim_pread(task, file, buffer, (size_t)nr * SIM_PAGE, 0),
		     nr * SIM_PAGE);
}

/* A node of 64 places is counted when none of them has a page any more. */
Test(workingset, nodes_with_nothing_but_shadows)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	struct mmsim_file *file;

	cr_assert_eq(
		mmsim_file_create(m, "/data", FILE_PAGES * SIM_PAGE, &file), 0);
	read_pages(task, file, FILE_PAGES);
	cr_assert_eq(sim_vmstat(m, "workingset_nodes"), 0);
	shrink_all(m);
	cr_assert_eq(sim_meminfo(m, "Cached"), 0);
	cr_assert_eq(sim_vmstat(m, "workingset_nodes"), FILE_PAGES / 64);
	sim_validate(m);
	/* one page of each of two nodes */
	read_pages(task, file, 65);
	cr_assert_leq(sim_vmstat(m, "workingset_nodes"), FILE_PAGES / 64 - 2);
	shrink_all(m);
	/* what is cut off has no shadows */
	cr_assert_eq(mmsim_ftruncate(file, 64 * SIM_PAGE), 0);
	cr_assert_eq(sim_vmstat(m, "workingset_nodes"), 1);
	cr_assert_eq(mmsim_unlink(m, "/data"), 0);
	mmsim_close(file);
	cr_assert_eq(sim_vmstat(m, "workingset_nodes"), 0);
	sim_shutdown(m);
}

/* When such nodes are many the oldest go, and pages of theirs are new when they
 * come back. */
Test(workingset, the_oldest_nodes_go)
{
	struct mmsim_machine *m = sim_boot("ram=16M");
	struct mmsim_task *task = sim_spawn(m);
	uint64_t most = m->nodes[0]->present_pages / 8;
	struct mmsim_file *file;
	uint64_t nr = most + 100;
	long slab;

	cr_assert_eq(mmsim_file_create(m, "/data", nr * 64 * SIM_PAGE, &file),
		     0);
	for (uint64_t i = 0; i < nr; i++)
		cr_assert_eq(mmsim_pread(task, file, buffer, SIM_PAGE,
					 (off_t)(i * 64 * SIM_PAGE)),
			     SIM_PAGE);
	shrink_all(m);
	slab = sim_meminfo(m, "SReclaimable");
	shrink_all(m);
	cr_assert_gt(sim_vmstat(m, "workingset_nodereclaim"), 0);
	cr_assert_leq(sim_vmstat(m, "workingset_nodes"), (long)most + 64);
	cr_assert_leq(sim_meminfo(m, "SReclaimable"), slab);
	cr_assert_eq(mmsim_pread(task, file, buffer, SIM_PAGE, 0), SIM_PAGE);
	cr_assert_eq(sim_vmstat(m, "workingset_refault_file"), 0);
	cr_assert_eq(mmsim_pread(task, file, buffer, SIM_PAGE,
				 (off_t)((nr - 1) * 64 * SIM_PAGE)),
		     SIM_PAGE);
	cr_assert_geq(sim_vmstat(m, "workingset_refault_file"), 1);
	mmsim_close(file);
	sim_shutdown(m);
}

/* A file that is rewritten did not miss what was evicted. */
Test(workingset, writing_a_whole_page_is_no_refault)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	struct mmsim_file *file;

	cr_assert_eq(
		mmsim_file_create(m, "/data", FILE_PAGES * SIM_PAGE, &file), 0);
	read_pages(task, file, FILE_PAGES);
	shrink_all(m);
	cr_assert_eq(mmsim_pwrite(task, file, buffer, sizeof(buffer), 0),
		     sizeof(buffer));
	cr_assert_eq(sim_vmstat(m, "workingset_refault_file"), 0);
	cr_assert_eq(sim_vmstat(m, "workingset_nodes"), 0);
	mmsim_close(file);
	sim_shutdown(m);
}
