/*
 * test_bytes_hash.c - the hashes are what they are said to be, for all lengths
 *
 * Compiled with -DNH_STALL, for the kind that tests have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <numahash.h>
#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "lib/bytes_hash.h"
#include "tests/fault/inject.h"
#include "tests/model/kit.h"

#define VECTORS 64
#define LENGTHS 600 /* beyond all cases of both hashes */
#define PAGE 4096

static const int kinds[] = { NH_BYTES_SIPHASH, NH_BYTES_XXH3 };

/* ------------------------------------------------------------------ vectors */

/*
 * Of the bytes 0, 1, ..., n - 1 under the key 00 01 ... 0f: those that come
 * with the reference of SipHash-2-4, then 1-3 as OpenSSL 3.0 has it.  (Under
 * the key 0 what OpenSSL has is the same as in Rust and Python.)
 */
static const uint64_t sip_2_4[VECTORS] = {
	UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0x74f839c593dc67fd),
	UINT64_C(0x0d6c8009d9a94f5a), UINT64_C(0x85676696d7fb7e2d),
	UINT64_C(0xcf2794e0277187b7), UINT64_C(0x18765564cd99a68d),
	UINT64_C(0xcbc9466e58fee3ce), UINT64_C(0xab0200f58b01d137),
	UINT64_C(0x93f5f5799a932462), UINT64_C(0x9e0082df0ba9e4b0),
	UINT64_C(0x7a5dbbc594ddb9f3), UINT64_C(0xf4b32f46226bada7),
	UINT64_C(0x751e8fbc860ee5fb), UINT64_C(0x14ea5627c0843d90),
	UINT64_C(0xf723ca908e7af2ee), UINT64_C(0xa129ca6149be45e5),
	UINT64_C(0x3f2acc7f57c29bdb), UINT64_C(0x699ae9f52cbe4794),
	UINT64_C(0x4bc1b3f0968dd39c), UINT64_C(0xbb6dc91da77961bd),
	UINT64_C(0xbed65cf21aa2ee98), UINT64_C(0xd0f2cbb02e3b67c7),
	UINT64_C(0x93536795e3a33e88), UINT64_C(0xa80c038ccd5ccec8),
	UINT64_C(0xb8ad50c6f649af94), UINT64_C(0xbce192de8a85b8ea),
	UINT64_C(0x17d835b85bbb15f3), UINT64_C(0x2f2e6163076bcfad),
	UINT64_C(0xde4daaaca71dc9a5), UINT64_C(0xa6a2506687956571),
	UINT64_C(0xad87a3535c49ef28), UINT64_C(0x32d892fad841c342),
	UINT64_C(0x7127512f72f27cce), UINT64_C(0xa7f32346f95978e3),
	UINT64_C(0x12e0b01abb051238), UINT64_C(0x15e034d40fa197ae),
	UINT64_C(0x314dffbe0815a3b4), UINT64_C(0x027990f029623981),
	UINT64_C(0xcadcd4e59ef40c4d), UINT64_C(0x9abfd8766a33735c),
	UINT64_C(0x0e3ea96b5304a7d0), UINT64_C(0xad0c42d6fc585992),
	UINT64_C(0x187306c89bc215a9), UINT64_C(0xd4a60abcf3792b95),
	UINT64_C(0xf935451de4f21df2), UINT64_C(0xa9538f0419755787),
	UINT64_C(0xdb9acddff56ca510), UINT64_C(0xd06c98cd5c0975eb),
	UINT64_C(0xe612a3cb9ecba951), UINT64_C(0xc766e62cfcadaf96),
	UINT64_C(0xee64435a9752fe72), UINT64_C(0xa192d576b245165a),
	UINT64_C(0x0a8787bf8ecb74b2), UINT64_C(0x81b3e73d20b49b6f),
	UINT64_C(0x7fa8220ba3b2ecea), UINT64_C(0x245731c13ca42499),
	UINT64_C(0xb78dbfaf3a8d83bd), UINT64_C(0xea1ad565322a1a0b),
	UINT64_C(0x60e61c23a3795013), UINT64_C(0x6606d7e446282b93),
	UINT64_C(0x6ca4ecb15c5f91e1), UINT64_C(0x9f626da15c9625f3),
	UINT64_C(0xe51b38608ef25f57), UINT64_C(0x958a324ceb064572),
};

