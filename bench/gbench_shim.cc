/*
 * The C++ side of gbench_shim.h: turns rows into Google Benchmark's objects.
 * The only C++ file of the micro benchmarks; the bodies know nothing of it.
 */
#include "gbench_shim.h"

#include <benchmark/benchmark.h>

struct bench_state {
	benchmark::State &state;
	const bench_row &row;
};

int bench_next(bench_state *s)
{
	return s->state.KeepRunning();
}

size_t bench_arg(const bench_state *s)
{
	return s->row.arg;
}

int bench_thread(const bench_state *s)
{
	return s->state.thread_index();
}

int bench_threads(const bench_state *s)
{
	return s->state.threads();
}

static void run_body(benchmark::State &state, const bench_row *row)
{
	bench_state s = {state, *row};

	row->body(&s);
	state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) *
				row->ops);
}

void bench_register(const bench_row *table)
{
	for (const bench_row *row = table; row->name; row++) {
		auto *b = benchmark::RegisterBenchmark(
			row->name, [row](benchmark::State &state) {
				run_body(state, row);
			});
		if (row->threads > 1)
			b->Threads(row->threads);
		if (row->threads > 1 || row->wall)
			b->UseRealTime();
		if (row->passes)
			b->Iterations(row->passes);
	}
}

int bench_main(int argc, char **argv)
{
	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv))
		return 1;
	benchmark::RunSpecifiedBenchmarks();
	benchmark::Shutdown();
	return 0;
}
