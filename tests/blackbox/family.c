/*
 * family.c: the rules of malloc, calloc, free and their relatives.
 *
 * The whole family is there, or none of it: a program that finds half of the
 * functions here and half of them in libc frees one allocator's block with
 * the other.  Impossible sizes give NULL and ENOMEM in every function, a
 * request for nothing is a block of its own, every block is 16-byte aligned,
 * and free leaves errno alone.  The rules are those of malloc(3) and of the
 * GNU C library's manual; realloc and the aligned functions have files of
 * their own.
 */
#include "family.h"

#include <malloc.h>

FAMILY_START

static const char *const family_names[] = {"malloc",
					   "calloc",
					   "realloc",
					   "reallocarray",
					   "free",
					   "memalign",
					   "aligned_alloc",
					   "posix_memalign",
					   "valloc",
					   "pvalloc",
					   "malloc_usable_size",
					   "cfree",
					   "free_sized",
					   "free_aligned_sized",
					   "mallopt",
					   "mallinfo",
					   "mallinfo2",
					   "malloc_trim",
					   "malloc_stats",
					   "malloc_info",
					   "__libc_malloc",
					   "__libc_free",
					   "__libc_calloc",
					   "__libc_realloc",
					   "__libc_memalign",
					   "__libc_valloc",
					   "__libc_pvalloc",
					   "__posix_memalign",
					   "__libc_cfree",
					   NULL};

Test(family, all_functions_come_from_one_library)
{
	Dl_info first, info;
	int i;

	cr_assert(dladdr(dlsym(RTLD_DEFAULT, "malloc"), &first));
	for (i = 0; family_names[i]; i++) {
		void *f = dlsym(RTLD_DEFAULT, family_names[i]);

		cr_expect(f, "%s is missing", family_names[i]);
		if (!f)
			continue;
		cr_assert(dladdr(f, &info));
		cr_expect(info.dli_fbase == first.dli_fbase, "%s comes from %s",
			  family_names[i], info.dli_fname);
	}
}

Test(family, sizes_over_ptrdiff_max_fail_everywhere)
{
	const size_t most = PTRDIFF_MAX;
	const size_t sizes[] = {
		most + 1,        most + 2,        most + 4096,
		most + 65536,    SIZE_MAX - 8192, SIZE_MAX - 4096,
		SIZE_MAX - 4095, SIZE_MAX - 64,   SIZE_MAX - 32,
		SIZE_MAX - 16,   SIZE_MAX - 8,    SIZE_MAX - 1,
		SIZE_MAX};
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = hide(sizes[i]);
		void *out = &out;

		EXPECT_ENOMEM(malloc(n));
		EXPECT_ENOMEM(calloc(1, n));
		EXPECT_ENOMEM(calloc(n, 1));
		EXPECT_ENOMEM(realloc(NULL, n));
		EXPECT_ENOMEM(reallocarray(NULL, 1, n));
		EXPECT_ENOMEM(reallocarray(NULL, n, 1));
		EXPECT_ENOMEM(memalign(8, n));
		EXPECT_ENOMEM(memalign(64, n));
		EXPECT_ENOMEM(memalign(65536, n));
		EXPECT_ENOMEM(aligned_alloc(64, n));
		EXPECT_ENOMEM(valloc(n));
		EXPECT_ENOMEM(pvalloc(n));
		cr_expect_eq(posix_memalign(&out, 64, n), ENOMEM);
		cr_expect(out == &out, "posix_memalign wrote its result");
	}
}

/* Allowed by the rule, but no machine has it. */
Test(family, sizes_no_address_space_holds_fail)
{
	const size_t sizes[] = {PTRDIFF_MAX,        PTRDIFF_MAX - 15,
				PTRDIFF_MAX - 4096, (size_t)1 << 62,
				(size_t)1 << 56,    (size_t)1 << 48};
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = hide(sizes[i]);

		EXPECT_ENOMEM(malloc(n));
		EXPECT_ENOMEM(calloc(n / 2, 2));
		EXPECT_ENOMEM(realloc(NULL, n));
		EXPECT_ENOMEM(memalign(4096, n));
		EXPECT_ENOMEM(aligned_alloc(4096, n));
		EXPECT_ENOMEM(valloc(n));
		EXPECT_ENOMEM(pvalloc(n));
	}
}

