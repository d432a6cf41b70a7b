/*
 * segment.c: x86 segmentation.
 *
 *   real mode        segment x 16 + offset; no protection
 *   protected mode   selector -> descriptor: base, limit, privilege, type
 *
 *   selector    15..3 index | 2 table | 1..0 RPL
 *   descriptor  63..56 base 31..24 | 55 G 54 D 53 L | 51..48 limit 19..16 |
 *               47 P 46..45 DPL 44 S 43..40 type | 39..16 base 23..0 |
 *               15..0 limit 15..0
 *
 * A segment register is loaded with a selector: privilege and type are checked
 * then, and the CPU keeps the descriptor in a hidden part.  At each access only
 * the limit and the type are checked, and the base is added.
 *
 *   data     may be loaded when DPL >= CPL and DPL >= RPL
 *   stack    DPL = CPL = RPL, writable
 *   code     jumped to: DPL = CPL and RPL <= CPL; conforming: DPL <= CPL
 *
 * Linux uses none of it: code and data of kernel and user are four segments
 * with base 0 and limit 4 GiB that differ in privilege only, and protection is
 * the page table's.
 *
 * Simplified: no local table, gates, task segments, FS and GS.
 *
 * Source: Intel SDM volume 3, chapters 3 and 5, and 20.1 (real mode).
 */
#include "kernel/segment.h"

uint32_t segment_real_address(uint16_t segment, uint16_t offset, bool a20)
{
	uint32_t address = ((uint32_t)segment << 4) + offset;

	return a20 ? address : address & 0xfffff;
}

/* --- descriptors --------------------------------------------------------- */

static unsigned type_bits(const struct segment_descriptor *d)
{
	unsigned bits = d->is_writable ? 2 : 0;

	if (d->type == SEGMENT_DATA_DOWN || d->type == SEGMENT_CODE_CONFORMING)
		bits |= 4;
	if (d->type == SEGMENT_CODE || d->type == SEGMENT_CODE_CONFORMING)
		bits |= 8;
	return bits;
}

uint64_t segment_encode(const struct segment_descriptor *d)
{
	uint64_t bytes = d->limit & 0xffff;

	bytes |= (uint64_t)(d->base & 0xffffff) << 16;
	bytes |= (uint64_t)type_bits(d) << 40;
	bytes |= (uint64_t)!d->is_system << 44;
	bytes |= (uint64_t)(d->dpl & 3) << 45;
	bytes |= (uint64_t)d->is_present << 47;
	bytes |= (uint64_t)(d->limit >> 16 & 15) << 48;
	bytes |= (uint64_t)d->is_long << 53;
	bytes |= (uint64_t)d->is_32bit << 54;
	bytes |= (uint64_t)d->is_page_granular << 55;
	bytes |= (uint64_t)(d->base >> 24) << 56;
	return bytes;
}

struct segment_descriptor segment_decode(uint64_t bytes)
{
	bool is_code = bytes >> 43 & 1, bit_10 = bytes >> 42 & 1;

	return (struct segment_descriptor){
		.base = (uint32_t)((bytes >> 16 & 0xffffff) |
				   (bytes >> 56 & 0xff) << 24),
		.limit =
			(uint32_t)((bytes & 0xffff) | (bytes >> 48 & 15) << 16),
		.is_page_granular = bytes >> 55 & 1,
		.is_32bit = bytes >> 54 & 1,
		.is_long = bytes >> 53 & 1,
		.is_present = bytes >> 47 & 1,
		.is_system = !(bytes >> 44 & 1),
		.dpl = bytes >> 45 & 3,
		.type = is_code ? (bit_10 ? SEGMENT_CODE_CONFORMING
					  : SEGMENT_CODE)
				: (bit_10 ? SEGMENT_DATA_DOWN : SEGMENT_DATA),
		.is_writable = bytes >> 41 & 1,
	};
}

uint32_t segment_last_byte(const struct segment_descriptor *descriptor)
{
	return descriptor->is_page_granular ? descriptor->limit << 12 | 0xfff
					    : descriptor->limit;
}

/* --- loading ------------------------------------------------------------- */

static bool is_code(const struct segment_descriptor *descriptor)
{
	return descriptor->type == SEGMENT_CODE ||
	       descriptor->type == SEGMENT_CODE_CONFORMING;
}

static bool privilege_allows(const struct segment_cpu *cpu,
			     enum segment_register reg,
			     const struct segment_descriptor *d, unsigned rpl)
{
	switch (reg) {
	case SEGMENT_CS:
		if (!is_code(d))
			return false;
		if (d->type == SEGMENT_CODE_CONFORMING)
			return d->dpl <= cpu->cpl;
		return d->dpl == cpu->cpl && rpl <= cpu->cpl;
	case SEGMENT_SS_REG:
		return !is_code(d) && d->is_writable && d->dpl == cpu->cpl &&
		       rpl == cpu->cpl;
	default:
		if (is_code(d) && !d->is_writable)
			return false; /* code that cannot be read */
		return d->type == SEGMENT_CODE_CONFORMING ||
		       (d->dpl >= cpu->cpl && d->dpl >= rpl);
	}
}

