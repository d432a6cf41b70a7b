/*
 * number.h: numbers in what is written to files of /proc.
 *
 * Decimal, hexadecimal behind 0x, octal behind 0, as the kernel reads them.
 */
#ifndef KERNEL_NUMBER_H
#define KERNEL_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

bool number_is_blank(char c);
const char *number_skip_blanks(const char *text);
/* The digits at *text, which is moved behind them: 0, -EINVAL (there are
 * none), -ERANGE (more than 64 bits). */
int number_digits(const char **text, uint64_t *value);

#endif
