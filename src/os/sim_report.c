/*
 * sim_report.c: what the simulated kernel said when it killed the task.
 *
 * The report goes to the standard error of the process that died.  Its own
 * thread cannot write it: it may stand in the middle of a write of its own.  So
 * the server does, once the process is dead.  A pipe that nobody reads would
 * keep the server for ever; it gives up after a second.
 *
 * Source: poll(2).
 */
#include "os/sim_report.h"

#include "base/hostmem.h"
#include "kernel/machine.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	REPORT_WAIT_MS = 1000,
	REPORT_PIECE =
		512, /* a write of so much to a pipe with room goes whole */
};

size_t sim_report_log(const struct mmsim_machine *machine, char *text,
		      size_t size)
{
	const struct log *log = &machine->log;
	uint64_t from = log->tail;
	size_t len = 0;

	if (log->head - from > size - 1) {
		from = log->head - (size - 1);
		/* Not from the middle of a line. */
		while (from < log->head &&
		       log->ring[(from - 1) % LOG_BUF_LEN] != '\n')
			from++;
	}
	for (; from < log->head; from++)
		text[len++] = log->ring[from % LOG_BUF_LEN];
	text[len] = '\0';
	return len;
}

/* Where the last report begins: with the line that says who asked. */
static const char *report_start(const char *text)
{
	static const char *const marks[] = {"invoked oom-killer",
					    "Kernel panic"};
	const char *at = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(marks) && !at; i++)
		for (const char *next = strstr(text, marks[i]); next;
		     next = strstr(next + 1, marks[i]))
			at = next;
	while (at && at > text && at[-1] != '\n')
		at--;
	return at ? at : text;
}

static bool report_has_room(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
	int n;

	do
		n = poll(&pollfd, 1, REPORT_WAIT_MS);
	while (n < 0 && errno == EINTR);
	return n == 1 && (pollfd.revents & POLLOUT);
}

static void report_write(int fd, const char *text, size_t len)
{
	while (len > 0 && report_has_room(fd)) {
		long n = syscall(SYS_write, fd, text,
				 min_size(len, REPORT_PIECE));

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

void sim_report_kill(const struct mmsim_machine *machine, int fd)
{
	int saved = errno;
	char *text;

	if (fd < 0)
		return;
	text = hostmem_map(LOG_BUF_LEN + 1);
	if (text) {
		const char *start;

		sim_report_log(machine, text, LOG_BUF_LEN + 1);
		start = report_start(text);
		report_write(fd, start, strlen(start));
		hostmem_unmap(text, LOG_BUF_LEN + 1);
	}
	errno = saved;
}

void sim_report_broken(const char *why, int fd)
{
	int saved = errno;
	char line[256];
	struct outbuf out;

	outbuf_init(&out, line, sizeof(line), -1);
	outbuf_printf(&out, "mmsim: %s\n", why);
	if (fd >= 0)
		report_write(fd, line, strlen(line));
	errno = saved;
}
