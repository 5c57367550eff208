/*
 * test_gomap.c - the model of Go's bucket map keeps Go's rules
 *
 * An element is the address of its key's place in an array, so each look-up
 * can be checked for the right one.
 */
#include "bench/baseline/gomap.h"

#include <pthread.h>

#include "tests/baseline/kit.h"

#define KEYS 20000u
#define ARRAY_BYTES(B) (((1u << (B)) + (1u << (B)) / 16) * 144u)

static uint64_t place[KEYS];

static void *
elem_of(uint64_t key)
{
	return &place[key % KEYS];
}

static void
insert(struct gomap *m, uint64_t first, uint64_t n)
{
	for (uint64_t key = first; key < first + n; key++)
		gomap_set(m, key, elem_of(key));
}

static void
check_has(const struct gomap *m, uint64_t first, uint64_t n)
{
	for (uint64_t key = first; key < first + n; key++)
		assert_ptr_equal(gomap_get(m, key), elem_of(key));
}

static size_t
moved_buckets(const struct gomap *m)
{
	size_t moved = 0;

	for (size_t i = 0; m->old && i <= m->old_mask; i++)
		moved += gomap_is_evacuated(&m->old[i]);
	return moved;
}

static unsigned
chain_length(const struct gomap *m, size_t bucket)
{
	unsigned n = 0;

	for (const struct gomap_bucket *b = &m->buckets[bucket]; b;
	     b = b->overflow)
		n++;
	return n;
}

/* The next key from *from on that falls into a bucket. */
static uint64_t
next_colliding(const struct gomap *m, size_t bucket, uint64_t *from)
{
	while ((gomap_hash(*from, m->seed) & m->mask) != bucket)
		++*from;
	return (*from)++;
}

/* Insert keys until a growth begins, and stop in the middle of it. */
static uint64_t
stop_in_growth(struct gomap *m)
{
	uint64_t n = 0;

	while (n < 1000 || !m->old || moved_buckets(m) < 20)
		gomap_set(m, n, elem_of(n)), n++;
	assert_true(moved_buckets(m) <= m->old_mask);
	return n;
}

static void
test_a_bucket_has_eight_slots_in_144_bytes(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct gomap_bucket), 144);
	assert_int_equal(offsetof(struct gomap_bucket, overflow), 136);
}

static void
test_an_empty_map_has_no_bucket_and_finds_nothing(void **state)
{
	struct gomap m;

	(void)state;
	gomap_init(&m, 0);
	assert_null(gomap_get(&m, 1));
	assert_null(gomap_remove(&m, 1));
	assert_int_equal(m.bytes, 0);
	gomap_fini(&m);
}

static void
test_set_replaces_the_element_of_a_key_it_has(void **state)
{
	struct gomap m;

	(void)state;
	gomap_init(&m, 0);
	gomap_set(&m, 7, elem_of(1));
	gomap_set(&m, 7, elem_of(2));
	assert_int_equal(m.count, 1);
	assert_ptr_equal(gomap_get(&m, 7), elem_of(2));
	gomap_fini(&m);
}

static void
test_the_first_and_last_key_are_ordinary_keys(void **state)
{
	struct gomap m;

	(void)state;
	gomap_init(&m, 0);
	gomap_set(&m, 0, elem_of(1));
	gomap_set(&m, UINT64_MAX, elem_of(2));
	assert_ptr_equal(gomap_get(&m, 0), elem_of(1));
	assert_ptr_equal(gomap_get(&m, UINT64_MAX), elem_of(2));
	gomap_fini(&m);
}

/* 8 fit into one bucket; after that 6.5 times the buckets do. */
static void
test_the_array_doubles_when_a_pair_exceeds_the_load_of_6_5(void **state)
{
	struct gomap m;
	uint64_t grows;

	(void)state;
	gomap_init(&m, 0);
	for (uint64_t n = 0; n < KEYS; n++) {
		bool over = n + 1 > 8 && 2 * (n + 1) > 13u << m.B;
		uint8_t B = m.B;

		assert_true(!m.old || !over);
		grows = m.grows;
		gomap_set(&m, n, elem_of(n));
		assert_int_equal(m.grows - grows, over);
		assert_int_equal(m.B, B + over);
	}
	assert_int_equal(m.B, 12);
	check_has(&m, 0, KEYS);
	gomap_fini(&m);
}

