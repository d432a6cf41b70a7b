/*
 * quote.c: words for a shell.
 *
 * Source: POSIX.1-2017, XCU 2.2.2 "Single-Quotes": nothing is special between
 * two of them, and one itself has to be written as '\''.
 */
#include "cli/quote.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_plain(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789%+,-./:=@_";

	/* A leading '=' is special to zsh, and none comes at the beginning of
	 * what we print. */
	return *word != '\0' && *word != '=' &&
	       word[strspn(word, plain)] == '\0';
}

void quote_word(FILE *to, const char *word)
{
	if (is_plain(word)) {
		fputs(word, to);
		return;
	}
	putc('\'', to);
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", to);
		else
			putc(*word, to);
	putc('\'', to);
}

char *quote_words(char *const *words)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		return NULL;
	for (size_t i = 0; words[i]; i++) {
		if (i > 0)
			putc(' ', to);
		quote_word(to, words[i]);
	}
	if (fclose(to)) {
		free(text);
		return NULL;
	}
	return text;
}
