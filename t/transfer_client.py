"""The client of the transfers (t/services/transfer.c): a plain zmq client with
many calls in flight, that logs each id with what it asked and every answer. It
asks again what is not answered, under the same id; some it asks twice on
purpose, some once and never again, some under an id that was another's. What
t/transfer_check.py judges by.
"""
import collections
import heapq
import itertools
import json
import multiprocessing
import os
import random
import struct
import time

import msgpack
import zmq

# Refusals by which nothing ran, or of which nothing is known: ask again.
AGAIN = {"timeout", "expired", "busy", "unavailable"}
ZIPF = 0.99      # the destinations' skew
RETRY_S = 0.3    # without an answer for so long: again; longer each time
RETRY_MAX_S = 2.0
TIMEOUT_MS = 4000
RELAY_MS = 600000
KEPT = 2000      # answered asks that may be asked again
SESSIONS = 6
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def addresses(count):
    """The accounts: one half in either service."""
    return [f"transfer{'-two' if n % 2 else ''}/{n}" for n in range(count)]


class Mix:
    """What is asked: the same seed, the same questions."""

    def __init__(self, seed, accounts, pad=20000):
        self.random = random.Random(seed)
        self.accounts = addresses(accounts)
        self.pad = pad
        self.weights = list(itertools.accumulate(
            1 / (n + 1) ** ZIPF for n in range(accounts)))
        self.ranks = list(self.accounts)
        self.random.shuffle(self.ranks)
        self.prefix = f"{seed:x}-{time.time_ns() // 1000000:x}"
        self.count = 0

    def name(self):
        self.count += 1
        return f"t-{self.prefix}-{self.count}"

    def wire(self, name):
        """(client, id) as it is sent: of every kind that there is."""
        kind = self.random.random()
        if kind < 0.4:
            return "", name
        if kind < 0.7:
            return "", ulid(self.random)
        if kind < 0.9:
            return "", self.random.getrandbits(62)
        return f"client-{self.random.randrange(4)}", name

    def other(self, but):
        while True:
            to = self.random.choices(self.ranks, cum_weights=self.weights)[0]
            if to != but:
                return to

    def transfer(self, name, source):
        r = self.random
        args = {"id": name, "to": self.other(source),
                "n": r.randint(300000, 900000) if r.random() < 0.05
                else r.randint(1, 10),
                "way": r.choices(("send", "ask", "later"), (5, 3, 1))[0]}
        if r.random() < 0.03:
            args["stumble"] = r.randint(1, 2)
        if r.random() < 0.03:
            args["stumble_there"] = r.randint(1, 2)
        if args["way"] == "ask" and r.random() < 0.1:
            args["unwilling"] = True
        if args["way"] == "later":
            args["after"] = r.choice((0, 1, 20))
        if r.random() < 0.02 and self.pad:
            args["pad"] = "x" * r.randrange(self.pad)
        return args

    def next(self):
        """(name, kind, to, do, args, more keys of the request)"""
        r = self.random
        name, to, kind = self.name(), r.choice(self.accounts), r.random()
        if kind < 0.07:
            return name, "call", to, "balance", {}, {}
        if kind < 0.08:
            return name, "call", to, "close", {"after": r.randint(5, 60)}, {}
        args = self.transfer(name, to)
        if kind < 0.13:
            # Of nothing, so that it is never refused: nobody would hear it.
            args.update(n=0, way="send", unwilling=False)
            return name, "send", to, "transfer", args, {"op": "send"}
        if kind < 0.17:
            more = {"timeout": r.choice((1, 5, 50, 2000))}
            if r.random() < 0.3:
                more["keep"] = False
            return name, "once", to, "transfer", args, more
        if kind < 0.19:
            return name, "push", to, "transfer", args, {}
        if kind < 0.35:
            # What is forwarded keeps the caller's deadline: none that passes.
            args["at"] = self.other(to)
            while args["to"] == args["at"]:
                args["to"] = self.other(to)
            return name, "call", to, "relay", args, {"timeout": RELAY_MS}
        return name, "call", to, "transfer", args, {}


def ulid(chance):
    value = int(time.time() * 1000) << 80 | chance.getrandbits(80)
    return "".join(ALPHABET[value >> 5 * n & 31] for n in range(25, -1, -1))


class Call:
    """One id, until it is answered."""
    __slots__ = ("name", "kind", "body", "tries", "due", "ends", "session",
                 "to", "args", "wire")

    def __init__(self, name, kind, body, to, args, wire, session=None):
        self.name, self.kind, self.body = name, kind, body
        self.to, self.args, self.wire = to, args, wire
        self.session = session
        self.tries, self.due, self.ends = 0, 0.0, 0.0


