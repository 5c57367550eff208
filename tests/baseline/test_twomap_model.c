/*
 * test_twomap_model.c - random operations on the two-map and on its model
 *
 * After each operation the results must be the same; after each (few keys) or
 * after many (many keys) so must be all that is inside.
 */
#include "tests/baseline/twomap_model.h"

#include <string.h>

enum operation {
	LOAD,
	STORE,
	SWAP,
	LOAD_OR_STORE,
	DELETE,
	LOAD_AND_DELETE,
	COMPARE_AND_SWAP,
	COMPARE_AND_DELETE,
	RANGE,
	CLEAR,
	OPERATIONS
};

/* How often each is chosen. */
typedef unsigned mix_t[OPERATIONS];

static const mix_t usual = { 30, 12, 8, 12, 6, 10, 10, 8, 1, 0 };
static const mix_t clearing = { 30, 12, 8, 12, 6, 10, 10, 8, 2, 2 };
static const mix_t growing = { 20, 50, 5, 10, 4, 5, 3, 3, 0, 0 };

static enum operation
choose(const mix_t mix, uint64_t random)
{
	unsigned sum = 0, op;

	for (op = 0; op < OPERATIONS; op++)
		sum += mix[op];
	random %= sum;
	for (op = 0; random >= mix[op]; op++)
		random -= mix[op];
	return op;
}

struct outcome {
	bool result;
	uint64_t value; /* untouched unless the operation has one to give */
};

static struct outcome
run_map(struct twomap *m, enum operation op, uint64_t k, uint64_t a, uint64_t b)
{
	struct outcome o = { false, 0 };

	switch (op) {
	case LOAD:
		o.result = number_load(m, k, &o.value);
		break;
	case STORE:
		number_store(m, k, a);
		break;
	case SWAP:
		o.result = number_swap(m, k, a, &o.value);
		break;
	case LOAD_OR_STORE:
		o.result = number_load_or_store(m, k, a, &o.value);
		break;
	case DELETE:
		o.result = number_delete(m, k);
		break;
	case LOAD_AND_DELETE:
		o.result = number_load_and_delete(m, k, &o.value);
		break;
	case COMPARE_AND_SWAP:
		o.result = number_compare_and_swap(m, k, a, b);
		break;
	case COMPARE_AND_DELETE:
		o.result = number_compare_and_delete(m, k, a);
		break;
	case RANGE:
		promote(m);
		break;
	default:
		twomap_clear(m);
	}
	return o;
}

static struct outcome
run_model(struct model *s, enum operation op, uint64_t k, uint64_t a,
	  uint64_t b)
{
	struct outcome o = { false, 0 };
	uint64_t ignored;

	switch (op) {
	case LOAD:
		o.result = model_load(s, k, &o.value);
		break;
	case STORE:
		model_swap(s, k, a, &ignored);
		break;
	case SWAP:
		o.result = model_swap(s, k, a, &o.value);
		break;
	case LOAD_OR_STORE:
		o.result = model_load_or_store(s, k, a, &o.value);
		break;
	case DELETE:
		o.result = model_load_and_delete(s, k, &ignored);
		break;
	case LOAD_AND_DELETE:
		o.result = model_load_and_delete(s, k, &o.value);
		break;
	case COMPARE_AND_SWAP:
		o.result = model_compare_and_swap(s, k, a, b);
		break;
	case COMPARE_AND_DELETE:
		o.result = model_compare_and_delete(s, k, a);
		break;
	case RANGE:
		model_range(s);
		break;
	default:
		model_clear(s);
	}
	return o;
}

static void
compare_key(struct twomap *m, const struct model *s, uint64_t k)
{
	struct twomap_entry *e = in_read(m, k);

	assert_int_equal(e != NULL, s->key[k].in_read);
	assert_int_equal(in_dirty(m, k) != NULL, s->key[k].in_dirty);
	assert_int_equal(key_state(m, k), s->key[k].state);
	if (s->key[k].state != LIVE)
		return;
	if (!e)
		e = in_dirty(m, k);
	assert_int_equal(number_of_value(twomap_box_value(atomic_load(&e->p))),
			 s->key[k].value);
}

static void
compare(struct twomap *m, const struct model *s, uint64_t keys)
{
	struct twomap_counters c = counters(m);

	assert_int_equal(amended(m), s->amended);
	assert_int_equal(m->dirty != NULL, s->has_dirty);
	assert_int_equal(m->misses, s->misses);
	assert_int_equal(read_map(m)->count, s->read_len);
	if (m->dirty)
		assert_int_equal(m->dirty->map.count, s->dirty_len);
	assert_memory_equal(&c, &s->count, sizeof c);
	for (uint64_t k = 0; k < keys; k++)
		compare_key(m, s, k);
	(s->amended == s->has_dirty ? check : check_cleared)(m);
}

