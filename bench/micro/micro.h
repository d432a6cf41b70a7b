/*
 * micro: the tables of rows of the micro benchmarks, and all their bodies need.
 */
#ifndef MMSIM_BENCH_MICRO_H
#define MMSIM_BENCH_MICRO_H

#include "../blocks.h"
#include "../gbench_shim.h"

extern const struct bench_row pair_rows[];
extern const struct bench_row batch_rows[];
extern const struct bench_row live_rows[];
extern const struct bench_row handover_rows[];
extern const struct bench_row realloc_rows[];
extern const struct bench_row large_rows[];
extern const struct bench_row thread_rows[];

#endif
