#!/usr/bin/python3
# A door, alone: this script plays its root (control records, config, PEERs),
# a service's worker, and the clients. So what a door promises is tested before
# and without any other program.
import json, os, random, shutil, socket, struct, subprocess, sys, tempfile
import time
import msgpack, zmq

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from acta_node import free_ports  # noqa: E402

BUILD = os.environ.get("BUILD", "build/plain")
DOOR = os.path.join(BUILD, "bin", "acta-door")
MAX_BODY = 1 << 20

# ------------------------------------------------------------------- TAP --
count = failed = 0


def ok(good, what, *why):
    global count, failed
    count += 1
    if not good:
        failed += 1
    print(("ok" if good else "not ok"), count, "-", what, flush=True)
    if not good:
        for line in why:
            print("#", repr(line)[:600], flush=True)
    return good


def same(got, want, what):
    return ok(got == want, what, "got:", got, "want:", want)


# --------------------------------------------------------- control records --
CTL = struct.Struct("<IIIIIIQQQ16s48s400s")
MAGIC = 0x0AC7AC71
ENDPOINT, READY, HEARTBEAT, CAUSE, ALARM = 1, 2, 3, 4, 5
PEER, BLAME, STOP = 64, 65, 66


def ctl(type, index=0, workers=0, parts=0, number=0, name="", text=""):
    return CTL.pack(MAGIC, type, index, workers, parts, 0, number, 0, 0,
                    b"", name.encode(), text.encode())


def ctl_read(data):
    f = CTL.unpack(data)
    return {"type": f[1], "index": f[2], "number": f[6], "count": f[7],
            "name": f[10].split(b"\0")[0].decode(),
            "text": f[11].split(b"\0")[0].decode()}


# The clock's page in a black box: two offsets from CLOCK_BOOTTIME, and a byte
# whose lowest bit says which.
BOX_CLOCK, BOX_FILE = 65536, 131072


def boot_us():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def set_time(box, turn, ahead_us=0):
    offset = time.time_ns() // 1000 - boot_us() + ahead_us
    os.pwrite(box, struct.pack("<q", offset), BOX_CLOCK + 8 * (turn & 1))
    os.pwrite(box, bytes([turn]), BOX_CLOCK + 16)


class Door:
    """A door with this script as its root."""

    def __init__(self, run, name="@door", **config):
        self.run = run
        self.ours, theirs = socket.socketpair(socket.AF_UNIX,
                                              socket.SOCK_SEQPACKET)
        self.life, life = os.pipe()[::-1]
        conf = os.memfd_create("config")
        full = {"node": "t", "run": run, "call": "", "push": "", "events": "",
                "max_body": MAX_BODY, "memory": 256 << 20, "admin": False,
                "services": [{"name": "stock", "partitions": 4, "workers": 2},
                             {"name": "order", "partitions": 1,
                              "workers": 1}]}
        full.update(config)
        os.write(conf, msgpack.packb(full))
        self.box = os.memfd_create("box")
        os.ftruncate(self.box, BOX_FILE)
        set_time(self.box, 1)
        src = [theirs.fileno(), conf, self.box, life]
        # Far above 3..6, so that no dup2 overwrites another's source.
        high = [os.dup2(fd, 200 + i) for i, fd in enumerate(src)]

        def place():
            for fd, at in zip(high, (3, 4, 5, 6)):
                os.dup2(fd, at)
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [DOOR, name], close_fds=False, preexec_fn=place,
            stdin=subprocess.DEVNULL, stderr=self.log)
        for fd in high:
            os.close(fd)
        os.close(conf)
        os.close(life)
        theirs.close()
        self.ours.settimeout(10)
        self.seen = []

    def wait_for(self, type):
        while True:
            try:
                data = self.ours.recv(1024)
            except socket.timeout:
                return None
            if not data:
                return None
            record = ctl_read(data)
            self.seen.append(record)
            if record["type"] == type:
                return record

    def start(self):
        endpoint = self.wait_for(ENDPOINT)
        ready = self.wait_for(READY)
        self.endpoint = endpoint and endpoint["text"]
        self.incarnation = endpoint and endpoint["number"]
        return bool(endpoint and ready)

    def peer(self, name, index, workers, parts, number, text):
        self.ours.send(ctl(PEER, index, workers, parts, number, name, text))

    def stop(self):
        self.ours.send(ctl(STOP))
        return self.process.wait(10)

    def close(self):
        self.ours.close()
        self.log.close()
        os.close(self.box)
        os.close(self.life)

    def log_text(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def state(self):
        """Of its main thread: "S" sleeps, "R" runs."""
        with open("/proc/%d/stat" % self.process.pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0]

    def memory_kib(self, what="VmHWM"):
        with open("/proc/%d/status" % self.process.pid) as f:
            for line in f:
                if line.startswith(what + ":"):
                    return int(line.split()[1])


class Worker:
    """One worker of a service: a PULL, and a PUSH to the door."""
    made = 0

    def __init__(self, zctx, door, service="stock", index=0, workers=2,
                 parts=4):
        Worker.made += 1
        self.door, self.service, self.index = door, service, index
        self.workers, self.parts = workers, parts
        self.number = Worker.made
        self.endpoint = "ipc://%s/%s.w%d.%d" % (door.run, service, index,
                                                self.number)
        self.pull = zctx.socket(zmq.PULL)
        self.pull.linger = 0
        self.pull.bind(self.endpoint)
        self.push = zctx.socket(zmq.PUSH)
        self.push.linger = 0
        self.push.connect(door.endpoint)
        self.calls = []
        self.frames = 0

    def announce(self):
        self.door.peer(self.service, self.index, self.workers, self.parts,
                       self.number, self.endpoint)

    def down(self):
        self.door.peer(self.service, self.index, self.workers, self.parts,
                       self.number, "")
        self.pull.close()
        self.push.close()

    def poll(self, timeout=5000):
        """One frame's calls, or []."""
        if not self.pull.poll(timeout):
            return []
        data = self.pull.recv()
        self.frames += 1
        assert data[:4] == b"AcL\x01", data[:4]
        unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)
        unpacker.feed(data[12:])
        calls = []
        for item in unpacker:
            assert item[0] == 6 and len(item) == 10, item
            key, type, frm, sent, deadline, caller, args, id, trace = item[9]
            calls.append({
                "door": item[1], "inc": item[2], "request": item[3],
                "dst": item[4], "part": item[5], "flags": item[6],
                "client": item[7], "id_ms": item[8], "key": key,
                "type": type, "from": frm, "sent": sent,
                "deadline": deadline, "caller": caller, "args": args,
                "id": id, "trace": trace})
        self.calls += calls
        return calls

    def get(self, timeout=5000):
        calls = self.poll(timeout)
        return calls[0] if calls else None

    def say(self, *items):
        frame = b"AcL\x01" + struct.pack("<Q", 1)
        for item in items:
            frame += msgpack.packb(item)
        self.push.send(frame)

    def reply(self, call, result=None, code=None, text="", hint=""):
        self.say([7, call["door"], call["inc"], call["request"], code, text,
                  hint, result])


