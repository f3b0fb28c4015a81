#!/usr/bin/python3
"""Claim: what of `acta` needs no node does what acta(1) says: help, typos, exit
codes, `new`, `cflags`, `check`, finding nodes, ports in use. Data is on stdout,
words are on stderr.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(TOP, "t"))
import acta_tap as tap  # noqa: E402
from acta_node import ACTA, free_ports  # noqa: E402

LATER = ["trace", "top", "doctor"]
COMMANDS = ["run", "check", "ps", "why", "call", "send", "sub", "state",
            "dead", "channel", "start", "stop", "restart", "logs", "new",
            "cflags", "version"]


class Cli:
    def __init__(self, folder):
        self.folder = folder
        self.env = dict(os.environ, XDG_RUNTIME_DIR=folder, NO_COLOR="1",
                        XDG_STATE_HOME=folder,
                        PATH=os.path.dirname(os.path.abspath(ACTA)) + ":" +
                        os.environ["PATH"])
        self.env.pop("ACTA_NODE", None)

    def run(self, *args, cwd=None, **env):
        return subprocess.run(
            ["acta", *args], cwd=cwd or self.folder, text=True, timeout=60,
            env=dict(self.env, **env), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def fails(self, args, code, what, hint="", claim=None, **env):
        got = self.run(*args, **env)
        tap.ok(got.returncode == code and what in got.stderr and
               hint in got.stderr and got.stdout == "" and
               got.stderr.startswith("acta"),
               claim or " ".join(["acta", *args]) + f": exit {code}",
               f"exit {got.returncode}", got.stdout, got.stderr,
               f"want {what!r} {hint!r}")


def usage(cli):
    for command in COMMANDS:
        got = cli.run(command, "--help")
        lines = got.stdout.split("\n")
        tap.ok(got.returncode == 0 and got.stderr == "" and
               any(line.startswith(f"  acta {command}") or
                   f"$(acta {command}" in line for line in lines[:8]),
               f"acta {command} --help begins with examples", got.stdout)
    got = cli.run("--help")
    tap.ok(got.returncode == 0 and
           all(f"\n  {c} " in got.stdout for c in COMMANDS),
           "acta --help lists all commands")
    tap.equal(cli.run("ps", "-h").stdout, cli.run("ps", "--help").stdout,
              "-h is --help, behind a command too")
    got = cli.run()
    tap.ok(got.returncode == 2 and got.stdout == "" and
           "Usage" in got.stderr, "acta alone: help on stderr, exit 2")
    for command in LATER:
        cli.fails([command], 2, f"this version has no \"{command}\" yet")
    # What cannot be undone is asked for, or meant.
    cli.fails(["dead", "drop", "stock.0.1"], 2, "cannot be undone", "--yes")
    cli.fails(["channel", "reset", "a", "b"], 2, "cannot be undone", "--yes")
    cli.fails(["channel", "accept", "a", "b"], 2, "cannot be undone", "--yes")
    cli.fails(["channel", "mend"], 2, "unknown verb \"mend\"")
    cli.fails(["chek", "x"], 2, "unknown command \"chek\"",
              "did you mean \"check\"?")
    cli.fails(["frobnicate"], 2, "unknown command", "acta --help")
    cli.fails(["ps", "--alll"], 2, "unknown option \"--alll\"",
              "did you mean \"--all\"?")
    cli.fails(["ps", "-x"], 2, "invalid option")
    cli.fails(["ps", "extra"], 2, "too many arguments")
    cli.fails(["call", "stock"], 2, "something is missing", "acta call ADDR")
    cli.fails(["-o", "xml", "ps"], 2, "unknown output \"xml\"")
    cli.fails(["ps", "-o", "xml"], 2, "unknown output \"xml\"")
    cli.fails(["call", "--timeout", "soon", "a", "b"], 2, "no time-out")
    cli.fails(["call", "--timeout", "8d", "a", "b"], 2, "no time-out")
    cli.fails(["call", "--id", "", "a", "b"], 2, "--id")
    cli.fails(["call", "a b", "c"], 2, "no address: \"a b\"")
    cli.fails(["call", "stock/17", "Reserve"], 2, "no message type")
    cli.fails(["call", "stock/17", "reserve", "qty"], 2, "no arg: \"qty\"",
              "NAME=VALUE")
    cli.fails(["call", "stock/17", "reserve", "{\"qty\": }"], 2, "the args: ")
    cli.fails(["dead", "list"], 2, "unknown verb \"list\"")
    for verb in ("show", "retry", "drop"):
        cli.fails(["dead", verb], 2, f"dead {verb}: an id is missing")
    cli.fails(["new", "thing", "x"], 2, "no kind of thing")
    cli.fails(["new", "service", "Stock"], 2, "no name for a service")
    got = cli.run("version", "-o", "json")
    tap.equal(json.loads(got.stdout)["abi"], 1, "acta version -o json")
    tap.ok(re.fullmatch("[0-9a-f]{10}|", json.loads(got.stdout)["commit"]),
           "and the commit it is built of, where there is git", got.stdout)
    want = got.stdout
    for words in (["-ojson", "version"], ["--output", "json", "version"],
                  ["--output=json", "--timeout", "3s", "version"],
                  ["--timeout=1", "-o", "json", "--at", "x", "version"]):
        got = cli.run(*words)
        tap.equal((got.returncode, got.stdout), (0, want),
                  " ".join(["acta", *words]))
    for words in (["-o"], ["--at"], ["--timeout"], ["--output"]):
        cli.fails(words, 2, f"\"{words[0]}\" is to have a value")
    cli.fails(["--timeout", "soon", "ps"], 2, "no time-out")
    cli.fails(["--outputs", "json", "ps"], 2, "unknown option \"--outputs\"")
    got = cli.run("version", "extra")
    tap.equal(got.stderr, "acta: too many arguments\n  hint: acta version\n",
              "no blank where there are no arguments")
    full = subprocess.run(["sh", "-c", "acta --help >/dev/full"], env=cli.env,
                          stderr=subprocess.PIPE, text=True)
    tap.ok(full.returncode == 1 and "standard output" in full.stderr,
           "a full disk is said")
    pipe = subprocess.run(
        ["bash", "-c", "set -o pipefail; acta --help | true; sleep 0"],
        env=cli.env, stderr=subprocess.PIPE, text=True)
    tap.equal(pipe.stderr, "", "a reader that has gone is not worth a word")


def nodes(cli):
    none = "no node runs here"
    for args in (["ps"], ["why", "stock"], ["call", "stock", "x"],
                 ["send", "stock", "x"], ["sub"], ["state", "stock"],
                 ["dead"], ["dead", "retry", "stock.0.1"], ["channel"], ["stop", "stock"], ["logs"]):
        cli.fails(args, 4, none, "acta run FILE")
    cli.fails(["ps"], 4, "no node \"shop\" runs here", ACTA_NODE="shop")
    cli.fails(["--at", "shop", "ps"], 4, "no node \"shop\"", ACTA_NODE="x")
    cli.fails(["ps", "--at", "/nowhere"], 4, "no node runs in /nowhere")
    port = free_ports(1)[0]
    cli.fails(["call", "--at", f"tcp://127.0.0.1:{port}", "--timeout", "300",
               "stock", "x"], 4, "nobody answers at tcp://127.0.0.1")
    cli.fails(["call", "--at", "foo://bar", "stock", "x"], 2, "no endpoint")

    base = os.path.join(cli.folder, "acta")
    os.makedirs(base, 0o700, exist_ok=True)
    stale = os.path.join(base, "old.node")
    with open(stale, "w") as f:
        f.write(os.path.join(cli.folder, "gone") + "\n")
    cli.fails(["ps"], 4, none, claim="a node that is gone is none")
    tap.ok(not os.path.exists(stale), "and its entry is removed")

    # A root's socket that somebody listens at is a node.
    listeners = []
    for name in ("alpha", "beta"):
        run = os.path.join(cli.folder, name)
        os.mkdir(run, 0o700)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(os.path.join(run, "root.sock"))
        listener.listen(8)
        listeners.append(listener)
        with open(os.path.join(base, name + ".node"), "w") as f:
            f.write(run + "\n")
    cli.fails(["ps"], 2, "2 nodes run here", "--at")
    cli.fails(["ps", "--at", "alfa"], 4, "no node \"alfa\"",
              "did you mean \"alpha\"?")
    cli.fails(["ps", "--at", "alpha", "--timeout", "200ms"], 6,
              "has not answered within 200 ms")
    for listener in listeners:
        listener.close()
    cli.fails(["ps"], 4, none, claim="both are gone")
    tap.equal(os.listdir(base), [], "and their entries")


def make(cli):
    got = cli.run("new", "service", "stock")
    tap.ok(got.returncode == 0 and got.stdout == "", "acta new service stock",
           got.stderr)
    folder = os.path.join(cli.folder, "stock")
    tap.equal(sorted(os.listdir(folder)),
              ["Makefile", "stock.c", "stock.yaml"], "makes three files")
    with open(os.path.join(folder, "stock.yaml"), encoding="utf-8") as f:
        tap.equal(len(f.read().splitlines()), 3, "a config of three lines")
    cli.fails(["new", "service", "stock"], 5, "stock: ", "another name")
    built = subprocess.run(["make"], cwd=folder, env=cli.env, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    tap.ok(built.returncode == 0 and "warning" not in built.stdout,
           "it builds", built.stdout)
    got = cli.run("check", "stock.yaml", cwd=folder)
    tap.ok(got.returncode == 0 and "good" in got.stdout, "it checks",
           got.stderr)
    got = cli.run("check", "-o", "json", "stock.yaml", cwd=folder)
    tap.equal(json.loads(got.stdout),
              {"ok": True, "node": "stock", "services": 1, "partitions": 1},
              "acta check -o json")
    got = cli.run("check", "--show", "-o", "json", "stock.yaml", cwd=folder)
    tap.equal(json.loads(got.stdout)["services"][0]["name"],
              {"value": "stock", "line": 2}, "acta check --show -o json")
    shown = json.loads(got.stdout)
    keys = [k for k in list(shown) + list(shown["services"][0])
            if k not in ("file", "version")]
    with open(os.path.join(TOP, "runtime", "man", "acta.yaml.5"),
              encoding="utf-8") as f:
        manual = f.read().split()
    tap.equal([k for k in keys if k not in manual], [],
              f"acta.yaml(5) has all {len(keys)} keys")
    with open(os.path.join(TOP, "runtime", "man", "acta.1"),
              encoding="utf-8") as f:
        manual = f.read().replace(",", " ").split()
    tap.equal([c for c in COMMANDS + LATER if c not in manual], [],
              "acta(1) has all commands")
    got = cli.run("cflags")
    tap.ok(os.path.exists(os.path.join(got.stdout.strip()[2:], "acta.h")),
           "acta cflags: there is acta.h", got.stdout)
    headers(got.stdout.strip(), folder)
    got = cli.run("new", "node", "shop", cwd=folder)
    with open(os.path.join(folder, "shop.yaml"), encoding="utf-8") as f:
        tap.ok("{name: stock, load: stock.so}" in f.read(),
               "acta new node lists what is built", got.stderr)
    got = cli.run("check", "shop.yaml", cwd=folder)
    tap.equal(got.returncode, 0, "and that checks")
    got = cli.run("new", "node", "shop", cwd=folder)
    tap.equal(got.returncode, 5, "it overwrites nothing")
    above = os.path.dirname(folder)
    got = cli.run("new", "node", "above", cwd=above)
    with open(os.path.join(above, "above.yaml"), encoding="utf-8") as f:
        tap.ok("{name: stock, load: stock/stock.so}" in f.read(),
               "from above the folders of services, too", got.stderr)
    tap.equal(cli.run("check", "above.yaml", cwd=above).returncode, 0,
              "and that checks")
    return folder


CPP = """
#include <acta.h>
#include <acta_test.h>

