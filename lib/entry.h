/*
 * entry.h - a key and a value of nh_map, and the reference to them
 *
 *	entry	| header | length? | key ... value ... |	words of 8 bytes
 *	header	| key length - 1 (16) | value length (16) | version (32) |
 *
 * A value of 65,535 bytes or more has 0xffff for its length and the true one in
 * a word of its own.  The value begins where the key ends.
 *
 *	reference	| version (16) | address (45) | flags (3) |
 *
 * An entry never changes once it is published.  A value is replaced by putting
 * another entry in its place, mostly of the same size, which the thread's cache
 * has at hand: so no reader ever meets a value that is half written, and none
 * waits for the writer of one.  The old entry's memory is used again at once;
 * lib/slab.h says how readers notice.
 */
#ifndef NH_LIB_ENTRY_H
#define NH_LIB_ENTRY_H

#include <numahash.h>
#include <string.h>

#include "lib/slabs.h"

#define NH_REF_FLAGS UINT64_C(7)
#define NH_REF_PINNED UINT64_C(1) /* somebody may have it pinned */
#define NH_REF_ADDRESS ((UINT64_C(1) << 48) - 1 - NH_REF_FLAGS)
#define NH_LENGTH_LONG UINT64_C(0xffff)

struct nh_entry {
	nh_atomic header;
	nh_atomic word[];
};

/* Where in an entry its parts are, in bytes from its beginning. */
struct nh_shape {
	size_t key, key_len;
	size_t value, value_len;
};

static inline size_t
nh_shape_bytes(const struct nh_shape *shape)
{
	return shape->value + shape->value_len;
}

static inline struct nh_shape
nh_shape_of(size_t key_len, size_t value_len)
{
	size_t key = sizeof(uint64_t) * (value_len < NH_LENGTH_LONG ? 1 : 2);
	struct nh_shape shape = { key, key_len, key + key_len, value_len };

	return shape;
}

static inline const struct nh_entry *
nh_ref_entry(uint64_t ref)
{
	return (const struct nh_entry *)(uintptr_t)(ref & NH_REF_ADDRESS);
}

/* ------------------------------------------------------------------ reading */

static inline const nh_atomic *
nh_entry_word(const struct nh_entry *e, size_t byte)
{
	return &e->header + byte / sizeof(uint64_t);
}

/* Was this the header of the entry that `ref` was made for? */
static inline bool
nh_header_fits(uint64_t header, uint64_t ref)
{
	return (uint32_t)header && (uint16_t)header == ref >> 48;
}

/* nh_entry_shape - the header's, which the caller has reason to believe */
static inline struct nh_shape
nh_entry_shape(const struct nh_entry *e, uint64_t header)
{
	size_t key_len = (header >> 48) + 1;
	uint64_t value_len = header >> 32 & 0xffff;

	if (nh_unlikely(value_len == NH_LENGTH_LONG))
		value_len = nh_slab_word(&e->word[0]);
	return nh_shape_of(key_len, value_len);
}

/* nh_entry_copy - `len` bytes from byte `from` on.  Any thread. */
static inline void
nh_entry_copy(const struct nh_entry *e, size_t from, void *to, size_t len)
{
	unsigned char *out = to;
	size_t skip = from % sizeof(uint64_t);

	while (len) {
		uint64_t w = nh_slab_word(nh_entry_word(e, from));
		size_t n = sizeof(w) - skip;

		if (nh_likely(n == sizeof(w) && len >= n)) {
			memcpy(out, &w, sizeof(w));
		} else {
			n = n < len ? n : len;
			memcpy(out, (unsigned char *)&w + skip, n);
		}
		skip = 0;
		from += n;
		out += n;
		len -= n;
	}
}

