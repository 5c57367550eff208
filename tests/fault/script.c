/*
 * script.c - a life of a map, from creation to destruction, checked throughout
 */
#include "tests/fault/script.h"

#include <inttypes.h>

#include "tests/model/args.h"
#include "tests/model/kit.h"
#include "tests/model/ref.h"

#define BATCH 100

struct life {
	const struct script *script;
	struct any *map;
	struct ref ref;
	uint64_t errors; /* answered so far */
	bool recovering; /* no call fails any more */
};

/*
 * done - did an operation that may fail succeed?
 *
 * A failure must be the one allowed, and there must be a failed call for it:
 * one that fails once can fail one operation, no more.
 */
static bool
done(struct life *l, const char *what, int err)
{
	const struct script *s = l->script;
	uint64_t failed = inject_failed(s->kind);

	if (err == NH_OK)
		return true;
	if (err != s->error || l->recovering)
		fail("%s: %s", what, nh_strerror(err));
	l->errors++;
	if (failed == 0 || (s->count != INJECT_STICKY && l->errors > failed))
		fail("%s: %s, with %" PRIu64 " failed calls for %" PRIu64
		     " errors",
		     what, nh_strerror(err), failed, l->errors);
	return false;
}

/* must - an operation that has no excuse */
static void
must(const char *what, int err)
{
	if (err != NH_OK)
		fail("%s: %s", what, nh_strerror(err));
}

/* Until it is taken back no call fails: the test needs memory, too. */
static void
hold(struct life *l, bool held)
{
	if (!l->recovering)
		inject_hold(l->script->kind, held);
}

/* compare - the map is what the reference says */
static void
compare(struct life *l, const char *when)
{
	uint64_t key;
	const char *wrong;

	hold(l, true);
	wrong = ref_compare(&l->ref, l->map, &key);
	hold(l, false);
	if (wrong)
		fail("%s: key 0x%" PRIx64 ": %s", when, key, wrong);
}

static bool
create(struct life *l)
{
	struct nh_config config = config_make(l->script->seeded ? 1 : 0);
	int err = NH_OK;

	config.maintenance = l->script->maintenance;
	l->map = any_create(l->script->map, &config, &err);
	if (!l->map && err == NH_OK)
		fail("create: no map and no error");
	return done(l, "create", err);
}

/* put_keys - from .. to - 1; nh_u64 needs no memory for a key that is there */
static void
put_keys(struct life *l, uint64_t from, uint64_t to, uint64_t value)
{
	for (uint64_t i = from; i < to; i++) {
		int err = any_put(l->map, ref_key(&l->ref, i), value + i);

		if (l->ref.entry[i].present && l->map->u64)
			must("overwrite", err);
		if (done(l, "put", err))
			ref_set(&l->ref, i, value + i);
	}
}

static void
put_batches(struct life *l, uint64_t from, uint64_t to)
{
	uint64_t keys[BATCH], values[BATCH];
	size_t put;

	for (uint64_t at = from; at + BATCH <= to; at += BATCH) {
		for (uint64_t i = 0; i < BATCH; i++) {
			keys[i] = ref_key(&l->ref, at + i);
			values[i] = at;
		}
		put = 0;
		if (done(l, "put_batch",
			 any_put_batch(l->map, keys, values, BATCH, &put)) !=
		    (put == BATCH))
			fail("put_batch: %zu done, which is not what it says",
			     put);
		for (uint64_t i = 0; i < put; i++)
			ref_set(&l->ref, at + i, at);
	}
}

/* No key may be lost by this. */
static void
exchange(struct life *l, uint64_t i, int want)
{
	uint64_t key = ref_key(&l->ref, i);
	uint64_t value = l->ref.entry[i].value;
	int err = any_compare_and_swap(l->map, key, value, value);

	/* nh_map makes the new entry before it looks. */
	if (err == NH_ERR_NOMEM && l->map->map)
		done(l, "compare_and_swap", err);
	else if (err != want)
		fail("compare_and_swap: %s", nh_strerror(err));
}

/* To delete needs no memory, whether the key is there or not. */
static void
delete_keys(struct life *l, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		int want = l->ref.entry[i].present ? NH_OK : NH_ERR_NOTFOUND;
		int err;

		exchange(l, i, want);
		err = any_delete(l->map, ref_key(&l->ref, i));
		if (err != want)
			fail("delete: %s", nh_strerror(err));
		ref_remove(&l->ref, i);
	}
}

