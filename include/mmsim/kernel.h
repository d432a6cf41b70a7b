/*
 * mmsim/kernel.h: a simulated Linux memory-management kernel, in process.
 *
 * A machine is booted from a line of text, and lives in this process without
 * privilege: it has frames, zones, nodes, tasks with address spaces, and the
 * /proc files that show them.  Nothing of it is the host's but the memory that
 * holds its tables.  Time is virtual, and all chance comes from one seed: the
 * same calls give the same results and the same text, byte for byte.
 *
 * The conventions
 *  - Calls that can fail return 0 (or the asked value) or a negative errno
 *    value, the one that Linux gives; errno itself is never touched.  A call
 *    that failed has changed nothing, but where Linux itself leaves a trace.
 *  - After "Kernel panic" every call gives -EIO; the log stays readable.
 *    Only what tells and changes nothing answers still: the clock, a task's
 *    pid, state and usage, a file's size, mmsim_machine_validate.
 *  - No machine or no task (NULL) gives -EINVAL, no place for a result or for
 *    bytes -EFAULT; calls without a result do nothing.
 *  - A machine and everything on it belongs to one thread at a time.
 *  - PROT_, MAP_, MADV_, MCL_, MREMAP_, MS_, RLIMIT_ are the host's constants.
 *  - A killed task's calls give -ESRCH.
 *
 * Sources of the rules: the section 2 manual pages of the calls, proc(5), the
 * kernel's documentation (admin-guide/mm, admin-guide/sysctl/vm), and
 * recordings of Linux 6.1.
 */
#ifndef MMSIM_KERNEL_H
#define MMSIM_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mmsim_machine;
struct mmsim_task;
struct mmsim_file;

/* --- the machine ---------------------------------------------------------- */

/*
 * Boots the machine that `spec` describes: "ram=1G,swap=512M,nodes=2,seed=7".
 * mmsim(7) lists the keys.  0, -EINVAL (mmsim_spec_check tells why), or
 * -ENOMEM when the host has no room for the tables.
 */
int mmsim_machine_boot(const char *spec, struct mmsim_machine **machine);

/* 0, or -EINVAL and in `why` a sentence that names the key and what is
 * allowed. */
int mmsim_spec_check(const char *spec, char *why, size_t len);

/* Gives back everything, tasks and files too.  NULL is allowed. */
void mmsim_machine_shutdown(struct mmsim_machine *machine);

/*
 * The text of a file of /proc or /sys as Linux would show it now.  Bytes of
 * text; at most len - 1 of them are stored, and a '\0' (so that a call with
 * len 0 tells the size).  -ENOENT, -EACCES (cannot be read), -ESRCH.
 */
ssize_t mmsim_proc_read(struct mmsim_machine *machine, const char *path,
			char *buf, size_t len);

/* Writes `text` to such a file.  -ENOENT, -EACCES, -EINVAL, ... */
int mmsim_proc_write(struct mmsim_machine *machine, const char *path,
		     const char *text);

/*
 * What a tool would print: "free", "free -o" (the old "used"), "numactl
 * --hardware", "slabtop", "top", "pmap PID", "df"; over the intervals of
 * mmsim_trace_start, or since boot, "sar -B" (paging and reclaim), "sar -r",
 * "sar -S", "sar -W" and "vmstat"; and what none prints: "memmap", "tlb" (hits,
 * misses and flushes of each CPU), "paging" (what layouts of page tables cost),
 * "kernelmap" (the kernel's own addresses).  As mmsim_proc_read; -ENOENT for a
 * view that does not exist, -EINVAL for arguments that it has not.
 */
ssize_t mmsim_view(struct mmsim_machine *machine, const char *view, char *buf,
		   size_t len);

/* The kernel log ("dmesg"), oldest line first; as mmsim_proc_read. */
ssize_t mmsim_machine_log(struct mmsim_machine *machine, char *buf, size_t len);

bool mmsim_machine_has_panicked(const struct mmsim_machine *machine);

/* Virtual time since boot, ns. */
uint64_t mmsim_clock_ns(const struct mmsim_machine *machine);

/* Lets `ns` of virtual time pass with all tasks asleep. */
void mmsim_idle(struct mmsim_machine *machine, uint64_t ns);

/*
 * Begins to note what happens to memory, each with its virtual time, the free
 * pages and watermarks of the zone or node, pages on LRU lists and free swap:
 * zones that fall to low and min and rise above high, kswapd woken and resting,
 * direct reclaim, OOM kills.  Every `interval_ns` of virtual time (at least
 * 1000; 0: never) the counters are sampled, for the views "sar" and "vmstat".
 * The last 16384 events and 4096 samples are kept; what was noted before is
 * forgotten.  -EINVAL (interval), -ENOMEM.
 */
