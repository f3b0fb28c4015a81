#!/usr/bin/python3
"""Judge a run of the transfers (t/services/transfer.c): reads the files of a
stopped node and the client's log, and nothing else; knows them from
store/README, store/rows.h, codecs/README and the door's README alone.

    transfer_check.py DATA LOG       exit 0: all hold; 1: some do not
"""
import collections
import json
import os
import re
import sys

import msgpack
import xxhash

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acta_store  # noqa: E402

AT_FIRST = 1000000
SERVICES = ("transfer", "transfer-two")
SHOWN = 10  # problems printed of each invariant
# By these the one who asks once knows that nothing ran.
NOTHING_RAN = {"bad-request", "unknown-service", "unknown-type", "bad-args",
               "denied", "too-large", "busy", "unavailable", "expired"}
AT = re.compile(r"^(-?\d+) at (\d+)$")


def unpack(data):
    return msgpack.unpackb(data, timestamp=1, strict_map_key=False)


def read_tables(data):
    """{(service, part): {"meta": .., table: {key: value}}}, all as stored."""
    return {(service, int(part)):
            acta_store.read_store(os.path.join(data, service, part))
            for service in SERVICES
            for part in sorted(os.listdir(os.path.join(data, service)))
            if part.isdigit()}


def read_notes(data):
    """{(service, part): [(source, number, outcome)] of the journal's rest}"""
    return {(service, int(part)):
            acta_store.read_notes(os.path.join(data, service, part))
            for service in SERVICES
            for part in sorted(os.listdir(os.path.join(data, service)))
            if part.isdigit()}


