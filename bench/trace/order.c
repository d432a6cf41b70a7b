/* order.c: the live blocks in the order of their allocation; see order.h. */
#include <stdlib.h>
#include "order.h"

int order_init(struct order *o, uint32_t size)
{
	*o = (struct order){.size = size};
	o->nodes = calloc((size_t)size + 1, sizeof *o->nodes);
	return o->nodes != NULL;
}

void order_fini(struct order *o)
{
	free(o->nodes);
}

static void add(struct order *o, uint32_t number, uint32_t difference)
{
	for (uint32_t i = number + 1; i <= o->size; i += i & -i)
		o->nodes[i] += difference;
}

uint32_t order_add(struct order *o)
{
	uint32_t number = o->next++;

	add(o, number, 1);
	o->live++;
	return number;
}

void order_remove(struct order *o, uint32_t number)
{
	add(o, number, (uint32_t)-1);
	o->live--;
}

uint32_t order_older(const struct order *o, uint32_t number)
{
	uint32_t sum = 0;

	for (uint32_t i = number; i; i &= i - 1)
		sum += o->nodes[i];
	return sum;
}

uint32_t order_find(const struct order *o, uint32_t older)
{
	uint32_t at = 0, step = 1;

	while (step <= o->size / 2)
		step *= 2;
	for (; step; step /= 2) {
		if (at + step <= o->size && o->nodes[at + step] <= older) {
			at += step;
			older -= o->nodes[at];
		}
	}
	return at;
}
