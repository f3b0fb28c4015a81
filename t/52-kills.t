#!/usr/bin/python3
"""Claim: whatever process of a node is killed, whenever, no checkout is lost
and none is applied twice: 250 kills -9 under load, of each service, of each
door, and of the root (the test starts it anew), a third of them inside a turn.
Judged by the client's own log of ids against the files of the stopped node.

Most kills of services are aimed: the black box, which the root reads after the
end, is looked at live. Where one landed is what the root says.
"""
import json
import mmap
import os
import random
import signal
import struct
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
from acta_node import Node, processes_with  # noqa: E402

SERVICES = ("stock", "order", "payment")
DOORS = ("@door", "@door-call", "@door-push", "@door-events")
PLAN = [(s, 50) for s in SERVICES] + [(d, 20) for d in DOORS] + [("@root", 20)]
IN_TURN = ("gather", "handler", "commit", "release")
AIMS = (1, 2, 2, 3, 3, 4)  # enum acta_phase: gather, handler, commit, release
BOX = 5                    # the descriptor of a host's black box

seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
chance = random.Random(seed)
tap.diag(f"SEED={seed}")


def aim(pid, phase, seconds=0.3):
    """Wait until the first worker's turn is in `phase`, at most so long."""
    try:
        with open(f"/proc/{pid}/fd/{BOX}", "rb") as f, \
                mmap.mmap(f.fileno(), 4096, prot=mmap.PROT_READ) as box:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                for _ in range(200):
                    if struct.unpack_from("I", box)[0] == phase:
                        return
                time.sleep(0)
    except OSError:
        pass  # it ended, or may not be looked into: an unaimed kill


class Killer(threading.Thread):
    """Kills what the plan says, one after the other, each when all is up and
    checkouts have been answered since the last."""

    def __init__(self, node, answered):
        super().__init__(daemon=True)
        self.node, self.answered = node, answered
        self.order = [name for name, count in PLAN for _ in range(count)]
        chance.shuffle(self.order)
        self.kills = {}     # name: how many
        self.phases = {}    # of services: phase: how many
        self.backs = {}     # kind: ms until up again
        self.trouble = None

    def run(self):
        try:
            for name in self.order:
                seen = self.answered()
                if not tap.until(lambda: self.answered() > seen + 8, 30,
                                 0.002):
                    raise TimeoutError(f"nothing goes on: {self.node.ps()}")
                # A kill at an instant that nothing agreed upon.
                time.sleep(chance.random() * 0.02)
                if name == "@root":
                    self.root()
                else:
                    self.child(name)
                self.kills[name] = self.kills.get(name, 0) + 1
        except Exception as e:
            self.trouble = f"{type(e).__name__}: {e}"

    def up(self, name):
        row = tap.until(lambda: (lambda r: r if r and r["state"] == "up"
                                 else None)(self.node.row(name)), 30, 0.001)
        if not row:
            raise TimeoutError(f"{name} is not up: {self.node.ps()} "
                               f"{self.node.log()[-2000:]}")
        return row

    def child(self, name):
        before = self.up(name)
        if name[0] != "@" and chance.random() < 0.8:
            aim(before["pid"], chance.choice(AIMS))
        os.kill(before["pid"], signal.SIGKILL)
        begun = time.monotonic()
        end = begun + 30
        while True:
            row = self.node.row(name)
            if row and row["state"] == "up" and row["pid"] != before["pid"]:
                break
            if time.monotonic() > end:
                raise TimeoutError(f"{name} is not back: {row} "
                                   f"{self.node.log()[-2000:]}")
            time.sleep(0.001)
        kind = "door" if name[0] == "@" else "service"
        self.backs.setdefault(kind, []).append(time.monotonic() - begun)
        if kind == "service":
            phase = phase_of(self.node.root(f"why {name}"))
            self.phases[phase] = self.phases.get(phase, 0) + 1

    def root(self):
        pids = [row["pid"] for row in self.node.ps()]
        os.kill(root_pid(self.node), signal.SIGKILL)
        self.node.process.wait(20)
        if not tap.until(lambda: not processes_with(self.node.run), 20):
            raise TimeoutError(f"outlived the root: "
                               f"{processes_with(self.node.run)} of {pids}")
        self.node.start()


def phase_of(why):
    causes = (why or {}).get("causes") or [{}]
    return causes[0].get("phase") or "unknown"


def root_pid(node):
    return (node.root("info") or {}).get("pid") or node.process.pid


def main():
    node = Node(demo.services(), "{intensity: 1000, period: 1s}")
    try:
        node.start()
        caller = client.Caller([node.call, node.local], retry=0.5)
        shop = client.Shop(seed, products=200, customers=200)
        path = os.path.join(node.dir, "client.log")
        with open(path, "w", encoding="utf-8") as log:
            client.load_shop(caller, shop, log, demo.FAIL_PERCENT)
            answered = caller.answers
            killer = Killer(node, lambda: caller.answers - answered)
            killer.start()
            result = client.run_load(caller, shop, log, killer.is_alive, 48)
        judge(node, killer, caller, result, path)
    finally:
        left = node.remove()
    tap.equal(left, [], "no process is left behind")
    tap.done()


def judge(node, killer, caller, result, path):
    tap.equal(killer.trouble, None, "every killed process came back")
    for name, count in PLAN:
        tap.ok(killer.kills.get(name, 0) >= min(count, 20),
               f"{name} was killed {killer.kills.get(name, 0)} times")
    total = sum(killer.kills.values())
    tap.ok(total >= 200, f"{total} kills")
    inside = sum(killer.phases.get(p, 0) for p in IN_TURN)
    tap.ok(inside * 3 >= total, f"at least a third inside a turn: {inside} "
           f"of {total}", json.dumps(killer.phases))
    for kind, backs in killer.backs.items():
        backs.sort()
        tap.diag(f"{kind} back: p50 {backs[len(backs) // 2] * 1e3:.0f} ms, "
                 f"worst {backs[-1] * 1e3:.0f} ms")
    tap.ok(max(killer.backs.get("door", [99])) <= 1.5,
           "a door is back within a second or so")
    tap.diag(f"phases {killer.phases}, outcomes {result.outcomes}, asked "
             f"again {caller.retries}, answers without a question "
             f"{caller.doubles}")
    tap.ok(len(result.latencies) > total * 8,
           f"{len(result.latencies)} checkouts were answered meanwhile")
    tap.equal(result.unanswered, 0, "every checkout was answered in the end")
    tap.equal(result.unexpected[:3], [], "and with an answer to expect")
    caller.close()
    tap.ok(node.quiet(), "the queues drain", node.ps())
    tap.equal(node.stop(), 0, "the node stops, exit 0")
    for claim, problems in check.check(node.data, path):
        tap.ok(not problems, claim, *problems[:10])


main()
