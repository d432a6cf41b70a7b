/*
 * radix.c: from 64-bit numbers to pointers, 64 slots a node.
 *
 *   height 2:   root -> slots[index >> 6] -> slots[index & 63] -> entry
 *
 * A tree of height h holds the numbers below 64^h; it grows at its root when a
 * larger one comes and shrinks again when only slot 0 of the root is used.  A
 * node counts its slots in use and goes back to the pool at zero, so that an
 * empty tree has no nodes.
 *
 * Tags are a word a node, one bit a slot: at the bottom the entry has the tag,
 * above it some entry of the branch does.
 *
 * An insertion takes all the nodes that it will need before it changes
 * anything: when the host has no memory the tree is as it was.  Numbers in
 * sequence meet in the same bottom node 64 times, which is remembered.
 */
#include "base/radix.h"

#include <errno.h>
#include <string.h>

enum {
	RADIX_BITS = 6,
	RADIX_MAX_HEIGHT = (64 + RADIX_BITS - 1) / RADIX_BITS,
};

_Static_assert(RADIX_SLOTS == 1 << RADIX_BITS, "a slot for each digit");

size_t radix_node_size(void)
{
	return align_up(sizeof(struct radix_node), 16);
}

void radix_init(struct radix *radix, struct pool *nodes)
{
	memset(radix, 0, sizeof(*radix));
	radix->nodes = nodes;
}

/* The tree of this height has a place for the number. */
static bool radix_covers(unsigned height, uint64_t index)
{
	unsigned bits = height * RADIX_BITS;

	return bits >= 64 || index >> bits == 0;
}

/* The slot of `index` in a node `height` levels above the entries. */
static unsigned radix_slot(unsigned height, uint64_t index)
{
	return index >> (height - 1) * RADIX_BITS & (RADIX_SLOTS - 1);
}

static bool radix_is_leaf(const struct radix *radix, uint64_t index)
{
	return radix->leaf && radix->leaf_key == index >> RADIX_BITS;
}

static void radix_updated(struct radix *radix, struct radix_node *node)
{
	if (radix->update)
		radix->update(node);
}

static void radix_free_node(struct radix *radix, struct radix_node *node)
{
	if (node == radix->leaf)
		radix->leaf = NULL;
	pool_free(radix->nodes, node);
	radix->nr_nodes--;
}

static void radix_free_branch(struct radix *radix, struct radix_node *node,
			      unsigned height)
{
	for (unsigned i = 0; height > 1 && i < RADIX_SLOTS; i++)
		if (node->slots[i])
			radix_free_branch(radix, node->slots[i], height - 1);
	if (height == 1) {
		node->nr_used = 0;
		node->nr_values = 0;
		radix_updated(radix, node);
	}
	radix_free_node(radix, node);
}

void radix_clear(struct radix *radix)
{
	if (radix->height > 0)
		radix_free_branch(radix, radix->root, radix->height);
	radix->root = NULL;
	radix->height = 0;
	radix->count = 0;
}

/* The bottom node for the number; NULL: there is none. */
static const struct radix_node *radix_bottom(const struct radix *radix,
					     uint64_t index)
{
	const struct radix_node *node = radix->root;

	if (radix_is_leaf(radix, index))
		return radix->leaf;
	if (!radix_covers(radix->height, index))
		return NULL;
	for (unsigned height = radix->height; height > 1 && node; height--)
		node = node->slots[radix_slot(height, index)];
	return node;
}

void *radix_find(const struct radix *radix, uint64_t index)
{
	const struct radix_node *node = radix_bottom(radix, index);

	return node ? node->slots[radix_slot(1, index)] : NULL;
}

/* --- putting in ---------------------------------------------------------- */

/* The height that the tree must have to hold `index`, at least 1. */
static unsigned radix_height_for(const struct radix *radix, uint64_t index)
{
	unsigned height = radix->height > 0 ? radix->height : 1;

	while (!radix_covers(height, index))
		height++;
	return height;
}

/* Nodes that an insertion at `index` will make. */
static unsigned radix_nodes_missing(const struct radix *radix, uint64_t index)
{
	unsigned wanted = radix_height_for(radix, index);
	unsigned missing = wanted - radix->height;
	const struct radix_node *node = radix->root;

	if (radix->height == 0)
		return wanted;
	/* above the old root only slot 0 is taken: the rest of the path is new
	 */
	if (missing > 0)
		return missing + wanted - 1;
	for (unsigned height = wanted; height > 1; height--) {
		node = node->slots[radix_slot(height, index)];
		if (!node)
			return height - 1;
	}
	return 0;
}

