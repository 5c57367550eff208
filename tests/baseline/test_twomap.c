/*
 * test_twomap.c - each transition of the two-map, one after the other
 *
 * T2 to T22 are the names under which the same rules were checked against
 * Go's own sync.Map.  What must not take the lock is called while this thread
 * holds it: if it did, the test would hang until its alarm.
 */
#include "tests/baseline/twomap_check.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* ------------------------------------------------------------------ store */

static void
test_a_new_map_is_empty_and_not_amended(void **state)
{
	struct twomap *m = *state;

	check(m);
	assert_false(amended(m));
	assert_int_equal(read_map(m)->count, 0);
	check_absent(m, 0);
	check_absent(m, UINT64_MAX);
}

static void
test_every_key_and_every_value_is_legal(void **state)
{
	static const uint64_t word[] = { 0, 1, INT64_MAX, UINT64_MAX };
	struct twomap *m = *state;

	for (size_t i = 0; i < sizeof word / sizeof *word; i++)
		twomap_store(m, word[i], word[3 - i]);
	for (size_t i = 0; i < sizeof word / sizeof *word; i++)
		check_value(m, word[i], word[3 - i]);
	check(m);
}

/* T2 */
static void
test_store_never_counts_a_miss(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	for (unsigned i = 0; i < 1000; i++) {
		twomap_store(m, 100, i);
		check(m);
	}
	assert_int_equal(misses(m), 0);
	assert_null(in_read(m, 100));
	check_value(m, 100, 999);
}

/* T2 */
static void
test_a_map_that_is_only_stored_to_is_never_promoted(void **state)
{
	struct twomap *m = *state;

	for (unsigned i = 0; i < 1000; i++)
		twomap_store(m, i % 100, i);
	check(m);
	assert_int_equal(counters(m).promotions, 0);
	assert_int_equal(counters(m).new_keys, 100);
	assert_int_equal(read_map(m)->count, 0);
	assert_int_equal(m->dirty->map.count, 100);
}

/* T9 */
static void
test_store_revives_a_deleted_entry_of_read_in_place(void **state)
{
	struct twomap *m = *state;
	struct twomap_entry *e;

	fill_read(m);
	e = in_read(m, 3);
	twomap_delete(m, 3);
	check(m);
	assert_int_equal(key_state(m, 3), NIL);
	pthread_mutex_lock(&m->mu);
	twomap_store(m, 3, 33);
	pthread_mutex_unlock(&m->mu);
	check(m);
	assert_ptr_equal(in_read(m, 3), e);
	assert_null(m->dirty);
	check_value(m, 3, 33);
}

/* T9 */
static void
test_store_revives_a_deleted_entry_of_both_maps_in_place(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	twomap_delete(m, 3);
	check(m);
	pthread_mutex_lock(&m->mu);
	twomap_store(m, 3, 33);
	pthread_mutex_unlock(&m->mu);
	check(m);
	assert_int_equal(m->dirty->map.count, N + 1);
	check_value(m, 3, 33);
}

static void
test_store_to_an_expunged_entry_puts_it_back_into_dirty(void **state)
{
	struct twomap *m = *state;
	struct twomap_entry *e;
	uint64_t new_keys;

	fill_expunged(m);
	e = in_read(m, 0);
	new_keys = counters(m).new_keys;
	twomap_store(m, 0, 5);
	check(m);
	assert_ptr_equal(in_dirty(m, 0), e);
	assert_int_equal(key_state(m, 0), LIVE);
	assert_int_equal(counters(m).new_keys, new_keys);
	assert_int_equal(misses(m), 0);
	promote(m);
	check(m);
	check_value(m, 0, 5);
	settle();
	check_value(m, 0, 5);
}

static void *
store_to_0(void *arg)
{
	twomap_thread_begin();
	twomap_store(arg, 0, 5);
	twomap_thread_end();
	return NULL;
}

/*
 * Another thread stores while this one has the lock.  If EXPUNGED could become
 * a box without the lock, it would within the time given.
 */
