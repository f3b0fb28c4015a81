#!/usr/bin/python3
"""Claim: SIGHUP has a running node read its config again. What is new in it is
told, line by line, and done as far as it can be in life: flags and restart types
at once, who is new is started, who is gone is stopped, and for all else it says
what is to be started again. A config that is wrong, gone, or asks for what cannot
be done, changes nothing, and says why. This holds while children are restarted or
stopped, for reloads on end, and for readers that are killed; and under load no
call is lost, and none is done twice. SEED=n repeats a storm of all of it at once,
of STEPS=n.
"""
import os
import random
import re
import shutil
import signal
import socket
import sys
import threading
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_flow  # noqa: E402
import acta_node  # noqa: E402
import acta_tap as tap  # noqa: E402
from acta_tree import Tree, child, group, listed  # noqa: E402


class Reloads:
    """What the root says of them, on its stderr."""

    def __init__(self, node):
        self.node, self.at = node, len(node.log())

    def hup(self):
        self.node.process.send_signal(signal.SIGHUP)

    def said(self):
        """All since the last time, once the next reload is over."""
        def whole():
            text = self.node.log()[self.at:]
            return re.search(r"was read again\n(  .*\n)+$|as it was\n"
                             r"(  hint: .*\n)?$", text) and text

        text = tap.until(whole, 20) or self.node.log()[self.at:]
        self.at += len(text)
        return text

    def lines(self):
        return [line[2:] for line in self.said().splitlines()
                if line.startswith("  ")]

    def __call__(self):
        self.hup()
        return self.lines()


def workers(*more, restart="temporary"):
    return group("ws", [f"{{name: w, exec: [./child, DIR{''.join(more)}], "
                        f"restart: {restart}}}"],
                 strategy="simple_one_for_one", intensity=9)


def pids(t):
    return {name: row["pid"] for name, row in t.rows().items()}


# ------------------------------------------------------------------- cases

