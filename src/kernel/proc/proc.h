/*
 * proc.h: the files of /proc and /sys, one table.
 */
#ifndef KERNEL_PROC_PROC_H
#define KERNEL_PROC_PROC_H

#include "base/outbuf.h"
#include "kernel/machine.h"

/* Writes the file's text to `out`; 0 or -errno.  `task` for /proc/PID files,
 * otherwise NULL; `arg` is the table's, or the block of a memoryN. */
struct proc_entry {
	const char *path; /* "/proc/meminfo", "/proc/PID/smaps" */
	int (*show)(struct mmsim_machine *machine, struct mmsim_task *task,
		    struct outbuf *out, const void *arg);
	int (*write)(struct mmsim_machine *machine, struct mmsim_task *task,
		     const char *text, const void *arg);
	const void *arg;
};

/* Tables of the files, each in the file of its subject. */
extern const struct proc_entry proc_machine_entries[]; /* meminfo, vmstat, ... */
extern const struct proc_entry proc_zone_entries[]; /* zoneinfo, buddyinfo, ... */
extern const struct proc_entry proc_slab_entries[]; /* slabinfo, vmallocinfo */
extern const struct proc_entry proc_pid_entries[];  /* maps, smaps, status, ... */
extern const struct proc_entry proc_oom_entries[];  /* oom_score, ... */
extern const struct proc_entry proc_sys_entries[];  /* /sys/... */
extern const struct proc_entry proc_block_entries[]; /* /sys/block/... */
extern const struct proc_entry proc_sysvipc_entries[]; /* sysvipc/shm */
extern const struct proc_entry proc_mounts_entries[]; /* mounts */
extern const struct proc_entry proc_memory_entries[]; /* blocks of memory */
extern const struct proc_entry proc_compaction_entries[]; /* extfrag, ... */
/* Each ends with an entry whose path is NULL. */

/* sys.c: the number of the word that the text is, but for a last '\n';
 * -EINVAL. */
int proc_find_word(const char *const *words, int nr, const char *text);

/* meminfo.c: the figures, for the views too; kB. */
struct meminfo {
	uint64_t total, free, available, buffers, cached, shmem, reclaimable;
	uint64_t swap_total, swap_free;
};
/* "0-2,5", the bits of a mask; "" when there are none. */
void proc_show_list(struct outbuf *out, uint64_t mask);
nodemask_t proc_online_nodes(const struct mmsim_machine *machine);
void meminfo_collect(const struct mmsim_machine *machine, struct meminfo *info);
/* "6.1.0", by the profile. */
const char *proc_release(const struct mmsim_machine *machine);
int proc_show_meminfo(struct mmsim_machine *machine, struct mmsim_task *task,
		      struct outbuf *out, const void *arg);
/* maps.c: the line of an area, as in maps and smaps; and what stands at its end
 * ("" when nothing does). */
void proc_show_vma(struct outbuf *out, struct vm_area_struct *vma);
void proc_show_range(struct outbuf *out, const struct mmsim_machine *machine,
		     uintptr_t start, uintptr_t end, const char *perms,
		     const char *name);
bool proc_has_vsyscall(const struct mmsim_machine *machine);
void proc_show_vsyscall(struct outbuf *out,
			const struct mmsim_machine *machine);
const char *vma_name(const struct vm_area_struct *vma);
/* The path with these characters as \012 and their like, so that none of them
 * looks like the end of the line, or of the word. */
void proc_show_path(struct outbuf *out, const char *path, const char *escaped);
int proc_show_maps(struct mmsim_machine *machine, struct mmsim_task *task,
		   struct outbuf *out, const void *arg);
int proc_show_smaps(struct mmsim_machine *machine, struct mmsim_task *task,
		    struct outbuf *out, const void *arg);
int proc_show_smaps_rollup(struct mmsim_machine *machine,
			   struct mmsim_task *task, struct outbuf *out,
			   const void *arg);
/* status.c */
int proc_show_status(struct mmsim_machine *machine, struct mmsim_task *task,
		     struct outbuf *out, const void *arg);
int proc_show_vmstat(struct mmsim_machine *machine, struct mmsim_task *task,
		     struct outbuf *out, const void *arg);

#endif
