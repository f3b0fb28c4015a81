#!/usr/bin/python3
"""Claim: what a handler may make (depth 32, 65,536 elements, 1 MiB), a node
carries to whoever asks for it: clients in MessagePack and in JSON, many answers
at a time, the runtime's own lists of rows, events and dead letters, and `acta`.
"""
import base64
import json
import os
import sys

import msgpack
import zmq

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acta_tap as tap  # noqa: E402
from acta_node import BUILD, Node  # noqa: E402

SERVICES = "".join(f"""\
  - name: {name}
    load: {BUILD}/t/services/{name}.so
    backoff: {{min: 1ms, max: 10ms}}
""" for name in ("nest", "nest-peer"))


def deep(levels):
    value = {"end": ""}
    for _ in range(levels - 1):
        value = {"d": value}
    return value


LIMITS = {"deep": deep(31), "broad": [0] * 65534,
          "large": b"x" * ((1 << 20) - 8)}


class Client:
    def __init__(self, context, endpoint):
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)

    def take(self):
        if not self.socket.poll(20000):
            return {"ok": False, "error": {"code": "no answer in 20 s"}}
        # What the wire holds counts, not what a client library allows at most.
        return msgpack.unpackb(
            self.socket.recv_multipart()[-1], max_map_len=1 << 22,
            max_array_len=1 << 22, max_bin_len=1 << 22)

    def call(self, actor, do, **args):
        self.socket.send(msgpack.packb(
            {"to": actor, "do": do, "args": args, "timeout": 15000}))
        return self.take()

    def result(self, actor, do, **args):
        answer = self.call(actor, do, **args)
        if not answer["ok"]:
            tap.diag(f"{actor} {do}: {answer['error']}")
        return answer.get("result") or {}


def calls(client):
    for shape, value in LIMITS.items():
        for to in ("nest/1", "nest-peer/1"):
            for way in ("make", "forward", "defer"):
                got = client.result(to, way, shape=shape,
                                    **({} if way == "make" else
                                       {"to": "nest/2"}))
                tap.ok(got.get("v") == value, f"{to} {way}: {shape}")
    for shape in LIMITS:
        client.result("nest/asker", "ask", shape=shape, to="nest-peer/2")
        tap.ok(tap.until(lambda: client.result(
            "@state", "get", of="nest/asker", name="answer") ==
            LIMITS[shape]), f"an asker gets it: {shape}")
    got = client.result("nest/taker", "take", v=deep(30))
    tap.ok(got.get("v") == deep(30), "a client's own, at depth 32 in all")
    tap.equal(client.call("nest/taker", "take", v=deep(31))["error"]["code"],
              "bad-request", "one level more is bad-request")


def many(client):
    """Answers of all sizes made in one turn: no frame of them is too large."""
    count = 24
    for i in range(count):
        client.socket.send(msgpack.packb(
            {"to": f"nest/{i}", "do": "make", "id": i, "keep": False,
             "args": {"shape": ("large", "broad")[i % 2]}, "timeout": 15000}))
    answers = sorted((client.take() for _ in range(count)),
                     key=lambda a: a.get("id", -1))
    tap.ok(all(a["ok"] and a["result"]["v"] ==
               LIMITS[("large", "broad")[i % 2]]
               for i, a in enumerate(answers)),
           f"{count} answers at a time, every second one of 1 MiB",
           [a.get("error") for a in answers])


def spoken_in_json(client):
    for shape, value in LIMITS.items():
        client.socket.send_string(json.dumps(
            {"to": "nest/1", "do": "make", "args": {"shape": shape}}))
        got = None
        if client.socket.poll(20000):
            got = json.loads(client.socket.recv_multipart()[-1])["result"]["v"]
        if shape == "large" and got:
            got = base64.b64decode(got["$bin"])
        tap.ok(got == value, f"in JSON: {shape}")


def lists(client):
    for shape in LIMITS:
        client.result("nest/rows-" + shape, "keep", shape=shape)
        client.result("nest/rows-" + shape, "take", v=1)
    for shape, value in LIMITS.items():
        value = {"d": value} if shape == "deep" else value
        got = client.result("@state", "get", of="nest/rows-" + shape,
                            name="row")
        tap.ok(got == value, f"@state get: {shape}")
        rows, after, more = [], "", True
        while more:
            got = client.result("@state", "list", of="nest/rows-" + shape,
                                after=after)
            if not got.get("rows"):
                break
            rows += got["rows"]
            after, more = rows[-1]["name"], got["more"]
        tap.ok(rows == [{"name": "row", "value": value},
                        {"name": "taken", "value": 1},
                        {"name": "takes", "value": 1}],
               f"@state list: {shape}")
    for shape in LIMITS:
        client.result("nest/1", "publish", shape=shape)
    data, after, more = [], 0, True
    while more:
        got = client.result("@events", "replay", topic="nest.limit",
                            after=after)
        if not got.get("events"):
            break
        data += [e["data"]["v"] for e in got["events"]]
        after, more = got["events"][-1]["seq"], got["more"]
    tap.ok(data == list(LIMITS.values()), "@events replay")


def dead(client, node):
    """An answer at the limit that its asker fails to take: with what it kept
    beside it, it is twice the limit of one value."""
    for number, shape in enumerate(LIMITS, 1):
        client.result("nest/failing", "ask", shape=shape, to="nest-peer/2",
                      until=1000)
        ident = f"nest.0.{number}"
        letter = tap.until(lambda: client.call(
            "@dead", "show", id=ident).get("result"), 20)
        tap.ok(letter and letter["cause"] == "failed" and
               letter["args"]["k"] == letter["args"]["r"] ==
               {"v": LIMITS[shape]}, f"@dead show: {shape}",
               letter and letter["cause"])
        got = node.acta("dead", "show", ident, "-o", "json")
        tap.equal(got.returncode, 0, f"acta dead show: {shape}")


def cli(node):
    got = node.acta("call", "nest/1", "make", "-o", "json")
    tap.ok(got.returncode == 0 and json.loads(got.stdout)["result"] ==
           {"v": LIMITS["deep"]}, "acta call", got.stderr)
    for shape in ("deep", "broad"):
        got = node.acta("state", "nest/rows-" + shape, "-o", "json")
        value = LIMITS[shape]
        value = {"d": value} if shape == "deep" else value
        tap.ok(got.returncode == 0 and json.loads(got.stdout) ==
               {"row": value, "taken": 1, "takes": 1}, f"acta state: {shape}",
               got.stderr)
    tap.equal(node.acta("state", "nest/rows-large").returncode, 0,
              "acta state: large")


with Node(SERVICES) as shop:
    shop.start()
    context = zmq.Context()
    one = Client(context, shop.local)
    calls(one)
    many(one)
    spoken_in_json(one)
    lists(one)
    dead(one, shop)
    cli(shop)
    tap.ok("bad-link" not in shop.log(), "no frame was refused", shop.log())
    context.destroy(linger=0)
tap.done()
