/*
 * test_thread.c - slots for threads, and what they count
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "lib/thread.h"
#include "tests/model/kit.h"

#define THREADS 70
#define OWNED (NH_STRIPES - 1) /* slots that one thread has for itself */
#define COUNTS 20000

/* Threads that are all there at once. */
struct crowd {
	pthread_barrier_t all;
	struct nh_stripe stripe[NH_STRIPES];
	struct nh_u64 *m;
};

struct member {
	struct crowd *crowd;
	unsigned number;
	uint32_t slot;
	bool owned;
	pthread_t thread;
};

/* The barriers: all have a slot before one counts, and until all have. */
static void *
count_alongside(void *arg)
{
	struct member *me = arg;
	struct nh_stripe *mine = nh_stripe_mine(me->crowd->stripe);

	me->slot = nh_self.slot;
	me->owned = nh_self.owned;
	pthread_barrier_wait(&me->crowd->all);
	for (unsigned i = 0; i < COUNTS; i++) {
		nh_stripe_add(&mine->live, 3);
		nh_stripe_add(&mine->moved, (uint64_t)-1);
	}
	pthread_barrier_wait(&me->crowd->all);
	return NULL;
}

static void
crowd_run(struct crowd *crowd, struct member *member, void *(*fn)(void *))
{
	assert_int_equal(pthread_barrier_init(&crowd->all, NULL, THREADS), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		member[i].crowd = crowd;
		member[i].number = i;
		assert_int_equal(
			pthread_create(&member[i].thread, NULL, fn, &member[i]),
			0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(member[i].thread, NULL), 0);
	pthread_barrier_destroy(&crowd->all);
}

/* relaxed: all its writers were joined. */
static uint64_t
count_of(const nh_atomic *counter)
{
	/* relaxed: as above. */
	return nh_load_relaxed(counter);
}

/* Before the main thread has a slot: all are to be had. */
static void
assert_slots(const struct member *member)
{
	unsigned owners[NH_STRIPES] = { 0 };
	unsigned owned = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		assert_true(member[i].slot < NH_STRIPES);
		assert_int_equal(member[i].owned, member[i].slot < OWNED);
		owners[member[i].slot]++;
		owned += member[i].owned;
	}
	assert_int_equal(owned, OWNED);
	for (unsigned slot = 0; slot < OWNED; slot++)
		assert_int_equal(owners[slot], 1);
	assert_int_equal(owners[OWNED], THREADS - OWNED);
}

static void
test_seventy_threads_count_exactly(void **state)
{
	static struct crowd crowd;
	struct member member[THREADS];
	uint64_t live = 0, moved = 0;

	(void)state;
	memset(&crowd, 0, sizeof(crowd));
	crowd_run(&crowd, member, count_alongside);
	assert_slots(member);
	for (unsigned i = 0; i < NH_STRIPES; i++) {
		live += count_of(&crowd.stripe[i].live);
		moved += count_of(&crowd.stripe[i].moved);
	}
	assert_int_equal(live, UINT64_C(3) * THREADS * COUNTS);
	assert_int_equal(moved, (uint64_t)-1 * THREADS * COUNTS);
}

/* Again and again: slots of threads that ended are had again, all of them. */
static void
test_slots_are_handed_on(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++)
		test_seventy_threads_count_exactly(state);
}

/* ------------------------------------------------------- one after another */

static void *
note_slot(void *arg)
{
	struct member *me = arg;

	assert_false(nh_self.ready);
	nh_thread_begin();
	me->slot = nh_self.slot;
	me->owned = nh_self.owned;
	return NULL;
}

static void
test_threads_one_after_another_share_a_slot(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3 * NH_STRIPES; i++) {
		struct member one = { .number = i };
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, note_slot, &one),
				 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_true(one.owned);
		assert_int_equal(one.slot, 0);
	}
}

static pthread_key_t late_key;
static nh_atomic late_runs;

