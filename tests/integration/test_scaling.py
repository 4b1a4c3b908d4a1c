"""More, fewer, other, none."""

from harness import Case, answers, main, wait_for


class Scaling(Case):
    def setUp(self):
        super().setUp()
        self.start_dev()

    def test_four_one_none(self):
        self.post(self.web_app())
        (first,) = self.wait_running("web")
        self.put("web", {"instances": 4})
        tasks = self.wait_running("web", 4)
        ports = [port for task in tasks for port in task["ports"]]
        self.assertEqual(len(set(ports)), 4)
        self.assertIn(first["id"], [task["id"] for task in tasks])
        self.wait_no_deployments()

        self.put("web", {"instances": 1})
        (left,) = self.wait_running("web", 1)
        self.assertEqual(left["id"], first["id"], "the youngest go first")
        wait_for(lambda: len(self.containers()) == 1, "one container is left")
        self.wait_no_deployments()

        reply = self.api.call("DELETE", "/v2/apps/web")
        self.assertEqual(reply.status, 200, repr(reply))
        wait_for(lambda: self.containers() == [], "no container is left")
        wait_for(lambda: self.api.call("GET", "/v2/apps/web").status == 404, "the app is gone")
        self.assertFalse(answers(left["ports"][0]))

    def test_suspended_and_back(self):
        self.post(self.web_app())
        self.wait_running("web")
        self.put("web", {"instances": 0})
        wait_for(lambda: self.api.tasks("web") == [] and self.containers() == [],
                 "nothing runs")
        self.wait_no_deployments()
        self.put("web", {"instances": 1})
        self.wait_running("web")

    def test_the_same_again_changes_nothing(self):
        app = self.web_app()
        self.post(app)
        (task,) = self.wait_running("web")
        self.wait_no_deployments()
        version = self.api.app("web")["version"]
        self.put("web", app)
        self.assertEqual(self.api.app("web")["version"], version)
        self.assertEqual([t["id"] for t in self.api.tasks("web")], [task["id"]])

    def test_a_changed_definition_replaces_without_a_gap(self):
        app = self.web_app(healthChecks=[self.http_check()], instances=2)
        self.post(app)
        old = {task["id"] for task in self.wait_running("web", 2)}
        self.wait_no_deployments()
        self.put("web", {"env": {"COLOUR": "blue"}})
        fewest = 2

        def replaced():
            nonlocal fewest
            tasks = self.api.tasks("web")
            fewest = min(fewest, sum(answers(t["ports"][0]) for t in tasks if t["ports"]))
            return len(tasks) == 2 and not old & {task["id"] for task in tasks} and \
                self.api.deployments() == [] and tasks
        tasks = wait_for(replaced, "both tasks are new", 60)
        self.assertGreaterEqual(fewest, 1, "the app went away while it was replaced")
        for task in tasks:
            self.assertIn("COLOUR=blue", self.container_of(task["id"])["Config"]["Env"])
        wait_for(lambda: len(self.containers()) == 2, "the old containers are gone")

    def test_a_killed_task_is_replaced_unless_scaled(self):
        self.post(self.web_app(instances=2))
        tasks = self.wait_running("web", 2)
        self.wait_no_deployments()
        reply = self.api.call("DELETE", f"/v2/apps/web/tasks/{tasks[0]['id']}")
        self.assertEqual(reply.status, 200, repr(reply))
        wait_for(lambda: tasks[0]["id"] not in [t["id"] for t in self.api.tasks("web")],
                 "the killed task is gone")
        tasks = self.wait_running("web", 2)
        reply = self.api.call("DELETE", f"/v2/apps/web/tasks/{tasks[0]['id']}?scale=true")
        self.assertEqual(reply.status, 200, repr(reply))
        (left,) = self.wait_running("web", 1)
        self.assertEqual(left["id"], tasks[1]["id"])
        self.assertEqual(self.api.app("web")["instances"], 1)


if __name__ == "__main__":
    main()
