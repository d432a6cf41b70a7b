/*
 * host_tls.h: thread-local storage for a process that shares the memory.
 *
 * Source: clone(2), CLONE_SETTLS.
 */
#ifndef MMU_HOST_TLS_H
#define MMU_HOST_TLS_H

#include <stddef.h>

/* The `len` bytes at `block` become all zeros but for what libc's wrappers of
 * system calls need; the thread pointer, which is in the middle. */
char *host_tls_make(char *block, size_t len);

#endif
