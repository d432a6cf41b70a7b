/*
 * view_paging.c: addresses and how they are translated: "tlb", what the TLBs of
 * this machine did; "kernelmap", where its kernel keeps what; "paging", what page
 * tables of several layouts would cost.
 *
 * The bytes are those of all tables for 1 page, for 1 GiB in one piece, and
 * for every address there is.
 */
#include "kernel/address_map.h"
#include "kernel/machine.h"
#include "kernel/paging_figures.h"
#include "kernel/tlb.h"
#include "kernel/view.h"

#include <errno.h>

/* The counters of one CPU: hits, misses, flushes of a page, and of all. */
static void tlb_row(struct outbuf *out, unsigned cpu, const uint64_t counts[4])
{
	outbuf_printf(out, "%4u %16lu %16lu %16lu %16lu\n", cpu,
		      (unsigned long)counts[0], (unsigned long)counts[1],
		      (unsigned long)counts[2], (unsigned long)counts[3]);
}

int view_tlb(struct mmsim_machine *machine, struct outbuf *out,
	     const char *args)
{
	if (*args)
		return -EINVAL;
	outbuf_printf(out, "%4s %16s %16s %16s %16s\n", "cpu", "hits", "misses",
		      "page flushes", "full flushes");
	for (unsigned cpu = 0; cpu < machine->nr_cpus; cpu++) {
		const struct tlb *tlb = machine->tlbs[cpu];
		uint64_t counts[4] = {0};

		if (tlb) { /* the CPU was used */
			counts[0] = tlb->nr_hits;
			counts[1] = tlb->nr_misses;
			counts[2] = tlb->nr_page_flushes;
			counts[3] = tlb->nr_flushes;
		}
		tlb_row(out, cpu, counts);
	}
	return 0;
}

int view_kernelmap(struct mmsim_machine *machine, struct outbuf *out,
		   const char *args)
{
	if (*args)
		return -EINVAL;
	outbuf_printf(out, "%-16s %-16s %14s %-12s %s\n", "start", "end", "kB",
		      "area", "holds");
	for (unsigned i = 0; i < NR_KERNEL_AREAS; i++) {
		struct address_area area =
			address_map_area(machine, (enum kernel_area)i);

		if (area.end == area.start)
			continue;
		outbuf_printf(out, "%016lx %016lx %14lu %-12s %s\n",
			      (unsigned long)area.start, (unsigned long)area.end,
			      (unsigned long)((area.end - area.start) / KIB),
			      area.name, area.holds);
	}
	return 0;
}

static void paging_row(struct outbuf *out, const struct paging_layout *layout)
{
	outbuf_printf(out, "%-20s %7u %8u %12lu %12lu %20lu\n", layout->name,
		      paging_address_bits(layout), paging_accesses(layout),
		      (unsigned long)paging_bytes_for_range(layout, 0, 1),
		      (unsigned long)paging_bytes_for_range(layout, 0, GIB),
		      (unsigned long)paging_bytes_full(layout));
}

int view_paging(struct mmsim_machine *machine, struct outbuf *out,
		const char *args)
{
	(void)machine;
	if (*args)
		return -EINVAL;
	outbuf_printf(out, "%-20s %7s %8s %12s %12s %20s\n", "layout", "bits",
		      "accesses", "1 page", "1 GiB", "every address");
	for (unsigned i = 0; i < NR_PAGING_LAYOUTS; i++)
		paging_row(out, &paging_layouts[i]);
	return 0;
}
