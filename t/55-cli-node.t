#!/usr/bin/python3
"""Claim: what of `acta` talks to a node does what acta(1) says: what it prints
and the code it exits with; also through a tcp door; also while the local door
is dead, for what asks the root. `acta sub` prints every event once and in order,
though its door is killed meanwhile.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(TOP, "t"))
import acta_tap as tap  # noqa: E402
from acta_node import ACTA, Node  # noqa: E402


def says(got, code, out="", err="", claim=None):
    """Exit code, and what stdout and stderr match, each as a whole."""
    tap.ok(got.returncode == code and
           re.fullmatch(out, got.stdout, re.S) is not None and
           re.fullmatch(err, got.stderr, re.S) is not None,
           claim or " ".join(["acta"] + got.args[1:]) + f": exit {code}",
           f"exit {got.returncode}", got.stdout, got.stderr,
           f"want {out!r} {err!r}")


def calls(node):
    a = node.acta
    says(a("call", "stock/17", "restock", "{\"qty\": 10}"), 0,
         r'\{"available": 10\}\n')
    says(a("call", "stock/17", "reserve", "qty=2"), 0, r'\{"left": 8\}\n')
    says(a("call", "stock/17", "reserve", "qty=9"), 1, "",
         "acta: stock/17 reserve: out-of-stock: 8 left\n")
    says(a("call", "stock/17", "reserve", "quantity=2"), 1, "",
         'acta: stock/17 reserve: bad-args: no arg "quantity"\n'
         '  hint: .*qty:int\n')
    says(a("call", "stok/17", "reserve", "qty=1"), 3, "",
         'acta: stok/17 reserve: unknown-service: .*\n'
         '  hint: did you mean "stock"\\?\n')
    says(a("call", "stock/17", "reserv", "qty=1"), 3, "",
         'acta: stock/17 reserv: unknown-type: .*\n'
         '  hint: did you mean "reserve"\\?\n')
    got = a("call", "-o", "json", "stock/17", "reserve", "qty=99")
    tap.ok(got.returncode == 1 and json.loads(got.stdout)["error"]["code"] ==
           "out-of-stock", "-o json prints an error too", got.stdout)
    for _ in range(2):
        says(a("call", "--id", "order-1", "stock/17", "reserve", "qty=1"), 0,
             r'\{"left": 7\}\n', claim="the same --id: done once")
    says(a("call", "--id", "order-1", "stock/17", "reserve", "qty=2"), 5, "",
         "acta: .*id-reused.*", "the same --id for another request: exit 5")
    says(a("send", "stock/18", "restock", "qty=3"), 0)
    says(a("state", "stock/18"), 0, "available  3\n",
         claim="a send is done when it is answered")
    says(a("state", "stock/17", "-o", "json"), 0,
         r'\{"available": 10, "reserved": 3\}\n')
    says(a("state", "stock/none"), 0, "", "acta: stock/none has no rows\n.*")
    says(a("state", "stok"), 3, "", ".*did you mean.*")
    says(a("state", "stok", "-o", "json"), 3, "", ".*did you mean.*",
         "no JSON of what cannot be asked")
    says(a("dead"), 0, "", "acta: no dead letters\n")
    says(a("dead", "show", "stock.0.1"), 3, "", "acta: .*no such dead.*")


def root(node):
    a = node.acta
    head = r"SERVICE +STATE +PID +RESTARTS +RECENT +NEXT +QUEUE +MSG/S +UP\n"
    says(a("ps"), 0, head + r"stock +up +\d+ +0 +0/\d+ +- +0 +[\d.]+ +\w+\n")
    says(a("ps", "-a"), 0, head + r"@door .*@door-call .*stock .*")
    rows = json.loads(a("ps", "-o", "json").stdout)["services"]
    tap.equal([r["service"] for r in rows if r["kind"] == "service"],
              ["stock"], "acta ps -o json")
    pid = a("ps", "--pid", "stock").stdout
    tap.equal(int(pid), node.pid("stock"), "acta ps --pid")
    says(a("ps", "--pid", "stok"), 3, "", '.*did you mean "stock"\\?\n')
    for verb in ("why", "stop", "start", "restart"):
        says(a(verb, "stok"), 3, "", 'acta: no service "stok".*\n'
             '  hint: did you mean "stock"\\?\n')
    says(a("why", "nosuchthing"), 3, "", "acta: .*\n  hint: it has .*\n")
    says(a("why", "stock"), 0, "stock .*\n")
    says(a("stop", "stock"), 0, "", "acta: stock: stopped\n")
    says(a("ps"), 0, head + r"stock +stopped +- .*\n")
    says(a("ps", "--pid", "stock"), 1, "", "acta: stock has no process.*")
    says(a("start", "stock"), 0, "", r"acta: stock: up \(pid \d+\)\n")
    says(a("start", "stock"), 5, "", "acta: .*")
    says(a("restart", "stock", "-o", "json"), 0, r'\{"ok": true, .*\}\n',
         r"acta: .*|")
    says(a("sup", "remove", "@node", "stock"), 5, "", "acta: .*running\n.*")
    says(a("sup", "stop", "@node", "stock"), 0, "", "acta: stock: stopped\n")
    says(a("sup", "remove", "@node", "stock"), 0, "",
         "acta: stock: removed from @node\n")
    says(a("sup", "add", "@node", "stock"), 0, "", r"acta: stock: up .*\n")
    before = node.pid("stock")
    os.kill(before, 9)
    tap.until(lambda: node.pid("stock") not in (0, before))
    says(a("why", "stock"), 0, "stock was killed by SIGKILL .*\n")
    says(a("logs", "stock"), 0, ".*")
    says(a("logs", "-n", "1", "node"), 0, "[^\n]+\n")
    says(a("logs", "nod"), 3, "", '.*did you mean "node"\\?\n')
    # It answers when the local door does not.
    os.kill(node.pid("@door"), 19)
    try:
        says(a("ps"), 0, head + r".*stock +up .*\n",
             claim="acta ps while the door is stopped")
        says(a("call", "--timeout", "300", "stock/17", "reserve", "qty=1"), 6,
             "", "acta: stock/17 reserve: timeout.*",
             "acta call then: exit 6")
    finally:
        os.kill(node.pid("@door"), 18)
    pid = node.pid("stock")
    os.kill(pid, 19)
    try:
        got = a("call", "--timeout", "300", "stock/16", "restock", "qty=1")
        says(got, 6, "", "acta: stock/16 restock: timeout: .*\n"
             "  hint: ask again with --id [0-9A-Z]{26}: .*",
             "of a time-out it tells under which id to ask again")
    finally:
        os.kill(pid, 18)
    again = re.search("--id ([0-9A-Z]+)", got.stderr).group(1)
    for _ in range(2):
        says(a("call", "--id", again, "stock/16", "restock", "qty=1"), 0,
             r'\{"available": 1\}\n', claim="so it is done once")


ODD = r"""
#include <acta.h>

