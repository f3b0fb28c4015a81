"""Kill processes of a node, at random and aimed: the black box, which the root
reads after an end, is looked at live (runtime/ctl.h)."""
import collections
import mmap
import os
import signal
import struct
import time

import acta_tap as tap
from acta_node import processes_with

IDLE, GATHER, HANDLER, COMMIT, RELEASE = range(5)  # enum acta_phase
PHASES = ("idle", "gather", "handler", "commit", "release")
BOX_FD = 5
BOX_SIZE = 632  # struct acta_box: one a worker
BACK_S = 30     # whoever is not back by then is lost
SPINS = 200     # looks at the box before others may run


class Box:
    """The black box of a live process; OSError if it is not one's to see."""

    def __init__(self, pid):
        with open(f"/proc/{pid}/fd/{BOX_FD}", "rb") as f:
            self.map = mmap.mmap(f.fileno(), 65536, prot=mmap.PROT_READ)

    def phase(self, worker=0):
        return struct.unpack_from("I", self.map, worker * BOX_SIZE)[0]

    def begun(self, worker=0):
        return struct.unpack_from("Q", self.map, worker * BOX_SIZE + 8)[0]

    def actor(self, worker=0):
        at = worker * BOX_SIZE + 60
        return self.map[at:at + 240].split(b"\0")[0].decode(errors="replace")

    def close(self):
        self.map.close()


def aim(pid, phase, worker=0, seconds=0.2):
    """Wait until that worker's turn is in `phase`; False: it was not."""
    try:
        box = Box(pid)
    except (OSError, ValueError):
        return False  # it ended, or has no box: an unaimed kill
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            for _ in range(SPINS):
                if box.phase(worker) == phase:
                    return True
            time.sleep(0)
    finally:
        box.close()
    return False


def kill(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except OSError:
        return False
    return True


def freeze(pid):
    """SIGSTOP; False: it was dying, only its root did not know yet."""
    def state():
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                return f.read().rsplit(")", 1)[1].split()[0]
        except OSError:
            return "X"
    return kill(pid, signal.SIGSTOP) and \
        tap.until(lambda: state() in "TZX" and state(), BACK_S, 0.0005) == "T"


class Killer:
    """Kills of one node, one after the other. `workers`: of each service."""

    def __init__(self, node, chance, workers):
        self.node, self.chance, self.workers = node, chance, workers
        self.kills = collections.Counter()   # name: how many
        self.phases = collections.Counter()  # of services, as the root says
        self.again = 0                       # killed while they came up
        self.stops = 0                       # of the whole node, by SIGTERM

    @property
    def total(self):
        return sum(self.kills.values())

    def live(self, name, but=0):
        """The row of its next live process, up or not."""
        def look():
            row = self.node.row(name)
            return row if row and row.get("pid") and row["pid"] != but \
                else None
        row = tap.until(look, BACK_S, 0.001)
        if not row:
            raise TimeoutError(f"{name} is not back: {self.node.ps()} "
                               f"{self.node.log()[-2000:]}")
        return row

    def up(self, name):
        def look():
            row = self.node.row(name)
            return row if row and row["state"] == "up" else None
        row = tap.until(look, BACK_S, 0.001)
        if not row:
            raise TimeoutError(f"{name} is not up: {self.node.ps()} "
                               f"{self.node.log()[-2000:]}")
        return row

    def service(self, name, phase=None, again=0.0):
        """One kill, in `phase` if it is given; then, by that chance, another
        one of the process that is coming up."""
        row = self.up(name)
        if phase is not None:
            aim(row["pid"], phase, self.chance.randrange(self.workers[name]))
        if not kill(row["pid"]):
            return
        self.kills[name] += 1
        new = self.live(name, row["pid"])
        why = self.node.root(f"why {name}") or {}
        self.phases[(why.get("causes") or [{}])[0].get("phase")
                    or "unknown"] += 1
        if self.chance.random() < again and new["state"] != "up":
            time.sleep(self.chance.random() * 0.01)
            if kill(new["pid"]):
                self.kills[name] += 1
                self.again += 1

    def door(self, name):
        """A door's restart is not waited for: it may be half a second."""
        row = self.node.row(name)
        if row and row.get("pid") and row["state"] == "up" and \
                kill(row["pid"]):
            self.kills[name] += 1
            return True
        return False

    def root(self, between=None):
        """`between` is called while nothing of the node lives."""
        info = self.node.root("info") or {}
        kill(info.get("pid") or self.node.process.pid)
        self.node.process.wait(BACK_S)
        self.kills["@root"] += 1
        # Its children end with it: no store is open twice.
        if not tap.until(lambda: not processes_with(self.node.run), BACK_S,
                         0.005):
            raise TimeoutError("outlived the root: "
                               f"{processes_with(self.node.run)}")
        if between:
            between()
        self.node.start()

    def start_anew(self):
        """Ended, and started without waiting for it."""
        if self.node.stop() != 0:
            raise RuntimeError(f"the node's end: {self.node.log()[-2000:]}")
        self.stops += 1
        self.node.start(wait=False)

    def restart(self, between=None):
        """The whole node, by SIGTERM."""
        status = self.node.stop()
        if status != 0:
            raise RuntimeError(f"the node ended with {status}: "
                               f"{self.node.log()[-2000:]}")
        self.stops += 1
        if between:
            between()
        self.node.start()
