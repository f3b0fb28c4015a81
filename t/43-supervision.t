#!/usr/bin/python3
"""Claim: on a real node, with programs for children, supervision is OTP's: cases of
its suite by processes that start, end, crash, are killed and will not stop. Which
child is asked to stop, and in which order, is what the children themselves write
down; in which order they were started the root's log tells, for a program is up
as soon as it runs, and writes when it pleases the scheduler.
"""
import os
import re
import signal
import sys
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_flow  # noqa: E402
import acta_node  # noqa: E402
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
        why = t.node.acta("why", "w").stdout
        tap.equal(why, "w is the template of ws: `acta sup add ws NAME`.\n",
                  "why w")
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


def words():
    """acta sup: every verb to whom cannot obey it, names that are none, and a
    program that cannot be run."""
    verbs = ("add", "remove", "start", "stop", "restart")
    services = (listed(child("a")) + group("g", [child("b")]) +
                group("ws", ["{name: w, exec: [./child, DIR], "
                             "shutdown: 300ms}"],
                      strategy="simple_one_for_one") +
                group("q", [child("c")], restart="transient"))
    with Tree(services, "{intensity: 9, period: 1h}") as t:
        t.news("start a", "start b", "start c")
        for verb in verbs:
            t.does(verb, "nowhere", "b", code=3, says='no service "nowhere"')
            t.does(verb, "a", "b", code=3, says="a is no group")
            t.does(verb, "g", code=2, says="two names are due")
            t.does(verb, "g", "b b", code=2, says="no single word")
            t.does(verb, "g", "", code=2, says="no single word")
        for verb in verbs[1:]:
            t.does(verb, "g", "nobody", code=3, says="nobody in g: not_found")
            t.does(verb, "g", "a", code=3, says="a in g: not_found")
            t.does(verb, "ws", "w", code=3, says="w in ws: not_found")
            t.does(verb, "g", "b", "more", code=2, says="two names are due")
            t.does(verb, "@node", "@door", code=1, says="invalid_child_type")
        t.does("add", "g", "nobody", code=3, says="nobody in g: not_found")
        t.does("add", "g", "a", code=3, says="a in g: not_found")
        for name in ("Big", "1st", "-- -x", "@x", "a/b", "x" * 33, "node"):
            t.does("add", "ws", *name.split(), code=1, says="GROUP NAME")
        t.does("add", "ws", "i1", *["x"] * 65, code=1, says="not understood")
        t.does("add", "ws", "a", code=5, says="already_started")
        t.counts("ws", 1, 0, 0, 0)
        t.does("count", "a", code=3, says="a is no group")
        # Of one in a template's group there is a process, or nothing.
        t.does("add", "ws", "i1", "i1")
        t.news("start i1")
        for verb in ("start", "restart"):
            t.does(verb, "ws", "i1", code=2, says="simple_one_for_one")
        t.does("remove", "g", "i1", code=3, says="i1 in g: not_found")
        t.does("stop", "ws", "i1")
        t.news("term i1")
        t.does("stop", "ws", "i1", code=3, says="not_found")
        # A program that cannot be run is an error, and is not kept by those who
        # keep nothing.
        os.rename(t.program, t.program + ".away")
        t.does("add", "ws", "i1", code=1, says="i1 in ws: error")
        t.counts("ws", 1, 0, 0, 0)
        t.does("stop", "g", "b")
        t.news("term b")
        t.does("start", "g", "b", code=1, says="b in g: error")
        t.does("restart", "g", "b", code=1, says="b in g: error")
        t.becomes("b", "stopped")
        t.does("remove", "g", "b", says="b: removed from g")
        t.does("start", "g", "b", code=3, says="`acta sup add g b`")
        t.does("add", "g", "b", code=1, says="b in g: error")
        t.counts("g", 0, 0, 0, 0)
        os.rename(t.program + ".away", t.program)
        t.does("add", "g", "b")
        t.news("start b")
        # A supervisor that is not up, and one that was removed.
        run = t.node.acta("stop", "q")
        tap.equal(run.returncode, 0, "acta stop q", run.stderr)
        t.news("term c")
        for verb in verbs:
            t.does(verb, "q", "c", code=3, says="c in q: noproc")
        t.does("count", "q", code=3, says="noproc")
        t.does("remove", "@node", "q")
        for verb in verbs:
            t.does(verb, "q", "c", code=3, says="c in q: noproc")
        t.does("start", "@node", "q", code=3, says="not_found")
        t.does("add", "@node", "q")
        t.news("start c")
        # One that hangs: the call is over, its end goes on.
        t.does("add", "ws", "i2", "i2")
        t.news("start i2")
        t.send("i2", signal.SIGHUP)
        t.news("deaf i2")
        t.does("remove", "ws", "i2", "--timeout", "50ms", code=6)
        tap.until(lambda: "i2" not in t.rows())
        t.counts("ws", 1, 0, 0, 0)
        t.does("add", "ws", "i2", "i2")
        t.news("start i2")
        t.send("i2", signal.SIGHUP)
        t.news("deaf i2")
        t.does("remove", "ws", "i2")
        t.counts("ws", 1, 0, 0, 0)
        t.news()


