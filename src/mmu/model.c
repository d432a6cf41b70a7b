/*
 * model.c: the MMU, as a model: an access is a call.
 *
 *   TLB hit                        nothing else is touched
 *   miss: walk the page tables     present and allowed: set accessed (and dirty
 *                                  by a store), enter it into the TLB
 *   otherwise                      a page fault, and try again
 *
 * A real CPU sets the dirty bit in the page table at the first store through an
 * entry that is not yet marked so; our TLB entry allows stores only once that
 * has happened.  Huge pages are entered 4 KiB at a time.
 *
 * Source: Intel SDM volume 3, 4.8 (accessed and dirty flags), 4.10 (TLBs).
 */
#include "mmu/model.h"

#include "kernel/machine.h"
#include "mmu/walk.h"

#include <errno.h>
#include <string.h>

static const uint32_t tlb_allows[] = {[FAULT_READ] = TLB_READ,
				      [FAULT_WRITE] = TLB_WRITE,
				      [FAULT_EXEC] = TLB_EXEC};

/* Walks the tables, and enters what it finds into the TLB; false: there is none
 * for this access. */
static bool walk_and_fill(struct mm_struct *mm, struct tlb_entry *slot,
			  uintptr_t addr, enum fault_access access)
{
	struct walk walk;

	if (!mmu_walk(mm, addr, access, &walk))
		return false;
	slot->page_number = addr >> PAGE_SHIFT;
	slot->asid = mm->asid;
	slot->page = walk.page;
	slot->allows = TLB_READ;
	if (!(walk.pte & PTE_NX))
		slot->allows |= TLB_EXEC;
	if (walk_may_write(&walk))
		slot->allows |= TLB_WRITE;
	return true;
}

int model_translate(struct mmsim_task *task, uintptr_t addr,
		    enum fault_access access, struct tlb_entry **result)
{
	struct tlb *tlb = tlb_of_cpu(task->machine, task->cpu);
	struct tlb_entry *slot;
	bool missed = false;

	if (UNLIKELY(!tlb))
		return -ENOMEM;
	for (;;) {
		struct mm_struct *mm = task->mm;
		int outcome;

		slot = tlb_slot(tlb, mm->asid, addr);
		if (tlb_entry_is(slot, mm->asid, addr) &&
		    (slot->allows & tlb_allows[access]))
			break;
		missed = true;
		if (walk_and_fill(mm, slot, addr, access))
			break;
		outcome = handle_page_fault(task, addr, access);
		if (UNLIKELY(outcome))
			return outcome;
	}
	if (missed)
		tlb->nr_misses++;
	else
		tlb->nr_hits++;
	*result = slot;
	return 0;
}

/* Why the task can make no access now: a signal that waits for it, or -errno;
 * 0: it can. */
static int access_enter(struct mmsim_task *task)
{
	int result = task_check(task);

	if (result == -EIO || result == -EINVAL)
		return result;
	if (task->pending_signal) {
		result = task->pending_signal;
		task->pending_signal = 0;
	}
	return result;
}

static int access_leave(struct mmsim_task *task, int result)
{
	if (task)
		task_call_done(task->machine);
	return result;
}

/* What is left of the page from addr on, at most len. */
static size_t chunk_of_page(uintptr_t addr, size_t len)
{
	return min_size(PAGE_SIZE - (addr & (PAGE_SIZE - 1)), len);
}

static int access_range(struct mmsim_task *task, uintptr_t addr, size_t len,
			enum fault_access access)
{
	int result = access_enter(task);

	while (!result && len > 0) {
		size_t chunk = chunk_of_page(addr, len);
		struct tlb_entry *entry;

		result = model_translate(task, addr, access, &entry);
		addr += chunk;
		len -= chunk;
	}
	return access_leave(task, result);
}

/* The common case: one page, and its translation is in the TLB. */
static inline bool access_hits(struct mmsim_task *task, uintptr_t addr,
			       size_t len, uint32_t allows)
{
	const struct mm_struct *mm;
	const struct tlb_entry *entry;
	struct tlb *tlb;

	if (UNLIKELY(!task))
		return false;
	mm = task->mm;
	tlb = task->machine->tlbs[task->cpu];
	if (UNLIKELY(!mm || !tlb || task->machine->has_panicked))
		return false;
	entry = tlb_slot(tlb, mm->asid, addr);
	if (UNLIKELY(!tlb_entry_is(entry, mm->asid, addr) ||
		     !(entry->allows & allows) || task->pending_signal ||
		     len - 1 >= PAGE_SIZE - (addr & (PAGE_SIZE - 1))))
		return false;
	tlb->nr_hits++;
	return true;
}

PUBLIC int mmsim_access(struct mmsim_task *task, uintptr_t addr, size_t len,
			int write)
{
	if (LIKELY(access_hits(task, addr, len, write ? TLB_WRITE : TLB_READ)))
		return 0;
	return access_range(task, addr, len, write ? FAULT_WRITE : FAULT_READ);
}

PUBLIC int mmsim_fetch(struct mmsim_task *task, uintptr_t addr, size_t len)
{
	if (LIKELY(access_hits(task, addr, len, TLB_EXEC)))
		return 0;
	return access_range(task, addr, len, FAULT_EXEC);
}

PUBLIC int mmsim_load(struct mmsim_task *task, uintptr_t addr, void *dst,
		      size_t len)
{
	int result = access_enter(task);
	char *to = dst;

	if (!result && !dst && len > 0)
		result = -EFAULT;
	while (!result && len > 0) {
		size_t chunk = chunk_of_page(addr, len);
		struct tlb_entry *entry;

		result = model_translate(task, addr, FAULT_READ, &entry);
		if (result)
			break;
		if (entry->page && entry->page->data)
			memcpy(to,
			       (const char *)entry->page->data +
				       (addr & (PAGE_SIZE - 1)),
			       chunk);
		else
			memset(to, 0, chunk);
		addr += chunk;
		to += chunk;
		len -= chunk;
	}
	return access_leave(task, result);
}

static bool is_all_zeros(const char *bytes, size_t len)
{
	return len == 0 ||
	       (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* Bytes go to a page that may be written. */
static int store_chunk(struct mmsim_machine *machine, struct page *page,
		       size_t offset, const char *src, size_t len)
{
	char *content;

	/* A page that holds zeros costs no host memory. */
	if (!page->data && is_all_zeros(src, len))
		return 0;
	content = page_content_write(machine, page);
	if (!content)
		return -ENOMEM;
	memcpy(content + offset, src, len);
	return 0;
}

PUBLIC int mmsim_store(struct mmsim_task *task, uintptr_t addr, const void *src,
		       size_t len)
{
	int result = access_enter(task);
	const char *from = src;

	if (!result && !src && len > 0)
		result = -EFAULT;
	while (!result && len > 0) {
		size_t chunk = chunk_of_page(addr, len);
		struct tlb_entry *entry;

		result = model_translate(task, addr, FAULT_WRITE, &entry);
		if (!result)
			result = store_chunk(task->machine, entry->page,
					     addr & (PAGE_SIZE - 1), from,
					     chunk);
		addr += chunk;
		from += chunk;
		len -= chunk;
	}
	return access_leave(task, result);
}

PUBLIC int mmsim_task_fault_info(const struct mmsim_task *task, uintptr_t *addr,
				 int *code)
{
	int result = task_check(task);

	if (result)
		return result;
	if (addr)
		*addr = task->fault_addr;
	if (code)
		*code = task->fault_code;
	task_call_done(task->machine);
	return 0;
}
