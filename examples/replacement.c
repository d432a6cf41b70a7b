/*
 * replacement.c: what pollutes a cache, and which policy minds.
 *
 * Prints the hit rates of one LRU list, of Linux's two lists and of InnoDB's
 * young and old list on the same traces.  Then a trace by hand: a working set
 * of 4 pages in a cache of 8, and a scan of 6 pages beside it.
 *
 *     replacement [SEED]
 */
#include <mmsim/kernel.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const policies[] = {"lru", "two-lists", "young-old"};

/* One use, a second after the one before; shows what went for it. */
static void use(struct mmsim_replacement *cache, uint64_t page,
		uint64_t *now_ns)
{
	uint64_t gone;
	int hit;

	*now_ns += 1000000000;
	hit = mmsim_replacement_access(cache, page, *now_ns, false, &gone);
	printf(" %" PRIu64 "%s", page, hit ? "" : "*");
	if (gone != MMSIM_NO_PAGE)
		printf("(-%" PRIu64 ")", gone);
}

static int by_hand(const char *policy)
{
	struct mmsim_replacement *cache;
	uint64_t now_ns = 0;

	if (mmsim_replacement_create(policy, 8, &cache))
		return 1;
	printf("%-10s", policy);
	for (int i = 0; i < 8; i++)
		use(cache, (uint64_t)i % 4, &now_ns);
	for (uint64_t page = 10; page < 16; page++)
		use(cache, page, &now_ns);
	for (uint64_t page = 0; page < 4; page++)
		use(cache, page, &now_ns);
	printf("\n");
	mmsim_replacement_destroy(cache);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	char table[2000];

	if (mmsim_replacement_table(seed, table, sizeof table) < 0) {
		fprintf(stderr, "replacement: no memory\n");
		return 1;
	}
	printf("%s\n", table);
	printf("8 pages; * is a miss, (-n) the page that went for it\n");
	for (int i = 0; i < 3; i++)
		if (by_hand(policies[i]))
			return 1;
	return 0;
}
