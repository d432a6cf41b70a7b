/*
 * page.c: frames and their content.
 *
 * A frame's content is kept in the host's memory only once something was
 * written to it: until then it is zeros, and every such frame shows the same
 * page of zeros.  So a machine may hand out far more memory than the host has.
 * It stands in the machine's pool, or in a page_store.
 */
#include "kernel/page.h"

#include "kernel/machine.h"

#include <errno.h>
#include <string.h>

static const char page_zeros[1 << PAGE_SHIFT];

pfn_t page_pfn(const struct mmsim_machine *machine, const struct page *page)
{
	return (pfn_t)(page - machine->mem_map);
}

struct page *page_from_pfn(const struct mmsim_machine *machine, pfn_t pfn)
{
	ASSERT(pfn < machine->max_pfn);
	return machine->mem_map + pfn;
}

const void *page_content(const struct mmsim_machine *machine,
			 const struct page *page)
{
	(void)machine;
	return page->data ? page->data : page_zeros;
}

void *page_content_write(struct mmsim_machine *machine, struct page *page)
{
	ASSERT(page != machine->zero_page);
	if (!page->data)
		page->data = pool_zalloc(&machine->contents);
	return page->data;
}

struct page_store *content_store(const struct mmsim_machine *machine,
				 const void *data)
{
	struct page_store *store = machine->page_store;
	const char *at = data;

	return store && at >= store->start && at < store->end ? store : NULL;
}

void content_free(struct mmsim_machine *machine, void *data)
{
	struct page_store *store = content_store(machine, data);

	if (UNLIKELY(store != NULL))
		store->drop(store, data);
	else
		pool_free(&machine->contents, data);
}

void page_content_drop(struct mmsim_machine *machine, struct page *page)
{
	content_free(machine, page->data);
	page->data = NULL;
}

void page_content_move(struct mmsim_machine *machine, struct page *to,
		       struct page *from)
{
	struct page_store *store = content_store(machine, from->data);

	to->data = from->data;
	from->data = NULL;
	if (UNLIKELY(store != NULL))
		store->own(store, to);
}

int page_content_copy(struct mmsim_machine *machine, struct page *dst,
		      const struct page *src)
{
	if (!src->data) {
		page_content_drop(machine, dst);
		return 0;
	}
	if (!dst->data)
		dst->data = pool_alloc(&machine->contents);
	if (!dst->data)
		return -ENOMEM;
	memcpy(dst->data, src->data, PAGE_SIZE);
	return 0;
}
