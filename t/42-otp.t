#!/usr/bin/python3
"""Claim: Acta's supervisors do what OTP's do. The scenarios of t/otp.cases, most of
OTP's own supervisor_SUITE, and random ones run on Erlang/OTP's supervisor and on
the root's machine, and what happens is the same: which child starts and ends
when and how, which restart is tried, who gives up, what every call answers, what
the tree is after every step. SEEDS=n random ones (200), from SEED=n (1); those
that differ are shrunk to the fewest steps that do.
"""
import difflib
import os
import re
import shutil
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_tap as tap  # noqa: E402
import otp  # noqa: E402

BUILD = os.path.join(TOP, os.environ.get("BUILD", "build/plain"))
SEEDS = int(os.environ.get("SEEDS", "200"))
SEED = int(os.environ.get("SEED", "1"))
SHRUNK_MAX = 3  # to be read by a person


def difference(one, other):
    return "\n".join(difflib.unified_diff(
        one, other, "OTP", "Acta", lineterm="", n=4))


def listed():
    cases = otp.load()
    on_otp, on_acta = otp.on_otp(cases), otp.on_acta(cases, BUILD)
    for name, lines in cases:
        want, got = on_otp.get(name, []), on_acta.get(name, [])
        tap.ok(want and got == want, f"{name}: as OTP's",
               difference(want, got))
        # What the suite says of it, so that the two are not equally wrong.
        tap.equal(otp.unmet(lines, got), [], f"{name}: as its suite has it")


def table():
    """What t/README says shows OTP's cases is there, and no scenario is left out
    of it."""
    with open(os.path.join(TOP, "t", "README"), encoding="utf-8") as f:
        text = f.read().split("## Supervision: OTP's cases")[1]
    text = text.split("\n## ")[0]
    missing, named = [], set()
    for file, names in re.findall(r"`([\w-]+\.(?:t|c|cases))(?:: ([^`]*))?`",
                                  text):
        path = os.path.join(TOP, "t", file)
        if not os.path.exists(path):
            missing.append(file)
            continue
        with open(path, encoding="utf-8") as f:
            code = f.read()
        for name in filter(None, names.split(", ")):
            begin = {"t": rf"def {name}\(", "c": rf"START_TEST\({name}\)",
                     "cases": rf"scenario {name}$"}[file.rsplit(".")[-1]]
            if not re.search(f"^{begin}", code, re.M):
                missing.append(f"{file}: {name}")
            if file == "otp.cases":
                named.add(name)
    tap.equal(missing, [], "all that t/README names is there")
    left = {name for name, _ in otp.load()} - named - {"stop_order"}
    tap.equal(sorted(left), [], "and every scenario is in it")


def differs(lines):
    cases = [("shrunk", lines)]
    return otp.on_otp(cases, 60) != otp.on_acta(cases, BUILD, 60)


def drawn():
    cases = [(f"seed-{n}", otp.drawn(n)) for n in range(SEED, SEED + SEEDS)]
    on_otp, on_acta = otp.on_otp(cases, 1800), otp.on_acta(cases, BUILD, 600)
    bad = [case for case in cases
           if not on_otp.get(case[0]) or
           on_otp.get(case[0]) != on_acta.get(case[0])]
    for name, lines in bad[:SHRUNK_MAX]:
        fewest = [("shrunk", otp.shrunk(lines, differs))]
        tap.diag(f"{name}, at its fewest steps:")
        tap.diag("\n".join(fewest[0][1]))
        tap.diag(difference(otp.on_otp(fewest).get("shrunk", []),
                            otp.on_acta(fewest, BUILD).get("shrunk", [])))
    events = sum(len(lines) for lines in on_otp.values())
    tap.equal([name for name, _ in bad], [],
              f"{SEEDS} random scenarios from seed {SEED}, alike")
    tap.ok(events > 40 * SEEDS, f"in which something happens: {events} lines")


if not shutil.which("escript"):
    print("1..0 # skip no Erlang here: scripts/deps --for-tests installs it")
    sys.exit(0)
table()
listed()
drawn()
tap.done()
