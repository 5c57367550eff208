/*
 * test_gomap_bucket.c - buckets, their slots and their chains in Go's map
 */
#include "tests/baseline/gomap_fixture.h"

static void
test_a_bucket_has_eight_slots_in_144_bytes(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct gomap_bucket), 144);
	assert_int_equal(offsetof(struct gomap_bucket, overflow), 136);
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

/* n keys of one bucket, with the elements 0 to n - 1. */
static void
insert_colliding(struct gomap *m, size_t bucket, uint64_t *key, unsigned n,
		 uint64_t *from)
{
	for (unsigned i = 0; i < n; i++) {
		key[i] = next_colliding(m, bucket, from);
		gomap_set(m, key[i], elem_of(i));
	}
}

static void
test_a_deleted_slot_is_used_again(void **state)
{
	struct gomap m;
	uint64_t key[17], from = 0;

	(void)state;
	gomap_init(&m, 200);
	insert_colliding(&m, 1, key, 16, &from);
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
	insert_colliding(&m, 2, key, 20, &from);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_bucket_has_eight_slots_in_144_bytes),
		cmocka_unit_test(test_keys_of_one_bucket_form_a_chain),
		cmocka_unit_test(
			test_overflow_buckets_come_from_the_array_before_the_heap),
		cmocka_unit_test(test_a_deleted_slot_is_used_again),
		cmocka_unit_test(
			test_deletes_at_the_end_of_a_chain_let_searches_stop_earlier),
	};

	alarm(TEST_SECONDS);
	return cmocka_run_group_tests_name("gomap_bucket", tests, NULL, NULL);
}
