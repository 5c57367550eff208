/*
 * test_map.c - every operation of nh_map on single keys, and its edges
 */
#include "tests/unit/map_fixture.h"

#define MIB ((size_t)1 << 20)

/* ------------------------------------------------------------------ lengths */

static void
test_a_new_map_is_empty(void **state)
{
	struct nh_cursor cursor = { 0 };
	unsigned shown = 0;

	assert_int_equal(nh_map_len(*state), 0);
	assert_no_word(*state, "a");
	assert_int_equal(word_delete(*state, "a"), NH_ERR_NOTFOUND);
	assert_int_equal(nh_map_scan(*state, &cursor, count_shown, &shown),
			 NH_OK);
	assert_true(cursor.done);
	assert_int_equal(shown, 0);
}

/* Bytes that differ at each place. */
static unsigned char *
noise(size_t len, uint64_t seed)
{
	unsigned char *bytes = malloc(len + 1);

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)mix64(seed + i);
	return bytes;
}

static void
test_a_key_may_have_1_to_64_kib(void **state)
{
	static const size_t lengths[] = {
		1,  2,	7,  8,	 9,   15,   16,	   17,	  31,	 32,
		33, 63, 64, 255, 256, 4096, 16367, 16368, 65535, 65536,
	};
	const size_t n = sizeof(lengths) / sizeof(*lengths);
	unsigned char *key = noise(NH_KEY_MAX, 1);

	/* Each is the beginning of the next. */
	for (size_t i = 0; i < n; i++)
		assert_int_equal(nh_map_insert(*state, key, lengths[i],
					       &lengths[i], sizeof(size_t)),
				 NH_OK);
	assert_int_equal(nh_map_len(*state), n);
	for (size_t i = 0; i < n; i++)
		assert_bytes(*state, key, lengths[i], &lengths[i],
			     sizeof(size_t));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(nh_map_delete(*state, key, lengths[i]), NH_OK);
		assert_no_bytes(*state, key, lengths[i]);
	}
	assert_int_equal(nh_map_len(*state), 0);
	free(key);
}

static void
test_a_longer_key_or_none_is_refused(void **state)
{
	static const size_t bad[] = { 0, NH_KEY_MAX + 1, SIZE_MAX };
	char key[] = "a", value[8];
	size_t len = sizeof(value);

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(nh_map_put(*state, key, bad[i], key, 1),
				 NH_ERR_ARG);
		assert_int_equal(nh_map_get(*state, key, bad[i], value, &len),
				 NH_ERR_ARG);
		assert_int_equal(nh_map_delete(*state, key, bad[i]),
				 NH_ERR_ARG);
	}
	assert_int_equal(len, sizeof(value));
	assert_int_equal(nh_map_len(*state), 0);
}

/* Around the words, the classes of memory, the long length, and up to 8 MiB. */
static const size_t value_lengths[] = {
	0,
	1,
	7,
	8,
	9,
	15,
	16,
	17,
	63,
	64,
	65,
	127,
	128,
	129,
	1000,
	16300,
	16350,
	16367,
	16368,
	16400,
	65526,
	65533,
	65534,
	65535,
	65536,
	65537,
	100000,
	MIB,
	2 * MIB - 40,
	2 * MIB,
	8 * MIB - 1,
	8 * MIB,
};

#define LENGTHS (sizeof(value_lengths) / sizeof(*value_lengths))

static void
test_a_value_may_have_any_length(void **state)
{
	unsigned char *value = noise(8 * MIB, 2);

	for (unsigned key_len = 1; key_len < 12; key_len += 5)
		for (size_t i = 0; i < LENGTHS; i++) {
			const unsigned char *v = value + i % 8;
			size_t len = value_lengths[i] - (i % 8 && i > 25) * 8;

			assert_int_equal(nh_map_put(*state, "hello world!",
						    key_len, v, len),
					 NH_OK);
			assert_bytes(*state, "hello world!", key_len, v, len);
		}
	assert_int_equal(nh_map_len(*state), 3);
	free(value);
}

