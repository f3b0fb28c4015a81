#!/usr/bin/python3
"""Claim: on a real node, with programs for children, supervision is OTP's: cases of
its suite by processes that start, end, crash, are killed and will not stop. Which
child is asked to stop, and in which order, is what the children themselves write
down; in which order they were started the root's log tells, for a program is up
as soon as it runs, and writes when it pleases the scheduler.
"""
import os
import signal
import sys
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_tap as tap  # noqa: E402
from acta_tree import Tree, child, group, listed  # noqa: E402

# ------------------------------------------------------------------- cases

def order():
    """stop_order, after: as in the list, reversed at the end."""
    inner = group("in", [child("c"), child("d")], indent=4)
    services = (listed(child("a", after="[out]"), child("b")) +
                group("out", [child("e"), inner]))
    with Tree(services) as t:
        t.news("start b", "start e", "start c", "start d", "start a")
        rows = [r["service"] for r in t.node.ps() if r["kind"] != "door"]
        tap.equal(rows, ["b", "out", "e", "in", "c", "d", "a"], "ps: a tree")
        t.counts("@node", 3, 3, 1, 2)
        t.counts("out", 2, 2, 1, 1)
        tap.equal(t.node.stop(), 0, "SIGTERM: exit 0")
        t.news("term a", "term d", "term c", "term e", "term b")


def types():
    """permanent_, transient_, temporary_ by normal, abnormal, kill."""
    services = group("g", [
        child("p"), child("r", restart="transient"),
        child("t", restart="temporary")], intensity=20)
    with Tree(services) as t:
        t.news("start p", "start r", "start t")
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGKILL):
            t.send("p", number)
            t.news("start p")
        for number in (signal.SIGUSR2, signal.SIGKILL):
            t.send("r", number)
            t.news("start r")
        t.send("r", signal.SIGUSR1)
        t.becomes("r", "stopped")
        t.counts("g", 3, 2, 0, 3)
        t.does("start", "g", "r")
        t.news("start r")
        t.send("t", signal.SIGUSR2)
        t.becomes("t", "stopped")
        t.counts("g", 2, 2, 0, 2)
        t.does("start", "g", "t", code=3, says="not_found")
        t.does("add", "g", "t")
        t.news("start t")
        t.send("t", signal.SIGUSR1)
        t.counts("g", 2, 2, 0, 2)
        t.news()


def strategies():
    """one_for_one, one_for_all, rest_for_one, and R8."""
    names = "abc"
    for strategy, again in (("one_for_one", "b"), ("one_for_all", "abc"),
                            ("rest_for_one", "bc")):
        services = group("g", [child(n) for n in names] +
                         [child("z", restart="temporary")],
                         strategy=strategy, intensity=2, period="1h")
        with Tree(services) as t:
            t.news("start a", "start b", "start c", "start z")
            before = {n: t.pid(n) for n in names}
            t.send("b", signal.SIGKILL)
            gone = [f"term {n}" for n in ("zc" + ("a" * ("a" in again)))
                    if strategy != "one_for_one"]
            t.news(*gone, *[f"start {n}" for n in again])
            t.becomes("b", "up")
            now = {n: t.pid(n) for n in names}
            tap.equal([n for n in names if now[n] != before[n]],
                      list(again), f"{strategy}: whose process is new")
            alone = strategy == "one_for_one"
            t.counts("g", 3 + alone, 3 + alone, 0, 3 + alone)
            row = t.rows()["b"]
            tap.equal((row["restarts_in_period"], row["intensity"]), (1, 2),
                      "ps: restarts in the period")


def escalation():
    """One too many: the group ends in reverse order, and comes back as its own
    type says; without what was added, with what was removed."""
    services = (group("g", [child("a"), child("b")], intensity=1,
                      period="1h") +
                group("q", [child("c")], intensity=0, restart="transient"))
    with Tree(services, "{intensity: 9, period: 1h}") as t:
        t.news("start a", "start b", "start c")
        t.send("b", signal.SIGUSR2)
        t.news("start b")
        t.does("stop", "g", "a")
        t.news("term a")
        t.does("remove", "g", "a")
        t.counts("g", 1, 1, 0, 1)
        t.send("b", signal.SIGUSR2)
        t.news("start a", "start b")
        t.becomes("g", "up")
        tap.equal(t.rows()["g"]["restarts"], 1, "the group was restarted")
        t.send("c", signal.SIGUSR2)
        t.becomes("q", "stopped")
        t.does("count", "q", code=3, says="noproc")
        t.does("start", "@node", "q")
        t.news("start c")


