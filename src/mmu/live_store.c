/*
 * live_store.c: where the contents of a live task's pages stand, and how they
 * become real.
 *
 * The store is a file in memory, mapped twice: in the window, where the program
 * reaches a page only while the simulated page table has it, and as the alias.
 * One entry a slot says whose content is there:
 *
 *   nothing   the store has no page here
 *   a page    page->data points here, whether or not it is mapped now
 *   a swap    nobody has it in memory, but it is swapped out: it stays here and
 *   slot      comes back without a copy (swap_slot.c)
 *   ZEROS     it reads as zeros: the zero page, mapped for reading
 *   STALE     nobody needs it; it is used again, or given back with its
 *             neighbours when many have gathered
 *
 * The window's real page table plays the part of the TLB.  A page is mapped
 * when the program faults on it, for writing only if the simulated entry is
 * dirty, so that the first store is noticed; and when the kernel flushes a
 * translation the mapping goes (MADV_DONTNEED) while the content stays.  A tag
 * at each slot that may be mapped saves the call where there is nothing.  Where
 * only the accessed bit was cleared the mapping may wait for the end of the
 * event, and goes with its neighbours: reclaim looks at many pages at a time.
 * That order, first the mapping, then a look at the content, is what keeps stores
 * from being lost when pages are swapped out.
 *
 * Only anonymous memory is real.  Simplified: a page that is pinned by the host
 * (io_uring, O_DIRECT, vmsplice) and swapped out meanwhile loses what the
 * device writes afterwards.
 *
 * Sources: userfaultfd(2), ioctl_userfaultfd(2), madvise(2).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "mmu/live_state.h"

#include "kernel/swap.h"
#include "mmu/host_call.h"
#include "mmu/walk.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef UFFDIO_CONTINUE_MODE_WP
#define UFFDIO_CONTINUE_MODE_WP ((uint64_t)1 << 1) /* Linux 6.4 */
#endif

/* Marks in place of a page. */
#define STALE radix_from_value(0)
#define ZEROS radix_from_value(1)

/* Pages that are not mapped between two that go in one call. */
enum { AGED_GAP_MAX = 64 };

bool store_entry_has_content(const void *entry)
{
	return entry && entry != STALE && entry != ZEROS;
}

/* The entry of a swap slot's content: where the swap slot points to it from,
 * with the lowest bit set. */
static void *entry_from_kept(void **content)
{
	return (void *)((uintptr_t)content | 1);
}

/* NULL: it is a page's. */
static void **entry_to_kept(void *entry)
{
	return radix_is_value(entry)
		       ? (void **)((uintptr_t)entry & ~(uintptr_t)1)
		       : NULL;
}

static uintptr_t slot_addr(const struct live *live, uint64_t slot)
{
	return (uintptr_t)live->window + (slot << PAGE_SHIFT);
}

/* --- giving back --------------------------------------------------------- */

static void store_punch(struct live *live, uint64_t first, uint64_t end)
{
	if (first < end)
		host_madvise(live_content(live, slot_addr(live, first)),
			     (end - first) << PAGE_SHIFT, MADV_REMOVE);
}

void store_tidy(struct live *live)
{
	uint64_t slot = 0, first = 0, end = 0;
	void *entry;

	if (live->nr_stale <= LIVE_STALE_MAX)
		return;
	while ((entry = radix_next(&live->slots, &slot)) != NULL) {
		if (entry == STALE) {
			if (slot != end) {
				store_punch(live, first, end);
				first = slot;
			}
			end = slot + 1;
			radix_remove(&live->slots, slot);
		}
		slot++;
	}
	store_punch(live, first, end);
	live->nr_stale = 0;
}

void store_set_stale(struct live *live, uint64_t slot)
{
	/* Without an entry the page is merely not given back. */
	if (radix_insert(&live->slots, slot, STALE) == 0)
		live->nr_stale++;
}

static uint64_t slot_of_data(const struct live *live, const void *data)
{
	return (uint64_t)((const char *)data - live->alias) >> PAGE_SHIFT;
}

static void store_drop(struct page_store *store, void *data)
{
	struct live *live = container_of(store, struct live, store);

	store_set_stale(live, slot_of_data(live, data));
}

