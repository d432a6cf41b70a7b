/*
 * Accounting of the page cache against the recordings: what reading, mapping
 * and writing 64 MiB of a file, of tmpfs, of shared memory and of the raw disk
 * adds to each line of meminfo and to free(1), and which of it drop_caches
 * gives back.  The script in tests/oracle-data is the recorded steps; it tells
 * what is exact and what is not.
 */
#include "steps.h"
#include "unit.h"

TestSuite(pagecache, .timeout = 120);

Test(pagecache, each_kind)
{
	steps_run("pagecache");
}

Test(pagecache, locked)
{
	steps_run("mlock");
}
