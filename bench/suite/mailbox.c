/*
 * mailbox: a stack of letters for each thread, without a lock.
 *
 * Any number may push (here one thread does) and the receiver takes the whole
 * stack at once, so that no letter can be pushed, taken and pushed again under
 * a slow pusher's eyes.
 */
#include "mailbox.h"

#include <pthread.h>
#include <stddef.h>

/* Threads sleep here until something was sent or read. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	atomic_int sleepers;
} waiting = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

static struct mailbox *box_after(struct mail_ring *ring, int me)
{
	return &ring->box[(me + 1) % ring->threads];
}

/* After every change: a sleeper looks again. */
static void tell_sleepers(void)
{
	if (!atomic_load(&waiting.sleepers))
		return;
	pthread_mutex_lock(&waiting.lock);
	pthread_cond_broadcast(&waiting.changed);
	pthread_mutex_unlock(&waiting.lock);
}

static bool is_full(struct mailbox *box)
{
	return atomic_load(&box->letters) >= MAILBOX_MAX;
}

static bool has_news(struct mailbox *box)
{
	return atomic_load(&box->first) || atomic_load(&box->closed);
}

/* Until thread `me` can send, or has something to read. */
static void sleep_until_room(struct mail_ring *ring, int me)
{
	atomic_fetch_add(&waiting.sleepers, 1);
	pthread_mutex_lock(&waiting.lock);
	while (is_full(box_after(ring, me)) &&
	       !atomic_load(&ring->box[me].first))
		pthread_cond_wait(&waiting.changed, &waiting.lock);
	pthread_mutex_unlock(&waiting.lock);
	atomic_fetch_sub(&waiting.sleepers, 1);
}

static void sleep_until_news(struct mailbox *box)
{
	atomic_fetch_add(&waiting.sleepers, 1);
	pthread_mutex_lock(&waiting.lock);
	while (!has_news(box))
		pthread_cond_wait(&waiting.changed, &waiting.lock);
	pthread_mutex_unlock(&waiting.lock);
	atomic_fetch_sub(&waiting.sleepers, 1);
}

void mail_read(struct mail_ring *ring, int me)
{
	struct mailbox *box = &ring->box[me];
	struct letter *l = atomic_exchange(&box->first, NULL);

	while (l) {
		struct letter *next = l->next;

		ring->read(l);
		atomic_fetch_sub(&box->letters, 1);
		l = next;
	}
	tell_sleepers();
}

void mail_send(struct mail_ring *ring, int from, struct letter *letter)
{
	struct mailbox *box = box_after(ring, from);

	while (is_full(box)) {
		mail_read(ring, from);
		sleep_until_room(ring, from);
	}
	atomic_fetch_add(&box->letters, 1);
	letter->next = atomic_load(&box->first);
	while (!atomic_compare_exchange_weak(&box->first, &letter->next,
					     letter))
		;
	tell_sleepers();
}

void mail_close(struct mail_ring *ring, int me)
{
	struct mailbox *mine = &ring->box[me];

	atomic_store(&box_after(ring, me)->closed, true);
	tell_sleepers();
	while (!atomic_load(&mine->closed)) {
		mail_read(ring, me);
		sleep_until_news(mine);
	}
	mail_read(ring, me);
}