/* Entries are replaced: no memory is needed. */
static void store_own(struct page_store *store, struct page *page)
{
	struct live *live = container_of(store, struct live, store);

	radix_insert(&live->slots, slot_of_data(live, page->data), page);
}

static void store_keep(struct page_store *store, void **content)
{
	struct live *live = container_of(store, struct live, store);

	radix_insert(&live->slots, slot_of_data(live, *content),
		     entry_from_kept(content));
}

/* --- the window as a TLB -------------------------------------------------- */

static void store_unmap_run(struct live *live, uint64_t first, uint64_t end)
{
	if (first < end)
		host_madvise((void *)slot_addr(live, first),
			     (end - first) << PAGE_SHIFT, MADV_DONTNEED);
}

/* Slots from `slot` to `end` are not mapped any more. */
static void store_unmap(struct live *live, uint64_t slot, uint64_t end)
{
	uint64_t run = slot, run_end = slot;

	while (radix_next_tagged(&live->slots, &slot, RADIX_MAPPED) &&
	       slot < end) {
		if (slot != run_end) {
			store_unmap_run(live, run, run_end);
			run = slot;
		}
		radix_tag_clear(&live->slots, slot, RADIX_MAPPED);
		run_end = ++slot;
	}
	store_unmap_run(live, run, run_end);
}

void store_unmap_all(struct live *live)
{
	store_unmap(live, 0, LIVE_WINDOW_LEN >> PAGE_SHIFT);
}

static void store_invalidate(struct mmu_notifier *notifier, uintptr_t start,
			     uintptr_t end)
{
	struct live *live = container_of(notifier, struct live, notifier);
	uintptr_t first = (uintptr_t)live->window;
	uintptr_t last = first + LIVE_WINDOW_LEN;

	start = start < first ? first : start;
	end = end > last ? last : end;
	if (start < end)
		store_unmap(live, live_slot(live, start), live_slot(live, end));
}

/* The next slot that is mapped is not one in between. */
static bool store_is_next_mapped(struct live *live, uint64_t from,
				 uint64_t slot)
{
	return slot - from < AGED_GAP_MAX &&
	       radix_next_tagged(&live->slots, &from, RADIX_MAPPED) &&
	       from == slot;
}

void store_unmap_aged(struct live *live)
{
	uint64_t slot = 0, run = 0, run_end = 0;

	if (live->nr_aged == 0)
		return;
	for (; radix_next_tagged(&live->slots, &slot, RADIX_AGED); slot++) {
		radix_tag_clear(&live->slots, slot, RADIX_AGED);
		if (!radix_has_tag(&live->slots, slot, RADIX_MAPPED))
			continue;
		if (!store_is_next_mapped(live, run_end, slot)) {
			store_unmap_run(live, run, run_end);
			run = slot;
		}
		radix_tag_clear(&live->slots, slot, RADIX_MAPPED);
		run_end = slot + 1;
	}
	store_unmap_run(live, run, run_end);
	live->nr_aged = 0;
}

static void store_clear_young(struct mmu_notifier *notifier, uintptr_t addr)
{
	struct live *live = container_of(notifier, struct live, notifier);
	uint64_t slot = live_slot(live, addr);

	if (!live_has(live, addr) ||
	    !radix_has_tag(&live->slots, slot, RADIX_MAPPED))
		return;
	/* Who works on the machine by calls has no end of an event. */
	if (!live->is_serving) {
		store_unmap(live, slot, slot + 1);
		return;
	}
	radix_tag_set(&live->slots, slot, RADIX_AGED);
	live->nr_aged++;
}

/* --- making pages real ---------------------------------------------------- */

void store_wake(struct live *live, uintptr_t start, size_t len)
{
	struct uffdio_range range = {.start = start, .len = len};

	ioctl(live->uffd, UFFDIO_WAKE, &range);
}

/* An ioctl that changes the page at addr and wakes; -EEXIST: it is there. */
static int store_ioctl(struct live *live, unsigned long request, void *arg)
{
	/* EAGAIN: another call changes the address space, a fork or mremap. */
	while (ioctl(live->uffd, request, arg) != 0)
		if (errno != EAGAIN)
			return -errno;
	return 0;
}

