"""What is wrong is refused with a status and words that name it, and leaves nothing behind."""

import copy
import json
import socket

from harness import Case, main

GOOD = {
    "id": "web", "cpus": 0.1, "mem": 32, "instances": 0,
    "container": {"type": "DOCKER", "docker": {"image": "some/image"},
                  "portMappings": [{"containerPort": 80, "hostPort": 0}]},
    "networks": [{"mode": "container/bridge"}],
    "healthChecks": [{"protocol": "HTTP", "path": "/", "portIndex": 0}],
}

# what is wrong, where it is put into GOOD, the value, the path that the answer must name
WRONG = [
    ("text for a number", ["cpus"], "many", "/cpus"),
    ("a number for text", ["id"], 7, "/id"),
    ("a fraction of an instance", ["instances"], 1.5, "/instances"),
    ("fewer than none", ["instances"], -1, "/instances"),
    ("negative cpus", ["cpus"], -1, "/cpus"),
    ("negative memory", ["mem"], -5, "/mem"),
    ("an id with a blank", ["id"], "two words", "/id"),
    ("an id in capitals", ["id"], "Web", "/id"),
    ("an id that is a route", ["id"], "web/tasks", "/id"),
    ("an object for a list", ["healthChecks"], {}, "/healthChecks"),
    ("an unknown protocol", ["healthChecks", 0, "protocol"], "GOPHER",
     "/healthChecks(0)/protocol"),
    ("a port index beyond the ports", ["healthChecks", 0, "portIndex"], 3, "/healthChecks(0)"),
    ("a container port too high", ["container", "portMappings", 0, "containerPort"], 70000,
     "/container/portMappings(0)/containerPort"),
    ("a host port too high", ["container", "portMappings", 0, "hostPort"], 70000,
     "/container/portMappings(0)/hostPort"),
    ("an unknown mapping protocol", ["container", "portMappings", 0, "protocol"], "sctp",
     "/container/portMappings(0)/protocol"),
    ("an unknown container type", ["container", "type"], "ROCKET", "/container/type"),
    ("no image", ["container", "docker", "image"], "", "/container/docker/image"),
    ("text for env", ["env"], "A=1", "/env"),
    ("a shrinking backoff", ["backoffFactor"], 0.5, "/backoffFactor"),
    ("an unknown kill selection", ["killSelection"], "RANDOM", "/killSelection"),
]

# fields that mean something, and that are not carried out yet: refused, never ignored
UNSUPPORTED = [
    (["fetch"], [{"uri": "http://example.com/a.tgz"}], "fetch"),
    (["uris"], ["http://example.com/a.tgz"], "uris"),
    (["secrets"], {"key": {"source": "somewhere"}}, "secrets"),
    (["gpus"], 1, "gpus"),
    (["container", "volumes"],
     [{"containerPath": "/data", "hostPath": "/srv", "mode": "RW"}], "volumes"),
    (["container", "docker", "privileged"], True, "privileged"),
    (["container", "docker", "parameters"], [{"key": "dns", "value": "1.1.1.1"}], "parameters"),
    (["readinessChecks"], [{"name": "ready", "portName": "http"}], "readinessChecks"),
]


def changed(path, value):
    app = copy.deepcopy(GOOD)
    place = app
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return app


class BadInput(Case):
    def setUp(self):
        super().setUp()
        self.start_dev()

    def refuse(self, status, body, headers=None, method="POST", path="/v2/apps"):
        reply = self.api.call(method, path, body, headers)
        self.assertEqual(reply.status, status, repr(reply))
        self.assertTrue(reply.json()["message"])
        return reply.json()

    def test_wrong_values(self):
        for what, path, value, named in WRONG:
            with self.subTest(what):
                answer = self.refuse(422, changed(path, value))
                named_paths = [detail["path"] for detail in answer["details"]]
                self.assertIn(named, named_paths)
                self.assertTrue(all(detail["errors"] for detail in answer["details"]))
        self.check_nothing_is_left()

    def test_what_is_not_there_yet(self):
        for path, value, named in UNSUPPORTED:
            with self.subTest(named):
                answer = self.refuse(422, changed(path, value))
                self.assertIn(named, json.dumps(answer["details"]))
        self.check_nothing_is_left()

    def test_no_json(self):
        headers = {"Content-Type": "application/json"}
        whole = json.dumps(GOOD)
        for what, body in [("cut off", whole[:-1]), ("empty", ""), ("more after it", whole + "{}"),
                           ("a NUL in a key", '{"id\\u0000x":"web"}'),
                           ("not UTF-8", b'{"id":"\xff"}'), ("a deep nest", "[" * 5000)]:
            with self.subTest(what):
                self.refuse(400, body, headers)
        self.check_nothing_is_left()

    def test_no_object(self):
        for body in ("[]", "7", "null", '"web"'):
            with self.subTest(body):
                reply = self.api.call("POST", "/v2/apps", body,
                                      {"Content-Type": "application/json"})
                self.assertIn(reply.status, (400, 422), repr(reply))
        self.check_nothing_is_left()

    def test_neither_command_nor_image(self):
        answer = self.refuse(422, {"id": "nothing"})
        self.assertEqual(answer["message"], "Object is not valid")

    def test_other_types_routes_and_methods(self):
        self.refuse(415, "id=web", {"Content-Type": "application/x-www-form-urlencoded"})
        self.refuse(404, None, method="GET", path="/v2/apps/absent")
        self.refuse(404, None, method="DELETE", path="/v2/apps/absent")
        self.refuse(404, None, method="GET", path="/v2/nothing/here")
        self.refuse(405, GOOD, method="POST", path="/v2/apps/web")
        self.refuse(404, None, method="DELETE", path="/v2/deployments/absent")

    def test_too_much(self):
        body = changed(["env"], {"A": "x" * (9 << 20)})
        try:
            reply = self.api.call("POST", "/v2/apps", body)
            self.assertEqual(reply.status, 413, repr(reply))
        except ConnectionError:
            pass  # closed before all of it was sent, which is as good
        self.check_nothing_is_left()

    def test_hostile_heads(self):
        for what, head in [
                ("two lengths", "POST /v2/apps HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                                "Content-Length: 3\r\n\r\n{}x"),
                ("a signed length", "POST /v2/apps HTTP/1.1\r\nHost: a\r\n"
                                    "Content-Length: +2\r\n\r\n{}"),
                ("a huge header", "GET /ping HTTP/1.1\r\nHost: a\r\n"
                                  "X: " + "y" * 100000 + "\r\n\r\n"),
                ("no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")]:
            with self.subTest(what):
                with socket.create_connection(("127.0.0.1", self.port), 10) as peer:
                    try:
                        peer.sendall(head.encode("latin-1"))
                        peer.shutdown(socket.SHUT_WR)
                        answer = peer.recv(4096)
                    except OSError:  # closed before all of it was sent, which is as good
                        answer = b""
                self.assertFalse(answer.split(b" ")[1:2] in ([b"200"], [b"201"]), answer)
                self.assertTrue(self.api.is_up())

    def check_nothing_is_left(self):
        self.assertEqual(self.api.call("GET", "/v2/apps").json()["apps"], [])
        self.assertEqual(self.api.deployments(), [])


if __name__ == "__main__":
    main()