class Client:
    def __init__(self, mix, endpoints, push, log, window, rate):
        self.mix, self.log = mix, log
        self.window, self.rate = window, rate
        self.context = zmq.Context()
        self.poller = zmq.Poller()
        self.sockets = [self.socket(zmq.DEALER, e) for e in endpoints]
        for socket in self.sockets:
            self.poller.register(socket, zmq.POLLIN)
        self.push = self.socket(zmq.PUSH, push)
        self.waiting = {}      # name: Call
        self.copies = {}       # number: Call
        self.number = 0
        self.due = []          # (when, name)
        self.kept = collections.deque(maxlen=KEPT)
        self.sessions = {}     # name: [account, next seq]
        for n in range(SESSIONS):
            self.sessions[f"s-{mix.prefix}-{n}"] = [
                mix.random.choice(mix.accounts), 1]
        self.free = list(self.sessions)
        self.answers = self.retries = self.issued = 0
        self.strays = []       # answers to nothing, or to one copy twice
        self.begun = time.monotonic()

    def socket(self, kind, endpoint):
        socket = self.context.socket(kind)
        socket.linger = 0
        # Not ZMQ_IMMEDIATE: libzmq 4.3.4 then asserts in a client that has
        # read one frame of an answer as its door dies (fq.cpp, !_more).
        socket.sndhwm, socket.rcvhwm = 200, 0
        socket.reconnect_ivl, socket.reconnect_ivl_max = 10, 100
        socket.connect(endpoint)
        return socket

    # ------------------------------------------------------------- asking --

    def ask(self):
        if self.free and self.mix.random.random() < 0.05:
            self.ask_in_session(self.free.pop())
            return
        chance = self.mix.random.random()
        if self.kept and chance < 0.06:
            old = self.mix.random.choice(self.kept)
            if chance < 0.05:
                self.send(Call(old.name, "repeat", old.body, old.to, old.args,
                               old.wire))
            elif old.wire:
                self.reuse(old)
            return
        name, kind, to, do, args, more = self.mix.next()
        request = {"to": to, "do": do, "args": args, "timeout": TIMEOUT_MS}
        wire = None
        if kind != "push" and do in ("transfer", "relay"):
            wire = self.mix.wire(name)
            request["id"] = wire[1]
            if wire[0]:
                request["client"] = wire[0]
        request.update(more)
        self.issue(Call(name, kind, msgpack.packb(request), to, args, wire),
                   do, request.get("keep", True))

    def ask_in_session(self, session):
        to, seq = self.sessions[session]
        name = self.mix.name()
        args = self.mix.transfer(name, to)
        body = msgpack.packb({"to": to, "do": "transfer", "args": args,
                              "session": session, "seq": seq,
                              "timeout": TIMEOUT_MS})
        self.sessions[session][1] += 1
        self.issue(Call(name, "call", body, to, args, None, [session, seq]),
                   "transfer")

    def reuse(self, old):
        request = msgpack.unpackb(old.body)
        request["args"] = dict(request["args"], n=request["args"]["n"] + 1)
        self.send(Call(old.name, "reuse", msgpack.packb(request), old.to,
                       old.args, old.wire))

    def issue(self, call, do, kept=True):
        entry = {"id": call.name, "kind": call.kind, "to": call.to, "do": do,
                 "args": {k: v for k, v in call.args.items() if k != "pad"},
                 "at": time.monotonic_ns()}
        if call.wire and kept:
            entry["wire"] = call.wire
        if call.session:
            entry["session"] = call.session
        self.log.write(json.dumps(entry) + "\n")
        self.issued += 1
        if call.kind == "push":
            try:
                self.push.send(call.body, zmq.DONTWAIT)
            except zmq.Again:
                pass  # no connection there: a push may be lost
            return
        self.waiting[call.name] = call
        self.send(call)

    def send(self, call):
        now = time.monotonic()
        self.number += 1
        socket = self.sockets[self.number % len(self.sockets)]
        self.copies[self.number] = call
        try:
            socket.send_multipart((struct.pack(">Q", self.number), call.body),
                                  zmq.DONTWAIT)
        except zmq.Again:
            del self.copies[self.number]
        if call.kind in ("repeat", "reuse"):
            return
        call.tries += 1
        call.due = now + (4.0 if call.kind == "once" else
                          min(RETRY_S * 1.6 ** (call.tries - 1), RETRY_MAX_S))
        heapq.heappush(self.due, (call.due, call.name))

    # ----------------------------------------------------------- answered --

    def take(self, frames):
        number = struct.unpack(">Q", frames[0])[0]
        call = self.copies.pop(number, None)
        answer = msgpack.unpackb(frames[-1], timestamp=1)
        if call is None or answer.get("id", call.name) not in (
                call.name, call.wire and call.wire[1]):
            self.strays.append(answer)
            return
        error = answer.get("error") or {}
        if call.kind == "reuse":
            if error.get("code") not in AGAIN:
                self.log.write(json.dumps(
                    {"reused": call.name, "code": error.get("code")}) + "\n")
            return
        if error.get("code") in AGAIN and call.kind != "once":
            if call.kind != "repeat" and call.name in self.waiting:
                call.due = time.monotonic() + 0.05
                heapq.heappush(self.due, (call.due, call.name))
            return
        entry = {"of": call.name, "ok": answer["ok"],
                 "at": time.monotonic_ns()}
        if answer["ok"]:
            entry["result"] = answer["result"]
        else:
            entry.update(code=error.get("code"), text=error.get("text"))
        self.log.write(json.dumps(entry) + "\n")
        if self.waiting.pop(call.name, None):
            self.answers += 1
            self.over(call)

    def over(self, call):
        if call.session:
            if self.mix.random.random() < 0.1:  # its last may be asked again
                self.send(Call(call.name, "repeat", call.body, call.to,
                               call.args, None))
            self.free.append(call.session[0])
        elif call.wire and call.kind != "once":
            self.kept.append(call)

    # --------------------------------------------------------------- loop --

    def again(self, now):
        while self.due and self.due[0][0] <= now:
            when, name = heapq.heappop(self.due)
            call = self.waiting.get(name)
            if call is None or call.due != when:
                continue
            if call.kind == "once":
                del self.waiting[name]
                continue
            self.retries += 1
            self.send(call)

    def step(self, asking):
        for socket, _ in self.poller.poll(5):
            while True:
                try:
                    frames = socket.recv_multipart(zmq.DONTWAIT)
                except zmq.Again:
                    break
                self.take(frames)
        now = time.monotonic()
        self.again(now)
        allowed = (now - self.begun) * self.rate
        while asking and len(self.waiting) < self.window and \
                self.issued < allowed:
            self.ask()
            allowed -= 0.001  # repeats are not issued: they end, too

    def close(self):
        self.context.destroy(linger=0)


