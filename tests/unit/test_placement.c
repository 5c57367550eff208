/*
 * test_placement.c - segments on memory nodes: dealt, moved, copied
 *
 * With four nodes that are faked, so that it runs anywhere; a thread says on
 * which it is (nh_topo_pretend()).  Linked with --wrap=nh_arena_alloc, so that
 * memory runs out where a test says.
 */
#include "tests/unit/u64_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "numa/arena.h"
#include "numa/here.h"

#define NODES 4
#define SEGMENTS 256
#define KEYS 20000
#define CPU_LONG 20 /* seconds that nothing here should take */

struct nh_extent *__real_nh_arena_alloc(enum nh_arena_kind kind, size_t bytes,
					int node);
struct nh_extent *__wrap_nh_arena_alloc(enum nh_arena_kind kind, size_t bytes,
					int node);

static atomic_uint allocations_left = UINT32_MAX;

struct nh_extent *
__wrap_nh_arena_alloc(enum nh_arena_kind kind, size_t bytes, int node)
{
	if (!atomic_load(&allocations_left))
		return NULL;
	atomic_fetch_sub(&allocations_left, 1);
	return __real_nh_arena_alloc(kind, bytes, node);
}

static struct nh_u64 *
map_placed(int policy, uint64_t nodes)
{
	struct nh_config config = config_make(FIXTURE_SEED);

	config.placement = policy;
	config.nodes = nodes;
	return map_make(&config);
}

static struct nh_placement
placement_of(struct nh_u64 *m)
{
	struct nh_placement p = { .size = sizeof(p) };

	assert_int_equal(nh_u64_placement(m, &p), NH_OK);
	return p;
}

