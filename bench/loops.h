/*
 * loops.h - the measured loops, made once in each table's file
 *
 * To be included after table_get(), table_put(), table_insert(), table_erase()
 * and table_add() are defined, with the meaning they have in table.h, and,
 * where the table has one, after TABLE_HAS_BATCH and
 *
 *	size_t table_get_batch(void *map, const uint64_t *keys, size_t n,
 *			       uint64_t *values);
 *
 * which returns how many of the keys were there.  C and C++.
 */
#include "bench/keys.h"
#include "bench/table.h"

static void
loop_get(void *map, const uint64_t *keys, size_t n,
	 struct nh_bench_tally *tally)
{
	uint64_t found = 0, wrong = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t value;

		if (!table_get(map, keys[i], &value))
			continue;
		found++;
		wrong |= value ^ keys[i];
	}
	tally->done += found;
	tally->wrong |= wrong >> 32;
}

#ifndef TABLE_HAS_BATCH
static inline size_t
table_get_batch(void *map, const uint64_t *keys, size_t n, uint64_t *values)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += table_get(map, keys[i], &values[i]);
	return found;
}
#endif

static void
loop_batch(void *map, const uint64_t *keys, size_t n,
	   struct nh_bench_tally *tally)
{
	uint64_t values[NH_BENCH_BATCH] = { 0 };
	uint64_t found = 0, wrong = 0;

	for (size_t i = 0; i < n; i += NH_BENCH_BATCH) {
		found += table_get_batch(map, keys + i, NH_BENCH_BATCH, values);
		for (size_t k = 0; k < NH_BENCH_BATCH; k++)
			wrong |= values[k] ^ keys[i + k];
	}
	tally->done += found;
	tally->wrong |= wrong >> 32;
}

static void
loop_put(void *map, const uint64_t *keys, size_t n, struct nh_bench_mix *mix,
	 struct nh_bench_tally *tally)
{
	uint64_t done = 0, wrong = 0, dice = mix->dice;

	for (size_t i = 0; i < n; i++) {
		uint64_t value = keys[i];

		if (nh_bench_random(&dice) < mix->reads)
			done += table_get(map, keys[i], &value);
		else
			done += table_put(
				map, keys[i],
				nh_bench_value(keys[i], mix->version));
		wrong |= value ^ keys[i];
	}
	mix->dice = dice;
	tally->done += done;
	tally->wrong |= wrong >> 32;
}

static void
loop_add(void *map, const uint64_t *keys, size_t n, struct nh_bench_mix *mix,
	 struct nh_bench_tally *tally)
{
	uint64_t done = 0, wrong = 0, dice = mix->dice;

	for (size_t i = 0; i < n; i++) {
		uint64_t value = keys[i];

		if (nh_bench_random(&dice) < mix->reads)
			done += table_get(map, keys[i], &value);
		else
			done += table_add(map, keys[i], 1, &value);
		wrong |= value ^ keys[i];
	}
	mix->dice = dice;
	tally->done += done;
	tally->wrong |= wrong >> 32;
}

static void
loop_insert(void *map, uint64_t first, uint64_t stride, size_t n,
	    struct nh_bench_tally *tally)
{
	uint64_t done = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t key = nh_bench_key(first + i * stride);

		done += table_insert(map, key, nh_bench_value(key, 0));
	}
	tally->done += done;
}

static void
loop_churn(void *map, uint64_t first, uint64_t stride, uint64_t window,
	   size_t n, struct nh_bench_tally *tally)
{
	uint64_t done = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t id = first + i * stride;
		uint64_t key = nh_bench_key(id + window);

		done += table_erase(map, nh_bench_key(id));
		done += table_insert(map, key, nh_bench_value(key, 0));
	}
	tally->done += done;
}

static const struct nh_bench_ops table_ops = {
	table_get,  table_put, table_insert, table_erase, table_add,  loop_get,
	loop_batch, loop_put,  loop_add,     loop_insert, loop_churn,
};
