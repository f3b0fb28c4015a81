#!/usr/bin/python3
"""Claim: README's quick start works as it is printed. Its commands are run in
one shell, from README itself, line by line; what they print is compared with
what README says, but for pids, times and rates. The ports are moved, so that
nothing of this machine is in the way, and the copy of the project is one of
links, so that it stays as it is.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(TOP, "t"))
import acta_tap as tap  # noqa: E402
from acta_node import BUILD, free_ports, processes_with  # noqa: E402

SECTIONS = ("Write one", "Kill it", "Reach it")
PORTS = ("7700", "7701", "7702")


def blocks(text):
    """[(section, [line, ...])] of the indented blocks of README."""
    section, block, out = "", [], []
    for line in text.split("\n") + ["end"]:
        if line.startswith("    "):
            block.append(line[4:])
        elif not line.strip() and block:
            block.append("")
        else:
            if block:
                out.append((section, block))
                block = []
            if line.startswith("## "):
                section = line[3:]
    return out


def steps(block):
    """[(command, [expected line, ...])]"""
    out = []
    for line in block:
        if line.startswith("$ "):
            out.append((re.sub(r"\s+#\s.*$", "", line[2:]), []))
        elif line.strip() and out:
            out[-1][1].append(line.rstrip())
    return out


def plain(line):
    """Without what differs from run to run: times, rates, numbers of three
    digits and more (pids, ports), and the width of a table's columns."""
    line = re.sub(r"\x1b\[[0-9;]*m", "", line)
    line = re.sub(r"\b\d+(\.\d+)?\s?(us|ms|s|m|h)\b", "<time>", line)
    line = re.sub(r"\b\d+\.\d+\b", "<rate>", line)
    line = re.sub(r"\b\d{3,}\b", "<n>", line)
    line = re.sub(r"(?<=\s)\d+(?=\s+<time>$)", "<rate>", line)
    line = re.sub(r"-I\S+/include\b", "-I<include>", line)
    line = re.sub(r"\s\s+", "  ", line)
    return line.rstrip()


def same(got, want):
    """The same lines, in any order (what runs in the background says its own
    when it likes), or the same words, broken elsewhere (prose is)."""
    return sorted(map(plain, got)) == sorted(map(plain, want)) or \
        plain(" ".join(got)) == plain(" ".join(want))


def subscribed(folder):
    """Somebody is connected to the node's ipc endpoint of events."""
    with open("/proc/net/unix", encoding="ascii", errors="replace") as f:
        rows = [line.split() for line in f]
    return any(row[5] == "03" and row[-1].startswith(folder)
               and row[-1].endswith("/events") for row in rows[1:])


class Shell:
    def __init__(self, folder, env):
        self.out = os.path.join(folder, "out")
        self.sink = open(self.out, "wb")
        self.process = subprocess.Popen(
            ["bash", "--norc"], stdin=subprocess.PIPE, stdout=self.sink,
            stderr=self.sink, cwd=os.path.join(folder, "acta"), env=env,
            start_new_session=True)
        self.seen = 0
        self.count = 0

    def lines(self):
        with open(self.out, encoding="utf-8", errors="replace") as f:
            f.seek(self.seen)
            return [line for line in f.read().split("\n") if line.strip()]

    def run(self, command, expected):
        """Its lines, once the command ended and as many came as expected."""
        self.count += 1
        mark = f"--{self.count}--"
        self.seen = os.path.getsize(self.out)
        self.process.stdin.write(f"{command}\necho {mark}\n".encode())
        self.process.stdin.flush()
        tap.until(lambda: mark in self.lines(), 60)
        # What runs in the background may say its line a little later.
        tap.until(lambda: len(self.lines()) > expected, 10)
        return [line for line in self.lines() if line != mark]

    def close(self):
        self.process.stdin.close()
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
        except OSError:
            pass
        self.process.wait()
        self.sink.close()


def python(block, move, env):
    """The client in Python: what it prints is in its own comments."""
    expected = [m.group(1) for m in
                (re.search(r"#\s(\{'.*)$", line) for line in block) if m]
    run = subprocess.run(["timeout", "30", "/usr/bin/python3", "-c",
                          move("\n".join(block))],
                         text=True, stdout=subprocess.PIPE, env=env,
                         stderr=subprocess.STDOUT)
    tap.ok(expected and run.stdout.split("\n")[:-1] == expected,
           "the client in Python prints what its comments say",
           run.stdout, f"want {expected}")


def follow(text, folder):
    ports = [str(p) for p in free_ports(3)]

    def move(line):
        for old, new in zip(PORTS, ports):
            line = line.replace(f":{old}", f":{new}")
        return line

    door = ("door: {call: 'tcp://127.0.0.1:7700', "
            "push: 'tcp://127.0.0.1:7701', events: 'tcp://127.0.0.1:7702'}")
    homes = {name: os.path.join(folder, name)
             for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME")}
    for home in homes.values():
        os.mkdir(home, 0o700)
    env = dict(os.environ, **homes, NO_COLOR="1", PYTHONDONTWRITEBYTECODE="1")
    for name in ("ACTA_NODE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "BUILD"):
        env.pop(name, None)
    shell = Shell(folder, env)
    count = 0
    try:
        for section, block in blocks(text):
            if not section.startswith(SECTIONS):
                continue
            if block[0].startswith("import "):
                end = next((n for n, line in enumerate(block)
                            if line.startswith("$ ")), len(block))
                python(block[:end], move, env)
                block = block[end:]
            for command, expected in steps(block):
                if command.startswith("acta run "):
                    command = (f'sed -i "1i {move(door)}" '
                               f"{command.split()[2]}; {command}")
                got = shell.run(move(command), len(expected))
                count += 1
                if command.startswith("acta sub "):
                    tap.until(lambda: subscribed(folder), 10)
                tap.ok(same(got, [move(line) for line in expected]),
                       f"$ {command.split('; ')[-1]}", "got", *got, "want",
                       *expected)
    finally:
        shell.process.stdin.write(b"kill $(jobs -p); wait\n")
        shell.close()
    tap.ok(count >= 10, f"{count} commands of README were run")


def main():
    with open(os.path.join(TOP, "README"), encoding="utf-8") as f:
        text = f.read()
    folder = tempfile.mkdtemp(prefix="acta-")
    try:
        copy = os.path.join(folder, "acta")
        os.makedirs(os.path.join(copy, "build"))
        os.symlink(BUILD, os.path.join(copy, "build", "plain"))
        for name in os.listdir(TOP):
            if not name.startswith(".") and name != "build":
                os.symlink(os.path.join(TOP, name), os.path.join(copy, name))
        follow(text, folder)
        tap.ok(tap.until(lambda: not processes_with(folder), 20),
               "no process is left behind", processes_with(folder))
    finally:
        for pid in processes_with(folder):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
    tap.ok("scripts/demo" in text and "scripts/check" in text,
           "README names both commands of the first minute")
    tap.done()


main()