/* Counts its calls; keeps what is there and stores what is not. */
static int
store_absent(void *arg, uint64_t key, bool present, uint64_t *value)
{
	++*(unsigned *)arg;
	if (!present)
		*value = key;
	return present ? NH_UPDATE_KEEP : NH_UPDATE_STORE;
}

static void
update_keys(struct life *l, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		uint64_t key = ref_key(&l->ref, i);
		unsigned calls = 0;
		bool good = done(l, "update",
				 any_update(l->map, key, store_absent, &calls));

		/* nh_map learns the length of a value from the callback. */
		if (l->map->u64 ? calls != good : calls < good || calls > 1)
			fail("update: %u calls, and it %s", calls,
			     good ? "succeeds" : "fails");
		if (good && !l->ref.entry[i].present)
			ref_set(&l->ref, i, key);
	}
}

static int
show(void *arg, uint64_t key, uint64_t value)
{
	struct life *l = arg;
	const char *wrong = ref_show(&l->ref, key, value);

	if (wrong)
		fail("key 0x%" PRIx64 ": %s", key, wrong);
	return 0;
}

/* A scan that fails can go on from there. */
static void
scan(struct life *l)
{
	struct nh_cursor cursor = { 0 };
	const char *wrong;
	uint64_t key = 0;

	ref_begin_scan(&l->ref);
	if (!done(l, "scan", any_scan(l->map, &cursor, show, l))) {
		hold(l, true);
		must("scan", any_scan(l->map, &cursor, show, l));
		hold(l, false);
	}
	wrong = ref_end_scan(&l->ref, &key);
	if (wrong)
		fail("key 0x%" PRIx64 ": %s", key, wrong);
}

/* A clear that fails has removed some; what is left must be right. */
static void
clear(struct life *l)
{
	bool good = done(l, "clear", any_clear(l->map));
	uint64_t value;

	for (uint64_t i = 0; i < l->ref.keys; i++)
		if (good ||
		    any_get(l->map, ref_key(&l->ref, i), &value) != NH_OK)
			ref_remove(&l->ref, i);
	compare(l, "after clear");
}

static void
live(struct life *l, uint64_t keys)
{
	put_keys(l, 0, keys, 1);
	compare(l, "after growing");
	done(l, "reserve", any_reserve(l->map, 2 * keys));
	put_keys(l, 0, keys / 10, 2);
	update_keys(l, keys / 10 * 9, keys / 10 * 11);
	put_batches(l, keys / 10 * 11, keys / 10 * 12);
	scan(l);
	compare(l, "after updates and batches");
	delete_keys(l, 0, keys / 10 * 9);
	done(l, "shrink", any_shrink(l->map));
	compare(l, "after shrinking");
	put_keys(l, 0, keys / 2, 3);
	clear(l);
	put_keys(l, 0, keys / 10, 4);
	compare(l, "after clearing");
}

/* All is well again: everything must work. */
static void
recover(struct life *l, uint64_t keys)
{
	inject_end(l->script->kind);
	l->recovering = true;
	if (!l->map && !create(l))
		fail("create fails with nothing failing");
	compare(l, "after the failures");
	put_keys(l, 0, keys, 5);
	must("reserve", any_reserve(l->map, 2 * keys));
	put_batches(l, keys, keys / 10 * 12);
	compare(l, "after recovering");
	delete_keys(l, 0, keys / 10 * 9);
	must("shrink", any_shrink(l->map));
	must("clear", any_clear(l->map));
	if (any_len(l->map) != 0)
		fail("something is left after clear");
}

void
script_run(const struct script *script)
{
	struct life l = { .script = script };

	if (!ref_init(&l.ref, SPREAD_MIXED, script->keys / 10 * 12 + BATCH))
		fail("no memory for the reference");
	inject(script->kind, script->first, script->count);
	if (create(&l))
		live(&l, script->keys);
	recover(&l, script->keys);
	any_destroy(l.map);
	ref_fini(&l.ref);
	if (memory_of_process().used != 0)
		fail("%" PRIu64 " bytes of tables are left after destroy",
		     memory_of_process().used);
}
