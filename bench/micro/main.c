/*
 * The micro benchmarks' main program: registers the tables of rows.
 * Run one row with --benchmark_filter='^NAME$'; --benchmark_list_tests lists
 * them.
 */
#include "micro.h"

int main(int argc, char **argv)
{
	bench_register(pair_rows);
	bench_register(batch_rows);
	bench_register(live_rows);
	bench_register(handover_rows);
	bench_register(realloc_rows);
	bench_register(large_rows);
	bench_register(thread_rows);
	return bench_main(argc, argv);
}
