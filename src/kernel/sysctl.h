/*
 * sysctl.h: the settings of /proc/sys, one table for the files, the spec's
 * keys and the defaults.
 */
#ifndef KERNEL_SYSCTL_H
#define KERNEL_SYSCTL_H

#include "kernel/zone.h"

/* Values as the files show them. */
struct sysctl_vm {
	int64_t overcommit_memory, overcommit_ratio, overcommit_kbytes;
	int64_t admin_reserve_kbytes, user_reserve_kbytes;
	int64_t min_free_kbytes, watermark_scale_factor, watermark_boost_factor;
	int64_t lowmem_reserve_ratio[MAX_NR_ZONES]; /* of present zones, in order */
	int64_t swappiness, page_cluster;
	int64_t dirty_ratio, dirty_background_ratio, dirty_bytes,
		dirty_background_bytes;
	int64_t dirty_expire_centisecs, dirty_writeback_centisecs;
	int64_t vfs_cache_pressure;
	int64_t max_map_count, mmap_min_addr;
	int64_t oom_kill_allocating_task, oom_dump_tasks, panic_on_oom;
	int64_t percpu_pagelist_high_fraction;
	int64_t legacy_va_layout, zone_reclaim_mode, min_slab_ratio,
		min_unmapped_ratio, extfrag_threshold, stat_interval,
		compaction_proactiveness;
	int64_t randomize_va_space; /* kernel. */
	int64_t pid_max;            /* kernel. */
	int64_t shmmax, shmall, shmmni; /* kernel. */
	int64_t file_max;           /* fs. */
};

struct mmsim_machine;

/* The defaults; needs the profile, the architecture and the number of CPUs. */
void sysctl_init(struct mmsim_machine *machine);
/* Those that follow from the free memory, when the zones have theirs and
 * before the spec's settings: admin_ and user_reserve_kbytes, file-max. */
void sysctl_init_memory(struct mmsim_machine *machine);
/* Memory was plugged in (or taken out): the two reserves follow, but for one
 * that is 0 or at its largest (that would still fit). */
void sysctl_memory_changed(struct mmsim_machine *machine, bool is_more);
/* name: "vm.swappiness" (dots) or "vm/swappiness" (a path below /proc/sys).
 * Text of the value with '\n'; bytes, -ENOENT, -EACCES. */
int sysctl_read(struct mmsim_machine *machine, const char *name, char *buf,
		size_t len);
/* 0, -ENOENT, -EINVAL (not a number, or out of range: nothing changed). */
int sysctl_write(struct mmsim_machine *machine, const char *name,
		 const char *text);
/* The same before boot, for the spec: only checks, and `why` tells the range. */
int sysctl_check(enum profile profile, const char *name, const char *text,
		 char *why, size_t len);
/* Calls visit(name) for each setting, in order. */
void sysctl_for_each(void (*visit)(const char *name, void *arg), void *arg);

#endif