static void
test_values_of_every_length_live_together(void **state)
{
	unsigned char *value = noise(8 * MIB, 3);
	uint64_t bytes = 0;

	for (size_t i = 0; i < LENGTHS; i++) {
		bytes += value_lengths[i];
		assert_int_equal(nh_map_insert(*state, &i, sizeof(i), value,
					       value_lengths[i]),
				 NH_OK);
	}
	assert_in_range(map_stats(*state).entry_bytes, bytes + 16 * LENGTHS,
			bytes + 24 * LENGTHS);
	assert_true(map_stats(*state).slab_bytes >= bytes);
	for (size_t i = 0; i < LENGTHS; i++)
		assert_bytes(*state, &i, sizeof(i), value, value_lengths[i]);
	for (size_t i = 0; i < LENGTHS; i++)
		assert_int_equal(nh_map_delete(*state, &i, sizeof(i)), NH_OK);
	assert_int_equal(map_stats(*state).entry_bytes, 0);
	free(value);
}

static void
test_a_value_above_1_gib_is_refused_untouched(void **state)
{
	const char *nowhere = (const char *)16;
	const size_t bad = NH_VALUE_MAX + 1;
	struct answer a = { .verdict = NH_UPDATE_STORE };
	struct nh_bytes key = { "a", 1 }, value = { nowhere, bad };
	char old[8];
	size_t old_len = sizeof(old), done = 99;
	bool loaded = true;
	const int arg = NH_ERR_ARG;

	assert_int_equal(word_put(*state, "a", "x"), NH_OK);
	assert_int_equal(nh_map_put(*state, "a", 1, nowhere, bad), arg);
	assert_int_equal(nh_map_put(*state, "a", 1, nowhere, SIZE_MAX), arg);
	assert_int_equal(nh_map_insert(*state, "b", 1, nowhere, bad), arg);
	assert_int_equal(nh_map_load_or_store(*state, "b", 1, nowhere, bad, old,
					      &old_len, &loaded),
			 arg);
	assert_int_equal(nh_map_swap(*state, "a", 1, nowhere, bad, old,
				     &old_len, &loaded),
			 arg);
	assert_int_equal(
		nh_map_compare_and_swap(*state, "a", 1, "x", 1, nowhere, bad),
		arg);
	assert_int_equal(
		nh_map_compare_and_swap(*state, "a", 1, nowhere, bad, "y", 1),
		arg);
	assert_int_equal(
		nh_map_compare_and_delete(*state, "a", 1, nowhere, bad), arg);
	assert_int_equal(nh_map_put_batch(*state, &key, &value, 1, &done), arg);
	a.store = value;
	assert_int_equal(nh_map_update(*state, "a", 1, give_answer, &a), arg);
	assert_int_equal(nh_map_update(*state, "b", 1, give_answer, &a), arg);
	assert_int_equal(a.calls, 2);
	assert_true(loaded);
	assert_int_equal(done, 99);
	assert_word(*state, "a", "x");
	assert_int_equal(nh_map_len(*state), 1);
}

static void
test_an_empty_value_is_a_value(void **state)
{
	size_t len = 0;

	assert_int_equal(nh_map_put(*state, "a", 1, NULL, 0), NH_OK);
	assert_int_equal(nh_map_get(*state, "a", 1, NULL, &len), NH_OK);
	assert_int_equal(len, 0);
	assert_int_equal(nh_map_insert(*state, "a", 1, NULL, 0), NH_ERR_EXISTS);
	assert_int_equal(word_cas(*state, "a", "x", "y"), NH_ERR_MISMATCH);
	assert_int_equal(
		nh_map_compare_and_swap(*state, "a", 1, NULL, 0, "y", 1),
		NH_OK);
	assert_int_equal(
		nh_map_compare_and_swap(*state, "a", 1, "y", 1, NULL, 0),
		NH_OK);
	assert_word(*state, "a", "");
	assert_int_equal(nh_map_compare_and_delete(*state, "a", 1, NULL, 0),
			 NH_OK);
	assert_no_word(*state, "a");
}

