/*
 * anon_vma.c: which areas may map an anonymous page.
 *
 * A page that is faulted in belongs to the anon_vma of its area.  An anon_vma
 * lists the areas that may map its pages: after a fork those of the parent,
 * the child, the child's child ...  A child gets an anon_vma of its own for the
 * pages that it will write, so that those are looked for in one place only;
 * otherwise a server that forks a thousand children would look for each page
 * in a thousand address spaces.
 *
 *   root <- parent <- child ...   each with the areas that may map its pages
 *
 * The rule of reuse: when a child forks, and an anon_vma up the line has no
 * area of its own left (num_active_vmas 0) and at most one child, then the new
 * area takes that one instead of a new one; so a process that forks and exits
 * in a chain for ever does not make the line longer and longer.
 *
 * The areas of an anon_vma stand in a tree by their first page index, each node
 * with the last index of its branch (an interval tree): the areas that hold one
 * page are found without looking at the others.
 *
 * An anon_vma lives as long as it has chains, or is the root of others.
 *
 * Source: R. van Riel's design of 2010 and D. Fedyaev's rule of reuse (2014), as
 * described on LWN; kernel documentation, mm/process_addrs.
 */
#include "kernel/machine.h"
#include "kernel/rmap.h"
#include "kernel/vma.h"

#include <errno.h>

static uint64_t chain_first(const struct anon_vma_chain *avc)
{
	return avc->vma->pgoff;
}

static uint64_t chain_last(const struct anon_vma_chain *avc)
{
	return avc->vma->pgoff + vma_pages(avc->vma) - 1;
}

static void chain_update(struct tree_node *node)
{
	struct anon_vma_chain *avc =
		tree_entry(node, struct anon_vma_chain, node);
	struct tree_node *branches[2] = { node->left, node->right };

	avc->subtree_last = chain_last(avc);
	for (unsigned i = 0; i < 2; i++) {
		const struct anon_vma_chain *branch;

		if (!branches[i])
			continue;
		branch = tree_entry(branches[i], struct anon_vma_chain, node);
		if (branch->subtree_last > avc->subtree_last)
			avc->subtree_last = branch->subtree_last;
	}
}

static void chain_insert(struct anon_vma_chain *avc)
{
	struct tree *tree = &avc->anon_vma->chains;
	struct tree_node **link = &tree->root, *parent = NULL;
	uint64_t first = chain_first(avc);

	while (*link) {
		const struct anon_vma_chain *other =
			tree_entry(*link, struct anon_vma_chain, node);

		parent = *link;
		link = first < chain_first(other) ? &parent->left :
						    &parent->right;
	}
	tree_insert(tree, &avc->node, parent, link);
}

static void chain_remove(struct anon_vma_chain *avc)
{
	tree_remove(&avc->anon_vma->chains, &avc->node);
}

static struct anon_vma_chain *chain_link(struct vm_area_struct *vma,
					 struct anon_vma *anon_vma)
{
	struct anon_vma_chain *avc = kmem_record_alloc(
		vma->mm->machine, KMEM_ANON_VMA_CHAIN, sizeof(*avc));

	if (!avc)
		return NULL;
	avc->vma = vma;
	avc->anon_vma = anon_vma;
	list_add(&avc->same_vma, &vma->anon_vma_chain);
	chain_insert(avc);
	return avc;
}

static struct anon_vma *anon_vma_alloc(struct mmsim_machine *machine)
{
	struct anon_vma *anon_vma = kmem_record_alloc(machine, KMEM_ANON_VMA,
						      sizeof(*anon_vma));

	if (!anon_vma)
		return NULL;
	anon_vma->refcount = 1;
	anon_vma->root = anon_vma;
	anon_vma->parent = anon_vma;
	tree_init(&anon_vma->chains, chain_update);
	return anon_vma;
}

static void anon_vma_put(struct mmsim_machine *machine,
			 struct anon_vma *anon_vma)
{
	struct anon_vma *root = anon_vma->root;

	ASSERT(anon_vma->refcount > 0);
	if (--anon_vma->refcount != 0)
		return;
	ASSERT(!anon_vma->chains.root);
	kmem_record_free(machine, KMEM_ANON_VMA, anon_vma);
	if (root != anon_vma)
		anon_vma_put(machine, root);
}

int anon_vma_prepare(struct vm_area_struct *vma)
{
	struct mmsim_machine *machine = vma->mm->machine;
	struct anon_vma *anon_vma, *fresh = NULL;

	if (LIKELY(vma->anon_vma != NULL))
		return 0;
	anon_vma = vma_find_mergeable_anon_vma(vma);
	if (!anon_vma) {
		anon_vma = fresh = anon_vma_alloc(machine);
		if (!anon_vma)
			return -ENOMEM;
		anon_vma->num_children++; /* itself, as the root */
	}
	if (!chain_link(vma, anon_vma)) {
		if (fresh)
			anon_vma_put(machine, fresh);
		return -ENOMEM;
	}
	vma->anon_vma = anon_vma;
	anon_vma->num_active_vmas++;
	return 0;
}