def failing_starts():
    """one_for_one_escalation, one_for_all_escalation: starts that fail are
    tried again and counted; the held one goes on when told to."""
    services = (listed(child("a")) +
                group("g", [child("b"), child("c")], strategy="one_for_all",
                      intensity=3, period="1h"))
    with Tree(services, "{intensity: 2, period: 1h}") as t:
        t.news("start a", "start b", "start c")
        os.rename(t.program, t.program + ".away")
        t.send("b", signal.SIGKILL)
        t.news("term c")
        t.becomes("g", "failed")
        t.becomes("a", "up")
        os.rename(t.program + ".away", t.program)
        run = t.node.acta("start", "g")
        tap.equal(run.returncode, 0, "acta start g", run.stderr)
        t.news("start b", "start c")
        t.becomes("g", "up")


def waiting():
    """hanging_restart_loop: between tries all is answered, the next is shown."""
    backoff = "{min: 1h, max: 1h}"
    services = group("g", [child("a", backoff=backoff), child("b")],
                     intensity=50, period="1h")
    with Tree(services) as t:
        t.news("start a", "start b")
        t.send("a", signal.SIGKILL)
        t.news("start a")
        t.send("a", signal.SIGKILL)
        t.becomes("a", "backoff")
        row = t.rows()["a"]
        tap.ok(2e6 < row["restart_in_ms"] <= 3.6e6,
               "ps: when the next restart is", row)
        run = t.node.acta("ps")
        tap.ok(" 2/50 " in run.stdout, "ps: RECENT", run.stdout)
        t.counts("g", 2, 1, 0, 2)
        t.does("add", "g", "a", code=5, says="already_present")
        t.does("start", "g", "a", code=5, says="restarting")
        t.does("remove", "g", "a", code=5, says="restarting")
        t.does("stop", "g", "a")
        t.becomes("a", "stopped")
        t.does("start", "g", "a")
        t.news("start a")


def administration():
    """child_adm: OTP's words."""
    services = group("g", [child("a")])
    with Tree(services) as t:
        t.news("start a")
        t.does("add", "g", "a", code=5, says="already_started")
        t.does("start", "g", "a", code=5, says="running")
        t.does("remove", "g", "a", code=5, says="running")
        t.does("stop", "g", "nobody", code=3, says="not_found")
        t.does("stop", "g", "a")
        t.news("term a")
        t.does("stop", "g", "a")
        t.counts("g", 1, 0, 0, 1)
        t.does("add", "g", "a", code=5, says="already_present")
        t.does("start", "g", "a")
        t.news("start a")
        t.does("restart", "g", "a")
        t.news("term a", "start a")
        t.does("stop", "g", "a")
        t.news("term a")
        t.does("remove", "g", "a")
        t.does("start", "g", "a", code=3, says="not_found")
        t.counts("g", 0, 0, 0, 0)
        t.does("add", "g", "a")
        t.news("start a")
        t.does("count", "nowhere", code=3, says="no service")
        t.does("dance", "g", "a", code=2, says="unknown verb")


