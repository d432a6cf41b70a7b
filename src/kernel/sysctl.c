/*
 * sysctl.c: the settings of /proc/sys.
 *
 * One row per setting: its name, where its value stands in struct sysctl_vm,
 * what may be written, the default, and what must follow a change.  The files
 * of /proc/sys, the keys of a machine's spec and the defaults at boot all come
 * from this table.
 *
 * The rules of a write: the text is one number (decimal, 0x hexadecimal, or 0
 * octal) between blanks; what stands behind it is ignored.  No number, or one
 * out of range: EINVAL, and nothing has changed.  lowmem_reserve_ratio is a
 * vector, one number a zone, between tabs; a write may give fewer.  Some
 * settings are pairs (ratio and bytes): setting one zeroes the other.
 *
 * A row may hold for some kernels only: swappiness went to 100 before 5.8, and
 * files that came later do not exist in an older profile.
 *
 * Simplified: a negative overcommit_ratio, which Linux takes, is refused.
 *
 * Sources: kernel documentation, admin-guide/sysctl/vm, kernel and fs; proc(5).
 */
#include "kernel/sysctl.h"

#include "base/outbuf.h"
#include "kernel/compaction.h"
#include "kernel/machine.h"
#include "kernel/number.h"
#include "kernel/page_alloc.h"
#include "kernel/writeback.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum sysctl_kind {
	SYSCTL_INT,
	SYSCTL_ULONG, /* 64 bits without sign; min and max too */
	SYSCTL_ZONES, /* a vector, one int a zone */
};

static void changed_overcommit_ratio(struct mmsim_machine *machine, int64_t old)
{
	(void)old;
	machine->vm.overcommit_kbytes = 0;
}

static void changed_overcommit_kbytes(struct mmsim_machine *machine,
				      int64_t old)
{
	(void)old;
	machine->vm.overcommit_ratio = 0;
}

static void changed_min_free_kbytes(struct mmsim_machine *machine, int64_t old)
{
	(void)old;
	machine->user_min_free_kbytes = machine->vm.min_free_kbytes;
	zone_setup_watermarks(machine);
}

static void changed_watermarks(struct mmsim_machine *machine, int64_t old)
{
	(void)old;
	zone_setup_watermarks(machine);
}

/* Values below 1 mean no protection. */
static void changed_lowmem_reserve(struct mmsim_machine *machine, int64_t old)
{
	(void)old;
	for (int i = 0; i < MAX_NR_ZONES; i++)
		if (machine->vm.lowmem_reserve_ratio[i] < 1)
			machine->vm.lowmem_reserve_ratio[i] = 0;
	zone_setup_protection(machine);
}

static void changed_proactiveness(struct mmsim_machine *machine, int64_t old)
{
	(void)old;
	kcompactd_look(machine);
}

static void changed_pcp(struct mmsim_machine *machine, int64_t old)
{
	(void)old;
	pcp_setup(machine);
}

static void changed_dirty_ratio(struct mmsim_machine *machine, int64_t old)
{
	if (machine->vm.dirty_ratio != old)
		machine->vm.dirty_bytes = 0;
}

static void changed_dirty_bytes(struct mmsim_machine *machine, int64_t old)
{
	if (machine->vm.dirty_bytes != old)
		machine->vm.dirty_ratio = 0;
}

static void changed_dirty_background_ratio(struct mmsim_machine *machine,
					   int64_t old)
{
	(void)old;
	machine->vm.dirty_background_bytes = 0;
}

static void changed_dirty_background_bytes(struct mmsim_machine *machine,
					   int64_t old)
{
	(void)old;
	machine->vm.dirty_background_ratio = 0;
}

static void changed_writeback(struct mmsim_machine *machine, int64_t old)
{
	(void)old;
	if (machine->files)
		flusher_wake_later(machine);
}

/* What follows from a change: the numbers of the rows, because a pointer in each
 * row would have the whole table relocated at the start of every program. */