static void
test_bytes_are_bytes(void **state)
{
	static const char zeros[5], key[] = "a\0b\0c";

	for (size_t i = 1; i < sizeof(zeros); i++) {
		assert_int_equal(nh_map_insert(*state, zeros, i, key, i),
				 NH_OK);
		assert_int_equal(nh_map_insert(*state, key, i, zeros, i),
				 NH_OK);
	}
	for (size_t i = 1; i < sizeof(zeros); i++) {
		assert_bytes(*state, zeros, i, key, i);
		assert_bytes(*state, key, i, zeros, i);
	}
	assert_int_equal(nh_map_len(*state), 8);
}

/* The key and the value lie in one stretch: their border must count. */
static void
test_a_key_and_its_value_are_not_mixed_up(void **state)
{
	assert_int_equal(word_put(*state, "ab", "cd"), NH_OK);
	assert_int_equal(word_put(*state, "a", "bcd"), NH_OK);
	assert_int_equal(word_put(*state, "abc", "d"), NH_OK);
	assert_int_equal(word_put(*state, "abcd", ""), NH_OK);
	assert_word(*state, "ab", "cd");
	assert_word(*state, "a", "bcd");
	assert_word(*state, "abc", "d");
	assert_word(*state, "abcd", "");
	assert_int_equal(word_cas(*state, "ab", "bcd", "x"), NH_ERR_MISMATCH);
	assert_int_equal(word_cas(*state, "a", "cd", "x"), NH_ERR_MISMATCH);
}

static void
test_a_map_keeps_copies(void **state)
{
	char key[] = "key", value[] = "value";

	assert_int_equal(word_put(*state, key, value), NH_OK);
	memset(key, 'x', 3);
	memset(value, 'y', 5);
	assert_word(*state, "key", "value");
	assert_no_word(*state, key);
}

/* ------------------------------------------------------------ short buffers */

static void
assert_untouched(const unsigned char *buffer, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(buffer[i], UNTOUCHED);
}

static void
test_short_buffers_change_nothing_and_tell_the_length(void **state)
{
	unsigned char room[16];
	bool loaded = false;

	memset(room, UNTOUCHED, sizeof(room));
	assert_int_equal(word_put(*state, "k", "0123456789"), NH_OK);
	for (size_t n = 0; n < 10; n++) {
		size_t len[4] = { n, n, n, n };

		assert_int_equal(nh_map_get(*state, "k", 1, room, &len[0]),
				 NH_ERR_SHORT);
		assert_int_equal(nh_map_swap(*state, "k", 1, "x", 1, room,
					     &len[1], &loaded),
				 NH_ERR_SHORT);
		assert_int_equal(nh_map_load_or_store(*state, "k", 1, "x", 1,
						      room, &len[2], &loaded),
				 NH_ERR_SHORT);
		assert_int_equal(
			nh_map_load_and_delete(*state, "k", 1, room, &len[3]),
			NH_ERR_SHORT);
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(len[i], 10);
		assert_untouched(room, sizeof(room));
		assert_false(loaded);
		assert_word(*state, "k", "0123456789");
	}
	assert_int_equal(nh_map_len(*state), 1);
}

/* To learn a length nothing else is needed. */
static void
test_no_room_at_all_tells_the_length(void **state)
{
	size_t len = 0;

	assert_int_equal(word_put(*state, "k", "0123456789"), NH_OK);
	assert_int_equal(nh_map_get(*state, "k", 1, NULL, &len), NH_ERR_SHORT);
	assert_int_equal(len, 10);
	len = 0;
	assert_int_equal(nh_map_load_and_delete(*state, "k", 1, NULL, &len),
			 NH_ERR_SHORT);
	assert_int_equal(len, 10);
	assert_word(*state, "k", "0123456789");
}

