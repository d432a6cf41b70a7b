/*
 * main.c: runs scripts on both kernels, and cuts one that diverges short.
 *
 *   oracle [--seed N] [--ops M] [--per-script K] [--only S] [--verbose]
 *
 * A script has K operations and starts with fresh processes; those of even
 * numbers have files and segments.  When a script diverges, operations are taken
 * out as long as it still diverges, and what remains is printed with both states.
 *
 * The host may take a clean page of a file out of memory at any moment, and then
 * st_blocks of a tmpfs file, mincore or RSS are one page less.  Such a divergence
 * does not come again when the script is repeated; the simulated kernel's would.  It
 * is told, and one in a run is not held against it.
 */
#include "oracle.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct script {
	struct op ops[MAX_OPS];
	int nr_ops;
} script, shorter;

static struct {
	struct state host, sim;
	char why[400];
} differing;

/* A script that has diverged runs so many times more. */
#define REPEATS 3
/* So many scripts may diverge once and not again. */
#define MAX_ACCIDENTS 1

static bool verbose;
bool with_objects;

/* --- both sides -------------------------------------------------------------------- */

/* Both bases are multiples of what a page table covers, so that both sides
 * have the same pages in a table and in a window of fault-around. */
void oracle_set_bases(struct side *side, oracle_call *call)
{
	const uint64_t table = 512 * ORACLE_PAGE;
	int fence = MAP_SHARED | MAP_ANONYMOUS; /* never merges */
	uint64_t top, brk;

	side->base[SPACE_ABS] = 0;
	side->base[SPACE_WINDOW] = WINDOW_BASE;
	side->base[SPACE_LOW] = LOW_BASE;
	top = (uint64_t)call(side, OP_MMAP, 0, ORACLE_PAGE, PROT_NONE, fence);
	side->base[SPACE_TOP] = top / table * table;
	if (top % table)
		call(side, OP_MMAP, 0, top % table, PROT_NONE, fence);
	/* A fence keeps the program's own data and the heap apart. */
	brk = (uint64_t)call(side, OP_BRK, 0, 0, 0, 0);
	side->base[SPACE_BRK] = (brk / table + 1) * table;
	call(side, OP_BRK, side->base[SPACE_BRK] + ORACLE_PAGE, 0, 0, 0);
	brk = (brk + ORACLE_PAGE - 1) / ORACLE_PAGE * ORACLE_PAGE;
	call(side, OP_MPROTECT, brk, side->base[SPACE_BRK] - brk, PROT_NONE, 0);
}

void oracle_set_base_kb(struct side *side)
{
	static struct state state;

	memset(side->base_kb, 0, sizeof side->base_kb);
	side->look(side, 0, &state);
	memcpy(side->base_kb, state.kb, sizeof side->base_kb);
}

void oracle_fill_state(const struct side *side, const struct answer *answer,
		       struct state *state)
{
	state->result = place_of(side, (uintptr_t)answer->result);
	state->min_flt = (int64_t)answer->min_flt;
	state->signal = (int)answer->signal;
	state->code = (int)answer->code;
	state->fault = place_of(side, answer->fault_addr);
	state->hash = answer->hash;
}

/* --- one script ---------------------------------------------------------------------- */

static bool others_equal(const bool *alive, int actor)
{
	int i;

	for (i = 0; i < MAX_PROCESSES; i++) {
		size_t len;

		if (!alive[i] || i == actor)
			continue;
		host_side.look(&host_side, i, &differing.host);
		sim_side.look(&sim_side, i, &differing.sim);
		if (state_equal(NULL, &differing.host, &differing.sim,
				differing.why, sizeof differing.why))
			continue;
		len = strlen(differing.why);
		snprintf(differing.why + len, sizeof differing.why - len,
			 " (of process %d)", i);
		return false;
	}
	return true;
}

static bool step(const struct op *op, bool *alive)
{
	memset(&differing.host, 0, offsetof(struct state, vmas));
	memset(&differing.sim, 0, offsetof(struct state, vmas));
	host_side.run(&host_side, op, &differing.host);
	sim_side.run(&sim_side, op, &differing.sim);
	if (verbose)
		op_print(stdout, op);
	if (!state_equal(op, &differing.host, &differing.sim, differing.why,
			 sizeof differing.why))
		return false;
	if (op->kind == OP_FORK && differing.host.result.byte == 0)
		alive[op->len] = true;
	if (op->kind == OP_EXIT)
		alive[op->process] = false;
	return true;
}

/* Operations of processes that do not live (any more) are left out. */
static bool is_possible(const struct op *op, const bool *alive)
{
	return alive[op->process] &&
	       !(op->kind == OP_FORK && alive[op->len]);
}

