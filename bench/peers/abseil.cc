/*
 * abseil.cc - 256 absl::flat_hash_maps, each behind a lock of its own
 *
 * The upper 8 bits of the hash name the shard, the map uses the lower ones.  A
 * spinlock that readers hold alone does two to six times better here than
 * absl::Mutex with ReaderMutexLock: a reader's lock writes the same line as
 * often, and costs more.
 */
#include "bench/peers/pair.hh"
#include "bench/table.h"

#include <absl/container/flat_hash_map.h>
#include <atomic>
#include <mutex>
#include <sched.h>

namespace
{

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
	absl::flat_hash_map<held_key, held_value, hasher, equals> map;
};

using guard = std::lock_guard<spinlock>;

class table
{
      public:
	template <typename F> bool change(const wanted &key, F fn)
	{
		shard &s = shard_of(key);
		guard held(s.lock);
		auto entry = s.map.find(key);

		if (entry == s.map.end())
			return false;
		fn(entry->second);
		return true;
	}

	template <typename F> bool read(const wanted &key, F fn)
	{
		return change(key, fn);
	}

	bool put(const wanted &key, const given &value)
	{
		shard &s = shard_of(key);
		guard held(s.lock);
		auto entry = s.map.try_emplace(key, value);

		if (!entry.second)
			entry.first->second = value;
		return true;
	}

	bool insert(const wanted &key, const given &value)
	{
		shard &s = shard_of(key);
		guard held(s.lock);

		return s.map.try_emplace(key, value).second;
	}

	bool erase(const wanted &key)
	{
		shard &s = shard_of(key);
		guard held(s.lock);

		return s.map.erase(key);
	}

      private:
	shard &shard_of(const wanted &key)
	{
		return shards[key.hash >> 56];
	}

	shard shards[256];
};

#include "bench/peers/adapter.hh"

} // namespace

const struct nh_bench_table nh_bench_abseil = {
	"abseil", create,  destroy, &table_ops, nullptr,
	nullptr,  nullptr, nullptr, nullptr,
};
