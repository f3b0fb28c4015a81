#!/usr/bin/python3
"""Claim: `acta check` finds out in a child process whether a .so is a service
that this acta can run, and says what is wrong with one that is not: no ELF, no
descriptor, a function that is not there, another ABI, another name, settings
that do not fit, a crash or a hang while it is loaded. Nothing of it harms acta.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(TOP, "t"))
import acta_tap as tap  # noqa: E402
from acta_node import ACTA, BUILD  # noqa: E402

SERVICE = """
#include <acta.h>
%(before)s
static acta_status
run(acta_actor *self, const acta_msg *msg)
{
	%(body)s
	return acta_reply(self, ACTA_NONE);
}
static const struct acta_handler handlers[] = { { "run", run }, { 0 } };
ACTA_SERVICE("%(name)s", "1.0.0", handlers%(more)s);
"""


def build(folder, name, before="", body="", more="", declared=None):
    """NAME.so of SERVICE; undefined functions are left to the loader."""
    source = os.path.join(folder, name + ".c")
    with open(source, "w", encoding="utf-8") as f:
        f.write(SERVICE % {"name": declared or name, "before": before,
                           "body": body, "more": more})
    subprocess.run(["cc", "-w", "-shared", "-fPIC",
                    "-I" + os.path.join(BUILD, "include"), "-o",
                    os.path.join(folder, name + ".so"), source], check=True)


def check(folder, name, more=""):
    path = os.path.join(folder, name + ".yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"services:\n  - name: {name}\n    load: {name}.so\n{more}")
    return subprocess.run(
        [ACTA, "check", name + ".yaml"], cwd=folder, text=True, timeout=60,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ, XDG_RUNTIME_DIR=folder, NO_COLOR="1"))


def refused(folder, name, what, hint, claim, more=""):
    got = check(folder, name, more)
    tap.ok(got.returncode == 2 and what in got.stderr and
           hint in got.stderr and got.stderr.startswith("acta: ") and
           "Traceback" not in got.stderr, claim,
           f"exit {got.returncode}", got.stderr, f"want {what!r} {hint!r}")


def main():
    folder = tempfile.mkdtemp(prefix="acta-")
    try:
        build(folder, "good", more=', .settings = "size:int=3"')
        got = check(folder, "good", "    settings: {size: 7}\n")
        tap.equal((got.returncode, got.stderr), (0, ""), "a good one is taken")
        refused(folder, "good", "good.yaml:4:22: setting \"size\": a str",
                "", "a setting of a wrong type",
                "    settings: {size: big}\n")
        refused(folder, "good", "good.yaml:4:16: no setting \"sise\"",
                "did you mean \"size\"?", "a setting that is none",
                "    settings: {sise: 3}\n")

        with open(os.path.join(folder, "text.so"), "w") as f:
            f.write("this is text\n")
        refused(folder, "text", "text.so: ", "hint: ", "a file that is no ELF")
        with open(os.path.join(folder, "none.c"), "w") as f:
            f.write("int x;\n")
        subprocess.run(["cc", "-shared", "-fPIC", "-o",
                        os.path.join(folder, "none.so"),
                        os.path.join(folder, "none.c")], check=True)
        refused(folder, "none", "none.so: ", "hint: ",
                "a library without a descriptor")
        build(folder, "newer", before="void acta_fly(acta_actor *);",
              body="acta_fly(self);")
        refused(folder, "newer",
                "newer.so: needs acta_fly, which this acta (ABI 1) has not",
                "hint: it was built for a newer acta",
                "a function that is missing")
        build(folder, "abi", before="#undef ACTA_ABI\n#define ACTA_ABI 2")
        refused(folder, "abi", "abi.so: ", "hint: ", "another ABI")
        build(folder, "alias", declared="other")
        refused(folder, "alias",
                "alias.yaml:2:11: alias.so is the service \"other\"",
                "write name: other", "another name")
        build(folder, "crash", before="__attribute__((constructor)) static "
              "void die(void) { *(volatile int *)0 = 1; }")
        refused(folder, "crash", "crash.so: ", "", "a crash while loading")
        build(folder, "noise", before="#include <stdio.h>\n"
              "__attribute__((constructor)) static void speak(void) "
              "{ puts(\"{}\"); }")
        refused(folder, "noise", "noise.so: ", "hint: ",
                "a constructor that prints to stdout")
        build(folder, "hang", before="#include <unistd.h>\n"
              "__attribute__((constructor)) static void wait_(void) "
              "{ if (fork() == 0) pause(); for (;;) pause(); }")
        begun = time.monotonic()
        refused(folder, "hang", "hang.so: still loading after 10 s", "hint: ",
                "one that hangs, and the process that it started, are ended")
        tap.ok(9 < time.monotonic() - begun < 20, "after ten seconds")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tap.done()


main()
