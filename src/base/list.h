/*
 * list.h: a doubly linked list whose links stand in its members.
 *
 * The head is a link too, so that putting in and taking out have no special
 * cases; an empty list's head points to itself.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/base.h"

struct list_head {
	struct list_head *next, *prev;
};

static inline void list_init(struct list_head *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_is_empty(const struct list_head *head)
{
	return head->next == head;
}

/* Puts `link` between `prev` and the one behind it. */
static inline void list_insert_after(struct list_head *link,
				     struct list_head *prev)
{
	struct list_head *next = prev->next;

	link->next = next;
	link->prev = prev;
	next->prev = link;
	prev->next = link;
}

static inline void list_add(struct list_head *link, struct list_head *head)
{
	list_insert_after(link, head);
}

static inline void list_add_tail(struct list_head *link, struct list_head *head)
{
	list_insert_after(link, head->prev);
}

/* Takes `link` out of its list; it is an empty list afterwards. */
static inline void list_del(struct list_head *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

static inline void list_move(struct list_head *link, struct list_head *head)
{
	list_del(link);
	list_add(link, head);
}

static inline void list_move_tail(struct list_head *link,
				  struct list_head *head)
{
	list_del(link);
	list_add_tail(link, head);
}

/* What stands in `from` goes to the front of `to`. */
static inline void list_splice(struct list_head *from, struct list_head *to)
{
	if (list_is_empty(from))
		return;
	from->next->prev = to;
	from->prev->next = to->next;
	to->next->prev = from->prev;
	to->next = from->next;
	list_init(from);
}

#define list_entry(link, type, member) container_of(link, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)
#define list_last(head, type, member) list_entry((head)->prev, type, member)

/* `pos` walks the members; it may not be taken out meanwhile. */
#define list_for_each(pos, head, member)                                       \
	for (pos = list_first(head, __typeof__(*pos), member);                 \
	     &pos->member != (head);                                           \
	     pos = list_first(&pos->member, __typeof__(*pos), member))

/* The same, and `pos` may be taken out; `tmp` is the one behind it. */
#define list_for_each_safe(pos, tmp, head, member)                             \
	for (pos = list_first(head, __typeof__(*pos), member),                 \
	    tmp = list_first(&pos->member, __typeof__(*pos), member);          \
	     &pos->member != (head);                                           \
	     pos = tmp, tmp = list_first(&tmp->member, __typeof__(*tmp), member))

#endif