static acta_status
run(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_int("n", acta_arg_int(msg, "n")));
	acta_send(self, "cpp/2", "y", acta_str("a", "b"));
	acta_send(self, acta_self(self), "y", ACTA_NONE);
	return acta_reply(self, acta_int("n", 1));
}

static const acta_handler handlers[] = {
	{ "x", run, "n:int" }, { .type = "y", .run = run, .flags = 4 }, { 0 }
};

ACTA_SERVICE("cpp", "1", handlers, .schema = 2);
"""


def headers(flags, folder):
    """A service compiles without a warning, in C and in C++."""
    strict = [flags, "-Wall", "-Wextra", "-Wpedantic", "-Werror",
              "-fsyntax-only"]
    with open(os.path.join(folder, "cpp.cc"), "w", encoding="utf-8") as f:
        f.write(CPP)
    for compiler, std, file in (("gcc", "c17", "stock.c"),
                                ("clang", "c17", "stock.c"),
                                ("g++", "c++20", "cpp.cc"),
                                ("clang++", "c++20", "cpp.cc")):
        if not shutil.which(compiler):
            tap.diag(f"skip {compiler}: it is not here")
            continue
        got = subprocess.run([compiler, f"-std={std}", *strict, file],
                             cwd=folder, text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
        tap.equal((got.returncode, got.stdout), (0, ""),
                  f"a service compiles as {std} with {compiler}")


def refused(cli, folder):
    path = os.path.join(folder, "bad.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write("services:\n  - name: stock\n    load: stock.so\n"
                "    restart: alway\n")
    for verb in ("check", "run"):
        got = cli.run(verb, "bad.yaml", cwd=folder)
        tap.equal(
            (got.returncode, got.stdout, got.stderr),
            (2, "", "acta: bad.yaml:4:14: unknown restart type \"alway\"\n"
             "  hint: did you mean \"permanent\"? The restart types are "
             "permanent, transient, temporary "
             "(invalid_restart_type)\n"),
            f"acta {verb} of a wrong config")
    got = cli.run("check", "-o", "json", "bad.yaml", cwd=folder)
    tap.equal(json.loads(got.stdout)["ok"], False, "also as JSON")
    tap.ok(not os.path.exists(os.path.join(cli.folder, "acta", "bad")),
           "nothing was started, nothing made")
    cli.fails(["run", "none.yaml"], 2, "none.yaml: no such file")

    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen(1)
        ports = [busy.getsockname()[1]] + free_ports(2)
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"door: {{call: 'tcp://127.0.0.1:{ports[1]}', push: "
                    f"'tcp://127.0.0.1:{ports[0]}', events: "
                    f"'tcp://127.0.0.1:{ports[2]}'}}\nservices:\n"
                    "  - {name: stock, load: stock.so}\n")
        got = cli.run("run", "bad.yaml", cwd=folder)
        tap.ok(got.returncode == 5 and
               f"tcp://127.0.0.1:{ports[0]} is in use by another program"
               in got.stderr and "door.push" in got.stderr,
               "a port in use: exit 5, by whom, what to do", got.stderr)


def main():
    folder = tempfile.mkdtemp(prefix="acta-")
    try:
        cli = Cli(folder)
        usage(cli)
        nodes(cli)
        refused(cli, make(cli))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tap.done()


main()
