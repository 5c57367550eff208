/*
 * test_slab.c - small objects: who has what memory, and who may still read it
 *
 * Linked with tests/fault/inject.c, so that memory runs out where a test says.
 * Pages are of 4 KiB, so that what is given back can be told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "lib/slab.h"
#include "lib/slab_page.h"
#include "numa/arena.h"
#include "tests/fault/inject.h"
#include "tests/model/kit.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define ANY_NODE (-1)
#define MANY 100000
#define ENTRY 88
#define LIST 64 /* objects a cache has of one size, at most */

static struct nh_slab slab;

static int
begin(void **state)
{
	(void)state;
	return nh_slab_init(&slab, ANY_NODE);
}

static uint64_t
arena_used(void)
{
	struct nh_arena_stats st;

	nh_arena_stats(&st);
	return st.used;
}

/* Each test leaves the arena as it found it: empty. */
static int
end(void **state)
{
	(void)state;
	nh_slab_fini(&slab);
	return arena_used() != 0;
}

static struct nh_slab_stats
stats_now(void)
{
	struct nh_slab_stats st;

	nh_slab_stats(&slab, &st);
	return st;
}

static nh_atomic *
take(size_t bytes, uint32_t *version)
{
	nh_atomic *o = nh_slab_alloc(&slab, bytes, version);

	assert_non_null(o);
	assert_int_equal((uintptr_t)o % 8, 0);
	assert_int_equal(nh_slab_word(o), 0);
	assert_int_not_equal(*version, 0);
	return o;
}

static nh_atomic *
take_any(size_t bytes)
{
	uint32_t version;

	return take(bytes, &version);
}

static size_t
words_of(size_t bytes)
{
	return (bytes + 7) / 8;
}

/* ------------------------------------------------------------------- sizes */

static void
test_each_size_has_the_least_class_that_holds_it(void **state)
{
	(void)state;
	for (size_t bytes = 1; bytes <= NH_SLAB_SMALL; bytes++) {
		unsigned class = nh_slab_class_of(bytes);
		size_t size = nh_slab_class_size(class);

		assert_true(class < NH_SLAB_CLASSES);
		assert_true(size >= bytes && size % 8 == 0);
		if (class)
			assert_true(nh_slab_class_size(class - 1) < bytes);
	}
	assert_int_equal(nh_slab_class_size(NH_SLAB_CLASSES - 1),
			 NH_SLAB_SMALL);
}

/* As slab_page.h states it. */
static void
test_little_is_lost_in_an_object(void **state)
{
	double sum = 0;

	(void)state;
	for (size_t bytes = 17; bytes <= NH_SLAB_SMALL; bytes++) {
		size_t lost =
			nh_slab_class_size(nh_slab_class_of(bytes)) - bytes;

		assert_true(bytes > 128 ? lost * 100 <= bytes * 13 : lost < 8);
		sum += (double)lost / (double)bytes;
	}
	assert_true(sum / (double)(NH_SLAB_SMALL - 16) < 0.05);
}

static void
test_little_is_lost_in_a_page(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NH_SLAB_CLASSES; i++) {
		const struct nh_slab_class *c = &slab.class[i];
		size_t all = (size_t)c->objects * c->size;

		assert_true(c->first >= 8 && c->first + all <= c->page_bytes);
		assert_true((c->page_bytes - all) * 27 < c->page_bytes);
		assert_true(c->page_bytes >= 16 * KIB);
		assert_true(c->size > 1008 || c->page_bytes <= 32 * KIB);
	}
}

static void
test_an_empty_set_costs_little(void **state)
{
	(void)state;
	assert_true(sizeof(slab) < 8 * KIB);
	assert_int_equal(stats_now().pages, 0);
	assert_int_equal(stats_now().used, 0);
	nh_slab_free(&slab, take_any(1), 1);
	assert_int_equal(stats_now().pages, 16 * KIB);
}