/* How many of the first KEYS keys are at home on a node. */
static unsigned
keys_on(const struct nh_u64 *m, int node)
{
	unsigned n = 0;

	for (uint64_t i = 0; i < KEYS; i++)
		n += nh_u64_home_node(m, i) == node;
	return n;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --------------------------------------------------------------------- deal */

static void
test_interleave_gives_every_node_as_many_segments(void **state)
{
	struct nh_u64 *m = map_placed(NH_PLACEMENT_AUTO, 0);
	struct nh_placement p;

	(void)state;
	put_range(m, SPREAD_UP, 0, KEYS);
	p = placement_of(m);
	assert_int_equal(p.policy, NH_PLACEMENT_INTERLEAVE);
	assert_int_equal(p.nodes, NODES);
	for (int i = 0; i < NODES; i++) {
		assert_int_equal(p.node[i].node, i);
		assert_int_equal(p.node[i].segments, SEGMENTS / NODES);
		assert_in_range(p.node[i].wanted, KEYS * 16 / NODES,
				KEYS * 80 / NODES);
		assert_in_range(keys_on(m, i), KEYS / NODES * 8 / 10,
				KEYS / NODES * 12 / 10);
	}
	nh_u64_destroy(m);
}

static void
test_bind_uses_the_nodes_named_and_no_other(void **state)
{
	struct nh_u64 *m = map_placed(NH_PLACEMENT_BIND, 1 << 1 | 1 << 3);

	(void)state;
	put_range(m, SPREAD_UP, 0, KEYS);
	assert_int_equal(keys_on(m, 1) + keys_on(m, 3), KEYS);
	assert_in_range(keys_on(m, 1), KEYS / 4, KEYS * 3 / 4);
	nh_u64_destroy(m);
}

static void
test_local_is_where_the_thread_is_that_makes_the_table(void **state)
{
	struct nh_u64 *m = map_placed(NH_PLACEMENT_LOCAL, 0);

	(void)state;
	nh_topo_pretend(2);
	assert_int_equal(nh_u64_home_node(m, 1), 2);
	put_range(m, SPREAD_UP, 0, KEYS);
	nh_topo_pretend(0);
	assert_int_equal(keys_on(m, 2), KEYS);
	nh_topo_pretend(-1);
	nh_u64_destroy(m);
}

static void
test_placements_that_make_no_sense_are_refused(void **state)
{
	static const struct {
		int policy;
		uint64_t nodes;
		bool idle;
	} bad[] = {
		{ NH_PLACEMENT_BIND, 0, false },
		{ NH_PLACEMENT_BIND, 1 << NODES, false },
		{ NH_PLACEMENT_BIND, 1 | UINT64_C(1) << 63, false },
		{ NH_PLACEMENT_REPLICATE + 1, 0, false },
		{ -1, 0, false },
		{ NH_PLACEMENT_REPLICATE, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct nh_config config = config_make(FIXTURE_SEED);
		int err = NH_OK;

		config.placement = bad[i].policy;
		config.nodes = bad[i].nodes;
		config.idle = bad[i].idle;
		assert_null(nh_u64_create(&config, &err));
		assert_int_equal(err, NH_ERR_ARG);
	}
}

/* ------------------------------------------------------------------- rehome */

static void
test_rehome_takes_one_segment_and_its_keys(void **state)
{
	struct nh_u64 *m = map_placed(NH_PLACEMENT_INTERLEAVE, 0);
	int segment;
	unsigned moved = 0;

	(void)state;
	put_range(m, SPREAD_UP, 0, KEYS);
	segment = nh_u64_segment(m, 7);
	assert_in_range(segment, 0, SEGMENTS - 1);
	assert_int_equal(nh_u64_home_node(m, 7), segment % NODES);
	assert_int_equal(nh_u64_rehome(m, segment, (segment + 1) % NODES),
			 NH_OK);
	assert_int_equal(stats_of(m).rehomed, 1);
	for (uint64_t i = 0; i < KEYS; i++) {
		int s = nh_u64_segment(m, i);

		assert_int_equal(nh_u64_home_node(m, i),
				 (s == segment ? s + 1 : s) % NODES);
		moved += s == segment;
	}
	assert_true(moved > 10);
	assert_range(m, SPREAD_UP, 0, KEYS);
	/* It is there already. */
	assert_int_equal(nh_u64_rehome(m, segment, (segment + 1) % NODES),
			 NH_OK);
	assert_int_equal(stats_of(m).rehomed, 1);
	nh_u64_destroy(m);
}

static void
test_a_segment_stays_on_its_node_when_it_grows_and_shrinks(void **state)
{
	struct nh_u64 *m = map_placed(NH_PLACEMENT_INTERLEAVE, 0);

	(void)state;
	put_range(m, SPREAD_UP, 0, 1000);
	assert_int_equal(nh_u64_rehome(m, NH_ALL_SEGMENTS, 3), NH_OK);
	put_range(m, SPREAD_UP, 1000, 10 * KEYS);
	assert_int_equal(nh_u64_settle(m), NH_OK);
	assert_int_equal(keys_on(m, 3), KEYS);
	delete_range(m, SPREAD_UP, 1000, 10 * KEYS);
	assert_int_equal(nh_u64_shrink(m), NH_OK);
	assert_int_equal(keys_on(m, 3), KEYS);
	assert_range(m, SPREAD_UP, 0, 1000);
	nh_u64_destroy(m);
}

static int
rehome_inside(void *arg, uint64_t key, bool present, uint64_t *value)
{
	(void)key;
	(void)present;
	(void)value;
	assert_int_equal(nh_u64_rehome(arg, 0, 1), NH_ERR_REENTRY);
	assert_int_equal(nh_u64_settle(arg), NH_ERR_REENTRY);
	return NH_UPDATE_KEEP;
}

static void
test_rehome_refuses_what_makes_no_sense(void **state)
{
	struct nh_u64 *m = map_placed(NH_PLACEMENT_INTERLEAVE, 0);
	struct nh_placement p = { .size = sizeof(p) - 1 };

	(void)state;
	put_range(m, SPREAD_UP, 0, 1000);
	assert_int_equal(nh_u64_rehome(NULL, 0, 0), NH_ERR_ARG);
	assert_int_equal(nh_u64_rehome(m, SEGMENTS, 0), NH_ERR_ARG);
	assert_int_equal(nh_u64_rehome(m, -2, 0), NH_ERR_ARG);
	assert_int_equal(nh_u64_rehome(m, 0, NODES), NH_ERR_ARG);
	assert_int_equal(nh_u64_rehome(m, 0, -1), NH_ERR_ARG);
	assert_int_equal(nh_u64_segment(NULL, 0), NH_ERR_ARG);
	assert_int_equal(nh_u64_home_node(NULL, 0), NH_ERR_ARG);
	assert_int_equal(nh_u64_settle(NULL), NH_ERR_ARG);
	assert_int_equal(nh_u64_placement(NULL, &p), NH_ERR_ARG);
	assert_int_equal(nh_u64_placement(m, NULL), NH_ERR_ARG);
	assert_int_equal(nh_u64_placement(m, &p), NH_ERR_ARG);
	assert_int_equal(nh_u64_update(m, 1, rehome_inside, m), NH_OK);
	assert_range(m, SPREAD_UP, 0, 1000);
	nh_u64_destroy(m);
}

static void
test_rehome_without_memory_changes_nothing(void **state)
{
	struct nh_u64 *m = map_placed(NH_PLACEMENT_INTERLEAVE, 0);
	int home;

	(void)state;
	put_range(m, SPREAD_UP, 0, KEYS);
	assert_int_equal(nh_u64_settle(m), NH_OK);
	home = nh_u64_home_node(m, 7);
	atomic_store(&allocations_left, 0);
	assert_int_equal(
		nh_u64_rehome(m, nh_u64_segment(m, 7), (home + 1) % NODES),
		NH_ERR_NOMEM);
	assert_int_equal(nh_u64_rehome(m, NH_ALL_SEGMENTS, 2), NH_ERR_NOMEM);
	atomic_store(&allocations_left, UINT32_MAX);
	assert_int_equal(nh_u64_home_node(m, 7), home);
	assert_range(m, SPREAD_UP, 0, KEYS);
	nh_u64_destroy(m);
}

/* ------------------------------------------------------------------- storms */

struct storm {
	struct nh_u64 *m;
	atomic_bool stop;
	atomic_uint threads;
	atomic_ullong done, wrong;
};

/* Its own keys come and go; those below KEYS stay. */
static void *
storm_write(void *arg)
{
	struct storm *st = arg;
	unsigned id = atomic_fetch_add(&st->threads, 1);
	uint64_t base = KEYS + (uint64_t)id * 1000;

	nh_topo_pretend((int)(id % NODES));
	for (uint64_t i = 0; !atomic_load(&st->stop); i++) {
		uint64_t key = base + i % 1000;
		uint64_t got;

		if (nh_u64_put(st->m, key, i) || nh_u64_get(st->m, key, &got) ||
		    got != i || (i % 2 && nh_u64_delete(st->m, key)) ||
		    nh_u64_put(st->m, i % KEYS, i % KEYS))
			atomic_fetch_add(&st->wrong, 1);
		atomic_fetch_add(&st->done, 1);
	}
	return NULL;
}

static void *
storm_read(void *arg)
{
	struct storm *st = arg;
	unsigned id = atomic_fetch_add(&st->threads, 1);

	nh_topo_pretend((int)(id % NODES));
	for (uint64_t i = 0; !atomic_load(&st->stop); i++) {
		uint64_t key = mix64(i) % KEYS;
		uint64_t got;

		if (nh_u64_get(st->m, key, &got) || got != key ||
		    nh_u64_get(st->m, key + (UINT64_C(1) << 40), &got) !=
			    NH_ERR_NOTFOUND)
			atomic_fetch_add(&st->wrong, 1);
		atomic_fetch_add(&st->done, 1);
	}
	return NULL;
}

#define STORM_THREADS 4

static void
storm_begin(struct storm *st, struct nh_u64 *m, pthread_t *thread)
{
	memset(st, 0, sizeof(*st));
	st->m = m;
	put_range(m, SPREAD_UP, 0, KEYS);
	for (int i = 0; i < STORM_THREADS; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL,
				       i % 2 ? storm_write : storm_read, st),
			0);
}

static void
storm_end(struct storm *st, pthread_t *thread)
{
	double until = now() + CPU_LONG;

	/* A race that was not run proves nothing. */
	while (atomic_load(&st->done) < 10000 && now() < until)
		sched_yield();
	atomic_store(&st->stop, true);
	for (int i = 0; i < STORM_THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(atomic_load(&st->wrong), 0);
	assert_true(atomic_load(&st->done) >= 10000);
	assert_range(st->m, SPREAD_UP, 0, KEYS);
}

static void
test_threads_lose_nothing_while_all_segments_move(void **state)
{
	struct nh_u64 *m = map_placed(NH_PLACEMENT_INTERLEAVE, 0);
	pthread_t thread[STORM_THREADS];
	struct storm st;

	(void)state;
	storm_begin(&st, m, thread);
	for (int round = 1; round <= 8; round++)
		assert_int_equal(
			nh_u64_rehome(m, NH_ALL_SEGMENTS, round % NODES),
			NH_OK);
	storm_end(&st, thread);
	assert_true(stats_of(m).rehomed >= 7 * SEGMENTS);
	assert_int_equal(keys_on(m, 0), KEYS);
	nh_u64_destroy(m);
}

/* ---------------------------------------------------------------- replicate */

static void
test_replicate_has_a_copy_of_each_segment_on_each_node(void **state)
{
	struct nh_u64 *m = map_placed(NH_PLACEMENT_REPLICATE, 0);
	struct nh_placement p;
	uint64_t one;

	(void)state;
	put_range(m, SPREAD_UP, 0, KEYS);
	assert_int_equal(nh_u64_settle(m), NH_OK);
	assert_int_equal(stats_of(m).mirrored, SEGMENTS);
	p = placement_of(m);
	assert_int_equal(p.policy, NH_PLACEMENT_REPLICATE);
	one = p.node[0].wanted;
	for (int i = 0; i < NODES; i++) {
		assert_in_range(p.node[i].wanted, one * 9 / 10, one * 11 / 10);
		nh_topo_pretend(i);
		assert_range(m, SPREAD_UP, 0, KEYS);
		for (uint64_t k = KEYS; k < 2 * KEYS; k++)
			assert_absent(m, k);
	}
	/* All of them count as the map's. */
	assert_true(stats_of(m).table_bytes >= NODES * one * 9 / 10);
	nh_topo_pretend(-1);
	nh_u64_destroy(m);
}

static void
test_a_write_is_seen_on_every_node_at_once(void **state)
{
	struct nh_u64 *m = map_placed(NH_PLACEMENT_REPLICATE, 0);

	(void)state;
	put_range(m, SPREAD_UP, 0, KEYS);
	assert_int_equal(nh_u64_settle(m), NH_OK);
	for (uint64_t i = 0; i < 2000; i++) {
		uint64_t key = i * 7 % KEYS;
		uint64_t was = i * 7 < KEYS ? key : key + KEYS;

		nh_topo_pretend((int)(i % NODES));
		assert_int_equal(nh_u64_put(m, key, was + KEYS), NH_OK);
		for (int node = 0; node < NODES; node++) {
			nh_topo_pretend(node);
			assert_value(m, key, was + KEYS);
		}
		assert_int_equal(nh_u64_delete(m, key), NH_OK);
		for (int node = 0; node < NODES; node++) {
			nh_topo_pretend(node);
			assert_absent(m, key);
		}
		assert_int_equal(nh_u64_put(m, key, key), NH_OK);
		assert_int_equal(nh_u64_put(m, key, was), NH_OK);
	}
	/* No write has cost a segment its copies. */
	assert_int_equal(stats_of(m).mirrored, SEGMENTS);
	nh_topo_pretend(-1);
	nh_u64_destroy(m);
}

static void
test_batches_read_copies(void **state)
{
	struct nh_u64 *m = map_placed(NH_PLACEMENT_REPLICATE, 0);
	uint64_t keys[100], values[100];
	uint8_t found[100];
	size_t hits;

	(void)state;
	put_range(m, SPREAD_UP, 0, KEYS);
	assert_int_equal(nh_u64_settle(m), NH_OK);
	for (uint64_t i = 0; i < 100; i++)
		keys[i] = i % 2 ? i : i + KEYS;
	for (int node = 0; node < NODES; node++) {
		nh_topo_pretend(node);
		assert_int_equal(
			nh_u64_get_batch(m, keys, 100, values, found, &hits),
			NH_OK);
		assert_int_equal(hits, 50);
		for (uint64_t i = 0; i < 100; i++) {
			assert_int_equal(found[i], i % 2);
			assert_true(!found[i] || values[i] == i);
		}
	}
	nh_topo_pretend(-1);
	nh_u64_destroy(m);
}

static void
test_replicate_without_memory_for_copies_reads_the_tables(void **state)
{
	struct nh_u64 *m = map_placed(NH_PLACEMENT_REPLICATE, 0);

	(void)state;
	/* The map's thread makes copies of them, now or later. */
	put_range(m, SPREAD_UP, 0, KEYS);
	atomic_store(&allocations_left, 0);
	for (int node = 0; node < NODES; node++) {
		nh_topo_pretend(node);
		assert_range(m, SPREAD_UP, 0, KEYS);
		assert_int_equal(nh_u64_put(m, 1, 1), NH_OK);
	}
	atomic_store(&allocations_left, UINT32_MAX);
	assert_int_equal(nh_u64_settle(m), NH_OK);
	assert_int_equal(stats_of(m).mirrored, SEGMENTS);
	nh_topo_pretend(-1);
	nh_u64_destroy(m);
}

static void
test_threads_lose_nothing_while_copies_come_and_go(void **state)
{
	struct nh_u64 *m = map_placed(NH_PLACEMENT_REPLICATE, 0);
	pthread_t thread[STORM_THREADS];
	struct storm st;
	unsigned mirrored = 0;

	(void)state;
	storm_begin(&st, m, thread);
	for (int round = 1; round <= 8; round++) {
		assert_int_equal(nh_u64_settle(m), NH_OK);
		mirrored += stats_of(m).mirrored > SEGMENTS / 2;
		assert_int_equal(
			nh_u64_rehome(m, NH_ALL_SEGMENTS, round % NODES),
			NH_OK);
	}
	storm_end(&st, thread);
	assert_true(mirrored >= 4);
	nh_u64_destroy(m);
}

/*
 * What one reader has returned is not older than what any other returns after
 * it, on whatever node.
 */
struct clockwork {
	struct nh_u64 *m;
	atomic_bool stop;
	atomic_uint threads;
	atomic_ullong newest, reads, changes, back;
};

static void *
clock_read(void *arg)
{
	struct clockwork *c = arg;
	unsigned id = atomic_fetch_add(&c->threads, 1);
	unsigned long long last = 0;

	nh_topo_pretend((int)(id % NODES));
	while (!atomic_load(&c->stop)) {
		unsigned long long before = atomic_load(&c->newest);
		unsigned long long seen = before;
		uint64_t got = 0;

		nh_u64_get(c->m, 1, &got);
		atomic_fetch_add(&c->reads, 1);
		atomic_fetch_add(&c->back, got < before);
		atomic_fetch_add(&c->changes, got != last);
		last = got;
		while (seen < got &&
		       !atomic_compare_exchange_weak(&c->newest, &seen, got))
			;
	}
	return NULL;
}

static void
test_threads_on_different_nodes_never_see_time_go_back(void **state)
{
	struct clockwork c = { .m = map_placed(NH_PLACEMENT_REPLICATE, 0) };
	pthread_t thread[NODES];
	double until = now() + CPU_LONG;

	(void)state;
	put_range(c.m, SPREAD_UP, 0, KEYS);
	assert_int_equal(nh_u64_settle(c.m), NH_OK);
	for (int i = 0; i < NODES; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, clock_read, &c), 0);
	for (uint64_t i = 2; atomic_load(&c.changes) < 40000 && now() < until;
	     i++)
		nh_u64_put(c.m, 1, i);
	atomic_store(&c.stop, true);
	for (int i = 0; i < NODES; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(atomic_load(&c.back), 0);
	assert_true(atomic_load(&c.changes) >= 100);
	nh_u64_destroy(c.m);
}

/* ----------------------------------------------------------------- adaptive */

struct crowd {
	struct nh_u64 *m;
	int node;
	atomic_bool stop;
};

static void *
crowd_use(void *arg)
{
	struct crowd *c = arg;
	uint64_t got;

	nh_topo_pretend(c->node);
	for (uint64_t i = 0; !atomic_load(&c->stop); i++)
		nh_u64_get(c->m, mix64(i) % KEYS, &got);
	return NULL;
}

static void
test_adaptive_moves_segments_to_those_that_use_them(void **state)
{
	struct crowd c = { .m = map_placed(NH_PLACEMENT_ADAPTIVE, 0),
			   .node = 3 };
	double until = now() + CPU_LONG;
	pthread_t thread;

	(void)state;
	put_range(c.m, SPREAD_UP, 0, KEYS);
	assert_in_range(keys_on(c.m, 3), KEYS / 8, KEYS / 2);
	assert_int_equal(pthread_create(&thread, NULL, crowd_use, &c), 0);
	while (keys_on(c.m, 3) < KEYS * 99 / 100 && now() < until)
		;
	atomic_store(&c.stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(keys_on(c.m, 3) >= KEYS * 99 / 100);
	assert_in_range(stats_of(c.m).rehomed, SEGMENTS / 2, SEGMENTS);
	assert_range(c.m, SPREAD_UP, 0, KEYS);
	nh_u64_destroy(c.m);
}

static void
test_adaptive_lets_segments_be_that_all_nodes_use(void **state)
{
	struct nh_u64 *m = map_placed(NH_PLACEMENT_ADAPTIVE, 0);
	double until = now() + 2;
	uint64_t got;

	(void)state;
	put_range(m, SPREAD_UP, 0, KEYS);
	for (uint64_t i = 0; now() < until; i++) {
		nh_topo_pretend((int)(i / 8 % NODES));
		assert_int_equal(nh_u64_get(m, mix64(i) % KEYS, &got), NH_OK);
	}
	nh_topo_pretend(-1);
	assert_in_range(stats_of(m).rehomed, 0, SEGMENTS / 16);
	nh_u64_destroy(m);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_interleave_gives_every_node_as_many_segments),
		cmocka_unit_test(test_bind_uses_the_nodes_named_and_no_other),
		cmocka_unit_test(
			test_local_is_where_the_thread_is_that_makes_the_table),
		cmocka_unit_test(
			test_placements_that_make_no_sense_are_refused),
		cmocka_unit_test(test_rehome_takes_one_segment_and_its_keys),
		cmocka_unit_test(
			test_a_segment_stays_on_its_node_when_it_grows_and_shrinks),
		cmocka_unit_test(test_rehome_refuses_what_makes_no_sense),
		cmocka_unit_test(test_rehome_without_memory_changes_nothing),
		cmocka_unit_test(
			test_threads_lose_nothing_while_all_segments_move),
		cmocka_unit_test(
			test_replicate_has_a_copy_of_each_segment_on_each_node),
		cmocka_unit_test(test_a_write_is_seen_on_every_node_at_once),
		cmocka_unit_test(test_batches_read_copies),
		cmocka_unit_test(
			test_replicate_without_memory_for_copies_reads_the_tables),
		cmocka_unit_test(
			test_threads_lose_nothing_while_copies_come_and_go),
		cmocka_unit_test(
			test_threads_on_different_nodes_never_see_time_go_back),
		cmocka_unit_test(
			test_adaptive_moves_segments_to_those_that_use_them),
		cmocka_unit_test(
			test_adaptive_lets_segments_be_that_all_nodes_use),
	};

	setenv("NUMAHASH_FAKE_NODES", "4", 1);
	fixture_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
