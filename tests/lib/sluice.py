"""Running the program under test."""
import os
import signal
import subprocess
import threading

from lib import process

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CRASHED = -signal.SIGKILL
MAX_SECONDS = 60


def binary():
    return os.path.abspath(os.environ.get("SLUICE", os.path.join(ROOT, "build/release/sluice")))


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def expect(self, status, *texts):
        """The exit status and parts of the message that must be there."""
        assert self.status == status, f"exit status {self.status}, want {status}; stderr:\n{self.err[-2000:]}"
        for text in texts:
            assert text in self.err, f"`{text}` is not in the message:\n{self.err[-2000:]}"
        return self

    def ok(self):
        return self.expect(0)


def environment(failpoints=None, **more):
    env = {key: value for key, value in os.environ.items() if not key.startswith("SLUICE_")}
    env.update(NO_COLOR="1", TZ="UTC", **more)
    if failpoints:
        env.update(SLUICE_FAILPOINTS=failpoints, SLUICE_FAILPOINTS_STRICT="1")
    return env


class Running:
    """A sluice process in the background, its output collected."""

    def __init__(self, args, failpoints=None, **env):
        self.child = process.start([binary(), *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=environment(failpoints, **env))
        self.text = {"out": bytearray(), "err": bytearray()}
        self.readers = [threading.Thread(target=self._collect, args=pair, daemon=True)
                        for pair in (("out", self.child.stdout), ("err", self.child.stderr))]
        for reader in self.readers:
            reader.start()

    def _collect(self, name, stream):
        while chunk := os.read(stream.fileno(), 65536):
            self.text[name] += chunk

    @property
    def err(self):
        return self.text["err"].decode(errors="replace")

    def is_running(self):
        return self.child.poll() is None

    def cpu_seconds(self):
        with open(f"/proc/{self.child.pid}/stat") as stat:
            times = stat.read().rsplit(")", 1)[1].split()[11:13]
        return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")

    def signal(self, number):
        os.kill(self.child.pid, number)

    def kill9(self):
        process.kill(self.child)
        return self.wait()

    def wait(self, timeout=MAX_SECONDS):
        try:
            self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill(self.child)
            raise AssertionError(f"sluice did not end within {timeout} s; stderr:\n{self.err[-2000:]}") from None
        process.forget(self.child)
        for reader in self.readers:
            reader.join(5)
        self.child.stdout.close()
        self.child.stderr.close()
        return Result(self.child.returncode, self.text["out"].decode(errors="replace"), self.err)


def run(*args, failpoints=None, timeout=MAX_SECONDS, **env):
    return Running([str(arg) for arg in args], failpoints, **env).wait(timeout)
