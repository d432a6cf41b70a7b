/*
 * segment_memory.c: what segments cost: memory accesses, and holes.
 *
 * A byte at selector:offset is three accesses away when the CPU remembers
 * nothing: the descriptor gives the linear address, the page table entry the
 * physical one, and then comes the byte.
 *
 * A program that is one segment needs one hole that is large enough.  Pieces of
 * free memory with programs between them cannot be joined in place: addresses
 * in a running program's segment would change under it.  What can be done is to
 * write the whole program to the disk and read it back somewhere else:
 *
 *   | game 512 | browser 128 | music 256 | free 128 |     browser ends
 *   | game 512 | free 128    | music 256 | free 128 |     200 do not fit in 256
 *   | game 512 | music 256   | free 256             |     music swapped
 *
 * With pages the two pieces would have served: no page needs to lie beside
 * another.
 */
#include "kernel/segment.h"

#include <errno.h>
#include <string.h>

/* --- segment, then page -------------------------------------------------- */

static bool memory_read(struct segment_memory *memory, uint64_t address,
			uint64_t *word)
{
	if (address / 8 >= memory->nr_words)
		return false;
	memory->nr_accesses++;
	*word = memory->words[address / 8];
	return true;
}

bool segment_paged_read(struct segment_memory *memory, uint64_t gdt_base,
			uint64_t table_base, uint16_t selector, uint32_t offset,
			uint64_t *physical, uint8_t *byte)
{
	struct segment_descriptor descriptor;
	uint64_t word, linear;

	if (!memory_read(memory, gdt_base + (selector & 0xfff8), &word))
		return false;
	descriptor = segment_decode(word);
	if (!descriptor.is_present || offset > segment_last_byte(&descriptor))
		return false;
	linear = (uint32_t)(descriptor.base + offset);
	if (!memory_read(memory, table_base + (linear >> 12) * 8, &word) ||
	    !(word & 1))
		return false;
	*physical = (word & ~UINT64_C(0xfff)) | (linear & 0xfff);
	if (!memory_read(memory, *physical, &word))
		return false;
	*byte = (uint8_t)(word >> *physical % 8 * 8);
	return true;
}

/* --- memory made of segments only ---------------------------------------- */

void segment_space_init(struct segment_space *space, uint64_t size)
{
	memset(space, 0, sizeof(*space));
	space->size = size;
}

static unsigned space_find(const struct segment_space *space, unsigned id)
{
	unsigned i = 0;

	while (i < space->nr && space->in[i].id != id)
		i++;
	return i;
}

/* The hole in front of segment i (nr: behind the last). */
static uint64_t hole_start(const struct segment_space *space, unsigned i)
{
	return i ? space->in[i - 1].base + space->in[i - 1].len : 0;
}

static uint64_t hole_len(const struct segment_space *space, unsigned i)
{
	uint64_t end = i < space->nr ? space->in[i].base : space->size;

	return end - hole_start(space, i);
}

int segment_space_load(struct segment_space *space, unsigned id, uint64_t len)
{
	unsigned i = 0;

	if (len == 0)
		return -EINVAL;
	if (space_find(space, id) < space->nr)
		return -EEXIST;
	while (i <= space->nr && hole_len(space, i) < len)
		i++;
	if (i > space->nr || space->nr == SEGMENT_SPACE_MAX)
		return -ENOMEM;
	memmove(&space->in[i + 1], &space->in[i],
		(space->nr - i) * sizeof(space->in[0]));
	space->nr++;
	space->in[i].id = id;
	space->in[i].len = len;
	space->in[i].base = hole_start(space, i);
	return 0;
}

int segment_space_remove(struct segment_space *space, unsigned id)
{
	unsigned i = space_find(space, id);

	if (i == space->nr)
		return -ENOENT;
	space->nr--;
	memmove(&space->in[i], &space->in[i + 1],
		(space->nr - i) * sizeof(space->in[0]));
	return 0;
}

int segment_space_swap(struct segment_space *space, unsigned id)
{
	unsigned i = space_find(space, id);
	uint64_t len;

	if (i == space->nr)
		return -ENOENT;
	len = space->in[i].len;
	segment_space_remove(space, id);
	space->swapped_out += len;
	space->swapped_in += len;
	/* its own old place fits at least */
	return segment_space_load(space, id, len);
}

uint64_t segment_space_free(const struct segment_space *space)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i <= space->nr; i++)
		sum += hole_len(space, i);
	return sum;
}

uint64_t segment_space_largest_hole(const struct segment_space *space)
{
	uint64_t largest = 0;

	for (unsigned i = 0; i <= space->nr; i++)
		if (hole_len(space, i) > largest)
			largest = hole_len(space, i);
	return largest;
}

int64_t segment_space_base(const struct segment_space *space, unsigned id)
{
	unsigned i = space_find(space, id);

	return i < space->nr ? (int64_t)space->in[i].base : -1;
}
