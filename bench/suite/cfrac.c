/*
 * cfrac: factors whole numbers; every intermediate number is a small object.
 *
 * After cfrac by Dave Barrett, a program that allocator studies have used since
 * Zorn and Grunwald (1992).  The method is the continued fraction algorithm of
 * Morrison and Brillhart, "A method of factoring and the factorization of F7"
 * (1975).  The continued fraction of sqrt(n) yields pairs with
 *
 *     A * A = +-Q (modulo n),    Q < 2 sqrt(n)
 *
 * Those whose Q is a product of primes of a small base are relations.  With
 * more relations than primes, some product of them is a square on both sides,
 * x * x = y * y, and the common divisor of n and x - y is often a factor.
 *
 * The numbers have 80 bits and are the product of two primes.  Each step makes
 * some ten numbers of 12..28 bytes and drops as many: single-threaded, short
 * lives, tiny sizes, little memory.
 */
#include "bignum.h"
#include "suite.h"

enum { NR_PRIMES = 90, EXTRA = 16, NR_RELATIONS = NR_PRIMES + 1 + EXTRA };
enum { FACTORED = 30, PRIME_BITS = 40, MASK_WORDS = 2 };

/* The prime base of one n; column 0 of a mask is the sign. */
struct base {
	uint32_t prime[NR_PRIMES];
};

struct relation {
	struct big *a;
	uint64_t mask[MASK_WORDS];   /* columns with an odd exponent */
	uint64_t merged[MASK_WORDS]; /* relations that were multiplied in */
	uint8_t exponent[1 + NR_PRIMES];
};

/* The continued fraction at one of its steps. */
struct fraction {
	struct big *n;
	struct big *root; /* of n, rounded down */
	struct big *p, *q;
	struct big *a, *a_before; /* numerators of the convergents, modulo n */
	bool negative;            /* a * a = -q, not q */
};

static uint64_t power_mod(uint64_t base, uint64_t exponent, uint64_t n)
{
	unsigned __int128 square = base % n, power = 1;

	for (; exponent; exponent >>= 1) {
		if (exponent & 1)
			power = power * square % n;
		square = square * square % n;
	}
	return (uint64_t)power;
}

/* Fermat's test; good enough to draw numbers that are hard to factor. */
static bool is_probably_prime(uint64_t n)
{
	return power_mod(2, n - 1, n) == 1 && power_mod(3, n - 1, n) == 1;
}

static uint64_t draw_prime(struct rng *r)
{
	uint64_t n = (uint64_t)rng_next(r) << 32 | rng_next(r);

	n = n >> (64 - PRIME_BITS) | UINT64_C(1) << (PRIME_BITS - 1) | 1;
	while (!is_probably_prime(n))
		n += 2;
	return n;
}

static void replace(struct big **place, struct big *with)
{
	big_put(*place);
	*place = with;
}

static struct big *mul_mod(const struct big *a, const struct big *b,
			   const struct big *n)
{
	struct big *product = big_mul(a, b);
	struct big *rest = big_mod(product, n);

	big_put(product);
	return rest;
}

static void fraction_init(struct fraction *f, struct big *n)
{
	*f = (struct fraction){.n = big_get(n),
			       .root = big_sqrt(n),
			       .p = big_from(0),
			       .q = big_from(1),
			       .a = big_from(1),
			       .a_before = big_from(0)};
}

static void fraction_fini(struct fraction *f)
{
	big_put(f->n);
	big_put(f->root);
	big_put(f->p);
	big_put(f->q);
	big_put(f->a);
	big_put(f->a_before);
}

static void fraction_step(struct fraction *f)
{
	struct big *sum = big_add(f->root, f->p);
	struct big *term = big_div(sum, f->q);
	struct big *t = big_mul(term, f->q);
	struct big *square;

	/* p = term * q - p;  q = (n - p * p) / q, which leaves no rest. */
	replace(&f->p, big_sub(t, f->p));
	square = big_mul(f->p, f->p);
	replace(&t, big_sub(f->n, square));
	replace(&f->q, big_div(t, f->q));
	big_put(square);

	/* a = term * a + a_before */
	replace(&t, big_mul(term, f->a));
	replace(&sum, big_add(t, f->a_before));
	replace(&f->a_before, f->a);
	f->a = big_mod(sum, f->n);
	f->negative = !f->negative;
	big_put(sum);
	big_put(term);
	big_put(t);
}

static bool is_small_prime(uint32_t n)
{
	for (uint32_t d = 3; d * d <= n; d += 2)
		if (n % d == 0)
			return false;
	return n % 2 != 0;
}

/* 2 and the odd primes for which n is a square. */
static void base_init(struct base *base, const struct big *n)
{
	uint32_t p = 3;

	base->prime[0] = 2;
	for (int i = 1; i < NR_PRIMES; p += 2) {
		uint32_t rest = big_mod_small(n, p);

		if (is_small_prime(p) && power_mod(rest, (p - 1) / 2, p) <= 1)
			base->prime[i++] = p;
	}
}

