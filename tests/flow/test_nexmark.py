"""The Nexmark runner: all its queries on a few events in several batches, each result compared with DuckDB's."""
import os
import subprocess
import sys

from lib import sluice


def run(lab, *args):
    runner = os.path.join(sluice.ROOT, "bench/nexmark/run")
    environment = {**os.environ, "SLUICE": sluice.binary()}
    return subprocess.run([sys.executable, runner, "--brokers", lab.broker.address, *args], capture_output=True, text=True,
                          env=environment, timeout=300)


def test_results_are_right(lab):
    done = run(lab, "--topic", f"nexmark{next(lab.shared.numbers)}", "--events", "200000", "--batch", "100000")
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("q") and not line.startswith("query")]
    assert [line[0] for line in lines] == "q0 q1 q2 q3 q5 q7 q8 q10 q11 q12 q18".split(), done.stdout
    assert all(line[-1] == "right" for line in lines), done.stdout


def test_no_result_is_no_success(lab):
    """Six seconds of events close no window of ten: that must not pass as right."""
    done = run(lab, "--topic", f"nexmark{next(lab.shared.numbers)}", "--events", "60000", "--queries", "q2,q7")
    assert done.returncode == 1 and "failed: q7" in done.stderr, done.stdout + done.stderr[-2000:]
