/*
 * vmap.h: the inside of vmalloc.c, for kernel_table.c, kmap.c and the proc
 * file.
 */
#ifndef KERNEL_VMAP_H
#define KERNEL_VMAP_H

#include "base/list.h"
#include "kernel/machine.h"
#include "kernel/vmalloc.h"

enum { KMAP_MAX_SLOTS = 1024 };

struct vmap_area {
	struct list_head link; /* in vmalloc_state.areas, by address */
	uint64_t start, end;   /* with the guard page */
	uint64_t nr_pages;     /* mapped */
	uint64_t phys;         /* of registers */
	bool is_ioremap;       /* the frames are not ours */
};

struct vmalloc_state {
	struct list_head areas;
	uint64_t nr_pages;   /* frames of vmalloc areas */
	uint64_t *top_table; /* the kernel image's: no frame */
	uint64_t nr_table_pages;
	pfn_t kmap_pfn[KMAP_MAX_SLOTS];
	uint32_t kmap_count[KMAP_MAX_SLOTS]; /* 0: free, 1: mapped and unused */
	unsigned last_kmap;
};

/* kernel_table.c: the page table of the kernel's own areas.  0 or -ENOMEM;
 * tables stay once they are made. */
int kernel_table_set(struct mmsim_machine *machine, uint64_t addr, pfn_t pfn);
void kernel_table_clear(struct mmsim_machine *machine, uint64_t addr);
bool kernel_table_find(struct mmsim_machine *machine, uint64_t addr,
		       pfn_t *pfn);

#endif
