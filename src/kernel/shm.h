/*
 * shm.h: System V shared memory: segments, and what is attached.
 *
 *   shm.c         segments and their ids: shmget, and how they end
 *   shm_attach.c  shmat, shmdt, and the areas that come and go
 *   shmctl.c      the rest
 */
#ifndef KERNEL_SHM_H
#define KERNEL_SHM_H

#include "base/pool.h"
#include "base/radix.h"
#include "kernel/machine.h"

#include <sys/ipc.h>
#include <sys/shm.h>

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif

enum {
	SHM_INDEX_BITS = 15, /* an id is a sequence number and an index */
	SHM_INDEX_MASK = (1 << SHM_INDEX_BITS) - 1,
	SHM_MODE_BITS = 0777,
};

struct shm_segment {
	struct mmsim_file *file; /* the object with the pages; tmpfs's */
	int key;                 /* IPC_PRIVATE: none, or marked to go */
	int id;
	unsigned mode;    /* permissions, SHM_DEST, SHM_LOCKED */
	uid_t uid, gid;   /* owner; a task's group is its uid */
	uid_t cuid, cgid; /* creator */
	uid_t lock_uid;   /* SHM_LOCKED: whose limit it counts in */
	uint64_t size;    /* bytes, as asked for */
	uint64_t nattch;  /* areas */
	int cpid, lpid;   /* creator; last attach or detach, 0: none */
	uint64_t atime, dtime, ctime; /* s of virtual time; 0: never */
	uint64_t record;              /* what it costs the machine (kmalloc) */
};

struct shm_state {
	struct radix segments;           /* index -> struct shm_segment */
	struct pool pool;                /* of struct shm_segment */
	int next_index, last_index, seq; /* of ids */
	uint64_t nr_segments;
	uint64_t nr_pages; /* sum of their sizes, for shmall */
};

int shm_init(struct mmsim_machine *machine);
void shm_fini(struct mmsim_machine *machine);

/* The segment with this id: 0, -EINVAL, -EIDRM. */
int shm_find(struct mmsim_machine *machine, int id, struct shm_segment **shm);
/* The next segment at or behind *index, which is moved there; NULL: none. */
struct shm_segment *shm_next(struct mmsim_machine *machine, uint64_t *index);
/* The task has all of these permissions (0444, 0222 and their like). */
bool shm_is_permitted(const struct mmsim_task *task,
		      const struct shm_segment *shm, unsigned wanted);
/* Owner, creator or root. */
bool shm_is_owned(const struct mmsim_task *task, const struct shm_segment *shm);
/* Frees a segment that is marked to go and attached nowhere. */
void shm_try_to_destroy(struct mmsim_machine *machine, struct shm_segment *shm);
/* Seconds of virtual time. */
uint64_t shm_now(const struct mmsim_machine *machine);
/* Pages of the size. */
uint64_t shm_pages(const struct shm_segment *shm);

/* shm_attach.c: an area of a segment has come into its address space, or has
 * left it; by mmap, munmap, mremap, fork, exit, and also by cuts in two. */
void shm_area_opened(struct vm_area_struct *vma);
void shm_area_closed(struct vm_area_struct *vma);
/* NULL when the area is not of a segment. */
struct shm_segment *shm_of_area(const struct vm_area_struct *vma);

/* The books: 0, or -1 and what is wrong (shm_validate.c). */
int shm_validate(struct mmsim_machine *machine, char *why, size_t len);

#endif