def stop_manual():
    """sup_stop_manual, sup_stop_manual_timeout."""
    services = group("g", [child("a", shutdown="brutal_kill"), child("b"),
                           child("c", shutdown="300ms")])
    with Tree(services) as t:
        t.news("start a", "start b", "start c")
        t.send("c", signal.SIGHUP)
        t.news("deaf c")
        run = t.node.acta("stop", "g", "--timeout", "50ms")
        tap.equal(run.returncode, 6, "the caller's time is over", run.stderr)
        t.becomes("g", "stopped")
        t.news("term b")
        for name, says in (("a", "SIGKILL"), ("b", "on request"),
                           ("c", "asked to stop and was killed by SIGKILL")):
            why = t.node.acta("why", name).stdout
            tap.ok(says in " ".join(why.split()), f"{name}: {says}", why)
        why = t.node.acta("why", "g").stdout
        tap.ok("g was stopped on request" in why, "so was g", why)
        tap.ok("level=" not in t.node.log(),
               "nobody is warned of what was asked for", t.node.log())


def why_a_group():
    """What a group ended for, is told of the group."""
    services = (group("g", [child("a"), group("h", [child("b")], indent=4,
                                              intensity=1, period="1h")]) +
                group("s", [child("c", restart="transient",
                                  significant="true")],
                      auto_shutdown="any_significant", restart="temporary"))
    with Tree(services) as t:
        t.news("start a", "start b", "start c")
        t.send("b", signal.SIGKILL)
        t.news("start b")
        t.send("b", signal.SIGKILL)
        t.news("start b")
        t.becomes("h", "up")
        why = " ".join(t.node.acta("why", "h").stdout.split())
        tap.ok("h gave up" in why and "was back after" in why and
               "Why: b ended once too often (SIGKILL; more than 1 restart in "
               "3600 s)." in why, "h gave up, for b", why)
        t.send("c", signal.SIGUSR1)
        t.becomes("s", "stopped")
        why = t.node.acta("why", "c").stdout
        tap.ok("Its group s is not up: `acta start s`." in
               " ".join(why.split()), "why c: start its group", why)
        why = " ".join(t.node.acta("why", "s").stdout.split())
        tap.ok("s ended with its significant child" in why and
               "Why: c ended (exit-0)." in why and
               "Its restart type is temporary." in why, "s ended with c", why)
        log = t.node_log()
        # format_log_1, format_log_2: who, whose, why, how often; one line each.
        for line in (
                r"event=start service=a pid=\d+",
                r"event=up service=a pid=\d+ after_ms=\d+",
                r"event=up supervisor=h",
                r"event=restart service=b cause=SIGKILL count=1 delay_ms=0 ",
                r"event=alarm service=b alarm=failed",
                r"event=escalate service=b cause=SIGKILL supervisor=h",
                r"event=restart service=h cause=gave-up count=1 delay_ms=0 ",
                r"event=auto-shutdown supervisor=s child=c",
                r"event=down service=c state=stopped cause=exit-0",
                r"event=down service=s state=stopped cause=auto-shutdown"):
            tap.ok(re.search(r"^time=\S+Z level=[a-z]+ " + line, log,
                             re.M), f"the log has: {line}")


def start_chain():
    """faulty_application_shutdown: the node's start fails by a program deep in
    it, and says by which, and through whom."""
    inner = group("h", [child("b"), "{name: bad, exec: [./bad]}"], indent=4)
    services = listed(child("a")) + group("g", [inner])
    node = None
    try:
        t = Tree.__new__(Tree)
        t.lay(services)
        node = t.node
        bad = os.path.join(node.dir, "bad")
        with open(bad, "wb") as f:
            f.write(b"\x7fELF, but no further")
        os.chmod(bad, 0o755)
        node.start(wait=False)
        tap.equal(node.process.wait(20), 1, "exit 1")
        tap.ok("acta: g: h gave up: bad could not start (not-run: " in
               node.log() and f"its log is {node.run}/log/bad.log" in
               node.log(), "by whom, through whom, where to look", node.log())
        tap.until(lambda: not acta_node.processes_with(node.dir))
        tap.equal(acta_node.processes_with(node.dir), [], "nothing runs on")
    finally:
        if node:
            node.remove()


def memory():
    """simple_one_for_one_corruption: what one was started with is not kept."""
    services = group("ws", ["{name: w, exec: [./child, DIR], "
                            "restart: temporary, shutdown: brutal_kill}"],
                     strategy="simple_one_for_one")
    with Tree(services) as t:
        words = " ".join(["x" * 30] * 60)

        def rss():
            with open(f"/proc/{t.node.process.pid}/status",
                      encoding="ascii") as f:
                return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])

        def turns(count):
            for _ in range(count):
                answer = t.node.root(f"sup add ws i1 i1 {words}")
                if not answer.get("ok"):
                    return answer
                answer = t.node.root("sup remove ws i1")
                if not answer.get("ok"):
                    return answer
            return None

        tap.equal(turns(50), None, "50 are added and removed")
        before = rss()
        tap.equal(turns(300), None, "300 more, each with 1.8 KiB of words")
        after = rss()
        # What 300 were started with is 540 KiB.
        if "address" in acta_node.BUILD or "thread" in acta_node.BUILD:
            tap.diag(f"skip RSS under a sanitizer: {before}, {after} KiB")
        else:
            tap.ok(after - before < 200,
                   f"the root's memory: {before} KiB, then {after} KiB")


