"""A clock for leases: it never jumps, and it runs on while the machine sleeps."""

import time

# CLOCK_MONOTONIC stands still while a virtual machine is suspended: a lease that ran out meanwhile would look alive.
# Systems other than Linux have no CLOCK_BOOTTIME.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def steady() -> float:
    """Return seconds since an arbitrary moment, for differences only."""
    return time.clock_gettime(_CLOCK)
