/*
 * sim_request.h: system calls of a live task in the words of the run area.
 */
#ifndef OS_SIM_REQUEST_H
#define OS_SIM_REQUEST_H

#include "kernel/refusal.h"
#include "mmu/live.h"
#include "os/run_area.h"

/* 0: none of those that are counted. */
enum run_request sim_request_of(enum live_op op);
/* Asking for the break cannot, nor can hints without an effect. */
bool sim_request_can_fail(enum live_op op, const uintptr_t arg[4]);
/* Bytes that the task asks to be able to write (on_purpose.h). */
uint64_t sim_request_bytes(const struct mmsim_task *task, enum live_op op,
			   const uintptr_t arg[4]);
/* Its length, for the reader; of brk the growth, of a shrink negative. */
uint64_t sim_request_len(const struct mmsim_task *task, enum live_op op,
			 const uintptr_t arg[4]);
/* Which kind of time it costs. */
enum run_time sim_request_time(enum live_op op);
/* The rule that the simulated kernel noted. */
enum run_rule sim_request_rule(enum refusal refusal);

#endif
