"""What the integration tests share: a real engine, real Stadion processes, and waiting.

Nothing here sleeps for a fixed time: wait_for() polls a condition until it holds or its deadline
has passed. Every test has a folder, a host id and ports of its own, and removes what it made.

The program under test is named by STADION_BINARY, the engine by DOCKER_HOST.
"""

import http.client
import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
import urllib.parse
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("STADION_BINARY", os.path.join(ROOT, ".build/asan/stadion"))
ENGINE_SOCKET = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")[len("unix://"):]
BUSYBOX = "/bin/busybox"
POLL_S = 0.02
PAGE = "hello from a container\n"


class Timeout(AssertionError):
    """A condition did not come true in time."""


def wait_for(condition, what, seconds=20.0):
    """Calls condition() until it returns something true, and returns that. A condition may raise
    AssertionError, ConnectionError or KeyError for "not yet"."""
    end = time.monotonic() + seconds
    last = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except (AssertionError, OSError, http.client.HTTPException, LookupError) as error:
            last = error
        if time.monotonic() > end:
            raise Timeout(f"not within {seconds} s: {what}; last seen: {last!r}")
        time.sleep(POLL_S)


def holds_for(condition, what, seconds):
    """Asserts that condition() stays true for that long: for claims that something does not
    happen."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not condition():
            raise AssertionError(f"no longer true: {what}")
        time.sleep(POLL_S)


# --- HTTP -----------------------------------------------------------------------------------------


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path, timeout):
        super().__init__("engine", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Reply:
    """Status, headers and body of an answer."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.text[:300]}>"


def request(connection, method, path, body=None, headers=None):
    """One request and its whole answer. A body that is no bytes or text is sent as JSON."""
    headers = dict(headers or {})
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
    try:
        try:
            connection.request(method, path, body=body, headers=headers)
        except BrokenPipeError:
            pass  # the peer refused before it had all; its answer says why
        return Reply(connection.getresponse())
    finally:
        connection.close()


def fetch(url, timeout=5.0):
    """GET of an http:// URL."""
    parts = urllib.parse.urlsplit(url)
    return request(http.client.HTTPConnection(parts.netloc, timeout=timeout), "GET",
                   parts.path or "/")


def answers(port, text=PAGE, host="127.0.0.1"):
    """Whether the web app answers there, with its page."""
    try:
        reply = fetch(f"http://{host}:{port}/")
    except (OSError, http.client.HTTPException):
        return False
    return reply.status == 200 and text in reply.text


# --- the engine -----------------------------------------------------------------------------------


class Engine:
    """The Docker Engine API of one socket."""

    def __init__(self, path=ENGINE_SOCKET):
        self.path = path

    def call(self, method, path, body=None, headers=None, timeout=60.0):
        return request(UnixConnection(self.path, timeout), method, path, body, headers)

    def good(self, method, path, body=None, headers=None, timeout=60.0):
        reply = self.call(method, path, body, headers, timeout)
        if reply.status >= 400:
            raise AssertionError(f"engine: {method} {path}: {reply!r}")
        return reply

    def is_up(self):
        try:
            return self.call("GET", "/_ping", timeout=5.0).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def containers(self, label, every=True):
        filters = urllib.parse.quote(json.dumps({"label": [label]}))
        return self.good("GET", f"/containers/json?all={int(every)}&filters={filters}").json()

    def inspect(self, container):
        return self.good("GET", f"/containers/{container}/json").json()

    def kill(self, container):
        self.good("POST", f"/containers/{container}/kill")

    def remove(self, container):
        reply = self.call("DELETE", f"/containers/{container}?force=1&v=1")
        if reply.status not in (204, 404, 409):  # 409: its removal is under way
            raise AssertionError(f"engine: removing {container}: {reply!r}")

    def run(self, container, *command):
        """`docker exec` of a command, waited for."""
        made = self.good("POST", f"/containers/{container}/exec", {"Cmd": list(command)}).json()
        self.good("POST", f"/exec/{made['Id']}/start", {"Detach": False})

        def ended():
            state = self.good("GET", f"/exec/{made['Id']}/json").json()
            return None if state["Running"] or state["ExitCode"] is None else state
        code = wait_for(ended, f"{command} in {container} ends")["ExitCode"]
        if code != 0:
            raise AssertionError(f"{command} in {container} ended with {code}")

    def build_image(self, name, command):
        """An image of busybox and a page, from nothing. httpd does not heed SIGTERM as process 1,
        so a stop would wait for its grace period: such an image says SIGKILL."""
        dockerfile = (f"FROM scratch\nADD root.tar /\nSTOPSIGNAL SIGKILL\n"
                      f"CMD {json.dumps(command)}\n")
        context = archive([("Dockerfile", dockerfile.encode()), ("root.tar", web_root())])
        reply = self.good("POST", f"/build?rm=1&t={urllib.parse.quote(name)}", context,
                          {"Content-Type": "application/x-tar"})
        if '"error"' in reply.text:
            raise AssertionError(f"engine: building {name}: {reply!r}")

    def remove_image(self, name):
        self.call("DELETE", f"/images/{name}?force=1")


