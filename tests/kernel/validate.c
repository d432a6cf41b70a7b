/*
 * validate.c: the self-check finds each kind of damage, and finds none after
 * long random work.
 */
#include "base/rng.h"
#include "kernel/file_state.h"
#include "kernel/machine.h"
#include "kernel/memory_block.h"
#include "kernel/page_alloc.h"
#include "kernel/rmap.h"
#include "kernel/vma.h"

#include "sim.h"

#include <fcntl.h>
#include <stdarg.h>

enum { MB = 1024 * 1024 };

/* A machine with some of everything. */
struct world {
	struct mmsim_machine *m;
	struct mmsim_task *task, *child;
	uintptr_t anon;
	struct page *page; /* an anonymous one of the task's own */
};

static struct page *page_at(struct mmsim_task *task, uintptr_t addr)
{
	pte_t *entry = pte_find(task->mm, addr);

	cr_assert(entry && pte_is_present(*entry));
	return page_from_pfn(task->machine, pte_pfn(*entry));
}

static struct world world_make(void)
{
	struct world w = {.m = sim_boot("ram=128M,swap=16M")};
	intptr_t shared;

	w.task = sim_spawn(w.m);
	w.anon = sim_mmap(w.task, MB);
	sim_touch(w.task, w.anon, MB);
	shared = mmsim_mmap(w.task, 0, MB, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, NULL, 0);
	sim_touch(w.task, (uintptr_t)shared, MB / 2);
	cr_assert_eq(mmsim_task_fork(w.task, &w.child), 0);
	sim_touch(w.child, w.anon, MB / 4);
	w.page = page_at(w.child, w.anon);
	sim_validate(w.m);
	return w;
}

/* The damage is there now: it must be found, and named. */
static void assert_found(struct world *w, const char *word)
{
	char why[256] = "";

	cr_assert_eq(mmsim_machine_validate(w->m, why, sizeof(why)), -1,
		     "%s was not found", word);
	cr_assert(strstr(why, word), "\"%s\" instead of \"%s\"", why, word);
}

/* Adds to a number, looks, and takes it back. */
#define DAMAGE(w, lvalue, delta, word)                                         \
	do {                                                                   \
		(lvalue) += (delta);                                           \
		assert_found((w), (word));                                     \
		(lvalue) -= (delta);                                           \
	} while (0)

Test(validate, finds_wrong_counters)
{
	struct world w = world_make();
	struct pglist_data *node = w.m->nodes[0];
	struct zone *zone = machine_zone_of(w.m, w.page);

	DAMAGE(&w, zone->stat[NR_FREE_PAGES], 1, "nr_free_pages");
	DAMAGE(&w, zone->pcp[0].count, 1, "on a CPU's lists");
	DAMAGE(&w, zone->managed_pages, 1, "managed");
	DAMAGE(&w, zone->stat[NR_ZONE_INACTIVE_ANON], 1, "nr_zone_inactive");
	DAMAGE(&w, zone->stat[NR_MLOCK], 1, "nr_mlock");
	DAMAGE(&w, zone->free_area[10].nr_free[MIGRATE_MOVABLE], 1, "order 10");
	DAMAGE(&w, zone->watermark[WMARK_MIN], 1 << 20, "watermarks");
	DAMAGE(&w, node->stat[NR_ANON_MAPPED], 1, "nr_anon_pages");
	DAMAGE(&w, node->stat[NR_FILE_MAPPED], 1, "nr_mapped");
	DAMAGE(&w, node->stat[NR_FILE_PAGES], 1, "nr_file_pages");
	DAMAGE(&w, node->stat[NR_SHMEM], 1, "nr_shmem");
	DAMAGE(&w, node->stat[NR_INACTIVE_ANON], 1, "nr_inactive_anon");
	DAMAGE(&w, node->stat[NR_SLAB_UNRECLAIMABLE], 1, "slab");
	DAMAGE(&w, node->stat[NR_PAGETABLE], 1, "page_table");
	DAMAGE(&w, node->stat[NR_KERNEL_STACK_KB], 1, "KernelStack");
	DAMAGE(&w, node->stat[NR_ISOLATED_ANON], 1, "still isolated");
	DAMAGE(&w, node->stat[NR_ISOLATED_FILE], 1, "still isolated");
	DAMAGE(&w, node->stat[WORKINGSET_NODES], 1, "workingset_nodes");
	DAMAGE(&w, w.m->workingset.nr_nodes, 1, "workingset_nodes");
	DAMAGE(&w, w.m->totalram_pages, 1, "MemTotal");
	DAMAGE(&w, w.m->totalreserve_pages, 1, "totalreserve");
	DAMAGE(&w, w.m->committed_as, 1, "Committed_AS");
	DAMAGE(&w, w.m->nr_swap_pages, 1, "swap");
	sim_shutdown(w.m);
}