/* A destructor that counts once more, after the thread's slot was let go. */
static void
count_late(void *arg)
{
	struct crowd *crowd = arg;

	nh_stripe_add(&nh_stripe_mine(crowd->stripe)->live, 1);
	/* relaxed: read after the join. */
	nh_add_relaxed(&late_runs, 1);
}

static void *
leave_a_destructor(void *arg)
{
	struct crowd *crowd = arg;

	nh_thread_begin();
	return pthread_setspecific(late_key, crowd) ? crowd : NULL;
}

static void
test_a_slot_taken_by_a_destructor_is_handed_on_too(void **state)
{
	static struct crowd crowd;
	uint64_t live = 0;

	/* Made after the library's, whose destructor so comes first. */
	assert_int_equal(pthread_key_create(&late_key, count_late), 0);
	for (unsigned i = 0; i < 2 * NH_STRIPES; i++) {
		pthread_t thread;
		void *failed;

		assert_int_equal(pthread_create(&thread, NULL,
						leave_a_destructor, &crowd),
				 0);
		assert_int_equal(pthread_join(thread, &failed), 0);
		assert_null(failed);
	}
	for (unsigned i = 0; i < NH_STRIPES; i++)
		live += count_of(&crowd.stripe[i].live);
	assert_int_equal(live, 2 * NH_STRIPES);
	assert_int_equal(count_of(&late_runs), 2 * NH_STRIPES);
	test_seventy_threads_count_exactly(state);
	pthread_key_delete(late_key);
}

/* ---------------------------------------------------------------- borrowed */

static void *
note_slot_of_two(void *arg)
{
	struct member *me = arg;
	bool mine;

	nh_thread_begin();
	me->slot = nh_self.slot;
	/* The slot of a thread is not to be had, nor the shared one. */
	mine = nh_thread_borrow(me->slot);
	me->owned = nh_self.owned && !mine && !nh_thread_borrow(OWNED);
	return NULL;
}

static void
test_a_borrowed_slot_is_nobody_elses(void **state)
{
	struct member one = { .number = 0 };
	pthread_t thread;

	(void)state;
	for (uint32_t slot = 0; slot < 3; slot++)
		assert_true(nh_thread_borrow(slot));
	assert_false(nh_thread_borrow(1));
	assert_int_equal(pthread_create(&thread, NULL, note_slot_of_two, &one),
			 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(one.owned);
	assert_int_equal(one.slot, 3);
	for (uint32_t slot = 0; slot < 3; slot++)
		nh_thread_give_back(slot);
	test_threads_one_after_another_share_a_slot(state);
}

/* ---------------------------------------------------------------- in a map */

static void *
put_and_delete(void *arg)
{
	struct member *me = arg;
	uint64_t first = UINT64_C(1000) * me->number;

	pthread_barrier_wait(&me->crowd->all);
	for (uint64_t i = 0; i < 1000; i++)
		nh_u64_put(me->crowd->m, first + i, i);
	for (uint64_t i = 0; i < 1000; i += 2)
		nh_u64_delete(me->crowd->m, first + i);
	/* All at once, so that some share a slot. */
	pthread_barrier_wait(&me->crowd->all);
	return NULL;
}

static void
test_the_length_of_a_map_is_exact_with_seventy_threads(void **state)
{
	static struct crowd crowd;
	struct member member[THREADS];
	struct nh_config config = config_make(5);

	(void)state;
	config.capacity = 0;
	config.fixed = false;
	crowd.m = nh_u64_create(&config, NULL);
	assert_non_null(crowd.m);
	crowd_run(&crowd, member, put_and_delete);
	assert_int_equal(nh_u64_len(crowd.m), THREADS * 500);
	nh_u64_destroy(crowd.m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seventy_threads_count_exactly),
		cmocka_unit_test(test_slots_are_handed_on),
		cmocka_unit_test(test_threads_one_after_another_share_a_slot),
		cmocka_unit_test(test_a_borrowed_slot_is_nobody_elses),
		cmocka_unit_test(
			test_a_slot_taken_by_a_destructor_is_handed_on_too),
		cmocka_unit_test(
			test_the_length_of_a_map_is_exact_with_seventy_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