static const uint64_t sip_1_3[VECTORS] = {
	UINT64_C(0xabac0158050fc4dc), UINT64_C(0xc9f49bf37d57ca93),
	UINT64_C(0x82cb9b024dc7d44d), UINT64_C(0x8bf80ab8e7ddf7fb),
	UINT64_C(0xcf75576088d38328), UINT64_C(0xdef9d52f49533b67),
	UINT64_C(0xc50d2b50c59f22a7), UINT64_C(0xd3927d989bb11140),
	UINT64_C(0x369095118d299a8e), UINT64_C(0x25a48eb36c063de4),
	UINT64_C(0x79de85ee92ff097f), UINT64_C(0x70c118c1f94dc352),
	UINT64_C(0x78a384b157b4d9a2), UINT64_C(0x306f760c1229ffa7),
	UINT64_C(0x605aa111c0f95d34), UINT64_C(0xd320d86d2a519956),
	UINT64_C(0xcc4fdd1a7d908b66), UINT64_C(0x9cf2689063dbd80c),
	UINT64_C(0x8ffc389cb473e63e), UINT64_C(0xf21f9de58d297d1c),
	UINT64_C(0xc0dc2f46a6cce040), UINT64_C(0xb992abfe2b45f844),
	UINT64_C(0x7ffe7b9ba320872e), UINT64_C(0x525a0e7fdae6c123),
	UINT64_C(0xf464aeb267349c8c), UINT64_C(0x45cd5928705b0979),
	UINT64_C(0x3a3e35e3ca9913a5), UINT64_C(0xa91dc74e4ade3b35),
	UINT64_C(0xfb0bed02ef6cd00d), UINT64_C(0x88d93cb44ab1e1f4),
	UINT64_C(0x540f11d643c5e663), UINT64_C(0x2370dd1f8c21d1bc),
	UINT64_C(0x81157b6c16a7b60d), UINT64_C(0x4d54b9e57a8ff9bf),
	UINT64_C(0x759f12781f2a753e), UINT64_C(0xcea1a3bebf186b91),
	UINT64_C(0x2cf508d3ada26206), UINT64_C(0xb6101c2da3c33057),
	UINT64_C(0xb3f47496ae3a36a1), UINT64_C(0x626b57547b108392),
	UINT64_C(0xc1d2363299e41531), UINT64_C(0x667cc1923f1ad944),
	UINT64_C(0x65704ffec8138825), UINT64_C(0x24f280d1c28949a6),
	UINT64_C(0xc2ca1cedfaf8876b), UINT64_C(0xc2164bfc9f042196),
	UINT64_C(0xa16e9c9368b1d623), UINT64_C(0x49fb169c8b5114fd),
	UINT64_C(0x9f3143f8df074c46), UINT64_C(0xc6fdaf2412cc86b3),
	UINT64_C(0x7eaf49d10a52098f), UINT64_C(0x1cf313559d292f9a),
	UINT64_C(0xc44a30dda2f41f12), UINT64_C(0x36fae98943a71ed0),
	UINT64_C(0x318fb34c73f0bce6), UINT64_C(0xa27abf3670a7e980),
	UINT64_C(0xb4bcc0db243c6d75), UINT64_C(0x23f8d852fdb71513),
	UINT64_C(0x8f035f4da67d8a08), UINT64_C(0xd89cd0e5b7e8f148),
	UINT64_C(0xf6f4e6bcf7a644ee), UINT64_C(0xaec59ad80f1837f2),
	UINT64_C(0xc3b2f6154b6694e0), UINT64_C(0x9d199062b7bbb3a8),
};

static void
fill_up(uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)i;
}

static void
test_siphash_is_that_of_its_authors(void **state)
{
	const uint64_t key[2] = { UINT64_C(0x0706050403020100),
				  UINT64_C(0x0f0e0d0c0b0a0908) };
	uint8_t bytes[VECTORS];

	(void)state;
	fill_up(bytes, VECTORS);
	for (size_t n = 0; n < VECTORS; n++) {
		assert_int_equal(nh_sip_hash(2, 4, key, bytes, n), sip_2_4[n]);
		assert_int_equal(nh_sip_hash(1, 3, key, bytes, n), sip_1_3[n]);
	}
}

static void
test_a_map_of_the_first_kind_has_siphash_1_3(void **state)
{
	struct nh_bytes_hash hash;
	uint8_t bytes[VECTORS];

	(void)state;
	fill_up(bytes, VECTORS);
	assert_int_equal(nh_bytes_hash_init(&hash, NH_BYTES_SIPHASH, 1), NH_OK);
	hash.key[0] = UINT64_C(0x0706050403020100);
	hash.key[1] = UINT64_C(0x0f0e0d0c0b0a0908);
	for (size_t n = 0; n < VECTORS; n++)
		assert_int_equal(nh_bytes_hash(&hash, bytes, n), sip_1_3[n]);
}

