/*
 * replacement.c: policies of replacement: short traces by hand, what is known
 * of each policy, random traces beside a model that is written down plainly,
 * and the table.
 */
#include "sim.h"

#include "base/rng.h"

enum { SECOND_NS = 1000000000 };

static struct mmsim_replacement *create(const char *policy, size_t capacity)
{
	struct mmsim_replacement *cache = NULL;

	cr_assert_eq(mmsim_replacement_create(policy, capacity, &cache), 0);
	cr_assert_not_null(cache);
	return cache;
}

/*
 * A trace as text, one access a second: "1 2 !3": pages 1 and 2 are used, 3 is
 * read ahead; "=" in front of a page: at the time of the access before.
 * Expected, one word each: "+" a hit, "-" a miss, "-5" a miss for which 5 went.
 */
static void expect(struct mmsim_replacement *cache, uint64_t *now_ns,
		   const char *trace, const char *expected)
{
	while (*trace) {
		bool is_same_time = *trace == '=';
		bool is_readahead = trace[is_same_time] == '!';
		char *end, word[32] = "+";
		uint64_t gone, page;
		int got;

		page = strtoull(trace + is_same_time + is_readahead, &end, 10);
		if (!is_same_time)
			*now_ns += SECOND_NS;
		got = mmsim_replacement_access(cache, page, *now_ns,
					       is_readahead, &gone);
		cr_assert_geq(got, 0, "%s: %d", trace, got);
		cr_assert(mmsim_replacement_has(cache, page));
		if (got == 0 && gone == MMSIM_NO_PAGE)
			strcpy(word, "-");
		else if (got == 0)
			snprintf(word, sizeof(word), "-%lu",
				 (unsigned long)gone);
		cr_assert(strncmp(word, expected, strlen(word)) == 0 &&
				  strchr(" ", expected[strlen(word)]),
			  "at \"%s\": %s, not \"%s\"", trace, word, expected);
		expected += strlen(word);
		expected += *expected == ' ';
		trace = end + strspn(end, " ");
	}
	cr_assert_str_eq(expected, "");
}

static void expect_once(const char *policy, size_t capacity, const char *trace,
			const char *expected)
{
	struct mmsim_replacement *cache = create(policy, capacity);
	uint64_t now_ns = 0;

	expect(cache, &now_ns, trace, expected);
	mmsim_replacement_destroy(cache);
}

Test(replacement, lru_by_hand)
{
	expect_once("lru", 3, "1 2 3 1 4 2 1 3", "- - - + -2 -3 + -4");
	/* read-ahead of a page that is there is no use */
	expect_once("lru", 3, "1 2 3 !1 4 1", "- - - + -1 -2");
	/* of one that is not, it comes in as the newest */
	expect_once("lru", 3, "1 2 !3 4 5 3", "- - - -1 -2 +");
	expect_once("lru", 1, "1 1 2 1", "- + -1 -2");
}

Test(replacement, two_lists_by_hand)
{
	/* the second use keeps 1 from going, the first does not keep 2 */
	expect_once("two-lists", 4, "1 1 2 3 4 5 6 7 1",
		    "- + - - - -2 -3 -4 +");
	/* read-ahead is no use: 1 is used once only, 2 twice */
	expect_once("two-lists", 4, "!1 1 2 2 3 4 5 6 2 1",
		    "- + - + - - -1 -3 + -4");
	/* inactive pages go in the order in which they came, used or not */
	expect_once("two-lists", 3, "1 2 3 !2 4 5 6", "- - - + -1 -2 -3");
}

Test(replacement, two_lists_balance)
{
	/* all four are active when 5 comes: the two oldest, 1 and 2, are made
	 * inactive, and 1 goes.  6: inactive are 5, 2; 2 goes */
	expect_once("two-lists", 4, "1 1 2 2 3 3 4 4 5 6 7",
		    "- + - + - + - + -1 -2 -5");
	/* a use of an active page is noted: deactivated, it takes one more use
	 * to be active again, not two.  1 (used as active) is, 2 is not */
	expect_once("two-lists", 4, "1 1 2 2 1 3 3 4 4 5 6",
		    "- + - + + - + - + -1 -2");
	expect_once("two-lists", 4, "1 1 2 2 3 3 4 4 2 5 2 6 7 8 2",
		    "- + - + - + - + + -1 + -5 -3 -6 +");
	expect_once("two-lists", 1, "1 1 2 2 1", "- + -1 + -2");
}