static void
test_the_new_array_is_allocated_at_once(void **state)
{
	struct gomap m;
	uint64_t n = 0;

	(void)state;
	gomap_init(&m, 0);
	while (m.B < 10)
		gomap_set(&m, n, elem_of(n)), n++;
	assert_non_null(m.old);
	assert_int_equal(m.same_size, false);
	assert_true(m.bytes >= ARRAY_BYTES(10) + ARRAY_BYTES(9));
	gomap_fini(&m);
}

static void
test_a_write_moves_at_most_two_old_buckets_and_at_least_one(void **state)
{
	struct gomap m;
	size_t before, after;
	unsigned writes = 0;

	(void)state;
	gomap_init(&m, 0);
	for (uint64_t n = 0; n < KEYS; n++) {
		before = moved_buckets(&m);
		gomap_set(&m, n, elem_of(n));
		after = moved_buckets(&m);
		if (!m.old || after < before)
			continue;
		assert_in_range(after - before, 1, 2);
		writes++;
	}
	assert_true(writes > 1000);
	gomap_fini(&m);
}

static void
test_deletes_move_old_buckets_too(void **state)
{
	struct gomap m;
	uint64_t n;

	(void)state;
	gomap_init(&m, 0);
	n = stop_in_growth(&m);
	for (uint64_t key = 0; m.old; key++)
		gomap_remove(&m, key);
	assert_true(m.count > 0 && m.count < n);
	check_has(&m, n - m.count, m.count);
	gomap_fini(&m);
}

static void
test_a_map_in_the_middle_of_a_growth_finds_all_it_has(void **state)
{
	struct gomap m;
	uint64_t n;

	(void)state;
	gomap_init(&m, 0);
	n = stop_in_growth(&m);
	check_has(&m, 0, n);
	assert_null(gomap_get(&m, n));
	gomap_fini(&m);
}

static void
check_walk(const struct gomap *m)
{
	static uint8_t seen[KEYS];
	struct gomap_iter it = { .map = m };
	size_t n = 0;
	uint64_t key;
	void *elem;

	for (uint64_t i = 0; i < KEYS; i++)
		seen[i] = 0;
	while (gomap_next(&it, &key, &elem)) {
		assert_ptr_equal(elem, gomap_get(m, key));
		assert_int_equal(seen[key]++, 0);
		n++;
	}
	assert_int_equal(n, m->count);
}

static void
test_a_walk_shows_each_pair_once_in_any_state_of_growth(void **state)
{
	struct gomap m;
	unsigned growing = 0;

	(void)state;
	gomap_init(&m, 0);
	check_walk(&m);
	for (uint64_t n = 0; n < 1500; n++) {
		gomap_set(&m, n, elem_of(n));
		check_walk(&m);
		growing += m.old != NULL;
	}
	assert_true(growing > 100);
	gomap_fini(&m);
}

static void
test_keys_of_one_bucket_form_a_chain(void **state)
{
	struct gomap m;
	uint64_t key[40], from = 0;

	(void)state;
	gomap_init(&m, 200);
	assert_int_equal(m.B, 5);
	for (unsigned i = 0; i < 40; i++) {
		key[i] = next_colliding(&m, 3, &from);
		gomap_set(&m, key[i], elem_of(i));
		assert_int_equal(chain_length(&m, 3), i / 8 + 1);
	}
	assert_int_equal(m.overflows, 4);
	for (unsigned i = 0; i < 40; i++)
		assert_ptr_equal(gomap_get(&m, key[i]), elem_of(i));
	gomap_fini(&m);
}