/* With the public secret it must be the hash that everybody has. */
static void
test_xxh3_is_that_of_its_library(void **state)
{
	struct nh_bytes_hash hash;
	uint8_t bytes[LENGTHS];

	(void)state;
	fill_up(bytes, LENGTHS);
	assert_int_equal(nh_bytes_hash_init(&hash, NH_BYTES_XXH3, 1), NH_OK);
	memcpy(hash.secret, XXH3_kSecret, sizeof(hash.secret));
	assert_int_equal(nh_bytes_hash(&hash, bytes, 0),
			 UINT64_C(0x2d06800538d394c2));
	for (size_t n = 0; n < LENGTHS; n++)
		assert_int_equal(nh_bytes_hash(&hash, bytes, n),
				 XXH3_64bits(bytes, n));
}

/* -------------------------------------------------------------------- loads */

/* The string ends where memory does, and begins where it begins. */
static void
test_nothing_is_read_beyond_a_string(void **state)
{
	uint8_t *map = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t bytes[LENGTHS];

	(void)state;
	assert_ptr_not_equal(map, MAP_FAILED);
	assert_int_equal(mprotect(map, PAGE, PROT_NONE), 0);
	assert_int_equal(mprotect(map + 2 * PAGE, PAGE, PROT_NONE), 0);
	fill_up(bytes, LENGTHS);
	for (unsigned k = 0; k < 2; k++) {
		struct nh_bytes_hash h;

		assert_int_equal(nh_bytes_hash_init(&h, kinds[k], 9), NH_OK);
		for (size_t n = 0; n < LENGTHS; n++) {
			uint64_t want = nh_bytes_hash(&h, bytes, n);
			uint8_t *last = map + 2 * PAGE - n;

			memcpy(map + PAGE, bytes, n);
			assert_int_equal(nh_bytes_hash(&h, map + PAGE, n),
					 want);
			memcpy(last, bytes, n);
			assert_int_equal(nh_bytes_hash(&h, last, n), want);
		}
	}
	munmap(map, 3 * PAGE);
}

/* Each bit of a string, and its length, count. */
static void
test_every_bit_counts(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		uint8_t bytes[300] = { 0 };
		struct nh_bytes_hash h;

		assert_int_equal(nh_bytes_hash_init(&h, kinds[k], 3), NH_OK);
		for (size_t n = 1; n < sizeof(bytes); n++) {
			uint64_t base = nh_bytes_hash(&h, bytes, n);

			assert_int_not_equal(nh_bytes_hash(&h, bytes, n - 1),
					     base);
			for (size_t bit = 0; bit < 8 * n; bit++) {
				bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
				assert_int_not_equal(
					nh_bytes_hash(&h, bytes, n), base);
				bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			}
		}
	}
}

/* --------------------------------------------------------------------- keys */

/*
 * Two maps agree on no string of any length.  (XXH3 with a seed beside a secret
 * would: it uses the secret for long ones alone.)
 */
static void
assert_strangers(const struct nh_bytes_hash *a, const struct nh_bytes_hash *b)
{
	uint8_t bytes[LENGTHS];

	fill_up(bytes, LENGTHS);
	for (size_t n = 0; n < LENGTHS; n++)
		assert_int_not_equal(nh_bytes_hash(a, bytes, n),
				     nh_bytes_hash(b, bytes, n));
}

static void
test_each_map_has_its_own_hash(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 2; k++)
		for (int i = 0; i < 100; i++) {
			struct nh_bytes_hash a, b;

			assert_int_equal(nh_bytes_hash_init(&a, kinds[k], 0),
					 NH_OK);
			assert_int_equal(nh_bytes_hash_init(&b, kinds[k], 0),
					 NH_OK);
			assert_memory_not_equal(a.key, b.key, sizeof(a.key));
			assert_strangers(&a, &b);
		}
}

static void
test_a_seed_gives_the_same_hash_again(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 2; k++)
		for (uint64_t seed = 1; seed < 100; seed++) {
			struct nh_bytes_hash a, b, next;

			nh_bytes_hash_init(&a, kinds[k], seed);
			nh_bytes_hash_init(&b, kinds[k], seed);
			nh_bytes_hash_init(&next, kinds[k], seed + 1);
			assert_memory_equal(a.key, b.key, sizeof(a.key));
			assert_memory_equal(a.secret, b.secret,
					    sizeof(a.secret));
			assert_strangers(&a, &next);
		}
}

