"""Closed by default: loopback, tokens, credentials."""

import base64
import http.client
import os
import subprocess

from harness import BINARY, Api, Case, environment, main, request, wait_for


class Access(Case):
    def run_refused(self, *arguments):
        """Runs stadion, which must end by itself and say why in one line."""
        done = subprocess.run([BINARY, *arguments], stdin=subprocess.DEVNULL, timeout=30,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=environment(), check=False)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_other_addresses_need_credentials(self):
        state = os.path.join(self.folder, "state")
        for role in ("coordinator", "dev", "agent"):
            with self.subTest(role):
                said = self.run_refused(role, "--listen", f"0.0.0.0:{self.port}", "--state", state)
                self.assertIn("--insecure", said)
                self.assertIn("0.0.0.0", said)

    def test_insecure_is_a_choice(self):
        self.add_role("coordinator", [
            "coordinator", "--listen", f"0.0.0.0:{self.port}", "--insecure",
            "--state", os.path.join(self.folder, "state")]).start()
        self.wait_up(self.roles[-1])

    def test_a_port_that_is_taken_is_named(self):
        self.make_coordinator().start()
        self.wait_up(self.coordinator)
        said = self.run_refused("coordinator", "--listen", f"127.0.0.1:{self.port}",
                                "--state", os.path.join(self.folder, "other"))
        self.assertIn(str(self.port), said)

    def test_two_coordinators_do_not_share_a_store(self):
        self.make_coordinator().start()
        self.wait_up(self.coordinator)
        said = self.run_refused("coordinator", "--listen", f"127.0.0.1:{self.agent_port}",
                                "--state", os.path.join(self.folder, "coordinator"))
        self.assertIn("coordinator", said)

    def test_agents_need_the_token(self):
        self.make_coordinator().start()
        self.wait_up(self.coordinator)
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            for path in ("hello", "report", "wanted"):
                with self.subTest(path=path, headers=headers):
                    reply = self.api.call("POST", f"/agent/v1/{path}", {}, headers)
                    self.assertEqual(reply.status, 401, repr(reply))

    def test_the_agents_own_port(self):
        self.start_pair()
        agent = Api(self.agent_port)
        wait_for(agent.is_up, "the agent answers /ping")
        self.assertIn(agent.call("GET", "/v1/tasks").status, (401, 403))
        with open(self.token_file, encoding="ascii") as file:
            token = file.read().strip()
        reply = agent.call("GET", "/v1/tasks", headers={"Authorization": f"Bearer {token}"})
        self.assertEqual(reply.status, 200, repr(reply))

    def test_an_agent_with_the_wrong_token_gets_nothing(self):
        other = os.path.join(self.folder, "other-token")
        with open(other, "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write("not-the-one\n")
        self.make_coordinator().start()
        self.make_agent("--token-file", other).start()
        self.wait_up(self.coordinator)
        wait_for(lambda: "401" in self.agent.output() or "token" in self.agent.output(),
                 "the agent says why it is refused")
        self.assertTrue(self.agent.running)

    def test_credentials(self):
        path = os.path.join(self.folder, "credentials")
        with open(path, "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write("ada:lovelace\n")
        self.make_coordinator("--credentials-file", path).start()
        wait_for(lambda: self.status("/v2/apps") == 401, "the coordinator asks for credentials")
        for target in ("/v2/apps", "//v2/apps", "/v2/./apps", "/%762/apps", "/v2/apps;x", "/ui/"):
            with self.subTest(target):
                self.assertNotEqual(self.status(target), 200)
        self.assertEqual(self.status("/v2/apps", "ada:byron"), 401)
        self.assertEqual(self.status("/v2/apps", "ada:lovelace"), 200)
        reply = self.api.call("GET", "/v2/apps")
        self.assertIn("Basic", reply.headers["WWW-Authenticate"])

    def status(self, path, credentials=None):
        headers = {}
        if credentials:
            word = base64.b64encode(credentials.encode()).decode()
            headers["Authorization"] = f"Basic {word}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        return request(connection, "GET", path, headers=headers).status

    def test_state_is_private(self):
        self.start_dev()
        self.post(self.web_app(instances=0))
        for folder, _, files in os.walk(os.path.join(self.folder, "dev")):
            self.assertEqual(os.stat(folder).st_mode & 0o077, 0, folder)
            for name in files:
                path = os.path.join(folder, name)
                self.assertEqual(os.stat(path).st_mode & 0o077, 0, path)


if __name__ == "__main__":
    main()