def read_log(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


class Account:
    def __init__(self, address):
        self.address = address
        self.rows = {}      # as named, but those below
        self.log = {}       # row: {what, id, who, delta, seq, balance}
        self.sent = {}      # to whom: how many gives

    def put(self, name, value):
        if name.startswith("log/"):
            self.log[int(name[4:])] = value
        elif name.startswith("to/"):
            self.sent[name[3:]] = value
        else:
            self.rows[name] = value

    @property
    def balance(self):
        return self.rows.get("balance", AT_FIRST)

    @property
    def count(self):
        return self.rows.get("n", 0)


class Ask:
    """One id of the client's log and all answers it got."""

    def __init__(self, entry):
        self.id = entry["id"]
        self.kind = entry["kind"]
        self.to, self.do = entry["to"], entry["do"]
        self.args = entry["args"]
        # The account that takes: the one asked, or where that one hands it.
        self.source = self.args.get("at", self.to)
        self.wire = entry.get("wire")
        self.session = entry.get("session")
        self.at = entry["at"]
        self.answers = []

    @property
    def answer(self):
        """The one that counts: the first that is definite."""
        return self.answers[0] if self.answers else None

    @property
    def done(self):
        return bool(self.answers) and self.answers[0]["ok"]

    @property
    def code(self):
        return self.answers[0].get("code") if self.answers else None

    def __str__(self):
        return f"{self.id} ({self.kind} {self.args.get('way', self.do)})"


class World:
    """What was read, in the words of the workload."""

    def __init__(self, tables, notes, log):
        self.tables, self.notes = tables, notes
        self.accounts = {}
        for (service, _), store in tables.items():
            for key, value in store["state"].items():
                size = key[0]
                address = f"{service}/{key[1:1 + size].decode()}"
                account = self.accounts.get(address)
                if account is None:
                    account = self.accounts[address] = Account(address)
                account.put(key[1 + size:].decode(), unpack(value))
        self.asks, self.reused = {}, []
        for entry in log:
            if "kind" in entry:
                self.asks[entry["id"]] = Ask(entry)
            elif "of" in entry:
                self.asks[entry["of"]].answers.append(entry)
            elif "reused" in entry:
                self.reused.append(entry)
        self.takes = collections.defaultdict(list)  # id: [(account, row, e)]
        self.gives = collections.defaultdict(list)
        self.backs = collections.defaultdict(list)
        for account in self.accounts.values():
            for row, e in sorted(account.log.items()):
                into = {"take": self.takes, "give": self.gives,
                        "back": self.backs}.get(e["what"])
                if into is not None:
                    into[e["id"]].append((account.address, row, e))

    def account(self, address):
        return self.accounts.get(address) or Account(address)

    def transfers(self):
        return (a for a in self.asks.values()
                if a.do in ("transfer", "relay"))

    def landed(self, ask):
        """Was it taken from its account?"""
        return ask.id in self.takes


# ---------------------------------------------------------------- balances


def conserved(w):
    """what all accounts have together is what they had at first"""
    over = sum(a.balance - AT_FIRST for a in w.accounts.values())
    if over:
        yield f"{over:+} in all"
    for a in w.accounts.values():
        if a.balance < 0:
            yield f"{a.address} has {a.balance}"


def histories(w):
    """each account's log is without gap, and adds up row by row"""
    for a in w.accounts.values():
        balance = AT_FIRST
        if sorted(a.log) != list(range(1, a.count + 1)):
            yield f"{a.address}: {len(a.log)} rows, should be 1 to {a.count}"
            continue
        for row in range(1, a.count + 1):
            balance += a.log[row]["delta"]
            if a.log[row]["balance"] != balance:
                yield f"{a.address} row {row}: {a.log[row]}, not {balance}"
                break
        if balance != a.balance:
            yield f"{a.address} has {a.balance}, its log says {balance}"
        for row, e in a.log.items():
            if e["what"] not in ("take", "give", "back"):
                yield f"{a.address} row {row}: {e}"


def replayed(w):
    """the balances are those of a replay of what was answered"""
    balances = collections.Counter()
    for ask in w.transfers():
        # Of what nobody was told the store alone knows.
        told = ask.answers and ask.code != "timeout"
        if ask.done if told else (w.landed(ask)
                                  and not ask.args.get("unwilling")):
            balances[ask.source] -= ask.args["n"]
            balances[ask.args["to"]] += ask.args["n"]
    for address in sorted(balances.keys() | w.accounts.keys()):
        want = AT_FIRST + balances[address]
        if w.account(address).balance != want:
            yield f"{address} has {w.account(address).balance}, not {want}"


# --------------------------------------------------------------- each once


def pairs(w):
    """each take has one give of its amount, or came back; none comes alone"""
    for ident, takes in w.takes.items():
        ask = w.asks.get(ident)
        if ask is None:
            yield f"{ident}: nobody asked for it: {takes}"
            continue
        gives, backs = w.gives.get(ident, []), w.backs.get(ident, [])
        if len(takes) != 1 or len(gives) + len(backs) != 1:
            yield f"{ask}: {takes}, {gives}, {backs}"
            continue
        (source, _, take), (there, _, e) = takes[0], (gives + backs)[0]
        n = ask.args["n"]
        if source != ask.source or take["who"] != ask.args["to"] \
                or take["delta"] != -n or e["delta"] != n \
                or there != (ask.args["to"] if gives else source) \
                or e["who"] != (source if gives else ask.args["to"]) \
                or bool(backs) != bool(ask.args.get("unwilling")) \
                or (ask.args["way"] != "later" and e["seq"] != take["seq"]):
            yield f"{ask}: {takes[0]}, {(gives + backs)[0]}"
    for ident in (w.gives.keys() | w.backs.keys()) - w.takes.keys():
        yield f"{ident}: {w.gives.get(ident)}, {w.backs.get(ident)}"


def row_is(w, address, row, ident, what, balance):
    e = w.account(address).log.get(row)
    return e is not None and e["id"] == ident and e["what"] == what \
        and e["balance"] == balance


def as_told(w, ask):
    """Is what an ok says what the log has?"""
    told, way = ask.answer["result"], ask.args["way"]
    if ask.kind == "send":
        return told is None and w.landed(ask)
    if not row_is(w, ask.source, told["n"], ask.id, "take", told["balance"]):
        return False
    return way != "ask" or row_is(w, ask.args["to"], told["there"], ask.id,
                                  "give", told["there_balance"])


def refused_well(w, ask):
    """Is what a refusal says true, by the log? None: no answer to expect."""
    code, text = ask.code, ask.answer.get("text") or ""
    if code == "insufficient":
        at = AT.match(text)
        if not at or w.landed(ask):
            return False
        balance, row = int(at.group(1)), int(at.group(2))
        e = w.account(ask.source).log.get(row)
        return balance < ask.args["n"] and \
            (e["balance"] if e else AT_FIRST) == balance
    if code == "unwilling":
        at = AT.match(text)
        return bool(at) and row_is(w, ask.source, int(at.group(2)), ask.id,
                                   "back", int(at.group(1)))
    return None


def answered(w):
    """each answered call is there as answered, each refused one as refused"""
    for ask in w.transfers():
        if not ask.answers:
            continue
        if ask.done:
            if not as_told(w, ask):
                yield f"{ask}: {ask.answer}, log {w.takes.get(ask.id)}"
        elif ask.kind != "once" or ask.code in ("insufficient", "unwilling"):
            if not refused_well(w, ask):
                yield f"{ask}: {ask.answer}, log {w.takes.get(ask.id)}"


def certain(w):
    """who asked once and was told that nothing ran, was told the truth"""
    for ask in w.transfers():
        if ask.kind != "once" or ask.done or not ask.answers:
            continue
        if ask.code in NOTHING_RAN:
            if w.landed(ask):
                yield f"{ask}: {ask.answer}, log {w.takes[ask.id]}"
        elif ask.code not in ("timeout", "insufficient", "unwilling"):
            yield f"{ask}: not an answer to expect: {ask.answer}"


def missed(w):
    """each call that is asked until it is answered was"""
    for ask in w.asks.values():
        if ask.kind not in ("push", "once") and not ask.answers:
            yield str(ask)


def repeated(w):
    """each id was answered the same each time; one used again is found out"""
    for ask in w.asks.values():
        # A late copy of a session's call is told that it is behind.
        seen = {json.dumps([a["ok"], a.get("result"), a.get("code"),
                            a.get("text")], sort_keys=True)
                for a in ask.answers if not ask.session
                or a is ask.answer or a.get("code") != "id-expired"}
        # Without an id it is a question of its own each time.
        if len(seen) > 1 and (ask.wire or ask.session):
            yield f"{ask}: {sorted(seen)}"
    for entry in w.reused:
        if entry["code"] != "id-reused":
            yield f"{entry}"


# ------------------------------------------------------------------- order


def senders(w):
    """what one account gave another arrived in the order sent, without gap"""
    heard = collections.defaultdict(list)
    for a in w.accounts.values():
        for row in sorted(a.log):
            if a.log[row]["what"] == "give":
                heard[a.log[row]["who"], a.address].append(a.log[row]["seq"])
    refused = collections.defaultdict(set)
    for backs in w.backs.values():
        for source, _, e in backs:
            refused[source, e["who"]].add(e["seq"])
    sent = {(a.address, to): count for a in w.accounts.values()
            for to, count in a.sent.items()}
    for pair in sorted(sent.keys() | heard.keys()):
        want = [seq for seq in range(1, sent.get(pair, 0) + 1)
                if seq not in refused.get(pair, ())]
        if heard.get(pair, []) != want:
            yield (f"{pair[0]} to {pair[1]}: {heard.get(pair, [])[:20]}, "
                   f"not {want[:20]}")


def positions(ask):
    """[(account, row, is it a change)] that an answer tells of"""
    answer = ask.answer
    if not ask.done:
        at = AT.match(answer.get("text") or "")
        if ask.code == "insufficient" and at:
            return [(ask.source, int(at.group(2)), False)]
        return []
    told = answer["result"]
    if ask.do in ("balance", "close"):
        return [(ask.to, told["n"], False)]
    if told is None:
        return []
    found = [(ask.source, told["n"], True)]
    if "there" in told:
        found.append((ask.args["to"], told["there"], True))
    return found


def real_time(w):
    """what was asked after an answer sees what was answered"""
    spans = collections.defaultdict(list)
    for ask in w.asks.values():
        if ask.answers:
            for address, row, change in positions(ask):
                spans[address].append((ask.at, ask.answer["at"], row, change,
                                       ask))
    for address, found in spans.items():
        ended = sorted(found, key=lambda s: s[1])
        newest, at = -1, 0
        for begun, _, row, change, ask in sorted(found, key=lambda s: s[0]):
            while ended[at][1] < begun:
                newest = max(newest, ended[at][2])
                at += 1
            if row < newest or (change and row == newest):
                yield (f"{ask}: {address} row {row}, but row {newest} had "
                       f"been answered before it was asked")


def reads(w):
    """each balance that was told is that of its row"""
    for ask in w.asks.values():
        if ask.do not in ("balance", "close"):
            continue
        for a in ask.answers:
            if not a["ok"]:
                yield f"{ask}: {a}"
                continue
            row, balance = a["result"]["n"], a["result"]["balance"]
            e = w.account(ask.to).log.get(row)
            if (e["balance"] if e else AT_FIRST) != balance or \
                    (e is None and row > 0):
                yield f"{ask}: {a}, log {e}"


def sessions(w):
    """the calls of a session lie in its account's log in their order"""
    found = collections.defaultdict(list)
    for ask in w.asks.values():
        if ask.session and ask.done and w.landed(ask):
            found[ask.session[0]].append((ask.session[1],
                                          w.takes[ask.id][0][1]))
    for name, rows in found.items():
        ordered = [row for _, row in sorted(rows)]
        if ordered != sorted(ordered):
            yield f"session {name}: rows {ordered[:20]}"


# ------------------------------------------------------------ the runtime


def peer_of(key):
    size = key[1]
    return (key[2:2 + size].decode(),
            int.from_bytes(key[2 + size:4 + size], "big"))


def hist_of(store):
    return int.from_bytes(store["meta"]["history"][:8], "little")


def channels(w):
    """both ends of each channel tell one story, and all of it was taken"""
    outs, ins = {}, {}
    for here, store in w.tables.items():
        for key, value in store["channel"].items():
            if key[:1] == b"o":
                outs[here, peer_of(key)] = unpack(value)
            elif key[:1] == b"i":
                ins[peer_of(key), here] = unpack(value)
    for ends in sorted(outs.keys() | ins.keys()):
        name = f"{ends[0][0]}.{ends[0][1]} to {ends[1][0]}.{ends[1][1]}"
        if ends not in outs or ends not in ins:
            yield f"{name}: one end only: {outs.get(ends)} {ins.get(ends)}"
            continue
        after, acked, chain_acked, chain, _, waiting = outs[ends]
        (hist, _, _, expects, chain_in, taken, handled, rejected, parked,
         dead, base, _) = ins[ends]
        if not after == acked == expects or waiting:
            yield (f"{name}: next {after}, acked {acked}, expected {expects},"
                   f" {waiting} bytes wait")
        if not chain == chain_acked == chain_in:
            yield f"{name}: {chain} {chain_acked} {chain_in}"
        if hist != hist_of(w.tables[ends[0]]):
            yield f"{name}: history {hist:x}"
        if taken != after - base or base != 1 or \
                taken != handled + rejected + parked + dead or dead:
            yield (f"{name}: taken {taken} of {after - base}, handled {handled},"
                   f" rejected {rejected}, parked {parked}, dead {dead}")


def notes(w):
    """the journal's notes name each message of a channel once, in order"""
    for here, found in w.notes.items():
        last = {}
        for source, number, outcome in found:
            if not source:
                continue
            if number != last.get(source, number - 1) + 1:
                yield (f"{here}: {source} {number} {outcome} after "
                       f"{last[source]}")
            last[source] = number
        for source, number in last.items():
            service, part = source.rsplit(".", 1)
            key = (b"i" + bytes([len(service)]) + service.encode()
                   + int(part).to_bytes(2, "big"))
            row = w.tables[here]["channel"].get(key)
            expects = unpack(row)[3] if row else None
            if expects != number + 1:
                yield f"{here}: {source} expects {expects} after {number}"


def events(w):
    """each row of a log is one event, in order, and numbered without gap"""
    for (service, part), store in w.tables.items():
        last, heard = {}, collections.Counter()
        numbers = []
        for key in sorted(store["event"]):
            seq = int.from_bytes(key[-8:], "big")
            account, prev, _, data, _ = unpack(store["event"][key])
            numbers.append(seq)
            if prev != last.get(account, 0):
                yield f"{service}.{part} event {seq}: prev {prev}"
            last[account] = seq
            heard[account] += 1
            e = w.account(f"{service}/{account}").log.get(data["n"])
            if data["n"] != heard[account] or e is None or \
                    (e["delta"], e["balance"]) != (data["delta"],
                                                   data["balance"]):
                yield f"{service}.{part} event {seq}: {account} {data}, {e}"
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"{service}.{part}: events {numbers[:5]} to {numbers[-1:]}"
        for a in w.accounts.values():
            name, _, key = a.address.partition("/")
            if name == service and key in heard and heard[key] != a.count:
                yield f"{a.address}: {heard[key]} events of {a.count}"
    total = sum(len(s["event"]) for s in w.tables.values())
    rows = sum(a.count for a in w.accounts.values())
    if total != rows:
        yield f"{total} events, {rows} rows"


def id_hash(wire):
    """The door's: scope, zero, type, text."""
    scope, ident = wire
    kind = b"i" if isinstance(ident, int) else b"s"
    return xxhash.xxh3_128_digest(scope.encode() + b"\0" + kind
                                  + str(ident).encode())


def records(w):
    """each answered id is remembered once, with its answer; none is pending"""
    found = collections.defaultdict(list)
    for store in w.tables.values():
        for key, value in store["reply"].items():
            hour = int.from_bytes(key[:4], "big")
            if hour == 0:
                yield f"pending: {unpack(value)}"
            elif hour < 0xfffffffe:
                found[key[4:]].append(unpack(value))
    for ask in w.asks.values():
        if ask.wire is None or not ask.answers or \
                ask.code in NOTHING_RAN | {"timeout"}:
            continue
        kept = found.pop(id_hash(ask.wire), [])
        a = ask.answer
        if len(kept) != 1:
            yield f"{ask}: {len(kept)} records"
            continue
        to, _, _, state, code, text, result = kept[0][:7]
        if to != ask.to or (state == 1) != a["ok"] or (
                result != a["result"] if a["ok"]
                else (code, text) != (a["code"], a.get("text") or "")):
            yield f"{ask}: {a}, kept {kept[0]}"
    # Those whose answer never came home may be remembered, too.
    unknown = {id_hash(a.wire) for a in w.asks.values()
               if a.wire is not None}
    for ident in found.keys() - unknown:
        yield f"nobody asked for {found[ident]}"


def causes(w):
    """what was given had been taken before, to and from whom it says"""
    for found in (w.gives, w.backs):
        for ident, rows in found.items():
            takes = w.takes.get(ident, [])
            if len(takes) != 1 or len(rows) != 1 or \
                    takes[0][2]["delta"] != -rows[0][2]["delta"]:
                yield f"{ident}: {takes}, {rows}"


def message_sizes(row):
    """Of an outbox row: what one turn sent there."""
    unpacker = msgpack.Unpacker(timestamp=1)
    unpacker.feed(row)
    at = 0
    for _ in unpacker:
        yield unpacker.tell() - at
        at = unpacker.tell()


def ends(w):
    """no end of a channel is ahead of the other; what was not acked is there"""
    for here, store in w.tables.items():
        for key, value in store["channel"].items():
            if key[:1] != b"o":
                continue
            after, acked, _, _, _, waiting = unpack(value)
            there = peer_of(key)
            name = f"{here} to {there}"
            sizes, first = {}, acked
            for row in sorted(k for k in store["outbox"]
                              if k.startswith(key[1:])):
                seq = int.from_bytes(row[-8:], "big")
                first = min(first, seq)
                for size in message_sizes(store["outbox"][row]):
                    sizes[seq] = size
                    seq += 1
            # A row goes when the last of its messages is acked.
            if sorted(sizes) != list(range(first, after)) or waiting != sum(
                    size for seq, size in sizes.items() if seq >= acked):
                yield f"{name}: {acked} to {after}, {waiting} bytes, {sizes}"
            back = b"i" + bytes([len(here[0])]) + here[0].encode() + \
                here[1].to_bytes(2, "big")
            row = w.tables.get(there, {"channel": {}})["channel"].get(back)
            expects = unpack(row)[3] if row else 1
            if not acked <= expects <= after:
                yield f"{name}: {acked} to {after}, expected is {expects}"


def quiet(w):
    """nothing is unsent, parked, waited for, due or dead"""
    for here, store in w.tables.items():
        for table in ("outbox", "parked", "ask", "token", "dead", "timer",
                      "due"):
            rows = store[table]
            if rows:
                first = next(iter(rows.items()))
                yield (f"{here}: {len(rows)} rows in {table}, first "
                       f"{first!r:.300}")
    for a in w.accounts.values():
        if "closed" in a.rows:
            yield f"{a.address} is closed"


INVARIANTS = (conserved, histories, replayed, pairs, answered, certain, missed,
              repeated, senders, real_time, reads, sessions, channels, causes,
              ends, notes, events, records, quiet)

# What holds at every instant at which no process lives, however it ended.
MIDWAY = (histories, causes, ends, notes, events)


def check(data, log):
    """[(claim, [problem, ...]), ...]"""
    world = World(read_tables(data), read_notes(data), read_log(log))
    return [(claim.__doc__, list(claim(world))) for claim in INVARIANTS]


def check_midway(data):
    world = World(read_tables(data), read_notes(data), [])
    return [(claim.__doc__, list(claim(world))) for claim in MIDWAY]


def main():
    if len(sys.argv) != 3:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    wrong = 0
    for claim, problems in check(sys.argv[1], sys.argv[2]):
        print(f"{'broken' if problems else 'holds '}  {claim}")
        for problem in problems[:SHOWN]:
            print(f"          {problem}")
        if len(problems) > SHOWN:
            print(f"          and {len(problems) - SHOWN} more")
        wrong += bool(problems)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