class Client:
    def __init__(self, zctx, endpoint, type=zmq.DEALER):
        self.socket = zctx.socket(type)
        self.socket.linger = 0
        self.socket.connect(endpoint)

    def send(self, body, *before):
        self.socket.send_multipart(list(before) + [body])

    def recv(self, timeout=5000):
        if not self.socket.poll(timeout):
            return None
        return self.socket.recv_multipart()

    def ask(self, body, *before, timeout=5000):
        """Send; the last frame of the answer, unpacked."""
        if isinstance(body, dict):
            body = msgpack.packb(body)
        self.send(body, *before)
        return self.answer(timeout)

    def answer(self, timeout=5000):
        frames = self.recv(timeout)
        if frames is None:
            return None
        if frames[-1][:1] == b"{":
            return json.loads(frames[-1])
        return msgpack.unpackb(frames[-1])


def code_of(answer):
    return answer and answer.get("error", {}).get("code")


def free_port():
    return free_ports(1)[0]


def until(what, seconds=5):
    end = time.time() + seconds
    while not what():
        if time.time() > end:
            return False
    return True


# ------------------------------------------------------------- the tests --
def test_start(door):
    same(door.endpoint, "ipc://%s/@door.w0.%d" % (door.run,
         door.incarnation), "its endpoint has its incarnation in its name")
    same(oct(os.stat(door.run + "/call").st_mode & 0o777), "0o600",
         "the socket is its owner's alone")
    beat = door.wait_for(HEARTBEAT)
    ok(beat, "a heartbeat comes")


def test_call(door, workers, c):
    # stock/17 is in partition XXH3-64("17") mod 4; take it from whom it meets.
    now = time.time() * 1000
    c.send(msgpack.packb({"to": "stock/17", "do": "reserve", "id": "a1",
                          "args": {"qty": 2}, "timeout": 3000}))
    call = worker = None
    for w in workers * 2:
        call = w.get(500)
        if call:
            worker = w
            break
    ok(call, "a call arrives at a worker")
    same(call["part"] % 2, worker.index, "at the one that runs its partition")
    same((call["dst"], call["key"], call["type"], call["args"], call["id"]),
         ("stock", "17", "reserve", {"qty": 2}, "a1"), "as it was sent")
    same(call["caller"], [1, "@door", door.incarnation, call["request"],
                          "stock", call["part"], None], "with its caller")
    ok(abs(call["deadline"] - now - 3000) < 500, "and its deadline", call)
    ok(len(call["client"]) == 16 and call["flags"] == 4,
       "its id is kept; a local door may do anything", call)
    worker.reply(call, {"left": 8})
    same(c.answer(), {"id": "a1", "ok": True, "result": {"left": 8}},
         "the answer comes back with the id")
    c.send(b'  {"to": "stock/17", "do": "reserve", "id": 7, "op": "send",'
           b' "args": {"qty": 1.0, "big": 9007199254740993}}')
    call = worker.get()
    same(call["args"], {"qty": 1.0, "big": 9007199254740993},
         "JSON comes in without loss")
    same((call["id"], call["flags"] & 1), ("7", 1), "an integer id; op send")
    worker.reply(call, None)
    frames = c.recv()
    same(json.loads(frames[-1]), {"id": 7, "ok": True, "result": None},
         "the answer is in kind")
    c.send(msgpack.packb({"to": "stock/17", "do": "reserve"}))
    call = worker.get()
    same((call["id"], call["client"], call["args"]), ("", None, {}),
         "without id nothing is kept; args are an empty map")
    worker.reply(call, None, "out-of-stock", "0 left", "restock it")
    same(c.answer(), {"ok": False, "error": {"code": "out-of-stock",
         "text": "0 left", "hint": "restock it"}}, "a refusal comes back")
    c.send(msgpack.packb({"to": "stock/17", "do": "reserve", "id": "x",
                          "keep": False, "traceparent": "00-" + "ab" * 16 +
                          "-" + "cd" * 8 + "-01"}))
    call = worker.get()
    ok(call["client"] is None and call["id"] == "x" and call["trace"],
       "keep false: correlation only; the trace travels", call)
    worker.reply(call)
    c.answer()
    ids = {}
    for what, req in {"str": {"id": "5"}, "int": {"id": 5},
                      "scope": {"id": "5", "client": "c"},
                      "session": {"session": "c", "seq": 5},
                      "again": {"id": "5"}}.items():
        c.send(msgpack.packb({"to": "stock/17", "do": "reserve", **req}))
        call = worker.get()
        ids[what] = call["client"]
        worker.reply(call)
        c.answer()
    ok(len(set(ids.values())) == 4 and ids["str"] == ids["again"],
       "1 and \"1\", scopes and sessions are told apart", ids)
    times = []
    for id in ("01ARYZ6S41TSV4RRFFQ69G5FAV",
               "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
               "017f22e2-79b0-4cc3-98c4-dc0c0c07398f", "opaque"):
        c.send(msgpack.packb({"to": "stock/17", "do": "reserve", "id": id}))
        call = worker.get()
        times.append(call["id_ms"])
        worker.reply(call)
        c.answer()
    same(times, [1469918176385, 1645557742000, 0, 0],
         "the time in a ULID and a UUIDv7 is told")
    return worker


