/*
 * os_failing.c: the failing backend refuses what it is told to refuse, changes
 * nothing when it does, and counts.
 */
#include "unit.h"

#include <errno.h>

static struct mmsim_os_failing f;
static size_t page;

static void setup(void)
{
	mmsim_os_failing_init(&f, NULL);
	page = f.os.page_size;
}

TestSuite(os_failing, .init = setup);

Test(os_failing, passes_on_and_counts)
{
	void *p = f.os.map(f.os.ctx, 4 * page);
	void *r = f.os.reserve(f.os.ctx, 8 * page);

	cr_assert_eq(f.under, mmsim_os_host());
	cr_assert_eq(page, f.under->page_size);
	cr_assert_not_null(p);
	cr_assert_eq(f.bytes_held, (intptr_t)(12 * page));
	cr_assert_eq(f.os.commit(f.os.ctx, r, page), 0);
	cr_assert_eq(f.os.decommit(f.os.ctx, r, page), 0);
	cr_assert_eq(f.os.purge(f.os.ctx, p, page), 0);
	p = f.os.remap(f.os.ctx, p, 4 * page, 6 * page, 1);
	cr_assert_eq(f.bytes_held, (intptr_t)(14 * page));
	cr_assert_eq(f.os.unmap(f.os.ctx, p, 6 * page), 0);
	cr_assert_eq(f.os.unmap(f.os.ctx, r, 8 * page), 0);
	cr_assert_eq(f.bytes_held, 0);
	cr_assert_eq(f.nr_map, 3u);
	cr_assert_eq(f.nr_unmap, 2u);
	cr_assert_eq(f.nr_commit, 1u);
	cr_assert_eq(f.nr_purge, 2u);
	cr_assert_eq(f.nr_calls, 8u);
	cr_assert_eq(f.nr_refused, 0u);
}

Test(os_failing, refuses_the_nth_and_those_after_it)
{
	f.fail_at = 2;
	f.fail_count = 2;
	for (int i = 1; i <= 4; i++) {
		void *p = f.os.map(f.os.ctx, page);

		cr_assert_eq(p == NULL, i == 2 || i == 3);
		if (p)
			f.under->unmap(f.under->ctx, p, page);
	}
	cr_assert_eq(f.nr_refused, 2u);
	cr_assert_eq(f.nr_calls, 4u);
}

Test(os_failing, a_count_of_none_means_one)
{
	f.fail_at = 1;
	cr_assert_null(f.os.map(f.os.ctx, page));
	cr_assert_not_null(f.os.map(f.os.ctx, page));
}

/* Each operation is refused once, and has then done nothing. */
Test(os_failing, every_operation_that_can_fail_is_refused)
{
	char *p = f.under->map(f.under->ctx, 4 * page);
	void *brk = f.os.sbrk(f.os.ctx, 0);

	pattern_fill(p, 4 * page, 1);
	cr_assert_eq(f.nr_calls, 0u);
	f.fail_at = 1;
	f.fail_count = 100;
	cr_assert_null(f.os.sbrk(f.os.ctx, (intptr_t)page));
	cr_assert_eq(f.os.sbrk(f.os.ctx, 0), brk);
	cr_assert_null(f.os.map(f.os.ctx, page));
	cr_assert_null(f.os.reserve(f.os.ctx, page));
	cr_assert_null(f.os.remap(f.os.ctx, p, 4 * page, 2 * page, 1));
	cr_assert_lt(f.os.commit(f.os.ctx, p, page), 0);
	cr_assert_lt(f.os.decommit(f.os.ctx, p, page), 0);
	cr_assert_lt(f.os.unmap(f.os.ctx, p, page), 0);
	cr_assert_lt(f.os.purge(f.os.ctx, p, page), 0);
	cr_assert_lt(f.os.populate(f.os.ctx, p, page), 0);
	cr_assert(pattern_holds(p, 4 * page, 1));
	cr_assert_eq(f.nr_refused, 9u);
	cr_assert_eq(f.nr_calls, 9u);
	cr_assert_eq(f.bytes_held, 0);
}

Test(os_failing, what_cannot_fail_is_not_counted)
{
	f.fail_at = 1;
	f.fail_count = 100;
	cr_assert_geq(f.os.nr_cpus(f.os.ctx), 1u);
	cr_assert_gt(f.os.now_ns(f.os.ctx), 0u);
	cr_assert_neq(f.os.entropy(f.os.ctx), f.os.entropy(f.os.ctx));
	cr_assert_eq(f.nr_calls, 0u);
}

/* Memory runs out for good: what asks for none goes on. */
Test(os_failing, refuses_what_is_beyond_a_sum)
{
	char *p, *r;

	f.fail_after_bytes = 4 * page;
	p = f.os.map(f.os.ctx, 2 * page);
	r = f.os.reserve(f.os.ctx, 8 * page);
	cr_assert_not_null(p);
	cr_assert_not_null(r, "no memory yet");
	cr_assert_eq(f.os.commit(f.os.ctx, r, page), 0);
	cr_assert_null(f.os.map(f.os.ctx, 2 * page));
	cr_assert_null(f.os.remap(f.os.ctx, p, 2 * page, 4 * page, 1));
	cr_assert_not_null(f.os.remap(f.os.ctx, p, 2 * page, 3 * page, 1));
	cr_assert_eq(f.bytes_granted, 4 * page);
	cr_assert_null(f.os.sbrk(f.os.ctx, (intptr_t)page));
	cr_assert_lt(f.os.commit(f.os.ctx, r + page, page), 0);
	cr_assert_eq(f.os.decommit(f.os.ctx, r, page), 0);
	cr_assert_eq(f.os.unmap(f.os.ctx, r, 8 * page), 0);
	cr_assert_eq(f.nr_refused, 4u);
}
