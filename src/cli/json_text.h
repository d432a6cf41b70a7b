/*
 * json_text.h: what every JSON of the command needs beside jansson.
 */
#ifndef CLI_JSON_TEXT_H
#define CLI_JSON_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* At most `max` bytes, which may be no UTF-8: such bytes become '?', as JSON
 * cannot have them. */
json_t *json_text(const char *text, size_t max);
/* An array of the words up to the NULL. */
json_t *json_words(char *const *words);
void json_set_number(json_t *object, const char *key, uint64_t value);

/* Writes the object, and takes it.  false: the file cannot take it.  Without an
 * object there was no memory for one, and mmsim ends. */
bool json_write(json_t *object, FILE *out);

#endif
