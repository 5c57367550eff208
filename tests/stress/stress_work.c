/*
 * stress_work.c - what a worker does: one small checked step after another
 */
#include <inttypes.h>

#include "tests/model/args.h"
#include "tests/stress/stress.h"

/* ----------------------------------------------------------- permanent keys */

static void
saw_permanent(struct worker *w, uint64_t index, uint64_t value)
{
	uint64_t key = make_key(KIND_PERMANENT, 0, index);

	if (!belongs(key, value))
		fail("permanent key %" PRIu64 " has a foreign value 0x%" PRIx64,
		     index, value);
	if (value >> 32 < w->version[index])
		fail("permanent key %" PRIu64 " goes back from version %" PRIu32
		     " to %" PRIu64,
		     index, w->version[index], value >> 32);
	w->version[index] = (uint32_t)(value >> 32);
	w->tally[TALLY_PERMANENT]++;
}

static void
check_permanent(struct worker *w)
{
	uint64_t index = rng_below(&w->rng, stress.permanent), value;
	int err = any_get(w->map, make_key(KIND_PERMANENT, 0, index), &value);

	if (err != NH_OK)
		fail("permanent key %" PRIu64 ": %s", index, nh_strerror(err));
	saw_permanent(w, index, value);
}

static void
check_permanent_batch(struct worker *w)
{
	uint64_t first = rng_below(&w->rng, stress.permanent - BATCH);
	uint64_t keys[BATCH], values[BATCH];
	uint8_t found[BATCH];
	size_t hits;

	for (unsigned i = 0; i < BATCH; i++)
		keys[i] = make_key(KIND_PERMANENT, 0, first + i);
	if (any_get_batch(w->map, keys, BATCH, values, found, &hits) != NH_OK ||
	    hits != BATCH)
		fail("a batch finds %zu of %u permanent keys", hits, BATCH);
	for (unsigned i = 0; i < BATCH; i++)
		saw_permanent(w, first + i, values[i]);
}

/* One way to write the next version; says whether all was as it must be. */
static bool
write_version(struct worker *w, uint64_t key, uint64_t old, uint64_t next)
{
	struct verdict v = { .verdict = NH_UPDATE_STORE, .store = next };
	uint64_t was = POISON;
	bool loaded = false;

	switch (rng_below(&w->rng, 5)) {
	case 0:
		return any_put(w->map, key, next) == NH_OK;
	case 1:
		return any_swap(w->map, key, next, &was, &loaded) == NH_OK &&
		       loaded && was == old;
	case 2:
		return any_compare_and_swap(w->map, key, next, old) ==
			       NH_ERR_MISMATCH &&
		       any_compare_and_swap(w->map, key, old, next) == NH_OK;
	case 3:
		return any_update(w->map, key, give_verdict, &v) == NH_OK &&
		       v.present && v.value == old;
	}
	return any_insert(w->map, key, next) == NH_ERR_EXISTS &&
	       any_compare_and_delete(w->map, key, next) == NH_ERR_MISMATCH &&
	       any_load_or_store(w->map, key, next, &was, &loaded) == NH_OK &&
	       loaded && was == old &&
	       any_put_batch(w->map, &key, &next, 1, NULL) == NH_OK;
}

static void
write_permanent(struct worker *w)
{
	uint64_t index = rng_below(&w->rng, stress.permanent / stress.threads) *
				 stress.threads +
			 w->id;
	uint64_t key = make_key(KIND_PERMANENT, 0, index);
	uint32_t version = w->version[index];

	if (!write_version(w, key, make_value(key, version),
			   make_value(key, version + 1)))
		fail("writing version %" PRIu32 " of permanent key %" PRIu64
		     " did not find version %" PRIu32,
		     version + 1, index, version);
	w->version[index]++;
	w->tally[TALLY_WRITES]++;
}

/* -------------------------------------------------------------------- waves */

static void
put_wave_keys(struct worker *w, struct wave *wave, uint64_t count)
{
	uint64_t alive = atomic_load(&wave->alive);
	uint64_t keys[BATCH], values[BATCH];
	int err;

	for (uint64_t i = 0; i < count; i++) {
		keys[i] = make_key(KIND_WAVE, w->id, alive + i);
		values[i] = make_value(keys[i], 0);
	}
	err = count == 1 ? any_insert(w->map, keys[0], values[0])
			 : any_put_batch(w->map, keys, values, count, NULL);
	if (err != NH_OK)
		fail("putting wave key %" PRIu64 " of worker %u: %s", alive,
		     w->id, nh_strerror(err));
	atomic_store(&wave->alive, alive + count);
}

