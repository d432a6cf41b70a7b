"""redis_server.py: a redis-server on a machine, or without one.

It listens on a unix socket in the current directory.  Clients run on the host.
What a client is told may be an error: the server may have been killed.
"""

import os
import subprocess
import time

from simulated import Done, check, command_line, environment, program, run

WAIT = 60  # seconds, for a server that hangs


class Redis:
    def __init__(self, machine, *options):
        self.client = program("redis-cli", "redis-tools")
        self.socket = os.path.abspath("redis.sock")
        command = [program("redis-server", "redis-server"), "--save", "",
                   "--port", "0", "--unixsocket", self.socket, *options]
        if machine:
            command = command_line(command, machine)
        with open("redis.log", "wb") as log, open("redis.err", "wb") as err:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=err,
                start_new_session=True, env=environment(False))

    def __enter__(self):
        self.wait_until_up()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=WAIT)

    def call(self, *words):
        return run([self.client, "-s", self.socket, *words],
                   preload=False).stdout

    def benchmark(self, *options):
        return run([program("redis-benchmark", "redis-tools"), "-s",
                    self.socket, "-q", *options], preload=False)

    def wait_until_up(self):
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline and self.process.poll() is None:
            if os.path.exists(self.socket) and self.call("ping") == "PONG\n":
                return
            time.sleep(0.02)
        check(False, f"redis-server does not answer:\n{self.said()}")

    def stop(self):
        """Its exit status, after a shutdown if it still lives."""
        self.call("shutdown", "nosave")
        return self.process.wait(timeout=WAIT)

    def said(self):
        text = ""
        for name in ("redis.log", "redis.err"):
            with open(name, encoding="utf-8", errors="replace") as f:
                text += f.read()
        return text

    def done(self):
        return Done(status=self.process.returncode, err=self.said())
