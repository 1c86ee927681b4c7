#!/usr/bin/env python3
"""End-to-end tests: real Kafka, real readers, the real binary.

    tests/run_e2e.py [flow] [fault] [peer] [-k PATTERN] [-j LANES]

Runs every function test_*(lab) of tests/<kind>/test_*.py. With -j several processes take tests in turn, each with a
broker and a Spark session of its own: most tests wait more than they work. Environment: SLUICE (binary), SLUICE_PEERS (what
tools/peers made), SLUICE_PYTHON, SLUICE_KAFKA_JARS, SLUICE_SPARK_JARS, SLUICE_DELTA_JARS; SLUICE_REQUIRE_PEERS=1: a
missing peer is a failure. SLUICE_SEED: seed of the random tests.
"""
import argparse
import fcntl
import importlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
KINDS = ("flow", "fault", "peer")


def use_peer_python():
    """Goes on in the Python that has the peers' packages."""
    peers = os.environ.get("SLUICE_PEERS", os.path.join(os.path.dirname(HERE), "build/peers"))
    python = os.environ.get("SLUICE_PYTHON", os.path.join(peers, "python/bin/python"))
    if os.path.exists(python) and os.environ.get("SLUICE_E2E_PYTHON") != python:
        os.environ["SLUICE_E2E_PYTHON"] = python
        os.execv(python, [python, *sys.argv])


def collect(kinds, pattern):
    for kind in kinds:
        for file in sorted(os.listdir(os.path.join(HERE, kind))):
            if not (file.startswith("test_") and file.endswith(".py")):
                continue
            module = importlib.import_module(f"{kind}.{file[:-3]}")
            for name, function in list(vars(module).items()):
                if name.startswith("test_") and callable(function) and pattern in f"{kind}/{file[5:-3]}/{name}":
                    yield f"{kind}/{file[5:-3]}.{name[5:]}", function


def reason_of(error):
    text = str(error).strip() or type(error).__name__
    if not isinstance(error, AssertionError):
        text = f"{type(error).__name__}: {text}"
    return text


def run_one(shared, name, function):
    """(state, reason)"""
    from lib.lab import Lab, Missing, Skip
    lab = Lab(shared, function.__name__)
    try:
        function(lab)
        return "ok", ""
    except Skip as skip:
        return "skipped", str(skip)
    except Missing as missing:
        required = os.environ.get("SLUICE_REQUIRE_PEERS") == "1"
        return "FAILED" if required else "skipped", f"missing: {missing}"
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)
        frames = [frame for frame in where if "run_e2e" not in frame.filename]
        trail = " < ".join(f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in reversed(frames[-4:]))
        return "FAILED", f"{reason_of(error)} [{trail}]"
    finally:
        lab.close()


class Claims:
    """Hands out the numbers of tests, to all lanes from one file."""

    def __init__(self, path):
        self.path, self.next = path, 0

    def take(self):
        if not self.path:
            self.next += 1
            return self.next - 1
        with open(self.path, "r+") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            number = int(file.read() or 0)
            file.seek(0)
            file.write(str(number + 1))
        return number


def summary(counts):
    return f"{counts['ok']} passed, {counts['FAILED']} failed, {counts['skipped']} skipped"


def run_lane(tests, claims):
    """Runs the tests that it gets; a line for each."""
    from lib.lab import Shared
    shared = Shared()
    counts = {"ok": 0, "FAILED": 0, "skipped": 0}
    try:
        while (number := claims.take()) < len(tests):
            name, function = tests[number]
            began = time.monotonic()
            state, reason = run_one(shared, name, function)
            counts[state] += 1
            print(f"{state:7} {name} ({time.monotonic() - began:.1f} s){': ' + reason if reason else ''}", flush=True)
    finally:
        shared.close()
    return counts


def relay(lane, counts):
    """Passes the lines of a lane on and counts them."""
    for line in lane.stdout:
        if line.split(" ")[0] in counts:
            counts[line.split(" ")[0]] += 1
        sys.stdout.write(line)
        sys.stdout.flush()
    if lane.wait() not in (0, 1):
        counts["FAILED"] += 1
        print(f"FAILED  a lane of tests ended with status {lane.returncode}", flush=True)


def run_lanes(count, options):
    counts = {"ok": 0, "FAILED": 0, "skipped": 0}
    with tempfile.NamedTemporaryFile(prefix="sluice-e2e-claims-") as claims:
        lanes = [subprocess.Popen([sys.executable, os.path.abspath(__file__), *options, "--claims", claims.name], stdout=subprocess.PIPE, text=True)
                 for _ in range(count)]
        try:
            readers = [threading.Thread(target=relay, args=(lane, counts)) for lane in lanes]
            for reader in readers:
                reader.start()
            for reader in readers:
                reader.join()
        finally:
            for lane in lanes:
                lane.terminate()
            for lane in lanes:
                lane.wait()
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="flow|fault|peer")
    parser.add_argument("-k", dest="pattern", default="", help="only tests whose kind/file/name contains this")
    parser.add_argument("-j", dest="lanes", type=int, default=1, help="processes that share the tests (default 1)")
    parser.add_argument("--claims", help=argparse.SUPPRESS)  # this process is a lane
    options = parser.parse_args()
    unknown = [kind for kind in options.kinds if kind not in KINDS]
    if unknown:
        parser.error(f"there is no kind of tests `{unknown[0]}`")
    use_peer_python()
    sys.path.insert(0, HERE)
    os.chdir(os.path.dirname(HERE))
    try:
        tests = list(collect(options.kinds or KINDS, options.pattern))
    except ImportError as missing:
        required = os.environ.get("SLUICE_REQUIRE_PEERS") == "1"
        print(f"{'FAILED' if required else 'skipped'} all: missing: {missing} (tools/peers makes the Python environment)")
        print(summary({"ok": 0, "FAILED": int(required), "skipped": int(not required)}))
        return int(required)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through the finally blocks: no broker stays behind
    if options.lanes > 1 and len(tests) > 1:
        counts = run_lanes(min(options.lanes, len(tests)), [*options.kinds, "-k", options.pattern])
    else:
        counts = run_lane(tests, Claims(options.claims))
    if not options.claims:
        print(summary(counts))
    return int(counts["FAILED"] > 0)


if __name__ == "__main__":
    sys.exit(main())
