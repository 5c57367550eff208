/*
 * test_pin_race.c - pins of several threads, against writers and each other
 *
 * Each test runs on the portable module too, which is the one that
 * ThreadSanitizer can see into.  Linked with the library that stops before each
 * atomic access: there a duellist gives way now and then, so that the other one
 * comes in between on a machine with a single processor too.
 */
#include "tests/unit/pin_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "arch/atomic.h"

#ifdef __SANITIZE_THREAD__
#define SLOWER 8
#else
#define SLOWER 1
#endif

static const int archs[] = { NH_ARCH_GENERIC, NH_ARCH_AUTO };
#define ARCHS (sizeof(archs) / sizeof(archs[0]))

/* Of a thread that gives way; without a state it does not. */
static _Thread_local struct rng giving_way;

void
nh_stall_point(void)
{
	if (giving_way.state && rng_below(&giving_way, 8) == 0)
		sched_yield();
}

static void
start(pthread_t *thread, void *(*run)(void *), void *arg)
{
	assert_int_equal(pthread_create(thread, NULL, run, arg), 0);
}

/* A thread returns NULL, or what failed. */
static void
join(pthread_t thread)
{
	void *failed;

	assert_int_equal(pthread_join(thread, &failed), 0);
	if (failed)
		fail_msg("%s", (char *)failed);
}

static void
assert_nothing_left(struct nh_map *m)
{
	assert_int_equal(map_stats(m).pins, 0);
	assert_int_equal(map_stats(m).orphans, 0);
	assert_int_equal(nh_map_clear(m), NH_OK);
	assert_int_equal(map_stats(m).entry_bytes, 0);
}

/* -------------------------------------------------------------- hammered map
 */

#define KEYS 2000
#define MOST 40 /* words of a value */
#define HELD 64
#define PINNERS 3
#define WRITERS 2
#define PINS_EACH (40000 / SLOWER)

struct crowd {
	struct nh_map *m;
	nh_atomic stop, replaced, writes;
};

struct hand {
	struct crowd *crowd;
	uint64_t seed;
};

/* Words that follow from the first one, which tells the key. */
static size_t
value_make(uint64_t *word, uint32_t key, struct rng *rng)
{
	size_t n = 1 + rng_below(rng, MOST);

	word[0] = rng_next(rng) << 32 | key;
	for (size_t i = 1; i < n; i++)
		word[i] = mix64(word[0] + i * n);
	return n * sizeof(*word);
}

static bool
pin_is_sound(const struct nh_pin *pin, uint32_t key)
{
	const char *at = pin->value;
	size_t n = pin->len / sizeof(uint64_t);
	uint64_t first, word;

	if (!n || n > MOST || pin->len % sizeof(uint64_t))
		return false;
	memcpy(&first, at, sizeof(first));
	for (size_t i = 1; i < n; i++) {
		memcpy(&word, at + i * sizeof(word), sizeof(word));
		if (word != mix64(first + i * n))
			return false;
	}
	return (uint32_t)first == key;
}

/* Has the key another value by now, or none? */
static bool
is_replaced(const struct nh_map *m, const struct nh_pin *pin, uint32_t key)
{
	uint64_t got[MOST];
	size_t len = sizeof(got);

	return nh_map_get(m, &key, sizeof(key), got, &len) ||
	       memcmp(got, pin->value, sizeof(got[0]));
}

static const char *
write_once(struct crowd *c, struct rng *rng)
{
	uint32_t key = (uint32_t)rng_below(rng, KEYS);
	uint64_t value[MOST], kind = rng_below(rng, 20000);
	size_t len = value_make(value, key, rng);
	int err = NH_OK;

	if (kind == 0)
		err = nh_map_clear(c->m);
	else if (kind == 1)
		err = nh_map_shrink(c->m);
	else if (kind == 2)
		err = nh_map_reserve(c->m, 4 * KEYS);
	else if (kind % 4 == 0)
		nh_map_delete(c->m, &key, sizeof(key));
	else
		err = nh_map_put(c->m, &key, sizeof(key), value, len);
	/* relaxed: a count. */
	nh_add_relaxed(&c->writes, 1);
	return err ? "a write failed" : NULL;
}

