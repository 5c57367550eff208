/*
 * test_placement_map.c - entries of nh_map on memory nodes
 *
 * With four nodes that are faked, as in test_placement.c; memory runs out where
 * a test says by --wrap=nh_arena_alloc_aligned.
 */
#include "tests/unit/map_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "numa/arena.h"
#include "numa/here.h"

#define NODES 4
#define SEGMENTS 256
#define KEYS 20000
#define VALUE 96 /* bytes */
#define LITTLE (KEYS / NODES * (VALUE + 40))

struct nh_extent *__real_nh_arena_alloc_aligned(enum nh_arena_kind kind,
						size_t bytes, size_t align,
						int node);
struct nh_extent *__wrap_nh_arena_alloc_aligned(enum nh_arena_kind kind,
						size_t bytes, size_t align,
						int node);

static atomic_bool exhausted; /* for entries */

struct nh_extent *
__wrap_nh_arena_alloc_aligned(enum nh_arena_kind kind, size_t bytes,
			      size_t align, int node)
{
	return atomic_load(&exhausted) ? NULL
				       : __real_nh_arena_alloc_aligned(
						 kind, bytes, align, node);
}

static struct nh_map *
map_placed(int policy)
{
	struct nh_config config = config_make(FIXTURE_SEED);

	config.placement = policy;
	return map_make(&config);
}

static int
put_number(struct nh_map *m, uint64_t key, uint64_t number)
{
	uint64_t value[VALUE / 8];

	for (unsigned i = 0; i < VALUE / 8; i++)
		value[i] = number + i;
	return nh_map_put(m, &key, sizeof(key), value, sizeof(value));
}

/* Is it there, whole?  Its number. */
static bool
get_number(const struct nh_map *m, uint64_t key, uint64_t *number)
{
	uint64_t value[VALUE / 8];
	size_t len = sizeof(value);

	if (nh_map_get(m, &key, sizeof(key), value, &len) != NH_OK ||
	    len != sizeof(value))
		return false;
	for (unsigned i = 0; i < VALUE / 8; i++)
		if (value[i] != value[0] + i)
			return false;
	*number = value[0];
	return true;
}

static void
put_all(struct nh_map *m)
{
	for (uint64_t i = 0; i < KEYS; i++)
		assert_int_equal(put_number(m, i, i), NH_OK);
}

static void
assert_all(const struct nh_map *m)
{
	for (uint64_t i = 0; i < KEYS; i++) {
		uint64_t number = ~i;

		assert_true(get_number(m, i, &number));
		assert_int_equal(number, i);
	}
}

/* What is wanted on each node once nothing is kept for later. */
static struct nh_placement
placement_of(struct nh_map *m)
{
	struct nh_placement p = { .size = sizeof(p) };

	assert_int_equal(nh_map_shrink(m), NH_OK);
	assert_int_equal(nh_map_placement(m, &p), NH_OK);
	assert_int_equal(p.nodes, NODES);
	return p;
}

/* -------------------------------------------------------------------- tests */

static void
test_entries_are_made_on_the_node_of_their_segment(void **state)
{
	struct nh_map *m = map_placed(NH_PLACEMENT_INTERLEAVE);
	struct nh_placement p;

	(void)state;
	put_all(m);
	p = placement_of(m);
	for (int i = 0; i < NODES; i++)
		assert_in_range(p.node[i].wanted, LITTLE, 2 * LITTLE);
	nh_map_destroy(m);
}

static void
test_bind_leaves_nothing_on_other_nodes(void **state)
{
	struct nh_config config = config_make(FIXTURE_SEED);
	struct nh_placement p;
	struct nh_map *m;

	(void)state;
	config.placement = NH_PLACEMENT_BIND;
	config.nodes = 1 << 2;
	m = map_make(&config);
	put_all(m);
	p = placement_of(m);
	assert_true(p.node[2].wanted > NODES * LITTLE);
	for (int i = 0; i < NODES; i++)
		assert_true(i == 2 || !p.node[i].wanted);
	nh_map_destroy(m);
}

static void
test_rehome_takes_the_entries_too(void **state)
{
	struct nh_map *m = map_placed(NH_PLACEMENT_INTERLEAVE);
	struct nh_placement p;
	uint64_t entries;

	(void)state;
	put_all(m);
	entries = map_stats(m).entry_bytes;
	assert_int_equal(nh_map_rehome(m, NH_ALL_SEGMENTS, 3), NH_OK);
	p = placement_of(m);
	assert_true(p.node[3].wanted > NODES * LITTLE);
	/* Of the others a page or two that this thread has in hand. */
	for (int i = 0; i < 3; i++)
		assert_true(p.node[i].wanted < LITTLE / 4);
	assert_int_equal(map_stats(m).entry_bytes, entries);
	assert_all(m);
	for (uint64_t i = 0; i < KEYS; i++)
		assert_int_equal(nh_map_home_node(m, &i, sizeof(i)), 3);
	nh_map_destroy(m);
}

