/*
 * inode.c: names and inodes.
 *
 * A path names an inode; an inode has a page cache and, on the disk, a store.
 * Paths below /tmp and /dev/shm are tmpfs, all others the simulated disk.
 *
 *   nlink 1    the path is there; unlink takes it away
 *   refcount   open files (which areas keep open, too)
 *   both 0     pages, blocks and promises are given back
 *
 * The disk as a whole is a file as well, /dev/vda.
 *
 * Simplified: directories are there without being made and cannot be listed;
 * no permissions, links or renames; open does not follow anything, and swap
 * devices cannot be opened (EBUSY).
 *
 * Source: path_resolution(7), unlink(2), tmpfs(5).
 */
#include "base/hostmem.h"
#include "kernel/commit.h"
#include "kernel/file_state.h"
#include "kernel/reclaim.h"

#include <errno.h>
#include <string.h>

static const size_t path_sizes[NR_PATH_SIZES] = {64, 512, FILE_PATH_MAX};

/* --- paths --------------------------------------------------------------- */

static unsigned path_pool(const char *path)
{
	unsigned i = 0;

	while (strlen(path) + 1 > path_sizes[i])
		i++;
	return i;
}

static bool path_is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && path[len] == '/';
}

/* 0, or why there can be no file of this name. */
int path_check(const char *path)
{
	size_t name = 0, len;

	if (!path)
		return -EFAULT;
	if (path[0] != '/')
		return path[0] ? -EINVAL : -ENOENT;
	len = strnlen(path, FILE_PATH_MAX);
	if (len == FILE_PATH_MAX)
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			name++;
		else if (name > FILE_NAME_MAX)
			return -ENAMETOOLONG;
		else if (name == 0)
			return path[i] ? -EINVAL : -EISDIR;
		else
			name = 0;
	}
	if (strcmp(path, "/tmp") == 0 || strcmp(path, "/dev/shm") == 0)
		return -EISDIR;
	return 0;
}

enum file_place path_place(const char *path)
{
	if (path_is_below(path, "/tmp"))
		return PLACE_TMP;
	return path_is_below(path, "/dev/shm") ? PLACE_SHM : PLACE_DISK;
}

/* FNV-1a: G. Fowler, L. Noll, P. Vo. */
static struct list_head *path_bucket(struct file_state *state, const char *path)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *path; path++)
		hash = (hash ^ (unsigned char)*path) * UINT64_C(0x100000001b3);
	return &state->buckets[hash % FILE_BUCKETS];
}

struct inode *path_find(struct mmsim_machine *machine, const char *path)
{
	struct inode *inode;

	list_for_each(inode, path_bucket(machine->files, path), hash_link)
		if (strcmp(inode->path, path) == 0)
			return inode;
	return NULL;
}

/* --- inodes -------------------------------------------------------------- */

struct inode *inode_create(struct mmsim_machine *machine, enum file_place place)
{
	struct file_state *state = machine->files;
	struct inode *inode = pool_zalloc(&state->inode_pool);

	if (!inode)
		return NULL;
	inode->machine = machine;
	inode->place = place;
	inode->refcount = 1;
	inode->is_charged_by_page = place == PLACE_TMP || place == PLACE_SHM;
	inode->mapping.machine = machine;
	inode->mapping.host = inode;
	inode->mapping.is_shmem = place != PLACE_DISK && place != PLACE_BLKDEV;
	radix_init(&inode->mapping.pages, &machine->radix_nodes);
	if (!inode->mapping.is_shmem)
		inode->mapping.pages.update = workingset_update_node;
	radix_init(&inode->store, &machine->radix_nodes);
	list_init(&inode->mapping.vmas);
	list_init(&inode->hash_link);
	list_init(&inode->link);
	list_init(&inode->dirty_link);
	list_init(&inode->lru_link);
	if (inode_cache(inode)) {
		inode_uncache(inode);
		pool_free(&state->inode_pool, inode);
		return NULL;
	}
	inode->ino = ++state->last_ino;
	state->nr_inodes[place]++;
	inode->disk_start = inode->ino * FILE_MAX_BLOCKS;
	list_add_tail(&inode->link, &state->inodes);
	return inode;
}