def lines():
    """Each kind of line, and that it is so."""
    old = (listed(child("a"), child("b"), child("c")) +
           group("g", [child("d"), child("e")], intensity=4) + workers())
    with Tree(old, "{intensity: 5}") as t:
        reload = Reloads(t.node)
        t.news(*(f"start {n}" for n in "abcde"))
        t.does("add", "ws", "i1", "i1")
        t.news("start i1")
        before = pids(t)
        tap.equal(reload(), ["nothing has changed"], "the same file")

        t.write(listed(child("a", restart="transient", shutdown="1s"),
                       child("b", limits="{files: 100}"), child("n")) +
                group("g", [child("e"), child("d"), child("f")],
                      strategy="rest_for_one", intensity=2, period="1h") +
                group("h", [child("k")]) + workers(restart="transient"),
                "{intensity: 7, on_exceed: hold}")
        tap.equal(reload(), [
            "changed  @node: supervisor.intensity 5 -> 7",
            "changed  a: restart permanent -> transient, shutdown 5s -> 1s",
            "changed  b: limits.files none -> 100; once it is restarted: "
            "`acta restart b`",
            "added    n",
            "changed  g: strategy one_for_one -> rest_for_one, "
            "intensity 4 -> 2, period 5s -> 1h",
            "added    f",
            "added    h",
            "added    k",
            "changed  w: restart temporary -> transient",
            "changed  g: the order of its services",
            "removed  c"], "what has changed")
        # By whom is not the same process: nothing of the rest of it moved.
        t.becomes("k", "up")
        t.becomes("n", "up")
        t.news("term c", "start n", "start f", "start k")
        tap.until(lambda: "c" not in t.rows())
        after = pids(t)
        tap.equal({n for n in before if before[n] != after.get(n)}, {"c"},
                  "of those who were there one has gone, none is new")
        rows = [r["service"] for r in t.node.ps() if r["kind"] != "door"]
        tap.equal(rows, ["a", "b", "n", "g", "e", "d", "f", "h", "k", "ws",
                         "i1"], "ps: in the order of the file")

        t.send("a", signal.SIGUSR1)
        t.becomes("a", "stopped")
        t.send("d", signal.SIGKILL)
        t.news("term f", "start d", "start f")
        row = t.rows()["d"]
        tap.equal((row["restarts_in_period"], row["intensity"],
                   row["period_ms"]), (1, 2, 3600000), "the group's new flags")
        t.send("i1", signal.SIGUSR2)
        t.news("start i1")
        run = t.node.acta("restart", "b")
        tap.equal(run.returncode, 0, "acta restart b", run.stderr)
        t.news("term b", "start b")
        with open(f"/proc/{t.pid('b')}/limits", encoding="ascii") as f:
            tap.ok(re.search(r"Max open files +100 ", f.read()),
                   "which has its new limit")
        t.does("count", "h")
        t.counts("@node", 6, 5, 3, 3)

        # A program with other arguments; a template of another name.
        t.write(listed(child("a"), child("b").replace("b]", "b, more]")) +
                workers(", y", restart="transient").replace("w,", "v,"))
        got = reload()
        tap.equal(got[:4], [
            "changed  @node: supervisor.intensity 7 -> 5",
            "changed  a: restart transient -> permanent, shutdown 1s -> 5s",
            "changed  b: limits.files 100 -> none, exec; once it is "
            "restarted: `acta restart b`",
            "changed  v: name w -> v, exec; for those that start from now on"
            ], "what has changed")
        tap.equal(sorted(got[4:]), [f"removed  {n}" for n in "defghkn"],
                  "groups that are gone, with what is in them")
        tap.until(lambda: set(t.rows()) == {"@door", "@door-call",
                  "@door-push", "@door-events", "a", "b", "ws", "i1"})
        t.becomes("a", "stopped")
        begun = t.events()[t.seen:]
        tap.equal([e for e in begun if e.startswith("term")],
                  [f"term {n}" for n in "kfden"], "in reverse order")
        t.seen += len(begun)
        t.send("i1", signal.SIGKILL)
        tap.until(lambda: "start y" in t.events()[t.seen:])
        tap.ok("start y" in t.events()[t.seen:],
               "who was added has the new program, and its own arguments")
        tap.equal(t.node.stop(), 0, "SIGTERM: exit 0")


