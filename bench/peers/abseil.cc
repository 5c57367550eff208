/*
 * abseil.cc - 256 absl::flat_hash_maps, each behind a lock of its own
 *
 * The upper 8 bits of the hash name the shard, the map uses the lower ones.  A
 * spinlock that readers hold alone does two to six times better here than
 * absl::Mutex with ReaderMutexLock: a reader's lock writes the same line as
 * often, and costs more.
 */
#include "bench/hash.h"
#include "bench/keys.h"
#include "bench/table.h"

#include <absl/container/flat_hash_map.h>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <sched.h>

namespace
{

struct hasher {
	size_t operator()(uint64_t key) const
	{
		return nh_bench_hash(key);
	}
};

void
spin_pause()
{
#if __has_builtin(__builtin_ia32_pause)
	__builtin_ia32_pause();
#endif
}

class spinlock
{
      public:
	void lock()
	{
		while (taken.exchange(true, std::memory_order_acquire))
			wait();
	}

	void unlock()
	{
		taken.store(false, std::memory_order_release);
	}

      private:
	void wait()
	{
		for (int i = 0; taken.load(std::memory_order_relaxed); i++)
			if (i >= 1000)
				sched_yield();
			else
				spin_pause();
	}

	std::atomic<bool> taken{ false };
};

struct alignas(64) shard {
	spinlock lock;
	absl::flat_hash_map<uint64_t, uint64_t, hasher> map;
};

using guard = std::lock_guard<spinlock>;

struct map_type {
	shard shards[256];
};

shard *
shard_of(void *map, uint64_t key)
{
	return &static_cast<map_type *>(map)->shards[nh_bench_hash(key) >> 56];
}

bool
table_get(void *map, uint64_t key, uint64_t *value)
{
	shard *s = shard_of(map, key);
	guard held(s->lock);
	auto entry = s->map.find(key);

	if (entry == s->map.end())
		return false;
	*value = entry->second;
	return true;
}

bool
table_put(void *map, uint64_t key, uint64_t value)
{
	shard *s = shard_of(map, key);
	guard held(s->lock);

	s->map.insert_or_assign(key, value);
	return true;
}

bool
table_insert(void *map, uint64_t key, uint64_t value)
{
	shard *s = shard_of(map, key);
	guard held(s->lock);

	return s->map.try_emplace(key, value).second;
}

bool
table_erase(void *map, uint64_t key)
{
	shard *s = shard_of(map, key);
	guard held(s->lock);

	return s->map.erase(key);
}

bool
table_add(void *map, uint64_t key, uint64_t delta, uint64_t *old)
{
	shard *s = shard_of(map, key);
	guard held(s->lock);
	auto entry = s->map.find(key);

	if (entry == s->map.end())
		return false;
	*old = entry->second;
	entry->second += delta;
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
	delete static_cast<map_type *>(map);
}

} // namespace

const struct nh_bench_table nh_bench_abseil = {
	"abseil", create,  destroy, &table_ops,
	nullptr,  nullptr, nullptr, nullptr,
};