static void
test_powers_of_two_do_not_straddle_lines(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal((uintptr_t)take_any(64) % 64, 0);
		assert_int_equal((uintptr_t)take_any(32) % 32, 0);
		assert_int_equal((uintptr_t)take_any(128) % 64, 0);
	}
}

/* ------------------------------------------------------------------ contents
 */

#define CROWD 3000

struct member {
	nh_atomic *object;
	size_t bytes;
	uint64_t mark;
};

static size_t
any_size(struct rng *rng)
{
	return 1 + rng_below(rng, (uint64_t)16 << rng_below(rng, 12));
}

static void
member_begin(struct member *m, size_t bytes, uint64_t mark)
{
	m->object = take_any(bytes);
	m->bytes = bytes;
	m->mark = mark;
	for (size_t i = 0; i < words_of(bytes); i++)
		nh_slab_fill(&m->object[i], mark + i);
}

/* Whoever overlaps it would have left another mark. */
static void
member_end(struct member *m)
{
	for (size_t i = 0; i < words_of(m->bytes); i++)
		assert_int_equal(nh_slab_word(&m->object[i]), m->mark + i);
	nh_slab_free(&slab, m->object, m->bytes);
	m->object = NULL;
}

static void
test_objects_never_overlap(void **state)
{
	static struct member crowd[CROWD];
	struct rng rng = rng_make(3);
	uint64_t used = 0;

	(void)state;
	for (unsigned step = 0; step < 100000; step++) {
		struct member *m = &crowd[rng_below(&rng, CROWD)];

		if (m->object) {
			used -= m->bytes;
			member_end(m);
		} else {
			member_begin(m, any_size(&rng), rng_next(&rng));
			used += m->bytes;
		}
		if (step % 100 == 0)
			assert_int_equal(stats_now().used, used);
		if (step % 10000 == 0)
			nh_slab_trim(&slab);
	}
	assert_true(stats_now().pages > used);
	for (unsigned i = 0; i < CROWD; i++)
		if (crowd[i].object)
			member_end(&crowd[i]);
	assert_int_equal(stats_now().used, 0);
	nh_slab_trim(&slab);
	assert_int_equal(stats_now().pages, 0);
	assert_int_equal(arena_used(), 0);
}

static void
test_freed_memory_is_reused_at_once(void **state)
{
	nh_atomic *first = take_any(ENTRY), *second;

	(void)state;
	nh_slab_free(&slab, first, ENTRY);
	second = take_any(ENTRY - 3);
	assert_ptr_equal(first, second);
	nh_slab_free(&slab, second, ENTRY - 3);
}

/* ------------------------------------------------------------------- returns
 */

static nh_atomic *many[MANY];

static void
take_many(void)
{
	for (unsigned i = 0; i < MANY; i++) {
		many[i] = take_any(ENTRY);
		for (size_t k = 0; k < ENTRY / 8; k++)
			nh_slab_fill(&many[i][k], UINT64_MAX);
	}
}

static void
shuffle_many(void)
{
	struct rng rng = rng_make(5);

	for (unsigned i = MANY; i-- > 1;) {
		unsigned k = (unsigned)rng_below(&rng, i + 1);
		nh_atomic *o = many[i];

		many[i] = many[k];
		many[k] = o;
	}
}

static void
free_many(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		nh_slab_free(&slab, many[i], ENTRY);
}

static void
test_pages_are_nearly_full(void **state)
{
	struct nh_slab_stats st;

	(void)state;
	take_many();
	st = stats_now();
	assert_int_equal(st.used, (uint64_t)MANY * ENTRY);
	/* Half a list of objects and a page beyond those that are used. */
	assert_true(st.pages - st.used < st.used / 200 + 2 * 16 * KIB);
	shuffle_many();
	for (unsigned i = 0; i < 4 * MANY; i++) {
		nh_slab_free(&slab, many[i % MANY], ENTRY);
		many[i % MANY] = take_any(ENTRY);
	}
	assert_int_equal(stats_now().pages, st.pages);
	free_many(0, MANY);
}

