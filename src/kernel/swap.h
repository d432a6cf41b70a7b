/*
 * swap.h: swap areas, their slots, the swap cache; pages that go and come.
 *
 *   entry (in page tables, in shmem's trees)   type (the area), offset (slot)
 *   slot      count of entries that name it, and "in the swap cache"
 *   swap cache   slot -> page, or a shadow of one that was reclaimed
 *
 *   out:  swap_add_page    slot, swap cache, dirty
 *         try_to_unmap     entries become swap entries (unmap.c)
 *         swap_writepage   to the device; clean
 *         swap_cache_delete  the frame is free
 *   in:   swap_in_fault    page of the cache, or read with its neighbours;
 *                          the entry becomes present, and the slot loses it
 *
 * A page in the swap cache: PG_swapcache, page->private is the entry; anonymous
 * pages keep mapping (anon_vma) and index, pages of shmem have neither while
 * they are here.  The cache holds one reference.
 */
#ifndef KERNEL_SWAP_H
#define KERNEL_SWAP_H

#include "kernel/blkdev.h"
#include "kernel/fault.h"
#include "kernel/page.h"

enum { MAX_SWAPFILES = 29 };

/* A slot of an area as one number: what a page's private and a tree of shmem
 * hold.  0 is none: slot 0 is the area's header. */
typedef struct {
	uint64_t val;
} swp_entry_t;

static inline swp_entry_t swp_entry(unsigned type, uint64_t offset)
{
	return (swp_entry_t){(uint64_t)type << 48 | offset};
}
static inline unsigned swp_type(swp_entry_t entry)
{
	return (unsigned)(entry.val >> 48);
}
static inline uint64_t swp_offset(swp_entry_t entry)
{
	return entry.val & (((uint64_t)1 << 48) - 1);
}
static inline pte_t swp_entry_to_pte(swp_entry_t entry)
{
	return pte_from_swap(swp_type(entry), swp_offset(entry));
}
static inline swp_entry_t pte_to_swp_entry(pte_t pte)
{
	return swp_entry(pte_swap_type(pte), pte_swap_offset(pte));
}

int swap_init(struct mmsim_machine *machine); /* the spec's areas; -errno */
void swap_fini(struct mmsim_machine *machine);
/* The path is that of a device of the spec's swap=, in use or not. */
bool swap_is_device(const struct mmsim_machine *machine, const char *path);

/* One more entry names the slot (fork). */
void swap_duplicate(struct mmsim_machine *machine, swp_entry_t entry);
/* One less; a slot that nobody names and that is not in the cache is free. */
void swap_free(struct mmsim_machine *machine, swp_entry_t entry);
/* The same for an entry that is thrown away: the page goes from the cache, too,
 * when the entry was the last and nobody maps it. */
void swap_free_and_cache(struct mmsim_machine *machine, swp_entry_t entry);
/* How many entries name it. */
unsigned swap_count(const struct mmsim_machine *machine, swp_entry_t entry);

/* The page gets a slot and a place in the swap cache and is dirty: 0, or
 * -ENOSPC (no free slot), -ENOMEM; then nothing has changed. */
int swap_add_page(struct mmsim_machine *machine, struct page *page);
/* The page that has this slot, without a reference; NULL. */
struct page *swap_cache_find(const struct mmsim_machine *machine,
			     swp_entry_t entry);
/* What the slot's page holds, wherever it is, in the cache or on the device;
 * NULL: zeros. */
void *swap_content(const struct mmsim_machine *machine, swp_entry_t entry);
/* The page's content stands at `data` from now on, that of its slot as well if
 * they have it together. */
void swap_content_moved(struct mmsim_machine *machine, struct page *page,
			void *data);
/* Out of the cache; the slot stays with its entries, or is free when it has
 * none.  `shadow`: NULL or a value that the slot keeps (reclaim.h). */
void swap_cache_delete(struct mmsim_machine *machine, struct page *page,
		       void *shadow);
/* The page has taken over another's slot (migrate.c), references and all: its
 * place in the cache, too. */
void swap_cache_replace(struct mmsim_machine *machine, struct page *page);
/* The page needs its slot no more if nobody else names it: out of the cache,
 * and dirty.  True: it was done. */
bool swap_try_to_free(struct mmsim_machine *machine, struct page *page);
/* More than half of all swap is used: a slot goes when its page comes in. */
bool swap_is_full(const struct mmsim_machine *machine);

/* Starts to write a page of the swap cache: clean, and PG_writeback; or, when
 * nobody names its slot, takes it out of the cache.  0 or -ENOMEM (of the
 * host). */
int swap_writepage(struct mmsim_machine *machine, struct page *page);

/* shmem_swap.c.  A dirty page of shmem, unmapped: moves to the swap cache, and
 * its object's tree keeps the entry.  Then swap_writepage.  0, -ENOSPC, -ENOMEM. */
int shmem_writepage(struct mmsim_machine *machine, struct page *page);
/* A clean page of shmem, unmapped, was never written: out of the cache, and the
 * object has a hole there; the caller has the last reference but the cache's. */
void shmem_drop_hole(struct page *page);

/* A swap entry was found by a fault: as the functions of fault.h. */
int swap_in_fault(struct vm_fault *fault, pte_t *entry);
/* MADV_WILLNEED: what the area, anonymous or of shmem, has on swap in this range
 * comes into the swap cache; nobody waits. */
void swap_willneed(struct mmsim_task *task, struct vm_area_struct *vma,
		   uintptr_t start, uintptr_t end);

/*
 * unmap.c: all entries of the page go: anonymous ones become swap entries (the
 * page is in the swap cache), those of files empty; dirty bits are kept in the
 * page.  False: some entry had to stay (mlock), and the page is still mapped.
 */
bool try_to_unmap(struct mmsim_machine *machine, struct page *page);

#endif