static int store_set_write_protect(struct live *live, uintptr_t addr, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = {.start = addr, .len = PAGE_SIZE},
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};
	int err = store_ioctl(live, UFFDIO_WRITEPROTECT, &wp);

	if (on)
		store_wake(live, addr, PAGE_SIZE);
	/* No mapping there: the next access finds that out. */
	return err == -ENOENT ? 0 : err;
}

/* The store has no page at addr: it gets one with this content. */
static int store_copy_in(struct live *live, uintptr_t addr, const void *content,
			 size_t len, uint64_t mode)
{
	struct uffdio_copy copy = {
		.dst = addr,
		.src = (uintptr_t)content,
		.len = len,
		.mode = mode,
	};

	return store_ioctl(live, UFFDIO_COPY, &copy);
}

/* A host that cannot map for reading only: the page is made anew. */
static int store_renew(struct live *live, uintptr_t addr)
{
	char content[PAGE_SIZE];

	memcpy(content, live_content(live, addr), PAGE_SIZE);
	store_punch(live, live_slot(live, addr), live_slot(live, addr) + 1);
	return store_copy_in(live, addr, content, PAGE_SIZE,
			     UFFDIO_COPY_MODE_WP);
}

/* The store has the content of the page at addr: it is mapped. */
static int store_continue(struct live *live, uintptr_t addr, bool writable)
{
	struct uffdio_continue cont = {
		.range = {.start = addr, .len = PAGE_SIZE},
		.mode = writable ? 0 : UFFDIO_CONTINUE_MODE_WP,
	};
	int err;

	radix_tag_set(&live->slots, live_slot(live, addr), RADIX_MAPPED);
	if (!writable && !live->can_continue_wp)
		return store_renew(live, addr);
	err = store_ioctl(live, UFFDIO_CONTINUE, &cont);
	/* Mapped already, by an answer to another thread, or for reading. */
	if (err == -EEXIST)
		return store_set_write_protect(live, addr, !writable);
	return err;
}

/* Who has the content at an entry has it at `data` from now on. */
static void entry_moved(struct live *live, void *entry, void *data)
{
	void **kept = entry_to_kept(entry);

	if (kept)
		*kept = data;
	else
		swap_content_moved(live->machine, entry, data);
}

/* The content that stands at a slot goes to the machine's pool. */
static int store_evacuate(struct live *live, uint64_t slot, void *entry)
{
	void *content = pool_alloc(&live->machine->contents);

	if (!content)
		return -ENOMEM;
	memcpy(content, live_content(live, slot_addr(live, slot)), PAGE_SIZE);
	entry_moved(live, entry, content);
	return 0;
}

static bool store_has(const struct live *live, const void *data)
{
	return (uintptr_t)data - (uintptr_t)live->alias < LIVE_WINDOW_LEN;
}

int store_vacate(struct live *live, uintptr_t addr)
{
	uint64_t slot = live_slot(live, addr);
	void *entry = radix_find(&live->slots, slot);
	int err;

	if (!store_entry_has_content(entry))
		return 0;
	err = store_evacuate(live, slot, entry);
	if (!err)
		store_set_stale(live, slot);
	return err;
}

/* The store's page at addr, which holds something else, gets the content. */
static void store_overwrite(struct live *live, uintptr_t addr,
			    const struct page *page)
{
	if (page && page->data)
		memcpy(live_content(live, addr), page->data, PAGE_SIZE);
	else
		memset(live_content(live, addr), 0, PAGE_SIZE);
}

/* The slot has the content of `page` from now on, and may be mapped.  Where it
 * stood before, a page of the machine's pool, is freed with the next one:
 * others may look at the machine once the thread is awake. */
static int store_settle(struct live *live, uintptr_t addr, struct page *page)
{
	uint64_t slot = live_slot(live, addr);
	int err = radix_insert(&live->slots, slot, page ? (void *)page : ZEROS);

	if (err)
		return err;
	radix_tag_set(&live->slots, slot, RADIX_MAPPED);
	pool_free(&live->machine->contents, live->left_behind);
	live->left_behind = NULL;
	if (!page)
		return 0;
	if (store_has(live, page->data))
		store_set_stale(live, slot_of_data(live, page->data));
	else
		live->left_behind = page->data;
	swap_content_moved(live->machine, page, live_content(live, addr));
	return 0;
}

