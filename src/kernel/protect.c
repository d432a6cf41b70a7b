/*
 * protect.c: what an area's flags mean for its entries, and mprotect.
 *
 *   area               entry
 *   private, writable  read-only until the page is known to be the area's own:
 *                      the first store faults (cow.c)
 *   shared, writable   writable; files on disk read-only until the first store
 *   no access          PTE_PROTNONE: the frame stays, the CPU may not use it
 *   not executable     PTE_NX (not in 32 bits without PAE, which has no such
 *                      bit)
 *
 * mprotect changes the entries that are there.  Since 6.0 an anonymous page
 * that only this address space has, and that is dirty, becomes writable at
 * once when the area does; before, every page faulted once more.
 *
 * Source: mprotect(2); Intel SDM volume 3, 4.6; the host's fault counts.
 */
#include "kernel/file.h"
#include "kernel/machine.h"
#include "kernel/pgtable.h"
#include "kernel/rmap.h"

pte_t pgprot_from_vm_flags(vm_flags_t flags)
{
	pte_t bits = PTE_USER | PTE_ACCESSED;

	if (!(flags & VM_ACCESS_FLAGS))
		return PTE_PROTNONE | PTE_ACCESSED | PTE_NX;
	bits |= PTE_PRESENT;
	if ((flags & (VM_WRITE | VM_SHARED)) == (VM_WRITE | VM_SHARED))
		bits |= PTE_RW;
	if (!(flags & VM_EXEC))
		bits |= PTE_NX;
	return bits;
}

pte_t vma_page_prot(const struct vm_area_struct *vma)
{
	pte_t bits = pgprot_from_vm_flags(vma->flags);

	if (vma->mapping && !vma->mapping->is_shmem)
		bits &= ~(pte_t)PTE_RW;
	if (vma->mm->machine->arch == ARCH_X86_32)
		bits &= ~PTE_NX;
	return bits;
}

/* The new rights allow writing although the bits of the area do not. */
static bool may_be_writable(const struct vm_area_struct *vma, pte_t pte,
			    bool huge)
{
	enum profile profile = vma->mm->machine->profile;
	const struct page *page = pte_page(vma->mm->machine, pte);

	if (!(vma->flags & VM_WRITE) || !page || profile < PROFILE_6_1)
		return false;
	if (profile < PROFILE_6_18 && (huge || !(pte & PTE_DIRTY)))
		return false;
	if (vma->flags & VM_SHARED)
		return pte & PTE_DIRTY;
	return page_is_anon(page) && page_has(page, PG_anon_exclusive);
}

static pte_t changed_entry(const struct vm_area_struct *vma, pte_t pte,
			   bool huge)
{
	pte_t kept = PTE_PFN_MASK | PTE_ACCESSED | PTE_DIRTY | PTE_SOFT_DIRTY |
		     PTE_SPECIAL | PTE_PSE;
	pte_t changed = (pte & kept) |
			(vma_page_prot(vma) & ~(pte_t)PTE_ACCESSED);

	if (may_be_writable(vma, pte, huge))
		changed |= PTE_RW;
	return changed;
}

static int change_table(struct pgtable_tables *walk, uintptr_t addr,
			pte_t *entries, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		if (pte_is_present(entries[i]))
			pte_store(walk->mm, addr + i * PAGE_SIZE, &entries[i],
				  changed_entry(walk->arg, entries[i], false));
	return 0;
}

static int change_huge(struct pgtable_tables *walk, uintptr_t start,
		       uintptr_t end, pte_t *pmd)
{
	struct vm_area_struct *vma = walk->arg;

	if (end - start != PMD_SIZE)
		return thp_split_pmd(vma, start) ? -1 : PGTABLE_AGAIN;
	pte_store(walk->mm, start, pmd, changed_entry(vma, *pmd, true));
	return 0;
}

void change_protection(struct vm_area_struct *vma, uintptr_t start,
		       uintptr_t end)
{
	struct pgtable_tables walk = { .mm = vma->mm,
				       .table = change_table,
				       .huge = change_huge,
				       .arg = vma };

	pgtable_for_each_table(&walk, start, end);
	tlb_flush_range(vma->mm, start, end);
}
