"""An image that is not there is said in the engine's own words and tried again under backoff; one
that comes to be there is pulled from a real registry."""

import os
import subprocess

from harness import Case, free_port, main, wait_for


class Registry:
    """Debian's docker-registry on loopback, where the engine asks for no TLS."""

    def __init__(self, folder):
        self.port = free_port()
        self.name = f"127.0.0.1:{self.port}"
        config = os.path.join(folder, "registry.yml")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"version: 0.1\nlog: {{level: warn}}\n"
                       f"storage: {{filesystem: {{rootdirectory: {folder}/registry}}}}\n"
                       f"http: {{addr: '{self.name}'}}\n")
        with open(os.path.join(folder, "registry.log"), "wb") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", config],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Images(Case):
    def setUp(self):
        super().setUp()
        self.start_dev()

    def failure(self, app_id):
        return self.api.app(app_id)["lastTaskFailure"]

    def post_image(self, app_id, image, **more):
        app = self.web_app(app_id, **more)
        app["container"]["docker"]["image"] = image
        self.post(app)

    def test_no_registry_answers(self):
        self.post_image("web", f"127.0.0.1:{free_port()}/nothing:1")
        failure = wait_for(lambda: self.failure("web"), "the failure is told", 30)
        self.assertIn("connection refused", failure["message"])
        first = failure["taskId"]
        wait_for(lambda: self.failure("web")["taskId"] != first, "it is tried again", 30)
        self.assertEqual(len(self.api.deployments()), 1, "the deployment goes on")
        self.assertEqual(self.containers(), [])
        queue = self.api.call("GET", "/v2/queue").json()["queue"]
        self.assertEqual([entry["app"]["id"] for entry in queue], ["/web"])

    def test_an_image_name_that_is_none(self):
        self.post_image("web", "UPPER/case:tag:tag")
        failure = wait_for(lambda: self.failure("web"), "the failure is told", 30)
        self.assertIn("invalid reference format", failure["message"])

    def test_destroyed_while_it_fails(self):
        self.post_image("web", f"127.0.0.1:{free_port()}/nothing:1")
        wait_for(lambda: self.failure("web"), "the failure is told", 30)
        self.assertEqual(self.api.call("DELETE", "/v2/apps/web").status, 200)
        wait_for(lambda: self.api.call("GET", "/v2/apps/web").status == 404, "the app is gone")
        self.wait_no_deployments()

    def test_pulled_from_a_registry(self):
        registry = Registry(self.folder)
        self.addCleanup(registry.stop)
        wait_for(lambda: self.registry_answers(registry), "the registry answers")
        image = f"{registry.name}/games/web"
        self.post_image("web", image, backoffSeconds=1, backoffFactor=1)
        failure = wait_for(lambda: self.failure("web"), "the missing image is told", 30)
        self.assertRegex(failure["message"], "not found|manifest unknown")

        self.push(image)
        tasks = self.wait_running("web", 1, 30)
        self.assertEqual(len(tasks), 1)
        self.wait_no_deployments()

    def registry_answers(self, registry):
        with_status = self.engine.call("GET", f"/distribution/{registry.name}/x:1/json")
        return "connection refused" not in with_status.text

    def push(self, image):
        """Puts our image into the registry and out of the engine."""
        self.addCleanup(self.engine.remove_image, image)
        self.engine.good("POST", f"/images/{self.image}/tag?repo={image}&tag=latest")
        pushed = self.engine.good("POST", f"/images/{image}/push?tag=latest",
                                  headers={"X-Registry-Auth": "e30="})
        self.assertNotIn('"error"', pushed.text)
        self.engine.remove_image(f"{image}:latest")


if __name__ == "__main__":
    main()