static void
test_an_emptied_set_holds_what_its_cache_does(void **state)
{
	(void)state;
	take_many();
	shuffle_many();
	free_many(0, MANY);
	assert_int_equal(stats_now().used, 0);
	assert_true(stats_now().pages <= (LIST + 1) * 16 * KIB);
	nh_slab_trim(&slab);
	assert_int_equal(stats_now().pages, 0);
	assert_int_equal(arena_used(), 0);
}

static void
test_half_empty_pages_are_filled_again(void **state)
{
	uint64_t pages;

	(void)state;
	take_many();
	shuffle_many();
	pages = stats_now().pages;
	free_many(0, MANY / 2);
	for (unsigned i = 0; i < MANY / 2; i++)
		many[i] = take_any(ENTRY);
	assert_true(stats_now().pages <= pages + 16 * KIB);
	free_many(0, MANY);
}

static void
test_fini_takes_what_was_never_freed(void **state)
{
	struct nh_slab other;
	uint32_t version;

	(void)state;
	assert_int_equal(nh_slab_init(&other, ANY_NODE), 0);
	for (size_t bytes = 1; bytes < 60000; bytes += bytes / 3 + 1)
		for (int i = 0; i < 50; i++)
			assert_non_null(nh_slab_alloc(&other, bytes, &version));
	assert_true(arena_used() > 50 * 100 * KIB);
	nh_slab_fini(&other);
	assert_int_equal(arena_used(), 0);
}

/* -------------------------------------------------------------- large objects
 */

static void
test_large_objects_have_what_they_asked_for(void **state)
{
	struct member m[40];

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		member_begin(&m[i], NH_SLAB_SMALL + 1 + i * i * 4001, i << 20);
	assert_true(stats_now().pages < stats_now().used + 40 * 256);
	for (unsigned i = 0; i < 40; i++)
		member_end(&m[i * 7 % 40]);
	assert_int_equal(stats_now().pages, 0);
	assert_int_equal(arena_used(), 0);
}

static void
test_sizes_up_to_the_greatest(void **state)
{
	size_t gib = (size_t)1 << 30;
	nh_atomic *o = take_any(gib);
	uint32_t version;

	(void)state;
	nh_slab_fill(&o[gib / 8 - 1], 7);
	assert_int_equal(stats_now().used, gib);
	nh_slab_free(&slab, o, gib);
	assert_null(nh_slab_alloc(&slab, NH_SLAB_MAX + 1, &version));
	assert_null(nh_slab_alloc(&slab, SIZE_MAX, &version));
	assert_int_equal(stats_now().pages, 0);
	nh_slab_free(&slab, take_any(0), 0);
}

/* ------------------------------------------------------------------ versions
 */

static int
compare_versions(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

struct versions {
	uint32_t *version;
	size_t n;
	size_t bytes;
};

static void *
collect_versions(void *arg)
{
	struct versions *v = arg;

	for (size_t i = 0; i < v->n; i++) {
		void *o = nh_slab_alloc(&slab, v->bytes, &v->version[i]);

		if (!o)
			return v;
		nh_slab_free(&slab, o, v->bytes);
	}
	return NULL;
}

static void
test_no_two_objects_have_the_same_version(void **state)
{
	enum { THREADS = 8, EACH = 20000 };
	static uint32_t all[THREADS * EACH];
	struct versions v[THREADS];
	pthread_t thread[THREADS];
	void *failed;

	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		size_t bytes = i % 2 ? 24 : NH_SLAB_SMALL + 1;

		v[i] = (struct versions){ &all[i * EACH], EACH, bytes };
		assert_int_equal(pthread_create(&thread[i], NULL,
						collect_versions, &v[i]),
				 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(thread[i], &failed), 0);
		assert_null(failed);
	}
	qsort(all, THREADS * EACH, sizeof(*all), compare_versions);
	assert_int_not_equal(all[0], 0);
	for (unsigned i = 1; i < THREADS * EACH; i++)
		assert_true(all[i - 1] < all[i]);
}