enum sysctl_hook {
	CHANGED_NOTHING,
	CHANGED_OVERCOMMIT_RATIO,
	CHANGED_OVERCOMMIT_KBYTES,
	CHANGED_MIN_FREE_KBYTES,
	CHANGED_WATERMARKS,
	CHANGED_LOWMEM_RESERVE,
	CHANGED_PROACTIVENESS,
	CHANGED_PCP,
	CHANGED_DIRTY_RATIO,
	CHANGED_DIRTY_BYTES,
	CHANGED_DIRTY_BACKGROUND_RATIO,
	CHANGED_DIRTY_BACKGROUND_BYTES,
	CHANGED_WRITEBACK,
};

static void sysctl_changed(struct mmsim_machine *machine, enum sysctl_hook hook,
			   int64_t old)
{
	switch (hook) {
	case CHANGED_OVERCOMMIT_RATIO:
		changed_overcommit_ratio(machine, old);
		break;
	case CHANGED_OVERCOMMIT_KBYTES:
		changed_overcommit_kbytes(machine, old);
		break;
	case CHANGED_MIN_FREE_KBYTES:
		changed_min_free_kbytes(machine, old);
		break;
	case CHANGED_WATERMARKS:
		changed_watermarks(machine, old);
		break;
	case CHANGED_LOWMEM_RESERVE:
		changed_lowmem_reserve(machine, old);
		break;
	case CHANGED_PROACTIVENESS:
		changed_proactiveness(machine, old);
		break;
	case CHANGED_PCP:
		changed_pcp(machine, old);
		break;
	case CHANGED_DIRTY_RATIO:
		changed_dirty_ratio(machine, old);
		break;
	case CHANGED_DIRTY_BYTES:
		changed_dirty_bytes(machine, old);
		break;
	case CHANGED_DIRTY_BACKGROUND_RATIO:
		changed_dirty_background_ratio(machine, old);
		break;
	case CHANGED_DIRTY_BACKGROUND_BYTES:
		changed_dirty_background_bytes(machine, old);
		break;
	case CHANGED_WRITEBACK:
		changed_writeback(machine, old);
		break;
	case CHANGED_NOTHING:
		break;
	}
}

struct sysctl_entry {
	char name[40];
	enum sysctl_kind kind;
	size_t offset;           /* in struct sysctl_vm */
	int64_t min, max, value; /* value: at boot */
	enum sysctl_hook changed;
	enum profile since, last; /* kernels that have this row */
	bool or_zero;             /* 0 is allowed though it is below min */
};

#define ALL_PROFILES PROFILE_2_6_32, PROFILE_6_18
#define SINCE(p) PROFILE_##p, PROFILE_6_18
#define UNTIL(p) PROFILE_2_6_32, PROFILE_##p
#define FIELD(f) offsetof(struct sysctl_vm, f)
#define INT_(n, f, lo, hi, def, hook, which)                                   \
	{                                                                      \
		n, SYSCTL_INT, FIELD(f), lo, hi, def, hook, which, false       \
	}
#define ULONG_(n, f, lo, def, hook, which)                                     \
	{                                                                      \
		n, SYSCTL_ULONG, FIELD(f), lo, -1, def, hook, which, false     \
	}

/* shmmax and shmall: all but 16 MiB of the address space. */
#define SHM_UNLIMITED ((int64_t)(UINT64_MAX - ((uint64_t)1 << 24)))