def lives_of_dynamic():
    """What was added lives as long as its group, what was removed as long as
    the node does: a node that is started again has what its config says."""
    services = group("g", [child("a"), child("b")]) + group(
        "ws", ["{name: w, exec: [./child, DIR]}"],
        strategy="simple_one_for_one")
    for how in (signal.SIGTERM, signal.SIGKILL):
        with Tree(services) as t:
            t.news("start a", "start b")
            t.does("add", "ws", "i1", "i1")
            t.news("start i1")
            t.does("stop", "g", "b")
            t.does("remove", "g", "b")
            t.news("term b")
            run = t.node.acta("restart", "ws")
            tap.equal(run.returncode, 0, "acta restart ws", run.stderr)
            t.news("term i1")
            t.counts("ws", 1, 0, 0, 0)
            run = t.node.acta("restart", "g")
            tap.equal(run.returncode, 0, "acta restart g", run.stderr)
            t.news("term a", "start a", "start b")
            t.does("stop", "g", "b")
            t.does("remove", "g", "b")
            t.news("term b")
            t.does("add", "ws", "i2", "i2")
            t.news("start i2")
            groups = [t.pid(n) for n in ("a", "i2")]
            t.node.process.send_signal(how)
            t.node.process.wait(20)
            tap.until(lambda: not any(map(acta_node.alive, groups)))
            tap.ok(not any(map(acta_node.alive, groups)),
                   f"the node ends by {how.name}, and its programs with it")
            for pid in groups:
                try:  # what they started themselves is theirs to end
                    os.killpg(pid, signal.SIGKILL)
                except OSError:
                    pass
            t.seen = len(t.events())
            t.node.start()
            t.begun = len(t.starts()) - 2
            t.news("start a", "start b")
            t.counts("ws", 1, 0, 0, 0)
            t.counts("g", 2, 2, 0, 2)


def names():
    """simple_global_supervisor: a name leads to the process of the day,
    whichever way that came about."""
    with acta_flow.Flow({"a": "", "b": ""}) as node:
        with open(node.file, "w", encoding="utf-8") as f:
            f.write(node.head + "  - group: g\n    strategy: one_for_all\n"
                    "    intensity: 20\n    services:\n" + "".join(
                        f"    - {{name: {n}, load: {node.so(n)}}}\n"
                        for n in "ab"))
        node.start()
        call = acta_flow.Caller(node.call)
        heard = 0

        def pids():
            return [node.pid("a"), node.pid("b")]

        def both_new(before):
            def there():
                now = pids()
                return all(now) and not set(now) & set(before)
            return tap.until(there)

        def end(number):
            os.kill(node.pid("a"), number)

        for what, do in (
                ("it is killed", lambda: end(signal.SIGKILL)),
                ("it ends", lambda: end(signal.SIGTERM)),
                ("its supervisor is restarted",
                 lambda: node.acta("restart", "g")),
                ("its supervisor is stopped and started",
                 lambda: (node.acta("sup", "stop", "@node", "g"),
                          node.acta("sup", "start", "@node", "g")))):
            before = pids()
            do()
            tap.ok(both_new(before), f"{what}: both are new", pids())
            heard += 1
            answer = call.call("a/1", "post", {"to": "b/1", "count": 1})
            tap.ok(answer and answer["ok"], "a's name leads to it", answer)
            where = {s["service"]: s for s in
                     node.root("where")["services"]}
            tap.equal([where[n]["pid"] for n in "ab"], pids(),
                      "the root tells the new ones")
            tap.ok(all(len(where[n]["endpoints"]) == 1 for n in "ab"),
                   "and nobody else under these names", where)
        before = pids()
        node.acta("sup", "restart", "g", "b")
        tap.ok(node.pid("b") not in before and node.pid("a") == before[0],
               "b alone, by a call: a's is the same", pids())
        heard += 1
        answer = call.call("a/1", "post", {"to": "b/1", "count": 1})
        tap.ok(answer and answer["ok"], "b's name leads to the new one")
        tap.ok(node.quiet(), "nothing waits any more")
        call.close()
        node.stop()
        tap.equal(node.rows("b")["1"]["from/a/1"], heard,
                  "all that a sent to b's name was heard")


began = time.monotonic()
for case in (order, types, strategies, escalation, failing_starts, waiting,
             administration, words, dynamic, lives_of_dynamic, memory,
             stopping, stop_manual, significance, why_a_group, held, node_ends,
             start_chain, names):
    tap.diag(f"{case.__name__}: {case.__doc__}")
    since = time.monotonic()
    case()
    tap.diag(f"{time.monotonic() - since:.1f} s")
tap.diag(f"{time.monotonic() - began:.1f} s")
tap.done()
