"""packaging/quickstart.sh: the first five minutes."""

import os
import re
import shutil
import subprocess
import tempfile

from harness import Case, ROOT, environment, fetch, free_port, main, wait_for

SCRIPT = os.path.join(ROOT, "packaging/quickstart.sh")


class Quickstart(Case):
    def setUp(self):
        super().setUp()
        self.state = os.path.join(self.folder, "state")
        self.environment = {
            **environment(),
            "STADION_STATE": self.state,
            "STADION_LISTEN": f"127.0.0.1:{self.port}",
            "STADION_AGENT_LISTEN": f"127.0.0.1:{self.agent_port}",
            "STADION_HOST_ID": self.host_id,
            "STADION_PORTS": "%d-%d" % self.host_ports,
        }
        self.addCleanup(self.run_script, "--clean")

    def run_script(self, *arguments, **more):
        done = subprocess.run([SCRIPT, *arguments], stdin=subprocess.DEVNULL, timeout=900,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={**self.environment, **more}, check=False)
        print(done.stdout, flush=True)
        return done

    def bring_up(self):
        done = self.run_script("--detach")
        self.assertEqual(done.returncode, 0, done.stdout)
        return re.search(r"The game +(http://\S+)", done.stdout).group(1)

    def test_up_again_stop_up_clean(self):
        address = self.bring_up()
        self.assertIn("<title>2048</title>", fetch(address).text)
        (container,) = self.containers()
        self.assertEqual(self.bring_up(), address, "a second run changes nothing")
        self.assertEqual([c["Id"] for c in self.containers()], [container["Id"]])

        self.assertEqual(self.run_script("--stop").returncode, 0)
        self.assertFalse(self.api.is_up())
        self.assertIn("<title>2048</title>", fetch(address).text)
        self.assertEqual(self.run_script("--stop").returncode, 0, "nothing to stop is no error")

        self.assertEqual(self.bring_up(), address)
        self.assertEqual([c["Id"] for c in self.containers()], [container["Id"]])

        self.put("docker-2048", {"instances": 2})
        wait_for(lambda: self.api.app("docker-2048")["tasksHealthy"] == 2, "two are healthy", 60)
        self.wait_no_deployments()
        self.bring_up()
        self.assertEqual(self.api.app("docker-2048")["instances"], 2, "what was scaled stays so")

        self.assertEqual(self.run_script("--clean").returncode, 0)
        self.assertEqual(self.containers(), [])
        self.assertFalse(os.path.exists(self.state))
        self.assertFalse(self.api.is_up())

    def test_problems_are_one_line(self):
        self.make_coordinator().start()  # holds the port
        self.wait_up(self.coordinator)
        done = self.run_script("--detach")
        self.assertNotEqual(done.returncode, 0)
        last = done.stdout.strip().splitlines()[-1]
        self.assertIn(f"127.0.0.1:{self.port} is taken", last)
        self.assertIn("STADION_LISTEN", last)

        port = free_port()
        for more, words in [
                ({"DOCKER_HOST": f"tcp://127.0.0.1:{port}"}, "DOCKER_HOST"),
                ({"DOCKER_HOST": f"unix://{self.folder}/no.sock"}, "DOCKER_HOST"),
                ({"STADION_LISTEN": "here"}, "STADION_LISTEN"),
                ({"STADION_STATE": "/"}, "STADION_STATE")]:
            with self.subTest(more):
                done = self.run_script("--detach", **more)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(words, done.stdout.strip().splitlines()[-1])
        self.assertNotEqual(self.run_script("--nonsense").returncode, 0)
        self.assertEqual(self.run_script("--help").returncode, 0)

    def test_needs_root(self):
        with tempfile.TemporaryDirectory() as folder:  # the checkout may be root's alone
            os.chmod(folder, 0o755)
            script = shutil.copy(SCRIPT, folder)
            done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "--regid=65534",
                                   "bash", script], env=self.environment, text=True, check=False,
                                  cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(len(done.stdout.strip().splitlines()), 1, done.stdout)
        self.assertIn("sudo", done.stdout)


if __name__ == "__main__":
    main()
