/*
 * json_text: from a document to its text (RFC 8259) and back.
 *
 * The writer escapes the quote, the backslash and the line's end; the reader
 * knows these three escapes.  A string is gathered in a buffer that grows, and
 * then copied into a block of its length: what a reader of a stream does.
 */
#include "json_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_string(const char *s, struct json_text *t)
{
	text_put(t, "\"", 1);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			text_put(t, "\\", 1);
		if (*s == '\n')
			text_put(t, "\\n", 2);
		else
			text_put(t, s, 1);
	}
	text_put(t, "\"", 1);
}

static void write_number(int64_t number, struct json_text *t)
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%" PRId64, number);

	text_put(t, digits, (size_t)n);
}

static void write_items(const struct json *v, struct json_text *t)
{
	text_put(t, v->kind == JSON_ARRAY ? "[" : "{", 1);
	for (uint32_t i = 0; i < v->count; i++) {
		if (i)
			text_put(t, ", ", 2);
		if (v->item[i].key) {
			write_string(v->item[i].key, t);
			text_put(t, ": ", 2);
		}
		json_write(v->item[i].value, t);
	}
	text_put(t, v->kind == JSON_ARRAY ? "]" : "}", 1);
}

void json_write(const struct json *v, struct json_text *t)
{
	switch (v->kind) {
	case JSON_NULL:
		text_put(t, "null", 4);
		break;
	case JSON_BOOL:
		text_put(t, v->number ? "true" : "false", v->number ? 4 : 5);
		break;
	case JSON_NUMBER:
		write_number(v->number, t);
		break;
	case JSON_STRING:
		write_string(v->text, t);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		write_items(v, t);
		break;
	}
}

static const char *skip_space(const char *s)
{
	return s + strspn(s, " \t\r\n");
}

/* Reads a string after its first quote; NULL when it has no end. */
static const char *read_string(const char *s, struct json_text *into)
{
	text_put(into, "", 0);
	for (; *s != '"'; s++) {
		if (!*s)
			return NULL;
		if (*s != '\\')
			text_put(into, s, 1);
		else if (*++s == 'n')
			text_put(into, "\n", 1);
		else if (*s == '"' || *s == '\\')
			text_put(into, s, 1);
		else
			return NULL;
	}
	return s + 1;
}

static const char *read_value(const char *s, struct json **value);

/* Reads the items of a list up to its end; adds them to it. */
static const char *read_items(const char *s, struct json *list)
{
	char end = list->kind == JSON_ARRAY ? ']' : '}';

	s = skip_space(s);
	if (*s == end)
		return s + 1;
	for (;;) {
		struct json_text key = {NULL, 0, 0};
		struct json *value = NULL;

		s = skip_space(s);
		if (list->kind == JSON_OBJECT) {
			s = *s == '"' ? read_string(s + 1, &key) : NULL;
			s = s ? skip_space(s) : NULL;
			s = s && *s == ':' ? s + 1 : NULL;
		}
		s = s ? read_value(s, &value) : NULL;
		if (s)
			json_add(list, key.text, key.length, value);
		free(key.text);
		if (!s)
			return NULL;
		s = skip_space(s);
		if (*s == end)
			return s + 1;
		if (*s++ != ',')
			return NULL;
	}
}

static const char *read_list(const char *s, enum json_kind kind,
			     struct json **value)
{
	*value = json_new(kind);
	s = read_items(s, *value);
	if (!s)
		json_free(*value);
	return s;
}

static const char *read_text(const char *s, struct json **value)
{
	struct json_text text = {NULL, 0, 0};

	s = read_string(s, &text);
	if (s)
		*value = json_string(text.text, text.length);
	free(text.text);
	return s;
}

static const char *read_word(const char *s, const char *word,
			     enum json_kind kind, int64_t number,
			     struct json **value)
{
	if (strncmp(s, word, strlen(word)))
		return NULL;
	*value = json_new(kind);
	(*value)->number = number;
	return s + strlen(word);
}

static const char *read_value(const char *s, struct json **value)
{
	char *end;
	int64_t number;

	s = skip_space(s);
	switch (*s) {
	case '{':
		return read_list(s + 1, JSON_OBJECT, value);
	case '[':
		return read_list(s + 1, JSON_ARRAY, value);
	case '"':
		return read_text(s + 1, value);
	case 'n':
		return read_word(s, "null", JSON_NULL, 0, value);
	case 't':
		return read_word(s, "true", JSON_BOOL, 1, value);
	case 'f':
		return read_word(s, "false", JSON_BOOL, 0, value);
	default:
		number = strtoll(s, &end, 10);
		if (end == s)
			return NULL;
		*value = json_number(number);
		return end;
	}
}

struct json *json_parse(const char *text)
{
	struct json *value;
	const char *end = read_value(text, &value);

	if (!end)
		return NULL;
	if (*skip_space(end)) {
		json_free(value);
		return NULL;
	}
	return value;
}
