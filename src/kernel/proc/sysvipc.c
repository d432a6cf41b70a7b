/*
 * sysvipc.c: /proc/sysvipc/shm: the System V segments, one a line, by index.
 *
 *   key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime
 *   rss swap
 *
 * perms is octal and has the marks 1000 (goes with its last area) and 2000
 * (locked).  What is in memory and in swap, in bytes, is shown from 2.6.37 on.
 *
 * Sources: proc(5), sysvipc(7); experiments on 6.18.
 */
#include "kernel/file.h"
#include "kernel/proc/proc.h"
#include "kernel/shm.h"

/* Sizes have the digits of the machine's longs. */
static unsigned size_width(const struct mmsim_machine *machine)
{
	return machine->arch == ARCH_X86_64 ? 21 : 10;
}

static void show_size(const struct mmsim_machine *machine, struct outbuf *out,
		      uint64_t bytes)
{
	outbuf_str(out, " ");
	outbuf_uint_pad(out, bytes, size_width(machine));
}

static void show_head(const struct mmsim_machine *machine, struct outbuf *out)
{
	bool is_wide = machine->arch == ARCH_X86_64;

	outbuf_str(out, "       key      shmid perms ");
	outbuf_printf(out, is_wide ? "%21s" : "%10s", "size");
	outbuf_str(out, "  cpid  lpid nattch   uid   gid  cuid  cgid      atime"
			"      dtime      ctime");
	if (machine->profile >= PROFILE_3_10)
		outbuf_printf(out, is_wide ? " %21s %21s" : " %10s %10s", "rss",
			      "swap");
	outbuf_str(out, "\n");
}

static void show_segment(const struct mmsim_machine *machine,
			 const struct shm_segment *shm, struct outbuf *out)
{
	const struct inode *inode = shm->file->inode;

	outbuf_printf(out, "%10d %10d  %4o", shm->key, shm->id, shm->mode);
	show_size(machine, out, shm->size);
	outbuf_printf(out, " %5d %5d  %5lu %5u %5u %5u %5u %10lu %10lu %10lu",
		      shm->cpid, shm->lpid, (unsigned long)shm->nattch,
		      shm->uid, shm->gid, shm->cuid, shm->cgid,
		      (unsigned long)shm->atime, (unsigned long)shm->dtime,
		      (unsigned long)shm->ctime);
	if (machine->profile >= PROFILE_3_10) {
		show_size(machine, out, inode->mapping.nr_pages << PAGE_SHIFT);
		show_size(machine, out, shmem_nr_swapped(inode) << PAGE_SHIFT);
	}
	outbuf_str(out, "\n");
}

static int show_shm(struct mmsim_machine *machine, struct mmsim_task *task,
		    struct outbuf *out, const void *arg)
{
	const struct shm_segment *shm;
	uint64_t index = 0;

	(void)task;
	(void)arg;
	show_head(machine, out);
	for (; (shm = shm_next(machine, &index)); index++)
		show_segment(machine, shm, out);
	return 0;
}

bool proc_find_sysvipc(struct proc_file *file)
{
	return proc_is(file, "/proc/sysvipc/shm", show_shm, NULL, NULL);
}
