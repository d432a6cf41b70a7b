/*
 * shm.c: System V shared memory: segments and their ids.
 *
 * A segment is an object of tmpfs without a file's name.  It is there from
 * shmget until it is both marked (IPC_RMID) and attached nowhere, whatever
 * becomes of the tasks.  Its whole size is promised at shmget (recorded), or
 * with SHM_NORESERVE each page when it is made; frames are taken on first use.
 *
 *   id = sequence number * 32768 + index
 *
 *   key -> index -> segment -> file -> inode -> pages
 *                                ^
 *   areas of tasks --------------+   their number is nattch
 *
 * Indices are given out in a circle of at least 64, so that an id is not soon
 * used again, and the sequence number goes on when the circle starts anew
 * (5.2 and later).  Before, the lowest free index was taken, and the number
 * went on each time: ids 0, 32769, 65538.
 *
 * Limits: kernel.shmmax (bytes of one), shmall (pages of all), shmmni (how
 * many).
 *
 * Simplified: a key is sought among all segments.  Real time begins with the
 * boot.  The group of a task is its uid.  There are no huge segments (ENOMEM).
 *
 * Sources: shmget(2), sysvipc(7), proc(5) (shmmax and its like); recordings;
 * experiments on 6.18 (order of the checks, ids).
 */
#include "kernel/shm.h"

#include "base/hostmem.h"
#include "base/outbuf.h"
#include "kernel/file.h"
#include "kernel/syscall.h"

#include <errno.h>

enum {
	SHM_MIN_CIRCLE = 64,
	SHM_MAX_SEQ = 65535,
	SHM_RECORD_BYTES = 256, /* struct shmid_kernel */
	SHM_NAME_LEN = 16,
};

#define NS_PER_S UINT64_C(1000000000)

uint64_t shm_now(const struct mmsim_machine *machine)
{
	return machine->clock_ns / NS_PER_S;
}

uint64_t shm_pages(const struct shm_segment *shm)
{
	return shm->size / PAGE_SIZE + (shm->size % PAGE_SIZE != 0);
}

/* --- finding ------------------------------------------------------------- */

int shm_find(struct mmsim_machine *machine, int id, struct shm_segment **shm)
{
	*shm = id < 0 ? NULL
		      : radix_find(&machine->shm->segments,
				   (uint64_t)(id & SHM_INDEX_MASK));
	if (!*shm)
		return -EINVAL;
	if ((*shm)->id == id)
		return 0;
	/* the index is another segment's by now */
	return machine->profile < PROFILE_6_1 ? -EIDRM : -EINVAL;
}

struct shm_segment *shm_next(struct mmsim_machine *machine, uint64_t *index)
{
	return radix_next(&machine->shm->segments, index);
}

static struct shm_segment *shm_find_key(struct mmsim_machine *machine, int key)
{
	struct shm_segment *shm;
	uint64_t index = 0;

	for (; (shm = shm_next(machine, &index)); index++)
		if (shm->key == key)
			return shm;
	return NULL;
}

bool shm_is_owned(const struct mmsim_task *task, const struct shm_segment *shm)
{
	return task_is_root(task) || task->uid == shm->uid ||
	       task->uid == shm->cuid;
}

/* The bits of one class count, owner's, group's or others'; those wanted may
 * stand in any of the three places. */
bool shm_is_permitted(const struct mmsim_task *task,
		      const struct shm_segment *shm, unsigned wanted)
{
	unsigned granted = shm->mode & SHM_MODE_BITS;

	wanted = (wanted | wanted >> 3 | wanted >> 6) & 07;
	if (task_is_root(task))
		return true;
	if (task->uid == shm->uid || task->uid == shm->cuid)
		granted >>= 6;
	else if (task->uid == shm->gid || task->uid == shm->cgid)
		granted >>= 3;
	return !(wanted & ~granted);
}

/* --- ids ----------------------------------------------------------------- */

static int shm_free_index(const struct shm_state *state, int from, int end)
{
	for (int index = from; index < end; index++)
		if (!radix_find(&state->segments, (uint64_t)index))
			return index;
	return -1;
}

static int shm_next_index(const struct shm_state *state, bool in_circle)
{
	int end = (int)(state->nr_segments * 3 / 2), index = -1;

	if (!in_circle)
		return shm_free_index(state, 0, SHM_INDEX_MASK + 1);
	if (end < SHM_MIN_CIRCLE)
		end = SHM_MIN_CIRCLE;
	if (end > SHM_INDEX_MASK + 1)
		end = SHM_INDEX_MASK + 1;
	index = shm_free_index(state, state->next_index, end);
	return index < 0 ? shm_free_index(state, 0, end) : index;
}

/* Gives the segment an id: 0, -ENOSPC, -ENOMEM (of the host). */
static int shm_add(struct mmsim_machine *machine, struct shm_segment *shm)
{
	struct shm_state *state = machine->shm;
	bool in_circle = machine->profile >= PROFILE_6_1;
	int index = shm_next_index(state, in_circle), seq = state->seq;

	if (index < 0 || state->nr_segments >= (uint64_t)machine->vm.shmmni)
		return -ENOSPC;
	if (radix_insert(&state->segments, (uint64_t)index, shm))
		return -ENOMEM;
	if (!in_circle)
		state->seq++;
	else if (index <= state->last_index)
		state->seq = ++seq > SHM_MAX_SEQ ? 0 : seq;
	if (state->seq > SHM_MAX_SEQ)
		state->seq = 0;
	shm->id = (in_circle ? state->seq : seq) << SHM_INDEX_BITS | index;
	state->last_index = index;
	state->next_index = index + 1;
	state->nr_segments++;
	state->nr_pages += shm_pages(shm);
	return 0;
}

