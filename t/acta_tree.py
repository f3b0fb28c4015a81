"""Nodes of programs that do what signals tell them, and write down what they
were told; for the tests of supervision."""
import json
import os
import re
import signal

import acta_node
import acta_tap as tap

# USR1: ends well; USR2: badly; HUP: hears TERM no more.
CHILD = """#!/bin/sh
say() { echo "$1 $name" >>"$dir/events"; }
dir=$1 name=$2
trap 'say term; exit 0' TERM
trap 'exit 0' USR1
trap 'exit 3' USR2
trap 'trap "" TERM; say deaf' HUP
say start
while :; do sleep 1000 & wait $!; done
"""


class Tree:
    """A node of such children, and what they have written."""

    def __init__(self, services, supervisor="", **node):
        self.lay(services, supervisor, **node)
        self.node.start()

    def lay(self, services, supervisor="", **node):
        """All of it, but not started."""
        self.node = acta_node.Node("", supervisor=supervisor, **node)
        self.seen = self.begun = 0
        self.program = os.path.join(self.node.dir, "child")
        with open(self.program, "w", encoding="utf-8") as f:
            f.write(CHILD)
        os.chmod(self.program, 0o755)
        with open(self.node.file, encoding="utf-8") as f:
            self.head = f.read()
        self.write(services)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.node.__exit__(*exc)

    def write(self, services, supervisor=None):
        """The config; its supervisor another than that of the start."""
        head = self.head
        if supervisor is not None:
            head = re.sub(r"supervisor: .*\n", "", head)
            head = head.replace("services:",
                                f"supervisor: {supervisor}\nservices:")
        with open(self.node.file + ".new", "w", encoding="utf-8") as f:
            f.write(head + services.replace("DIR", self.node.dir))
        os.rename(self.node.file + ".new", self.node.file)

    def events(self):
        try:
            with open(os.path.join(self.node.dir, "events"),
                      encoding="utf-8") as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def node_log(self):
        with open(os.path.join(self.node.run, "log", "node.log"),
                  encoding="utf-8") as f:
            return f.read()

    def starts(self):
        """Children started, as the root has it."""
        return [f"start {m}" for m in
                re.findall(r"event=start service=([a-z]\S*)",
                           self.node_log())]

    def news(self, *want):
        """What happened since: it must come to be `want`."""
        starts = sum(e.startswith("start") for e in want)

        # A child may write before the root says that it was started.
        def come():
            return len(self.events()) - self.seen >= len(want) and \
                len(self.starts()) - self.begun >= starts

        tap.until(come)
        got, began = self.events()[self.seen:], self.starts()
        self.seen += len(got)
        wrote = sorted(e for e in got if e.startswith("start"))
        got = [e for e in got if not e.startswith("start")]
        got += began[self.begun:]
        self.begun = len(began)
        if not tap.equal(got, list(want),
                         f"then: {', '.join(want) or 'nothing'}"):
            return
        want = sorted(e for e in want if e.startswith("start"))
        if wrote != want:
            tap.equal(wrote, want, "what the children wrote")

    def rows(self):
        return {r["service"]: r for r in self.node.ps() or []}

    def pid(self, name):
        return self.rows().get(name, {}).get("pid")

    def state(self, name):
        return self.rows().get(name, {}).get("state")

    def becomes(self, name, state):
        """Its state, once it is that one."""
        tap.until(lambda: self.state(name) == state)
        return tap.equal(self.state(name), state, f"{name} is {state}")

    def sup(self, *words):
        run = self.node.acta("sup", *words)
        return run.returncode, run.stderr

    def does(self, *words, code=0, says=""):
        got, text = self.sup(*words)
        return tap.ok(got == code and says in text,
                      f"sup {' '.join(words)}: {says or 'ok'}",
                      f"exit {got}: {text}")

    def count(self, group="@node"):
        run = self.node.acta("sup", "count", group, "-o", "json")
        answer = json.loads(run.stdout or "{}")
        return [answer.get(key) for key in
                ("specs", "active", "supervisors", "workers")]

    def counts(self, group, *want):
        tap.until(lambda: self.count(group) == list(want))
        return tap.equal(self.count(group), list(want), f"count of {group}")

    def send(self, name, number):
        """A signal, and its process is gone."""
        pid = self.pid(name)
        os.kill(pid, number)
        if number != signal.SIGHUP:
            tap.until(lambda: self.pid(name) != pid)
        return pid


def child(name, **more):
    options = "".join(f", {k}: {v}" for k, v in more.items())
    return f"{{name: {name}, exec: [./child, DIR, {name}]{options}}}"


def group(name, children, indent=2, **more):
    pad = " " * indent
    out = f"{pad}- group: {name}\n"
    for key, value in more.items():
        out += f"{pad}  {key}: {value}\n"
    out += f"{pad}  services:\n" if children else f"{pad}  services: []\n"
    for one in children:
        out += one if one.startswith(" ") else f"{pad}  - {one}\n"
    return out


def listed(*children):
    return "".join(f"  - {one}\n" for one in children)
