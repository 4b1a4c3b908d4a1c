"""The coordinator is killed at random moments while several clients write: what it has
acknowledged is there afterwards, and nothing is there by half.

STADION_KILLS: how often (20; by hand 100). STADION_SEED: repeats the random choices of a run.
"""

import http.client
import json
import os
import random
import threading
import time

from harness import Api, Case, main, wait_for

KILLS = int(os.environ.get("STADION_KILLS", "20"))
SEED = int(os.environ.get("STADION_SEED", str(random.randrange(1 << 32))))
WRITERS = 6
APPS = 8  # of each writer; nobody else touches them
LIFE_S = (0.02, 0.6)  # from ready to killed


class Doubt(Exception):
    """No answer came: the change is there or it is not."""


class Writer(threading.Thread):
    """One client that changes apps of its own, and knows what each of them may be now."""

    def __init__(self, number, port, seed):
        super().__init__(daemon=True)
        self.api = Api(port)
        self.random = random.Random(seed)
        self.number = number
        self.count = 0
        # id -> (the marks that the app may carry; None: it is not there), (acknowledged versions)
        self.apps = {f"/w{number}/app-{index}": ({None}, []) for index in range(APPS)}
        self.acknowledged = 0
        self.stopped = threading.Event()
        self.may_write = threading.Event()
        self.quiet = threading.Event()
        self.failure = None

    def run(self):
        try:
            while not self.stopped.is_set():
                if not self.may_write.is_set():
                    self.quiet.set()
                    self.may_write.wait(1)
                    continue
                self.quiet.clear()
                self.write(self.random.choice(list(self.apps)))
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error
        finally:
            self.quiet.set()

    def call(self, method, path, body=None):
        try:
            reply = self.api.call(method, path, body, timeout=10)
        except (OSError, http.client.HTTPException) as error:
            raise Doubt() from error
        if reply.status >= 500:
            if reply.status != 503:
                raise AssertionError(f"{method} {path}: {reply!r}")
            raise Doubt()
        return reply

    def write(self, app_id):
        marks, versions = self.apps[app_id]
        self.count += 1
        mark = f"{self.number}-{self.count}"
        app = {"id": app_id, "cmd": "true", "instances": self.random.choice((0, 0, 0, 2)),
               "labels": {"mark": mark, "weight": "x" * self.random.choice((1, 100, 10000))}}
        there = None not in marks
        method, wanted = self.random.choice([("PUT", mark), ("PUT", mark), ("DELETE", None)]) \
            if there else ("POST", mark)
        path = "/v2/apps" if method == "POST" else f"/v2/apps{app_id}?force=true"
        try:
            reply = self.call(method, path, None if method == "DELETE" else app)
        except Doubt:
            marks.add(wanted)
            return
        if reply.status in (200, 201):
            self.acknowledged += 1
            self.apps[app_id] = ({wanted}, [] if wanted is None else
                                 [*versions, reply.json()["version"]])
        elif reply.status == 409 and method == "POST":
            marks.discard(None)  # a create in doubt that was taken, or one that still stops
        elif reply.status == 404:
            self.apps[app_id] = ({None}, [])
        else:
            raise AssertionError(f"{method} {app_id}: {reply!r}")


class Durability(Case):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        print(f"STADION_SEED={SEED} STADION_KILLS={KILLS}", flush=True)
        self.make_coordinator("--log-level", "warn").start()
        self.wait_up(self.coordinator)
        self.writers = [Writer(number, self.port, self.random.random())
                        for number in range(WRITERS)]
        self.addCleanup(self.end_writers)

    def end_writers(self):
        for writer in self.writers:
            writer.stopped.set()
            writer.may_write.set()
            if writer.is_alive():
                writer.join(20)

    def test_every_acknowledged_write_is_there(self):
        for writer in self.writers:
            writer.start()
        for kill in range(KILLS):
            for writer in self.writers:
                writer.quiet.clear()
                writer.may_write.set()
            time.sleep(self.random.uniform(*LIFE_S))  # the random point
            self.coordinator.kill()
            for writer in self.writers:
                writer.may_write.clear()
            for writer in self.writers:
                self.assertTrue(writer.quiet.wait(20), "a writer hangs")
                if writer.failure:
                    raise writer.failure
            self.coordinator.start()
            self.wait_up(self.coordinator)
            with self.subTest(kill=kill, seed=SEED):
                self.check()
        total = sum(writer.acknowledged for writer in self.writers)
        print(f"{KILLS} kills, {total} acknowledged writes", flush=True)
        self.assertGreater(total, KILLS)

    def check(self):
        apps = {app["id"]: app for app in
                self.api.call("GET", "/v2/apps?embed=apps.deployments").json()["apps"]}
        deployments = {deployment["id"]: deployment for deployment in self.api.deployments()}
        removing = {action["app"] for deployment in deployments.values()
                    for step in deployment["steps"] for action in step["actions"]
                    if action["action"] == "StopApplication"}
        for writer in self.writers:
            for app_id, (marks, versions) in list(writer.apps.items()):
                app = apps.pop(app_id, None)
                mark = app["labels"]["mark"] if app else None
                self.assertIn(mark, marks, f"{app_id} after {versions}")
                if app:
                    self.check_app(app, versions, deployments)
                    writer.apps[app_id] = ({mark}, self.versions(app_id))
                else:
                    if app_id not in removing:
                        self.assertEqual(
                            self.api.call("GET", f"/v2/apps{app_id}/versions").status, 404)
                    writer.apps[app_id] = ({None}, [])
        self.assertEqual(apps, {}, "apps that nobody made")
        for deployment in deployments.values():
            self.check_deployment(deployment)

    def versions(self, app_id):
        reply = self.api.call("GET", f"/v2/apps{app_id}/versions")
        self.assertEqual(reply.status, 200, repr(reply))
        return reply.json()["versions"][::-1]

    def check_app(self, app, acknowledged, deployments):
        """Its definition is whole, its versions are all there, and work on it is under way if
        there is any to do."""
        kept = self.versions(app["id"])
        self.assertEqual(kept[-1], app["version"], "the newest version is the current one")
        self.assertEqual(kept, sorted(set(kept)))
        self.assertLessEqual(set(acknowledged), set(kept), "acknowledged versions are kept")
        for version in (kept[0], kept[-1]):
            reply = self.api.call("GET", f"/v2/apps{app['id']}/versions/{version}")
            self.assertEqual((reply.status, reply.json()["version"]), (200, version))
        newest = reply.json()
        for member in ("cmd", "instances", "labels", "versionInfo"):
            self.assertEqual(newest[member], app[member], f"{app['id']} {member}")
        named = [entry["id"] for entry in app["deployments"]]
        self.assertLessEqual(set(named), set(deployments))
        self.assertLessEqual(len(named), 1, "one deployment to an app")
        if app["instances"] > 0:  # no host is there, so it cannot have ended
            self.assertEqual(len(named), 1, f"{app['id']} waits without a deployment")

    def check_deployment(self, deployment):
        actions = [action for step in deployment["steps"] for action in step["actions"]]
        self.assertEqual({action["app"] for action in actions}, set(deployment["affectedApps"]),
                         json.dumps(deployment))
        self.assertEqual(deployment["totalSteps"], len(deployment["steps"]))
        self.assertLessEqual(deployment["currentStep"], deployment["totalSteps"])


if __name__ == "__main__":
    main()
