/*
 * bytes_hash.c - the keys of a map's hash of byte strings, and XXH3
 *
 * XXH3 is compiled in from its header, so that libnumahash.a asks for no other
 * library, and here alone.  That is a call away from the map, 1 to 2 ns for a
 * short key, and saves 2 KiB of code in each of its flavours.
 */
#include "lib/bytes_hash.h"

#include <errno.h>
#include <numahash.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

/* What keys are made of: two words for SipHash and the rest for XXH3. */
#define ENTROPY_WORDS 10

static int
draw_entropy(uint64_t entropy[ENTROPY_WORDS])
{
	size_t bytes = ENTROPY_WORDS * sizeof(*entropy);
	ssize_t n;

	do
		n = getrandom(entropy, bytes, 0);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)bytes ? NH_OK : NH_ERR_SYSTEM;
}

/* A number of one's own choice: words that look random, always the same. */
static void
expand_seed(uint64_t entropy[ENTROPY_WORDS], uint64_t seed)
{
	const uint64_t key[2] = { seed, ~seed };

	for (uint8_t i = 0; i < ENTROPY_WORDS; i++)
		entropy[i] = nh_sip_hash(2, 4, key, &i, sizeof(i));
}

int
nh_bytes_hash_init(struct nh_bytes_hash *hash, int kind, uint64_t seed)
{
	uint64_t entropy[ENTROPY_WORDS];
	int err = NH_OK;

	if (kind != NH_BYTES_SIPHASH && kind != NH_BYTES_XXH3)
		return NH_ERR_ARG;
	if (seed)
		expand_seed(entropy, seed);
	else
		err = draw_entropy(entropy);
	if (err)
		return err;
	hash->kind = kind;
	hash->key[0] = entropy[0];
	hash->key[1] = entropy[1];
	/* Fails for a secret that is too short alone. */
	XXH3_generateSecret(hash->secret, NH_BYTES_SECRET, entropy + 2,
			    (ENTROPY_WORDS - 2) * sizeof(*entropy));
	return NH_OK;
}

uint64_t
nh_bytes_xxh3(const struct nh_bytes_hash *hash, const void *data, size_t len)
{
	return XXH3_64bits_withSecret(data, len, hash->secret, NH_BYTES_SECRET);
}
