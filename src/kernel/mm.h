/*
 * mm.h: an address space (mm_struct) and its areas (vm_area_struct).
 *
 *   mm -+- vmas: a search tree by address; each node knows the largest hole
 *       |        in front of an area of its branch, for mmap's search
 *       +- pgd:  the page table
 *       +- brk, stack, mmap_base: the layout
 *       +- counters: total_vm and its like (pages of areas), rss (pages
 *          present), pgtables_bytes
 *
 *   area -+- file (or a tmpfs object): what stands behind it, from page pgoff
 *         +- anon_vma_chain: the anon_vmas whose pages may be mapped here
 *
 * Sources: mmap(2), proc(5), the kernel's documentation mm/process_addrs.
 */
#ifndef KERNEL_MM_H
#define KERNEL_MM_H

#include "base/list.h"
#include "base/tree.h"
#include "kernel/types.h"

struct mmsim_machine;
struct mmsim_task;
struct mmsim_file;
struct address_space;
struct anon_vma;
struct mempolicy;
struct mmu_notifier;

/* Bits of vma->flags, with Linux's values: /proc/PID/smaps prints them. */
enum {
	VM_READ = 0x1,
	VM_WRITE = 0x2,
	VM_EXEC = 0x4,
	VM_SHARED = 0x8,
	VM_MAYREAD = 0x10,
	VM_MAYWRITE = 0x20,
	VM_MAYEXEC = 0x40,
	VM_MAYSHARE = 0x80,
	VM_GROWSDOWN = 0x100,
	VM_PFNMAP = 0x400,
	VM_LOCKED = 0x2000,
	VM_IO = 0x4000,
	VM_SEQ_READ = 0x8000,
	VM_RAND_READ = 0x10000,
	VM_DONTCOPY = 0x20000,
	VM_DONTEXPAND = 0x40000,
	VM_LOCKONFAULT = 0x80000,
	VM_ACCOUNT = 0x100000, /* charged to Committed_AS */
	VM_NORESERVE = 0x200000,
	VM_SYNC = 0x800000,
	VM_WIPEONFORK = 0x2000000,
	VM_DONTDUMP = 0x4000000,
	VM_SOFTDIRTY = 0x8000000,
	VM_MIXEDMAP = 0x10000000,
	VM_HUGEPAGE = 0x20000000,
	VM_NOHUGEPAGE = 0x40000000,
};
#define VM_MERGEABLE ((vm_flags_t)0x80000000)
#define VM_SPECIAL                                                             \
	((vm_flags_t)(VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP))
#define VM_ACCESS_FLAGS ((vm_flags_t)(VM_READ | VM_WRITE | VM_EXEC))
#define VM_LOCKED_MASK ((vm_flags_t)(VM_LOCKED | VM_LOCKONFAULT))

/* Areas that do not come from mmap have a name in maps. */
enum vma_kind { VMA_PLAIN, VMA_HEAP_IMAGE, VMA_STACK, VMA_VDSO, VMA_VVAR };

struct vm_area_struct {
	uintptr_t start, end; /* [start, end), multiples of PAGE_SIZE */
	struct mm_struct *mm;
	struct tree_node node;  /* in mm->vmas */
	uintptr_t subtree_gap;  /* largest hole in front of an area of the branch */
	vm_flags_t flags;
	enum vma_kind kind;
	uint64_t pgoff; /* page in the file; anonymous: start >> PAGE_SHIFT when made */
	struct mmsim_file *file;       /* NULL: anonymous */
	struct address_space *mapping; /* of the file or the shared object */
	struct list_head mapping_link; /* in mapping->vmas (rmap.c) */
	struct anon_vma *anon_vma;     /* of pages that fault in here; or NULL */
	struct list_head anon_vma_chain; /* of struct anon_vma_chain */
	struct mempolicy *policy;      /* or NULL: the task's */
	uintptr_t gap; /* bytes of the hole in front */
};

/* What RSS is made of, in the order of Linux. */
enum rss_kind {
	MM_FILEPAGES,
	MM_ANONPAGES,
	MM_SWAPENTS,
	MM_SHMEMPAGES,
	NR_MM_COUNTERS,
};

struct mm_struct {
	struct mmsim_machine *machine;
	unsigned users;      /* tasks that use it */
	struct mmsim_task *owner; /* for messages and policies; may be NULL */
	uint64_t asid;       /* names it in the TLBs; never used again */

	struct tree vmas;
	unsigned map_count;
	struct vm_area_struct *vma_hint; /* the last found, or NULL */

	struct page *pgd;       /* the top table (pgtable.c) */
	uint64_t pgtables_bytes;
	uint64_t *pte_hint;     /* the table of 4 KiB pages used last, */
	uintptr_t pte_hint_base; /* and the address it starts at; 1: none */

	uint64_t total_vm, locked_vm, pinned_vm, data_vm, exec_vm, stack_vm;
	uint64_t locked_forgotten; /* of locked_vm: in no locked area (mremap.c) */
	int64_t rss[NR_MM_COUNTERS]; /* pages */
	uint64_t hiwater_rss, hiwater_vm; /* pages */
	vm_flags_t def_flags;   /* of new areas: mlockall(MCL_FUTURE) */

	uintptr_t task_size, mmap_base, mmap_min;
	uintptr_t start_code, end_code, start_data, end_data;
	uintptr_t start_brk, brk, start_stack;
	uintptr_t vdso;
	bool thp_disable;
	bool uses_huge_zero_page;
	bool mmap_is_legacy;        /* mmap searches upwards, */
	uintptr_t mmap_legacy_base; /* from here */
	uintptr_t mmap_end; /* mmap by itself places nothing from here on */
	struct mmu_notifier *notifier; /* or NULL; fork does not hand it on */
};

static inline uint64_t vma_pages(const struct vm_area_struct *vma)
{
	return (vma->end - vma->start) >> PAGE_SHIFT;
}

static inline bool vma_is_anonymous(const struct vm_area_struct *vma)
{
	return !vma->mapping;
}

/* The page of the file (or of the anonymous area) behind an address. */
static inline uint64_t vma_linear_index(const struct vm_area_struct *vma,
					uintptr_t addr)
{
	return vma->pgoff + ((addr - vma->start) >> PAGE_SHIFT);
}

static inline uint64_t mm_rss(const struct mm_struct *mm)
{
	return (uint64_t)(mm->rss[MM_FILEPAGES] + mm->rss[MM_ANONPAGES] +
			  mm->rss[MM_SHMEMPAGES]);
}

/* mm.c: made empty, without areas; NULL when there is no memory. */
struct mm_struct *mm_create(struct mmsim_machine *machine,
			    struct mmsim_task *owner);
/* fork: areas, charges, anon_vmas and page tables.  0 or -ENOMEM; on failure
 * the copy is gone. */
int mm_dup(struct mm_struct *mm, struct mmsim_task *child,
	   struct mm_struct **copy);
void mm_get(struct mm_struct *mm);
/* The last put unmaps everything. */
void mm_put(struct mm_struct *mm);
/* The image of a static program: text, data, bss, stack, vdso (exec.c). */
int exec_map_image(struct mmsim_task *task, struct mm_struct *mm);
/* Where things go in an address space, by architecture and ASLR (layout.c). */
void layout_choose(struct mmsim_task *task, struct mm_struct *mm);

#endif
