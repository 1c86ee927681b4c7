#!/usr/bin/env python3
"""End-to-end tests: real Kafka, real readers, the real binary.

    tests/run_e2e.py [flow] [fault] [peer] [-k PATTERN]

Runs every function test_*(lab) of tests/<kind>/test_*.py. Environment: SLUICE (binary), SLUICE_PEERS (what
tools/peers made), SLUICE_PYTHON, SLUICE_KAFKA_JARS, SLUICE_SPARK_JARS, SLUICE_DELTA_JARS; SLUICE_REQUIRE_PEERS=1: a
missing peer is a failure. SLUICE_SEED: seed of the random tests.
"""
import argparse
import importlib
import os
import signal
import sys
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="flow|fault|peer")
    parser.add_argument("-k", dest="pattern", default="", help="only tests whose kind/file/name contains this")
    options = parser.parse_args()
    unknown = [kind for kind in options.kinds if kind not in KINDS]
    if unknown:
        parser.error(f"there is no kind of tests `{unknown[0]}`")
    use_peer_python()
    sys.path.insert(0, HERE)
    os.chdir(os.path.dirname(HERE))
    try:
        from lib.lab import Shared
    except ImportError as missing:
        required = os.environ.get("SLUICE_REQUIRE_PEERS") == "1"
        print(f"{'FAILED' if required else 'skipped'} all: missing: {missing} (tools/peers makes the Python environment)")
        print(f"0 passed, {int(required)} failed, {int(not required)} skipped")
        return int(required)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through the finally blocks: no broker stays behind
    shared = Shared()
    counts = {"ok": 0, "FAILED": 0, "skipped": 0}
    try:
        for name, function in collect(options.kinds or KINDS, options.pattern):
            began = time.monotonic()
            state, reason = run_one(shared, name, function)
            counts[state] += 1
            print(f"{state:7} {name} ({time.monotonic() - began:.1f} s){': ' + reason if reason else ''}", flush=True)
    finally:
        shared.close()
    print(f"{counts['ok']} passed, {counts['FAILED']} failed, {counts['skipped']} skipped")
    return int(counts["FAILED"] > 0)


if __name__ == "__main__":
    sys.exit(main())