int mmsim_trace_start(struct mmsim_machine *machine, uint64_t interval_ns);
/* No more is noted; what was stays readable. */
int mmsim_trace_stop(struct mmsim_machine *machine);
/*
 * A line for each event, the oldest first, below a line of names:
 *
 *   time_ns event where free min low high anon file unevictable swap_free value
 *
 * `where` is "0:DMA32" (a zone), "0" (a node) or "-" (the machine).  Pages;
 * `value` is the order that kswapd or direct reclaim was asked for, the pages that
 * they reclaimed when they end, or the pid that was killed.  As mmsim_proc_read.
 */
ssize_t mmsim_trace_read(struct mmsim_machine *machine, char *buf, size_t len);

/*
 * Proves the books: every frame is in one place, the counters equal what a
 * walk finds, page tables and reverse maps are inverse of each other.  0, or
 * -1 and the first thing found wrong.  Debug builds of level 2 do it after
 * every call.
 */
int mmsim_machine_validate(struct mmsim_machine *machine, char *why,
			   size_t len);

/* --- memory that comes and goes --------------------------------------------- */

/*
 * Plugs in a DIMM of `bytes` bytes on a node; *id (NULL is allowed) tells its
 * slot.  Its blocks appear in /sys/devices/system/memory, offline unless
 * auto_online_blocks says otherwise, and are switched on by writing online,
 * online_kernel or online_movable to memoryN/state, off by writing offline.
 * -EINVAL: no such node, or no multiple of the block's size (128M;
 * memory_block= in the spec); -ENOSPC: no slot or no room is left (slots=,
 * maxmem=); -ENOMEM: no memory for the struct pages of its frames.
 */
int mmsim_dimm_add(struct mmsim_machine *machine, uint64_t bytes,
		   unsigned node, int *id);

/* Takes the DIMM out.  -ENODEV: there is none in this slot; -EBUSY: a block of
 * it is online. */
int mmsim_dimm_remove(struct mmsim_machine *machine, int id);

/*
 * What writing "offline" to memoryN/state does, with a limit: when pages of the
 * block cannot be moved, Linux tries again and again until a signal comes; here
 * it comes after `timeout_ns` of virtual time (10 s for the file).  -ENOENT: no
 * such block; -EINVAL: it is not online, or has holes, or pages of several
 * zones; -EBUSY: something in it can never be moved; -EINTR: the signal came.
 * After an error the block is online as before, and nothing is lost.
 */
int mmsim_memory_offline(struct mmsim_machine *machine, uint64_t block,
			 uint64_t timeout_ns);

/* --- tasks ---------------------------------------------------------------- */

/*
 * Starts a task from the image of a small static program, as a child of init.
 * Nothing of it is resident.  -EAGAIN: no pid left; -ENOMEM.
 */
int mmsim_task_spawn(struct mmsim_machine *machine, const char *comm,
		     struct mmsim_task **task);

/* fork(2): the child shares every page for copy-on-write. */
int mmsim_task_fork(struct mmsim_task *task, struct mmsim_task **child);

/* vfork(2): the child uses the parent's address space until it exits. */
int mmsim_task_vfork(struct mmsim_task *task, struct mmsim_task **child);

/* exit(2); the handle stays valid until mmsim_task_put or the shutdown. */
void mmsim_task_exit(struct mmsim_task *task, int status);

/* kill(2) by a signal that is not caught. */
void mmsim_task_kill(struct mmsim_task *task, int sig);

/* The caller forgets a task that is dead. */
void mmsim_task_put(struct mmsim_task *task);

/* NULL when there is none, or it is dead. */
struct mmsim_task *mmsim_task_find(struct mmsim_machine *machine, int pid);

int mmsim_task_pid(const struct mmsim_task *task);
bool mmsim_task_is_alive(const struct mmsim_task *task);

/* The status that wait(2) would give, for WIFEXITED and its like; -1 while
 * the task is alive. */
int mmsim_task_wait_status(const struct mmsim_task *task);

/* The task was chosen by the OOM killer. */
bool mmsim_task_is_oom_victim(const struct mmsim_task *task);

/* The operator's hand, not the task's own: any uid may become any other. */
int mmsim_task_set_uid(struct mmsim_task *task, uid_t uid);
int mmsim_task_set_nice(struct mmsim_task *task, int nice); /* -20..19 */
int mmsim_task_set_cpu(struct mmsim_task *task, unsigned cpu);
int mmsim_task_set_thp_disable(struct mmsim_task *task, bool disable);

