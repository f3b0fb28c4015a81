"""Scenarios of supervision: those of t/otp.cases by name, and random ones from a
seed. They run on OTP's own supervisor (otp.escript) and on Acta's machine
(helper-otp); what the two print must be equal.

A scenario is lines of words: the tree (`sup ID STRATEGY INTENSITY PERIOD AUTO`,
`spec PARENT ID TYPE RESTART SHUTDOWN SIGNIFICANT`), `begin`, then steps. After a
step all comes to rest and the tree is printed; a step that begins with !N goes on
at once, after N starts were seen. `expect TEXT` is what the step before it
answers; `children SUP TEXT` what the tree then shows.
"""
import os
import random
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKS = ("expect", "children")


def load(path=os.path.join(HERE, "otp.cases")):
    """[(name, lines)], comments and blanks left out."""
    cases = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.split("#!")[0].strip()
            if not line:
                continue
            if line.startswith("scenario "):
                cases.append((line.split()[1], []))
            else:
                cases[-1][1].append(line)
    return cases


def text_of(cases):
    return "".join(
        f"scenario {name}\n" +
        "".join(f"{line}\n" for line in lines if
                line.split()[0] not in CHECKS)
        for name, lines in cases)


def calm(lines):
    """Instances of a template end in no order, and who of several killed in a row
    was first we do not learn from Erlang: those are sorted."""
    out, row = [], []
    for line in lines:
        if line.startswith("exit i") or (
                line.startswith("exit ") and line.endswith(" killed")):
            row.append(line)
            continue
        out += sorted(row) + [line]
        row = []
    return out + sorted(row)


def run(command, cases, seconds):
    """{name: lines of what it printed}"""
    with tempfile.NamedTemporaryFile("w", suffix=".scenarios") as file:
        file.write(text_of(cases))
        file.flush()
        out = subprocess.run([*command, file.name], capture_output=True,
                             text=True, timeout=seconds, check=False)
    got, name = {}, None
    for line in out.stdout.splitlines():
        if line.startswith("scenario "):
            name = line.split()[1]
            got[name] = []
        elif name is not None:
            got[name].append(line)
    if out.returncode != 0 and name is not None:
        got[name].append(f"(ended: {out.returncode}) {out.stderr[-2000:]}")
    return {name: calm(lines) for name, lines in got.items()}


def on_otp(cases, seconds=600):
    return run(["escript", os.path.join(HERE, "otp.escript")], cases, seconds)


def on_acta(cases, build, seconds=600):
    return run([os.path.join(build, "t", "helper-otp")], cases, seconds)


def unmet(lines, printed):
    """The checks of a scenario that what was printed does not meet."""
    wrong, answers = [], []
    at = 0
    for line in lines:
        word = line.split()[0]
        if word in CHECKS:
            text = line[len(word):].strip()
            if word == "expect" and answers[-1:] != [text]:
                wrong.append(f"{line}: {answers[-1:]}")
            if word == "children":
                sup, _, rest = text.partition(" ")
                tree = last_tree(printed[:at])
                if tree.get(sup) != rest:
                    wrong.append(f"{line}: {tree.get(sup)}")
            continue
        if line.startswith(("sup ", "end", "+")) or (
                word == "spec" and len(line.split()) == 7):
            continue
        if word == "begin":
            answers, at = step_end(printed, at, "begin")
        elif word == "change":
            answers, at = step_end(printed, at, "change")
        elif word.startswith("!") and line.split()[1] == "die":
            continue
        elif word.startswith("!"):
            answers, at = step_end(
                printed, at, line.partition(" ")[2], hurry=True)
        else:
            answers, at = step_end(printed, at, line)
    return wrong


def step_end(printed, at, step, hurry=False):
    """What the step answered, and where what it printed ends."""
    answers = []
    while at < len(printed):
        line = printed[at]
        if line.startswith(step + " "):
            answers.append(line[len(step):].strip())
            if hurry:
                return answers, at + 1
        at += 1
        if line == " .":
            return answers, at
    return answers, at


def last_tree(printed):
    tree = {}
    for line in printed:
        if line.startswith(" "):
            sup, _, rest = line.strip().partition(" ")
            tree[sup] = rest
    return tree


