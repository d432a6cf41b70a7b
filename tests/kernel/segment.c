/*
 * segment.c: x86 segmentation, and what page tables of several layouts cost.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "kernel/paging_figures.h"
#include "kernel/segment.h"

Test(segment, real_mode)
{
	cr_assert_eq(segment_real_address(0x1234, 0x5678, true), 0x179b8);
	cr_assert_eq(segment_real_address(0xf000, 0xfff0, true), 0xffff0,
		     "where an 8086 starts");
	cr_assert_eq(segment_real_address(0x1000, 0x0010, true),
		     segment_real_address(0x1001, 0x0000, true),
		     "many names for one byte");
	cr_assert_eq(segment_real_address(0xffff, 0xffff, true), 0x10ffef);
	cr_assert_eq(segment_real_address(0xffff, 0xffff, false), 0xffef,
		     "20 bits: it wraps");
}

/* Values that operating systems have used for decades. */
Test(segment, descriptors_are_intel_bytes)
{
	struct segment_descriptor code = {
		.limit = 0xfffff,
		.is_page_granular = true,
		.is_32bit = true,
		.is_present = true,
		.type = SEGMENT_CODE,
		.is_writable = true,
	};
	struct segment_descriptor d;

	cr_assert_eq(segment_encode(&code), UINT64_C(0x00cf9a000000ffff));
	d = segment_decode(UINT64_C(0x00cff2000000ffff));
	cr_assert_eq(d.type, SEGMENT_DATA);
	cr_assert_eq(d.dpl, 3);
	cr_assert_eq(segment_last_byte(&d), 0xffffffff);
	d = segment_decode(UINT64_C(0x12409234567890ab));
	cr_assert_eq(d.base, 0x12345678);
	cr_assert_eq(segment_last_byte(&d), 0x90ab, "bytes, not pages");
	cr_assert_eq(segment_encode(&d), UINT64_C(0x12409234567890ab));
}

enum {
	NONE,
	KERNEL_CODE,
	KERNEL_DATA,
	USER_CODE,
	USER_DATA, /* base 1 MiB, 64 KiB */
	ABSENT,
	READ_ONLY,
	CONFORMING,
	EXECUTE_ONLY,
	DOWN, /* base 0, above 0x0fff */
	NR
};

static uint64_t gdt[NR];

static void make_gdt(void)
{
	struct segment_descriptor d = {
		.limit = 0xfffff,
		.is_page_granular = true,
		.is_32bit = true,
		.is_present = true,
		.is_writable = true,
		.type = SEGMENT_CODE,
	};

	gdt[KERNEL_CODE] = segment_encode(&d);
	d.type = SEGMENT_CODE_CONFORMING;
	gdt[CONFORMING] = segment_encode(&d);
	d.type = SEGMENT_DATA;
	gdt[KERNEL_DATA] = segment_encode(&d);
	d.dpl = 3;
	d.type = SEGMENT_CODE;
	gdt[USER_CODE] = segment_encode(&d);
	d.is_writable = false;
	gdt[EXECUTE_ONLY] = segment_encode(&d);
	d.type = SEGMENT_DATA;
	gdt[READ_ONLY] = segment_encode(&d);
	d.is_writable = true;
	d.is_present = false;
	gdt[ABSENT] = segment_encode(&d);
	d.is_present = true;
	d.is_page_granular = false;
	d.base = 0x100000;
	d.limit = 0xffff;
	gdt[USER_DATA] = segment_encode(&d);
	d.type = SEGMENT_DATA_DOWN;
	d.base = 0;
	d.limit = 0x0fff;
	gdt[DOWN] = segment_encode(&d);
}

static struct segment_cpu cpu_at(unsigned cpl)
{
	make_gdt();
	return (struct segment_cpu){.gdt = gdt, .nr_gdt = NR, .cpl = cpl};
}

