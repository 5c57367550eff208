/*
 * adapter.hh - what the bench asks of a table, of a C++ class
 *
 * To be included in the namespace of a file that has
 *
 *	class table
 *	{
 *	      public:
 *		bool read(const wanted &key, F fn);
 *		bool change(const wanted &key, F fn);
 *		bool put(const wanted &key, const given &value);
 *		bool insert(const wanted &key, const given &value);
 *		bool erase(const wanted &key);
 *	};
 *
 * where read() and change() call fn with the value there, if there is one, and
 * tell whether there was; fn may write to it in change().
 */
static table *
cast(void *map)
{
	return static_cast<table *>(map);
}

static bool
table_get(void *map, const nh_bench_key *key, nh_bench_value *value)
{
	bool whole = false;
	auto copy = [&](const held_value &held) {
		whole = copy_out(held, value);
	};

	return cast(map)->read(wanted(key), copy) && whole;
}

static bool
table_put(void *map, const nh_bench_key *key, const nh_bench_value *value)
{
	return cast(map)->put(wanted(key), give(value));
}

static bool
table_insert(void *map, const nh_bench_key *key, const nh_bench_value *value)
{
	return cast(map)->insert(wanted(key), give(value));
}

static bool
table_erase(void *map, const nh_bench_key *key)
{
	return cast(map)->erase(wanted(key));
}

static bool
table_add(void *map, const nh_bench_key *key, uint64_t delta,
	  nh_bench_value *old)
{
	bool whole = false;
	auto add = [&](held_value &held) { whole = add_to(held, delta, old); };

	return cast(map)->change(wanted(key), add) && whole;
}

#include "bench/loops.h"

static void *
create()
{
	return new table;
}

static void
destroy(void *map)
{
	delete cast(map);
}