def test_shapes(zctx, door, worker, endpoint):
    body = msgpack.packb({"to": "stock/17", "do": "reserve", "id": 1})
    good = {"id": 1, "ok": True, "result": None}
    r = Client(zctx, endpoint, zmq.REQ)
    r.send(body)
    worker.reply(worker.get())
    same(r.answer(), good, "REQ")
    r.socket.close()
    r = zctx.socket(zmq.REQ)
    r.linger = 0
    r.setsockopt(zmq.REQ_CORRELATE, 1)
    r.setsockopt(zmq.REQ_RELAXED, 1)
    r.connect(endpoint)
    r.send(body)
    worker.reply(worker.get())
    same(r.poll(5000) and msgpack.unpackb(r.recv()), good, "REQ, correlated")
    r.close()
    d = Client(zctx, endpoint)
    for what, before in {
            "DEALER, bare": [], "DEALER with the empty frame": [b""],
            "eight frames of 255 bytes": [bytes([i]) * 255 for i in range(8)],
            "an envelope with an empty frame": [b"x", b"", b"\0\xff"]}.items():
        d.send(body, *before)
        worker.reply(worker.get())
        frames = d.recv()
        ok(frames and frames[:-1] == before, what, frames)
    # A proxy between: one more routing id in the envelope.
    front, back = zctx.socket(zmq.ROUTER), zctx.socket(zmq.DEALER)
    front.linger = back.linger = 0
    port = front.bind_to_random_port("tcp://127.0.0.1")
    back.connect(endpoint)
    p = Client(zctx, "tcp://127.0.0.1:%d" % port, zmq.REQ)
    p.send(body)
    back.send_multipart(front.recv_multipart())
    worker.reply(worker.get())
    if back.poll(5000):
        front.send_multipart(back.recv_multipart())
    same(p.answer(), good, "REQ through a proxy")
    for s in (front, back, p.socket, d.socket):
        s.close()


def test_time(door, worker, c):
    """The root tells the time, whatever the wall clock says."""
    def told():
        c.send(msgpack.packb({"to": "stock/17", "do": "x",
                              "timeout": 3000}))
        call = worker.get()
        worker.reply(call)
        c.answer()
        same(call["deadline"] - call["sent"], 3000,
             "the deadline is as far as the timeout")
        return call["sent"] - time.time() * 1000
    year = 365 * 24 * 3600 * 1000
    set_time(door.box, 2, year * 1000)
    ok(abs(told() - year) < 60000, "a node's time a year ahead is the door's")
    set_time(door.box, 3, -year * 1000)
    ok(abs(told() - year) < 60000, "and it never goes back")


def nested(kind, depth):
    value = 7
    for _ in range(depth):
        value = [value] if kind == "lists" else {"k": value}
    return value


def test_depth(zctx, door, workers, c):
    """32 levels and 65,536 nodes are the users': what the runtime puts around
    them does not count. Answers to both forms, of one partition, joined, and
    what is published."""
    worker = workers[0]

    def asked(n):
        got = []
        deadline = time.time() + 10
        while len(got) < n and time.time() < deadline:
            got += [call for w in workers for call in w.poll(20)]
        return got

    def answers(request, makes):
        """One request in each form, both answered in one frame; results."""
        c.send(msgpack.packb(request))
        c.send(json.dumps(request).encode())
        calls = asked(2 * len(makes))
        for i, w in enumerate(workers):
            mine = [call for call in calls
                    if call["part"] % len(workers) == i]
            w.say(*[[7, call["door"], call["inc"], call["request"], None, "",
                     "", makes[call["part"] % len(makes)]] for call in mine])
        return [a and a.get("result") for a in (c.answer(), c.answer())]
    for kind in ("lists", "maps"):
        for depth in (30, 31, 32):
            value = nested(kind, depth)
            what = "%d levels of %s: " % (depth, kind)
            same(answers({"to": "stock/17", "do": "x"}, [value]),
                 [value, value], what + "a result")
            rows = {"rows": [{"name": "a", "value": value},
                             {"name": "b", "value": value}], "more": False}
            same(answers({"to": "@state", "do": "list",
                          "args": {"of": "stock/17"}}, [rows]),
                 [rows, rows], what + "rows of @state")
            events = {"events": [{"topic": "stock.x", "data": value}]}
            same(answers({"to": "@events", "do": "replay",
                          "args": {"topic": "stock.x"}}, [events]),
                 [events, events], what + "events again")
            dead = {"dead": [{"id": "stock.0.1", "args": value}],
                    "one": {"k": nested(kind, depth - 1)}}
            joined = {"dead": 4 * dead["dead"], "one": dead["one"]}
            same(answers({"to": "@dead", "do": "list",
                          "args": {"service": "stock"}}, 4 * [dead]),
                 [joined, joined], what + "answers of four partitions")
    many = {"rows": [{"name": "a", "value": [0] * 65535}] * 8, "more": False}
    same(answers({"to": "@state", "do": "list",
                  "args": {"of": "stock/17"}}, [many]), [many, many],
         "rows of 65,536 nodes each")
    big = {"rows": ["x" * (900 << 10), "y" * (1 << 20)], "more": False}
    ok(answers({"to": "@state", "do": "list",
                "args": {"of": "stock/17"}}, [big]) == [big, big],
       "the largest answers that a worker makes, two in a frame")
    s = zctx.socket(zmq.SUB)
    s.linger = 0
    s.connect("ipc://%s/events" % door.run)
    s.subscribe("stock.deep/")
    got = None
    deadline = time.time() + 5
    while got is None and time.time() < deadline:
        worker.say([8, "stock.deep", "17", "stock/17", 2, 1, 0, 1,
                    nested("maps", 32)])
        while s.poll(50):
            body = msgpack.unpackb(s.recv_multipart()[1])
            got = got or body.get("data")
    same(got, nested("maps", 32), "an event whose data is as deep as may be")
    s.close()
    for form in (msgpack.packb, lambda body: json.dumps(body).encode()):
        # The body itself is the client's: 32 with its own map.
        c.send(form({"to": "stock/17", "do": "x", "args": nested("maps", 31)}))
        call = asked(1)[0]
        same(call["args"], nested("maps", 31), "a body of 32 levels")
        workers[call["part"] % 2].reply(call)
        c.answer()
        same(code_of(c.ask(form({"to": "stock/17", "do": "x",
                                 "args": nested("maps", 32)}))),
             "bad-request", "and of 33: refused")


