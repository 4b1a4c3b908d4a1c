"""An app is posted, runs, answers, and everybody tells the same about it."""

from harness import Case, PAGE, answers, main, wait_for


class FirstRun(Case):
    def setUp(self):
        super().setUp()
        self.start_dev()

    def check_runs(self, app):
        reply = self.api.call("POST", "/v2/apps", app)
        self.assertEqual(reply.status, 201, repr(reply))
        self.assertTrue(reply.headers["Marathon-Deployment-Id"])
        self.assertEqual(reply.json()["id"], "/web")
        (task,) = self.wait_running("web")
        return task

    def test_the_tutorials_legacy_form(self):
        app = self.web_app()
        task = self.check_runs(app)
        self.assertEqual(self.api.call("POST", "/v2/apps", app).status, 409)

        container = self.container_of(task["id"])
        published = container["NetworkSettings"]["Ports"]["80/tcp"]
        self.assertEqual({int(port["HostPort"]) for port in published}, set(task["ports"]))
        self.assertTrue(self.host_ports[0] <= task["ports"][0] <= self.host_ports[1])
        self.assertTrue(answers(task["ports"][0], PAGE))

        self.wait_no_deployments()
        shown = self.api.app("web")
        self.assertEqual(shown["tasksRunning"], 1)
        self.assertEqual(shown["networks"], [{"mode": "container/bridge"}])
        self.assertEqual(shown["deployments"], [])
        self.assertEqual(task["appId"], "/web")

    def test_the_current_form(self):
        app = self.web_app()
        app["networks"] = [{"mode": "container/bridge"}]
        mappings = app["container"]["docker"].pop("portMappings")
        del app["container"]["docker"]["network"]
        app["container"]["portMappings"] = mappings
        self.check_runs(app)

    def test_what_a_task_finds_in_its_environment(self):
        app = self.web_app(env={"GREETING": "hello", "HOST": "mine"}, labels={"tier": "front"})
        task = self.check_runs(app)
        container = self.container_of(task["id"])
        environment = dict(entry.split("=", 1) for entry in container["Config"]["Env"])
        port = str(task["ports"][0])
        wanted = {
            "GREETING": "hello", "HOST": "mine",  # the user's word is the last
            "PORT": port, "PORT0": port, "PORTS": port, "PORT_80": port,
            "MARATHON_APP_ID": "/web", "MESOS_TASK_ID": task["id"],
            "MARATHON_APP_VERSION": task["version"],
            "MARATHON_APP_DOCKER_IMAGE": self.image,
            "MARATHON_APP_RESOURCE_MEM": "32.0", "MARATHON_APP_LABEL_TIER": "front",
        }
        self.assertEqual({key: environment.get(key) for key in wanted}, wanted)
        labels = container["Config"]["Labels"]
        self.assertEqual(labels["stadion.app"], "/web")
        self.assertEqual(labels["MESOS_TASK_ID"], task["id"])

    def test_a_healthy_task_is_shown_with_its_results(self):
        task = self.check_runs(self.web_app(healthChecks=[self.http_check()]))

        def healthy():
            app = self.api.app("web")
            results = app["tasks"][0]["healthCheckResults"]
            return app["tasksHealthy"] == 1 and results and results[0]["alive"] and results[0]
        result = wait_for(healthy, "the task is healthy")
        self.assertEqual(result["consecutiveFailures"], 0)
        self.assertTrue(result["firstSuccess"])
        self.assertTrue(task["id"].startswith("web.instance-"))


if __name__ == "__main__":
    main()
