/*
 * barnes-like: bodies that attract each other, in a tree built anew each step.
 *
 * After Barnes and Hut, "A hierarchical O(N log N) force-calculation algorithm"
 * (Nature 324, 1986); the benchmark barnes of the Hoard and mimalloc suites is
 * a program of that kind.  Space is a cube that is cut into eight until each
 * part holds one body:
 *
 *     +-------+---+---+
 *     |       | . |   |      cell: centre of mass and eight children,
 *     |   .   +---+---+            each a cell, a body or nothing
 *     |       |   | . |
 *     +-------+---+---+      a far cell attracts like one body
 *
 * Each body is a block, and each step allocates some thousand cells of 104
 * bytes while it builds the tree, and frees them when it has moved the bodies.
 * Most of the time is arithmetic: the row shows how near to each other an
 * allocator puts what is used together.
 *
 * The forces on some bodies are compared with the sum over all bodies.
 */
#include "suite.h"

#include <math.h>

enum { BODIES = 8000, STEPS = 16, DIMENSIONS = 3, CHILDREN = 8 };
enum { SAMPLE = 400, MAX_DEPTH = 60 }; /* every SAMPLEth body is compared */

static const double opening = 0.8;   /* size of a cell seen as a point */
static const double softening = .05; /* keeps near bodies from flying off */
static const double step_time = .01;
static const double tolerance = .05;

struct body {
	double place[DIMENSIONS];
	double speed[DIMENSIONS];
	double force[DIMENSIONS]; /* for a mass of 1 */
	double mass;
};

/* A child's pointer has its lowest bit set when it is a body. */
struct cell {
	double centre[DIMENSIONS]; /* of mass; a sum of moments while built */
	double mass;
	uintptr_t child[CHILDREN];
};

static uint64_t cells_made;

static bool is_body(uintptr_t child)
{
	return child & 1;
}

static struct body *as_body(uintptr_t child)
{
	return (struct body *)(child - 1);
}

static struct cell *as_cell(uintptr_t child)
{
	return (struct cell *)child;
}

static struct cell *cell_new(void)
{
	struct cell *c = calloc(1, sizeof *c);

	if (!c)
		out_of_memory("calloc", sizeof *c);
	cells_made++;
	return c;
}

static void cell_free(struct cell *c)
{
	for (int i = 0; i < CHILDREN; i++)
		if (c->child[i] && !is_body(c->child[i]))
			cell_free(as_cell(c->child[i]));
	free(c);
}

/* The part of a cell that a place is in; *middle moves to that part's. */
static int choose_part(const double *place, double *middle, double half)
{
	int part = 0;

	for (int d = 0; d < DIMENSIONS; d++) {
		bool upper = place[d] >= middle[d];

		part |= upper << d;
		middle[d] += upper ? half : -half;
	}
	return part;
}

static void cell_add_mass(struct cell *c, const struct body *b)
{
	for (int d = 0; d < DIMENSIONS; d++)
		c->centre[d] += b->place[d] * b->mass;
	c->mass += b->mass;
}

/* Puts a body below a cell whose middle and half size are given. */
static void cell_insert(struct cell *c, struct body *b, double *middle,
			double half)
{
	for (int depth = 0; depth < MAX_DEPTH; depth++) {
		int part;
		uintptr_t child;

		cell_add_mass(c, b);
		half /= 2;
		part = choose_part(b->place, middle, half);
		child = c->child[part];
		if (!child) {
			c->child[part] = (uintptr_t)b + 1;
			return;
		}
		if (is_body(child)) {
			struct body *other = as_body(child);
			struct cell *between = cell_new();
			double inner[DIMENSIONS];

			memcpy(inner, middle, sizeof inner);
			cell_add_mass(between, other);
			between->child[choose_part(other->place, inner,
						   half / 2)] = child;
			c->child[part] = (uintptr_t)between;
		}
		c = as_cell(c->child[part]);
	}
	suite_fail("two bodies at one place");
}

/* From sums of moments to centres of mass. */
static void cell_finish(struct cell *c)
{
	for (int d = 0; d < DIMENSIONS; d++)
		c->centre[d] /= c->mass;
	for (int i = 0; i < CHILDREN; i++)
		if (c->child[i] && !is_body(c->child[i]))
			cell_finish(as_cell(c->child[i]));
}

static double farthest(struct body *const *body)
{
	double far = 0;

	for (int i = 0; i < BODIES; i++)
		for (int d = 0; d < DIMENSIONS; d++)
			far = fmax(far, fabs(body[i]->place[d]));
	return far;
}

