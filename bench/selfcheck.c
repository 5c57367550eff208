/*
 * selfcheck.c - does a table do what the bench takes for granted?
 *
 * A few milliseconds before anything is measured.  The measured loops write
 * values that tell keys apart but not one write from the next, and look at
 * their ends; here each write is read back, all of it.
 */
#include "bench/selfcheck.h"

#include "bench/keys.h"
#include "bench/workload.h"

#include <string.h>

#define IDS 3000

static void
want(const struct nh_bench_table *table, bool holds, const char *what)
{
	if (!holds)
		nh_bench_fail(table, "self-check: %s", what);
}

/* Bytes that differ from version to version, between the words too. */
static struct nh_bench_value
value_of(const struct nh_bench_key *key, uint32_t version)
{
	struct nh_bench_value value;

	memset(&value, (int)(nh_bench_key_number(key) + version), sizeof value);
	nh_bench_value_init(&value, key, version);
	return value;
}

static bool
equal(const struct nh_bench_value *a, const struct nh_bench_value *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool
holds(const struct nh_bench_table *table, void *map,
      const struct nh_bench_key *key, const struct nh_bench_value *expected)
{
	struct nh_bench_value found;

	memset(&found, 0xa5, sizeof(found));
	return table->ops->get(map, key, &found) && equal(&found, expected);
}

static void
check_key(const struct nh_bench_table *table, void *map,
	  const struct nh_bench_key *key)
{
	const struct nh_bench_ops *ops = table->ops;
	struct nh_bench_value first = value_of(key, 1), more = value_of(key, 2);
	struct nh_bench_value old;

	want(table, !ops->get(map, key, &old), "get found what is not there");
	want(table, !ops->erase(map, key), "erased what is not there");
	want(table, ops->insert(map, key, &first), "insert of a new key");
	want(table, holds(table, map, key, &first), "get after insert");
	want(table, ops->put(map, key, &more), "put over a value");
	want(table, holds(table, map, key, &more), "get after put");
	want(table, ops->add(map, key, 5, &old) && equal(&old, &more), "add");
	nh_bench_value_add(&more, 5);
	want(table, holds(table, map, key, &more), "get after add");
	want(table, ops->erase(map, key), "erase");
	want(table, !ops->get(map, key, &old), "get after erase");
	want(table, ops->put(map, key, &first), "put of a new key");
	want(table, holds(table, map, key, &first), "get after new put");
}

/* All that was put is still there, by each loop that reads. */
static void
check_loops(const struct nh_bench_table *table, void *map)
{
	struct nh_bench_key keys[NH_BENCH_CHUNK];
	struct nh_bench_tally tally = { 0 };
	struct nh_bench_mix mix = { 0 };
	struct nh_bench_value value;

	for (size_t i = 0; i < NH_BENCH_CHUNK; i++)
		nh_bench_key_of(&keys[i], i);
	table->ops->loop_get(map, keys, NH_BENCH_CHUNK, &tally);
	table->ops->loop_batch(map, keys, NH_BENCH_CHUNK, &tally);
	want(table, tally.done == 2 * NH_BENCH_CHUNK, "hits of the loops");
	mix.version = 70;
	table->ops->loop_put(map, keys, NH_BENCH_CHUNK, &mix, &tally);
	table->ops->loop_add(map, keys, NH_BENCH_CHUNK, &mix, &tally);
	want(table, tally.done == 4 * NH_BENCH_CHUNK && !tally.wrong,
	     "values of the loops");
	for (size_t i = 0; i < NH_BENCH_CHUNK; i++)
		want(table,
		     table->ops->get(map, &keys[i], &value) &&
			     !nh_bench_value_wrong(&value, &keys[i]) &&
			     (uint32_t)nh_bench_value_word(&value) == 71,
		     "writes of the loops");
}

void
nh_bench_selfcheck(const struct nh_bench_table *table)
{
	void *map = table->create();
	struct nh_bench_key key;

	if (table->thread_begin)
		table->thread_begin();
	for (uint64_t id = 0; id < IDS; id++) {
		nh_bench_key_of(&key, id);
		check_key(table, map, &key);
	}
	check_loops(table, map);
	if (table->thread_end)
		table->thread_end();
	table->destroy(map);
}
