#!/usr/bin/python3
"""Claim: messages that always crash their process, and an actor that always
fails, become dead letters with their cause, after as many crashes and attempts as
the config says; beside them, on the same channel, a thousand healthy actors go on
being asked, in order, each question answered once, and none of theirs is made a
dead letter. SECONDS=n: from 30 on, the healthy ones' rate is also held to that of
a run without the guilty.
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
        self.heard, self.begun, self.letters = 0, 0, []

    def total(self):
        row = self.node.row("asks")
        return row["handled"] if row else 0

    def run(self):
        """SECONDS of questions, with harm done meanwhile or not."""
        node = self.node
        node.start()
        caller = acta_flow.Caller(node.call)
        caller.call("asks/all", "start",
                    {"as": "asks/", "at": "told/", "actors": ACTORS})
        begun = time.monotonic()
        harms = []
        if self.guilty:
            for n in range(POISONS):
                # From a service, and from a client.
                caller.ask(f"asks/p{n}", "harm",
                           {"to": f"told/bad{n}", "crash": True})
                harms.append(caller.ask(f"told/worse{n}", "put",
                                        {"n": 0, "crash": True}))
            for n in range(FAILURES):
                caller.ask("asks/f", "harm",
                           {"to": "told/fails", "crash": False})
        while time.monotonic() < begun + SECONDS:
            caller.step()
        self.refused = [caller.wait(n) for n in harms]
        guilty = POISONS * 2 + FAILURES if self.guilty else 0
        tap.until(lambda: len(node.letters()) >= guilty, 60, 0.1)
        for n in range(ACTORS):
            caller.ask(f"asks/{n}", "stop", {}, op="send")
        self.lasted = time.monotonic() - begun
        end = time.monotonic() + 60
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
        self.heard = sum(heard)
        tap.diag(f"{name}: {self.heard} questions of {ACTORS} actors in "
                 f"{self.lasted:.1f} s, {self.heard / self.lasted:.0f}/s, the "
                 f"least {min(heard)}, the most {max(heard)}")
        return self.heard / self.lasted


def main():
    control, story = Story(False), Story(True)
    try:
        control.run()
        rate = control.judge("without")
        tap.equal(control.letters, [], "without: no dead letter")
        story.run()
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
