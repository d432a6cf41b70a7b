/*
 * json_text.c: text, words and whole objects of JSON.
 */
#include "cli/json_text.h"

#include "cli/command.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

json_t *json_text(const char *text, size_t max)
{
	size_t len = strnlen(text, max);
	json_t *string = json_stringn(text, len);
	char *copy;

	if (string)
		return string;
	copy = strndup(text, len);
	for (char *at = copy; at && *at; at++)
		if (*at & 0x80)
			*at = '?';
	string = json_string(copy ? copy : "");
	free(copy);
	return string;
}

json_t *json_words(char *const *words)
{
	json_t *array = json_array();

	for (; *words; words++)
		json_array_append_new(array, json_text(*words, SIZE_MAX));
	return array;
}

void json_set_number(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

bool json_write(json_t *object, FILE *out)
{
	bool done;

	if (!object)
		errx(EXIT_MMSIM, "no memory for JSON");
	done = json_dumpf(object, out, JSON_INDENT(2)) == 0 &&
	       putc('\n', out) != EOF;
	json_decref(object);
	return done;
}
