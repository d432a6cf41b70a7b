/*
 * Lazy allocation against the recordings: what 100 MiB cost when they are
 * mapped, read, written, given up and written here and there, without huge
 * pages and with them.  The scripts in tests/oracle-data are the recorded
 * steps; they tell what is exact and what is not.
 */
#include "steps.h"
#include "unit.h"

TestSuite(lazy, .timeout = 120);

Test(lazy, never_512M)
{
	steps_run("lazy-512M-thp-never");
}

Test(lazy, never_1024M)
{
	steps_run("lazy-1024M-thp-never");
}

Test(lazy, always_512M)
{
	steps_run("lazy-512M-thp-always");
}

Test(lazy, always_1024M)
{
	steps_run("lazy-1024M-thp-always");
}

/* Nothing asks for huge pages here: as without. */
Test(lazy, madvise_512M)
{
	steps_run("lazy-512M-thp-madvise");
}

Test(lazy, madvise_1024M)
{
	steps_run("lazy-1024M-thp-madvise");
}
