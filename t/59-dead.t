#!/usr/bin/python3
"""Claim: a dead letter is kept with its cause, and can be tried again, once,
edited or as it was, or dropped; what was tried again counts as any message does.
"""
import json
import os
import subprocess
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_tap as tap  # noqa: E402
from acta_node import BUILD, Node  # noqa: E402

SERVICES = f"""\
  - name: msgs
    load: {BUILD}/t/services/msgs.so
    max_attempts: 2
    backoff: {{min: 1ms, max: 2ms}}
  - name: crasher
    load: {BUILD}/t/services/crasher.so
    max_crashes: 1
    backoff: {{min: 1ms, max: 2ms}}
"""

def dead(node):
    run = node.acta("dead", "ls", "-o", "json")
    return json.loads(run.stdout)["dead"] if run.returncode == 0 else None


def row(node, name):
    run = node.acta("state", "msgs/a", "-o", "json")
    return json.loads(run.stdout).get(name)


def run_capsule(path, service):
    run = subprocess.run([os.path.join(BUILD, "bin", "acta-host"), "--capsule",
                          path, f"{BUILD}/t/services/{service}.so"],
                         text=True, capture_output=True, timeout=60)
    return run.returncode, run.stdout + run.stderr


def capsule(node):
    """With its actor's rows before it, run again in private."""
    node.acta("call", "msgs/a", "fail-until", "until=9")
    letter = dead(node)[0]["id"]
    shown = json.loads(node.acta("dead", "show", letter, "-o", "json").stdout)
    tap.equal(shown["state"].get("tries"), 1,
              "a dead letter has its actor's rows")
    shown = node.acta("dead", "show", letter).stdout
    tap.ok('\nstate     {"' in shown and '"tries": 1' in shown,
           "and shows them", shown)
    path = os.path.join(node.dir, "letter")
    run = node.acta("dead", "capsule", letter, path)
    tap.ok(run.returncode == 0 and "gdb --args" in run.stderr and
           os.stat(path).st_mode & 0o777 == 0o600,
           "its capsule is written, for its owner alone", run.stderr)
    tap.ok(node.acta("dead", "capsule", letter, path).returncode == 1,
           "not over another file")
    code, said = run_capsule(path, "msgs")
    tap.ok(code == 1 and "dead letter again" in said and
           "row       tries: 1" in said, "run in private, it fails as it did",
           code, said)
    code, said = run_capsule(path, "stock")
    tap.ok(code == 2 and "of the service msgs" in said,
           "another service's is refused", code, said)
    code, said = run_capsule(node.file, "msgs")
    tap.ok(code == 2 and "no capsule" in said, "and what is none", code, said)
    node.acta("dead", "drop", "--yes", letter)


def crash(node):
    """One that crashed its process says where."""
    run = node.acta("call", "crasher/x", "crash")
    tap.ok("failed" in run.stderr, "a call that crashes is told so", run.stderr)
    letters = [d for d in dead(node) if d["to"].startswith("crasher")]
    tap.ok(len(letters) == 1 and letters[0]["cause"] == "crashed" and
           "signal 6 at" in letters[0]["text"],
           "its dead letter has the backtrace", letters)
    path = os.path.join(node.dir, "crash")
    node.acta("dead", "capsule", letters[0]["id"], path)
    code, said = run_capsule(path, "crasher")
    tap.equal(code, -6, "its capsule crashes as it did", said)


def limit(node):
    """Of all that there are, wherever they lie."""
    for _ in range(2):
        node.acta("call", "msgs/a", "fail-until", "until=9")
    run = node.acta("dead", "ls", "--limit", "2", "-o", "json")
    got = json.loads(run.stdout)
    tap.equal((len(dead(node)), len(got["dead"]), got["more"]), (3, 2, True),
              "a list of two of three, of two services", run.stdout)
    run = node.acta("dead", "ls", "--limit", "3", "-o", "json")
    got = json.loads(run.stdout)
    tap.equal((len(got["dead"]), got["more"]), (3, False), "and of all three")


def main():
    with Node(SERVICES) as node:
        node.start()
        for _ in range(2):
            run = node.acta("call", "msgs/a", "fail-until", "until=5")
            tap.ok(run.returncode == 1 and "failed" in run.stderr,
                   "a call that fails too often is told so", run.stderr)
        letters = dead(node)
        tap.equal([d["cause"] for d in letters], ["failed", "failed"],
                  "and is a dead letter")
        first, second = (d["id"] for d in letters)
        tap.equal(row(node, "tries"), None, "of which nothing was kept")
        tap.equal(node.acta("dead", "retry", first).returncode, 0,
                  "tried again as it was")
        tap.ok(tap.until(lambda: [d["id"] for d in dead(node)] not in
                         ([first, second], [second])),
               "it fails as often again, and is a new one", dead(node))
        again = [d["id"] for d in dead(node) if d["id"] != second][0]
        run = node.acta("dead", "retry", again, "until=1")
        tap.equal(run.returncode, 0, "tried again with other args", run.stderr)
        tap.ok(tap.until(lambda: row(node, "tries") == 1),
               "now it is handled, once")
        tap.equal([d["id"] for d in dead(node)], [second], "and gone")
        run = node.acta("dead", "retry", again)
        tap.equal(run.returncode, 3, "a second time there is none", run.stderr)
        run = node.acta("dead", "drop", second)
        tap.ok(run.returncode == 2 and "--yes" in run.stderr,
               "to drop one wants to be meant", run.stderr)
        tap.equal(len(dead(node)), 1, "and it is still there")
        run = node.acta("dead", "drop", "--yes", second)
        tap.equal(run.returncode, 0, "dropped", run.stderr)
        tap.equal(dead(node), [], "none is left")
        for bad in ("x", "msgs.0", "msgs.9.1"):
            run = node.acta("dead", "retry", bad)
            tap.ok(run.returncode in (1, 2, 3) and run.stderr,
                   f"{bad}: no such id", run.stderr)
        tap.equal(row(node, "tries"), 1, "nothing was done twice")
        capsule(node)
        crash(node)
        limit(node)
        tap.equal(node.stop(), 0, "the node stops")


main()
tap.done()
