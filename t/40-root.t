#!/usr/bin/python3
"""t/40-root.t - acta-root with children that do what they are told: order,
restart, hold, escalation, blame, hangs, locks, operators. Every wait is for a
condition, under a deadline."""
import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from acta_tap import diag, done, equal, ok, until

BUILD = os.environ.get("BUILD", "build/plain")
ROOT = os.path.abspath(os.path.join(BUILD, "bin", "acta-root"))
HELPER = os.path.abspath(os.path.join(BUILD, "t", "helper-child"))
DEADLINE_S = 30


def wait_for(what, condition):
    got = until(condition, DEADLINE_S, 0.005)
    if not got:
        raise TimeoutError(what)
    return got


class Node:
    """A node in a folder of its own; children are lists of steps."""

    def __init__(self, children, folder=None, env=None, run=None, **plan):
        self.mine = folder is None
        self.dir = folder or tempfile.mkdtemp(prefix="acta-root-")
        self.run = run or os.path.join(self.dir, "run")
        lines = {"node": "shop", "data": os.path.join(self.dir, "data"),
                 "run": self.run, "announce": "acta: all are up",
                 "registry": os.path.join(self.dir, "nodes", "shop")}
        lines.update({key: str(value) for key, value in plan.items()})
        text = "".join("%s\t%s\n" % item for item in lines.items())
        for child in children:
            name, steps = child[0], child[1]
            options = child[2] if len(child) > 2 else {}
            options = dict({"program": HELPER}, **options)
            text += "child\t%s\n" % name
            for key, value in options.items():
                text += "%s\t%s\n" % (key, value)
            if "arg" not in options:
                for arg in ["helper-child", name] + [str(s) for s in steps]:
                    text += "arg\t%s\n" % arg
        path = os.path.join(self.dir, "plan-%d" % time.monotonic_ns())
        with open(path, "w") as file:
            file.write(text)
        bytes_ = subprocess.run([HELPER, "--plan", path], check=True,
                                stdout=subprocess.PIPE).stdout
        fd = os.memfd_create("plan")
        os.write(fd, bytes_)
        self.err = os.path.join(self.dir, "stderr-%d" % time.monotonic_ns())
        with open(self.err, "w") as err:
            self.root = subprocess.Popen(
                [ROOT, "--plan", str(fd)], pass_fds=[fd], cwd=self.dir,
                stderr=err, stdout=err,
                env=dict(os.environ, **(env or {})))
        os.close(fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.root.poll() is None:
            self.root.kill()
            self.root.wait()
        if self.mine:
            shutil.rmtree(self.dir, ignore_errors=True)

    def stderr(self):
        with open(self.err) as file:
            return file.read()

    def heard(self, name):
        try:
            with open(os.path.join(self.dir, name + ".heard")) as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def log(self, name):
        with open(os.path.join(self.run, "log", name + ".log"),
                  errors="replace") as file:
            return file.read()

    def ask(self, line):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
            sock.settimeout(DEADLINE_S)
            path = os.path.join(self.run, "root.sock")
            wait_for("the root's socket", lambda: os.path.exists(path))
            sock.connect(path)
            sock.sendall(line.encode() + b"\n")
            out = b""
            while True:
                part = sock.recv(65536)
                if not part:
                    return json.loads(out.decode())
                out += part

    def child(self, name):
        for service in self.ask("ps")["services"]:
            if service["service"] == name:
                return service

    def until(self, name, **want):
        def there():
            child = self.child(name)
            return child if all(child[key] == value
                                for key, value in want.items()) else None
        return wait_for("%s %r" % (name, want), there)

    def ready(self):
        wait_for("the announcement",
                 lambda: "all are up" in self.stderr() or
                 self.root.poll() is not None)
        return self

    def end(self, number=signal.SIGTERM):
        self.root.send_signal(number)
        return self.root.wait(DEADLINE_S)

    def events(self):
        """The order of things, from the node's log."""
        out = []
        for line in self.log("node").splitlines():
            parts = dict(part.split("=", 1) for part in line.split(" ")
                         if "=" in part)
            out.append((parts.get("event"), parts.get("service")))
        return out


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


SERVE = ["ready", "serve"]


def starts_in_order_and_stops_in_reverse():
    gate = "gate"
    children = [("a", ["wait-file", gate] + SERVE), ("b", SERVE),
                ("c", SERVE)]
    with Node(children) as node:
        wait_for("a", lambda: node.heard("a"))
        node.until("a", state="starting")
        equal([node.child(n)["state"] for n in "bc"], ["stopped", "stopped"],
            "nothing starts before the one before it is ready")
        equal(node.ask("health")["ok"], False, "not healthy while it starts")
        open(os.path.join(node.dir, gate), "w").close()
        node.ready()
        equal(node.ask("health")["ok"], True, "healthy once all are up")
        info = node.ask("info")
        equal((info["node"], info["pid"]), ("shop", node.root.pid), "info")
        with open(os.path.join(node.dir, "nodes", "shop")) as file:
            equal(file.read(), node.run + "\n", "the registry names the run "
                "folder")
        with open(os.path.join(node.run, "state")) as file:
            equal(json.load(file)["node"], "shop", "the state file is JSON")
        equal(os.stat(node.run).st_mode & 0o777, 0o700, "run is 0700")
        equal(os.stat(os.path.join(node.run, "root.sock")).st_mode & 0o777,
            0o600, "the socket is 0600")
        ups = [e for e in node.events() if e[0] == "up"]
        equal(ups, [("up", n) for n in "abc"], "up in order")
        equal(node.end(), 0, "SIGTERM: exit 0")
        stops = [e for e in node.events() if e[0] in ("stop", "down")]
        equal(stops, [(e, n) for n in "cba" for e in ("stop", "down")],
            "stopped in reverse, each at rest before the next is asked")
        ok("stop" in node.heard("a"), "asked by a STOP record")
        equal(node.stderr().count("all are up"), 1, "announced once")
        left = sorted(os.listdir(node.run))
        equal(left, ["lock", "log"], "nothing else is left in the run folder")
        ok(not os.path.exists(os.path.join(node.dir, "nodes", "shop")),
           "nor in the registry")


def comes_back_after_a_kill():
    with Node([("stock", ["waiting", 0] + SERVE), ("b", SERVE)]) as node:
        node.ready()
        first = node.child("stock")["pid"]
        other = node.child("b")["pid"]
        wait_for("a heartbeat", lambda: node.child("stock")["handled"])
        os.kill(first, signal.SIGKILL)
        node.until("stock", restarts=1, state="up")
        pid = node.child("stock")["pid"]
        ok(pid != first, "another process")
        equal(node.child("b")["pid"], other, "the other one did not notice")
        why = node.ask("why stock")
        cause = why["causes"][0]
        equal((cause["signal"], cause["phase"], cause["blamed"]),
            ("SIGKILL", "idle", False), "the cause is kept")
        ok(0 <= cause["back_ms"] < 1000, "back at once", cause["back_ms"])
        ok(why["text"].startswith("stock was killed by SIGKILL ") and
           "between messages, and was back after" in why["text"] and
           why["text"].endswith("(restart 1 of 5 in 30 s). Nothing was "
                                "waiting; nothing was lost."),
           "why tells it", why["text"])
        ok("level=warn event=restart service=stock cause=SIGKILL count=1"
           in node.stderr(), "and so does the log", node.stderr())
        equal((why["crashes_in_handler"], why["crashes_between"]), (0, 1),
            "counted as between messages")
        equal(node.ask("why b")["causes"], [], "nothing to tell of the other")
        equal(node.end(signal.SIGINT), 0, "SIGINT: exit 0")


def holds_one_that_crashes_too_often():
    children = [("cart", ["first", 4, "exit", 3, "--"] + SERVE), ("b", SERVE)]
    with Node(children, intensity=2, period=60000) as node:
        node.ready()
        held = node.until("cart", state="failed")
        equal(held["restarts"], 2, "two restarts of two")
        equal(held["pid"], None, "no process")
        equal([a["name"] for a in held["alarms"]], ["failed"], "an alarm")
        equal([a["service"] for a in node.ask("ps")["alarms"]], ["cart"],
            "and in the node's list")
        equal(node.child("b")["state"], "up", "the others go on")
        health = node.ask("health")
        equal((health["ok"], health["not_up"]), (False, ["cart"]), "health")
        ok("held as failed" in node.ask("why cart")["text"], "why says so",
           node.ask("why cart")["text"])
        answer = node.ask("start cart")
        equal((answer.get("ok"), answer.get("state")), (True, "up"),
            "an operator's start: answered once it is up, restarts forgotten")
        equal(node.child("cart")["alarms"], [], "the alarm is over")
        equal(node.end(), 0, "exit 0")


def escalates_if_asked_to():
    children = [("a", SERVE), ("b", SERVE)]
    with Node(children, intensity=1, period=60000, exceed=1) as node:
        node.ready()
        os.kill(node.child("a")["pid"], signal.SIGKILL)
        node.until("a", restarts=1, state="up")
        os.kill(node.child("b")["pid"], signal.SIGKILL)
        equal(node.root.wait(DEADLINE_S), 1,
            "restarts are counted over all, and one too many stops the node")
        ok("b ended once too often" in node.stderr(), "and says whose",
           node.stderr())
        equal(node.events()[-2:], [("down", "a"), ("exit", None)],
            "the others were stopped first")


def restart_types():
    children = [
        ("perm", ["first", 1, "ready", "exit", 0, "--"] + SERVE),
        ("trans0", ["ready", "exit", 0], {"restart": 1}),
        ("trans1", ["first", 1, "ready", "exit", 1, "--"] + SERVE,
         {"restart": 1}),
        ("temp", ["ready", "exit", 1], {"restart": 2}),
    ]
    with Node(children) as node:
        node.ready()
        node.until("perm", state="up", restarts=1)
        node.until("trans0", state="stopped", restarts=0)
        node.until("trans1", state="up", restarts=1)
        node.until("temp", state="stopped", restarts=0)
        ok(True, "permanent, transient and temporary as in OTP")
        ok("restart type is temporary" in node.ask("why temp")["text"],
           "why says so", node.ask("why temp")["text"])
        equal(node.end(), 0, "exit 0")


def door_is_outside_the_intensity():
    with Node([("@door", SERVE, {"kind": 1})], intensity=1) as node:
        node.ready()
        for i in range(1, 5):
            os.kill(node.child("@door")["pid"], signal.SIGKILL)
            node.until("@door", state="up", restarts=i)
        equal([a["name"] for a in node.child("@door")["alarms"]],
            ["door-restarted"], "always back, counted and alarmed")
        equal(node.ask("stop @door")["error"]["code"], "conflict",
            "a door is not stopped alone")
        equal(node.end(), 0, "exit 0")


def blame():
    # Crashes twice in a handler, is killed once, then hears the counts.
    steps = ["endpoint", 0, "stock.w0", "ready",
             "first", 2, "handler", "ab", "raise", 11, "--",
             "handler", "cd", "serve"]
    with Node([("stock", steps), ("b", SERVE)]) as node:
        node.until("stock", restarts=2, state="up")
        wait_for("the table", lambda: "blame 00 0" in node.heard("stock")[
            len(node.heard("stock")) - 3:])
        start = max(i for i, line in enumerate(node.heard("stock"))
                    if line.startswith("pid "))
        equal(node.heard("stock")[start + 1:start + 3],
            ["blame ab 2", "blame 00 0"],
            "two crashes in a handler are two against its message")
        os.kill(node.child("stock")["pid"], signal.SIGKILL)
        node.until("stock", restarts=3, state="up")
        wait_for("the third", lambda: len([
            line for line in node.heard("stock")
            if line.startswith("blame 00")]) == 2)
        start = max(i for i, line in enumerate(node.heard("stock"))
                    if line.startswith("pid "))
        equal(node.heard("stock")[start + 1:start + 3],
            ["blame ab 2", "blame 00 0"],
            "a kill from outside counts against nobody")
        why = node.ask("why stock")
        cause = why["causes"][1]
        equal((cause["signal"], cause["phase"], cause["actor"], cause["type"],
             cause["blamed"], cause["crashes"], cause["uid"][:4]),
            ("SIGSEGV", "handler", "stock/17", "add", True, 2, "ab00"),
            "the black box is in the cause")
        equal(cause["words"], "a \"bad\" \ufffd byte",
            "last words are made valid")
        equal((why["crashes_in_handler"], why["crashes_between"]), (3, 0),
            "counted as in a handler")
        ok("while handling add for stock/17" in why["text"], "why tells it",
           why["text"])
        equal(node.end(), 0, "exit 0")


def hang():
    steps = ["ready", "first", 1, "handler", "ee", "spin", "--"] + SERVE
    with Node([("slow", steps, {"turn": 300})]) as node:
        node.until("slow", restarts=1, state="up")
        cause = node.ask("why slow")["causes"][0]
        equal((cause["signal"], cause["fault"], cause["blamed"]),
            ("SIGABRT", "hang", True), "a handler over its limit is aborted "
            "and blamed")
        ok("its handler ran longer than 300 ms" in node.ask("why slow")[
            "text"], "why tells it", node.ask("why slow")["text"])
        equal(node.end(), 0, "exit 0")


def malformed_record():
    steps = ["ready", "first", 1, "garbage", "spin", "--"] + SERVE
    with Node([("odd", steps)]) as node:
        node.until("odd", restarts=1, state="up")
        cause = node.ask("why odd")["causes"][0]
        equal((cause["fault"], cause["blamed"]), ("bad-record", False),
            "what is no record is the child's crash")
        equal(node.end(), 0, "exit 0")


def child_unlink():
    with Node([("odd", ["ready", "unlink", "spin"]), ("b", SERVE)]) as node:
        node.ready()
        before = node.child("odd")["pid"]
        answer = node.ask("stop odd")
        equal((answer["ok"], answer["state"]), (True, "stopped"),
            "child_unlink: one that closed its pair is stopped by SIGTERM")
        ok(not alive(before), "and gone")
        after = node.ask("start odd")
        ok(after["ok"] and after["pid"] != before, "and started again", after)
        os.kill(after["pid"], signal.SIGKILL)
        node.until("odd", restarts=1, state="up")
        equal(node.child("b")["restarts"], 0, "the other goes on")
        equal(node.end(), 0, "exit 0")


def shutdown_time():
    with Node([("deaf", ["ready", "serve-deaf"], {"shutdown": 100}),
               ("brutal", SERVE, {"shutdown": 0})]) as node:
        node.ready()
        answer = node.ask("stop deaf")
        equal((answer["ok"], answer["state"], answer["pid"]),
            (True, "stopped", None), "stop: answered once it has ended")
        ok("asked to stop and was killed" in node.ask("why deaf")["text"],
           "after its time it is killed", node.ask("why deaf")["text"])
        node.ask("stop brutal")
        ok("stop" not in node.heard("brutal"), "brutal_kill asks nothing")
        before = node.ask("start deaf")
        equal(before["state"], "up", "start: answered once it is up")
        again = node.ask("start deaf")
        equal(again["error"]["code"], "conflict", "started twice: refused")
        after = node.ask("restart deaf")
        ok(after["ok"] and after["pid"] != before["pid"], "restart: another "
           "process", after)
        equal(node.child("deaf")["restarts"], 0, "not counted as a restart")
        equal(node.ask("why nobody")["error"]["code"], "not-found",
            "an unknown name")
        for line in ("", "dance", "start", "stop deaf now", "x" * 600):
            equal(node.ask(line)["error"]["code"], "bad-request",
                "not understood: %.10r" % line)
        equal(node.end(), 0, "exit 0")


def second_signal_hurries():
    with Node([("a", ["ready", "serve-deaf"], {"shutdown": -1}),
               ("b", ["ready", "serve-deaf"], {"shutdown": -1})]) as node:
        node.ready()
        node.root.send_signal(signal.SIGTERM)
        node.until("b", state="stopping")
        equal(node.child("a")["state"], "up", "infinity waits, in order")
        equal(node.end(), 0, "the second signal kills what is left")


def storage_failed():
    steps = ["ready", "unless-checked", "wait-file", "gate", "cause",
             "storage-failed", "EIO on commit", "exit", 1, "--", "serve"]
    with Node([("stock", steps), ("b", SERVE)]) as node:
        node.ready()
        open(os.path.join(node.dir, "gate"), "w").close()
        held = node.until("stock", state="storage-failed")
        equal([a["name"] for a in held["alarms"]], ["storage-failed"],
            "held and alarmed")
        equal(node.ask("start stock")["error"]["code"], "storage-failed",
            "a plain start is refused")
        equal(node.ask("restart stock")["error"]["code"], "storage-failed",
            "a restart, too")
        answer = node.ask("start stock checked")
        equal((answer.get("ok"), answer.get("state")), (True, "up"),
            "a checked start is taken")
        ok(any(line.endswith(" checked") for line in node.heard("stock")),
           "and passes --storage-checked")
        equal(node.child("stock")["alarms"], [], "the alarm is over")
        os.kill(node.child("stock")["pid"], signal.SIGKILL)
        node.until("stock", state="storage-failed")
        ok(not node.heard("stock")[-1].endswith("checked"),
           "only for that one start")
        equal(node.end(), 0, "exit 0")


def first_start_fails():
    for code, status in (("start-failed", 1), ("locked", 5),
                         ("address-in-use", 5)):
        with Node([("a", SERVE), ("b", ["cause", code, "no such table",
                                        "exit", 1]), ("c", SERVE)]) as node:
            equal(node.root.wait(DEADLINE_S), status, "%s: exit %d" % (code,
                                                                   status))
            ok("acta: b: no such table" in node.stderr(), "its cause is told",
               node.stderr())
            ok(node.heard("a") and not node.heard("c"),
               "what was up was stopped, the rest not begun")
    with Node([("a", [], {"program": "/nowhere/program"})]) as node:
        equal(node.root.wait(DEADLINE_S), 1, "a program that is not there")
        ok("No such file" in node.stderr(), "is told", node.stderr())


def one_node_at_a_time():
    with Node([("a", SERVE)]) as node:
        node.ready()
        with Node([("a", SERVE)], folder=node.dir) as second:
            equal(second.root.wait(DEADLINE_S), 5, "the same data: exit 5")
            ok('data directory %s is in use by node "shop" (pid %d)' % (
                os.path.join(node.dir, "data"), node.root.pid)
               in second.stderr() and "hint:" in second.stderr(),
               "and names the first", second.stderr())
        with Node([("a", SERVE)], run=node.run) as second:
            equal(second.root.wait(DEADLINE_S), 5, "the same run folder: exit 5")
            ok("run directory" in second.stderr(), "is told", second.stderr())
        equal(node.child("a")["state"], "up", "the first did not notice")
        pid = node.child("a")["pid"]
        node.root.kill()
        node.root.wait()
        wait_for("its child's end", lambda: not alive(pid))
        ok(True, "the root killed: its children end")
        with Node([("a", SERVE)], folder=node.dir) as second:
            second.ready()
            equal(second.child("a")["state"], "up", "the next one starts")
            equal(second.end(), 0, "exit 0")


def run_folder_is_not_taken():
    folder = tempfile.mkdtemp(prefix="acta-root-")
    os.chmod(folder, 0o755)
    open(os.path.join(folder, "mine"), "w").close()
    try:
        with Node([("a", SERVE)], run=folder) as node:
            equal(node.root.wait(DEADLINE_S), 1, "somebody's open folder is no "
                "run folder")
            equal(os.stat(folder).st_mode & 0o777, 0o755, "and is left alone")
    finally:
        shutil.rmtree(folder)


def peers_are_told():
    children = [("@door", ["endpoint", 0, "door.w0"] + SERVE,
                 {"kind": 1}),
                ("stock", ["endpoint", 0, "stock.w0"] + SERVE),
                ("late", SERVE)]
    with Node(children) as node:
        node.ready()
        door = wait_for("a peer", lambda: [
            line for line in node.heard("@door") if line.startswith("peer")])
        pid = node.child("stock")["pid"]
        equal(door, ["peer stock 0 1/2 %d ipc://stock.w0" % pid],
            "an endpoint is told to all others, not to itself")
        wait_for("both", lambda: len([
            line for line in node.heard("late")
            if line.startswith("peer")]) == 2)
        equal([line.split()[1] for line in node.heard("late")
             if line.startswith("peer")], ["@door", "stock"],
            "a new one is told all that are there")
        ok(node.heard("late")[1] == "blame 00 0", "after the blame")
        where = {s["service"]: s for s in node.ask("where")["services"]}
        equal(where["stock"]["endpoints"], [
            {"worker": 0, "incarnation": pid,
             "endpoint": "ipc://stock.w0"}], "where tells them")
        os.kill(pid, signal.SIGKILL)
        node.until("stock", restarts=1, state="up")
        new = node.child("stock")["pid"]
        wait_for("the news", lambda: "peer stock 0 1/2 %d ipc://stock.w0" %
                 new in node.heard("@door"))
        told = [line for line in node.heard("@door")
                if line.startswith("peer stock")]
        ok(len(told) == 2 or told[1] == "peer stock 0 1/2 %d " % pid,
           "gone, if that was still news, then there again", told)
        ok(not any(line.startswith("peer stock 0 1/2 %d" % pid)
                   for line in node.heard("stock")), "no news to itself")
        equal(node.end(), 0, "exit 0")


def what_a_child_inherits():
    with Node([("a", ["env", "say", "hello", "orphan", "alarm", "disk",
                      "80 % used"] + SERVE, {"files": 64})],
              env={"LD_HELPER": "x", "ZSYS_HELPER": "x"}) as node:
        node.ready()
        ok("env LD=none ZSYS=none HOME=there" in node.log("a"),
           "a clean environment", node.log("a"))
        ok("hello" in node.log("a"), "its output is in its log")
        pid = node.child("a")["pid"]
        fds = sorted(int(n) for n in os.listdir("/proc/%d/fd" % pid))
        equal(fds[:7], list(range(7)), "descriptors 0 to 6")
        equal(fds[7:], [7], "and its own file alone")
        with open("/proc/%d/limits" % pid) as file:
            files = [line for line in file if "open files" in line][0]
        equal(files.split()[3], "64", "its limit of files")
        equal(os.getpgid(pid), pid, "a process group of its own")
        equal(node.child("a")["alarms"], [{"name": "disk",
                                         "text": "80 % used"}],
            "its own alarms are shown")
        wait_for("the orphan's word", lambda: "orphan " in node.log("a"))
        orphan = int(node.log("a").split("orphan ")[1].split()[0])
        ok(alive(orphan), "a child of the child lives")
        os.kill(pid, signal.SIGKILL)
        node.until("a", restarts=1, state="up")
        wait_for("the orphan's end", lambda: not alive(orphan))
        ok(True, "and goes with it")
        equal(node.end(), 0, "exit 0")


def clock_of(pid):
    """What a process is shown of the node's time: its offset in us."""
    with open("/proc/%d/fd/5" % pid, "rb") as box:
        box.seek(65536)
        first, second, turn = struct.unpack("<qqB", box.read(17))
    return (first, second)[turn & 1]


def real_offset():
    return (time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)) \
        // 1000