Test(replacement, two_lists_refaults)
{
	/* active: 1, 2.  3 goes for 5 and is back at once: distance 1, not
	 * above the two active pages, so it is active: 6 and 7 push out others.
	 * Then three are active beside one, and 1 is deactivated */
	expect_once("two-lists", 4, "1 1 2 2 3 4 5 3 6 7 3",
		    "- + - + - - -3 -4 -5 -1 +");
	/* 3 comes back when 3, 4 and 5 have gone: distance 3 is too far, so 7
	 * pushes out what is inactive in turn, and 8 even 3 */
	expect_once("two-lists", 4, "1 1 2 2 3 4 5 6 7 3 8 9 3",
		    "- + - + - - -3 -4 -5 -6 -7 -3 -8");
	/* nothing is active: nothing comes back early enough */
	expect_once("two-lists", 2, "1 2 3 1 2 3 1", "- - -1 -2 -3 -1 -2");
}

Test(replacement, young_old_by_hand)
{
	struct mmsim_replacement *cache = create("young-old", 4);
	uint64_t now_ns = 0;

	/* of 1, 2, 3, 4 pages 0, 0, 1, 1 are old: [1], [2 1], [2 1][3]; 4 is
	 * passed by the midpoint, and used: [4 2 1][3] */
	expect(cache, &now_ns, "1 2 3 4", "- - - -");
	/* the only old page goes each time */
	expect(cache, &now_ns, "5 6 7", "-3 -5 -6");
	/* a second use in the same second does nothing: 7 goes */
	expect(cache, &now_ns, "=7 8", "+ -7");
	/* one second later it makes young: [8 4 2][1] */
	expect(cache, &now_ns, "8 9 8", "+ -1 +");
	mmsim_replacement_destroy(cache);
}

Test(replacement, young_old_first_use_and_time)
{
	struct mmsim_replacement *cache = create("young-old", 4);
	uint64_t now_ns = 0;

	expect(cache, &now_ns, "1 2 3 4", "- - - -");
	/* read ahead, and used twice at once: the time counts from the first */
	expect(cache, &now_ns, "!5 =5 =5 6", "-3 + + -5");
	cr_assert_eq(mmsim_replacement_set(cache, "old_blocks_time", 2000), 0);
	expect(cache, &now_ns, "6 7", "+ -6");
	/* [4 2 1][7], [7 4 2][1], [7 4 2][8] */
	expect(cache, &now_ns, "7 7 8 7", "+ + -1 +");
	/* 0: the use that brings a page in makes it young: [9 7 4][2] */
	cr_assert_eq(mmsim_replacement_set(cache, "old_blocks_time", 0), 0);
	expect(cache, &now_ns, "9 9 7", "-8 + +");
	/* read-ahead still does not */
	expect(cache, &now_ns, "!10 !11 !12 9 7 4", "-2 -10 -11 + + +");
	mmsim_replacement_destroy(cache);
}

Test(replacement, young_old_near_the_head)
{
	struct mmsim_replacement *cache = create("young-old", 16);
	uint64_t now_ns = 0;

	/* [16 15 13 12 10 8 7 5 4 2 1][14 11 9 6 3] */
	for (uint64_t page = 1; page <= 16; page++)
		mmsim_replacement_access(cache, page, now_ns, false, NULL);
	cr_assert_eq(mmsim_replacement_set(cache, "old_blocks_time", 0), 0);
	/* 17 and 18 go to the head, then 17 is used: one page has gone since,
	 * and a quarter of the young part is 2, so it stays behind 18 */
	expect(cache, &now_ns, "17 18 17", "-3 -6 +");
	cr_assert_eq(mmsim_replacement_set(cache, "old_blocks_pct", 95), 0);
	/* 15 old ones, 1 young: 18 alone */
	cr_assert_eq(mmsim_replacement_set(cache, "old_blocks_time", 9999), 0);
	for (uint64_t page = 100; page < 115; page++)
		mmsim_replacement_access(cache, page, now_ns, false, NULL);
	cr_assert(mmsim_replacement_has(cache, 18));
	cr_assert_not(mmsim_replacement_has(cache, 17));
	mmsim_replacement_destroy(cache);
}

