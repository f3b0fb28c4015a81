#!/usr/bin/python3
"""A client of Online Marketplace: data, checkouts, and a log of what was asked
and answered. A plain zmq client: DEALER sockets, MessagePack, ids. What is not
answered in time is asked again under the same id.

    client.py ENDPOINT LOG [--seconds 20] [--concurrency 32] [--seed 1]
"""
import argparse
import heapq
import json
import random
import sys
import time

import msgpack
import zmq

# Refusals by which nothing ran, or of which nothing is known: ask again.
AGAIN = {"timeout", "expired", "busy", "unavailable"}
FIRST = "Ada Alan Barbara Carl Donald Edsger Grace John Leslie Tony".split()
LAST = "Dijkstra Hewitt Hoare Hopper Knuth Lamport Liskov Turing".split()
TYPES = ("CREDIT_CARD", "DEBIT_CARD", "BOLETO")


class Caller:
    """Calls in flight over some DEALERs; one thread."""

    def __init__(self, endpoints, sockets=4, retry=1.0, timeout_ms=5000):
        self.context = zmq.Context()
        self.poller = zmq.Poller()
        self.sockets = []
        for n in range(max(sockets, len(endpoints))):
            socket = self.context.socket(zmq.DEALER)
            socket.linger = 0
            socket.sndhwm = socket.rcvhwm = 0
            socket.reconnect_ivl = 20
            socket.reconnect_ivl_max = 200
            socket.connect(endpoints[n % len(endpoints)])
            self.sockets.append(socket)
            self.poller.register(socket, zmq.POLLIN)
        self.retry, self.timeout_ms = retry, timeout_ms
        self.waiting = {}  # id: [body, done, begun, tries, due]
        self.due = []      # (when, id)
        self.turn = 0
        self.retries = 0
        self.answers = 0
        self.doubles = 0   # answers that came twice, or after another
        self.strays = []   # answers that have no id of ours

    def submit(self, ident, to, do, args, done):
        """done(answer, seconds) is called once, from step()."""
        body = msgpack.packb({"to": to, "do": do, "args": args, "id": ident,
                              "timeout": self.timeout_ms})
        now = time.monotonic()
        self.waiting[ident] = [body, done, now, 0, 0.0]
        self._send(ident, now)

    def _send(self, ident, now):
        call = self.waiting[ident]
        self.turn += 1
        try:
            self.sockets[self.turn % len(self.sockets)].send(
                call[0], zmq.DONTWAIT)
        except zmq.Again:
            pass  # no connection there now: the next try takes another
        call[3] += 1
        call[4] = now + self.retry * min(call[3], 4)
        heapq.heappush(self.due, (call[4], ident))

    def _take(self, frames, now):
        answer = msgpack.unpackb(frames[-1], timestamp=1)
        ident = answer.get("id")
        call = self.waiting.get(ident)
        if call is None:
            if ident is None:
                self.strays.append(answer)
            self.doubles += 1
        elif not answer["ok"] and answer["error"]["code"] in AGAIN:
            call[4] = now + 0.05
            heapq.heappush(self.due, (call[4], ident))
        else:
            del self.waiting[ident]
            self.answers += 1
            call[1](answer, now - call[2])

    def step(self, wait=0.05):
        """Take what came, ask again what is due; wait at most so long."""
        for socket, _ in self.poller.poll(int(wait * 1000)):
            while True:
                try:
                    frames = socket.recv_multipart(zmq.DONTWAIT)
                except zmq.Again:
                    break
                self._take(frames, time.monotonic())
        now = time.monotonic()
        while self.due and self.due[0][0] <= now:
            when, ident = heapq.heappop(self.due)
            if ident in self.waiting and self.waiting[ident][4] == when:
                self.retries += 1
                self._send(ident, now)

    def call(self, ident, to, do, args, seconds=30):
        """One call, waited for. TimeoutError."""
        got = []
        self.submit(ident, to, do, args, lambda answer, _: got.append(answer))
        end = time.monotonic() + seconds
        while not got:
            if time.monotonic() > end:
                self.waiting.pop(ident, None)
                raise TimeoutError(f"{to} {do} {ident}")
            self.step()
        return got[0]

    def close(self):
        self.context.destroy(linger=0)


