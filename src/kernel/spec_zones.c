/*
 * spec_zones.c: the keys of a spec that rebuild a recorded machine: how many
 * pages each zone has, and how many of them the kernel itself held.
 *
 *     managed=DMA:3840+DMA32:48839,present=DMA:3998+DMA32:61399,boot_used=8854
 *
 * With several nodes each node may have its own list, with '/' between them;
 * boot_used may name zones, too.
 *
 * boot_freed: a real kernel sets its watermarks while its start-up code and the
 * initrd still take memory, so that the first marks are a little lower than
 * the managed pages would give.  In all the recordings 2813 pages came back
 * afterwards; that is the default for a machine given by managed=.
 */
#include "kernel/spec_parser.h"

#include <errno.h>
#include <string.h>

enum {
	SPEC_MIN_NODE_PAGES = 1024,
	SPEC_BOOT_FREED = 2813,
};
#define SPEC_PAGES_4G ((uint64_t)1 << 20)
#define SPEC_PAGES_64G ((uint64_t)16 << 20)

/* The next item of a list; false: it is the last. */
static bool spec_next(struct spec_text *rest, char mark, struct spec_text *item)
{
	bool more = memchr(rest->at, mark, rest->len) != NULL;

	*item = spec_split(rest, mark);
	return more;
}

/* "DMA:3840+DMA32:48839" */
static bool spec_zone_list(struct spec_text text, uint64_t *pages)
{
	unsigned seen = 0;
	bool more;

	do {
		struct spec_text item, name;
		uint64_t n;
		int type = 0;

		more = spec_next(&text, '+', &item);
		name = spec_split(&item, ':');
		while (type < MAX_NR_ZONES &&
		       !spec_text_is(name, zone_names[type]))
			type++;
		if (type == MAX_NR_ZONES || !spec_digits(item, &n) ||
		    n > SPEC_MAX_RAM / PAGE_SIZE || (seen >> type & 1))
			return false;
		seen |= 1u << type;
		pages[type] = n;
	} while (more);
	return true;
}

/* Such a list for the machine, or one for each node with '/' between them. */
static int spec_zones(struct spec_parser *parser, const char *key,
		      struct spec_text value,
		      uint64_t (*node_pages)[MAX_NR_ZONES], uint64_t *pages,
		      unsigned *nr_nodes)
{
	struct spec_text rest = value;
	bool more;

	do {
		struct spec_text list;

		more = spec_next(&rest, '/', &list);
		if (*nr_nodes == MAX_NODES ||
		    !spec_zone_list(list, node_pages[*nr_nodes]))
			return spec_reject(
				parser, key, value,
				"pages of each zone are allowed, each zone "
				"once, as in DMA:3840+DMA32:48839 (DMA, DMA32, "
				"Normal, HighMem, Movable, Device), of all "
				"nodes or with / of each");
		for (int type = 0; type < MAX_NR_ZONES; type++)
			pages[type] += node_pages[*nr_nodes][type];
		(*nr_nodes)++;
	} while (more);
	return 0;
}

int spec_managed(struct spec_parser *parser, struct spec_text value)
{
	struct spec *spec = parser->spec;

	spec->has_managed = true;
	return spec_zones(parser, "managed", value, spec->node_managed,
			  spec->managed, &parser->nr_managed);
}

int spec_present(struct spec_parser *parser, struct spec_text value)
{
	struct spec *spec = parser->spec;

	spec->has_present = true;
	return spec_zones(parser, "present", value, spec->node_present,
			  spec->present, &parser->nr_present);
}

/* A number of pages, or pages of certain zones. */
static bool spec_used(struct spec_text text, uint64_t *any, uint64_t *of)
{
	if (text.len == 0 || !memchr(text.at, ':', text.len))
		return spec_digits(text, any) &&
		       *any <= SPEC_MAX_RAM / PAGE_SIZE;
	return spec_zone_list(text, of);
}

int spec_boot_used(struct spec_parser *parser, struct spec_text value)
{
	struct spec *spec = parser->spec;
	struct spec_text rest = value;
	bool more;

	do {
		struct spec_text item;
		unsigned id = parser->nr_boot_used++;

		more = spec_next(&rest, '/', &item);
		if (id == MAX_NODES ||
		    !spec_used(item, &spec->node_boot_used[id],
			       spec->node_boot_used_of[id]))
			return spec_reject(
				parser, "boot_used", value,
				"a number of pages is allowed, or pages of "
				"zones as in DMA:32+DMA32:8822, of all nodes "
				"or with / of each");
		spec->boot_used += spec->node_boot_used[id];
		for (int type = 0; type < MAX_NR_ZONES; type++) {
			uint64_t used = spec->node_boot_used_of[id][type];

			spec->boot_used += used;
			spec->boot_used_of[type] += used;
		}
	} while (more);
	return 0;
}