/* --- making and ending --------------------------------------------------- */

static void shm_free(struct mmsim_machine *machine, struct shm_segment *shm)
{
	if (shm->file) {
		shm->file->inode->segment = NULL;
		file_put(shm->file);
	}
	if (shm->record)
		kfree(machine, shm->record);
	pool_free(&machine->shm->pool, shm);
}

void shm_try_to_destroy(struct mmsim_machine *machine, struct shm_segment *shm)
{
	struct shm_state *state = machine->shm;

	if (shm->nattch > 0 || !(shm->mode & SHM_DEST))
		return;
	radix_remove(&state->segments, (uint64_t)(shm->id & SHM_INDEX_MASK));
	state->nr_segments--;
	state->nr_pages -= shm_pages(shm);
	shm_free(machine, shm);
}

static int shm_check_size(const struct mmsim_machine *machine, size_t size,
			  int flags)
{
	uint64_t max = (uint64_t)machine->vm.shmall, nr_pages;

	if (size < 1 || size > (uint64_t)machine->vm.shmmax)
		return -EINVAL;
	nr_pages = size / PAGE_SIZE + (size % PAGE_SIZE != 0);
	if (nr_pages > max || machine->shm->nr_pages > max - nr_pages)
		return -ENOSPC;
	if (flags & SHM_HUGETLB)
		return -ENOMEM;
	return size > INT64_MAX ? -EINVAL : 0;
}

/* The object, with the name that maps shows and the id as its inode's number.
 */
static int shm_make_object(struct mmsim_task *task, struct shm_segment *shm,
			   int flags)
{
	bool noreserve = (flags & SHM_NORESERVE) &&
			 task->machine->vm.overcommit_memory != 2;
	char name[SHM_NAME_LEN];
	struct outbuf out;

	outbuf_init(&out, name, sizeof(name), -1);
	outbuf_printf(&out, "/SYSV%08x", (unsigned)shm->key);
	return shmem_kernel_file(task, name, shm->size, noreserve, &shm->file);
}

static int shm_create(struct mmsim_task *task, int key, size_t size, int flags)
{
	struct mmsim_machine *machine = task->machine;
	struct shm_segment *shm;
	int err = shm_check_size(machine, size, flags);

	if (err)
		return err;
	shm = pool_zalloc(&machine->shm->pool);
	if (!shm)
		return -ENOMEM;
	shm->key = key;
	shm->mode = (unsigned)flags & SHM_MODE_BITS;
	shm->uid = shm->gid = shm->cuid = shm->cgid = task->uid;
	shm->size = size;
	shm->cpid = task->pid;
	shm->ctime = shm_now(machine);
	err = -ENOMEM;
	shm->record =
		kmalloc(machine, SHM_RECORD_BYTES, GFP_KERNEL | GFP_F_ACCOUNT);
	if (!shm->record)
		goto out;
	err = shm_make_object(task, shm, flags);
	if (err)
		goto out;
	err = shm_add(machine, shm);
	if (err)
		goto out;
	shm->file->inode->ino = (uint64_t)shm->id;
	shm->file->inode->segment = shm;
	return shm->id;
out:
	shm_free(machine, shm);
	return err;
}

static int shm_get(struct mmsim_task *task, int key, size_t size, int flags)
{
	struct shm_segment *shm = NULL;

	if (key != IPC_PRIVATE)
		shm = shm_find_key(task->machine, key);
	if (!shm)
		return key == IPC_PRIVATE || (flags & IPC_CREAT)
			       ? shm_create(task, key, size, flags)
			       : -ENOENT;
	if ((flags & IPC_CREAT) && (flags & IPC_EXCL))
		return -EEXIST;
	if (size > shm->size)
		return -EINVAL;
	if (!shm_is_permitted(task, shm, (unsigned)flags & SHM_MODE_BITS))
		return -EACCES;
	return shm->id;
}

PUBLIC int mmsim_shmget(struct mmsim_task *task, int key, size_t size,
			int flags)
{
	int id = syscall_enter(task);

	if (id)
		return id;
	id = shm_get(task, key, size, flags);
	if (syscall_is_killed(task))
		id = -ESRCH;
	return (int)syscall_leave(task, id);
}

/* --- the machine --------------------------------------------------------- */

int shm_init(struct mmsim_machine *machine)
{
	struct shm_state *state = hostmem_map(sizeof(*state));

	if (!state)
		return -ENOMEM;
	machine->shm = state;
	radix_init(&state->segments, &machine->radix_nodes);
	pool_init(&state->pool, align_up(sizeof(struct shm_segment), 16));
	state->last_index = -1;
	return 0;
}

void shm_fini(struct mmsim_machine *machine)
{
	if (!machine->shm)
		return;
	pool_fini(&machine->shm->pool);
	hostmem_unmap(machine->shm, sizeof(*machine->shm));
	machine->shm = NULL;
}
