#!/usr/bin/python3
"""Online Marketplace on a node in a temporary folder: orders from a plain zmq
client while its services are killed, then its invariants, read from the files
of the stopped node. Leaves nothing behind. Exit 0: all was right.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "t")]
import client  # noqa: E402
from acta_node import BUILD, Node, processes_with  # noqa: E402

FAIL_PERCENT = 5


def services(extra=""):
    """The node's list of services; `extra`: more keys of each."""
    text = ""
    for name in ("stock", "payment", "order"):
        text += (f"  - name: {name}\n"
                 f"    load: {BUILD}/actors/marketplace/{name}.so\n"
                 f"    partitions: 1\n"
                 f"    backoff: {{min: 10ms, max: 100ms}}\n{extra}")
        if name == "payment":
            text += f"    settings: {{fail_percent: {FAIL_PERCENT}}}\n"
    return text


def landed(why):
    """In words: where in its turn `acta why -o json` says a process ended."""
    last = (why.get("causes") or [{}])[0]
    phase = last.get("phase") or "unknown"
    where = {"idle": "between messages", "gather": "gathering messages",
             "handler": "in a handler"}.get(phase, f"in the turn's {phase}")
    what = f"{last.get('actor') or ''} {last.get('type') or ''}".strip()
    if phase == "handler" or not what:
        return f"{where} {what}".rstrip()
    return f"{where}, after {what}"


class Killer(threading.Thread):
    """Kill -9 each service, at equal distances through the run."""

    def __init__(self, node, victims, seconds):
        super().__init__(daemon=True)
        self.node, self.victims, self.seconds = node, victims, seconds
        self.begun = time.monotonic()
        self.halt = threading.Event()
        self.kills = []
        self.trouble = []

    def run(self):
        try:
            for n, name in enumerate(self.victims):
                at = self.begun + self.seconds * (n + 1) / (
                    len(self.victims) + 1)
                if self.halt.wait(max(0, at - time.monotonic())):
                    return
                self.kill(name)
        except Exception as e:  # told by the demo, which then fails
            self.trouble.append(repr(e))

    def kill(self, name):
        ps = self.node.acta("ps", "--pid", name)
        pid = int(ps.stdout)
        before = self.node.row(name)["restarts"]
        killed = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        while True:
            row = self.node.row(name)
            if row and row["state"] == "up" and row["restarts"] > before:
                break
            if time.monotonic() - killed > 20:
                raise TimeoutError(f"{name} is not back")
            time.sleep(0.002)
        why = json.loads(self.node.acta("why", name, "-o", "json").stdout)
        self.kills.append(name)
        # By the root's clock: ours shares its core with the client.
        print(f"  {killed - self.begun:04.1f} s  kill -9 {name:<8}"
              f"back in {why['causes'][0]['back_ms']:3} ms   {landed(why)}",
              flush=True)


def demo(args, node):
    node.start()
    print(f"{node.name}: 3 services, {args.products:,} products, "
          f"{args.customers:,} customers", flush=True)
    caller = client.Caller([node.call])
    shop = client.Shop(args.seed, args.products, args.customers)
    log_path = os.path.join(node.dir, "client.log")
    with open(log_path, "w", encoding="utf-8") as log:
        client.load_shop(caller, shop, log, FAIL_PERCENT)
        print(f"{args.seconds:.0f} s of checkouts from pyzmq, "
              f"{args.concurrency} at a time, with kills:", flush=True)
        killer = Killer(node, ("stock", "order", "payment"), args.seconds)
        killer.start()
        end = time.monotonic() + args.seconds
        result = client.run_load(caller, shop, log,
                                 lambda: time.monotonic() < end,
                                 args.concurrency)
        killer.halt.set()
        killer.join(30)
    caller.close()
    restarts = sum(row["restarts"] for row in node.ps())
    print(f"checkouts {len(result.latencies):,}   "
          f"{result.in_time / result.elapsed:.0f} tx/s   "
          f"p50 {result.percentile(.5) * 1e3:.1f} ms   "
          f"p99 {result.percentile(.99) * 1e3:.1f} ms   "
          f"unanswered {result.unanswered}")
    outcomes = ", ".join(f"{n} {c:,}" for n, c in
                         sorted(result.outcomes.items(), reverse=True))
    print(f"  {outcomes}   kills {len(killer.kills)}, restarts {restarts}, "
          f"asked again {caller.retries}")

    wrong = list(killer.trouble)
    if len(killer.kills) != 3:
        wrong.append(f"{len(killer.kills)} kills of 3")
    if not result.outcomes.get("paid"):
        wrong.append("not one checkout was paid")
    if result.unanswered:
        wrong.append(f"{result.unanswered} checkouts were never answered")
    for answer in result.unexpected[:3]:
        wrong.append(f"not an answer to expect: {answer}")
    if not node.quiet():
        wrong.append(f"never quiet: {node.ps()}")
    status = node.stop()
    if status != 0:
        wrong.append(f"the node ended with {status}, not 0")
    check = subprocess.run(
        [sys.executable, os.path.join(HERE, "check.py"), node.data, log_path],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = check.stdout.splitlines()
    total = sum(line.startswith(("holds", "broken")) for line in lines)
    hold = sum(line.startswith("holds") for line in lines)
    if check.returncode or total == 0 or args.verbose:
        print(check.stdout, end="")
    if check.returncode or total == 0 or hold != total:
        wrong.append(f"{hold} of {total} invariants hold")
    return wrong, f"{hold} of {total} invariants hold"


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--products", type=int, default=1000)
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true",
                        help="print each invariant")
    parser.add_argument("--keep", action="store_true",
                        help="leave the folder, and say where it is")
    args = parser.parse_args()
    # SIGTERM cleans up as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    node = Node(services(), "{intensity: 1000, period: 1s}")
    try:
        wrong, verdict = demo(args, node)
    except KeyboardInterrupt:
        wrong, verdict = ["interrupted"], ""
    except (RuntimeError, TimeoutError, OSError) as e:
        wrong, verdict = [str(e)], ""
    finally:
        if args.keep:
            node.owned = False
            print(f"kept: {node.dir}")
        left = node.remove()
    if left:
        wrong.append(f"processes left behind: {left}")
    if not args.keep and (os.path.exists(node.dir)
                          or processes_with(node.dir)):
        wrong.append(f"left behind: {node.dir}")
    for what in wrong:
        print(f"scripts/demo: {what}", file=sys.stderr)
    if wrong:
        return 1
    print(f"{verdict}: nothing lost, nothing twice."
          + ("" if args.keep else " All cleaned up."))
    return 0


if __name__ == "__main__":
    sys.exit(main())
