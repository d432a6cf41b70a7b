/*
 * threads N MB: so many threads share so many MB of blocks, give them to each
 * other, and look whether each still has what was written.
 *
 * The words of a block come from the seed in its slot.  A thread takes a slot,
 * checks the block in it, frees it, and puts a new one there; then the next
 * thread has to see exactly that.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { SLOTS = 4096, TURNS = 6, THREADS_MAX = 64 };

struct slot {
	pthread_mutex_t lock;
	uint64_t *words;
	size_t nr;
	uint64_t seed;
};

static struct slot slots[SLOTS];
static size_t mean_words;
static unsigned long nr_bad;

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 31) * UINT64_C(0x9e3779b97f4a7c15);
	return x ^ x >> 29;
}

static void slot_check(const struct slot *slot)
{
	for (size_t i = 0; i < slot->nr; i++)
		if (slot->words[i] != mix(slot->seed + i)) {
			__atomic_add_fetch(&nr_bad, 1, __ATOMIC_RELAXED);
			return;
		}
}

static void slot_renew(struct slot *slot, uint64_t seed)
{
	free(slot->words);
	slot->seed = seed;
	slot->nr = 1 + mix(seed) % (2 * mean_words);
	slot->words = malloc(slot->nr * sizeof(slot->words[0]));
	if (!slot->words) {
		perror("malloc");
		exit(1);
	}
	for (size_t i = 0; i < slot->nr; i++)
		slot->words[i] = mix(seed + i);
}

static void *work(void *arg)
{
	uint64_t random = (uintptr_t)arg + 1;

	for (int i = 0; i < TURNS * SLOTS / 8; i++) {
		struct slot *slot = &slots[mix(random += 77) % SLOTS];

		pthread_mutex_lock(&slot->lock);
		slot_check(slot);
		slot_renew(slot, random);
		pthread_mutex_unlock(&slot->lock);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int nr_threads = argc > 1 ? atoi(argv[1]) : 0;
	size_t mb = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	pthread_t threads[THREADS_MAX];

	if (nr_threads < 1 || nr_threads > THREADS_MAX || mb < 1)
		return 2;
	mean_words = (mb << 20) / SLOTS / sizeof(uint64_t);
	for (int i = 0; i < SLOTS; i++) {
		pthread_mutex_init(&slots[i].lock, NULL);
		slot_renew(&slots[i], (uint64_t)i << 32);
	}
	for (int i = 0; i < nr_threads; i++)
		if (pthread_create(&threads[i], NULL, work,
				   (void *)(uintptr_t)(i * 1000)))
			return 1;
	for (int i = 0; i < nr_threads; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < SLOTS; i++)
		slot_check(&slots[i]);
	printf("%lu blocks were not as they had been written\n", nr_bad);
	return nr_bad != 0;
}
