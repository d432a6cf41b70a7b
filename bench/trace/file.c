/*
 * file.c: a trace as a file: its head, the compressed frame, the checksum in
 * it.  zstd comes from its own library; without that (configure says so) every
 * trace is refused with the package's name.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "codec.h"
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

/* LEVEL: the smallest file; packing takes a second or two, reading none. */
enum { HEAD_BYTES = 12, LEVEL = 22, MAX_FILE = 1 << 30 };

static int refuse(char *error, const char *why)
{
	snprintf(error, TRACE_ERROR_BYTES, "%s", why);
	return 0;
}

int trace_reserve(struct trace *t, size_t room, char *error)
{
	void *p =
		mmap(NULL, (room + 1) * sizeof *t->ops, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return refuse(error, "out of memory");
	t->ops = p;
	t->room = room;
	return 1;
}

void trace_unload(struct trace *t)
{
	if (t->ops)
		munmap(t->ops, (t->room + 1) * sizeof *t->ops);
	*t = (struct trace){.ops = NULL};
}

const char *trace_kind_name(enum trace_kind kind)
{
	static const char *const names[TRACE_NR_KINDS] = {
		"malloc", "calloc", "aligned", "realloc", "free"};

	return names[kind];
}

#ifdef HAVE_ZSTD

/* The whole file, from malloc; NULL and a text: no. */
static uint8_t *load(const char *path, size_t *length, char *error)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes = NULL;
	long size = -1;

	if (!f) {
		refuse(error, strerror(errno));
		return NULL;
	}
	if (!fseek(f, 0, SEEK_END))
		size = ftell(f);
	rewind(f);
	if (size >= 0 && size < MAX_FILE)
		bytes = malloc((size_t)size + 1);
	if (!bytes || fread(bytes, 1, (size_t)size, f) != (size_t)size) {
		refuse(error, "it cannot be read");
		free(bytes);
		bytes = NULL;
	}
	*length = (size_t)size;
	fclose(f);
	return bytes;
}

static int check_head(const uint8_t *head, size_t length, char *error)
{
	if (length < HEAD_BYTES || memcmp(head, TRACE_MAGIC, 7))
		return refuse(error, "not a trace of this project");
	if (head[7] != TRACE_VERSION) {
		snprintf(error, TRACE_ERROR_BYTES,
			 "a trace of version %d; this program reads version %d",
			 head[7], TRACE_VERSION);
		return 0;
	}
	return 1;
}

static int unpack(struct trace *t, const uint8_t *file, size_t length,
		  char *error)
{
	size_t bytes = file[8] | (size_t)file[9] << 8 | (size_t)file[10] << 16 |
		       (size_t)file[11] << 24;
	uint8_t *start;
	size_t got;
	int done;

	if (bytes > MAX_FILE)
		return refuse(error, "damaged: its length is impossible");
	start = malloc(bytes + 1);
	if (!start)
		return refuse(error, "out of memory");
	got = ZSTD_decompress(start, bytes, file + HEAD_BYTES,
			      length - HEAD_BYTES);
	if (ZSTD_isError(got)) {
		snprintf(error, TRACE_ERROR_BYTES,
			 "damaged or cut off: zstd says: %s",
			 ZSTD_getErrorName(got));
		done = 0;
	} else if (got != bytes) {
		done = refuse(error, "damaged: it unpacks to another length");
	} else {
		done = trace_decode(t, start, bytes, error);
	}
	free(start);
	return done;
}

int trace_read(struct trace *t, const char *path, char *error)
{
	size_t length;
	uint8_t *file;
	int done;

	*t = (struct trace){.ops = NULL};
	file = load(path, &length, error);
	if (!file)
		return 0;
	done = check_head(file, length, error) &&
	       unpack(t, file, length, error);
	free(file);
	if (!done)
		trace_unload(t);
	return done;
}

/* The file's bytes, head and frame, from malloc; NULL and a text: no. */
static uint8_t *pack(const uint8_t *start, size_t bytes, size_t *length,
		     char *error)
{
	size_t bound = ZSTD_compressBound(bytes);
	uint8_t *file = malloc(HEAD_BYTES + bound);
	ZSTD_CCtx *context = ZSTD_createCCtx();
	size_t packed;

	if (!file || !context) {
		refuse(error, "out of memory");
		free(file);
		return NULL;
	}
	memcpy(file, TRACE_MAGIC, 7);
	file[7] = TRACE_VERSION;
	for (int i = 0; i < 4; i++)
		file[8 + i] = (uint8_t)(bytes >> 8 * i);
	ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
	packed =
		ZSTD_compress2(context, file + HEAD_BYTES, bound, start, bytes);
	ZSTD_freeCCtx(context);
	if (ZSTD_isError(packed)) {
		refuse(error, ZSTD_getErrorName(packed));
		free(file);
		return NULL;
	}
	*length = HEAD_BYTES + packed;
	return file;
}

int trace_write(const struct trace *t, const char *path, char *error)
{
	size_t bytes, length = 0;
	uint8_t *start, *file;
	int done;
	FILE *f;

	if (!trace_encode(t, &start, &bytes, error))
		return 0;
	file = pack(start, bytes, &length, error);
	free(start);
	if (!file)
		return 0;
	f = fopen(path, "wb");
	done = f && fwrite(file, 1, length, f) == length;
	if (f && fclose(f))
		done = 0;
	if (!done)
		refuse(error, strerror(errno));
	free(file);
	return done;
}

#else

static const char missing[] = "built without zstd (Debian: libzstd-dev; "
			      "install it, configure and build again)";

int trace_read(struct trace *t, const char *path, char *error)
{
	(void)path;
	*t = (struct trace){.ops = NULL};
	return refuse(error, missing);
}

int trace_write(const struct trace *t, const char *path, char *error)
{
	(void)t;
	(void)path;
	return refuse(error, missing);
}

#endif
