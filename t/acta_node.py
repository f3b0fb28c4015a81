"""A node in a temporary folder, for the tests and the demo."""
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build/plain"))
ACTA = os.path.join(BUILD, "bin", "acta")


def free_ports(count):
    """Of those that the system gives to no outgoing connection: a client that
    connects again while its node is down may else be given the node's own port,
    as its own end."""
    with open("/proc/sys/net/ipv4/ip_local_port_range",
              encoding="ascii") as f:
        first = int(f.read().split()[0])
    sockets, ports = [], []
    try:
        while len(ports) < count:
            port = random.SystemRandom().randrange(10240, max(first, 10340))
            s = socket.socket()
            sockets.append(s)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
        return ports
    finally:
        for s in sockets:
            s.close()


def processes_with(text):
    """Pids whose command line or environment's folder names `text`."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) == os.getpid():
            continue
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if text.encode() in f.read():
                    found.append(int(pid))
                    continue
            for fd in os.listdir(f"/proc/{pid}/fd"):
                if text in os.readlink(f"/proc/{pid}/fd/{fd}"):
                    found.append(int(pid))
                    break
        except OSError:
            pass
    return found


def alive(pid):
    """Runs, and is no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Node:
    """services: YAML text of the list below `services:`."""

    def __init__(self, services, supervisor="", name="shop", ports=None,
                 folder=None, data=None, run=None, program=ACTA):
        self.program = program
        self.owned = folder is None
        self.dir = folder or tempfile.mkdtemp(prefix="acta-")
        self.name = name
        self.ports = ports or free_ports(3)
        self.data = data or os.path.join(self.dir, "data")
        self.run = run or os.path.join(self.dir, "run")
        self.file = os.path.join(self.dir, f"{name}.yaml")
        self.log_path = os.path.join(self.dir, f"{name}.log")
        self.call = f"tcp://127.0.0.1:{self.ports[0]}"
        self.local = f"ipc://{self.run}/call"
        self.process = None
        with open(self.file, "w", encoding="utf-8") as f:
            f.write(f"node: {name}\ndata: {self.data}\nrun: {self.run}\n"
                    f"door: {{call: {self.call}, "
                    f"push: 'tcp://127.0.0.1:{self.ports[1]}', "
                    f"events: 'tcp://127.0.0.1:{self.ports[2]}'}}\n")
            if supervisor:
                f.write(f"supervisor: {supervisor}\n")
            f.write("services:\n" + services)

    def env(self):
        env = dict(os.environ, NO_COLOR="1", ACTA_NODE=self.local,
                   XDG_RUNTIME_DIR=self.dir, XDG_STATE_HOME=self.dir)
        env.pop("ACTA_AT", None)
        return env

    def start(self, seconds=30, wait=True):
        log = open(self.log_path, "ab")
        # A group of its own: a terminal's Ctrl-C is ours to hand on.
        self.process = subprocess.Popen(
            [self.program, "run", self.file], stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, env=self.env(), start_new_session=True)
        log.close()
        if not wait:
            return self
        end = time.monotonic() + seconds
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"acta run ended with "
                                   f"{self.process.returncode}: {self.log()}")
            rows = self.ps()
            if rows and all(r["state"] == "up" for r in rows):
                return self
            if time.monotonic() > end:
                raise RuntimeError(f"not up: {rows} {self.log()}")
            time.sleep(0.005)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def root(self, line):
        """What root.sock answers, or None while nobody is there."""
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(10)
                s.connect(os.path.join(self.run, "root.sock"))
                s.sendall(line.encode() + b"\n")
                data = b""
                while True:
                    more = s.recv(65536)
                    if not more:
                        break
                    data += more
            return json.loads(data)
        except (OSError, ValueError):
            return None

    def ps(self):
        """The rows of all children, doors too; [] while nobody answers."""
        answer = self.root("ps") or {}
        return answer.get("services") or answer.get("children") or []

    def row(self, name):
        for row in self.ps():
            if row["service"] == name:
                return row
        return None

    def pid(self, name):
        row = self.row(name)
        return row["pid"] if row and row["state"] == "up" else 0

    def acta(self, *args, seconds=30):
        return subprocess.run([ACTA, *args], env=self.env(), text=True,
                              stdin=subprocess.DEVNULL, timeout=seconds,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def quiet(self, seconds=60):
        """Wait until nothing waits in any queue, by two reports on end."""
        end = time.monotonic() + seconds
        seen = {}
        while time.monotonic() < end:
            rows = self.ps()
            for row in rows:
                if row.get("queue"):
                    seen = {}
                    break
            else:
                if rows:
                    seen.setdefault("since", time.monotonic())
            # Queues are told once a second: two of these hold the same.
            if seen and time.monotonic() - seen["since"] > 2.2:
                return True
            time.sleep(0.05)
        return False

    def stop(self, seconds=30):
        """SIGTERM; the exit status, or None if it had to be killed."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def sanitizers_said(self):
        """What a sanitizer found in a process of this node, if built so."""
        found = []
        for folder, _, names in os.walk(os.path.join(self.run, "log")):
            for name in names:
                with open(os.path.join(folder, name), encoding="utf-8",
                          errors="replace") as f:
                    text = f.read()
                for mark in ("WARNING: ThreadSanitizer", "runtime error: ",
                             "ERROR: AddressSanitizer",
                             "ERROR: LeakSanitizer"):
                    at = text.find(mark)
                    if at >= 0:
                        found.append(f"{name}: {text[at:at + 3000]}")
        return found

    def remove(self):
        """Whatever happened, leave no process and no file behind."""
        self.stop(10)
        end = time.monotonic() + 10
        while processes_with(self.dir) and time.monotonic() < end:
            time.sleep(0.02)
        left = processes_with(self.dir)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        found = self.sanitizers_said()
        if self.owned:
            shutil.rmtree(self.dir, ignore_errors=True)
        if found:
            raise RuntimeError("\n".join(found))
        return left

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.remove()