static void
test_a_buffer_of_just_the_length_will_do(void **state)
{
	char room[4] = "????";
	size_t len = 4;
	bool loaded = false;

	assert_int_equal(word_put(*state, "k", "abcd"), NH_OK);
	assert_int_equal(
		nh_map_swap(*state, "k", 1, "efgh", 4, room, &len, &loaded),
		NH_OK);
	assert_true(loaded);
	assert_int_equal(len, 4);
	assert_memory_equal(room, "abcd", 4);
	assert_int_equal(nh_map_load_and_delete(*state, "k", 1, room, &len),
			 NH_OK);
	assert_memory_equal(room, "efgh", 4);
}

/* --------------------------------------------------------------- operations */

static void
test_put_overwrites(void **state)
{
	assert_int_equal(word_put(*state, "k", "one"), NH_OK);
	assert_int_equal(word_put(*state, "k", "two"), NH_OK);
	assert_word(*state, "k", "two");
	assert_int_equal(word_put(*state, "k", "a longer one than before"),
			 NH_OK);
	assert_word(*state, "k", "a longer one than before");
	assert_int_equal(word_put(*state, "k", ""), NH_OK);
	assert_word(*state, "k", "");
	assert_int_equal(nh_map_len(*state), 1);
	assert_int_equal(map_stats(*state).entry_bytes, 8 + 1);
}

static void
test_insert_keeps_what_is_there(void **state)
{
	assert_int_equal(word_insert(*state, "k", "one"), NH_OK);
	assert_int_equal(word_insert(*state, "k", "two"), NH_ERR_EXISTS);
	assert_int_equal(word_insert(*state, "k", "one"), NH_ERR_EXISTS);
	assert_word(*state, "k", "one");
	assert_int_equal(nh_map_len(*state), 1);
	assert_int_equal(map_stats(*state).entry_bytes, 8 + 4);
}

static void
test_load_or_store_stores_once_and_then_loads(void **state)
{
	char room[8] = "????????";
	size_t len = sizeof(room);
	bool loaded = true;

	assert_int_equal(nh_map_load_or_store(*state, "k", 1, "one", 3, room,
					      &len, &loaded),
			 NH_OK);
	assert_false(loaded);
	assert_int_equal(len, sizeof(room));
	assert_memory_equal(room, "????????", 8);
	assert_int_equal(nh_map_load_or_store(*state, "k", 1, "two", 3, room,
					      &len, &loaded),
			 NH_OK);
	assert_true(loaded);
	assert_int_equal(len, 3);
	assert_memory_equal(room, "one?????", 8);
	assert_word(*state, "k", "one");
}

static void
test_results_may_be_left_out(void **state)
{
	struct nh_map *m = *state;

	assert_int_equal(
		nh_map_load_or_store(m, "k", 1, "a", 1, NULL, NULL, NULL),
		NH_OK);
	assert_int_equal(
		nh_map_load_or_store(m, "k", 1, "b", 1, NULL, NULL, NULL),
		NH_OK);
	assert_word(m, "k", "a");
	assert_int_equal(nh_map_swap(m, "k", 1, "c", 1, NULL, NULL, NULL),
			 NH_OK);
	assert_int_equal(nh_map_swap(m, "l", 1, "d", 1, NULL, NULL, NULL),
			 NH_OK);
	assert_word(m, "k", "c");
	assert_word(m, "l", "d");
	assert_int_equal(nh_map_load_and_delete(m, "k", 1, NULL, NULL), NH_OK);
	assert_no_word(m, "k");
}

