/*
 * test_map_size.c - nh_map as a whole: memory, fixed capacity, batches, clear
 */
#include "tests/unit/map_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

/* ------------------------------------------------------------------- memory */

static void
test_growing_map_keeps_every_key(void **state)
{
	for (uint64_t n = 1; n <= 1 << 15; n *= 2) {
		put_range(*state, n / 2, n);
		assert_int_equal(nh_map_len(*state), n);
		assert_range(*state, 0, n);
		assert_false(number_is_there(*state, n));
	}
	assert_true(map_stats(*state).grows > 256);
}

/* What number_put() of so many numbers asks for, with headers. */
static uint64_t
bytes_of_numbers(uint64_t from, uint64_t to)
{
	char text[NUMBER_MOST];
	uint64_t bytes = 0;

	for (uint64_t i = from; i < to; i++)
		bytes += 8 + number_key(i, text) + number_value(i, text);
	return bytes;
}

static void
test_entries_are_counted_to_the_byte(void **state)
{
	struct nh_stats stats;

	for (uint64_t n = 0; n < 20000; n += 2000) {
		stats = map_stats(*state);
		assert_int_equal(stats.entries, n);
		assert_int_equal(stats.entry_bytes, bytes_of_numbers(0, n));
		assert_true(stats.slab_bytes >= stats.entry_bytes);
		put_range(*state, n, n + 2000);
		put_range(*state, n, n + 1000); /* overwriting takes nothing */
	}
	assert_in_range(stats.slab_bytes, 1, 2 * stats.entry_bytes);
	delete_range(*state, 100, 20000);
	assert_int_equal(map_stats(*state).entry_bytes,
			 bytes_of_numbers(0, 100));
}

static void
assert_little_left(const struct nh_map *m)
{
	struct nh_stats stats = map_stats(m);

	assert_int_equal(stats.entries, 0);
	assert_int_equal(stats.entry_bytes, 0);
	assert_int_equal(stats.slab_bytes, 0);
	assert_int_equal(stats.table_bytes, 0);
}

static void
test_shrink_of_an_emptied_map_leaves_nothing(void **state)
{
	unsigned char *large = calloc(1, 3000000);

	assert_non_null(large);
	put_range(*state, 0, 20000);
	assert_int_equal(nh_map_put(*state, "large", 5, large, 3000000), NH_OK);
	delete_range(*state, 0, 20000);
	assert_int_equal(word_delete(*state, "large"), NH_OK);
	assert_int_equal(map_stats(*state).entry_bytes, 0);
	assert_int_equal(nh_map_shrink(*state), NH_OK);
	assert_little_left(*state);
	put_range(*state, 0, 1000);
	assert_range(*state, 0, 1000);
	free(large);
}

static void
test_clear_removes_all_and_gives_memory_back(void **state)
{
	for (unsigned round = 0; round < 3; round++) {
		put_range(*state, 0, 20000);
		assert_int_equal(nh_map_clear(*state), NH_OK);
		assert_int_equal(nh_map_len(*state), 0);
		assert_little_left(*state);
		assert_false(number_is_there(*state, 7));
	}
	assert_int_equal(nh_map_clear(*state), NH_OK);
}

static void
test_a_map_gives_all_its_memory_back_when_destroyed(void **state)
{
	struct nh_config config = config_make(FIXTURE_SEED);
	uint64_t used = memory_of_process().used;
	struct nh_map *m = map_make(&config);
	unsigned char *large = calloc(1, 3000000);

	(void)state;
	assert_non_null(large);
	put_range(m, 0, 20000);
	assert_int_equal(nh_map_put(m, "large", 5, large, 3000000), NH_OK);
	assert_true(memory_of_process().used > used + 4000000);
	nh_map_destroy(m);
	assert_int_equal(memory_of_process().used, used);
	free(large);
}

static void
test_reserve_makes_room_and_keeps_it(void **state)
{
	uint64_t before;

	assert_int_equal(nh_map_reserve(*state, 30000), NH_OK);
	before = map_migrations(*state);
	put_range(*state, 0, 30000);
	delete_range(*state, 0, 30000);
	/* A segment may get more than its share. */
	assert_in_range(map_migrations(*state) - before, 0, 256 / 8);
	assert_int_equal(nh_map_shrink(*state), NH_OK);
	assert_little_left(*state);
}

static void
test_deletes_shrink_the_map_without_a_call(void **state)
{
	uint64_t full;

	put_range(*state, 0, 60000);
	full = map_stats(*state).table_bytes;
	delete_range(*state, 600, 60000);
	assert_true(map_stats(*state).table_bytes < full / 2);
	assert_range(*state, 0, 600);
}

/* ----------------------------------------------------------- fixed capacity */

static struct nh_map *
fixed_make(uint64_t capacity)
{
	struct nh_config config = config_make(FIXTURE_SEED);

	config.capacity = capacity;
	config.fixed = true;
	return map_make(&config);
}

