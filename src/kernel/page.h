/*
 * page.h: struct page, one for each page frame of the machine.
 *
 * The memory map is one array over all frames (mem_map in machine.h), reserved
 * in the host's address space and touched only where frames are used, so that
 * a frame is an index and a machine of a terabyte costs nothing at boot:
 *
 *     page = mem_map + pfn
 *
 * A page that was never used is all zeros.  The zone and node of a page stand
 * in its flags from the moment the buddy allocator has made it the head of a
 * block or given it out.
 *
 * What `mapping`, `index` and `private` say depends on who holds the page:
 *
 *   holder             flag         mapping          index         private
 *   buddy free list    PG_buddy     -                -             order
 *   per-CPU list       -            -                -             migratetype
 *   anonymous memory   PG_anon      struct anon_vma  page number   swap slot, if
 *                                                    of address    PG_swapcache
 *   page cache, tmpfs  -            address_space    page in file  -
 *   swap cache only    PG_swapcache -                -             swap slot
 *   slab               PG_slab      struct slab      -             -
 *   page table         PG_table     mm_struct        -             -
 *   reserved           PG_reserved  -                -             -
 */
#ifndef KERNEL_PAGE_H
#define KERNEL_PAGE_H

#include "base/list.h"
#include "kernel/types.h"

/* Bits of page->flags.  Those up to PG_NR_PRINTED have Linux's names. */
enum {
	PG_locked = 1u << 0,
	PG_referenced = 1u << 1,
	PG_uptodate = 1u << 2,
	PG_dirty = 1u << 3,
	PG_lru = 1u << 4,          /* on one of the LRU lists */
	PG_active = 1u << 5,
	PG_workingset = 1u << 6,
	PG_writeback = 1u << 7,
	PG_reclaim = 1u << 8,
	PG_swapbacked = 1u << 9,   /* anonymous or tmpfs: goes to swap */
	PG_swapcache = 1u << 10,
	PG_unevictable = 1u << 11,
	PG_mlocked = 1u << 12,
	PG_head = 1u << 13,        /* first page of a compound page */
	PG_tail = 1u << 14,        /* a later one; private: pages to the head */
	PG_slab = 1u << 15,
	PG_buddy = 1u << 16,
	PG_table = 1u << 17,
	PG_reserved = 1u << 18,
	PG_anon = 1u << 19,
	PG_anon_exclusive = 1u << 20, /* only one address space has it */
	PG_isolated = 1u << 21,    /* off its list for reclaim or migration */
	PG_readahead = 1u << 22,
	PG_young = 1u << 23,
};

enum {
	PAGE_FLAGS_ZONE_SHIFT = 32, /* 3 bits */
	PAGE_FLAGS_NODE_SHIFT = 35, /* 5 bits */
	PAGE_FLAGS_ORDER_SHIFT = 40, /* of a head page or a page given out; 4 bits */
};

struct page {
	uint64_t flags;
	int32_t refcount; /* 0: free */
	int32_t mapcount; /* page table entries that map this small page */
	struct list_head lru;
	void *mapping;
	uint64_t index;
	void *data;       /* the content, PAGE_SIZE bytes; NULL: all zeros */
	uint64_t private;
};

_Static_assert(sizeof(struct page) == STRUCT_PAGE_BYTES,
	       "a frame costs the host what it costs Linux");

static inline bool page_has(const struct page *page, uint64_t flag)
{
	return page->flags & flag;
}

static inline void page_set(struct page *page, uint64_t flag)
{
	page->flags |= flag;
}

static inline void page_clear(struct page *page, uint64_t flag)
{
	page->flags &= ~flag;
}

static inline unsigned page_zone_index(const struct page *page)
{
	return page->flags >> PAGE_FLAGS_ZONE_SHIFT & 7;
}

static inline unsigned page_node(const struct page *page)
{
	return page->flags >> PAGE_FLAGS_NODE_SHIFT & 31;
}

/* Of a page that was given out: the order it was asked with. */
static inline unsigned page_order(const struct page *page)
{
	return page->flags >> PAGE_FLAGS_ORDER_SHIFT & 15;
}

/* The head of the compound page that this page belongs to, or itself. */
static inline struct page *page_head(struct page *page)
{
	return page_has(page, PG_tail) ? page - page->private : page;
}

static inline unsigned page_nr(const struct page *page)
{
	return page_has(page, PG_head) ? 1u << page_order(page) : 1;
}

static inline bool page_is_file_lru(const struct page *page)
{
	return !page_has(page, PG_swapbacked);
}

struct mmsim_machine;

/*
 * A place beside the machine's own pool where contents may stand: whoever lets a
 * task's pages be real memory keeps them there.  `page->data` then points into
 * [start, end), and the store is told when it no longer needs to.
 */
struct page_store {
	char *start, *end;
	/* What stands at `data` is no longer needed. */
	void (*drop)(struct page_store *store, void *data);
	/* What stands at page->data is the content of `page` now. */
	void (*own)(struct page_store *store, struct page *page);
	/* It is no page's any more: a slot of swap has it, at *content.  The
	 * store changes *content when it takes it elsewhere. */
	void (*keep)(struct page_store *store, void **content);
};

pfn_t page_pfn(const struct mmsim_machine *machine, const struct page *page);
struct page *page_from_pfn(const struct mmsim_machine *machine, pfn_t pfn);

/* The content, for reading: never NULL, maybe a shared page of zeros. */
const void *page_content(const struct mmsim_machine *machine,
			 const struct page *page);
/* The content, for writing; NULL when the host has no memory. */
void *page_content_write(struct mmsim_machine *machine, struct page *page);
/* The store where a content stands; NULL: the machine's own pool. */
struct page_store *content_store(const struct mmsim_machine *machine,
				 const void *data);
/* A content, or NULL, is not needed any more. */
void content_free(struct mmsim_machine *machine, void *data);
/* The content is all zeros again and costs nothing. */
void page_content_drop(struct mmsim_machine *machine, struct page *page);
/* What `from` holds is the content of `to`; `from` is all zeros. */
void page_content_move(struct mmsim_machine *machine, struct page *to,
		       struct page *from);
/* 0 or -ENOMEM (the host has no memory). */
int page_content_copy(struct mmsim_machine *machine, struct page *dst,
		      const struct page *src);

/* References; the last put frees the page (page_alloc.c), which must be
 * neither mapped nor in a cache by then. */
static inline void page_get(struct page *page)
{
	page_head(page)->refcount++;
}
void page_put(struct mmsim_machine *machine, struct page *page);

#endif