static unsigned count_hits(const char *policy, size_t capacity, uint64_t seed)
{
	struct mmsim_replacement *cache = create(policy, capacity);
	struct rng rng = {seed};
	unsigned hits = 0;

	for (uint64_t i = 0; i < 5000; i++) {
		/* small numbers are more frequent */
		uint64_t page = rng_below(&rng, 1 + rng_below(&rng, 200));

		hits += mmsim_replacement_access(cache, page, i, false, NULL) ==
			1;
	}
	mmsim_replacement_destroy(cache);
	return hits;
}

/* More room never costs hits. */
Test(replacement, lru_has_the_stack_property)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		unsigned before = 0;

		for (size_t capacity = 1; capacity <= 210; capacity += 3) {
			unsigned hits = count_hits("lru", capacity, seed);

			cr_assert_geq(hits, before, "%zu pages", capacity);
			before = hits;
		}
		cr_assert_geq(before, 4800, "all fits: only first uses miss");
	}
}

/* A cache of 100 is full of something; then 30 pages are used for a while, then
 * 1000 others, each `uses` times in a row; how many of the 30 are left. */
static unsigned left_after_scan(const char *policy, unsigned uses)
{
	struct mmsim_replacement *cache = create(policy, 100);
	uint64_t now_ns = 0;
	unsigned left = 0;

	for (unsigned i = 0; i < 100; i++)
		mmsim_replacement_access(cache, 5000 + i, now_ns, false, NULL);
	for (unsigned i = 0; i < 300; i++, now_ns += SECOND_NS / 10)
		mmsim_replacement_access(cache, i % 30, now_ns, false, NULL);
	for (unsigned i = 0; i < 1000; i++, now_ns += SECOND_NS / 1000)
		for (unsigned use = 0; use < uses; use++)
			mmsim_replacement_access(cache, 1000 + i, now_ns, false,
						 NULL);
	for (unsigned i = 0; i < 30; i++)
		left += mmsim_replacement_has(cache, i);
	mmsim_replacement_destroy(cache);
	return left;
}

Test(replacement, a_scan_pollutes)
{
	cr_assert_eq(left_after_scan("lru", 1), 0);
	cr_assert_eq(left_after_scan("two-lists", 1), 30);
	cr_assert_eq(left_after_scan("young-old", 1), 30);
	/* two uses in a row are second uses for Linux, one for InnoDB */
	cr_assert_eq(left_after_scan("two-lists", 2), 0);
	cr_assert_eq(left_after_scan("young-old", 2), 30);
}

/* --- plain models ------------------------------------------------------ */

enum { MODEL_MAX = 64, MODEL_PAGES = 100 };

struct model_page {
	uint64_t page, first_used, moved_at;
	bool used, referenced;
};

/* One array, from the head of the upper list to the end of the lower one; the
 * first `upper` pages are the upper list. */
struct model {
	const char *policy;
	int capacity, count, upper;
	struct model_page pages[MODEL_MAX + 1];
	uint64_t gone_at[MODEL_PAGES]; /* age, plus one; 0: never */
	uint64_t age, evicted, threshold;
	int pct;
};

static int model_find(const struct model *m, uint64_t page)
{
	for (int i = 0; i < m->count; i++)
		if (m->pages[i].page == page)
			return i;
	return -1;
}

static struct model_page model_remove(struct model *m, int at)
{
	struct model_page page = m->pages[at];

	memmove(&m->pages[at], &m->pages[at + 1],
		sizeof(page) * (size_t)(m->count - at - 1));
	m->count--;
	m->upper -= at < m->upper;
	return page;
}

static void model_insert(struct model *m, int at, struct model_page page)
{
	memmove(&m->pages[at + 1], &m->pages[at],
		sizeof(page) * (size_t)(m->count - at));
	m->pages[at] = page;
	m->count++;
}

static uint64_t model_evict(struct model *m)
{
	struct model_page page;

	/* the last of the upper list is behind the border when it moves */
	if (strcmp(m->policy, "two-lists") == 0)
		while (m->count - m->upper < m->upper)
			m->upper--;
	page = model_remove(m, m->count - 1);
	m->gone_at[page.page] = m->age + 1;
	m->age++;
	m->evicted++;
	return page.page;
}

static void model_to_head(struct model *m, int at)
{
	struct model_page page = model_remove(m, at);

	page.moved_at = m->evicted;
	page.referenced = false;
	model_insert(m, 0, page);
	m->upper++;
}

