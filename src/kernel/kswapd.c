/*
 * kswapd.c: reclaim in the background.
 *
 * Each node has a thread.  A request that finds all zones below low wakes it,
 * and it works until one of the zones that the request may use is above high:
 *
 *   free
 *     high - - - - - - - - - - - _-_ - - - - - - - - - asleep
 *                              _-   -_
 *     low  ----_             _-       -_ woken again
 *               -_         _-
 *     min         -_ woken                    requests reclaim themselves
 *
 *   run      passes over the node at priority 12, 11, ... until a zone is above
 *            high; a pass that looks at less than what is wanted, or frees
 *            nothing, makes the next one look at twice as much
 *   doze     for 0.1 s, with one ear open: woken so soon, it was not enough
 *            (kswapd_low_wmark_hit_quickly)
 *   asleep   after that; when the node is below high by then it was not enough,
 *            either (kswapd_high_wmark_hit_quickly), and the next run begins
 *
 * A run that ends at priority 0 with nothing freed is a failure.  After 16 in a
 * row it gives the node up until direct reclaim frees something there.
 *
 * A step is one batch.  While the device's queue is full it waits, and with one
 * CPU the task goes on meanwhile.
 *
 * When it was woken for a block, it wakes kcompactd when it falls asleep.
 *
 * Simplified: watermarks are not boosted (watermark_boost_factor) where a block
 * of another migrate type was taken.
 *
 * Source: kernel documentation, admin-guide/sysctl/vm (watermarks); recordings
 * (kswapd-trace: how much each run steals, pageoutrun, *_hit_quickly).
 */
#include "base/hostmem.h"
#include "base/outbuf.h"
#include "kernel/blkdev.h"
#include "kernel/compaction.h"
#include "kernel/kthread.h"
#include "kernel/machine.h"
#include "kernel/reclaim.h"
#include "kernel/trace.h"

enum { KSWAPD_NAME_MAX = 16 };

#define KSWAPD_DOZE_NS ((uint64_t)100000000)

enum kswapd_state { KSWAPD_ASLEEP, KSWAPD_DOZING, KSWAPD_RUNNING };

struct kswapd {
	struct kthread thread;
	struct pglist_data *node;
	char name[KSWAPD_NAME_MAX];
	enum kswapd_state state;
	uint64_t doze_end_ns;
	uint64_t nr_reclaimed; /* pages, since it was woken; for the trace */
	/* asked for since the last run began */
	unsigned order;
	enum zone_type highest; /* MAX_NR_ZONES: nothing */
	/* the run, and the doze behind it */
	bool is_in_pass;
	struct scan_control sc; /* its order falls to 0 when that is hopeless */
	unsigned run_order;
	enum zone_type run_highest;
};

/* Some zone that the class may use is above high. */
static bool kswapd_is_balanced(const struct pglist_data *node, unsigned order,
			       enum zone_type highest)
{
	bool has_zone = false;

	for (int i = 0; i <= (int)highest && i < MAX_NR_ZONES; i++) {
		const struct zone *zone = &node->zones[i];

		if (zone->managed_pages == 0)
			continue;
		has_zone = true;
		if (zone_watermark_ok(zone, order,
				      zone_watermark(zone, WMARK_HIGH), highest,
				      0))
			return true;
	}
	return !has_zone;
}

static bool kswapd_has_given_up(const struct pglist_data *node)
{
	return node->kswapd_failures >= MAX_RECLAIM_RETRIES;
}

/* --- one run ------------------------------------------------------------- */

static void kswapd_set_active(struct kswapd *kswapd, bool active)
{
	for (int i = 0; i <= (int)kswapd->run_highest; i++)
		kswapd->node->zones[i].is_reclaim_active = active;
}

