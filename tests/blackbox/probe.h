/*
 * probe.h: what black-box tests look at, without calling malloc.
 *
 * Figures come from /proc through plain read(2), random numbers from a small
 * generator with a fixed seed, and blocks carry a pattern made from a seed, so
 * that two blocks that overlap, or one that lost its content, are noticed.
 */
#ifndef PROBE_H
#define PROBE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * 1024)
#define GIB ((size_t)1024 * 1024 * 1024)

/* Hides a value from the compiler, which otherwise removes malloc/free pairs
 * and warns about impossible sizes. */
static inline size_t hide(size_t n)
{
	__asm__ volatile("" : "+r"(n));
	return n;
}

static inline void *hide_ptr(void *p)
{
	__asm__ volatile("" : "+r"(p) : : "memory");
	return p;
}

static inline size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Field `index` of /proc/self/statm, in bytes: 0 address space, 1 resident. */
static inline size_t statm_bytes(int index)
{
	char text[256];
	char *at = text;
	ssize_t len;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		abort();
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		abort();
	text[len] = 0;
	while (index-- > 0)
		strtoul(at, &at, 10);
	return strtoul(at, NULL, 10) * page_bytes();
}

static inline size_t space_bytes(void)
{
	return statm_bytes(0);
}

static inline size_t rss_bytes(void)
{
	return statm_bytes(1);
}

static inline void sleep_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

/* xorshift64: `state` must not be 0. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

/* A size such as programs ask for: mostly small, sometimes up to `most`. */
static inline size_t random_size(uint64_t *state, size_t most)
{
	unsigned shift = (unsigned)(random_next(state) % 60);
	uint64_t n = random_next(state);

	if (shift < 40)
		return n % 257 % (most + 1);
	if (shift < 52)
		return n % 4097 % (most + 1);
	return n % (most + 1);
}

static inline unsigned char pattern_byte(uint64_t seed, size_t i)
{
	return (unsigned char)((seed * 0x9e3779b97f4a7c15u + i * 167) >> 5);
}

static inline void pattern_fill(void *p, size_t n, uint64_t seed)
{
	unsigned char *b = (unsigned char *)p;
	size_t i;

	for (i = 0; i < n; i++)
		b[i] = pattern_byte(seed, i);
}

/* The first byte that differs from the pattern, or n. */
static inline size_t pattern_differs(const void *p, size_t n, uint64_t seed)
{
	const unsigned char *b = (const unsigned char *)p;
	size_t i;

	for (i = 0; i < n && b[i] == pattern_byte(seed, i); i++)
		;
	return i;
}

/* The first byte that is not `value`, or n. */
static inline size_t bytes_differ(const void *p, size_t n, unsigned value)
{
	const unsigned char *b = (const unsigned char *)p;
	size_t i;

	for (i = 0; i < n && b[i] == value; i++)
		;
	return i;
}

/* Memory for a test's own tables, so that they do not stand in the heap. */
static inline void *table_create(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

#endif
