/*
 * smaps.c: /proc/PID/smaps and smaps_rollup: what of each area is in memory.
 *
 * A walk over the page table entries of the area gives each page to one of
 * four lines:
 *
 *                  written since it was read in     not
 *   mapped once    Private_Dirty                    Private_Clean
 *   more often     Shared_Dirty                     Shared_Clean
 *
 * Rss is their sum, and Pss counts a page that n entries map as 1/n, with 12
 * bits behind the point, so that the Pss of all tasks together is what they
 * take.  The zero page is nobody's and is not counted.
 *
 * Swap entries count in Swap, and in SwapPss as 1/n when n name the slot.  Pages
 * of tmpfs that are on swap count in Swap where no entry is in front of them.
 *
 * Referenced: used since clear_refs was written, or since the fork.  Locked:
 * the Pss of an area that mlock holds.  LazyFree: MADV_FREE was told for it.
 *
 * Source: proc(5), kernel documentation filesystems/proc.
 */
#include "kernel/file.h"
#include "kernel/proc/proc.h"
#include "kernel/rmap.h"
#include "kernel/swap.h"
#include "kernel/vma.h"

#include <errno.h>
#include <string.h>

enum { PSS_SHIFT = 12 };

/* Bytes; pss_ figures shifted by PSS_SHIFT. */
struct smaps {
	uint64_t resident, shared_clean, shared_dirty, private_clean,
		private_dirty, referenced, anonymous, lazyfree,
		anonymous_huge, swap;
	uint64_t pss, pss_dirty, pss_anon, pss_file, pss_shmem, pss_locked,
		swap_pss;
};

struct smaps_walk {
	struct pgtable_walk walk;
	struct smaps *figures;
	const struct mmsim_machine *machine;
	const struct vm_area_struct *vma;
};

/* A part of a page, mapped `mapcount` times. */
static void smaps_add_mapped(struct smaps_walk *w, const struct page *page,
			     uint64_t bytes, int mapcount, bool dirty)
{
	struct smaps *s = w->figures;
	uint64_t pss = (bytes << PSS_SHIFT) / (uint64_t)mapcount;

	s->pss += pss;
	if (page_has(page, PG_anon))
		s->pss_anon += pss;
	else if (page_has(page, PG_swapbacked))
		s->pss_shmem += pss;
	else
		s->pss_file += pss;
	if (w->vma->flags & VM_LOCKED)
		s->pss_locked += pss;
	if (dirty)
		s->pss_dirty += pss;
	if (mapcount >= 2)
		*(dirty ? &s->shared_dirty : &s->shared_clean) += bytes;
	else
		*(dirty ? &s->private_dirty : &s->private_clean) += bytes;
}

static void smaps_add_page(struct smaps_walk *w, struct page *page,
			   unsigned nr, pte_t entry)
{
	struct smaps *s = w->figures;
	const struct page *head = page_head(page);
	uint64_t bytes = (uint64_t)nr << PAGE_SHIFT;
	bool dirty = (entry & PTE_DIRTY) || page_has(head, PG_dirty);

	s->resident += bytes;
	if ((entry & PTE_ACCESSED) ||
	    page_has(head, PG_referenced | PG_young))
		s->referenced += bytes;
	if (page_has(head, PG_anon)) {
		s->anonymous += bytes;
		if (nr > 1)
			s->anonymous_huge += bytes;
		if (!page_has(head, PG_swapbacked) && !dirty)
			s->lazyfree += bytes;
	}
	for (unsigned i = 0; i < nr; i++) {
		int mapcount = page_mapcount(page + i);

		smaps_add_mapped(w, head, PAGE_SIZE,
				 mapcount > 1 ? mapcount : 1, dirty);
	}
}

