/*
 * spec.h: a machine as a line of text, "ram=1G,swap=512M,nodes=2,seed=7".
 *
 * The one parser for every place where a machine is described.
 */
#ifndef KERNEL_SPEC_H
#define KERNEL_SPEC_H

#include "kernel/zone.h"

enum memory_model { MEMORY_SPARSEMEM, MEMORY_FLATMEM, MEMORY_DISCONTIGMEM };

enum { SPEC_MAX_SYSCTLS = 64, SPEC_MAX_SWAPS = 29 };
#define SPEC_MAX_RAM ((uint64_t)64 << 40) /* 46 bits of physical address */

struct spec_sysctl {
	const char *name; /* points into the spec's text */
	size_t name_len;
	const char *value;
	size_t value_len;
};

struct spec {
	uint64_t ram;  /* bytes; 0: given by `managed` */
	struct spec_swap {
		uint64_t bytes;
		int prio;    /* -1: not given */
		bool is_off; /* the device is there, but no swapon */
	} swaps[SPEC_MAX_SWAPS];
	unsigned nr_swaps;
	struct spec_tmpfs {
		bool is_set;
		unsigned percent; /* of the memory, or 0: */
		uint64_t bytes;   /* 0: no limit */
	} tmp_size, shm_size;
	uint64_t disk_size; /* bytes */
	uint64_t disk_latency_ns, disk_page_ns; /* of a request, of a page */
	unsigned nodes, cpus;
	uint64_t seed;
	enum profile profile;
	enum arch arch;
	int thp; /* enum thp_mode */
	unsigned aslr; /* kernel.randomize_va_space */
	enum memory_model memory_model;
	uint64_t managed[MAX_NR_ZONES], present[MAX_NR_ZONES]; /* pages */
	bool has_managed, has_present;
	uint64_t boot_used; /* pages in use before the first task, in all */
	uint64_t boot_used_of[MAX_NR_ZONES]; /* those of a certain zone */
	struct spec_sysctl sysctls[SPEC_MAX_SYSCTLS];
	unsigned nr_sysctls;
	uint64_t maxmem;       /* bytes that it may have one day */
	unsigned slots;        /* for DIMMs */
	uint64_t memory_block; /* bytes that are switched on and off together */
	/* pages that the kernel gave back when it had booted, after the
	 * watermarks were set: they are in `managed`, but the first watermarks
	 * do not know them */
	uint64_t boot_freed;
	/* managed=, present= and boot_used= node by node ("DMA:3840/DMA32:128864");
	 * the figures above are their sums */
	bool has_node_zones, has_node_boot_used;
	uint64_t node_managed[MAX_NODES][MAX_NR_ZONES];
	uint64_t node_present[MAX_NODES][MAX_NR_ZONES];
	uint64_t node_boot_used[MAX_NODES]; /* those of any zone */
	uint64_t node_boot_used_of[MAX_NODES][MAX_NR_ZONES];
};

/* 0, or -EINVAL and the reason.  `text` must outlive `spec`. */
int spec_parse(const char *text, struct spec *spec, char *why, size_t len);

#endif