class Process:
    """The client as a process of its own; main() talks to it by numbers."""

    def __init__(self, seed, accounts, endpoints, push, path, window=96,
                 rate=4000, pad=20000):
        context = multiprocessing.get_context("fork")
        self.numbers = context.Array("Q", 2)  # answered, still waiting
        self.stop = context.Event()
        self.path = path
        self.process = context.Process(
            target=self.run, daemon=True,
            args=(seed, accounts, endpoints, push, window, rate, pad))
        self.process.start()

    def run(self, seed, accounts, endpoints, push, window, rate, pad):
        with open(self.path, "w", encoding="utf-8") as log:
            client = Client(Mix(seed, accounts, pad), endpoints, push, log,
                            window, rate)
            parent = os.getppid()
            while not self.stop.is_set() and os.getppid() == parent:
                client.step(True)
                self.numbers[0] = client.answers
                self.numbers[1] = len(client.waiting)
            end = time.monotonic() + 60
            while client.waiting and time.monotonic() < end:
                client.step(False)
                self.numbers[0] = client.answers
                self.numbers[1] = len(client.waiting)
            # Copies that are under way may still be answered.
            end = time.monotonic() + 0.3
            while client.copies and time.monotonic() < end:
                client.step(False)
            waiting = len(client.waiting)
            client.close()
        with open(self.path + ".end", "w", encoding="utf-8") as f:
            json.dump({"answers": client.answers, "retries": client.retries,
                       "waiting": waiting, "strays": client.strays[:10],
                       "seconds": time.monotonic() - client.begun}, f)

    @property
    def answered(self):
        return self.numbers[0]

    def alive(self):
        return self.process.is_alive()

    def finish(self, seconds=90):
        """Ask no more, wait for what is asked: the client's own account."""
        self.stop.set()
        self.process.join(seconds)
        if self.process.is_alive():
            self.process.kill()
            return {"waiting": -1, "strays": []}
        with open(self.path + ".end", encoding="utf-8") as f:
            return json.load(f)