/* prlimit(2), bytes or as the resource has it; RLIM_INFINITY is ~0. */
int mmsim_task_set_rlimit(struct mmsim_task *task, int resource, uint64_t soft,
			  uint64_t hard);
int mmsim_task_get_rlimit(const struct mmsim_task *task, int resource,
			  uint64_t *soft, uint64_t *hard);

struct mmsim_usage {
	uint64_t min_flt, maj_flt; /* faults, as in getrusage(2) */
	uint64_t maxrss_kb;
	uint64_t utime_ns, stime_ns; /* virtual time outside and inside the kernel */
};

void mmsim_task_usage(const struct mmsim_task *task, struct mmsim_usage *usage);

/* Lets the task compute for `ns` of virtual time. */
void mmsim_task_run(struct mmsim_task *task, uint64_t ns);

/* --- memory: the system calls ------------------------------------------------ */

/* The address, or -errno. */
intptr_t mmsim_mmap(struct mmsim_task *task, uintptr_t addr, size_t len,
		    int prot, int flags, struct mmsim_file *file, off_t offset);
int mmsim_munmap(struct mmsim_task *task, uintptr_t addr, size_t len);
int mmsim_mprotect(struct mmsim_task *task, uintptr_t addr, size_t len,
		   int prot);
intptr_t mmsim_mremap(struct mmsim_task *task, uintptr_t addr, size_t old_len,
		      size_t new_len, int flags, uintptr_t new_addr);
int mmsim_madvise(struct mmsim_task *task, uintptr_t addr, size_t len,
		  int advice);
int mmsim_mlock(struct mmsim_task *task, uintptr_t addr, size_t len);
int mmsim_mlock2(struct mmsim_task *task, uintptr_t addr, size_t len,
		 unsigned flags);
int mmsim_munlock(struct mmsim_task *task, uintptr_t addr, size_t len);
int mmsim_mlockall(struct mmsim_task *task, int flags);
int mmsim_munlockall(struct mmsim_task *task);
int mmsim_msync(struct mmsim_task *task, uintptr_t addr, size_t len, int flags);
/* One byte a page; bit 0 says that it is in core. */
int mmsim_mincore(struct mmsim_task *task, uintptr_t addr, size_t len,
		  unsigned char *vec);
/* The break after the call, which is the old one when it could not be moved
 * (the raw system call's rule); 0 asks. */
intptr_t mmsim_brk(struct mmsim_task *task, uintptr_t brk);

/* Memory policies; `nodemask` has bit n for node n.  Modes and flags are those
 * of <linux/mempolicy.h>. */
int mmsim_set_mempolicy(struct mmsim_task *task, int mode, uint64_t nodemask);
int mmsim_get_mempolicy(struct mmsim_task *task, int *mode, uint64_t *nodemask,
			uintptr_t addr, unsigned flags);
int mmsim_mbind(struct mmsim_task *task, uintptr_t addr, size_t len, int mode,
		uint64_t nodemask, unsigned flags);
/*
 * move_pages(2) of one's own pages.  With `nodes` NULL, status[i] tells the node
 * of page i; else that page goes to nodes[i] first.  A negative status: -EFAULT
 * no area there, -ENOENT nothing there, -EACCES others have the page as well.  0;
 * how many pages could not be moved, with what stands behind them; -EINVAL,
 * -EPERM (flags), -ENODEV (no such node, or without memory), -ENOMEM.
 */
int mmsim_move_pages(struct mmsim_task *task, size_t count,
		     const uintptr_t *pages, const int *nodes, int *status,
		     unsigned flags);
/* migrate_pages(2): all pages on the old nodes go to the new ones.  How many
 * could not be moved; -EINVAL: no new node has memory; -ENOMEM. */
int mmsim_migrate_pages(struct mmsim_task *task, uint64_t old_nodes,
			uint64_t new_nodes);

/* --- System V shared memory ------------------------------------------------------ */