static int smaps_visit(struct pgtable_walk *walk, uintptr_t addr, pte_t *entry,
		       bool huge)
{
	struct smaps_walk *w = walk->arg;

	(void)addr;
	if (pte_is_swap(*entry)) {
		unsigned nr_sharers =
			swap_count(w->machine, pte_to_swp_entry(*entry));

		w->figures->swap += PAGE_SIZE;
		w->figures->swap_pss += (PAGE_SIZE << PSS_SHIFT) / nr_sharers;
	} else if (!(*entry & PTE_SPECIAL)) {
		smaps_add_page(w, page_from_pfn(w->machine, pte_pfn(*entry)),
			       huge ? HPAGE_PMD_NR : 1, *entry);
	}
	return 0;
}

/* A private copy, or a page that was private, hides that of the object. */
static bool smaps_is_hidden(const struct vm_area_struct *vma, uint64_t index)
{
	const pte_t *entry = pte_find(
		vma->mm, vma->start + ((index - vma->pgoff) << PAGE_SHIFT));

	return entry && !pte_is_none(*entry);
}

/* Pages of the object that are on swap. */
static void smaps_add_shmem_swap(struct smaps *s,
				 const struct vm_area_struct *vma)
{
	uint64_t index = vma->pgoff, end = vma->pgoff + vma_pages(vma);
	void *slot;

	if (!vma->mapping || !vma->mapping->is_shmem)
		return;
	for (; (slot = radix_next(&vma->mapping->pages, &index)) && index < end;
	     index++)
		if (radix_is_value(slot) && !smaps_is_hidden(vma, index))
			s->swap += PAGE_SIZE;
}

static void smaps_collect(struct vm_area_struct *vma, struct smaps *s)
{
	struct smaps_walk w = {
		.walk = {.mm = vma->mm, .visit = smaps_visit, .arg = &w},
		.figures = s,
		.machine = vma->mm->machine,
		.vma = vma,
	};

	smaps_add_shmem_swap(s, vma);
	pgtable_walk(&w.walk, vma->start, vma->end);
}

static void show_kb(struct outbuf *out, const char *name, uint64_t bytes)
{
	outbuf_printf(out, "%-16s%8lu kB\n", name, (unsigned long)bytes >> 10);
}

/* The lines from Rss to the end that smaps_rollup has, too. */
static void smaps_show_figures(struct outbuf *out, enum profile profile,
			       const struct smaps *s, bool rollup)
{
	bool is_new = profile >= PROFILE_6_1;

	show_kb(out, "Rss:", s->resident);
	show_kb(out, "Pss:", s->pss >> PSS_SHIFT);
	if (is_new)
		show_kb(out, "Pss_Dirty:", s->pss_dirty >> PSS_SHIFT);
	if (rollup) {
		show_kb(out, "Pss_Anon:", s->pss_anon >> PSS_SHIFT);
		show_kb(out, "Pss_File:", s->pss_file >> PSS_SHIFT);
		show_kb(out, "Pss_Shmem:", s->pss_shmem >> PSS_SHIFT);
	}
	show_kb(out, "Shared_Clean:", s->shared_clean);
	show_kb(out, "Shared_Dirty:", s->shared_dirty);
	show_kb(out, "Private_Clean:", s->private_clean);
	show_kb(out, "Private_Dirty:", s->private_dirty);
	show_kb(out, "Referenced:", s->referenced);
	if (profile > PROFILE_2_6_32)
		show_kb(out, "Anonymous:", s->anonymous);
	if (profile >= PROFILE_6_18)
		show_kb(out, "KSM:", 0);
	if (is_new)
		show_kb(out, "LazyFree:", s->lazyfree);
	if (profile > PROFILE_2_6_32)
		show_kb(out, "AnonHugePages:", s->anonymous_huge);
	if (is_new) {
		show_kb(out, "ShmemPmdMapped:", 0);
		show_kb(out, "FilePmdMapped:", 0);
		show_kb(out, "Shared_Hugetlb:", 0);
		show_kb(out, "Private_Hugetlb:", 0);
	}
	show_kb(out, "Swap:", s->swap);
	if (is_new) {
		show_kb(out, "SwapPss:", s->swap_pss >> PSS_SHIFT);
		show_kb(out, "Locked:", s->pss_locked >> PSS_SHIFT);
	}
}

