/*
 * outbuf.c: text output without malloc and without stdio.
 *
 * Numbers are turned into digits on the stack; a full buffer is written out
 * and used again.  write(2) is called as a bare system call: the libc function
 * is a point where a thread may be cancelled, and malloc must not be one.  An
 * interrupted write is repeated, a short one continued, and errno is left as
 * it was.  After a write that failed the rest of the text is dropped.
 *
 * Left out: precision, floating point and locales.
 *
 * Sources: write(2), pthreads(7) "Cancellation points".
 */
#include "base/outbuf.h"

#include "base/base.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Digits of 2^64 - 1 in base 10. */
#define OUTBUF_DIGITS 22

void outbuf_init(struct outbuf *out, char *buf, size_t size, int fd)
{
	out->buf = buf;
	out->size = size;
	out->len = 0;
	out->fd = fd;
	out->failed = false;
	out->total = 0;
	if (size > 0)
		buf[0] = '\0';
}

static bool outbuf_write(int fd, const char *text, size_t len)
{
	while (len > 0) {
		long n = syscall(SYS_write, fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		len -= (size_t)n;
	}
	return true;
}

bool outbuf_flush(struct outbuf *out)
{
	int saved = errno;

	if (out->fd < 0)
		return !out->failed;
	if (!out->failed && !outbuf_write(out->fd, out->buf, out->len))
		out->failed = true;
	out->len = 0;
	if (out->size > 0)
		out->buf[0] = '\0';
	errno = saved;
	return !out->failed;
}

static void outbuf_bytes(struct outbuf *out, const char *text, size_t n)
{
	out->total += n;
	while (n > 0) {
		size_t room = out->size > 0 ? out->size - 1 - out->len : 0;
		size_t part = min_size(n, room);

		if (part > 0)
			memcpy(out->buf + out->len, text, part);
		out->len += part;
		text += part;
		n -= part;
		if (n == 0)
			break;
		if (out->fd < 0 || out->size < 2) {
			out->failed = true;
			break;
		}
		outbuf_flush(out);
	}
	if (out->size > 0)
		out->buf[out->len] = '\0';
}

void outbuf_str(struct outbuf *out, const char *text)
{
	outbuf_bytes(out, text, strlen(text));
}

static void outbuf_fill(struct outbuf *out, char c, size_t n)
{
	char block[16];

	memset(block, c, sizeof(block));
	for (; n > sizeof(block); n -= sizeof(block))
		outbuf_bytes(out, block, sizeof(block));
	outbuf_bytes(out, block, n);
}

/* How a conversion is to be laid out. */
struct outbuf_layout {
	unsigned width;
	bool left, zeros;
};

/* prefix and digits; zeros go between the two. */
static void outbuf_number(struct outbuf *out, const char *prefix,
			  uint64_t value, unsigned base,
			  struct outbuf_layout layout)
{
	char digits[OUTBUF_DIGITS];
	size_t i = sizeof(digits);
	size_t len, pad;

	do {
		digits[--i] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value > 0);
	len = strlen(prefix) + sizeof(digits) - i;
	pad = len < layout.width ? layout.width - len : 0;
	if (!layout.left && !layout.zeros)
		outbuf_fill(out, ' ', pad);
	outbuf_str(out, prefix);
	if (!layout.left && layout.zeros)
		outbuf_fill(out, '0', pad);
	outbuf_bytes(out, digits + i, sizeof(digits) - i);
	if (layout.left)
		outbuf_fill(out, ' ', pad);
}

static void outbuf_signed(struct outbuf *out, int64_t value,
			  struct outbuf_layout layout)
{
	uint64_t magnitude = (uint64_t)value;

	outbuf_number(out, value < 0 ? "-" : "",
		      value < 0 ? 0 - magnitude : magnitude, 10, layout);
}

static void outbuf_text(struct outbuf *out, const char *text,
			struct outbuf_layout layout)
{
	size_t len = strlen(text);
	size_t pad = len < layout.width ? layout.width - len : 0;

	if (!layout.left)
		outbuf_fill(out, ' ', pad);
	outbuf_bytes(out, text, len);
	if (layout.left)
		outbuf_fill(out, ' ', pad);
}

void outbuf_uint(struct outbuf *out, uint64_t value)
{
	outbuf_number(out, "", value, 10, (struct outbuf_layout){0});
}

void outbuf_int(struct outbuf *out, int64_t value)
{
	outbuf_signed(out, value, (struct outbuf_layout){0});
}

void outbuf_hex(struct outbuf *out, uint64_t value)
{
	outbuf_number(out, "0x", value, 16, (struct outbuf_layout){0});
}

void outbuf_uint_pad(struct outbuf *out, uint64_t value, unsigned width)
{
	outbuf_number(out, "", value, 10,
		      (struct outbuf_layout){.width = width});
}

/* One conversion of outbuf_printf; `args` has passed it afterwards. */
static void outbuf_convert(struct outbuf *out, char conversion, bool is_long,
			   struct outbuf_layout layout, va_list *args)
{
	char c;

	switch (conversion) {
	case 's':
		outbuf_text(out, va_arg(*args, const char *), layout);
		break;
	case 'd':
		outbuf_signed(
			out, is_long ? va_arg(*args, long) : va_arg(*args, int),
			layout);
		break;
	case 'u':
	case 'x':
	case 'o':
		outbuf_number(out, "",
			      is_long ? va_arg(*args, unsigned long)
				      : va_arg(*args, unsigned),
			      conversion == 'u'   ? 10
			      : conversion == 'x' ? 16
						  : 8,
			      layout);
		break;
	case 'p':
		outbuf_number(out, "0x", (uintptr_t)va_arg(*args, void *), 16,
			      layout);
		break;
	case 'c':
		c = (char)va_arg(*args, int);
		outbuf_bytes(out, &c, 1);
		break;
	default:
		outbuf_bytes(out, &conversion, 1);
		break;
	}
}

void outbuf_vprintf(struct outbuf *out, const char *format, va_list *args)
{
	while (*format) {
		size_t plain = strcspn(format, "%");
		struct outbuf_layout layout = {0};
		bool is_long = false;

		outbuf_bytes(out, format, plain);
		format += plain;
		if (*format == '\0')
			break;
		format++;
		for (; *format == '-' || *format == '0'; format++) {
			layout.left |= *format == '-';
			layout.zeros |= *format == '0';
		}
		for (; *format >= '0' && *format <= '9'; format++)
			layout.width =
				layout.width * 10 + (unsigned)(*format - '0');
		for (; *format == 'l' || *format == 'z'; format++)
			is_long = true;
		if (*format == '\0')
			break;
		outbuf_convert(out, *format++, is_long, layout, args);
	}
}

void outbuf_printf(struct outbuf *out, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	outbuf_vprintf(out, format, &args);
	va_end(args);
}
