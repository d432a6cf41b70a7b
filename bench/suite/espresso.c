/*
 * espresso-like: makes logic functions small; cubes and lists come and go.
 *
 * After the method of espresso, a program that allocator studies have used
 * since Zorn and Grunwald (1992): Brayton, Hachtel, McMullen and
 * Sangiovanni-Vincentelli, "Logic Minimization Algorithms for VLSI Synthesis"
 * (1984).  This is a small program of that kind, for functions of 12 variables
 * with one output:
 *
 *     expand        each cube drops literals as long as it stays in the
 *                   function, and swallows the cubes that it then contains
 *     irredundant   drops cubes that the others cover
 *     reduce        each cube shrinks to what the others leave to it
 *
 * The three are repeated until the cover does not get smaller.  Blocks have 8
 * to some hundred bytes; most live for one step of a recursion, some long.
 * The result must be the same function on every minterm.
 */
#include "cover.h"
#include "suite.h"

enum { FUNCTIONS = 240, CUBES = 60, MINTERMS = 1 << NR_VARIABLES };
enum { FEWEST_LITERALS = 4, MOST_LITERALS = 8 };

static struct cover *draw_function(struct rng *r)
{
	struct cover *f = cover_new();

	for (int i = 0; i < CUBES; i++) {
		uint32_t values = cube_all;
		uint32_t literals =
			FEWEST_LITERALS +
			rng_below(r, MOST_LITERALS - FEWEST_LITERALS + 1);

		while (literals--)
			values = cube_with(values,
					   (int)rng_below(r, NR_VARIABLES),
					   1 + rng_below(r, 2));
		cover_add(f, values);
	}
	return f;
}

static bool meets_any(const struct cover *f, uint32_t values)
{
	for (int i = 0; i < f->count; i++)
		if (cube_meets(f->cube[i]->values, values))
			return true;
	return false;
}

static void expand(struct cover *f, const struct cover *off)
{
	for (int i = 0; i < f->count; i++) {
		uint32_t values = f->cube[i]->values;

		for (int v = 0; v < NR_VARIABLES; v++) {
			uint32_t raised = cube_with(values, v, 3);

			if (raised != values && !meets_any(off, raised))
				values = raised;
		}
		cover_change(f, i, values);
		for (int j = f->count; j-- > i + 1;)
			if (cube_contains(values, f->cube[j]->values))
				cover_drop(f, j);
	}
}

static void irredundant(struct cover *f)
{
	for (int i = f->count; i-- > 0;) {
		struct cover *others = cover_cofactor(f, i, f->cube[i]->values);

		if (cover_is_tautology(others))
			cover_drop(f, i);
		cover_free(others);
	}
}

static void reduce(struct cover *f)
{
	for (int i = f->count; i-- > 0;) {
		uint32_t values = f->cube[i]->values;
		struct cover *others = cover_cofactor(f, i, values);
		struct cover *left = cover_complement(others);
		uint32_t supercube = 0;

		for (int j = 0; j < left->count; j++)
			supercube |= left->cube[j]->values;
		if (left->count)
			cover_change(f, i, values & supercube);
		else
			cover_drop(f, i);
		cover_free(left);
		cover_free(others);
	}
}

static struct cover *minimize(const struct cover *function)
{
	struct cover *off = cover_complement(function);
	struct cover *f = cover_cofactor(function, -1, cube_all);
	int before;

	expand(f, off);
	irredundant(f);
	do {
		before = f->count;
		reduce(f);
		expand(f, off);
		irredundant(f);
	} while (f->count < before);
	cover_free(off);
	return f;
}

static void compare(const struct cover *a, const struct cover *b)
{
	for (uint32_t m = 0; m < MINTERMS; m++)
		if (cover_holds(a, m) != cover_holds(b, m))
			suite_fail("the functions differ at minterm %#x", m);
}

static void espresso(struct suite_run *run)
{
	uint64_t functions = suite_count(run, FUNCTIONS);
	struct rng r = {.state = 101};

	suite_begin(run);
	for (uint64_t i = 0; i < functions; i++) {
		struct cover *f = draw_function(&r);
		struct cover *small = minimize(f);

		compare(f, small);
		cover_free(small);
		cover_free(f);
	}
	suite_end(run);
	run->ops = cover_made();
}

const struct suite_row espresso_rows[] = {
	{.name = "espresso-like", .threads = 1, .work = espresso},
	{.name = NULL},
};
