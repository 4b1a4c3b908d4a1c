"""Nobody can harm the coordinator by what they send: each request is refused with a status and a
reason in JSON, or cut off where HTTP allows no answer; others are served all the while, and memory
stays where it was."""

import json
import os
import socket
import statistics
import threading
import time

# Sanitizers keep freed memory for long, which would be counted as growth.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"

from harness import Case, main, wait_for  # noqa: E402

MIB = 1 << 20
GROWTH_MAX_MIB = 64
NEIGHBOUR_MIN = 100  # requests of somebody else, meanwhile
ALLOWED = {*range(400, 500), 501, 505}


def post(body, path="/v2/apps", method="POST", headers=""):
    body = body if isinstance(body, bytes) else body.encode()
    return (f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{headers}"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def get(path, headers=""):
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n{headers}\r\n".encode("latin-1")


def app(text, name="cmd"):
    return '{"id":"hostile","instances":0,"cmd":"x","%s":%s}' % (name, text)


# what, the request, the status it must get; None: any that is allowed, or no answer
BODIES = [
    ("arrays in arrays", post("[" * 100000), 400),
    ("arrays in arrays, closed", post("[" * 50000 + "]" * 50000), 400),
    ("objects in objects", post('{"a":' * 100000), 400),
    ("a deep label", post(app('{"a":' * 5000 + "1" + "}" * 5000, "labels")), 400),
    ("a key twice", post('{"id":"one","id":"two","cmd":"x"}'), 400),
    ("a key twice, far down", post(app('{"a":"1","a":"2"}', "labels")), 400),
    ("a NUL", post(b'{"id":"a\0b","cmd":"x"}'), 400),
    ("NULs only", post(b"\0" * 1000), 400),
    ("a NUL, escaped, in text", post(app('"a\\u0000b"')), (400, 422)),
    ("a NUL, escaped, in a key", post(app('{"a\\u0000b":"c"}', "labels")), 400),
    ("not UTF-8", post(b'{"id":"a","cmd":"\xff\xfe"}'), 400),
    ("UTF-8 cut short", post(b'{"id":"a","cmd":"\xe2\x82"}'), 400),
    ("UTF-8 longer than need be", post(b'{"id":"a","cmd":"\xc0\xaf"}'), 400),
    ("half a surrogate pair", post(app('"\\ud800"')), (400, 422)),
    ("UTF-16", post('{"id":"a"}'.encode("utf-16")), 400),
    ("a number beyond doubles", post(app("1e999", "cpus")), (400, 422)),
    ("a negative one", post(app("-1e999", "mem")), (400, 422)),
    ("not a number", post(app("NaN", "cpus")), 400),
    ("infinity", post(app("Infinity", "cpus")), 400),
    ("more than 64 bits", post(app("99999999999999999999", "instances").replace(
        '"instances":0,', "")), (400, 422)),
    ("2^63", post(app("9223372036854775808", "backoffSeconds")), (400, 422)),
    ("2^31 instances", post('{"id":"many","cmd":"x","instances":2147483648}'), (400, 422)),
    ("a number of 1 MB", post(app("1" * MIB, "cpus")), (400, 422)),
    ("an id of 10 kB", post('{"cmd":"x","id":"%s"}' % ("a" * 10000)), 422),
    ("an id of 5,000 parts", post('{"cmd":"x","id":"%s"}' % ("/a" * 5000)), 422),
    ("text that is no JSON", post("<app/>"), 400),
    ("nothing", post(""), 400),
    ("a fetched app's worth of text", post("x" * 7 * MIB), 400),
    ("10,000 wrong apps", post("[" + ",".join(['{"id":"A"}'] * 10000) + "]", method="PUT"), 422),
    ("10,000 unknown fields that are wrong too", post("{%s}" % ",".join(
        f'"field{number}":{number}' for number in range(10000))), 422),
    ("half a million of them", post("{%s}" % ",".join(
        f'"{number}":1' for number in range(500000))), 400),
    ("groups in groups", post('{"id":"a","groups":[' * 5000 + "]}" * 5000, "/v2/groups"), 400),
    ("10,000 groups of one name", post('{"id":"g","groups":[%s]}' % ",".join(
        ['{"id":"a"}'] * 10000), "/v2/groups"), 422),
    ("groups that depend on each other", post(
        '{"id":"g","groups":[{"id":"a","dependencies":["../b"],"apps":[%s]},'
        '{"id":"b","dependencies":["../a"],"apps":[%s]}]}' % ((
            '{"id":"x","cmd":"x","instances":0}',) * 2), "/v2/groups"), 422),
    ("a group below nothing", post('{"scaleBy":-1}', "/v2/groups/none", "PUT"), (404, 422)),
    ("a scale that is no number", post('{"scaleBy":"x"}', "/v2/groups", "PUT"), 422),
    ("100,000 tasks that are none", post('{"ids":[%s]}' % ",".join(
        ['"no task"'] * 100000), "/v2/tasks/delete"), 400),
    ("a list for a kill", post("[]", "/v2/tasks/delete"), (400, 422)),
    ("a wait without end", post('{"id":"w","cmd":"x","instances":0}',
                                "/v2/apps?wait=99999999999999999999"), (400, 422)),
]

HEADS = [
    ("an unknown method", b"BREW /v2/apps HTTP/1.1\r\nHost: a\r\n\r\n", (405, 501)),
    ("TRACE", b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", (405, 501)),
    ("CONNECT", b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", None),
    ("a method of 10 kB", b"G" * 10000 + b" / HTTP/1.1\r\nHost: a\r\n\r\n", None),
    ("HTTP 2.0", b"GET /ping HTTP/2.0\r\nHost: a\r\n\r\n", None),
    ("HTTP 9.9", b"GET /ping HTTP/9.9\r\nHost: a\r\n\r\n", None),
    ("HTTP -1", b"GET /ping HTTP/-1.1\r\nHost: a\r\n\r\n", 505),
    ("no version", b"GET /ping\r\n\r\n", None),
    ("no path", b"GET HTTP/1.1\r\n\r\n", None),
    ("only blanks", b"   \r\n\r\n", None),
    ("a blank too many", b"GET  /ping  HTTP/1.1\r\nHost: a\r\n\r\n", None),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n", None),
    ("HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
    ("a header without colon", b"GET /ping HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", None),
    ("a header without name", b"GET /ping HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", None),
    ("a NUL in the path", b"GET /v2/apps/a\0b HTTP/1.1\r\nHost: a\r\n\r\n", None),
    ("an escaped NUL in the path", get("/v2/apps/a%00b"), 400),
    ("a broken escape", get("/v2/apps/%zz"), 400),
    ("a path that is not UTF-8", get("/v2/apps/%ff"), 400),
    ("a path of 10 kB", get("/v2/apps/" + "a" * 10000), 414),
    ("a query of 10,000 keys", get("/v2/apps/none?" + "a&" * 5000), 404),
    ("a selector of brackets", get("/v2/apps?label=" + "(" * 5000), 422),
    ("a selector that ends in an escape", get("/v2/apps?label=%5C"), 422),
    ("events for nobody", get("/v2/events"), (405, 406)),
    ("a hundred types of events", get("/v2/events?" + "event_type=a&" * 100,
                                      "Accept: text/event-stream\r\n"), 400),
    ("a version of no time", get("/v2/groups/versions/zzz"), (404, 422)),
    ("thousands of headers", get("/ping", "".join(f"X-{i}: y\r\n" for i in range(1500))), 431),
    ("megabytes of headers", get("/ping", "X: y\r\n" * 500000), None),
    ("a header of 1 MB", get("/ping", "X: " + "y" * MIB + "\r\n"), None),
    ("a first line of 1 MB", get("/" + "y" * MIB), None),
    ("folded headers", get("/ping", "X: a\r\n b\r\n c\r\n" * 5000), None),
    ("two lengths", get("/ping", "Content-Length: 2\r\nContent-Length: 3\r\n") + b"{}", 400),
    ("a signed length", get("/ping", "Content-Length: +2\r\n") + b"{}", 400),
    ("a negative length", get("/ping", "Content-Length: -2\r\n"), None),
    ("a length beyond 64 bits", get("/ping", "Content-Length: 99999999999999999999\r\n"), None),
    ("length and chunks", get("/ping", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n") +
     b"0\r\n\r\n", 400),
    ("an unknown encoding", get("/ping", "Transfer-Encoding: gzip\r\n"), (400, 501)),
    ("a chunk that is no number", get("/ping", "Transfer-Encoding: chunked\r\n") +
     b"xyz\r\n\r\n", None),
    ("a chunk of 2^63", get("/ping", "Transfer-Encoding: chunked\r\n") +
     b"8000000000000000\r\n\r\n", None),
    ("a negative chunk", get("/ping", "Transfer-Encoding: chunked\r\n") + b"-5\r\n\r\n", None),
    ("100 MB declared", b"POST /v2/apps HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
     b"Content-Length: 104857600\r\n\r\n" + b"x" * MIB, None),
]


class Peer:
    """One connection, byte by byte."""

    def __init__(self, port, timeout=20.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)

    def send(self, data):
        """False: the other side has closed."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def read(self):
        """All that comes until the other side closes."""
        got = b""
        try:
            while more := self.socket.recv(65536):
                got += more
        except ConnectionResetError:
            pass
        return got

    def one_answer(self, data):
        """Sends, says that no more comes, and reads."""
        with self.socket:
            if self.send(data):
                try:
                    self.socket.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
            return self.read()


class Neighbour(threading.Thread):
    """Somebody else, who notices whatever holds up the coordinator."""

    def __init__(self, api):
        super().__init__(daemon=True)
        self.api = api
        self.over = threading.Event()
        self.took, self.failure = [], None

    def run(self):
        try:
            while not self.over.wait(0.002):
                began = time.monotonic()
                reply = self.api.call("GET", "/v2/apps", timeout=20)
                self.took.append(time.monotonic() - began)
                assert reply.status == 200, repr(reply)
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def end(self, what):
        self.over.set()
        self.join(30)
        if self.failure:
            raise self.failure
        p99 = statistics.quantiles(self.took, n=100)[98]
        print(f"{what}: a neighbour's {len(self.took)} requests, p99 {p99 * 1000:.1f} ms, "
              f"longest {max(self.took) * 1000:.1f} ms", flush=True)


class Hostile(Case):
    def setUp(self):
        super().setUp()
        self.make_coordinator().start()
        self.wait_up(self.coordinator)
        for _ in range(3):  # what a first use costs is no growth
            self.api.call("POST", "/v2/apps", b"x" * 7 * MIB, {"Content-Type": "application/json"})
        self.before = self.memory()
        self.neighbour = Neighbour(self.api)
        self.neighbour.start()

    def memory(self):
        with open(f"/proc/{self.coordinator.pid}/status", encoding="utf-8") as file:
            line = next(line for line in file if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    def attacks(self, rows=(None,)):
        """The rows, again and again until the neighbour has something to tell."""
        while True:
            yield from rows
            if len(self.neighbour.took) >= NEIGHBOUR_MIN or self.neighbour.failure:
                return

    def settle(self):
        """What must hold after any attack."""
        self.neighbour.end(self._testMethodName)
        self.assertTrue(self.coordinator.running)
        self.assertEqual(self.api.call("GET", "/v2/apps").json(), {"apps": []})
        self.assertEqual(self.api.deployments(), [])
        growth = self.memory() - self.before
        print(f"{self._testMethodName}: resident memory grew by {growth:.1f} MiB", flush=True)
        self.assertLessEqual(growth, GROWTH_MAX_MIB)

    def check_refusal(self, got, wanted):
        if not got:
            self.assertIsNone(wanted, "no answer")
            return
        head, _, body = got.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1])
        self.assertIn(status, ALLOWED, got[:300])
        if wanted is not None:
            self.assertIn(status, wanted if isinstance(wanted, tuple) else (wanted,), got[:300])
        self.assertTrue(json.loads(body)["message"], got[:300])

    def test_bodies(self):
        for what, data, wanted in self.attacks(BODIES):
            with self.subTest(what):
                self.check_refusal(Peer(self.port).one_answer(
                    data.replace(b"\r\nHost: a", b"\r\nHost: a\r\nConnection: close", 1)), wanted)
        self.settle()

    def test_heads(self):
        for what, data, wanted in self.attacks(HEADS):
            with self.subTest(what):
                self.check_refusal(Peer(self.port).one_answer(data), wanted)
        self.settle()

    told = 0  # 413 that arrived, not lost to the reset of a connection that had more in it

    def test_a_hundred_megabytes(self):
        """Sent for real: with a length, and in chunks that never say how much will come."""
        head = "POST /v2/apps HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        for what, start, part in self.attacks((
                ("declared", "Content-Length: 104857600\r\n\r\n", b" " * 65536),
                ("chunked", "Transfer-Encoding: chunked\r\n\r\n", chunk))):
            with self.subTest(what):
                peers = [Peer(self.port) for _ in range(4)]
                for peer in peers:
                    peer.send((head + start).encode())
                sent = [0] * len(peers)
                for index, peer in enumerate(peers):
                    while sent[index] < 100 * MIB and peer.send(part):
                        sent[index] += 65536
                for index, peer in enumerate(peers):
                    with peer.socket:
                        got = peer.read()
                        self.told += got.startswith(b"HTTP/1.1 413 ")
                        self.check_refusal(got, None)
                    self.assertLess(sent[index], 100 * MIB, "all of it was taken")
        self.assertGreater(self.told, 0, "none arrived")
        self.settle()

    def test_pipelined_garbage(self):
        for what, data in self.attacks((
                ("after a good request", get("/ping") + b"\x00\xff garbage\r\n\r\n"),
                ("after a body", post("{}") + b"}}}}\r\n\r\n"),
                ("half of a body", post("{}").replace(b"Length: 2", b"Length: 1")))):
            with self.subTest(what):
                got = Peer(self.port).one_answer(data)
                self.assertRegex(got, rb"^HTTP/1.1 (200|400|422) ")
                for line in got.split(b"HTTP/1.1 ")[1:]:
                    self.assertIn(int(line[:3]), ALLOWED | {200})
        with self.subTest("ten thousand requests and no reading"):
            peer = Peer(self.port, 2)
            try:
                with peer.socket:
                    for _ in range(100):
                        peer.send(get("/v2/apps") * 100)
            except TimeoutError:
                pass  # it takes no more before its answers are read
        self.settle()

    def test_slow_loris(self):
        """Two hundred connections that never finish a request hold up nobody."""
        peers = [Peer(self.port) for _ in range(200)]
        try:
            for index, peer in enumerate(peers):
                peer.send(post("{}")[:10 + index % 90])
            for letter in b"Host: a":
                for peer in peers:
                    peer.send(bytes([letter]))
            wait_for(lambda: len(self.neighbour.took) >= NEIGHBOUR_MIN, "the neighbour is served")
        finally:
            for peer in peers:
                peer.socket.close()
        self.settle()


if __name__ == "__main__":
    main()
