#!/usr/bin/python3
"""Claim: Python with pyzmq and msgpack, or with json alone, is a whole client:
REQ, DEALER, push, events with their gaps told, replay, safe retries.
"""
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
if "ACTA_CALL" not in os.environ:
    os.execv("/usr/bin/python3", ["python3", HERE + "/60-node.py",
                                  os.path.abspath(__file__)])
sys.path.insert(0, HERE)
import msgpack  # noqa: E402
import zmq  # noqa: E402

import acta_tap as tap  # noqa: E402

CTX = zmq.Context()


def connect(type, endpoint, *before):
    socket = CTX.socket(type)
    socket.linger = 0
    for option, value in before:
        socket.setsockopt(option, value)
    socket.connect(endpoint)
    return socket


def recv(socket, seconds=10):
    return socket.recv_multipart() if socket.poll(seconds * 1000) else None


def ask(socket, request):
    socket.send(msgpack.packb(request))
    frames = recv(socket)
    return msgpack.unpackb(frames[-1]) if frames else None


def calls():
    req = connect(zmq.REQ, os.environ["ACTA_CALL"])
    tap.equal(ask(req, {"to": "stock/py", "do": "restock",
                        "args": {"qty": 10}, "id": "py-1"}),
              {"id": "py-1", "ok": True, "result": {"available": 10}},
              "REQ and MessagePack")
    tap.equal(ask(req, {"to": "stock/py", "do": "restock",
                        "args": {"qty": 10}, "id": "py-1"}),
              {"id": "py-1", "ok": True, "result": {"available": 10}},
              "the same id again: the same answer, applied once")
    answer = ask(req, {"to": "stock/py", "do": "restock", "args": {"qty": 11},
                       "id": "py-1"})
    tap.equal(answer["error"]["code"], "id-reused",
              "the same id for something else")
    req.send_string(json.dumps({"to": "stock/py", "do": "reserve",
                                "args": {"qty": 3}, "id": 17}))
    tap.equal(json.loads(recv(req)[0]),
              {"id": 17, "ok": True, "result": {"left": 7}}, "JSON, in kind")
    tap.equal(ask(req, {"to": "stock/py", "do": "reserve",
                        "args": {"qty": 30}})["error"],
              {"code": "out-of-stock", "text": "7 left"}, "a refusal")
    answer = ask(req, {"to": "stock/py", "do": "reserv", "args": {"qty": 3}})
    tap.ok(answer["error"]["code"] == "unknown-type" and
           "reserve" in answer["error"].get("hint", ""),
           "a slip is told", answer)
    answer = ask(req, {"to": "stock/py", "do": "reserve",
                       "args": {"quantity": 3}})
    tap.ok(answer["error"]["code"] == "bad-args", "wrong args", answer)
    answer = ask(req, {"to": "stok/py", "do": "reserve"})
    tap.ok(answer["error"]["code"] == "unknown-service" and
           "stock" in answer["error"].get("hint", ""),
           "so is an unknown service", answer)
    tap.equal(ask(req, {"to": "stock/py", "do": "restock", "op": "send",
                        "args": {"qty": 1}})["ok"], True, "op send")
    relaxed = connect(zmq.REQ, os.environ["ACTA_CALL"],
                      (zmq.REQ_CORRELATE, 1), (zmq.REQ_RELAXED, 1))
    tap.equal(ask(relaxed, {"to": "@node", "do": "health"})["ok"], True,
              "REQ with correlation; health at a tcp door")
    tap.equal(ask(relaxed, {"to": "@node", "do": "metrics"})["error"]["code"],
              "denied", "metrics is for the local door")


def pipeline():
    dealer = connect(zmq.DEALER, os.environ["ACTA_LOCAL"])
    count = 2000
    for i in range(count):
        dealer.send_multipart([b"%d" % i, msgpack.packb(
            {"to": "stock/pipe", "do": "restock", "args": {"qty": 1},
             "id": "pipe-%d" % i})])
    lefts = {}
    for _ in range(count):
        frames = recv(dealer)
        if not frames:
            break
        answer = msgpack.unpackb(frames[1])
        lefts[int(frames[0])] = answer["ok"] and answer["result"]["available"]
    tap.equal([lefts.get(i) for i in range(count)],
              list(range(1, count + 1)),
              f"DEALER, {count} calls in flight: each once, in order")


def events():
    sub = connect(zmq.SUB, os.environ["ACTA_EVENTS"],
                  (zmq.SUBSCRIBE, b"stock.reserved/"))
    req = connect(zmq.REQ, os.environ["ACTA_CALL"])
    push = connect(zmq.PUSH, os.environ["ACTA_PUSH"])
    ask(req, {"to": "stock/ev", "do": "restock", "args": {"qty": 100}})
    end = time.monotonic() + 10
    seen = []
    # Until the subscription is there, what is published goes unseen.
    while not seen and time.monotonic() < end:
        ask(req, {"to": "stock/ev", "do": "reserve", "args": {"qty": 1}})
        while sub.poll(100):
            seen.append(sub.recv_multipart())
    first = [s for s in seen if s[0] != b"stock.reserved/"]
    tap.ok(first and first[0][0] == b"stock.reserved/ev", "an event", seen)
    event = msgpack.unpackb(first[0][1])
    tap.ok(event["from"] == "stock/ev" and event["data"] == {"qty": 1} and
           event["prev"] == event["seq"] - 1, "what it says", event)
    push.send(msgpack.packb({"to": "stock/ev", "do": "reserve",
                             "args": {"qty": 5}}))
    last, head = event, None
    while time.monotonic() < end and not (last["data"] == {"qty": 5} and
                                          head == last["seq"]):
        frames = recv(sub, 2)
        if not frames:
            continue
        body = msgpack.unpackb(frames[1])
        if "head" not in body:
            last = body
        elif body["part"] == event["part"]:
            head = body["head"]
    tap.ok(last["data"] == {"qty": 5}, "a push has its effect", last)
    tap.equal(head, last["seq"], "the head comes within a second or so")
    answer = ask(req, {"to": "@events", "do": "replay", "args": {
        "topic": "stock.reserved", "part": event["part"],
        "after": event["seq"] - 1, "limit": 1000}})
    replayed = [e for e in answer["result"]["events"]
                if e["from"] == "stock/ev"]
    tap.equal([e["seq"] for e in replayed if e["seq"] in
               (event["seq"], last["seq"])], [event["seq"], last["seq"]],
              "replay tells what was missed")


calls()
pipeline()
events()
CTX.destroy(linger=0)
tap.done()