struct segment_error segment_load(struct segment_cpu *cpu,
				  enum segment_register reg, uint16_t selector)
{
	struct segment_error error = {SEGMENT_GP, selector & 0xfffc};
	struct segment_descriptor descriptor;
	unsigned index = selector >> 3, rpl = selector & 3;

	if ((selector & 0xfffc) == 0) {
		/* the null selector: allowed for data, unusable */
		if (reg != SEGMENT_DS)
			return error;
		cpu->registers[reg].selector = selector;
		cpu->registers[reg].is_usable = false;
		return (struct segment_error){SEGMENT_OK, 0};
	}
	if ((selector & 4) || index >= cpu->nr_gdt)
		return error;
	descriptor = segment_decode(cpu->gdt[index]);
	if (descriptor.is_system ||
	    !privilege_allows(cpu, reg, &descriptor, rpl))
		return error;
	if (!descriptor.is_present) {
		error.fault = reg == SEGMENT_SS_REG ? SEGMENT_SS : SEGMENT_NP;
		return error;
	}
	if (reg == SEGMENT_CS)
		selector = (uint16_t)((selector & 0xfffc) | cpu->cpl);
	cpu->registers[reg].selector = selector;
	cpu->registers[reg].descriptor = descriptor;
	cpu->registers[reg].is_usable = true;
	return (struct segment_error){SEGMENT_OK, 0};
}

/* --- using --------------------------------------------------------------- */

static bool type_allows(const struct segment_descriptor *descriptor,
			enum segment_access access)
{
	switch (access) {
	case SEGMENT_FETCH:
		return is_code(descriptor);
	case SEGMENT_WRITE:
		return !is_code(descriptor) && descriptor->is_writable;
	default:
		return !is_code(descriptor) || descriptor->is_writable;
	}
}

/* A segment that grows down holds what is above its limit. */
static bool limit_allows(const struct segment_descriptor *descriptor,
			 uint32_t offset, uint32_t len)
{
	uint32_t last = segment_last_byte(descriptor);
	uint32_t top = descriptor->is_32bit ? UINT32_MAX : 0xffff;

	if (descriptor->type == SEGMENT_DATA_DOWN)
		return offset > last && offset <= top &&
		       len - 1 <= top - offset;
	return offset <= last && len - 1 <= last - offset;
}

struct segment_error segment_translate(const struct segment_cpu *cpu,
				       enum segment_register reg,
				       uint32_t offset, uint32_t len,
				       enum segment_access access,
				       uint32_t *linear)
{
	const struct segment_descriptor *descriptor =
		&cpu->registers[reg].descriptor;
	struct segment_error error = {
		reg == SEGMENT_SS_REG ? SEGMENT_SS : SEGMENT_GP, 0};

	if (!cpu->registers[reg].is_usable || !type_allows(descriptor, access))
		return (struct segment_error){SEGMENT_GP, 0};
	if (len == 0 || !limit_allows(descriptor, offset, len))
		return error;
	*linear = descriptor->base + offset;
	return (struct segment_error){SEGMENT_OK, 0};
}

/* --- Linux --------------------------------------------------------------- */

/* Present, code or data, accessed; 4 GiB from 0 on. */
#define FLAT(type, dpl, bits)                                                  \
	(UINT64_C(0x008f90000000ffff) | (uint64_t)(type) << 40 |               \
	 (uint64_t)(dpl) << 45 | (uint64_t)(bits) << 53)

enum { FLAT_DATA = 0x3, FLAT_CODE = 0xb, FLAT_32 = 2, FLAT_64 = 1 };

static const uint64_t linux_gdt_32[16] = {
	[12] = FLAT(FLAT_CODE, 0, FLAT_32),
	[13] = FLAT(FLAT_DATA, 0, FLAT_32),
	[14] = FLAT(FLAT_CODE, 3, FLAT_32),
	[15] = FLAT(FLAT_DATA, 3, FLAT_32),
};

static const uint64_t linux_gdt_64[7] = {
	[1] = FLAT(FLAT_CODE, 0, FLAT_32), /* 32-bit kernel code, for boot */
	[2] = FLAT(FLAT_CODE, 0, FLAT_64), [3] = FLAT(FLAT_DATA, 0, FLAT_32),
	[4] = FLAT(FLAT_CODE, 3, FLAT_32), /* 32-bit programs */
	[5] = FLAT(FLAT_DATA, 3, FLAT_32), [6] = FLAT(FLAT_CODE, 3, FLAT_64),
};

struct segment_linux_gdt segment_linux_gdt_32(void)
{
	return (struct segment_linux_gdt){
		linux_gdt_32, ARRAY_SIZE(linux_gdt_32), 12, 13, 14, 15};
}

struct segment_linux_gdt segment_linux_gdt_64(void)
{
	return (struct segment_linux_gdt){
		linux_gdt_64, ARRAY_SIZE(linux_gdt_64), 2, 3, 6, 5};
}
