/*
 * meminfo.c: /proc/meminfo: where the memory of the machine is.
 *
 * The lines worth knowing by heart, in pages:
 *
 *   MemTotal      the frames that the zones manage
 *   MemFree       on the buddy lists; pages on per-CPU lists are in no line
 *   MemAvailable  MemFree - R + (F - min(F/2, L)) + (K - min(K/2, L)): what a
 *                 new program could get without swapping
 *                   R  what the zones keep back: high + largest protection
 *                   L  the sum of the low watermarks
 *                   F  Active(file) + Inactive(file); tmpfs is not in it
 *                   K  KReclaimable
 *   Cached        page cache with tmpfs and shared memory (Shmem)
 *   CommitLimit   what mode 2 allows; Committed_AS: what was promised
 *
 * The order is Linux's, and so are the lines that are always 0 on a machine
 * like this one.  Older kernels have fewer lines.
 *
 * Simplified: the direct map's 4 KiB part is what does not fill a 2 MiB page,
 * and the first 2 MiB; Linux also splits some for its own text.
 *
 * Sources: proc(5); recordings for the formula of MemAvailable.
 */
#include "kernel/commit.h"
#include "kernel/file_state.h"
#include "kernel/proc/proc.h"
#include "kernel/vmalloc.h"

#include <string.h>

static uint64_t node_kb(const struct mmsim_machine *machine,
			enum node_stat_item item)
{
	return pages_to_kb(vmstat_node_total(machine, item));
}

static uint64_t meminfo_reclaimable(const struct mmsim_machine *machine)
{
	return vmstat_node_total(machine, NR_SLAB_RECLAIMABLE) +
	       vmstat_node_total(machine, NR_KERNEL_MISC_RECLAIMABLE);
}

static uint64_t meminfo_available(const struct mmsim_machine *machine)
{
	uint64_t file = vmstat_node_total(machine, NR_ACTIVE_FILE) +
			vmstat_node_total(machine, NR_INACTIVE_FILE);
	uint64_t slab = meminfo_reclaimable(machine);
	const struct pglist_data *node;
	uint64_t low = 0;
	int64_t available;
	unsigned i;

	for_each_node(machine, node, i)
		for (int z = 0; z < MAX_NR_ZONES; z++)
			low += node->zones[z].watermark[WMARK_LOW];
	available = (int64_t)(vmstat_zone_total(machine, NR_FREE_PAGES) -
			      machine->totalreserve_pages +
			      file - min_size(file / 2, low) +
			      slab - min_size(slab / 2, low));
	return available < 0 ? 0 : (uint64_t)available;
}

void meminfo_collect(const struct mmsim_machine *machine, struct meminfo *info)
{
	info->total = pages_to_kb(machine->totalram_pages);
	info->free = pages_to_kb(vmstat_zone_total(machine, NR_FREE_PAGES));
	info->available = pages_to_kb(meminfo_available(machine));
	info->buffers =
		pages_to_kb(machine->files->bdev->mapping.nr_pages);
	info->cached = node_kb(machine, NR_FILE_PAGES) -
		       node_kb(machine, NR_SWAPCACHE) - info->buffers;
	info->shmem = node_kb(machine, NR_SHMEM);
	info->reclaimable = pages_to_kb(meminfo_reclaimable(machine));
	info->swap_total = pages_to_kb(machine->total_swap_pages);
	info->swap_free = pages_to_kb(machine->nr_swap_pages);
}

/* "Name:          123 kB": the number ends in column 24. */
static void show_kb(struct outbuf *out, const char *name, uint64_t kb)
{
	unsigned width = strlen(name) < 16 ? 8 : 24 - (unsigned)strlen(name);

	outbuf_printf(out, "%-16s", name);
	outbuf_uint_pad(out, kb, width);
	outbuf_str(out, " kB\n");
}

static void show_head(const struct mmsim_machine *machine, struct outbuf *out)
{
	struct meminfo info;

	meminfo_collect(machine, &info);
	show_kb(out, "MemTotal:", info.total);
	show_kb(out, "MemFree:", info.free);
	if (machine->profile > PROFILE_3_10)
		show_kb(out, "MemAvailable:", info.available);
	show_kb(out, "Buffers:", info.buffers);
	show_kb(out, "Cached:", info.cached);
	show_kb(out, "SwapCached:", node_kb(machine, NR_SWAPCACHE));
}