static void kswapd_begin_run(struct kswapd *kswapd)
{
	struct pglist_data *node = kswapd->node;

	kswapd->run_order = kswapd->order;
	if (kswapd->highest < MAX_NR_ZONES)
		kswapd->run_highest = kswapd->highest;
	kswapd->order = 0;
	kswapd->highest = MAX_NR_ZONES;
	kswapd->sc = (struct scan_control){
		.machine = node->machine,
		.gfp = GFP_KERNEL,
		.order = kswapd->run_order,
		.highest = kswapd->run_highest,
		.priority = DEF_PRIORITY,
		.is_kswapd = true,
		.may_writepage = true,
		.may_unmap = true,
		.may_swap = true,
	};
	kswapd_set_active(kswapd, true);
	kswapd->state = KSWAPD_RUNNING;
	count_vm_event(node->machine, PAGEOUTRUN);
}

static void kswapd_end_run(struct kswapd *kswapd)
{
	struct pglist_data *node = kswapd->node;

	kswapd_set_active(kswapd, false);
	kswapd->nr_reclaimed += kswapd->sc.nr_reclaimed;
	reclaim_note_refaults(node);
}

/* Pages that a pass must look at to bring all zones to high at best. */
static uint64_t kswapd_target(const struct kswapd *kswapd)
{
	uint64_t nr = 0;

	for (int i = 0; i <= (int)kswapd->run_highest; i++) {
		const struct zone *zone = &kswapd->node->zones[i];

		if (zone->managed_pages > 0)
			nr += max_size(zone_watermark(zone, WMARK_HIGH),
				       SWAP_CLUSTER_MAX);
	}
	return nr;
}

/* Begins the next pass; false: the run has come to its aim. */
static bool kswapd_begin_pass(struct kswapd *kswapd)
{
	struct pglist_data *node = kswapd->node;
	struct scan_control *sc = &kswapd->sc;

	if (kswapd_is_balanced(node, sc->order, sc->highest))
		return false;
	reclaim_age_node(node, sc);
	sc->nr_scanned = 0;
	sc->nr_to_reclaim = kswapd_target(kswapd);
	shrink_node_begin(node, sc);
	kswapd->is_in_pass = true;
	return true;
}

/* The pass is over; false: so is the run. */
static bool kswapd_end_pass(struct kswapd *kswapd)
{
	struct pglist_data *node = kswapd->node;
	struct scan_control *sc = &kswapd->sc;

	shrink_node_end(node, sc);
	kswapd->is_in_pass = false;
	/* blocks of that order may not come about however much is freed */
	if (sc->order && sc->nr_reclaimed >= (uint64_t)2 << sc->order)
		sc->order = 0;
	if (sc->pass_reclaimed == 0 || sc->nr_scanned < sc->nr_to_reclaim)
		sc->priority--;
	if (sc->priority >= 1)
		return true;
	if (sc->nr_reclaimed == 0)
		node->kswapd_failures++;
	return false;
}

/* --- between runs -------------------------------------------------------- */

/* The node is well, or beyond help. */
static bool kswapd_may_sleep(struct kswapd *kswapd)
{
	struct pglist_data *node = kswapd->node;

	if (kswapd_has_given_up(node))
		return true;
	if (!kswapd_is_balanced(node, kswapd->sc.order, kswapd->run_highest))
		return false;
	node->is_congested = false;
	node->reclaims_dirty = false;
	node->reclaims_writeback = false;
	return true;
}

/* A run is over: when to look again. */
static uint64_t kswapd_lie_down(struct kswapd *kswapd)
{
	struct mmsim_machine *machine = kswapd->node->machine;

	if (!kswapd_may_sleep(kswapd)) {
		count_vm_event(machine, KSWAPD_HIGH_WMARK_HIT_QUICKLY);
		kswapd_begin_run(kswapd);
		return clock_now(machine);
	}
	trace_node(machine, TRACE_KSWAPD_SLEEP, kswapd->node->id,
		   kswapd->nr_reclaimed);
	kswapd->nr_reclaimed = 0;
	kcompactd_wake(kswapd->node, kswapd->run_order, kswapd->run_highest);
	kswapd->state = KSWAPD_DOZING;
	kswapd->doze_end_ns = clock_now(machine) + KSWAPD_DOZE_NS;
	return kswapd->doze_end_ns;
}