/* The new root is above the old one. */
static void radix_adopt(struct radix_node *root, struct radix_node *old)
{
	root->slots[0] = old;
	root->nr_used = 1;
	for (unsigned tag = 0; tag < NR_RADIX_TAGS; tag++)
		root->tags[tag] = old->tags[tag] != 0;
}

/* Puts roots on top until the tree is `height` levels high. */
static void radix_grow(struct radix *radix, unsigned height,
		       struct radix_node **spare, unsigned *nr_spare)
{
	while (radix->height < height) {
		struct radix_node *root = spare[--*nr_spare];

		if (radix->root)
			radix_adopt(root, radix->root);
		radix->root = root;
		radix->height++;
		/* an empty tree may be as high as it likes */
		if (!root->slots[0])
			radix->height = height;
	}
}

/* The bottom node for the number, made when it is not there; NULL: no memory
 * of the host. */
static struct radix_node *radix_make_bottom(struct radix *radix, uint64_t index)
{
	struct radix_node *spare[2 * RADIX_MAX_HEIGHT];
	unsigned missing = radix_nodes_missing(radix, index), nr_spare = 0;
	struct radix_node *node;

	while (nr_spare < missing) {
		spare[nr_spare] = pool_zalloc(radix->nodes);
		if (!spare[nr_spare]) {
			while (nr_spare > 0)
				pool_free(radix->nodes, spare[--nr_spare]);
			return NULL;
		}
		nr_spare++;
	}
	radix->nr_nodes += missing;
	radix_grow(radix, radix_height_for(radix, index), spare, &nr_spare);
	node = radix->root;
	for (unsigned height = radix->height; height > 1; height--) {
		void **slot = &node->slots[radix_slot(height, index)];

		if (!*slot) {
			*slot = spare[--nr_spare];
			node->nr_used++;
		}
		node = *slot;
	}
	while (nr_spare > 0)
		radix_free_node(radix, spare[--nr_spare]);
	return node;
}

/* The entry goes into its slot of a node at the bottom. */
static void radix_put(struct radix *radix, struct radix_node *node,
		      uint64_t index, void *entry)
{
	void **slot = &node->slots[radix_slot(1, index)], *old = *slot;

	if (!old) {
		if (node->nr_used++ == 0) {
			node->radix = radix;
			node->first = index & ~(uint64_t)(RADIX_SLOTS - 1);
			list_init(&node->link);
		}
		radix->count++;
	}
	*slot = entry;
	node->nr_values += (unsigned)radix_is_value(entry);
	node->nr_values -= (unsigned)radix_is_value(old);
	if (!old || radix_is_value(old) != radix_is_value(entry))
		radix_updated(radix, node);
}

int radix_insert(struct radix *radix, uint64_t index, void *entry)
{
	struct radix_node *node = radix->leaf;

	ASSERT(entry);
	if (!radix_is_leaf(radix, index)) {
		node = radix_make_bottom(radix, index);
		if (!node)
			return -ENOMEM;
		radix->leaf = node;
		radix->leaf_key = index >> RADIX_BITS;
	}
	radix_put(radix, node, index, entry);
	return 0;
}

/* --- taking out ---------------------------------------------------------- */

/* path[h] is the node of height h on the way to the number; false: there is no
 * such way. */
static bool radix_path(const struct radix *radix, uint64_t index,
		       struct radix_node **path)
{
	struct radix_node *node = radix->root;

	if (radix->height == 0 || !radix_covers(radix->height, index))
		return false;
	for (unsigned height = radix->height; height > 1; height--) {
		path[height] = node;
		node = node->slots[radix_slot(height, index)];
		if (!node)
			return false;
	}
	path[1] = node;
	return true;
}

static void radix_shrink(struct radix *radix)
{
	struct radix_node *root = radix->root;

	while (radix->height > 1 && root->nr_used == 1 && root->slots[0]) {
		radix->root = root->slots[0];
		radix->height--;
		radix_free_node(radix, root);
		root = radix->root;
	}
}

static void radix_path_untag(const struct radix *radix,
			     struct radix_node **path, uint64_t index,
			     enum radix_tag tag)
{
	for (unsigned height = 1; height <= radix->height; height++) {
		path[height]->tags[tag] &=
			~((uint64_t)1 << radix_slot(height, index));
		if (path[height]->tags[tag])
			break;
	}
}

