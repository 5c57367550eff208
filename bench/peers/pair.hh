/*
 * pair.hh - keys and values as the C++ tables hold them
 *
 * Byte strings are held as std::string, other keys and values as they are.  A
 * key is looked up by a `wanted`, which takes no memory and has its hash with
 * it, so that it is computed once even where it is used twice; all these tables
 * take such a stranger in place of a key.
 */
#ifndef NH_BENCH_PAIR_HH
#define NH_BENCH_PAIR_HH

#include "bench/hash.h"
#include "bench/kind.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace
{

#ifdef NH_BENCH_VALUE_BYTES

using held_key = std::string;
using held_value = std::string;
using given = std::string_view;

inline std::string_view
text_of(const nh_bench_key *key)
{
	return { reinterpret_cast<const char *>(key->bytes),
		 sizeof(key->bytes) };
}

inline given
give(const nh_bench_value *value)
{
	return { reinterpret_cast<const char *>(value->bytes),
		 sizeof(value->bytes) };
}

inline held_key
hold(const nh_bench_key *key)
{
	return held_key(text_of(key));
}

inline bool
is_key(const held_key &held, const nh_bench_key *key)
{
	return held == text_of(key);
}

inline bool
same(const held_key &a, const held_key &b)
{
	return a == b;
}

inline uint64_t
hash_of(const held_key &held)
{
	return XXH3_64bits(held.data(), held.size());
}

/* false when it is of another length than all values are. */
inline bool
copy_out(const held_value &held, nh_bench_value *value)
{
	if (held.size() != sizeof(value->bytes))
		return false;
	memcpy(value->bytes, held.data(), sizeof(value->bytes));
	return true;
}

#else

using held_key = nh_bench_key;
using held_value = nh_bench_value;
using given = nh_bench_value;

inline given
give(const nh_bench_value *value)
{
	return *value;
}

inline held_key
hold(const nh_bench_key *key)
{
	return *key;
}

inline bool
is_key(const held_key &held, const nh_bench_key *key)
{
	return nh_bench_key_equal(&held, key);
}

inline bool
same(const held_key &a, const held_key &b)
{
	return nh_bench_key_equal(&a, &b);
}

inline uint64_t
hash_of(const held_key &held)
{
	return nh_bench_hash(&held);
}

inline bool
copy_out(const held_value &held, nh_bench_value *value)
{
	*value = held;
	return true;
}

#endif

/* A read-modify-write; false, with nothing done, as copy_out(). */
inline bool
add_to(held_value &held, uint64_t delta, nh_bench_value *old)
{
	nh_bench_value sum;

	if (!copy_out(held, old))
		return false;
	sum = *old;
	nh_bench_value_add(&sum, delta);
	held = give(&sum);
	return true;
}

/* A key of the caller's, as long as that one is there. */
struct wanted {
	explicit wanted(const nh_bench_key *k) : key(k), hash(nh_bench_hash(k))
	{
	}

	explicit operator held_key() const
	{
		return hold(key);
	}

	const nh_bench_key *const key;
	const uint64_t hash;
};

struct hasher {
	using is_transparent = void;

	size_t operator()(const wanted &w) const
	{
		return w.hash;
	}

	size_t operator()(const held_key &held) const
	{
		return hash_of(held);
	}
};

struct equals {
	using is_transparent = void;

	bool operator()(const held_key &held, const wanted &w) const
	{
		return is_key(held, w.key);
	}

	bool operator()(const wanted &w, const held_key &held) const
	{
		return is_key(held, w.key);
	}

	bool operator()(const held_key &a, const held_key &b) const
	{
		return same(a, b);
	}
};

} // namespace

#endif