static void *
write_all(void *arg)
{
	struct hand *hand = arg;
	struct crowd *c = hand->crowd;
	struct rng rng = rng_make(hand->seed);
	const char *failed = NULL;

	/* relaxed: to be noticed some time. */
	while (!nh_load_relaxed(&c->stop) && !failed)
		failed = write_once(c, &rng);
	return (void *)failed;
}

struct held {
	struct nh_pin pin;
	uint32_t key;
};

static const char *
let_go(struct crowd *c, struct held *held)
{
	bool replaced, sound;

	if (!held->pin.value)
		return NULL;
	replaced = is_replaced(c->m, &held->pin, held->key);
	sound = pin_is_sound(&held->pin, held->key);
	/* relaxed: a count. */
	nh_add_relaxed(&c->replaced, replaced);
	if (nh_unpin(c->m, &held->pin))
		return "a pin was not known";
	return sound ? NULL : "the bytes of a pin changed";
}

/* Some key that is there: there may be none for a while. */
static const char *
pin_any(struct crowd *c, struct held *held, struct rng *rng)
{
	int err;

	do {
		held->key = (uint32_t)rng_below(rng, KEYS);
		err = nh_pin(c->m, &held->key, sizeof(held->key), &held->pin);
	} while (err == NH_ERR_NOTFOUND);
	if (err)
		return "a pin failed";
	return pin_is_sound(&held->pin, held->key) ? NULL : "a torn value";
}

static void *
pin_all(void *arg)
{
	struct hand *hand = arg;
	struct rng rng = rng_make(hand->seed);
	struct held held[HELD] = { 0 };
	const char *failed = NULL;

	for (unsigned i = 0; i < PINS_EACH && !failed; i++) {
		failed = let_go(hand->crowd, &held[i % HELD]);
		if (!failed)
			failed = pin_any(hand->crowd, &held[i % HELD], &rng);
	}
	for (unsigned i = 0; i < HELD && !failed; i++)
		failed = let_go(hand->crowd, &held[i]);
	return (void *)failed;
}

static void
hammer(int arch, int debug)
{
	struct crowd c = { .m = pin_map(arch, debug, 0) };
	struct hand hand[PINNERS + WRITERS];
	pthread_t thread[PINNERS + WRITERS];

	for (unsigned i = 0; i < PINNERS + WRITERS; i++) {
		hand[i] = (struct hand){ &c, 17 + i };
		start(&thread[i], i < PINNERS ? pin_all : write_all, &hand[i]);
	}
	for (unsigned i = 0; i < PINNERS; i++)
		join(thread[i]);
	/* relaxed: to be noticed some time. */
	nh_store_relaxed(&c.stop, 1);
	for (unsigned i = PINNERS; i < PINNERS + WRITERS; i++)
		join(thread[i]);
	/* relaxed: the threads have ended. */
	assert_true(nh_load_relaxed(&c.replaced) > 100);
	/* relaxed: as above. */
	assert_true(nh_load_relaxed(&c.writes) > PINS_EACH / 10);
	assert_nothing_left(c.m);
	nh_map_destroy(c.m);
}

static void
test_bytes_stay_while_others_write_clear_and_resize(void **state)
{
	(void)state;
	for (unsigned a = 0; a < ARCHS; a++)
		hammer(archs[a], NH_DEBUG_OFF);
}

static void
test_the_same_with_a_record_of_each_pin(void **state)
{
	(void)state;
	hammer(NH_ARCH_GENERIC, NH_DEBUG_PINS);
}

/* ------------------------------------------------------------------ one value
 */

#define SHARERS 6
#define ROUNDS (10000 / SLOWER)

struct share {
	struct nh_map *m;
	pthread_barrier_t begun;
};