void *radix_remove(struct radix *radix, uint64_t index)
{
	struct radix_node *path[RADIX_MAX_HEIGHT + 1];
	unsigned height;
	void *entry;

	if (!radix_path(radix, index, path))
		return NULL;
	entry = path[1]->slots[radix_slot(1, index)];
	if (!entry)
		return NULL;
	for (unsigned tag = 0; tag < NR_RADIX_TAGS; tag++)
		if (path[1]->tags[tag])
			radix_path_untag(radix, path, index, tag);
	radix->count--;
	path[1]->nr_values -= (unsigned)radix_is_value(entry);
	for (height = 1; height <= radix->height; height++) {
		struct radix_node *node = path[height];

		node->slots[radix_slot(height, index)] = NULL;
		node->nr_used--;
		if (height == 1)
			radix_updated(radix, node);
		if (node->nr_used > 0)
			break;
		radix_free_node(radix, node);
	}
	if (height > radix->height) {
		radix->root = NULL;
		radix->height = 0;
	} else {
		radix_shrink(radix);
	}
	return entry;
}

/* --- tags ---------------------------------------------------------------- */

void radix_tag_set(struct radix *radix, uint64_t index, enum radix_tag tag)
{
	struct radix_node *path[RADIX_MAX_HEIGHT + 1];
	bool is_there = radix_path(radix, index, path);

	ASSERT(is_there && path[1]->slots[radix_slot(1, index)]);
	for (unsigned height = 1; is_there && height <= radix->height; height++)
		path[height]->tags[tag] |= (uint64_t)1
					   << radix_slot(height, index);
}

void radix_tag_clear(struct radix *radix, uint64_t index, enum radix_tag tag)
{
	struct radix_node *path[RADIX_MAX_HEIGHT + 1];

	if (radix_path(radix, index, path))
		radix_path_untag(radix, path, index, tag);
}

bool radix_has_tag(const struct radix *radix, uint64_t index,
		   enum radix_tag tag)
{
	const struct radix_node *node = radix_bottom(radix, index);

	return node && (node->tags[tag] >> radix_slot(1, index) & 1);
}

/* --- walking ------------------------------------------------------------- */

/*
 * The first entry of the branch at or behind *index, whose path begins in
 * `node`; NULL when the branch has none.  *index is the entry's then.
 */
static void *radix_next_in(const struct radix_node *node, unsigned height,
			   uint64_t *index)
{
	uint64_t step = (uint64_t)1 << (height - 1) * RADIX_BITS;
	uint64_t at = *index;

	for (unsigned i = radix_slot(height, at); i < RADIX_SLOTS; i++) {
		void *below = node->slots[i];

		if (below && height > 1)
			below = radix_next_in(below, height - 1, &at);
		if (below) {
			*index = at;
			return below;
		}
		/* the start of the next slot's numbers; may wrap at the end */
		at = (at & ~(step - 1)) + step;
	}
	return NULL;
}

/* The same of the entries with the tag, whose bits tell where there are any. */
static void *radix_next_tagged_in(const struct radix_node *node,
				  unsigned height, uint64_t *index,
				  enum radix_tag tag)
{
	unsigned shift = (height - 1) * RADIX_BITS, i = *index >> shift & 63;
	uint64_t at = *index,
		 base = at & ~(((uint64_t)RADIX_SLOTS << shift) - 1);

	for (; i < RADIX_SLOTS && node->tags[tag] >> i; i++) {
		unsigned skip = log2_lowest(node->tags[tag] >> i);
		void *below;

		if (skip > 0) {
			i += skip;
			at = base | (uint64_t)i << shift;
		}
		below = node->slots[i];
		if (height > 1)
			below = radix_next_tagged_in(below, height - 1, &at,
						     tag);
		if (below) {
			*index = at;
			return below;
		}
		at = base | (uint64_t)(i + 1) << shift;
	}
	return NULL;
}

/* There may be something at *index or behind it. */
static bool radix_reaches(const struct radix *radix, uint64_t index)
{
	return radix->height > 0 && radix_covers(radix->height, index);
}

void *radix_next(const struct radix *radix, uint64_t *index)
{
	return radix_reaches(radix, *index)
		       ? radix_next_in(radix->root, radix->height, index)
		       : NULL;
}

void *radix_next_tagged(const struct radix *radix, uint64_t *index,
			enum radix_tag tag)
{
	return radix_reaches(radix, *index)
		       ? radix_next_tagged_in(radix->root, radix->height, index,
					      tag)
		       : NULL;
}
