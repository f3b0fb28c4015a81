#!/usr/bin/python3
"""Claim: a service whose disk is full takes nothing new in and says so: an alarm,
`busy` to whoever calls it, of which nothing is applied; what only looks is
answered, but in a turn that found no room. Whoever sends to it keeps what waits,
up to its quota, and then answers busy, too; nobody else notices. When there is space again it goes on by itself,
also if it was killed meanwhile, and nothing is lost, doubled or overtaken. So for
the receiver's disk and the sender's. In a mount namespace, on a small tmpfs.
"""
import collections
import os
import subprocess
import sys
import tempfile
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_flow  # noqa: E402
import acta_kills  # noqa: E402
import acta_tap as tap  # noqa: E402

INSIDE = "ACTA_TEST_NAMESPACE"
MIB = 1 << 20
DISK = 128 * MIB  # what t/services/flow.c keeps of ACTORS is less, at any speed
QUOTA = 1 * MIB
PAD = "x" * 2000
WINDOW, ACTORS = 64, 20
STALLED_S = 40
MORE = f"""\
    channel: {{quota: {QUOTA}B}}
    backoff: {{min: 1ms, max: 10ms}}
"""


def namespace():
    """This test again, where it may mount; or skipped."""
    if os.environ.get(INSIDE):
        return
    with tempfile.TemporaryDirectory(prefix="acta-") as folder:
        run = subprocess.run(
            ["unshare", "-rm", "mount", "-t", "tmpfs", "none", folder],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if run.returncode:
        print("1..0 # SKIP no tmpfs can be mounted in a namespace: "
              + run.stderr.strip())
        sys.exit(0)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "-rm", sys.executable,
                          os.path.abspath(__file__)])


class Disk:
    """A small one, under the stores of one service."""

    def __init__(self, node, name):
        self.path = os.path.join(node.data, name)
        os.makedirs(self.path, mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o",
                        f"size={DISK},mode=0700", "none", self.path],
                       check=True)
        self.file = os.path.join(self.path, "other")

    def fill(self):
        """Somebody else's file, as large as it gets."""
        with open(self.file, "ab", buffering=0) as f:
            for size in (MIB, 4096):
                try:
                    while True:
                        f.write(bytes(size))
                except OSError:
                    pass

    def free(self):
        os.unlink(self.file)


class Load:
    """Calls of all kinds, WINDOW at a time."""

    def __init__(self, node):
        self.node = node
        self.caller = acta_flow.Caller(node.call)
        self.kinds, self.turn = {}, 0
        self.codes = collections.Counter()  # (what, code or "ok")
        self.errors = []

    def one(self):
        self.turn += 1
        n = self.turn // 4 % ACTORS
        post = {"keep": True, "pad": PAD}
        what, to, do, args = (
            ("sends to told", f"sends/{n}", "post",
             dict(post, to=f"told/{n}")),
            ("looks at told", f"told/{n}", "count", {}),
            ("sends elsewhere", f"others/{n}", "post",
             dict(post, to=f"more/{n}", keep=False)),
            ("told sends", f"told/{n}", "post", dict(post, to=f"more/{n}")),
        )[self.turn % 4]
        self.kinds[self.caller.ask(to, do, args)] = what

    def step(self, asking=True):
        while asking and len(self.caller.asked) < WINDOW:
            self.one()
        self.caller.step(1)
        for number, answer in self.caller.answers.items():
            code = "ok" if answer["ok"] else answer["error"]["code"]
            self.codes[self.kinds.pop(number), code] += 1
            if code not in ("ok", "busy"):
                self.errors.append(answer)
        self.caller.answers.clear()

    def until(self, good, seconds=STALLED_S):
        end, at = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            self.step()
            if time.monotonic() - at > 0.05:
                at = time.monotonic()
                if good():
                    return True
        return False

    def seen(self, what, code, count=WINDOW):
        """So many more of them."""
        want = self.codes[what, code] + count
        return self.until(lambda: self.codes[what, code] >= want)

    def finish(self):
        end = time.monotonic() + STALLED_S
        while self.caller.asked and time.monotonic() < end:
            self.step(False)
        left = len(self.caller.asked)
        self.caller.close()
        return left


