/*
 * view.h: what a tool would print, for mmsim_view.
 */
#ifndef KERNEL_VIEW_H
#define KERNEL_VIEW_H

#include "base/outbuf.h"
#include "kernel/machine.h"

/* `args` is what stands behind the tool's name, "" when nothing does; 0 or
 * -errno.  view_memory.c: */
int view_free(struct mmsim_machine *machine, struct outbuf *out,
	      const char *args);
int view_numactl(struct mmsim_machine *machine, struct outbuf *out,
		 const char *args);
/* view_task.c: */
int view_top(struct mmsim_machine *machine, struct outbuf *out,
	     const char *args);
int view_pmap(struct mmsim_machine *machine, struct outbuf *out,
	      const char *args);
/* view_paging.c: */
int view_tlb(struct mmsim_machine *machine, struct outbuf *out,
	     const char *args);
int view_kernelmap(struct mmsim_machine *machine, struct outbuf *out,
		   const char *args);
int view_paging(struct mmsim_machine *machine, struct outbuf *out,
		const char *args);
/* view_memmap.c: */
int view_memmap(struct mmsim_machine *machine, struct outbuf *out,
		const char *args);
/* view_sar.c: */
int view_sar(struct mmsim_machine *machine, struct outbuf *out,
	     const char *args);
int view_vmstat(struct mmsim_machine *machine, struct outbuf *out,
		const char *args);
/* proc/mounts.c: */
int view_df(struct mmsim_machine *machine, struct outbuf *out,
	    const char *args);
/* proc/slab.c: */
int view_slabtop(struct mmsim_machine *machine, struct outbuf *out,
		 const char *args);

#endif
