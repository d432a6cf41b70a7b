/*
 * fault.c: page faults, from the access to the kind of work that it needs.
 *
 *   handle_page_fault    finds the area, grows a stack, tells signals
 *   handle_mm_fault      counts; huge page, or the entry of one page:
 *     nothing there, anonymous   read: the zero page, which is shared by all
 *                                and not counted in RSS; write: a page
 *     nothing there, file        fault_file.c
 *     read-only, and a store     cow.c
 *     a swap entry               swap_in.c
 *
 * Memory is given out here and nowhere else: mmap only promises it.  A page
 * that is read first and written later faults twice, one that is written first
 * only once.
 *
 * Counted as in Linux: pgfault for each fault in an area that allows the
 * access; the task's min_flt or maj_flt when it was served.
 *
 * Sources: recordings of lazy paging (25599 faults for reading 100 MiB, 25600
 * more for writing it); kernel documentation, mm/process_addrs.
 */
#include "kernel/fault.h"

#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/mempolicy.h"
#include "kernel/page_alloc.h"
#include "kernel/swap.h"
#include "kernel/vma.h"

#include <errno.h>
#include <signal.h>

struct page *fault_alloc_page(struct vm_fault *fault)
{
	gfp_t gfp = GFP_HIGHUSER_MOVABLE | GFP_F_COMP | GFP_F_ZERO;

	if (LIKELY(!fault->vma->policy && !fault->task->policy))
		return alloc_pages(fault->machine, fault->task, gfp, 0);
	return vma_alloc_page(fault->task, fault->vma, fault->addr, gfp, 0);
}

void fault_map_new_anon(struct vm_fault *fault, pte_t *entry, struct page *page)
{
	pte_t bits = vma_page_prot(fault->vma) | PTE_SOFT_DIRTY;

	if (fault->vma->flags & VM_WRITE)
		bits |= PTE_RW | PTE_DIRTY;
	fault->mm->rss[MM_ANONPAGES]++;
	page_add_new_anon_rmap(page, fault->vma, fault->addr);
	lru_add_anon(fault->machine, page);
	pte_set(fault->mm, fault->addr, entry,
		pte_of_page(fault->machine, page, bits));
}

/* Nothing is there, and no file behind it. */
static int fault_anonymous(struct vm_fault *fault)
{
	pte_t *entry = pte_alloc(fault->mm, fault->addr);
	struct page *page;

	if (!entry)
		return -ENOMEM;
	if (!fault->write) {
		pte_set(fault->mm, fault->addr, entry,
			pte_of_page(fault->machine, fault->machine->zero_page,
				    vma_page_prot(fault->vma) | PTE_SPECIAL));
		return 0;
	}
	if (UNLIKELY(anon_vma_prepare(fault->vma)))
		return -ENOMEM;
	page = fault_alloc_page(fault);
	if (UNLIKELY(!page))
		return -ENOMEM;
	fault->cost += COST_ZERO_PAGE;
	fault_map_new_anon(fault, entry, page);
	return 0;
}

/* The entry of a small page. */
static int fault_pte(struct vm_fault *fault)
{
	pte_t *entry = pte_find(fault->mm, fault->addr);
	pte_t bits = PTE_ACCESSED;

	if (!entry || pte_is_none(*entry)) {
		if (vma_is_anonymous(fault->vma))
			return fault_anonymous(fault);
		return fault_file(fault);
	}
	if (pte_is_swap(*entry))
		return swap_in_fault(fault, entry);
	if (fault->write) {
		if (!(*entry & PTE_RW))
			return fault_write_protected(fault, entry);
		bits |= PTE_DIRTY;
	}
	pte_set(fault->mm, fault->addr, entry, *entry | bits);
	return 0;
}

/* The level 1 entry, where huge pages are: 1 done, 0 small pages, -ENOMEM. */
static int fault_pmd(struct vm_fault *fault, enum fault_access access)
{
	pte_t *pmd = pmd_alloc(fault->mm, fault->addr);

	if (!pmd)
		return -ENOMEM;
	if (pte_is_none(*pmd)) {
		if (!thp_is_eligible(fault->vma))
			return 0;
		return thp_fault_anonymous(fault->task, fault->vma, fault->addr,
					   access);
	}
	if (!pmd_is_huge(*pmd))
		return 0;
	if (fault->write && !(*pmd & PTE_RW))
		return thp_fault_write(fault->task, fault->vma, fault->addr);
	pmd_set(fault->mm, fault->addr, pmd,
		*pmd | PTE_ACCESSED | (fault->write ? PTE_DIRTY : 0));
	return 1;
}