static void *
share_value(void *arg)
{
	struct share *s = arg;
	struct nh_pin pin[3];

	pthread_barrier_wait(&s->begun);
	for (unsigned i = 0; i < ROUNDS; i++) {
		for (unsigned k = 0; k < 3; k++)
			if (nh_pin(s->m, "key", 3, &pin[k]))
				return "no pin";
		for (unsigned k = 0; k < 3; k++) {
			if (pin[k].len != 5 || memcmp(pin[k].value, "value", 5))
				return "not the value";
			if (nh_unpin(s->m, &pin[k]))
				return "a pin was not known";
		}
	}
	return NULL;
}

/* All of them make the map's first pin at about the same time. */
static void
test_many_threads_pin_one_value(void **state)
{
	(void)state;
	for (unsigned a = 0; a < ARCHS; a++) {
		struct share s = { .m = pin_map(archs[a], NH_DEBUG_OFF, 0) };
		pthread_t thread[SHARERS];

		pthread_barrier_init(&s.begun, NULL, SHARERS);
		put_text(s.m, "key", "value");
		for (unsigned i = 0; i < SHARERS; i++)
			start(&thread[i], share_value, &s);
		for (unsigned i = 0; i < ROUNDS; i++)
			put_text(s.m, "key", "value");
		for (unsigned i = 0; i < SHARERS; i++)
			join(thread[i]);
		assert_nothing_left(s.m);
		nh_map_destroy(s.m);
		pthread_barrier_destroy(&s.begun);
	}
}

static void *
pin_first(void *arg)
{
	struct share *s = arg;
	struct nh_pin pin;

	pthread_barrier_wait(&s->begun);
	if (nh_pin(s->m, "key", 3, &pin))
		return "no pin";
	return nh_unpin(s->m, &pin) ? "a pin was not known" : NULL;
}

static void
test_the_first_pin_of_several_threads(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 100; round++) {
		struct share s = { .m = pin_map(archs[round % ARCHS],
						round / 2 % 2, 0) };
		pthread_t thread[4];

		pthread_barrier_init(&s.begun, NULL, 4);
		put_text(s.m, "key", "value");
		for (unsigned i = 0; i < 4; i++)
			start(&thread[i], pin_first, &s);
		for (unsigned i = 0; i < 4; i++)
			join(thread[i]);
		assert_nothing_left(s.m);
		nh_map_destroy(s.m);
		pthread_barrier_destroy(&s.begun);
	}
}

/* ----------------------------------------------- duels over one value, at once
 */

#define DUELS (4000 / SLOWER)
#define LOOKS 100 /* duels between two looks at the memory */

/* What the two do. */
enum duel_kind { UNPIN_DELETE, UNPIN_UNPIN, PIN_DELETE };

/* Two threads that meet at each round, and tickets that tell who was when. */
struct duel {
	struct nh_map *m;
	struct nh_pin pin[2];
	enum duel_kind kind;
	unsigned pinned;
	nh_atomic arrived, ticket;
	uint64_t from[2], to[2];
	unsigned overlapped;
};

struct duellist {
	struct duel *duel;
	unsigned number;
};

static uint64_t
ticket(struct duel *d)
{
	/* both orders, so that it brackets what is timed. */
	return nh_add_acqrel(&d->ticket, 1);
}

static void
meet(struct duel *d, uint64_t how_many)
{
	unsigned spins = 0;

	nh_add_acqrel(&d->arrived, 1);
	while (nh_load_acquire(&d->arrived) < how_many)
		if (++spins % 64 == 0)
			sched_yield();
}

static int
shoot(struct duel *d, unsigned number)
{
	int err;

	if (d->kind == UNPIN_UNPIN || (d->kind == UNPIN_DELETE && !number))
		return nh_unpin(d->m, &d->pin[number]);
	if (number)
		return nh_map_delete(d->m, "key", 3)
			       ?: nh_map_put(d->m, "new", 3, "other", 5);
	err = nh_pin(d->m, "key", 3, &d->pin[0]);
	return err == NH_ERR_NOTFOUND ? NH_OK : err;
}