static void
test_overflow_buckets_come_from_the_array_before_the_heap(void **state)
{
	struct gomap m;
	uint64_t from = 0;

	(void)state;
	gomap_init(&m, 200);
	assert_int_equal(m.bytes, ARRAY_BYTES(5));
	for (unsigned i = 0; i < 24; i++)
		gomap_set(&m, next_colliding(&m, 0, &from), elem_of(i));
	/* Two overflow buckets, and two were allocated ahead. */
	assert_int_equal(m.bytes, ARRAY_BYTES(5));
	gomap_set(&m, next_colliding(&m, 0, &from), elem_of(24));
	assert_int_equal(m.bytes, ARRAY_BYTES(5) + 144);
	gomap_fini(&m);
}

static void
test_a_deleted_slot_is_used_again(void **state)
{
	struct gomap m;
	uint64_t key[17], from = 0;

	(void)state;
	gomap_init(&m, 200);
	for (unsigned i = 0; i < 16; i++) {
		key[i] = next_colliding(&m, 1, &from);
		gomap_set(&m, key[i], elem_of(i));
	}
	assert_ptr_equal(gomap_remove(&m, key[5]), elem_of(5));
	assert_null(gomap_get(&m, key[5]));
	assert_null(gomap_remove(&m, key[5]));
	key[16] = next_colliding(&m, 1, &from);
	gomap_set(&m, key[16], elem_of(16));
	assert_int_equal(m.buckets[1].key[5], key[16]);
	assert_int_equal(chain_length(&m, 1), 2);
	gomap_fini(&m);
}

/* A search stops at EMPTY_REST; EMPTY_ONE in the middle does not stop it. */
static void
test_deletes_at_the_end_of_a_chain_let_searches_stop_earlier(void **state)
{
	struct gomap m;
	uint64_t key[20], from = 0;

	(void)state;
	gomap_init(&m, 200);
	for (unsigned i = 0; i < 20; i++) {
		key[i] = next_colliding(&m, 2, &from);
		gomap_set(&m, key[i], elem_of(i));
	}
	for (unsigned i = 6; i < 19; i++)
		gomap_remove(&m, key[i]);
	assert_int_equal(gomap_tag_at(m.buckets[2].tags, 6), GOMAP_EMPTY_ONE);
	assert_ptr_equal(gomap_get(&m, key[19]), elem_of(19));
	gomap_remove(&m, key[19]);
	for (unsigned i = 6; i < 8; i++)
		assert_int_equal(gomap_tag_at(m.buckets[2].tags, i),
				 GOMAP_EMPTY_REST);
	assert_int_equal(m.buckets[2].overflow->tags, 0);
	for (unsigned i = 0; i < 6; i++)
		assert_ptr_equal(gomap_get(&m, key[i]), elem_of(i));
	gomap_fini(&m);
}

/* Give each bucket an overflow bucket, and then take the pairs out again. */
static void
litter(struct gomap *m)
{
	uint64_t key[9], from = KEYS;
	unsigned n;

	for (size_t bucket = 0; bucket <= m->mask; bucket++) {
		for (n = 0; chain_length(m, bucket) < 2; n++) {
			key[n] = next_colliding(m, bucket, &from);
			gomap_set(m, key[n], elem_of(n));
		}
		while (n)
			gomap_remove(m, key[--n]);
	}
}

static void
test_as_many_overflows_as_buckets_cause_a_growth_at_equal_size(void **state)
{
	struct gomap m;
	size_t bytes;

	(void)state;
	gomap_init(&m, 100);
	assert_int_equal(m.B, 4);
	insert(&m, 0, 1); /* so that the map never gets empty */
	litter(&m);
	assert_int_equal(m.overflows, 16);
	assert_int_equal(m.same_size_grows, 0);
	bytes = m.bytes;
	insert(&m, 1, 1);
	assert_int_equal(m.same_size_grows, 1);
	assert_true(m.same_size);
	check_walk(&m);
	insert(&m, 2, 40);
	assert_null(m.old);
	assert_int_equal(m.B, 4);
	assert_int_equal(m.grows, 0);
	assert_true(m.overflows < 16);
	assert_true(m.bytes < bytes);
	check_has(&m, 0, 42);
	gomap_fini(&m);
}