/* Divides q by the primes of the base; true when nothing else is left. */
static bool is_smooth(const struct base *base, struct big *q, uint8_t *exponent)
{
	struct big *rest = big_get(q);
	bool smooth;

	for (int i = 0; i < NR_PRIMES; i++) {
		while (!big_mod_small(rest, base->prime[i])) {
			replace(&rest, big_div_small(rest, base->prime[i]));
			exponent[1 + i]++;
		}
	}
	smooth = big_is(rest, 1);
	big_put(rest);
	return smooth;
}

static void set_bit(uint64_t *mask, int bit)
{
	mask[bit / 64] |= UINT64_C(1) << bit % 64;
}

static bool has_bit(const uint64_t *mask, int bit)
{
	return mask[bit / 64] >> bit % 64 & 1;
}

static void collect(struct fraction *f, const struct base *base,
		    struct relation **relation)
{
	int found = 0;

	while (found < NR_RELATIONS) {
		struct relation *r = calloc(1, sizeof *r);

		if (!r)
			out_of_memory("calloc", sizeof *r);
		do {
			memset(r->exponent, 0, sizeof r->exponent);
			fraction_step(f);
		} while (!is_smooth(base, f->q, r->exponent));
		r->exponent[0] = f->negative;
		r->a = big_get(f->a);
		for (int i = 0; i <= NR_PRIMES; i++)
			if (r->exponent[i] % 2)
				set_bit(r->mask, i);
		set_bit(r->merged, found);
		relation[found++] = r;
	}
}

/* Gauss: afterwards the relations without a bit in their mask are squares. */
static void eliminate(struct relation **relation)
{
	bool used[NR_RELATIONS] = {false};

	for (int column = 0; column <= NR_PRIMES; column++) {
		int pivot = 0;

		while (pivot < NR_RELATIONS &&
		       (used[pivot] || !has_bit(relation[pivot]->mask, column)))
			pivot++;
		if (pivot == NR_RELATIONS)
			continue;
		used[pivot] = true;
		for (int i = 0; i < NR_RELATIONS; i++) {
			struct relation *r = relation[i], *p = relation[pivot];

			if (i == pivot || !has_bit(r->mask, column))
				continue;
			for (int w = 0; w < MASK_WORDS; w++) {
				r->mask[w] ^= p->mask[w];
				r->merged[w] ^= p->merged[w];
			}
		}
	}
}

/* The divisor that a square of relations leads to: 1 or n when it is none. */
static struct big *divisor(struct relation *const *relation,
			   const uint64_t *merged, const struct base *base,
			   const struct big *n)
{
	uint32_t exponent[1 + NR_PRIMES] = {0};
	struct big *x = big_from(1), *y = big_from(1), *sum, *d;

	for (int i = 0; i < NR_RELATIONS; i++) {
		if (!has_bit(merged, i))
			continue;
		replace(&x, mul_mod(x, relation[i]->a, n));
		for (int c = 0; c <= NR_PRIMES; c++)
			exponent[c] += relation[i]->exponent[c];
	}
	for (int c = 0; c < NR_PRIMES; c++) {
		struct big *prime = big_from(base->prime[c]);

		for (uint32_t i = 0; i < exponent[1 + c] / 2; i++)
			replace(&y, mul_mod(y, prime, n));
		big_put(prime);
	}
	sum = big_add(x, y);
	d = big_gcd(sum, n);
	big_put(sum);
	big_put(x);
	big_put(y);
	return d;
}

/* A divisor of n that is neither 1 nor n. */
static struct big *factor(struct big *n)
{
	struct relation *relation[NR_RELATIONS];
	struct big *found = NULL;
	struct fraction f;
	struct base base;

	fraction_init(&f, n);
	base_init(&base, n);
	collect(&f, &base, relation);
	fraction_fini(&f);
	eliminate(relation);
	for (int i = 0; i < NR_RELATIONS && !found; i++) {
		const struct relation *r = relation[i];

		if (r->mask[0] || r->mask[1])
			continue;
		found = divisor(relation, r->merged, &base, n);
		if (big_is(found, 1) || !big_compare(found, n)) {
			big_put(found);
			found = NULL;
		}
	}
	for (int i = 0; i < NR_RELATIONS; i++) {
		big_put(relation[i]->a);
		free(relation[i]);
	}
	return found;
}

static void factor_product(uint64_t p, uint64_t q)
{
	struct big *a = big_from(p), *b = big_from(q);
	struct big *n = big_mul(a, b);
	struct big *d = factor(n);
	uint64_t found;

	if (!d)
		suite_fail("no factor of %ju * %ju was found", (uintmax_t)p,
			   (uintmax_t)q);
	found = big_low(d);
	if (found != p && found != q)
		suite_fail("%ju is no factor of %ju * %ju", (uintmax_t)found,
			   (uintmax_t)p, (uintmax_t)q);
	big_put(d);
	big_put(n);
	big_put(b);
	big_put(a);
}

static void cfrac(struct suite_run *run)
{
	uint64_t numbers = suite_count(run, FACTORED);
	struct rng r = {.state = 97};

	suite_begin(run);
	for (uint64_t i = 0; i < numbers; i++) {
		uint64_t p = draw_prime(&r);

		factor_product(p, draw_prime(&r));
	}
	suite_end(run);
	run->ops = big_made();
}

const struct suite_row cfrac_rows[] = {
	{.name = "cfrac", .threads = 1, .work = cfrac},
	{.name = NULL},
};