/* nh_entry_is - are these the `len` bytes from byte `from` on?  Any thread. */
static inline bool
nh_entry_is(const struct nh_entry *e, size_t from, const void *data, size_t len)
{
	const unsigned char *in = data;
	size_t skip = from % sizeof(uint64_t);

	while (len) {
		uint64_t w = nh_slab_word(nh_entry_word(e, from));
		uint64_t v = 0;
		size_t n = sizeof(w) - skip;

		if (nh_likely(n == sizeof(w) && len >= n)) {
			memcpy(&v, in, sizeof(v));
			if (v != w)
				return false;
		} else {
			n = n < len ? n : len;
			if (memcmp((unsigned char *)&w + skip, in, n))
				return false;
		}
		skip = 0;
		from += n;
		in += n;
		len -= n;
	}
	return true;
}

static inline bool
nh_entry_has_key(const struct nh_entry *e, const struct nh_shape *shape,
		 const struct nh_bytes *key)
{
	return shape->key_len == key->len &&
	       nh_entry_is(e, shape->key, key->data, key->len);
}

static inline bool
nh_entry_has_value(const struct nh_entry *e, const struct nh_shape *shape,
		   const struct nh_bytes *value)
{
	return shape->value_len == value->len &&
	       nh_entry_is(e, shape->value, value->data, value->len);
}

/* ------------------------------------------------------------------- making */

/* Two stretches of bytes, taken a word at a time. */
struct nh_entry_source {
	struct nh_bytes part[2];
};

static inline uint64_t
nh_source_word(struct nh_entry_source *s)
{
	unsigned char bytes[sizeof(uint64_t)] = { 0 };
	struct nh_bytes *first = &s->part[s->part[0].len == 0];
	size_t have = 0;
	uint64_t w;

	if (nh_likely(first->len >= sizeof(w))) {
		memcpy(&w, first->data, sizeof(w));
		first->data = (const unsigned char *)first->data + sizeof(w);
		first->len -= sizeof(w);
		return w;
	}
	for (unsigned i = 0; i < 2 && have < sizeof(w); i++) {
		struct nh_bytes *p = &s->part[i];
		size_t n = sizeof(w) - have;

		n = n < p->len ? n : p->len;
		if (!n)
			continue;
		memcpy(bytes + have, p->data, n);
		p->data = (const unsigned char *)p->data + n;
		p->len -= n;
		have += n;
	}
	memcpy(&w, bytes, sizeof(w));
	return w;
}

/*
 * nh_entry_make - a new entry, not published: its reference; 0: no memory
 *
 * Lengths were checked.  An address of more than 48 bits, which no system gives
 * that was not asked for it, counts as no memory.
 */
static inline uint64_t
nh_entry_make(struct nh_slab *slab, const struct nh_bytes *key,
	      const struct nh_bytes *value)
{
	struct nh_shape shape = nh_shape_of(key->len, value->len);
	struct nh_entry_source from = { { *key, *value } };
	size_t bytes = nh_shape_bytes(&shape);
	uint64_t len = value->len;
	uint32_t version;
	struct nh_entry *e = nh_slab_alloc(slab, bytes, &version);
	nh_atomic *word;

	if (nh_unlikely(!e))
		return 0;
	if (nh_unlikely((uintptr_t)e & ~NH_REF_ADDRESS)) {
		nh_slab_free(slab, e, bytes);
		return 0;
	}
	if (nh_unlikely(len >= NH_LENGTH_LONG)) {
		nh_slab_fill(&e->word[0], len);
		len = NH_LENGTH_LONG;
	}
	word = &e->header + shape.key / sizeof(uint64_t);
	for (size_t at = shape.key; at < bytes; at += sizeof(uint64_t)) {
		/* Whole words of the key or of the value, mostly. */
		nh_slab_fill(word++, nh_source_word(&from));
	}
	nh_slab_fill(&e->header,
		     (uint64_t)(key->len - 1) << 48 | len << 32 | version);
	return (uint64_t)version << 48 | (uintptr_t)e;
}

/* nh_entry_free - one that nobody can find any more.  Any thread. */
static inline void
nh_entry_free(struct nh_slabs *slabs, uint64_t ref)
{
	const struct nh_entry *e = nh_ref_entry(ref);
	struct nh_shape shape = nh_entry_shape(e, nh_slab_word(&e->header));
	size_t bytes = nh_shape_bytes(&shape);

	nh_slab_free(nh_slabs_of(slabs, e, bytes), (void *)e, bytes);
}

#endif
