"""An agent whose engine is not there waits, says so, and works as soon as it is."""

import os

from harness import Case, HTTPD, SecondEngine, holds_for, main, wait_for


class EngineAway(Case):
    def setUp(self):
        super().setUp()
        folder = os.path.join(self.folder, "engine")
        os.mkdir(folder)
        self.second = SecondEngine(folder)
        self.addCleanup(self.second.remove)
        self.make_coordinator().start()
        self.make_agent(docker=self.second.socket).start()
        self.wait_up(self.coordinator)

    def test_waits_and_works(self):
        self.post(self.web_app(backoffSeconds=1, backoffFactor=1))
        holds_for(lambda: self.agent.running and self.api.running("web") == [],
                  "the agent waits for its engine", 3)
        self.assertIn(self.second.socket, self.agent.output())

        engine = self.second.start()
        engine.build_image(self.image, HTTPD)
        self.wait_running("web", 1, 60)
        containers = engine.containers(f"stadion.host={self.host_id}")
        self.assertEqual(len(containers), 1)
        self.assertEqual(self.containers(), [], "nothing was started on another engine")

    def test_an_engine_that_goes_and_comes(self):
        engine = self.second.start()
        engine.build_image(self.image, HTTPD)
        self.post(self.web_app(backoffSeconds=1, backoffFactor=1))
        (task,) = self.wait_running("web", 1, 60)
        self.second.stop()  # which ends its containers
        holds_for(lambda: self.agent.running, "the agent outlives its engine", 2)
        engine = self.second.start()
        wait_for(lambda: task["id"] not in [t["id"] for t in self.api.tasks("web")],
                 "the old task is known to have ended", 60)
        self.wait_running("web", 1, 60)


if __name__ == "__main__":
    main()
