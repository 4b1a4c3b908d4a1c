"""kill -9 of agent, coordinator, or both, at random moments of a deploy of ten instances: in the
end there are exactly ten containers, none doubled, and no app is lost.

CHAOS_ROUNDS sets the number of rounds (20 by hand), CHAOS_SEED repeats a run.
"""

import os
import random
import time

from harness import Case, main, wait_for

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "5"))
SEED = int(os.environ.get("CHAOS_SEED", random.randrange(1 << 32)))
INSTANCES = 10
SPREAD_S = 3.0  # about as long as the deploy takes


class Chaos(Case):
    def test_rounds(self):
        print(f"CHAOS_SEED={SEED} CHAOS_ROUNDS={ROUNDS}", flush=True)
        dice = random.Random(SEED)
        self.start_pair()
        for number in range(ROUNDS):
            victims = [["agent"], ["coordinator"], ["agent", "coordinator"]][number % 3]
            moments = sorted(dice.uniform(0, SPREAD_S) for _ in range(dice.randint(1, 3)))
            with self.subTest(round=number, victims=victims, moments=moments):
                self.one_round(f"chaos-{number}", victims, moments)

    def one_round(self, app_id, victims, moments):
        self.post(self.web_app(app_id, instances=INSTANCES, backoffSeconds=0))
        began = time.monotonic()
        for moment in moments:
            wait_for(lambda until=began + moment: time.monotonic() >= until, "the moment has come")
            for name in victims:
                getattr(self, name).kill()
            for name in victims:
                getattr(self, name).start()
        self.wait_up(self.coordinator)
        tasks = self.wait_running(app_id, INSTANCES, 90)
        self.wait_no_deployments(60)
        names = sorted(task["id"] for task in tasks)
        wait_for(lambda: sorted(c["Labels"]["stadion.task"] for c in self.containers()) == names,
                 "there is one container for each task, and no other", 30)
        self.assertEqual(sorted(t["id"] for t in self.api.tasks(app_id)), names)

        self.assertEqual(self.api.call("DELETE", f"/v2/apps/{app_id}").status, 200)
        wait_for(lambda: self.containers() == [], "all are gone again", 60)
        wait_for(lambda: self.api.call("GET", f"/v2/apps/{app_id}").status == 404,
                 "the app is gone", 30)


if __name__ == "__main__":
    main()
