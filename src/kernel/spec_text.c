/*
 * spec_text.c: pieces of a spec's text: words, numbers, sizes, and the sentence
 * that tells what is wrong with one.
 *
 * A piece is a pointer into the text and a length; nothing is copied.
 */
#include "kernel/spec_parser.h"

#include <errno.h>
#include <string.h>

bool spec_text_is(struct spec_text text, const char *word)
{
	return strlen(word) == text.len && memcmp(text.at, word, text.len) == 0;
}

struct spec_text spec_trim(struct spec_text text)
{
	while (text.len > 0 && (*text.at == ' ' || *text.at == '\t')) {
		text.at++;
		text.len--;
	}
	while (text.len > 0 && (text.at[text.len - 1] == ' ' ||
				text.at[text.len - 1] == '\t' ||
				text.at[text.len - 1] == '\n'))
		text.len--;
	return text;
}

struct spec_text spec_split(struct spec_text *text, char mark)
{
	const char *end = memchr(text->at, mark, text->len);
	struct spec_text part = *text;

	part.len = end ? (size_t)(end - text->at) : text->len;
	text->at += part.len + (end != NULL);
	text->len -= part.len + (end != NULL);
	return spec_trim(part);
}

void spec_say(struct spec_parser *parser, struct spec_text text)
{
	for (size_t i = 0; i < text.len; i++)
		outbuf_printf(&parser->why, "%c", text.at[i]);
}

int spec_reject(struct spec_parser *parser, const char *key,
		       struct spec_text value, const char *allowed)
{
	outbuf_printf(&parser->why, "%s=", key);
	spec_say(parser, value);
	outbuf_printf(&parser->why, ": %s", allowed);
	return -EINVAL;
}

bool spec_digits(struct spec_text text, uint64_t *number)
{
	uint64_t n = 0;

	if (text.len == 0)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned char)text.at[i] - '0';

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*number = n;
	return true;
}

bool spec_size(struct spec_text text, uint64_t *bytes)
{
	static const char suffixes[] = "KMGT";
	unsigned shift = 0;
	uint64_t n;

	if (text.len > 0) {
		char last = text.at[text.len - 1] & ~0x20;
		const char *suffix = last ? strchr(suffixes, last) : NULL;

		if (suffix) {
			shift = 10 * (unsigned)(suffix - suffixes + 1);
			text.len--;
		}
	}
	if (!spec_digits(text, &n) || n > UINT64_MAX >> shift)
		return false;
	*bytes = n << shift;
	return true;
}
