/*
 * mempolicy.h: on which nodes a task or an area wants its pages.
 *
 * Sources: set_mempolicy(2), mbind(2), kernel documentation
 * admin-guide/mm/numa_memory_policy.
 */
#ifndef KERNEL_MEMPOLICY_H
#define KERNEL_MEMPOLICY_H

#include "kernel/gfp.h"
#include "kernel/types.h"
#include "kernel/zone.h"

#include <linux/mempolicy.h>

struct mmsim_machine;
struct mmsim_task;
struct vm_area_struct;
struct page;

struct mempolicy {
	uint32_t refcount;
	int mode;            /* MPOL_ */
	unsigned mode_flags; /* MPOL_F_STATIC_NODES, ... */
	nodemask_t nodes;
	nodemask_t user_nodes; /* as asked for, with STATIC_ or RELATIVE_NODES */
};

struct mempolicy *mempolicy_get(struct mempolicy *policy); /* NULL is allowed */
void mempolicy_put(struct mmsim_machine *machine, struct mempolicy *policy);
bool mempolicy_equal(const struct mempolicy *a, const struct mempolicy *b);

/* The mode exists, and its flags go together: 0 or -EINVAL. */
int mempolicy_check_mode(const struct mmsim_machine *machine, int mode);
/* A new policy by the rules of set_mempolicy: 0 and *policy (NULL: the default),
 * -EINVAL, -ENOMEM. */
int mempolicy_new(struct mmsim_machine *machine, int mode, nodemask_t nodes,
		  struct mempolicy **policy);
/* Nodes with memory, which a policy may name. */
nodemask_t mempolicy_allowed_nodes(const struct mmsim_machine *machine);
/* Pages that no area asks for (page tables, page cache, kernel records): by the
 * policy of the task, which it has. */
struct page *mempolicy_alloc_pages(struct mmsim_task *task, gfp_t gfp,
				   unsigned order);
/* A page for addr of the area, by its policy or the task's. */
struct page *vma_alloc_page(struct mmsim_task *task, struct vm_area_struct *vma,
			    uintptr_t addr, gfp_t gfp, unsigned order);
/* The highest zone that has memory, Movable apart: requests for a lower one are
 * not governed by policies. */
enum zone_type mempolicy_zone(const struct mmsim_machine *machine);
/* Nodes that OOM may kill for: 0 when no policy binds. */
nodemask_t mempolicy_bind_nodes(const struct mmsim_task *task, gfp_t gfp);
/* The text of /proc/PID/numa_maps: "default", "bind:0-1", ... */
void mempolicy_text(const struct mempolicy *policy, char *buf, size_t len);

#endif
