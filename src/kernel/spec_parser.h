/*
 * spec_parser.h: what the files that read a spec share.
 */
#ifndef KERNEL_SPEC_PARSER_H
#define KERNEL_SPEC_PARSER_H

#include "base/outbuf.h"
#include "kernel/spec.h"

struct spec_parser {
	struct spec *spec;
	struct outbuf why;
	uint64_t seen; /* bit n: key n of the table was given */
	bool has_boot_freed, has_slots;
	/* nodes that the key names: 1 is the whole machine; 0: not given */
	unsigned nr_managed, nr_present, nr_boot_used;
};

/* Part of the spec's text. */
struct spec_text {
	const char *at;
	size_t len;
};

/* spec_text.c */
bool spec_text_is(struct spec_text text, const char *word);
/* Without blanks around it. */
struct spec_text spec_trim(struct spec_text text);
/* The part in front of the first `mark`, which `text` then stands behind. */
struct spec_text spec_split(struct spec_text *text, char mark);
/* Digits, all of them; false when there are others or too many. */
bool spec_digits(struct spec_text text, uint64_t *number);
/* "512M" */
bool spec_size(struct spec_text text, uint64_t *bytes);
void spec_say(struct spec_parser *parser, struct spec_text text);
/* Tells "key=value: what is allowed"; -EINVAL. */
int spec_reject(struct spec_parser *parser, const char *key,
		struct spec_text value, const char *allowed);

/* spec_zones.c: the keys that give pages; 0 or -EINVAL. */
int spec_managed(struct spec_parser *parser, struct spec_text value);
int spec_present(struct spec_parser *parser, struct spec_text value);
int spec_boot_used(struct spec_parser *parser, struct spec_text value);
int spec_boot_freed(struct spec_parser *parser, struct spec_text value);
/* spec_hotplug.c: the keys about memory that is plugged in; the same. */
int spec_maxmem(struct spec_parser *parser, struct spec_text value);
int spec_slots(struct spec_parser *parser, struct spec_text value);
int spec_memory_block(struct spec_parser *parser, struct spec_text value);
int spec_check_hotplug(struct spec_parser *parser);
/* What no key alone can tell, when all are read. */
int spec_check_whole(struct spec_parser *parser);

#endif
