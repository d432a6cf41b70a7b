/*
 * segment.h: segmentation of x86, as a module of its own: nothing else of the
 * simulated kernel uses it, because Linux makes every segment start at 0 and
 * span all addresses.
 */
#ifndef KERNEL_SEGMENT_H
#define KERNEL_SEGMENT_H

#include "base/base.h"

/* --- real mode ----------------------------------------------------------- */

/* segment x 16 + offset: 20 bits on an 8086 (`a20` false: the 21st bit is cut
 * off); later CPUs reach 64 KiB - 16 bytes more. */
uint32_t segment_real_address(uint16_t segment, uint16_t offset, bool a20);

/* --- protected mode ------------------------------------------------------ */

enum segment_type {
	SEGMENT_DATA,
	SEGMENT_DATA_DOWN,
	SEGMENT_CODE,
	SEGMENT_CODE_CONFORMING
};

/* What a descriptor says, taken apart. */
struct segment_descriptor {
	uint32_t base;
	uint32_t limit; /* 20 bits, in units of 1 byte or 4 KiB */
	bool is_page_granular;
	bool is_32bit;
	bool is_long; /* code of 64 bits */
	bool is_present;
	bool is_system; /* gates, TSS: not to be loaded for memory */
	unsigned dpl;   /* 0..3: who may use it */
	enum segment_type type;
	bool is_writable; /* data; code: readable */
};

/* The 8 bytes of the GDT, and back. */
uint64_t segment_encode(const struct segment_descriptor *descriptor);
struct segment_descriptor segment_decode(uint64_t bytes);
/* The last offset that may be used. */
uint32_t segment_last_byte(const struct segment_descriptor *descriptor);

/* Exceptions; 0: none.  The error code is the selector without its RPL. */
enum segment_fault {
	SEGMENT_OK = 0,
	SEGMENT_NP = 11, /* not present */
	SEGMENT_SS = 12, /* the same, or over the limit, on the stack */
	SEGMENT_GP = 13, /* everything else */
};

struct segment_error {
	enum segment_fault fault;
	uint16_t code;
};

enum segment_register { SEGMENT_CS, SEGMENT_SS_REG, SEGMENT_DS };

struct segment_cpu {
	const uint64_t *gdt;
	unsigned nr_gdt; /* descriptors */
	unsigned cpl;    /* privilege of the running code, 0 is the highest */
	struct {
		uint16_t selector;
		struct segment_descriptor descriptor; /* the hidden part */
		bool is_usable;
	} registers[3];
};

static inline uint16_t segment_selector(unsigned index, unsigned rpl)
{
	return (uint16_t)(index << 3 | rpl);
}

/* mov to a segment register, or a far jump for CS: the checks of privilege and
 * type. */
struct segment_error segment_load(struct segment_cpu *cpu,
				  enum segment_register reg, uint16_t selector);

enum segment_access { SEGMENT_READ, SEGMENT_WRITE, SEGMENT_FETCH };

/* Offset to linear address, with the checks of limit and type. */
struct segment_error segment_translate(const struct segment_cpu *cpu,
				       enum segment_register reg,
				       uint32_t offset, uint32_t len,
				       enum segment_access access,
				       uint32_t *linear);

/* Linux's GDT: every entry is flat.  Indices of the entries: */
struct segment_linux_gdt {
	const uint64_t *entries;
	unsigned nr_entries;
	unsigned kernel_cs, kernel_ds, user_cs, user_ds;
};
struct segment_linux_gdt segment_linux_gdt_32(void);
struct segment_linux_gdt segment_linux_gdt_64(void);

/* --- segment, then page -------------------------------------------------- */

/* A small physical memory of words, that counts how often it is read. */
struct segment_memory {
	const uint64_t *words; /* word n at physical address 8 n */
	size_t nr_words;
	unsigned nr_accesses;
};

/*
 * The byte at selector:offset, with the descriptor table at gdt_base and a
 * one-level page table at table_base (an entry: frame number << 12 | present).
 * Three reads of memory: the descriptor, the page table entry, the data. False:
 * over a limit or not present.
 */
bool segment_paged_read(struct segment_memory *memory, uint64_t gdt_base,
			uint64_t table_base, uint16_t selector, uint32_t offset,
			uint64_t *physical, uint8_t *byte);

/* --- memory made of segments only ---------------------------------------- */

enum { SEGMENT_SPACE_MAX = 64 };

/* Physical memory in which each program is one piece. */
struct segment_space {
	uint64_t size;
	unsigned nr; /* segments that are in memory, by address */
	struct {
		unsigned id;
		uint64_t base, len;
	} in[SEGMENT_SPACE_MAX];
	uint64_t swapped_out, swapped_in; /* units ever moved */
};

void segment_space_init(struct segment_space *space, uint64_t size);
/* First fit: 0, or -ENOMEM (no hole is large enough), -EEXIST, -EINVAL. */
int segment_space_load(struct segment_space *space, unsigned id, uint64_t len);
int segment_space_remove(struct segment_space *space,
			 unsigned id); /* -ENOENT */
/* Writes a segment to the disk and reads it back at the lowest place. */
int segment_space_swap(struct segment_space *space, unsigned id);
uint64_t segment_space_free(const struct segment_space *space);
uint64_t segment_space_largest_hole(const struct segment_space *space);
/* Where it lies; -1: not in memory. */
int64_t segment_space_base(const struct segment_space *space, unsigned id);

#endif
