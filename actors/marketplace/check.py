#!/usr/bin/python3
"""Check Online Marketplace's invariants: reads the files of a stopped node and
the client's log, and nothing else.

    check.py DATA LOG        exit 0: all hold; 1: some do not, which is printed
"""
import json
import os
import sys

import msgpack

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "..", "t"))
import acta_store  # noqa: E402

SHOWN = 10  # problems printed of each invariant


def read_service(data, name):
    """All partitions' rows: {table: {key: value}} with bytes, keys made
    distinct by their partition."""
    tables = {}
    base = os.path.join(data, name)
    for part in sorted(os.listdir(base)):
        if not part.isdigit():
            continue
        for table, rows in acta_store.read_store(
                os.path.join(base, part)).items():
            if isinstance(rows, dict) and table != "meta":
                into = tables.setdefault(table, {})
                for key, value in rows.items():
                    into[(int(part), key)] = value
    return tables


def actors(tables):
    """{actor key: {row name: value}} of the state table."""
    out = {}
    for (_, key), value in tables.get("state", {}).items():
        size = key[0]
        actor = key[1:1 + size].decode()
        name = key[1 + size:].decode()
        out.setdefault(actor, {})[name] = msgpack.unpackb(value, timestamp=0,
                                                          strict_map_key=False)
    return out


def below(rows, prefix):
    return {name[len(prefix):]: value for name, value in rows.items()
            if name.startswith(prefix)}


def share_hash(tid):
    """As payment.c: FNV-1a, 32 bits."""
    h = 2166136261
    for byte in tid.encode():
        h = ((h ^ byte) * 16777619) & 0xffffffff
    return h


class Log:
    """What the client asked and was answered."""

    def __init__(self, path):
        self.fail_percent = 0
        self.customers = 0
        self.initial = {}   # product: qty
        self.asked = {}     # tid: {customer, items}
        self.answered = {}  # tid: {outcome, result}
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                if "product" in entry:
                    self.initial[entry["product"]] = entry["qty"]
                elif "fail_percent" in entry:
                    self.fail_percent = entry["fail_percent"]
                    self.customers = entry["customers"]
                elif "outcome" in entry:
                    self.answered[entry["tid"]] = entry
                else:
                    self.asked[entry["tid"]] = entry


class Order:
    """One order, from the rows of its customer's order and payment actors."""

    def __init__(self, customer, number, rows, payment):
        self.customer, self.number = customer, number
        self.head = rows[f"orders/{number}"]
        self.tid = self.head["tid"]
        steps = below(rows, f"history/{number}/")
        self.steps = [steps[k] for k in sorted(steps)]
        self.status = self.steps[-1]["status"] if self.steps else "none"
        self.payment = payment.get(f"payments/{number}")
        lines = below(payment, f"lines/{number}/")
        self.lines = [lines[k] for k in sorted(lines)]
        self.paid = self.status == "PAYMENT_PROCESSED"

    def __str__(self):
        return f"order {self.customer}/{self.number} ({self.tid})"


class World:
    def __init__(self, data, log):
        self.log = Log(log)
        self.tables = {s: read_service(data, s)
                       for s in ("stock", "order", "payment")}
        self.stock = actors(self.tables["stock"])
        self.customers = actors(self.tables["order"])
        self.payers = actors(self.tables["payment"])
        self.orders = [
            Order(customer, number, rows, self.payers.get(customer, {}))
            for customer, rows in self.customers.items()
            for number in below(rows, "orders/")]
        self.refused = [
            (customer, row["tid"])
            for customer, rows in self.customers.items()
            for row in below(rows, "refused/").values()]


def sold(w):
    """per product initial - available = the quantities paid for"""
    paid = {}
    for order in w.orders:
        if order.paid:
            for item in order.head["items"]:
                paid[item["product"]] = \
                    paid.get(item["product"], 0) + item["qty"]
    for product, initial in w.log.initial.items():
        rows = w.stock.get(str(product), {})
        gone = initial - rows.get("qty_available", -1)
        if gone != paid.get(product, 0):
            yield (f"product {product}: {gone} gone, "
                   f"{paid.get(product, 0)} paid for")


def reserved(w):
    """no unit is set aside any more, none was sold that was not there"""
    for product, rows in w.stock.items():
        if rows.get("qty_reserved") != 0:
            yield f"product {product}: reserved {rows.get('qty_reserved')}"
        if rows.get("qty_available", -1) < 0:
            yield f"product {product}: available {rows.get('qty_available')}"
        for hold in below(rows, "held/"):
            yield f"product {product}: holds {hold}"


def totals(w):
    """the totals of each order are those of its lines"""
    for order in w.orders:
        head, items = order.head, order.head["items"]
        value = sum(i["unit_price"] * i["qty"] for i in items)
        incentive = sum(min(i["voucher"], i["unit_price"] * i["qty"])
                        for i in items)
        freight = sum(i["freight"] for i in items)
        want = {"count_items": len(items), "total_items": value,
                "total_incentive": incentive, "total_amount":
                value - incentive, "total_freight": freight,
                "total_invoice": value - incentive + freight}
        for name, is_ in want.items():
            if head[name] != is_:
                yield f"{order}: {name} {head[name]}, should be {is_}"


