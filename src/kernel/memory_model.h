/*
 * memory_model.h: what the memory map costs when physical memory has holes.
 */
#ifndef KERNEL_MEMORY_MODEL_H
#define KERNEL_MEMORY_MODEL_H

#include "kernel/spec.h"

/* Pages that the struct pages take in this model; the ranges are in order,
 * apart from each other, but for DISCONTIGMEM's, one a node. */
uint64_t memory_model_map_pages(enum memory_model model,
				const struct memory_range *map,
				unsigned nr_ranges);
/* The same of a machine, by its zones' present frames. */
uint64_t memory_model_machine_pages(const struct mmsim_machine *machine,
				    enum memory_model model);

/* SPARSEMEM: the section of a frame, and whether it has any memory. */
static inline uint64_t memory_section_of(pfn_t pfn)
{
	return pfn / PAGES_PER_SECTION;
}
bool memory_section_is_present(const struct mmsim_machine *machine,
			       uint64_t section);

#endif
