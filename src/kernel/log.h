/*
 * log.h: the kernel log, a ring of text.
 */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include "base/outbuf.h"

enum { LOG_BUF_LEN = 1 << 18 }; /* bytes, as CONFIG_LOG_BUF_SHIFT 18 */

struct log {
	char *ring;
	uint64_t head, tail; /* bytes written, and bytes dropped, ever */
};

struct mmsim_machine;

int log_init(struct mmsim_machine *machine);
void log_fini(struct mmsim_machine *machine);
/* One line, without its '\n': "[    3.889747] text".  The format is that of
 * outbuf_printf. */
void printk(struct mmsim_machine *machine, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