#define expect_load(cpu, reg, index, rpl, want)                                \
	do {                                                                   \
		struct segment_error error_ = segment_load(                    \
			&(cpu), (reg), segment_selector((index), (rpl)));      \
		cr_expect_eq(error_.fault, (want), "%s %s RPL %u: fault %d",   \
			     #reg, #index, (unsigned)(rpl),                    \
			     (int)error_.fault);                               \
		if (want)                                                      \
			cr_expect_eq(error_.code, (index) << 3);               \
	} while (0)

Test(segment, privilege_is_checked_when_a_segment_is_loaded)
{
	struct segment_cpu user = cpu_at(3), kernel = cpu_at(0);

	expect_load(user, SEGMENT_DS, USER_DATA, 3, SEGMENT_OK);
	expect_load(user, SEGMENT_DS, KERNEL_DATA, 3, SEGMENT_GP);
	expect_load(user, SEGMENT_DS, KERNEL_DATA, 0, SEGMENT_GP);
	expect_load(kernel, SEGMENT_DS, KERNEL_DATA, 0, SEGMENT_OK);
	expect_load(kernel, SEGMENT_DS, USER_DATA, 3, SEGMENT_OK);
	/* a selector that came from a user is no better than the user */
	expect_load(kernel, SEGMENT_DS, KERNEL_DATA, 3, SEGMENT_GP);
	expect_load(user, SEGMENT_CS, KERNEL_CODE, 0, SEGMENT_GP);
	expect_load(user, SEGMENT_CS, CONFORMING, 3, SEGMENT_OK);
	expect_load(kernel, SEGMENT_CS, USER_CODE, 3, SEGMENT_GP);
	expect_load(kernel, SEGMENT_SS_REG, USER_DATA, 3, SEGMENT_GP);
	expect_load(user, SEGMENT_SS_REG, USER_DATA, 3, SEGMENT_OK);
}

Test(segment, types_are_checked_when_a_segment_is_loaded)
{
	struct segment_cpu user = cpu_at(3);

	expect_load(user, SEGMENT_CS, USER_DATA, 3, SEGMENT_GP);
	expect_load(user, SEGMENT_SS_REG, READ_ONLY, 3, SEGMENT_GP);
	expect_load(user, SEGMENT_SS_REG, USER_CODE, 3, SEGMENT_GP);
	expect_load(user, SEGMENT_DS, USER_CODE, 3, SEGMENT_OK);
	expect_load(user, SEGMENT_DS, EXECUTE_ONLY, 3, SEGMENT_GP);
	expect_load(user, SEGMENT_DS, ABSENT, 3, SEGMENT_NP);
	expect_load(user, SEGMENT_SS_REG, ABSENT, 3, SEGMENT_SS);
	expect_load(user, SEGMENT_DS, NR, 3, SEGMENT_GP);
	expect_load(user, SEGMENT_DS, NONE, 0, SEGMENT_OK);
	expect_load(user, SEGMENT_SS_REG, NONE, 0, SEGMENT_GP);
}