int spec_boot_freed(struct spec_parser *parser, struct spec_text value)
{
	if (!spec_digits(value, &parser->spec->boot_freed))
		return spec_reject(parser, "boot_freed", value,
				   "a number of pages is allowed");
	parser->has_boot_freed = true;
	return 0;
}

/* Most pages that the zone can have in this architecture. */
static uint64_t spec_zone_max(enum arch arch, int type)
{
	if (type == ZONE_DMA)
		return 4095;
	if (arch == ARCH_X86_64)
		return type == ZONE_HIGHMEM ? 0
		       : type == ZONE_DMA32 ? SPEC_PAGES_4G - 4096
					    : SPEC_MAX_RAM / PAGE_SIZE;
	if (type == ZONE_NORMAL)
		return 896 * MIB / PAGE_SIZE - 4096;
	if (type == ZONE_HIGHMEM || type == ZONE_MOVABLE)
		return arch == ARCH_X86_32
			       ? SPEC_PAGES_4G - 896 * MIB / PAGE_SIZE
			       : SPEC_PAGES_64G - 896 * MIB / PAGE_SIZE;
	return 0;
}

/* Keys that tell of each node must tell of all, and present= as managed=. */
static int spec_check_nodes(struct spec_parser *parser)
{
	struct spec *spec = parser->spec;

	spec->has_node_zones = parser->nr_managed > 1;
	spec->has_node_boot_used = parser->nr_boot_used > 1;
	if ((spec->has_node_zones && parser->nr_managed != spec->nodes) ||
	    (spec->has_node_boot_used && parser->nr_boot_used != spec->nodes) ||
	    (spec->has_present && parser->nr_present != parser->nr_managed)) {
		outbuf_printf(&parser->why,
			      "%s: one value, or with / one for each of the %u "
			      "nodes, is allowed",
			      spec->has_present &&
					      parser->nr_present !=
						      parser->nr_managed
				      ? "present"
			      : spec->has_node_zones &&
					      parser->nr_managed != spec->nodes
				      ? "managed"
				      : "boot_used",
			      spec->nodes);
		return -EINVAL;
	}
	if (!spec->has_present)
		memcpy(spec->node_present, spec->node_managed,
		       sizeof(spec->node_present));
	for (unsigned id = 0; spec->has_node_zones && id < spec->nodes; id++)
		for (int type = 0; type < MAX_NR_ZONES; type++)
			if (spec->node_managed[id][type] >
			    spec->node_present[id][type]) {
				outbuf_printf(&parser->why,
					      "managed: zone %s of node %u: "
					      "not more managed than present "
					      "pages are allowed",
					      zone_names[type], id);
				return -EINVAL;
			}
	return 0;
}

/* Pages that an architecture can address. */
static uint64_t spec_arch_max(enum arch arch)
{
	return arch == ARCH_X86_32	 ? SPEC_PAGES_4G
	       : arch == ARCH_X86_32_PAE ? SPEC_PAGES_64G
					 : SPEC_MAX_RAM / PAGE_SIZE;
}

/* Zones without a limit of their own lie behind each other, from 4 GB (896 MB)
 * on, at the borders of the largest blocks: all must end below the limit. */
static int spec_check_end(struct spec_parser *parser)
{
	const struct spec *spec = parser->spec;
	bool is_64 = spec->arch == ARCH_X86_64;
	uint64_t max = spec_arch_max(spec->arch);
	uint64_t end = is_64 ? SPEC_PAGES_4G : 896 * MIB / PAGE_SIZE;

	for (int type = is_64 ? ZONE_NORMAL : ZONE_HIGHMEM;
	     type < MAX_NR_ZONES; type++)
		end = align_up(end, MAX_ORDER_NR_PAGES) + spec->present[type];
	if (end <= max)
		return 0;
	outbuf_printf(&parser->why,
		      "%s: zones that end at %luG or below are allowed in this "
		      "architecture",
		      spec->has_present ? "present" : "managed",
		      (unsigned long)(max >> (30 - PAGE_SHIFT)));
	return -EINVAL;
}

/* ram= may stand beside managed=, but must have room for it. */
static int spec_check_room(struct spec_parser *parser)
{
	const struct spec *spec = parser->spec;
	uint64_t pages = 0;

	for (int type = 0; type < ZONE_DEVICE; type++)
		pages += spec->present[type];
	if (spec->ram == 0 || spec->ram / PAGE_SIZE >= pages)
		return 0;
	outbuf_printf(&parser->why,
		      "ram: beside managed a size from %luK on, what its zones "
		      "have, is allowed, or none",
		      (unsigned long)pages_to_kb(pages));
	return -EINVAL;
}