static void model_use(struct model *m, int at, uint64_t now)
{
	struct model_page *page = &m->pages[at];

	if (strcmp(m->policy, "lru") == 0) {
		model_to_head(m, at);
		m->upper = 0;
	} else if (strcmp(m->policy, "two-lists") == 0) {
		if (at >= m->upper && page->referenced) {
			model_to_head(m, at);
			m->age++;
		} else {
			page->referenced = true;
		}
	} else {
		if (!page->used)
			page->first_used = now;
		page->used = true;
		if (at < m->upper ? m->evicted - page->moved_at >=
					    (uint64_t)(m->upper / 4)
				  : now - page->first_used >= m->threshold)
			model_to_head(m, at);
		m->upper = m->count - m->count * m->pct / 100;
	}
}

static int model_access(struct model *m, uint64_t number, uint64_t now,
			bool is_readahead, uint64_t *gone)
{
	uint64_t away = m->gone_at[number] ? m->age + 1 - m->gone_at[number]
					   : UINT64_MAX;
	struct model_page page = {.page = number};
	int at = model_find(m, number), hit = at >= 0;

	*gone = MMSIM_NO_PAGE;
	if (!hit) {
		if (m->count == m->capacity)
			*gone = model_evict(m);
		at = m->upper;
		model_insert(m, at, page);
		if (strcmp(m->policy, "two-lists") == 0 &&
		    away <= (uint64_t)m->upper) {
			model_to_head(m, at);
			m->age++;
			at = 0;
		}
		if (strcmp(m->policy, "young-old") == 0)
			m->upper = m->count - m->count * m->pct / 100;
	}
	if (!is_readahead)
		model_use(m, at, now);
	return hit;
}

static void compare(const char *policy, int capacity, uint64_t seed)
{
	struct model model = {.policy = policy,
			      .capacity = capacity,
			      .pct = 37,
			      .threshold = 50000000};
	struct mmsim_replacement *cache = create(policy, (size_t)capacity);
	struct rng rng = {seed};
	uint64_t now = 0;

	if (strcmp(policy, "young-old") == 0)
		cr_assert_eq(
			mmsim_replacement_set(cache, "old_blocks_time", 50), 0);
	for (int i = 0; i < 5000; i++) {
		uint64_t page =
			rng_below(&rng, 1 + rng_below(&rng, MODEL_PAGES));
		bool is_readahead = rng_below(&rng, 8) == 0;
		uint64_t gone[2];
		int hit[2];

		now += rng_below(&rng, 4000000);
		hit[0] = mmsim_replacement_access(cache, page, now,
						  is_readahead, &gone[0]);
		hit[1] =
			model_access(&model, page, now, is_readahead, &gone[1]);
		cr_assert(hit[0] == hit[1] && gone[0] == gone[1],
			  "%s, %d pages, seed %lu, access %d of page %lu: "
			  "hit %d and %d, gone %lu and %lu",
			  policy, capacity, (unsigned long)seed, i,
			  (unsigned long)page, hit[0], hit[1],
			  (unsigned long)gone[0], (unsigned long)gone[1]);
	}
	for (uint64_t page = 0; page < MODEL_PAGES; page++)
		cr_assert_eq(mmsim_replacement_has(cache, page),
			     model_find(&model, page) >= 0);
	mmsim_replacement_destroy(cache);
}

Test(replacement, random_traces_beside_a_model)
{
	static const char *const policies[] = {"lru", "two-lists", "young-old"};
	static const int capacities[] = {1, 2, 3, 7, 20, 50, MODEL_MAX};

	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		for (size_t j = 0;
		     j < sizeof(capacities) / sizeof(capacities[0]); j++)
			for (uint64_t seed = 1; seed <= 4; seed++)
				compare(policies[i], capacities[j], seed);
}

/* --- the table --------------------------------------------------------- */

static char *table_text(uint64_t seed)
{
	ssize_t len = mmsim_replacement_table(seed, NULL, 0);
	char *text;

	cr_assert_gt(len, 0);
	text = malloc((size_t)len + 1);
	cr_assert_eq(mmsim_replacement_table(seed, text, (size_t)len + 1), len);
	cr_assert_eq(strlen(text), (size_t)len);
	return text;
}

/* lru, two-lists, young-old, in % */
static void row(const char *text, const char *name, double v[3])
{
	const char *line = strstr(text, name);

	cr_assert_not_null(line, "%s", text);
	cr_assert_eq(
		sscanf(line + strlen(name), "%lf %lf %lf", &v[0], &v[1], &v[2]),
		3, "%s", line);
}

