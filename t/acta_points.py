"""Failpoints: a node of the programs with t/points.c in them, of which one
process dies, or loses its disk, at the n-th time it comes to a place."""
import mmap
import os
import shutil
import struct
import tempfile

import acta_tap as tap
from acta_node import BUILD, alive

PROGRAMS = os.path.join(BUILD, "t", "points")
DISARMED, ARMED, MET = range(3)
SIZE = 16 + 48 + 32  # struct control


class Points:
    """The programs in a folder of their own, and the page they share. `host`: a
    folder with an acta-host that is not as it should be."""

    def __init__(self, host=PROGRAMS):
        self.dir = tempfile.mkdtemp(prefix="acta-points-")
        for name in os.listdir(PROGRAMS):
            shutil.copy2(os.path.join(PROGRAMS, name), self.dir)
        shutil.copy2(os.path.join(host, "acta-host"), self.dir)
        with open(os.path.join(self.dir, "points"), "w+b") as f:
            f.write(bytes(SIZE))
            f.flush()
            self.page = mmap.mmap(f.fileno(), SIZE)

    @property
    def program(self):
        return os.path.join(self.dir, "acta")

    def arm(self, process, point, count=1, spared=0):
        """`process` is to stop at `point` at the count-th time from now on, but
        not while it is the one of that pid."""
        self.disarm()
        struct.pack_into("iii48s32s", self.page, 4, count, spared,
                         0, process.encode(), point.encode())
        struct.pack_into("I", self.page, 0, ARMED)

    def disarm(self):
        struct.pack_into("I", self.page, 0, DISARMED)

    def wait(self, seconds=20):
        """Until that process was there, and is no more."""
        def over():
            state, _, _, pid = struct.unpack_from("Iiii", self.page, 0)
            return state == MET and not alive(pid)
        return tap.until(over, seconds, 0.0005)

    def remove(self):
        self.page.close()
        shutil.rmtree(self.dir, ignore_errors=True)