static const struct sysctl_entry sysctl_table[] = {
	ULONG_("vm.admin_reserve_kbytes", admin_reserve_kbytes, 0, 8192,
	       CHANGED_NOTHING, SINCE(3_10)),
	INT_("vm.compaction_proactiveness", compaction_proactiveness, 0, 100,
	     20, CHANGED_PROACTIVENESS, SINCE(6_1)),
	ULONG_("vm.dirty_background_bytes", dirty_background_bytes, 1, 0,
	       CHANGED_DIRTY_BACKGROUND_BYTES, ALL_PROFILES),
	INT_("vm.dirty_background_ratio", dirty_background_ratio, 0, 100, 10,
	     CHANGED_DIRTY_BACKGROUND_RATIO, ALL_PROFILES),
	ULONG_("vm.dirty_bytes", dirty_bytes, 2 << PAGE_SHIFT, 0,
	       CHANGED_DIRTY_BYTES, ALL_PROFILES),
	INT_("vm.dirty_expire_centisecs", dirty_expire_centisecs, 0, INT_MAX,
	     3000, CHANGED_NOTHING, ALL_PROFILES),
	INT_("vm.dirty_ratio", dirty_ratio, 0, 100, 20, CHANGED_DIRTY_RATIO,
	     ALL_PROFILES),
	INT_("vm.dirty_writeback_centisecs", dirty_writeback_centisecs, 0,
	     INT_MAX, 500, CHANGED_WRITEBACK, ALL_PROFILES),
	INT_("vm.extfrag_threshold", extfrag_threshold, 0, 1000, 500,
	     CHANGED_NOTHING, SINCE(3_10)),
	INT_("vm.legacy_va_layout", legacy_va_layout, 0, INT_MAX, 0,
	     CHANGED_NOTHING, ALL_PROFILES),
	{"vm.lowmem_reserve_ratio", SYSCTL_ZONES, FIELD(lowmem_reserve_ratio),
	 INT_MIN, INT_MAX, 0, CHANGED_LOWMEM_RESERVE, ALL_PROFILES, false},
	INT_("vm.max_map_count", max_map_count, 0, INT_MAX, 65530,
	     CHANGED_NOTHING, ALL_PROFILES),
	INT_("vm.min_free_kbytes", min_free_kbytes, 0, INT_MAX, 0,
	     CHANGED_MIN_FREE_KBYTES, ALL_PROFILES),
	INT_("vm.min_slab_ratio", min_slab_ratio, 0, 100, 5, CHANGED_NOTHING,
	     ALL_PROFILES),
	INT_("vm.min_unmapped_ratio", min_unmapped_ratio, 0, 100, 1,
	     CHANGED_NOTHING, ALL_PROFILES),
	ULONG_("vm.mmap_min_addr", mmap_min_addr, 0, 65536, CHANGED_NOTHING,
	       ALL_PROFILES),
	INT_("vm.oom_dump_tasks", oom_dump_tasks, 0, INT_MAX, 1,
	     CHANGED_NOTHING, ALL_PROFILES),
	INT_("vm.oom_kill_allocating_task", oom_kill_allocating_task, 0,
	     INT_MAX, 0, CHANGED_NOTHING, ALL_PROFILES),
	ULONG_("vm.overcommit_kbytes", overcommit_kbytes, 0, 0,
	       CHANGED_OVERCOMMIT_KBYTES, SINCE(6_1)),
	INT_("vm.overcommit_memory", overcommit_memory, 0, 2, 0,
	     CHANGED_NOTHING, ALL_PROFILES),
	INT_("vm.overcommit_ratio", overcommit_ratio, 0, INT_MAX, 50,
	     CHANGED_OVERCOMMIT_RATIO, ALL_PROFILES),
	INT_("vm.page-cluster", page_cluster, 0, 31, 3, CHANGED_NOTHING,
	     ALL_PROFILES),
	INT_("vm.panic_on_oom", panic_on_oom, 0, 2, 0, CHANGED_NOTHING,
	     ALL_PROFILES),
	{"vm.percpu_pagelist_high_fraction", SYSCTL_INT,
	 FIELD(percpu_pagelist_high_fraction), 8, INT_MAX, 0, CHANGED_PCP,
	 SINCE(6_1), true},
	INT_("vm.stat_interval", stat_interval, 0, INT_MAX, 1, CHANGED_NOTHING,
	     ALL_PROFILES),
	INT_("vm.swappiness", swappiness, 0, 100, 60, CHANGED_NOTHING,
	     UNTIL(3_10)),
	INT_("vm.swappiness", swappiness, 0, 200, 60, CHANGED_NOTHING,
	     SINCE(6_1)),
	ULONG_("vm.user_reserve_kbytes", user_reserve_kbytes, 0, 131072,
	       CHANGED_NOTHING, SINCE(3_10)),
	INT_("vm.vfs_cache_pressure", vfs_cache_pressure, 0, INT_MAX, 100,
	     CHANGED_NOTHING, ALL_PROFILES),
	INT_("vm.watermark_boost_factor", watermark_boost_factor, 0, INT_MAX,
	     15000, CHANGED_WATERMARKS, SINCE(6_1)),
	INT_("vm.watermark_scale_factor", watermark_scale_factor, 1, 3000, 10,
	     CHANGED_WATERMARKS, SINCE(6_1)),
	INT_("vm.zone_reclaim_mode", zone_reclaim_mode, 0, INT_MAX, 0,
	     CHANGED_NOTHING, ALL_PROFILES),
	INT_("kernel.pid_max", pid_max, 301, 4194304, 32768, CHANGED_NOTHING,
	     ALL_PROFILES),
	INT_("kernel.randomize_va_space", randomize_va_space, INT_MIN, INT_MAX,
	     0, CHANGED_NOTHING, ALL_PROFILES),
	ULONG_("kernel.shmall", shmall, 0, 2097152, CHANGED_NOTHING,
	       UNTIL(3_10)),
	ULONG_("kernel.shmall", shmall, 0, SHM_UNLIMITED, CHANGED_NOTHING,
	       SINCE(6_1)),
	ULONG_("kernel.shmmax", shmmax, 0, 33554432, CHANGED_NOTHING,
	       UNTIL(3_10)),
	ULONG_("kernel.shmmax", shmmax, 0, SHM_UNLIMITED, CHANGED_NOTHING,
	       SINCE(6_1)),
	INT_("kernel.shmmni", shmmni, 0, 32768, 4096, CHANGED_NOTHING,
	     ALL_PROFILES),
	ULONG_("fs.file-max", file_max, 0, 8192, CHANGED_NOTHING, ALL_PROFILES),
};

