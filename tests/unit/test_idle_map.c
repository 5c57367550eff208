/*
 * test_idle_map.c - idle reclaim, of nh_map
 */
#include "tests/unit/idle_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 3000
#define VALUE_MOST 200

/* ------------------------------------------------------- keys and values */

static size_t
key_text(char *text, uint64_t number)
{
	return (size_t)sprintf(text, "key %llu", (unsigned long long)number);
}

static uint64_t
key_number_of(const struct nh_bytes *key)
{
	char text[32] = { 0 };

	assert_in_range(key->len, 5, sizeof(text) - 1);
	memcpy(text, key->data, key->len);
	assert_memory_equal(text, "key ", 4);
	return strtoull(text + 4, NULL, 10);
}

/* A key's value, of up to VALUE_MOST bytes: each is told by its number. */
static size_t
value_make(unsigned char *value, uint64_t number)
{
	size_t len = mix64(number) % (VALUE_MOST + 1);

	for (size_t i = 0; i < len; i++)
		value[i] = (unsigned char)(mix64(number + i) >> 8);
	return len;
}

static void
assert_value_of(uint64_t number, const void *value, size_t len)
{
	unsigned char expected[VALUE_MOST];

	assert_int_equal(len, value_make(expected, number));
	assert_memory_equal(value, expected, len);
}

static int
put(struct nh_map *m, uint64_t number)
{
	unsigned char value[VALUE_MOST];
	size_t len = value_make(value, number);
	char key[32];

	return nh_map_put(m, key, key_text(key, number), value, len);
}

static int
get(struct nh_map *m, uint64_t number)
{
	unsigned char value[VALUE_MOST];
	size_t len = sizeof(value);
	char key[32];
	int err = nh_map_get(m, key, key_text(key, number), value, &len);

	if (!err)
		assert_value_of(number, value, len);
	return err;
}

static struct nh_map *
map_of(const struct nh_config *config)
{
	int err = NH_ERR_SYSTEM;
	struct nh_map *m = nh_map_create(config, &err);

	assert_int_equal(err, NH_OK);
	assert_non_null(m);
	return m;
}

static struct nh_stats
map_stats(const struct nh_map *m)
{
	struct nh_stats stats = { .size = sizeof(stats) };

	assert_int_equal(nh_map_stats(m, &stats), NH_OK);
	return stats;
}

static uint64_t
pass(struct nh_map *m, unsigned steps)
{
	uint64_t gone, all = 0;

	while (steps--) {
		clock_ms += STEP_MS;
		assert_int_equal(nh_map_reclaim(m, &gone), NH_OK);
		all += gone;
	}
	return all;
}

/* ------------------------------------------------------------ one thread */

static int
look_only(void *arg, const struct nh_bytes *key, bool present,
	  struct nh_bytes *value)
{
	(void)arg;
	(void)key;
	(void)value;
	assert_true(present);
	return NH_UPDATE_KEEP;
}

#define WAYS 8

static bool
use(struct nh_map *m, unsigned way, uint64_t number)
{
	unsigned char v[VALUE_MOST], out[VALUE_MOST];
	size_t len = value_make(v, number), out_len = sizeof(out);
	char k[32];
	size_t n = key_text(k, number);
	struct nh_bytes key = { k, n };
	struct nh_buffer buffer = { out, out_len };
	bool loaded;
	int result;

	switch (way) {
	case 0:
		return get(m, number) == NH_OK;
	case 1:
		return nh_map_get_batch(m, &key, 1, &buffer, &result, NULL) ==
			       NH_OK &&
		       result == NH_OK;
	case 2:
		return put(m, number) == NH_OK;
	case 3:
		return nh_map_insert(m, k, n, v, len) == NH_ERR_EXISTS;
	case 4:
		return nh_map_load_or_store(m, k, n, v, 0, out, &out_len,
					    &loaded) == NH_OK &&
		       loaded;
	case 5:
		return nh_map_swap(m, k, n, v, len, NULL, NULL, &loaded) ==
			       NH_OK &&
		       loaded;
	case 6:
		return nh_map_compare_and_delete(m, k, n, "none has this",
						 13) == NH_ERR_MISMATCH;
	case 7:
		return nh_map_update(m, k, n, look_only, NULL) == NH_OK;
	default:
		return false;
	}
}

struct seen {
	unsigned of[2 * KEYS];
};

static void
note_evicted(void *arg, const struct nh_bytes *key,
	     const struct nh_bytes *value)
{
	struct seen *seen = arg;
	uint64_t number = key_number_of(key);

	assert_true(number < 2 * KEYS);
	assert_value_of(number, value->data, value->len);
	seen->of[number]++;
}

static void
assert_used_stay(struct nh_map *m)
{
	struct seen seen = { { 0 } };

	assert_int_equal(nh_map_on_evict(m, note_evicted, &seen), NH_OK);
	for (uint64_t i = 0; i < KEYS; i++)
		assert_int_equal(put(m, i), NH_OK);
	for (unsigned round = 0; round < 9; round++) {
		for (uint64_t i = 0; i < KEYS; i += 3)
			assert_true(use(m, (i + round) % WAYS, i));
		pass(m, 1);
		/* Others, so that the tables change meanwhile. */
		for (uint64_t i = KEYS; i < 2 * KEYS && round < 5; i++)
			assert_int_equal(put(m, i), NH_OK);
	}
	for (uint64_t i = 0; i < 2 * KEYS; i++)
		assert_int_equal(seen.of[i], i >= KEYS || i % 3);
	assert_int_equal(nh_map_len(m), KEYS / 3);
	assert_int_equal(map_stats(m).evicted, 2 * KEYS - KEYS / 3);
	assert_int_equal(pass(m, 3), KEYS / 3);
	/* The entries are freed, too. */
	assert_int_equal(map_stats(m).entry_bytes, 0);
	nh_map_destroy(m);
}

