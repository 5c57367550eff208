/*
 * test_map_equal.c - keys of nh_map that share all 64 bits of their hash
 *
 * They lie in one block, in a chain when they are many, and only their bytes
 * tell them apart.  Key i has the value i, or another version of that.
 */
#include "tests/unit/map_prefix.h"

#define KEYS 400
#define HASH UINT64_C(0x1234567890abcdef)

void
nh_stall_point(void)
{
}

/* Which keys must be there, and with what. */
struct run {
	struct nh_map *m;
	uint64_t value[KEYS]; /* 0: absent */
	uint64_t next;
};

static int
run_setup(void **state)
{
	struct run *run = calloc(1, sizeof(*run));

	assert_non_null(run);
	run->m = prefix_map(NH_ARCH_AUTO);
	run->next = 1;
	*state = run;
	return 0;
}

static int
run_teardown(void **state)
{
	struct run *run = *state;

	nh_map_destroy(run->m);
	free(run);
	return 0;
}

#define ON_RUN(test) \
	cmocka_unit_test_setup_teardown(test, run_setup, run_teardown)

static void
put(struct run *run, unsigned i)
{
	unsigned char key[16];
	size_t len = prefix_key(HASH, i, key);

	run->value[i] = run->next++ << 16 | i;
	assert_int_equal(
		nh_map_put(run->m, key, len, &run->value[i], sizeof(uint64_t)),
		NH_OK);
}

static void delete (struct run *run, unsigned i)
{
	unsigned char key[16];
	size_t len = prefix_key(HASH, i, key);

	assert_int_equal(nh_map_delete(run->m, key, len),
			 run->value[i] ? NH_OK : NH_ERR_NOTFOUND);
	run->value[i] = 0;
}

static void
check(const struct run *run)
{
	unsigned there = 0;

	for (unsigned i = 0; i < KEYS; i++) {
		unsigned char key[16];
		size_t len = prefix_key(HASH, i, key);

		if (run->value[i])
			assert_bytes(run->m, key, len, &run->value[i],
				     sizeof(uint64_t));
		else
			assert_no_bytes(run->m, key, len);
		there += run->value[i] != 0;
	}
	assert_int_equal(nh_map_len(run->m), there);
}

static void
test_hundreds_of_equal_hashes_live_in_one_chain(void **state)
{
	struct run *run = *state;

	for (unsigned i = 0; i < KEYS; i++) {
		put(run, i);
		if (i % 40 == 0)
			check(run);
	}
	check(run);
	assert_true(map_stats(run->m).overflow_lines > KEYS / 4);
	for (unsigned i = 0; i < KEYS; i++)
		put(run, i);
	check(run);
}

static void
test_equal_hashes_come_and_go_in_any_order(void **state)
{
	struct run *run = *state;
	struct rng rng = rng_make(7);

	for (unsigned turn = 0; turn < 30; turn++) {
		unsigned puts = 1 + turn % 3; /* of 4: rise and fall */

		for (unsigned n = 0; n < KEYS; n++) {
			unsigned i = (unsigned)rng_below(&rng, KEYS);

			if (rng_below(&rng, 4) < puts)
				put(run, i);
			else
				delete (run, i);
		}
		check(run);
	}
	for (unsigned i = KEYS; i-- > 0;)
		delete (run, i);
	check(run);
	assert_int_equal(map_stats(run->m).overflow_lines, 0);
	assert_int_equal(map_stats(run->m).entry_bytes, 0);
}

static void
test_every_operation_tells_equal_hashes_apart(void **state)
{
	struct run *run = *state;
	unsigned char key[16], other[16], room[16];
	size_t len = prefix_key(HASH, 1, key), room_len = sizeof(room);
	struct answer a = { .verdict = NH_UPDATE_KEEP };
	bool loaded = true;

	prefix_key(HASH, 2, other);
	for (unsigned i = 2; i < 40; i++)
		put(run, i);
	assert_int_equal(
		nh_map_compare_and_swap(run->m, key, len, "", 0, "", 0),
		NH_ERR_NOTFOUND);
	assert_int_equal(nh_map_update(run->m, key, len, give_answer, &a),
			 NH_OK);
	assert_false(a.present);
	assert_int_equal(nh_map_insert(run->m, other, len, "x", 1),
			 NH_ERR_EXISTS);
	assert_int_equal(nh_map_load_or_store(run->m, key, len, "x", 1, room,
					      &room_len, &loaded),
			 NH_OK);
	assert_false(loaded);
	assert_int_equal(nh_map_swap(run->m, key, len, "yy", 2, room, &room_len,
				     &loaded),
			 NH_OK);
	assert_true(loaded);
	assert_int_equal(room_len, 1);
	assert_int_equal(nh_map_compare_and_delete(run->m, key, len, "yy", 2),
			 NH_OK);
	check(run);
}

static void
test_a_batch_tells_equal_hashes_apart(void **state)
{
	struct run *run = *state;
	static unsigned char key[KEYS][16];
	struct nh_bytes keys[KEYS];
	struct nh_buffer values[KEYS];
	uint64_t room[KEYS];
	int results[KEYS];
	size_t hits;

	for (unsigned i = 0; i < KEYS; i += 2)
		put(run, i);
	for (unsigned i = 0; i < KEYS; i++) {
		keys[i] = (struct nh_bytes){ key[i],
					     prefix_key(HASH, i, key[i]) };
		values[i] = (struct nh_buffer){ &room[i], sizeof(room[i]) };
	}
	assert_int_equal(
		nh_map_get_batch(run->m, keys, KEYS, values, results, &hits),
		NH_OK);
	assert_int_equal(hits, KEYS / 2);
	for (unsigned i = 0; i < KEYS; i++) {
		assert_int_equal(results[i], i % 2 ? NH_ERR_NOTFOUND : NH_OK);
		if (i % 2 == 0)
			assert_int_equal(room[i], run->value[i]);
	}
}