def payments(w):
    """each paid order has its lines, the first the invoice; others none"""
    numbers = {(o.customer, o.number) for o in w.orders}
    for order in w.orders:
        status = (order.payment or {}).get("status")
        want = [order.head["total_invoice"]] + [
            i["incentive"] for i in order.head["items"] if i["incentive"]]
        if order.paid != (status == "SUCCEEDED"):
            yield f"{order}: {order.status}, payment {status}"
        if [line["value"] for line in order.lines] != \
                (want if order.paid else []):
            yield f"{order}: lines {order.lines}"
    for payer, rows in w.payers.items():
        for number in below(rows, "payments/"):
            if (payer, number) not in numbers:
                yield f"payment {payer}/{number} has no order"


def histories(w):
    """each order went INVOICED, then PAYMENT_PROCESSED or PAYMENT_FAILED"""
    for order in w.orders:
        names = [s["status"] for s in order.steps]
        times = [s["at"].to_unix_nano() for s in order.steps]
        if names not in (["INVOICED", "PAYMENT_PROCESSED"],
                         ["INVOICED", "PAYMENT_FAILED"]):
            yield f"{order}: {names}"
        if times != sorted(times):
            yield f"{order}: times {times}"


def found(w):
    """{tid: [outcome in the stores, ...]}"""
    names = {"PAYMENT_PROCESSED": "paid", "PAYMENT_FAILED": "payment-failed"}
    out = {}
    for order in w.orders:
        out.setdefault(order.tid, []).append(
            (names.get(order.status, order.status), order.customer))
    for customer, tid in w.refused:
        out.setdefault(tid, []).append(("not-accepted", customer))
    return out


def answered(w):
    """each answered tid is there exactly once, with the outcome answered"""
    there = found(w)
    for tid, entry in w.log.answered.items():
        want = [(entry["outcome"], str(w.log.asked[tid]["customer"]))]
        if there.get(tid, []) != want:
            yield f"{tid}: answered {want}, there {there.get(tid, [])}"
    by_tid = {order.tid: order for order in w.orders}
    for tid, entry in w.log.answered.items():
        if entry["outcome"] == "paid" and tid in by_tid:
            head, result = by_tid[tid].head, entry["result"]
            if result["total_invoice"] != head["total_invoice"]:
                yield f"{tid}: answered {result}, there {head}"


def unanswered(w):
    """a tid without answer is there once or not at all; no other is there"""
    for tid, outcomes in found(w).items():
        if tid not in w.log.asked:
            yield f"{tid}: nobody asked for it"
        elif tid not in w.log.answered and len(outcomes) > 1:
            yield f"{tid}: there {outcomes}"


def carts(w):
    """orders hold what was there: all of the cart but what could not be"""
    scarce = {p for p, qty in w.log.initial.items() if qty < 10000}
    for order in w.orders:
        cart = {i["product"]: i for i in
                w.log.asked.get(order.tid, {"items": []})["items"]}
        lines = {i["product"]: i for i in order.head["items"]}
        for product, line in lines.items():
            item = cart.pop(product, None)
            if item is None or item["version"] != "0" or any(
                    item[k] != line[k] for k in
                    ("qty", "unit_price", "freight", "voucher")):
                yield f"{order}: line {line}, cart {item}"
        for product, item in cart.items():
            if item["version"] == "0" and product not in scarce:
                yield f"{order}: product {product} was left out"


def shares(w):
    """payments failed for the share of tids set, and for no other"""
    for order in w.orders:
        fails = share_hash(order.tid) % 100 < w.log.fail_percent
        if fails == order.paid:
            yield f"{order}: {order.status}, should fail: {fails}"
    known = sum("name" in rows for rows in w.payers.values())
    if known != w.log.customers:
        yield f"{known} customers, loaded were {w.log.customers}"


def quiet(w):
    """nothing is open, unsent, parked, waited for or dead"""
    for customer, rows in w.customers.items():
        for name in below(rows, "open/"):
            yield f"order/{customer}: open/{name}"
    for service, tables in w.tables.items():
        for table in ("outbox", "parked", "ask", "token", "dead"):
            rows = tables.get(table, {})
            if rows:
                yield (f"{service}: {len(rows)} rows in {table}, first "
                       f"{next(iter(rows.items()))!r:.300}")


INVARIANTS = (sold, reserved, totals, payments, histories, answered,
              unanswered, carts, shares, quiet)


def check(data, log):
    """[(claim, [problem, ...]), ...]"""
    world = World(data, log)
    return [(claim.__doc__, list(claim(world))) for claim in INVARIANTS]


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