static void
test_swap_hands_back_what_was_there(void **state)
{
	char room[8] = "????????";
	size_t len = sizeof(room);
	bool loaded = true;

	assert_int_equal(
		nh_map_swap(*state, "k", 1, "one", 3, room, &len, &loaded),
		NH_OK);
	assert_false(loaded);
	assert_int_equal(len, sizeof(room));
	assert_memory_equal(room, "????????", 8);
	assert_int_equal(
		nh_map_swap(*state, "k", 1, "x", 1, room, &len, &loaded),
		NH_OK);
	assert_true(loaded);
	assert_int_equal(len, 3);
	assert_memory_equal(room, "one?????", 8);
	assert_word(*state, "k", "x");
}

/* A buffer may be what is stored, too. */
static void
test_swap_may_use_one_buffer_for_both(void **state)
{
	char room[8] = "new";
	size_t len = sizeof(room);

	assert_int_equal(word_put(*state, "k", "older"), NH_OK);
	assert_int_equal(nh_map_swap(*state, "k", 1, room, 3, room, &len, NULL),
			 NH_OK);
	assert_int_equal(len, 5);
	assert_memory_equal(room, "older", 5);
	assert_word(*state, "k", "new");
}

static void
test_compare_and_swap_wants_the_expected_value(void **state)
{
	assert_int_equal(word_cas(*state, "k", "", "x"), NH_ERR_NOTFOUND);
	assert_no_word(*state, "k");
	assert_int_equal(word_put(*state, "k", "one"), NH_OK);
	assert_int_equal(word_cas(*state, "k", "two", "x"), NH_ERR_MISMATCH);
	assert_int_equal(word_cas(*state, "k", "on", "x"), NH_ERR_MISMATCH);
	assert_int_equal(word_cas(*state, "k", "ones", "x"), NH_ERR_MISMATCH);
	assert_word(*state, "k", "one");
	assert_int_equal(word_cas(*state, "k", "one", "one"), NH_OK);
	assert_int_equal(word_cas(*state, "k", "one", "another"), NH_OK);
	assert_word(*state, "k", "another");
	assert_int_equal(map_stats(*state).entry_bytes, 8 + 8);
}

static void
test_comparing_tells_apart_every_bit(void **state)
{
	unsigned char value[40];

	for (unsigned i = 0; i < sizeof(value); i++)
		value[i] = (unsigned char)(i * 37);
	for (size_t key_len = 1; key_len < 10; key_len++) {
		assert_int_equal(nh_map_put(*state, "123456789", key_len, value,
					    sizeof(value)),
				 NH_OK);
		for (unsigned bit = 0; bit < 8 * sizeof(value); bit++) {
			unsigned char other[sizeof(value)];

			memcpy(other, value, sizeof(value));
			other[bit / 8] ^= (unsigned char)(1 << bit % 8);
			assert_int_equal(nh_map_compare_and_swap(
						 *state, "123456789", key_len,
						 other, sizeof(other), "", 0),
					 NH_ERR_MISMATCH);
			assert_int_equal(nh_map_compare_and_delete(
						 *state, "123456789", key_len,
						 other, sizeof(other)),
					 NH_ERR_MISMATCH);
		}
		assert_bytes(*state, "123456789", key_len, value,
			     sizeof(value));
	}
}

static void
test_delete_removes_once(void **state)
{
	assert_int_equal(word_put(*state, "k", "one"), NH_OK);
	assert_int_equal(word_delete(*state, "k"), NH_OK);
	assert_int_equal(word_delete(*state, "k"), NH_ERR_NOTFOUND);
	assert_no_word(*state, "k");
	assert_int_equal(nh_map_len(*state), 0);
	assert_int_equal(word_insert(*state, "k", "two"), NH_OK);
	assert_word(*state, "k", "two");
}

static void
test_load_and_delete_hands_back_the_value(void **state)
{
	char room[8] = "????????";
	size_t len = sizeof(room);

	assert_int_equal(nh_map_load_and_delete(*state, "k", 1, room, &len),
			 NH_ERR_NOTFOUND);
	assert_int_equal(len, sizeof(room));
	assert_int_equal(word_put(*state, "k", "one"), NH_OK);
	assert_int_equal(nh_map_load_and_delete(*state, "k", 1, room, &len),
			 NH_OK);
	assert_int_equal(len, 3);
	assert_memory_equal(room, "one?????", 8);
	assert_no_word(*state, "k");
}

