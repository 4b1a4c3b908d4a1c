"""Marathon's users come with clients that are written already. One of them, Debian's
python3-marathon, unchanged, does here all that it can do; it fails on any key it does not know."""

import datetime
import json
import threading
import warnings

import marathon
from marathon.models import MarathonApp, MarathonGroup
from marathon.models.app import MarathonHealthCheck
from marathon.models.container import (MarathonContainer, MarathonContainerPortMapping,
                                       MarathonDockerContainer)
from marathon.models.events import MarathonDeploymentSuccess, MarathonStatusUpdateEvent

from harness import Case, answers, main, wait_for

# What an object of an answer may have: nothing of ours, and nothing that only some releases wrote
# and that clients do not know. What a client takes without looking is checked here too.
APP = set("""id acceptedResourceRoles args backoffFactor backoffSeconds cmd constraints container
    cpus dependencies disk env executor fetch gpus healthChecks instances killSelection labels
    maxLaunchDelaySeconds mem networks portDefinitions readinessChecks requirePorts residency role
    secrets taskKillGracePeriodSeconds unreachableStrategy upgradeStrategy user version
    versionInfo""".split())
COUNTS = {"tasksStaged", "tasksRunning", "tasksHealthy", "tasksUnhealthy"}
APP_INFO = APP | COUNTS | {"deployments", "tasks", "lastTaskFailure"}
TASK = set("""id appId host slaveId ports servicePorts ipAddresses state stagedAt startedAt version
    healthCheckResults localVolumes region zone role""".split())
GROUP = {"id", "apps", "pods", "groups", "dependencies", "version"}
ACTION = {"action", "app"}

# the member that an object stands in (in a list or not) -> its keys
KNOWN = {
    "container": {"type", "docker", "volumes", "portMappings"},
    "docker": {"image", "forcePullImage", "privileged", "parameters", "pullConfig"},
    "portMappings": {"containerPort", "hostPort", "servicePort", "protocol", "name", "labels"},
    "portDefinitions": {"port", "protocol", "name", "labels"},
    "networks": {"mode", "name", "labels"},
    "healthChecks": {"protocol", "path", "portIndex", "port", "command", "gracePeriodSeconds",
                     "intervalSeconds", "timeoutSeconds", "maxConsecutiveFailures",
                     "ignoreHttp1xx", "ipProtocol", "delaySeconds"},
    "upgradeStrategy": {"maximumOverCapacity", "minimumHealthCapacity"},
    "unreachableStrategy": {"inactiveAfterSeconds", "expungeAfterSeconds"},
    "versionInfo": {"lastScalingAt", "lastConfigChangeAt"},
    "lastTaskFailure": {"appId", "host", "message", "state", "taskId", "timestamp", "version",
                        "slaveId", "instanceId"},
    "healthCheckResults": {"alive", "consecutiveFailures", "firstSuccess", "lastSuccess",
                           "lastFailure", "lastFailureCause", "instanceId"},
    "ipAddresses": {"ipAddress", "protocol"},
    "tasks": TASK,
    "task": TASK,
    "deployments": {"id"},
    "apps": APP_INFO,
    "groups": GROUP,
    "queue": {"app", "count", "delay", "since", "processedOffersSummary"},
    "delay": {"timeLeftSeconds", "overdue"},
    "processedOffersSummary": {"processedOffersCount", "unusedOffersCount", "lastUnusedOfferAt",
                               "lastUsedOfferAt", "rejectSummaryLastOffers",
                               "rejectSummaryLaunchAttempt"},
    "rejectSummaryLastOffers": {"reason", "declined", "processed"},
    "rejectSummaryLaunchAttempt": {"reason", "declined", "processed"},
    "steps": {"actions"},
    "actions": ACTION,
    "currentActions": ACTION | {"readinessCheckResults"},
    "http_config": {"http_port", "https_port"},
    "plugins": set(),
}
DEPLOYMENT = {"id", "version", "affectedApps", "affectedPods", "steps", "currentActions",
              "currentStep", "totalSteps"}
RESULT = {"version", "deploymentId"}
FREE = {"labels", "env", "marathon_config", "zookeeper_config"}  # the client checks the last two


