"""Groups: trees of apps that come, grow, go back and go together."""

from harness import Case, main, wait_for


class Groups(Case):
    def setUp(self):
        super().setUp()
        self.start_dev()

    def shop(self):
        """/shop: two apps in /shop/web that need the one in /shop/db."""
        return {"id": "shop", "groups": [
            {"id": "web", "dependencies": ["../db"],
             "apps": [self.web_app("front", instances=2), self.web_app("back")]},
            {"id": "db", "apps": [self.web_app("store", healthChecks=[self.http_check()])]},
        ]}

    def call(self, method, path, body=None, status=200):
        reply = self.api.call(method, f"/v2/groups{path}", body)
        self.assertEqual(reply.status, status, repr(reply))
        return reply.json()

    def wait_settled(self, **instances):
        for app_id, count in instances.items():
            self.wait_running("shop/" + app_id.replace("_", "/"), count)
        self.wait_no_deployments()
        count = sum(instances.values())
        wait_for(lambda: len(self.containers()) == count, f"{count} containers are left")

    def made_at(self, app_id):
        return [self.container_of(task["id"])["Created"] for task in self.api.tasks(app_id)]

    def test_dependencies_come_first_and_all_goes_together(self):
        steps = self.call("PUT", "?dryRun=true", {"groups": [self.shop()]})["steps"]
        self.assertEqual([[action["app"] for action in step["actions"]] for step in steps[1:]],
                         [["/shop/db/store"], ["/shop/web/front", "/shop/web/back"]])
        self.assertEqual(self.containers(), [])

        made = self.call("POST", "", self.shop(), 201)
        self.assertIn(made["deploymentId"], [d["id"] for d in self.api.deployments()])
        self.wait_settled(db_store=1, web_front=2, web_back=1)
        (store,) = self.api.tasks("shop/db/store")
        healthy_at = store["healthCheckResults"][0]["firstSuccess"]
        for made_at in self.made_at("shop/web/front") + self.made_at("shop/web/back"):
            self.assertGreater(made_at[:23], healthy_at[:23], "made before the store was well")

        self.call("DELETE", "/shop")
        wait_for(lambda: self.containers() == [], "no container is left")
        self.wait_no_deployments()
        self.assertEqual(self.call("GET", "")["groups"], [])

    def test_scaled_changed_and_put_back(self):
        self.call("POST", "", self.shop(), 201)
        self.wait_settled(db_store=1, web_front=2, web_back=1)
        first = self.call("GET", "/shop")["version"]
        before = {task["id"] for task in self.api.tasks("shop/web/front")}

        self.call("PUT", "/shop/web", {"scaleBy": 1.5})
        self.wait_settled(db_store=1, web_front=3, web_back=2)
        self.assertLess(before, {task["id"] for task in self.api.tasks("shop/web/front")})

        self.call("PUT", "/shop", {"groups": [{"id": "web", "apps": [self.web_app("front")]}]})
        self.wait_settled(web_front=1)
        self.assertEqual(self.api.call("GET", "/v2/apps/shop/db/store").status, 404)

        # What was is known to who comes after, too.
        self.dev.kill()
        self.dev.start()
        self.wait_up(self.dev)
        self.assertEqual(len(self.call("GET", "/shop/versions")), 3)
        old = self.call("GET", f"/shop/versions/{first}")
        self.assertEqual([app["instances"] for app in old["groups"][1]["apps"]], [1, 2])
        self.call("PUT", "/shop", {"version": first})
        self.wait_settled(db_store=1, web_front=2, web_back=1)
        group = self.call("GET", "/shop")
        self.assertEqual(group["groups"][1]["dependencies"], ["/shop/db"])
        self.assertEqual([group["id"] for group in group["groups"]], ["/shop/db", "/shop/web"])

        self.call("PUT", "/shop", {"scaleBy": 0})
        wait_for(lambda: self.containers() == [], "a suspended group runs nothing")
        self.wait_no_deployments()
        self.call("DELETE", "")
        self.wait_no_deployments()
        self.assertEqual(self.api.call("GET", "/v2/apps").json()["apps"], [])


if __name__ == "__main__":
    main()
