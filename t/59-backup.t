#!/usr/bin/python3
"""Claim: a backup that is taken while 32 clients write and services are killed is
of one instant: restored elsewhere, what was answered before it is there, what was
under way goes on to its end, once, the marketplace's invariants hold and both ends
of every channel agree. Restored over one half only, that is found and named. Backup
and restore may be killed anywhere: what is left is nothing, or all of it.
SEED=n: other moments.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t"),
                os.path.join(TOP, "actors", "marketplace")]
import acta_store  # noqa: E402
import acta_tap as tap  # noqa: E402
import check  # noqa: E402
import client  # noqa: E402
import demo  # noqa: E402
from acta_node import ACTA, Node  # noqa: E402

SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
chance = random.Random(SEED)
BACKUPS = 3
KILLED = 20  # backups, and restores
SETTINGS = "{intensity: 1000, period: 1s}"


class Log(list):
    """The client's log, line by line as it comes."""

    def write(self, text):
        self.extend(text.splitlines())

    def flush(self):
        pass

    def as_of(self, count, path):
        """What was asked; what was answered when there were `count` lines."""
        with open(path, "w", encoding="utf-8") as out:
            for n, line in enumerate(list(self)):
                if n < count or "outcome" not in json.loads(line):
                    out.write(line + "\n")
        return path