static void
test_an_expunged_entry_gets_no_box_without_the_lock(void **state)
{
	struct twomap *m = *state;
	pthread_t thread;

	fill_expunged(m);
	pthread_mutex_lock(&m->mu);
	assert_int_equal(pthread_create(&thread, NULL, store_to_0, m), 0);
	for (unsigned i = 0; i < 50; i++) {
		usleep(1000);
		assert_int_equal(key_state(m, 0), EXPUNGED);
	}
	pthread_mutex_unlock(&m->mu);
	assert_int_equal(pthread_join(thread, NULL), 0);
	check(m);
	assert_int_equal(key_state(m, 0), LIVE);
	assert_non_null(in_dirty(m, 0));
}

static void
test_swap_is_store_with_the_old_value_in_every_state(void **state)
{
	struct twomap *m = *state;
	uint64_t old = 77;

	fill_expunged(m);
	assert_false(twomap_swap(m, 0, 1, &old));   /* expunged */
	assert_false(twomap_swap(m, 101, 2, &old)); /* new */
	twomap_delete(m, 1);
	assert_false(twomap_swap(m, 1, 3, &old)); /* nil */
	check(m);
	assert_int_equal(old, 77);
	assert_true(twomap_swap(m, 0, 4, &old)); /* both maps */
	assert_int_equal(old, 1);
	assert_true(twomap_swap(m, 101, 5, &old)); /* dirty alone */
	assert_int_equal(old, 2);
	check(m);
	check_value(m, 0, 4);
	check_value(m, 1, 3);
	check_value(m, 101, 5);
}

/* 1.20: CompareAndDelete leaves a dead key in dirty. */
static void
test_store_revives_a_dead_entry_of_dirty_alone(void **state)
{
	struct twomap *m = *state;
	struct twomap_entry *e;

	fill_both(m);
	e = in_dirty(m, 100);
	assert_true(twomap_compare_and_delete(m, 100, 1000));
	assert_int_equal(key_state(m, 100), NIL);
	twomap_store(m, 100, 6);
	check(m);
	assert_ptr_equal(in_dirty(m, 100), e);
	check_value(m, 100, 6);
}

/* ---------------------------------------------------------- load or store */

/* T3 */
static void
test_load_or_store_of_a_key_in_dirty_alone_counts_a_miss(void **state)
{
	struct twomap *m = *state;
	uint64_t actual;

	fill_both(m);
	assert_true(twomap_load_or_store(m, 100, 1, &actual));
	check(m);
	assert_int_equal(actual, 1000);
	assert_int_equal(m->misses, 1);
}

/* T4 */
static void
test_load_or_store_of_a_new_key_counts_no_miss(void **state)
{
	struct twomap *m = *state;
	uint64_t actual;

	fill_both(m);
	assert_false(twomap_load_or_store(m, 101, 1, &actual));
	check(m);
	assert_int_equal(actual, 1);
	assert_int_equal(m->misses, 0);
	assert_int_equal(misses(m), 0);
	assert_non_null(in_dirty(m, 101));
}

static void
test_load_or_store_of_a_key_in_read_takes_no_lock(void **state)
{
	struct twomap *m = *state;
	uint64_t actual;

	fill_both(m);
	twomap_delete(m, 1);
	pthread_mutex_lock(&m->mu);
	assert_true(twomap_load_or_store(m, 0, 1, &actual));
	assert_int_equal(actual, 0);
	assert_false(twomap_load_or_store(m, 1, 11, &actual));
	assert_int_equal(actual, 11);
	pthread_mutex_unlock(&m->mu);
	check(m);
	check_value(m, 1, 11);
}

/* T14 */
static void
test_load_or_store_of_an_expunged_key_unexpunges_and_counts_no_miss(
	void **state)
{
	struct twomap *m = *state;
	uint64_t actual;

	fill_expunged(m);
	assert_false(twomap_load_or_store(m, 0, 5, &actual));
	check(m);
	assert_int_equal(actual, 5);
	assert_int_equal(misses(m), 0);
	assert_ptr_equal(in_dirty(m, 0), in_read(m, 0));
	check_value(m, 0, 5);
}

/* ------------------------------------------------------- misses, promotion */

