/*
 * json_value: a document as a tree of small objects on the heap.
 *
 *     object --> members: [ key --> "name"  value --> string --> "Ann" ]
 *                         [ key --> "tags"  value --> array            ]
 *                                                      |
 *                                        items: [ * ] [ * ] [ * ]
 *
 * Each value, each key and each text is a block of its own; lists of items and
 * members grow by realloc, by half each time.  Numbers are whole.
 */
#ifndef MMSIM_BENCH_JSON_VALUE_H
#define MMSIM_BENCH_JSON_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_kind {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json_item {
	char *key; /* NULL in an array */
	struct json *value;
};

struct json {
	enum json_kind kind;
	uint32_t count; /* items of an array or an object */
	uint32_t room;
	union {
		int64_t number; /* of a number; of a bool 0 or 1 */
		char *text;
		struct json_item *item; /* [room] */
	};
};

/* A text that grows by realloc, doubling. */
struct json_text {
	char *text; /* ends with 0 */
	size_t length;
	size_t room;
};

/* Blocks that were allocated since the program's start. */
uint64_t json_made(void);

struct json *json_new(enum json_kind kind);
struct json *json_number(int64_t number);
struct json *json_string(const char *text, size_t length);
void json_free(struct json *v);

/* Adds an item at the end; the list owns the key's copy and the value. */
void json_add(struct json *list, const char *key, size_t key_length,
	      struct json *value);
void json_remove(struct json *list, uint32_t i);
/* Gives the member of that name, which must be there, another value. */
void json_replace(struct json *object, const char *key, struct json *value);
bool json_equal(const struct json *a, const struct json *b);

void text_put(struct json_text *t, const char *bytes, size_t length);
void json_write(const struct json *v, struct json_text *t);

/* NULL when the text is not one value. */
struct json *json_parse(const char *text);

#endif