/* A path below /proc/sys has slashes where the name has dots. */
static bool sysctl_name_is(const char *name, const char *asked)
{
	for (; *name; name++, asked++)
		if (*name != *asked && !(*name == '.' && *asked == '/'))
			return false;
	return *asked == '\0';
}

static const struct sysctl_entry *sysctl_find(enum profile profile,
					      const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(sysctl_table); i++) {
		const struct sysctl_entry *entry = &sysctl_table[i];

		if (profile >= entry->since && profile <= entry->last &&
		    sysctl_name_is(entry->name, name))
			return entry;
	}
	return NULL;
}

static int64_t *sysctl_field(struct mmsim_machine *machine,
			     const struct sysctl_entry *entry)
{
	return (int64_t *)((char *)&machine->vm + entry->offset);
}

static bool sysctl_in_range(const struct sysctl_entry *entry, int64_t value)
{
	if (entry->or_zero && value == 0)
		return true;
	if (entry->kind == SYSCTL_ULONG)
		return (uint64_t)value >= (uint64_t)entry->min &&
		       (uint64_t)value <= (uint64_t)entry->max;
	return value >= entry->min && value <= entry->max;
}

/* One number of the text, which is moved behind it; 0 or -EINVAL. */
static int sysctl_number(const struct sysctl_entry *entry, const char **text,
			 int64_t *value)
{
	const char *p = number_skip_blanks(*text);
	bool negative = *p == '-';
	uint64_t digits;

	p += negative;
	if (number_digits(&p, &digits) || (*p && !number_is_blank(*p)))
		return -EINVAL;
	if (entry->kind == SYSCTL_ULONG) {
		if (negative)
			return -EINVAL;
	} else if (digits > (uint64_t)INT_MAX + negative) {
		return -EINVAL;
	}
	*value = negative ? -(int64_t)digits : (int64_t)digits;
	if (!sysctl_in_range(entry, *value))
		return -EINVAL;
	*text = p;
	return 0;
}

