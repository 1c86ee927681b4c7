#!/usr/bin/env python3
"""Compaction of many small Delta files: sluice against delta-rs on copies of one table, in turn.

    bench/compaction.py [--files 1000] [--rows 40000] [--codec snappy|zstd] [--dir DIR] [--sluice BINARY]

40,000 rows make a file of about 1.1 MB. Both write the same codec with a target of 128 MiB. Prints time, CPU, peak
memory, and checks rows, sum and number of files of both results by delta-rs. Needs deltalake, pyarrow, numpy.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

import deltalake
import numpy
import pyarrow

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = 128 << 20
DELTA_RS = """import sys, deltalake
properties = deltalake.WriterProperties(compression=sys.argv[2])
deltalake.DeltaTable(sys.argv[1]).optimize.compact(target_size=int(sys.argv[3]), writer_properties=properties)
"""
MEASURE = """import json, resource, subprocess, sys, time
begin = time.monotonic()
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([status, time.monotonic() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024]))
"""


def make(path, files, rows, codec):
    chance = numpy.random.default_rng(1)
    properties = deltalake.WriterProperties(compression=codec.upper())
    for i in range(files):
        ids = range(i * rows, (i + 1) * rows)
        content = pyarrow.table({
            "order_id": [f"ORD-{k:09d}" for k in ids],
            "customer_id": [f"CUST-{k:05d}" for k in chance.integers(0, 100000, rows)],
            "product": [f"product-{k}" for k in chance.integers(0, 10, rows)],
            "quantity": chance.integers(1, 100, rows).astype(numpy.int32),
            "amount": numpy.round(chance.random(rows) * 1000, 2),
            "ts": pyarrow.array(1735689600000000 + numpy.arange(i * rows, (i + 1) * rows) * 1000, pyarrow.timestamp("us", "UTC"))})
        deltalake.write_deltalake(path, content, mode="append", writer_properties=properties)


def measure(*args):
    out = subprocess.run([sys.executable, "-I", "-S", "-c", MEASURE, *args], stdout=subprocess.PIPE, check=True, text=True).stdout
    status, wall, cpu, memory = json.loads(out)
    assert status == 0, args
    return wall, cpu, memory


def judge(path):
    table = deltalake.DeltaTable(path)
    answer = pyarrow.table(deltalake.QueryBuilder().register("t", table).execute(
        "SELECT count(*) AS n, sum(CAST(substr(order_id, 5) AS BIGINT)) AS ids, sum(quantity) AS q FROM t").read_all()).to_pylist()[0]
    sizes = pyarrow.table(table.get_add_actions())["size_bytes"].to_pylist()
    return (answer["n"], answer["ids"], answer["q"]), len(sizes), sum(sizes)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=40000)
    parser.add_argument("--codec", default="snappy")
    parser.add_argument("--dir")
    parser.add_argument("--sluice", default=os.path.join(ROOT, "build/release/sluice"))
    options = parser.parse_args()
    top = tempfile.mkdtemp(prefix="sluice-compaction-", dir=options.dir)
    try:
        made = os.path.join(top, "made")
        make(made, options.files, options.rows, options.codec)
        before, count, size = judge(made)
        print(f"{count} files, {size / 2**20:.0f} MiB, {before[0]} rows, {options.codec}, load {os.getloadavg()[0]:.1f}", flush=True)
        results = {}
        for name in ("sluice", "delta-rs"):
            path = os.path.join(top, name)
            shutil.copytree(made, path)
            os.sync()
            args = ([options.sluice, "table", "compact", path, "-q"] if name == "sluice" else
                    [sys.executable, "-c", DELTA_RS, path, options.codec.upper(), str(TARGET)])
            results[name] = measure(*args)
            after, count, size = judge(path)
            assert after == before, f"{name}: {after} instead of {before}"
            wall, cpu, memory = results[name]
            print(f"{name:10} {wall:7.1f} s  {cpu:7.1f} s CPU  {memory / 2**20:6.0f} MiB peak  {count} files, {size / 2**20:.0f} MiB", flush=True)
            shutil.rmtree(path)
        ours, theirs = results["sluice"], results["delta-rs"]
        print("delta-rs / sluice: " + ", ".join(f"{what} {b / a:.1f}x" for what, a, b in
                                                zip(("time", "CPU", "memory"), ours, theirs)))
    finally:
        shutil.rmtree(top)


if __name__ == "__main__":
    main()