def node_lines():
    """Doors and services in C."""
    with acta_flow.Flow({"a": "", "b": "", "c": ""}) as node:
        node.write({"a": "", "b": ""})
        node.start()
        reload = Reloads(node)
        call = acta_flow.Caller(node.call)
        head = node.head
        node.head = head.replace("door: {", "door: {max_body: 64KiB, ")
        node.write({"a": "    turn_limit: 10s\n    backoff: {min: 50ms}\n",
                    "b": "    settings: {}\n    store: {quota: 1GiB}\n",
                    "c": ""})
        tap.equal(reload(), [
            "changed  @node: door.max_body 1MiB -> 64KiB; once doors, and for "
            "max_body services, are restarted: `acta restart @door-call`, ...",
            "changed  a: backoff.min 100ms -> 50ms",
            "changed  a: backoff.min 100ms -> 50ms, turn_limit 30s -> 10s; "
            "once it is restarted: `acta restart a`",
            "changed  b: store.quota 16GiB -> 1GiB; once it is restarted: "
            "`acta restart b`",
            "added    c",
            "hint: services that are to send to a new one, or to hear it, need "
            "`acta restart`"], "what has changed")
        answer = tap.until(lambda: (a := call.call(
            "c/1", "put", {"n": 1}))["ok"] and a)
        tap.ok(answer, "doors know the new service")
        run = node.acta("restart", "a")
        tap.equal(run.returncode, 0, "acta restart a", run.stderr)
        answer = call.call("a/1", "post", {"to": "c/1", "count": 3})
        tap.ok(answer and answer["ok"], "a sends to it", answer)
        tap.until(lambda: node.row("c")["handled"] >= 4)

        node.head = head.replace("events: 'tcp", "events: 'off' #")
        node.head = re.sub(r"events: 'off' #.*", "events: 'off'}", node.head)
        node.write({"a": "", "b": ""})
        got = reload()
        tap.ok(any(re.fullmatch(r"changed  @node: door.events tcp://127.0.0.1:"
                                r"\d+ -> off; once the node is started again",
                                line) for line in got),
               "a door that is to go", got)
        tap.ok("removed  c" in got, "a service that is to go", got)
        tap.until(lambda: node.row("c") is None)
        tap.ok(node.row("c") is None, "it has gone")
        tap.ok(os.path.isdir(os.path.join(node.data, "c", "0")),
               "its store has not")
        tap.equal(node.acta("start", "c").returncode, 3, "it is not found")
        number = call.ask("a/1", "post", {"to": "c/1", "count": 2})
        tap.ok((call.wait(number) or {}).get("ok"), "what is sent to it waits")
        node.write({"a": "", "b": "", "c": ""})
        tap.ok("added    c" in (got := reload()), "it comes back", got)
        tap.until(lambda: (node.row("c") or {}).get("state") == "up")
        answer = call.call("c/1", "put", {"n": 2})
        tap.ok(answer and answer["ok"], "and serves", answer)
        tap.ok(node.quiet(), "nothing waits any more")
        call.close()
        tap.equal(node.stop(), 0, "SIGTERM: exit 0")
        rows = node.rows("c")["1"]
        tap.equal((rows["from/client"], rows["from/a/1"]), (2, 5),
                  "with its state of before, and what waited meanwhile")


def refused():
    """Nothing of it is done, and it says why and what to do."""
    old = listed(child("a")) + group("g", [child("b")]) + workers()
    with Tree(old, "{intensity: 5}") as t:
        reload = Reloads(t.node)
        t.news("start a", "start b")
        t.does("add", "ws", "i1", "i1")
        t.news("start i1")
        before, head = pids(t), t.head
        fds = f"/proc/{t.node.process.pid}/fd"
        open_before = len(os.listdir(fds))
        anew = "hint: stop the node and start it with this file"
        for claim, text, says in (
                ("a faulty file", listed(child("a", restart="nevre")),
                 ["unknown restart type", "hint: did you mean"]),
                ("a wrong combination", listed(child("a", significant="true")),
                 ["bad_combination"]),
                ("no program", listed(child("a").replace("./child", "./none")),
                 ["hint:"]),
                ("a group in place of a program",
                 group("a", [child("b")]) + workers(),
                 ["a was a program and cannot become a group", anew]),
                ("another group", listed(child("a"), child("b")) + workers(),
                 ["b is in g and cannot move to @node", anew]),
                ("a list in place of a template", listed(child("a")) +
                 group("g", [child("b")]) + group("ws", [child("w")]),
                 ["ws: simple_one_for_one is for the life of a group", anew]),
                ("a template by the name of another one",
                 group("g", [child("b")]) +
                 workers().replace("name: w,", "name: a,"),
                 ["a is the name of another one, in @node",
                  "hint: take the one away first"]),
                ("the name of one that was added",
                 old + listed(child("i1")),
                 ["i1 is there already, added to ws by its template",
                  "hint: `acta sup remove` it"]),
        ):
            t.write(text, "{intensity: 9}")
            reload.hup()
            got = reload.said()
            tap.ok(all(word in got for word in says) and
                   "event=reload-failed" in got and
                   "shop: its config stays as it was\n" in got,
                   f"{claim}: {says[0]}", got)
        for key in ("node", "data", "run"):
            t.head = re.sub(rf"^{key}: (.*)$", rf"{key}: \1x", head,
                            flags=re.M)
            t.write(old)
            reload.hup()
            got = reload.said()
            tap.ok("cannot become node shopx" in got or
                   "data and run are for the life of the node" in got,
                   f"another {key}", got)
        t.head = head
        os.unlink(t.node.file)
        reload.hup()
        got = reload.said()
        tap.ok("no such file" in got and "hint:" in got, "a file that is gone",
               got)
        tap.equal(pids(t), before, "all run on as they did")
        run = t.node.acta("ps", "-o", "json").stdout
        tap.ok('"intensity": 5' in run and '"intensity": 9' in run,
               "with the flags they had", run)
        t.write(old)
        tap.equal(reload(), ["nothing has changed"], "the right file again")
        tap.equal(len(os.listdir(fds)), open_before,
                  "the root has no more descriptors than before")


