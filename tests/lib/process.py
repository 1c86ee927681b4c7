"""Child processes that never outlive the test run: each in its own process group, killed at exit."""
import atexit
import os
import signal
import socket
import subprocess
import threading
import time

_children = set()
_lock = threading.Lock()


def start(args, **options):
    child = subprocess.Popen(args, start_new_session=True, **options)
    with _lock:
        _children.add(child)
    return child


def forget(child):
    with _lock:
        _children.discard(child)


def kill(child):
    """Kills the child's whole group and waits for it."""
    if child.poll() is None:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
    forget(child)


@atexit.register
def _kill_all():
    with _lock:
        left = list(_children)
    for child in left:
        kill(child)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what, timeout=30.0, pause=0.02):
    """The condition's first true value; fails with `what` after the timeout."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout:.0f} s in vain for {what}")
        time.sleep(pause)