Test(validate, finds_wrong_sums_of_an_address_space)
{
	struct world w = world_make();
	struct mm_struct *mm = w.task->mm;

	DAMAGE(&w, mm->rss[MM_ANONPAGES], 1, "anonymous pages");
	DAMAGE(&w, mm->rss[MM_SHMEMPAGES], 1, "shmem pages");
	DAMAGE(&w, mm->rss[MM_SWAPENTS], 1, "swap pages");
	DAMAGE(&w, mm->pgtables_bytes, 4096, "page tables");
	DAMAGE(&w, mm->total_vm, 1, "sizes");
	DAMAGE(&w, mm->data_vm, 1, "sizes");
	DAMAGE(&w, mm->locked_vm, 1, "VmLck");
	DAMAGE(&w, mm->map_count, 1, "tree of areas");
	DAMAGE(&w, mm->users, 1, "users");
	DAMAGE(&w, vma_lookup(mm, w.anon)->subtree_gap, 4096, "tree of areas");
	sim_shutdown(w.m);
}

Test(validate, finds_damaged_memory_blocks)
{
	struct world w = world_make();
	struct hotplug_state *hotplug = w.m->hotplug;
	struct memory_block *block = &hotplug->blocks[32];
	struct page *map;

	cr_assert_eq(mmsim_dimm_add(w.m, (uint64_t)256 * MB, 0, NULL), 0);
	sim_write(w.m, "/sys/devices/system/memory/memory32/state",
		  "online_movable");
	sim_validate(w.m);
	map = list_first(&hotplug->dimms[0].memmap, struct page, lru);
	DAMAGE(&w, hotplug->nr_changed, 1, "have changed");
	DAMAGE(&w, block[1].node, 1, "node");
	DAMAGE(&w, block[1].is_of_dimm, -1, "does not know its DIMM");
	DAMAGE(&w, hotplug->blocks[0].is_of_dimm, 1, "does not know its DIMM");
	DAMAGE(&w, hotplug->dimms[0].range.start, 1, "DIMM 0");
	DAMAGE(&w, map->refcount, 1, "not reserved");
	DAMAGE(&w, page_from_pfn(w.m, 33 * 32768 + 64)->refcount, 1,
	       "memory block is off");
	DAMAGE(&w, w.m->nodes[0]->stat[NR_ISOLATED_FILE], 1, "isolated");
	DAMAGE(&w, block[0].state, -1, "");
	sim_shutdown(w.m);
}

/* A file with dirty pages, one that is being written, and names that nobody
 * uses. */
static struct mmsim_file *world_add_files(struct world *w)
{
	static char buf[8 * SIM_PAGE];
	struct mmsim_file *file, *other;

	cr_assert_eq(mmsim_open(w->task, "/file", O_RDWR | O_CREAT, &file), 0);
	cr_assert_eq(mmsim_pwrite(w->task, file, buf, sizeof(buf), 0),
		     (ssize_t)sizeof(buf));
	writeback_start(&file->inode->mapping, 2, 3);
	cr_assert_eq(mmsim_open(w->task, "/other", O_RDWR | O_CREAT, &other),
		     0);
	mmsim_close(other);
	sim_validate(w->m);
	return file;
}

