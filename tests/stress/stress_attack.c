/*
 * stress_attack.c - somebody who knows the seed
 *
 * Puts keys that all want one block, finds them all, and deletes them again:
 * so segments get salts, and lose them when the resizer shrinks the map.  To
 * nh_map, whose hash cannot be undone, they are keys like others.
 */
#include <inttypes.h>

#include "lib/hash.h"
#include "tests/model/args.h"
#include "tests/stress/stress.h"

#define CROWD 100

static void
crowd_in(struct any *m, const uint64_t *key)
{
	for (unsigned i = 0; i < CROWD; i++)
		if (any_insert(m, key[i], attack_value(key[i])) != NH_OK)
			fail("key %u of an attack is there already", i);
}

static void
crowd_out(struct any *m, const uint64_t *key)
{
	uint64_t value;

	for (unsigned i = 0; i < CROWD; i++)
		if (any_get(m, key[i], &value) != NH_OK ||
		    value != attack_value(key[i]))
			fail("key %u of an attack was put and is lost", i);
	for (unsigned i = 0; i < CROWD; i++)
		if (any_delete(m, key[i]) != NH_OK)
			fail("key %u of an attack cannot be deleted", i);
}

void *
stress_attack(void *arg)
{
	struct observer *o = arg;
	struct rng rng = rng_make(stress.seed + 2000);
	struct nh_hash hash;
	uint64_t key[CROWD];

	nh_hash_init(&hash, stress.seed);
	while (!atomic_load(&stress.stop)) {
		uint64_t place = rng_next(&rng) & ~UINT64_C(0xffff);

		for (unsigned i = 0; i < CROWD; i++)
			key[i] = nh_unhash(&hash, place + i);
		crowd_in(o->map, key);
		crowd_out(o->map, key);
		o->attacks++;
	}
	return NULL;
}