def one_time_for_all():
    year = 365 * 24 * 3600
    ahead = (int(time.time()) + year) * 1000
    children = [("a", SERVE), ("b", ["wait-file", "gate", "stores-at", ahead,
                                     "endpoint", 0, "b.w0"] + SERVE)]
    with Node(children) as node:
        node.until("a", state="up")
        a = node.child("a")["pid"]
        off = clock_of(a) - real_offset()
        ok(abs(off) < 10 ** 6, "the wall clock, to start with", off)
        equal(node.ask("ps")["alarms"], [], "no alarm")
        open(os.path.join(node.dir, "gate"), "w").close()
        node.ready()
        wait_for("the future", lambda: clock_of(a) - real_offset() > 10 ** 6)
        off = (clock_of(a) - real_offset()) / 1e6
        ok(abs(off - year) < 60,
           "time is no less than where a store has been", off)
        # The others are told the same, and those that come later.
        os.kill(a, signal.SIGKILL)
        node.until("a", restarts=1, state="up")
        pids = [node.child(name)["pid"] for name in "ab"]
        seen = []

        def same():
            seen.append([clock_of(pid) for pid in pids])
            return seen[-1][0] == seen[-1][1] and seen[-1][0] < seen[0][0]
        wait_for("a step", same)
        ok(True, "to all, and it goes towards the wall clock")
        steps = [before[0] - after[0] for before, after
                 in zip(seen, seen[1:]) if before[0] != after[0]]
        ok(steps and max(steps) <= 20000, "by 1 % at most", steps)
        alarm = wait_for("the alarm", lambda: node.ask("ps")["alarms"])
        equal([(a["service"], a["name"]) for a in alarm],
            [("@node", "clock")], "and that is alarmed")
        ok("s behind the node's" in alarm[0]["text"], "with how much",
           alarm)
        equal(node.ask("health")["alarms"], alarm, "in health, too")
        ok("event=alarm service=@node alarm=clock off_ms=-31" in
           node.stderr(), "and logged", node.stderr())
        equal(node.end(), 0, "exit 0")


