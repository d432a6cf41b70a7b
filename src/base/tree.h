/*
 * tree.h: a balanced search tree whose links stand in its members.
 *
 * An AVL tree (G. Adelson-Velsky, E. Landis 1962): no two branches of a node
 * differ by more than one level, so that finding, putting in and taking out
 * take O(log n) steps.  The tree knows no keys: the caller walks down by
 * itself and says where the new node goes.  A tree may be augmented: `update`
 * recomputes what a node says about its whole branch, and is called for every
 * node whose branch has changed, from below upwards.
 */
#ifndef BASE_TREE_H
#define BASE_TREE_H

#include "base/base.h"

struct tree_node {
	struct tree_node *parent, *left, *right;
	int height; /* levels of this branch, 1 for a leaf */
};

struct tree {
	struct tree_node *root;
	void (*update)(struct tree_node *node); /* or NULL */
};

#define tree_entry(node, type, member) container_of(node, type, member)

static inline void tree_init(struct tree *tree,
			     void (*update)(struct tree_node *))
{
	tree->root = NULL;
	tree->update = update;
}

/* Puts `node` at *link, the empty place under `parent` (NULL: the root) that
 * the caller found. */
void tree_insert(struct tree *tree, struct tree_node *node,
		 struct tree_node *parent, struct tree_node **link);
void tree_remove(struct tree *tree, struct tree_node *node);

/* The caller changed what `node` says of itself: its ancestors are updated. */
void tree_updated(struct tree *tree, struct tree_node *node);

/* In order; NULL at the ends. */
struct tree_node *tree_first(const struct tree *tree);
struct tree_node *tree_last(const struct tree *tree);
struct tree_node *tree_next(const struct tree_node *node);
struct tree_node *tree_prev(const struct tree_node *node);

/* Order, heights and links are right (for self-checks). */
bool tree_is_balanced(const struct tree *tree);

#endif