/* Zones that the architecture of this profile has, in order; each of them has
 * a ratio, but for the last in kernels before 4.18. */
static unsigned sysctl_nr_zones(const struct mmsim_machine *machine)
{
	if (machine->profile < PROFILE_6_1)
		return 3;
	return machine->arch == ARCH_X86_64 ? 5 : 4;
}

/* Vectors: the first numbers that the text gives. */
static int sysctl_parse(const struct sysctl_entry *entry, const char *text,
			int64_t *values, unsigned max, unsigned *nr)
{
	for (*nr = 0; *nr < max; (*nr)++) {
		int err = sysctl_number(entry, &text, &values[*nr]);

		if (err && *nr > 0 && *number_skip_blanks(text) == '\0')
			break;
		if (err)
			return err;
	}
	return 0;
}

static bool sysctl_is_known(const char *name)
{
	return sysctl_find(PROFILE_6_18, name) ||
	       sysctl_find(PROFILE_2_6_32, name);
}

int sysctl_check(enum profile profile, const char *name, const char *text,
		 char *why, size_t len)
{
	const struct sysctl_entry *entry = sysctl_find(profile, name);
	int64_t values[MAX_NR_ZONES];
	struct outbuf out;
	unsigned nr;

	outbuf_init(&out, why, len, -1);
	if (!entry) {
		outbuf_printf(&out, "%s: there is no such setting%s", name,
			      sysctl_is_known(name) ? " in this profile" : "");
		return -ENOENT;
	}
	if (sysctl_parse(entry, text, values,
			 entry->kind == SYSCTL_ZONES ? MAX_NR_ZONES : 1,
			 &nr) == 0)
		return 0;
	outbuf_printf(&out, "%s=%s: ", name, text);
	if (entry->kind == SYSCTL_ZONES)
		outbuf_str(&out, "numbers are allowed, one for each zone, "
				 "with spaces between them");
	else if (entry->kind == SYSCTL_ULONG)
		outbuf_printf(&out, "a number from %lu on is allowed",
			      (unsigned long)entry->min);
	else
		outbuf_printf(&out, "a number from %ld to %ld is allowed%s",
			      (long)entry->min, (long)entry->max,
			      entry->or_zero ? ", or 0" : "");
	return -EINVAL;
}

static void sysctl_show(struct mmsim_machine *machine,
			const struct sysctl_entry *entry, struct outbuf *out)
{
	const int64_t *field = sysctl_field(machine, entry);

	if (entry->kind == SYSCTL_ULONG) {
		outbuf_printf(out, "%lu\n", (unsigned long)*field);
	} else if (entry->kind == SYSCTL_INT) {
		outbuf_printf(out, "%ld\n", (long)*field);
	} else {
		for (unsigned i = 0; i < sysctl_nr_zones(machine); i++)
			outbuf_printf(out, "%s%ld", i ? "\t" : "",
				      (long)field[i]);
		outbuf_str(out, "\n");
	}
}

int sysctl_read(struct mmsim_machine *machine, const char *name, char *buf,
		size_t len)
{
	const struct sysctl_entry *entry = sysctl_find(machine->profile, name);
	struct outbuf out;

	if (!entry)
		return -ENOENT;
	outbuf_init(&out, buf, len, -1);
	sysctl_show(machine, entry, &out);
	return (int)out.total;
}

int sysctl_write(struct mmsim_machine *machine, const char *name,
		 const char *text)
{
	const struct sysctl_entry *entry = sysctl_find(machine->profile, name);
	int64_t values[MAX_NR_ZONES], old, *field;
	unsigned nr, max;
	int err;

	if (!entry)
		return -ENOENT;
	max = entry->kind == SYSCTL_ZONES ? sysctl_nr_zones(machine) : 1;
	err = sysctl_parse(entry, text, values, max, &nr);
	if (err)
		return err;
	field = sysctl_field(machine, entry);
	old = *field;
	memcpy(field, values, nr * sizeof(*field));
	sysctl_changed(machine, entry->changed, old);
	return 0;
}

