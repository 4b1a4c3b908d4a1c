"""What dies or turns unhealthy is replaced: at once if it ran well, else under backoff."""

import time
from datetime import datetime, timezone

from harness import Case, answers, holds_for, main, wait_for

WELL_S = 10  # this long well, and the replacement is not delayed


def age_s(task):
    started = datetime.strptime(task["startedAt"], "%Y-%m-%dT%H:%M:%S.%fZ")
    return (datetime.now(timezone.utc) - started.replace(tzinfo=timezone.utc)).total_seconds()


class Healing(Case):
    def setUp(self):
        super().setUp()
        self.start_dev()

    def start_one(self, **more):
        self.post(self.web_app(**more))
        (task,) = self.wait_running("web")
        return task

    def wait_replaced(self, old, seconds):
        def replaced():
            tasks = self.api.tasks("web")
            return (len(tasks) == 1 and tasks[0]["id"] != old["id"] and
                    tasks[0]["state"] == "TASK_RUNNING" and answers(tasks[0]["ports"][0]) and
                    tasks[0])
        return wait_for(replaced, f"another task answers in place of {old['id']}", seconds)

    def check_one_container(self, task):
        wait_for(lambda: [c["Labels"]["stadion.task"] for c in self.containers()] == [task["id"]],
                 "the new task's container is the only one")

    def test_killed_after_running_well(self):
        # With this backoff a replacement that was delayed could not come in time.
        task = self.start_one(backoffSeconds=60)
        wait_for(lambda: age_s(task) > WELL_S + 0.2, "it has run well", WELL_S + 5)
        self.engine.kill(self.container_of(task["id"])["Id"])
        new = self.wait_replaced(task, 10)
        self.check_one_container(new)

        failure = self.api.app("web")["lastTaskFailure"]
        self.assertEqual(failure["taskId"], task["id"])
        self.assertIn("137", failure["message"])
        at = datetime.strptime(failure["timestamp"], "%Y-%m-%dT%H:%M:%S.%fZ")
        self.assertLess(abs(datetime.now(timezone.utc).replace(tzinfo=None) - at).total_seconds(),
                        30)

    def test_killed_young_waits_for_the_backoff(self):
        task = self.start_one(backoffSeconds=4)
        self.engine.kill(self.container_of(task["id"])["Id"])
        began = time.monotonic()
        self.wait_replaced(task, 15)
        self.assertGreater(time.monotonic() - began, 3.0)

    def test_removed_by_force(self):
        task = self.start_one(backoffSeconds=0)
        self.engine.remove(self.container_of(task["id"])["Id"])
        self.check_one_container(self.wait_replaced(task, 15))

    def test_check_that_begins_to_fail(self):
        task = self.start_one(healthChecks=[self.http_check(path="/health")], backoffSeconds=60)
        wait_for(lambda: self.api.app("web")["tasksHealthy"] == 1, "it is healthy")
        self.engine.run(self.container_of(task["id"])["Id"], "/bin/rm", "/www/health")

        def failing():
            tasks = self.api.tasks("web")
            results = tasks and tasks[0]["id"] == task["id"] and tasks[0]["healthCheckResults"]
            return results and results[0]["consecutiveFailures"] >= 1 and results[0]
        result = wait_for(failing, "the failures are counted")
        self.assertFalse(result["alive"])
        self.assertIn("404", result["lastFailureCause"])

        new = self.wait_replaced(task, 20)
        self.check_one_container(new)
        failure = self.api.app("web")["lastTaskFailure"]
        self.assertEqual(failure["taskId"], task["id"])
        self.assertEqual(failure["state"], "TASK_KILLED")
        self.assertIn("404", failure["message"])

    def test_grace_hides_failures(self):
        grace_s = 6
        task = self.start_one(healthChecks=[self.http_check(
            path="/absent", gracePeriodSeconds=grace_s, maxConsecutiveFailures=2)])
        holds_for(lambda: [t["id"] for t in self.api.tasks("web")] == [task["id"]],
                  "the task is left alone in its grace period", grace_s - age_s(task) - 0.5)
        wait_for(lambda: task["id"] not in [t["id"] for t in self.api.tasks("web")],
                 "it is killed after its grace period", 15)

    def test_no_threshold_never_kills(self):
        task = self.start_one(healthChecks=[self.http_check(
            path="/absent", gracePeriodSeconds=0, maxConsecutiveFailures=0)])

        def often():
            results = self.api.tasks("web")[0]["healthCheckResults"]
            return results and results[0]["consecutiveFailures"] >= 4
        wait_for(often, "it has failed often")
        self.assertEqual([t["id"] for t in self.api.tasks("web")], [task["id"]])


if __name__ == "__main__":
    main()