static void
test_compare_and_delete_wants_the_expected_value(void **state)
{
	assert_int_equal(nh_map_compare_and_delete(*state, "k", 1, "", 0),
			 NH_ERR_NOTFOUND);
	assert_int_equal(word_put(*state, "k", "one"), NH_OK);
	assert_int_equal(nh_map_compare_and_delete(*state, "k", 1, "", 0),
			 NH_ERR_MISMATCH);
	assert_word(*state, "k", "one");
	assert_int_equal(nh_map_compare_and_delete(*state, "k", 1, "one", 3),
			 NH_OK);
	assert_no_word(*state, "k");
	assert_int_equal(nh_map_len(*state), 0);
}

static void
test_maps_do_not_see_each_other(void **state)
{
	struct nh_config config = config_make(FIXTURE_SEED);
	struct nh_map *other = map_make(&config);

	put_range(*state, 0, 1000);
	assert_int_equal(nh_map_len(other), 0);
	assert_false(number_is_there(other, 1));
	put_range(other, 1000, 1500);
	nh_map_destroy(other);
	assert_int_equal(nh_map_len(*state), 1000);
	assert_range(*state, 0, 1000);
	assert_false(number_is_there(*state, 1000));
}

static void
test_both_hashes_of_every_flavour_hold_keys(void **state)
{
	(void)state;
	for (int hash = NH_HASH_KEYED; hash <= NH_HASH_TRUSTED; hash++)
		for (int arch = NH_ARCH_AUTO; arch <= NH_ARCH_GENERIC; arch++) {
			struct nh_config config = config_make(0);
			struct nh_map *m;

			config.hash = hash;
			config.arch = arch;
			m = map_make(&config);
			put_range(m, 0, 5000);
			assert_range(m, 0, 5000);
			delete_range(m, 1000, 5000);
			assert_range(m, 0, 1000);
			assert_int_equal(nh_map_len(m), 1000);
			nh_map_destroy(m);
		}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		ON_MAP(test_a_new_map_is_empty),
		ON_MAP(test_a_key_may_have_1_to_64_kib),
		ON_MAP(test_a_longer_key_or_none_is_refused),
		ON_MAP(test_a_value_may_have_any_length),
		ON_MAP(test_values_of_every_length_live_together),
		ON_MAP(test_a_value_above_1_gib_is_refused_untouched),
		ON_MAP(test_an_empty_value_is_a_value),
		ON_MAP(test_bytes_are_bytes),
		ON_MAP(test_a_key_and_its_value_are_not_mixed_up),
		ON_MAP(test_a_map_keeps_copies),
		ON_MAP(test_short_buffers_change_nothing_and_tell_the_length),
		ON_MAP(test_no_room_at_all_tells_the_length),
		ON_MAP(test_a_buffer_of_just_the_length_will_do),
		ON_MAP(test_put_overwrites),
		ON_MAP(test_insert_keeps_what_is_there),
		ON_MAP(test_load_or_store_stores_once_and_then_loads),
		ON_MAP(test_results_may_be_left_out),
		ON_MAP(test_swap_hands_back_what_was_there),
		ON_MAP(test_swap_may_use_one_buffer_for_both),
		ON_MAP(test_compare_and_swap_wants_the_expected_value),
		ON_MAP(test_comparing_tells_apart_every_bit),
		ON_MAP(test_delete_removes_once),
		ON_MAP(test_load_and_delete_hands_back_the_value),
		ON_MAP(test_compare_and_delete_wants_the_expected_value),
		ON_MAP(test_maps_do_not_see_each_other),
		cmocka_unit_test(test_both_hashes_of_every_flavour_hold_keys),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