Test(segment, limit_and_type_are_checked_at_each_access)
{
	struct segment_cpu user = cpu_at(3);
	uint32_t linear = 0;

	expect_load(user, SEGMENT_DS, USER_DATA, 3, SEGMENT_OK);
	cr_assert_eq(segment_translate(&user, SEGMENT_DS, 0x1234, 4,
				       SEGMENT_WRITE, &linear)
			     .fault,
		     SEGMENT_OK);
	cr_assert_eq(linear, 0x101234);
	cr_assert_eq(segment_translate(&user, SEGMENT_DS, 0xfffc, 4,
				       SEGMENT_READ, &linear)
			     .fault,
		     SEGMENT_OK);
	cr_assert_eq(segment_translate(&user, SEGMENT_DS, 0xfffd, 4,
				       SEGMENT_READ, &linear)
			     .fault,
		     SEGMENT_GP, "the last byte is behind the limit");
	cr_assert_eq(segment_translate(&user, SEGMENT_DS, 0xffffffff, 4,
				       SEGMENT_READ, &linear)
			     .fault,
		     SEGMENT_GP);
	expect_load(user, SEGMENT_SS_REG, DOWN, 3, SEGMENT_OK);
	cr_assert_eq(segment_translate(&user, SEGMENT_SS_REG, 0x1000, 4,
				       SEGMENT_WRITE, &linear)
			     .fault,
		     SEGMENT_OK);
	cr_assert_eq(segment_translate(&user, SEGMENT_SS_REG, 0x0fff, 1,
				       SEGMENT_WRITE, &linear)
			     .fault,
		     SEGMENT_SS);
	expect_load(user, SEGMENT_DS, READ_ONLY, 3, SEGMENT_OK);
	cr_assert_eq(segment_translate(&user, SEGMENT_DS, 0, 1, SEGMENT_WRITE,
				       &linear)
			     .fault,
		     SEGMENT_GP);
	expect_load(user, SEGMENT_DS, NONE, 0, SEGMENT_OK);
	cr_assert_eq(segment_translate(&user, SEGMENT_DS, 0, 1, SEGMENT_READ,
				       &linear)
			     .fault,
		     SEGMENT_GP, "the null selector");
	cr_assert_eq(segment_load(&user, SEGMENT_DS, 4).fault, SEGMENT_GP,
		     "entry 0 of the local table is not the null selector");
}

static void check_flat(const struct segment_linux_gdt *linux_gdt,
		       unsigned index, unsigned dpl, bool is_code)
{
	struct segment_descriptor d = segment_decode(linux_gdt->entries[index]);

	cr_expect_eq(d.base, 0);
	cr_expect_eq(segment_last_byte(&d), 0xffffffff);
	cr_expect_eq(d.dpl, dpl);
	cr_expect_eq(d.type == SEGMENT_CODE, is_code);
	cr_expect(d.is_present && d.is_writable);
}

Test(segment, linux_makes_them_all_flat)
{
	struct segment_linux_gdt gdts[2] = {segment_linux_gdt_32(),
					    segment_linux_gdt_64()};
	uint32_t linear;
	struct segment_cpu cpu;

	for (unsigned i = 0; i < 2; i++) {
		check_flat(&gdts[i], gdts[i].kernel_cs, 0, true);
		check_flat(&gdts[i], gdts[i].kernel_ds, 0, false);
		check_flat(&gdts[i], gdts[i].user_cs, 3, true);
		check_flat(&gdts[i], gdts[i].user_ds, 3, false);
	}
	/* the selectors that debuggers show */
	cr_assert_eq(segment_selector(gdts[0].user_cs, 3), 0x73);
	cr_assert_eq(segment_selector(gdts[0].user_ds, 3), 0x7b);
	cr_assert_eq(segment_selector(gdts[1].kernel_cs, 0), 0x10);
	cr_assert_eq(segment_selector(gdts[1].user_cs, 3), 0x33);
	cr_assert_eq(segment_selector(gdts[1].user_ds, 3), 0x2b);

	cpu = (struct segment_cpu){
		.gdt = gdts[0].entries, .nr_gdt = gdts[0].nr_entries, .cpl = 3};
	expect_load(cpu, SEGMENT_DS, gdts[0].user_ds, 3, SEGMENT_OK);
	cr_assert_eq(segment_translate(&cpu, SEGMENT_DS, 0xdeadbeef, 1,
				       SEGMENT_WRITE, &linear)
			     .fault,
		     SEGMENT_OK);
	cr_assert_eq(linear, 0xdeadbeef, "offset and linear are the same");
}