static void smaps_show_page_sizes(struct outbuf *out)
{
	show_kb(out, "KernelPageSize:", PAGE_SIZE);
	show_kb(out, "MMUPageSize:", PAGE_SIZE);
}

static void smaps_show_flags(struct outbuf *out, vm_flags_t flags)
{
	/* By bit number; empty: not shown to users. */
	static const char names[32][3] = {
		"rd", "wr", "ex", "sh", "mr", "mw", "me", "ms",
		"gd", "um", "pf", "??", "uw", "lo", "io", "sr",
		"rr", "dc", "de", "lf", "ac", "nr", "ht", "sf",
		"ar", "wf", "dd", "sd", "mm", "hg", "nh", "mg",
	};

	outbuf_str(out, "VmFlags: ");
	for (unsigned bit = 0; bit < ARRAY_SIZE(names); bit++)
		if (flags >> bit & 1)
			outbuf_printf(out, "%s ", names[bit]);
	outbuf_str(out, "\n");
}

/* All lines below an area's first one. */
static void smaps_show_area(struct outbuf *out, enum profile profile,
			    uint64_t bytes, const struct smaps *s,
			    bool thp_eligible, vm_flags_t flags)
{
	show_kb(out, "Size:", bytes);
	if (profile >= PROFILE_6_1)
		smaps_show_page_sizes(out);
	smaps_show_figures(out, profile, s, false);
	if (profile < PROFILE_6_1)
		smaps_show_page_sizes(out);
	if (profile == PROFILE_3_10)
		show_kb(out, "Locked:", s->pss_locked >> PSS_SHIFT);
	if (profile >= PROFILE_6_18)
		outbuf_printf(out, "THPeligible:    %8u\n", thp_eligible);
	else if (profile >= PROFILE_6_1)
		outbuf_printf(out, "THPeligible:    %u\n", thp_eligible);
	if (profile >= PROFILE_3_10)
		smaps_show_flags(out, flags);
}

int proc_show_smaps(struct mmsim_machine *machine, struct mmsim_task *task,
		    struct outbuf *out, const void *arg)
{
	struct vm_area_struct *vma;
	struct smaps s = {0};

	(void)arg;
	if (!task->mm)
		return 0;
	for_each_vma(task->mm, vma) {
		memset(&s, 0, sizeof(s));
		smaps_collect(vma, &s);
		proc_show_vma(out, vma);
		smaps_show_area(out, machine->profile, vma->end - vma->start,
				&s, thp_is_eligible(vma), vma->flags);
	}
	if (proc_has_vsyscall(machine)) {
		memset(&s, 0, sizeof(s));
		proc_show_vsyscall(out, machine);
		smaps_show_area(out, machine->profile, PAGE_SIZE, &s, false,
				machine->profile >= PROFILE_6_1
					? VM_EXEC
					: VM_READ | VM_EXEC);
	}
	return 0;
}

int proc_show_smaps_rollup(struct mmsim_machine *machine,
			   struct mmsim_task *task, struct outbuf *out,
			   const void *arg)
{
	uintptr_t start = 0, end = 0;
	struct vm_area_struct *vma;
	struct smaps s = {0};

	(void)arg;
	if (machine->profile < PROFILE_6_1)
		return -ENOENT;
	if (!task->mm)
		return -ESRCH;
	for_each_vma(task->mm, vma) {
		if (vma == vma_first(task->mm))
			start = vma->start;
		end = vma->end;
		smaps_collect(vma, &s);
	}
	proc_show_range(out, machine, start, end, "---p", "[rollup]");
	smaps_show_figures(out, machine->profile, &s, true);
	return 0;
}
