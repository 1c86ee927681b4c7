#!/usr/bin/env python3
"""Makes tests/golden/spark-4.1.1/state: what a stateful query of a real Spark remembers (see README.md).

    python make_state.py --to DIRECTORY"""
import argparse
import glob
import json
import os
import shutil
import tempfile
import time

from pyspark.sql import SparkSession

ROWS = 24
SQL = """
SELECT count(*) AS n, min(d) AS lo, max(wide) AS hi, sum(wide) AS s, sum(small) AS t, avg(small) AS a, first(st) AS f, avg(d) AS ad
FROM (SELECT ts, i, CAST(i AS TINYINT) AS b, CAST(i AS SMALLINT) AS s, CAST(i AS BIGINT) * 10000000000 AS l, CAST(CAST(i AS FLOAT) / 4 AS FLOAT) AS f,
             CAST(i AS DOUBLE) / 8 AS d, i % 2 = 0 AS t, CAST(CAST(i AS DECIMAL(4)) / 100 AS DECIMAL(10, 2)) AS dec, CAST(i AS DECIMAL(8, 2)) AS small,
             CAST(CAST(i AS DECIMAL(38)) * CAST('1234567890123456789012' AS DECIMAL(25)) AS DECIMAL(30, 0)) AS wide,
             CAST(name AS BINARY) AS bin, CAST(ts AS DATE) AS dt, CAST(ts AS TIMESTAMP_NTZ) AS ntz, make_dt_interval(i) AS di,
             make_ym_interval(i) AS yi, name, named_struct('a', name, 'b', i, 'c', CAST(i AS DECIMAL(20, 0))) AS st,
             array(name, NULL, 'x') AS texts, array(i, NULL, 1) AS numbers FROM events)
GROUP BY ts, i, b, s, l, f, d, t, dec, wide, bin, dt, ntz, di, yi, name, st, texts, numbers
"""


def event(i):
    """Every seventh row has nothing but its time."""
    if i % 7 == 3:
        return {"ts": f"2025-12-15T09:{i:02}:00.123456Z"}
    return {"ts": f"2025-12-15T09:{i:02}:00.123456Z", "i": i - 8, "name": "äbcdefghij"[:i % 11]}


def wait(checkpoint, name):
    """Until each partition has the file."""
    for _ in range(600):
        if len(glob.glob(os.path.join(checkpoint, "state/0/*/" + name))) == 3:
            return
        time.sleep(0.2)
    raise SystemExit(f"Spark has not written {name}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--to", required=True)
    to = arguments.parse_args().to
    session = (SparkSession.builder.master("local[2]").config("spark.sql.session.timeZone", "UTC")
               .config("spark.sql.shuffle.partitions", "3").config("spark.driver.extraJavaOptions", "-Duser.timezone=UTC")
               .config("spark.sql.streaming.stateStore.maintenanceInterval", "1s")
               .config("spark.sql.streaming.stateStore.minDeltasForSnapshot", "1").getOrCreate())
    root = tempfile.mkdtemp()
    source, checkpoint = os.path.join(root, "in"), os.path.join(root, "checkpoint")
    os.mkdir(source)
    frame = session.readStream.schema("ts TIMESTAMP, i INT, name STRING").option("maxFilesPerTrigger", 1).json(source)
    frame.withWatermark("ts", "10 minutes").createOrReplaceTempView("events")
    query = (session.sql(SQL).writeStream.outputMode("append").format("noop").option("checkpointLocation", checkpoint)
             .trigger(processingTime="1 second").start())
    for batch in range(2):
        path = os.path.join(source, f"b{batch}.json")
        with open(path + ".tmp", "w") as file:
            file.writelines(json.dumps(event(i)) + "\n" for i in range(batch * ROWS // 2, (batch + 1) * ROWS // 2))
        os.rename(path + ".tmp", path)
        wait(checkpoint, "2.snapshot" if batch == 0 else "4.delta")
    query.stop()
    session.stop()
    shutil.copytree(os.path.join(checkpoint, "state"), to)
    shutil.rmtree(root)


main()
