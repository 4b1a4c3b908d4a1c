"""The tutorial's hello-marathon: a shell command without a container."""

import os

from harness import Case, main, wait_for

COMMAND = 'while true; do echo "$(date): hello marathon"; echo trouble >&2; sleep 0.2; done'


class Process(Case):
    def setUp(self):
        super().setUp()
        self.start_pair()

    def hello(self, **more):
        return {"id": "hello", "cmd": COMMAND, "cpus": 0.1, "mem": 32, "instances": 1,
                "backoffSeconds": 0, **more}

    def start(self, **more):
        self.post(self.hello(**more))
        return wait_for(lambda: self.api.running("hello"), "it runs")[0]

    def outputs(self, name):
        """The output files of that name below the agent's state, newest last."""
        found = [os.path.join(folder, name)
                 for folder, _, files in os.walk(os.path.join(self.folder, "agent"))
                 if name in files]
        return sorted(found, key=os.path.getmtime)

    def size(self, name):
        return os.path.getsize(self.outputs(name)[-1])

    def pids(self):
        """Shells that run the command, found by their environment."""
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/environ", "rb") as file:
                    environment = file.read().split(b"\0")
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    command = file.read().split(b"\0")
            except OSError:
                continue
            if command[:2] == [b"/bin/sh", b"-c"] and command[2] == COMMAND.encode() and \
                    b"MARATHON_APP_ID=/hello" in environment and self.is_ours(entry):
                found.append(int(entry))
        return found

    def is_ours(self, pid):
        try:
            return os.readlink(f"/proc/{pid}/cwd").startswith(self.folder)
        except OSError:
            return False

    def wait_grows(self, name):
        before = self.size(name)
        wait_for(lambda: self.size(name) > before, f"{name} grows")

    def test_its_output_is_in_files(self):
        self.start()
        wait_for(lambda: self.outputs("stdout") and self.outputs("stderr"), "the files are there")
        self.wait_grows("stdout")
        self.wait_grows("stderr")
        with open(self.outputs("stdout")[-1], encoding="utf-8") as file:
            self.assertIn("hello marathon", file.read())
        with open(self.outputs("stderr")[-1], encoding="utf-8") as file:
            self.assertNotIn("hello", file.read())

    def test_it_outlives_the_agent(self):
        task = self.start()
        (pid,) = wait_for(self.pids, "the process is there")
        wait_for(lambda: self.outputs("stdout"), "its output is there")
        self.agent.kill()
        self.wait_grows("stdout")
        self.agent.start()
        self.put("hello", {"instances": 2})
        wait_for(lambda: len(self.api.running("hello")) == 2, "the agent works again")
        self.assertIn(pid, self.pids())
        self.assertIn(task["id"], [t["id"] for t in self.api.tasks("hello")])

        self.assertEqual(self.api.call("DELETE", "/v2/apps/hello").status, 200)
        wait_for(lambda: self.pids() == [], "all its processes are gone")

    def test_it_is_replaced_when_it_ends(self):
        task = self.start()
        (pid,) = wait_for(self.pids, "the process is there")
        os.kill(pid, 9)
        wait_for(lambda: [t["id"] for t in self.api.running("hello")] not in ([], [task["id"]]),
                 "another runs")
        failure = self.api.app("hello")["lastTaskFailure"]
        self.assertEqual(failure["taskId"], task["id"])
        self.assertRegex(failure["message"], "9|KILL")

    def test_its_exit_status_is_told(self):
        self.post({**self.hello(), "cmd": "echo last words >&2; exit 3", "backoffSeconds": 60})
        failure = wait_for(lambda: self.api.app("hello")["lastTaskFailure"], "the end is told")
        self.assertEqual(failure["state"], "TASK_FAILED")
        self.assertIn("3", failure["message"])

    def test_stopping_ends_the_whole_group(self):
        self.post({**self.hello(), "cmd": "sleep 1000 & sleep 1000 & wait"})
        wait_for(lambda: self.api.running("hello"), "it runs")

        def sleepers():
            found = []
            for entry in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open(f"/proc/{entry}/cmdline", "rb") as file:
                        command = file.read()
                except OSError:
                    continue
                if command == b"sleep\0001000\0" and self.is_ours(entry):
                    found.append(int(entry))
            return found
        wait_for(lambda: len(sleepers()) == 2, "both are there")
        self.assertEqual(self.api.call("DELETE", "/v2/apps/hello").status, 200)
        wait_for(lambda: sleepers() == [], "none is left")


if __name__ == "__main__":
    main()
