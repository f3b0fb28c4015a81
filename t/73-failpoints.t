#!/usr/bin/python3
"""Claim: whatever a process is doing when it dies, no transfer is lost and none
is done twice. Each place at which it matters where a process ends is named, from
the first line of a start to the last frame of a turn, and services, doors and the
root are killed exactly there, HITS times each; disks fail (EIO) there, and
processes stand still. The programs are the product's objects with t/points.c in
front of what they call. Judged as t/72-transfer.t is. HITS=n, ONLY=point,
STOPS=n, SEED=n.
"""
import collections
import os
import signal
import sys
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_tap as tap  # noqa: E402
import acta_kills  # noqa: E402
import transfer  # noqa: E402
import transfer_check as judge  # noqa: E402
from acta_points import Points  # noqa: E402

HITS = int(os.environ.get("HITS", 5))
STOPS = int(os.environ.get("STOPS", 0))  # of 10 s, until the root is tired
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
ONLY = os.environ.get("ONLY")
SERVICES = ("transfer", "transfer-two")
DOORS = ("@door", "@door-call")
BEAT_LOST_S = 30

# What is counted together, and its points. START: the process is killed, to be
# started and die there. GREET: those it speaks to are. TURN: it is under way.
START, GREET, TURN, DOOR, DISK = range(5)
PLACES = (
    ("F1 at a start, before its incarnation", START,
     ("begun", "opened", "synced", "open:begin")),
    ("F2 its incarnation written, not flushed", START,
     ("open:flush", "open:flushed", "open:cached")),
    ("F2 its incarnation durable, nothing said", START, ("open:done",)),
    ("replay of the journal", START, ("replay",)),
    ("F3 a frame taken, nothing done", TURN, ("received",)),
    ("F4 in a handler, half its effects made", TURN, ("handler",)),
    ("F4 before the commit", TURN, ("turn:begin",)),
    ("F5 in the data's write", TURN, ("turn:data",)),
    ("F5 the data written, not flushed", TURN, ("turn:flush",)),
    ("F6 the data flushed, no root yet", TURN, ("turn:flushed",)),
    ("F7 the root in the page cache alone", TURN, ("turn:cached",)),
    ("F8 committed, nothing sent", TURN, ("turn:done", "unsent")),
    ("F9 outputs partly sent", TURN, ("partly",)),
    ("F10 an ack not sent", TURN, ("unacked",)),
    ("F11 an ack received, not kept", TURN, ("acked",)),
    ("F12 in the commit that trims the outbox", TURN,
     ("trim:data", "trim:flushed", "trim:cached", "trim:done")),
    ("a HELLO or WELCOME not sent", GREET, ("hello", "welcome")),
    ("a HELLO or WELCOME received", GREET, ("greeted", "welcomed")),
    ("park", TURN, ("park:begin", "park:data", "park:flushed", "park:cached",
                    "park:done")),
    # A store that was opened merges what it replayed.
    ("freeze", START, ("freeze:begin", "freeze:data", "freeze:flushed",
                       "freeze:cached", "freeze:done")),
    ("slice", START, ("slice:begin", "slice:data", "slice:flushed",
                      "slice:cached", "slice:done")),
    ("a merge's end", START, ("merged:begin", "merged:data", "merged:flushed",
                              "merged:cached", "merged:done")),
    ("F13 a request taken, not handed on", DOOR, ("asked",)),
    ("F13 an answer heard, not handed on", DOOR, ("heard",)),
    ("F13 an answer begun, not sent", DOOR, ("reply",)),
    ("F14 EIO of a flush", DISK, ("turn:fail-flush", "slice:fail-flush")),
    ("F14 EIO of the root, not written", DISK, ("turn:fail-root",)),
    ("F14 EIO of the root, yet written", DISK, ("turn:fail-late",)),
)