# ------------------------------------------------------------------- random

STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one"]
AUTOS = ["never", "never", "any_significant", "all_significant"]
RESTARTS = ["permanent", "permanent", "transient", "temporary"]
# A deaf one that is waited for without end would hang both.
SHUTDOWNS = ["1000", "1000", "brutal", "40", "40"]


class Drawn:
    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.lines, self.sups, self.workers = [], [], []
        self.parent, self.flags, self.names = {}, {}, 0
        self.temporary = {}  # of templates

    def name(self, letter):
        self.names += 1
        return f"{letter}{self.names}"

    def flags_text(self, sup):
        flags = [*self.flags[sup]]
        return " ".join(map(str, flags))

    def spec(self, parent):
        """RESTART SHUTDOWN SIGNIFICANT, mostly a good one."""
        d = self.dice
        restart = d.choice(RESTARTS)
        auto = self.flags[parent][3]
        significant = auto != "never" and restart != "permanent" and \
            d.random() < 0.6
        if d.random() < 0.04:
            significant = True
        return f"{restart} {d.choice(SHUTDOWNS)} {str(significant).lower()}"

    def tree(self, sup, depth):
        d = self.dice
        strategy = d.choice(STRATEGIES)
        if depth > 0 and d.random() < 0.25:
            strategy = "simple_one_for_one"
        self.flags[sup] = [strategy, d.choice([0, 1, 1, 2, 2, 3, 5]), 3600,
                           d.choice(AUTOS)]
        self.sups.append(sup)
        self.lines.append(f"sup {sup} {self.flags_text(sup)}")

    def specs(self, sup, depth):
        d = self.dice
        if self.flags[sup][0] == "simple_one_for_one":
            spec = self.spec(sup).split()
            if self.flags[sup][3] == "never" or spec[0] == "permanent":
                spec[2] = "false"
            self.temporary[sup] = spec[0] == "temporary"
            return [f"spec {sup} t worker {' '.join(spec)}"]
        out = []
        for _ in range(d.randint(0, 4)):
            if depth < 2 and len(self.sups) < 5 and d.random() < 0.3:
                inner = self.name("s")
                self.tree(inner, depth + 1)
                self.parent[inner] = sup
                restart = d.choice(RESTARTS)
                out.append(
                    f"spec {sup} {inner} sup {restart} infinity false")
                out += self.specs(inner, depth + 1)
            else:
                worker = self.name("c")
                spec = self.spec(sup).split()
                if self.flags[sup][3] == "never" or spec[0] == "permanent":
                    spec[2] = "false"
                self.workers.append(worker)
                self.parent[worker] = sup
                out.append(f"spec {sup} {worker} worker {' '.join(spec)}")
        return out

    def some_start(self):
        d = self.dice
        sup = d.choice(self.sups)
        if self.flags[sup][0] == "simple_one_for_one":
            name = self.name("i")
            self.workers.append(name)
            self.parent[name] = sup
            return f"start {sup} {name}"
        mine = [w for w in self.workers if self.parent[w] == sup]
        if mine and d.random() < 0.4:
            name = d.choice(mine)
        else:
            name = self.name("c")
            self.workers.append(name)
            self.parent[name] = sup
        return f"start {sup} {name} {self.spec(sup)}"

    def some_change(self):
        d = self.dice
        sup = d.choice(self.sups)
        flags = self.flags[sup]
        if flags[0] != "simple_one_for_one":
            flags = [d.choice(STRATEGIES), *flags[1:]]
        flags = [flags[0], d.choice([0, 1, 2, 3, 5]), 3600, d.choice(AUTOS)]
        out = [f"change {sup} {' '.join(map(str, flags))}"]
        if flags[0] == "simple_one_for_one":
            spec = self.spec(sup).split()
            # OTP's own supervisor crashes when the kind of its list of
            # instances changes: of temporary ones it keeps no arguments.
            if (spec[0] == "temporary") != self.temporary[sup]:
                spec[0] = "temporary" if self.temporary[sup] else "permanent"
            out.append(f"spec {sup} t worker {' '.join(spec)}")
        else:
            inner = [s for s in self.sups if self.parent.get(s) == sup]
            names = [w for w in self.workers if self.parent[w] == sup]
            chosen = d.sample(names, d.randint(0, min(3, len(names))))
            if d.random() < 0.5:
                new = self.name("c")
                self.workers.append(new)
                self.parent[new] = sup
                chosen.append(new)
            d.shuffle(chosen)
            for s in inner:
                out.append(f"spec {sup} {s} sup permanent infinity false")
            for w in chosen:
                out.append(f"spec {sup} {w} worker {self.spec(sup)}")
        out.append("end")
        return out

    def step(self):
        d = self.dice
        worker = d.choice(self.workers) if self.workers else None
        roll = d.random()
        anyone = d.choice([*self.workers, *self.sups, "nobody"])
        parent = self.parent.get(anyone, d.choice(self.sups))
        if d.random() < 0.05:
            parent = d.choice(self.sups)
        if roll < 0.32 and worker:
            return [f"die {worker} " + d.choice(
                ["crash", "crash", "kill", "normal", "shutdown", "shutx"])]
        if roll < 0.44:
            return [self.some_start()]
        if roll < 0.54:
            return [f"terminate {parent} {anyone}"]
        if roll < 0.63:
            return [f"restart {parent} {anyone}"]
        if roll < 0.70:
            return [f"delete {parent} {anyone}"]
        if roll < 0.75:
            return [f"count {d.choice(self.sups)}"]
        if roll < 0.78:
            return [f"childspec {parent} {anyone}"]
        if roll < 0.92 and worker:
            simple = self.flags[self.parent[worker]][0] == \
                "simple_one_for_one"
            # OTP keeps an instance `undefined` that ignored its restart: a
            # pid that is none. Not copied, so not drawn.
            hows = ["error", "error", "ok"] + ["ignore"] * (not simple)
            return [f"next {worker} " + " ".join(
                d.choice(hows) for _ in range(d.randint(1, 3)))]
        if roll < 0.94 and worker:
            return [f"deaf {worker}"]
        if roll < 0.96 and worker:
            return [f"bye {worker} " + d.choice(["normal", "crash"])]
        return self.some_change()


