/*
 * order.h: the live blocks of a trace in the order of their allocation.
 *
 * Blocks get the numbers 0, 1, 2... when they come.  The set says how many
 * live ones are older than a block, and which block has so many older ones;
 * both in O(log n).
 *
 * A Fenwick tree: node i counts the live blocks among those that end at number
 * i - 1, as many as the lowest set bit of i says.
 *
 *     node      8 |-------------------------------|
 *               4 |---------------|
 *             2,6 |-------|       |-------|
 *         1,3,5,7 |---|   |---|   |---|   |---|
 *     number        0   1   2   3   4   5   6   7
 *
 * Source: P. Fenwick, "A new data structure for cumulative frequency tables",
 * Software: Practice and Experience 24 (1994).
 */
#ifndef MMSIM_BENCH_TRACE_ORDER_H
#define MMSIM_BENCH_TRACE_ORDER_H

#include <stddef.h>
#include <stdint.h>

struct order {
	uint32_t *nodes; /* size + 1 of them, the first is unused */
	uint32_t size;   /* blocks that may come in all */
	uint32_t next;   /* number of the next block that comes */
	uint32_t live;   /* blocks that are there */
};

/* order_init: 0 when there is no memory. */
int order_init(struct order *o, uint32_t size);
void order_fini(struct order *o);

/* order_add: the new block's number.  At most `size` calls. */
uint32_t order_add(struct order *o);
void order_remove(struct order *o, uint32_t number);

/* order_older: live blocks that are older. */
uint32_t order_older(const struct order *o, uint32_t number);

/* order_find: the live block that has `older` older ones; older < live. */
uint32_t order_find(const struct order *o, uint32_t older);

#endif
