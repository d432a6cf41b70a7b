/*
 * record.c: the recorder, a library to preload.  It writes every call of the
 * malloc family that a program makes to a file.
 *
 *     MMSIM_RECORD=/tmp/raw.%p MMSIM_RECORD_EVENTS=500000 \
 *         LD_PRELOAD=bench/.libs/libmmsim-record.so program
 *
 * MMSIM_RECORD names the file; %p is the process's number.  A program that
 * this one starts with exec gets a file of its own, or, without %p in the
 * name, none, because the file exists.  MMSIM_RECORD_EVENTS ends the recording
 * after so many events; the program goes on.
 *
 *     program --> malloc here --> __libc_malloc
 *                     |
 *                     v  an event
 *         file, mapped shared: [header][event][event][event]......
 *                                                  ^ state->next
 *
 * The memory that is recorded is not used: the file is mapped, nothing is
 * buffered, so nothing has to be written at exit either, and a program that is
 * killed leaves all it did.  An event's place is drawn with one atomic
 * addition; raw.h says why the order is right for threads.  A signal handler
 * that interrupts a call just draws another place.
 *
 * A forked child writes nothing: its heap is full of blocks whose history is
 * in its parent's file.  The page that says whether and where to write is
 * MADV_WIPEONFORK, so a child finds zeros there, also after _Fork or clone.
 * A child of vfork runs in its parent's heap, and is recorded as its parent.
 *
 * The malloc behind is the one of the __libc_ names: glibc's, or that of a
 * library preloaded behind this one which has these names, as libmmsim.so
 * does.  An allocator linked with the program is put aside.
 *
 * Left out: calls before libc is ready, a handful made by the dynamic linker;
 * free(NULL); calls that fail.  When the file system is full, the program dies
 * of SIGBUS.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "raw.h"

#define EXPORT __attribute__((visibility("default")))

extern char **environ;
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *p);

enum { DEFAULT_EVENTS = 4000000, MAX_EVENTS = 1000000000, PATH_BYTES = 4096 };

/* Alone in its page, which a forked child finds wiped. */
struct state {
	_Atomic uint64_t next;    /* the next event's place */
	uint64_t limit;           /* places; 0: write nothing */
	struct raw_event *events; /* the mapped file, behind its header */
	_Atomic uint32_t threads; /* threads that have made a call */
};

static struct state *state;
static _Atomic int begun;

/* This thread's number, plus 1; 0: it has none yet. */
static __thread uint32_t thread_number
	__attribute__((tls_model("initial-exec")));

/* --- what happened ------------------------------------------------------- */

static void record(enum raw_op op, const void *p, size_t size, unsigned align)
{
	uint64_t place;
	struct raw_event *e;

	if (!state || !state->limit)
		return;
	/* The look ahead keeps the counter from wrapping after the end. */
	if (atomic_load_explicit(&state->next, memory_order_relaxed) >=
	    state->limit)
		return;
	if (!thread_number)
		thread_number = 1 + atomic_fetch_add(&state->threads, 1);
	place = atomic_fetch_add(&state->next, 1);
	if (place >= state->limit)
		return;
	e = &state->events[place];
	e->address = (uintptr_t)p;
	e->size = size;
	e->thread = thread_number - 1;
	e->align_log2 = (uint8_t)align;
	atomic_signal_fence(memory_order_release);
	*(volatile uint8_t *)&e->op = (uint8_t)op;
}

/* --- the start ------------------------------------------------------------ */

static void complain(const char *what, const char *which, const char *why)
{
	const char *parts[] = {"mmsim-record: ", what, which, why, "\n"};

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		/* There is nobody to tell that this failed. */
		if (write(STDERR_FILENO, parts[i], strlen(parts[i])) < 0)
			return;
	}
}

/* getenv may be somebody else's, bash has its own; this one never allocates. */
static const char *variable(const char *name)
{
	size_t length = strlen(name);

	for (char **e = environ; *e; e++) {
		if (!strncmp(*e, name, length) && (*e)[length] == '=')
			return *e + length + 1;
	}
	return NULL;
}

static char *decimal(uint64_t number, char *end)
{
	*--end = '\0';
	do {
		*--end = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	return end;
}

/* The name with the process's number for %p; 0 when it is too long. */
static int file_name(const char *pattern, char *name)
{
	char digits[24], *pid = decimal((uint64_t)getpid(), digits + 24);
	size_t used = 0;

	for (; *pattern; pattern++) {
		int is_pid = pattern[0] == '%' && pattern[1] == 'p';
		size_t length = is_pid ? strlen(pid) : 1;

		if (used + length >= PATH_BYTES)
			return 0;
		memcpy(name + used, is_pid ? pid : pattern, length);
		used += length;
		pattern += is_pid;
	}
	name[used] = '\0';
	return used > 0;
}

/* The number of events wished, or 0 after a message. */
static uint64_t wished_events(void)
{
	const char *text = variable("MMSIM_RECORD_EVENTS");
	uint64_t number = 0;

	if (!text)
		return DEFAULT_EVENTS;
	for (const char *c = text; *c; c++) {
		if (*c < '0' || *c > '9' || number > MAX_EVENTS) {
			number = 0;
			break;
		}
		number = number * 10 + (uint64_t)(*c - '0');
	}
	if (number < 1 || number > MAX_EVENTS) {
		complain("MMSIM_RECORD_EVENTS is ", text,
			 ", allowed are numbers from 1 to 1000000000");
		return 0;
	}
	return number;
}

static void fill_header(struct raw_header *h, uint64_t limit)
{
	char name[16] = "";

	memcpy(h->magic, RAW_MAGIC, sizeof h->magic);
	h->version = RAW_VERSION;
	h->pid = (uint32_t)getpid();
	h->limit = limit;
	prctl(PR_GET_NAME, name);
	memcpy(h->program, name, strnlen(name, sizeof name));
}

static void *map(size_t bytes, int flags, int fd)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* The file and its mapping; NULL after a message. */
static struct raw_header *create_file(const char *pattern, uint64_t limit)
{
	size_t bytes =
		sizeof(struct raw_header) + limit * sizeof(struct raw_event);
	struct raw_header *header = NULL;
	char name[PATH_BYTES];
	int fd;

	if (!file_name(pattern, name)) {
		complain("MMSIM_RECORD", "", " is empty or too long");
		return NULL;
	}
	fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0) {
		complain("cannot record to ", name,
			 errno == EEXIST ? ": it exists"
					 : ": it cannot be created");
		return NULL;
	}
	if (!ftruncate(fd, (off_t)bytes))
		header = map(bytes, MAP_SHARED, fd);
	if (!header)
		complain("cannot record to ", name, ": no room");
	close(fd);
	return header;
}