static void show_lru(const struct mmsim_machine *machine, struct outbuf *out)
{
	uint64_t active_anon = node_kb(machine, NR_ACTIVE_ANON);
	uint64_t inactive_anon = node_kb(machine, NR_INACTIVE_ANON);
	uint64_t active_file = node_kb(machine, NR_ACTIVE_FILE);
	uint64_t inactive_file = node_kb(machine, NR_INACTIVE_FILE);

	show_kb(out, "Active:", active_anon + active_file);
	show_kb(out, "Inactive:", inactive_anon + inactive_file);
	show_kb(out, "Active(anon):", active_anon);
	show_kb(out, "Inactive(anon):", inactive_anon);
	show_kb(out, "Active(file):", active_file);
	show_kb(out, "Inactive(file):", inactive_file);
	show_kb(out, "Unevictable:", node_kb(machine, NR_UNEVICTABLE));
	show_kb(out, "Mlocked:",
		pages_to_kb(vmstat_zone_total(machine, NR_MLOCK)));
}

/* Frames above the direct map, in the 32-bit architecture. */
static void show_highmem(const struct mmsim_machine *machine,
			 struct outbuf *out)
{
	const struct pglist_data *node;
	uint64_t free = 0;
	unsigned i;

	if (machine->arch == ARCH_X86_64)
		return;
	for_each_node(machine, node, i)
		free += node->zones[ZONE_HIGHMEM].stat[NR_FREE_PAGES];
	show_kb(out, "HighTotal:", pages_to_kb(machine->totalhigh_pages));
	show_kb(out, "HighFree:", pages_to_kb(free));
	show_kb(out, "LowTotal:",
		pages_to_kb(machine->totalram_pages -
			    machine->totalhigh_pages));
	show_kb(out, "LowFree:",
		pages_to_kb(vmstat_zone_total(machine, NR_FREE_PAGES) - free));
}

static void show_users(const struct mmsim_machine *machine, struct outbuf *out)
{
	show_kb(out, "SwapTotal:", pages_to_kb(machine->total_swap_pages));
	show_kb(out, "SwapFree:", pages_to_kb(machine->nr_swap_pages));
	if (machine->profile >= PROFILE_6_1) {
		show_kb(out, "Zswap:", 0);
		show_kb(out, "Zswapped:", 0);
	}
	show_kb(out, "Dirty:", node_kb(machine, NR_FILE_DIRTY));
	show_kb(out, "Writeback:", node_kb(machine, NR_WRITEBACK));
	show_kb(out, "AnonPages:", node_kb(machine, NR_ANON_MAPPED));
	show_kb(out, "Mapped:", node_kb(machine, NR_FILE_MAPPED));
	show_kb(out, "Shmem:", node_kb(machine, NR_SHMEM));
}

static void show_kernel(const struct mmsim_machine *machine,
			struct outbuf *out)
{
	uint64_t reclaimable = node_kb(machine, NR_SLAB_RECLAIMABLE);
	uint64_t unreclaimable = node_kb(machine, NR_SLAB_UNRECLAIMABLE);

	if (machine->profile >= PROFILE_6_1)
		show_kb(out, "KReclaimable:",
			pages_to_kb(meminfo_reclaimable(machine)));
	show_kb(out, "Slab:", reclaimable + unreclaimable);
	show_kb(out, "SReclaimable:", reclaimable);
	show_kb(out, "SUnreclaim:", unreclaimable);
	show_kb(out, "KernelStack:",
		vmstat_node_total(machine, NR_KERNEL_STACK_KB));
	show_kb(out, "PageTables:", node_kb(machine, NR_PAGETABLE));
	if (machine->profile >= PROFILE_6_1)
		show_kb(out, "SecPageTables:",
			node_kb(machine, NR_SECONDARY_PAGETABLE));
	show_kb(out, "NFS_Unstable:", 0);
	show_kb(out, "Bounce:",
		pages_to_kb(vmstat_zone_total(machine, NR_BOUNCE)));
	show_kb(out, "WritebackTmp:", node_kb(machine, NR_WRITEBACK_TEMP));
	show_kb(out, "CommitLimit:", pages_to_kb(commit_limit(machine)));
	show_kb(out, "Committed_AS:", pages_to_kb(machine->committed_as));
	/* 32 TiB less a byte; in 32 bits 128 MiB less holes and fixed maps. */
	show_kb(out, "VmallocTotal:",
		machine->arch == ARCH_X86_64 ? ((uint64_t)1 << 35) - 1
					     : 122880);
	show_kb(out, "VmallocUsed:", vmalloc_used_kb(machine));
	show_kb(out, "VmallocChunk:", 0);
	if (machine->profile >= PROFILE_6_1)
		show_kb(out, "Percpu:", 0);
	show_kb(out, "HardwareCorrupted:", 0);
}

