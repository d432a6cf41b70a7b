/*
 * areas.h: what the tests of mappings share: a window of pages at a fixed
 * address, and its areas as one line of text.
 *
 *     areas_map(t, 0, 4, PROT_READ | PROT_WRITE);
 *     areas_are(m, t, "0-4rw-p");
 */
#ifndef TESTS_KERNEL_AREAS_H
#define TESTS_KERNEL_AREAS_H

#include "sim.h"

#define AREAS_BASE ((uintptr_t)0x200000000000)
#define AREAS_PAGES 4096
#define AREAS_RW (PROT_READ | PROT_WRITE)
#define AREAS_ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static SIM_UNUSED uintptr_t areas_at(long page)
{
	return AREAS_BASE + (uintptr_t)page * SIM_PAGE;
}

static SIM_UNUSED intptr_t areas_mmap(struct mmsim_task *task, long page,
				      long nr, int prot, int flags)
{
	return mmsim_mmap(task, areas_at(page), (size_t)nr * SIM_PAGE, prot,
			  flags | MAP_FIXED, NULL, 0);
}

/* Private anonymous memory at pages [page, page + nr). */
static SIM_UNUSED void areas_map(struct mmsim_task *task, long page, long nr,
				 int prot)
{
	intptr_t addr = areas_mmap(task, page, nr, prot, AREAS_ANON);

	cr_assert_eq(addr, (intptr_t)areas_at(page), "mmap: %zd", addr);
}

static SIM_UNUSED int areas_protect(struct mmsim_task *task, long page, long nr,
				    int prot)
{
	return mmsim_mprotect(task, areas_at(page), (size_t)nr * SIM_PAGE, prot);
}

static SIM_UNUSED void areas_clear(struct mmsim_task *task)
{
	cr_assert_eq(mmsim_munmap(task, AREAS_BASE,
				  (size_t)AREAS_PAGES * SIM_PAGE),
		     0);
}

static SIM_UNUSED void areas_touch(struct mmsim_task *task, long page, long nr)
{
	sim_touch(task, areas_at(page), (size_t)nr * SIM_PAGE);
}

/* The window's lines of maps, "0-4rw-p 4-8r--p". */
static SIM_UNUSED void areas_text(struct mmsim_machine *machine,
				  struct mmsim_task *task, char *out,
				  size_t size)
{
	char *text = sim_task_proc(machine, task, "maps");
	size_t len = 0;

	out[0] = '\0';
	for (char *line = text; line && *line;) {
		unsigned long start, end;
		char access[5];

		cr_assert_eq(sscanf(line, "%lx-%lx %4s", &start, &end, access),
			     3);
		if (start >= AREAS_BASE && start < areas_at(AREAS_PAGES))
			len += (size_t)snprintf(
				out + len, size - len, "%s%lu-%lu%s",
				len ? " " : "", (start - AREAS_BASE) / SIM_PAGE,
				(end - AREAS_BASE) / SIM_PAGE, access);
		cr_assert_lt(len, size);
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	free(text);
}

#define areas_are(machine, task, expected)                                     \
	do {                                                                   \
		char text_[4096];                                              \
		areas_text((machine), (task), text_, sizeof(text_));           \
		cr_assert_str_eq(text_, (expected));                           \
	} while (0)

#endif
