#!/usr/bin/python3
"""Claim: a service whose handler aborts 50 times costs its own callers 50
refusals, and nobody else anything: a client of another service sees no error,
no time-out and no second answer, and that service is never restarted.
"""
import os
import sys
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t"),
                os.path.join(TOP, "actors", "marketplace")]
import acta_tap as tap  # noqa: E402
import client  # noqa: E402
from acta_node import BUILD, Node  # noqa: E402

ABORTS = 50
SERVICES = f"""\
  - name: crasher
    load: {BUILD}/t/services/crasher.so
    max_crashes: 1
    backoff: {{min: 1ms, max: 10ms}}
  - name: stock
    load: {BUILD}/t/services/stock.so
"""


def main():
    node = Node(SERVICES, "{intensity: 1000, period: 1s}")
    try:
        node.start()
        # Nothing is asked again for 60 s: a lost answer is one that is missing.
        other = client.Caller([node.call], sockets=1, retry=60)
        caller = client.Caller([node.call], sockets=1, retry=60,
                               timeout_ms=60000)
        stock = node.row("stock")
        refusals = []
        restocked, worst = [], 0.0

        def restocked_one(answer, seconds):
            nonlocal worst
            restocked.append(answer)
            worst = max(worst, seconds)

        for n in range(ABORTS):
            caller.submit(f"crash-{n}", f"crasher/{n}", "crash", {},
                          lambda answer, _: refusals.append(answer))
            want = len(refusals) + 1
            end = time.monotonic() + 30
            while len(refusals) < want and time.monotonic() < end:
                caller.step(0)
                if not other.waiting:
                    other.submit(f"r-{len(restocked)}", "stock/1", "restock",
                                 {"qty": 1}, restocked_one)
                other.step(0.002)
        end = time.monotonic() + 10
        while other.waiting and time.monotonic() < end:
            other.step()

        codes = {a.get("error", {}).get("code") for a in refusals}
        tap.equal(len(refusals), ABORTS, "every crashing call is answered")
        tap.equal(codes, {"failed"}, "and refused as failed: a dead letter")
        row = node.row("crasher")
        tap.equal(row["restarts"], ABORTS, "one restart for each abort")
        tap.equal(row["state"], "up", "the service is up")
        tap.ok(len(restocked) >= ABORTS,
               f"meanwhile another service answered {len(restocked)} calls, "
               f"the slowest in {worst * 1e3:.0f} ms")
        tap.equal([a for a in restocked if not a["ok"]], [],
                  "none with an error")
        tap.equal(len(other.waiting), 0, "none is unanswered")
        tap.equal((other.doubles, other.strays), (0, []), "none twice")
        tap.equal([a["result"]["available"] for a in restocked],
                  list(range(1, len(restocked) + 1)), "each applied once")
        after = node.row("stock")
        tap.equal((after["pid"], after["restarts"]),
                  (stock["pid"], stock["restarts"]),
                  "and it was never restarted")
        answer = caller.call("count", "crasher/0", "count", {})
        tap.equal(answer.get("result"), {"count": 1, "crashes": 0},
                  "the crashing actor goes on, without a trace of the crash")
        dead = node.root("ps") and node.acta("dead", "ls", "-o", "json")
        tap.ok(dead.returncode == 0 and dead.stdout.count('"crash"') >= ABORTS,
               f"{ABORTS} dead letters are kept",
               dead.stdout[:500], dead.stderr[:500])
        other.close()
        caller.close()
        tap.equal(node.stop(), 0, "the node stops, exit 0")
    finally:
        left = node.remove()
    tap.equal(left, [], "no process is left behind")
    tap.done()


main()