/* Huge pages are counted by the piece. */
static uint64_t huge_kb(const struct mmsim_machine *machine,
			enum node_stat_item item)
{
	return pages_to_kb(vmstat_node_total(machine, item) * HPAGE_PMD_NR);
}

static void show_huge(const struct mmsim_machine *machine, struct outbuf *out)
{
	if (machine->profile > PROFILE_2_6_32)
		show_kb(out, "AnonHugePages:", huge_kb(machine, NR_ANON_THPS));
	if (machine->profile >= PROFILE_6_1) {
		show_kb(out, "ShmemHugePages:",
			huge_kb(machine, NR_SHMEM_THPS));
		show_kb(out, "ShmemPmdMapped:",
			huge_kb(machine, NR_SHMEM_PMDMAPPED));
		show_kb(out, "FileHugePages:", huge_kb(machine, NR_FILE_THPS));
		show_kb(out, "FilePmdMapped:",
			huge_kb(machine, NR_FILE_PMDMAPPED));
	}
	if (machine->profile >= PROFILE_6_18)
		show_kb(out, "Balloon:", 0);
	outbuf_str(out, "HugePages_Total:       0\n"
			"HugePages_Free:        0\n"
			"HugePages_Rsvd:        0\n"
			"HugePages_Surp:        0\n");
	show_kb(out, "Hugepagesize:",
		machine->arch == ARCH_X86_32 ? 4096 : 2048);
	if (machine->profile >= PROFILE_6_1)
		show_kb(out, "Hugetlb:", 0);
}

/* The direct map of [start, end), in pages of each size; kB. */
struct direct_map {
	uint64_t kb_4k, kb_2m, kb_1g; /* 2m: 4 MiB pages without PAE */
};

/* Whole pages of 2^shift bytes in the range, whose rest is left in front and
 * behind. */
static uint64_t direct_map_take(uint64_t start, uint64_t end, unsigned shift,
				uint64_t *from, uint64_t *to)
{
	uint64_t size = (uint64_t)1 << shift;

	*from = align_up(start, size);
	*to = align_down(end, size);
	if (*from >= *to)
		*from = *to = start;
	return *to - *from;
}

static void direct_map_add(struct direct_map *map, uint64_t start,
			   uint64_t end, enum arch arch)
{
	unsigned shift = arch == ARCH_X86_32 ? 22 : PMD_SHIFT;
	uint64_t from_2m, to_2m, from, to, huge;

	huge = direct_map_take(max_size(start, (uint64_t)1 << shift), end,
			       shift, &from_2m, &to_2m);
	map->kb_4k += (end - start - huge) >> 10;
	if (arch == ARCH_X86_64) {
		uint64_t giant =
			direct_map_take(from_2m, to_2m, 30, &from, &to);

		map->kb_1g += giant >> 10;
		huge -= giant;
	}
	map->kb_2m += huge >> 10;
}

static void show_direct_map(const struct mmsim_machine *machine,
			    struct outbuf *out)
{
	struct direct_map map = {0};
	const struct pglist_data *node;
	uint64_t start = 0, end = 0;
	unsigned i;

	for_each_node(machine, node, i)
		for (int z = 0; z < ZONE_DEVICE; z++) {
			const struct zone *zone = &node->zones[z];

			if (!zone->spanned_pages || z == ZONE_HIGHMEM)
				continue;
			if (zone->start_pfn << PAGE_SHIFT > end + PAGE_SIZE) {
				direct_map_add(&map, start, end,
					       machine->arch);
				start = zone->start_pfn << PAGE_SHIFT;
			}
			end = zone_end_pfn(zone) << PAGE_SHIFT;
		}
	direct_map_add(&map, start, end, machine->arch);
	show_kb(out, "DirectMap4k:", map.kb_4k);
	show_kb(out, machine->arch == ARCH_X86_32 ? "DirectMap4M:"
						  : "DirectMap2M:",
		map.kb_2m);
	if (machine->arch == ARCH_X86_64)
		show_kb(out, "DirectMap1G:", map.kb_1g);
}

int proc_show_meminfo(struct mmsim_machine *machine, struct mmsim_task *task,
		      struct outbuf *out, const void *arg)
{
	(void)task;
	(void)arg;
	show_head(machine, out);
	show_lru(machine, out);
	show_highmem(machine, out);
	show_users(machine, out);
	show_kernel(machine, out);
	show_huge(machine, out);
	show_direct_map(machine, out);
	return 0;
}