def surprises(value, known, place="", member=None):
    """The keys in `value` that a strict client would stumble over, each with its place."""
    found = []
    if isinstance(value, list):
        for entry in value:
            found += surprises(entry, known, place + "[]", member)
    elif isinstance(value, dict) and member not in FREE:
        found += [f"{place}.{key}" for key in value if known is not None and key not in known]
        if known is None:
            found.append(f"{place} is an object")
        for key, inner in value.items():
            inside = APP if key == "app" and member == "queue" else KNOWN.get(key)
            if not (key == "app" and isinstance(inner, str)):
                found += surprises(inner, inside, f"{place}.{key}", key)
    return found


class MarathonClient(Case):
    def setUp(self):
        super().setUp()
        warnings.simplefilter("ignore", ResourceWarning)  # the client leaves its sockets to gc
        self.start_pair()
        wait_for(lambda: self.api.call("GET", "/v2/hosts").json()["hosts"], "the host is known")
        self.client = marathon.MarathonClient(self.api.url, timeout=20)

    def definition(self, instances=1, **more):
        return MarathonApp(
            cpus=0.01, mem=32, instances=instances, labels={"team": "green"}, env={"MODE": "test"},
            container=MarathonContainer(
                docker=MarathonDockerContainer(image=self.image, network="BRIDGE", port_mappings=[
                    MarathonContainerPortMapping(container_port=80, host_port=0)])),
            **more)

    def create(self, app_id, instances=1, **more):
        created = self.client.create_app(app_id, self.definition(instances, **more))
        self.idle()
        return created

    def idle(self):
        wait_for(lambda: not self.client.list_deployments(), "the client sees no deployment", 40)

    def task_ids(self, app_id):
        return {task.id for task in self.client.list_tasks(app_id)}

    def running(self, app_id, count):
        def ready():
            tasks = self.client.list_tasks(app_id)
            return tasks if len(tasks) == count and all(
                task.state == "TASK_RUNNING" for task in tasks) else None
        return wait_for(ready, f"the client sees {count} running", 40)

    # -- apps

    def test_create_list_get_delete(self):
        created = self.create("/shop/web", 2, health_checks=[MarathonHealthCheck(
            protocol="HTTP", path="/", port_index=0, grace_period_seconds=2, interval_seconds=1,
            timeout_seconds=2, max_consecutive_failures=3)])
        self.assertEqual((created.id, created.instances), ("/shop/web", 2))
        self.assertEqual(len(created.deployments), 1)
        with self.assertRaises(marathon.exceptions.ConflictError):
            self.client.create_app("/shop/web", self.definition())

        app = self.client.get_app("/shop/web", embed_tasks=True, embed_task_stats=True)
        self.assertEqual((app.tasks_running, app.tasks_healthy, app.tasks_unhealthy), (2, 2, 0))
        self.assertEqual(app.task_stats.total_summary.stats.counts.running, 2)
        self.assertEqual(app.labels, {"team": "green"})
        for task in app.tasks:
            self.assertTrue(answers(task.ports[0], host=task.host))
            self.assertTrue(task.health_check_results[0].alive)
            self.assertIsInstance(task.started_at, datetime.datetime)
        self.assertEqual([a.id for a in self.client.list_apps(
            embed_tasks=True, embed_counts=True, embed_deployments=True, embed_readiness=True,
            embed_last_task_failure=True, embed_failures=True, embed_task_stats=True,
            label="team==green")], ["/shop/web"])
        self.assertEqual(self.client.list_apps(app_id="nothing"), [])

        self.client.delete_app("/shop/web", force=True)
        self.idle()
        self.assertEqual(self.client.list_apps(), [])
        with self.assertRaises(marathon.exceptions.NotFoundError) as caught:
            self.client.get_app("/shop/web")
        self.assertIn("/shop/web", caught.exception.error_message)

    def test_what_was_read_and_sent_back_changes_nothing(self):
        self.create("/same", 1, health_checks=[MarathonHealthCheck(
            protocol="HTTP", path="/", port_index=0, grace_period_seconds=2)])
        before, tasks = self.api.app("same"), self.task_ids("/same")
        for force in (False, True):
            self.client.update_app("/same", self.client.get_app("/same"), force=force)
            self.idle()
        self.client.update_apps([self.client.get_app("/same")])
        self.idle()
        after = self.api.app("same")
        for app in (before, after):
            del app["tasks"]  # a probe's times move
            for count in COUNTS:
                del app[count]
        self.assertEqual(after, before)
        self.assertEqual(self.task_ids("/same"), tasks)
        self.assertEqual(self.client.list_versions("/same"), [before["version"]])

    def test_update_versions_rollback(self):
        self.create("/course")
        first, old = self.client.list_versions("/course"), self.task_ids("/course")
        app = self.client.get_app("/course")
        app.env["MODE"] = "other"
        result = self.client.update_app("/course", app)
        self.assertEqual(set(result), RESULT)
        self.idle()
        versions = self.client.list_versions("/course")
        self.assertEqual(versions, [result["version"], *first], "newest first")
        self.assertFalse(old & self.task_ids("/course"), "a new definition replaces the tasks")
        self.assertEqual(self.client.get_version("/course", first[0]).env, {"MODE": "test"})
        self.client.rollback_app("/course", first[0])
        self.idle()
        self.assertEqual(self.client.get_app("/course").env, {"MODE": "test"})
        self.assertEqual(len(self.client.list_versions("/course")), 3)
        self.assertEqual(len(self.running("/course", 1)), 1)

    def test_scale_and_restart(self):
        self.create("/many", 2)
        two = self.task_ids("/many")
        self.client.scale_app("/many", delta=1)
        self.idle()
        three = self.task_ids("/many")
        self.assertTrue(two < three and len(three) == 3)
        self.client.scale_app("/many", instances=1)
        self.idle()
        one = self.task_ids("/many")
        self.assertTrue(one < three and len(one) == 1)
        self.client.restart_app("/many")
        self.idle()
        self.assertFalse(self.task_ids("/many") & one)
        self.assertEqual(len(self.running("/many", 1)), 1)
        self.client.scale_app("/many", instances=0)
        self.idle()
        self.assertEqual(self.client.list_tasks("/many"), [])

    # -- tasks

    def test_the_three_kills(self):
        self.create("/prey", 3)
        victim = sorted(self.task_ids("/prey"))[0]
        self.assertEqual(self.client.kill_task("/prey", victim).id, victim)
        wait_for(lambda: victim not in self.task_ids("/prey"), "one is gone")
        before = {task.id for task in self.running("/prey", 3)}
        self.assertEqual({task.id for task in self.client.kill_tasks("/prey")}, before)
        wait_for(lambda: not before & self.task_ids("/prey"), "all are gone")
        victim = sorted(task.id for task in self.running("/prey", 3))[0]
        self.assertTrue(self.client.kill_given_tasks([victim], scale=True))
        self.idle()
        self.assertEqual(self.client.get_app("/prey").instances, 2)
        self.assertNotIn(victim, self.task_ids("/prey"))
        with self.assertRaises(marathon.exceptions.NotFoundError):
            self.client.kill_task("/prey", "unknown")

    def test_tasks_and_endpoints(self):
        self.create("/one", 2)
        self.create("/two", 1)
        self.assertEqual({task.app_id for task in self.client.list_tasks()}, {"/one", "/two"})
        self.assertEqual({task.app_id for task in self.client.list_tasks("/two")}, {"/two"})
        endpoints = self.client.list_endpoints()
        self.assertEqual(sorted(end.app_id for end in endpoints), ["/one", "/one", "/two"])
        mapping = self.client.get_app("/two").container.port_mappings[0]
        for end in endpoints:
            self.assertTrue(answers(end.task_port, host=end.host))
            if end.app_id == "/two":
                self.assertEqual(end.service_port, mapping.service_port)

    # -- what is under way

    def test_deployments(self):
        self.client.create_app("/stuck", self.definition(constraints=[
            ["hostname", "LIKE", "nowhere"]]))
        deployment = self.client.list_deployments()[0]
        self.assertEqual(deployment.affected_apps, ["/stuck"])
        self.assertEqual(deployment.current_actions[0].app, "/stuck")
        with self.assertRaises(marathon.exceptions.ConflictError):
            self.client.scale_app("/stuck", instances=2)
        self.client.delete_deployment(deployment.id)
        self.idle()
        with self.assertRaises(marathon.exceptions.NotFoundError):
            self.client.get_app("/stuck")
        self.client.create_app("/stuck", self.definition(constraints=[
            ["hostname", "LIKE", "nowhere"]]))
        self.client.delete_deployment(self.client.list_deployments()[0].id, force=True)
        self.idle()
        self.assertEqual(self.client.get_app("/stuck").instances, 1)

    def test_queue(self):
        self.client.create_app("/waits", self.definition(2, constraints=[
            ["hostname", "LIKE", "nowhere"]]))
        item, = wait_for(lambda: self.client.list_queue(embed_last_unused_offers=True), "it waits")
        self.assertEqual((item.app.id, item.count, item.delay.overdue), ("/waits", 2, True))
        reasons = {entry["reason"]: entry["declined"] for entry in
                   item.processed_offers_summary["rejectSummaryLastOffers"]}
        self.assertEqual(reasons["UnfulfilledConstraint"], 1)
        self.client.reset_delay("/waits")
        with self.assertRaises(marathon.exceptions.NotFoundError):
            self.client.reset_delay("/unknown")

    # -- groups

    def app_ids(self, group):
        return {app.id for app in group.apps}.union(*map(self.app_ids, group.groups))

    def test_groups(self):
        inner = MarathonGroup(id="back", apps=[self.definition(id="db")])
        created = self.client.create_group(MarathonGroup(
            id="/shop", groups=[inner], apps=[self.definition(id="web", dependencies=["back"])]))
        self.assertEqual(set(created), RESULT)
        self.idle()
        with self.assertRaises(marathon.exceptions.ConflictError):
            self.client.create_group(MarathonGroup(id="/shop"))
        self.assertEqual([group.id for group in self.client.list_groups()], ["/shop"])
        group = self.client.get_group("/shop")
        self.assertEqual(self.app_ids(group), {"/shop/web", "/shop/back/db"})
        self.assertEqual([inside.id for inside in group.groups], ["/shop/back"])
        before = {task.id for task in self.client.list_tasks()}

        # What was read and sent back; that a group's version stands alone holds below, too.
        group.groups[0].version = None
        self.client.update_group("/shop", group)
        self.idle()
        self.assertEqual({task.id for task in self.client.list_tasks()}, before)
        self.client.scale_group("/shop", 2)
        self.idle()
        self.assertEqual({app.instances for app in self.client.list_apps()}, {2})
        self.assertTrue(before < {task.id for task in self.client.list_tasks()})

        group = self.client.get_group("/shop")
        group.groups[0].version = None
        group.apps = [self.definition(id="other")]
        self.client.update_group("/shop", group)
        self.idle()
        self.assertEqual(self.app_ids(self.client.get_group("/shop")),
                         {"/shop/other", "/shop/back/db"}, "what is not listed is destroyed")
        self.client.delete_group("/shop")
        self.idle()
        self.assertEqual(self.client.list_groups(), [])
        self.assertEqual(self.client.list_apps(), [])
        with self.assertRaises(marathon.exceptions.NotFoundError):
            self.client.get_group("/shop")

    # -- events

    def listen(self, **options):
        """A growing list of what the client reads from the stream; whatever it stumbles over but
        the end of the server is raised by the next heard()."""
        events = []

        def read():
            try:
                for event in self.client.event_stream(**options):
                    events.append(event)
            except marathon.exceptions.MarathonError as error:
                events.append(error)
            except (OSError, AttributeError, ValueError):
                pass  # the coordinator ended before the client
        threading.Thread(target=read, daemon=True).start()
        return events

    def heard(self, events, what, **members):
        def there():
            for event in list(events):
                if isinstance(event, Exception):
                    raise RuntimeError(event)
                if event.event_type == what and all(
                        getattr(event, name, None) == value for name, value in members.items()):
                    return event
            return None
        return wait_for(there, f"the event {what} {members}", 30)

    def test_events(self):
        everything = self.listen()
        some = self.listen(event_types=[MarathonDeploymentSuccess, MarathonStatusUpdateEvent])
        raw = self.listen(raw=True)
        wait_for(lambda: raw, "a raw event")
        self.heard(everything, "event_stream_attached")
        self.create("/told", 1, health_checks=[MarathonHealthCheck(
            protocol="HTTP", path="/", port_index=0, grace_period_seconds=2, interval_seconds=1)])
        self.heard(everything, "api_post_event", uri="/v2/apps")
        self.heard(everything, "group_change_success")
        self.heard(everything, "deployment_info")
        self.heard(everything, "deployment_step_success")
        task, = self.task_ids("/told")
        running = self.heard(everything, "status_update_event", task_id=task,
                             task_status="TASK_RUNNING")
        self.assertEqual(running.app_id, "/told")
        self.heard(everything, "health_status_changed_event", app_id="/told", alive=True)
        self.heard(everything, "instance_health_changed_event", run_spec_id="/told", healthy=True)
        self.heard(everything, "instance_changed_event", condition="Running")
        success = self.heard(some, "deployment_success")
        self.assertTrue(success.id)
        self.client.kill_task("/told", task)
        self.heard(everything, "status_update_event", task_id=task, task_status="TASK_KILLED")
        self.client.delete_app("/told", force=True)
        self.heard(everything, "app_terminated_event", app_id="/told")
        self.assertLessEqual({event.event_type for event in some},
                             {"deployment_success", "status_update_event"})
        for text in list(raw):
            event = json.loads(text)
            self.assertLessEqual({"eventType", "timestamp"}, set(event))

    # -- the coordinator

    def test_about_the_server(self):
        info = self.client.get_info()
        self.assertEqual((info.name, info.elected), ("marathon", True))
        self.assertEqual(info.http_config.http_port, self.port)
        self.assertEqual(self.client.get_leader(), {"leader": f"127.0.0.1:{self.port}"})
        self.assertIn(b"pong", self.client.ping())
        self.assertLessEqual({"version", "counters", "gauges", "histograms", "meters", "timers"},
                             set(self.client.get_metrics()))

    # -- unknown keys

    def check_keys(self, path, known, *, inner=None, member=None):
        reply = self.api.call("GET", path)
        self.assertEqual(reply.status, 200, repr(reply))
        value = reply.json()[inner] if inner else reply.json()
        self.assertEqual(surprises(value, known, path, member), [])
        return value

    def test_no_key_surprises(self):
        self.create("/full", 1, health_checks=[MarathonHealthCheck(
            protocol="HTTP", path="/", port_index=0, grace_period_seconds=2, interval_seconds=1)])
        failing = json.loads(self.definition().to_json())
        failing.update(id="/fails", cmd="exit 3", container=None)
        self.post(failing)
        self.post(dict(json.loads(self.definition().to_json()), id="/waits",
                       constraints=[["hostname", "LIKE", "nowhere"]]))
        wait_for(lambda: self.api.app("fails").get("lastTaskFailure"), "a failure is told")
        embeds = "&".join(f"embed=apps.{name}" for name in (
            "tasks", "counts", "deployments", "lastTaskFailure", "failures"))
        apps = self.check_keys(f"/v2/apps?{embeds}", APP_INFO, inner="apps")
        self.assertEqual(len(apps), 3)
        for app in apps:
            self.check_keys("/v2/apps/" + app["id"], APP_INFO, inner="app")
        self.check_keys("/v2/apps//full/versions/" + apps[1]["version"], APP)
        self.assertTrue(self.check_keys("/v2/tasks", TASK, inner="tasks"))
        self.check_keys("/v2/apps//full/tasks", TASK, inner="tasks")
        self.assertTrue(self.check_keys("/v2/deployments", DEPLOYMENT))
        self.assertTrue(self.check_keys("/v2/queue", KNOWN["queue"], inner="queue",
                                        member="queue"))
        self.check_keys("/v2/groups", GROUP)
        self.check_keys("/v2/info", {
            "name", "version", "buildref", "elected", "leader", "frameworkId", "marathon_config",
            "zookeeper_config", "http_config"})
        self.check_keys("/v2/plugins", {"plugins"})
        self.check_keys("/v2/leader", {"leader"})


if __name__ == "__main__":
    main()