def drawn(seed):
    """The lines of the scenario of a seed."""
    world = Drawn(seed)
    world.tree("s0", 0)
    specs = world.specs("s0", 0)
    out = world.lines + specs + ["begin"]
    for _ in range(world.dice.randint(5, 30)):
        out += world.step()
    return out + ["stop"]


def blocks(lines):
    """A scenario in pieces that can be left out; `change` goes with its end."""
    out = []
    inside = False
    for line in lines:
        if inside:
            out[-1].append(line)
        else:
            out.append([line])
        if line.startswith("change "):
            inside = True
        if line == "end":
            inside = False
    return out


def shrunk(lines, differs):
    """The fewest pieces on which the two still differ."""
    pieces = blocks(lines)
    size = max(1, len(pieces) // 2)
    while True:
        at, removed = 0, False
        while at < len(pieces):
            left = pieces[:at] + pieces[at + size:]
            flat = [line for piece in left for line in piece]
            if "begin" in flat and any(
                    line.startswith("sup s0 ") for line in flat) and \
                    well_formed(flat) and differs(flat):
                pieces, removed = left, True
            else:
                at += size
        if size == 1 and not removed:
            return [line for piece in pieces for line in piece]
        size = max(1, size // 2)


def well_formed(lines):
    """Every supervisor named is one, with the template that it needs."""
    sups, simple, templates, begun = set(), set(), set(), False
    named = set()
    for line in lines:
        words = line.split()
        if words[0] == "sup":
            sups.add(words[1])
            if words[2] == "simple_one_for_one":
                simple.add(words[1])
        elif words[0] == "begin":
            begun = True
        elif words[0] == "spec" and len(words) == 7:
            if words[1] not in sups:
                return False
            if words[3] == "sup":
                if words[2] not in sups:
                    return False
                if not begun: # else it cannot have had its template
                    named.add(words[2])
            if not begun and words[1] in simple:
                templates.add(words[1])
        elif words[0] in ("start", "terminate", "restart", "delete", "count",
                          "which", "change", "childspec"):
            if words[1] not in sups:
                return False
    return simple <= templates and sups <= named | {"s0"}
