/*
 * outbuf.h: text output without malloc and without stdio.
 *
 * An outbuf collects text in the caller's buffer and writes it to a file
 * descriptor when the buffer is full or when asked.  With fd -1 it only
 * collects, and what does not fit is cut off; the text always ends in '\0'.
 */
#ifndef BASE_OUTBUF_H
#define BASE_OUTBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outbuf {
	char *buf;
	size_t size; /* bytes in buf, with one kept for the '\0' */
	size_t len;  /* characters collected and not yet written */
	int fd;      /* where they go, or -1 */
	bool failed; /* a write(2) failed; the rest is dropped */
	size_t total; /* characters ever given, also those cut off */
};

void outbuf_init(struct outbuf *out, char *buf, size_t size, int fd);
void outbuf_str(struct outbuf *out, const char *text);
void outbuf_uint(struct outbuf *out, uint64_t value);
void outbuf_int(struct outbuf *out, int64_t value);
void outbuf_hex(struct outbuf *out, uint64_t value); /* 0x... */
/* Right-aligned in `width` columns. */
void outbuf_uint_pad(struct outbuf *out, uint64_t value, unsigned width);
/* printf-like for %s %d %u %ld %lu %lld %llu %zu %zd %x %lx %llx %o %p %c %% only,
 * with an optional width, and the flags - (left) and 0 (zeros in front). */
void outbuf_printf(struct outbuf *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void outbuf_vprintf(struct outbuf *out, const char *format, va_list *args);
/* Writes what was collected; false when any write failed so far. */
bool outbuf_flush(struct outbuf *out);

#endif