/* ------------------------------------------------------------- stale readers
 */

/* Objects of a map that was: freed, their pages with the system. */
static void
test_memory_that_went_back_can_be_read_and_is_not_believed(void **state)
{
	struct nh_arena_stats before, after;
	uint64_t zeros = 0;

	(void)state;
	nh_arena_stats(&before);
	take_many();
	for (unsigned i = 0; i < MANY; i++)
		nh_slab_fill(many[i], 5 + i);
	free_many(0, MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(nh_slab_word(many[i]), 0);
	nh_slab_trim(&slab);
	nh_arena_stats(&after);
	assert_true(after.returned > before.returned + 6 * MIB);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(nh_slab_word(many[i]), 0);
		zeros += nh_slab_word(&many[i][ENTRY / 8 - 1]) == 0;
	}
	assert_true(zeros > MANY / 2);
}

static void
test_large_memory_that_went_back_can_be_read(void **state)
{
	nh_atomic *o = take_any(8 * MIB);

	(void)state;
	nh_slab_fill(o, 77);
	nh_slab_fill(&o[MIB - 1], 77);
	nh_slab_free(&slab, o, 8 * MIB);
	assert_int_equal(nh_slab_word(o), 0);
	assert_int_equal(nh_slab_word(&o[MIB / 2]), 0);
}

/* The same address with its page back from the system: another version. */
static void
test_a_page_that_comes_back_has_other_versions(void **state)
{
	unsigned same = 0;

	(void)state;
	for (unsigned round = 0; round < 100; round++) {
		uint32_t first, second;
		nh_atomic *o = take(ENTRY, &first), *again;

		nh_slab_fill(o, first);
		nh_slab_free(&slab, o, ENTRY);
		nh_slab_trim(&slab);
		assert_int_equal(stats_now().pages, 0);
		again = take(ENTRY, &second);
		assert_int_not_equal(first, second);
		same += o == again;
		nh_slab_free(&slab, again, ENTRY);
	}
	assert_true(same > 50);
}

#define SLOTS 12
#define WRITERS 3
#define READERS 3
#define MOST_WORDS 320

/* A table of a few pairs; who writes which is settled, who reads is not. */
struct table {
	nh_atomic slot[SLOTS];
	nh_atomic stop;
	nh_atomic believed, refused, wrong;
};

static uint64_t
word_of(uint32_t version, uint64_t slot, uint64_t i)
{
	return mix64((uint64_t)version << 32 | slot << 16 | i);
}

/* An entry: a header with its words and version, and words that tell. */
static nh_atomic *
entry_make(uint64_t slot, size_t words)
{
	uint32_t version;
	nh_atomic *o = nh_slab_alloc(&slab, 8 * words, &version);

	if (!o)
		return NULL;
	for (size_t i = 1; i < words; i++)
		nh_slab_fill(&o[i], word_of(version, slot, i));
	nh_slab_fill(o, (uint64_t)words << 32 | version);
	return o;
}

static void
entry_free(nh_atomic *o)
{
	if (o)
		nh_slab_free(&slab, o, 8 * (nh_slab_word(o) >> 32));
}

struct actor {
	struct table *table;
	unsigned number;
	pthread_t thread;
};

static void *
write_entries(void *arg)
{
	struct actor *me = arg;
	struct table *t = me->table;
	struct rng rng = rng_make(me->number + 1);

	for (unsigned step = 0; !nh_load_relaxed(&t->stop); step++) {
		unsigned slot =
			(unsigned)rng_below(&rng, SLOTS / WRITERS) * WRITERS +
			me->number;
		size_t words =
			2 + rng_below(&rng,
				      rng_below(&rng, 2) ? 10 : MOST_WORDS - 2);
		nh_atomic *old =
			(nh_atomic *)(uintptr_t)nh_load_relaxed(&t->slot[slot]);
		nh_atomic *o = entry_make(slot, words);

		if (!o)
			return me;
		nh_store_release(&t->slot[slot], (uintptr_t)o);
		entry_free(old);
		/* So that pages change hands between sizes all the time. */
		if (step % 64 == 0)
			nh_slab_trim(&slab);
	}
	return NULL;
}