Test(segment, segment_then_page_is_three_accesses)
{
	static uint64_t words[4096];
	struct segment_memory memory = {words, 4096, 0};
	uint64_t physical;
	uint8_t byte = 0;

	make_gdt();
	memcpy(words, gdt, sizeof(gdt)); /* the GDT at 0 */
	/* the table at 0x1000: page 0x101 is in frame 3 */
	words[0x1000 / 8 + 0x101] = 3 << 12 | 1;
	words[(0x3000 + 0x230) / 8] = UINT64_C(0x0000004200000000);
	cr_assert(segment_paged_read(&memory, 0, 0x1000,
				     segment_selector(USER_DATA, 3), 0x1234,
				     &physical, &byte));
	cr_assert_eq(memory.nr_accesses, 3);
	cr_assert_eq(physical, 0x3234);
	cr_assert_eq(byte, 0x42);
	/* over the limit: only the descriptor was read */
	memory.nr_accesses = 0;
	cr_assert(!segment_paged_read(&memory, 0, 0x1000,
				      segment_selector(USER_DATA, 3), 0x10000,
				      &physical, &byte));
	cr_assert_eq(memory.nr_accesses, 1);
	/* no such page: the descriptor and the entry */
	memory.nr_accesses = 0;
	cr_assert(!segment_paged_read(&memory, 0, 0x1000,
				      segment_selector(USER_DATA, 3), 0x5000,
				      &physical, &byte));
	cr_assert_eq(memory.nr_accesses, 2);
}

enum { GAME, BROWSER, MUSIC, EDITOR };

Test(segment, free_pieces_are_joined_by_swapping_only)
{
	struct segment_space space;

	segment_space_init(&space, 1024);
	cr_assert_eq(segment_space_load(&space, GAME, 512), 0);
	cr_assert_eq(segment_space_load(&space, BROWSER, 128), 0);
	cr_assert_eq(segment_space_load(&space, MUSIC, 256), 0);
	cr_assert_eq(segment_space_remove(&space, BROWSER), 0);
	cr_assert_eq(segment_space_free(&space), 256);
	cr_assert_eq(segment_space_largest_hole(&space), 128);
	cr_assert_eq(segment_space_load(&space, EDITOR, 200), -ENOMEM,
		     "256 are free, but not in one piece");
	cr_assert_eq(segment_space_base(&space, MUSIC), 640);
	cr_assert_eq(segment_space_swap(&space, MUSIC), 0);
	cr_assert_eq(segment_space_base(&space, MUSIC), 512);
	cr_assert_eq(space.swapped_out, 256, "the whole program was written");
	cr_assert_eq(segment_space_largest_hole(&space), 256);
	cr_assert_eq(segment_space_load(&space, EDITOR, 200), 0);
	cr_assert_eq(segment_space_base(&space, EDITOR), 768);
}

Test(segment, bad_requests_for_segments)
{
	struct segment_space space;

	segment_space_init(&space, 100);
	cr_assert_eq(segment_space_load(&space, GAME, 0), -EINVAL);
	cr_assert_eq(segment_space_load(&space, GAME, 101), -ENOMEM);
	cr_assert_eq(segment_space_load(&space, GAME, 100), 0);
	cr_assert_eq(segment_space_load(&space, GAME, 1), -EEXIST);
	cr_assert_eq(segment_space_remove(&space, MUSIC), -ENOENT);
	cr_assert_eq(segment_space_swap(&space, MUSIC), -ENOENT);
	cr_assert_eq(segment_space_base(&space, MUSIC), -1);
}

/* --- paging_figures.c ---------------------------------------------------- */