/* Neighbours make the segment grow and shrink; the equal ones move along. */
static void
test_equal_hashes_move_with_their_segment(void **state)
{
	struct run *run = *state;
	struct rng rng = rng_make(11);
	uint64_t before;
	unsigned char key[16];

	for (unsigned i = 0; i < 60; i++)
		put(run, i);
	before = map_migrations(run->m);
	for (unsigned n = 0; n < 20000; n++) {
		uint64_t hash = HASH >> 56 << 56 | rng_next(&rng) >> 8;

		if (n == 10000)
			rng = rng_make(11);
		if (n == 10000)
			hash = HASH >> 56 << 56 | rng_next(&rng) >> 8;
		if (n < 10000)
			assert_int_equal(
				nh_map_insert(run->m, key,
					      prefix_key(hash, 999, key), "",
					      0),
				NH_OK);
		else
			assert_int_equal(
				nh_map_delete(run->m, key,
					      prefix_key(hash, 999, key)),
				NH_OK);
		if (n % 97 == 0)
			put(run, n % 60);
		if (n % 89 == 0) {
			delete (run, n % 60);
			put(run, n % 60);
		}
	}
	assert_true(map_migrations(run->m) > before + 10);
	check(run);
	assert_int_equal(nh_map_shrink(run->m), NH_OK);
	check(run);
	assert_int_equal(nh_map_reserve(run->m, 100000), NH_OK);
	check(run);
}

/* --------------------------------------------------------------------- scan */

struct seen {
	struct run *run;
	uint8_t times[KEYS];
	bool wrong;
	int stop;
	bool deletes;
};

static int
note(void *arg, const struct nh_bytes *key, const struct nh_bytes *value)
{
	struct seen *seen = arg;
	const unsigned char *k = key->data;
	unsigned i = k[8] | (unsigned)k[9] << 8;

	if (i >= KEYS || value->len != sizeof(uint64_t)) {
		seen->wrong = true;
		return 1;
	}
	seen->wrong |= memcmp(&seen->run->value[i], value->data, value->len);
	seen->times[i]++;
	if (seen->deletes) {
		seen->wrong |= nh_map_delete(seen->run->m, key->data,
					     key->len) != NH_OK;
		seen->run->value[i] = 0;
	}
	return seen->stop;
}

static void
test_a_scan_stops_and_goes_on_between_equal_hashes(void **state)
{
	struct run *run = *state;
	struct seen seen = { .run = run, .stop = 1 };
	struct nh_cursor cursor = { 0 };
	unsigned shown = 0;
	int err;

	for (unsigned i = 0; i < KEYS / 2; i++)
		put(run, i);
	while ((err = nh_map_scan(run->m, &cursor, note, &seen)) ==
	       NH_ERR_STOPPED) {
		/* What comes and goes meanwhile may be seen, or not. */
		put(run, KEYS / 2 + shown % (KEYS / 2));
		if (shown % 3 == 0)
			delete (run, KEYS / 2 + shown * 7 % (KEYS / 2));
		if (shown % 50 == 0)
			assert_int_equal(nh_map_reserve(run->m, 1000u * shown),
					 NH_OK);
		if (shown % 50 == 25)
			assert_int_equal(nh_map_shrink(run->m), NH_OK);
		shown++;
		assert_true(shown < 10 * KEYS);
	}
	assert_int_equal(err, NH_OK);
	assert_true(cursor.done);
	assert_false(seen.wrong);
	for (unsigned i = 0; i < KEYS / 2; i++)
		assert_int_equal(seen.times[i], 1);
	check(run);
}

static void
test_a_scan_callback_may_delete_equal_hashes(void **state)
{
	struct run *run = *state;
	struct seen seen = { .run = run, .deletes = true };
	struct nh_cursor cursor = { 0 };

	for (unsigned i = 0; i < KEYS; i++)
		put(run, i);
	assert_int_equal(nh_map_scan(run->m, &cursor, note, &seen), NH_OK);
	assert_false(seen.wrong);
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(seen.times[i], 1);
	assert_int_equal(nh_map_len(run->m), 0);
	check(run);
}

static void
test_clear_removes_equal_hashes(void **state)
{
	struct run *run = *state;

	for (unsigned i = 0; i < KEYS; i++)
		put(run, i);
	assert_int_equal(nh_map_clear(run->m), NH_OK);
	memset(run->value, 0, sizeof(run->value));
	check(run);
	assert_int_equal(map_stats(run->m).entry_bytes, 0);
	assert_int_equal(map_stats(run->m).table_bytes, 0);
	put(run, 1);
	check(run);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		ON_RUN(test_hundreds_of_equal_hashes_live_in_one_chain),
		ON_RUN(test_equal_hashes_come_and_go_in_any_order),
		ON_RUN(test_every_operation_tells_equal_hashes_apart),
		ON_RUN(test_a_batch_tells_equal_hashes_apart),
		ON_RUN(test_equal_hashes_move_with_their_segment),
		ON_RUN(test_a_scan_stops_and_goes_on_between_equal_hashes),
		ON_RUN(test_a_scan_callback_may_delete_equal_hashes),
		ON_RUN(test_clear_removes_equal_hashes),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests_name("map_equal", tests, NULL, NULL);
}