def log_is_bounded():
    with Node([("a", SERVE)]) as node:
        node.ready()
        path = os.path.join(node.run, "log", "a.log")
        with open(path, "ab") as file:
            file.write(b"old line\n" * (9 * 2 ** 20 // 9))
        wait_for("the cut", lambda: os.path.getsize(path) == 0)
        equal(os.path.getsize(path + ".1"), 8 * 2 ** 20, "the last 8 MiB are "
            "kept apart")
        equal(node.end(), 0, "exit 0")


def plain_program():
    with Node([("prog", [], {"kind": 2, "program": "/bin/sh",
                             "arg": "sh\narg\t-c\narg\texec sleep 1000"})]
              ) as node:
        node.ready()
        equal(node.child("prog")["kind"], "program", "any program: up with its "
            "process")
        fds = sorted(os.listdir("/proc/%d/fd" % node.child("prog")["pid"]))
        equal(fds, ["0", "1", "2"], "with no descriptors of ours")
        equal(node.ask("stop prog")["state"], "stopped", "stopped by SIGTERM")
        ok("stopped on request by SIGTERM" in node.ask("why prog")["text"],
           "why tells it", node.ask("why prog")["text"])
        equal(node.end(), 0, "exit 0")


def memory_and_garbage():
    children = [("s%d" % i, SERVE) for i in range(8)]
    with Node(children) as node:
        node.ready()
        for i in range(8):
            os.kill(node.child("s%d" % i)["pid"], signal.SIGKILL)
            node.until("s%d" % i, restarts=1, state="up")
        with open("/proc/%d/status" % node.root.pid) as file:
            rss = [int(line.split()[1]) for line in file
                   if line.startswith("VmRSS")][0]
        if "address" in BUILD or "thread" in BUILD:
            diag("skip RSS under a sanitizer: %d KiB" % rss)
        else:
            ok(rss <= 2048, "eight services, eight crashes: RSS %d KiB, at "
               "most 2048" % rss)
        socks = []
        for _ in range(40):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(os.path.join(node.run, "root.sock"))
            socks.append(sock)
        equal(node.child("s0")["state"] if not any(
            sock.close() for sock in socks) else None, "up",
            "40 silent operators are borne")
        equal(node.root.poll(), None, "the root lives")
        equal(node.end(), 0, "exit 0")
    run = subprocess.run([ROOT, "--plan", "0"], input=b"no plan",
                         stderr=subprocess.PIPE)
    equal(run.returncode, 2, "what is no plan is refused")
    equal(subprocess.run([ROOT], stderr=subprocess.DEVNULL).returncode, 2,
        "no arguments: usage")


CASES = [starts_in_order_and_stops_in_reverse, comes_back_after_a_kill,
         holds_one_that_crashes_too_often, escalates_if_asked_to,
         restart_types, door_is_outside_the_intensity, blame, hang,
         malformed_record, child_unlink, shutdown_time, second_signal_hurries,
         storage_failed, first_start_fails, one_node_at_a_time,
         run_folder_is_not_taken, peers_are_told, what_a_child_inherits,
         one_time_for_all, log_is_bounded, plain_program, memory_and_garbage]
for case in CASES:
    if len(sys.argv) > 1 and case.__name__ not in sys.argv[1:]:
        continue
    diag(case.__name__)
    try:
        case()
    except Exception:
        ok(False, case.__name__ + " ended early", traceback.format_exc())
done()
