/*
 * test_map_update.c - nh_map_update(): verdicts, and what a callback may do
 */
#include "tests/unit/map_fixture.h"

#include <pthread.h>

static int
update_with(struct nh_map *m, const char *key, struct answer *a)
{
	int err = nh_map_update(m, key, strlen(key), give_answer, a);

	assert_int_equal(a->calls, 1);
	assert_int_equal(a->key_len, strlen(key));
	assert_memory_equal(a->key, key, strlen(key));
	return err;
}

static void
test_update_of_an_absent_key_may_keep_store_or_remove(void **state)
{
	struct answer keep = { .verdict = NH_UPDATE_KEEP, .store = { "a", 1 } };
	struct answer remove = { .verdict = NH_UPDATE_REMOVE };
	struct answer store = { .verdict = NH_UPDATE_STORE,
				.store = { "abc", 3 } };

	assert_int_equal(update_with(*state, "k", &keep), NH_OK);
	assert_false(keep.present);
	assert_int_equal(keep.value_len, 0);
	assert_no_word(*state, "k");
	assert_int_equal(update_with(*state, "k", &remove), NH_OK);
	assert_no_word(*state, "k");
	assert_int_equal(nh_map_len(*state), 0);
	assert_int_equal(update_with(*state, "k", &store), NH_OK);
	assert_word(*state, "k", "abc");
	assert_int_equal(nh_map_len(*state), 1);
}

static void
test_update_of_a_present_key_may_keep_store_or_remove(void **state)
{
	struct answer keep = { .verdict = NH_UPDATE_KEEP, .store = { "a", 1 } };
	struct answer remove = { .verdict = NH_UPDATE_REMOVE };
	struct answer store = { .verdict = NH_UPDATE_STORE,
				.store = { "longer", 6 } };

	assert_int_equal(word_put(*state, "k", "old"), NH_OK);
	assert_int_equal(update_with(*state, "k", &keep), NH_OK);
	assert_true(keep.present);
	assert_int_equal(keep.value_len, 3);
	assert_memory_equal(keep.value, "old", 3);
	assert_word(*state, "k", "old");
	assert_int_equal(update_with(*state, "k", &store), NH_OK);
	assert_word(*state, "k", "longer");
	assert_int_equal(update_with(*state, "k", &remove), NH_OK);
	assert_int_equal(remove.value_len, 6);
	assert_no_word(*state, "k");
	assert_int_equal(nh_map_len(*state), 0);
	assert_int_equal(map_stats(*state).entry_bytes, 0);
}

/* The callback may hand back what it was shown, or a part of it. */
static int
drop_first(void *arg, const struct nh_bytes *key, bool present,
	   struct nh_bytes *value)
{
	(void)arg;
	(void)key;
	if (present && value->len) {
		value->data = (const char *)value->data + 1;
		value->len--;
	}
	return NH_UPDATE_STORE;
}

static void
test_update_may_store_a_part_of_what_it_is_shown(void **state)
{
	assert_int_equal(word_put(*state, "k", "abc"), NH_OK);
	assert_int_equal(nh_map_update(*state, "k", 1, drop_first, NULL),
			 NH_OK);
	assert_word(*state, "k", "bc");
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(
			nh_map_update(*state, "k", 1, drop_first, NULL), NH_OK);
	assert_word(*state, "k", "");
	assert_int_equal(nh_map_update(*state, "l", 1, drop_first, NULL),
			 NH_OK);
	assert_word(*state, "l", "");
}

static void
test_update_refuses_an_unknown_verdict(void **state)
{
	static const int unknown[] = { -1, 3, 99 };

	assert_int_equal(word_put(*state, "k", "v"), NH_OK);
	for (unsigned i = 0; i < 3; i++) {
		struct answer present = { .verdict = unknown[i],
					  .store = { "x", 1 } };
		struct answer absent = present;

		assert_int_equal(update_with(*state, "k", &present),
				 NH_ERR_ARG);
		assert_int_equal(update_with(*state, "l", &absent), NH_ERR_ARG);
		assert_word(*state, "k", "v");
		assert_no_word(*state, "l");
	}
	assert_int_equal(word_put(*state, "l", "w"), NH_OK);
	assert_int_equal(nh_map_len(*state), 2);
}

/*
 * A callback that tries everything from inside.  It only notes what happened:
 * an assertion that fails would jump out of nh_map_update().
 */
struct reentry {
	struct nh_map *map; /* the one to try it on: this one or another */
	unsigned calls;
	bool writes_refused, reads_worked;
};

static bool
no_write_works(struct nh_map *m, const char *key)
{
	struct answer a = { .verdict = NH_UPDATE_STORE };
	struct nh_bytes one = { key, 1 };
	struct nh_cursor cursor = { 0 };
	char room[8];
	size_t len = sizeof(room), done = 99;
	unsigned shown = 0;
	bool loaded = true;
	const int no = NH_ERR_REENTRY;

	return nh_map_put(m, key, 1, "x", 1) == no &&
	       nh_map_insert(m, key, 1, "x", 1) == no &&
	       nh_map_load_or_store(m, key, 1, "x", 1, room, &len, &loaded) ==
		       no &&
	       nh_map_swap(m, key, 1, "x", 1, room, &len, &loaded) == no &&
	       nh_map_compare_and_swap(m, key, 1, key, 1, "x", 1) == no &&
	       nh_map_update(m, key, 1, give_answer, &a) == no &&
	       a.calls == 0 && nh_map_delete(m, key, 1) == no &&
	       nh_map_load_and_delete(m, key, 1, room, &len) == no &&
	       nh_map_compare_and_delete(m, key, 1, key, 1) == no &&
	       nh_map_put_batch(m, &one, &one, 1, &done) == no && done == 0 &&
	       nh_map_scan(m, &cursor, count_shown, &shown) == no &&
	       shown == 0 && nh_map_clear(m) == no &&
	       nh_map_reserve(m, 100000) == no && nh_map_shrink(m) == no &&
	       len == sizeof(room) && loaded;
}

