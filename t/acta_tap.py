"""TAP for the tests in Python."""
import sys
import time

_count = 0
_failed = 0


def ok(good, claim, *why):
    global _count, _failed
    _count += 1
    print(f"{'ok' if good else 'not ok'} {_count} - {claim}", flush=True)
    if not good:
        _failed += 1
        for line in why:
            diag(line)
    return bool(good)


def equal(got, want, claim, *why):
    return ok(got == want, claim, f"got  {got!r}", f"want {want!r}", *why)


def diag(text):
    for line in str(text).split("\n"):
        print(f"# {line}", flush=True)


def done():
    print(f"1..{_count}", flush=True)
    sys.exit(1 if _failed or not _count else 0)


def until(what, seconds=10.0, every=0.02):
    """Poll `what` until it gives something true, and return it; else its last
    result after the deadline."""
    end = time.monotonic() + seconds
    while True:
        got = what()
        if got or time.monotonic() > end:
            return got
        time.sleep(every)
