"""What `cmake --install` puts where."""

import os
import re
import shutil
import subprocess

from harness import BINARY, Case, main

PLACES = [
    "usr/bin/stadion",
    "etc/stadion/agent.conf", "etc/stadion/coordinator.conf", "etc/stadion/dev.conf",
    "usr/lib/systemd/system/stadion-agent.service",
    "usr/lib/systemd/system/stadion-coordinator.service",
    "usr/share/doc/stadion/README.md", "usr/share/doc/stadion/LICENSE",
    "usr/share/doc/stadion/examples/docker-2048.json",
]


class Install(Case):
    def setUp(self):
        super().setUp()
        # The units name absolute paths, which are known when the build is configured.
        build = os.path.join(self.folder, "build")
        self.root = os.path.join(self.folder, "root")
        source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self.quietly("cmake", "-S", source, "-B", build, "-G", "Ninja", "-DBUILD_TESTING=OFF",
                     "-DCMAKE_INSTALL_PREFIX=/usr", "-DCMAKE_BUILD_TYPE=Release")
        shutil.copy2(BINARY, os.path.join(build, "stadion"))  # building it again shows nothing new
        self.quietly("cmake", "--install", build, DESTDIR=self.root)

    def quietly(self, *command, **environment):
        done = subprocess.run(command, env={**os.environ, **environment}, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_everything_has_its_place(self):
        for place in PLACES:
            self.assertTrue(os.path.exists(os.path.join(self.root, place)), place)
        self.assertEqual(sorted(os.listdir(self.root)), ["etc", "usr"])

    def test_units_name_what_is_installed(self):
        units = os.path.join(self.root, "usr/lib/systemd/system")
        for name in os.listdir(units):
            with open(os.path.join(units, name), encoding="utf-8") as file:
                text = file.read()
            self.assertNotIn("@", text)
            command = re.search(r"^ExecStart=(.*)$", text, re.M).group(1).split()
            self.assertTrue(os.path.exists(self.root + command[0]), command[0])
            config = command[command.index("--config") + 1]
            self.assertTrue(os.path.exists(self.root + config), config)


if __name__ == "__main__":
    main()