/* Nothing is at the slot. */
static int store_map_new(struct live *live, uintptr_t addr, struct page *page,
			 bool writable)
{
	const void *content =
		page ? page_content(live->machine, page) : live->zeros;
	int err = store_settle(live, addr, page);

	if (err)
		return err;
	err = store_copy_in(live, addr, content, PAGE_SIZE,
			    writable ? 0 : UFFDIO_COPY_MODE_WP);
	if (err != -EEXIST)
		return err;
	memcpy(live_content(live, addr), content, PAGE_SIZE);
	return store_continue(live, addr, writable);
}

int store_map(struct live *live, uintptr_t addr, struct page *page,
	      bool writable)
{
	uint64_t slot = live_slot(live, addr);
	void *entry = radix_find(&live->slots, slot);
	void *wanted = page ? (void *)page : ZEROS;
	int err;

	if (!entry)
		return store_map_new(live, addr, page, writable);
	if (entry == wanted)
		return store_continue(live, addr, writable);
	if (entry == STALE)
		live->nr_stale--;
	else if (entry != ZEROS &&
		 (err = store_evacuate(live, slot, entry)) != 0)
		return err;
	if (entry != ZEROS || (page && page->data))
		store_overwrite(live, addr, page);
	err = store_settle(live, addr, page);
	return err ? err : store_continue(live, addr, writable);
}

/* --- many at a time ------------------------------------------------------- */

static bool store_is_fresh(struct live *live, uintptr_t addr, struct walk *walk)
{
	return mmu_look(live->task->mm, addr, walk) && walk->page &&
	       !walk->page->data && walk_may_write(walk) &&
	       !radix_find(&live->slots, live_slot(live, addr));
}

/* [start, end) are fresh; false: not all of them could be mapped. */
static bool store_map_run(struct live *live, uintptr_t start, uintptr_t end)
{
	struct walk walk;

	if (store_copy_in(live, start, live->zeros, end - start,
			  UFFDIO_COPY_MODE_DONTWAKE))
		return false;
	for (; start < end; start += PAGE_SIZE) {
		if (!mmu_look(live->task->mm, start, &walk) ||
		    store_settle(live, start, walk.page))
			return false;
	}
	return true;
}

void store_map_fresh(struct live *live, uintptr_t start, uintptr_t end)
{
	struct walk walk;

	while (start < end) {
		uintptr_t last = start;

		while (last < end && last - start < LIVE_ZEROS &&
		       store_is_fresh(live, last, &walk))
			last += PAGE_SIZE;
		if (last > start && !store_map_run(live, start, last))
			return;
		start = last > start ? last : start + PAGE_SIZE;
	}
}

/* --- begin, end, fork ----------------------------------------------------- */

void store_forked(struct live *live)
{
	uint64_t slot = 0;
	void *entry;

	for (; (entry = radix_next(&live->slots, &slot)) != NULL; slot++)
		if (!store_entry_has_content(entry))
			radix_remove(&live->slots, slot);
	live->nr_stale = 0;
}

void store_init(struct live *live)
{
	pool_init(&live->slot_nodes, radix_node_size());
	radix_init(&live->slots, &live->slot_nodes);
	live->notifier.invalidate_range = store_invalidate;
	live->notifier.clear_young = store_clear_young;
	live->store.start = live->alias;
	live->store.end = live->alias + LIVE_WINDOW_LEN;
	live->store.drop = store_drop;
	live->store.own = store_own;
	live->store.keep = store_keep;
	live->machine->page_store = &live->store;
	live->task->mm->notifier = &live->notifier;
}

void store_fini(struct live *live)
{
	uint64_t slot = 0;
	void *entry;

	/* What outlives the window goes to the pool: the machine may live. */
	for (; (entry = radix_next(&live->slots, &slot)) != NULL; slot++)
		if (store_entry_has_content(entry) &&
		    store_evacuate(live, slot, entry))
			entry_moved(live, entry, NULL);
	pool_free(&live->machine->contents, live->left_behind);
	live->machine->page_store = NULL;
	if (live->task->mm)
		live->task->mm->notifier = NULL;
	pool_fini(&live->slot_nodes);
}