Test(family, product_overflow_fails)
{
	const size_t half = (size_t)1 << 32;
	const size_t pairs[][2] = {{SIZE_MAX / 2 + 1, 2},
				   {2, SIZE_MAX / 2 + 1},
				   {half, half},
				   {half + 1, half},
				   {SIZE_MAX / 16 + 1, 16},
				   {16, SIZE_MAX / 16 + 2},
				   {SIZE_MAX, SIZE_MAX},
				   {SIZE_MAX / 3 + 1, 3}};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		size_t n = hide(pairs[i][0]);
		size_t size = hide(pairs[i][1]);
		unsigned char *p = malloc(100);

		cr_assert(p);
		pattern_fill(p, 100, i);
		EXPECT_ENOMEM(calloc(n, size));
		EXPECT_ENOMEM(reallocarray(NULL, n, size));
		EXPECT_ENOMEM(reallocarray(hide_ptr(p), n, size));
		cr_expect_eq(pattern_differs(p, 100, i), 100);
		free(p);
	}
	EXPECT_ENOMEM(pvalloc(hide(SIZE_MAX)));
	EXPECT_ENOMEM(pvalloc(hide(SIZE_MAX - page_bytes() + 2)));
}

Test(family, zero_times_anything_is_a_block)
{
	void *a = calloc(hide(0), hide(SIZE_MAX));
	void *b = calloc(hide(SIZE_MAX), hide(0));

	cr_expect(a && b && a != b);
	free(a);
	free(b);
}

Test(family, every_request_for_nothing_is_unique)
{
	enum { N = 700 };
	static void *got[N];
	size_t i, k;

	for (i = 0; i < N; i++) {
		switch (i % 7) {
		case 0:
			got[i] = malloc(hide(0));
			break;
		case 1:
			got[i] = calloc(hide(0), hide(8));
			break;
		case 2:
			got[i] = realloc(NULL, hide(0));
			break;
		case 3:
			got[i] = reallocarray(NULL, hide(0), hide(8));
			break;
		case 4:
			got[i] = memalign(16, hide(0));
			break;
		case 5:
			got[i] = aligned_alloc(64, hide(0));
			break;
		default:
			cr_assert_eq(posix_memalign(&got[i], 32, 0), 0);
		}
		cr_assert(got[i], "kind %zu gave NULL", i % 7);
		for (k = 0; k < i; k++)
			if (got[k] == got[i])
				cr_assert_fail("blocks %zu and %zu are one", k,
					       i);
	}
	for (i = 0; i < N; i++)
		free(got[i]);
}

Test(family, malloc_is_16_byte_aligned_up_to_70000)
{
	enum { KEEP = 64 };
	static void *kept[KEEP];
	size_t n;

	for (n = 0; n <= 70000; n++) {
		void *p = malloc(n);

		if (!p || (uintptr_t)p % 16)
			cr_assert_fail("malloc(%zu) gave %p", n, p);
		free(kept[n % KEEP]);
		kept[n % KEEP] = p;
	}
}

Test(family, the_others_are_16_byte_aligned_too)
{
	size_t n;

	for (n = 0; n <= 70000; n += n < 3000 ? 1 : 37) {
		void *a = calloc(1, n);
		void *b = realloc(NULL, n);
		void *c = realloc(malloc(n / 3), n + 1);
		void *d = memalign(1, n);
		void *e = memalign(hide(0), n);

		if (((uintptr_t)a | (uintptr_t)b | (uintptr_t)c | (uintptr_t)d |
		     (uintptr_t)e) %
		    16)
			cr_assert_fail("size %zu: %p %p %p %p %p", n, a, b, c,
				       d, e);
		free(a), free(b), free(c), free(d), free(e);
	}
}

Test(family, usable_size_is_usable)
{
	size_t n;

	cr_expect_eq(malloc_usable_size(NULL), 0);
	for (n = 0; n < 300000; n += n < 2100 ? 1 : n / 16) {
		unsigned char *p[3];
		size_t have[3], k;

		for (k = 0; k < 3; k++) {
			p[k] = malloc(n);
			cr_assert(p[k]);
			have[k] = malloc_usable_size(p[k]);
			if (have[k] < n)
				cr_assert_fail("%zu of %zu", have[k], n);
			pattern_fill(p[k], have[k], n + k);
		}
		for (k = 0; k < 3; k++) {
			if (pattern_differs(p[k], have[k], n + k) != have[k])
				cr_assert_fail("size %zu, block %zu", n, k);
			free(p[k]);
		}
	}
}

Test(family, free_of_null_does_nothing)
{
	errno = 0;
	free(hide_ptr(NULL));
	cr_expect_eq(errno, 0);
}

