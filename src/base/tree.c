/*
 * tree.c: the AVL tree.
 *
 * After a change below, the way back to the root is walked once: each node's
 * height is taken anew from its two branches, and where they differ by two a
 * rotation lifts the higher one:
 *
 *         n                 l               When the inner branch of `l` is the
 *        / \               / \              higher one, `l` is rotated first.
 *       l   c    ---->    a   n
 *      / \                   / \
 *     a   b                 b   c
 *
 * A node with two branches is taken out by putting its successor, which has
 * no left branch, in its place.
 *
 * Source: D. Knuth, The Art of Computer Programming, volume 3, 6.2.3.
 */
#include "base/tree.h"

static int tree_height(const struct tree_node *node)
{
	return node ? node->height : 0;
}

static void tree_refresh(struct tree *tree, struct tree_node *node)
{
	int left = tree_height(node->left), right = tree_height(node->right);

	node->height = 1 + (left > right ? left : right);
	if (tree->update)
		tree->update(node);
}

/* Puts `with` (may be NULL) where `node` hangs on its parent. */
static void tree_replace(struct tree *tree, struct tree_node *node,
			 struct tree_node *with)
{
	struct tree_node *parent = node->parent;

	if (!parent)
		tree->root = with;
	else if (parent->left == node)
		parent->left = with;
	else
		parent->right = with;
	if (with)
		with->parent = parent;
}

/* The left branch becomes the top; returns it. */
static struct tree_node *tree_rotate_right(struct tree *tree,
					   struct tree_node *node)
{
	struct tree_node *left = node->left;

	tree_replace(tree, node, left);
	node->left = left->right;
	if (node->left)
		node->left->parent = node;
	left->right = node;
	node->parent = left;
	tree_refresh(tree, node);
	tree_refresh(tree, left);
	return left;
}

static struct tree_node *tree_rotate_left(struct tree *tree,
					  struct tree_node *node)
{
	struct tree_node *right = node->right;

	tree_replace(tree, node, right);
	node->right = right->left;
	if (node->right)
		node->right->parent = node;
	right->left = node;
	node->parent = right;
	tree_refresh(tree, node);
	tree_refresh(tree, right);
	return right;
}

/* Restores the balance of one node; returns the top of its branch. */
static struct tree_node *tree_balance(struct tree *tree, struct tree_node *node)
{
	int lean = tree_height(node->left) - tree_height(node->right);

	if (lean > 1) {
		struct tree_node *left = node->left;

		if (tree_height(left->left) < tree_height(left->right))
			tree_rotate_left(tree, left);
		return tree_rotate_right(tree, node);
	}
	if (lean < -1) {
		struct tree_node *right = node->right;

		if (tree_height(right->right) < tree_height(right->left))
			tree_rotate_right(tree, right);
		return tree_rotate_left(tree, node);
	}
	tree_refresh(tree, node);
	return node;
}

static void tree_balance_up(struct tree *tree, struct tree_node *node)
{
	while (node) {
		int height = node->height;

		node = tree_balance(tree, node);
		if (node->height == height && !tree->update)
			return;
		node = node->parent;
	}
}

void tree_insert(struct tree *tree, struct tree_node *node,
		 struct tree_node *parent, struct tree_node **link)
{
	ASSERT(!*link);
	node->parent = parent;
	node->left = NULL;
	node->right = NULL;
	node->height = 0;
	*link = node;
	tree_balance_up(tree, node);
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
	struct tree_node *next, *from;

	if (!node->left || !node->right) {
		from = node->parent;
		tree_replace(tree, node, node->left ? node->left : node->right);
		tree_balance_up(tree, from);
		return;
	}
	next = node->right;
	while (next->left)
		next = next->left;
	from = next->parent == node ? next : next->parent;
	tree_replace(tree, next, next->right);
	next->left = node->left;
	next->right = node->right;
	next->height = node->height;
	next->left->parent = next;
	if (next->right)
		next->right->parent = next;
	tree_replace(tree, node, next);
	tree_balance_up(tree, from);
}

void tree_updated(struct tree *tree, struct tree_node *node)
{
	for (; node; node = node->parent)
		tree->update(node);
}

struct tree_node *tree_first(const struct tree *tree)
{
	struct tree_node *node = tree->root;

	while (node && node->left)
		node = node->left;
	return node;
}

struct tree_node *tree_last(const struct tree *tree)
{
	struct tree_node *node = tree->root;

	while (node && node->right)
		node = node->right;
	return node;
}

struct tree_node *tree_next(const struct tree_node *node)
{
	struct tree_node *next = node->right;

	if (next) {
		while (next->left)
			next = next->left;
		return next;
	}
	while (node->parent && node->parent->right == node)
		node = node->parent;
	return node->parent;
}

struct tree_node *tree_prev(const struct tree_node *node)
{
	struct tree_node *prev = node->left;

	if (prev) {
		while (prev->right)
			prev = prev->right;
		return prev;
	}
	while (node->parent && node->parent->left == node)
		node = node->parent;
	return node->parent;
}

/* The height of a branch, or -1 when something in it is wrong. */
static int tree_check(const struct tree_node *node,
		      const struct tree_node *parent)
{
	int left, right, height;

	if (!node)
		return 0;
	if (node->parent != parent)
		return -1;
	left = tree_check(node->left, node);
	right = tree_check(node->right, node);
	if (left < 0 || right < 0 || left - right > 1 || right - left > 1)
		return -1;
	height = 1 + (left > right ? left : right);
	return node->height == height ? height : -1;
}

bool tree_is_balanced(const struct tree *tree)
{
	return tree_check(tree->root, NULL) >= 0;
}
