/*
 * number.c: numbers in what is written to files of /proc.
 *
 * What may stand around the digits, a sign or blanks, is the caller's rule.
 *
 * Source: proc(5); strtoul(3), base 0.
 */
#include "kernel/number.h"

#include <errno.h>

bool number_is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

const char *number_skip_blanks(const char *text)
{
	while (number_is_blank(*text))
		text++;
	return text;
}

/* 99: not a digit in any base. */
static unsigned number_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : 99;
}

int number_digits(const char **text, uint64_t *value)
{
	const char *p = *text;
	unsigned base = *p == '0' ? 8 : 10;

	if (base == 8 && (p[1] | 0x20) == 'x' && number_digit(p[2]) < 16) {
		base = 16;
		p += 2;
	}
	if (number_digit(*p) >= base)
		return -EINVAL;
	for (*value = 0; number_digit(*p) < base; p++)
		if (__builtin_mul_overflow(*value, base, value) ||
		    __builtin_add_overflow(*value, number_digit(*p), value))
			return -ERANGE;
	*text = p;
	return 0;
}
