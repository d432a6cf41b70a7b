/*
 * readahead.c: reading pages of a file before they are asked for.
 *
 * What a read that misses means is told from where it begins:
 *
 *   page 0                      somebody starts to read
 *   where the window ends       goes on in sequence
 *   behind the last read        goes on in sequence, and had no window yet
 *   pages in front are cached   a sequence among others
 *   elsewhere                   random: just what was asked for
 *
 * The first window is four times (small reads) or twice (middle ones) what was
 * asked for, rounded up to a power of two; each next one is twice the last
 * (four times while it is small), up to ra_pages.  The next window is read when
 * a page with PG_readahead is met, so that the disk works while pages are used:
 *
 *   read() of 4 KiB    0123 4...11 12.....27 28..........59
 *                       ^   ^      ^         ^
 *   A read larger than ra_pages is taken at its own size, up to what the
 *   device takes at a time (max_sectors_kb).
 *
 * Faults through mappings jump more: the pages around are read, half in front
 * of the faulting one, and the last quarter is marked; after 100 more misses
 * than hits only single pages.  VM_RAND_READ: single pages.  VM_SEQ_READ: as a
 * read of ra_pages.
 *
 * Memory for pages that nobody waits for is asked for without insisting: when
 * there is none the window is shorter.
 *
 * Simplified: pages that were read ahead have their content at once, and
 * whoever comes to the next window's mark waits until they would have come.
 *
 * Sources: recordings (tables of windows); posix_fadvise(2), madvise(2),
 * readahead(2); Wu Fengguang's design as described on LWN ("Adaptive file
 * readahead") and in the kernel documentation.
 */
#include "kernel/readahead.h"

#include "kernel/file_state.h"
#include "kernel/page_alloc.h"

enum {
	MMAP_LOTSAMISS = 100, /* so many more misses than hits: give up */
	MMAP_MISS_MAX = 1000, /* the counter goes no further */
};

void readahead_init(struct file_ra_state *ra, uint64_t ra_pages)
{
	*ra = (struct file_ra_state){.ra_pages = ra_pages,
				     .prev_pos = UINT64_MAX};
}

/* --- reading a range ----------------------------------------------------- */

/* Pages on their way that lie side by side on the disk. */
struct read_run {
	struct address_space *mapping;
	uint64_t start, nr_pages;
	bool wait;
};

static void run_submit(struct read_run *run)
{
	if (run->nr_pages)
		disk_read(run->mapping->host, run->start, run->nr_pages,
			  run->wait);
	run->nr_pages = 0;
}

/* The page was put into the cache: its content is fetched. */
static void run_add(struct read_run *run, uint64_t index, bool on_disk)
{
	if (!on_disk || index != run->start + run->nr_pages)
		run_submit(run);
	if (!on_disk)
		return;
	if (run->nr_pages == 0)
		run->start = index;
	run->nr_pages++;
}

/* A new page in the cache with its content; NULL: no memory. */
static struct page *read_page(struct address_space *mapping, uint64_t index)
{
	struct mmsim_machine *machine = mapping->machine;
	gfp_t quietly = GFP_F_NORETRY | GFP_F_NOWARN;
	struct page *page;

	page = alloc_pages(machine, machine->current,
			   GFP_HIGHUSER_MOVABLE | quietly, 0);
	if (!page)
		return NULL;
	if (filemap_add_gfp(mapping, page, index, GFP_KERNEL | quietly))
		goto put;
	if (store_read_page(mapping->host, index, page)) {
		filemap_remove(page);
		goto put;
	}
	page_set(page, PG_uptodate);
	return page;
put:
	page_put(machine, page);
	return NULL;
}

/* Reads what is not in the cache of nr pages from index on, but nothing behind
 * the end; `ahead` pages in front of the end of the range is the mark. */