/*
 * shmget(2), shmat(2), shmdt(2), shmctl(2) with the constants and structures of
 * <sys/shm.h>.  A segment lives until it was removed (IPC_RMID) and the last
 * area of it is gone; /proc/sysvipc/shm shows all of them.  `size` is in bytes
 * and is promised (Committed_AS) from shmget on, unless SHM_NORESERVE is given;
 * times are s since boot, and the group of a task is its uid.
 *
 * mmsim_shmget: the id, or -EINVAL (size), -ENOENT, -EEXIST, -EACCES, -ENOSPC
 * (kernel.shmall, kernel.shmmni), -ENOMEM.
 * mmsim_shmat: the address, or -EINVAL (id, address), -EIDRM (profiles before
 * linux-6.1), -EACCES, -ENOMEM.
 * mmsim_shmctl: `buf` is a struct shmid_ds, shminfo or shm_info.  0, for
 * IPC_INFO and SHM_INFO the highest index, for SHM_STAT the id, or -EINVAL,
 * -EIDRM, -EACCES, -EPERM, -EFAULT, -ENOMEM (SHM_LOCK: RLIMIT_MEMLOCK).
 */
int mmsim_shmget(struct mmsim_task *task, int key, size_t size, int flags);
intptr_t mmsim_shmat(struct mmsim_task *task, int id, uintptr_t addr,
		     int flags);
int mmsim_shmdt(struct mmsim_task *task, uintptr_t addr);
int mmsim_shmctl(struct mmsim_task *task, int id, int cmd, void *buf);

/* --- swap ------------------------------------------------------------------------ */

/*
 * swapon(2) and swapoff(2).  `path` is a device of the spec's swap= (/dev/vdb,
 * /dev/vdc, ...) or a file on the simulated disk without holes, which cannot be
 * written, cut (-ETXTBSY) or removed (-EPERM) while it is an area.  `flags` as in
 * <sys/swap.h>: SWAP_FLAG_PREFER with a priority, or 0.
 *
 * mmsim_swapon: 0, or -EINVAL (flags; not a device or file that can be one),
 * -EPERM (not root, or 29 areas are there), -EFAULT, -ENOENT, -EBUSY (it is an
 * area already), -ENOMEM.
 * mmsim_swapoff: 0, all pages are back in memory; or -EPERM, -EFAULT, -ENOENT,
 * -EINVAL (it is no area), -ENOMEM: there is no room for them, the area is in
 * use as before and nothing is lost.
 */
int mmsim_swapon(struct mmsim_task *task, const char *path, int flags);
int mmsim_swapoff(struct mmsim_task *task, const char *path);

/* --- memory: loads and stores -------------------------------------------------- */

/*
 * What a load (write 0) or store (write 1) of each page of the range does.
 * 0, or the signal that it earns: SIGSEGV, SIGBUS, or SIGKILL when the OOM
 * killer took the task.  The task itself lives on after SIGSEGV and SIGBUS, as
 * with a handler.  Negative: the task is dead (-ESRCH), the machine has
 * panicked (-EIO).
 */
int mmsim_access(struct mmsim_task *task, uintptr_t addr, size_t len,
		 int write);
/* An instruction fetch. */
int mmsim_fetch(struct mmsim_task *task, uintptr_t addr, size_t len);

/* The same, with the bytes; a range that faults in its middle has been copied
 * up to there. */
int mmsim_load(struct mmsim_task *task, uintptr_t addr, void *dst, size_t len);
int mmsim_store(struct mmsim_task *task, uintptr_t addr, const void *src,
		size_t len);

/* Of the last SIGSEGV or SIGBUS: si_addr and si_code (SEGV_MAPERR, ...). */
int mmsim_task_fault_info(const struct mmsim_task *task, uintptr_t *addr,
			  int *code);

/* --- files ---------------------------------------------------------------------- */

/*
 * Makes a file of `bytes` bytes on the simulated disk, or on tmpfs under /tmp
 * and /dev/shm, nothing of it cached or dirty, and opens it for reading and
 * writing.  -EEXIST, -EINVAL (path, size), -ENAMETOOLONG, -EISDIR, -EFBIG,
 * -ENOSPC (the disk; too many files on tmpfs), -ENOMEM.
 */
int mmsim_file_create(struct mmsim_machine *machine, const char *path,
		      off_t bytes, struct mmsim_file **file);
/*
 * open(2) with O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_DIRECT,
 * O_DSYNC, O_SYNC.  /dev/vda is the disk itself, which root may read.  -ENOENT,
 * -EEXIST, -EINVAL (access mode; O_DIRECT on tmpfs before linux-6.18),
 * -ENAMETOOLONG, -EISDIR, -ENFILE (fs.file-max), -ENOSPC, -EACCES, -EBUSY
 * (/dev/vda, swap devices), -ETXTBSY (O_TRUNC of a swap area), -ENOMEM.
 */
int mmsim_open(struct mmsim_task *task, const char *path, int flags,
	       struct mmsim_file **file);
