#!/usr/bin/python3
"""Claim: services that send to each other in a circle, twice as much as they get,
drain although all their channels are at their quotas. Where they cannot, since
their stores are full, too, each of them has an alarm that names the circle, those
who are not of it go on, and the way out is the one that acta.yaml(5) tells: the
quotas raised, the node started anew. Then all of it drains, the alarms end, and
nothing was lost or done twice.
"""
import os
import sys
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_flow  # noqa: E402
import acta_tap as tap  # noqa: E402

NAMES = ("a", "b", "c")
SMALL = """\
    channel: {quota: 64KiB, credit: 64KiB}
    store: {quota: 16MiB}
    backoff: {min: 1ms, max: 10ms}
"""
LARGE = """\
    channel: {quota: 16MiB}
    store: {quota: 1GiB}
    backoff: {min: 1ms, max: 10ms}
"""
STALLED_S = 60


def ring(names, key):
    return [f"{name}/{key}" for name in names]


def begin(caller, where, left, pad):
    """2 ^ (left + 1) - 1 balls."""
    answer = caller.call(where[0], "ball", {
        "ring": where, "left": left, "at": 1, "of": len(where),
        "pad": "x" * pad})
    tap.ok(answer and answer["ok"], f"{' > '.join(where)}: begun", answer)
    return 2 ** (left + 1) - 1


def fullest(node):
    """The most bytes that wait in one channel."""
    run = node.acta("channel", "ls", "-o", "json")
    return max((row["bytes"] for row in
                acta_flow.json.loads(run.stdout)["channels"]
                if row["way"] == "to"), default=0)


def drains(node, claim):
    begun, most = time.monotonic(), 0
    end, calm = begun + STALLED_S, 0
    # Nothing waits, in two reports a second apart.
    while time.monotonic() < end and calm < 2:
        most = max(most, fullest(node))
        seen = time.monotonic()
        if any(r["queue"] for r in node.ps()):
            calm = 0
        elif calm == 0 or seen - since > 1.1:
            calm, since = calm + 1, seen
        time.sleep(0.02)
    tap.ok(calm == 2, f"{claim}: drains, in {time.monotonic() - begun:.1f} s; "
           f"{most >> 10} KiB waited in a channel", node.ps(),
           node.log()[-1000:])
    return most


def balls(node, key):
    return sum(node.rows(name).get(key, {}).get("balls", 0) for name in NAMES)


def stuck(node, caller):
    """a and b fill each other's store."""
    want = begin(caller, ring("ab", "stuck"), 11, 30000)
    named = tap.until(lambda: (node.alarms("a").get("cycle-b.0"),
                               node.alarms("b").get("cycle-a.0")) if
                      "cycle-b.0" in node.alarms("a") and
                      "cycle-a.0" in node.alarms("b") else None,
                      STALLED_S, 0.05)
    tap.equal(named, ("full channels in a circle: a.0 > b.0 > a.0",
                      "full channels in a circle: b.0 > a.0 > b.0"),
              "both have an alarm that names it", node.ps())
    run = node.acta("ps")
    tap.ok("cycle-b.0" in run.stdout + run.stderr, "acta ps shows it",
           run.stdout, run.stderr)
    tap.equal(node.alarms("c"), {}, "who is not of it has none")
    answer = caller.call("c/other", "put", {"n": 1})
    tap.ok(answer and answer["ok"], "and is asked as ever", answer)
    answer = caller.call("a/other", "post", {"to": "b/other"})
    tap.ok(answer and not answer["ok"] and answer["error"]["code"] == "busy",
           "who would add to it is told busy", answer)
    return want


def main():
    node = acta_flow.Flow({name: SMALL for name in NAMES})
    want = {}
    try:
        node.start()
        caller = acta_flow.Caller(node.call)
        want["two"] = begin(caller, ring("ab", "two"), 9, 2000)
        most = drains(node, "two at their quotas")
        want["three"] = begin(caller, ring("abc", "three"), 10, 2000)
        most = max(most, drains(node, "three at their quotas"))
        tap.ok(most > 64 << 10, "they were at their quotas")
        tap.equal([a for n in NAMES for a in node.alarms(n)], [],
                  "and nobody had to be told")
        want["stuck"] = stuck(node, caller)
        tap.equal(node.stop(), 0, "stopped, exit 0")
        node.write({name: LARGE for name in NAMES})
        node.start()
        drains(node, "with more room")
        tap.equal([a for n in NAMES for a in node.alarms(n)], [],
                  "the alarms are over")
        caller.close()
        tap.equal(node.stop(), 0, "the node stops, exit 0")
        for key, count in want.items():
            tap.equal(balls(node, key), count, f"{key}: each ball once")
        tap.equal({n: node.waiting(n) for n in NAMES}, {n: {} for n in NAMES},
                  "nothing waits")
        tap.equal([n for n in NAMES if node.tables(n)["dead"]], [],
                  "no dead letter")
    finally:
        left = node.remove()
    tap.equal(left, [], "no process is left behind")
    tap.done()


main()