static void read_range(const struct readahead *to, uint64_t index, uint64_t nr,
		       uint64_t ahead, bool wait)
{
	struct address_space *mapping = to->mapping;
	struct read_run run = {.mapping = mapping, .wait = wait};
	uint64_t end = file_pages(mapping->host->size), mark;

	if (index >= end)
		return;
	nr = min_size(nr, end - index);
	/* a window that the end cuts short has no mark, or it is behind */
	mark = ahead <= nr ? index + nr - ahead : UINT64_MAX;
	for (end = index + nr; index < end; index++) {
		struct page *page;

		if (filemap_find(mapping, index))
			continue;
		page = read_page(mapping, index);
		if (!page)
			break;
		if (index == mark)
			page_set(page, PG_readahead);
		run_add(&run, index, store_has(mapping->host, index));
		page_put(mapping->machine, page);
	}
	run_submit(&run);
}

/* --- windows ------------------------------------------------------------- */

static uint64_t round_up_pow2(uint64_t n)
{
	return n <= 1 ? 1 : (uint64_t)2 << log2_floor(n - 1);
}

static uint64_t first_size(uint64_t nr_wanted, uint64_t max)
{
	uint64_t size = round_up_pow2(nr_wanted);

	if (size <= max / 32)
		return size * 4;
	return size <= max / 4 ? size * 2 : max;
}

static uint64_t next_size(const struct file_ra_state *ra, uint64_t max)
{
	if (ra->size < max / 16)
		return ra->size * 4;
	return ra->size <= max / 2 ? ra->size * 2 : max;
}

static void first_window(struct file_ra_state *ra, uint64_t index,
			 uint64_t nr_wanted, uint64_t max)
{
	ra->start = index;
	ra->size = first_size(nr_wanted, max);
	ra->async_size = ra->size > nr_wanted ? ra->size - nr_wanted : ra->size;
}

static void next_window(struct file_ra_state *ra, uint64_t max)
{
	ra->start += ra->size;
	ra->size = next_size(ra, max);
	ra->async_size = ra->size;
}

/* How many pages right in front of `index` are cached, up to max. */
static uint64_t history(struct address_space *mapping, uint64_t index,
			uint64_t max)
{
	uint64_t nr = 0;

	while (nr < max && nr < index && filemap_find(mapping, index - 1 - nr))
		nr++;
	return nr;
}

/* A sequence that another one has put out of the window's memory: the cached
 * pages tell how long it is. */
static bool window_by_history(const struct readahead *to, uint64_t index,
			      uint64_t nr_wanted, uint64_t max)
{
	struct file_ra_state *ra = to->ra;
	uint64_t size = history(to->mapping, index, max);

	if (size <= nr_wanted)
		return false;
	/* it began at the start of the file: likely to be read to the end */
	if (size >= index)
		size *= 2;
	ra->start = index;
	ra->size = min_size(size + nr_wanted, max);
	ra->async_size = 1;
	return true;
}

/* A mark that is not this window's: another sequence.  The window goes behind
 * what is cached; false: that is far enough. */
static bool window_by_mark(const struct readahead *to, uint64_t index,
			   uint64_t nr_wanted, uint64_t max)
{
	struct file_ra_state *ra = to->ra;
	uint64_t start = index + 1;

	while (start - index <= max && filemap_find(to->mapping, start))
		start++;
	if (start - index > max)
		return false;
	ra->start = start;
	ra->size = start - index + nr_wanted;
	ra->size = next_size(ra, max);
	ra->async_size = ra->size;
	return true;
}

static bool is_sequential(const struct file_ra_state *ra, uint64_t index)
{
	return index - (ra->prev_pos >> PAGE_SHIFT) <= 1;
}

enum window { WINDOW_NONE, WINDOW_SINGLE, WINDOW_READ };

static enum window choose_window(const struct readahead *to, uint64_t index,
				 uint64_t nr_wanted, uint64_t max, bool at_mark)
{
	struct file_ra_state *ra = to->ra;
	uint64_t end = ra->start + ra->size;

	if (index == 0) {
		first_window(ra, index, nr_wanted, max);
	} else if (index == end - ra->async_size || index == end) {
		next_window(ra, max);
	} else if (at_mark) {
		if (!window_by_mark(to, index, nr_wanted, max))
			return WINDOW_NONE;
	} else if (nr_wanted > max || is_sequential(ra, index)) {
		first_window(ra, index, nr_wanted, max);
	} else if (!window_by_history(to, index, nr_wanted, max)) {
		return WINDOW_SINGLE;
	}
	return WINDOW_READ;
}

