#!/usr/bin/python3
"""Claim: a handler outside the turn may block: other actors go on meanwhile, and
its own actor's next message waits. It runs at least once, and with the id that it
hands on, which is the same on every attempt, the world can make that once: each
letter is one file, each POST reaches the server, whatever is killed -9 when; the
service's own count is exact. One that crashes its process is blamed, not whoever
else was at work; one that hangs is ended at its limit.
"""
import collections
import http.server
import json
import os
import random
import signal
import sys
import threading
import time

import msgpack
import zmq

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_store  # noqa: E402
import acta_tap as tap  # noqa: E402
from acta_node import BUILD, Node  # noqa: E402

LETTERS = 300
POSTS = 300
KILLS = 20
seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
chance = random.Random(seed)
tap.diag(f"SEED={seed}")

posted = collections.Counter()  # by (Idempotency-Key, text)
held = threading.Event()        # set: a POST of "wait" is answered
came = threading.Event()        # one has come
refusals = collections.Counter()


class Server(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        key = self.headers["Idempotency-Key"]
        posted[key, text] += 1
        status = 204
        if text == "wait":
            came.set()
            held.wait(60)
        elif text == "never":
            status = 410
        elif text == "twice" and posted[key, text] < 3:
            status = 503
        self.send_response(status)
        self.end_headers()

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()


def service(name, more=""):
    return f"""\
  - name: {name}
    load: {BUILD}/{"t/services" if name == "blocks" else "actors/outside"}/\
{name}.so
    max_crashes: 2
    max_attempts: 5
    shutdown: 2s
    backoff: {{min: 1ms, max: 10ms}}
{more}"""


def rows(node, name, row):
    tables = acta_store.read_store(os.path.join(node.data, name, "0"))
    return sum(msgpack.unpackb(value)
               for key, value in tables["state"].items()
               if key[1 + key[0]:] == row.encode())


class Client:
    def __init__(self, context, node):
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(node.call)
        self.answers = {}

    def send(self, ident, to, do, args, timeout=120000):
        self.socket.send(msgpack.packb({
            "to": to, "do": do, "id": ident, "args": args,
            "timeout": timeout}))

    def take(self, seconds):
        if not self.socket.poll(int(seconds * 1000)):
            return None
        answer = msgpack.unpackb(self.socket.recv())
        self.answers[answer["id"]] = answer
        return answer["id"]

    def wait(self, ident, seconds=60):
        end = time.monotonic() + seconds
        while ident not in self.answers and time.monotonic() < end:
            self.take(1)
        return self.answers.get(ident)


context = zmq.Context()
with Node(service("post") + service("hook") + service("blocks"),
          supervisor="{intensity: 1000, period: 1s}") as node:
    folder = os.path.join(node.dir, "mail")
    os.makedirs(os.path.join(folder, "tmp"))
    os.makedirs(os.path.join(folder, "new"))
    with open(node.file, encoding="utf-8") as f:
        text = f.read()
    text = text.replace("post.so\n", "post.so\n    settings: {folder: "
                        f"{folder}}}\n")
    text = text.replace("hook.so\n", "hook.so\n    settings: {port: "
                        f"{server.server_port}}}\n")
    with open(node.file, "w", encoding="utf-8") as f:
        f.write(text)
    node.start()
    client = Client(context, node)

    # While one is outside, others go on; its own actor's messages wait.
    client.send("wait", "hook/slow", "tell", {"text": "wait"})
    tap.ok(came.wait(30), "a handler blocks in the world")
    client.send("behind", "hook/slow", "tell", {"text": "behind"})
    for n in range(20):
        client.send(f"beside-{n}", f"hook/{n}", "tell", {"text": "beside"})
    for n in range(20):
        client.wait(f"beside-{n}")
    tap.equal(sorted(client.answers),
              sorted(f"beside-{n}" for n in range(20)),
              "others are served meanwhile, and its actor's next waits")
    held.set()
    tap.equal([client.wait(name)["ok"] for name in ("wait", "behind")],
              [True, True], "then both are")

    # What the world says.
    client.send("never", "hook/no", "tell", {"text": "never"})
    client.send("twice", "hook/later", "tell", {"text": "twice"})
    tap.equal(client.wait("never").get("error", {}).get("code"), "refused",
              "a 4xx is a refusal")
    tap.equal((client.wait("twice")["ok"],
               [n for (_, text), n in posted.items() if text == "twice"]),
              (True, [3]), "a 5xx is tried again, under the same key")

    # Under kills.
    todo = [("post", f"post/{n % 40}", "letter",
             {"to": f"to-{n}", "text": "x" * n}) for n in range(LETTERS)] + \
        [("hook", f"hook/{n % 40}", "tell", {"text": f"post-{n}"})
         for n in range(POSTS)]
    chance.shuffle(todo)
    for n, (_, to, do, args) in enumerate(todo):
        client.send(f"w-{n}", to, do, args)
    kills = 0
    names = {f"w-{n}" for n in range(len(todo))}
    end = time.monotonic() + 90
    while not names <= set(client.answers) and time.monotonic() < end:
        client.take(0.01)
        if kills < KILLS and chance.random() < 0.2:
            pid = node.pid(chance.choice(("post", "hook")))
            try:
                if pid:
                    os.kill(pid, signal.SIGKILL)
                    kills += 1
            except ProcessLookupError:
                pass
    bad = [client.answers.get(name) for name in names
           if not client.answers.get(name, {}).get("ok")]
    tap.equal(bad[:3], [], f"{kills} kills, each letter and POST is answered")
    files = [client.answers[f"w-{n}"]["result"]["file"]
             for n, what in enumerate(todo) if what[0] == "post"]
    tap.equal(sorted(os.listdir(os.path.join(folder, "new"))), sorted(files),
              "each letter is one file, named as its answer says")
    keys = collections.defaultdict(set)
    for key, text in posted:
        keys[text].add(key)
    tap.equal([n for n in range(POSTS) if len(keys[f"post-{n}"]) != 1], [],
              "each POST came, under one key")

    # A crash outside: the guilty one is a dead letter, nobody else.
    client.send("sleeps", "blocks/a", "sleep", {"ms": 3000})
    client.send("crash", "blocks/b", "crash", {})
    tap.equal(client.wait("crash").get("error", {}).get("code"), "failed",
              "one that crashes its process is told so")
    tap.equal(client.wait("sleeps")["ok"], True,
              "who was at work beside it is run again, and done")
    dead = json.loads(node.acta("dead", "ls", "-o", "json").stdout)["dead"]
    tap.equal([(d["to"], d["cause"]) for d in dead], [("blocks/b", "crashed")],
              "and is not blamed")
    client.send("hang", "blocks/c", "hang", {})
    tap.equal(client.wait("hang").get("error", {}).get("code"), "failed",
              "one that hangs is ended at its limit, and is a dead letter")

    # Stopping does not wait for the world for longer than it may.
    client.send("long", "blocks/d", "sleep", {"ms": 60000})
    tap.until(lambda: node.row("blocks")["queue"] > 0, 10)
    tap.equal(node.stop(), 0, "the node stops while a handler is outside")
    tap.equal(rows(node, "post", "letters"), LETTERS, "post has counted each once")
    tap.equal(rows(node, "hook", "told"), POSTS + 23, "and hook")
tap.done()
