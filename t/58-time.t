#!/usr/bin/python3
"""Claim: a node has one time. Doors and services agree on it; it never goes
back behind what a store has seen, so a wall clock that was set back while the
node was down expires no call; and a person sees that it is off.
"""
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import msgpack  # noqa: E402
import zmq  # noqa: E402

import acta_tap as tap  # noqa: E402
from acta_node import BUILD, Node  # noqa: E402

SERVICES = f"""\
  - name: stock
    load: {BUILD}/t/services/stock.so
  - name: bench-sink-memory
    load: {BUILD}/t/services/bench-sink-memory.so
"""
HOUR_US = 3600 * 10**6
CLOCK = 65536  # of the black box, descriptor 5: two offsets, and which
CTX = zmq.Context()


class Page:
    def __init__(self, pid):
        self.fd = os.open(f"/proc/{pid}/fd/5", os.O_RDWR)

    def read(self):
        first, second, turn = struct.unpack(
            "<qqB", os.pread(self.fd, 17, CLOCK))
        return (first, second)[turn & 1]

    def add(self, us):
        """Both, so that it holds until the root writes again: long enough
        for who reads it once, since no time goes back."""
        value = self.read() + us
        os.pwrite(self.fd, struct.pack("<qq", value, value), CLOCK)
        return value


def ask(endpoint, to, do, args):
    req = CTX.socket(zmq.REQ)
    req.linger = 0
    req.connect(endpoint)
    req.send(msgpack.packb({"to": to, "do": do, "args": args}))
    answer = msgpack.unpackb(req.recv()) if req.poll(20000) else None
    req.close()
    return answer


def pages(node):
    return [Page(row["pid"]) for row in node.ps()]


def agree(node):
    """The root writes them one after the other."""
    seen = pages(node)
    return tap.until(lambda: len({page.read() for page in seen}) == 1)


def main():
    with Node(SERVICES) as node:
        node.start()
        tap.ok(agree(node), "doors and services are told the same time",
               [page.read() for page in pages(node)])
        # An hour ahead: as if the wall clock had been so at the start.
        count = 0

        def served_ahead():
            """Unless the root wrote between the pages and the call."""
            nonlocal count
            moved = [(page, page.add(HOUR_US)) for page in pages(node)]
            answer = ask(node.call, "stock/17", "restock", {"qty": 1})
            count += bool(answer and answer["ok"])
            return all(page.read() == value for page, value in moved)
        tap.ok(tap.until(served_ahead) and count,
               "a call is served in that time", count)
        tap.equal(node.stop(), 0, "the node stops")
        node.start()
        answer = ask(node.call, "stock/17", "restock", {"qty": 1})
        tap.equal(answer and answer.get("result"), {"available": count + 1},
                  "the wall clock is an hour behind its store: a call is "
                  "served all the same")
        answer = ask(node.local, "stock/17", "restock", {"qty": 1})
        tap.ok(answer and answer["ok"], "and by the local door", answer)
        answer = ask(node.call, "bench-sink-memory/1", "add", {})
        tap.ok(answer and answer["ok"], "and one in memory, in the same time",
               answer)
        tap.ok(agree(node), "all are told the same",
               [page.read() for page in pages(node)])
        told = tap.until(lambda: "! @node: clock: " in
                         node.acta("ps").stdout)
        tap.ok(told, "acta ps shows that the clocks differ",
               node.acta("ps").stdout)
        tap.equal(node.stop(), 0, "the node stops well")
    CTX.destroy(linger=0)


main()
tap.done()
