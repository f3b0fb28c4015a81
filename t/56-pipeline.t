#!/usr/bin/python3
"""Claim: of a stage of competing workers each gets its share of the work, each
piece is done once and joined once, also while the stage and the sender are
killed -9; a client's id always finds the same worker. Judged by the answers and
by the files of the stopped node.
"""
import os
import random
import signal
import sys
import time

import msgpack
import zmq

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_store  # noqa: E402
import acta_tap as tap  # noqa: E402
from acta_node import BUILD, Node  # noqa: E402

PARTS = 4
TEXTS = 400
WINDOW = 16
KILLS = 15  # of each service
IDS = 40

seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
chance = random.Random(seed)
tap.diag(f"SEED={seed}")


def a_text():
    return "\n".join(" ".join("w" * chance.randint(1, 9)
                              for _ in range(chance.randint(0, 12)))
                     for _ in range(chance.randint(1, 40)))


texts = [a_text() for _ in range(TEXTS)]
lines = 2  # of the README's text
for text in texts:
    rest = text
    while rest:  # as text.c does it
        lines += 1
        rest = rest.partition("\n")[2]

node = Node(f"""\
  - name: text
    load: {BUILD}/actors/pipeline/text.so
    max_crashes: 1000
    backoff: {{min: 1ms, max: 10ms}}
  - name: words
    load: {BUILD}/actors/pipeline/words.so
    partitions: {PARTS}
    workers: 2
    max_crashes: 1000
    backoff: {{min: 1ms, max: 10ms}}
  - name: stock
    load: {BUILD}/t/services/stock.so
    partitions: {PARTS}
""", supervisor="{intensity: 1000, period: 1s}")
node.start()
context = zmq.Context()
socket = context.socket(zmq.DEALER)
socket.linger = 0
socket.connect(node.call)

todo = list(range(TEXTS))
waiting, answers, killed = set(), {}, 0
kill_at = sorted(chance.sample(range(TEXTS), 2 * KILLS))
victims = ["text", "words"] * KILLS
end = time.monotonic() + 120
while len(answers) < TEXTS and time.monotonic() < end:
    while todo and len(waiting) < WINDOW:
        n = todo.pop()
        waiting.add(n)
        socket.send(msgpack.packb({
            "to": f"text/{n}", "do": "count", "id": f"text-{n}",
            "args": {"text": texts[n]}, "timeout": 120000}))
    if socket.poll(1000):
        answer = msgpack.unpackb(socket.recv())
        n = int(answer["id"].split("-")[1])
        waiting.discard(n)
        answers[n] = answer
    while kill_at and len(answers) >= kill_at[0]:
        kill_at.pop(0)
        pid = node.pid(victims.pop())
        if pid:
            os.kill(pid, signal.SIGKILL)
            killed += 1
tap.ok(killed >= KILLS, f"{killed} kills meanwhile")
tap.equal(len(answers), TEXTS, "each text is answered")
tap.equal([n for n, a in answers.items() if not a["ok"] or
         a["result"]["words"] != len(texts[n].split())], [],
        "each with its number of words")

def ask(request):
    socket.send(msgpack.packb(request))
    return msgpack.unpackb(socket.recv())


answer = ask({"to": "words/@any", "do": "count", "args": {"line": "a"}})
tap.equal(answer["error"]["code"], "denied",
          "what is for services only is so for workers, too")
asked = [{"to": "stock/@any", "do": "restock", "id": f"restock-{n}",
          "args": {"qty": 1}} for n in range(IDS)]
first = [ask(request)["result"] for request in asked]
tap.equal([ask(request)["result"] for request in asked], first,
          "under an id the same worker answers, as before")
socket.close()
run = node.acta("call", "text/9x", "count", '{"text": "to be or not\\nto be"}')
tap.equal(run.stdout, '{"words": 6}\n', "as actors/README shows it", run.stderr)
tap.equal(node.stop(), 0, "the node stops")


def rows(service, name):
    """{actor: its row} over all partitions"""
    found = {}
    for part in range(PARTS):
        tables = acta_store.read_store(
            os.path.join(node.data, service, str(part)))
        for key, value in tables["state"].items():
            if key[1 + key[0]:] == name:
                found[key[1:1 + key[0]].decode()] = msgpack.unpackb(value)
    return found


share = rows("words", b"lines")
tap.equal(sum(share.values()), lines, "each line was counted once")
tap.ok(len(share) == PARTS and min(share.values()) * PARTS > lines / 2,
       "by one worker a partition, each its share", share)
share = rows("stock", b"available")
tap.equal(sum(share.values()), IDS, "what was asked twice was done once")
tap.ok(len(share) == PARTS, "by all of the workers", share)
node.remove()
tap.done()