static void
test_what_is_used_in_any_way_stays_and_the_rest_goes(void **state)
{
	(void)state;
	for (int arch = NH_ARCH_AUTO; arch <= NH_ARCH_GENERIC;
	     arch += NH_ARCH_GENERIC) {
		struct nh_config config = idle_config(0);

		config.arch = arch;
		assert_used_stay(map_of(&config));
	}
}

static void
test_each_segment_keeps_the_least_count(void **state)
{
	struct nh_config config = idle_config(3);
	struct nh_map *m = map_of(&config);

	(void)state;
	for (uint64_t i = 0; i < 10000; i++)
		assert_int_equal(put(m, i), NH_OK);
	assert_int_equal(pass(m, 3), 10000 - 3 * 256);
	assert_int_equal(pass(m, 8), 0);
	assert_int_equal(nh_map_len(m), 3 * 256);
	nh_map_destroy(m);
}

static void
test_a_map_that_was_not_asked_forgets_nothing(void **state)
{
	struct nh_config config = idle_config(0);
	struct nh_map *m;

	(void)state;
	config.idle = false;
	m = map_of(&config);
	assert_int_equal(nh_map_reclaim(m, NULL), NH_ERR_ARG);
	assert_int_equal(nh_map_reclaim(NULL, NULL), NH_ERR_ARG);
	assert_int_equal(nh_map_on_evict(m, note_evicted, NULL), NH_ERR_ARG);
	assert_int_equal(nh_map_on_evict(NULL, note_evicted, NULL), NH_ERR_ARG);
	nh_map_destroy(m);
}

/* --------------------------------------------------------------- threads */

#define HOT 300
#define COLD 20000
#define A_STEP 500 /* cold keys between two steps of the clock */

struct crowd {
	struct nh_map *m;
	_Atomic(unsigned) evicted[COLD];
	_Atomic(uint64_t) passes; /* of the reader, over the hot keys */
	_Atomic(uint64_t) steps;  /* of the clock */
	_Atomic(uint64_t) written;
	_Atomic(bool) done;
};

static void
note_crowd(void *arg, const struct nh_bytes *key, const struct nh_bytes *value)
{
	struct crowd *c = arg;
	uint64_t number = key_number_of(key);

	assert_true(number >= HOT && number < COLD);
	assert_value_of(number, value->data, value->len);
	c->evicted[number]++;
}

/* The hot keys must be there; the others, if they are, have their values. */
static void
read_all(struct crowd *c)
{
	for (uint64_t i = 0; i < HOT; i++)
		assert_int_equal(get(c->m, i), NH_OK);
	c->passes++;
}

static void *
reader(void *arg)
{
	struct crowd *c = arg;

	for (uint64_t i = 0; !c->done; i++) {
		read_all(c);
		for (uint64_t k = i * 64 % COLD; k % 64 < 63 && k < COLD; k++)
			get(c->m, k);
	}
	return NULL;
}

static void *
writer(void *arg)
{
	struct crowd *c = arg;

	for (uint64_t i = HOT; i < COLD; i++) {
		assert_int_equal(put(c->m, i), NH_OK);
		assert_int_equal(put(c->m, i % HOT), NH_OK);
		c->written = i;
		while (c->steps < i / A_STEP)
			sched_yield();
	}
	c->done = true;
	return NULL;
}

static void
crowd_run(int arch)
{
	struct nh_config config = idle_config(0);
	struct crowd *c = calloc(1, sizeof(*c));
	pthread_t thread[2];

	assert_non_null(c);
	config.arch = arch;
	c->m = map_of(&config);
	for (uint64_t i = 0; i < HOT; i++)
		assert_int_equal(put(c->m, i), NH_OK);
	assert_int_equal(nh_map_on_evict(c->m, note_crowd, c), NH_OK);
	pthread_create(&thread[0], NULL, reader, c);
	pthread_create(&thread[1], NULL, writer, c);
	/* A step only when the hot keys were all used since the last one, and
	 * the writer has come so far. */
	while (!c->done) {
		uint64_t from = c->passes;

		while (!c->done &&
		       (c->passes < from + 2 || c->written < c->steps * A_STEP))
			sched_yield();
		if (!c->done)
			pass(c->m, 1);
		c->steps++;
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	assert_in_range(map_stats(c->m).evicted, COLD / 2, COLD);
	for (unsigned i = 0; i < 3; i++) {
		read_all(c);
		pass(c->m, 1);
	}
	assert_int_equal(nh_map_len(c->m), HOT);
	for (unsigned i = 0; i < COLD; i++)
		assert_int_equal(c->evicted[i], i >= HOT);
	nh_map_destroy(c->m);
	free(c);
}

static void
test_threads_use_a_map_that_is_swept(void **state)
{
	(void)state;
	crowd_run(NH_ARCH_GENERIC);
	crowd_run(NH_ARCH_AUTO);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_what_is_used_in_any_way_stays_and_the_rest_goes),
		cmocka_unit_test(test_each_segment_keeps_the_least_count),
		cmocka_unit_test(test_a_map_that_was_not_asked_forgets_nothing),
		cmocka_unit_test(test_threads_use_a_map_that_is_swept),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