class Shop:
    """The data, and who buys what. The same seed, the same shop."""

    def __init__(self, seed=1, products=1000, customers=1000, prefix=""):
        self.random = random.Random(seed)
        self.prefix = prefix or f"{seed}-{int(time.time() * 1000):x}"
        # Every fiftieth product is scarce, so that some are sold out.
        self.products = [
            {"product": n,
             "qty": 200 if n % 50 == 0 else 10000,
             "price": self.random.randint(1, 9999),
             "freight": self.random.randint(0, 999)}
            for n in range(1, products + 1)]
        self.customers = [
            {"customer": n,
             "name": f"{self.random.choice(FIRST)} {self.random.choice(LAST)}",
             "card": f"{self.random.randrange(10 ** 16):016d}"}
            for n in range(1, customers + 1)]
        self.idle = [c["customer"] for c in self.customers]
        self.random.shuffle(self.idle)
        self.count = 0

    def loads(self):
        """(id, to, do, args) of all that has to be there first."""
        for p in self.products:
            yield (f"load-p-{self.prefix}-{p['product']}",
                   f"stock/{p['product']}", "load",
                   {"qty": p["qty"], "version": "0"})
        for c in self.customers:
            yield (f"load-c-{self.prefix}-{c['customer']}",
                   f"payment/{c['customer']}", "register",
                   {"name": c["name"], "card": c["card"]})

    def item(self, product):
        price = product["price"]
        return {"product": product["product"],
                "qty": self.random.randint(1, 10),
                "unit_price": price,
                "freight": product["freight"],
                "voucher": price // 10 if self.random.random() < 0.05 else 0,
                # A cart that is behind: the product has another version now.
                "version": "old" if self.random.random() < 0.02 else "0"}

    def checkout(self):
        """(tid, customer, args) of the next; never two of one customer."""
        self.count += 1
        tid = f"t-{self.prefix}-{self.count}"
        chosen = self.random.sample(self.products, self.random.randint(1, 10))
        kind = self.random.choice(TYPES)
        return tid, self.idle.pop(), {
            "tid": tid, "items": [self.item(p) for p in chosen], "type": kind,
            "installments":
                self.random.randint(1, 10) if kind == TYPES[0] else 1}


def load_shop(caller, shop, log, fail_percent=0, window=256):
    """Put the data in, and what it is into the log."""
    log.write(json.dumps({"fail_percent": fail_percent,
                          "customers": len(shop.customers)}) + "\n")
    for p in shop.products:
        log.write(json.dumps({"product": p["product"], "qty": p["qty"]})
                  + "\n")
    wrong = []

    def done(answer, _):
        if not answer["ok"]:
            wrong.append(answer)

    for ident, to, do, args in shop.loads():
        caller.submit(ident, to, do, args, done)
        while len(caller.waiting) >= window:
            caller.step()
    end = time.monotonic() + 60
    while caller.waiting and time.monotonic() < end:
        caller.step()
    if caller.waiting or wrong:
        raise RuntimeError(f"not loaded: {len(caller.waiting)} unanswered, "
                           f"{len(wrong)} refused {wrong[:1]}")


class Result:
    def __init__(self):
        self.latencies = []
        self.outcomes = {}
        self.unexpected = []
        self.unanswered = 0
        self.elapsed = 0.0

    def percentile(self, share):
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] \
            if ordered else 0.0


def run_load(caller, shop, log, more, concurrency=32, drain=60):
    """Checkouts, so many at a time, while more() is true; then wait for what
    is in flight, at most `drain` seconds."""
    result = Result()
    begun = time.monotonic()

    def start():
        tid, customer, args = shop.checkout()
        log.write(json.dumps({"tid": tid, "customer": customer,
                              "items": args["items"]}) + "\n")

        def done(answer, seconds):
            code = "paid" if answer["ok"] else answer["error"]["code"]
            result.outcomes[code] = result.outcomes.get(code, 0) + 1
            result.latencies.append(seconds)
            if code not in ("paid", "payment-failed", "not-accepted"):
                result.unexpected.append(answer)
            log.write(json.dumps({"tid": tid, "outcome": code,
                                  "result": answer.get("result")}) + "\n")
            shop.idle.insert(0, customer)

        caller.submit(tid, f"order/{customer}", "checkout", args, done)

    while more():
        while len(caller.waiting) < concurrency and shop.idle:
            start()
        caller.step()
    result.elapsed = time.monotonic() - begun
    answered = len(result.latencies)
    end = time.monotonic() + drain
    while caller.waiting and time.monotonic() < end:
        caller.step()
    result.in_time = answered
    result.unanswered = len(caller.waiting)
    log.flush()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("endpoint")
    parser.add_argument("log")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fail-percent", type=int, default=0,
                        help="what the node's config says")
    args = parser.parse_args()
    caller = Caller([args.endpoint])
    shop = Shop(args.seed)
    with open(args.log, "w", encoding="utf-8") as log:
        load_shop(caller, shop, log, args.fail_percent)
        end = time.monotonic() + args.seconds
        result = run_load(caller, shop, log, lambda: time.monotonic() < end,
                          args.concurrency)
    caller.close()
    print(f"checkouts {len(result.latencies)}  "
          f"{result.in_time / result.elapsed:.0f}/s  "
          f"p50 {result.percentile(.5) * 1e3:.1f} ms  "
          f"p99 {result.percentile(.99) * 1e3:.1f} ms  "
          f"unanswered {result.unanswered}  {result.outcomes}")
    return 1 if result.unanswered or result.unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
