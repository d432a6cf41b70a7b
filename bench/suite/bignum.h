/*
 * bignum: whole numbers of any size, as small objects on the heap.
 *
 * A number never changes after it was made; every operation returns a new one.
 * Numbers are counted: who keeps one more pointer calls big_get, who drops a
 * pointer calls big_put.
 *
 *     | refs | length | digit[0] | digit[1] | ...     digit[0] is the lowest;
 *       4      4        4          4                  the highest is not 0
 */
#ifndef MMSIM_BENCH_BIGNUM_H
#define MMSIM_BENCH_BIGNUM_H

#include <stdbool.h>
#include <stdint.h>

struct big {
	uint32_t refs;
	uint32_t length; /* digits; 0 for the number 0 */
	uint32_t digit[];
};

struct big *big_from(uint64_t n);
uint64_t big_low(const struct big *a); /* modulo 2 to the power of 64 */
struct big *big_get(struct big *a);
void big_put(struct big *a);

/* Numbers made since the program's start. */
uint64_t big_made(void);

int big_compare(const struct big *a, const struct big *b);
bool big_is(const struct big *a, uint32_t n);

struct big *big_add(const struct big *a, const struct big *b);
struct big *big_sub(const struct big *a, const struct big *b); /* a >= b */
struct big *big_mul(const struct big *a, const struct big *b);
struct big *big_div(const struct big *a, const struct big *b);
struct big *big_mod(const struct big *a, const struct big *b);
struct big *big_sqrt(const struct big *a); /* rounded down */
struct big *big_gcd(const struct big *a, const struct big *b);

struct big *big_div_small(const struct big *a, uint32_t n);
uint32_t big_mod_small(const struct big *a, uint32_t n);

#endif
