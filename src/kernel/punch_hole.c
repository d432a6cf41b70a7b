/*
 * punch_hole.c: a hole in a file: its pages go, its size stays.
 *
 *      file   [ 0 1 2 3 4 5 ]      MADV_REMOVE of 2..3
 *        ->   [ 0 1 . . 4 5 ]      reads as zeros there
 *
 * The pages are taken out of all areas that map them first.  A private copy
 * that some task made of one of them is its own and stays.
 *
 * Source: fallocate(2) (FALLOC_FL_PUNCH_HOLE), madvise(2) (MADV_REMOVE).
 */
#include "kernel/file_state.h"

void punch_hole(struct address_space *mapping, uint64_t first, uint64_t last)
{
	uint64_t index = first;
	void *entry;

	unmap_mapping_pages(mapping, first, last);
	while ((entry = radix_next(&mapping->pages, &index)) && index <= last) {
		if (radix_is_value(entry))
			filemap_drop_value(mapping, index);
		else
			truncate_page(entry);
		index++;
	}
	if (!mapping->is_shmem)
		store_punch(mapping->host, first, last);
}
