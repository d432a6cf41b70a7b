/*
 * thp.c: transparent huge pages: when they are used, and what is kept for them.
 *
 * Modes: always, madvise (areas with MADV_HUGEPAGE), never; defrag says whether
 * a fault may reclaim memory for one.  An area takes part where it is
 * anonymous and holds a whole aligned piece of 2 MiB.
 *
 * A read of memory that was never written gets the huge zero page, one for the
 * machine: made at the first such read, kept while an address space that used
 * it lives, given back when memory is short (recorded: reading 100 MiB takes 49
 * faults and no RSS).
 *
 * Turning huge pages on starts khugepaged, which wants room to work in and
 * raises min_free_kbytes to 11 x 512 pages a zone, at most 5% of the memory;
 * turning them off computes it anew.  A machine below 512 MiB starts without huge
 * zero pages and without defrag.
 *
 * Simplified: khugepaged itself finds nothing to collapse (it looks at 4096
 * pages in 10 s); thp= in the spec is what is written into `enabled` after
 * boot.  With two levels of tables there are no huge pages.
 *
 * Source: kernel documentation, admin-guide/mm/transhuge; recordings.
 */
#include "kernel/machine.h"
#include "kernel/page_alloc.h"
#include "kernel/thp.h"

#include <errno.h>

enum {
	THP_SMALL_MACHINE_PAGES = 512 << (20 - PAGE_SHIFT),
	THP_FREE_BLOCKS = 11, /* per zone: 2 + 3 migrate types x 3 */
};

static uint64_t zero_page_count(struct shrinker *shrinker)
{
	const struct thp *thp = shrinker->arg;

	return thp->huge_zero_page && thp->nr_zero_page_users == 0 ?
		       HPAGE_PMD_NR :
		       0;
}

static uint64_t zero_page_scan(struct shrinker *shrinker, uint64_t nr)
{
	struct thp *thp = shrinker->arg;
	struct mmsim_machine *machine =
		container_of(thp, struct mmsim_machine, thp);

	(void)nr;
	if (zero_page_count(shrinker) == 0)
		return 0;
	page_put(machine, thp->huge_zero_page);
	thp->huge_zero_page = NULL;
	return HPAGE_PMD_NR;
}

bool thp_use_zero_page(struct mm_struct *mm)
{
	struct mmsim_machine *machine = mm->machine;
	struct thp *thp = &machine->thp;
	gfp_t gfp = (GFP_TRANSHUGE | GFP_F_ZERO) & ~(gfp_t)GFP_F_MOVABLE;

	if (mm->uses_huge_zero_page)
		return true;
	if (!thp->huge_zero_page) {
		thp->huge_zero_page = alloc_pages(machine, mm->owner, gfp,
						  HPAGE_PMD_ORDER);
		count_vm_event(machine, thp->huge_zero_page ?
						THP_ZERO_PAGE_ALLOC :
						THP_ZERO_PAGE_ALLOC_FAILED);
	}
	if (!thp->huge_zero_page)
		return false;
	thp->nr_zero_page_users++;
	mm->uses_huge_zero_page = true;
	return true;
}

void thp_drop_zero_page(struct mm_struct *mm)
{
	if (mm->uses_huge_zero_page)
		mm->machine->thp.nr_zero_page_users--;
	mm->uses_huge_zero_page = false;
}

static bool has_huge_pages(const struct mmsim_machine *machine)
{
	return machine->profile >= PROFILE_3_10 && pgtable_levels(machine) > 2;
}

/* Memory that is not high memory, less the high watermarks; pages. */
static uint64_t free_buffer_pages(const struct mmsim_machine *machine)
{
	const struct pglist_data *node;
	uint64_t sum = 0;
	unsigned i;

	for_each_node(machine, node, i)
		for (int z = 0; z <= ZONE_NORMAL; z++) {
			const struct zone *zone = &node->zones[z];

			if (zone->managed_pages > zone->watermark[WMARK_HIGH])
				sum += zone->managed_pages -
				       zone->watermark[WMARK_HIGH];
		}
	return sum;
}

uint64_t thp_recommended_min_free_kbytes(const struct mmsim_machine *machine)
{
	const struct pglist_data *node;
	uint64_t nr_zones = 0, pages;
	unsigned i;

	for_each_node(machine, node, i)
		for (int z = 0; z <= ZONE_NORMAL; z++)
			nr_zones += zone_is_populated(&node->zones[z]);
	pages = nr_zones * THP_FREE_BLOCKS * HPAGE_PMD_NR;
	return pages_to_kb(min_size(pages, free_buffer_pages(machine) / 20));
}

void thp_raise_min_free_kbytes(struct mmsim_machine *machine)
{
	int64_t *min_free = &machine->vm.min_free_kbytes;
	int64_t recommended;

	if (machine->thp.enabled == THP_NEVER)
		return;
	recommended = (int64_t)thp_recommended_min_free_kbytes(machine);
	if (recommended > *min_free) {
		*min_free = recommended;
		zone_setup_watermarks(machine);
	}
}

int thp_set_enabled(struct mmsim_machine *machine, enum thp_mode mode)
{
	bool was_on = machine->thp.enabled != THP_NEVER;

	if (!has_huge_pages(machine))
		return -EINVAL;
	machine->thp.enabled = mode;
	if (mode != THP_NEVER)
		thp_raise_min_free_kbytes(machine);
	else if (was_on)
		zone_choose_min_free_kbytes(machine);
	return 0;
}

void thp_init(struct mmsim_machine *machine)
{
	struct thp *thp = &machine->thp;
	bool is_small = machine->totalram_pages < THP_SMALL_MACHINE_PAGES;

	list_init(&thp->split_queue);
	thp->enabled = THP_NEVER;
	thp->defrag = is_small ? THP_DEFRAG_NEVER : THP_DEFRAG_MADVISE;
	thp->use_zero_page = !is_small;
	if (!has_huge_pages(machine))
		return;
	thp->zero_page_shrinker.name = "thp-zero";
	thp->zero_page_shrinker.count_objects = zero_page_count;
	thp->zero_page_shrinker.scan_objects = zero_page_scan;
	thp->zero_page_shrinker.arg = thp;
	shrinker_register(machine, &thp->zero_page_shrinker);
	thp_init_split(machine);
	if (machine->spec.thp != THP_NEVER)
		thp_set_enabled(machine, (enum thp_mode)machine->spec.thp);
}

bool thp_is_eligible(const struct vm_area_struct *vma)
{
	const struct thp *thp = &vma->mm->machine->thp;

	if (LIKELY(thp->enabled == THP_NEVER) || !vma_is_anonymous(vma))
		return false;
	if (thp->enabled == THP_MADVISE && !(vma->flags & VM_HUGEPAGE))
		return false;
	if ((vma->flags & (VM_NOHUGEPAGE | VM_SPECIAL)) || vma->mm->thp_disable)
		return false;
	/* The last aligned piece must lie in the area. */
	return vma->end >= PMD_SIZE &&
	       align_down(vma->end, PMD_SIZE) >=
		       align_up(vma->start, PMD_SIZE) + PMD_SIZE;
}
