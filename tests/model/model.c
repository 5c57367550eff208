/*
 * model.c - random operations on a map, each compared with a reference
 *
 * One thread, nh_u64 and nh_map in turn.  Several shapes of work are run one
 * after another; in each, every result of every operation must be what the
 * reference (ref.h) says.
 */
#include "tests/model/args.h"
#include "tests/model/model.h"

#include <inttypes.h>
#include <stdio.h>

#define MILLION UINT64_C(1000000)
#define SLOWER 4 /* operations on nh_map are that much fewer */

static const struct shape shapes[] = {
	{ "few keys", SPREAD_DOWN, 20, 500, 0, 2000, MIX_EVEN, MIX_EVEN },
	{ "grow and shrink", SPREAD_UP, 40, 0, 0, 300000, MIX_RISING,
	  MIX_FALLING },
	{ "fixed", SPREAD_MIXED, 15, 100000, 1000, 5000, MIX_RISING,
	  MIX_FALLING },
	{ "batch", SPREAD_HIGH, 15, 20000, 0, 20000, MIX_BATCH, MIX_FALLING },
	{ "scan", SPREAD_MIXED, 10, 3000, 0, 5000, MIX_SCAN, MIX_FALLING },
};

#define SHAPES (sizeof(shapes) / sizeof(*shapes))

static uint64_t seed = 1;
static uint64_t operations = 10 * MILLION;
static uint64_t arch = ARGS_ARCH_BOTH;
static uint64_t kind = ANY_KIND_BOTH;

static const struct op *
pick_op(struct model *m)
{
	enum mix mix = m->falling ? m->shape->falling : m->shape->rising;
	uint64_t sum = 0, at;
	size_t i;

	for (i = 0; i < model_op_count; i++)
		sum += model_ops[i].weight[mix];
	at = rng_below(&m->rng, sum);
	for (i = 0; at >= model_ops[i].weight[mix]; i++)
		at -= model_ops[i].weight[mix];
	return &model_ops[i];
}

static void
run_op(struct model *m, const char *name, model_fn *run, uint64_t number)
{
	m->op = name;
	m->done++;
	run(m, number);
}

/* Costly ones: the whole map is touched. */
static void
run_rare(struct model *m)
{
	uint64_t number = rng_next(&m->rng) % m->ref.keys;

	switch (rng_below(&m->rng, 3)) {
	case 0:
		run_op(m, "reserve", model_reserve, number);
		break;
	case 1:
		run_op(m, "shrink", model_shrink, number);
		break;
	case 2:
		if (m->ref.count < 5000)
			run_op(m, "clear", model_clear, number);
	}
}

/* Down to nothing, and compare on the way. */
static void
drain(struct model *m)
{
	model_compare(m);
	for (uint64_t i = 0; i < m->ref.keys; i++)
		if (m->ref.entry[i].present)
			run_op(m, "delete", model_delete, i);
	model_compare(m);
	m->rounds++;
}

/*
 * Rise until most keys are there or the map is full, fall, drain, and again.
 * The bounds are inside what the mixes of operations tend to by themselves.
 */
static void
turn(struct model *m)
{
	if (m->ref.count > m->most)
		m->most = m->ref.count;
	if (!m->falling &&
	    (m->ref.count >= m->ref.keys / 4 * 3 || m->refused_now >= 1000)) {
		m->falling = true;
		m->refused_now = 0;
		model_compare(m);
	} else if (m->falling && m->ref.count <= m->ref.keys / 3) {
		drain(m);
		m->falling = false;
	}
}

/* A shape that was never really run proves nothing. */
static void
require_that_it_happened(const struct model *m)
{
	struct nh_stats stats = any_stats_of(m->map);

	if (m->scans == 0 && m->shape->rising != MIX_RISING)
		fail("%s: no scan came to its end", m->shape->name);
	if (m->refused == 0 && m->shape->capacity)
		fail("%s: the map was never full", m->shape->name);
	if (!m->shape->capacity && m->shape->rising == MIX_RISING &&
	    (m->rounds == 0 || stats.grows < 100 || stats.shrinks < 20))
		fail("%s: the map did not grow and shrink", m->shape->name);
}

static void
run_shape(const struct shape *shape, uint64_t which, enum any_kind map_kind,
	  int map_arch)
{
	const char *name = args_arches[map_arch];
	struct nh_config config = config_make(seed + which);
	struct model m = { .shape = shape, .rng = rng_make(seed + which) };
	uint64_t all = map_kind == ANY_MAP ? operations / SLOWER : operations;
	uint64_t share = all / 100 * shape->share, rare = 0;
	char again[128];
	int err;

	snprintf(again, sizeof(again),
		 "--seed %" PRIu64 " --ops %" PRIu64 " --arch %s --kind %s",
		 seed, operations, name, any_kinds[map_kind]);
	m.again = again;
	config.arch = map_arch;
	config.capacity = shape->capacity;
	config.fixed = shape->capacity != 0;
	m.map = any_create(map_kind, &config, &err);
	if (!m.map)
		fail("no map for arch %s: %s", name, nh_strerror(err));
	if (!ref_init(&m.ref, shape->spread,
		      shape->keys ? shape->keys : share / 16 + 1000))
		fail("no memory for the reference");
	while (m.done < share) {
		const struct op *op = pick_op(&m);

		run_op(&m, op->name, op->run, rng_below(&m.rng, m.ref.keys));
		turn(&m);
		if (m.done - rare >= shape->rare_every) {
			rare = m.done;
			run_rare(&m);
		}
	}
	model_compare(&m);
	if (all >= MILLION)
		require_that_it_happened(&m);
	printf("%-3s %-8s %-16s %9" PRIu64 " operations, %7" PRIu64
	       " entries at most, %3" PRIu64 " times emptied, %5" PRIu64
	       " scans, %7" PRIu64 " refused, %6" PRIu64 " migrations\n",
	       any_kinds[map_kind], name, shape->name, m.done, m.most, m.rounds,
	       m.scans, m.refused, any_migrations_of(m.map));
	any_destroy(m.map);
	ref_fini(&m.ref);
}

static void
run_arch(int map_arch)
{
	for (size_t i = 0; i < SHAPES; i++) {
		if (kind != ANY_MAP)
			run_shape(&shapes[i], i, ANY_U64, map_arch);
		if (kind != ANY_U64)
			run_shape(&shapes[i], i, ANY_MAP, map_arch);
	}
}

int
main(int argc, char **argv)
{
	const struct arg args[] = {
		{ "ops",
		  "operations on nh_u64, for each arch; on nh_map a fourth",
		  &operations, 1000, UINT64_C(1) << 32, NULL },
		{ "seed", "of the operations and of the hash", &seed, 1,
		  UINT64_MAX - SHAPES, NULL },
		{ "arch", "which arch module the maps use", &arch, 0, 0,
		  args_arches },
		{ "kind", "which map", &kind, 0, 0, any_kinds },
	};

	args_parse(argc, argv,
		   "Random operations on a map, compared with a reference.",
		   args, sizeof(args) / sizeof(*args));
	printf("seed %" PRIu64 "\n", seed);
	if (arch != ARGS_ARCH_BOTH)
		run_arch((int)arch);
	else {
		run_arch(NH_ARCH_NATIVE);
		run_arch(NH_ARCH_GENERIC);
	}
	return 0;
}
