"""Nodes of t/services/flow.c under any names, their clients, and what their
stores say."""
import itertools
import json
import os
import time

import msgpack
import zmq

import acta_store
from acta_node import BUILD, Node

PLAIN = b"flow-that-is-named-in-a-copy"


class Flow(Node):
    """services: {name: more YAML of it, ""}"""

    def __init__(self, services, supervisor="{intensity: 1000, period: 1s}",
                 **node):
        super().__init__("", supervisor, name="flow", **node)
        with open(os.path.join(BUILD, "t", "services", "flow.so"), "rb") as f:
            self.code = f.read()
        if self.code.count(PLAIN) != 1:
            raise RuntimeError("flow.so names itself more than once")
        with open(self.file, encoding="utf-8") as f:
            self.head = f.read()
        for name in services:
            with open(self.so(name), "wb") as f:
                f.write(self.code.replace(
                    PLAIN, name.encode().ljust(len(PLAIN), b"\0")))
        self.write(services)

    def so(self, name):
        return os.path.join(self.dir, f"{name}.so")

    def write(self, services):
        with open(self.file, "w", encoding="utf-8") as f:
            f.write(self.head + "".join(
                f"  - name: {name}\n    load: {self.so(name)}\n{more}"
                for name, more in services.items()))

    def rows(self, name):
        """Of a stopped node: {actor: {row: value}} of all its partitions."""
        found = {}
        for part in self.parts(name):
            for key, value in self.tables(name, part)["state"].items():
                size = key[0]
                found.setdefault(key[1:1 + size].decode(), {})[
                    key[1 + size:].decode()] = msgpack.unpackb(value)
        return found

    def parts(self, name):
        return sorted(int(p) for p in os.listdir(os.path.join(self.data, name))
                      if p.isdigit())

    def tables(self, name, part=0):
        return acta_store.read_store(os.path.join(self.data, name, str(part)))

    def waiting(self, name):
        """Of a stopped node: what its stores still have to do."""
        return {table: len(rows) for part in self.parts(name)
                for table, rows in self.tables(name, part).items()
                if table in ("outbox", "parked", "ask", "token", "timer",
                             "due") and rows}

    def alarms(self, name):
        row = self.row(name) or {}
        return {a["name"]: a["text"] for a in row.get("alarms") or []}

    def letters(self):
        """[{cause, ...}] of all services."""
        run = self.acta("dead", "ls", "-o", "json")
        return json.loads(run.stdout)["dead"]


def told_in_order(sent, heard):
    """Problems: {actor: rows} of senders by their full address, and of those
    who heard them likewise."""
    for where, rows in heard.items():
        for row, value in rows.items():
            if row.startswith("wrong/"):
                yield f"{where}: {row} after {value}"
            if row.startswith("from/"):
                want = sent.get(row[5:], {}).get(f"to/{where}")
                if want != value:
                    yield f"{where} heard {value} of {row[5:]}, sent {want}"
    for where, rows in sent.items():
        for row, value in rows.items():
            if row.startswith("to/") and \
                    heard.get(row[3:], {}).get(f"from/{where}") != value:
                yield f"{where} sent {value} to {row[3:]}, which heard " \
                      f"{heard.get(row[3:], {}).get(f'from/{where}')}"


def by_address(node, *names):
    return {f"{name}/{key}": rows for name in names
            for key, rows in node.rows(name).items()}


class Caller:
    """Many calls on the way by one socket; answers are kept by number."""

    def __init__(self, endpoint):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.sndhwm = self.socket.rcvhwm = 0
        self.socket.connect(endpoint)
        self.numbers = itertools.count(1)
        self.prefix = f"{os.getpid()}-{time.monotonic_ns():x}"
        self.asked, self.answers = set(), {}

    def ask(self, to, do, args, timeout=60000, op="call"):
        """Under an id, so that doors ask again what a crash left open."""
        number = next(self.numbers)
        self.asked.add(number)
        self.socket.send_multipart((str(number).encode(), msgpack.packb(
            {"to": to, "do": do, "args": args, "timeout": timeout, "op": op,
             "id": f"{self.prefix}-{number}"})))
        return number

    def step(self, ms=10):
        while self.socket.poll(ms):
            frames = self.socket.recv_multipart()
            number = int(frames[0])
            self.asked.discard(number)
            self.answers[number] = msgpack.unpackb(frames[-1])
            ms = 0

    def wait(self, number, seconds=60):
        end = time.monotonic() + seconds
        while number not in self.answers and time.monotonic() < end:
            self.step()
        return self.answers.get(number)

    def call(self, to, do, args, seconds=60):
        return self.wait(self.ask(to, do, args), seconds)

    def close(self):
        self.context.destroy(linger=0)