def test_refusals(c):
    for what, body, code in (
            ("unknown service", {"to": "stok/1", "do": "x"},
             "unknown-service"),
            ("unknown runtime service", {"to": "@nod", "do": "ps"},
             "unknown-service"),
            ("unknown runtime type", {"to": "@node", "do": "p"},
             "unknown-type"),
            ("no address", {"to": "Stock", "do": "x"}, "bad-request"),
            ("no type", {"to": "stock"}, "bad-request"),
            ("a runtime type", {"to": "stock", "do": "@state-get"},
             "bad-request"),
            ("args no map", {"to": "stock", "do": "x", "args": [1]},
             "bad-request"),
            ("an id too long", {"to": "stock", "do": "x", "id": "i" * 65},
             "bad-request"),
            ("a timeout too long", {"to": "stock", "do": "x",
             "timeout": 1 << 40}, "bad-request"),
            ("a key that must be understood", {"to": "stock", "do": "x",
             "!new": 1}, "bad-request"),
            ("a key over 200 bytes", {"to": "stock/" + "k" * 201, "do": "x"},
             "bad-request")):
        a = c.ask(body)
        same(code_of(a), code, what)
        if what == "unknown service":
            ok('"stock"' in a["error"].get("hint", ""), "did you mean", a)
    a = c.ask({"to": "Stock", "do": "x", "id": "mine"})
    same(a and a.get("id"), "mine", "a refusal correlates")


def bad_bodies(rng):
    deep = b"\x91" * 10000 + b"\xc0"
    good = msgpack.packb({"to": "stock/17", "do": "reserve",
                          "args": {"qty": 1, "s": "text", "l": [1, 2, 3]}})
    yield "empty", b""
    yield "nil", b"\xc0"
    yield "never used byte", b"\xc1"
    yield "depth 10,000", deep
    yield "depth 10,000 in args", \
        b"\x83\xa2to\xa5stock\xa2do\xa1x\xa4args\x81\xa1a" + deep
    yield "JSON depth 10,000", b'{"to":"stock","do":"x","args":{"a":' + \
        b"[" * 10000 + b"]" * 10000 + b"}}"
    yield "a list of 2^32-1", b"\xdd\xff\xff\xff\xff"
    yield "a map of 2^32-1", b"\xdf\xff\xff\xff\xff"
    yield "a str of 2^32-1", b"\xdb\xff\xff\xff\xffabc"
    yield "a bin of 2^32-1", b"\xc6\xff\xff\xff\xff"
    yield "an ext of 2^32-1", b"\xc9\xff\xff\xff\xff\x01"
    yield "over 65,536 nodes", b"\x83\xa2to\xa5stock\xa2do\xa1x\xa4args" + \
        b"\x81\xa1a\xdd\x00\x01\x86\xa0" + b"\xc0" * 100000
    yield "bytes behind it", good + b"\0"
    yield "two values", good + good
    yield "no UTF-8", msgpack.packb({"to": "stock", "do": "x",
                                     "args": {"a": b"\xff\xfe"}},
                                    use_bin_type=False)
    yield "JSON of no UTF-8", b'{"to":"stock","do":"\xff\xfe"}'
    yield "JSON cut", b'{"to":"stock","do":'
    yield "JSON doubled", b'{"to":"stock","to":"stock","do":"x"}'
    yield "JSON and more", b'{"to":"stock","do":"x"} {}'
    yield "doubled", b"\x83\xa2to\xa5stock\xa2to\xa5stock\xa2do\xa1x"
    for i in range(len(good)):
        yield "truncated at %d" % i, good[:i]
    for i in range(300):
        yield "random %d" % i, rng.randbytes(rng.randrange(1, 200))
    for i in range(300):
        piece = bytearray(good)
        piece[rng.randrange(len(piece))] = rng.choice(
            b"\xc1\xdd\xdf\xdb\xc6\xc9\xff")
        yield "damaged %d" % i, bytes(piece)


def test_bad_input(door, workers, c):
    seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
    print("# seed", seed)
    rng = random.Random(seed)
    before = door.memory_kib()
    sent, wrong, through = 0, [], 0
    for what, body in bad_bodies(rng):
        a = c.ask(body, timeout=700 if "damaged" in what else 5000)
        sent += 1
        if a is None and "damaged" in what:
            # A damaged one may be a good one; then its service has it.
            for w in workers:
                for call in w.poll(50):
                    through += 1
                    w.reply(call)
            if c.answer(1000) is None:
                wrong.append(what)
        elif not a or code_of(a) not in ("bad-request", "unknown-service"):
            wrong.append((what, a))
    ok(not wrong, "%d bad bodies are answered bad-request (%d were good)" %
       (sent, through), wrong[:5])
    ok(not any(w.poll(100) for w in workers), "no service sees any of them")
    same(code_of(c.ask(b"\xc0" * (MAX_BODY + 1))), "too-large",
         "one byte over max_body")
    same(code_of(c.ask(b"\xc0" * (4 * MAX_BODY))), "too-large",
         "four times max_body")
    for i in range(100):
        c.send(b"\xc0" * (4 * MAX_BODY))
    same({code_of(c.answer()) for i in range(100)}, {"too-large"},
         "a hundred of them")
    same(code_of(c.ask(b"\xc0", *[b"x"] * 9)), "bad-request",
         "nine frames before the body")
    same(code_of(c.ask(b"\xc0", b"x" * 256)), "bad-request",
         "a frame of 256 bytes")
    same(code_of(c.ask(b"{}", *[b"y" * 1000] * 2000)), "bad-request",
         "2,000 frames of 1,000 bytes")
    grown = door.memory_kib() - before
    if "address" in BUILD:
        print("# skip: AddressSanitizer keeps what was freed")
    else:
        ok(grown <= 64 << 10, "memory grew by %d KiB at most" % grown)
    return sent


def test_beyond(zctx, endpoint, c):
    d = Client(zctx, endpoint)
    d.send(b"\xc0" * (4 * MAX_BODY + 1))
    ok(d.recv(700) is None, "over four times max_body zmq cuts the line")
    d.socket.close()
    same(code_of(c.ask(b"\xc0")), "bad-request", "others are served")


