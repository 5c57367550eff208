/*
 * stress_watch.c - the resizer and the scanner
 */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "tests/model/args.h"
#include "tests/stress/stress.h"

#define SCAN_WINDOW (UINT64_C(1) << 22) /* wave keys a scan tells apart */

void *
stress_resize(void *arg)
{
	struct observer *o = arg;
	struct rng rng = rng_make(stress.seed + 1000);

	while (!atomic_load(&stress.stop)) {
		const struct timespec pause = {
			.tv_nsec = (long)rng_below(&rng, 3000000),
		};
		uint64_t n =
			rng_below(&rng, 4 * stress.threads * stress.wave_keys);
		int err = rng_below(&rng, 2) ? any_reserve(o->map, n)
					     : any_shrink(o->map);

		if (err != NH_OK)
			fail("resizing: %s", nh_strerror(err));
		o->resizes++;
		for (unsigned i = 0; i < 10; i++)
			o->in_migration += any_stats_of(o->map).migrating > 0;
		nanosleep(&pause, NULL);
	}
	return NULL;
}

/* What one scan has shown; of wave keys, a bit each by index. */
struct scan {
	uint64_t pairs;
	uint8_t permanent[MOST_PERMANENT];
	uint8_t wave[][SCAN_WINDOW / 8];
};

static bool
shown_before(struct scan *scan, uint64_t worker, uint64_t index)
{
	uint8_t *byte = &scan->wave[worker][index % SCAN_WINDOW / 8];
	uint8_t bit = (uint8_t)(1 << index % 8);
	bool before = *byte & bit;

	*byte |= bit;
	return before;
}

static int
note_pair(void *arg, uint64_t key, uint64_t value)
{
	struct scan *scan = arg;
	uint64_t number = key_number(SPREAD_MIXED, key);
	uint64_t index = number & INDEX_MASK;
	uint64_t worker = number >> WORKER_SHIFT & 0xff;
	enum kind kind = (enum kind)(number >> KIND_SHIFT);

	scan->pairs++;
	if (value == attack_value(key))
		return 0;
	if (kind > KIND_CONTESTED || worker >= stress.threads)
		fail("a scan shows key 0x%" PRIx64 " that nobody put", key);
	if (kind != KIND_COUNTER && !belongs(key, value))
		fail("a scan shows key 0x%" PRIx64
		     " with a foreign value 0x%" PRIx64,
		     key, value);
	if (kind == KIND_PERMANENT && index >= stress.permanent)
		fail("a scan shows permanent key %" PRIu64 " that nobody put",
		     index);
	if (kind == KIND_PERMANENT && scan->permanent[index]++)
		fail("a scan shows permanent key %" PRIu64 " twice", index);
	if (kind == KIND_WAVE && shown_before(scan, worker, index))
		fail("a scan shows wave key %" PRIu64 " of worker %" PRIu64
		     " twice",
		     index, worker);
	return 0;
}

uint64_t
stress_scan_once(const struct any *m)
{
	struct nh_cursor cursor = { 0 };
	struct scan *scan = calloc(
		1, sizeof(*scan) + stress.threads * sizeof(scan->wave[0]));
	uint64_t pairs;
	int err;

	if (!scan)
		fail("no memory for scanning");
	err = any_scan(m, &cursor, note_pair, scan);
	if (err != NH_OK || !cursor.done)
		fail("a scan ends with: %s", nh_strerror(err));
	for (unsigned i = 0; i < stress.permanent; i++)
		if (!scan->permanent[i])
			fail("a scan misses permanent key %u", i);
	pairs = scan->pairs;
	free(scan);
	return pairs;
}

void *
stress_scan(void *arg)
{
	struct observer *o = arg;

	while (!atomic_load(&stress.stop)) {
		o->pairs += stress_scan_once(o->map);
		o->scans++;
	}
	return NULL;
}
