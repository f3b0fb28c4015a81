#!/usr/bin/python3
"""Claim: many services of many partitions, each of which has spoken to every
other, are carried in the descriptors that `acta check` counts before it starts a
node, and in 64 KiB a pair of workers; the root's memory hardly knows how many
there are. What was sent is heard, once. SERVICES=n PARTITIONS=n: the issue's
200 x 4 needs some 10 GiB of memory.
"""
import os
import sys
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_flow  # noqa: E402
import acta_tap as tap  # noqa: E402

SERVICES = int(os.environ.get("SERVICES", 16))
PARTITIONS = int(os.environ.get("PARTITIONS", 4))
WORKERS = 2
DOORS = 4
KIB, MIB = 1 << 10, 1 << 20
PAIR = 64 * KIB      # of one worker with one worker of another service
HEARD = 2 * MIB      # what was said leaves in stores, arenas and glibc's heap
ROOT = 2 * MIB
MESSAGES = 512       # on the way at once
STALLED_S = 600

NAMES = [f"s{n:03d}" for n in range(SERVICES)]


def files_allowed():
    """As acta check has it (runtime/config.c: files_needed)."""
    others = SERVICES * WORKERS
    return 48 + 3 * PARTITIONS + WORKERS * (4 + 3 * (others + DOORS))


def usage(pid):
    """(descriptors, bytes of its own, bytes resident) of a process."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        rows = {line.split()[0]: int(line.split()[1]) * KIB for line in f
                if line.endswith("kB\n")}
    return (len(os.listdir(f"/proc/{pid}/fd")), rows["Anonymous:"],
            rows["Rss:"])


def all_usage(node):
    found = {row["service"]: usage(row["pid"]) for row in node.ps()}
    found["@root"] = usage(node.root("info")["pid"])
    return found


def talk(node, caller):
    """Each partition of each says something to each partition of each other."""
    done = 0
    for name in NAMES:
        for other in NAMES:
            if name == other:
                continue
            for n in range(PARTITIONS):
                caller.ask(f"{name}/{n}", "post", {"to": f"{other}/{n + 1}"})
                done += 1
                while len(caller.asked) > MESSAGES:
                    caller.step(100)
    end = time.monotonic() + STALLED_S
    while caller.asked and time.monotonic() < end:
        caller.step(100)
    bad = [a for a in caller.answers.values() if not a["ok"]]
    tap.equal(bad[:3], [], f"{done} messages are taken")
    return done


def show(found, what):
    hosts = [found[n] for n in NAMES]
    doors = [u for n, u in found.items() if n[0] == "@" and n != "@root"]
    for who, rows in (("root", [found["@root"]]), ("door", doors),
                      ("service", hosts)):
        tap.diag(f"{what}: a {who} at most {max(r[0] for r in rows)} "
                 f"descriptors, {max(r[1] for r in rows) / MIB:.2f} MiB its "
                 f"own, {max(r[2] for r in rows) / MIB:.2f} MiB resident")
    return hosts, doors


def judge(idle, full):
    before, doors_before = show(idle, "idle")
    hosts, doors = show(full, "all to all")
    allowed = files_allowed()
    most = max(h[0] for h in hosts)
    tap.ok(most <= allowed, f"a service has {most} descriptors, may have "
           f"{allowed}")
    peers = WORKERS * (SERVICES - 1) + DOORS
    # Each worker to each one's worker, and the other way.
    bound = 2 * WORKERS * peers * PAIR + HEARD
    most = max(h[1] - b[1] for h, b in zip(hosts, before))
    tap.ok(most <= bound, f"and {most / MIB:.1f} MiB more than idle, may have "
           f"{bound / MIB:.1f}")
    most = max(d[1] - b[1] for d, b in zip(doors, doors_before))
    bound = 2 * WORKERS * SERVICES * PAIR + HEARD
    tap.ok(most <= bound, f"a door has {most / MIB:.1f} MiB more than idle, "
           f"may have {bound / MIB:.1f}")
    tap.ok(full["@root"][2] <= ROOT + SERVICES * WORKERS * KIB * 8,
           f"the root has {full['@root'][2] / MIB:.2f} MiB")


def main():
    node = acta_flow.Flow({name: f"    partitions: {PARTITIONS}\n"
                           f"    workers: {WORKERS}\n" for name in NAMES})
    try:
        begun = time.monotonic()
        node.start(STALLED_S)
        tap.diag(f"{SERVICES} services of {PARTITIONS} partitions and "
                 f"{WORKERS} workers, up in {time.monotonic() - begun:.1f} s")
        caller = acta_flow.Caller(node.call)
        idle = all_usage(node)
        begun = time.monotonic()
        sent = talk(node, caller)
        tap.ok(node.quiet(STALLED_S), "all comes to rest")
        tap.diag(f"{sent} messages in {time.monotonic() - begun:.1f} s")
        judge(idle, all_usage(node))
        tap.equal([(n, node.alarms(n)) for n in NAMES if node.alarms(n)], [],
                  "no alarm")
        caller.close()
        tap.equal(node.stop(STALLED_S), 0, "the node stops, exit 0")
        rows = acta_flow.by_address(node, *NAMES)
        tap.equal(list(acta_flow.told_in_order(rows, rows))[:5], [],
                  "what was sent was heard once, in order")
    finally:
        left = node.remove()
    tap.equal(left, [], "no process is left behind")
    tap.done()


main()