/* The map has the keys a, b, c, each with itself. */
static bool
reads_work(const struct nh_map *m)
{
	struct nh_bytes keys[] = { { "a", 1 }, { "c", 1 }, { "d", 1 } };
	char room[3];
	struct nh_buffer values[] = { { &room[0], 1 },
				      { &room[1], 1 },
				      { &room[2], 1 } };
	char got = 0;
	size_t len = 1, hits = 0;
	int results[3];

	return nh_map_get(m, "a", 1, &got, &len) == NH_OK && got == 'a' &&
	       nh_map_get(m, "d", 1, &got, &len) == NH_ERR_NOTFOUND &&
	       nh_map_get_batch(m, keys, 3, values, results, &hits) == NH_OK &&
	       hits == 2 && room[1] == 'c' && results[2] == NH_ERR_NOTFOUND &&
	       nh_map_len(m) == 3 && map_stats(m).entries == 3;
}

static int
try_everything(void *arg, const struct nh_bytes *key, bool present,
	       struct nh_bytes *value)
{
	static const char *const keys[] = { "a", "b", "c", "d" };
	struct reentry *reentry = arg;

	(void)key;
	reentry->calls++;
	reentry->writes_refused = present;
	for (unsigned i = 0; i < 4; i++)
		reentry->writes_refused &=
			no_write_works(reentry->map, keys[i]);
	reentry->reads_worked = reads_work(reentry->map);
	*value = (struct nh_bytes){ "stored", 6 };
	return NH_UPDATE_STORE;
}

static void
put_abc(struct nh_map *m)
{
	assert_int_equal(word_put(m, "a", "a"), NH_OK);
	assert_int_equal(word_put(m, "b", "b"), NH_OK);
	assert_int_equal(word_put(m, "c", "c"), NH_OK);
}

static void
assert_reentry_refused(struct nh_map *m, struct nh_map *tried_on)
{
	struct reentry reentry = { .map = tried_on };

	assert_int_equal(nh_map_update(m, "a", 1, try_everything, &reentry),
			 NH_OK);
	assert_int_equal(reentry.calls, 1);
	assert_true(reentry.writes_refused);
	assert_true(reentry.reads_worked);
	assert_word(m, "a", "stored");
	assert_word(m, "b", "b");
}

static void
assert_works_on(struct nh_map *m)
{
	put_range(m, 0, 1000);
	assert_range(m, 0, 1000);
	assert_int_equal(nh_map_clear(m), NH_OK);
	assert_int_equal(nh_map_len(m), 0);
}

static void
test_update_callback_may_read_its_map_not_write(void **state)
{
	put_abc(*state);
	assert_reentry_refused(*state, *state);
	assert_works_on(*state);
}

static void
test_update_callback_may_read_another_map_not_write(void **state)
{
	struct nh_config config = config_make(FIXTURE_SEED + 1);
	struct nh_map *other = map_make(&config);

	put_abc(*state);
	put_abc(other);
	assert_reentry_refused(*state, other);
	assert_works_on(other);
	assert_works_on(*state);
	nh_map_destroy(other);
}

static void
test_update_callback_that_fails_leaves_writes_allowed(void **state)
{
	struct answer bad = { .verdict = 99 };

	assert_int_equal(update_with(*state, "k", &bad), NH_ERR_ARG);
	assert_int_equal(word_put(*state, "k", "v"), NH_OK);
	assert_word(*state, "k", "v");
}

#define RACERS 3
#define RACE_STEPS 5000

/* One byte longer each time. */
static int
append_one(void *arg, const struct nh_bytes *key, bool present,
	   struct nh_bytes *value)
{
	static const char bytes[RACERS * RACE_STEPS];

	(void)arg;
	(void)key;
	(void)present;
	*value = (struct nh_bytes){ bytes, value->len + 1 };
	return NH_UPDATE_STORE;
}

static void *
update_many(void *arg)
{
	for (unsigned i = 0; i < RACE_STEPS; i++)
		if (nh_map_update(arg, &"abcde"[i % 5], 1, append_one, NULL))
			return arg;
	return NULL;
}

static void
test_updates_of_several_threads_lose_nothing(void **state)
{
	pthread_t thread[RACERS];
	void *failed;

	for (unsigned i = 0; i < RACERS; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, update_many, *state),
			0);
	for (unsigned i = 0; i < RACERS; i++) {
		assert_int_equal(pthread_join(thread[i], &failed), 0);
		assert_null(failed);
	}
	for (unsigned i = 0; i < 5; i++) {
		size_t len = 0;

		assert_int_equal(nh_map_get(*state, &"abcde"[i], 1, NULL, &len),
				 NH_ERR_SHORT);
		assert_int_equal(len, RACERS * RACE_STEPS / 5);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		ON_MAP(test_update_of_an_absent_key_may_keep_store_or_remove),
		ON_MAP(test_update_of_a_present_key_may_keep_store_or_remove),
		ON_MAP(test_update_may_store_a_part_of_what_it_is_shown),
		ON_MAP(test_update_refuses_an_unknown_verdict),
		ON_MAP(test_update_callback_may_read_its_map_not_write),
		ON_MAP(test_update_callback_may_read_another_map_not_write),
		ON_MAP(test_update_callback_that_fails_leaves_writes_allowed),
		ON_MAP(test_updates_of_several_threads_lose_nothing),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests_name("map_update", tests, NULL, NULL);
}
