#!/usr/bin/python3
"""Claim: the manuals say what is there. libacta(3) has each function of acta.h
and acta_test.h with its prototype, and no other; its examples build and pass;
acta(7) has all codes and variables; mandoc finds nothing; `make install` installs
all of them, and `make uninstall` leaves nothing behind.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(TOP, "t"))
import acta_tap as tap  # noqa: E402

BUILD = os.path.join(TOP, os.environ.get("BUILD", "build/plain"))
MAN = os.path.join(TOP, "runtime", "man")
PAGES = ("acta.1", "libacta.3", "acta.yaml.5", "acta.7")


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def run(*args, **more):
    return subprocess.run(args, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **more)


def split_args(text):
    """At commas, but not at those within brackets."""
    args, depth = [""], 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            args.append("")
        else:
            args[-1] += c
    return [" ".join(a.split()) for a in args]


def header(*path):
    """{name: (type, args)} of a header's functions as services write them."""
    text = re.sub(r"/\*.*?\*/", " ", read(*path), flags=re.S)
    text = re.sub(r"^[ \t]*#[ \t]*ifndef __cplusplus\n.*?\n#[ \t]*else.*?"
                  r"\n#[ \t]*endif", "", text, flags=re.S | re.M)
    text = re.sub(r"^[ \t]*#(.*\\\n)*.*$", "", text, flags=re.M)
    text = text.replace("ACTA_NODISCARD", "")
    # Bodies of inline functions go: what they call is no declaration.
    text = re.sub(r"\n\{.*?\n\}", ";", text, flags=re.S)
    found = {}
    for m in re.finditer(
            r"([a-z_][\w \t\n]*?[\s*]+)(acta_\w+)\(((?:[^()]|\([^()]*\))*)\)"
            r"(?:\s*ACTA_PRINTF\(\d\))?\s*;", text):
        kind, name, args = m.groups()
        kind = " ".join(re.sub(r"\b(static|inline|extern|typedef)\b", "",
                               kind).split())
        args = split_args(args)
        if "typedef" in m.group(1) or name in ("acta_field_", "acta_to_ref_",
                                               "acta_list_count_",
                                               "acta_handler_fn"):
            continue
        if name.endswith("_"):  # called by a macro, with fields behind
            assert args[-1] == "const acta_field *fields", name
            name, args = name[:-1], args[:-1] + ["acta_field field", "..."]
        found[name] = (kind, args)
    return found


def manual():
    """The same, of libacta(3)'s synopsis."""
    found, kind = {}, None
    for line in read("runtime", "man", "libacta.3").split(
            ".Sh DESCRIPTION")[0].split("\n"):
        words = re.findall(r'"[^"]*"|\S+', line)
        if line.startswith(".Ft "):
            kind = " ".join(words[1:]).strip('"')
        elif line.startswith(".Fn "):
            found[words[1]] = (kind, [w.strip('"') for w in words[2:]])
    return found


def functions():
    due = {**header("runtime", "acta.h"), **header("runtime", "acta_test.h")}
    has = manual()
    tap.ok(len(due) > 90, f"the headers have functions: {len(due)}", due)
    tap.equal(sorted(set(due) - set(has)), [],
              "libacta(3) has every function")
    tap.equal(sorted(set(has) - set(due)), [], "and none that is not there")
    tap.equal([(n, has[n]) for n in sorted(due) if n in has and
               has[n] != due[n]],
              [(n, due[n]) for n in sorted(due) if n in has and
               has[n] != due[n]], "each with its prototype")
    for page in PAGES:
        text = read("runtime", "man", page)
        body = text.split(".Sh DESCRIPTION")[1]
        named = set(re.findall(r"\bacta_[a-z_]+[a-z]\b", body))
        types = set(re.findall(r"\bacta_[a-z_]+\b", re.sub(
            r"acta_\w+\(", "", read("runtime", "acta.h") +
            read("runtime", "acta_test.h"))))
        tap.equal(sorted(named - set(due) - types), [],
                  f"{page} names no function that is not there")
    described = read("runtime", "man", "libacta.3").split(".Sh DESCRIPTION")[1]
    described = described.split(".Sh LIMITS")[0]
    items = set(re.findall(r"acta_\w+", " ".join(
        line for line in described.split("\n") if line.startswith(".It "))))
    tap.equal(sorted(set(due) - items), [], "and says of each what it does")


def numbers():
    """Limits that both the header and the page state."""
    want = re.search(r"\* LIMITS\.(.*?)\*/", read("runtime", "acta.h"),
                     re.S).group(1)
    page = read("runtime", "man", "libacta.3").split(".Sh LIMITS")[1]
    page = page.split("\n.Sh ")[0]
    for number in ("64 bytes", "200", "255", "1 MiB", "depth 32", "65,536",
                   "8 MiB", "10,000"):
        flat = " ".join(want.replace("*", " ").split())
        tap.ok(number in flat and number in " ".join(page.split()),
               f"limit {number}, as in acta.h", flat)