Test(validate, finds_damaged_files)
{
	struct world w = world_make();
	struct mmsim_file *file = world_add_files(&w);
	struct file_state *state = w.m->files;
	struct address_space *mapping = &file->inode->mapping;
	struct radix *pages = &mapping->pages;

	DAMAGE(&w, mapping->nr_pages, 1, "pages are miscounted");
	DAMAGE(&w, mapping->nr_dirty, 1, "dirty pages are miscounted");
	DAMAGE(&w, mapping->nr_writeback, 1, "dirty pages are miscounted");
	DAMAGE(&w, mapping->nr_node_records, 1, "nodes are not charged");
	DAMAGE(&w, file->inode->nr_blocks, 1, "blocks are miscounted");
	DAMAGE(&w, state->bdev->dirtied_ns, 1 << 30, "out of order");
	DAMAGE(&w, filemap_find(mapping, 1)->index, 1, "");
	DAMAGE(&w, w.m->nodes[0]->stat[NR_FILE_DIRTY], 1, "nr_dirty");
	DAMAGE(&w, w.m->nodes[0]->stat[NR_WRITEBACK], 1, "is wrong");
	DAMAGE(&w, state->bdev->mapping.nr_pages, 1, "/dev/vda");
	DAMAGE(&w, state->nr_disk_blocks, 1, "disk's blocks");
	DAMAGE(&w, state->dcache.nr_dentries, 1, "names are miscounted");
	radix_tag_clear(pages, 1, RADIX_DIRTY);
	assert_found(&w, "whether it is dirty");
	radix_tag_set(pages, 1, RADIX_DIRTY);
	radix_tag_set(pages, 1, RADIX_WRITEBACK);
	assert_found(&w, "whether it is being written");
	radix_tag_clear(pages, 1, RADIX_WRITEBACK);
	list_del(&file->inode->dirty_link);
	assert_found(&w, "list of dirty files");
	list_add_tail(&file->inode->dirty_link, &state->flusher.dirty);
	mmsim_close(file);
	sim_shutdown(w.m);
}

Test(validate, finds_an_entry_that_hides_stores)
{
	struct world w = world_make();
	struct mmsim_file *file = world_add_files(&w);
	intptr_t a = mmsim_mmap(w.task, 0, SIM_PAGE, PROT_READ | PROT_WRITE,
				MAP_SHARED, file, 0);
	pte_t *entry;

	cr_assert_eq(mmsim_access(w.task, (uintptr_t)a, 1, 0), 0);
	mmsim_sync(w.m);
	sim_validate(w.m);
	entry = pte_find(w.task->mm, (uintptr_t)a);
	*entry |= PTE_RW;
	assert_found(&w, "its page is clean");
	*entry &= ~(pte_t)PTE_RW;
	mmsim_close(file);
	sim_shutdown(w.m);
}

Test(validate, finds_damaged_pages)
{
	struct world w = world_make();
	struct page *table = w.child->mm->pgd;

	DAMAGE(&w, w.page->mapcount, 1, "mapcount");
	DAMAGE(&w, w.page->index, 1 << 20, "reverse map");
	DAMAGE(&w, table->index, 1, "table");
	page_clear(w.page, PG_lru);
	assert_found(&w, "LRU");
	page_set(w.page, PG_lru);
	page_set(w.page, PG_active);
	assert_found(&w, "LRU");
	page_clear(w.page, PG_active);
	w.page->refcount = 0;
	assert_found(&w, "frame");
	w.page->refcount = 1;
	sim_shutdown(w.m);
}

Test(validate, finds_entries_to_frames_that_are_free)
{
	struct world w = world_make();
	pte_t *entry = pte_find(w.child->mm, w.anon), old = *entry;
	struct page *page = alloc_pages(w.m, NULL, GFP_KERNEL, 3);

	cr_assert_not_null(page);
	free_pages(w.m, page, 3);
	*entry = pte_make(page_pfn(w.m, page), old & ~PTE_PFN_MASK);
	assert_found(&w, "");
	*entry = old;
	sim_validate(w.m);
	/* an entry where no area is */
	entry = pte_find(w.child->mm, w.anon - SIM_PAGE);
	if (entry && !vma_lookup(w.child->mm, w.anon - SIM_PAGE)) {
		*entry = old;
		assert_found(&w, "no area");
		*entry = 0;
	}
	sim_shutdown(w.m);
}

