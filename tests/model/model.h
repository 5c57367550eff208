/*
 * model.h - a map, its reference, and the operations that act on both
 */
#ifndef NH_TESTS_MODEL_H
#define NH_TESTS_MODEL_H

#include "tests/model/any.h"
#include "tests/model/kit.h"
#include "tests/model/ref.h"

/* How often each operation is taken: one column of the table of operations. */
enum mix { MIX_EVEN, MIX_RISING, MIX_FALLING, MIX_BATCH, MIX_SCAN, MIXES };

struct shape {
	const char *name;
	enum spread spread;
	uint64_t share;	     /* of all operations, in percent */
	uint64_t keys;	     /* 0: a sixteenth of the operations */
	uint64_t capacity;   /* fixed; 0: the map grows */
	uint64_t rare_every; /* operations between two costly ones */
	enum mix rising, falling;
};

struct model {
	const struct shape *shape;
	struct any *map;
	struct ref ref;
	struct rng rng;
	uint64_t done;		       /* operations so far */
	const char *op;		       /* the one that runs */
	const char *again;	       /* how to repeat the run */
	bool falling;		       /* between the two mixes of the shape */
	bool scanning;		       /* cursor stands somewhere */
	uint64_t rounds;	       /* times the map was emptied */
	uint64_t refused, refused_now; /* inserts into a full map */
	uint64_t scans, most;	       /* completed; entries */
	struct nh_cursor cursor;
};

/* One operation on a key number, checked; a mismatch ends the program. */
typedef void model_fn(struct model *m, uint64_t number);

struct op {
	const char *name;
	model_fn *run;
	uint8_t weight[MIXES]; /* even, rising, falling, batch, scan */
};

extern const struct op model_ops[];
extern const size_t model_op_count;

model_fn model_delete, model_clear, model_reserve, model_shrink;

/* model_compare - every key, the length, and a whole scan */
void model_compare(struct model *m);

#endif