def archive(entries):
    """A tar of (name, content) pairs: bytes are a file, text is the target of a link, None makes
    a folder."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            entry.mode = 0o755
            if content is None:
                entry.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
            else:
                entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content) if entry.size else None)
    return out.getvalue()


def web_root():
    """A root file system: busybox with some names, and a page."""
    with open(BUSYBOX, "rb") as file:
        busybox = file.read()
    names = ("sh", "httpd", "rm", "touch", "cat", "sleep", "kill", "echo", "env")
    return archive([("bin", None), ("www", None), ("tmp", None), ("bin/busybox", busybox),
                    *((f"bin/{name}", "busybox") for name in names),
                    ("www/index.html", PAGE.encode()), ("www/health", b"well\n")])


HTTPD = ["/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/www"]


class SecondEngine:
    """A dockerd of our own beside the first. It gets a bridge of its own: told to have none, it
    would delete docker0 under the first one's feet."""

    def __init__(self, folder):
        self.folder = folder
        self.socket = os.path.join(folder, "docker.sock")
        self.api = Engine(self.socket)
        self.process = None
        self.bridge = f"stadion{random.randrange(10000)}"
        address = f"10.213.{random.randrange(256)}.1/24"
        subprocess.run(["ip", "link", "add", self.bridge, "type", "bridge"], check=True)
        subprocess.run(["ip", "address", "add", address, "dev", self.bridge], check=True)
        subprocess.run(["ip", "link", "set", self.bridge, "up"], check=True)

    def start(self):
        inside = {name: os.path.join(self.folder, name)
                  for name in ("data", "exec", "pid", "dockerd.log")}
        with open(inside["dockerd.log"], "ab") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--data-root", inside["data"], "--exec-root", inside["exec"],
                 "--pidfile", inside["pid"], "--containerd-namespace", "stadion-test",
                 "--containerd-plugins-namespace", "stadion-test-plugins",
                 "--bridge", self.bridge, "--iptables=false", "--ip6tables=false",
                 "--ip-forward=false", "-H", f"unix://{self.socket}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        wait_for(self.api.is_up, "the second engine answers", 60)
        return self.api

    def stop(self):
        """SIGTERM, which ends its containers too."""
        if self.process:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def remove(self):
        self.stop()
        kill_processes_of(self.folder)
        with open("/proc/mounts", encoding="utf-8") as file:
            mounts = [line.split(" ")[1] for line in file]
        for mount in reversed(mounts):
            if mount.startswith(self.folder + "/"):
                subprocess.run(["umount", "-l", mount], check=False)
        subprocess.run(["ip", "link", "delete", self.bridge], check=False)


# --- Stadion --------------------------------------------------------------------------------------


def free_port():
    """A port that nothing listens on, below those that the kernel gives to outgoing calls."""
    while True:
        port = random.randint(15000, 20999)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def environment():
    """What a stadion is started with: nothing of the caller's settings."""
    return {key: value for key, value in os.environ.items() if not key.startswith("STADION_")}


