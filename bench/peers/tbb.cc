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
#include "bench/hash.h"
#include "bench/keys.h"
#include "bench/table.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <oneapi/tbb/concurrent_hash_map.h>
#include <utility>

namespace
{

struct compare {
	static size_t hash(uint64_t key)
	{
		return nh_bench_hash(key);
	}

	static bool equal(uint64_t a, uint64_t b)
	{
		return a == b;
	}
};

using allocator = std::allocator<std::pair<const uint64_t, uint64_t>>;
using map_type =
	tbb::concurrent_hash_map<uint64_t, uint64_t, compare, allocator>;

map_type *
cast(void *map)
{
	return static_cast<map_type *>(map);
}

bool
table_get(void *map, uint64_t key, uint64_t *value)
{
	map_type::const_accessor a;

	if (!cast(map)->find(a, key))
		return false;
	*value = a->second;
	return true;
}

bool
table_put(void *map, uint64_t key, uint64_t value)
{
	map_type::accessor a;

	if (!cast(map)->insert(a, map_type::value_type(key, value)))
		a->second = value;
	return true;
}

bool
table_insert(void *map, uint64_t key, uint64_t value)
{
	return cast(map)->insert(map_type::value_type(key, value));
}

bool
table_erase(void *map, uint64_t key)
{
	return cast(map)->erase(key);
}

bool
table_add(void *map, uint64_t key, uint64_t delta, uint64_t *old)
{
	map_type::accessor a;

	if (!cast(map)->find(a, key))
		return false;
	*old = a->second;
	a->second += delta;
	return true;
}

#include "bench/loops.h"

void *
create()
{
	return new map_type;
}

void
destroy(void *map)
{
	delete cast(map);
}

} // namespace

const struct nh_bench_table nh_bench_tbb = {
	"tbb", create, destroy, &table_ops, nullptr, nullptr, nullptr, nullptr,
};
