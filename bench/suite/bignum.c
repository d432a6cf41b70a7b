/*
 * bignum: schoolbook arithmetic on digits of 32 bits.
 *
 * Division is Knuth's algorithm D (The Art of Computer Programming, volume 2,
 * 4.3.1); the square root is Newton's method.
 */
#include "bignum.h"

#include "../blocks.h"

#include <string.h>

static uint64_t made;

static struct big *big_new(uint32_t length)
{
	struct big *a = malloc(sizeof *a + length * sizeof *a->digit);

	if (!a)
		out_of_memory("malloc", sizeof *a + length * sizeof *a->digit);
	a->refs = 1;
	a->length = length;
	made++;
	return a;
}

/* Drops leading zeros. */
static struct big *trim(struct big *a)
{
	while (a->length && !a->digit[a->length - 1])
		a->length--;
	return a;
}

struct big *big_from(uint64_t n)
{
	struct big *a = big_new(2);

	a->digit[0] = (uint32_t)n;
	a->digit[1] = (uint32_t)(n >> 32);
	return trim(a);
}

uint64_t big_low(const struct big *a)
{
	uint64_t low = a->length > 0 ? a->digit[0] : 0;
	uint64_t high = a->length > 1 ? a->digit[1] : 0;

	return high << 32 | low;
}

struct big *big_get(struct big *a)
{
	a->refs++;
	return a;
}

void big_put(struct big *a)
{
	if (--a->refs == 0)
		free(a);
}

uint64_t big_made(void)
{
	return made;
}

int big_compare(const struct big *a, const struct big *b)
{
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	for (uint32_t i = a->length; i-- > 0;)
		if (a->digit[i] != b->digit[i])
			return a->digit[i] < b->digit[i] ? -1 : 1;
	return 0;
}

bool big_is(const struct big *a, uint32_t n)
{
	return n ? a->length == 1 && a->digit[0] == n : !a->length;
}

struct big *big_add(const struct big *a, const struct big *b)
{
	const struct big *longer = a->length > b->length ? a : b;
	const struct big *shorter = longer == a ? b : a;
	struct big *sum = big_new(longer->length + 1);
	uint64_t carry = 0;

	for (uint32_t i = 0; i < longer->length; i++) {
		carry += longer->digit[i];
		if (i < shorter->length)
			carry += shorter->digit[i];
		sum->digit[i] = (uint32_t)carry;
		carry >>= 32;
	}
	sum->digit[longer->length] = (uint32_t)carry;
	return trim(sum);
}

struct big *big_sub(const struct big *a, const struct big *b)
{
	struct big *difference = big_new(a->length);
	int64_t borrow = 0;

	for (uint32_t i = 0; i < a->length; i++) {
		borrow += a->digit[i];
		if (i < b->length)
			borrow -= b->digit[i];
		difference->digit[i] = (uint32_t)borrow;
		borrow >>= 32;
	}
	return trim(difference);
}

struct big *big_mul(const struct big *a, const struct big *b)
{
	struct big *product = big_new(a->length + b->length);

	memset(product->digit, 0, product->length * sizeof *product->digit);
	for (uint32_t i = 0; i < a->length; i++) {
		uint64_t carry = 0;

		for (uint32_t j = 0; j < b->length; j++) {
			carry += (uint64_t)a->digit[i] * b->digit[j] +
				 product->digit[i + j];
			product->digit[i + j] = (uint32_t)carry;
			carry >>= 32;
		}
		product->digit[i + b->length] = (uint32_t)carry;
	}
	return trim(product);
}

/* The quotient by one digit; the rest goes to *rest. */
static struct big *divide_small(const struct big *a, uint32_t n, uint32_t *rest)
{
	struct big *quotient = big_new(a->length);
	uint64_t part = 0;

	for (uint32_t i = a->length; i-- > 0;) {
		part = part << 32 | a->digit[i];
		quotient->digit[i] = (uint32_t)(part / n);
		part %= n;
	}
	*rest = (uint32_t)part;
	return trim(quotient);
}

/* A copy shifted to the left by up to 31 bits, with one digit more. */
static struct big *shift_left(const struct big *a, int bits)
{
	struct big *shifted = big_new(a->length + 1);
	uint64_t carry = 0;

	for (uint32_t i = 0; i < a->length; i++) {
		carry |= (uint64_t)a->digit[i] << bits;
		shifted->digit[i] = (uint32_t)carry;
		carry >>= 32;
	}
	shifted->digit[a->length] = (uint32_t)carry;
	return shifted;
}

