"""A reader of events that loses its connection again and again has seen each event once, in order;
so it is when the coordinator is killed between them."""

import json
import os
import random
import socket
import threading

from harness import Case, main, wait_for

CHANGES = 500
CUTS = 100  # of the reader's connection
KILLS = 5  # of the coordinator
SEED = int(os.environ.get("STADION_SEED", str(random.randrange(1 << 32))))


class Reader(threading.Thread):
    """Reads the stream in pieces, breaks it off at any byte, and goes on after the last event that
    it has whole."""

    def __init__(self, port, cuts, seed):
        super().__init__(daemon=True)
        self.port, self.cuts = port, cuts
        self.random = random.Random(seed)
        self.last = None  # number of the last event
        self.frames = []  # (number, type, data)
        self.connections = 0
        self.over = False
        self.ready = threading.Event()
        self.failure = None

    def run(self):
        while not self.over:
            try:
                self.read_one_connection()
            except OSError:
                self.over or threading.Event().wait(0.02)  # the coordinator is away
            except Exception as error:  # pylint: disable=broad-except
                self.failure = error
                return

    def read_one_connection(self):
        head = "GET /v2/events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n"
        if self.last is not None:
            head += f"Last-Event-ID: {self.last}\r\n"
        left = self.random.randrange(200, 15000) if self.connections < self.cuts else 1 << 40
        with socket.create_connection(("127.0.0.1", self.port), 5) as peer:
            peer.settimeout(0.2)
            peer.sendall((head + "\r\n").encode())
            self.connections += 1
            stream = Unchunked()
            while left > 0 and not self.over:
                try:
                    data = peer.recv(min(left, self.random.randrange(1, 4000)))
                except TimeoutError:
                    continue
                if not data:
                    return
                left -= len(data)
                for frame in stream.take(data):
                    self.take(frame)
                self.ready.set()

    def take(self, frame):
        fields = dict(line.split(": ", 1) for line in frame.split("\r\n") if line)
        if fields:
            self.last = int(fields["id"])
            self.frames.append((self.last, fields["event"], json.loads(fields["data"])))

    def marks(self):
        return [data["appDefinition"]["labels"]["mark"] for _, kind, data in list(self.frames)
                if kind == "api_post_event" and "mark" in data["appDefinition"]["labels"]]


class Unchunked:
    """Bytes of an HTTP answer in chunks to whole frames of the stream."""

    def __init__(self):
        self.raw, self.body, self.in_body = b"", b"", False

    def take(self, data):
        self.raw += data
        if not self.in_body:
            head, end, rest = self.raw.partition(b"\r\n\r\n")
            if not end:
                return []
            if not head.startswith(b"HTTP/1.1 200"):
                raise AssertionError(head)
            self.raw, self.in_body = rest, True
        while True:
            size, end, rest = self.raw.partition(b"\r\n")
            if not end or len(rest) < int(size, 16) + 2:
                break
            self.body += rest[:int(size, 16)]
            self.raw = rest[int(size, 16) + 2:]
        *frames, self.body = self.body.split(b"\r\n\r\n")
        self.body = self.body.lstrip(b"\r\n")  # keep-alives
        return [frame.decode() for frame in frames]


class Events(Case):
    def setUp(self):
        super().setUp()
        print(f"STADION_SEED={SEED}", flush=True)
        self.make_coordinator().start()
        self.wait_up(self.coordinator)
        self.post({"id": "changes", "cmd": "x", "instances": 0})

    def start_reader(self, cuts):
        reader = Reader(self.port, cuts, SEED)
        self.addCleanup(setattr, reader, "over", True)
        reader.start()
        self.assertTrue(reader.ready.wait(10), reader.failure)
        return reader

    def change(self, mark):
        try:
            return self.api.call("PUT", "/v2/apps/changes?force=true",
                                 {"labels": {"mark": mark}}).status
        except OSError:
            return None

    def check(self, reader, acknowledged, tried):
        def has_all():
            if reader.failure:
                raise RuntimeError(reader.failure)
            return tried[-1] in reader.marks()
        wait_for(has_all, "the last change is told", 30)
        marks, numbers = reader.marks(), [number for number, _, _ in reader.frames]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))),
                         "each number once, in order")
        self.assertEqual(marks, [mark for mark in tried if mark in set(marks)])
        self.assertLessEqual(set(acknowledged), set(marks))
        self.assertNotIn("event_stream_gap", {kind for _, kind, _ in reader.frames})

    def test_connections_that_break(self):
        reader = self.start_reader(CUTS)
        marks = [str(number) for number in range(CHANGES)]
        for mark in marks:
            self.assertEqual(self.change(mark), 200)
        self.check(reader, marks, marks)
        self.assertGreater(reader.connections, CUTS)
        print(f"{reader.connections} connections, {len(reader.frames)} events", flush=True)

    def test_a_coordinator_that_is_killed(self):
        reader = self.start_reader(0)
        chance, acknowledged, tried = random.Random(SEED), [], []
        for kill in range(KILLS + 1):
            for number in range(chance.randrange(5, 40)):
                tried.append(f"{kill}-{number}")
                self.assertEqual(self.change(tried[-1]), 200)
                acknowledged.append(tried[-1])
            if kill < KILLS:
                self.coordinator.kill()
                self.coordinator.start()
                self.wait_up(self.coordinator)
        self.check(reader, acknowledged, tried)


if __name__ == "__main__":
    main()
