/*
 * test_shard_race.c - keys move from rule to rule while all else goes on
 *
 * Some keys stay; each writer has keys of its own, and knows what they must
 * have; a scanner counts; and the mover goes from rule to rule.
 */
#include "tests/unit/shard_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Accesses of 16 bytes are invisible to ThreadSanitizer. */
#ifdef __SANITIZE_THREAD__
#define BEST_ARCH NH_ARCH_GENERIC
#else
#define BEST_ARCH NH_ARCH_AUTO
#endif

#define STAY 1500
#define WRITERS 3
#define OWN 300
#define RESHARDS 40 /* at least, and scans too */
#define SCANS 8

struct race {
	struct nh_map *m;
	struct salt salt[3];
	atomic_bool stop;
	atomic_uint reshards, scans;
	atomic_ulong reads, writes, strange;
};

struct writer {
	struct race *race;
	pthread_t thread;
	unsigned id;
	uint64_t version[OWN]; /* 0: absent */
};

/* Asserts of cmocka are for the main thread: others count what is strange. */
static void
expect(struct race *race, bool good)
{
	if (!good)
		atomic_fetch_add(&race->strange, 1);
}

static int
read_number(const struct nh_map *m, uint64_t number, uint64_t *version)
{
	struct key key = key_make(number);
	uint64_t value[2] = { 0, 0 };
	size_t len = sizeof(value);
	int err = nh_map_get(m, &key, sizeof(key), value, &len);

	*version = value[1];
	return !err && (value[0] != number || len != sizeof(value))
		       ? NH_ERR_MISMATCH
		       : err;
}

static void *
read_all(void *arg)
{
	struct race *race = arg;
	struct rng rng = rng_make(1);

	while (!atomic_load(&race->stop)) {
		uint64_t number = rng_below(&rng, STAY), version;

		expect(race,
		       !read_number(race->m, number, &version) && version == 1);
		expect(race, read_number(race->m, number + SEEN_MOST,
					 &version) == NH_ERR_NOTFOUND);
		atomic_fetch_add(&race->reads, 2);
	}
	return NULL;
}

/* One step on a key that nobody else writes. */
static void
write_own(struct writer *w, struct rng *rng)
{
	struct race *race = w->race;
	unsigned i = (unsigned)rng_below(rng, OWN);
	uint64_t number = STAY + w->id * OWN + i, version = 0;
	struct key key = key_make(number);
	uint64_t value[2] = { number, w->version[i] + 1 };
	bool had = w->version[i] != 0;
	int err;

	switch (rng_below(rng, 4)) {
	case 0:
		err = read_number(race->m, number, &version);
		expect(race, had ? !err && version == w->version[i]
				 : err == NH_ERR_NOTFOUND);
		break;
	case 1:
		err = nh_map_delete(race->m, &key, sizeof(key));
		expect(race, err == (had ? NH_OK : NH_ERR_NOTFOUND));
		w->version[i] = 0;
		break;
	case 2:
		err = nh_map_insert(race->m, &key, sizeof(key), value,
				    sizeof(value));
		expect(race, err == (had ? NH_ERR_EXISTS : NH_OK));
		w->version[i] += !had;
		break;
	default:
		expect(race, !nh_map_put(race->m, &key, sizeof(key), value,
					 sizeof(value)));
		w->version[i]++;
	}
}

static void *
write_all(void *arg)
{
	struct writer *w = arg;
	struct rng rng = rng_make(100 + w->id);

	while (!atomic_load(&w->race->stop)) {
		write_own(w, &rng);
		atomic_fetch_add(&w->race->writes, 1);
	}
	return NULL;
}

static int
count_shown(void *arg, const struct nh_bytes *key, const struct nh_bytes *value)
{
	uint8_t *times = arg;
	uint64_t number;

	(void)value;
	memcpy(&number, key->data, sizeof(number));
	times[number] += times[number] < UINT8_MAX;
	return 0;
}