def restarting():
    """While children wait for their restart, or siblings are restarted."""
    long = "{min: 1h, max: 1h}"
    old = (listed(child("a", backoff=long)) +
           group("g", [child("b", backoff=long), child("c")],
                 strategy="one_for_all", intensity=9, period="1h"))
    with Tree(old, "{intensity: 9, period: 1h}") as t:
        reload = Reloads(t.node)
        t.news("start a", "start b", "start c")
        t.send("a", signal.SIGKILL)
        t.news("start a")
        t.send("a", signal.SIGKILL)
        t.becomes("a", "backoff")
        t.send("b", signal.SIGKILL)
        t.news("term c", "start b", "start c")
        t.send("b", signal.SIGKILL)
        t.news("term c")
        t.becomes("b", "backoff")
        t.write(listed(child("a", restart="transient")) +
                group("g", [child("c"), child("d"), child("b", backoff=long)],
                      strategy="rest_for_one", intensity=5, period="1h"),
                "{intensity: 9, period: 1h}")
        tap.equal(reload(), [
            "changed  a: restart permanent -> transient, "
            "backoff.min 1h -> 100ms, backoff.max 1h -> 30s",
            "changed  g: strategy one_for_all -> rest_for_one, "
            "intensity 9 -> 5",
            "added    d",
            "changed  g: the order of its services"], "is taken")
        t.becomes("a", "backoff")
        t.becomes("d", "stopped")
        t.does("start", "@node", "a", code=5, says="restarting")
        run = t.node.acta("start", "a")
        tap.equal(run.returncode, 0, "acta start a", run.stderr)
        t.news("start a")
        # Called off, the rest stays down, as in OTP; who is new is started.
        t.does("stop", "g", "b")
        t.news("start d")
        t.does("start", "g", "b")
        t.does("start", "g", "c")
        t.news("start b", "start c")
        rows = [r["service"] for r in t.node.ps() if r["kind"] != "door"]
        tap.equal(rows, ["a", "g", "c", "d", "b"], "in the new order")
        t.send("d", signal.SIGKILL)
        t.news("term b", "start d", "start b")
        # Removed while it waits for its restart.
        t.send("a", signal.SIGKILL)
        t.news("start a")
        t.write(group("g", [child("b", backoff=long)], intensity=5,
                      period="1h", strategy="rest_for_one"),
                "{intensity: 9, period: 1h}")
        t.send("b", signal.SIGKILL)
        t.becomes("b", "backoff")
        reload()
        tap.until(lambda: not {"a", "c", "d"} & set(t.rows()))
        tap.ok(not {"a", "c", "d"} & set(t.rows()), "and gone", t.rows())
        t.counts("g", 1, 0, 0, 1)


