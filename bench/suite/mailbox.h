/*
 * mailbox: how the threads of a row give each other blocks to free.
 *
 * The threads stand in a ring; each has a box, and the one before it sends:
 *
 *     thread 0 --> box 1    thread 1 --> box 2 ...    the last --> box 0
 *
 * A box holds MAILBOX_MAX letters.  Who finds it full reads its own box and
 * then waits; who has no more to send reads on until its sender has closed.  So
 * each letter is read by its receiver, memory has a bound, and nobody waits
 * for ever.
 */
#ifndef MMSIM_BENCH_MAILBOX_H
#define MMSIM_BENCH_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

enum { MAILBOX_MAX = 8 };

/* The head of every letter, which comes from malloc. */
struct letter {
	struct letter *next;
};

struct mailbox {
	_Alignas(64) _Atomic(struct letter *) first; /* the newest */
	atomic_int letters;                          /* sent and not yet read */
	atomic_bool closed; /* no letter will come any more */
};

/* Frees what the letter holds, and the letter. */
typedef void letter_reader(struct letter *letter);

struct mail_ring {
	int threads;
	letter_reader *read;
	struct mailbox *box; /* [threads] */
};

/* Puts a letter into the box of the thread after `from`. */
void mail_send(struct mail_ring *ring, int from, struct letter *letter);

/* Reads all that thread `me` has been sent. */
void mail_read(struct mail_ring *ring, int me);

/* The last call of thread `me`. */
void mail_close(struct mail_ring *ring, int me);

#endif
