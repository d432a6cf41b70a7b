/*
 * host_call.h: system calls on the real addresses of a task.
 *
 * Not through the names of libc: these may be libmmsim-run.so's, which make a
 * call on such addresses one of the simulated task.  Results and errno are as
 * of the functions of libc.
 *
 * Sources: syscall(2), mmap(2).
 */
#ifndef MMU_HOST_CALL_H
#define MMU_HOST_CALL_H

#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline void *host_mmap(void *addr, size_t len, int prot, int flags,
			      int fd)
{
	return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, 0L);
}

static inline int host_munmap(void *addr, size_t len)
{
	return (int)syscall(SYS_munmap, addr, len);
}

static inline int host_mprotect(void *addr, size_t len, int prot)
{
	return (int)syscall(SYS_mprotect, addr, len, prot);
}

static inline int host_madvise(void *addr, size_t len, int advice)
{
	return (int)syscall(SYS_madvise, addr, len, advice);
}

/* `to` counts with MREMAP_FIXED. */
static inline void *host_mremap(void *addr, size_t old_len, size_t new_len,
				int flags, void *to)
{
	return (void *)syscall(SYS_mremap, addr, old_len, new_len, flags, to);
}

#endif