def stopping():
    """One that is stopped for the config's sake comes back with it."""
    old = listed(child("a"), child("b", shutdown="infinity"))
    with Tree(listed(child("a"), child("y", shutdown="300ms"))) as t:
        reload = Reloads(t.node)
        t.news("start a", "start y")
        t.send("y", signal.SIGHUP)
        t.news("deaf y")
        t.write(listed(child("z"), child("a")))
        tap.equal(reload(), ["added    z", "removed  y"], "one for another")
        t.news("start z")
        log = t.node_log()
        tap.ok(log.index("event=down service=y") <
               log.index("event=start service=z"),
               "who is new comes when who is gone has gone", log)
    with Tree(old) as t:
        reload = Reloads(t.node)
        t.news("start a", "start b")
        t.send("b", signal.SIGHUP)
        t.news("deaf b")
        t.write(listed(child("a")))
        tap.equal(reload(), ["removed  b"], "b is to go")
        t.becomes("b", "stopping")
        t.write(old)
        tap.equal(reload(), ["nothing has changed"], "b is to stay")
        os.kill(t.pid("b"), signal.SIGKILL)
        t.news("start b")
        t.becomes("b", "up")
        t.send("b", signal.SIGHUP)
        t.news("deaf b")
        t.write(listed(child("a")))
        reload()
        t.becomes("b", "stopping")
        os.kill(t.pid("b"), signal.SIGKILL)
        tap.until(lambda: "b" not in t.rows())
        t.counts("@node", 1, 1, 0, 1)


class Slow(Tree):
    """One whose reader waits until it is told to go on."""

    def __init__(self, services):
        self.bin = os.path.join(acta_node.tempfile.mkdtemp(prefix="acta-"))
        for name in ("acta", "acta-root", "acta-door", "acta-host"):
            shutil.copy(os.path.join(acta_node.BUILD, "bin", name), self.bin)
        super().__init__(services,
                         program=os.path.join(self.bin, "acta"))
        os.rename(os.path.join(self.bin, "acta"),
                  os.path.join(self.bin, "real"))
        with open(os.path.join(self.bin, "new"), "w", encoding="ascii") as f:
            f.write(f"#!/bin/sh\necho $$ >{self.bin}/pid.new\n"
                    f"mv {self.bin}/pid.new {self.bin}/pid\n"
                    f"until test -e {self.bin}/go; do sleep 0.01; done\n"
                    f"exec {self.bin}/real \"$@\"\n")
        os.chmod(f.name, 0o755)
        os.rename(f.name, os.path.join(self.bin, "acta"))

    def __exit__(self, *exc):
        super().__exit__(*exc)
        shutil.rmtree(self.bin)

    def reader(self):
        """Its pid, once it waits."""
        path = os.path.join(self.bin, "pid")
        tap.until(lambda: os.path.exists(path))
        with open(path, encoding="ascii") as f:
            pid = int(f.read())
        os.unlink(path)
        return pid

    def go(self):
        with open(os.path.join(self.bin, "go"), "w", encoding="ascii"):
            pass


def readers():
    """Two at once; one that is killed; one that is there as the node stops."""
    with Slow(listed(child("a"))) as t:
        reload = Reloads(t.node)
        t.news("start a")
        reload.hup()
        os.kill(t.reader(), signal.SIGKILL)
        got = reload.said()
        tap.ok("its reader was killed by SIGKILL" in got and
               "hint: send SIGHUP again" in got, "a reader that is killed", got)
        t.write(listed(child("a"), child("b")))
        reload.hup()
        t.reader()
        t.write(listed(child("a"), child("c")))
        reload.hup()
        # It has taken the signal once it answers what was asked behind it.
        tap.until(lambda: t.node_log().count("event=reload ") == 3)
        t.go()
        tap.equal(reload.lines(), ["added    c"],
                  "two at once: the newest file is read")
        t.news("start c")
        os.unlink(os.path.join(t.bin, "go"))
        t.reader()
        reload.hup()
        pid = t.reader()
        tap.equal(t.node.stop(), 0, "the node stops while it is read: exit 0")
        tap.until(lambda: not acta_node.alive(pid))
        tap.ok(not acta_node.alive(pid), "and its reader with it")


