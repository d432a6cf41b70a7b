/*
 * types.h: the units and the fixed sizes of the simulated kernel.
 */
#ifndef KERNEL_TYPES_H
#define KERNEL_TYPES_H

#include "base/base.h"

typedef uint64_t pfn_t;      /* number of a page frame */
typedef uint32_t gfp_t;      /* how a page may be got: gfp.h */
typedef uint64_t pte_t;      /* a page table entry: pgtable.h */
typedef uint64_t vm_flags_t; /* VM_ bits: mm.h */
typedef uint64_t nodemask_t; /* bit n: node n */

enum {
	PAGE_SHIFT = 12,
	PMD_SHIFT = 21,
	HPAGE_PMD_ORDER = PMD_SHIFT - PAGE_SHIFT,
	HPAGE_PMD_NR = 1 << HPAGE_PMD_ORDER,
	MAX_ORDER = 11,     /* orders 0..10 */
	PAGEBLOCK_ORDER = 9,
	SECTION_SHIFT = 27, /* 128 MB: sections and memory blocks */
	MAX_NODES = 16,
	MAX_CPUS = 64,
};

#define PAGE_SIZE ((uint64_t)1 << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x) (((x) + PAGE_SIZE - 1) & PAGE_MASK)
#define PMD_SIZE ((uint64_t)1 << PMD_SHIFT)
#define PMD_MASK (~(PMD_SIZE - 1))
#define PAGES_PER_SECTION ((pfn_t)1 << (SECTION_SHIFT - PAGE_SHIFT))
#define MAX_ORDER_NR_PAGES ((pfn_t)1 << (MAX_ORDER - 1))

/* Bytes of a `struct page` of the real kernel: what the memory map of the
 * simulated machine costs. */
#define STRUCT_PAGE_BYTES 64

/* Which kernel's rules hold, oldest first; compare with < and >=. */
enum profile {
	PROFILE_2_6_32,
	PROFILE_3_10,
	PROFILE_6_1,
	PROFILE_6_18,
};

enum arch {
	ARCH_X86_64,
	ARCH_X86_32,     /* 2 levels, 3G/1G, DMA/Normal/HighMem */
	ARCH_X86_32_PAE, /* the same with 3 levels */
};

static inline uint64_t pages_to_kb(uint64_t nr_pages)
{
	return nr_pages << (PAGE_SHIFT - 10);
}

#endif