def blocks(page):
    return re.findall(r"\.Bd -literal[^\n]*\n(.*?)\n\.Ed", read(
        "runtime", "man", page), re.S)


def examples():
    service, test = [b for b in blocks("libacta.3")
                     if b.startswith("#include")]
    flags = ["-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
             f"-I{BUILD}/include"]
    if os.path.basename(BUILD) != "plain":
        flags.append("-fsanitize=" + os.path.basename(BUILD))
    with tempfile.TemporaryDirectory(prefix="acta-man-") as folder:
        for name, text in (("stock.c", service), ("test.c", test)):
            with open(os.path.join(folder, name), "w",
                      encoding="utf-8") as f:
                f.write(text + "\n")
        got = run("cc", *flags, "-shared", "-fPIC", "-o", "stock.so",
                  "stock.c", cwd=folder)
        tap.equal((got.returncode, got.stdout), (0, ""),
                  "libacta(3)'s service builds without a warning")
        got = run("cc", *flags, "-o", "test", "test.c", f"-L{BUILD}",
                  "-lacta_test", f"-Wl,-rpath,{BUILD}", cwd=folder)
        tap.equal((got.returncode, got.stdout), (0, ""), "so does its test")
        got = run("./test", cwd=folder, env=dict(os.environ, TMPDIR=folder))
        tap.equal((got.returncode, got.stdout), (0, ""), "which passes")


def codes():
    wire = read("codecs", "README").split("Codes of the runtime")[1]
    wire = wire.split("\n\n")[0]
    due = re.findall(r"^    ([a-z-]+)  ", wire, re.M)
    page = read("runtime", "man", "acta.7")
    tap.ok(len(due) >= 14, "codecs/README has codes", due)
    tap.equal([c for c in due if not re.search(
        r"\.It Li [^\n]*\b%s(\s|$)" % re.escape(c), page, re.M)], [],
        "acta(7) has all of them")
    used = set()
    for path in glob.glob(os.path.join(TOP, "runtime", "**", "*.c"),
                          recursive=True):
        if not path.endswith("testkit.c"):
            used |= set(re.findall(r"(?:getenv|env_dir)\(\"(\w+)\"\)",
                                   read(path)))
    tap.equal(sorted(v for v in used - {"HOME"} if not re.search(
        r"\.It Ev [^\n]*\b%s\b" % v, page)), [],
        "and every variable of the environment that is read")


def lint():
    if not shutil.which("mandoc"):
        tap.diag("skip mandoc: it is not here")
        return
    for page in PAGES:
        got = run("mandoc", "-T", "lint", os.path.join(MAN, page))
        # It looks for the others where manuals are installed.
        bad = [line for line in got.stdout.splitlines() if not any(
            "referenced manual not found: Xr {} {}".format(
                *p.rsplit(".", 1)) in line for p in PAGES)]
        tap.equal(bad, [], f"mandoc finds nothing in {page}")


def install():
    with tempfile.TemporaryDirectory(prefix="acta-install-") as folder:
        args = ["make", "-s", "-C", TOP, f"DESTDIR={folder}", "PREFIX=/usr"]
        if os.path.basename(BUILD) != "plain":
            args.append("SANITIZE=" + os.path.basename(BUILD))
        env = {k: v for k, v in os.environ.items() if k not in (
            "MAKEFLAGS", "MFLAGS", "BUILD", "SANITIZE")}
        got = run(*args, "install", env=env)
        tap.equal(got.returncode, 0, "make install")
        man = os.path.join(folder, "usr", "share", "man")
        tap.equal([p for p in PAGES if not os.path.isfile(os.path.join(
            man, "man" + p[-1], p))], [], "installs all manuals")
        tap.equal(os.access(os.path.join(folder, "usr", "bin", "acta"),
                            os.X_OK), True, "and acta")
        for name, want in (("acta", "-I/usr/include"),
                           ("acta-test", "-I/usr/include -L/usr/lib "
                                         "-lacta_test")):
            got = run("pkg-config", "--cflags", "--libs", name, env=dict(
                env, PKG_CONFIG_LIBDIR=os.path.join(
                    folder, "usr", "lib", "pkgconfig"),
                PKG_CONFIG_ALLOW_SYSTEM_CFLAGS="1",
                PKG_CONFIG_ALLOW_SYSTEM_LIBS="1"))
            tap.equal((got.returncode, got.stdout.strip()), (0, want),
                      f"pkg-config --cflags --libs {name}")
        tap.equal(run(*args, "uninstall", env=env).returncode, 0,
                  "make uninstall")
        left = [os.path.join(d, f) for d, _, files in os.walk(folder)
                for f in files]
        tap.equal(left, [], "leaves no file behind")


functions()
numbers()
examples()
codes()
lint()
install()
tap.done()
