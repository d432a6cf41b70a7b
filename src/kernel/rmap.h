/*
 * rmap.h: from a page to the page table entries that map it.
 *
 * Files: page->mapping is an address_space, which lists its areas.
 * Anonymous pages: page->mapping is an anon_vma.  Each area that may map pages
 * of an anon_vma is tied to it by an anon_vma_chain.  fork gives the child's
 * area a new anon_vma of its own beside those of the parent, so that pages
 * that are written after the fork are looked for in one process only.
 *
 *     area ---- avc ---- anon_vma (of the parent: shared pages)
 *          \--- avc ---- anon_vma (its own: pages since the fork)
 *
 * Source: kernel documentation, mm/process_addrs; R. van Riel's 2010 design,
 * as described on LWN ("The case of the overly anonymous anon_vma").
 */
#ifndef KERNEL_RMAP_H
#define KERNEL_RMAP_H

#include "kernel/mm.h"
#include "kernel/pgtable.h"

struct anon_vma {
	struct anon_vma *root, *parent;
	uint32_t refcount;        /* chains, and children that name it as root */
	uint32_t num_children;    /* itself counted, if it is the root */
	uint32_t num_active_vmas; /* areas whose anon_vma this is */
	struct tree chains;       /* of anon_vma_chain by area start, with the
				   * largest end of each branch */
};

struct anon_vma_chain {
	struct vm_area_struct *vma;
	struct anon_vma *anon_vma;
	struct list_head same_vma; /* in vma->anon_vma_chain */
	struct tree_node node;     /* in anon_vma->chains, by first page index */
	uint64_t subtree_last;     /* last page index of the branch */
};

/* The area gets an anon_vma: a neighbour's or its own.  0 or -ENOMEM. */
int anon_vma_prepare(struct vm_area_struct *vma);
/*
 * dst, which has no chains yet, may map all pages that src may, and takes its
 * anon_vma for new ones (a split, or an area that takes over a neighbour's).
 * 0 or -ENOMEM, with dst->anon_vma NULL.
 */
int anon_vma_clone(struct vm_area_struct *dst, struct vm_area_struct *src);
/* The same at fork, with an anon_vma of its own. */
int anon_vma_fork(struct vm_area_struct *dst, struct vm_area_struct *src);
void anon_vma_unlink_all(struct vm_area_struct *vma);
/* Around a change of an area's start, end or pgoff: out of the trees, and in. */
void anon_vma_before_resize(struct vm_area_struct *vma);
void anon_vma_after_resize(struct vm_area_struct *vma);
/* The first area (by its place in the tree) that may map the page with this
 * index, and the next one; NULL: no more. */
struct anon_vma_chain *anon_vma_find(const struct anon_vma *anon_vma,
				     uint64_t index);
struct anon_vma_chain *anon_vma_find_next(struct anon_vma_chain *avc,
					  uint64_t index);
/* A single chain to an anon_vma that never forked: what merges need to know. */
bool anon_vma_is_singular(const struct vm_area_struct *vma);

/* The books of a page when an entry for it is made or taken away: mapcount,
 * NR_ANON_MAPPED, NR_FILE_MAPPED, PG_anon, PG_mlocked. */
void page_add_new_anon_rmap(struct page *page, struct vm_area_struct *vma,
			    uintptr_t addr);
/* The same for a page that comes from swap: new here, or mapped by others. */
void page_add_anon_rmap(struct page *page, struct vm_area_struct *vma,
			uintptr_t addr, bool exclusive);
void page_add_file_rmap(struct page *page, struct vm_area_struct *vma);
void page_dup_rmap(struct page *page, struct vm_area_struct *vma);
void page_remove_rmap(struct page *page, struct vm_area_struct *vma);

/*
 * A huge page may be mapped as a whole, by level 1 entries, and at the same
 * time by small entries of other address spaces.  The whole is counted in the
 * first tail page, the small ones in each page's mapcount.
 */
static inline int page_compound_mapcount(const struct page *head)
{
	return page_has(head, PG_head) ? (int)head[1].index : 0;
}
/* Entries that map this small page, huge ones counted. */
static inline int page_mapcount(const struct page *page)
{
	const struct page *head =
		page_has(page, PG_tail) ? page - page->private : page;

	return page->mapcount + page_compound_mapcount(head);
}
static inline bool page_is_anon(const struct page *page)
{
	const struct page *head =
		page_has(page, PG_tail) ? page - page->private : page;

	return page_has(head, PG_anon);
}
/* The index of a page, tail pages too. */
static inline uint64_t page_index(const struct page *page)
{
	return page_has(page, PG_tail) ?
		       page[-(int64_t)page->private].index + page->private :
		       page->index;
}

/* The same for a huge page as a whole: a huge entry comes or goes. */
void page_add_new_anon_rmap_huge(struct page *head, struct vm_area_struct *vma,
				 uintptr_t addr);
void page_dup_rmap_huge(struct page *head, struct vm_area_struct *vma);
void page_remove_rmap_huge(struct page *head, struct vm_area_struct *vma);
/* The huge entry of this area becomes 512 small ones. */
void page_split_rmap_huge(struct page *head, struct vm_area_struct *vma);
/* The last owner keeps the page: it is the area's own from now on. */
void page_move_anon_rmap(struct page *page, struct vm_area_struct *vma);

/* Calls `visit` for every entry that maps the page, until it returns false.
 * `huge`: a level 1 entry. */
struct rmap_walk {
	bool (*visit)(struct rmap_walk *walk, struct vm_area_struct *vma,
		      uintptr_t addr, pte_t *entry, bool huge);
	void *arg;
};
void rmap_walk(struct mmsim_machine *machine, struct page *page,
	       struct rmap_walk *walk);
/* Mappings of this page, of its whole compound page if it has one mapped so. */
int page_total_mapcount(const struct page *page);

#endif