def load():
    """Calls all the time, reloads on end: each is answered, and done once."""
    quiet = {"a": "", "b": ""}
    kinds = [quiet, {"a": "    shutdown: 4s\n", "b": "", "c": ""},
             {"b": "    restart: transient\n", "a": "    after: [b]\n"},
             {"a": "    turn_limit: 20s\n", "b": "    limits: {files: 900}\n",
              "c": "    shutdown: 1s\n"}]
    with acta_flow.Flow(dict(quiet, c="")) as node:
        node.write(quiet)
        node.start()
        reload = Reloads(node)
        call = acta_flow.Caller(node.call)
        over = threading.Event()
        said = []

        def reloads():
            for n in range(24):
                node.write(kinds[(n + 1) % 4])
                said.append(reload())
                if n % 6 == 5:
                    node.acta("restart", "ab"[n % 2])
            over.set()

        thread = threading.Thread(target=reloads)
        thread.start()
        n = {"a": 0, "b": 0}
        sent = 0
        while not over.is_set():
            while len(call.asked) < 64:
                to = "ab"[sent % 2]
                n[to] += 1
                sent += 1
                call.ask(f"{to}/x", "post",
                         {"to": f"{'ba'[sent % 2]}/y", "count": 1})
            call.step(1)
        thread.join()
        end = time.monotonic() + 60
        while call.asked and time.monotonic() < end:
            call.step()
        bad = [a for a in call.answers.values() if not a.get("ok")]
        tap.ok(len(said) == 24 and all(said), "24 reloads", said)
        tap.ok(not call.asked and not bad and sent > 500,
               f"{sent} calls, each was answered", len(call.asked), bad[:3])
        tap.ok(node.quiet(), "nothing waits any more")
        call.close()
        tap.equal(node.stop(), 0, "SIGTERM: exit 0")
        wrong = list(acta_flow.told_in_order(
            acta_flow.by_address(node, "a", "b"),
            acta_flow.by_address(node, "a", "b")))
        tap.equal(wrong, [], "and what was sent was heard once, in order")
        done = sum(value for name in "ab"
                   for row, value in node.rows(name)["y"].items()
                   if row.startswith("from/"))
        tap.equal(done, sent, "each call was done once")