/* The steps of slab.h: 1 right, 0 start over, -1 believed what is wrong. */
static int
read_entry(struct table *t, unsigned slot, bool sleepy)
{
	static _Thread_local uint64_t copy[MOST_WORDS];
	uint64_t pair = nh_load_acquire(&t->slot[slot]);
	const nh_atomic *o = (const nh_atomic *)(uintptr_t)pair;
	uint64_t header = o ? nh_slab_word(o) : 0;
	uint64_t words = header >> 32;

	if (!(uint32_t)header || nh_load_acquire(&t->slot[slot]) != pair)
		return 0;
	if (words > MOST_WORDS)
		return -1;
	for (uint64_t i = 1; i < words; i++) {
		copy[i] = nh_slab_word(&o[i]);
		if (sleepy && i == words / 2)
			sched_yield();
	}
	if (nh_slab_word(o) != header)
		return 0;
	for (uint64_t i = 1; i < words; i++)
		if (copy[i] != word_of((uint32_t)header, slot, i))
			return -1;
	return 1;
}

static void *
read_entries(void *arg)
{
	struct actor *me = arg;
	struct rng rng = rng_make(me->number + 100);
	uint64_t count[3] = { 0 };

	while (!nh_load_relaxed(&me->table->stop)) {
		unsigned slot = (unsigned)rng_below(&rng, SLOTS);

		count[1 + read_entry(me->table, slot, !rng_below(&rng, 16))]++;
	}
	nh_add_relaxed(&me->table->wrong, count[0]);
	nh_add_relaxed(&me->table->refused, count[1]);
	nh_add_relaxed(&me->table->believed, count[2]);
	return NULL;
}

static void
table_run(struct table *t, unsigned milliseconds)
{
	struct actor actor[WRITERS + READERS];
	struct timespec pause = { 0, (long)milliseconds * 1000000 };

	for (unsigned i = 0; i < WRITERS + READERS; i++) {
		actor[i].table = t;
		actor[i].number = i < WRITERS ? i : i - WRITERS;
		assert_int_equal(pthread_create(&actor[i].thread, NULL,
						i < WRITERS ? write_entries
							    : read_entries,
						&actor[i]),
				 0);
	}
	nanosleep(&pause, NULL);
	nh_store_relaxed(&t->stop, 1);
	for (unsigned i = 0; i < WRITERS + READERS; i++) {
		void *failed;

		assert_int_equal(pthread_join(actor[i].thread, &failed), 0);
		assert_null(failed);
	}
	for (unsigned i = 0; i < SLOTS; i++) {
		entry_free(
			(nh_atomic *)(uintptr_t)nh_load_relaxed(&t->slot[i]));
		nh_store_relaxed(&t->slot[i], 0);
	}
	nh_store_relaxed(&t->stop, 0);
}

static void
test_a_reader_never_believes_what_was_overwritten(void **state)
{
	static struct table t;

	(void)state;
	/* On a busy machine threads may hardly meet: then they try again. */
	for (int i = 0; i < 20 && nh_load_relaxed(&t.refused) <= 100; i++)
		table_run(&t, 700);
	print_message("believed %lu, refused %lu\n",
		      (unsigned long)nh_load_relaxed(&t.believed),
		      (unsigned long)nh_load_relaxed(&t.refused));
	assert_int_equal(nh_load_relaxed(&t.wrong), 0);
	assert_true(nh_load_relaxed(&t.believed) > 100);
	assert_true(nh_load_relaxed(&t.refused) > 100);
	assert_int_equal(stats_now().used, 0);
}