static void read_window(const struct readahead *to, uint64_t index,
			uint64_t nr_wanted, bool at_mark)
{
	struct file_ra_state *ra = to->ra;
	uint64_t max = ra->ra_pages;
	uint64_t at_a_time = to->mapping->machine->files->io_pages;

	if (nr_wanted > max && at_a_time > max)
		max = min_size(nr_wanted, at_a_time);
	switch (choose_window(to, index, nr_wanted, max, at_mark)) {
	case WINDOW_NONE:
		return;
	case WINDOW_SINGLE:
		read_range(to, index, nr_wanted, 0, true);
		return;
	case WINDOW_READ:
		break;
	}
	/* all of it would be ahead: with the next one, now */
	if (index == ra->start && ra->size == ra->async_size) {
		uint64_t more = next_size(ra, max);

		if (ra->size + more <= max) {
			ra->async_size = more;
			ra->size += more;
		} else {
			ra->size = max;
			ra->async_size = max / 2;
		}
	}
	read_range(to, ra->start, ra->size, ra->async_size, !at_mark);
}

/* --- who asks ------------------------------------------------------------ */

static void read_at_once(const struct readahead *to, uint64_t index,
			 uint64_t nr_pages, bool wait)
{
	uint64_t most = max_size(to->mapping->machine->files->io_pages,
				 to->ra->ra_pages);

	read_range(to, index, min_size(nr_pages, most), 0, wait);
}

void readahead_sync(const struct readahead *to, uint64_t index,
		    uint64_t nr_wanted)
{
	if (to->ra->ra_pages == 0)
		read_at_once(to, index, 1, true);
	else if (to->ra->is_random)
		read_at_once(to, index, nr_wanted, true);
	else
		read_window(to, index, nr_wanted, false);
}

void readahead_async(const struct readahead *to, struct page *page,
		     uint64_t nr_wanted)
{
	struct mmsim_machine *machine = to->mapping->machine;
	uint64_t ready_ns = to->ra->ready_ns;

	if (to->ra->ra_pages == 0)
		return;
	page_clear(page, PG_readahead);
	read_window(to, page->index, nr_wanted, true);
	to->ra->ready_ns = machine->files->disk.busy_until_ns;
	clock_wait_until(machine, ready_ns);
}

bool readahead_fault_miss(const struct readahead *to, uint64_t index,
			  uint64_t flags)
{
	struct file_ra_state *ra = to->ra;

	if ((flags & VM_RAND_READ) || ra->ra_pages == 0)
		return false;
	if (flags & VM_SEQ_READ) {
		readahead_sync(to, index, ra->ra_pages);
		return true;
	}
	if (ra->mmap_miss < MMAP_MISS_MAX)
		ra->mmap_miss++;
	if (ra->mmap_miss > MMAP_LOTSAMISS)
		return false;
	ra->start = index - min_size(index, ra->ra_pages / 2);
	ra->size = ra->ra_pages;
	ra->async_size = ra->ra_pages / 4;
	read_range(to, ra->start, ra->size, ra->async_size, true);
	return true;
}

bool readahead_fault_hit(const struct readahead *to, struct page *page,
			 uint64_t flags)
{
	if ((flags & VM_RAND_READ) || to->ra->ra_pages == 0)
		return false;
	if (to->ra->mmap_miss > 0)
		to->ra->mmap_miss--;
	if (!page_has(page, PG_readahead))
		return false;
	readahead_async(to, page, to->ra->ra_pages);
	return true;
}

void readahead_force(const struct readahead *to, uint64_t index,
		     uint64_t nr_pages)
{
	read_at_once(to, index, nr_pages, false);
}
