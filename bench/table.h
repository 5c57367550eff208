/*
 * table.h - what the bench asks of a table
 *
 * A table's operations are static functions of its own file, and bench/loops.h,
 * included there, makes the measured loops of them: so each table is inlined as
 * its authors meant it, and the harness adds one indirect call in a thousand
 * operations.
 */
#ifndef NH_BENCH_TABLE_H
#define NH_BENCH_TABLE_H

#include "bench/kind.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NH_BENCH_CHUNK 1024 /* operations between two looks at the clock */
#define NH_BENCH_BATCH 32   /* keys of one batch get; divides the chunk */

/* What a thread counted while it ran. */
struct nh_bench_tally {
	uint64_t done;	/* operations that found what they should */
	uint64_t wrong; /* not 0: a value was read that is not its key's */
};

/* The operations of a mix, and where its dice stand. */
struct nh_bench_mix {
	uint64_t reads; /* of 2^32 operations */
	uint64_t dice;
	uint32_t version; /* of the values written */
};

/*
 * One table's operations and the loops over them.  A loop does one operation a
 * key, `n` keys.  Ids of insert and churn go up in steps of `stride`.  Any
 * thread between the table's thread_begin and thread_end.
 */
struct nh_bench_ops {
	/* The value there, copied out; false if there is none. */
	bool (*get)(void *map, const struct nh_bench_key *key,
		    struct nh_bench_value *value);
	/* Set, whether it was there or not; false on failure. */
	bool (*put)(void *map, const struct nh_bench_key *key,
		    const struct nh_bench_value *value);
	/* Add a key known to be new; false if it was not. */
	bool (*insert)(void *map, const struct nh_bench_key *key,
		       const struct nh_bench_value *value);
	/* Remove; false if it was not there. */
	bool (*erase)(void *map, const struct nh_bench_key *key);
	/* nh_bench_value_add() to a value that is there and was *old. */
	bool (*add)(void *map, const struct nh_bench_key *key, uint64_t delta,
		    struct nh_bench_value *old);

	void (*loop_get)(void *map, const struct nh_bench_key *keys, size_t n,
			 struct nh_bench_tally *tally);
	void (*loop_batch)(void *map, const struct nh_bench_key *keys, size_t n,
			   struct nh_bench_tally *tally);
	/* Reads, and puts for the rest. */
	void (*loop_put)(void *map, const struct nh_bench_key *keys, size_t n,
			 struct nh_bench_mix *mix,
			 struct nh_bench_tally *tally);
	/* Reads, and additions for the rest. */
	void (*loop_add)(void *map, const struct nh_bench_key *keys, size_t n,
			 struct nh_bench_mix *mix,
			 struct nh_bench_tally *tally);
	void (*loop_insert)(void *map, uint64_t first, uint64_t stride,
			    size_t n, struct nh_bench_tally *tally);
	/* Erase id, insert id + window: two operations, each counted. */
	void (*loop_churn)(void *map, uint64_t first, uint64_t stride,
			   uint64_t window, size_t n,
			   struct nh_bench_tally *tally);
};

struct nh_bench_table {
	const char *name;
	/* An empty map, or an exit with a message. */
	void *(*create)(void);
	/* Outside of thread_begin and thread_end, as create. */
	void (*destroy)(void *map);
	const struct nh_bench_ops *ops;
	/* The rest may be NULL. */
	void (*thread_begin)(void); /* a thread is going to use maps */
	void (*thread_end)(void);
	void (*quiescent)(void);   /* it holds nothing of a map now */
	void (*settle)(void *map); /* finish what is put off; as a thread */
	/* Allocations of this thread so far that are no malloc()'s. */
	uint64_t (*allocs)(void);
};

#define NH_BENCH_TABLE(name) extern const struct nh_bench_table nh_bench_##name;
NH_BENCH_TABLES_OF_KIND(NH_BENCH_TABLE)
#undef NH_BENCH_TABLE

enum {
#define NH_BENCH_TABLE(name) +1
	NH_BENCH_TABLES = 0 NH_BENCH_TABLES_OF_KIND(NH_BENCH_TABLE)
#undef NH_BENCH_TABLE
};

/* In the order of the report. */
extern const struct nh_bench_table *const nh_bench_tables[NH_BENCH_TABLES];

#ifdef __cplusplus
}
#endif

#endif
