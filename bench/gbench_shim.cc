/*
 * gbench_shim.cc - the only file that knows google-benchmark's C++
 */
#include "bench/gbench_shim.h"

#include <benchmark/benchmark.h>
#include <fstream>

struct nh_gb_part {
	benchmark::State &state;
};

namespace
{

/*
 * google-benchmark begins and ends a document with each call of
 * RunSpecifiedBenchmarks().  This reporter makes one of all of them.
 */
class rounds_reporter : public benchmark::JSONReporter
{
      public:
	bool ReportContext(const Context &context) override
	{
		bool again = begun;

		begun = true;
		return again || JSONReporter::ReportContext(context);
	}

	void Finalize() override
	{
	}

	void close()
	{
		JSONReporter::Finalize();
	}

      private:
	bool begun = false;
};

std::ofstream file;
rounds_reporter reporter;

} // namespace

void
nh_gb_context(const char *name, const char *value)
{
	benchmark::AddCustomContext(name, value);
}

void
nh_gb_add(const char *name, int threads, nh_gb_fn fn, void *arg)
{
	auto once = [fn, arg](benchmark::State &state) {
		nh_gb_part part = { state };

		for (auto _ : state)
			fn(&part, state.thread_index(), arg);
	};

	benchmark::RegisterBenchmark(name, once)
		->Threads(threads)
		->Iterations(1)
		->UseManualTime();
}

bool
nh_gb_open(const char *path)
{
	file.open(path);
	reporter.SetOutputStream(&file);
	return file.good();
}

void
nh_gb_run(const char *pattern)
{
	benchmark::RunSpecifiedBenchmarks(&reporter, pattern);
	file.flush();
}

bool
nh_gb_close(void)
{
	reporter.close();
	file.close();
	return !file.fail();
}

void
nh_gb_result(struct nh_gb_part *part, const struct nh_gb_work *work)
{
	double operations = static_cast<double>(work->operations);

	part->state.SetIterationTime(work->seconds);
	part->state.SetItemsProcessed(static_cast<int64_t>(work->operations));
	part->state.counters["allocs_per_op"] = benchmark::Counter(
		static_cast<double>(work->allocs) / operations,
		benchmark::Counter::kAvgThreads);
}
