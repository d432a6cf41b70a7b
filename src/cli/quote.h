/*
 * quote.h: text as a word that a POSIX shell reads back unchanged.
 */
#ifndef CLI_QUOTE_H
#define CLI_QUOTE_H

#include <stdio.h>

/* Writes `word`, in single quotes where a shell would not take it as it is. */
void quote_word(FILE *to, const char *word);

/* The words up to the NULL, with blanks between them; a new string. */
char *quote_words(char *const *words);

#endif
