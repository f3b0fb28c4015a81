#!/usr/bin/python3
"""Follow a topic from any language, here Python: each event once, in the order of
its partition, whatever is killed meanwhile. follow.py CALL EVENTS TOPIC PARTS FILE

FILE has a line for each event heard, and so says where to go on: whoever keeps
what it made of an event and the event's seq in one place, misses and repeats none.
"""
import json
import sys

import msgpack
import zmq


def follow(call, events, topic, last, hear):
    """last: {part: seq}, what was heard before; hear(event) keeps it."""
    context = zmq.Context.instance()
    sub = context.socket(zmq.SUB)
    sub.connect(events)
    sub.subscribe(topic + "/")
    heads = {part: seq + 1 for part, seq in last.items()}  # ask once at first
    while True:
        for part in [p for p, head in heads.items() if head > last.get(p, 0)]:
            with context.socket(zmq.REQ) as ask:
                ask.linger = 0
                ask.connect(call)
                ask.send_json({"to": "@events", "do": "replay", "args": {
                    "topic": topic, "part": part, "after": last.get(part, 0)}})
                answer = ask.recv_json() if ask.poll(2000) else {"ok": False}
            if not answer["ok"]:
                continue  # its service or the door is down: asked again below
            for event in answer["result"]["events"]:
                hear(event)
                last[part] = event["seq"]
            if not answer["result"]["more"]:
                heads[part] = last.get(part, 0)
        while sub.poll(0 if any(heads[p] > last.get(p, 0) for p in heads)
                       else 1000):
            event = msgpack.unpackb(sub.recv_multipart()[1], timestamp=1)
            part, seq = event["part"], event.get("seq", event.get("head"))
            if seq == last.get(part, 0) + 1 and "seq" in event:
                hear(event)
                last[part] = seq
            heads[part] = max(heads.get(part, 0), seq)


if __name__ == "__main__":
    out = open(sys.argv[5], "a+", encoding="utf-8")
    out.seek(0)
    seen = {part: 0 for part in range(int(sys.argv[4]))}
    seen.update({e["part"]: e["seq"] for e in map(json.loads, out)})

    def keep(event):
        out.write(json.dumps(event) + "\n")
        out.flush()

    follow(*sys.argv[1:4], seen, keep)
