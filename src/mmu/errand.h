/*
 * errand.h: a function runs in a process of its own that shares memory and
 * descriptors, while the calling thread waits and touches nothing.
 */
#ifndef MMU_ERRAND_H
#define MMU_ERRAND_H

#include <stdbool.h>

/* Room for one errand at a time; NULL: the host has no memory. */
struct errand *errand_create(void);
void errand_destroy(struct errand *errand);
/* fn(arg) has run; false: not at all, for want of a process.  A function that
 * ends its process ends the program. */
bool errand_run(struct errand *errand, void (*fn)(void *), void *arg);

#endif
