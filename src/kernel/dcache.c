/*
 * dcache.c: what the kernel remembers of names and files: dentries and inodes.
 *
 * A file that is used has an object in each of two slab caches: its name
 * (dentry) and its inode (ext4_inode_cache, shmem_inode_cache).  When nobody
 * has it open they stay, to be found again, until memory is short:
 *
 *   open          both are made, or found
 *   last close    the dentry is on its LRU list; closed there once more: used
 *   shrinker      a used one gets a second round; the dentry goes, and with the
 *                 last page of its cache the inode is on a list of its own
 *   shrinker      the inode goes; the next open reads it from the disk
 *
 *     dentries   [ /a ][ /b, used ][ /c, open ] ...   oldest first
 *     inodes     [ of /x ][ of /y ] ...               without dentry and pages
 *
 * A file that is open is taken off the list when the shrinker meets it.
 *
 * Simplified: names that do not exist are not remembered; directories have no
 * objects; those of tmpfs stay as long as the file is there.
 *
 * Sources: kernel documentation, filesystems/vfs, admin-guide/sysctl/vm
 * (vfs_cache_pressure); recordings (4000 empty files).
 */
#include "kernel/file_state.h"

#include <errno.h>

/* A host record that stands for an object's place in its slab. */
struct name_record {
	struct inode *inode;
};

static enum kmem_record inode_record_kind(const struct inode *inode)
{
	return inode->place == PLACE_DISK ? KMEM_INODE : KMEM_SHMEM_INODE;
}

static void drop_dentry(struct inode *inode)
{
	kmem_record_free(inode->machine, KMEM_DENTRY, inode->dentry_record);
	inode->dentry_record = NULL;
}

static void drop_inode(struct inode *inode)
{
	kmem_record_free(inode->machine, inode_record_kind(inode),
			 inode->inode_record);
	inode->inode_record = NULL;
}

/* --- the lists ----------------------------------------------------------- */

static void lru_leave(struct inode *inode)
{
	struct dcache *dcache = &inode->machine->files->dcache;

	if (list_is_empty(&inode->lru_link))
		return;
	list_del(&inode->lru_link);
	if (inode->dentry_record)
		dcache->nr_dentries--;
	else
		dcache->nr_inodes--;
}

void dcache_unused(struct inode *inode)
{
	struct dcache *dcache = &inode->machine->files->dcache;

	if (inode->refcount > 0 || inode->nlink == 0 ||
	    inode->place != PLACE_DISK)
		return;
	if (!list_is_empty(&inode->lru_link)) {
		inode->is_dentry_used = inode->dentry_record != NULL;
	} else if (inode->dentry_record) {
		list_add_tail(&inode->lru_link, &dcache->dentries);
		dcache->nr_dentries++;
	} else if (inode->inode_record && inode->mapping.pages.count == 0) {
		list_add_tail(&inode->lru_link, &dcache->inodes);
		dcache->nr_inodes++;
	}
}

int inode_cache(struct inode *inode)
{
	if (!inode->dentry_record)
		lru_leave(inode);
	if (!inode->inode_record)
		inode->inode_record = kmem_record_alloc(
			inode->machine, inode_record_kind(inode),
			sizeof(struct name_record));
	if (!inode->dentry_record && inode->inode_record)
		inode->dentry_record =
			kmem_record_alloc(inode->machine, KMEM_DENTRY,
					  sizeof(struct name_record));
	return inode->dentry_record ? 0 : -ENOMEM;
}

void inode_uncache(struct inode *inode)
{
	lru_leave(inode);
	drop_dentry(inode);
	drop_inode(inode);
}

/* --- the shrinker -------------------------------------------------------- */

static uint64_t dcache_count(struct shrinker *shrinker)
{
	const struct mmsim_machine *machine = shrinker->arg;
	const struct dcache *dcache = &machine->files->dcache;
	uint64_t pressure = (uint64_t)machine->vm.vfs_cache_pressure;
	uint64_t n = dcache->nr_dentries + dcache->nr_inodes;

	return n / 100 * pressure + n % 100 * pressure / 100;
}

/* Up to nr dentries go, the longest unused first; how many did.  Each is looked
 * at once. */
static uint64_t prune_dentries(struct dcache *dcache, uint64_t nr)
{
	uint64_t left = dcache->nr_dentries, freed = 0;

	for (; left > 0 && freed < nr; left--) {
		struct inode *inode =
			list_first(&dcache->dentries, struct inode, lru_link);

		if (inode->refcount > 0) {
			lru_leave(inode);
		} else if (inode->is_dentry_used) {
			inode->is_dentry_used = false;
			list_move_tail(&inode->lru_link, &dcache->dentries);
		} else {
			lru_leave(inode);
			drop_dentry(inode);
			dcache_unused(inode);
			freed++;
		}
	}
	return freed;
}

static uint64_t prune_inodes(struct dcache *dcache, uint64_t nr)
{
	uint64_t freed = 0;

	for (; freed < nr && !list_is_empty(&dcache->inodes); freed++) {
		struct inode *inode =
			list_first(&dcache->inodes, struct inode, lru_link);

		lru_leave(inode);
		drop_inode(inode);
	}
	return freed;
}

/* Of both in proportion. */
static uint64_t dcache_scan(struct shrinker *shrinker, uint64_t nr)
{
	const struct mmsim_machine *machine = shrinker->arg;
	struct dcache *dcache = &machine->files->dcache;
	uint64_t total = dcache->nr_dentries + dcache->nr_inodes;
	uint64_t dentries = total ? nr * dcache->nr_dentries / total : 0;
	uint64_t inodes = nr - dentries;

	return prune_inodes(dcache, inodes) + prune_dentries(dcache, dentries);
}

void dcache_init(struct mmsim_machine *machine)
{
	struct dcache *dcache = &machine->files->dcache;

	list_init(&dcache->dentries);
	list_init(&dcache->inodes);
	dcache->shrinker.name = "dentry";
	dcache->shrinker.count_objects = dcache_count;
	dcache->shrinker.scan_objects = dcache_scan;
	dcache->shrinker.arg = machine;
	shrinker_register(machine, &dcache->shrinker);
}

void dcache_fini(struct mmsim_machine *machine)
{
	shrinker_unregister(&machine->files->dcache.shrinker);
}
