/*
 * shm_validate.c: the self-check of System V segments.
 *
 * Each stands at its index, its object knows it and has its size, nattch is the
 * number of areas that map the object, no two have one key, one that is marked
 * is attached somewhere; and the sums are right.
 */
#include "base/outbuf.h"
#include "kernel/file.h"
#include "kernel/shm.h"

static uint64_t count_areas(const struct inode *inode)
{
	const struct list_head *at;
	uint64_t nr = 0;

	for (at = inode->mapping.vmas.next; at != &inode->mapping.vmas;
	     at = at->next)
		nr++;
	return nr;
}

static bool has_key_twin(struct mmsim_machine *machine,
			 const struct shm_segment *shm, uint64_t index)
{
	const struct shm_segment *other;

	for (index++; (other = shm_next(machine, &index)); index++)
		if (shm->key != IPC_PRIVATE && other->key == shm->key)
			return true;
	return false;
}

static const char *check_segment(struct mmsim_machine *machine,
				 const struct shm_segment *shm, uint64_t index)
{
	const struct inode *inode = shm->file->inode;

	if ((uint64_t)(shm->id & SHM_INDEX_MASK) != index)
		return "it stands at another index";
	if (inode->segment != shm || inode->size != shm->size ||
	    !inode->mapping.is_shmem)
		return "its object is not its own";
	if (shm->nattch != count_areas(inode))
		return "nattch is not the number of its areas";
	if ((shm->mode & SHM_DEST) && shm->nattch == 0)
		return "it is marked to go and attached nowhere";
	if (inode->mapping.is_unevictable != !!(shm->mode & SHM_LOCKED))
		return "its object and it disagree about the lock";
	if (has_key_twin(machine, shm, index))
		return "another one has its key";
	return NULL;
}

int shm_validate(struct mmsim_machine *machine, char *why, size_t len)
{
	const struct shm_state *state = machine->shm;
	uint64_t index = 0, nr_segments = 0, nr_pages = 0;
	const struct shm_segment *shm;
	struct outbuf out;

	outbuf_init(&out, why, len, -1);
	for (; (shm = shm_next(machine, &index)); index++) {
		const char *what = check_segment(machine, shm, index);

		nr_segments++;
		nr_pages += (shm->size + PAGE_SIZE - 1) / PAGE_SIZE;
		if (what) {
			outbuf_printf(&out, "shm segment %d: %s", shm->id,
				      what);
			return -1;
		}
	}
	if (nr_segments == state->nr_segments && nr_pages == state->nr_pages)
		return 0;
	outbuf_printf(&out, "%lu shm segments of %lu pages, %lu of %lu counted",
		      (unsigned long)nr_segments, (unsigned long)nr_pages,
		      (unsigned long)state->nr_segments,
		      (unsigned long)state->nr_pages);
	return -1;
}
