/*
 * launch_judge.h: was a run a success?
 */
#ifndef CLI_LAUNCH_JUDGE_H
#define CLI_LAUNCH_JUDGE_H

#include "cli/launch.h"
#include "cli/outcome.h"

enum { LAUNCH_REFERENCE_S = 600 }; /* what a run may take before one was seen */

/* false: `why` says what was wrong. */
bool launch_has_worked(const struct launch *launch,
		       const struct outcome_statuses *statuses, char *why,
		       size_t size);
/* What a run may take when one that was well took `wall_ns`. */
unsigned launch_patience_ms(uint64_t wall_ns);

#endif