Test(paging_figures, what_a_table_for_everything_costs)
{
	const struct paging_layout *l = paging_layouts;

	cr_assert_eq(paging_bytes_full(&l[PAGING_ONE_LEVEL_32]), 4 * MIB);
	cr_assert_eq(paging_bytes_full(&l[PAGING_TWO_LEVELS_32]),
		     4 * MIB + 4 * KIB);
	/* 4 + 2048 tables of 4 KiB, and 4 entries on top */
	cr_assert_eq(paging_bytes_full(&l[PAGING_PAE]),
		     32 + 4 * 4 * KIB + 8 * MIB);
	cr_assert_eq(paging_bytes_full(&l[PAGING_ONE_LEVEL_48]), 512 * GIB);
	cr_assert_eq(paging_bytes_full(&l[PAGING_FOUR_LEVELS]),
		     512 * GIB + GIB + 2 * MIB + 4 * KIB);
}

Test(paging_figures, what_a_small_process_costs)
{
	const struct paging_layout *l = paging_layouts;

	/* 1 MiB: one table at each level below the top */
	cr_assert_eq(
		paging_bytes_for_range(&l[PAGING_ONE_LEVEL_32], 4 * MIB, MIB),
		4 * MIB);
	cr_assert_eq(
		paging_bytes_for_range(&l[PAGING_TWO_LEVELS_32], 4 * MIB, MIB),
		8 * KIB);
	cr_assert_eq(
		paging_bytes_for_range(&l[PAGING_FOUR_LEVELS], 4 * MIB, MIB),
		16 * KIB);
	/* a fifth of 4 GiB, the textbook's case: 4 KiB + 0.8 MiB */
	cr_assert_eq(paging_bytes_for_range(&l[PAGING_TWO_LEVELS_32], 0,
					    205 * 4 * MIB),
		     4 * KIB + 205 * 4 * KIB);
	/* the range crosses a border: one table more */
	cr_assert_eq(paging_tables_needed(&l[PAGING_FOUR_LEVELS], 3,
					  2 * MIB - 4096, 8192),
		     2);
	cr_assert_eq(paging_bytes_for_range(&l[PAGING_FOUR_LEVELS], 0, 0),
		     4 * KIB);
}

/* Recorded: 64 MiB touched cost 128 kB of page tables where the levels above
 * were there, 100 MiB 200 kB. */
Test(paging_figures, recorded_growth_of_the_lowest_level)
{
	const struct paging_layout *l = &paging_layouts[PAGING_FOUR_LEVELS];
	uint64_t base = UINT64_C(0x7f5a60600000);

	cr_assert_eq(paging_tables_needed(l, 3, base, 64 * MIB) *
			     paging_table_bytes(l, 3),
		     128 * KIB);
	cr_assert_eq(paging_tables_needed(l, 3, base, 100 * MIB) *
			     paging_table_bytes(l, 3),
		     200 * KIB);
}

Test(paging_figures, how_far_addresses_reach)
{
	static const struct {
		enum paging_layout_name name;
		unsigned bits, accesses;
	} wanted[] = {
		{PAGING_ONE_LEVEL_32, 32, 2},
		{PAGING_TWO_LEVELS_32, 32, 3},
		{PAGING_PAE, 32, 4},
		{PAGING_ONE_LEVEL_48, 48, 2},
		{PAGING_FOUR_LEVELS, 48, 5},
		{PAGING_FIVE_LEVELS, 57, 6},
		{PAGING_THREE_LEVELS_43, 43, 4},
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		const struct paging_layout *l = &paging_layouts[wanted[i].name];

		cr_expect_eq(paging_address_bits(l), wanted[i].bits, "%s",
			     l->name);
		cr_expect_eq(paging_accesses(l), wanted[i].accesses, "%s",
			     l->name);
	}
	/* 43 bits: 8 TiB in pages of 8 KiB, tables of one page */
	cr_assert_eq(
		paging_table_bytes(&paging_layouts[PAGING_THREE_LEVELS_43], 1),
		8 * KIB);
	cr_assert_eq(
		paging_entry_covers(&paging_layouts[PAGING_THREE_LEVELS_43], 0),
		8 * GIB);
	cr_assert_eq(
		paging_entry_covers(&paging_layouts[PAGING_FOUR_LEVELS], 2),
		2 * MIB);
}