Test(validate, finds_a_frame_in_two_places)
{
	struct world w = world_make();
	struct zone *zone = machine_zone_of(w.m, w.page);
	struct list_head *lists = zone->pcp[0].list;
	struct page *page = alloc_pages(w.m, NULL, GFP_KERNEL, 0);

	cr_assert_not_null(page);
	list_add(&page->lru, &lists[MIGRATE_UNMOVABLE]);
	assert_found(&w, "CPU's lists");
	list_del(&page->lru);
	free_pages(w.m, page, 0);
	/* a frame that is lost is missed */
	page = alloc_pages(w.m, NULL, GFP_KERNEL, 0);
	page->refcount = 0;
	assert_found(&w, "managed");
	page->refcount = 1;
	free_pages(w.m, page, 0);
	sim_shutdown(w.m);
}

Test(validate, says_why_in_as_much_room_as_there_is)
{
	struct world w = world_make();
	char why[8] = "???????";

	w.m->committed_as++;
	cr_assert_eq(mmsim_machine_validate(w.m, why, sizeof(why)), -1);
	cr_assert_str_eq(why, "Committ");
	cr_assert_eq(mmsim_machine_validate(w.m, NULL, 0), -1);
	w.m->committed_as--;
	sim_shutdown(w.m);
}

/* --- random work ------------------------------------------------------------ */

enum { MAX_TASKS = 6, WINDOW_UNITS = 96 };

static const uintptr_t window = 0x10000000;

struct random_work {
	struct mmsim_machine *m;
	struct rng rng;
	size_t unit; /* bytes: addresses and lengths are multiples */
	struct mmsim_task *tasks[MAX_TASKS];
	int nr_tasks;
	struct mmsim_file *file;
};

static size_t pick(struct random_work *r, size_t n)
{
	return rng_below(&r->rng, n);
}

static int random_prot(struct random_work *r)
{
	static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_EXEC};
	size_t i = pick(r, 9);

	return i < 3 ? prots[i] : PROT_READ | PROT_WRITE;
}

static void random_mmap(struct random_work *r, struct mmsim_task *task,
			uintptr_t addr, size_t len)
{
	int flags = pick(r, 3) ? MAP_PRIVATE : MAP_SHARED;
	struct mmsim_file *file = pick(r, 4) ? NULL : r->file;

	flags |= file ? 0 : MAP_ANONYMOUS;
	flags |= pick(r, 8) ? 0 : MAP_POPULATE;
	flags |= pick(r, 8) ? 0 : MAP_NORESERVE;
	if (pick(r, 4))
		flags |= MAP_FIXED;
	len *= 1 + pick(r, 8);
	mmsim_mmap(task, addr, len, random_prot(r), flags, file,
		   file ? (off_t)pick(r, 8) * SIM_PAGE : 0);
}

static void random_advice(struct random_work *r, struct mmsim_task *task,
			  uintptr_t addr, size_t len)
{
	static const int advices[] = {MADV_DONTNEED, MADV_DONTNEED,
				      MADV_FREE,     MADV_RANDOM,
				      MADV_NORMAL,   MADV_DONTFORK,
				      MADV_DOFORK,   MADV_WIPEONFORK,
				      MADV_WILLNEED, MADV_KEEPONFORK};

	mmsim_madvise(task, addr, len, advices[pick(r, 10)]);
}

static void random_task(struct random_work *r, struct mmsim_task *task)
{
	size_t i = pick(r, (size_t)r->nr_tasks);

	(void)task;
	if (r->nr_tasks < MAX_TASKS && pick(r, 2)) {
		if (mmsim_task_fork(r->tasks[i], &r->tasks[r->nr_tasks]) == 0)
			r->nr_tasks++;
	} else if (r->nr_tasks > 1) {
		mmsim_task_exit(r->tasks[i], 0);
		mmsim_task_put(r->tasks[i]);
		r->tasks[i] = r->tasks[--r->nr_tasks];
	}
}