/* T5 */
static void
test_as_many_misses_as_dirty_has_keys_promote(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	for (unsigned i = 1; i < N + 1; i++) {
		check_value(m, 100, 1000);
		check(m);
		assert_int_equal(m->misses, i);
		assert_true(amended(m));
	}
	check_value(m, 100, 1000);
	check(m);
	assert_false(amended(m));
	assert_null(m->dirty);
	assert_non_null(in_read(m, 100));
	assert_int_equal(misses(m), N + 1);
}

/* T5 */
static void
test_a_load_that_finds_nothing_in_dirty_counts_too(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	for (unsigned i = 0; i < N + 1; i++) {
		check_absent(m, 500);
		check(m);
	}
	assert_int_equal(counters(m).promotions, 2);
	assert_false(amended(m));
}

/* T6 */
static void
test_dead_keys_of_dirty_count_in_its_length(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	for (uint64_t key = 0; key < N; key++)
		twomap_delete(m, key);
	check(m);
	assert_int_equal(m->dirty->map.count, N + 1);
	for (unsigned i = 0; i < N; i++)
		check_value(m, 100, 1000);
	assert_true(amended(m));
	check_value(m, 100, 1000);
	assert_false(amended(m));
	check(m);
}

/* T7 */
static void
test_load_of_an_absent_key_on_an_unamended_map_takes_no_lock(void **state)
{
	struct twomap *m = *state;

	fill_read(m);
	pthread_mutex_lock(&m->mu);
	for (unsigned i = 0; i < 100; i++)
		check_absent(m, 500);
	pthread_mutex_unlock(&m->mu);
	check(m);
	assert_int_equal(misses(m), 0);
}

/* T11 */
static void
test_load_of_a_dead_key_of_read_takes_no_lock_even_if_amended(void **state)
{
	struct twomap *m = *state;

	fill_expunged(m);
	twomap_delete(m, 1);
	pthread_mutex_lock(&m->mu);
	check_absent(m, 0); /* expunged */
	check_absent(m, 1); /* nil */
	pthread_mutex_unlock(&m->mu);
	check(m);
	assert_int_equal(misses(m), 0);
}

static void
test_load_of_a_key_of_read_takes_no_lock(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	pthread_mutex_lock(&m->mu);
	check_value(m, 1, 10);
	pthread_mutex_unlock(&m->mu);
}

/* T20 */
static void
test_the_first_miss_on_an_empty_dirty_map_promotes(void **state)
{
	struct twomap *m = *state;

	store_range(m, 0, 1);
	assert_true(amended(m));
	assert_true(twomap_delete(m, 0)); /* leaves dirty empty: 1 >= 0 */
	check(m);
	assert_false(amended(m));
	assert_int_equal(read_map(m)->count, 0);
	assert_int_equal(misses(m), 1);
	assert_int_equal(counters(m).promotions, 1);
}

/* T17 */
static void
test_range_promotes_at_once_and_counts_no_miss(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	promote(m);
	check(m);
	assert_false(amended(m));
	assert_null(m->dirty);
	assert_non_null(in_read(m, 100));
	assert_int_equal(counters(m).promotions, 2);
	assert_int_equal(misses(m), 0);
}

static void
test_range_on_an_unamended_map_takes_no_lock(void **state)
{
	struct twomap *m = *state;

	fill_read(m);
	pthread_mutex_lock(&m->mu);
	promote(m);
	pthread_mutex_unlock(&m->mu);
	assert_int_equal(counters(m).promotions, 1);
}

struct seen {
	struct twomap *map;
	uint64_t n, sum;
	bool stop;
};

static bool
see(void *arg, uint64_t key, uint64_t value)
{
	struct seen *seen = arg;

	assert_int_equal(value, key * 10);
	seen->n++;
	seen->sum += key;
	return !seen->stop;
}

static void
test_range_shows_what_is_live_once(void **state)
{
	struct seen seen = { .n = 0 };
	struct twomap *m = *state;

	fill_expunged(m); /* 1 to 7 and 100 are live */
	twomap_delete(m, 1);
	twomap_range(m, see, &seen);
	assert_int_equal(seen.n, N - 2 + 1);
	assert_int_equal(seen.sum, N * (N - 1) / 2 - 1 + 100);
	seen = (struct seen){ .stop = true };
	twomap_range(m, see, &seen);
	assert_int_equal(seen.n, 1);
}