static void
test_without_entropy_there_is_no_hash(void **state)
{
	struct nh_bytes_hash hash = { .kind = 77 };

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		inject(INJECT_ENTROPY, 1, INJECT_STICKY);
		assert_int_equal(nh_bytes_hash_init(&hash, kinds[k], 0),
				 NH_ERR_SYSTEM);
		assert_int_equal(hash.kind, 77);
		/* Whoever brings a seed needs none. */
		assert_int_equal(nh_bytes_hash_init(&hash, kinds[k], 1), NH_OK);
		hash.kind = 77;
		inject_end(INJECT_ENTROPY);
	}
	assert_int_equal(nh_bytes_hash_init(&hash, -1, 0), NH_ERR_ARG);
	/* Not even the tests' own kind: it is set from within. */
	assert_int_equal(nh_bytes_hash_init(&hash, NH_BYTES_PREFIX, 0),
			 NH_ERR_ARG);
	assert_int_equal(hash.kind, 77);
}

/* ------------------------------------------------------------- distribution */

#define KEYS 100000

static uint64_t
hash_number(struct nh_bytes_hash *h, uint64_t i)
{
	return nh_bytes_hash(h, &i, sizeof(i));
}

static uint64_t
hash_text(struct nh_bytes_hash *h, uint64_t i)
{
	char text[] = "user:0000000000:name";

	for (size_t at = 14; i; at--, i /= 10)
		text[at] = (char)('0' + i % 10);
	return nh_bytes_hash(h, text, sizeof(text) - 1);
}

static uint64_t (*const patterns[])(struct nh_bytes_hash *, uint64_t) = {
	hash_number,
	hash_text,
};

/* Of 8 bits of the hash, as the segment has them: chi-square against even. */
static double
unevenness(const unsigned share[256])
{
	double mean = KEYS / 256.0, sum = 0;

	for (int i = 0; i < 256; i++)
		sum += (share[i] - mean) * (share[i] - mean) / mean;
	return sum;
}

/* 255 degrees of freedom: 400 is 6.4 deviations beyond. */
static void
test_regular_keys_spread_as_by_chance(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 2; k++)
		for (unsigned p = 0; p < 2; p++) {
			unsigned share[8][256] = { { 0 } };
			struct nh_bytes_hash h;

			nh_bytes_hash_init(&h, kinds[k], 5);
			for (uint64_t i = 0; i < KEYS; i++) {
				uint64_t x = patterns[p](&h, i);

				for (int byte = 0; byte < 8; byte++)
					share[byte][x >> 8 * byte & 255]++;
			}
			for (int byte = 0; byte < 8; byte++)
				assert_true(unevenness(share[byte]) < 400);
		}
}

/* ------------------------------------------------------------ for tests alone
 */

static void
test_a_test_can_choose_hashes(void **state)
{
	struct nh_bytes_hash h;
	const char a[] = "\1\2\3\4\5\6\7\10 one";

	(void)state;
	nh_bytes_hash_init(&h, NH_BYTES_SIPHASH, 1);
	h.kind = NH_BYTES_PREFIX;
	assert_int_equal(nh_bytes_hash(&h, a, 12),
			 UINT64_C(0x0807060504030201));
	assert_int_equal(nh_bytes_hash(&h, a, 8), nh_bytes_hash(&h, a, 11));
	assert_int_equal(nh_bytes_hash(&h, a, 7), UINT64_C(0x07060504030201));
	assert_int_equal(nh_bytes_hash(&h, a, 3), 0x030201);
	assert_int_equal(nh_bytes_hash(&h, a, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash_is_that_of_its_authors),
		cmocka_unit_test(test_a_map_of_the_first_kind_has_siphash_1_3),
		cmocka_unit_test(test_xxh3_is_that_of_its_library),
		cmocka_unit_test(test_nothing_is_read_beyond_a_string),
		cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_each_map_has_its_own_hash),
		cmocka_unit_test(test_a_seed_gives_the_same_hash_again),
		cmocka_unit_test(test_without_entropy_there_is_no_hash),
		cmocka_unit_test(test_regular_keys_spread_as_by_chance),
		cmocka_unit_test(test_a_test_can_choose_hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