static const char *
fire(struct duel *d, unsigned number)
{
	int err;

	d->from[number] = ticket(d);
	err = shoot(d, number);
	d->to[number] = ticket(d);
	return err ? "refused" : NULL;
}

/* One of the two sets the round up, and looks at what is left. */
static const char *
duel_begin(struct duel *d)
{
	put_text(d->m, "key", "value");
	if (d->kind == PIN_DELETE)
		return NULL;
	d->pin[0] = pin_text(d->m, "key");
	if (d->kind == UNPIN_DELETE)
		return NULL;
	d->pin[1] = pin_text(d->m, "key");
	return nh_map_delete(d->m, "key", 3) ? "no key" : NULL;
}

/* What was deleted is overwritten by now, if it was freed. */
static const char *
check_pinned(struct duel *d)
{
	struct nh_pin *pin = &d->pin[0];

	if (!pin->value)
		return NULL;
	d->pinned++;
	if (memcmp(pin->value, "value", 5))
		return "freed though it was pinned";
	return nh_unpin(d->m, pin) ? "a pin was not known" : NULL;
}

/* What was not freed, or twice, stays in the count: no need to look each time.
 */
static const char *
duel_end(struct duel *d, uint64_t round)
{
	const char *failed = check_pinned(d);

	if (d->kind != UNPIN_UNPIN)
		nh_map_delete(d->m, "new", 3);
	d->overlapped += d->from[0] < d->to[1] && d->from[1] < d->to[0];
	if (failed || round % LOOKS)
		return failed;
	return map_stats(d->m).entry_bytes ? "not freed, or twice" : NULL;
}

static void *
duel_run(void *arg)
{
	struct duellist *me = arg;
	struct duel *d = me->duel;
	const char *failed = NULL, *all = NULL;

	giving_way = rng_make(me->number);
	for (uint64_t i = 0; i < DUELS; i++) {
		failed = me->number ? NULL : duel_begin(d);
		all = all ? all : failed;
		meet(d, 4 * i + 2);
		failed = fire(d, me->number);
		all = all ? all : failed;
		meet(d, 4 * i + 4);
		failed = me->number ? NULL : duel_end(d, i);
		all = all ? all : failed;
	}
	return (void *)all;
}

static void
duel(enum duel_kind kind)
{
	for (unsigned a = 0; a < ARCHS; a++) {
		struct duel d = { .m = pin_map(archs[a], NH_DEBUG_OFF, 0),
				  .kind = kind };
		struct duellist one = { &d, 0 }, two = { &d, 1 };
		pthread_t thread[2];

		start(&thread[0], duel_run, &one);
		start(&thread[1], duel_run, &two);
		join(thread[0]);
		join(thread[1]);
		assert_true(d.overlapped > DUELS / 100);
		if (kind == PIN_DELETE)
			assert_in_range(d.pinned, DUELS / 100,
					DUELS - DUELS / 100);
		assert_nothing_left(d.m);
		nh_map_destroy(d.m);
	}
}

static void
test_unpin_against_delete_frees_exactly_once(void **state)
{
	(void)state;
	duel(UNPIN_DELETE);
}

static void
test_unpin_against_unpin_frees_exactly_once(void **state)
{
	(void)state;
	duel(UNPIN_UNPIN);
}

static void
test_pin_against_delete_has_the_value_or_none(void **state)
{
	(void)state;
	duel(PIN_DELETE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_bytes_stay_while_others_write_clear_and_resize),
		cmocka_unit_test(test_the_same_with_a_record_of_each_pin),
		cmocka_unit_test(test_many_threads_pin_one_value),
		cmocka_unit_test(test_the_first_pin_of_several_threads),
		cmocka_unit_test(test_unpin_against_delete_frees_exactly_once),
		cmocka_unit_test(test_unpin_against_unpin_frees_exactly_once),
		cmocka_unit_test(test_pin_against_delete_has_the_value_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