def full(node, name):
    return "store-full" in node.alarms(name)


def is_full(load, disk, name, kinds):
    """`kinds` are refused, all else is not."""
    node = load.node
    pid = node.pid(name)
    disk.fill()
    tap.ok(load.until(lambda: full(node, name)),
           f"{name}: its disk is full, and it has an alarm", node.ps(),
           node.log()[-1000:])
    for what in kinds:
        tap.ok(load.seen(what, "busy"), f"{name}: who {what} is told busy",
               load.codes)
    before = load.codes.copy()
    for what in ("looks at told", "sends elsewhere"):
        tap.ok(load.seen(what, "ok"), f"{name}: who {what} is answered",
               load.codes)
    now = load.codes - before
    tap.equal(now["sends elsewhere", "busy"], 0, f"{name}: always", now)
    tap.equal((node.pid(name), load.errors), (pid, []),
              f"{name}: it lives, and nobody hears anything else")


def has_space(load, disk, name, kinds):
    disk.free()
    node = load.node
    tap.ok(load.until(lambda: node.row(name)["state"] == "up"
                      and not full(node, name)),
           f"{name}: with space again its alarm is over", node.ps(),
           node.log()[-1000:])
    for what in kinds:
        tap.ok(load.seen(what, "ok"), f"{name}: who {what} is answered again",
               load.codes)


def killed_meanwhile(load, disk, name):
    """It cannot even start: it says why, and tries again."""
    node = load.node
    disk.fill()
    tap.ok(load.until(lambda: full(node, name)), f"{name}: full again")
    before = node.row(name)["restarts"]
    acta_kills.kill(node.pid(name))
    tap.ok(load.until(lambda: node.row(name)["restarts"] > before),
           f"{name}: killed", node.ps())
    load.until(lambda: False, 1)
    tap.diag(f"{name}, killed on a full disk: {node.row(name)}")


def story(node):
    receiver, sender = Disk(node, "told"), Disk(node, "sends")
    node.start()
    load = Load(node)
    load.seen("sends to told", "ok", 500)
    ours = ("sends to told", "told sends")
    is_full(load, receiver, "told", ours)
    has_space(load, receiver, "told", ours)
    killed_meanwhile(load, receiver, "told")
    has_space(load, receiver, "told", ours)
    is_full(load, sender, "sends", ours[:1])
    has_space(load, sender, "sends", ours[:1])
    tap.equal(load.finish(), 0, "all calls are answered")
    tap.ok(node.quiet(), "all comes to rest", node.ps())
    tap.equal(node.stop(), 0, "the node stops, exit 0")
    return load


def main():
    namespace()
    names = ("sends", "told", "others", "more")
    node = acta_flow.Flow({name: MORE for name in names})
    try:
        load = story(node)
        tap.diag(dict(load.codes))
        rows = acta_flow.by_address(node, *names)
        tap.equal(list(acta_flow.told_in_order(rows, rows))[:10], [],
                  "what was sent was heard once, in order")
        for what, of in (("sends to told", "sends"), ("told sends", "told"),
                         ("sends elsewhere", "others")):
            sent = sum(v for who, own in rows.items()
                       if who.startswith(of + "/")
                       for row, v in own.items() if row.startswith("to/"))
            tap.equal(sent, load.codes[what, "ok"],
                      f"each call that was answered, no other: who {what}")
        tap.equal({n: node.waiting(n) for n in names}, {n: {} for n in names},
                  "nothing waits")
        tap.equal([n for n in names if node.tables(n)["dead"]], [],
                  "no dead letter")
    finally:
        left = node.remove()
    tap.equal(left, [], "no process is left behind")
    tap.done()


main()
