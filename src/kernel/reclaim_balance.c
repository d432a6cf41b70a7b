/*
 * reclaim_balance.c: how many pages of which list a pass looks at.
 *
 * The lists are looked at in parts of size >> priority.  How much of that falls
 * to anonymous pages and how much to files:
 *
 *   no swap, or not allowed                       files only
 *   priority 0, swappiness above 0                all of both
 *   files and free memory together below high     anonymous only: otherwise all
 *                                                 file pages would go
 *   inactive file pages are many, and not more    files only: what is read once
 *   of them come back than before                 goes through without harm
 *   else         anonymous : files  =  swappiness / cost of anonymous
 *                                      : (200 - swappiness) / cost of files
 *
 * The cost of a kind is what taking its pages has led to: writes that reclaim
 * began, and pages in steady use that came back.  Both fade as they add up
 * (lru_note_cost).  Each counts half of the other's as its own, so that no kind
 * is left out for good.
 *
 * Active pages are made inactive when the inactive list is short (as long as
 * the active one, up to 1 GiB; active : inactive = sqrt(10 x GiB) above), or
 * when pages that came back had to be activated since the last time.
 *
 * Sources: J. Weiner's descriptions of 5.8's balancing; admin-guide/sysctl/vm
 * (swappiness); recordings for swappiness 0 to 200.
 */
#include "kernel/machine.h"
#include "kernel/reclaim.h"

enum { SWAPPINESS_MAX = 200 };

enum scan_balance { SCAN_FILE, SCAN_ANON, SCAN_EQUAL, SCAN_SHARES };

bool can_reclaim_anon(const struct mmsim_machine *machine)
{
	return machine->nr_swap_pages > 0;
}

static uint64_t balance_sqrt(uint64_t x)
{
	uint64_t root = 0;

	while ((root + 1) * (root + 1) <= x)
		root++;
	return root;
}

bool inactive_is_low(const struct pglist_data *node, enum lru_list inactive)
{
	uint64_t nr_inactive = node->stat[NR_INACTIVE_ANON + (int)inactive];
	uint64_t nr_active = node->stat[NR_INACTIVE_ANON + (int)inactive + 1];
	uint64_t gib = (nr_inactive + nr_active) >> (30 - PAGE_SHIFT);

	return nr_inactive * (gib > 0 ? balance_sqrt(10 * gib) : 1) < nr_active;
}

/* Files and free memory of the node together would not fill it up to high. */
static bool file_is_tiny(const struct pglist_data *node,
			 const struct scan_control *sc)
{
	uint64_t nr = node->stat[NR_ACTIVE_FILE] + node->stat[NR_INACTIVE_FILE];
	uint64_t high = 0;

	for (int i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *zone = &node->zones[i];

		if (zone->managed_pages == 0)
			continue;
		nr += zone->stat[NR_FREE_PAGES];
		high += zone_watermark(zone, WMARK_HIGH);
	}
	return nr <= high && !sc->may_deactivate[0] &&
	       node->stat[NR_INACTIVE_ANON] >> sc->priority > 0;
}

void scan_prepare(struct pglist_data *node, struct scan_control *sc)
{
	static const enum lru_list inactive[2] = {LRU_INACTIVE_ANON,
						  LRU_INACTIVE_FILE};

	for (int file = 0; file < 2; file++) {
		uint64_t refaults = node->stat[WORKINGSET_ACTIVATE_ANON + file];

		sc->may_deactivate[file] =
			sc->force_deactivate ||
			refaults != node->lruvec.refaults[file] ||
			inactive_is_low(node, inactive[file]);
	}
	sc->cache_trim_mode =
		node->stat[NR_INACTIVE_FILE] >> sc->priority > 0 &&
		!sc->may_deactivate[1];
	sc->file_is_tiny = file_is_tiny(node, sc);
}

static enum scan_balance scan_balance(const struct scan_control *sc)
{
	if (!sc->may_swap || !can_reclaim_anon(sc->machine))
		return SCAN_FILE;
	if (sc->priority == 0 && sc->machine->vm.swappiness > 0)
		return SCAN_EQUAL;
	if (sc->file_is_tiny)
		return SCAN_ANON;
	return sc->cache_trim_mode ? SCAN_FILE : SCAN_SHARES;
}

/* Pages of the list in zones that the request can use. */
static uint64_t scan_list_size(const struct pglist_data *node,
			       enum lru_list list, enum zone_type highest)
{
	uint64_t size = 0;

	for (int i = 0; i <= (int)highest; i++)
		size += node->zones[i].stat[NR_ZONE_INACTIVE_ANON + (int)list];
	return size;
}

/* The shares of anonymous pages and of files, of shares[0] + shares[1]. */
static void scan_shares(const struct pglist_data *node,
			const struct scan_control *sc, uint64_t shares[2])
{
	uint64_t swappiness = (uint64_t)sc->machine->vm.swappiness;
	uint64_t anon = node->lruvec.anon_cost, file = node->lruvec.file_cost;
	uint64_t sum = anon + file, total;

	anon += sum;
	file += sum;
	total = anon + file + 1;
	shares[0] = swappiness * total / (anon + 1);
	shares[1] = (SWAPPINESS_MAX - swappiness) * total / (file + 1);
}

void scan_counts(const struct pglist_data *node, const struct scan_control *sc,
		 uint64_t nr[NR_LRU_LISTS])
{
	enum scan_balance balance = scan_balance(sc);
	uint64_t shares[2];

	scan_shares(node, sc, shares);
	nr[LRU_UNEVICTABLE] = 0;
	for (int list = LRU_INACTIVE_ANON; list <= LRU_ACTIVE_FILE; list++) {
		bool file = lru_is_file((enum lru_list)list);
		uint64_t n = scan_list_size(node, (enum lru_list)list,
					    sc->highest) >>
			     sc->priority;

		if (balance == SCAN_SHARES)
			n = n * shares[file] / (shares[0] + shares[1]);
		else if (balance != SCAN_EQUAL &&
			 (balance == SCAN_FILE) != file)
			n = 0;
		nr[list] = n;
	}
}