/* Woken from its doze, or its time is over; true: it sleeps on. */
static bool kswapd_ends_doze(struct kswapd *kswapd)
{
	struct mmsim_machine *machine = kswapd->node->machine;

	if (clock_now(machine) < kswapd->doze_end_ns) {
		/* what the last run was for is not done either */
		if (kswapd->highest == MAX_NR_ZONES)
			kswapd->highest = kswapd->run_highest;
		kswapd->highest =
			max_size(kswapd->highest, kswapd->run_highest);
		kswapd->order = max_size(kswapd->order, kswapd->sc.order);
		count_vm_event(machine, KSWAPD_LOW_WMARK_HIT_QUICKLY);
		return false;
	}
	if (kswapd_may_sleep(kswapd)) {
		kswapd->state = KSWAPD_ASLEEP;
		return true;
	}
	count_vm_event(machine, KSWAPD_HIGH_WMARK_HIT_QUICKLY);
	return false;
}

/* One batch of a run; false: the run is over. */
static bool kswapd_run(struct kswapd *kswapd)
{
	if (!kswapd->is_in_pass && !kswapd_begin_pass(kswapd))
		return false;
	return shrink_node_batch(kswapd->node, &kswapd->sc) ||
	       kswapd_end_pass(kswapd);
}

static uint64_t kswapd_step(struct kthread *thread)
{
	struct kswapd *kswapd = thread->arg;
	struct mmsim_machine *machine = thread->machine;
	bool goes_on;

	if (kswapd->state == KSWAPD_DOZING && kswapd_ends_doze(kswapd))
		return KTHREAD_ASLEEP;
	if (kswapd->state != KSWAPD_RUNNING) {
		kswapd_begin_run(kswapd);
		trace_node(machine, TRACE_KSWAPD_WAKE, kswapd->node->id,
			   kswapd->run_order);
	}
	machine->is_reclaiming = true;
	goes_on = kswapd_run(kswapd);
	machine->is_reclaiming = false;
	if (goes_on)
		return max_size(clock_now(machine), blkdev_room_ns(machine));
	kswapd_end_run(kswapd);
	return kswapd_lie_down(kswapd);
}

/* --- from outside -------------------------------------------------------- */

bool kswapd_wake(struct zone *zone, unsigned order, enum zone_type highest)
{
	struct pglist_data *node = zone->node;
	struct kswapd *kswapd = node->kswapd;

	if (zone->managed_pages == 0 || !kswapd)
		return true;
	if (kswapd->highest == MAX_NR_ZONES || kswapd->highest < highest)
		kswapd->highest = highest;
	if (kswapd->order < order)
		kswapd->order = order;
	if (kswapd->state == KSWAPD_RUNNING)
		return true;
	if (kswapd_has_given_up(node) ||
	    kswapd_is_balanced(node, order, highest))
		return false;
	kthread_wake(&kswapd->thread);
	return true;
}

int kswapd_start(struct pglist_data *node)
{
	struct kswapd *kswapd;
	struct outbuf out;

	if (node->kswapd)
		return 0;
	kswapd = hostmem_map(sizeof(*kswapd));
	if (!kswapd)
		return -ENOMEM;
	outbuf_init(&out, kswapd->name, sizeof(kswapd->name), -1);
	outbuf_printf(&out, "kswapd%u", node->id);
	kswapd->node = node;
	kswapd->highest = MAX_NR_ZONES;
	kswapd->run_highest = MAX_NR_ZONES - 1;
	kthread_init(node->machine, &kswapd->thread, kswapd->name, kswapd_step,
		     kswapd);
	node->kswapd = kswapd;
	return 0;
}

int kswapd_init(struct mmsim_machine *machine)
{
	struct pglist_data *node;
	unsigned i;

	for_each_node(machine, node, i) {
		if (kswapd_start(node)) {
			kswapd_fini(machine);
			return -ENOMEM;
		}
	}
	return 0;
}

void kswapd_fini(struct mmsim_machine *machine)
{
	struct pglist_data *node;
	unsigned i;

	for_each_node(machine, node, i) {
		if (!node->kswapd)
			continue;
		kthread_fini(&node->kswapd->thread);
		hostmem_unmap(node->kswapd, sizeof(*node->kswapd));
		node->kswapd = NULL;
	}
}