static void random_step(struct random_work *r)
{
	struct mmsim_task *task = r->tasks[pick(r, (size_t)r->nr_tasks)];
	uintptr_t addr = window + pick(r, WINDOW_UNITS) * r->unit;
	size_t len = (1 + pick(r, 12)) * r->unit;

	switch (pick(r, 24)) {
	case 0:
	case 1:
	case 2:
		random_mmap(r, task, addr, len);
		break;
	case 3:
		mmsim_munmap(task, addr, len);
		break;
	case 4:
		mmsim_mprotect(task, addr, len, random_prot(r));
		break;
	case 5:
		mmsim_mremap(task, addr, len, (1 + pick(r, 16)) * r->unit,
			     pick(r, 2) ? MREMAP_MAYMOVE : 0, 0);
		break;
	case 6:
		random_advice(r, task, addr, len);
		break;
	case 7:
		if (pick(r, 2))
			mmsim_mlock(task, addr, len);
		else
			mmsim_munlock(task, addr, len);
		break;
	case 8:
		mmsim_brk(task, (uintptr_t)mmsim_brk(task, 0) +
					(pick(r, 2) ? len : -len));
		break;
	case 9:
		random_task(r, task);
		break;
	default:
		mmsim_access(task, addr, len, (int)pick(r, 2));
		break;
	}
}

static void random_run(const char *spec, size_t unit, uint64_t seed, int steps)
{
	struct random_work r = {
		.m = sim_boot(spec),
		.rng = {seed},
		.unit = unit,
	};

	r.tasks[r.nr_tasks++] = sim_spawn(r.m);
	cr_assert_eq(mmsim_file_create(r.m, "/data", 64 * SIM_PAGE, &r.file), 0);
	for (int i = 0; i < steps; i++) {
		char why[256] = "";

		random_step(&r);
		cr_assert_eq(mmsim_machine_validate(r.m, why, sizeof(why)), 0,
			     "%s, seed %lu, step %d: %s", spec,
			     (unsigned long)seed, i, why);
	}
	if (strstr(spec, "thp=always"))
		cr_assert_gt(sim_vmstat(r.m, "thp_fault_alloc"), 0);
	else
		cr_assert_gt(sim_vmstat(r.m, "pgreuse"), 0);
	for (int i = 0; i < r.nr_tasks; i++)
		mmsim_task_exit(r.tasks[i], 0);
	mmsim_close(r.file);
	sim_validate(r.m);
	cr_assert_eq(sim_meminfo(r.m, "AnonPages"), 0);
	cr_assert_eq(sim_meminfo(r.m, "PageTables"), 0);
	cr_assert_eq(sim_meminfo(r.m, "Committed_AS"), 0);
	sim_shutdown(r.m);
}

Test(validate, random_work_keeps_the_books)
{
	for (uint64_t seed = 1; seed <= 4; seed++)
		random_run("ram=64M", SIM_PAGE, seed, 1500);
}

Test(validate, random_work_on_other_machines)
{
	random_run("ram=64M,profile=linux-6.18", SIM_PAGE, 5, 1000);
	random_run("ram=64M,profile=linux-2.6.32", SIM_PAGE, 6, 1000);
	random_run("ram=64M,arch=x86-32", SIM_PAGE, 7, 1000);
	random_run("ram=128M,nodes=2,cpus=2", SIM_PAGE, 8, 1000);
}

Test(validate, random_work_with_huge_pages)
{
	random_run("ram=1G,thp=always", 256 << 10, 9, 300);
	random_run("ram=1G,thp=always", SIM_PAGE << 9, 10, 300);
	random_run("ram=1G,thp=always,profile=linux-6.18", 256 << 10, 11, 300);
}

/* Little memory: tasks are killed, and nothing is lost. */
Test(validate, random_work_with_little_memory)
{
	struct mmsim_machine *m = sim_boot("ram=16M,vm.overcommit_memory=1");

	for (int i = 0; i < 20; i++) {
		struct mmsim_task *task = sim_spawn(m);
		uintptr_t a = sim_mmap(task, 32 * MB);
		int sig = mmsim_access(task, a, 32 * MB, 1);

		cr_assert_eq(sig, SIGKILL, "%d", sig);
		cr_assert_not(mmsim_task_is_alive(task));
		sim_validate(m);
		mmsim_task_put(task);
	}
	cr_assert_eq(sim_vmstat(m, "oom_kill"), 20);
	cr_assert_eq(sim_meminfo(m, "AnonPages"), 0);
	sim_shutdown(m);
}
