/*
 * failing.c: an os backend that refuses the Nth operation.
 *
 * A test runs the same work with fail_at = 1, 2, 3 ... until nothing is
 * refused any more, and so visits every place where memory can run out; or
 * lets memory run out for good, once fail_after_bytes were granted.  The
 * backend counts what it passes on, too: a test can prove that a phase of a
 * program makes no system call, or that a heap gives back all that it took.
 *
 * A refused operation changes nothing, as the contract of mmsim/os.h asks.
 * Asking for the break (sbrk of 0), hints that cannot fail, time, entropy and
 * the number of CPUs are never refused and not counted.
 *
 * The counters are atomic, so several threads may use one backend; which of
 * them meets the Nth operation is then a matter of chance.
 *
 * The idea: SQLite, "How SQLite Is Tested", out-of-memory testing.
 */
#include "os/on_purpose.h"

#include <errno.h>
#include <mmsim/os.h>
#include <string.h>

static void count(uint64_t *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static void hold(struct mmsim_os_failing *f, intptr_t bytes)
{
	__atomic_add_fetch(&f->bytes_held, bytes, __ATOMIC_RELAXED);
}

/* Counts a request for `bytes` bytes; true when it is to be refused. */
static bool failing_refuses(struct mmsim_os_failing *f, size_t bytes)
{
	uint64_t nr = __atomic_add_fetch(&f->nr_calls, 1, __ATOMIC_RELAXED);
	struct on_purpose plan = {
		.at = load_relaxed(&f->fail_at),
		.count = load_relaxed(&f->fail_count),
		.after_bytes = load_relaxed(&f->fail_after_bytes),
	};

	if (!on_purpose_refuses(&plan, nr, bytes,
				load_relaxed(&f->bytes_granted)))
		return false;
	count(&f->nr_refused);
	return true;
}

static void grant(struct mmsim_os_failing *f, size_t bytes)
{
	__atomic_add_fetch(&f->bytes_granted, bytes, __ATOMIC_RELAXED);
}

static void *failing_sbrk(void *ctx, intptr_t increment)
{
	struct mmsim_os_failing *f = ctx;
	size_t more = increment > 0 ? (size_t)increment : 0;
	void *old;

	if (increment != 0) {
		count(&f->nr_brk);
		if (failing_refuses(f, more))
			return NULL;
	}
	old = f->under->sbrk(f->under->ctx, increment);
	if (old)
		grant(f, more);
	return old;
}

static void *failing_map(void *ctx, size_t len)
{
	struct mmsim_os_failing *f = ctx;
	void *addr;

	count(&f->nr_map);
	if (failing_refuses(f, len))
		return NULL;
	addr = f->under->map(f->under->ctx, len);
	if (addr) {
		hold(f, (intptr_t)len);
		grant(f, len);
	}
	return addr;
}

static void *failing_reserve(void *ctx, size_t len)
{
	struct mmsim_os_failing *f = ctx;
	void *addr;

	count(&f->nr_map);
	if (failing_refuses(f, 0))
		return NULL;
	addr = f->under->reserve(f->under->ctx, len);
	if (addr)
		hold(f, (intptr_t)len);
	return addr;
}

static int failing_commit(void *ctx, void *addr, size_t len)
{
	struct mmsim_os_failing *f = ctx;
	int error;

	count(&f->nr_commit);
	if (failing_refuses(f, len))
		return -ENOMEM;
	error = f->under->commit(f->under->ctx, addr, len);
	if (error == 0)
		grant(f, len);
	return error;
}

static int failing_decommit(void *ctx, void *addr, size_t len)
{
	struct mmsim_os_failing *f = ctx;

	count(&f->nr_purge);
	if (failing_refuses(f, 0))
		return -ENOMEM;
	return f->under->decommit(f->under->ctx, addr, len);
}

static int failing_unmap(void *ctx, void *addr, size_t len)
{
	struct mmsim_os_failing *f = ctx;
	int error;

	count(&f->nr_unmap);
	if (failing_refuses(f, 0))
		return -ENOMEM;
	error = f->under->unmap(f->under->ctx, addr, len);
	if (error == 0)
		hold(f, -(intptr_t)len);
	return error;
}

static void *failing_remap(void *ctx, void *addr, size_t old_len,
			   size_t new_len, int may_move)
{
	struct mmsim_os_failing *f = ctx;
	size_t more = new_len > old_len ? new_len - old_len : 0;
	void *moved;

	count(&f->nr_map);
	if (failing_refuses(f, more))
		return NULL;
	moved = f->under->remap(f->under->ctx, addr, old_len, new_len,
				may_move);
	if (moved) {
		hold(f, (intptr_t)new_len - (intptr_t)old_len);
		grant(f, more);
	}
	return moved;
}

static int failing_purge(void *ctx, void *addr, size_t len)
{
	struct mmsim_os_failing *f = ctx;

	count(&f->nr_purge);
	if (failing_refuses(f, 0))
		return -EINVAL;
	return f->under->purge(f->under->ctx, addr, len);
}

static int failing_populate(void *ctx, void *addr, size_t len)
{
	struct mmsim_os_failing *f = ctx;

	count(&f->nr_populate);
	if (failing_refuses(f, 0))
		return -ENOMEM;
	return f->under->populate(f->under->ctx, addr, len);
}

static int failing_hugepage(void *ctx, void *addr, size_t len)
{
	struct mmsim_os_failing *f = ctx;

	return f->under->hugepage(f->under->ctx, addr, len);
}

static uint64_t failing_now_ns(void *ctx)
{
	struct mmsim_os_failing *f = ctx;

	return f->under->now_ns(f->under->ctx);
}

static uint64_t failing_entropy(void *ctx)
{
	struct mmsim_os_failing *f = ctx;

	return f->under->entropy(f->under->ctx);
}

static unsigned failing_nr_cpus(void *ctx)
{
	struct mmsim_os_failing *f = ctx;

	return f->under->nr_cpus(f->under->ctx);
}

PUBLIC void mmsim_os_failing_init(struct mmsim_os_failing *failing,
				  const struct mmsim_os *under)
{
	memset(failing, 0, sizeof(*failing));
	failing->under = under ? under : mmsim_os_host();
	failing->os = (struct mmsim_os){
		.ctx = failing,
		.page_size = failing->under->page_size,
		.sbrk = failing_sbrk,
		.map = failing_map,
		.reserve = failing_reserve,
		.commit = failing_commit,
		.decommit = failing_decommit,
		.unmap = failing_unmap,
		.remap = failing_remap,
		.purge = failing_purge,
		.populate = failing_populate,
		.hugepage = failing_hugepage,
		.now_ns = failing_now_ns,
		.entropy = failing_entropy,
		.nr_cpus = failing_nr_cpus,
	};
}
