/*
 * salt.h - the secret that decides where a table's words lie
 *
 *	plain word	56 bits of the hash: what scans and callers go by
 *	stored word	what stands in the table, and decides the home line
 *
 * In most tables they are the same.  Who knows a map's seed can choose keys
 * that all want one block.  The segment they hit then moves to a table with a
 * salt (lib/storm.h), which was drawn for this table and which nobody is told:
 *
 *	w ^= seed;  w ^= w >> 28;  w *= k1;  w ^= w >> 28;  w *= k2
 *
 * modulo 2^56, the flags left alone; seed, k1 and k2 are made from the salt
 * (lib/hash.h) each time, since few tables ever have one.  Each step can be
 *undone, so that a stored word still says which key it is, and the second
 *product carries every bit to the top, which decides the line.
 */
#ifndef NH_LIB_SALT_H
#define NH_LIB_SALT_H

#include "lib/hash.h"
#include "lib/table.h"

/* 0: none. */
static inline uint64_t
nh_table_salt(const struct nh_table *t)
{
	/* order(table): acquire, so the descriptor is looked at after it */
	return nh_load_acquire(&t->salt);
}

/* nh_table_salt_set - The table is nobody else's yet. */
static inline void
nh_table_salt_set(struct nh_table *t, uint64_t salt)
{
	/* order(table): release, after the descriptor left this table */
	nh_store_release(&t->salt, salt);
}

/* Its own inverse: the shift is half of 56 bits. */
static inline uint64_t
nh_salt_fold(uint64_t w)
{
	return w ^ (w >> 28 & ~NH_WORD_META);
}

/* nh_salt_word - a plain word as it is stored, flags kept */
static inline uint64_t
nh_salt_word(uint64_t salt, uint64_t plain)
{
	uint64_t w = plain & ~NH_WORD_META;
	struct nh_hash h;

	if (nh_likely(!salt))
		return plain;
	nh_hash_init(&h, salt);
	w = nh_salt_fold(w ^ (h.seed & ~NH_WORD_META)) * h.k1;
	return nh_salt_fold(w) * h.k2 | (plain & NH_WORD_META);
}

/* nh_salt_plain - the inverse of nh_salt_word() */
static inline uint64_t
nh_salt_plain(uint64_t salt, uint64_t word)
{
	uint64_t w = word & ~NH_WORD_META;
	struct nh_hash h;

	if (nh_likely(!salt))
		return word;
	nh_hash_init(&h, salt);
	w = nh_salt_fold(w * h.inverse2) * h.inverse1;
	w = nh_salt_fold(w) ^ (h.seed & ~NH_WORD_META);
	return w | (word & NH_WORD_META);
}

/* nh_table_word, nh_table_plain - by the salt of a table.  Any thread. */
static inline uint64_t
nh_table_word(const struct nh_table *t, uint64_t plain)
{
	return nh_salt_word(nh_table_salt(t), plain);
}

static inline uint64_t
nh_table_plain(const struct nh_table *t, uint64_t word)
{
	return nh_salt_plain(nh_table_salt(t), word);
}

#endif