class Storm:
    """Configs, kills and wishes, drawn from a seed."""

    def __init__(self, tree, seed):
        self.tree, self.dice = tree, random.Random(seed)

    def child(self, name):
        d = self.dice
        more = {"restart": d.choice(["permanent", "permanent", "transient",
                                     "temporary"])}
        if d.random() < 0.5:
            more["shutdown"] = d.choice(["100ms", "brutal_kill", "1s"])
        if d.random() < 0.5:
            more["backoff"] = d.choice(["{min: 1ms, max: 50ms}",
                                        "{min: 200ms, max: 1s}"])
        one = child(name, **more)
        return one.replace(f"DIR, {name}", f"DIR, {name}, x") \
            if d.random() < 0.3 else one

    def some(self, names, share=0.7):
        names = [n for n in names if self.dice.random() < share]
        self.dice.shuffle(names)
        return names

    def config(self):
        d = self.dice
        parts = [listed(self.child(n)) for n in self.some("abc")]
        for name, inner in self.some([("g", "de"), ("h", "fj")]):
            parts.append(group(
                name, [self.child(n) for n in self.some(inner)],
                strategy=d.choice(["one_for_one", "one_for_all",
                                   "rest_for_one"]),
                intensity=d.choice([0, 2, 9]), period=d.choice(["1s", "5s"]),
                restart=d.choice(["permanent", "transient"]),
                on_exceed=d.choice(["escalate", "hold"])))
        if d.random() < 0.8:
            parts.append(workers(restart=d.choice(
                ["permanent", "transient", "temporary"])))
        d.shuffle(parts)
        strategy = d.choice(["one_for_one"] * 3 + ["one_for_all",
                                                   "rest_for_one"])
        self.tree.write("".join(parts) or listed(child("a")),
                        f"{{intensity: {d.choice([2, 5, 9])}, period: 2s, "
                        f"strategy: {strategy}}}")

    def wish(self, line):
        """Nobody may wait for its answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(self.tree.node.run, "root.sock"))
            s.sendall(line.encode() + b"\n")
            s.settimeout(self.dice.choice([0, 0.1]))
            try:
                s.recv(4096)
            except OSError:
                pass

    def step(self):
        d, node = self.dice, self.tree.node
        rows = self.tree.rows()
        who = d.choice([*rows, "nobody"])
        roll = d.random()
        if roll < 0.25:
            self.config()
            node.process.send_signal(signal.SIGHUP)
        elif roll < 0.55 and not who.startswith("@"):
            pid = rows.get(who, {}).get("pid")
            try:
                if pid:
                    os.kill(pid, d.choice([signal.SIGKILL, signal.SIGUSR1,
                                           signal.SIGUSR2, signal.SIGHUP]))
            except OSError:
                pass
        elif roll < 0.8:
            verb = d.choice(["add", "remove", "start", "stop", "restart"])
            over = d.choice(["@node", "g", "h", "ws"])
            if verb == "add":
                who = f"i{d.randint(1, 5)} i"
            self.wish(f"sup {verb} {over} {who}")
        else:
            self.wish(f"{d.choice(['start', 'stop', 'restart', 'why'])} {who}")

    def doubles(self):
        """Names that two children of the root have."""
        root, seen, two = str(self.tree.node.process.pid), set(), set()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                    state, parent = f.read().rsplit(")", 1)[1].split()[:2]
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    words = f.read().split(b"\0")
            except OSError:
                continue
            if parent != root or state in "ZX" or len(words) < 5 or \
                    not words[1].endswith(b"/child"):
                continue
            if words[3] in seen and not words[3].startswith(b"i"):
                two.add(words[3])
            seen.add(words[3])
        return two


def storm():
    """Configs, kills and operators' wishes, all at any time: no child is there
    twice, the root lives, and in the end it has what the last config says."""
    seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
    steps = int(os.environ.get("STEPS", 400))
    tap.diag(f"SEED={seed}")
    base = (listed(child("a"), child("b"), child("c")) +
            group("g", [child("d"), child("e")]) +
            group("h", [child("f"), child("j")]))
    want = set("abcdefghj")
    with Tree(base, "{intensity: 5, period: 2s}") as t:
        storm_ = Storm(t, seed)
        two = set()
        for _ in range(steps):
            if t.node.process.poll() is not None:
                break
            storm_.step()
            two |= storm_.doubles()
        tap.equal(t.node.process.poll(), None, "the root lives",
                  t.node.log()[-2000:])
        tap.equal(two, set(), f"{steps} steps, and no child is there twice")

        def added():
            return [n for n, row in t.rows().items() if row["group"] == "ws"]

        # A template's are the operator's to remove.
        tap.until(lambda: not [t.node.root(f"sup remove ws {n}")
                               for n in added()])
        t.write(base, "{intensity: 5, period: 2s}")
        t.node.process.send_signal(signal.SIGHUP)
        tap.until(lambda: {n for n in t.rows() if n[0] != "@"} == want)
        tap.equal({n for n in t.rows() if n[0] != "@"}, want,
                  "the last config is what there is", t.node.log()[-2000:])
        for name in ("g", "h", *"abcdefj"):
            t.node.root(f"start {name}")
        tap.until(lambda: all(r["state"] == "up" for r in t.node.ps()))
        tap.equal({r["state"] for r in t.node.ps()}, {"up"}, "and all are up")
        tap.ok("incomplete" not in t.node_log(), "no change was half done")
        tap.equal(t.node.stop(), 0, "SIGTERM: exit 0")


began = time.monotonic()
for case in (lines, node_lines, refused, restarting, stopping, readers, load,
             storm):
    tap.diag(f"{case.__name__}: {case.__doc__}")
    case()
tap.diag(f"{time.monotonic() - began:.1f} s")
tap.done()
