/*
 * machine_text.h: a booted machine, and its texts in strings of malloc.
 */
#ifndef CLI_MACHINE_TEXT_H
#define CLI_MACHINE_TEXT_H

#include <mmsim/kernel.h>

/* Boots what was checked before; ends mmsim when the host has no memory. */
struct mmsim_machine *machine_boot(const char *spec);

/* The text of a file or a view, to be freed; NULL, and *error is the negative
 * errno value. */
char *machine_proc(struct mmsim_machine *machine, const char *path, int *error);
char *machine_view(struct mmsim_machine *machine, const char *view, int *error);

#endif