/* Takes q times v off u[at ...]; q is one too large when that goes below 0. */
static uint32_t subtract_multiple(uint32_t *u, const uint32_t *v, uint32_t n,
				  uint32_t q)
{
	uint64_t carry = 0;
	int64_t borrow = 0;

	for (uint32_t i = 0; i < n; i++) {
		carry += (uint64_t)q * v[i];
		borrow += (int64_t)u[i] - (uint32_t)carry;
		u[i] = (uint32_t)borrow;
		borrow >>= 32;
		carry >>= 32;
	}
	borrow += (int64_t)u[n] - (int64_t)carry;
	u[n] = (uint32_t)borrow;
	if (borrow >= 0)
		return q;
	carry = 0;
	for (uint32_t i = 0; i < n; i++) {
		carry += (uint64_t)u[i] + v[i];
		u[i] = (uint32_t)carry;
		carry >>= 32;
	}
	u[n] += (uint32_t)carry;
	return q - 1;
}

/* One digit of the quotient from the three highest of u and two of v. */
static uint32_t estimate(const uint32_t *u, const uint32_t *v, uint32_t n)
{
	uint64_t top = (uint64_t)u[n] << 32 | u[n - 1];
	uint64_t q = top / v[n - 1];
	uint64_t rest = top % v[n - 1];

	while (q >> 32 || q * v[n - 2] > (rest << 32 | u[n - 2])) {
		q--;
		rest += v[n - 1];
		if (rest >> 32)
			break;
	}
	return (uint32_t)q;
}

/* Either result may be left out (NULL). */
static void divide(const struct big *a, const struct big *b, struct big **quot,
		   struct big **rest)
{
	int bits = __builtin_clz(b->digit[b->length - 1]);
	struct big *u = shift_left(a, bits);
	struct big *v = shift_left(b, bits);
	struct big *q = big_new(a->length - b->length + 1);
	uint64_t part = 0;

	for (uint32_t j = q->length; j-- > 0;)
		q->digit[j] = subtract_multiple(
			u->digit + j, v->digit, b->length,
			estimate(u->digit + j, v->digit, b->length));
	/* What is left of u, shifted back. */
	for (uint32_t i = u->length; i-- > 0;) {
		part = part << 32 | u->digit[i];
		u->digit[i] = (uint32_t)(part >> bits);
		part &= (UINT64_C(1) << bits) - 1;
	}
	*quot = trim(q);
	*rest = trim(u);
	big_put(v);
}

struct big *big_div(const struct big *a, const struct big *b)
{
	struct big *quotient, *rest;

	if (big_compare(a, b) < 0)
		return big_from(0);
	if (b->length == 1)
		return big_div_small(a, b->digit[0]);
	divide(a, b, &quotient, &rest);
	big_put(rest);
	return quotient;
}

struct big *big_mod(const struct big *a, const struct big *b)
{
	struct big *quotient, *rest;

	if (b->length == 1)
		return big_from(big_mod_small(a, b->digit[0]));
	if (big_compare(a, b) < 0) {
		rest = big_new(a->length);
		memcpy(rest->digit, a->digit, a->length * sizeof *a->digit);
		return rest;
	}
	divide(a, b, &quotient, &rest);
	big_put(quotient);
	return rest;
}

struct big *big_div_small(const struct big *a, uint32_t n)
{
	uint32_t rest;

	return divide_small(a, n, &rest);
}

uint32_t big_mod_small(const struct big *a, uint32_t n)
{
	uint64_t part = 0;

	for (uint32_t i = a->length; i-- > 0;)
		part = (part << 32 | a->digit[i]) % n;
	return (uint32_t)part;
}

struct big *big_sqrt(const struct big *a)
{
	struct big *root = big_new(a->length / 2 + 2);

	/* A power of two above the root; from there the steps only go down. */
	memset(root->digit, 0, root->length * sizeof *root->digit);
	root->digit[root->length - 1] = 1;
	for (;;) {
		struct big *quotient = big_div(a, root);
		struct big *sum = big_add(root, quotient);
		struct big *next = big_div_small(sum, 2);
		bool done = big_compare(next, root) >= 0;

		big_put(quotient);
		big_put(sum);
		if (done) {
			big_put(next);
			return root;
		}
		big_put(root);
		root = next;
	}
}

struct big *big_gcd(const struct big *a, const struct big *b)
{
	struct big *x = big_div_small(b, 1);
	struct big *y = big_mod(a, b);

	while (y->length) {
		struct big *rest = big_mod(x, y);

		big_put(x);
		x = y;
		y = rest;
	}
	big_put(y);
	return x;
}
