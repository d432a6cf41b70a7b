/*
 * gfp.h: "get free page" flags: which zones a request may use, what it may
 * wait for, and how deep it may dip into the reserves.
 *
 * The values are those of Linux 6.1, because the OOM report prints them.
 * Source: kernel documentation, core-api/memory-allocation and mm-api.
 */
#ifndef KERNEL_GFP_H
#define KERNEL_GFP_H

#include "kernel/types.h"

enum {
	GFP_F_DMA = 0x01,
	GFP_F_HIGHMEM = 0x02,
	GFP_F_DMA32 = 0x04,
	GFP_F_MOVABLE = 0x08,        /* the page can be migrated */
	GFP_F_RECLAIMABLE = 0x10,
	GFP_F_HIGH = 0x20,           /* half of the reserve below min may be used */
	GFP_F_IO = 0x40,
	GFP_F_FS = 0x80,
	GFP_F_ZERO = 0x100,
	GFP_F_ATOMIC = 0x200,        /* cannot sleep: a quarter more */
	GFP_F_DIRECT_RECLAIM = 0x400,
	GFP_F_KSWAPD_RECLAIM = 0x800,
	GFP_F_WRITE = 0x1000,
	GFP_F_NOWARN = 0x2000,
	GFP_F_RETRY_MAYFAIL = 0x4000,
	GFP_F_NOFAIL = 0x8000,
	GFP_F_NORETRY = 0x10000,
	GFP_F_MEMALLOC = 0x20000,    /* all of the reserves may be used */
	GFP_F_COMP = 0x40000,
	GFP_F_NOMEMALLOC = 0x80000,
	GFP_F_HARDWALL = 0x100000,
	GFP_F_THISNODE = 0x200000,
	GFP_F_ACCOUNT = 0x400000,

	GFP_ATOMIC = GFP_F_HIGH | GFP_F_ATOMIC | GFP_F_KSWAPD_RECLAIM,
	GFP_NOWAIT = GFP_F_KSWAPD_RECLAIM,
	GFP_NOIO = GFP_F_DIRECT_RECLAIM | GFP_F_KSWAPD_RECLAIM,
	GFP_NOFS = GFP_NOIO | GFP_F_IO,
	GFP_KERNEL = GFP_NOFS | GFP_F_FS,
	GFP_USER = GFP_KERNEL | GFP_F_HARDWALL,
	GFP_DMA = GFP_F_DMA,
	GFP_DMA32 = GFP_F_DMA32,
	GFP_HIGHUSER = GFP_USER | GFP_F_HIGHMEM,
	GFP_HIGHUSER_MOVABLE = GFP_HIGHUSER | GFP_F_MOVABLE,
	GFP_TRANSHUGE_LIGHT = (GFP_HIGHUSER_MOVABLE | GFP_F_COMP |
			       GFP_F_NOMEMALLOC | GFP_F_NOWARN) &
			      ~(GFP_F_DIRECT_RECLAIM | GFP_F_KSWAPD_RECLAIM),
	GFP_TRANSHUGE = GFP_TRANSHUGE_LIGHT | GFP_F_DIRECT_RECLAIM,
};

enum migratetype {
	MIGRATE_UNMOVABLE,
	MIGRATE_MOVABLE,
	MIGRATE_RECLAIMABLE,
	MIGRATE_PCPTYPES, /* the first three have per-CPU lists */
	MIGRATE_HIGHATOMIC = MIGRATE_PCPTYPES,
	MIGRATE_ISOLATE,
	MIGRATE_TYPES,
};

static inline enum migratetype gfp_migratetype(gfp_t gfp)
{
	if (gfp & GFP_F_MOVABLE)
		return MIGRATE_MOVABLE;
	return gfp & GFP_F_RECLAIMABLE ? MIGRATE_RECLAIMABLE
				       : MIGRATE_UNMOVABLE;
}

#endif
