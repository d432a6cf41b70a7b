/*
 * json: a document is built, written, read, compared and changed, many times.
 *
 * What a service does with its messages: a row of this project's own, for
 * strings.  The document is a list of 1500 records with names, texts, tags and
 * nested settings, some 30000 blocks of 4..200 bytes besides one text of some
 * hundred KB that grows by doubling.  A round
 *
 *     writes the document | reads the text | compares | frees the old one |
 *     changes a quarter of the records of the new one
 *
 * so that blocks of all ages lie side by side.  Stressed: strings, realloc,
 * many equal small objects that live for a while, locality.
 */
#include "json_value.h"
#include "suite.h"

enum { RECORDS = 1500, ROUNDS = 40, MOST_TAGS = 6, LONGEST_TEXT = 160 };

static struct json *draw_text(struct rng *r, uint32_t shortest,
			      uint32_t longest)
{
	static const char letters[] = "etaoin shrdlu cmfwyp \"\n";
	uint32_t length = shortest + rng_below(r, longest - shortest + 1);
	char text[LONGEST_TEXT];

	for (uint32_t i = 0; i < length; i++)
		text[i] = letters[rng_below(r, sizeof letters - 1)];
	return json_string(text, length);
}

static void add(struct json *object, const char *key, struct json *value)
{
	json_add(object, key, strlen(key), value);
}

static struct json *draw_settings(struct rng *r)
{
	struct json *settings = json_new(JSON_OBJECT);
	struct json *flag = json_new(JSON_BOOL);

	flag->number = rng_below(r, 2);
	add(settings, "visible", flag);
	add(settings, "limit", json_number(rng_below(r, 1000000)));
	add(settings, "parent", json_new(JSON_NULL));
	return settings;
}

static struct json *draw_record(struct rng *r, int64_t number)
{
	struct json *record = json_new(JSON_OBJECT);
	struct json *tags = json_new(JSON_ARRAY);

	add(record, "id", json_number(number));
	add(record, "name", draw_text(r, 4, 24));
	add(record, "text", draw_text(r, 10, LONGEST_TEXT));
	for (uint32_t n = rng_below(r, MOST_TAGS + 1); n; n--)
		json_add(tags, NULL, 0, draw_text(r, 2, 12));
	add(record, "tags", tags);
	add(record, "settings", draw_settings(r));
	return record;
}

/* A record's text changes, or it goes and a new one comes. */
static void change_record(struct json *document, uint32_t i, struct rng *r)
{
	struct json *record = document->item[i].value;

	if (rng_below(r, 4) == 0) {
		json_remove(document, i);
		json_add(document, NULL, 0, draw_record(r, rng_next(r)));
		return;
	}
	json_replace(record, "text", draw_text(r, 10, LONGEST_TEXT));
}

/* One round; returns the document that takes the old one's place. */
static struct json *renew(struct json *document, struct rng *r)
{
	struct json_text text = {NULL, 0, 0};
	struct json *copy;

	json_write(document, &text);
	copy = json_parse(text.text);
	if (!copy)
		suite_fail("the text of %zu bytes cannot be read", text.length);
	if (!json_equal(document, copy))
		suite_fail("the document has changed on its way");
	free(text.text);
	json_free(document);
	for (uint32_t n = 0; n < RECORDS / 4; n++)
		change_record(copy, rng_below(r, RECORDS), r);
	return copy;
}

static void json(struct suite_run *run)
{
	uint64_t rounds = suite_count(run, ROUNDS);
	struct rng r = {.state = 107};
	struct json *document;

	suite_begin(run);
	document = json_new(JSON_ARRAY);
	for (int i = 0; i < RECORDS; i++)
		json_add(document, NULL, 0, draw_record(&r, i));
	for (uint64_t n = 0; n < rounds; n++)
		document = renew(document, &r);
	suite_end(run);
	json_free(document);
	run->ops = json_made();
}

const struct suite_row json_rows[] = {
	{.name = "json", .threads = 1, .work = json},
	{.name = NULL},
};
