#!/usr/bin/python3
"""Claim: whether a service has one partition or four on two workers, its
actors end in the same state, and each hears each sender in the order sent;
also when both services are killed -9 again and again meanwhile. Senders: actors
of another service, numbers to many actors interleaved, and clients with many
calls in flight on a DEALER each. Judged by the files of the stopped node.
"""
import os
import random
import sys
import time

import msgpack
import zmq

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_kills  # noqa: E402
import acta_store  # noqa: E402
import acta_tap as tap  # noqa: E402
from acta_node import BUILD, Node  # noqa: E402

ACTORS = 32    # of bench-lines
SPREADERS = 6  # actors of bench-spread, each to all of those
COUNT = 60     # numbers of each to each
CLIENTS = 4
WINDOW = 64    # calls in flight of one client
KILLS = 12     # of each service
PARTITIONS = 4

seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
chance = random.Random(seed)
tap.diag(f"SEED={seed}")


def services(partitions, workers):
    return "".join(f"""\
  - name: bench-{name}
    load: {BUILD}/t/services/bench-{name}.so
    partitions: {partitions}
    workers: {workers}
    max_crashes: 1000
    backoff: {{min: 1ms, max: 10ms}}
""" for name in ("lines", "spread"))


class Client:
    """1, 2, ... COUNT to every actor, interleaved, WINDOW calls in flight.
    Ids are kept, so the door asks again what a killed worker left."""

    def __init__(self, context, endpoint, name):
        self.name = name
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)
        order = list(range(ACTORS))
        chance.shuffle(order)
        self.todo = [(actor, n) for n in range(1, COUNT + 1)
                     for actor in order]
        self.todo.reverse()
        self.waiting = set()
        self.wrong = []

    def send(self):
        while self.todo and len(self.waiting) < WINDOW:
            actor, n = self.todo.pop()
            ident = f"{self.name}-{actor}-{n}"
            self.waiting.add(ident)
            self.socket.send(msgpack.packb({
                "to": f"bench-lines/{actor}", "do": "put", "id": ident,
                "args": {"who": self.name, "n": n}, "timeout": 120000}))

    def take(self):
        while True:
            try:
                answer = msgpack.unpackb(
                    self.socket.recv_multipart(zmq.DONTWAIT)[-1])
            except zmq.Again:
                return
            if not answer["ok"] or answer["id"] not in self.waiting:
                self.wrong.append(answer)
            self.waiting.discard(answer["id"])


class Killer:
    """Both services in turn, each when it is up again."""

    def __init__(self, node, kills):
        self.node = node
        self.left = [name for _ in range(kills)
                     for name in ("bench-lines", "bench-spread")]
        self.due = time.monotonic()
        self.under_load = 0

    def step(self, loaded):
        if not self.left or time.monotonic() < self.due:
            return
        pid = self.node.pid(self.left[-1])
        if pid and acta_kills.kill(pid):
            self.left.pop()
            self.under_load += loaded
        # A kill at an instant that nothing agreed upon.
        self.due = time.monotonic() + chance.random() * 0.05


def spread(node):
    for n in range(SPREADERS):
        run = node.acta("call", f"bench-spread/{n}", "start",
                        f"actors={ACTORS}", f"count={COUNT}")
        if run.returncode:
            raise RuntimeError(run.stderr)


def work(node, context, kills):
    """Load it; the claims on what the clients heard."""
    spread(node)
    clients = [Client(context, node.call, f"client-{n}")
               for n in range(CLIENTS)]
    killer = Killer(node, kills)
    end = time.monotonic() + 60
    busy = True
    while time.monotonic() < end:
        killer.step(busy)
        busy = False
        for client in clients:
            client.send()
            client.take()
            busy |= bool(client.waiting or client.todo)
        if not busy and not killer.left:
            break
        time.sleep(0.0005)
    if kills:
        tap.ok(not killer.left and killer.under_load * 4 >= kills,
               f"{2 * kills} kills, {killer.under_load} of them under load")
    tap.ok(not any(c.waiting or c.todo for c in clients),
           "every call was answered",
           [f"{c.name}: {sorted(c.waiting)[:8]}, {len(c.todo)} to go"
            for c in clients], node.log()[-2000:])
    tap.equal([c.wrong[:2] for c in clients if c.wrong], [],
              "with ok, and once")
    for client in clients:
        client.socket.close()


def read(data, partitions):
    """[{actor: {row: value}} of each partition]"""
    found = []
    for part in range(partitions):
        store = acta_store.read_store(
            os.path.join(data, "bench-lines", str(part)))
        actors = {}
        for key, value in store["state"].items():
            actor, name = key[1:1 + key[0]], key[1 + key[0]:]
            actors.setdefault(int(actor), {})[name.decode()] = \
                msgpack.unpackb(value)
        found.append(actors)
    return found


def wanted():
    numbers = "".join(f"{n}," for n in range(1, COUNT + 1))
    who = [str(n) for n in range(SPREADERS)] + \
        [f"client-{n}" for n in range(CLIENTS)]
    rows = {f"log/{name}": numbers for name in who}
    return dict(rows, count=len(who) * COUNT)


def judge(node, partitions):
    found = read(node.data, partitions)
    merged = {}
    for actors in found:
        merged.update(actors)
    tap.equal(sum(len(actors) for actors in found), ACTORS,
              "each actor is in one partition")
    tap.equal([p for p, actors in enumerate(found) if not actors], [],
              "each partition has some")
    want = wanted()
    wrong = [f"{actor}: {name}: {merged.get(actor, {}).get(name)!r}"
             for actor in range(ACTORS)
             for name in want.keys() | merged.get(actor, {}).keys()
             if merged.get(actor, {}).get(name) != want.get(name)]
    tap.ok(not wrong, "each heard every sender in order, each number once",
           *wrong[:10])
    return merged


def run(context, partitions, workers, kills):
    tap.diag(f"partitions {partitions}, workers {workers}, "
             f"kills {2 * kills}")
    node = Node(services(partitions, workers),
                "{intensity: 1000, period: 1s}")
    try:
        node.start()
        begun = time.monotonic()
        work(node, context, kills)
        tap.ok(node.quiet(20), "the queues drain", node.ps())
        tap.diag(f"{time.monotonic() - begun:.1f} s")
        shown = node.acta("state", "bench-lines/7", "-o", "json")
        tap.ok(shown.returncode == 0 and
               f'{wanted()["count"]}' in shown.stdout,
               "acta state shows an actor of it", shown.stdout, shown.stderr)
        tap.equal(node.stop(), 0, "the node stops, exit 0")
        return judge(node, partitions)
    finally:
        left = node.remove()
        tap.equal(left, [], "no process is left behind")


def main():
    context = zmq.Context()
    one = run(context, 1, 1, 0)
    tap.equal(run(context, PARTITIONS, 2, 0) == one, True,
              "four partitions end as one does")
    tap.equal(run(context, PARTITIONS, 2, KILLS) == one, True,
              "and with kills too")
    context.destroy(linger=0)
    tap.done()


main()