static void
test_deletes_free_no_bucket_and_never_shrink_the_array(void **state)
{
	struct gomap m;
	size_t bytes;
	uint8_t B;

	(void)state;
	gomap_init(&m, 0);
	insert(&m, 0, KEYS);
	assert_null(m.old);
	bytes = m.bytes;
	B = m.B;
	for (uint64_t key = 0; key < KEYS; key++)
		assert_ptr_equal(gomap_remove(&m, key), elem_of(key));
	assert_int_equal(m.count, 0);
	assert_int_equal(m.bytes, bytes);
	assert_int_equal(m.B, B);
	insert(&m, 0, 100);
	assert_int_equal(m.B, B);
	check_walk(&m);
	gomap_fini(&m);
}

static void
test_the_seed_is_drawn_again_when_the_map_becomes_empty(void **state)
{
	struct gomap m;
	uint64_t seed;

	(void)state;
	gomap_init(&m, 0);
	seed = m.seed;
	insert(&m, 0, 2);
	gomap_remove(&m, 0);
	assert_true(m.seed == seed);
	gomap_remove(&m, 1);
	assert_true(m.seed != seed);
	gomap_fini(&m);
}

static void
test_two_maps_have_different_seeds(void **state)
{
	struct gomap a, b;

	(void)state;
	gomap_init(&a, 0);
	gomap_init(&b, 0);
	assert_true(a.seed != b.seed);
}

static void
test_a_hint_makes_the_array_that_so_many_pairs_need(void **state)
{
	static const struct {
		size_t hint;
		unsigned B;
	} row[] = { { 0, 0 },	 { 8, 0 },	{ 9, 1 },	 { 13, 1 },
		    { 14, 2 },	 { 26, 2 },	{ 27, 3 },	 { 1664, 8 },
		    { 1665, 9 }, { 10000, 11 }, { 1u << 20, 18 } };
	struct gomap m;

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		gomap_init(&m, row[i].hint);
		assert_int_equal(m.B, row[i].B);
		assert_true(m.B == 0 || m.bytes >= 144u << m.B);
		gomap_fini(&m);
	}
}

static void
test_a_map_with_a_hint_does_not_grow_up_to_it(void **state)
{
	struct gomap m;

	(void)state;
	gomap_init(&m, KEYS);
	insert(&m, 0, KEYS);
	assert_int_equal(m.grows + m.same_size_grows, 0);
	check_has(&m, 0, KEYS);
	gomap_fini(&m);
}

static void
test_an_absurd_hint_is_ignored(void **state)
{
	struct gomap m;

	(void)state;
	gomap_init(&m, SIZE_MAX);
	assert_int_equal(m.B, 0);
	assert_int_equal(m.bytes, 0);
	gomap_fini(&m);
}

static void
test_clear_hands_over_the_content_and_keeps_the_size(void **state)
{
	struct gomap m, content;
	uint64_t n, seed;
	uint8_t B;

	(void)state;
	gomap_init(&m, 0);
	n = stop_in_growth(&m);
	seed = m.seed;
	B = m.B;
	gomap_clear_into(&m, &content);
	assert_int_equal(m.count, 0);
	assert_int_equal(m.B, B);
	assert_null(m.old);
	assert_true(m.seed != seed);
	assert_null(gomap_get(&m, 1));
	check_has(&content, 0, n);
	check_walk(&content);
	insert(&m, 0, n);
	check_walk(&m);
	gomap_fini(&content);
	gomap_fini(&m);
}

/* Keys that differ in few bits only, at the bottom, the middle or the top. */
static void
test_regular_keys_do_not_pile_up(void **state)
{
	struct gomap m;

	(void)state;
	for (unsigned shift = 0; shift <= 48; shift += 8) {
		gomap_init(&m, 0);
		for (uint64_t i = 0; i < 10000; i++)
			gomap_set(&m, i << shift, elem_of(i));
		assert_int_equal(m.count, 10000);
		assert_true(m.overflows < 600);
		for (size_t b = 0; b <= m.mask; b++)
			assert_in_range(chain_length(&m, b), 1, 4);
		gomap_fini(&m);
	}
}

