#!/usr/bin/python3
"""Claim: messages that always crash their process, and an actor that always
fails, become dead letters with their cause, after as many crashes and attempts as
the config says; beside them, on the same channel, a thousand healthy actors go on
being asked, in order, each question answered once, and none of theirs is made a
dead letter. SECONDS=n: from 30 on, the healthy ones' rate is also held to that of
a node without the guilty, beside it.
"""
import os
import sys
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_flow  # noqa: E402
import acta_tap as tap  # noqa: E402

SECONDS = float(os.environ.get("SECONDS", 4))
RATED_S = 30
STALLED_S = 60
ACTORS = 1000
POISONS = 3
FAILURES = 3
MAX_CRASHES = 3
MORE = {"asks": "", "told": f"    max_crashes: {MAX_CRASHES}\n"
        "    max_attempts: 4\n    backoff: {min: 1ms, max: 20ms}\n"}


class Story:
    def __init__(self, guilty):
        self.node = acta_flow.Flow(MORE)
        self.guilty = guilty
        self.harms, self.letters = [], []

    def begin(self):
        self.node.start()
        self.caller = acta_flow.Caller(self.node.call)
        self.caller.call("asks/all", "start",
                         {"as": "asks/", "at": "told/", "actors": ACTORS})

    def harm(self):
        for n in range(POISONS):
            # From a service, and from a client.
            self.caller.ask(f"asks/p{n}", "harm",
                            {"to": f"told/bad{n}", "crash": True})
            self.harms.append(self.caller.ask(f"told/worse{n}", "put",
                                              {"n": 0, "crash": True}))
        for n in range(FAILURES):
            self.caller.ask("asks/f", "harm",
                            {"to": "told/fails", "crash": False})

    def end(self):
        for n in range(ACTORS):
            self.caller.ask(f"asks/{n}", "stop", {}, op="send")

    def finish(self):
        node, caller = self.node, self.caller
        self.refused = [caller.wait(n) for n in self.harms]
        end = time.monotonic() + STALLED_S
        while caller.asked and time.monotonic() < end:
            caller.step()
        self.quiet = node.quiet()
        self.letters = node.letters()
        self.row = node.row("told")
        caller.close()
        self.status = node.stop()

    def judge(self, name):
        node = self.node
        tap.ok(self.quiet and self.status == 0, f"{name}: it comes to rest")
        asks, told = node.rows("asks"), node.rows("told")
        healthy = [str(n) for n in range(ACTORS)]
        heard = [asks[n].get("heard", 0) for n in healthy]
        tap.ok(min(heard) > 0, f"{name}: each of {ACTORS} actors went on",
               min(heard))
        tap.equal([n for n in healthy if asks[n]["heard"] !=
                   told[n].get(f"from/asks/{n}") or asks[n]["heard"] !=
                   asks[n][f"to/told/{n}"]], [],
                  f"{name}: each question was answered once")
        tap.equal([(n, row) for n in healthy for row in (*told[n], *asks[n])
                   if row.startswith("wrong") or row == "outcome"], [],
                  f"{name}: in order, and none refused")
        tap.equal({**node.waiting("asks"), **node.waiting("told")}, {},
                  f"{name}: nothing waits")
        tap.diag(f"{name}: {sum(heard)} questions of {ACTORS} actors in "
                 f"{SECONDS:.0f} s, the least {min(heard)}, the most "
                 f"{max(heard)}")
        return sum(heard)


def both(control, story):
    """At the same time, so that the machine is the same to them."""
    for each in (control, story):
        each.begin()
    story.harm()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for each in (control, story):
            each.caller.step()
    guilty = 2 * POISONS + FAILURES
    tap.ok(tap.until(lambda: len(story.node.letters()) >= guilty, STALLED_S,
                     0.1), "the guilty come to their end")
    for each in (control, story):
        each.end()
    for each in (control, story):
        each.finish()


def main():
    control, story = Story(False), Story(True)
    try:
        both(control, story)
        rate = control.judge("without")
        tap.equal(control.letters, [], "without: no dead letter")
        with_guilty = story.judge("with")
        tap.equal(sorted((d["to"], d["cause"]) for d in story.letters),
                  sorted([(f"told/bad{n}", "crashed") for n in range(POISONS)]
                         + [(f"told/worse{n}", "crashed")
                            for n in range(POISONS)]
                         + [("told/fails", "failed")] * FAILURES),
                  "exactly the guilty messages are dead letters",
                  story.letters)
        tap.equal([d.get("attempts") for d in story.letters
                   if d["cause"] == "failed"], [4] * FAILURES,
                  "failed as often as they may", story.letters)
        tap.equal([a and a.get("error", {}).get("code")
                   for a in story.refused], ["failed"] * POISONS,
                  "their callers hear it", story.refused)
        tap.equal((story.row["restarts"], story.row["crashes_in_handler"]),
                  (2 * POISONS * MAX_CRASHES,) * 2,
                  f"after {MAX_CRASHES} crashes each", story.row)
        asks = story.node.rows("asks")
        tap.equal([asks[f"p{n}"].get("harmed/2/failed")
                   for n in range(POISONS)] + [asks["f"].get(
                       "harmed/2/failed")], [1] * POISONS + [FAILURES],
                  "those who asked are told, once", asks["f"])
        told = story.node.rows("told")
        tap.equal([key for key in told if not key.isdigit()], [],
                  "and nothing of it was kept")
        tap.diag(f"{with_guilty / rate:.2f} of the rate without")
        if SECONDS >= RATED_S:
            tap.ok(with_guilty > 0.9 * rate,
                   "the healthy ones' rate is within 10 %")
    finally:
        left = control.node.remove() + story.node.remove()
    tap.equal(left, [], "no process is left behind")
    tap.done()


main()
