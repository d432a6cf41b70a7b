/*
 * view_paging.c: how addresses are translated: "tlb", what the TLBs of this
 * machine did; "paging", what page tables of several layouts would cost.
 *
 * The bytes are those of all tables for 1 page, for 1 GiB in one piece, and
 * for every address there is.
 */
#include "kernel/machine.h"
#include "kernel/paging_figures.h"
#include "kernel/tlb.h"
#include "kernel/view.h"

#include <errno.h>

int view_tlb(struct mmsim_machine *machine, struct outbuf *out,
	     const char *args)
{
	if (*args)
		return -EINVAL;
	outbuf_printf(out, "%4s %16s %16s %16s %16s\n", "cpu", "hits", "misses",
		      "page flushes", "full flushes");
	for (unsigned cpu = 0; cpu < machine->nr_cpus; cpu++) {
		static const struct tlb unused;
		const struct tlb *tlb = machine->tlbs[cpu];

		if (!tlb)
			tlb = &unused;
		outbuf_printf(out, "%4u %16lu %16lu %16lu %16lu\n", cpu,
			      (unsigned long)tlb->nr_hits,
			      (unsigned long)tlb->nr_misses,
			      (unsigned long)tlb->nr_page_flushes,
			      (unsigned long)tlb->nr_flushes);
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