/* From the cache, from the arena with a trim at its end, by munmap. */
Test(family, free_preserves_errno)
{
	size_t n, k;

	for (n = 1; n < 100 * MIB; n = n * 3 / 2 + 1) {
		void *p[8];

		for (k = 0; k < 8; k++) {
			p[k] = malloc(n);
			cr_assert(p[k]);
			memset(p[k], 1, n < 4 * MIB ? n : 4096);
		}
		for (k = 8; k-- > 0;) {
			errno = EDOM;
			free(p[k]);
			if (errno != EDOM)
				cr_assert_fail("size %zu: errno %d", n, errno);
		}
	}
}

Test(family, success_leaves_errno_alone)
{
	size_t n;

	for (n = 0; n < 4 * MIB; n = n * 2 + 1) {
		void *p, *q;

		errno = EDOM;
		p = malloc(n);
		q = calloc(1, n);
		p = realloc(p, n + 100);
		if (!p || !q || errno != EDOM)
			cr_assert_fail("size %zu: errno %d", n, errno);
		free(p);
		free(q);
	}
}

typedef void free_sized_fn(void *, size_t);
typedef void free_aligned_sized_fn(void *, size_t, size_t);
typedef void free_fn(void *);

Test(family, c23_and_old_ways_to_free)
{
	free_sized_fn *sized = (free_sized_fn *)find_function("free_sized");
	free_aligned_sized_fn *aligned =
		(free_aligned_sized_fn *)find_function("free_aligned_sized");
	free_fn *old = (free_fn *)find_function("cfree");
	size_t n, before, round;

	cr_assert(sized && aligned && old);
	sized(NULL, 0);
	aligned(NULL, 64, 0);
	old(NULL);
	before = rss_bytes();
	for (round = 0; round < 20; round++)
		for (n = 0; n < 3 * MIB; n = n * 2 + 7) {
			errno = EDOM;
			sized(memset(malloc(n), 1, n), n);
			aligned(memset(aligned_alloc(256, n), 1, n), 256, n);
			old(memset(malloc(n), 1, n));
			cr_assert_eq(errno, EDOM);
		}
	cr_expect(rss_bytes() < before + 32 * MIB, "blocks were not freed");
}

Test(family, pvalloc_rounds_up_to_pages)
{
	const size_t page = page_bytes();
	const size_t sizes[] = {0, 1, 100, page - 1, page, page + 1, 100000};
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = (sizes[i] + page - 1) / page * page;
		unsigned char *p = pvalloc(sizes[i]);
		unsigned char *v = valloc(sizes[i]);

		cr_assert(p && v && p != v);
		cr_expect_eq((uintptr_t)p % page, 0);
		cr_expect_eq((uintptr_t)v % page, 0);
		cr_expect(malloc_usable_size(p) >= n);
		cr_expect(malloc_usable_size(v) >= sizes[i]);
		memset(p, 1, n);
		memset(v, 2, sizes[i]);
		cr_expect_eq(bytes_differ(p, n, 1), n);
		free(p);
		free(v);
	}
}

Test(family, libc_names_are_the_same_functions)
{
	void *(*m)(size_t) = (void *(*)(size_t))find_function("__libc_malloc");
	void *(*c)(size_t, size_t) =
		(void *(*)(size_t, size_t))find_function("__libc_calloc");
	void *(*r)(void *, size_t) =
		(void *(*)(void *, size_t))find_function("__libc_realloc");
	void *(*a)(size_t, size_t) =
		(void *(*)(size_t, size_t))find_function("__libc_memalign");
	void *(*v)(size_t) = (void *(*)(size_t))find_function("__libc_valloc");
	free_fn *f = (free_fn *)find_function("__libc_free");
	size_t n;

	cr_assert(m && c && r && a && v && f);
	for (n = 1; n < 1000000; n *= 7) {
		unsigned char *p = m(n), *q = c(1, n), *s = a(128, n);
		unsigned char *t = v(n);

		cr_assert(p && q && s && t);
		cr_expect_eq(bytes_differ(q, n, 0), n);
		cr_expect_eq((uintptr_t)s % 128, 0);
		cr_expect_eq((uintptr_t)t % page_bytes(), 0);
		pattern_fill(p, n, n);
		p = realloc(p, 2 * n);
		cr_assert(p);
		p = r(p, 3 * n);
		cr_assert(p);
		cr_expect_eq(pattern_differs(p, n, n), n);
		free(p);
		f(malloc(n));
		f(q);
		free(s);
		free(t);
	}
	EXPECT_ENOMEM(m(hide(SIZE_MAX)));
	EXPECT_ENOMEM(c(hide(SIZE_MAX), 2));
	EXPECT_ENOMEM(r(NULL, hide(SIZE_MAX)));
}
