/*
 * tbb.cc - oneTBB's concurrent_hash_map
 *
 * Values are read under a const_accessor (a reader's lock on the entry) and
 * changed under an accessor, which is the only way its documentation allows.
 *
 * Its entries come from malloc.  TBB's own scalable allocator takes 2 MiB pages
 * from the hugetlb pool only, or where the kernel gives them to all; with it
 * this table does half as well from 1 M entries on.
 */
#include "bench/peers/pair.hh"
#include "bench/table.h"

#include <memory>
#include <oneapi/tbb/concurrent_hash_map.h>
#include <utility>

namespace
{

/* What TBB wants for a hash and an equality, in one. */
struct hash_compare : hasher, equals {
	using is_transparent = void;

	template <typename K> size_t hash(const K &key) const
	{
		return hasher::operator()(key);
	}

	template <typename A, typename B>
	bool equal(const A &a, const B &b) const
	{
		return equals::operator()(a, b);
	}
};

class table
{
      public:
	template <typename F> bool read(const wanted &key, F fn)
	{
		map_type::const_accessor entry;
		bool found = map.find(entry, key);

		if (found)
			fn(entry->second);
		return found;
	}

	template <typename F> bool change(const wanted &key, F fn)
	{
		map_type::accessor entry;
		bool found = map.find(entry, key);

		if (found)
			fn(entry->second);
		return found;
	}

	bool put(const wanted &key, const given &value)
	{
		map_type::accessor entry;

		map.insert(entry, key);
		entry->second = value;
		return true;
	}

	bool insert(const wanted &key, const given &value)
	{
		return map.emplace(key, value);
	}

	bool erase(const wanted &key)
	{
		return map.erase(key);
	}

      private:
	using allocator = std::allocator<std::pair<const held_key, held_value>>;
	using map_type = tbb::concurrent_hash_map<held_key, held_value,
						  hash_compare, allocator>;
	map_type map;
};

#include "bench/peers/adapter.hh"

} // namespace

const struct nh_bench_table nh_bench_tbb = {
	"tbb",	 create,  destroy, &table_ops, nullptr,
	nullptr, nullptr, nullptr, nullptr,
};
