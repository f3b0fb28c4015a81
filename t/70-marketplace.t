#!/usr/bin/python3
"""Claim: Online Marketplace keeps its invariants while its services are killed,
and its checker finds every invariant that is broken: each one is, in turn, in
what was read of the files or in the client's log.
"""
import copy
import json
import os
import shutil
import subprocess
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t"),
                os.path.join(TOP, "actors", "marketplace")]
import acta_tap as tap  # noqa: E402
import check  # noqa: E402

DEMO = os.path.join(TOP, "actors", "marketplace", "demo.py")


def first(orders, paid=True):
    return next(o for o in orders if o.paid == paid)


def sabotage_sold(w):
    w.stock["1"]["qty_available"] += 1


def sabotage_reserved(w):
    w.stock["1"]["qty_reserved"] += 1


def sabotage_totals(w):
    first(w.orders).head["total_amount"] -= 1


def sabotage_payments(w):
    first(w.orders).lines[0]["value"] += 1


def sabotage_histories(w):
    first(w.orders).steps.reverse()


def sabotage_answered(w):
    tid = first(w.orders).tid
    w.log.answered[tid]["outcome"] = "payment-failed"


def sabotage_unanswered(w):
    order = first(w.orders)
    del w.log.answered[order.tid]
    w.orders.append(copy.copy(order))


def sabotage_carts(w):
    first(w.orders).head["items"][0]["qty"] += 1


def sabotage_shares(w):
    w.log.fail_percent = 100


def sabotage_quiet(w):
    w.tables["stock"].setdefault("outbox", {})[(0, b"x")] = b"y"


def edit_log(path, out, change):
    with open(path, encoding="utf-8") as lines, \
            open(out, "w", encoding="utf-8") as copied:
        for line in lines:
            entry = json.loads(line)
            if change(entry):
                copied.write(json.dumps(entry) + "\n")


def broken(data, log):
    """Names of the invariants that check.py, as a program, finds broken."""
    run = subprocess.run([sys.executable,
                          os.path.join(os.path.dirname(DEMO), "check.py"),
                          data, log], text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    names = {c.__doc__: c.__name__ for c in check.INVARIANTS}
    return run.returncode, {
        names[line[8:]] for line in run.stdout.splitlines()
        if line.startswith("broken  ")}


def in_memory(data, log):
    """Break each invariant in what was read: it and no innocent is found."""
    for invariant in check.INVARIANTS:
        world = check.World(data, log)
        tap.equal(list(invariant(world)), [], f"holds: {invariant.__doc__}")
        globals()[f"sabotage_{invariant.__name__}"](world)
        tap.ok(list(invariant(world)),
               f"found when broken: {invariant.__name__}")


def in_files(folder, data, log):
    """Break the files themselves: the client's log, then a store."""
    tap.equal(broken(data, log), (0, set()), "the files as they are: exit 0")
    bad = os.path.join(folder, "bad.log")
    tids = [e["tid"] for e in map(json.loads, open(log, encoding="utf-8"))
            if e.get("outcome") == "paid"]

    def forget(entry):  # as if it had never been asked
        return entry.get("tid") != tids[0]

    edit_log(log, bad, forget)
    tap.equal(broken(data, bad)[0], 1, "a checkout nobody asked for is found")

    def invent(entry):  # as if it had been answered otherwise
        if entry.get("tid") == tids[0] and "outcome" in entry:
            entry["outcome"] = "not-accepted"
        return True

    edit_log(log, bad, invent)
    tap.equal(broken(data, bad), (1, {"answered"}),
              "an answer that is not what happened is found")

    def lose(entry):  # as if one had been answered that is nowhere
        if entry.get("tid") == tids[0]:
            entry["tid"] += "-lost"
        return True

    edit_log(log, bad, lose)
    code, names = broken(data, bad)
    tap.ok(code == 1 and "answered" in names,
           "an answered checkout that is not there is found")

    # A store that is not of this run: payment's is empty.
    other = os.path.join(folder, "rolled-back")
    shutil.copytree(data, other)
    for part in os.listdir(os.path.join(other, "payment")):
        shutil.rmtree(os.path.join(other, "payment", part))
    code, names = broken(other, log)
    tap.ok(code == 1 and {"payments", "shares"} <= names,
           "a lost store is found", names)


def main():
    run = subprocess.run(
        [sys.executable, DEMO, "--seconds", "5", "--products", "200",
         "--customers", "200", "--keep"],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    tap.diag(run.stdout)
    folder = next((line[6:] for line in run.stdout.splitlines()
                   if line.startswith("kept: ")), None)
    try:
        tap.ok(run.returncode == 0, "the demo ends well", run.stderr)
        tap.ok("10 of 10 invariants hold" in run.stdout, "all hold")
        tap.ok(folder, "it says where its files are")
        data = os.path.join(folder, "data")
        log = os.path.join(folder, "client.log")
        in_memory(data, log)
        in_files(folder, data, log)
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
    tap.done()


main()
