/*
 * Objects of one size: none is given out twice, all are aligned and keep what
 * is written to them, and freed ones come again.
 */
#include "base/pool.h"

#include "base/hostmem.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(pool);

Test(pool, objects_do_not_overlap)
{
	enum { N = 20000, SIZE = 72 };
	static unsigned char *objects[N];
	struct pool pool;

	pool_init(&pool, SIZE);
	cr_assert_eq(pool.object_size, 80, "a multiple of 16");
	for (int i = 0; i < N; i++) {
		objects[i] = pool_alloc(&pool);
		cr_assert_not_null(objects[i]);
		cr_assert_eq((uintptr_t)objects[i] % 16, 0);
		memset(objects[i], i & 255, pool.object_size);
	}
	for (int i = 0; i < N; i++)
		for (size_t j = 0; j < pool.object_size; j++)
			cr_assert_eq(objects[i][j], i & 255);
	cr_assert_eq(pool.nr_used, N);
	cr_assert_geq(pool.host_bytes, N * pool.object_size);
	cr_assert_leq(pool.host_bytes, N * pool.object_size * 5 / 4 + MIB);
	pool_fini(&pool);
	cr_assert_eq(pool.host_bytes, 0);
}

Test(pool, freed_objects_come_again)
{
	struct pool pool;
	void *a, *b, *c;

	pool_init(&pool, 64);
	a = pool_alloc(&pool);
	b = pool_alloc(&pool);
	cr_assert_neq(a, b);
	pool_free(&pool, a);
	pool_free(&pool, b);
	cr_assert_eq(pool.nr_used, 0);
	c = pool_alloc(&pool);
	cr_assert_eq(c, b, "the last freed is the first to be used");
	cr_assert_eq(pool_alloc(&pool), a);
	pool_fini(&pool);
}

Test(pool, zalloc_clears_a_used_object)
{
	struct pool pool;
	unsigned char *a;

	pool_init(&pool, 128);
	a = pool_alloc(&pool);
	memset(a, 0xff, 128);
	pool_free(&pool, a);
	cr_assert_eq(pool_zalloc(&pool), a);
	for (int i = 0; i < 128; i++)
		cr_assert_eq(a[i], 0);
	pool_fini(&pool);
}

Test(pool, whole_pages_are_page_aligned_and_zero)
{
	struct pool pool;

	pool_init(&pool, 4096);
	for (int i = 0; i < 600; i++) {
		unsigned char *page = pool_zalloc(&pool);

		cr_assert_eq((uintptr_t)page % 4096, 0);
		cr_assert_eq(page[0] | page[4095], 0);
		memset(page, 1, 4096);
	}
	pool_fini(&pool);
}

Test(pool, objects_larger_than_a_block)
{
	struct pool pool;
	char *a, *b;

	pool_init(&pool, 3 * MIB);
	a = pool_alloc(&pool);
	b = pool_alloc(&pool);
	cr_assert_not_null(a);
	cr_assert_not_null(b);
	memset(a, 1, 3 * MIB);
	memset(b, 2, 3 * MIB);
	cr_assert_eq(a[3 * MIB - 1], 1);
	pool_fini(&pool);
}

Test(pool, hostmem_is_not_charged_and_purged)
{
	size_t len = (size_t)1 << 40;
	char *addr = hostmem_map(len);

	cr_assert_not_null(addr, "a terabyte that nobody touches");
	addr[0] = 1;
	addr[len - 1] = 1;
	hostmem_purge(addr, 4096);
	cr_assert_eq(addr[0], 0);
	cr_assert_eq(addr[len - 1], 1);
	hostmem_unmap(addr, len);
	cr_assert_null(hostmem_map(0));
	cr_assert_null(hostmem_map(SIZE_MAX));
}
