#!/usr/bin/python3
"""Claim: through 20,000 seeds of kills, power cuts, failing and full disks, a bad
network and jumping clocks nothing is lost, nothing is done twice and all drains;
what could happen did; a seed replays; and checks that are given a reason to fail
do. The simulator runs the object files that acta-host runs.

SEEDS=n runs n; JOBS=n in so many processes.
"""
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import acta_tap as tap  # noqa: E402

BUILD = os.environ.get("BUILD", "build/plain")
SIM = f"{BUILD}/t/acta-sim"
SEEDS = int(os.environ.get("SEEDS", 20000))
JOBS = int(os.environ.get("JOBS", 2))
# What stands for a machine: its disk, its sockets, its log.
REPLACED = {
    "store/env.o", "store/dir.o", "store/lock.o", "store/compact.o",
    "runtime/host/main.o", "runtime/host/worker.o", "runtime/host/links.o",
    "runtime/host/log.o",
}
REPLACING = re.compile(r"t/sim/\w+\.o|runtime/sim/\w+\.o|runtime/root/blame\.o"
                       r"|store/(omap|env_sim|env_sim_open)\.o"
                       r"|runtime/cli/cut\.o")  # of an operator's tools
# Each is found in so few seeds.
BREAKS = {"no-flush": 20, "early-ack": 50, "new-id": 50, "old-store": 100,
          "unchecked": 500, "blame-kills": 500}


def sim(*args):
    run = subprocess.run([SIM, *map(str, args)], stdout=subprocess.PIPE,
                         text=True)
    return run.returncode, run.stdout


def rows(text):
    found = re.findall(r"^(\S.*?) +(\d+)$", text, re.M)
    return {name: int(count) for name, count in found}


def hash_of(text):
    return re.search(r"hash (\w+)", text).group(1)


def many():
    began = time.monotonic()
    status, out = sim("--seeds", SEEDS, "--jobs", JOBS, "--table")
    tap.ok(status == 0 and out.endswith(f"{SEEDS} seeds, 0 violations\n"),
           f"{SEEDS} seeds, no violation", out[-3000:])
    table = rows(out)
    for name, count in table.items():
        tap.diag(f"{name:44} {count:12}")
    tap.diag(out.splitlines()[-2])
    tap.diag(f"{time.monotonic() - began:.1f} s in {JOBS} processes")
    none = [name for name, count in table.items() if count == 0]
    tap.ok(len(table) > 100 and none == [],
           "every fault, point and outcome was met", none)


def replay():
    first = sim("--seeds", 200)
    tap.equal(sim("--seeds", 200), first, "the same seeds do the same")
    tap.equal(hash_of(sim("--seeds", 200, "--jobs", 3)[1]),
              hash_of(first[1]), "in one process or in three")
    tap.ok(hash_of(sim("--seeds", 200, "--from", 201)[1]) !=
           hash_of(first[1]), "other seeds do something else")
    story = sim("--seed", 7, "--story")
    tap.equal(sim("--seed", 7, "--story"), story, "and tell the same story")
    tap.ok(len(story[1].splitlines()) > 50, "which has every step", story[1])


def breaks():
    for name, seeds in BREAKS.items():
        status, out = sim("--seeds", seeds, "--break", name)
        tap.ok(status == 1 and not out.endswith(" 0 violations\n"),
               f"broken on purpose: {name} is found in {seeds} seeds", out)
        told = re.search(r"^seed (\d+), commit \w+: .+\n"
                         r"  of (\d+) events these (\d+) are enough: .+\n"
                         r"((?:   .*\n)*)", out, re.M)
        tap.ok(told and int(told.group(3)) <= int(told.group(2)) and
               len(told.group(4).splitlines()) == int(told.group(3)),
               "  told with seed and commit, and the fewest events", out)
        if told:
            tap.diag(told.group(0))
            again = sim("--seed", told.group(1), "--break", name)
            tap.ok(told.group(0) in again[1], "  and replayed", again[1])


def loaded(path):
    """The object files of a program, by its link's map."""
    with open(path, encoding="utf-8") as text:
        return {line.split()[1][len(BUILD) + 1:] for line in text
                if line.startswith(f"LOAD {BUILD}/")}


def symbols(path, *flags):
    out = subprocess.run(["nm", "-P", *flags, path], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    return {line.split()[0].split("@")[0] for line in out.splitlines()}


def same_objects():
    host = loaded(f"{BUILD}/acta-host.map")
    ours = loaded(f"{BUILD}/acta-sim.map")
    tap.equal(host - ours, REPLACED,
              "all object files of acta-host are linked, but these few")
    odd = [name for name in sorted(ours - host)
           if not REPLACING.fullmatch(name)]
    tap.equal(odd, [], "and nothing else, but what stands for those")
    there = symbols(SIM, "--defined-only")
    missing = [symbol for name in sorted(host & ours)
               for symbol in symbols(f"{BUILD}/{name}", "-g",
                                     "--defined-only")
               if symbol not in there]
    tap.equal(missing, [], "nm: each of their functions is in the simulator")
    outside = [symbol for symbol in sorted(symbols(SIM, "-u"))
               if re.match(r"mdb_|zmq_|zsock|zactor", symbol)]
    tap.equal(outside, [], "nm: it calls neither LMDB nor zmq")
    tap.ok("acta_env_open" in
           symbols(f"{BUILD}/store/env_sim_open.o", "--defined-only"),
           "nm: acta_env_open is the simulated disk's")


def mutants_fit():
    run = subprocess.run(["scripts/mutate", "--fit"], stderr=subprocess.PIPE,
                         text=True)
    tap.ok(run.returncode == 0, "scripts/mutate: each mutation fits the code",
           run.stderr)


same_objects()
mutants_fit()
replay()
breaks()
many()
tap.done()