static void
test_fixed_map_refuses_every_kind_of_insert_when_full(void **state)
{
	struct nh_map *m = fixed_make(1000);
	struct answer a = { .verdict = NH_UPDATE_STORE, .store = { "x", 1 } };
	char key[NUMBER_MOST], room[8];
	struct nh_bytes one = { key, 0 };
	size_t k, len = sizeof(room), done = 99;
	uint64_t n = 0, bytes;
	bool loaded = true;
	const int full = NH_ERR_FULL;

	(void)state;
	while (number_put(m, n) == NH_OK)
		n++;
	assert_true(n >= 1000);
	k = one.len = number_key(n, key);
	bytes = map_stats(m).entry_bytes;
	assert_int_equal(nh_map_put(m, key, k, "x", 1), full);
	assert_int_equal(nh_map_insert(m, key, k, "x", 1), full);
	assert_int_equal(
		nh_map_load_or_store(m, key, k, "x", 1, room, &len, &loaded),
		full);
	assert_int_equal(nh_map_swap(m, key, k, "x", 1, room, &len, &loaded),
			 full);
	assert_int_equal(nh_map_update(m, key, k, give_answer, &a), full);
	assert_int_equal(nh_map_put_batch(m, &one, &one, 1, &done), full);
	assert_int_equal(a.calls, 0);
	assert_int_equal(done, 0);
	assert_int_equal(len, sizeof(room));
	assert_true(loaded);
	assert_int_equal(map_stats(m).entry_bytes, bytes);
	assert_int_equal(nh_map_len(m), n);
	put_range(m, 0, n); /* overwriting needs no room */
	assert_range(m, 0, n);
	assert_int_equal(nh_map_reserve(m, 1001), full);
	assert_int_equal(number_delete(m, 3), NH_OK);
	assert_int_equal(number_put(m, 3), NH_OK);
	assert_int_equal(nh_map_clear(m), NH_OK);
	put_range(m, 5000, 6000);
	assert_range(m, 5000, 6000);
	nh_map_destroy(m);
}

/* ------------------------------------------------------------------ batches */

#define BATCH_MOST 100

struct batch {
	char key[BATCH_MOST][NUMBER_MOST], value[BATCH_MOST][NUMBER_MOST];
	char room[BATCH_MOST][NUMBER_MOST];
	struct nh_bytes keys[BATCH_MOST], values[BATCH_MOST];
	struct nh_buffer buffers[BATCH_MOST];
	int results[BATCH_MOST];
};

/* The numbers from .. from + n - 1. */
static void
batch_set(struct batch *b, uint64_t from, size_t n)
{
	memset(b->room, UNTOUCHED, sizeof(b->room));
	for (size_t i = 0; i < n; i++) {
		b->keys[i].data = b->key[i];
		b->keys[i].len = number_key(from + i, b->key[i]);
		b->values[i].data = b->value[i];
		b->values[i].len = number_value(from + i, b->value[i]);
		b->buffers[i].data = b->room[i];
		b->buffers[i].len = NUMBER_MOST;
		b->results[i] = 9;
	}
}

static void
test_batches_of_any_size_put_and_get(void **state)
{
	static struct batch b;
	uint64_t from = 0;

	for (size_t n = 0; n <= BATCH_MOST; n++, from += n) {
		size_t done = 99999, hits = 99999;

		batch_set(&b, from, n);
		assert_int_equal(nh_map_get_batch(*state, b.keys, n, b.buffers,
						  b.results, &hits),
				 NH_OK);
		assert_int_equal(hits, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(b.results[i], NH_ERR_NOTFOUND);
		assert_int_equal(
			nh_map_put_batch(*state, b.keys, b.values, n, &done),
			NH_OK);
		assert_int_equal(done, n);
		assert_int_equal(nh_map_get_batch(*state, b.keys, n, b.buffers,
						  b.results, &hits),
				 NH_OK);
		assert_int_equal(hits, n);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(b.results[i], NH_OK);
			assert_int_equal(b.buffers[i].len, b.values[i].len);
			assert_memory_equal(b.room[i], b.value[i],
					    b.values[i].len);
		}
	}
}

static void
test_a_batch_tells_hits_misses_and_short_rooms_apart(void **state)
{
	static struct batch b;
	size_t hits = 0;

	put_range(*state, 100, 150);
	batch_set(&b, 70, 60);
	for (size_t i = 0; i < 60; i += 2)
		b.buffers[i].len = 1;
	assert_int_equal(nh_map_get_batch(*state, b.keys, 60, b.buffers,
					  b.results, &hits),
			 NH_OK);
	assert_int_equal(hits, 15);
	for (size_t i = 0; i < 60; i++) {
		size_t there = b.values[i].len;
		int want = i < 30	? NH_ERR_NOTFOUND
			   : i % 2 == 0 ? NH_ERR_SHORT
					: NH_OK;

		assert_int_equal(b.results[i], want);
		if (want == NH_OK)
			assert_memory_equal(b.room[i], b.value[i], there);
		else
			assert_int_equal((unsigned char)b.room[i][0],
					 UNTOUCHED);
		if (want != NH_ERR_NOTFOUND)
			assert_int_equal(b.buffers[i].len, there);
	}
}

