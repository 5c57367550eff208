/*
 * selfcheck.c - does a table do what the bench takes for granted?
 *
 * A few milliseconds before anything is measured.  The measured loops write
 * values that tell keys apart but not one write from the next; here each write
 * is read back.
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

static void
check_key(const struct nh_bench_table *table, void *map, uint64_t key)
{
	const struct nh_bench_ops *ops = table->ops;
	uint64_t first = nh_bench_value(key, 1), v = 0;

	want(table, !ops->get(map, key, &v), "get found what is not there");
	want(table, !ops->erase(map, key), "erased what is not there");
	want(table, ops->insert(map, key, first), "insert of a new key");
	want(table, ops->get(map, key, &v) && v == first, "get after insert");
	want(table, ops->put(map, key, first + 1), "put over a value");
	want(table, ops->get(map, key, &v) && v == first + 1, "get after put");
	want(table, ops->add(map, key, 5, &v) && v == first + 1, "add");
	want(table, ops->get(map, key, &v) && v == first + 6, "get after add");
	want(table, ops->erase(map, key), "erase");
	want(table, !ops->get(map, key, &v), "get after erase");
	want(table, ops->put(map, key, first), "put of a new key");
	want(table, ops->get(map, key, &v) && v == first, "get after new put");
}

/* All that was put is still there, by each loop that reads. */
static void
check_loops(const struct nh_bench_table *table, void *map)
{
	struct nh_bench_tally tally = { 0 };
	struct nh_bench_mix mix = { 0 };
	uint64_t keys[NH_BENCH_CHUNK], v = 0;

	for (size_t i = 0; i < NH_BENCH_CHUNK; i++)
		keys[i] = nh_bench_key(i);
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
		     table->ops->get(map, keys[i], &v) &&
			     v == nh_bench_value(keys[i], 71),
		     "writes of the loops");
}

void
nh_bench_selfcheck(const struct nh_bench_table *table)
{
	void *map = table->create();

	if (table->thread_begin)
		table->thread_begin();
	for (uint64_t id = 0; id < IDS; id++)
		check_key(table, map, nh_bench_key(id));
	check_loops(table, map);
	if (table->thread_end)
		table->thread_end();
	table->destroy(map);
}
