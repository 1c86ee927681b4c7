"""What the benchmarks share: where things are, and what a process took."""
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEERS = os.environ.get("SLUICE_PEERS", os.path.join(ROOT, "build/peers"))
PYTHON = os.environ.get("SLUICE_PYTHON", os.path.join(PEERS, "python/bin/python"))
if os.path.exists(PYTHON) and os.environ.get("SLUICE_BENCH_PYTHON") != PYTHON:  # the Python that has the peers' packages
    os.environ["SLUICE_BENCH_PYTHON"] = PYTHON
    os.execv(PYTHON, [PYTHON, *sys.argv])
sys.path.insert(0, os.path.join(ROOT, "tests"))
from lib.broker import Broker  # noqa: E402, F401

signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through the finally blocks: no broker stays behind

SLUICE = os.path.abspath(os.environ.get("SLUICE", os.path.join(ROOT, "build/release/sluice")))

# Runs a command and all that it leaves behind (PySpark leaves its JVM) as children of its own; tells what they took.
METER = """
import ctypes, json, os, resource, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
begin = time.monotonic()
status = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL).returncode
wall = time.monotonic() - begin
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as out:
    json.dump({"wall": wall, "cpu": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}, out)
sys.exit(status)
"""


def measure(command):
    """Wall seconds, CPU seconds, peak memory of the largest process, and stderr of a command."""
    with tempfile.NamedTemporaryFile(mode="r") as meter:
        done = subprocess.run([sys.executable, "-c", METER, meter.name, *command], cwd=ROOT, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, errors="replace")
        if done.returncode:
            sys.exit(f"{command[0]} failed ({done.returncode}):\n{done.stderr[-3000:]}")
        return {**json.load(meter), "stderr": done.stderr}


def fresh(*paths):
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)


def median(results, key):
    return statistics.median(r[key] for r in results)