void sysctl_for_each(void (*visit)(const char *name, void *arg), void *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(sysctl_table); i++)
		if (PROFILE_6_18 <= sysctl_table[i].last)
			visit(sysctl_table[i].name, arg);
}

/* The ratios by zone: 256 in front of Normal, 32 for Normal; none behind. */
static void sysctl_init_lowmem_reserve(struct mmsim_machine *machine)
{
	static const int64_t wide[] = {256, 256, 32, 0, 0};
	static const int64_t narrow[] = {256, 32, 0, 0};
	int64_t *ratio = machine->vm.lowmem_reserve_ratio;

	memset(ratio, 0, sizeof(machine->vm.lowmem_reserve_ratio));
	if (machine->arch == ARCH_X86_64)
		memcpy(ratio, wide, sizeof(wide));
	else
		memcpy(ratio, narrow, sizeof(narrow));
	if (machine->profile < PROFILE_6_1 && machine->arch != ARCH_X86_64)
		ratio[2] = 32;
}

void sysctl_init(struct mmsim_machine *machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(sysctl_table); i++) {
		const struct sysctl_entry *entry = &sysctl_table[i];

		if (machine->profile >= entry->since &&
		    machine->profile <= entry->last)
			*sysctl_field(machine, entry) = entry->value;
	}
	sysctl_init_lowmem_reserve(machine);
	if (machine->nr_cpus > 32)
		machine->vm.pid_max = 1024 * (int64_t)machine->nr_cpus;
	/* What an older kernel cannot set is as if it were not there. */
	if (machine->profile < PROFILE_6_1) {
		machine->vm.watermark_boost_factor = 0;
		machine->vm.watermark_scale_factor = 0;
	}
}

/* At most these, and 1/32 of the free memory; kB. */
enum { SYSCTL_ADMIN_RESERVE = 8192, SYSCTL_USER_RESERVE = 131072 };

static int64_t sysctl_reserve(const struct mmsim_machine *machine,
			      uint64_t most)
{
	uint64_t free = vmstat_zone_total(machine, NR_FREE_PAGES);

	return (int64_t)min_size(pages_to_kb(free) / 32, most);
}

void sysctl_init_memory(struct mmsim_machine *machine)
{
	uint64_t files = pages_to_kb(machine->totalram_pages) / 10;
	struct sysctl_vm *vm = &machine->vm;

	if (machine->profile >= PROFILE_3_10) {
		vm->admin_reserve_kbytes =
			sysctl_reserve(machine, SYSCTL_ADMIN_RESERVE);
		vm->user_reserve_kbytes =
			sysctl_reserve(machine, SYSCTL_USER_RESERVE);
	}
	vm->file_max = (int64_t)max_size(files, 8192);
}

static void sysctl_follow_memory(struct mmsim_machine *machine, bool is_more,
				 const char *name, int64_t *reserve,
				 int64_t most)
{
	uint64_t free = vmstat_zone_total(machine, NR_FREE_PAGES);

	if (is_more && *reserve > 0 && *reserve < most) {
		*reserve = sysctl_reserve(machine, (uint64_t)most);
	} else if (!is_more && (uint64_t)*reserve > pages_to_kb(free)) {
		*reserve = sysctl_reserve(machine, (uint64_t)most);
		printk(machine, "%s reset to %lu", name,
		       (unsigned long)*reserve);
	}
}

void sysctl_memory_changed(struct mmsim_machine *machine, bool is_more)
{
	if (machine->profile < PROFILE_3_10)
		return;
	sysctl_follow_memory(machine, is_more, "vm.user_reserve_kbytes",
			     &machine->vm.user_reserve_kbytes,
			     SYSCTL_USER_RESERVE);
	sysctl_follow_memory(machine, is_more, "vm.admin_reserve_kbytes",
			     &machine->vm.admin_reserve_kbytes,
			     SYSCTL_ADMIN_RESERVE);
}
