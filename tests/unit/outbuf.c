/*
 * outbuf.c: formatting, cutting off, writing in pieces, and failing writes.
 */
#include "base/outbuf.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static struct outbuf collect(char *buf, size_t size)
{
	struct outbuf out;

	outbuf_init(&out, buf, size, -1);
	return out;
}

Test(outbuf, numbers)
{
	char buf[256];
	struct outbuf out = collect(buf, sizeof(buf));

	outbuf_uint(&out, 0);
	outbuf_str(&out, " ");
	outbuf_uint(&out, UINT64_MAX);
	outbuf_str(&out, " ");
	outbuf_int(&out, INT64_MIN);
	outbuf_str(&out, " ");
	outbuf_int(&out, -1);
	outbuf_str(&out, " ");
	outbuf_hex(&out, 0xdeadbeefcafe);
	outbuf_str(&out, " ");
	outbuf_hex(&out, 0);
	cr_assert_str_eq(buf, "0 18446744073709551615 -9223372036854775808 "
			      "-1 0xdeadbeefcafe 0x0");
}

Test(outbuf, width_aligns_right_and_never_cuts)
{
	char buf[64];
	struct outbuf out = collect(buf, sizeof(buf));

	outbuf_uint_pad(&out, 42, 5);
	outbuf_uint_pad(&out, 123456, 3);
	outbuf_uint_pad(&out, 7, 0);
	cr_assert_str_eq(buf, "   421234567");
}

Test(outbuf, printf_agrees_with_libc)
{
	char buf[512], expected[512];
	struct outbuf out = collect(buf, sizeof(buf));
	void *p = &out;

#define FORMAT                                                                 \
	"%-6d|%-12s|%9s|%08lx|%06d|%lld|%llu|%-3s|"                            \
	"%s|%d|%5d|%u|%lu|%ld|%zu|%12zu|%x|%lx|%8x|%4o|%lo|%p|%c|%%|"
#define ARGS                                                                   \
	-42, "left", "right", 0x1234abcdul, -77, LLONG_MIN, ULLONG_MAX,         \
		"longer", "text", -5, INT_MIN, UINT_MAX, ULONG_MAX, LONG_MIN,  \
		SIZE_MAX, (size_t)1234, 0xabcu, 0xfedcba9876543210ul, 0x1fu, \
		01755u, ULONG_MAX, p, 'z'
	outbuf_printf(&out, FORMAT, ARGS);
	snprintf(expected, sizeof(expected), FORMAT, ARGS);
	cr_assert_str_eq(buf, expected);
	cr_assert_eq(out.len, strlen(expected));
}

Test(outbuf, collecting_cuts_off_and_ends_in_zero)
{
	char buf[8];
	struct outbuf out = collect(buf, sizeof(buf));

	outbuf_str(&out, "0123456789");
	cr_assert_str_eq(buf, "0123456");
	outbuf_str(&out, "x");
	cr_assert_str_eq(buf, "0123456");
	cr_assert(out.failed);
	cr_assert_not(outbuf_flush(&out));
}

Test(outbuf, buffers_of_one_and_of_no_byte)
{
	char buf[2] = "?";
	struct outbuf out = collect(buf, 1);

	outbuf_str(&out, "abc");
	cr_assert_str_eq(buf, "");
	buf[0] = '?';
	out = collect(buf, 0);
	outbuf_str(&out, "abc");
	outbuf_flush(&out);
	cr_assert_eq(buf[0], '?');
}

Test(outbuf, writes_a_long_text_in_pieces)
{
	char buf[7], text[64] = "";
	struct outbuf out;
	int fds[2];
	ssize_t n;

	cr_assert_eq(pipe(fds), 0);
	outbuf_init(&out, buf, sizeof(buf), fds[1]);
	for (int i = 0; i < 5; i++)
		outbuf_printf(&out, "line %d\n", i);
	cr_assert(outbuf_flush(&out));
	n = read(fds[0], text, sizeof(text) - 1);
	cr_assert_eq(n, 35);
	cr_assert_str_eq(text, "line 0\nline 1\nline 2\nline 3\nline 4\n");
}

Test(outbuf, a_failed_write_is_told_and_errno_kept)
{
	char buf[16];
	struct outbuf out;
	int fd = open("/dev/full", O_WRONLY);

	cr_assert_geq(fd, 0);
	outbuf_init(&out, buf, sizeof(buf), fd);
	errno = 4711;
	outbuf_str(&out, "more than sixteen bytes");
	cr_assert_not(outbuf_flush(&out));
	cr_assert(out.failed);
	cr_assert_eq(errno, 4711);
	outbuf_str(&out, "dropped");
	cr_assert_not(outbuf_flush(&out));
	close(fd);
}

struct reader {
	int fd;
	size_t bytes;
	uint64_t sum;
};

static void *read_all(void *arg)
{
	struct reader *r = arg;
	unsigned char part[4096];
	ssize_t n;

	while ((n = read(r->fd, part, sizeof(part))) > 0)
		for (ssize_t i = 0; i < n; i++, r->bytes++)
			r->sum += part[i] * (r->bytes % 251 + 1);
	return NULL;
}

/* A pipe takes less at a time than is written. */
Test(outbuf, short_writes_are_continued)
{
	enum { BYTES = 300000 };
	static char text[BYTES + 1], buf[200000];
	struct reader r = {.bytes = 0};
	struct outbuf out;
	pthread_t thread;
	uint64_t sum = 0;
	int fds[2];

	for (size_t i = 0; i < BYTES; i++) {
		text[i] = (char)('a' + i % 23);
		sum += (unsigned char)text[i] * (i % 251 + 1);
	}
	cr_assert_eq(pipe(fds), 0);
	r.fd = fds[0];
	pthread_create(&thread, NULL, read_all, &r);
	outbuf_init(&out, buf, sizeof(buf), fds[1]);
	outbuf_str(&out, text);
	cr_assert(outbuf_flush(&out));
	close(fds[1]);
	pthread_join(thread, NULL);
	cr_assert_eq(r.bytes, (size_t)BYTES);
	cr_assert_eq(r.sum, sum);
}
