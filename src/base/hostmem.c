/*
 * hostmem.c: memory of the host for mmsim's own tables.
 *
 * Anonymous private mappings with MAP_NORESERVE: the host charges nothing for
 * them before they are written, so a table may be as large as the largest
 * machine needs and cost only what is used of it.  errno is left as it was.
 *
 * Source: mmap(2), madvise(2).
 */
#include "base/hostmem.h"

#include "base/base.h"

#include <errno.h>
#include <sys/mman.h>

/* The smallest page of the hosts we run on; mmap rounds up further if needed. */
enum { HOST_PAGE = 4096 };

void *hostmem_map(size_t len)
{
	int saved = errno;
	void *addr;

	if (len == 0 || len > PTRDIFF_MAX - HOST_PAGE)
		return NULL;
	addr = mmap(NULL, align_up(len, HOST_PAGE), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	errno = saved;
	return addr == MAP_FAILED ? NULL : addr;
}

void hostmem_unmap(void *addr, size_t len)
{
	int saved = errno;

	if (addr)
		munmap(addr, align_up(len, HOST_PAGE));
	errno = saved;
}

void hostmem_purge(void *addr, size_t len)
{
	int saved = errno;

	madvise(addr, align_up(len, HOST_PAGE), MADV_DONTNEED);
	errno = saved;
}