def test_restart(zctx, door, workers, worker, c):
    w = worker
    key = "stock/17"

    def call(n, **more):
        c.send(msgpack.packb({"to": key, "do": "reserve", "args": {"n": n},
                              "timeout": 3000, **more}))
    call(1, id="k1")
    call(2)
    call(3, id="k3")
    got = []
    while len(got) < 3:
        more = w.poll(3000)
        if not more:
            break
        got += more
    same([g["args"]["n"] for g in got], [1, 2, 3], "in order")
    w.down()
    call(4, id="k4")
    call(5)
    time.sleep(0.3)
    new = Worker(zctx, door, "stock", w.index)
    new.announce()
    got = []
    while len(got) < 4:
        more = new.poll(3000)
        if not more:
            break
        got += more
    same([(g["args"]["n"], bool(g["flags"] & 2)) for g in got],
         [(1, True), (3, True), (4, False), (5, False)],
         "to a new worker: kept ids again, in order, then the unsent")
    for g in got:
        new.reply(g, g["args"]["n"])
    answers = [c.answer() for i in range(4)]
    same([a and a.get("result") for a in answers], [1, 3, 4, 5],
         "they are answered")
    a = c.answer()
    same(code_of(a), "timeout", "the one without id ends in timeout")
    ok("id" in a["error"]["hint"], "and says what would help", a)
    new.down()
    call(6, id="k6", timeout=300)
    same(code_of(c.answer()), "unavailable", "down and never sent")
    newer = Worker(zctx, door, "stock", w.index)
    newer.announce()
    call(7, id="k7", timeout=400)
    ok(newer.get(), "sent")
    started = time.time()
    a = c.answer()
    ok(code_of(a) == "timeout" and 0.2 < time.time() - started < 0.6,
       "and not answered: timeout, in time", a, time.time() - started)
    newer.reply({"door": "@door", "inc": door.incarnation, "request": 1})
    newer.reply({"door": "@door", "inc": 12345, "request": 1})
    newer.say([9, "stock.x", 0])
    newer.push.send(b"garbage")
    newer.push.send_multipart([b"AcL\x01" + b"\0" * 8, b"\xc1"])
    call(8, id="k8")
    g = newer.get()
    newer.reply(g, "fine")
    same(c.answer().get("result"), "fine",
         "late, foreign and broken replies change nothing")
    return newer


def test_batch(door, worker, c):
    before = worker.frames
    n = 5000
    for i in range(n):
        c.send(msgpack.packb({"to": "stock/17", "do": "r", "args": {"n": i},
                              "id": i}))
    got = []
    while len(got) < n:
        more = worker.poll(3000)
        if not more:
            break
        got += more
        worker.say(*[[7, g["door"], g["inc"], g["request"], None, "", "",
                      g["args"]["n"]] for g in more])
    same([g["args"]["n"] for g in got], list(range(n)),
         "%d calls, in order" % n)
    answers = []
    while len(answers) < n:
        answers.append(c.answer())
        if answers[-1] is None:
            break
    got = [a and a.get("result") for a in answers]
    ok(got == list(range(n)), "%d answers, in order" % n, len(got),
       [(i, answers[i]) for i in range(len(got)) if got[i] != i][:5])
    print("# in", worker.frames - before, "frames")


def test_wakeups(zctx, door, worker, endpoint):
    """An answer leaves by the socket by which the next request comes in, at
    the same moment; and none is overlooked until the door's next heartbeat."""
    clients = [Client(zctx, endpoint) for i in range(4)]
    body = msgpack.packb({"to": "stock/17", "do": "x", "timeout": 60000})
    late, lost = [], 0
    clients[0].send(body)
    for n in range(4000):
        began = time.monotonic()
        call = worker.get(20000)
        if call is None:
            lost += 1
            break
        for spin in range(n % 37 * 20):
            pass
        worker.reply(call)
        for spin in range(n % 41 * 20):
            pass
        clients[(n + 1) % 4].send(body)
        if clients[n % 4].answer(20000) is None:
            lost += 1
            break
        if time.monotonic() - began > 0.5:
            late.append(n)
    worker.reply(worker.get())
    for client in clients:
        client.socket.close()
    ok(not lost and len(late) < 20, "4,000 requests that meet an answer are "
       "seen at once", lost, late)


def test_busy(door, c):
    # order has no worker: its calls wait, up to the bound of one worker.
    n = 33000
    for i in range(n):
        c.send(msgpack.packb({"to": "order", "do": "x", "timeout": 4000,
                              "id": i}))
    codes = {}
    for i in range(n):
        a = c.answer(15000)
        codes[code_of(a)] = codes.get(code_of(a), 0) + 1
        if a is None:
            break
    ok(codes.get("busy") == n - 32768 and codes.get("unavailable") == 32768,
       "what waits for one worker is bounded", codes)


def test_push(zctx, door, worker):
    p = zctx.socket(zmq.PUSH)
    p.linger = 0
    p.connect("ipc://%s/push" % door.run)
    c = Client(zctx, "ipc://%s/call" % door.run)

    def counts():
        a = c.ask({"to": "@node", "do": "metrics"})["result"]
        return a["push_refused"], a["push_unanswered"], a["pending"]

    p.send(msgpack.packb({"to": "stock/17", "do": "restock",
                          "args": {"qty": 5}, "id": "p1"}))
    call = worker.get()
    same((call["type"], call["args"], call["flags"] & 1, call["id"]),
         ("restock", {"qty": 5}, 1, "p1"), "a push is a send")
    c.send(msgpack.packb({"to": "stock/17", "do": "restock", "op": "send",
                          "args": {"qty": 5}, "id": "p1"}))
    again = worker.get()
    ok(call["client"] and call["client"] == again["client"],
       "with an id it is kept, as that of any other request", call, again)
    p.send_json({"to": "stock/17", "do": "restock"})
    third = worker.get()
    ok(third and third["client"] is None, "JSON, too; without an id none is")
    before = counts()
    worker.reply(call)
    worker.reply(third, code="bad-args", text='no\n"qty"')
    worker.reply(again)
    ok(c.answer()["ok"], "nobody hears of a push; who sent hears")
    same([a - b for a, b in zip(counts(), before)], [1, 0, -3],
         "what its service refused is counted")
    ok(' code=bad-args text="no\\x0a\\"qty\\""\n' in door.log_text(),
       "and logged, on one line", door.log_text()[-300:])
    p.send_json({"to": "stock/17", "do": "restock", "timeout": 50})
    ok(worker.get() and until(lambda: counts()[1] == before[1] + 1),
       "one that is not answered in time is counted", counts())
    # The worker gets on, more slowly than they come: they wait for it.
    before, total, sent, waiting = counts(), 40000, 0, []
    body = msgpack.packb({"to": "stock/17", "do": "restock",
                          "timeout": 60000})
    taken, end = 0, time.time() + 60
    while taken < total and time.time() < end:
        for _ in range(1000):
            if sent == total or not p.poll(0, zmq.POLLOUT):
                break
            p.send(body)
            sent += 1
        waiting += worker.poll(10)
        some = 300 if sent < total else len(waiting)
        for call in waiting[:some]:
            worker.reply(call)
        taken += len(waiting[:some])
        del waiting[:some]
    ok(taken == total and until(lambda: counts() == before),
       "pushes wait where they come from, and none is refused", taken,
       counts())
    for body in (b"", b"\xc1", b"{", msgpack.packb({"to": "stok", "do": "x"}),
                 b"\xc0" * (2 * MAX_BODY)):
        p.send(body)
    p.send_multipart([b"x"] * 20)
    p.send_multipart([b"x", msgpack.packb({"to": "stock/17", "do": "last"})])
    same(worker.get()["type"], "last", "bad ones are dropped")
    p.close()


