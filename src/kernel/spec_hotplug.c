/*
 * spec_hotplug.c: the keys of a spec that say what may be plugged in later.
 *
 *     ram=1G,maxmem=4G,slots=2
 *
 * maxmem is what the machine can have in all, slots how many DIMMs it takes
 * beside the memory of boot, as QEMU and libvirt have them; memory_block is the
 * unit that is switched on and off.  Where nothing is said a machine has 16
 * slots and room for three times the memory that it boots with, 16G at least:
 * room costs nothing.
 *
 * x86-64 has blocks of 128M, the size of a section; kernels with larger pages
 * have larger ones (512M with pages of 16K on arm64).
 *
 * Simplified: the size of pages does not follow; Linux takes larger blocks by
 * itself on machines of 64G and more.
 */
#include "kernel/spec_parser.h"

#include <errno.h>

enum { SPEC_SLOTS = 16, SPEC_MAX_SLOTS = 256 };
#define SPEC_MIN_ROOM ((uint64_t)16 << 30)
#define SPEC_MIN_BLOCK ((uint64_t)1 << SECTION_SHIFT)
#define SPEC_MAX_BLOCK ((uint64_t)2 << 30)

int spec_maxmem(struct spec_parser *parser, struct spec_text value)
{
	uint64_t bytes;

	if (!spec_size(value, &bytes) || bytes == 0 || bytes > SPEC_MAX_RAM ||
	    bytes % PAGE_SIZE != 0)
		return spec_reject(parser, "maxmem", value,
				   "a size up to 64T is allowed, a multiple of "
				   "4K and not below ram, as in 4G");
	parser->spec->maxmem = bytes;
	return 0;
}

int spec_slots(struct spec_parser *parser, struct spec_text value)
{
	uint64_t n;

	if (!spec_digits(value, &n) || n > SPEC_MAX_SLOTS)
		return spec_reject(parser, "slots", value,
				   "a number from 0 to 256 is allowed");
	parser->spec->slots = (unsigned)n;
	parser->has_slots = true;
	return 0;
}

int spec_memory_block(struct spec_parser *parser, struct spec_text value)
{
	uint64_t bytes;

	if (!spec_size(value, &bytes) || !is_power_of_two(bytes) ||
	    bytes < SPEC_MIN_BLOCK || bytes > SPEC_MAX_BLOCK)
		return spec_reject(parser, "memory_block", value,
				   "a power of 2 from 128M to 2G is allowed");
	parser->spec->memory_block = bytes;
	return 0;
}

int spec_check_hotplug(struct spec_parser *parser)
{
	struct spec *spec = parser->spec;

	if (spec->memory_block == 0)
		spec->memory_block = SPEC_MIN_BLOCK;
	if (!parser->has_slots)
		spec->slots = SPEC_SLOTS;
	if (spec->maxmem == 0)
		spec->maxmem = min_size(
			max_size(4 * spec->ram, spec->ram + SPEC_MIN_ROOM),
			SPEC_MAX_RAM);
	if (spec->maxmem >= spec->ram)
		return 0;
	outbuf_printf(&parser->why,
		      "maxmem: a size from %luK on, what the machine boots "
		      "with, is allowed",
		      (unsigned long)(spec->ram >> 10));
	return -EINVAL;
}
