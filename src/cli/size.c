/*
 * size.c: numbers of bytes in text.
 */
#include "cli/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char suffixes[] = "KMGT";

bool size_parse(const char *text, uint64_t *bytes)
{
	uint64_t value = 0;
	const char *first = text, *suffix;

	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'),
					   &value))
			return false;
	if (text == first)
		return false;
	if (*text) {
		unsigned shift;

		suffix = strchr(suffixes, *text & ~0x20);
		if (!suffix || text[1])
			return false;
		shift = 10 * (unsigned)(suffix - suffixes + 1);
		if (value > UINT64_MAX >> shift)
			return false;
		value <<= shift;
	}
	*bytes = value;
	return true;
}

void size_exact(uint64_t bytes, char *text, size_t size)
{
	unsigned i = 0;

	while (bytes != 0 && bytes % 1024 == 0 && i < strlen(suffixes)) {
		bytes /= 1024;
		i++;
	}
	if (i > 0)
		snprintf(text, size, "%" PRIu64 "%c", bytes, suffixes[i - 1]);
	else
		snprintf(text, size, "%" PRIu64, bytes);
}

void size_mb(uint64_t bytes, char *text, size_t size)
{
	snprintf(text, size, "%.1f MB", (double)bytes / (1 << 20));
}
