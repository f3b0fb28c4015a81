#!/usr/bin/python3
"""Claim: `acta store` tells of a running store through its worker and of a stopped
one from its file, the same; finds every damage of a file, or there is none; puts a
stopped store anew, also if it was killed while it did; and backs up a node of many
partitions of which some are down and some in memory. SEED=n: other damage.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_store  # noqa: E402
import acta_tap as tap  # noqa: E402
from acta_node import ACTA, BUILD, Node  # noqa: E402

SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
chance = random.Random(SEED)
PAGE = 4096
FLIPS = 300
PARTS = 3
KEYS = {"service", "part", "parts", "in_memory", "history", "incarnation",
        "turn", "last_ms", "used_bytes", "free_pages", "file_bytes", "quota",
        "journal_first", "journal_last", "journal_bytes", "replay_from",
        "keep_from", "rows_active", "rows_frozen", "memory", "followers"}
# What an opening, a merge while idle or the asker's own view may change.
MOVES = {"used_bytes", "free_pages", "file_bytes", "quota", "journal_first",
         "journal_bytes", "replay_from", "keep_from", "rows_active",
         "rows_frozen", "memory"}


def services():
    return "".join(f"""\
  - name: {name}
    load: {BUILD}/t/services/{name}.so
    partitions: {PARTS}
    store: {{quota: 64MiB}}
""" for name in ("bench-spread", "bench-lines")) + f"""\
  - name: memo
    load: {BUILD}/t/services/memo.so
