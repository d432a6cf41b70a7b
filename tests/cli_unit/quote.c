/*
 * quote.c: what is quoted comes back out of a shell as it was.
 */
#include "cli/quote.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(quote, plain_words_stay)
{
	char *words[] = {"mmsim", "run", "--ram=64M", "./a.out", "%d", NULL};
	char *text = quote_words(words);

	cr_assert_str_eq(text, "mmsim run --ram=64M ./a.out %d");
	free(text);
}

Test(quote, the_rest_is_quoted)
{
	char *words[] = {"", "two words", "it's", "$HOME", "~", "=x", NULL};
	char *text = quote_words(words);

	cr_assert_str_eq(text, "'' 'two words' 'it'\\''s' '$HOME' '~' '=x'");
	free(text);
}

Test(quote, no_words)
{
	char *words[] = {NULL};
	char *text = quote_words(words);

	cr_assert_str_eq(text, "");
	free(text);
}

Test(quote, a_shell_reads_it_back)
{
	char all[256], *words[] = {"printf", "%s", all, NULL};
	char got[300];
	char *text;
	size_t len;
	FILE *from;

	for (int i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	text = quote_words(words);
	from = popen(text, "r");
	cr_assert(from);
	len = fread(got, 1, sizeof(got), from);
	cr_assert_eq(pclose(from), 0);
	cr_assert_eq(len, 255u);
	cr_assert_eq(memcmp(got, all, 255), 0);
	free(text);
}
