"""An agent whose engine is not there waits, says so, and works as soon as it is."""

import os

from harness import Case, HTTPD, holds_for, main, start_engine, stop_engine, wait_for


class EngineAway(Case):
    def setUp(self):
        super().setUp()
        self.second = os.path.join(self.folder, "engine")
        os.mkdir(self.second)
        self.process = None
        self.addCleanup(self.end_engine)
        self.make_coordinator().start()
        self.make_agent(docker=os.path.join(self.second, "docker.sock")).start()
        self.wait_up(self.coordinator)

    def end_engine(self):
        if self.process:
            stop_engine(self.process, self.second)

    def begin_engine(self):
        self.process, engine = start_engine(self.second)
        wait_for(engine.is_up, "the second engine answers", 60)
        return engine

    def host_web_app(self):
        """On the host's network, since the second engine has no bridge."""
        return {"id": "web", "cpus": 0.01, "mem": 32, "instances": 1, "backoffSeconds": 1,
                "backoffFactor": 1, "cmd": "exec httpd -f -p $PORT0 -h /www",
                "networks": [{"mode": "host"}],
                "container": {"type": "DOCKER", "docker": {"image": self.image}}}

    def test_waits_and_works(self):
        self.post(self.host_web_app())
        holds_for(lambda: self.agent.running and self.api.running("web") == [],
                  "the agent waits for its engine", 3)
        self.assertIn(os.path.join(self.second, "docker.sock"), self.agent.output())

        engine = self.begin_engine()
        engine.build_image(self.image, HTTPD)
        self.wait_running("web", 1, 60)
        containers = engine.containers(f"stadion.host={self.host_id}")
        self.assertEqual(len(containers), 1)
        self.assertEqual(self.containers(), [], "nothing was started on another engine")

    def test_an_engine_that_goes_and_comes(self):
        engine = self.begin_engine()
        engine.build_image(self.image, HTTPD)
        self.post(self.host_web_app())
        (task,) = self.wait_running("web", 1, 60)
        stop_engine(self.process, self.second)  # which ends its containers
        holds_for(lambda: self.agent.running, "the agent outlives its engine", 2)
        engine = self.begin_engine()
        wait_for(lambda: task["id"] not in [t["id"] for t in self.api.tasks("web")],
                 "the old task is known to have ended", 60)
        self.wait_running("web", 1, 60)


if __name__ == "__main__":
    main()
