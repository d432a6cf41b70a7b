/*
 * kcompactd.c: compaction in the background.
 *
 * Each node has a thread.  kswapd wakes it when it has freed memory for a
 * request for a block and falls asleep: what is free now may still be in
 * pieces. It goes over the zones that the request may use, waits for pages that
 * are being written, and ends where there is a block.
 *
 * Proactively it compacts before anybody asks: when the part of the free memory
 * that is of no use to a huge page, the node's score, is above the high mark,
 * and until it is at the low one:
 *
 *     score    sum over zones of  share of the node x unusable free index
 *     low      100 - vm.compaction_proactiveness, 5 at least
 *     high     10 more
 *
 * vm.compaction_proactiveness 0 turns that off.
 *
 * Simplified: blocks up to order 3, for which reclaim alone is enough as a
 * rule, do not wake it.  Linux looks at the score every half second; here it is
 * looked at when the thread is woken, and when compaction_proactiveness is
 * written.  A step is all of it.
 *
 * Sources: kernel documentation, admin-guide/sysctl/vm
 * (compaction_proactiveness); LWN, "Proactive compaction for the kernel"
 * (2020).
 */
#include "base/hostmem.h"
#include "base/outbuf.h"
#include "kernel/compaction.h"
#include "kernel/kthread.h"

#include <errno.h>

enum {
	KCOMPACTD_NAME_MAX = 16,
	KCOMPACTD_MIN_ORDER = 4, /* smaller ones cost little */
	KCOMPACTD_MIN_MARK = 5,
	KCOMPACTD_STEP = 10,
};

struct kcompactd {
	struct kthread thread;
	struct pglist_data *node;
	char name[KCOMPACTD_NAME_MAX];
	unsigned order; /* asked for; 0: nothing */
	enum zone_type highest;
};

/* In hundredths. */
static uint64_t kcompactd_score(const struct pglist_data *node)
{
	uint64_t score = 0;

	for (int type = 0; type < MAX_NR_ZONES; type++) {
		const struct zone *zone = &node->zones[type];

		if (zone->managed_pages > 0)
			score += zone->present_pages *
				 unusable_free_index(zone, HPAGE_PMD_ORDER);
	}
	return score / (node->present_pages * 10 + 1);
}

static uint64_t kcompactd_low_mark(const struct mmsim_machine *machine)
{
	uint64_t proactiveness = (uint64_t)machine->vm.compaction_proactiveness;

	return max_size(100 - proactiveness, KCOMPACTD_MIN_MARK);
}

/* Zone by zone until the score is well. */
static void kcompactd_be_proactive(struct kcompactd *kcompactd)
{
	struct pglist_data *node = kcompactd->node;
	uint64_t low = kcompactd_low_mark(node->machine);
	uint64_t high = min_size(low + KCOMPACTD_STEP, 100);

	if (node->machine->vm.compaction_proactiveness == 0 ||
	    kcompactd_score(node) <= high)
		return;
	for (int type = 0; type < MAX_NR_ZONES; type++)
		if (node->zones[type].managed_pages > 0 &&
		    kcompactd_score(node) > low)
			compact_in_background(&node->zones[type],
					      HPAGE_PMD_ORDER, true);
}

static uint64_t kcompactd_step(struct kthread *thread)
{
	struct kcompactd *kcompactd = thread->arg;
	unsigned order = kcompactd->order;

	kcompactd->order = 0;
	if (order > 0)
		count_vm_event(thread->machine, KCOMPACTD_WAKE);
	for (int type = 0; order > 0 && type <= (int)kcompactd->highest &&
			   type < MAX_NR_ZONES;
	     type++)
		if (kcompactd->node->zones[type].managed_pages > 0)
			compact_in_background(&kcompactd->node->zones[type],
					      order, false);
	kcompactd_be_proactive(kcompactd);
	return KTHREAD_ASLEEP;
}

void kcompactd_wake(struct pglist_data *node, unsigned order,
		    enum zone_type highest)
{
	struct kcompactd *kcompactd = node->kcompactd;

	if (order < KCOMPACTD_MIN_ORDER || !kcompactd)
		return;
	if (kcompactd->order < order)
		kcompactd->order = order;
	kcompactd->highest = max_size(kcompactd->highest, highest);
	kthread_wake(&kcompactd->thread);
}

void kcompactd_look(struct mmsim_machine *machine)
{
	struct pglist_data *node;
	unsigned i;

	for_each_node(machine, node, i)
		if (node->kcompactd)
			kthread_wake(&node->kcompactd->thread);
}

static int kcompactd_start(struct pglist_data *node)
{
	struct kcompactd *kcompactd = hostmem_map(sizeof(*kcompactd));
	struct outbuf out;

	if (!kcompactd)
		return -ENOMEM;
	outbuf_init(&out, kcompactd->name, sizeof(kcompactd->name), -1);
	outbuf_printf(&out, "kcompactd%u", node->id);
	kcompactd->node = node;
	kthread_init(node->machine, &kcompactd->thread, kcompactd->name,
		     kcompactd_step, kcompactd);
	node->kcompactd = kcompactd;
	return 0;
}

int kcompactd_init(struct mmsim_machine *machine)
{
	struct pglist_data *node;
	unsigned i;

	for_each_node(machine, node, i) {
		if (kcompactd_start(node)) {
			kcompactd_fini(machine);
			return -ENOMEM;
		}
	}
	return 0;
}

void kcompactd_fini(struct mmsim_machine *machine)
{
	struct pglist_data *node;
	unsigned i;

	for_each_node(machine, node, i) {
		if (!node->kcompactd)
			continue;
		kthread_fini(&node->kcompactd->thread);
		hostmem_unmap(node->kcompactd, sizeof(*node->kcompactd));
		node->kcompactd = NULL;
	}
}
