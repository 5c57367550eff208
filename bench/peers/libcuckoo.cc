/*
 * libcuckoo.cc - libcuckoo::cuckoohash_map, as its README uses it
 *
 * It starts at its default size (2^18 slots) and grows by itself.  Values are
 * read and changed by its ..._fn() members, which hold the locks of the key's
 * two buckets.
 */
#include "bench/peers/pair.hh"
#include "bench/table.h"

#include <libcuckoo/cuckoohash_map.hh>

namespace
{

class table
{
      public:
	template <typename F> bool read(const wanted &key, F fn) const
	{
		return map.find_fn(key, fn);
	}

	template <typename F> bool change(const wanted &key, F fn)
	{
		return map.update_fn(key, fn);
	}

	bool put(const wanted &key, const given &value)
	{
		auto assign = [&](held_value &held) { held = value; };

		map.upsert(key, assign, value);
		return true;
	}

	bool insert(const wanted &key, const given &value)
	{
		return map.insert(key, value);
	}

	bool erase(const wanted &key)
	{
		return map.erase(key);
	}

      private:
	libcuckoo::cuckoohash_map<held_key, held_value, hasher, equals> map;
};

#include "bench/peers/adapter.hh"

} // namespace

const struct nh_bench_table nh_bench_libcuckoo = {
	"libcuckoo", create,  destroy, &table_ops, nullptr,
	nullptr,     nullptr, nullptr, nullptr,
};
