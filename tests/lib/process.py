"""Child processes that never outlive the test run: each in its own process group, killed at exit."""
import atexit
import json
import os
import random
import signal
import socket
import subprocess
import sys
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


MEASURE = """import json, resource, subprocess, sys
status = subprocess.run(sys.argv[2:]).returncode
with open(sys.argv[1], "w") as out:
    json.dump([status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss], out)
"""


def run_measured(args, scratch, timeout, **options):
    """(status, stdout, stderr, peak RSS in bytes). A small process starts the program, since the peak that Linux tells
    of a child begins with that of the one it was forked from."""
    report = os.path.join(scratch, "measured.json")
    child = start([sys.executable, "-I", "-S", "-c", MEASURE, report, *args], stdin=subprocess.DEVNULL,
                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    try:
        out, err = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        kill(child)
        raise AssertionError(f"{os.path.basename(args[0])} did not end within {timeout} s") from None
    forget(child)
    with open(report) as text:
        status, kilobytes = json.load(text)
    return status, out, err, kilobytes * 1024


def free_port():
    """Below the ports that the system gives to clients: a broker that is down would lose its port to one of those, or
    a client that keeps trying to reach it would be connected to itself."""
    while True:
        port = random.SystemRandom().randrange(15000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_for(condition, what, timeout=60.0, pause=0.02):
    """The condition's first true value; fails with `what` after the timeout."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout:.0f} s in vain for {what}")
        time.sleep(pause)