/* The number of operations that were equal. */
static int replay(const struct script *s)
{
	bool alive[MAX_PROCESSES] = {true};
	int i;

	if (!host_side.start(&host_side) || !sim_side.start(&sim_side))
		exit(1);
	for (i = 0; i < s->nr_ops; i++) {
		if (!is_possible(&s->ops[i], alive))
			continue;
		if (!step(&s->ops[i], alive) ||
		    !others_equal(alive, s->ops[i].process))
			break;
	}
	sim_side.stop(&sim_side);
	host_side.stop(&host_side);
	return i;
}

/* Makes and runs `nr_ops` operations; false: they diverged, and `script` ends
 * with the operation that did. */
static bool run_script(uint64_t seed, int nr_ops)
{
	struct script_rng rng = {seed * 0x2545f4914f6cdd1du + 99};
	bool alive[MAX_PROCESSES] = {true};
	static struct state last[MAX_PROCESSES];
	bool equal = true;
	int i;

	memset(last, 0, sizeof last);
	if (!host_side.start(&host_side) || !sim_side.start(&sim_side))
		exit(1);
	for (i = 0; i < nr_ops && equal; i++) {
		struct op *op = &script.ops[i];

		script_next(&rng, &last[0], alive, i, op);
		equal = step(op, alive);
		if (equal && i % 4 == 0)
			equal = others_equal(alive, op->process);
		if (equal && op->kind != OP_EXIT && op->process == 0)
			last[0] = differing.host;
	}
	script.nr_ops = i;
	sim_side.stop(&sim_side);
	host_side.stop(&host_side);
	return equal;
}

/* --- a divergence --------------------------------------------------------------------- */

static bool diverges_again(void)
{
	int i;

	for (i = 0; i < REPEATS; i++)
		if (replay(&script) < script.nr_ops)
			return true;
	return false;
}

/* Takes out what is not needed, in ever smaller pieces. */
static void shorten(void)
{
	int piece = script.nr_ops / 2, at, done;

	for (; piece > 0; piece /= 2) {
		for (at = 0; at + piece < script.nr_ops;) {
			memcpy(shorter.ops, script.ops,
			       (size_t)at * sizeof(struct op));
			memcpy(shorter.ops + at, script.ops + at + piece,
			       (size_t)(script.nr_ops - at - piece) *
				       sizeof(struct op));
			shorter.nr_ops = script.nr_ops - piece;
			done = replay(&shorter);
			if (done == shorter.nr_ops) {
				at += piece;
				continue;
			}
			script = shorter;
			script.nr_ops = done + 1;
		}
	}
}

static void report(uint64_t number)
{
	int i;

	shorten();
	replay(&script);
	printf("# script %lu diverges: %s\n", (unsigned long)number,
	       differing.why);
	for (i = 0; i < script.nr_ops; i++) {
		printf("#   ");
		op_print(stdout, &script.ops[i]);
	}
	state_print(stdout, host_side.name, &differing.host);
	state_print(stdout, sim_side.name, &differing.sim);
}

/* --- the command ------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'},
		{"ops", required_argument, NULL, 'o'},
		{"per-script", required_argument, NULL, 'k'},
		{"only", required_argument, NULL, 'n'},
		{"verbose", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	uint64_t seed = 1, ops = getenv("MMSIM_LONG") ? 500000 : 80000;
	int per_script = 250, c, nr_diverged = 0, nr_accidents = 0;
	uint64_t only = 0, number;
	const char *why_not;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'o':
			ops = strtoull(optarg, NULL, 0);
			break;
		case 'k':
			per_script = atoi(optarg);
			break;
		case 'n':
			only = strtoull(optarg, NULL, 0);
			break;
		case 'v':
			verbose = true;
			break;
		default:
			return 2;
		}
	}
	if (per_script < 1 || per_script > MAX_OPS) {
		fprintf(stderr, "oracle: --per-script is 1 to %d\n", MAX_OPS);
		return 2;
	}
	why_not = find_host_facts();
	if (why_not) {
		printf("1..0 # SKIP %s\n", why_not);
		return 0;
	}
	printf("1..1\n# host follows the rules of %s%s\n", host_facts.profile,
	       !host_facts.has_objects ? "; no files or segments"
	       : !host_facts.has_disk ? "; no files on a disk"
				      : "");
	for (number = 1; number * (uint64_t)per_script <= ops; number++) {
		if (only && number != only)
			continue;
		with_objects = host_facts.has_objects && number % 2 == 0;
		if (run_script(seed * 1000003 + number, per_script))
			continue;
		if (nr_accidents < MAX_ACCIDENTS && !diverges_again()) {
			nr_accidents++;
			printf("# script %lu diverged once, and not again\n",
			       (unsigned long)number);
			continue;
		}
		report(number);
		if (++nr_diverged == 3)
			break;
	}
	printf("%s 1 - %lu operations from seed %lu are the same on the host\n",
	       nr_diverged ? "not ok" : "ok", (unsigned long)ops,
	       (unsigned long)seed);
	return nr_diverged != 0;
}
