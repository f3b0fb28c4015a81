"""A node of transfers, its client, and kills: what t/72-transfer.t and
scripts/torture run. transfer_check.py judges."""
import os
import random
import time

import acta_tap as tap
import transfer_check
import transfer_client
from acta_kills import COMMIT, GATHER, HANDLER, RELEASE, Killer
from acta_node import BUILD, Node

DOORS = ("@door", "@door-call", "@door-push", "@door-events")
AIMS = (GATHER, HANDLER, HANDLER, COMMIT, COMMIT, RELEASE)
BETWEEN = 4  # answers between two kills, so that nothing but kills happens
STALLED_S = 30
LOOKS = 6    # at the stores of a node that was ended midway, by kills or stops


class Shape:
    """How the node of a seed is made; the first is the plain one."""

    def __init__(self, chance=None):
        self.parts = {"transfer": 3, "transfer-two": 1}
        self.workers = {"transfer": 2, "transfer-two": 1}
        self.accounts, self.window, self.rate = 400, 96, 3000
        self.pad, self.more = 20000, ""
        if chance is None:
            return
        for name in self.parts:
            self.parts[name] = chance.choice((1, 1, 2, 3, 4))
            self.workers[name] = chance.randint(1, min(2, self.parts[name]))
        self.accounts = chance.choice((4, 40, 400, 4000))
        self.window = chance.choice((8, 96, 400))
        self.pad = chance.choice((0, 2000, 20000, 200000))
        self.more = "".join((
            chance.choice(("", "    spin: 0us\n")),
            chance.choice(("", "    store: {memory: 1MiB}\n")),
            chance.choice(("", "    channel: {credit: 64KiB}\n",
                           "    channel: {quota: 1MiB, credit: 64KiB}\n"))))

    def services(self):
        return "".join(f"""\
  - name: {name}
    load: {BUILD}/t/services/{name}.so
    partitions: {self.parts[name]}
    workers: {self.workers[name]}
    backoff: {{min: 1ms, max: 10ms}}
{self.more}""" for name in self.parts)

    def __str__(self):
        return (f"partitions {self.parts}, workers {self.workers}, "
                f"{self.accounts} accounts, {self.window} in flight "
                + " ".join(self.more.split()))


class Run:
    """One node from its start to its stop."""

    def __init__(self, seed, shape, **node):
        self.seed, self.shape = seed, shape
        self.chance = random.Random(seed)
        self.node = Node(shape.services(), "{intensity: 1000, period: 1s}",
                         name="bank", **node)
        self.log = os.path.join(self.node.dir, "client.log")
        self.killer = Killer(self.node, self.chance, shape.workers)
        self.client = None
        self.looks = 0
        self.trouble = []
        self.begun = time.monotonic()

    def start(self):
        self.node.start()
        self.client = transfer_client.Process(
            self.seed, self.shape.accounts, [self.node.call, self.node.local],
            f"tcp://127.0.0.1:{self.node.ports[1]}", self.log,
            self.shape.window, self.shape.rate, self.shape.pad)

    def answers(self, count):
        """Wait until so many more were answered."""
        seen = self.client.answered
        if not tap.until(lambda: self.client.answered >= seen + count
                         or not self.client.alive(), STALLED_S, 0.001) or \
                not self.client.alive():
            raise TimeoutError(f"nothing goes on: {self.node.ps()} "
                               f"{self.node.log()[-2000:]}")

    def plan(self, kills):
        """What is killed: services mostly, each in a third of its turns' end
        and begin; doors; the root; now and then the node is stopped."""
        plan = [("service", name) for name in self.shape.parts
                for _ in range(kills * 40 // 100)]
        plan += [("door", DOORS[n % 4]) for n in range(kills * 16 // 100)]
        plan += [("root", "") for _ in range(kills * 4 // 100)]
        plan += [("stop", "") for _ in range(1 + kills // 100)]
        self.chance.shuffle(plan)
        return plan

    def one(self, what, name):
        self.answers(BETWEEN)
        # An instant that nothing agreed upon.
        time.sleep(self.chance.random() * 0.01)
        if what == "service":
            phase = self.chance.choice(AIMS) if self.chance.random() < 0.8 \
                else None
            self.killer.service(name, phase, again=0.2)
        elif what == "door":
            self.killer.door(name)
        elif what == "root":
            self.killer.root(self.look)
        else:
            self.killer.restart(self.look)

    def look(self):
        """What must hold whenever all have ended."""
        if self.looks >= LOOKS:
            return
        self.looks += 1
        for claim, problems in transfer_check.check_midway(self.node.data):
            for problem in problems[:3]:
                self.trouble.append(f"midway: {claim}: {problem}")

    def kills(self, count, until=None):
        """So many kills, or until that time."""
        while self.killer.total < count:
            for what, name in self.plan(max(25, count - self.killer.total)):
                if self.killer.total >= count or \
                        (until is not None and time.monotonic() > until):
                    return
                self.one(what, name)

    def finish(self):
        """Quiet, and stopped: the client's own account."""
        end = self.client.finish()
        if end["waiting"]:
            self.trouble.append(f"{end['waiting']} were never answered: "
                                f"{self.node.ps()}")
        if end["strays"]:
            self.trouble.append(f"answers to nothing: {end['strays'][:3]}")
        if not self.node.quiet():
            self.trouble.append(f"never quiet: {self.node.ps()}")
        for row in self.node.ps():
            for alarm in row.get("alarms") or []:
                if alarm["name"] != "door-restarted":
                    self.trouble.append(f"{row['service']}: {alarm}")
        status = self.node.stop()
        if status != 0:
            self.trouble.append(f"the node ended with {status}: "
                                f"{self.node.log()[-2000:]}")
        return end

    def remove(self):
        if self.client is not None and self.client.alive():
            self.client.process.kill()
        return self.node.remove()
