/*
 * cover: a logic function as a sum of products, in small objects on the heap.
 *
 * A cube is a product of literals: two bits a variable, which say for which
 * values of it the product can be true.
 *
 *     01  it is 0      10  it is 1      11  it does not matter
 *
 * A cover is a list of cubes, true where one of them is.  Each cube is a block
 * of its own, and the list of pointers is one that grows by realloc.
 */
#ifndef MMSIM_BENCH_COVER_H
#define MMSIM_BENCH_COVER_H

#include <stdbool.h>
#include <stdint.h>

enum { NR_VARIABLES = 12 };

struct cube {
	uint32_t values; /* two bits a variable */
	uint32_t weight; /* minterms: 2 to the power of the free variables */
};

struct cover {
	int count;
	int room;
	struct cube **cube; /* [room] */
};

/* Cubes and lists that were allocated since the program's start. */
uint64_t cover_made(void);

uint32_t cube_with(uint32_t values, int variable, uint32_t two_bits);
bool cube_meets(uint32_t a, uint32_t b);    /* some minterm is in both */
bool cube_contains(uint32_t a, uint32_t b); /* a contains b */

struct cover *cover_new(void);
void cover_free(struct cover *f);
void cover_add(struct cover *f, uint32_t values);
void cover_drop(struct cover *f, int i); /* the last one takes its place */

/* Replaces a cube's values. */
void cover_change(struct cover *f, int i, uint32_t values);

bool cover_holds(const struct cover *f, uint32_t minterm);

/* The cover without cube `skipped` (-1: with all), inside the cube `within`. */
struct cover *cover_cofactor(const struct cover *f, int skipped,
			     uint32_t within);
bool cover_is_tautology(const struct cover *f);
struct cover *cover_complement(const struct cover *f);

extern const uint32_t cube_all; /* every variable is free */

#endif
