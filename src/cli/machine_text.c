/*
 * machine_text.c: texts of a machine, however long they are.
 *
 * The library fills a buffer and tells the size that it would have liked.
 */
#include "cli/machine_text.h"

#include "cli/command.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef ssize_t read_text(struct mmsim_machine *machine, const char *name,
			  char *buf, size_t len);

static char *machine_text(struct mmsim_machine *machine, read_text *read,
			  const char *name, int *error)
{
	size_t size = 0;
	char *text = NULL;

	for (;;) {
		ssize_t len = read(machine, name, text, size);

		if (len < 0) {
			*error = (int)len;
			free(text);
			return NULL;
		}
		if ((size_t)len < size)
			return text;
		size = (size_t)len + 1;
		text = realloc(text, size);
		if (!text)
			err(EXIT_MMSIM, "%s", name);
	}
}

char *machine_proc(struct mmsim_machine *machine, const char *path, int *error)
{
	return machine_text(machine, mmsim_proc_read, path, error);
}

char *machine_view(struct mmsim_machine *machine, const char *view, int *error)
{
	return machine_text(machine, mmsim_view, view, error);
}

struct mmsim_machine *machine_boot(const char *spec)
{
	struct mmsim_machine *machine;
	int error = mmsim_machine_boot(spec, &machine);

	if (error < 0)
		errx(EXIT_MMSIM, "the machine does not boot: %s",
		     strerror(-error));
	return machine;
}
