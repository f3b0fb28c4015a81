#!/usr/bin/python3
"""Claim: transfers between accounts, by every way a message can go (in a
partition, between partitions and services, by send, ask, forward, timer, held
and failed and set aside), are each applied exactly once, in each sender's order,
and answered the same each time, while services, doors and the root are killed
-9, three hundred times, and the node is stopped and started. Judged from the
files of the stopped node and the client's log (transfer_check.py), and the judge
itself is judged: each thing it looks for is broken in what was read, and found.
KILLS=n, SEED=n.
"""
import copy
import os
import shutil
import sys
import time

import msgpack

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_tap as tap  # noqa: E402
import transfer  # noqa: E402
import transfer_check as judge  # noqa: E402

KILLS = int(os.environ.get("KILLS", 300))
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
IN_TURN = ("gather", "handler", "commit", "release")


def workload(run):
    run.start()
    run.kills(KILLS)
    killed = time.monotonic() - run.begun
    end = run.finish()
    killer = run.killer
    tap.ok(killer.total >= KILLS, f"{killer.total} kills and {killer.stops} "
           "stops")
    tap.ok(len(killer.kills) == 7, "each service, each door, the root",
           killer.kills)
    inside = sum(killer.phases[p] for p in IN_TURN)
    tap.ok(inside * 4 >= killer.total, f"{inside} of them inside a turn",
           killer.phases)
    tap.ok(killer.again, f"{killer.again} of what was coming up")
    tap.ok(end.get("answers", 0) > 4 * KILLS,
           f"{end.get('answers')} answers meanwhile")
    tap.ok(run.looks, f"{run.looks} looks while nothing lived")
    tap.equal(run.trouble, [], "all was answered, all drained, exit 0")
    tap.diag(f"{dict(killer.kills)} {dict(killer.phases)} in {killed:.1f} s, "
             f"{end}")
    for claim, problems in judge.check(run.node.data, run.log):
        tap.ok(not problems, claim, *problems[:10])


# ---------------------------------------------------- the judge, on purpose

class Data:
    """What was read, to be broken in copies."""

    def __init__(self, data, log):
        self.tables = judge.read_tables(data)
        self.notes = judge.read_notes(data)
        self.log = judge.read_log(log)

    def world(self):
        return judge.World(self.tables, self.notes, self.log)

    def copy(self):
        other = copy.copy(self)
        other.tables = {here: {name: dict(rows) for name, rows in
                               store.items()}
                        for here, store in self.tables.items()}
        other.notes = {here: list(found)
                       for here, found in self.notes.items()}
        other.log = copy.deepcopy(self.log)
        return other

    def rows(self, table, good):
        """(store, key, value) of the first that is good."""
        for store in self.tables.values():
            for key in sorted(store[table]):
                value = judge.unpack(store[table][key])
                if good(key, value):
                    return store, key, value
        raise LookupError(table)

    def change(self, table, good, change):
        store, key, value = self.rows(table, good)
        new = change(value)
        if new is None:
            del store[table][key]
        else:
            store[table][key] = msgpack.packb(new)

    def entry(self, good):
        return next(e for e in self.log if good(e))


def is_log(what):
    return lambda key, value: b"log/" in key and value["what"] == what


def answered(d):
    """The first answer, of a transfer."""
    return next(a for a in d.world().transfers()
                if a.kind == "call" and a.done).answer


def of_channel(way):
    return lambda key, value: key[:1] == way and value[0] > 10


def edited(index, by):
    def edit(value):
        value = list(value)
        value[index] += by
        return value
    return edit


def break_conserved(d):
    d.change("state", lambda k, v: k.endswith(b"balance"), lambda v: v + 1)


def break_histories(d):
    d.change("state", is_log("give"), lambda v: dict(v, balance=0))


def break_replayed(d):
    d.entry(lambda e: "kind" in e and e["do"] == "transfer"
            and e["kind"] == "send")["args"]["n"] += 1


def break_pairs(d):
    """A message lost: its give is gone, and all that tells of it."""
    d.change("state", is_log("give"), lambda v: None)


def break_answered(d):
    answered(d)["result"]["balance"] += 1


def break_certain(d):
    ident = next(a.id for a in d.world().transfers() if a.kind == "once"
                 and a.done)
    e = d.entry(lambda e: e.get("of") == ident)
    e.update(ok=False, code="expired")


def break_missed(d):
    ident = answered(d)["of"]
    d.log = [e for e in d.log if e.get("of") != ident]


def break_repeated(d):
    twice = next(a for a in d.world().transfers()
                 if len(a.answers) > 1 and a.done and a.answer["result"])
    twice.answers[1]["result"]["n"] += 1


