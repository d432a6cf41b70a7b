/*
 * address_map.c: where the kernel keeps what.
 *
 *   64 bits (4 levels)                      32 bits, 3G/1G
 *   0000000000000000 user        128 TB     00000000 user          3 GB
 *   ffff888000000000 direct map   64 TB     c0000000 direct map  896 MB
 *   ffffc90000000000 vmalloc      32 TB              8 MB hole
 *   ffffea0000000000 page structs  1 TB     f8800000 vmalloc   ~ 112 MB
 *   ffffffff80000000 kernel text 512 MB     ff800000 kmap      4 MB (PAE 2 MB)
 *   ffffffffa0000000 modules    1520 MB     fff16000 fixmap    932 kB
 *   ffffffffff578000 fixmap
 *
 * The direct map is one straight mapping of memory from frame 0 on, made at
 * boot: kmalloc takes frames from it and needs no table.  In 64 bits all memory
 * fits. In 32 bits the first 896 MB do; the rest ("high memory") has no kernel
 * address until kmap gives it one of a few slots, so that only user pages and
 * page cache live there.  vmalloc and ioremap share one area and map what they
 * need.
 *
 * Simplified: kernel stacks, which are in the vmalloc area in 64 bits, take their
 * frames but no addresses.
 *
 * Sources: kernel documentation, x86/x86_64/mm and mm/highmem; the "virtual
 * kernel memory layout" that 32-bit kernels print at boot.
 */
#include "kernel/address_map.h"

#define LOWMEM_MAX ((uint64_t)896 * MIB)
#define VMALLOC_HOLE ((uint64_t)8 * MIB)

enum {
	MAP_PAGE_OFFSET_32 = 0xc0000000u,
	MAP_KMAP_START_32 = 0xff800000u,
	MAP_KMAP_START_PAE = 0xffa00000u,
	MAP_KMAP_END_32 = 0xffc00000u,
	MAP_FIXMAP_START_32 = 0xfff16000u,
	MAP_FIXMAP_END_32 = 0xfffff000u,
};

static const struct address_area map_64[NR_KERNEL_AREAS] = {
	[AREA_USER] = {"user", "the running task's areas", 0,
		       UINT64_C(0x0000800000000000)},
	[AREA_DIRECT_MAP] = {"direct map", "all frames; kmalloc, slabs",
			     UINT64_C(0xffff888000000000),
			     UINT64_C(0xffffc88000000000)},
	[AREA_VMALLOC] = {"vmalloc", "vmalloc, ioremap",
			  UINT64_C(0xffffc90000000000),
			  UINT64_C(0xffffe90000000000)},
	[AREA_VMEMMAP] = {"vmemmap", "page structs",
			  UINT64_C(0xffffea0000000000),
			  UINT64_C(0xffffeb0000000000)},
	[AREA_TEXT] = {"kernel text", "the kernel image",
		       UINT64_C(0xffffffff80000000),
		       UINT64_C(0xffffffffa0000000)},
	[AREA_MODULES] = {"modules", "modules", UINT64_C(0xffffffffa0000000),
			  UINT64_C(0xffffffffff000000)},
	[AREA_FIXMAP] = {"fixmap", "fixed slots: APIC, early ioremap",
			 UINT64_C(0xffffffffff578000),
			 UINT64_C(0xffffffffff600000)},
};

static bool map_is_32(const struct mmsim_machine *machine)
{
	return machine->arch != ARCH_X86_64;
}

static uint64_t lowmem_bytes(const struct mmsim_machine *machine)
{
	uint64_t bytes = machine->max_pfn << PAGE_SHIFT;

	return map_is_32(machine) && bytes > LOWMEM_MAX ? LOWMEM_MAX : bytes;
}

static struct address_area area_32(const struct mmsim_machine *machine,
				   enum kernel_area area)
{
	uint64_t high = MAP_PAGE_OFFSET_32 + lowmem_bytes(machine);
	uint64_t kmap = machine->arch == ARCH_X86_32_PAE ? MAP_KMAP_START_PAE
							 : MAP_KMAP_START_32;

	switch (area) {
	case AREA_USER:
		return (struct address_area){"user", "the running task's areas",
					     0, MAP_PAGE_OFFSET_32};
	case AREA_DIRECT_MAP:
		return (struct address_area){"lowmem",
					     "low frames; kmalloc, slabs",
					     MAP_PAGE_OFFSET_32, high};
	case AREA_VMALLOC:
		return (struct address_area){"vmalloc", "vmalloc, ioremap",
					     align_up(high, VMALLOC_HOLE) +
						     VMALLOC_HOLE,
					     kmap - 2 * PAGE_SIZE};
	case AREA_KMAP:
		return (struct address_area){"pkmap", "frames of high memory",
					     kmap, MAP_KMAP_END_32};
	case AREA_FIXMAP:
		return (struct address_area){
			"fixmap", "fixed slots: APIC, kmap_atomic",
			MAP_FIXMAP_START_32, MAP_FIXMAP_END_32};
	default:
		return (struct address_area){"", "", 0, 0};
	}
}

struct address_area address_map_area(const struct mmsim_machine *machine,
				     enum kernel_area area)
{
	struct address_area result;

	if (map_is_32(machine))
		return area_32(machine, area);
	result = map_64[area];
	if (area == AREA_DIRECT_MAP)
		result.end = result.start + lowmem_bytes(machine);
	return result;
}

enum kernel_area address_map_find(const struct mmsim_machine *machine,
				  uint64_t addr)
{
	for (unsigned i = 0; i < NR_KERNEL_AREAS; i++) {
		struct address_area area =
			address_map_area(machine, (enum kernel_area)i);

		if (addr >= area.start && addr < area.end)
			return (enum kernel_area)i;
	}
	return NR_KERNEL_AREAS;
}

uint64_t direct_map_address(const struct mmsim_machine *machine, pfn_t pfn)
{
	uint64_t phys = pfn << PAGE_SHIFT;

	if (phys >= lowmem_bytes(machine))
		return 0;
	return (map_is_32(machine) ? (uint64_t)MAP_PAGE_OFFSET_32
				   : map_64[AREA_DIRECT_MAP].start) +
	       phys;
}