static void check_table(const char *text)
{
	double v[3];

	row(text, "\nworking set  ", v);
	cr_assert(v[0] == 100 && v[1] == 100 && v[2] == 100, "%s", text);
	/* both of the others keep what one list loses */
	row(text, "+ read-ahead, useless", v);
	cr_assert(v[0] < 50 && v[1] > 85 && v[2] > 90, "%s", text);
	row(text, "+ scan, one use", v);
	cr_assert(v[0] < 65 && v[1] > 90 && v[2] > 90, "%s", text);
	/* second uses at once deceive Linux's lists */
	row(text, "+ scan of rows", v);
	cr_assert(v[0] < 65 && v[1] < 65 && v[2] > 90, "%s", text);
	/* who learns slowly forgets slowly, too */
	row(text, "\nworking set, moving", v);
	cr_assert(v[0] >= v[1] && v[0] >= v[2], "%s", text);
	/* a loop is the worst case where the oldest page goes, and harmless to
	 * a young part that nobody gets into: 630 of 1250 pages */
	row(text, "\nloop, too large", v);
	cr_assert(v[0] == 0 && v[1] == 0, "%s", text);
	cr_assert(v[2] > 50 && v[2] < 51, "%s", text);
}

Test(replacement, the_table)
{
	char *text = table_text(1), *again = table_text(1);
	char *other = table_text(2), cut[20];

	cr_assert_str_eq(text, again);
	cr_assert_str_neq(text, other);
	check_table(text);
	check_table(other);
	cr_assert_eq(mmsim_replacement_table(1, cut, sizeof(cut)),
		     (ssize_t)strlen(text));
	cr_assert(strncmp(cut, text, sizeof(cut) - 1) == 0 && !cut[19]);
	cr_assert_eq(mmsim_replacement_table(1, NULL, 5), -EFAULT);
	free(text);
	free(again);
	free(other);
}

Test(replacement, bad_input)
{
	struct mmsim_replacement *cache = NULL;
	uint64_t gone;

	cr_assert_eq(mmsim_replacement_create("fifo", 4, &cache), -EINVAL);
	cr_assert_eq(mmsim_replacement_create("lru", 0, &cache), -EINVAL);
	cr_assert_eq(mmsim_replacement_create(NULL, 4, &cache), -EFAULT);
	cr_assert_eq(mmsim_replacement_create("lru", 4, NULL), -EFAULT);
	cr_assert_null(cache);
	cr_assert_eq(mmsim_replacement_access(NULL, 1, 0, false, &gone),
		     -EINVAL);
	cr_assert_eq(mmsim_replacement_set(NULL, "x", 0), -EINVAL);
	cr_assert_not(mmsim_replacement_has(NULL, 1));
	mmsim_replacement_destroy(NULL);

	cache = create("lru", 2);
	cr_assert_eq(mmsim_replacement_set(cache, "old_blocks_pct", 37),
		     -ENOENT);
	cr_assert_eq(mmsim_replacement_access(cache, 1, 5, false, NULL), 0);
	cr_assert_eq(mmsim_replacement_access(cache, 1, 4, false, NULL),
		     -EINVAL);
	cr_assert_eq(
		mmsim_replacement_access(cache, MMSIM_NO_PAGE, 9, false, &gone),
		-EINVAL);
	cr_assert_eq(mmsim_replacement_access(cache, MMSIM_NO_PAGE - 1, 5,
					      false, &gone),
		     0);
	cr_assert_eq(gone, MMSIM_NO_PAGE);
	mmsim_replacement_destroy(cache);

	cache = create("young-old", 2);
	cr_assert_eq(mmsim_replacement_set(cache, "old_blocks_pct", 4),
		     -EINVAL);
	cr_assert_eq(mmsim_replacement_set(cache, "old_blocks_pct", 96),
		     -EINVAL);
	cr_assert_eq(mmsim_replacement_set(cache, "old_blocks_time",
					   (uint64_t)1 << 32),
		     -EINVAL);
	cr_assert_eq(mmsim_replacement_set(cache, "old_blocks", 1), -ENOENT);
	cr_assert_eq(mmsim_replacement_set(cache, NULL, 1), -EFAULT);
	mmsim_replacement_destroy(cache);
}