def break_senders(d):
    """A message overtaken: two gives of one sender change places."""
    w = d.world()
    for a in w.accounts.values():
        rows = {}
        for row in sorted(a.log):
            e = a.log[row]
            if e["what"] == "give" and e["who"] in rows:
                first = rows[e["who"]]
                name, _, key = a.address.partition("/")
                head = bytes([len(key)]) + key.encode() + b"log/"
                for here, store in d.tables.items():
                    if here[0] != name or \
                            head + b"%08d" % row not in store["state"]:
                        continue
                    for at, other in ((row, first), (first, row)):
                        new = dict(a.log[at], seq=a.log[other]["seq"])
                        store["state"][head + b"%08d" % at] = \
                            msgpack.packb(new)
                return
            if e["what"] == "give":
                rows[e["who"]] = row
    raise LookupError("no two gives")


def break_real_time(d):
    """An answer that was there before an older row's was asked for."""
    w = d.world()
    for a in w.accounts.values():
        rows = [(row, w.asks[e["id"]]) for row, e in sorted(a.log.items())
                if e["what"] == "take" and w.asks[e["id"]].done
                and w.asks[e["id"]].kind == "call"]
        if len(rows) > 1:
            first, last = rows[0][1], rows[-1][1]
            d.entry(lambda e: e.get("id") == last.id)["at"] = 0
            last.answer["at"] = 1
            d.entry(lambda e: e.get("id") == first.id)["at"] = 2
            return
    raise LookupError("no two takes")


def break_reads(d):
    ident = d.entry(lambda e: e.get("do") == "balance")["id"]
    d.entry(lambda e: e.get("of") == ident)["result"]["balance"] += 1


def break_sessions(d):
    w = d.world()
    by = {}
    for a in w.transfers():
        if a.session and a.done and w.landed(a):
            by.setdefault(a.session[0], []).append(a)
    first, second = next(v for v in by.values() if len(v) > 1)[:2]
    e1 = d.entry(lambda e: e.get("id") == first.id)
    e2 = d.entry(lambda e: e.get("id") == second.id)
    e1["session"], e2["session"] = e2["session"], e1["session"]


def break_channels(d):
    d.change("channel", of_channel(b"i"), edited(6, -1))


def break_causes(d):
    """A message from nowhere."""
    d.change("state", is_log("take"), lambda v: dict(v, id="t-0"))


def break_ends(d):
    d.change("channel", of_channel(b"i"), edited(3, +1))


def break_notes(d):
    """Taken twice. (After a quiet while no record is left, so one is made.)"""
    here, store = next(iter(d.tables.items()))
    key, value = next((k, judge.unpack(v)) for k, v in store["channel"].items()
                      if k[:1] == b"i")
    name, part = judge.peer_of(key)
    d.notes[here] = [(f"{name}.{part}", value[3] - 1, "handled")] * 2


def break_events(d):
    d.change("event", lambda k, v: v[3]["n"] == 2, lambda v: None)


def break_records(d):
    d.change("reply", lambda k, v: b"\0\0\0\0" < k[:4] < b"\xff"
             and v[3] == 1 and v[6],
             lambda v: v[:6] + [dict(v[6], n=v[6]["n"] + 1)] + v[7:])


def break_quiet(d):
    next(iter(d.tables.values()))["dead"][b"\0" * 8] = msgpack.packb([])



def judged():
    """A quick run, without kills; what holds of it is then broken."""
    run = transfer.Run(SEED, transfer.Shape())
    try:
        run.start()
        run.answers(1500)
        run.finish()
        tap.equal(run.trouble, [], "a run without kills")
        whole = Data(run.node.data, run.log)
        shutil.rmtree(os.path.join(run.node.data, "transfer-two", "0"))
        tap.ok(any(problems for _, problems in
                   judge.check(run.node.data, run.log)),
               "found when lost: a store")
    finally:
        run.remove()
    world = whole.world()
    for invariant in judge.INVARIANTS:
        name = invariant.__name__
        problems = list(invariant(world))
        tap.ok(not problems, f"holds: {name}", *problems[:10])
        broken = whole.copy()
        globals()[f"break_{name}"](broken)
        tap.ok(list(invariant(broken.world())), f"found when broken: {name}")


def main():
    tap.diag(f"SEED={SEED}")
    judged()
    run = transfer.Run(SEED, transfer.Shape())
    try:
        workload(run)
    finally:
        left = run.remove()
    tap.equal(left, [], "no process is left behind")
    tap.done()


main()
