/*
 * tree.c: the balanced tree against an array of flags.
 */
#include "base/rng.h"
#include "base/tree.h"

#include <criterion/criterion.h>

TestSuite(tree);

enum { NR_KEYS = 512 };

struct item {
	struct tree_node node;
	int key;
	long sum; /* of the keys of its branch */
};

static struct item items[NR_KEYS];
static bool present[NR_KEYS];

static struct item *item_of(struct tree_node *node)
{
	return node ? tree_entry(node, struct item, node) : NULL;
}

static void update_sum(struct tree_node *node)
{
	struct item *item = item_of(node);

	item->sum = item->key;
	item->sum += node->left ? item_of(node->left)->sum : 0;
	item->sum += node->right ? item_of(node->right)->sum : 0;
}

static void insert(struct tree *tree, int key)
{
	struct tree_node **link = &tree->root, *parent = NULL;

	while (*link) {
		parent = *link;
		link = key < item_of(parent)->key ? &parent->left
						  : &parent->right;
	}
	items[key].key = key;
	tree_insert(tree, &items[key].node, parent, link);
	present[key] = true;
}

static void check(const struct tree *tree)
{
	struct tree_node *node = tree_first(tree);
	long sum = 0;
	int last = -1;

	cr_assert(tree_is_balanced(tree));
	for (int key = 0; key < NR_KEYS; key++) {
		if (!present[key])
			continue;
		cr_assert_not_null(node);
		cr_assert_eq(item_of(node)->key, key);
		cr_assert_eq(tree_prev(node) ? item_of(tree_prev(node))->key
					     : -1,
			     last);
		last = key;
		sum += key;
		node = tree_next(node);
	}
	cr_assert_null(node);
	cr_assert_eq(tree_last(tree) ? item_of(tree_last(tree))->key : -1,
		     last);
	if (tree->update)
		cr_assert_eq(tree->root ? item_of(tree->root)->sum : 0, sum);
}

static void churn(void (*update)(struct tree_node *))
{
	struct rng rng = { 1 };
	struct tree tree;

	tree_init(&tree, update);
	for (int i = 0; i < 20000; i++) {
		int key = (int)rng_below(&rng, NR_KEYS);

		if (present[key]) {
			tree_remove(&tree, &items[key].node);
			present[key] = false;
		} else if (rng_below(&rng, 4) || i < 2000) {
			insert(&tree, key);
		}
		if (i % 16 == 0)
			check(&tree);
	}
	check(&tree);
}

Test(tree, random_inserts_and_removes)
{
	churn(NULL);
}

Test(tree, what_a_branch_says_follows)
{
	churn(update_sum);
}

Test(tree, height_grows_as_the_logarithm)
{
	struct tree tree;

	tree_init(&tree, NULL);
	for (int key = 0; key < NR_KEYS; key++)
		insert(&tree, key);
	cr_assert_eq(tree.root->height, 10);
	check(&tree);
}

Test(tree, a_changed_node_updates_its_ancestors)
{
	struct tree tree;

	tree_init(&tree, update_sum);
	for (int key = 1; key <= 7; key++)
		insert(&tree, key);
	items[1].key = 0;
	tree_updated(&tree, &items[1].node);
	cr_assert_eq(item_of(tree.root)->sum, 27);
}

Test(tree, an_empty_tree_has_no_ends)
{
	struct tree tree;

	tree_init(&tree, NULL);
	cr_assert_null(tree_first(&tree));
	cr_assert_null(tree_last(&tree));
	cr_assert(tree_is_balanced(&tree));
}
