/*
 * sim_report.h: the kernel's log as text for people.
 */
#ifndef OS_SIM_REPORT_H
#define OS_SIM_REPORT_H

#include <stddef.h>

struct mmsim_machine;

/* The last part of the log that fits into `size` bytes, from the start of a
 * line on, with a '\0'.  Characters. */
size_t sim_report_log(const struct mmsim_machine *machine, char *text,
		      size_t size);

/*
 * Writes the kernel's last report about a kill, or its panic, to fd.  Nobody
 * waits for a reader that does not read.
 */
void sim_report_kill(const struct mmsim_machine *machine, int fd);
/* The same for "mmsim: why". */
void sim_report_broken(const char *why, int fd);

#endif
