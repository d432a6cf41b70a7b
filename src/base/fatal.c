/*
 * fatal.c: one line on standard error, then SIGABRT.
 *
 * A damaged heap cannot be trusted to print: the line is put together on the
 * stack and leaves in a single write(2), so that lines of several dying
 * threads do not mix.  abort(3) is the last call, as in glibc, so that core
 * dumps and SIGABRT handlers work as people expect.
 */
#include "base/fatal.h"

#include "base/base.h"
#include "base/outbuf.h"

#include <stdlib.h>
#include <unistd.h>

_Noreturn void fatal_at(const char *what, const void *addr)
{
	char line[256];
	struct outbuf out;

	outbuf_init(&out, line, sizeof(line), STDERR_FILENO);
	outbuf_str(&out, what);
	outbuf_str(&out, ": ");
	outbuf_hex(&out, (uintptr_t)addr);
	outbuf_str(&out, "\n");
	outbuf_flush(&out);
	abort();
}

_Noreturn void fatal(const char *what)
{
	char line[256];
	struct outbuf out;

	outbuf_init(&out, line, sizeof(line), STDERR_FILENO);
	outbuf_str(&out, what);
	outbuf_str(&out, "\n");
	outbuf_flush(&out);
	abort();
}

_Noreturn void assert_failed(const char *expr, const char *file, int line)
{
	char text[512];
	struct outbuf out;

	outbuf_init(&out, text, sizeof(text), STDERR_FILENO);
	outbuf_str(&out, file);
	outbuf_str(&out, ":");
	outbuf_uint(&out, (uint64_t)line);
	outbuf_str(&out, ": assertion failed: ");
	outbuf_str(&out, expr);
	outbuf_str(&out, "\n");
	outbuf_flush(&out);
	abort();
}
