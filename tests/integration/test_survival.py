"""Agent and coordinator are killed with -9: no container is touched, no acknowledged write lost."""

import random

from harness import Case, answers, holds_for, main, wait_for


class Survival(Case):
    def setUp(self):
        super().setUp()
        self.start_pair()

    def container_ids(self):
        return {container["Id"] for container in self.containers(every=False)}

    def test_the_agent_adopts_what_runs(self):
        self.post(self.web_app(instances=3))
        tasks = self.wait_running("web", 3)
        before = self.container_ids()
        self.agent.kill()
        self.assertTrue(all(answers(task["ports"][0]) for task in tasks))
        self.assertEqual(self.container_ids(), before)

        self.agent.start()
        # That it is back shows in a change that it carries out.
        self.put("web", {"instances": 4})
        after = self.wait_running("web", 4)
        self.assertLess(before, self.container_ids())
        self.assertLess({task["id"] for task in tasks}, {task["id"] for task in after})

    def test_what_died_meanwhile_is_replaced(self):
        self.post(self.web_app(instances=2, backoffSeconds=0))
        tasks = self.wait_running("web", 2)
        self.agent.kill()
        self.engine.kill(self.container_of(tasks[0]["id"])["Id"])
        self.agent.start()
        wait_for(lambda: tasks[0]["id"] not in [t["id"] for t in self.api.tasks("web")],
                 "the dead task is known to be dead")
        after = self.wait_running("web", 2)
        self.assertIn(tasks[1]["id"], [task["id"] for task in after])
        failure = self.api.app("web")["lastTaskFailure"]
        self.assertEqual(failure["taskId"], tasks[0]["id"])
        self.assertIn("137", failure["message"])

    def test_an_agent_without_its_disk_adopts_too(self):
        self.post(self.web_app(instances=2))
        tasks = self.wait_running("web", 2)
        before = self.container_ids()
        self.agent.kill()
        self.make_agent("--state", self.folder + "/agent-with-a-new-disk").start()
        self.put("web", {"instances": 3})
        after = self.wait_running("web", 3)
        self.assertLess(before, self.container_ids())
        self.assertLess({task["id"] for task in tasks}, {task["id"] for task in after})

    def test_the_coordinator_comes_back(self):
        self.post(self.web_app(instances=2))
        tasks = self.wait_running("web", 2)
        before = self.container_ids()
        self.coordinator.kill()
        self.assertTrue(all(answers(task["ports"][0]) for task in tasks))
        self.coordinator.start()
        self.wait_up(self.coordinator)
        after = self.wait_running("web", 2)
        self.assertEqual({t["id"] for t in after}, {t["id"] for t in tasks})
        holds_for(lambda: self.container_ids() == before, "the same containers run", 3)

    def test_acknowledged_writes_survive(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}", flush=True)
        dice = random.Random(seed)
        known = set()
        for kill in range(3):
            for number in range(dice.randint(1, 12)):
                app_id = f"/kept-{kill}-{number}"
                self.post(self.web_app(app_id, instances=0))
                known.add(app_id)
            self.coordinator.kill()  # with the last 201 hardly read
            self.coordinator.start()
            self.wait_up(self.coordinator)
            apps = self.api.call("GET", "/v2/apps").json()["apps"]
            self.assertEqual({app["id"] for app in apps}, known)

    def test_any_order_of_starting(self):
        self.coordinator.stop()
        self.agent.stop()
        self.agent.start()
        holds_for(lambda: self.agent.running, "an agent alone waits", 2)
        self.coordinator.start()
        self.wait_up(self.coordinator)
        self.post(self.web_app())
        self.wait_running("web")


if __name__ == "__main__":
    main()