class Role:
    """One stadion process that can be started again and again with the same arguments."""

    def __init__(self, folder, name, arguments, binary=BINARY):
        self.name = name
        self.binary = binary
        self.arguments = arguments
        self.log = os.path.join(folder, f"{name}.log")
        self.process = None

    def start(self):
        if self.process and self.process.poll() is None:
            raise AssertionError(f"{self.name} runs already")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, *self.arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment(), start_new_session=True)
        return self

    @property
    def pid(self):
        return self.process.pid

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9"""
        if self.process:
            self.process.kill()
            self.process.wait()

    def stop(self, seconds=20.0):
        """SIGTERM, and its exit status must be 0: this is where leaks show."""
        if not self.running:
            return
        self.process.terminate()
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} did not stop within {seconds} s of SIGTERM")
        if status != 0:
            raise AssertionError(f"{self.name} ended with {status} after SIGTERM")

    def output(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""


class Api:
    """The coordinator's API on a port."""

    def __init__(self, port):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def call(self, method, path, body=None, headers=None, timeout=30.0):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        return request(connection, method, path, body, headers)

    def is_up(self):
        try:
            return self.call("GET", "/ping", timeout=5.0).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def app(self, app_id):
        reply = self.call("GET", f"/v2/apps/{app_id.strip('/')}")
        if reply.status != 200:
            raise KeyError(f"{app_id}: {reply!r}")
        return reply.json()["app"]

    def tasks(self, app_id):
        return self.app(app_id)["tasks"]

    def running(self, app_id):
        return [task for task in self.tasks(app_id) if task["state"] == "TASK_RUNNING"]

    def deployments(self):
        return self.call("GET", "/v2/deployments").json()