def test_pushers_wait(zctx, door, worker):
    """Who pushes more than a worker gets on with waits, and costs nothing."""
    pushers = [zctx.socket(zmq.PUSH) for _ in range(2)]
    body = msgpack.packb({"to": "stock/17", "do": "restock",
                          "timeout": 60000})
    waiting, sent, total, asleep = [], 0, 17000, 0
    for p in pushers:
        p.linger = 0
    pushers[0].connect("ipc://%s/push" % door.run)
    end = time.time() + 60
    while len(waiting) < total and time.time() < end:
        while sent < total and pushers[0].poll(0, zmq.POLLOUT):
            pushers[0].send(body)
            sent += 1
        waiting += worker.poll(10)
    # Answered again it has far too much to do; and somebody else comes.
    worker.reply(waiting.pop())
    pushers[0].send(body)
    pushers[1].connect("ipc://%s/push" % door.run)
    pushers[1].send(body)
    for _ in range(100):
        worker.reply(waiting.pop())
        time.sleep(0.01)
        asleep += door.state() == "S"
    ok(asleep > 50, "while pushes wait their door sleeps", asleep)
    end = time.time() + 60
    while waiting and time.time() < end:
        for call in waiting:
            worker.reply(call)
        waiting = worker.poll(2000)
    for p in pushers:
        p.close()


def test_events(zctx, door, worker):
    s = zctx.socket(zmq.SUB)
    s.linger = 0
    s.connect("ipc://%s/events" % door.run)
    s.subscribe("stock.reserved/")
    deadline = time.time() + 5
    one = []
    seq = 0
    # A subscription takes a moment: publish until one is seen.
    while time.time() < deadline:
        seq += 1
        worker.say([8, "stock.reserved", "17", "stock/17", 2, seq, seq - 1,
                    1790000000123, {"qty": seq}],
                   [8, "stock.reserved-not", "17", "stock/17", 2, seq, 0, 1,
                    {}])
        if s.poll(50):
            one = s.recv_multipart()
            if one[0] != b"stock.reserved/":
                break
    same(one and one[0], b"stock.reserved/17", "an event, by topic and key")
    body = msgpack.unpackb(one[1])
    same(body, {"topic": "stock.reserved", "from": "stock/17", "part": 2,
                "seq": body["seq"], "prev": body["seq"] - 1,
                "at": 1790000000123, "data": {"qty": body["seq"]}},
         "with all that it says")
    worker.say([9, "stock.reserved", 3, 77])
    heads = {}
    deadline = time.time() + 3
    while time.time() < deadline and len(heads) < 2:
        if s.poll(200):
            topic, body = s.recv_multipart()
            if topic == b"stock.reserved/":
                head = msgpack.unpackb(body)
                heads[head["part"]] = head["head"]
    same(heads, {2: seq, 3: 77}, "heads within a second or so")
    t = zctx.socket(zmq.SUB)
    t.linger = 0
    t.connect("ipc://%s/events" % door.run)
    t.subscribe("")
    again = {}
    deadline = time.time() + 4
    while time.time() < deadline and len(again) < 3:
        if t.poll(200):
            topic, body = t.recv_multipart()
            head = msgpack.unpackb(body)
            if "head" in head:
                again[(head["topic"], head["part"])] = head["head"]
    same(again, {("stock.reserved", 2): seq, ("stock.reserved", 3): 77,
                 ("stock.reserved-not", 2): seq},
         "a new subscriber hears the heads that rest")
    s.close()
    t.close()


def fake_root_socket(run, answers):
    """Answers lines on RUN/root.sock in a thread; returns what was asked."""
    import threading
    listener = socket.socket(socket.AF_UNIX)
    path = run + "/root.sock"
    if os.path.exists(path):
        os.unlink(path)
    listener.bind(path)
    listener.listen(64)
    asked = []

    def serve():
        while True:
            try:
                conn, _ = listener.accept()
            except OSError:
                return
            line = conn.makefile().readline().strip()
            asked.append(line)
            answer = answers.get(line.split()[0])
            if answer is not None:
                conn.sendall(answer.encode())
                conn.close()
            else:
                held.append(conn)
    held = []
    threading.Thread(target=serve, daemon=True).start()
    return listener, asked


def test_node(door, c):
    same(code_of(c.ask({"to": "@node", "do": "ps"})), "unavailable",
         "no root to ask")
    listener, asked = fake_root_socket(door.run, {
        "ps": '{"services": [{"name": "stock", "pid": 12}]}',
        "stop": '{"error": {"code": "not-found", "text": "no x", '
                '"hint": "ps"}}',
        "start": '{"ok": true}', "info": "not json",
        "where": '{"big": "' + "x" * 300000 + '"}'})
    same(c.ask({"to": "@node", "do": "ps", "id": 3}),
         {"id": 3, "ok": True, "result": {"services": [{"name": "stock",
                                                        "pid": 12}]}},
         "ps comes from the root")
    a = c.ask({"to": "@node", "do": "stop", "args": {"service": "x"}})
    same(a["error"], {"code": "not-found", "text": "no x", "hint": "ps"},
         "its refusals, too")
    c.ask({"to": "@node", "do": "start", "args": {"service": "stock",
                                                  "checked": True}})
    same(asked[-2:], ["stop x", "start stock checked"], "its lines")
    same(code_of(c.ask({"to": "@node", "do": "stop",
                        "args": {"service": "a\nstart b"}})), "bad-args",
         "no second line is smuggled in")
    same(code_of(c.ask({"to": "@node", "do": "info"})), "internal",
         "an answer that is no JSON")
    same(len(c.ask({"to": "@node", "do": "where"})["result"]["big"]), 300000,
         "a long answer")
    same(code_of(c.ask({"to": "@node", "do": "health", "timeout": 200})),
         "timeout", "a root that is silent")
    a = c.ask({"to": "@node", "do": "metrics"})
    ok(a["ok"] and a["result"]["calls"] > 100 and
       a["result"]["sent_again"] == 2 and a["result"]["bad_links"] >= 2 and
       a["result"]["odd_frames"] >= 3 and a["result"]["push_refused"] >= 5 and
       a["result"]["too_large"] >= 102 and a["result"]["late_replies"] >= 1
       and a["result"]["other_replies"] == 1,
       "metrics: what was refused is counted", a)
    listener.close()