/* ------------------------------------------------------------------- threads
 */

#define RING 512
#define CROWDED 80 /* more than there are slots */

static nh_atomic ring[RING];
static pthread_barrier_t crowd_is_here;

/* Leave objects in a ring and free what others left there: who gets whose. */
static void *
pass_around(void *arg)
{
	struct rng rng = rng_make((uintptr_t)arg);
	void *failed = NULL;

	/* All have a slot before one goes on, and look while others begin. */
	nh_thread_begin();
	pthread_barrier_wait(&crowd_is_here);
	for (unsigned step = 0; step < 2000; step++) {
		nh_atomic *mine =
			entry_make((uintptr_t)arg, 2 + rng_below(&rng, 40));
		nh_atomic *place = &ring[rng_below(&rng, RING)];
		uint64_t old = nh_load_acquire(place);

		if (!mine)
			failed = arg;
		while (!nh_cas_acqrel(place, &old, (uintptr_t)mine))
			;
		entry_free((nh_atomic *)(uintptr_t)old);
		if (step % 100 == 0 && stats_now().used > RING * KIB)
			failed = arg;
	}
	/* And until all are done, so that no slot is handed on. */
	pthread_barrier_wait(&crowd_is_here);
	return failed;
}

static void
run_crowd(unsigned threads)
{
	pthread_t thread[CROWDED];

	assert_int_equal(pthread_barrier_init(&crowd_is_here, NULL, threads),
			 0);
	for (uintptr_t i = 0; i < threads; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, pass_around,
						(void *)(i + 1)),
				 0);
	for (unsigned i = 0; i < threads; i++) {
		void *failed;

		assert_int_equal(pthread_join(thread[i], &failed), 0);
		assert_null(failed);
	}
	pthread_barrier_destroy(&crowd_is_here);
	for (unsigned i = 0; i < RING; i++) {
		entry_free((nh_atomic *)(uintptr_t)nh_load_relaxed(&ring[i]));
		nh_store_relaxed(&ring[i], 0);
	}
}

static void
test_one_thread_frees_what_another_got(void **state)
{
	(void)state;
	run_crowd(4);
	assert_int_equal(stats_now().used, 0);
	/* Of threads that are gone, too. */
	nh_slab_trim(&slab);
	assert_int_equal(stats_now().pages, 0);
}

static void
test_more_threads_than_slots(void **state)
{
	(void)state;
	run_crowd(CROWDED);
	assert_int_equal(stats_now().used, 0);
	nh_slab_trim(&slab);
	assert_int_equal(stats_now().pages, 0);
}

/* A thread that has a cache and sleeps; then it comes back to the set. */
struct sleeper {
	pthread_barrier_t turn;
	uint64_t pages;
};

static void *
sleep_on_a_cache(void *arg)
{
	struct sleeper *s = arg;

	nh_slab_free(&slab, take_any(ENTRY), ENTRY);
	nh_slab_free(&slab, take_any(512), 512);
	pthread_barrier_wait(&s->turn);
	pthread_barrier_wait(&s->turn);
	/* The end of a list: a size it has not had. */
	nh_slab_free(&slab, take_any(40), 40);
	s->pages = stats_now().pages;
	return NULL;
}

static void
test_who_sleeps_on_a_cache_gives_it_up_when_back(void **state)
{
	struct sleeper s;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_barrier_init(&s.turn, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, sleep_on_a_cache, &s),
			 0);
	pthread_barrier_wait(&s.turn);
	nh_slab_trim(&slab);
	assert_int_equal(stats_now().pages, 2 * 16 * KIB);
	pthread_barrier_wait(&s.turn);
	assert_int_equal(pthread_join(thread, NULL), 0);
	/* The two pages are empty, and spare; the third is in use. */
	assert_int_equal(s.pages, 3 * 16 * KIB);
	nh_slab_trim(&slab);
	assert_int_equal(stats_now().pages, 0);
	pthread_barrier_destroy(&s.turn);
}