static void *
scan_all(void *arg)
{
	struct race *race = arg;
	uint8_t *times = malloc(STAY + WRITERS * OWN);

	while (times && !atomic_load(&race->stop)) {
		struct nh_cursor cursor = { 0 };

		memset(times, 0, STAY + WRITERS * OWN);
		expect(race,
		       !nh_map_scan(race->m, &cursor, count_shown, times));
		for (unsigned i = 0; i < STAY; i++)
			expect(race, times[i] == 1);
		atomic_fetch_add(&race->scans, 1);
	}
	expect(race, times != NULL);
	free(times);
	return NULL;
}

static void *
reshard_all(void *arg)
{
	struct race *race = arg;

	for (unsigned i = 0; !atomic_load(&race->stop); i++) {
		struct salt *to = &race->salt[i % 4];

		expect(race, !reshard_to(race->m, i % 4 == 3 ? NULL : to));
		atomic_fetch_add(&race->reshards, 1);
	}
	return NULL;
}

/* What is there at the end is what each writer knows. */
static void
assert_end(const struct race *race, const struct writer *writer)
{
	uint64_t n = STAY;

	assert_range(race->m, 0, STAY, 1);
	for (unsigned w = 0; w < WRITERS; w++)
		for (unsigned i = 0; i < OWN; i++) {
			uint64_t number = STAY + w * OWN + i, got = 0;
			int err = get(race->m, number, &got);

			assert_int_equal(err, writer[w].version[i]
						      ? NH_OK
						      : NH_ERR_NOTFOUND);
			assert_int_equal(got, writer[w].version[i]);
			n += !err;
		}
	assert_int_equal(nh_map_len(race->m), n);
	for (unsigned i = 0; i < SEGMENTS; i++)
		n -= segment_stats(race->m, i).entries;
	assert_int_equal(n, 0);
}

static void
run_race(struct race *race)
{
	void *(*const others[])(void *) = { read_all, scan_all, reshard_all };
	struct writer writer[WRITERS];
	pthread_t thread[3];

	memset(writer, 0, sizeof(writer));
	put_range(race->m, 0, STAY, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, others[i], race), 0);
	for (unsigned i = 0; i < WRITERS; i++) {
		writer[i].race = race;
		writer[i].id = i;
		assert_int_equal(pthread_create(&writer[i].thread, NULL,
						write_all, &writer[i]),
				 0);
	}
	while (atomic_load(&race->reshards) < RESHARDS ||
	       atomic_load(&race->scans) < SCANS)
		sched_yield();
	atomic_store(&race->stop, true);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(writer[i].thread, NULL);
	assert_int_equal(atomic_load(&race->strange), 0);
	/* A race that was never run proves nothing. */
	assert_true(atomic_load(&race->reads) > 1000);
	assert_true(atomic_load(&race->writes) > 1000);
	assert_end(race, writer);
}

static void
race_by(int arch, struct salt one, struct salt two, struct salt three)
{
	struct nh_config config = config_make(FIXTURE_SEED);
	struct race race = { .salt = { one, two, three } };

	config.arch = arch;
	config.capacity = 0;
	config.fixed = false;
	race.m = map_make(&config);
	run_race(&race);
	nh_map_destroy(race.m);
}

static void
test_thread_keys_move_under_traffic(void **state)
{
	struct salt one = { 1, 256 }, two = { 2, 256 }, three = { 3, 17 };

	(void)state;
	race_by(BEST_ARCH, one, two, three);
	race_by(NH_ARCH_GENERIC, one, two, three);
}

/* All keys to one segment and back: its table grows and shrinks meanwhile. */
static void
test_thread_keys_crowd_and_spread_under_traffic(void **state)
{
	struct salt one = { 1, 1 }, two = { 2, 2 }, three = { 3, 1 };

	(void)state;
	race_by(BEST_ARCH, one, two, three);
	race_by(NH_ARCH_GENERIC, one, two, three);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thread_keys_move_under_traffic),
		cmocka_unit_test(
			test_thread_keys_crowd_and_spread_under_traffic),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
