#!/usr/bin/python3
"""Claim: a receiver that stands still (SIGSTOP, until the root replaces it) or is
held (`acta stop`) for SECONDS, under full load, harms nobody else. What is sent
to it waits in its sender's store, up to the channel's quota; then callers who
would send there, and no others, are answered `busy`, of which nothing is applied.
The sender's memory stays within its bounds. When the receiver is back, what
waits drains while the load goes on, and nothing is lost, doubled or overtaken.
SECONDS=n, STANDS=n times still.
"""
import collections
import json
import os
import sys
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_flow  # noqa: E402
import acta_kills  # noqa: E402
import acta_tap as tap  # noqa: E402

SECONDS = float(os.environ.get("SECONDS", 3))
STANDS = int(os.environ.get("STANDS", 1))
MIB = 1 << 20
QUOTA, STORE_MEMORY, CREDIT = 4 * MIB, 16 * MIB, 1 * MIB
# A process with its sockets, arenas, and ids of clients.
PROCESS = 80 * MIB
# What goes to `quick` is small: it has to lag for seconds before its channel is
# full, too, as where others take all processors.
PADS = {"slow": "x" * 4000, "quick": ""}
WINDOW, SENDERS = 128, 20
STALLED_S = 40
MORE = f"""\
    store: {{memory: {STORE_MEMORY}B}}
    channel: {{quota: {QUOTA}B, credit: {CREDIT}B}}
    backoff: {{min: 1ms, max: 10ms}}
"""


def own_memory(pid):
    """Bytes that a process has for itself; its store's file is not of them."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            return sum(int(line.split()[1]) * 1024 for line in f
                       if line.startswith("Anonymous:"))
    except OSError:
        return 0


class Load:
    """WINDOW calls on the way, half of which send to `slow`."""

    def __init__(self, node):
        self.node = node
        self.caller = acta_flow.Caller(node.call)
        self.where = {}    # number: who is to hear of it
        self.turn = 0
        self.codes = collections.Counter()  # (who, code or "ok")
        self.latest = collections.Counter()
        self.memory = 0

    def step(self, asking=True):
        while asking and len(self.caller.asked) < WINDOW:
            self.turn += 1
            to = ("slow", "quick")[self.turn % 2]
            n = self.turn // 2 % SENDERS
            self.where[self.caller.ask(
                f"sends/{n}", "post",
                {"to": f"{to}/{n}", "pad": PADS[to]})] = to
        self.caller.step(1)
        for number, answer in self.caller.answers.items():
            code = "ok" if answer["ok"] else answer["error"]["code"]
            self.codes[self.where.pop(number), code] += 1
            self.latest[code] += 1
        self.caller.answers.clear()

    def until(self, good, seconds):
        """Go on until it is so; looked at twenty times a second."""
        end, at = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            self.step()
            if time.monotonic() - at < 0.05:
                continue
            at = time.monotonic()
            self.memory = max(self.memory,
                              own_memory(self.node.pid("sends")))
            if good():
                return True
        return False

    def finish(self):
        end = time.monotonic() + STALLED_S
        while self.caller.asked and time.monotonic() < end:
            self.step(False)
        left = len(self.caller.asked)
        self.caller.close()
        return left


def waits(node):
    """(messages, bytes) that wait for `slow`."""
    run = node.acta("channel", "ls", "-o", "json")
    for row in json.loads(run.stdout)["channels"]:
        if row["way"] == "to" and row["peer"].startswith("slow"):
            return row["waiting"], row["bytes"]
    return 0, 0


def held_up(load, what, meanwhile):
    """`slow` takes nothing while that lasts."""
    before = load.codes.copy()
    meanwhile()
    codes = load.codes - before
    tap.ok(codes["slow", "busy"] > 0, f"{what}: who would send there is told "
           f"busy, {codes['slow', 'busy']} times", codes)
    tap.equal(sorted(c for to, c in codes if to == "quick"), ["ok"],
              f"{what}: who sends elsewhere is not, {codes['quick', 'ok']} "
              "times", codes)
    tap.ok({c for to, c in codes if to == "slow"} <= {"ok", "busy"},
           f"{what}: and nobody hears anything else", codes)
    count, size = waits(load.node)
    tap.ok(QUOTA // 2 < size <= QUOTA * 5 // 4,
           f"{what}: {count} messages wait, {size / MIB:.1f} MiB of a quota of "
           f"{QUOTA / MIB:.0f}", load.node.ps())


def drains(load, what):
    count, _ = waits(load.node)
    begun = time.monotonic()
    ok = load.codes["slow", "ok"]
    good = load.until(lambda: waits(load.node)[0] < WINDOW * 2, STALLED_S)
    tap.ok(good, f"{what}: what waited is gone after "
           f"{time.monotonic() - begun:.2f} s, while the load goes on",
           load.node.ps())
    tap.ok(load.until(lambda: load.codes["slow", "ok"] > ok + 2 * WINDOW,
                      STALLED_S), f"{what}: and there is room again")


def story(node):
    node.start()
    load = Load(node)
    load.until(lambda: load.codes["slow", "ok"] > 1000, STALLED_S)
    usual = load.memory
    for n in range(STANDS):
        what = f"stands still {n + 1}"
        pid = node.pid("slow")
        acta_kills.freeze(pid)
        held_up(load, what, lambda: load.until(
            lambda: load.latest["busy"] > WINDOW, STALLED_S))
        replaced = load.until(lambda: node.pid("slow") not in (0, pid),
                              STALLED_S)
        tap.ok(replaced, f"{what}: in the end the root replaces it", node.ps())
        drains(load, what)
        load.latest.clear()
    tap.equal(node.acta("stop", "slow").returncode, 0, "held by the operator")
    end = time.monotonic() + SECONDS
    held_up(load, "held", lambda: load.until(
        lambda: time.monotonic() > end and load.latest["busy"] > WINDOW,
        SECONDS + STALLED_S))
    tap.equal(node.acta("start", "slow").returncode, 0, "and let go")
    drains(load, "held")
    tap.equal(load.finish(), 0, "all calls are answered")
    tap.ok(node.quiet(), "all comes to rest", node.ps())
    bound = PROCESS + STORE_MEMORY + QUOTA * 5 // 4 + CREDIT
    tap.ok(load.memory < bound, f"its sender had {load.memory / MIB:.0f} MiB "
           f"at most, {usual / MIB:.0f} before; may have {bound / MIB:.0f}")
    tap.equal(node.stop(), 0, "the node stops, exit 0")
    return load.codes


def main():
    node = acta_flow.Flow({name: MORE for name in ("sends", "slow", "quick")})
    try:
        codes = story(node)
        tap.diag(dict(codes))
        heard = acta_flow.by_address(node, "slow", "quick")
        problems = list(acta_flow.told_in_order(
            acta_flow.by_address(node, "sends"), heard))
        tap.equal(problems[:10], [], "what was sent was heard once, in order")
        for name in ("slow", "quick"):
            got = sum(v for where, rows in heard.items()
                      if where.startswith(name)
                      for row, v in rows.items() if row.startswith("from/"))
            tap.equal(got, codes[name, "ok"],
                      f"{name}: each call that was answered, no other")
            tap.equal(node.waiting(name), {}, f"{name}: nothing waits")
        tap.equal(node.waiting("sends"), {}, "sends: nothing waits")
    except TimeoutError as e:
        tap.ok(False, str(e)[:3000])
    finally:
        left = node.remove()
    tap.equal(left, [], "no process is left behind")
    tap.done()


main()