class Load(threading.Thread):
    """Checkouts, 32 at a time, until it is told to end."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.log = node, Log()
        self.loaded, self.over = threading.Event(), threading.Event()
        self.result, self.trouble = None, None

    def run(self):
        try:
            caller = client.Caller([self.node.call])
            shop = client.Shop(SEED, 200, 200)
            client.load_shop(caller, shop, self.log, demo.FAIL_PERCENT)
            self.loaded.set()
            self.result = client.run_load(caller, shop, self.log,
                                          lambda: not self.over.is_set())
            caller.close()
        except Exception as e:  # told below, by the test
            self.trouble = repr(e)
        self.loaded.set()

    def done(self):
        return sum("outcome" in line for line in list(self.log))


def kill(node, name):
    pid = node.pid(name)
    if pid:
        os.kill(pid, signal.SIGKILL)


def histories(data):
    return {name: acta_store.read_store(os.path.join(data, name, "0"))["meta"]
            for name in ("stock", "payment", "order")}


def broken(data, log):
    return [(claim, problems[:3]) for claim, problems
            in check.check(data, log) if problems]


def reconcile(node, data):
    run = node.acta("reconcile", data, "-o", "json")
    return run.returncode, [c for c in json.loads(run.stdout)["channels"]
                            if not c["agrees"]]


def live(node, load):
    """Backups under load, with a kill before, during or after each."""
    made = []
    for n in range(BACKUPS):
        before = load.done()
        tap.until(lambda: load.done() > before + 300, 30)
        dest = os.path.join(node.dir, f"backup-{n}")
        count = len(load.log)
        killer = threading.Timer(chance.random() * 0.2, kill,
                                 (node, chance.choice(["stock", "payment",
                                                       "order"])))
        killer.start()
        run = node.acta("store", "backup", dest, "-o", "json", seconds=60)
        killer.join()
        tap.equal(run.returncode, 0, f"backup {n}, under load and a kill",
                  run.stderr)
        told = json.loads(run.stdout)
        tap.diag(told)
        tap.equal(told["stores"], 3, "has all stores")
        tap.ok(told["held_ms"] < 1000, "the node was held for less than a "
               f"second: {told['held_ms']} ms")
        made.append((dest, count))
        before = load.done()
        tap.ok(tap.until(lambda: load.done() > before + 50, 30),
               "the node goes on")
    return made


def killed_backups(node, load):
    """F17: what is left of a backup that was killed is no backup."""
    whole = 0
    for n in range(KILLED):
        dest = os.path.join(node.dir, f"killed-{n}")
        process = subprocess.Popen([ACTA, "store", "backup", dest],
                                   env=node.env(), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            process.wait(chance.random() * 0.25)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        got = node.acta("store", "restore", dest,
                        os.path.join(node.dir, "from-killed"))
        if got.returncode == 0:
            whole += 1
            shutil.rmtree(os.path.join(node.dir, "from-killed"))
        elif got.returncode != 3 or os.path.exists(
                os.path.join(node.dir, "from-killed")):
            tap.ok(False, "a backup that was killed", got.stderr)
        shutil.rmtree(dest, ignore_errors=True)
    before = load.done()
    tap.ok(tap.until(lambda: load.done() > before + 50, 30),
           f"{KILLED} backups killed, {whole} at their end: the node goes on")


def restored(node, load, dest, count, n):
    """Elsewhere: a node of its own, on the restored data."""
    data = os.path.join(node.dir, f"restored-{n}")
    run = node.acta("store", "restore", dest, data)
    tap.equal(run.returncode, 0, f"restore {n}", run.stderr)
    code, wrong = reconcile(node, data)
    tap.equal((code, wrong), (0, []), "as of its instant all channels agree")
    ids, was = histories(data), histories(node.data)
    tap.ok(all(ids[s]["history"] != was[s]["history"] and
               ids[s]["parent"] == was[s]["history"] for s in ids),
           "each is another store, and says of which it came")
    with Node(demo.services(), SETTINGS, data=data) as other:
        other.start()
        tap.ok(other.quiet(), "what was under way comes to its end",
               other.ps(), other.acta("channel").stdout)
        alarms = [a for row in other.ps() for a in row["alarms"]]
        tap.equal(alarms, [], "no channel stops")
        extra = other.acta("call", "stock/1", "load", "qty=0", "version=0")
        tap.ok(extra.returncode in (0, 1), "it answers", extra.stderr)
        tap.equal(other.stop(), 0, "it stops")
        log = load.log.as_of(count, os.path.join(other.dir, "client.log"))
        tap.equal(broken(data, log), [], "all ten invariants hold")
        tap.equal(reconcile(node, data), (0, []), "reconcile is clean")


def killed_restores(node, dest):
    """F17: all of it is there, or nothing; and the next try does it."""
    data = os.path.join(node.dir, "again")
    early = late = 0
    for _ in range(KILLED):
        process = subprocess.Popen(
            [ACTA, "store", "restore", dest, data], env=node.env(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(chance.random() * 0.2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if os.path.exists(data):
            late += 1
            if len(histories(data)) != 3 or reconcile(node, data)[0] != 0:
                tap.ok(False, "a restore that was killed")
            shutil.rmtree(data)
        else:
            early += 1
    begun = 0
    names = ("stock", "order", "payment")
    for _ in range(KILLED):  # the same of single services
        os.mkdir(data)
        process = subprocess.Popen(
            [ACTA, "store", "restore", dest, data, *names], env=node.env(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(chance.random() * 0.2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        begun += 0 < len(os.listdir(data)) < 3
        run = node.acta("store", "restore", dest, data, *names)
        if run.returncode not in (0, 5) or len(histories(data)) != 3 or \
                reconcile(node, data)[0] != 0 or \
                os.path.exists(data + ".restore"):
            tap.ok(False, "single services, killed and done again", run.stderr)
        shutil.rmtree(data)
    tap.diag(f"{begun} were killed between two services")
    run = node.acta("store", "restore", dest, data)
    tap.equal((run.returncode, reconcile(node, data)[0]), (0, 0),
              f"{early} restores killed before, {late} after: the next does it",
              run.stderr)
    run = node.acta("store", "restore", dest, data)
    tap.equal((run.returncode, os.path.exists(data + ".restore")), (5, False),
              "what is there is not overwritten")


def half(node, dest):
    """One service from the backup, the others as they went on."""
    shutil.move(os.path.join(node.data, "stock"),
                os.path.join(node.dir, "away"))
    run = node.acta("store", "restore", dest, node.data, "stock")
    tap.equal(run.returncode, 0, "stock alone is restored", run.stderr)
    tap.ok(not os.path.exists(node.data + ".restore"), "nothing is left over")
    code, wrong = reconcile(node, node.data)
    named = {c["from"] for c in wrong} | {c["to"] for c in wrong}
    tap.ok(code == 8 and "stock.0" in named and
           all("stock.0" in (c["from"], c["to"]) for c in wrong),
           "reconcile names its channels and no other", wrong)
    node.start()
    caller = client.Caller([node.call])
    shop = client.Shop(SEED + 1, 200, 200)
    for n in range(20):
        tid, customer, args = shop.checkout()
        caller.submit(tid, f"order/{customer}", "checkout", args,
                      lambda *_: None)

    def found():
        caller.step()
        return {a["name"] for row in node.ps() for a in row["alarms"]
                if a["name"].startswith("channel-")}

    names = tap.until(found, 20)
    tap.ok(names, "the running node has an alarm", node.ps())
    told = json.loads(node.acta("channel", "-o", "json").stdout)["channels"]
    stopped = [c for c in told if c["state"] == "stopped"]
    tap.ok(stopped and all("stock.0" in (c["of"], c["peer"])
                           for c in stopped),
           "and names the channels that have stopped", told)
    caller.close()
    node.stop()


def refusals(node, dest):
    """What cannot be is refused, and nothing is touched."""
    bad = os.path.join(node.dir, "bad")
    for args, code in (
            (("backup",), 2), (("restore", dest), 2), (("mend",), 2),
            (("backup", dest), 5), (("restore", node.dir, bad), 3),
            (("restore", dest, bad, "stock"), 3),
            (("restore", dest, node.data, "nosuch"), 3),
            (("backup", bad, os.path.join(node.dir, "none")), 3)):
        run = node.acta("store", *args)
        tap.equal((run.returncode, os.path.exists(bad)), (code, False),
                  "acta store " + " ".join(args)[:60], run.stderr)
    shutil.copytree(dest, bad)
    path = os.path.join(bad, "@backup")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace('"turn": ', '"turn": 1', 1))
    run = node.acta("store", "restore", bad, bad + "-data")
    tap.ok(run.returncode == 3 and not os.path.exists(bad + "-data"),
           "a backup whose list was changed", run.stderr)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    shutil.rmtree(os.path.join(bad, "order", "0"))
    shutil.copytree(os.path.join(bad, "stock", "0"),
                    os.path.join(bad, "order", "0"))
    run = node.acta("store", "restore", bad, bad + "-data")
    tap.ok(run.returncode == 1 and "not what was backed up" in run.stderr and
           not os.path.exists(bad + "-data"),
           "a store in the place of another", run.stderr)


def stopped_node(node):
    """Without a node: of its data, which must not run."""
    dest = os.path.join(node.dir, "cold")
    run = node.acta("store", "backup", dest, node.data)
    tap.equal(run.returncode, 0, "a stopped node is backed up", run.stderr)
    data = os.path.join(node.dir, "cold-data")
    run = node.acta("store", "restore", dest, data)
    tap.equal((run.returncode, reconcile(node, data)), (0, (0, [])),
              "and restored", run.stderr)


def names():
    """A service may have any name: none is the backup's own."""
    folder = tempfile.mkdtemp(prefix="acta-")
    env = dict(os.environ, PATH=os.path.dirname(os.path.abspath(ACTA)) + ":" +
               os.environ["PATH"])
    try:
        subprocess.run(["acta", "new", "service", "backup"], cwd=folder,
                       env=env, check=True, stderr=subprocess.DEVNULL)
        made = os.path.join(folder, "backup")
        subprocess.run(["make", "-s"], cwd=made, env=env, check=True)
        with Node(f"  - {{name: backup, load: {made}/backup.so}}\n") as node:
            node.start()
            node.acta("call", "backup/1", "restock", "qty=7")
            dest, data = (os.path.join(folder, n) for n in ("dest", "data"))
            run = node.acta("store", "backup", dest)
            tap.equal(run.returncode, 0, "a service called backup is copied",
                      run.stderr)
            run = node.acta("store", "restore", dest, data)
            tap.equal(run.returncode, 0, "and restored", run.stderr)
            run = node.acta("state", "backup/1", data)
            tap.equal(run.stdout, "available  7\n", "with its rows",
                      run.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    tap.diag(f"SEED={SEED}")
    with Node(demo.services(), SETTINGS) as node:
        node.start()
        load = Load(node)
        load.start()
        load.loaded.wait(60)
        made = live(node, load)
        run = node.acta("store", "backup", os.path.join(node.dir, "cold"),
                        node.data)
        tap.ok(run.returncode == 5 and "held by process" in run.stderr,
               "data that run are not backed up as if they did not",
               run.stderr)
        killed_backups(node, load)
        load.over.set()
        load.join(90)
        tap.ok(load.trouble is None and load.result.unanswered == 0 and
               not load.result.unexpected, "all clients were answered",
               load.trouble)
        tap.ok(node.quiet(), "it comes to rest")
        tap.equal(node.stop(), 0, "the node stops")
        log = load.log.as_of(len(load.log), os.path.join(node.dir, "all.log"))
        tap.equal(broken(node.data, log), [], "it took no harm")
        for n, (dest, count) in enumerate(made):
            restored(node, load, dest, count, n)
        stopped_node(node)
        refusals(node, made[0][0])
        killed_restores(node, made[0][0])
        half(node, made[0][0])
    names()
    tap.done()


main()