static void
delete_wave_key(struct worker *w, struct wave *wave)
{
	uint64_t index = atomic_load(&wave->dead), old = POISON;
	uint64_t key = make_key(KIND_WAVE, w->id, index);
	int err;

	atomic_store(&wave->dying, index + 1);
	err = any_load_and_delete(w->map, key, &old);
	if (err != NH_OK || old != make_value(key, 0))
		fail("deleting wave key %" PRIu64
		     " of worker %u: %s, value 0x%" PRIx64,
		     index, w->id, nh_strerror(err), old);
	atomic_store(&wave->dead, index + 1);
	w->tally[TALLY_WAVES]++;
}

static void
push_wave(struct worker *w)
{
	struct wave *wave = &stress.wave[w->id];
	uint64_t count = atomic_load(&wave->alive) - atomic_load(&wave->dead);

	if (count >= stress.wave_keys)
		w->falling = true;
	if (count == 0)
		w->falling = false;
	if (!w->falling) {
		put_wave_keys(w, wave, rng_below(&w->rng, 8) ? 1 : BATCH);
		return;
	}
	for (unsigned i = 0; i < 4 && i < count; i++)
		delete_wave_key(w, wave);
}

static struct wave *
any_wave(struct worker *w, uint64_t *id)
{
	*id = rng_below(&w->rng, stress.threads);
	return &stress.wave[*id];
}

/* near - one of the last indices below `end`, or any; end is not 0 */
static uint64_t
near(struct worker *w, uint64_t end)
{
	uint64_t range = rng_below(&w->rng, 2) ? 16 : UINT32_MAX;

	return end - 1 - rng_below(&w->rng, end < range ? end : range);
}

static void
check_dead(struct worker *w)
{
	uint64_t id, index, value;
	uint64_t dead = atomic_load(&any_wave(w, &id)->dead);

	if (dead == 0)
		return;
	index = near(w, dead);
	if (any_get(w->map, make_key(KIND_WAVE, id, index), &value) !=
	    NH_ERR_NOTFOUND)
		fail("dead wave key %" PRIu64 " of worker %" PRIu64
		     " is found with value 0x%" PRIx64,
		     index, id, value);
	w->tally[TALLY_DEAD]++;
}

static void
check_alive(struct worker *w)
{
	uint64_t id, index, key, value;
	struct wave *wave = any_wave(w, &id);
	uint64_t dying = atomic_load(&wave->dying);
	uint64_t alive = atomic_load(&wave->alive);
	int err;

	if (alive == dying)
		return;
	index = alive - 1 - (alive - 1 - near(w, alive)) % (alive - dying);
	key = make_key(KIND_WAVE, id, index);
	err = any_get(w->map, key, &value);
	if (err != NH_OK) {
		if (atomic_load(&wave->dying) <= index)
			fail("wave key %" PRIu64 " of worker %" PRIu64
			     " was put and is lost: %s",
			     index, id, nh_strerror(err));
		return;
	}
	if (value != make_value(key, 0))
		fail("wave key %" PRIu64 " of worker %" PRIu64
		     " has a foreign value 0x%" PRIx64,
		     index, id, value);
	w->tally[TALLY_ALIVE]++;
}

/* ------------------------------------------------- counters, contested keys */

static void
add_to_counter(struct worker *w)
{
	uint64_t index = rng_below(&w->rng, COUNTERS);
	uint64_t delta = rng_next(&w->rng);
	int err = any_fetch_add(w->map, make_key(KIND_COUNTER, 0, index), delta,
				NULL);

	if (err != NH_OK)
		fail("adding to counter %" PRIu64 ": %s", index,
		     nh_strerror(err));
	w->added[index] += delta;
	w->tally[TALLY_ADDS]++;
}

static void
contest(struct worker *w)
{
	uint64_t index = rng_below(&w->rng, CONTESTED), old = 0;
	uint64_t key = make_key(KIND_CONTESTED, 0, index);
	bool insert = rng_below(&w->rng, 2);
	int err = insert ? any_insert(w->map, key, make_value(key, w->id))
			 : any_load_and_delete(w->map, key, &old);

	if (err == (insert ? NH_ERR_EXISTS : NH_ERR_NOTFOUND))
		return;
	if (err != NH_OK)
		fail("contested key %" PRIu64 ": %s", index, nh_strerror(err));
	if (!insert && !belongs(key, old))
		fail("contested key %" PRIu64 " had a foreign value 0x%" PRIx64,
		     index, old);
	w->balance[index] += insert ? 1 : -1;
	w->tally[TALLY_CONTESTS]++;
}

void *
stress_work(void *arg)
{
	static void (*const steps[])(struct worker * w) = {
		check_permanent, check_permanent, check_permanent,
		check_permanent, write_permanent, write_permanent,
		push_wave,	 push_wave,	  push_wave,
		push_wave,	 push_wave,	  check_dead,
		check_alive,	 add_to_counter,  contest,
		contest,
	};
	struct worker *w = arg;

	for (uint64_t i = 0; !atomic_load(&stress.stop); i++) {
		steps[rng_below(&w->rng, sizeof(steps) / sizeof(*steps))](w);
		if (i % 64 == 0)
			check_permanent_batch(w);
	}
	return NULL;
}
