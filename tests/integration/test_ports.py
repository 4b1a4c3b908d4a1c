"""Host ports that somebody else holds."""

import socket

from harness import Case, holds_for, main, wait_for


class Ports(Case):
    def setUp(self):
        super().setUp()
        low = self.host_ports[0]
        self.host_ports = (low, low + 3)
        self.foreign = {}
        self.start_dev()

    def hold(self, port):
        """A foreign process, as far as Stadion can tell, listens on `port`."""
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("0.0.0.0", port))
        listener.listen()
        self.foreign[port] = listener

    def test_a_taken_port_is_passed_over(self):
        for port in range(self.host_ports[0], self.host_ports[0] + 3):
            self.hold(port)
        self.post(self.web_app())
        (task,) = self.wait_running("web")
        self.assertEqual(task["ports"], [self.host_ports[1]])

    def test_a_port_held_on_one_address_only(self):
        low, high = self.host_ports
        for port in range(low, high):
            listener = socket.socket()
            self.addCleanup(listener.close)
            listener.bind(("127.0.0.1", port))
            listener.listen()
        self.post(self.web_app())
        (task,) = self.wait_running("web")
        self.assertEqual(task["ports"], [high])

    def test_all_are_taken_until_one_is_free(self):
        for port in range(self.host_ports[0], self.host_ports[1] + 1):
            self.hold(port)
        self.post(self.web_app(backoffSeconds=1, backoffFactor=1))
        holds_for(lambda: self.api.running("web") == [], "nothing can run", 3)
        self.assertEqual(len(self.api.deployments()), 1)
        free = self.host_ports[0] + 1
        self.foreign[free].close()
        (task,) = self.wait_running("web", 1, 60)
        self.assertEqual(task["ports"], [free])

    def test_more_instances_than_ports(self):
        self.post(self.web_app(instances=5))
        wait_for(lambda: len(self.api.running("web")) == 4, "as many as there are ports run")
        holds_for(lambda: len(self.api.running("web")) <= 4, "no fifth is started", 2)
        self.put("web", {"instances": 4}, force=True)
        self.wait_running("web", 4)
        self.wait_no_deployments()

    def test_a_fixed_port_that_is_taken_is_named(self):
        port = self.host_ports[0]
        self.hold(port)
        app = self.web_app()
        app["container"]["docker"]["portMappings"][0]["hostPort"] = port
        self.post(app)
        failure = wait_for(lambda: self.api.app("web")["lastTaskFailure"], "the failure is told")
        self.assertEqual(failure["state"], "TASK_FAILED")
        self.assertIn(str(port), failure["message"])
        self.foreign[port].close()
        (task,) = self.wait_running("web", 1, 60)
        self.assertEqual(task["ports"], [port])


if __name__ == "__main__":
    main()