class Bank(transfer.Run):
    """transfer.py's run, on programs with failpoints."""

    def __init__(self, seed, shape, points):
        self.points = points
        super().__init__(seed, shape, program=points.program)
        self.met = collections.Counter()     # by place
        self.met_at = collections.Counter()  # by point

    def count(self, place, point):
        self.met[place] += 1
        self.met_at[point] += 1

    def expect(self, name, point, what):
        if not self.points.wait():
            raise TimeoutError(f"{name} never comes to {point} ({what}): "
                               f"{self.node.ps()} {self.node.log()[-1500:]}")

    def ended(self, pid, name):
        """To be started anew."""
        if acta_kills.kill(pid):
            self.killer.kills[name] += 1

    def at_start(self, name, point):
        pid = self.killer.up(name)["pid"]
        # Of any of its partitions, where each comes there.
        each = point.startswith(("open", "synced", "replay", "slice"))
        self.points.arm(name, point, self.chance.randint(
            1, self.shape.parts[name] if each else 1), pid)
        self.ended(pid, name)
        self.expect(name, point, "start")
        self.killer.kills[name] += 1

    def in_turn(self, name, point, greeted=False):
        self.points.arm(name, point, 1 if greeted else
                        self.chance.choice((1, 1, 2, 3)))
        if greeted:
            other = SERVICES[name == SERVICES[0]]
            self.ended(self.killer.up(other)["pid"], other)
        self.expect(name, point, "turn")
        self.killer.kills[name] += 1

    def greeting(self, name, point):
        self.in_turn(name, point, True)

    def on_disk(self, name, point):
        if point.startswith("slice"):  # of what it replays
            pid = self.killer.up(name)["pid"]
            self.points.arm(name, point, 1, pid)
            self.ended(pid, name)
        else:
            self.points.arm(name, point, self.chance.randint(1, 3))
        self.expect(name, point, "disk")
        if not tap.until(lambda: (self.node.row(name) or {}).get("state")
                         == "storage-failed", 20):
            raise TimeoutError(f"{name} is not held: {self.node.ps()}")
        run = self.node.acta("start", "--storage-checked", name)
        if run.returncode:
            raise RuntimeError(f"not started again: {run.stderr}")

    def at(self, place, kind, point):
        self.answers(transfer.BETWEEN)
        if kind == DOOR:
            name = self.chance.choice(DOORS)
            self.killer.up(name)
            self.points.arm(name, point, self.chance.randint(1, 50))
            self.expect(name, point, place)
            self.killer.kills[name] += 1
        else:
            name = self.chance.choice(SERVICES)
            self.killer.up(name)
            {START: self.at_start, GREET: self.greeting, TURN: self.in_turn,
             DISK: self.on_disk}[kind](name, point)
        self.count(place, point)

    # ------------------------------------------------------------- the root

    def root_dies(self, how):
        """F15: while all is quiet for it, while it restarts a service, before
        a node is up, and while it stops one."""
        self.answers(transfer.BETWEEN)
        if how == "restarts":
            acta_kills.kill(self.killer.up(self.chance.choice(SERVICES))["pid"])
            time.sleep(self.chance.random() * 0.01)
        elif how == "starts":
            self.killer.start_anew()
            time.sleep(self.chance.random() * 0.03)
        elif how == "stops":
            self.node.process.send_signal(signal.SIGTERM)
            time.sleep(self.chance.random() * 0.02)
        self.killer.root(self.look)
        self.count("F15 the root", f"root {how}")

    # ----------------------------------------------------------- standing still

    def frozen(self, name):
        end = time.monotonic() + acta_kills.BACK_S
        while time.monotonic() < end:
            pid = self.killer.up(name)["pid"]
            if acta_kills.freeze(pid):
                return pid
        raise TimeoutError(f"{name} is never up: {self.node.ps()}")

    def stands_still(self, name, seconds):
        """F16: SIGSTOP; nobody takes its place, and it goes on."""
        self.answers(transfer.BETWEEN)
        pid = self.frozen(name)
        time.sleep(seconds)
        row = self.node.row(name)
        if not row or row["pid"] != pid:
            self.trouble.append(f"{name} was replaced after {seconds} s: {row}")
        acta_kills.kill(pid, signal.SIGCONT)
        self.count("F16 stood still", "stood still")

    def stands_still_for_good(self, name):
        pid = self.frozen(name)
        if not tap.until(lambda: (self.node.row(name) or {}).get("pid")
                         not in (pid, 0, None), BEAT_LOST_S):
            self.trouble.append(f"{name} stands still: {self.node.ps()}")
        self.count("F16 stood still until it was ended", "stopped")


def plan(bank):
    """Everything, so often, in no order."""
    steps = []
    for place, kind, points in PLACES:
        times = max(HITS, len(points))
        steps += [(bank.at, (place, kind, points[n % len(points)]))
                  for n in range(times)]
    ways = ("idle", "restarts", "starts", "stops")
    steps += [(bank.root_dies, (ways[n % 4],)) for n in range(max(HITS, 4))]
    steps += [(bank.stands_still, (SERVICES[n % 2], 0.05 + 0.1 * (n % 3)))
              for n in range(HITS)]
    if ONLY:
        steps = [s for s in steps if ONLY in s[1] or ONLY in str(s[1][0])]
    bank.chance.shuffle(steps)
    return steps


def shape():
    shape = transfer.Shape()
    shape.rate = 1500
    return shape


def run(bank):
    bank.start()
    for step, args in plan(bank):
        step(*args)
    for n in range(STOPS):
        bank.answers(transfer.BETWEEN)
        bank.stands_still_for_good(SERVICES[n % 2])
    killed = time.monotonic() - bank.begun
    bank.points.disarm()
    end = bank.finish()
    for place, _, points in PLACES:
        if not ONLY:
            tap.ok(bank.met[place] >= HITS, f"{bank.met[place]} times: {place}",
                   {p: bank.met_at[p] for p in points})
    if not ONLY:
        tap.ok(bank.met["F15 the root"] >= HITS,
               f"{bank.met['F15 the root']} times: F15 the root")
        tap.ok(bank.met["F16 stood still"] >= HITS,
               f"{bank.met['F16 stood still']} times: F16 stood still, "
               "and was not replaced")
        if STOPS:
            tap.ok(bank.met["F16 stood still until it was ended"] == STOPS,
                   f"{STOPS} times: F16 until it was ended, and came again")
    tap.diag(f"{bank.killer.total} kills {dict(bank.killer.kills)} in "
             f"{killed:.1f} s, {end}")
    tap.diag(", ".join(f"{p} {n}" for p, n in sorted(bank.met_at.items())))
    tap.equal(bank.trouble, [], "all was answered, all drained, exit 0")
    for claim, problems in judge.check(bank.node.data, bank.log):
        tap.ok(not problems, claim, *problems[:10])


def main():
    tap.diag(f"SEED={SEED}")
    points = Points()
    bank = Bank(SEED, shape(), points)
    try:
        run(bank)
    except (TimeoutError, RuntimeError) as e:
        tap.ok(False, f"{type(e).__name__}: {e}"[:3000])
    finally:
        left = bank.remove()
        points.remove()
    tap.equal(left, [], "no process is left behind")
    tap.done()


main()
