/*
 * gomap.c - growing, evacuating, inserting and deleting in Go's bucket map
 *
 * The order of checks is that of Go's mapassign, mapdelete, hashGrow and
 * evacuate.  While a map grows, the pairs of an old bucket are either all in
 * the old array or all in the new one; a write to a bucket moves its old
 * bucket first and one more for progress, so a growth ends before the next one
 * can be due.
 *
 * Running out of memory ends the process, as it does in Go.
 */
#include "bench/baseline/gomap.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define TAG_BITS 8
/* Beyond this Go takes a hint for a mistake; its limit is 2^48 bytes. */
#define BYTES_MAX (UINT64_C(1) << 48)

static _Atomic uint64_t random_state;

void
gomap_seed_random(uint64_t state)
{
	/* relaxed: no other data goes with the state. */
	atomic_store_explicit(&random_state, state | 1, memory_order_relaxed);
}

/* SplitMix64; the state only has to differ from call to call. */
static uint64_t
draw(void)
{
	uint64_t x;

	/* relaxed: two threads that both find 0 both seed it, which is fine. */
	if (!atomic_load_explicit(&random_state, memory_order_relaxed)) {
		if (getrandom(&x, sizeof x, 0) != sizeof x)
			x = (uintptr_t)&x;
		gomap_seed_random(x);
	}
	/* relaxed: as above. */
	x = atomic_fetch_add_explicit(&random_state,
				      UINT64_C(0x9e3779b97f4a7c15),
				      memory_order_relaxed);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* ----------------------------------------------------------------- memory */

/* Go allocates a sixteenth more from B = 4 on, as overflow buckets. */
static size_t
array_length(unsigned B)
{
	return ((size_t)1 << B) + (B < 4 ? 0 : (size_t)1 << (B - 4));
}

static struct gomap_bucket *
allocate(struct gomap *m, size_t n)
{
	struct gomap_bucket *b = calloc(n, sizeof *b);

	if (!b) {
		fprintf(stderr, "gomap: out of memory for %zu buckets\n", n);
		abort();
	}
	m->bytes += n * sizeof *b;
	return b;
}

static void
release(struct gomap *m, struct gomap_bucket *b, size_t n)
{
	m->bytes -= n * sizeof *b;
	free(b);
}

static void
new_array(struct gomap *m)
{
	size_t n = array_length(m->B);

	m->mask = (UINT64_C(1) << m->B) - 1;
	m->buckets = allocate(m, n);
	m->spare = m->buckets + m->mask + 1;
	m->spare_end = m->buckets + n;
}

/* Free what hangs behind a bucket of an array, but not the array's spares. */
static void
release_chain(struct gomap *m, struct gomap_bucket *b,
	      const struct gomap_bucket *array, size_t length)
{
	struct gomap_bucket *next = b->overflow;

	b->overflow = NULL;
	while ((b = next)) {
		next = b->overflow;
		if (b < array || b >= array + length)
			release(m, b, 1);
	}
}

static void
release_array(struct gomap *m, struct gomap_bucket *array, unsigned B)
{
	size_t length = array_length(B);

	for (size_t i = 0; i < (size_t)1 << B; i++)
		release_chain(m, &array[i], array, length);
	release(m, array, length);
}

static unsigned
old_B(const struct gomap *m)
{
	return m->same_size ? m->B : m->B - 1u;
}

/* ----------------------------------------------------------------- limits */

static bool
over_load(uint64_t count, unsigned B)
{
	return count > GOMAP_SLOTS && count > 13 * ((UINT64_C(1) << B) / 2);
}

static bool
too_many_overflows(const struct gomap *m)
{
	return m->overflows >= 1u << (m->B < 15 ? m->B : 15);
}

/* From B = 16 on only one in 2^(B - 15) is counted, so 16 bits are enough. */
static void
count_overflow(struct gomap *m)
{
	if (m->B < 16 || !(draw() & ((UINT64_C(1) << (m->B - 15)) - 1)))
		m->overflows++;
}

void
gomap_init(struct gomap *m, size_t hint)
{
	if (hint > BYTES_MAX / sizeof(struct gomap_bucket))
		hint = 0;
	*m = (struct gomap){ .seed = draw() };
	while (over_load(hint, m->B))
		m->B++;
	if (m->B)
		new_array(m);
}

void
gomap_fini(struct gomap *m)
{
	if (m->old)
		release_array(m, m->old, old_B(m));
	if (m->buckets)
		release_array(m, m->buckets, m->B);
	m->old = m->buckets = NULL;
}

void
gomap_clear_into(struct gomap *m, struct gomap *content)
{
	*content = *m;
	*m = (struct gomap){
		.seed = draw(),
		.B = m->B,
		.grows = m->grows,
		.same_size_grows = m->same_size_grows,
	};
	if (content->buckets)
		new_array(m);
}

/* ---------------------------------------------------------------- buckets */

static void
set_tag(struct gomap_bucket *b, unsigned slot, uint8_t tag)
{
	unsigned shift = TAG_BITS * slot;

	b->tags = (b->tags & ~(UINT64_C(0xff) << shift)) | (uint64_t)tag
								   << shift;
}

static void
fill(struct gomap_bucket *b, unsigned slot, uint8_t tag, gomap_key key,
     void *elem)
{
	set_tag(b, slot, tag);
	b->key[slot] = key;
	b->elem[slot] = elem;
}

/* A new overflow bucket behind b, which is the last of its chain. */
static struct gomap_bucket *
append(struct gomap *m, struct gomap_bucket *b)
{
	count_overflow(m);
	b->overflow = m->spare < m->spare_end ? m->spare++ : allocate(m, 1);
	return b->overflow;
}

/* ----------------------------------------------------------------- growth */

static void
grow_begin(struct gomap *m)
{
	m->same_size = !over_load(m->count + 1, m->B);
	m->old = m->buckets;
	m->old_mask = m->mask;
	m->B += !m->same_size;
	m->evacuated = 0;
	m->overflows = 0;
	*(m->same_size ? &m->same_size_grows : &m->grows) += 1;
	new_array(m);
}

/* Where the pairs of an old bucket go next. */
struct destination {
	struct gomap_bucket *bucket;
	unsigned slot;
};

static void
move(struct gomap *m, struct destination *to, uint8_t tag, gomap_key key,
     void *elem)
{
	if (to->slot == GOMAP_SLOTS)
		*to = (struct destination){ append(m, to->bucket), 0 };
	fill(to->bucket, to->slot++, tag, key, elem);
}

static void
move_slot(struct gomap *m, struct destination to[2], struct gomap_bucket *b,
	  unsigned slot)
{
	uint8_t tag = gomap_tag_at(b->tags, slot);
	bool upper = false;

	if (tag <= GOMAP_EMPTY_ONE) {
		set_tag(b, slot, GOMAP_EVACUATED_EMPTY);
		return;
	}
	if (!m->same_size)
		upper = gomap_hash(b->key[slot], m->seed) & (m->old_mask + 1);
	move(m, &to[upper], tag, b->key[slot], b->elem[slot]);
	set_tag(b, slot, upper ? GOMAP_EVACUATED_Y : GOMAP_EVACUATED_X);
}

/* Go looks at 1024 buckets at most, so that one write stays bounded. */
static void
advance(struct gomap *m)
{
	size_t length = m->old_mask + 1;
	size_t stop = ++m->evacuated + 1024;

	if (stop > length)
		stop = length;
	while (m->evacuated != stop &&
	       gomap_is_evacuated(&m->old[m->evacuated]))
		m->evacuated++;
	if (m->evacuated != length)
		return;
	release(m, m->old, array_length(old_B(m)));
	m->old = NULL;
	m->same_size = false;
}

static void
evacuate(struct gomap *m, size_t index)
{
	struct gomap_bucket *head = &m->old[index];
	struct destination to[2] = { { &m->buckets[index], 0 } };

	if (!gomap_is_evacuated(head)) {
		if (!m->same_size)
			to[1].bucket = &m->buckets[index + m->old_mask + 1];
		for (struct gomap_bucket *b = head; b; b = b->overflow)
			for (unsigned i = 0; i < GOMAP_SLOTS; i++)
				move_slot(m, to, b, i);
		release_chain(m, head, m->old, array_length(old_B(m)));
	}
	if (index == m->evacuated)
		advance(m);
}

/* What each write to a growing map owes: its own old bucket and one more. */
static void
grow_work(struct gomap *m, uint64_t hash)
{
	if (m->old)
		evacuate(m, hash & m->old_mask);
	if (m->old)
		evacuate(m, m->evacuated);
}

/* ------------------------------------------------------------------ write */

/* A free slot of a chain, or its last bucket when there is none. */
static struct destination
find_free(struct gomap_bucket *b)
{
	for (;; b = b->overflow) {
		uint64_t empty = gomap_zero_bytes(
			b->tags & ~(GOMAP_EMPTY_ONE * GOMAP_EACH_BYTE));

		if (empty)
			return (struct destination){
				b, (unsigned)__builtin_ctzll(empty) / TAG_BITS
			};
		if (!b->overflow)
			return (struct destination){ b, GOMAP_SLOTS };
	}
}

void
gomap_set(struct gomap *m, gomap_key key, void *elem)
{
	uint64_t hash = gomap_hash(key, m->seed);
	uint8_t tag = gomap_tag(hash);
	struct gomap_bucket *head;
	struct destination to;
	void *const *slot;

	if (!m->buckets)
		new_array(m);
	grow_work(m, hash);
	slot = gomap_find(&m->buckets[hash & m->mask], tag, key);
	if (slot) {
		*(void **)slot = elem;
		return;
	}
	if (!m->old &&
	    (over_load(m->count + 1, m->B) || too_many_overflows(m))) {
		grow_begin(m);
		grow_work(m, hash);
	}
	head = &m->buckets[hash & m->mask];
	to = find_free(head);
	move(m, &to, tag, key, elem);
	m->count++;
}

static bool
rest_is_empty(const struct gomap_bucket *b, unsigned slot)
{
	if (slot < GOMAP_SLOTS - 1)
		return gomap_tag_at(b->tags, slot + 1) == GOMAP_EMPTY_REST;
	return !b->overflow ||
	       gomap_tag_at(b->overflow->tags, 0) == GOMAP_EMPTY_REST;
}

/* Empty the slot; if it was the last one in use, let searches stop earlier. */
static void
empty(struct gomap_bucket *head, struct gomap_bucket *b, unsigned slot)
{
	struct gomap_bucket *before;

	set_tag(b, slot, GOMAP_EMPTY_ONE);
	b->elem[slot] = NULL;
	if (!rest_is_empty(b, slot))
		return;
	while (gomap_tag_at(b->tags, slot) == GOMAP_EMPTY_ONE) {
		set_tag(b, slot, GOMAP_EMPTY_REST);
		if (slot--)
			continue;
		if (b == head)
			return;
		for (before = head; before->overflow != b;)
			before = before->overflow;
		b = before;
		slot = GOMAP_SLOTS - 1;
	}
}

void *
gomap_remove(struct gomap *m, gomap_key key)
{
	uint64_t hash = gomap_hash(key, m->seed);
	struct gomap_bucket *head, *b;
	void *const *slot;
	void *elem;

	if (!m->count)
		return NULL;
	grow_work(m, hash);
	b = head = &m->buckets[hash & m->mask];
	slot = gomap_find(head, gomap_tag(hash), key);
	if (!slot)
		return NULL;
	while (slot < b->elem || slot >= b->elem + GOMAP_SLOTS)
		b = b->overflow;
	elem = *slot;
	empty(head, b, (unsigned)(slot - b->elem));
	/* A map that became empty gets another seed, against chosen keys. */
	if (!--m->count)
		m->seed = draw();
	return elem;
}

/* ------------------------------------------------------------------- walk */

/*
 * The next chain.  A new bucket whose old one was not moved yet is empty, and
 * so to a walk is an old one that was: the arrays can follow one another.
 */
static bool
next_chain(struct gomap_iter *it)
{
	const struct gomap *m = it->map;
	size_t i = it->next++;

	if (!m->count)
		return false;
	if (i <= m->mask) {
		it->bucket = &m->buckets[i];
		return true;
	}
	i -= m->mask + 1;
	if (!m->old || i > m->old_mask)
		return false;
	it->bucket = &m->old[i];
	return true;
}

bool
gomap_next(struct gomap_iter *it, gomap_key *key, void **elem)
{
	do {
		for (; it->bucket; it->bucket = it->bucket->overflow) {
			while (it->slot < GOMAP_SLOTS) {
				unsigned i = it->slot++;

				if (gomap_tag_at(it->bucket->tags, i) <
				    GOMAP_TAG_MIN)
					continue;
				*key = it->bucket->key[i];
				*elem = it->bucket->elem[i];
				return true;
			}
			it->slot = 0;
		}
	} while (next_chain(it));
	return false;
}
