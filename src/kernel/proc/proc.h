/*
 * proc.h: the files of /proc and /sys, read and written.
 */
#ifndef KERNEL_PROC_PROC_H
#define KERNEL_PROC_PROC_H

#include "base/outbuf.h"
#include "kernel/machine.h"

/* Writes the file's text to `out`; 0 or -errno.  `task` for /proc/PID files,
 * otherwise NULL; `arg` is the file's, or the block of a memoryN, or the node
 * of a nodeN. */
typedef int proc_show(struct mmsim_machine *machine, struct mmsim_task *task,
		      struct outbuf *out, const void *arg);
typedef int proc_write(struct mmsim_machine *machine, struct mmsim_task *task,
		       const char *text, const void *arg);

/* A file that is looked for, and what is known when it is found. */
struct proc_file {
	const char *dir;   /* "/proc/PID": a directory with a number, or "" */
	const char *rest;  /* the path behind it, "/smaps"; or all of it */
	proc_show *show;   /* NULL: it cannot be read */
	proc_write *write; /* NULL: nor written */
	const void *arg;
};

/* Whether `path` is looked for; then the rest is the file's.  A list of such
 * calls stands for a table, because a table of pointers would be relocated at
 * the start of every program. */
bool proc_is(struct proc_file *file, const char *path, proc_show *show,
	     proc_write *write, const void *arg);

/* Whether a file is one of these, each in the file of its subject. */
bool proc_find_machine(struct proc_file *file); /* meminfo, vmstat, ... */
bool proc_find_zone(struct proc_file *file);    /* zoneinfo, buddyinfo, ... */
bool proc_find_slab(struct proc_file *file);    /* slabinfo, vmallocinfo */
bool proc_find_pid(struct proc_file *file);     /* maps, smaps, status, ... */
bool proc_find_oom(struct proc_file *file);     /* oom_score, ... */
bool proc_find_sys(struct proc_file *file);     /* /sys/... */
bool proc_find_block(struct proc_file *file);   /* /sys/block/... */
bool proc_find_sysvipc(struct proc_file *file); /* sysvipc/shm */
bool proc_find_mounts(struct proc_file *file);  /* mounts */
bool proc_find_memory(struct proc_file *file);  /* blocks of memory */
bool proc_find_compaction(struct proc_file *file); /* extfrag, ... */

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
