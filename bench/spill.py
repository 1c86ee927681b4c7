#!/usr/bin/env python3
"""Deduplication of more keys than memory holds: with memory for all of them, and with `--memory 512m`, in turn.

    bench/spill.py [--keys 50000000] [--memory 512m] [--files 10] [--each 10] [--dir DIR]

Distinct UUIDs in JSON files, --each files a batch. Prints rate, CPU and peak memory of both, their ratio, and checks
that every key passed once.
"""
import argparse
import json
import os
import tempfile

from meter import SLUICE, fresh, measure

QUERY = """CREATE STREAMING TABLE passed USING noop TBLPROPERTIES ('sluice.checkpointLocation' = '{work}/checkpoint')
AS SELECT id FROM STREAM read_files('{work}/keys', format => 'json', schema => 'id STRING', maxFilesPerTrigger => {each}) DEDUPLICATE BY (id);
"""


def make(work, keys, files):
    import duckdb
    os.makedirs(f"{work}/keys")
    for number in range(files):
        name = f"{work}/keys/{number:03}.json"
        first = keys // files * number
        duckdb.sql(f"""COPY (SELECT substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-4' || substr(h, 14, 3) || '-a' || substr(h, 18, 3) || '-' || substr(h, 21, 12) AS id
                       FROM (SELECT md5(CAST(i AS VARCHAR)) AS h FROM range({first}, {first + keys // files}) AS t(i))) TO '{name}' (FORMAT json)""")
        os.utime(name, (1_700_000_000 + number, 1_700_000_000 + number))


def run(work, memory, *more):
    progress = f"{work}/progress"
    fresh(f"{work}/checkpoint")
    if os.path.exists(progress):
        os.remove(progress)
    took = measure([SLUICE, "run", f"{work}/query.sql", "--available-now", "--memory", memory, "--progress", progress, *more])
    with open(progress) as lines:
        batches = [json.loads(line) for line in lines]
    operators = [batch["stateOperators"][0] for batch in batches]
    took["kept"] = operators[-1]["numRowsTotal"]
    took["passed"] = sum(one["numRowsUpdated"] for one in operators)
    took["spilled"] = sum(one["customMetrics"]["rowsSpilled"] for one in operators)
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keys", type=int, default=50_000_000)
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--each", type=int, default=10, help="files of a batch")
    parser.add_argument("--memory", default="512m")
    parser.add_argument("--dir")
    options = parser.parse_args()
    keys = options.keys // options.files * options.files
    with tempfile.TemporaryDirectory(prefix="sluice-spill-", dir=options.dir) as work:
        make(work, keys, options.files)
        with open(f"{work}/query.sql", "w") as file:
            file.write(QUERY.format(work=work, each=options.each))
        rates = {}
        for memory in ("16g", options.memory):
            took = run(work, memory)
            assert took["passed"] == took["kept"] == keys, took
            rates[memory] = keys / took["wall"]
            print(f"{keys} keys, {options.files // options.each} batches, --memory {memory}: {took['wall']:.1f} s, {took['cpu']:.1f} CPU s, "
                  f"{rates[memory] / 1000:.0f} thousand rows/s, {keys / took['cpu'] / 1000:.0f} thousand a CPU-second, peak {took['peak_mb']:.0f} MB, "
                  f"{took['spilled']} rows waited on disk", flush=True)
        print(f"rate with {options.memory}: {rates[options.memory] / rates['16g']:.2f} of that in memory")


if __name__ == "__main__":
    main()
