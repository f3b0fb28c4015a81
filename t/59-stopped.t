#!/usr/bin/python3
"""Claim: with `on_failed: stop` a message that fails stops its partition, with an
alarm; kills and restarts change nothing about it; `acta start` has it go on, with
that message first. Another partition is not concerned.
"""
import json
import os
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_tap as tap  # noqa: E402
from acta_node import BUILD, Node  # noqa: E402

SERVICES = f"""\
  - name: msgs
    load: {BUILD}/t/services/msgs.so
    partitions: 2
    on_failed: stop
"""


def stopped(node):
    row = node.row("msgs") or {"alarms": []}
    return [a["text"] for a in row["alarms"]
            if a["name"].startswith("stopped.")]


def answer(node, key):
    run = node.acta("call", f"msgs/{key}", "answer", "n=1", "--timeout=2s")
    return "busy" if "busy" in run.stderr else run.returncode


with Node(SERVICES, "{intensity: 1000, period: 1s}") as node:
    node.start()
    before = {key: answer(node, key) for key in "abcdefgh"}
    node.acta("send", "msgs/a", "fail-until", "until=2")
    tap.ok(tap.until(lambda: stopped(node)), "a message fails: an alarm",
           node.ps())
    tap.ok("acta start msgs" in stopped(node)[0] and
           "attempt 1" in stopped(node)[0], "which says why, and the way out",
           stopped(node))
    now = {key: answer(node, key) for key in "abcdefgh"}
    tap.ok(set(before.values()) == {0} and now["a"] == "busy" and
           set(now.values()) == {0, "busy"},
           "one partition is busy, the other one answers", now)
    for how in ("killed", "restarted", "stopped and started as its node"):
        if how == "killed":
            pid = node.pid("msgs")
            os.kill(pid, 9)
            tap.until(lambda: node.pid("msgs") not in (0, pid))
        elif how == "restarted":
            node.acta("restart", "msgs")
        else:
            node.stop()
            node.start()
        tap.ok(tap.until(lambda: stopped(node)) and answer(node, "a") == "busy",
               f"{how}: it still stands", node.ps())
    run = node.acta("start", "msgs")
    tap.equal(run.returncode, 0, "acta start", run.stderr)
    tap.ok(tap.until(lambda: not stopped(node) and answer(node, "a") == 0),
           "it goes on", node.ps())
    rows = json.loads(node.acta("state", "msgs/a", "-o", "json").stdout)
    tap.equal(rows.get("tries"), 1, "the message was done, once", rows)

    node.acta("send", "msgs/a", "fail-until", "until=2")
    tap.until(lambda: stopped(node))
    node.acta("stop", "msgs")
    node.acta("start", "msgs")
    tap.ok(tap.until(lambda: not stopped(node) and answer(node, "a") == 0),
           "stopped and started by its operator it goes on, too", node.ps())
    tap.equal(node.stop(), 0, "the node stops")
tap.done()