/* boot_used and boot_freed: not more than there is. */
static int spec_check_boot(struct spec_parser *parser, uint64_t pages)
{
	const struct spec *spec = parser->spec;
	uint64_t freed = spec->has_managed ? spec->managed[ZONE_DMA32] : pages;

	if (spec->arch != ARCH_X86_64)
		freed = 0;
	if (spec->boot_used > pages - pages / 8) {
		outbuf_printf(&parser->why,
			      "boot_used: up to %lu pages, 7/8 of the memory, "
			      "are allowed",
			      (unsigned long)(pages - pages / 8));
		return -EINVAL;
	}
	for (int type = 0; type < MAX_NR_ZONES; type++) {
		uint64_t max = spec->has_managed
				       ? spec->managed[type]
				       : spec_zone_max(spec->arch, type);

		if (spec->boot_used_of[type] <= max)
			continue;
		outbuf_printf(&parser->why,
			      "boot_used: zone %s: up to %lu pages are allowed",
			      zone_names[type], (unsigned long)max);
		return -EINVAL;
	}
	if (spec->boot_freed <= freed)
		return 0;
	outbuf_printf(&parser->why,
		      "boot_freed: up to %lu pages, those of zone DMA32, are "
		      "allowed",
		      (unsigned long)freed);
	return -EINVAL;
}

/* managed= and present= together, and with the architecture. */
static int spec_check_zones(struct spec_parser *parser)
{
	struct spec *spec = parser->spec;
	uint64_t total = 0;
	int err;

	for (int type = 0; type < MAX_NR_ZONES; type++) {
		const char *name = zone_names[type];
		uint64_t max = spec_zone_max(spec->arch, type);

		if (!spec->has_present)
			spec->present[type] = spec->managed[type];
		if (spec->present[type] > max ||
		    spec->managed[type] > spec->present[type]) {
			outbuf_printf(&parser->why,
				      "%s: zone %s: up to %lu pages, and not "
				      "more managed than present ones, are "
				      "allowed in this architecture",
				      spec->managed[type] > max ||
						      !spec->has_present
					      ? "managed"
					      : "present",
				      name, (unsigned long)max);
			return -EINVAL;
		}
		total += spec->managed[type];
	}
	if (spec->managed[ZONE_DEVICE] > 0) {
		outbuf_str(&parser->why, "managed: zone Device: only present "
					 "pages are allowed, none managed");
		return -EINVAL;
	}
	if (spec->managed[ZONE_DMA] + spec->managed[ZONE_DMA32] +
		    spec->managed[ZONE_NORMAL] < SPEC_MIN_NODE_PAGES) {
		outbuf_str(&parser->why, "managed: 1024 pages and more are "
					 "allowed, in DMA, DMA32 and Normal");
		return -EINVAL;
	}
	err = spec_check_end(parser);
	if (!err)
		err = spec_check_room(parser);
	if (err)
		return err;
	spec->ram = total * PAGE_SIZE;
	if (!parser->has_boot_freed &&
	    spec->managed[ZONE_DMA32] > 4 * SPEC_BOOT_FREED)
		spec->boot_freed = SPEC_BOOT_FREED;
	return 0;
}

int spec_check_whole(struct spec_parser *parser)
{
	struct spec *spec = parser->spec;
	uint64_t pages, max;
	int err;

	if (spec->has_present && !spec->has_managed) {
		outbuf_str(&parser->why, "present: managed is needed as well");
		return -EINVAL;
	}
	err = spec_check_nodes(parser);
	if (err < 0)
		return err;
	if (spec->has_managed) {
		err = spec_check_zones(parser);
		if (err < 0)
			return err;
	} else if (spec->ram == 0) {
		outbuf_str(&parser->why, "ram: a size is needed, as in ram=1G "
					 "(or managed)");
		return -EINVAL;
	}
	pages = spec->ram / PAGE_SIZE;
	max = spec_arch_max(spec->arch);
	if (pages > max) {
		outbuf_printf(&parser->why,
			      "ram: up to %luG is allowed in this architecture",
			      (unsigned long)(max >> (30 - PAGE_SHIFT)));
		return -EINVAL;
	}
	if (spec->nodes > 1 && pages / spec->nodes < 2 * SPEC_MIN_NODE_PAGES) {
		outbuf_str(&parser->why,
			   "nodes: 8M of memory and more a node are allowed");
		return -EINVAL;
	}
	err = spec_check_hotplug(parser);
	return err ? err : spec_check_boot(parser, pages);
}