def dynamic():
    """child_adm_simple, simple_one_for_one, significant_simple."""
    template = "{name: w, exec: [./child, DIR], restart: transient}"
    services = group("ws", [template], strategy="simple_one_for_one",
                     intensity=2, period="1h")
    with Tree(services, "{intensity: 9, period: 1h}") as t:
        t.counts("ws", 1, 0, 0, 0)
        for name in ("i1", "i2", "i3"):
            t.does("add", "ws", name, name)
            t.news(f"start {name}")
        t.does("add", "ws", "i1", code=5, says="already_started")
        t.counts("ws", 1, 3, 0, 3)
        t.send("i1", signal.SIGUSR2)
        t.news("start i1")
        t.does("restart", "ws", "i1", code=2, says="simple_one_for_one")
        t.does("start", "ws", "w", code=3, says="not_found")
        t.send("i2", signal.SIGUSR1)
        t.counts("ws", 1, 2, 0, 2)
        tap.ok("i2" not in t.rows(), "who ended is not there")
        t.does("remove", "ws", "i3")
        t.news("term i3")
        t.does("remove", "ws", "i3", code=3, says="not_found")
        t.does("add", "ws", "i3", "i3")
        t.news("start i3")
        t.send("i3", signal.SIGKILL)
        t.news("start i3")
        t.send("i3", signal.SIGKILL)
        t.news("term i1")
        t.becomes("ws", "up")
        t.counts("ws", 1, 0, 0, 0)
        t.does("add", "ws", "i4", "i4")
        t.news("start i4")


def stopping():
    """sup_stop_timeout, sup_stop_brutal_kill, sup_stop_infinity."""
    services = group("g", [
        child("a", shutdown="100ms"), child("b", shutdown="brutal_kill"),
        child("c", shutdown="infinity")])
    with Tree(services) as t:
        t.news("start a", "start b", "start c")
        t.send("a", signal.SIGHUP)
        t.news("deaf a")
        run = t.node.acta("stop", "g")
        tap.equal(run.returncode, 0, "acta stop g", run.stderr)
        t.news("term c")
        for name in "abc":
            t.becomes(name, "stopped")
        why = t.node.acta("why", "a").stdout
        tap.ok("SIGKILL" in why and "asked to stop" in why,
               "the deaf one was killed", why)
        run = t.node.acta("start", "g")
        tap.equal(run.returncode, 0, "acta start g", run.stderr)
        t.news("start a", "start b", "start c")


def significance():
    """significant_temporary, significant_transient: any, all."""
    services = (
        group("any", [child("a", restart="transient", significant="true"),
                      child("b")], auto_shutdown="any_significant",
              restart="temporary", intensity=9) +
        group("all", [child("c", restart="temporary", significant="true"),
                      child("d", restart="transient", significant="true"),
                      child("e")], auto_shutdown="all_significant",
              restart="transient", intensity=9))
    with Tree(services) as t:
        t.news("start a", "start b", "start c", "start d", "start e")
        t.send("a", signal.SIGUSR2)
        t.news("start a")
        t.does("stop", "any", "a")
        t.news("term a")
        t.does("start", "any", "a")
        t.news("start a")
        t.send("a", signal.SIGUSR1)
        t.news("term b")
        t.becomes("any", "stopped")
        t.send("c", signal.SIGKILL)
        t.becomes("c", "stopped")
        t.becomes("all", "up")
        t.send("d", signal.SIGUSR1)
        t.news("term e")
        t.becomes("all", "stopped")


def held():
    """At the top the one is held, others go on."""
    services = listed(child("a"), child("b"))
    with Tree(services, "{intensity: 2, period: 1h}") as t:
        t.news("start a", "start b")
        before = t.pid("b")
        for _ in range(2):
            t.send("a", signal.SIGUSR2)
            t.news("start a")
        t.send("a", signal.SIGUSR2)
        t.becomes("a", "failed")
        tap.equal(t.pid("b"), before, "b was left alone")
        run = t.node.acta("ps")
        tap.ok("! a: failed" in run.stdout, "with an alarm", run.stdout)


def node_ends():
    """on_exceed: escalate at the top, as an application's supervisor."""
    services = listed(child("a"), child("b"))
    with Tree(services, "{intensity: 0, period: 1h, on_exceed: escalate}") \
            as t:
        t.news("start a", "start b")
        os.kill(t.pid("a"), signal.SIGUSR2)
        t.news("term b")
        tap.equal(t.node.process.wait(20), 1, "the node ended with 1")


began = time.monotonic()
for case in (order, types, strategies, escalation, failing_starts, waiting,
             administration, dynamic, stopping, significance, held, node_ends):
    tap.diag(f"{case.__name__}: {case.__doc__}")
    case()
tap.diag(f"{time.monotonic() - began:.1f} s")
tap.done()