/* Delete the key, put two new ones and promote, all inside a range. */
static bool
disturb(void *arg, uint64_t key, uint64_t value)
{
	struct seen *seen = arg;

	(void)value;
	assert_true(key < N);
	assert_true(twomap_delete(seen->map, key));
	twomap_store(seen->map, 1000 + key, 1);
	promote(seen->map);
	seen->n++;
	return true;
}

static void
test_every_operation_may_be_called_inside_range(void **state)
{
	struct seen seen = { .map = *state };
	struct twomap *m = *state;

	fill_read(m);
	twomap_range(m, disturb, &seen);
	check(m);
	assert_int_equal(seen.n, N);
	for (uint64_t key = 0; key < N; key++) {
		check_absent(m, key);
		check_value(m, 1000 + key, 1);
	}
}

/* ----------------------------------------------------------------- delete */

/* T8 */
static void
test_delete_in_read_takes_no_lock_and_keeps_the_slot(void **state)
{
	struct twomap *m = *state;
	uint64_t old;

	fill_read(m);
	pthread_mutex_lock(&m->mu);
	assert_true(twomap_load_and_delete(m, 4, &old));
	pthread_mutex_unlock(&m->mu);
	check(m);
	assert_int_equal(old, 40);
	assert_int_equal(read_map(m)->count, N);
	assert_int_equal(key_state(m, 4), NIL);
	assert_int_equal(misses(m), 0);
}

/* T12 */
static void
test_delete_of_a_dead_key_of_read_says_false_and_counts_no_miss(void **state)
{
	struct twomap *m = *state;
	uint64_t old = 77;

	fill_expunged(m);
	twomap_delete(m, 1);
	pthread_mutex_lock(&m->mu);
	assert_false(twomap_load_and_delete(m, 0, &old)); /* expunged */
	assert_false(twomap_delete(m, 1));		  /* nil */
	pthread_mutex_unlock(&m->mu);
	check(m);
	assert_int_equal(old, 77);
	assert_int_equal(misses(m), 0);
	assert_int_equal(key_state(m, 0), EXPUNGED);
}

/* T15 */
static void
test_delete_of_a_key_in_both_maps_keeps_its_slot_in_dirty(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	assert_true(twomap_delete(m, 2));
	check(m);
	assert_int_equal(m->dirty->map.count, N + 1);
	assert_int_equal(entry_state(in_read(m, 2)), NIL);
	assert_int_equal(entry_state(in_dirty(m, 2)), NIL);
}

/* T16 */
static void
test_delete_of_a_key_in_dirty_alone_removes_it_and_counts_a_miss(void **state)
{
	struct twomap *m = *state;
	struct twomap_entry *e;
	uint64_t old;

	fill_both(m);
	e = in_dirty(m, 100);
	assert_true(twomap_load_and_delete(m, 100, &old));
	check(m);
	assert_int_equal(old, 1000);
	assert_int_equal(m->dirty->map.count, N);
	assert_int_equal(m->misses, 1);
	assert_int_equal(key_state(m, 100), NOWHERE);
	/* Retired, but this thread has not been quiescent since. */
	assert_int_equal(entry_state(e), NIL);
	assert_false(twomap_delete(m, 100));
	assert_int_equal(m->misses, 2);
}

static void
test_delete_of_an_absent_key_on_an_unamended_map_takes_no_lock(void **state)
{
	struct twomap *m = *state;

	fill_read(m);
	pthread_mutex_lock(&m->mu);
	assert_false(twomap_delete(m, 500));
	pthread_mutex_unlock(&m->mu);
	check(m);
}

/* ---------------------------------------------------------------- misuse */

static void
write_as_a_stranger(struct twomap *m)
{
	twomap_store(m, 1, 1);
}

static void
delete_as_a_stranger(struct twomap *m)
{
	twomap_delete(m, 0);
}

static void
begin_twice(struct twomap *m)
{
	(void)m;
	twomap_thread_begin();
	twomap_thread_begin();
}