/*
 * Keys come from a window that moves on by one each `dwell` operations, and the
 * key that falls out of it is deleted.  (Without new keys there are no copies,
 * and so no expunged entries, however many keys die.)
 */
struct plan {
	const unsigned *mix;
	uint64_t keys, window;
	unsigned operations, dwell, compare_every;
};

/* A run, and which entry states were seen to follow which. */
struct run {
	struct twomap *map;
	struct model model;
	uint64_t random;
	unsigned steps[LIVE + 1][LIVE + 1]; /* [before][after] */
};

static void
step(struct run *run, enum operation op, uint64_t k)
{
	enum entry_state before = key_state(run->map, k);
	uint64_t a = kit_random(&run->random) % 3;
	uint64_t b = kit_random(&run->random) % 3;
	struct outcome expected = run_model(&run->model, op, k, a, b);
	struct outcome got = run_map(run->map, op, k, a, b);

	assert_int_equal(got.result, expected.result);
	assert_int_equal(got.value, expected.value);
	run->steps[before][key_state(run->map, k)]++;
}

static struct run *
run_plan(struct twomap *m, const struct plan *plan)
{
	static struct run run;
	uint64_t base, k;

	memset(&run, 0, sizeof run);
	run.map = m;
	run.random = kit_seed();
	gomap_seed_random(run.random);
	for (unsigned i = 0; i < plan->operations; i++) {
		base = plan->keys + i / plan->dwell;
		k = base + kit_random(&run.random) % plan->window;
		if (i % plan->dwell == 0)
			step(&run, DELETE, (base - 1) % plan->keys);
		step(&run, choose(plan->mix, kit_random(&run.random)),
		     k % plan->keys);
		if (i % plan->compare_every == 0)
			compare(m, &run.model, plan->keys);
		if (i % 64 == 0)
			twomap_quiescent();
	}
	compare(m, &run.model, plan->keys);
	return &run;
}

/*
 * This is the key that was operated on: NIL becomes EXPUNGED only when another
 * key is added, and no step leads from nowhere into death.
 */
static void
test_random_operations_on_few_keys_follow_the_specification(void **state)
{
	static const struct plan plan = { usual, 40, 12, 150000, 50, 1 };
	const struct run *run = run_plan(*state, &plan);

	assert_true(run->steps[NOWHERE][LIVE] > 100);
	assert_true(run->steps[LIVE][NIL] > 100);
	assert_true(run->steps[NIL][LIVE] > 100);
	assert_true(run->steps[EXPUNGED][LIVE] > 100);
	assert_true(run->steps[LIVE][NOWHERE] > 100);
	assert_true(run->steps[EXPUNGED][NOWHERE] > 10);
	assert_int_equal(run->steps[NOWHERE][NIL], 0);
	assert_int_equal(run->steps[NOWHERE][EXPUNGED], 0);
	assert_int_equal(run->steps[LIVE][EXPUNGED], 0);
	assert_int_equal(run->steps[EXPUNGED][NIL], 0);
	assert_true(run->model.count.promotions > 100);
	assert_true(run->model.count.expunged > 100);
}

static void
test_random_operations_with_clear_follow_the_specification(void **state)
{
	static const struct plan plan = { clearing, 40, 12, 100000, 50, 1 };
	const struct run *run = run_plan(*state, &plan);

	assert_true(run->steps[EXPUNGED][LIVE] > 10);
}

static void
test_random_operations_on_many_keys_follow_the_specification(void **state)
{
	static const struct plan plan = { usual,  MODEL_KEYS, MODEL_KEYS / 2,
					  300000, 20,	      5000 };
	const struct run *run = run_plan(*state, &plan);

	assert_true(run->model.count.promotions > 10);
}

static void
test_random_operations_on_a_growing_map_follow_the_specification(void **state)
{
	static const struct plan plan = { growing, MODEL_KEYS, MODEL_KEYS,
					  20000,   20000,      500 };
	const struct run *run = run_plan(*state, &plan);

	assert_true(run->model.count.new_keys > 2000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_MAP(test_random_operations_on_few_keys_follow_the_specification),
		ON_MAP(test_random_operations_with_clear_follow_the_specification),
		ON_MAP(test_random_operations_on_many_keys_follow_the_specification),
		ON_MAP(test_random_operations_on_a_growing_map_follow_the_specification),
	};

	alarm(TEST_SECONDS);
	return cmocka_run_group_tests_name("twomap_model", tests, NULL, NULL);
}