/* Nobody can reach it any more. */
static void inode_evict(struct inode *inode)
{
	struct file_state *state = inode->machine->files;

	ASSERT(list_is_empty(&inode->mapping.vmas));
	truncate_pages(&inode->mapping, 0);
	store_truncate(inode, 0);
	if (inode->committed)
		commit_uncharge(inode->machine, inode->committed);
	inode_uncache(inode);
	list_del(&inode->link);
	state->nr_inodes[inode->place]--;
	if (inode->path)
		pool_free(&state->path_pools[path_pool(inode->path)],
			  inode->path);
	pool_free(&state->inode_pool, inode);
}

void inode_put(struct inode *inode)
{
	ASSERT(inode->refcount > 0);
	if (--inode->refcount > 0)
		return;
	if (inode->nlink == 0)
		inode_evict(inode);
	else
		dcache_unused(inode);
}

int inode_set_path(struct inode *inode, const char *path)
{
	struct file_state *state = inode->machine->files;

	inode->path = pool_alloc(&state->path_pools[path_pool(path)]);
	if (!inode->path)
		return -ENOMEM;
	strcpy(inode->path, path);
	return 0;
}

/* Gives the inode its name: 0 or -ENOMEM (of the host). */
int inode_link(struct inode *inode, const char *path)
{
	struct file_state *state = inode->machine->files;

	if (inode_set_path(inode, path))
		return -ENOMEM;
	list_add(&inode->hash_link, path_bucket(state, path));
	inode->nlink = 1;
	return 0;
}

/* The path stays with the inode: maps shows it as deleted. */
void inode_unlink(struct inode *inode)
{
	list_del(&inode->hash_link);
	inode->nlink = 0;
}

/* --- the machine --------------------------------------------------------- */

struct list_head *file_inodes(struct mmsim_machine *machine)
{
	return &machine->files->inodes;
}

/* The disk as a file. */
static int bdev_init(struct mmsim_machine *machine)
{
	struct file_state *state = machine->files;
	struct inode *bdev = inode_create(machine, PLACE_BLKDEV);

	if (!bdev || inode_link(bdev, FILE_DISK_PATH))
		return -ENOMEM;
	bdev->size = state->disk_blocks * PAGE_SIZE;
	bdev->disk_start = 0;
	state->bdev = bdev;
	return 0;
}

int file_init(struct mmsim_machine *machine)
{
	struct file_state *state = hostmem_map(sizeof(*state));
	int err;

	if (!state)
		return -ENOMEM;
	machine->files = state;
	list_init(&state->inodes);
	for (unsigned i = 0; i < FILE_BUCKETS; i++)
		list_init(&state->buckets[i]);
	pool_init(&state->inode_pool, align_up(sizeof(struct inode), 16));
	pool_init(&state->block_pool, PAGE_SIZE);
	blkdev_init(machine, &state->disk, "vda", machine->spec.disk_latency_ns,
		    machine->spec.disk_page_ns, writeback_end);
	flusher_init(machine);
	state->disk_blocks = machine->spec.disk_size / PAGE_SIZE;
	state->ra_pages = FILE_RA_PAGES;
	state->io_pages = FILE_IO_PAGES;
	for (unsigned i = 0; i < NR_PATH_SIZES; i++)
		pool_init(&state->path_pools[i], path_sizes[i]);
	dcache_init(machine);
	shmem_mount(machine);
	err = bdev_init(machine);
	if (err)
		file_fini(machine);
	return err;
}

void file_fini(struct mmsim_machine *machine)
{
	struct file_state *state = machine->files;

	if (!state)
		return;
	blkdev_fini(&state->disk);
	flusher_fini(machine);
	dcache_fini(machine);
	for (unsigned i = 0; i < NR_PATH_SIZES; i++)
		pool_fini(&state->path_pools[i]);
	pool_fini(&state->block_pool);
	pool_fini(&state->inode_pool);
	hostmem_unmap(state, sizeof(*state));
	machine->files = NULL;
}
