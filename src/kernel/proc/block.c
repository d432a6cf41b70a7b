/*
 * block.c: files of /sys/block/vda, the disk.
 *
 *   read_ahead_kb    the largest window that is read ahead, by files that are
 *                    opened from then on; 0: nothing is
 *   max_sectors_kb   what the disk takes as one request
 *   size             in sectors of 512 bytes
 *
 * Source: kernel documentation, ABI/stable/sysfs-block.
 */
#include "kernel/file_state.h"
#include "kernel/number.h"
#include "kernel/proc/proc.h"

#include <errno.h>

enum { PAGE_KB = PAGE_SIZE / KIB };

/* More than that the disk's controller does not take. */
#define BLOCK_MAX_KB ((uint64_t)INT32_MAX)

/* A field of struct file_state in pages, by its offset. */
static uint64_t *block_field(struct mmsim_machine *machine, const void *arg)
{
	return (uint64_t *)((char *)machine->files + (uintptr_t)arg);
}

static int show_kb(struct mmsim_machine *machine, struct mmsim_task *task,
		   struct outbuf *out, const void *arg)
{
	(void)task;
	outbuf_printf(out, "%lu\n",
		      (unsigned long)(*block_field(machine, arg) * PAGE_KB));
	return 0;
}

/* A decimal number of kB and nothing else but a '\n'; 0 or -EINVAL. */
static int block_kb(const char *text, uint64_t least, uint64_t *kb)
{
	while (text[0] == '0' && text[1] >= '0' && text[1] <= '9')
		text++;
	if ((text[0] == '0' && text[1] && text[1] != '\n') ||
	    number_digits(&text, kb) || (*text == '\n' && text[1]) ||
	    (*text && *text != '\n') || *kb < least || *kb > BLOCK_MAX_KB)
		return -EINVAL;
	return 0;
}

static int write_read_ahead(struct mmsim_machine *machine,
			    struct mmsim_task *task, const char *text,
			    const void *arg)
{
	uint64_t kb;
	int err = block_kb(text, 0, &kb);

	(void)task;
	if (!err)
		*block_field(machine, arg) = kb / PAGE_KB;
	return err;
}

/* At least a page. */
static int write_max_sectors(struct mmsim_machine *machine,
			     struct mmsim_task *task, const char *text,
			     const void *arg)
{
	uint64_t kb;
	int err = block_kb(text, PAGE_KB, &kb);

	(void)task;
	if (!err)
		*block_field(machine, arg) = kb / PAGE_KB;
	return err;
}

static int show_size(struct mmsim_machine *machine, struct mmsim_task *task,
		     struct outbuf *out, const void *arg)
{
	(void)task;
	(void)arg;
	outbuf_printf(out, "%lu\n",
		      (unsigned long)(machine->files->disk_blocks *
				      (PAGE_SIZE / 512)));
	return 0;
}

#define FIELD(f) ((const void *)offsetof(struct file_state, f))

bool proc_find_block(struct proc_file *file)
{
	return proc_is(file, "/sys/block/vda/queue/read_ahead_kb", show_kb,
		       write_read_ahead, FIELD(ra_pages)) ||
	       proc_is(file, "/sys/block/vda/queue/max_sectors_kb", show_kb,
		       write_max_sectors, FIELD(io_pages)) ||
	       proc_is(file, "/sys/block/vda/size", show_size, NULL, NULL);
}