static void
test_random_operations_agree_with_an_array(void **state)
{
	static void *model[KEYS];
	uint64_t random = kit_seed(), key, reach = 1;
	struct gomap m;
	size_t count = 0;

	(void)state;
	gomap_seed_random(random);
	gomap_init(&m, 0);
	for (unsigned i = 0; i < 600000; i++) {
		if (i % 20000 == 0)
			reach = 1 + kit_random(&random) % KEYS;
		key = kit_random(&random) % reach;
		assert_ptr_equal(gomap_get(&m, key), model[key]);
		if (kit_random(&random) % 100 < (i / 100000 % 2 ? 30 : 60)) {
			count += !model[key];
			model[key] = elem_of(kit_random(&random));
			gomap_set(&m, key, model[key]);
		} else {
			count -= model[key] != NULL;
			assert_ptr_equal(gomap_remove(&m, key), model[key]);
			model[key] = NULL;
		}
		assert_int_equal(m.count, count);
	}
	for (key = 0; key < KEYS; key++)
		assert_ptr_equal(gomap_get(&m, key), model[key]);
	check_walk(&m);
	assert_true(m.grows > 5);
	gomap_fini(&m);
}

/* No cmocka in here: its asserts are for the main thread. */
static void *
read_all(void *arg)
{
	const struct gomap *m = arg;
	uintptr_t wrong = 0;

	for (unsigned round = 0; round < 20; round++)
		for (uint64_t key = 0; key < m->count; key++)
			wrong += gomap_get(m, key) != elem_of(key);
	return (void *)wrong;
}

static void
test_threads_may_read_a_map_that_stopped_in_a_growth(void **state)
{
	pthread_t thread[3];
	struct gomap m;
	void *wrong;

	(void)state;
	gomap_init(&m, 0);
	stop_in_growth(&m);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, read_all, &m),
				 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(thread[i], &wrong), 0);
		assert_null(wrong);
	}
	gomap_fini(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_bucket_has_eight_slots_in_144_bytes),
		cmocka_unit_test(
			test_an_empty_map_has_no_bucket_and_finds_nothing),
		cmocka_unit_test(test_set_replaces_the_element_of_a_key_it_has),
		cmocka_unit_test(test_the_first_and_last_key_are_ordinary_keys),
		cmocka_unit_test(
			test_the_array_doubles_when_a_pair_exceeds_the_load_of_6_5),
		cmocka_unit_test(test_the_new_array_is_allocated_at_once),
		cmocka_unit_test(
			test_a_write_moves_at_most_two_old_buckets_and_at_least_one),
		cmocka_unit_test(test_deletes_move_old_buckets_too),
		cmocka_unit_test(
			test_a_map_in_the_middle_of_a_growth_finds_all_it_has),
		cmocka_unit_test(
			test_a_walk_shows_each_pair_once_in_any_state_of_growth),
		cmocka_unit_test(test_keys_of_one_bucket_form_a_chain),
		cmocka_unit_test(
			test_overflow_buckets_come_from_the_array_before_the_heap),
		cmocka_unit_test(test_a_deleted_slot_is_used_again),
		cmocka_unit_test(
			test_deletes_at_the_end_of_a_chain_let_searches_stop_earlier),
		cmocka_unit_test(
			test_as_many_overflows_as_buckets_cause_a_growth_at_equal_size),
		cmocka_unit_test(
			test_deletes_free_no_bucket_and_never_shrink_the_array),
		cmocka_unit_test(
			test_the_seed_is_drawn_again_when_the_map_becomes_empty),
		cmocka_unit_test(test_two_maps_have_different_seeds),
		cmocka_unit_test(
			test_a_hint_makes_the_array_that_so_many_pairs_need),
		cmocka_unit_test(test_a_map_with_a_hint_does_not_grow_up_to_it),
		cmocka_unit_test(test_an_absurd_hint_is_ignored),
		cmocka_unit_test(
			test_clear_hands_over_the_content_and_keeps_the_size),
		cmocka_unit_test(test_regular_keys_do_not_pile_up),
		cmocka_unit_test(test_random_operations_agree_with_an_array),
		cmocka_unit_test(
			test_threads_may_read_a_map_that_stopped_in_a_growth),
	};

	alarm(TEST_SECONDS);
	return cmocka_run_group_tests_name("gomap", tests, NULL, NULL);
}
