/*
 * test_twomap_race.c - several threads on one two-map
 *
 * Threads do not assert, they count what is wrong; the main thread asserts
 * after it has joined them.  Keys come from windows that move on, so that new
 * keys, copies, expunged entries and promotions go on to the end.
 */
#include "tests/baseline/twomap_check.h"

#include <pthread.h>

#define THREADS 3u
#define OPERATIONS 120000u
#define DWELL 200u /* operations before a window moves on by one key */

#define OWN 24u

/* A window of keys that no other thread has, and what was left there. */
struct owner {
	uint64_t base;
	bool present[OWN];
	uint64_t value[OWN];
	unsigned shown[OWN];
};

struct worker {
	struct twomap *map;
	void (*step)(struct worker *w, unsigned i);
	unsigned id;
	uint64_t random;
	uint64_t wrong;
	uint64_t hits, misses, taken, swapped;
	uint64_t in, out; /* sums of the values put in and got back */
	struct owner own; /* of those who have keys of their own */
};

static void *
work(void *arg)
{
	struct worker *w = arg;

	twomap_thread_begin();
	for (unsigned i = 0; i < OPERATIONS; i++) {
		w->step(w, i);
		if (i % 16 == 0)
			twomap_quiescent();
	}
	twomap_thread_end();
	return NULL;
}

/* Take each step in THREADS threads; the sums of their counts. */
static struct worker
run(struct twomap *m, void (*step)(struct worker *w, unsigned i))
{
	uint64_t random = kit_seed();
	struct worker w[THREADS], sum = { .map = m };
	pthread_t thread[THREADS];

	gomap_seed_random(random);
	for (unsigned i = 0; i < THREADS; i++) {
		w[i] = (struct worker){ .map = m, .step = step, .id = i };
		w[i].random = kit_random(&random);
		assert_int_equal(pthread_create(&thread[i], NULL, work, &w[i]),
				 0);
	}
	/* So that this thread does not stop reclamation while it waits. */
	twomap_thread_end();
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		sum.wrong += w[i].wrong;
		sum.hits += w[i].hits;
		sum.misses += w[i].misses;
		sum.taken += w[i].taken;
		sum.swapped += w[i].swapped;
		sum.in += w[i].in;
		sum.out += w[i].out;
	}
	twomap_thread_begin();
	return sum;
}

/* A race that was never run proves nothing. */
static void
check_run(const struct worker *sum)
{
	struct twomap_counters c = counters(sum->map);

	check_cleared(sum->map);
	assert_int_equal(sum->wrong, 0);
	assert_true(sum->hits > 1000);
	assert_true(sum->misses > 1000);
	assert_true(sum->taken > 1000);
	assert_true(sum->swapped > 1000);
	assert_true(c.promotions > 50);
	assert_true(c.copies > 50);
	assert_true(c.expunged > 50);
	assert_true(c.locked_misses > 1000);
}

/* --------------------------------------------- values that name their keys */

static bool
names(uint64_t key, uint64_t value)
{
	return value >> 8 == key;
}

static bool
see_named(void *arg, uint64_t key, uint64_t value)
{
	struct worker *w = arg;

	w->wrong += !names(key, value);
	return true;
}

static void
any_operation(struct worker *w, uint64_t key, uint64_t tag)
{
	uint64_t value = key << 8 | (tag & 1), other = value ^ 1;
	uint64_t got = value;
	bool found = false;

	switch (kit_random(&w->random) % 20) {
	default:
		found = number_load(w->map, key, &got);
		*(found ? &w->hits : &w->misses) += 1;
		break;
	case 0:
	case 1:
	case 2:
		number_store(w->map, key, value);
		break;
	case 3:
	case 4:
		found = number_swap(w->map, key, value, &got);
		break;
	case 5:
	case 6:
		number_load_or_store(w->map, key, value, &got);
		break;
	case 7:
	case 8:
		found = number_load_and_delete(w->map, key, &got);
		w->taken += found;
		break;
	case 9:
	case 10:
		w->swapped +=
			number_compare_and_swap(w->map, key, value, other);
		break;
	case 11:
		w->taken += number_compare_and_delete(w->map, key, value);
		break;
	case 12:
		if (kit_random(&w->random) % 8 == 0)
			number_range(w->map, see_named, w);
		break;
	}
	w->wrong += !names(key, got);
}

static void
step_in_window(struct worker *w, unsigned i)
{
	uint64_t base = 1 + i / DWELL;
	uint64_t key = base + kit_random(&w->random) % 32;

	if (i % DWELL == 0)
		number_delete(w->map, base - 1);
	any_operation(w, key, kit_random(&w->random));
}

static void
test_threads_never_find_the_value_of_another_key(void **state)
{
	struct worker sum = run(*state, step_in_window);

	check_run(&sum);
}

static void
step_and_clear(struct worker *w, unsigned i)
{
	uint64_t key = kit_random(&w->random) % 48;

	any_operation(w, key, kit_random(&w->random));
	if (i % 500 == 0)
		twomap_clear(w->map);
}

static void
test_clear_races_with_every_operation(void **state)
{
	struct worker sum = run(*state, step_and_clear);

	check_cleared(*state);
	assert_int_equal(sum.wrong, 0);
	assert_true(sum.hits > 1000 && sum.taken > 1000);
	assert_true(counters(*state).promotions > 50);
}