static int fault_serve(struct vm_fault *fault, enum fault_access access)
{
	int result;

	/* Where a table of pages is, there is no huge page. */
	if (LIKELY((fault->addr & PMD_MASK) == fault->mm->pte_hint_base))
		return fault_pte(fault);
	result = fault_pmd(fault, access);
	if (result)
		return result < 0 ? result : 0;
	return fault_pte(fault);
}

int handle_mm_fault(struct mmsim_task *task, struct vm_area_struct *vma,
		    uintptr_t addr, enum fault_access access, bool is_kernels)
{
	struct vm_fault fault = { .machine = task->machine,
				  .task = task,
				  .mm = vma->mm,
				  .vma = vma,
				  .addr = addr & PAGE_MASK,
				  .write = access == FAULT_WRITE,
				  .cost = COST_MINOR_FAULT };
	int result;

	count_vm_event(task->machine, PGFAULT);
	result = fault_serve(&fault, access);
	clock_charge(task->machine, task, fault.cost);
	if (UNLIKELY(result))
		return result;
	if (UNLIKELY(fault.major))
		count_vm_event(task->machine, PGMAJFAULT);
	if (UNLIKELY(fault.retried))
		count_vm_event(task->machine, PGFAULT);
	/* the kernel begins anew, and the page is there then */
	if (UNLIKELY(fault.retried ? !is_kernels : fault.major))
		task->maj_flt++;
	else
		task->min_flt++;
	return 0;
}

/* --- from the access ------------------------------------------------------------ */

static int tell_signal(struct mmsim_task *task, int sig, uintptr_t addr,
		       int code)
{
	task->fault_addr = addr;
	task->fault_code = code;
	return sig;
}

static bool access_is_allowed(const struct vm_area_struct *vma,
			      enum fault_access access)
{
	static const vm_flags_t needs[] = {
		/* What can be written or executed can be read on x86. */
		[FAULT_READ] = VM_READ | VM_WRITE | VM_EXEC,
		[FAULT_WRITE] = VM_WRITE,
		[FAULT_EXEC] = VM_EXEC,
	};

	return vma->flags & needs[access];
}

/* The area for addr, after a stack was grown to it; NULL: none. */
static struct vm_area_struct *fault_find_vma(struct mmsim_task *task,
					     uintptr_t addr)
{
	struct vm_area_struct *vma = task->mm->vma_hint;

	if (LIKELY(vma && addr >= vma->start && addr < vma->end))
		return vma;
	if (addr >= task->mm->task_size)
		return NULL;
	vma = vma_find(task->mm, addr);
	if (!vma || addr >= vma->start)
		return vma;
	if (!(vma->flags & VM_GROWSDOWN) || expand_stack(task, vma, addr))
		return NULL;
	/* The area may have been merged with its neighbour. */
	return vma_lookup(task->mm, addr);
}

/* No area: where 64-bit addresses are not canonical (bits 63..47 differ), the
 * CPU raises a general protection fault, which does not tell the address. */
static int fault_unmapped(struct mmsim_task *task, uintptr_t addr)
{
	int64_t high = (int64_t)addr >> 47;

	if (task->machine->arch == ARCH_X86_64 && high != 0 && high != -1)
		return tell_signal(task, SIGSEGV, 0, SI_KERNEL);
	return tell_signal(task, SIGSEGV, addr, SEGV_MAPERR);
}

int fault_out_of_memory(struct mmsim_task *task)
{
	if (task->machine->has_panicked)
		return -EIO;
	if (task->state == TASK_RUNNING)
		return -ENOMEM;
	/* The task itself was chosen to die for this page. */
	task->pending_signal = 0;
	return SIGKILL;
}

int handle_page_fault(struct mmsim_task *task, uintptr_t addr,
		      enum fault_access access)
{
	struct mmsim_machine *machine = task->machine;
	struct vm_area_struct *vma;
	int result;

	/* Without a no-execute bit the CPU does not tell fetches from loads. */
	if (access == FAULT_EXEC && machine->arch == ARCH_X86_32)
		access = FAULT_READ;
	vma = fault_find_vma(task, addr);
	if (UNLIKELY(!vma))
		return fault_unmapped(task, addr);
	if (UNLIKELY(!access_is_allowed(vma, access)))
		return tell_signal(task, SIGSEGV, addr, SEGV_ACCERR);
	result = handle_mm_fault(task, vma, addr, access, false);
	if (LIKELY(result == 0)) {
		/* The reserves may serve a task that was killed for it. */
		if (UNLIKELY(task->pending_signal != 0))
			return fault_out_of_memory(task);
		return 0;
	}
	if (result == -ENOMEM)
		return fault_out_of_memory(task);
	return tell_signal(task, SIGBUS, addr, BUS_ADRERR);
}
