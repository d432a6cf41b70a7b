/*
 * json_value: making, changing and freeing a document.
 */
#include "json_value.h"

#include "../blocks.h"

#include <string.h>

enum { FIRST_ROOM = 4 };

static uint64_t made;

uint64_t json_made(void)
{
	return made;
}

static void *allocate(size_t bytes)
{
	void *p = malloc(bytes);

	if (!p)
		out_of_memory("malloc", bytes);
	made++;
	return p;
}

static char *copy_text(const char *text, size_t length)
{
	char *copy = allocate(length + 1);

	memcpy(copy, text, length);
	copy[length] = 0;
	return copy;
}

struct json *json_new(enum json_kind kind)
{
	struct json *v = allocate(sizeof *v);

	*v = (struct json){.kind = kind};
	return v;
}

struct json *json_number(int64_t number)
{
	struct json *v = json_new(JSON_NUMBER);

	v->number = number;
	return v;
}

struct json *json_string(const char *text, size_t length)
{
	struct json *v = json_new(JSON_STRING);

	v->text = copy_text(text, length);
	return v;
}

static bool has_items(const struct json *v)
{
	return v->kind == JSON_ARRAY || v->kind == JSON_OBJECT;
}

void json_free(struct json *v)
{
	if (has_items(v)) {
		for (uint32_t i = 0; i < v->count; i++) {
			free(v->item[i].key);
			json_free(v->item[i].value);
		}
		free(v->item);
	} else if (v->kind == JSON_STRING) {
		free(v->text);
	}
	free(v);
}

void json_add(struct json *list, const char *key, size_t key_length,
	      struct json *value)
{
	struct json_item item = {.value = value};

	if (key)
		item.key = copy_text(key, key_length);
	if (list->count == list->room) {
		size_t bytes;

		list->room += list->room ? list->room / 2 : FIRST_ROOM;
		bytes = list->room * sizeof item;
		list->item = realloc(list->item, bytes);
		if (!list->item)
			out_of_memory("realloc", bytes);
		made++;
	}
	list->item[list->count++] = item;
}

void json_remove(struct json *list, uint32_t i)
{
	free(list->item[i].key);
	json_free(list->item[i].value);
	memmove(&list->item[i], &list->item[i + 1],
		(list->count - i - 1) * sizeof *list->item);
	list->count--;
}

void json_replace(struct json *object, const char *key, struct json *value)
{
	uint32_t i = 0;

	while (strcmp(object->item[i].key, key) != 0)
		i++;
	json_free(object->item[i].value);
	object->item[i].value = value;
}

static bool same_key(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool json_equal(const struct json *a, const struct json *b)
{
	if (a->kind != b->kind || a->count != b->count)
		return false;
	if (a->kind == JSON_STRING)
		return !strcmp(a->text, b->text);
	if (!has_items(a))
		return a->number == b->number;
	for (uint32_t i = 0; i < a->count; i++)
		if (!same_key(a->item[i].key, b->item[i].key) ||
		    !json_equal(a->item[i].value, b->item[i].value))
			return false;
	return true;
}

void text_put(struct json_text *t, const char *bytes, size_t length)
{
	if (t->length + length >= t->room) {
		while (t->length + length >= t->room)
			t->room = t->room ? 2 * t->room : 64;
		t->text = realloc(t->text, t->room);
		if (!t->text)
			out_of_memory("realloc", t->room);
		made++;
	}
	memcpy(t->text + t->length, bytes, length);
	t->length += length;
	t->text[t->length] = 0;
}
