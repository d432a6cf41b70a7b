/*
 * model.h: the simulated MMU: translations for loads and stores.
 */
#ifndef MMU_MODEL_H
#define MMU_MODEL_H

#include "kernel/fault.h"
#include "kernel/tlb.h"

/*
 * The TLB entry of the task's CPU that allows the access, after page walk and
 * faults as they are needed: 0 and *entry, or as mmsim_access.
 */
int model_translate(struct mmsim_task *task, uintptr_t addr,
		    enum fault_access access, struct tlb_entry **entry);

#endif