def test_parts(zctx, door, workers, c):
    def serve(answers, n):
        got = []
        for i in range(200):
            for w in workers:
                for call in w.poll(20):
                    got.append(call)
                    w.reply(call, *answers(call))
            if len(got) >= n:
                break
        return got
    c.send(msgpack.packb({"to": "@state", "do": "get",
                          "args": {"of": "stock/17", "name": "left"}}))
    got = serve(lambda call: ({"value": 3},), 1)
    same([(g["type"], g["key"], g["flags"] & 4) for g in got],
         [("@state-get", "17", 4)], "@state asks the actor's partition")
    same(c.answer()["result"], {"value": 3}, "and answers what it says")
    c.send(msgpack.packb({"to": "@events", "do": "replay", "args": {
        "topic": "stock.reserved", "part": 2, "after": 4, "limit": 9}}))
    got = serve(lambda call: ([],), 1)
    same([(g["type"], g["part"], g["args"]["after"]) for g in got],
         [("@events-replay", 2, 4)], "@events asks the topic's partition")
    c.answer()
    c.send(msgpack.packb({"to": "@dead", "do": "list",
                          "args": {"service": "stock"}}))
    got = serve(lambda call: ({"dead": [call["part"]], "count": 1, "x": "y",
                               "more": call["part"] == 2},), 4)
    same(sorted(g["part"] for g in got), [0, 1, 2, 3],
         "@dead asks each partition")
    same(c.answer()["result"], {"dead": [0, 1, 2, 3], "count": 4, "x": "y", "more": True},
         "and joins their answers")
    c.send(msgpack.packb({"to": "@dead", "do": "retry",
                          "args": {"service": "stock", "id": "z"}}))
    serve(lambda call: (None, "not-found", "no z") if call["part"] != 1 else
          ({"retried": 1},), 4)
    same(c.answer()["result"], {"retried": 1}, "one of them has it")
    c.send(msgpack.packb({"to": "@dead", "do": "retry",
                          "args": {"service": "stock", "id": "z"}}))
    serve(lambda call: (None, "not-found", "no z"), 4)
    same(code_of(c.answer()), "not-found", "none of them has it")
    c.send(msgpack.packb({"to": "@dead", "do": "list", "timeout": 700}))
    serve(lambda call: ({"dead": [call["part"]]},), 4)
    same(c.answer()["result"],
         {"dead": [0, 1, 2, 3], "missing": [
             {"service": "order", "part": 0, "code": "unavailable"}]},
         "who does not answer is named")
    c.send(msgpack.packb({"to": "@dead", "do": "drop",
                          "args": {"service": "stock", "part": 3}}))
    got = serve(lambda call: ({"dropped": 1},), 1)
    same([g["part"] for g in got], [3], "one partition, if it is named")
    c.answer()
    c.send(msgpack.packb({"to": "@dead", "do": "show",
                          "args": {"id": "stock.2.17"}}))
    got = serve(lambda call: ({"id": call["args"]["id"]},), 1)
    same([g["part"] for g in got], [2], "an id says where it lies")
    same(c.answer()["result"], {"id": "stock.2.17"}, "and that answers")
    same([code_of(c.ask({"to": "@dead", "do": "show", "args": {"id": id}}))
          for id in ("stock.4.1", "stok.0.1", "stock.x", "stock.0")],
         ["bad-args", "unknown-service", "bad-args", "bad-args"],
         "ids of nowhere")
    same(code_of(c.ask({"to": "@dead", "do": "list",
                        "args": {"service": "stock", "part": 4}})),
         "bad-args", "there is no such partition")


def test_tcp(zctx, run):
    port = free_port()
    endpoint = "tcp://127.0.0.1:%d" % port
    door = Door(run, "@door-call", call=endpoint)
    ok(door.start(), "a tcp door starts")
    c = Client(zctx, endpoint)
    listener, asked = fake_root_socket(run, {"health": '{"ok": true}'})
    same(c.ask({"to": "@node", "do": "health"}),
         {"ok": True, "result": {"ok": True}}, "health at a tcp door")
    same([code_of(c.ask(body)) for body in (
        {"to": "@node", "do": "stop", "args": {"service": "stock"}},
        {"to": "@node", "do": "metrics"},
        {"to": "@state", "do": "get", "args": {"of": "stock/1"}},
        {"to": "@dead", "do": "list"})], ["denied"] * 4,
        "what may change or show anything is denied")
    worker = Worker(zctx, door, "order", 0, 1, 1)
    worker.announce()
    c.send(msgpack.packb({"to": "order", "do": "x"}))
    call = worker.get()
    ok(call and not call["flags"] & 4, "its calls are no admin's", call)
    worker.reply(call)
    c.answer()
    second = Door(run, "@door-call2", call=endpoint)
    cause = second.wait_for(CAUSE)
    same((cause["name"], second.process.wait(10)), ("address-in-use", 1),
         "an address in use is the cause of its end")
    ok(endpoint in cause["text"], "and is named", cause)
    # Sessions that never speak zmq, or half of it.
    for piece in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\xff" + b"\0" * 8 +
                  b"\x7f\x03", os.urandom(4096),
                  b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x00NULL" + b"\0" * 48 +
                  b"\x06\xff\xff\xff\xff\xff\xff\xff\xff"):
        s = socket.create_connection(("127.0.0.1", port))
        s.sendall(piece)
        s.close()
    same(code_of(c.ask(b"\xc0")), "bad-request", "raw garbage on the line")
    os.close(door.life)
    same(door.process.wait(10), 0, "the root is gone: it ends")
    listener.close()
    c.socket.close()


def test_old_lines(run):
    """Lines of ZMTP 1.0, which begins with a peer's name, come in while the
    door ends: libzmq aborts of some of these, and it ends well all the same."""
    import threading
    port = free_port()
    going = True

    def lines():
        while going:
            try:
                with socket.create_connection(("127.0.0.1", port)) as s:
                    s.sendall(b"\xe0\0" + b"a" * 300)
            except OSError:
                pass
    threads = [threading.Thread(target=lines) for i in range(3)]
    for thread in threads:
        thread.start()
    ends = {}
    for i in range(30):
        door = Door(run, "@door-call", call="tcp://127.0.0.1:%d" % port)
        end = door.stop() if door.start() else "no start"
        ends[end] = ends.get(end, 0) + 1
        door.close()
    going = False
    for thread in threads:
        thread.join()
    same(ends, {0: 30}, "30 doors end well while old lines come in")


