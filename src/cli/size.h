/*
 * size.h: numbers of bytes in text, as the options of a machine have them.
 */
#ifndef CLI_SIZE_H
#define CLI_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number, or one with K, M, G or T behind it; false: it is none. */
bool size_parse(const char *text, uint64_t *bytes);
/* The shortest text that size_parse gives the same number for: "64M". */
void size_exact(uint64_t bytes, char *text, size_t size);
/* In MB with one digit behind the point: "52.3 MB". */
void size_mb(uint64_t bytes, char *text, size_t size);

#endif
