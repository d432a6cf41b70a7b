/*
 * The micro benchmarks' main program: registers the tables of rows.
 * Run one row with --benchmark_filter='^NAME$'; --benchmark_list_tests lists
 * them.
 */
#define _GNU_SOURCE
#include "micro.h"

#include <sys/mman.h>

void *table_map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

void table_unmap(void *p, size_t bytes)
{
	munmap(p, bytes);
}

int main(int argc, char **argv)
{
	bench_register(pair_rows);
	bench_register(batch_rows);
	bench_register(live_rows);
	bench_register(handover_rows);
	bench_register(realloc_rows);
	bench_register(large_rows);
	bench_register(server_rows);
	bench_register(shbench_rows);
	return bench_main(argc, argv);
}