/* The handle is gone; areas keep the file.  -EBADF (NULL). */
int mmsim_close(struct mmsim_file *file);
/*
 * pread(2) and pwrite(2): the bytes that were moved, fewer than asked for at the
 * end of the file, or when the disk is full in the middle.  -EBADF (how it was
 * opened), -EINVAL (offset; with O_DIRECT buffer, offset and length are multiples
 * of 512), -EFAULT, -EFBIG (RLIMIT_FSIZE, or no file can be so long), -ENOSPC,
 * -ETXTBSY (a swap area), -ENOMEM.
 */
ssize_t mmsim_pread(struct mmsim_task *task, struct mmsim_file *file, void *buf,
		    size_t len, off_t offset);
ssize_t mmsim_pwrite(struct mmsim_task *task, struct mmsim_file *file,
		     const void *buf, size_t len, off_t offset);
/*
 * posix_fadvise(2): POSIX_FADV_NORMAL, _SEQUENTIAL, _RANDOM, _WILLNEED, _DONTNEED,
 * _NOREUSE for len bytes (0: up to the end).  -EBADF, -EINVAL (advice, len < 0).
 */
int mmsim_fadvise(struct mmsim_task *task, struct mmsim_file *file,
		  off_t offset, off_t len, int advice);
/* ftruncate(2), in bytes.  -EBADF, -EINVAL (size; not open for writing), -EFBIG,
 * -ETXTBSY (a swap area). */
int mmsim_ftruncate(struct mmsim_file *file, off_t bytes);
/* fsync(2): what is dirty is on the disk when it returns.  0, or -EBADF. */
int mmsim_fsync(struct mmsim_task *task, struct mmsim_file *file);
/* The same for all files. */
void mmsim_sync(struct mmsim_machine *machine);
/* The name is gone, the file with its last open file and area.  -ENOENT, -EPERM
 * (a swap area, /dev/vda), and those of paths. */
int mmsim_unlink(struct mmsim_machine *machine, const char *path);
/* Bytes.  -EBADF. */
off_t mmsim_file_size(const struct mmsim_file *file);
/* st_blocks of stat(2): what it takes of its file system, in blocks of 512
 * bytes; holes take nothing.  -EBADF. */
off_t mmsim_file_blocks(const struct mmsim_file *file);

/* --- replacement policies ----------------------------------------------------------- */

/*
 * A cache of page numbers under a policy of replacement, outside of any
 * machine: the same trace can be given to each of them.
 *
 *   "lru"        one list in the order of last use
 *   "two-lists"  Linux's active and inactive list, with refault distances
 *   "young-old"  InnoDB's list with a midpoint; settings "old_blocks_pct" (the
 *                old part's share, 5..95 %, 37 by default) and "old_blocks_time"
 *                (ms from a page's first use to the one that makes it young,
 *                1000 by default, 0: the first use does)
 *
 * Sources: MySQL reference manual, "Buffer Pool"; the kernel's documentation,
 * admin-guide/mm/concepts.
 */
struct mmsim_replacement;

#define MMSIM_NO_PAGE UINT64_MAX

/* With room for `capacity` pages.  0, -EINVAL (policy, capacity 0), -ENOMEM. */
int mmsim_replacement_create(const char *policy, size_t capacity,
			     struct mmsim_replacement **cache);
void mmsim_replacement_destroy(struct mmsim_replacement *cache);
/* A setting.  0, -ENOENT (the policy has none of this name), -EINVAL. */
int mmsim_replacement_set(struct mmsim_replacement *cache, const char *name,
			  uint64_t value);
/*
 * Page `page` is used at `time_ns`, or, with `is_readahead`, read ahead without
 * being used.  1: it was there; 0: it was not, and is now; *evicted (NULL is
 * allowed) is the page that went for it, or MMSIM_NO_PAGE.  -EINVAL: the time is
 * before that of the last access, or the page is MMSIM_NO_PAGE; -ENOMEM.
 */
int mmsim_replacement_access(struct mmsim_replacement *cache, uint64_t page,
			     uint64_t time_ns, bool is_readahead,
			     uint64_t *evicted);
/* The page is there; no use. */
bool mmsim_replacement_has(const struct mmsim_replacement *cache,
			   uint64_t page);
/*
 * The hit rates of all policies on a number of traces: a working set alone, with
 * useless read-ahead, with scans, moving, and a loop that does not fit.
 * As mmsim_proc_read; -ENOMEM.
 */
ssize_t mmsim_replacement_table(uint64_t seed, char *buf, size_t len);

#ifdef __cplusplus
}
#endif
#endif