"""


def stores(run):
    return json.loads(run.stdout)["stores"]


def steady(row):
    return {k: v for k, v in row.items() if k not in MOVES}


def contents(folder):
    store = acta_store.read_store(folder)
    return {name: rows for name, rows in store.items() if name != "meta"}


def info(node):
    run = node.acta("store", "info", "-o", "json")
    tap.equal((run.returncode, len(stores(run))), (0, 2 * PARTS + 1),
              "info of all partitions of a running node", run.stderr)
    rows = stores(run)
    tap.equal([set(row) for row in rows], [KEYS] * len(rows),
              "with all that acta(1) names")
    tap.equal({(r["service"], r["part"], r["parts"]) for r in rows},
              {("bench-spread", p, PARTS) for p in range(PARTS)} |
              {("bench-lines", p, PARTS) for p in range(PARTS)} |
              {("memo", 0, 1)}, "each once")
    tap.equal([r["service"] for r in rows if r["in_memory"]],
              ["memo"], "one is in memory")
    tap.ok(all(r["turn"] > 0 and r["quota"] == 64 << 20 and
               len(r["history"]) == 32 and 0 < r["used_bytes"] <
               r["file_bytes"] + 1 and r["followers"] == []
               for r in rows if r["service"] == "bench-lines"),
           "with their numbers", rows)
    one = node.acta("store", "info", "bench-lines")
    tap.ok(one.returncode == 0 and one.stdout.count("bench-lines.") == PARTS
           and "bench-spread" not in one.stdout, "of one service, as a table",
           one.stdout)
    tap.equal([node.acta("store", "info", "nosuch").returncode,
               node.acta("store", "info", "no/such").returncode,
               node.acta("store", "info", node.run).returncode], [3, 3, 3],
              "no such service, no such folder, no store in it")
    return rows


def scrub(node, what):
    run = node.acta("store", "scrub", what, "-o", "json")
    return run.returncode, json.loads(run.stdout), run.stderr


def damaged(node, folder):
    """A bit of a copy is turned: it is told of, or it changed nothing."""
    copy = os.path.join(node.dir, "damaged")
    path = os.path.join(copy, "data.mdb")
    was = contents(folder)
    found = harmless = 0
    with open(os.path.join(folder, "data.mdb"), "rb") as f:
        whole = f.read()
    for n in range(FLIPS):
        shutil.rmtree(copy, ignore_errors=True)
        os.mkdir(copy)
        at = n % (len(whole) // PAGE) * PAGE + chance.randrange(PAGE)
        with open(path, "wb") as f:
            f.write(whole[:at] + bytes([whole[at] ^ 1 << n % 8]) +
                    whole[at + 1:])
        code, told, words = scrub(node, copy)
        if code == 8 and not told["sound"] and told["stores"][0]["bad"]:
            found += 1
            continue
        try:
            same = code == 0 and told["sound"] and contents(copy) == was
        except Exception as e:  # whatever the reader makes of it
            same = f"{e!r}"
        if same is not True:
            tap.ok(False, f"byte {at} of {path}", code, told, words, same)
        harmless += 1
    tap.ok(found > 10, f"{FLIPS} bits turned: {found} told of, {harmless} "
           "changed nothing")


def compacted(node, folder):
    was = contents(folder)
    before = os.path.getsize(os.path.join(folder, "data.mdb"))
    for _ in range(20):
        process = subprocess.Popen([ACTA, "store", "compact", folder],
                                   env=node.env(), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            process.wait(chance.random() * 0.05)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if contents(folder) != was:
            tap.ok(False, "killed while it was put anew it is the same")
    run = node.acta("store", "compact", folder, "-o", "json")
    tap.equal(run.returncode, 0, "it is put anew", run.stderr)
    told = stores(run)[0]
    tap.ok(told["bytes_after"] == os.path.getsize(
        os.path.join(folder, "data.mdb")) <= before, "in fewer pages", told)
    tap.ok(contents(folder) == was, "and is the same")
    tap.equal(sorted(os.listdir(folder)), ["data.mdb", "lock", "lock.mdb"],
              "nothing else is left")


def main():
    tap.diag(f"SEED={SEED}")
    with Node(services()) as node:
        node.start()
        for n in range(12):
            node.acta("send", f"bench-spread/{n}", "start", "actors=32",
                      "count=100")
        node.quiet()
        rows = info(node)
        code, told, words = scrub(node, "bench-lines")
        tap.ok(code == 0 and told["sound"] and len(told["stores"]) == PARTS and
               all(s["rows"] > 0 for s in told["stores"]),
               "running stores are scrubbed", told, words)
        run = node.acta("store", "compact", os.path.join(node.data,
                                                         "bench-lines"))
        tap.ok(run.returncode == 5 and "held by process" in run.stderr,
               "a running one is not put anew", run.stderr)

        # Some are down while the others write.
        node.acta("stop", "bench-lines")
        for n in range(12):
            node.acta("send", f"bench-spread/{n}", "start", "actors=32",
                      "count=100")
        dest, data = (os.path.join(node.dir, n) for n in ("dest", "elsewhere"))
        run = node.acta("store", "backup", dest, "-o", "json")
        tap.equal((run.returncode, json.loads(run.stdout)["stores"]),
                  (0, 2 * PARTS), "a backup of what runs and what does not",
                  run.stdout, run.stderr)
        down = node.acta("store", "info", "bench-lines")
        tap.ok(down.returncode != 0 and down.stderr, "info of one that is down"
               " says so", down.stderr)
        tap.diag(down.stderr)
        run = node.acta("store", "restore", dest, data)
        tap.equal((run.returncode, node.acta("reconcile", data).returncode),
                  (0, 0), "is of one instant", run.stderr)
        node.acta("start", "bench-lines")
        node.quiet()
        tap.equal(node.stop(), 0, "the node stops")
        with Node(services(), data=data) as other:
            other.start()
            tap.ok(other.quiet(), "what waited in it is taken")
            taken = sum(c.get("taken", 0) for c in json.loads(
                other.acta("channel", "-o", "json").stdout)["channels"]
                if c["way"] == "from" and c["of"].startswith("bench-lines"))
            other.stop()
        tap.ok(12 * 3200 <= taken <= 24 * 3200,
               f"all that was sent until then: {taken}")

        # The stopped ones are what they said they were.
        run = node.acta("store", "info", os.path.join(node.data,
                                                      "bench-lines"),
                        "-o", "json")
        again = stores(run)
        was = [r for r in rows if r["service"] == "bench-lines"]
        tap.ok(run.returncode == 0 and
               [r["history"] for r in again] == [r["history"] for r in was] and
               all(a["incarnation"] == b["incarnation"] + 1 and
                   a["turn"] > b["turn"] and a["quota"] is None
                   for a, b in zip(again, was)),
               "info of stopped stores, from their files", again, was)
        by_hand = acta_store.read_store(os.path.join(
            node.data, "bench-lines", "0"))["meta"]
        tap.equal({k: again[0][k] for k in ("turn", "incarnation", "history",
                                            "replay_from", "keep_from",
                                            "last_ms")},
                  {k: by_hand[k] for k in ("turn", "incarnation", "history",
                                           "replay_from", "keep_from",
                                           "last_ms")} |
                  {"history": by_hand["history"].hex()},
                  "as an independent reader has it")
        code, told, words = scrub(node, node.data)
        tap.ok(code == 0 and len(told["stores"]) == 2 * PARTS,
               "all stopped stores are scrubbed", told, words)
        folder = os.path.join(node.data, "bench-spread", "1")
        compacted(node, folder)
        damaged(node, folder)  # which has no free pages now
        run = node.acta("store", "compact", node.data)
        tap.equal(run.returncode, 0, "all of a node", run.stderr)
        tap.equal(node.acta("reconcile", node.data).returncode, 0,
                  "whose channels agree")
        node.start()
        node.acta("send", "bench-spread/1", "start", "actors=32", "count=10")
        tap.ok(node.quiet(), "and it goes on")
    tap.done()


main()
