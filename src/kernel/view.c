/*
 * view.c: mmsim_view: the output of well-known tools, for a simulated machine.
 *
 * The name's first word is the tool, the rest its arguments.  A tool reads the
 * same counters as the files of /proc do.
 */
#include "kernel/view.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *tool;
	int (*show)(struct mmsim_machine *machine, struct outbuf *out,
		    const char *args);
} views[] = {
	{"df", view_df},
	{"free", view_free},
	{"memmap", view_memmap},
	{"tlb", view_tlb},
	{"paging", view_paging},
	{"kernelmap", view_kernelmap},
	{"numactl", view_numactl},
	{"pmap", view_pmap},
	{"sar", view_sar},
	{"slabtop", view_slabtop},
	{"top", view_top},
	{"vmstat", view_vmstat},
};

PUBLIC ssize_t mmsim_view(struct mmsim_machine *machine, const char *view,
			  char *buf, size_t len)
{
	struct outbuf out;
	size_t word;
	int err;

	err = machine_check(machine);
	if (err)
		return err;
	if (!view || (!buf && len))
		return -EFAULT;
	word = strcspn(view, " ");
	for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
		if (strlen(views[i].tool) != word ||
		    memcmp(views[i].tool, view, word) != 0)
			continue;
		outbuf_init(&out, buf, len, -1);
		err = views[i].show(machine, &out,
				    view + word + strspn(view + word, " "));
		return err ? err : (ssize_t)out.total;
	}
	return -ENOENT;
}
