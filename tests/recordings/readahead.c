/*
 * Read-ahead against the recordings: windows of read(), of faults through
 * mappings, and what the hints change.  The script in tests/oracle-data is the
 * recorded steps; it tells what is exact and what is not.
 */
#include "steps.h"
#include "unit.h"

TestSuite(readahead_recordings, .timeout = 120);

Test(readahead_recordings, windows)
{
	steps_run("readahead");
}