static void
end_as_a_stranger(struct twomap *m)
{
	(void)m;
	twomap_thread_end();
}

/* Run fn in a child whose one thread has not begun; what its end says. */
static void
check_dies(struct twomap *m, void (*fn)(struct twomap *), const char *why)
{
	static const struct rlimit no_core = { 0, 0 };
	char text[256] = "";
	int status, end[2];
	pid_t child;

	assert_int_equal(pipe(end), 0);
	child = fork();
	if (!child) {
		signal(SIGABRT, SIG_DFL);
		setrlimit(RLIMIT_CORE, &no_core);
		dup2(end[1], STDERR_FILENO);
		fn(m);
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(read(end[0], text, sizeof text - 1) > 0);
	close(end[0]);
	close(end[1]);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(text, why));
}

static void
test_a_thread_that_has_not_begun_is_told_so(void **state)
{
	struct twomap *m = *state;

	twomap_store(m, 0, 0);
	promote(m);
	twomap_thread_end();
	check_dies(m, write_as_a_stranger, "did not call twomap_thread_begin");
	check_dies(m, delete_as_a_stranger, "did not call twomap_thread_begin");
	check_dies(m, end_as_a_stranger, "without twomap_thread_begin");
	check_dies(m, begin_twice, "called twice");
	twomap_thread_begin();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_MAP(test_a_new_map_is_empty_and_not_amended),
		ON_MAP(test_every_key_and_every_value_is_legal),
		ON_MAP(test_store_never_counts_a_miss),
		ON_MAP(test_a_map_that_is_only_stored_to_is_never_promoted),
		ON_MAP(test_store_revives_a_deleted_entry_of_read_in_place),
		ON_MAP(test_store_revives_a_deleted_entry_of_both_maps_in_place),
		ON_MAP(test_store_to_an_expunged_entry_puts_it_back_into_dirty),
		ON_MAP(test_an_expunged_entry_gets_no_box_without_the_lock),
		ON_MAP(test_swap_is_store_with_the_old_value_in_every_state),
		ON_MAP(test_store_revives_a_dead_entry_of_dirty_alone),
		ON_MAP(test_load_or_store_of_a_key_in_dirty_alone_counts_a_miss),
		ON_MAP(test_load_or_store_of_a_new_key_counts_no_miss),
		ON_MAP(test_load_or_store_of_a_key_in_read_takes_no_lock),
		ON_MAP(test_load_or_store_of_an_expunged_key_unexpunges_and_counts_no_miss),
		ON_MAP(test_as_many_misses_as_dirty_has_keys_promote),
		ON_MAP(test_a_load_that_finds_nothing_in_dirty_counts_too),
		ON_MAP(test_dead_keys_of_dirty_count_in_its_length),
		ON_MAP(test_load_of_an_absent_key_on_an_unamended_map_takes_no_lock),
		ON_MAP(test_load_of_a_dead_key_of_read_takes_no_lock_even_if_amended),
		ON_MAP(test_load_of_a_key_of_read_takes_no_lock),
		ON_MAP(test_the_first_miss_on_an_empty_dirty_map_promotes),
		ON_MAP(test_range_promotes_at_once_and_counts_no_miss),
		ON_MAP(test_range_on_an_unamended_map_takes_no_lock),
		ON_MAP(test_range_shows_what_is_live_once),
		ON_MAP(test_every_operation_may_be_called_inside_range),
		ON_MAP(test_delete_in_read_takes_no_lock_and_keeps_the_slot),
		ON_MAP(test_delete_of_a_dead_key_of_read_says_false_and_counts_no_miss),
		ON_MAP(test_delete_of_a_key_in_both_maps_keeps_its_slot_in_dirty),
		ON_MAP(test_delete_of_a_key_in_dirty_alone_removes_it_and_counts_a_miss),
		ON_MAP(test_delete_of_an_absent_key_on_an_unamended_map_takes_no_lock),
		ON_MAP(test_a_thread_that_has_not_begun_is_told_so),
	};

	alarm(TEST_SECONDS);
	return cmocka_run_group_tests_name("twomap", tests, NULL, NULL);
}