/* ------------------------------------------- each thread has keys of its own
 */

/* Key number n of a thread, which no other thread has. */
static uint64_t
own_key(const struct worker *w, uint64_t n)
{
	return n * THREADS + w->id;
}

static bool
see_own(void *arg, uint64_t key, uint64_t value)
{
	struct worker *w = arg;
	struct owner *o = &w->own;
	uint64_t n = key / THREADS;

	if (key % THREADS != w->id)
		return true;
	w->wrong += n < o->base || n >= o->base + OWN || !o->present[n % OWN] ||
		    o->value[n % OWN] != value;
	o->shown[n % OWN]++;
	return true;
}

/* Range must show what is there exactly once, and nothing else. */
static void
check_own_range(struct worker *w)
{
	struct owner *o = &w->own;

	for (unsigned i = 0; i < OWN; i++)
		o->shown[i] = 0;
	number_range(w->map, see_own, w);
	for (unsigned i = 0; i < OWN; i++)
		w->wrong += o->shown[i] != o->present[i];
}

static void
own_operation(struct worker *w, uint64_t n, uint64_t value)
{
	struct owner *o = &w->own;
	uint64_t key = own_key(w, n), got = 0, expected = o->value[n % OWN];
	bool was = o->present[n % OWN], found = was, is = true;

	switch (kit_random(&w->random) % 8) {
	default:
		found = number_load(w->map, key, &got);
		*(found ? &w->hits : &w->misses) += 1;
		is = was;
		value = expected;
		break;
	case 0:
		number_store(w->map, key, value);
		got = expected;
		break;
	case 1:
		found = number_swap(w->map, key, value, &got);
		break;
	case 2:
		found = number_load_or_store(w->map, key, value, &got);
		w->wrong += got != (was ? expected : value);
		value = got;
		break;
	case 3:
		found = number_load_and_delete(w->map, key, &got);
		w->taken += found;
		is = false;
		break;
	case 4:
		found = number_compare_and_swap(w->map, key, expected, value);
		w->swapped += found;
		got = expected;
		is = was;
		break;
	case 5:
		found = number_compare_and_delete(w->map, key, expected);
		got = expected;
		is = false;
		break;
	}
	w->wrong += found != was || (was && got != expected);
	o->present[n % OWN] = is;
	o->value[n % OWN] = value;
}

static void
step_on_own(struct worker *w, unsigned i)
{
	struct owner *o = &w->own;
	uint64_t n;

	if (i % DWELL == DWELL - 1) {
		n = o->base++;
		w->wrong += number_delete(w->map, own_key(w, n)) !=
			    o->present[n % OWN];
		o->present[n % OWN] = false;
	}
	n = o->base + kit_random(&w->random) % OWN;
	own_operation(w, n, kit_random(&w->random));
	if (i % 256 == 0)
		check_own_range(w);
}

/* What one thread stored, no copy and no promotion of another one loses. */
static void
test_a_thread_alone_on_its_keys_finds_them_as_it_left_them(void **state)
{
	struct worker sum = run(*state, step_on_own);

	check_run(&sum);
}

/* ----------------------------------------------------- nothing is lost twice
 */

static void
exchange(struct worker *w, uint64_t key, uint64_t value)
{
	uint64_t got = 0;

	switch (kit_random(&w->random) % 5) {
	case 0:
		w->taken += number_swap(w->map, key, value, &got);
		w->in += value;
		w->out += got;
		break;
	case 1:
		if (!number_load_or_store(w->map, key, value, &got))
			w->in += value;
		break;
	case 2:
		w->taken += number_load_and_delete(w->map, key, &got);
		w->out += got;
		break;
	case 3:
		*(number_load(w->map, key, &got) ? &w->hits : &w->misses) += 1;
		if (got && number_compare_and_swap(w->map, key, got, value)) {
			w->swapped++;
			w->in += value;
			w->out += got;
		}
		break;
	default:
		*(number_load(w->map, key, &got) ? &w->hits : &w->misses) += 1;
		if (got && number_compare_and_delete(w->map, key, got))
			w->out += got;
	}
}

static void
step_exchange(struct worker *w, unsigned i)
{
	uint64_t base = 1 + i / DWELL, key, got = 0;

	if (i % DWELL == 0 && number_load_and_delete(w->map, base - 1, &got))
		w->out += got;
	key = base + kit_random(&w->random) % 8;
	exchange(w, key, kit_random(&w->random) | 1);
	if (i % 64 == 0)
		promote(w->map);
}

static bool
add_value(void *arg, uint64_t key, uint64_t value)
{
	(void)key;
	*(uint64_t *)arg += value;
	return true;
}

/* Each value put in is got back once, or is still there (sums modulo 2^64). */
static void
test_each_value_is_handed_back_exactly_once(void **state)
{
	struct worker sum = run(*state, step_exchange);
	uint64_t left = 0;

	number_range(*state, add_value, &left);
	assert_true(sum.in == sum.out + left);
	check_run(&sum);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_MAP(test_threads_never_find_the_value_of_another_key),
		ON_MAP(test_clear_races_with_every_operation),
		ON_MAP(test_a_thread_alone_on_its_keys_finds_them_as_it_left_them),
		ON_MAP(test_each_value_is_handed_back_exactly_once),
	};

	alarm(TEST_SECONDS);
	return cmocka_run_group_tests_name("twomap_race", tests, NULL, NULL);
}
