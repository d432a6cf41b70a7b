/*
 * size.c: numbers of bytes, read and written.
 */
#include "cli/size.h"

#include <criterion/criterion.h>

Test(size, parse)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} rows[] = {
		{"0", 0},
		{"4096", 4096},
		{"1k", 1024},
		{"64M", 64u << 20},
		{"3G", UINT64_C(3) << 30},
		{"2t", UINT64_C(2) << 40},
		{"18446744073709551615", UINT64_MAX},
	};
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert(size_parse(rows[i].text, &bytes), "%s", rows[i].text);
		cr_assert_eq(bytes, rows[i].bytes, "%s", rows[i].text);
	}
}

Test(size, bad)
{
	static const char *const rows[] = {
		"",   "M",          "-1", "+1",  "1.5M",
		"1X", "1MB",        " 1", "1 M", "18446744073709551616",
		"0x", "999999999T",
	};
	uint64_t bytes = 77;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_not(size_parse(rows[i], &bytes), "%s", rows[i]);
	cr_assert_eq(bytes, 77u);
}

Test(size, exact)
{
	static const uint64_t rows[] = {0,
					1,
					1023,
					1024,
					1025,
					64 << 20,
					53248 << 10,
					UINT64_C(5) << 40,
					UINT64_C(1) << 60};
	char text[32];
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_exact(rows[i], text, sizeof(text));
		cr_assert(size_parse(text, &bytes));
		cr_assert_eq(bytes, rows[i]);
	}
	size_exact(52 << 20, text, sizeof(text));
	cr_assert_str_eq(text, "52M");
	size_exact((52 << 20) + 1024, text, sizeof(text));
	cr_assert_str_eq(text, "53249K");
}

Test(size, mb)
{
	char text[32];

	size_mb(52 << 20 | 300 << 10, text, sizeof(text));
	cr_assert_str_eq(text, "52.3 MB");
}