static void
test_put_batch_keeps_the_order_of_duplicates(void **state)
{
	struct nh_bytes keys[40], values[40];

	for (unsigned i = 0; i < 40; i++) {
		keys[i] = (struct nh_bytes){ &"abc"[i % 3], 1 };
		values[i] = (struct nh_bytes){ &"0123456789"[i / 4], 1 };
	}
	assert_int_equal(nh_map_put_batch(*state, keys, values, 40, NULL),
			 NH_OK);
	assert_word(*state, "a", "9");
	assert_word(*state, "b", "9");
	assert_word(*state, "c", "9");
	assert_int_equal(nh_map_len(*state), 3);
}

/* ------------------------------------------------------------------ threads */

#define HOT 6
#define WRITERS 3
#define READERS 2
#define RACE_WHOLE 20000 /* values that each reader wants to see */
#define RACE_ABSENT 10

struct race {
	struct nh_map *map;
	unsigned id;
	uint64_t whole, absent;
	bool wrong;
};

static atomic_bool race_over;

/* A value says how long it is, in each byte. */
static size_t
race_value(struct rng *rng, unsigned char *to)
{
	size_t len = 1 + rng_below(rng, 200);

	memset(to, (int)len, len);
	return len;
}

static void *
race_write(void *arg)
{
	struct race *r = arg;
	struct rng rng = rng_make(r->id);
	unsigned char value[256];

	while (!atomic_load(&race_over) && !r->wrong) {
		const char *key = &"abcdef"[rng_below(&rng, HOT)];
		size_t len = race_value(&rng, value);
		int err = NH_OK;

		switch (rng_below(&rng, 16)) {
		case 0:
			err = nh_map_delete(r->map, key, 1);
			break;
		case 1:
			err = nh_map_insert(r->map, key, 1, value, len);
			break;
		default:
			err = nh_map_put(r->map, key, 1, value, len);
		}
		if (rng_below(&rng, 2000) == 0)
			err = nh_map_clear(r->map);
		if (rng_below(&rng, 2000) == 0)
			err = nh_map_shrink(r->map);
		r->wrong = err != NH_OK && err != NH_ERR_NOTFOUND &&
			   err != NH_ERR_EXISTS;
	}
	return NULL;
}

static void *
race_read(void *arg)
{
	struct race *r = arg;
	struct rng rng = rng_make(100 + r->id);
	unsigned char got[256];

	while ((r->whole < RACE_WHOLE || r->absent < RACE_ABSENT) &&
	       !r->wrong) {
		size_t len = sizeof(got);
		int err = nh_map_get(r->map, &"abcdef"[rng_below(&rng, HOT)], 1,
				     got, &len);

		r->absent += err == NH_ERR_NOTFOUND;
		if (err == NH_ERR_NOTFOUND)
			continue;
		r->whole++;
		r->wrong = err != NH_OK;
		for (size_t i = 0; i < len && !r->wrong; i++)
			r->wrong = got[i] != len;
	}
	return NULL;
}

/* Few keys, so that each freed entry is soon another value of them. */
static void
test_threads_only_read_whole_values_while_others_write_and_clear(void **state)
{
	struct race race[WRITERS + READERS];
	pthread_t thread[WRITERS + READERS];

	atomic_store(&race_over, false);
	for (unsigned i = 0; i < WRITERS + READERS; i++) {
		race[i] = (struct race){ .map = *state, .id = i };
		assert_int_equal(
			pthread_create(&thread[i], NULL,
				       i < READERS ? race_read : race_write,
				       &race[i]),
			0);
	}
	for (unsigned i = 0; i < WRITERS + READERS; i++) {
		if (i == READERS)
			atomic_store(&race_over, true);
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		assert_false(race[i].wrong);
	}
	assert_int_equal(nh_map_clear(*state), NH_OK);
	assert_int_equal(map_stats(*state).entry_bytes, 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		ON_MAP(test_growing_map_keeps_every_key),
		ON_MAP(test_entries_are_counted_to_the_byte),
		ON_MAP(test_shrink_of_an_emptied_map_leaves_nothing),
		ON_MAP(test_clear_removes_all_and_gives_memory_back),
		cmocka_unit_test(
			test_a_map_gives_all_its_memory_back_when_destroyed),
		ON_MAP(test_reserve_makes_room_and_keeps_it),
		ON_MAP(test_deletes_shrink_the_map_without_a_call),
		cmocka_unit_test(
			test_fixed_map_refuses_every_kind_of_insert_when_full),
		ON_MAP(test_batches_of_any_size_put_and_get),
		ON_MAP(test_a_batch_tells_hits_misses_and_short_rooms_apart),
		ON_MAP(test_put_batch_keeps_the_order_of_duplicates),
		ON_MAP(test_threads_only_read_whole_values_while_others_write_and_clear),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests_name("map_size", tests, NULL, NULL);
}
