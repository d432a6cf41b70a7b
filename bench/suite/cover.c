/*
 * cover: cofactors, tautology and complement by Shannon's expansion.
 *
 * After Brayton, Hachtel, McMullen and Sangiovanni-Vincentelli, "Logic
 * Minimization Algorithms for VLSI Synthesis" (1984): a question about a cover
 * is asked of its two cofactors by one variable, the most frequent one, until
 * the covers are trivial.  Each cofactor is a cover of its own, so that the
 * recursion allocates and frees small objects all the time.
 */
#include "cover.h"

#include "../blocks.h"

enum { FIRST_ROOM = 4, MINTERMS = 1 << NR_VARIABLES };

const uint32_t cube_all = (UINT32_C(1) << 2 * NR_VARIABLES) - 1;

static const uint32_t low_bits = 0x55555555u & ((1u << 2 * NR_VARIABLES) - 1);
static uint64_t made;

uint64_t cover_made(void)
{
	return made;
}

/* One bit for each variable that may be 0 and 1. */
static uint32_t free_variables(uint32_t values)
{
	return values & values >> 1 & low_bits;
}

uint32_t cube_with(uint32_t values, int variable, uint32_t two_bits)
{
	return (values & ~(3u << 2 * variable)) | two_bits << 2 * variable;
}

bool cube_meets(uint32_t a, uint32_t b)
{
	uint32_t both = a & b;

	return ((both | both >> 1) & low_bits) == low_bits;
}

bool cube_contains(uint32_t a, uint32_t b)
{
	return !(b & ~a);
}

static struct cube *cube_new(uint32_t values)
{
	struct cube *c = malloc(sizeof *c);

	if (!c)
		out_of_memory("malloc", sizeof *c);
	c->values = values;
	c->weight = 1u << __builtin_popcount(free_variables(values));
	made++;
	return c;
}

struct cover *cover_new(void)
{
	struct cover *f = calloc(1, sizeof *f);

	if (!f)
		out_of_memory("calloc", sizeof *f);
	made++;
	return f;
}

void cover_free(struct cover *f)
{
	for (int i = 0; i < f->count; i++)
		free(f->cube[i]);
	free(f->cube);
	free(f);
}

void cover_add(struct cover *f, uint32_t values)
{
	if (f->count == f->room) {
		size_t bytes;

		f->room = f->room ? 2 * f->room : FIRST_ROOM;
		bytes = (size_t)f->room * sizeof(*f->cube);
		f->cube = realloc(f->cube, bytes);
		if (!f->cube)
			out_of_memory("realloc", bytes);
		made++;
	}
	f->cube[f->count++] = cube_new(values);
}

void cover_drop(struct cover *f, int i)
{
	free(f->cube[i]);
	f->cube[i] = f->cube[--f->count];
}

void cover_change(struct cover *f, int i, uint32_t values)
{
	free(f->cube[i]);
	f->cube[i] = cube_new(values);
}

bool cover_holds(const struct cover *f, uint32_t minterm)
{
	uint32_t values = 0;

	for (int v = 0; v < NR_VARIABLES; v++)
		values |= (minterm >> v & 1 ? 2u : 1u) << 2 * v;
	for (int i = 0; i < f->count; i++)
		if (cube_contains(f->cube[i]->values, values))
			return true;
	return false;
}

struct cover *cover_cofactor(const struct cover *f, int skipped,
			     uint32_t within)
{
	/* Variables that `within` fixes no longer matter. */
	uint32_t fixed = ~free_variables(within) & low_bits;
	uint32_t freed = fixed | fixed << 1;
	struct cover *cofactor = cover_new();

	for (int i = 0; i < f->count; i++)
		if (i != skipped && cube_meets(f->cube[i]->values, within))
			cover_add(cofactor, f->cube[i]->values | freed);
	return cofactor;
}

/* How often a variable stands in a cover as 0 and as 1. */
struct uses {
	int zeros[NR_VARIABLES];
	int ones[NR_VARIABLES];
};

static void count_uses(const struct cover *f, struct uses *u)
{
	*u = (struct uses){{0}, {0}};
	for (int i = 0; i < f->count; i++) {
		uint32_t values = f->cube[i]->values;

		for (int v = 0; v < NR_VARIABLES; v++, values >>= 2) {
			u->zeros[v] += (values & 3) == 1;
			u->ones[v] += (values & 3) == 2;
		}
	}
}

/* The variable to split by: binate ones first, then the most frequent. */
static int choose_variable(const struct cover *f)
{
	struct uses u;
	int best = 0, best_score = -1;

	count_uses(f, &u);
	for (int v = 0; v < NR_VARIABLES; v++) {
		int all = u.zeros[v] + u.ones[v];
		int score = all + (u.zeros[v] && u.ones[v] ? f->count : 0);

		if (score > best_score) {
			best_score = score;
			best = v;
		}
	}
	return best;
}

static bool has_full_cube(const struct cover *f)
{
	for (int i = 0; i < f->count; i++)
		if (f->cube[i]->values == cube_all)
			return true;
	return false;
}

bool cover_is_tautology(const struct cover *f)
{
	uint64_t weight = 0;
	int variable;

	if (has_full_cube(f))
		return true;
	for (int i = 0; i < f->count; i++)
		weight += f->cube[i]->weight;
	if (weight < MINTERMS)
		return false;
	variable = choose_variable(f);
	for (uint32_t value = 1; value <= 2; value++) {
		struct cover *half = cover_cofactor(
			f, -1, cube_with(cube_all, variable, value));
		bool holds = cover_is_tautology(half);

		cover_free(half);
		if (!holds)
			return false;
	}
	return true;
}

/* De Morgan: one cube for each literal. */
static void complement_cube(struct cover *result, uint32_t values)
{
	for (int v = 0; v < NR_VARIABLES; v++) {
		uint32_t two_bits = values >> 2 * v & 3;

		if (two_bits != 3)
			cover_add(result, cube_with(cube_all, v, 3 - two_bits));
	}
}

/* Takes a cube of these values out; false when there is none. */
static bool take_equal(struct cover *f, uint32_t values)
{
	for (int i = 0; i < f->count; i++) {
		if (f->cube[i]->values == values) {
			cover_drop(f, i);
			return true;
		}
	}
	return false;
}

struct cover *cover_complement(const struct cover *f)
{
	struct cover *result = cover_new();
	struct cover *half[2];
	int variable;

	if (has_full_cube(f))
		return result;
	if (!f->count) {
		cover_add(result, cube_all);
		return result;
	}
	if (f->count == 1) {
		complement_cube(result, f->cube[0]->values);
		return result;
	}
	variable = choose_variable(f);
	for (uint32_t i = 0; i < 2; i++) {
		struct cover *part = cover_cofactor(
			f, -1, cube_with(cube_all, variable, i + 1));

		half[i] = cover_complement(part);
		cover_free(part);
	}
	/* A cube that is in both halves need not name the variable. */
	for (int i = 0; i < half[0]->count; i++) {
		uint32_t values = half[0]->cube[i]->values;
		bool both = take_equal(half[1], values);

		cover_add(result,
			  both ? values : cube_with(values, variable, 1));
	}
	for (int i = 0; i < half[1]->count; i++)
		cover_add(result,
			  cube_with(half[1]->cube[i]->values, variable, 2));
	cover_free(half[0]);
	cover_free(half[1]);
	return result;
}
