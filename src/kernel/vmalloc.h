/*
 * vmalloc.h: kernel addresses for scattered frames and for device registers.
 */
#ifndef KERNEL_VMALLOC_H
#define KERNEL_VMALLOC_H

#include "kernel/gfp.h"
#include "kernel/types.h"

struct mmsim_machine;

int vmalloc_init(struct mmsim_machine *machine);
void vmalloc_fini(struct mmsim_machine *machine);
/* The kernel address of `size` bytes whose frames lie anywhere; 0: none. */
uint64_t vmalloc(struct mmsim_machine *machine, size_t size);
void vfree(struct mmsim_machine *machine, uint64_t addr);
/* Registers at a physical address; no frame is taken. */
uint64_t ioremap(struct mmsim_machine *machine, uint64_t phys, size_t size);
void iounmap(struct mmsim_machine *machine, uint64_t addr);
/* The frame behind a kernel address of any area; false: nothing is there. */
bool kernel_address_to_pfn(struct mmsim_machine *machine, uint64_t addr,
			   pfn_t *pfn);
uint64_t vmalloc_used_kb(const struct mmsim_machine *machine);
/* Frames that hold tables of the kernel's own areas; not in NR_PAGETABLE. */
uint64_t kernel_table_pages(const struct mmsim_machine *machine);

/* A kernel address for any frame: in the direct map, or for high memory in one
 * of a few slots, until kunmap.  0: all slots are taken (Linux would sleep). */
uint64_t kmap(struct mmsim_machine *machine, pfn_t pfn);
void kunmap(struct mmsim_machine *machine, pfn_t pfn);

#endif
