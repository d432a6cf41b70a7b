/*
 * log.c: the kernel log, a ring of text, as dmesg(1) shows it.
 *
 *     [    3.889747] mm invoked oom-killer: ...
 *
 * A line carries the virtual time at which it was written.  When the ring is
 * full the oldest lines go, whole ones only.
 *
 * Simplified: no levels and no records; a long line is cut at 1000 characters,
 * as printk does.
 */
#include "kernel/log.h"

#include "base/hostmem.h"
#include "kernel/machine.h"

#include <errno.h>

enum { LOG_LINE_MAX = 1024 };

int log_init(struct mmsim_machine *machine)
{
	machine->log.ring = hostmem_map(LOG_BUF_LEN);
	machine->log.head = 0;
	machine->log.tail = 0;
	return machine->log.ring ? 0 : -ENOMEM;
}

void log_fini(struct mmsim_machine *machine)
{
	hostmem_unmap(machine->log.ring, LOG_BUF_LEN);
	machine->log.ring = NULL;
}

static char log_char(const struct log *log, uint64_t position)
{
	return log->ring[position % LOG_BUF_LEN];
}

/* Makes room for len characters. */
static void log_drop_lines(struct log *log, size_t len)
{
	while (log->head + len - log->tail > LOG_BUF_LEN) {
		while (log_char(log, log->tail) != '\n')
			log->tail++;
		log->tail++;
	}
}

void printk(struct mmsim_machine *machine, const char *format, ...)
{
	struct log *log = &machine->log;
	uint64_t us = machine->clock_ns / 1000;
	char line[LOG_LINE_MAX];
	struct outbuf out;
	va_list args;

	outbuf_init(&out, line, sizeof(line) - 1, -1);
	outbuf_printf(&out, "[%5lu.%06lu] ", (unsigned long)(us / 1000000),
		      (unsigned long)(us % 1000000));
	va_start(args, format);
	outbuf_vprintf(&out, format, &args);
	va_end(args);
	line[out.len] = '\n';
	log_drop_lines(log, out.len + 1);
	for (size_t i = 0; i <= out.len; i++)
		log->ring[log->head++ % LOG_BUF_LEN] = line[i];
}

PUBLIC ssize_t mmsim_machine_log(struct mmsim_machine *machine, char *buf,
				 size_t len)
{
	const struct log *log;
	uint64_t size;

	if (!machine)
		return -EINVAL;
	if (!buf && len)
		return -EFAULT;
	log = &machine->log;
	size = log->head - log->tail;
	for (size_t i = 0; i < size && i + 1 < len; i++)
		buf[i] = log_char(log, log->tail + i);
	if (len > 0)
		buf[min_size(size, len - 1)] = '\0';
	return (ssize_t)size;
}