static struct cell *build_tree(struct body *const *body, double half)
{
	struct cell *root = cell_new();

	for (int i = 0; i < BODIES; i++) {
		double middle[DIMENSIONS] = {0};

		cell_insert(root, body[i], middle, half);
	}
	cell_finish(root);
	return root;
}

/* Adds the force of one mass; returns a bound of its size. */
static double attract(double *force, const double *at, const double *to,
		      double mass)
{
	double between[DIMENSIONS], square = softening * softening, factor;

	for (int d = 0; d < DIMENSIONS; d++) {
		between[d] = to[d] - at[d];
		square += between[d] * between[d];
	}
	factor = mass / (square * sqrt(square));
	for (int d = 0; d < DIMENSIONS; d++)
		force[d] += between[d] * factor;
	return mass / square;
}

static bool is_far(const struct cell *c, const double *at, double size)
{
	double square = 0;

	for (int d = 0; d < DIMENSIONS; d++)
		square += (c->centre[d] - at[d]) * (c->centre[d] - at[d]);
	return size * size < opening * opening * square;
}

static void cell_attract(const struct cell *c, struct body *b, double size)
{
	if (is_far(c, b->place, size)) {
		attract(b->force, b->place, c->centre, c->mass);
		return;
	}
	for (int i = 0; i < CHILDREN; i++) {
		uintptr_t child = c->child[i];

		if (!child)
			continue;
		if (!is_body(child))
			cell_attract(as_cell(child), b, size / 2);
		else if (as_body(child) != b)
			attract(b->force, b->place, as_body(child)->place,
				as_body(child)->mass);
	}
}

/*
 * The tree's force on one body against the sum over all.  The error is measured
 * by the sizes of the forces: in the middle they cancel out.
 */
static void compare(struct body *const *body, const struct body *b)
{
	double sum[DIMENSIONS] = {0}, sizes = 0, square = 0;

	for (int i = 0; i < BODIES; i++)
		if (body[i] != b)
			sizes += attract(sum, b->place, body[i]->place,
					 body[i]->mass);
	for (int d = 0; d < DIMENSIONS; d++)
		square += (sum[d] - b->force[d]) * (sum[d] - b->force[d]);
	if (!(sqrt(square) <= tolerance * sizes))
		suite_fail("a force is off by %g of %g", sqrt(square), sizes);
}

static void step(struct body *const *body)
{
	double half = farthest(body) * 1.01;
	struct cell *root = build_tree(body, half);

	for (int i = 0; i < BODIES; i++) {
		memset(body[i]->force, 0, sizeof body[i]->force);
		cell_attract(root, body[i], 2 * half);
	}
	for (int i = 0; i < BODIES; i += SAMPLE)
		compare(body, body[i]);
	for (int i = 0; i < BODIES; i++) {
		for (int d = 0; d < DIMENSIONS; d++) {
			body[i]->speed[d] += body[i]->force[d] * step_time;
			body[i]->place[d] += body[i]->speed[d] * step_time;
		}
	}
	cell_free(root);
}

/* A ball that is denser in the middle; at rest, so that it will collapse. */
static struct body *body_new(struct rng *r)
{
	struct body *b = calloc(1, sizeof *b);
	double radius = (rng_next(r) + 1) / 4294967296.0;

	if (!b)
		out_of_memory("calloc", sizeof *b);
	for (int d = 0; d < DIMENSIONS; d++)
		b->place[d] = radius * (rng_next(r) / 2147483648.0 - 1);
	b->mass = 1.0 / BODIES;
	return b;
}

static void bodies_free(struct body **body)
{
	for (int i = 0; i < BODIES; i++)
		free(body[i]);
}

/* After STEPS steps the ball has fallen together, and a new one is made. */
static void barnes(struct suite_run *run)
{
	uint64_t steps = suite_count(run, STEPS);
	struct body **body = table_map(BODIES * sizeof(*body));
	struct rng r = {.state = 103};

	suite_begin(run);
	for (uint64_t n = 0; n < steps; n++) {
		if (n % STEPS == 0) {
			bodies_free(body);
			for (int i = 0; i < BODIES; i++)
				body[i] = body_new(&r);
			run->ops += BODIES;
		}
		step(body);
	}
	suite_end(run);
	bodies_free(body);
	run->ops += cells_made;
	table_unmap(body, BODIES * sizeof(*body));
}

const struct suite_row barnes_rows[] = {
	{.name = "barnes-like", .threads = 1, .work = barnes},
	{.name = NULL},
};