/* -------------------------------------------------------------- out of memory
 */

/* All calls to the system from number `first` on fail: objects got by then. */
static unsigned
take_until_refused(struct member *m, unsigned most, uint64_t first)
{
	uint32_t version;
	unsigned n = 0;

	inject(INJECT_MEMORY, first, INJECT_STICKY);
	while (n < most) {
		size_t bytes = 1 + (size_t)n * n * 37 % 30000;
		nh_atomic *o = nh_slab_alloc(&slab, bytes, &version);

		if (!o)
			break;
		m[n] = (struct member){ o, bytes, n };
		for (size_t i = 0; i < words_of(bytes); i++)
			nh_slab_fill(&o[i], n + i);
		n++;
	}
	inject_end(INJECT_MEMORY);
	return n;
}

static void
test_out_of_memory_is_an_answer(void **state)
{
	static struct member m[600];
	unsigned before = 0, grew = 0;

	(void)state;
	for (uint64_t first = 1; first < 60; first++) {
		unsigned n = take_until_refused(m, 600, first);

		assert_true(n < 600);
		assert_true(inject_failed(INJECT_MEMORY) > 0);
		grew += n > before;
		before = n;
		for (unsigned i = 0; i < n; i++)
			member_end(&m[i]);
		assert_int_equal(stats_now().used, 0);
		/* Nothing is lost: as from the beginning. */
		nh_slab_fini(&slab);
		assert_int_equal(arena_used(), 0);
		assert_int_equal(nh_slab_init(&slab, ANY_NODE), 0);
	}
	assert_true(grew > 10);
}

static void *
free_without_memory(void *arg)
{
	inject(INJECT_MEMORY, 1, INJECT_STICKY);
	free_many(0, 1000);
	inject_end(INJECT_MEMORY);
	return arg;
}

/* A thread that has no cache yet, and gets none. */
static void
test_free_never_fails(void **state)
{
	pthread_t thread;

	(void)state;
	take_many();
	assert_int_equal(
		pthread_create(&thread, NULL, free_without_memory, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(inject_failed(INJECT_MEMORY) >= 1000);
	assert_int_equal(stats_now().used, (uint64_t)(MANY - 1000) * ENTRY);
	free_many(1000, MANY);
	assert_int_equal(stats_now().used, 0);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_each_size_has_the_least_class_that_holds_it),
		UNIT(test_little_is_lost_in_an_object),
		UNIT(test_little_is_lost_in_a_page),
		UNIT(test_an_empty_set_costs_little),
		UNIT(test_powers_of_two_do_not_straddle_lines),
		UNIT(test_objects_never_overlap),
		UNIT(test_freed_memory_is_reused_at_once),
		UNIT(test_pages_are_nearly_full),
		UNIT(test_an_emptied_set_holds_what_its_cache_does),
		UNIT(test_half_empty_pages_are_filled_again),
		UNIT(test_fini_takes_what_was_never_freed),
		UNIT(test_large_objects_have_what_they_asked_for),
		UNIT(test_sizes_up_to_the_greatest),
		UNIT(test_no_two_objects_have_the_same_version),
		UNIT(test_memory_that_went_back_can_be_read_and_is_not_believed),
		UNIT(test_large_memory_that_went_back_can_be_read),
		UNIT(test_a_page_that_comes_back_has_other_versions),
		UNIT(test_a_reader_never_believes_what_was_overwritten),
		UNIT(test_one_thread_frees_what_another_got),
		UNIT(test_more_threads_than_slots),
		UNIT(test_who_sleeps_on_a_cache_gives_it_up_when_back),
		UNIT(test_out_of_memory_is_an_answer),
		UNIT(test_free_never_fails),
	};

	nh_arena_choose_pages(NH_PAGES_SMALL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
