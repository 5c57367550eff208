/*
 * libcuckoo.cc - libcuckoo::cuckoohash_map, as its README uses it
 *
 * It starts at its default size (2^18 slots) and grows by itself.  Values are
 * changed with update_fn(), which holds the locks of the key's two buckets.
 */
#include "bench/hash.h"
#include "bench/keys.h"
#include "bench/table.h"

#include <cstddef>
#include <cstdint>
#include <libcuckoo/cuckoohash_map.hh>

namespace
{

struct hasher {
	size_t operator()(uint64_t key) const
	{
		return nh_bench_hash(key);
	}
};

using map_type = libcuckoo::cuckoohash_map<uint64_t, uint64_t, hasher>;

map_type *
cast(void *map)
{
	return static_cast<map_type *>(map);
}

bool
table_get(void *map, uint64_t key, uint64_t *value)
{
	return cast(map)->find(key, *value);
}

bool
table_put(void *map, uint64_t key, uint64_t value)
{
	cast(map)->insert_or_assign(key, value);
	return true;
}

bool
table_insert(void *map, uint64_t key, uint64_t value)
{
	return cast(map)->insert(key, value);
}

bool
table_erase(void *map, uint64_t key)
{
	return cast(map)->erase(key);
}

bool
table_add(void *map, uint64_t key, uint64_t delta, uint64_t *old)
{
	return cast(map)->update_fn(key, [=](uint64_t &value) {
		*old = value;
		value += delta;
	});
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

const struct nh_bench_table nh_bench_libcuckoo = {
	"libcuckoo", create,  destroy, &table_ops,
	nullptr,     nullptr, nullptr, nullptr,
};