class Case(unittest.TestCase):
    """A test with a folder, an image and processes of its own; removes all of it at its end."""

    longMessage = True
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.engine = Engine()
        if not cls.engine.is_up():
            raise AssertionError(f"no Docker Engine answers at {ENGINE_SOCKET}")
        if not os.access(BINARY, os.X_OK):
            raise AssertionError(f"{BINARY} is not there: build it, or set STADION_BINARY")
        cls.image = f"stadion-test/web:{uuid.uuid4().hex[:12]}"
        cls.engine.build_image(cls.image, HTTPD)
        cls.addClassCleanup(cls.engine.remove_image, cls.image)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stadion-test-", dir="/tmp")
        self.host_id = f"test-{uuid.uuid4().hex[:12]}"
        self.roles = []
        self.port = free_port()
        self.agent_port = free_port()
        low = random.randrange(21000, 30900, 100)
        self.host_ports = (low, low + 99)
        self.api = Api(self.port)
        self.token_file = os.path.join(self.folder, "token")
        with open(self.token_file, "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(uuid.uuid4().hex + "\n")
        self.addCleanup(self.tear_down)

    # -- starting

    def agent_arguments(self, docker=None):
        return ["--docker", f"unix://{docker or ENGINE_SOCKET}", "--host-id", self.host_id,
                "--ports", "%d-%d" % self.host_ports]

    def add_role(self, name, arguments):
        role = Role(self.folder, name, arguments)
        self.roles.append(role)
        return role

    def start_dev(self, *more):
        self.dev = self.add_role("dev", [
            "dev", "--listen", f"127.0.0.1:{self.port}",
            "--agent-listen", f"127.0.0.1:{self.agent_port}",
            "--state", os.path.join(self.folder, "dev"), *self.agent_arguments(), *more])
        self.dev.start()
        self.wait_up(self.dev)
        return self.dev

    def make_coordinator(self, *more, state=None):
        self.coordinator = self.add_role("coordinator", [
            "coordinator", "--listen", f"127.0.0.1:{self.port}",
            "--state", state or os.path.join(self.folder, "coordinator"),
            "--agent-token-file", self.token_file, *more])
        return self.coordinator

    def make_agent(self, *more, docker=None):
        self.agent = self.add_role("agent", [
            "agent", "--listen", f"127.0.0.1:{self.agent_port}",
            "--state", os.path.join(self.folder, "agent"),
            "--coordinator", self.api.url, "--token-file", self.token_file,
            "--hostname", "127.0.0.1", *self.agent_arguments(docker), *more])
        return self.agent

    def start_pair(self):
        self.make_coordinator().start()
        self.make_agent().start()
        self.wait_up(self.coordinator)

    def wait_up(self, role):
        def up():
            if not role.running:
                raise RuntimeError(f"{role.name} ended:\n{role.output()[-2000:]}")
            return self.api.is_up()
        wait_for(up, f"{role.name} answers /ping")

    # -- apps

    def web_app(self, app_id="web", **more):
        app = {
            "id": app_id, "cpus": 0.01, "mem": 32, "instances": 1,
            "container": {"type": "DOCKER",
                          "docker": {"image": self.image, "network": "BRIDGE",
                                     "portMappings": [{"containerPort": 80, "hostPort": 0}]}},
        }
        app.update(more)
        return app

    def http_check(self, **more):
        check = {"protocol": "HTTP", "path": "/", "portIndex": 0, "gracePeriodSeconds": 2,
                 "intervalSeconds": 1, "timeoutSeconds": 2, "maxConsecutiveFailures": 3}
        check.update(more)
        return check

    def post(self, app):
        reply = self.api.call("POST", "/v2/apps", app)
        self.assertEqual(reply.status, 201, repr(reply))
        return reply.json()

    def put(self, app_id, change, force=False):
        reply = self.api.call("PUT", f"/v2/apps/{app_id}{'?force=true' if force else ''}", change)
        self.assertIn(reply.status, (200, 201), repr(reply))
        return reply.json()

    def wait_running(self, app_id, count=1, seconds=30.0):
        """Until exactly `count` tasks are there, all running, and all answer on their port."""
        def ready():
            tasks = self.api.tasks(app_id)
            good = [task for task in tasks if task["state"] == "TASK_RUNNING" and
                    all(answers(port) for port in task["ports"])]
            return tasks if len(good) == count == len(tasks) else None
        return wait_for(ready, f"{count} running task(s) of {app_id} that answer", seconds)

    def wait_no_deployments(self, seconds=30.0):
        wait_for(lambda: self.api.deployments() == [], "no deployment is under way", seconds)

    # -- containers

    def containers(self, every=True):
        return self.engine.containers(f"stadion.host={self.host_id}", every)

    def container_of(self, task_id):
        """The engine's view of the container that carries this task's label."""
        found = self.engine.containers(f"stadion.task={task_id}")
        self.assertEqual(len(found), 1, f"containers of {task_id}")
        return self.engine.inspect(found[0]["Id"])

    # -- the end

    def failed(self):
        outcome = self._outcome
        result = getattr(outcome, "result", None)
        lists = (getattr(result, "errors", []), getattr(result, "failures", []))
        return any(test is self for entries in lists for test, _ in entries) or \
            not getattr(outcome, "success", True)

    def tear_down(self):
        problems = []
        for role in reversed(self.roles):
            try:
                role.stop()
            except AssertionError as error:
                problems.append(str(error))
        for container in self.containers():
            self.engine.remove(container["Id"])
        kill_processes_of(self.folder)
        for role in self.roles:
            output = role.output()
            if "AddressSanitizer" in output or "LeakSanitizer" in output or \
                    "runtime error:" in output:
                problems.append(f"{role.name}: sanitizer report")
        if problems or self.failed():
            for role in self.roles:
                sys.stderr.write(f"---- {self.id()}: {role.name}.log, its end\n"
                                 f"{role.output()[-8000:]}\n")
        shutil.rmtree(self.folder, ignore_errors=True)
        if problems:
            self.fail("; ".join(problems))


def kill_processes_of(folder):
    """Ends process tasks and shims that live below a test's folder."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            working = os.readlink(f"/proc/{entry}/cwd")
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                command = file.read().decode("utf-8", "replace")
        except OSError:
            continue
        if working.startswith(folder + "/") or (folder + "/") in command:
            try:
                os.kill(int(entry), signal.SIGKILL)
            except ProcessLookupError:
                pass


def main():
    unittest.main(verbosity=2)