static void
test_rehome_of_one_segment_leaves_the_others(void **state)
{
	struct nh_map *m = map_placed(NH_PLACEMENT_INTERLEAVE);
	struct nh_placement before, after;
	uint64_t key = 7;
	int segment, home;

	(void)state;
	put_all(m);
	segment = nh_map_segment(m, &key, sizeof(key));
	home = nh_map_home_node(m, &key, sizeof(key));
	assert_in_range(segment, 0, SEGMENTS - 1);
	assert_int_equal(home, segment % NODES);
	before = placement_of(m);
	assert_int_equal(nh_map_rehome(m, segment, (home + 1) % NODES), NH_OK);
	after = placement_of(m);
	assert_int_equal(after.node[home].segments,
			 before.node[home].segments - 1);
	for (uint64_t i = 0; i < KEYS; i++) {
		int s = nh_map_segment(m, &i, sizeof(i));

		assert_int_equal(nh_map_home_node(m, &i, sizeof(i)),
				 (s == segment ? s + 1 : s) % NODES);
	}
	assert_all(m);
	nh_map_destroy(m);
}

static void
test_pins_hold_what_they_held_when_entries_move(void **state)
{
	struct nh_map *m = map_placed(NH_PLACEMENT_INTERLEAVE);
	const size_t one = sizeof(uint64_t);
	struct nh_pin pin[100];
	uint64_t number;

	(void)state;
	put_all(m);
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(nh_pin(m, &i, one, &pin[i]), NH_OK);
	assert_int_equal(nh_map_rehome(m, NH_ALL_SEGMENTS, 1), NH_OK);
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(put_number(m, i, i + 1), NH_OK);
	for (uint64_t i = 0; i < 100; i++) {
		assert_int_equal(pin[i].len, VALUE);
		assert_memory_equal(pin[i].value, &i, one);
		assert_int_equal(nh_unpin(m, &pin[i]), NH_OK);
		assert_true(get_number(m, i, &number));
		assert_int_equal(number, i + 1);
	}
	nh_map_destroy(m);
}

static void
test_rehome_without_memory_loses_nothing(void **state)
{
	struct nh_map *m = map_placed(NH_PLACEMENT_INTERLEAVE);
	uint64_t entries;

	(void)state;
	put_all(m);
	entries = map_stats(m).entry_bytes;
	atomic_store(&exhausted, true);
	assert_int_equal(nh_map_rehome(m, NH_ALL_SEGMENTS, 1), NH_ERR_NOMEM);
	assert_all(m);
	atomic_store(&exhausted, false);
	assert_int_equal(nh_map_rehome(m, NH_ALL_SEGMENTS, 1), NH_OK);
	assert_int_equal(map_stats(m).entry_bytes, entries);
	assert_all(m);
	nh_map_destroy(m);
}

/* ------------------------------------------------------------------ threads */

struct storm {
	struct nh_map *m;
	atomic_bool stop;
	atomic_uint wrong;
	atomic_ulong done;
};

static void *
storm_write(void *arg)
{
	struct storm *st = arg;

	/* A number only grows: what was put is not undone by a move. */
	for (uint64_t i = 0; !atomic_load(&st->stop); i++) {
		uint64_t key = i % KEYS;
		uint64_t want = key + i / KEYS * KEYS;
		uint64_t got;

		if (put_number(st->m, key, want) ||
		    !get_number(st->m, key, &got) || got != want)
			atomic_fetch_add(&st->wrong, 1);
		atomic_fetch_add(&st->done, 1);
	}
	return NULL;
}

static void *
storm_read(void *arg)
{
	struct storm *st = arg;
	uint64_t *seen = calloc(KEYS, sizeof(*seen));

	for (uint64_t i = 0; !atomic_load(&st->stop); i++) {
		uint64_t key = mix64(i) % KEYS;
		uint64_t got = 0;

		if (!get_number(st->m, key, &got) || got % KEYS != key ||
		    got < seen[key])
			atomic_fetch_add(&st->wrong, 1);
		seen[key] = got;
		atomic_fetch_add(&st->done, 1);
	}
	free(seen);
	return NULL;
}

static void
test_threads_lose_nothing_while_entries_move(void **state)
{
	struct storm st = { .m = map_placed(NH_PLACEMENT_INTERLEAVE) };
	pthread_t writer, reader;

	(void)state;
	put_all(st.m);
	assert_int_equal(pthread_create(&writer, NULL, storm_write, &st), 0);
	assert_int_equal(pthread_create(&reader, NULL, storm_read, &st), 0);
	for (int round = 1; round <= 8 || atomic_load(&st.done) < 10000;
	     round++)
		assert_int_equal(
			nh_map_rehome(st.m, NH_ALL_SEGMENTS, round % NODES),
			NH_OK);
	atomic_store(&st.stop, true);
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_int_equal(pthread_join(reader, NULL), 0);
	assert_int_equal(atomic_load(&st.wrong), 0);
	nh_map_destroy(st.m);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_entries_are_made_on_the_node_of_their_segment),
		cmocka_unit_test(test_bind_leaves_nothing_on_other_nodes),
		cmocka_unit_test(test_rehome_takes_the_entries_too),
		cmocka_unit_test(test_rehome_of_one_segment_leaves_the_others),
		cmocka_unit_test(
			test_pins_hold_what_they_held_when_entries_move),
		cmocka_unit_test(test_rehome_without_memory_loses_nothing),
		cmocka_unit_test(test_threads_lose_nothing_while_entries_move),
	};

	setenv("NUMAHASH_FAKE_NODES", "4", 1);
	fixture_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