static void begin(void)
{
	const char *pattern = variable("MMSIM_RECORD");
	struct raw_header *header;
	struct state *s;
	uint64_t limit;

	if (!pattern) {
		complain("MMSIM_RECORD", "", " does not name a file");
		return;
	}
	limit = wished_events();
	header = limit ? create_file(pattern, limit) : NULL;
	if (!header)
		return;
	s = map(sizeof *s, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (!s || madvise(s, sizeof *s, MADV_WIPEONFORK)) {
		complain("this kernel has no MADV_WIPEONFORK", "", "");
		return;
	}
	fill_header(header, limit);
	s->events = (struct raw_event *)(header + 1);
	s->limit = limit;
	state = s;
}

/* The first call of a program comes before it has a second thread. */
__attribute__((constructor)) static void begin_once(void)
{
	int saved = errno;

	if (environ && !atomic_exchange(&begun, 1))
		begin();
	errno = saved;
}

/* --- the malloc family ------------------------------------------------------ */

static void *allocated(enum raw_op op, void *p, size_t size, unsigned align)
{
	if (p)
		record(op, p, size, align);
	return p;
}

EXPORT void *malloc(size_t size)
{
	if (!begun)
		begin_once();
	return allocated(RAW_MALLOC, __libc_malloc(size), size, 0);
}

EXPORT void *calloc(size_t count, size_t size)
{
	if (!begun)
		begin_once();
	return allocated(RAW_CALLOC, __libc_calloc(count, size), count * size,
			 0);
}

EXPORT void free(void *p)
{
	if (p)
		record(RAW_FREE, p, 0, 0);
	__libc_free(p);
}

EXPORT void cfree(void *p) __attribute__((alias("free")));

EXPORT void *realloc(void *p, size_t size)
{
	void *q;

	if (!p)
		return malloc(size);
	if (!size) {
		free(p);
		return NULL;
	}
	record(RAW_RESIZE, p, 0, 0);
	q = __libc_realloc(p, size);
	record(RAW_RESIZED, q, q ? size : 0, 0);
	return q;
}

EXPORT void *reallocarray(void *p, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, bytes);
}

/* glibc rounds an alignment up to a power of two; 0 and the like up to 16. */
static unsigned log2_up(size_t alignment)
{
	unsigned log = 4;

	while (log < 63 && (size_t)1 << log < alignment)
		log++;
	return log;
}

EXPORT void *memalign(size_t alignment, size_t size)
{
	if (!begun)
		begin_once();
	return allocated(RAW_ALIGNED, __libc_memalign(alignment, size), size,
			 log2_up(alignment));
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
	__attribute__((alias("memalign")));

EXPORT int posix_memalign(void **memptr, size_t alignment, size_t size)
{
	int saved = errno;
	void *p;

	if (alignment % sizeof(void *) || !alignment ||
	    (alignment & (alignment - 1)))
		return EINVAL;
	p = memalign(alignment, size);
	errno = saved;
	if (!p)
		return ENOMEM;
	*memptr = p;
	return 0;
}

EXPORT void *valloc(size_t size)
{
	return memalign((size_t)sysconf(_SC_PAGESIZE), size);
}

EXPORT void *pvalloc(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (__builtin_add_overflow(size, page - 1, &size)) {
		errno = ENOMEM;
		return NULL;
	}
	return memalign(page, size / page * page);
}

/*
 * There is no __libc_ name for this one, and the next function of this name
 * may be that of an allocator linked with the program: it is asked for in the
 * object that has __libc_malloc.
 */
EXPORT size_t malloc_usable_size(void *p)
{
	static size_t (*_Atomic usable)(void *);
	size_t (*function)(void *) = usable;
	Dl_info info;

	if (!function) {
		void *object = NULL, *symbol = NULL;

		if (dladdr((void *)(uintptr_t)__libc_malloc, &info))
			object =
				dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
		if (object)
			symbol = dlsym(object, "malloc_usable_size");
		if (!symbol) {
			complain("no malloc_usable_size", "", "");
			_exit(127);
		}
		memcpy(&function, &symbol, sizeof function);
		usable = function;
	}
	return function(p);
}
