#!/usr/bin/python3
"""Claim: SIGTERM under load ends a node with exit 0 within its shutdown times,
and nothing of it is left; what was going on goes on after the next start. A
second node on the same data, run directory or port is refused with exit 5 and
the first one's name, and the first does not notice.
"""
import os
import sys
import threading
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t"),
                os.path.join(TOP, "actors", "marketplace")]
import acta_tap as tap  # noqa: E402
import check  # noqa: E402
import client  # noqa: E402
import demo  # noqa: E402
from acta_node import Node, alive, processes_with  # noqa: E402

SHUTDOWN = 2.0  # s, of each service, in the config
SLACK = 2.0     # of two busy cores
SERVICES = demo.services(f"    shutdown: {SHUTDOWN:.0f}s\n")


def stop_under_load(node, caller, path):
    shop = client.Shop(7, products=100, customers=100)
    with open(path, "w", encoding="utf-8") as log:
        client.load_shop(caller, shop, log, demo.FAIL_PERCENT)
        stopped = threading.Event()
        seen = {}

        def stopper():
            tap.until(lambda: len(caller.waiting) >= 32 and caller.turn > 500,
                      20)
            seen["waiting"] = len(caller.waiting)
            seen["pids"] = [row["pid"] for row in node.ps()]
            begun = time.monotonic()
            seen["status"] = node.stop()
            seen["took"] = time.monotonic() - begun
            seen["left"] = [p for p in seen["pids"] if alive(p)]
            seen["holding"] = processes_with(node.run)
            seen["again"] = node.start()
            stopped.set()

        thread = threading.Thread(target=stopper, daemon=True)
        thread.start()
        result = client.run_load(
            caller, shop, log,
            lambda: thread.is_alive() and not stopped.is_set(), 32)
        thread.join()
    tap.ok(seen.get("waiting", 0) > 0,
           f"stopped with {seen.get('waiting')} checkouts in flight")
    tap.equal(seen.get("status"), 0, "SIGTERM under load: exit 0")
    worst = 3 * SHUTDOWN + SLACK
    tap.ok(seen.get("took", 99) <= worst,
           f"within the shutdown times ({seen.get('took', 99):.2f} s)")
    tap.ok(len(seen.get("pids", [])) >= 4, "it had services and doors")
    tap.equal(seen.get("left"), [], "every child is gone")
    tap.equal(seen.get("holding"), [], "nobody holds its run directory")
    tap.ok(seen.get("again"), "the same node starts again")
    tap.equal(result.unanswered, 0,
              "what was in flight is answered, asked again by its id")
    tap.equal(result.unexpected[:3], [], "as is to be expected")
    return result


def refused(first, what, second):
    before = {row["service"]: (row["pid"], row["restarts"])
              for row in first.ps()}
    try:
        second.start(wait=False)
        try:
            status = second.process.wait(20)
        except Exception:
            status = "still runs"
        said = second.log()
    finally:
        second.remove()
    tap.equal(status, 5, f"a second node on the same {what}: exit 5")
    tap.ok("first" in said, f"same {what}: it names the first", said)
    tap.equal({row["service"]: (row["pid"], row["restarts"])
               for row in first.ps()}, before,
              f"same {what}: the first goes on, nothing restarted")


def main():
    node = Node(SERVICES, "{intensity: 1000, period: 1s}", name="first")
    try:
        node.start()
        caller = client.Caller([node.call], retry=0.5)
        path = os.path.join(node.dir, "client.log")
        stop_under_load(node, caller, path)
        refused(node, "data",
                Node(SERVICES, name="second", data=node.data))
        refused(node, "run directory",
                Node(SERVICES, name="second", run=node.run))
        refused(node, "port",
                Node(SERVICES, name="second", ports=node.ports))
        answer = caller.call("after", "stock/1", "show", {})
        tap.ok(answer["ok"], "the first answers", answer)
        caller.close()
        tap.ok(node.quiet(), "the queues drain", node.ps())
        tap.equal(node.stop(), 0, "idle, SIGTERM: exit 0")
        for claim, problems in check.check(node.data, path):
            tap.ok(not problems, claim, *problems[:10])
    finally:
        left = node.remove()
    tap.equal(left, [], "no process is left behind")
    tap.done()


main()
