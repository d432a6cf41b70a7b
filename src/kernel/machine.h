/*
 * machine.h: the machine: everything hangs off this struct.
 */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include "base/pool.h"
#include "base/radix.h"
#include "base/rng.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/refusal.h"
#include "kernel/slab.h"
#include "kernel/spec.h"
#include "kernel/sysctl.h"
#include "kernel/task.h"
#include "kernel/thp.h"
#include "kernel/tlb.h"
#include "kernel/zone.h"

#include <errno.h>

struct slab_state;
struct vmalloc_state;
struct file_state;
struct hotplug_state;
struct shm_state;
struct swap_state;
struct kthread;
struct trace;

struct mmsim_machine {
	struct spec spec;
	char *spec_text;
	enum profile profile;
	enum arch arch;
	struct rng rng;
	uint64_t clock_ns;
	bool has_panicked;
	bool is_booting; /* records are not charged to slabs yet */

	/* kthread.c's */
	struct list_head kthreads;
	struct kthread *kthread_current; /* whose step runs, or NULL */
	uint64_t kthread_next_ns;        /* no step is due before */

	/* blkdev.c's */
	struct list_head blkdevs;
	struct pool blkdev_writes;

	/* physical memory */
	struct page *mem_map;     /* nr_frames entries, reserved in one piece */
	uint8_t *pageblocks;      /* migratetype of each pageblock */
	pfn_t max_pfn;            /* there are no frames from here on */
	pfn_t nr_frames;          /* those that may be plugged in, too */
	struct hotplug_state *hotplug; /* memory_block.h */
	struct pglist_data *nodes[MAX_NODES];
	unsigned nr_nodes, nr_cpus;
	unsigned cpu_node[MAX_CPUS];
	uint64_t totalram_pages;  /* sum of managed */
	uint64_t totalhigh_pages;
	uint64_t totalreserve_pages;
	struct pool contents;     /* PAGE_SIZE bytes each, for page->data */
	struct page_store *page_store; /* where else contents stand, or NULL */
	struct page *zero_page;

	/* reclaim's */
	bool is_reclaiming; /* who allocates now does it to free memory */
	uint64_t direct_reclaim_ns; /* virtual time of tasks in it, so far */
	struct {
		struct list_head nodes; /* of page caches' trees, that hold
					 * shadows only, oldest first */
		uint64_t nr_nodes;
		struct shrinker shrinker;
	} workingset;

	uint64_t total_swap_pages, nr_swap_pages; /* in all, and free */
	struct swap_state *swap;

	/* tasks */
	struct list_head tasks;   /* oldest first; init is the first */
	struct mmsim_task *init_task;
	int last_pid;
	unsigned nr_tasks;
	uint64_t last_asid;
	struct tlb *tlbs[MAX_CPUS]; /* made when the CPU is first used */

	uint64_t vm_events[NR_VM_EVENT_ITEMS];
	uint64_t committed_as;    /* pages */
	struct sysctl_vm vm;
	int64_t user_min_free_kbytes; /* set by hand; -1: never */
	struct thp thp;
	struct log log;
	struct trace *trace; /* NULL: none was ever started */

	/* kernel memory and files; each file's own state */
	struct slab_state *slab;
	struct vmalloc_state *vmalloc;
	struct file_state *files;
	struct shm_state *shm;
	struct pool radix_nodes;

	unsigned current_cpu; /* which asked for memory last: frees go there */

	/* task.c's */
	struct pool task_handles; /* of struct mmsim_task */
	struct radix pids;        /* pid -> task, zombies too */
	struct mmsim_task *current; /* whose system call is served, or NULL */
	enum refusal refusal;     /* noted last in it, or in the one before */
	unsigned nr_dying;        /* tasks whose memory goes when it ends */
	struct {                  /* oom.c: at most 10 reports in 5 s */
		uint64_t begin_ns;
		unsigned nr_printed, nr_missed;
	} oom_ratelimit;
};

/* Every call on a machine begins with this: 0, -EINVAL (there is none), -EIO
 * (it has panicked). */
static inline int machine_check(const struct mmsim_machine *machine)
{
	if (!machine)
		return -EINVAL;
	return machine->has_panicked ? -EIO : 0;
}

/* Notes why the system call is refused. */
static inline void machine_refuse(struct mmsim_machine *machine,
				  enum refusal rule)
{
	machine->refusal = rule;
}

static inline void count_vm_events(struct mmsim_machine *machine,
				   enum vm_event_item item, uint64_t delta)
{
	machine->vm_events[item] += delta;
}

static inline void count_vm_event(struct mmsim_machine *machine,
				  enum vm_event_item item)
{
	machine->vm_events[item]++;
}

static inline struct pglist_data *
machine_node_of(const struct mmsim_machine *machine, const struct page *page)
{
	return machine->nodes[page_node(page)];
}

static inline struct zone *machine_zone_of(const struct mmsim_machine *machine,
					   const struct page *page)
{
	return &machine->nodes[page_node(page)]->zones[page_zone_index(page)];
}

#define for_each_node(machine, node, i)                                        \
	for ((i) = 0; (i) < MAX_NODES; (i)++)                                  \
		if (((node) = (machine)->nodes[i]) != NULL)

/* "Kernel panic - not syncing: why" into the log; every call gives -EIO from
 * now on. */
void machine_panic(struct mmsim_machine *machine, const char *why);

#endif
