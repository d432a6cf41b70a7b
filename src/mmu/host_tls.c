/*
 * host_tls.c: thread-local storage for a process that shares the memory.
 *
 * The variables of the thread that makes such a process (errno is one) are not
 * the process's own.
 *
 *   x86-64   variables below the pointer, which points to itself; the stack
 *            protector's value is at 40 behind it, the pointer guard at 48
 *   aarch64  variables above the pointer
 *
 * Sources: U. Drepper, "ELF Handling For Thread-Local Storage"; the ABI of the
 * processor.
 */
#include "mmu/host_tls.h"

#include <stdint.h>
#include <string.h>

char *host_tls_make(char *block, size_t len)
{
	char *pointer = block + len / 2;

	memset(block, 0, len);
#ifdef __x86_64__
	const uintptr_t *own = __builtin_thread_pointer();
	uintptr_t *words = (uintptr_t *)(void *)pointer;

	words[0] = words[2] = (uintptr_t)pointer;
	words[5] = own[5];
	words[6] = own[6];
#endif
	return pointer;
}
