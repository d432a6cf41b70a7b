/*
 * fatal.h: the end of a program whose memory was found damaged.
 */
#ifndef BASE_FATAL_H
#define BASE_FATAL_H

/*
 * Writes "what: 0xaddr\n" to standard error in one write(2) and aborts.  Safe
 * anywhere: takes no lock, allocates nothing.
 */
_Noreturn void fatal_at(const char *what, const void *addr);

/* The same without an address. */
_Noreturn void fatal(const char *what);

#endif
