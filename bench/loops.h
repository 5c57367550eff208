/*
 * loops.h - the measured loops, made once in each table's file
 *
 * To be included after table_get(), table_put(), table_insert(), table_erase()
 * and table_add() are defined, with the meaning they have in table.h, and,
 * where the table has one, after TABLE_HAS_BATCH and
 *
 *	size_t table_get_batch(void *map, const struct nh_bench_key *keys,
 *			       size_t n, struct nh_bench_value *values);
 *
 * which returns how many of the keys were there.  C and C++.
 */
#include "bench/keys.h"
#include "bench/table.h"

static void
loop_get(void *map, const struct nh_bench_key *keys, size_t n,
	 struct nh_bench_tally *tally)
{
	struct nh_bench_value value;
	uint64_t found = 0, wrong = 0;

	for (size_t i = 0; i < n; i++) {
		if (!table_get(map, &keys[i], &value))
			continue;
		found++;
		wrong |= nh_bench_value_wrong(&value, &keys[i]);
	}
	tally->done += found;
	tally->wrong |= wrong;
}

#ifndef TABLE_HAS_BATCH
static inline size_t
table_get_batch(void *map, const struct nh_bench_key *keys, size_t n,
		struct nh_bench_value *values)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += table_get(map, &keys[i], &values[i]);
	return found;
}
#endif

static void
loop_batch(void *map, const struct nh_bench_key *keys, size_t n,
	   struct nh_bench_tally *tally)
{
	struct nh_bench_value values[NH_BENCH_BATCH];
	uint64_t found = 0, wrong = 0;

	memset(values, 0, sizeof(values));
	for (size_t i = 0; i < n; i += NH_BENCH_BATCH) {
		found += table_get_batch(map, keys + i, NH_BENCH_BATCH, values);
		for (size_t k = 0; k < NH_BENCH_BATCH; k++)
			wrong |= nh_bench_value_wrong(&values[k], &keys[i + k]);
	}
	tally->done += found;
	tally->wrong |= wrong;
}

/* What a mix does when it does not read; *value is then a value of the key. */
typedef bool (*write_fn)(void *map, const struct nh_bench_key *key,
			 uint32_t version, struct nh_bench_value *value);

static inline bool
write_put(void *map, const struct nh_bench_key *key, uint32_t version,
	  struct nh_bench_value *value)
{
	nh_bench_value_init(value, key, version);
	return table_put(map, key, value);
}

static inline bool
write_add(void *map, const struct nh_bench_key *key, uint32_t version,
	  struct nh_bench_value *value)
{
	(void)version;
	return table_add(map, key, 1, value);
}

/* Inlined, so that the table's own write is. */
__attribute__((always_inline)) static inline void
mix_loop(void *map, const struct nh_bench_key *keys, size_t n,
	 struct nh_bench_mix *mix, struct nh_bench_tally *tally, write_fn write)
{
	uint64_t done = 0, wrong = 0, dice = mix->dice, reads = mix->reads;
	uint32_t version = mix->version;
	struct nh_bench_value value;

	memset(&value, 0, sizeof(value));
	for (size_t i = 0; i < n; i++) {
		bool did = nh_bench_random(&dice) < reads
				   ? table_get(map, &keys[i], &value)
				   : write(map, &keys[i], version, &value);

		if (!did)
			continue;
		done++;
		wrong |= nh_bench_value_wrong(&value, &keys[i]);
	}
	mix->dice = dice;
	tally->done += done;
	tally->wrong |= wrong;
}

static void
loop_put(void *map, const struct nh_bench_key *keys, size_t n,
	 struct nh_bench_mix *mix, struct nh_bench_tally *tally)
{
	mix_loop(map, keys, n, mix, tally, write_put);
}

static void
loop_add(void *map, const struct nh_bench_key *keys, size_t n,
	 struct nh_bench_mix *mix, struct nh_bench_tally *tally)
{
	mix_loop(map, keys, n, mix, tally, write_add);
}

static inline bool
insert_id(void *map, uint64_t id, struct nh_bench_value *value)
{
	struct nh_bench_key key;

	nh_bench_key_of(&key, id);
	nh_bench_value_init(value, &key, 0);
	return table_insert(map, &key, value);
}

static void
loop_insert(void *map, uint64_t first, uint64_t stride, size_t n,
	    struct nh_bench_tally *tally)
{
	struct nh_bench_value value;
	uint64_t done = 0;

	memset(&value, 0, sizeof(value));
	for (size_t i = 0; i < n; i++)
		done += insert_id(map, first + i * stride, &value);
	tally->done += done;
}

static void
loop_churn(void *map, uint64_t first, uint64_t stride, uint64_t window,
	   size_t n, struct nh_bench_tally *tally)
{
	struct nh_bench_value value;
	struct nh_bench_key oldest;
	uint64_t done = 0;

	memset(&value, 0, sizeof(value));
	for (size_t i = 0; i < n; i++) {
		uint64_t id = first + i * stride;

		nh_bench_key_of(&oldest, id);
		done += table_erase(map, &oldest);
		done += insert_id(map, id + window, &value);
	}
	tally->done += done;
}

static const struct nh_bench_ops table_ops = {
	table_get,  table_put, table_insert, table_erase, table_add,  loop_get,
	loop_batch, loop_put,  loop_add,     loop_insert, loop_churn,
};
