/*
 * address_map.h: the kernel's own part of the address space, and what may live
 * where.
 */
#ifndef KERNEL_ADDRESS_MAP_H
#define KERNEL_ADDRESS_MAP_H

#include "kernel/machine.h"

enum kernel_area {
	AREA_USER,       /* of the running task */
	AREA_DIRECT_MAP, /* every frame, or those of low memory, at once */
	AREA_VMALLOC,    /* vmalloc, ioremap */
	AREA_VMEMMAP,    /* the page structs (64 bits) */
	AREA_KMAP,       /* frames of high memory, one at a time (32 bits) */
	AREA_FIXMAP,     /* addresses fixed when the kernel is built */
	AREA_TEXT,       /* the kernel image (64 bits) */
	AREA_MODULES,    /* (64 bits) */
	NR_KERNEL_AREAS,
};

struct address_area {
	char name[16];
	char holds[40]; /* what may live there */
	uint64_t start,
		end; /* [start, end); both 0: not in this architecture */
};

/* The area of this machine; the direct map ends where its memory does. */
struct address_area address_map_area(const struct mmsim_machine *machine,
				     enum kernel_area area);
/* Which area an address is in; NR_KERNEL_AREAS: a hole. */
enum kernel_area address_map_find(const struct mmsim_machine *machine,
				  uint64_t addr);
/* The address of a frame in the direct map, 0 for a frame of high memory. */
uint64_t direct_map_address(const struct mmsim_machine *machine, pfn_t pfn);

#endif
