/*
 * fork and copy on write against the recordings: who copies, who reuses, what
 * is shared, and that page tables of shared mappings are not copied.  The
 * scripts in tests/oracle-data are the recorded steps; they tell what is exact
 * and what is not.
 */
#include "steps.h"
#include "unit.h"

TestSuite(fork_cow);

Test(fork_cow, small_pages)
{
	steps_run("fork-cow");
}

Test(fork_cow, huge_pages)
{
	steps_run("fork-cow-thp");
}