/* Links dst to all that src is linked to, the oldest first. */
static int chains_copy(struct vm_area_struct *dst, struct vm_area_struct *src)
{
	for (struct list_head *link = src->anon_vma_chain.prev;
	     link != &src->anon_vma_chain; link = link->prev) {
		struct anon_vma *anon_vma =
			list_entry(link, struct anon_vma_chain, same_vma)
				->anon_vma;

		if (!chain_link(dst, anon_vma))
			return -ENOMEM;
		if (!dst->anon_vma && src->anon_vma &&
		    anon_vma->num_children < 2 &&
		    anon_vma->num_active_vmas == 0)
			dst->anon_vma = anon_vma;
	}
	if (dst->anon_vma)
		dst->anon_vma->num_active_vmas++;
	return 0;
}

static int chains_clone(struct vm_area_struct *dst, struct vm_area_struct *src)
{
	int result = chains_copy(dst, src);

	if (result) {
		/* It was not yet counted as active. */
		dst->anon_vma = NULL;
		anon_vma_unlink_all(dst);
	}
	return result;
}

int anon_vma_clone(struct vm_area_struct *dst, struct vm_area_struct *src)
{
	ASSERT(list_is_empty(&dst->anon_vma_chain));
	dst->anon_vma = src->anon_vma;
	return chains_clone(dst, src);
}

int anon_vma_fork(struct vm_area_struct *dst, struct vm_area_struct *src)
{
	struct mmsim_machine *machine = dst->mm->machine;
	struct anon_vma *anon_vma;

	dst->anon_vma = NULL;
	if (!src->anon_vma)
		return 0;
	if (chains_clone(dst, src))
		return -ENOMEM;
	if (dst->anon_vma)
		return 0;
	anon_vma = anon_vma_alloc(machine);
	if (!anon_vma)
		goto out_chains;
	if (!chain_link(dst, anon_vma))
		goto out_anon_vma;
	anon_vma->root = src->anon_vma->root;
	anon_vma->root->refcount++;
	anon_vma->parent = src->anon_vma;
	anon_vma->parent->num_children++;
	anon_vma->num_active_vmas++;
	dst->anon_vma = anon_vma;
	return 0;

out_anon_vma:
	anon_vma_put(machine, anon_vma);
out_chains:
	anon_vma_unlink_all(dst);
	return -ENOMEM;
}

void anon_vma_unlink_all(struct vm_area_struct *vma)
{
	struct mmsim_machine *machine = vma->mm->machine;
	struct anon_vma_chain *avc, *next;

	if (vma->anon_vma)
		vma->anon_vma->num_active_vmas--;
	vma->anon_vma = NULL;
	/* The list goes from the newest to the root.  What has no area left
	 * leaves its parent first, while all of them are still there. */
	list_for_each_safe(avc, next, &vma->anon_vma_chain, same_vma) {
		struct anon_vma *anon_vma = avc->anon_vma;

		chain_remove(avc);
		if (!anon_vma->chains.root) {
			anon_vma->parent->num_children--;
			continue;
		}
		list_del(&avc->same_vma);
		kmem_record_free(machine, KMEM_ANON_VMA_CHAIN, avc);
	}
	list_for_each_safe(avc, next, &vma->anon_vma_chain, same_vma) {
		struct anon_vma *anon_vma = avc->anon_vma;

		list_del(&avc->same_vma);
		kmem_record_free(machine, KMEM_ANON_VMA_CHAIN, avc);
		anon_vma_put(machine, anon_vma);
	}
}

void anon_vma_before_resize(struct vm_area_struct *vma)
{
	struct anon_vma_chain *avc;

	list_for_each(avc, &vma->anon_vma_chain, same_vma)
		chain_remove(avc);
}

void anon_vma_after_resize(struct vm_area_struct *vma)
{
	struct anon_vma_chain *avc;

	list_for_each(avc, &vma->anon_vma_chain, same_vma)
		chain_insert(avc);
}

bool anon_vma_is_singular(const struct vm_area_struct *vma)
{
	const struct list_head *head = &vma->anon_vma_chain;

	return !list_is_empty(head) && head->next->next == head;
}

struct anon_vma_chain *anon_vma_find(const struct anon_vma *anon_vma,
				     uint64_t index)
{
	struct tree_node *node = anon_vma->chains.root;
	struct anon_vma_chain *found = NULL;

	while (node) {
		struct anon_vma_chain *avc =
			tree_entry(node, struct anon_vma_chain, node);
		struct anon_vma_chain *left =
			node->left ? tree_entry(node->left,
						struct anon_vma_chain, node) :
				     NULL;

		if (left && left->subtree_last >= index) {
			/* If the left branch has none, then those that reach
			 * index begin behind it, and all others with them. */
			node = node->left;
			continue;
		}
		if (chain_first(avc) > index)
			break;
		if (chain_last(avc) >= index) {
			found = avc;
			break;
		}
		node = node->right;
	}
	return found;
}

struct anon_vma_chain *anon_vma_find_next(struct anon_vma_chain *avc,
					  uint64_t index)
{
	struct tree_node *node = &avc->node;

	while ((node = tree_next(node)) != NULL) {
		avc = tree_entry(node, struct anon_vma_chain, node);
		if (chain_first(avc) > index)
			return NULL;
		if (chain_last(avc) >= index)
			return avc;
	}
	return NULL;
}