static acta_status
odd(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_int("a\033[1mb\nc", 1),
	    acta_str("d", "\302\233e\033"));
	(void)msg;
	return acta_reject(self, "no", "x\n\033[31my\302\233z\t.");
}

static acta_status
keep(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_int("a\033[1mb\nc", 1),
	    acta_str("d", "\302\233e\033"));
	(void)msg;
	return acta_fail(self, "x\n\033[31my\302\233z\t.");
}

static acta_status
rows(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_int("a\033[1mb\nc", 1),
	    acta_str("d", "\302\233e\033"));
	(void)msg;
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = {
	{ .type = "odd", .run = odd }, { .type = "keep", .run = keep },
	{ .type = "rows", .run = rows }, { .type = 0 }
};

ACTA_SERVICE("odd", "1", handlers);
"""


def controls(node):
    """What a service says cannot move the cursor or make another line."""
    a = node.acta
    says(a("call", "odd/1", "odd"), 1, "",
         r"acta: odd/1 odd: no: x \?\[31my\?\?z \.\n")
    says(a("call", "odd/1", "rows"), 0, "null\n")
    says(a("state", "odd/1"), 0, r'a\?\[1mb c  1\n'
         r'd  "\\u009be\\u001b"\n')
    tap.equal(json.loads(a("state", "odd/1", "-o", "json").stdout),
              {"a\033[1mb\nc": 1, "d": "\x9be\033"},
              "acta state -o json has them as they are")
    says(a("call", "odd/2", "keep"), 1, "",
         r"acta: odd/2 keep: failed: x \?\[31my\?\?z \.\n")
    says(a("dead"), 0, r"ID .*TEXT\nodd\.0\.1 .* x \?\[31my\?\?z \.\n")
    says(a("dead", "show", "odd.0.1"), 0,
         r".*\nfrom      -\n.*\ntext      x \?\[31my\?\?z \.\n.*")


def follows(node):
    got = subprocess.run(["bash", "-c", f"{ACTA} logs -f node | head -n 1"],
                         env=node.env(), stdin=subprocess.DEVNULL, timeout=20,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True)
    tap.ok(got.returncode == 0 and got.stdout.count("\n") == 1 and
           got.stderr == "", "logs -f ends when its reader has gone",
           got.stdout, got.stderr)


def elsewhere(node):
    a = node.acta
    says(a("call", "--at", node.call, "stock/17", "restock", "qty=1"), 0,
         r'\{"available": 11\}\n')
    says(a("ps", "--at", node.call), 0, r"SERVICE .*stock +up .*\n",
         claim="acta ps through a tcp door")
    for args in (["why", "stock"], ["stop", "stock"], ["dead"],
                 ["state", "stock/17"]):
        says(a(*args, "--at", node.call), 7, "", "acta: .*denied.*",
             f"acta {args[0]} through a tcp door: exit 7")
    for at in (node.name, node.run):
        says(a("call", "--at", at, "stock/17", "restock", "qty=1"), 0,
             r'\{"available": 1\d\}\n', claim="--at a name, a run directory")
    second = subprocess.run(
        [ACTA, "run", node.file], env=node.env(), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=30)
    tap.ok(second.returncode == 5 and second.stderr.startswith(
        f"acta: {node.call} is in use by node \"shop\" "
        f"(pid {node.process.pid})\n"),
        "a second node there: exit 5, the first one's name and pid",
        second.stderr)


def events(node):
    out = os.path.join(node.dir, "events")
    with open(out, "w", encoding="utf-8") as f:
        sub = subprocess.Popen([ACTA, "sub", "stock.", "-o", "json"],
                               env=node.env(), stdin=subprocess.DEVNULL,
                               stdout=f, stderr=f)

    def lines():
        with open(out, encoding="utf-8") as f:
            return [json.loads(line) for line in f
                    if line.startswith("{") and line.endswith("}\n")]

    def reserve(count):
        for _ in range(count):
            subprocess.run([ACTA, "call", "--at", node.call, "stock/9",
                            "reserve", "qty=0"], env=node.env(), check=True,
                           stdout=subprocess.DEVNULL)

    def one_arrives():
        reserve(1)
        return tap.until(lines, 0.3)

    try:
        tap.until(one_arrives)
        first = lines()[0]["seq"]
        for _ in range(5):
            before = node.pid("@door")
            os.kill(before, 9)
            reserve(4)
            tap.until(lambda: node.pid("@door") not in (0, before))
        for args, words in ((["after=-1"], "an event's number"),
                            (["limit=0"], "at least 1"),
                            (["limt=3"], 'did you mean "limit"'),
                            (["after=x"], "int is due")):
            run = node.acta("call", "@events", "replay",
                            "topic=stock.reserved", *args)
            tap.ok(run.returncode == 1 and words in run.stderr,
                   f"@events replay {args[0]}: {words}", run.stderr)
        # The last ones may have been missed: heads tell of them.
        got = json.loads(node.acta("call", "-o", "json", "@events", "replay",
                                   "topic=stock.reserved", "limit=1000")
                         .stdout)
        last = got["result"]["events"][-1]["seq"]
        tap.until(lambda: lines()[-1]["seq"] >= last, 15)
        tap.equal([e["seq"] for e in lines()],
                  list(range(first, last + 1)),
                  "each event once, in order, over five kills of the door")
        with open(out, encoding="utf-8") as f:
            tap.equal([line for line in f if not line.startswith("{")], [],
                      "and none was said to be lost")
    finally:
        sub.terminate()
        sub.wait()
    plain = subprocess.Popen([ACTA, "sub", "--count", "2", "stock.reserved/9"],
                             env=node.env(), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, text=True)
    begun = time.monotonic()
    while plain.poll() is None and time.monotonic() - begun < 10:
        reserve(1)
    got = plain.communicate()[0]
    tap.ok(re.fullmatch(r'(stock\.reserved  stock/9  #\d+  \{"qty": 0\}\n){2}',
                        got) is not None, "one key only; --count ends it",
           got)


def main():
    folder = tempfile.mkdtemp(prefix="acta-")
    env = dict(os.environ, PATH=os.path.dirname(os.path.abspath(ACTA)) + ":" +
               os.environ["PATH"])
    try:
        subprocess.run(["acta", "new", "service", "stock"], cwd=folder,
                       env=env, check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["make", "-s"], cwd=os.path.join(folder, "stock"),
                       env=env, check=True)
        with open(os.path.join(folder, "odd.c"), "w",
                  encoding="utf-8") as f:
            f.write(ODD)
        flags = subprocess.run(["acta", "cflags"], env=env, check=True,
                               text=True, stdout=subprocess.PIPE).stdout
        subprocess.run(["cc", "-shared", "-fPIC", flags.strip(), "-o",
                        "odd.so", "odd.c"], cwd=folder, check=True)
        with Node(f"  - {{name: stock, load: {folder}/stock/stock.so}}\n") \
                as node:
            node.start()
            calls(node)
            root(node)
            elsewhere(node)
            events(node)
            follows(node)
            tap.equal(node.stop(), 0, "SIGTERM: exit 0")
        with Node(f"  - {{name: odd, load: {folder}/odd.so, max_attempts: 1}}"
                  "\n") as node:
            node.start()
            controls(node)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tap.done()


main()