def test_subscriptions(run):
    """libzmq keeps what subscribers ask for, so it is counted and bounded."""
    zctx = zmq.Context()
    endpoint = "tcp://127.0.0.1:%d" % free_port()
    door = Door(run, "@door-events", events=endpoint)
    door.start()
    s = zctx.socket(zmq.SUB)
    s.linger = 0
    s.set_hwm(0)
    s.connect(endpoint)
    for i in range(12000):
        s.subscribe(b"%0200d" % i)
    cause = door.wait_for(CAUSE)
    same((cause and cause["name"], door.process.wait(10)),
         ("too-many-subscriptions", 1), "over 2 MiB of subscriptions: the "
         "door ends, to be started anew")
    zctx.destroy(linger=0)


def test_no_subscription(run):
    """The end of what nobody subscribed to does not count below nothing. SUB
    and XSUB do not say such a thing; a line of ZMTP 1.0 may."""
    zctx = zmq.Context()
    call, port = "ipc://%s/call" % run, free_port()
    door = Door(run, "@door", call=call, events="tcp://127.0.0.1:%d" % port)
    door.start()
    c = Client(zctx, call)
    a = {}
    with socket.create_connection(("127.0.0.1", port)) as line:
        # Each frame: its length with the flags, flags, body. First an identity.
        for body in (b"", b"\1short", b"\0" + b"n" * 200, b"\2"):
            line.sendall(bytes([len(body) + 1, 0]) + body)
        for _ in range(500):
            a = (c.ask({"to": "@node", "do": "metrics"}) or {}).get("result")
            if not a or a.get("upstream") == 1:
                break
    # libzmq itself subscribes such a line to all; the end took one away.
    same(a and (a.get("upstream"), a.get("subscriptions")), (1, 1),
         "an end of no subscription: counted, and harmless")
    same(door.stop(), 0, "the door goes on until it is stopped")
    zctx.destroy(linger=0)


def test_metrics(run):
    """Two doors that know each other: one tells the counters of both."""
    zctx = zmq.Context()
    one = Door(run, "@door", call="ipc://%s/call" % run)
    two = Door(run, "@door-push", push="ipc://%s/push2" % run)
    one.start(), two.start()
    one.peer("@door-push", 0, 1, 1, two.incarnation, two.endpoint)
    two.peer("@door", 0, 1, 1, one.incarnation, one.endpoint)
    p = zctx.socket(zmq.PUSH)
    p.linger = 0
    p.connect("ipc://%s/push2" % run)
    p.send(b"")
    c = Client(zctx, "ipc://%s/call" % run)
    c.ask(b"")
    deadline = time.time() + 5
    while True:
        a = c.ask({"to": "@node", "do": "metrics", "timeout": 1000})
        if time.time() > deadline or a["result"].get("push_refused") == 1:
            break
    a = a["result"]
    same((a["push_refused"], a["bad_request"],
          [d["door"] for d in a["doors"]],
          [d["push_refused"] for d in a["doors"]]),
         (1, 1, ["@door", "@door-push"], [0, 1]),
         "a door tells the counters of all doors")
    same(code_of(c.ask({"to": "@door-push", "do": "x"})), "unknown-service",
         "a client cannot speak to a door behind the door")
    same(code_of(c.ask({"to": "@events", "do": "replay",
                        "args": {"topic": "@door-push.x"}})),
         "unknown-service", "not by a topic either")
    p.send(msgpack.packb({"to": "@door-push", "do": "x"}))
    same(c.ask({"to": "@dead", "do": "list", "timeout": 100})["error"]["code"],
         "unavailable", "and doors have no dead letters")
    same((one.stop(), two.stop()), (0, 0), "both stop")
    zctx.destroy(linger=0)


def test_admin(zctx, run):
    endpoint = "tcp://127.0.0.1:%d" % free_port()
    door = Door(run, "@door-call", call=endpoint, admin=True)
    door.start()
    c = Client(zctx, endpoint)
    ok(c.ask({"to": "@node", "do": "metrics"})["ok"],
       "admin: true opens a tcp door")
    door.ours.close()
    same(door.process.wait(10), 0, "the control pair is closed: it ends")
    c.socket.close()


def main():
    run = tempfile.mkdtemp(prefix="acta-33-")
    zctx = zmq.Context()
    try:
        door = Door(run, call="ipc://%s/call" % run,
                    push="ipc://%s/push" % run,
                    events="ipc://%s/events" % run)
        if not ok(door.start(), "a door starts", door.seen,
                  door.log_text()):
            return
        test_start(door)
        workers = [Worker(zctx, door, "stock", i) for i in (0, 1)]
        for w in workers:
            w.announce()
        endpoint = "ipc://%s/call" % run
        c = Client(zctx, endpoint)
        worker = test_call(door, workers, c)
        test_shapes(zctx, door, worker, endpoint)
        test_refusals(c)
        test_bad_input(door, workers, c)
        test_beyond(zctx, endpoint, c)
        test_time(door, worker, c)
        new = test_restart(zctx, door, workers, worker, c)
        workers[workers.index(worker)] = new
        test_batch(door, new, c)
        test_wakeups(zctx, door, new, endpoint)
        test_push(zctx, door, new)
        test_pushers_wait(zctx, door, new)
        test_events(zctx, door, new)
        test_depth(zctx, door, workers, c)
        test_node(door, c)
        test_parts(zctx, door, workers, c)
        test_busy(door, c)
        c.send(msgpack.packb({"to": "stock/17", "do": "x", "id": 1}))
        ok(new.get(), "a call is under way")
        same(door.stop(), 0, "stop: it ends well")
        same(code_of(c.answer()), "timeout",
             "and tells those that wait what it knows")
        log = door.log_text()
        ok("event=push-refused" in log and log.count("\n") < 100,
           "the log says so, and not too often", log)
        test_tcp(zctx, run)
        test_admin(zctx, run)
        test_metrics(run)
        test_old_lines(run)
        test_subscriptions(run)
        test_no_subscription(run)
    finally:
        print("1..%d" % count)
        zctx.destroy(linger=0)
        shutil.rmtree(run, ignore_errors=True)
    sys.exit(1 if failed else 0)


main()
