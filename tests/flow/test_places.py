"""Whose directory is it: what would write, replace, compact or remove in somebody else's is refused, and nothing is gone."""
import os

import pyarrow as pa
import pyarrow.parquet as pq

from lib import delta, sluice
from lib.lab import values_of

REFUSED = 78


def files_of(folder):
    return sorted(os.path.join(at, name) for at, _, names in os.walk(folder) for name in names if name.endswith(".parquet"))


def refused(folder, args, *texts):
    before = files_of(folder)
    sluice.run(*args).expect(REFUSED, *texts)
    assert files_of(folder) == before, args


def view(lab, name, format, location):
    source = os.path.join(os.path.dirname(location), f"{name}.txt")
    with open(source, "w") as text:
        text.write("a\nb\n")
    return lab.write(f"{name}.sql", f"CREATE MATERIALIZED VIEW {name} USING {format} LOCATION '{location}' AS SELECT value FROM text.`{source}`")


def test_delta_table_is_no_heap_of_files(lab):
    topic = lab.topic(2)
    lab.generate(topic, 300, "--keyed")
    lake = lab.lake(topic, pipeline="delta.sql", limit=100)
    lake.run().ok()
    partition = os.path.join(lake.table, next(name for name in os.listdir(lake.table) if "=" in name))
    for path in (lake.table, partition):
        for action in ("compact", "files", "vacuum"):
            refused(lake.table, ["table", action, f"parquet.`{path}`"], "DELTA_INVALID_FORMAT", f"delta.`{lake.table}`")
    refused(lake.table, ["table", "compact", partition], "lies in a Delta table")
    refused(lake.table, ["sql", "-c", f"OPTIMIZE parquet.`{lake.table}`"], "DELTA_INVALID_FORMAT")
    for at, format in ((lake.table, "parquet"), (partition, "parquet"), (partition, "delta")):
        refused(lake.table, ["run", view(lab, "v", format, at)], "DELTA_INVALID_FORMAT", f"delta.`{lake.table}`")
    values = values_of(lab.broker, topic)
    assert {row[:2]: row[2] for row in delta.rows(lake.table, "p", "o", "value")} == values


def test_partition_of_a_streams_table_is_not_compacted(lab):
    topic = lab.topic(2)
    lab.generate(topic, 300, "--keyed")
    lake = lab.lake(topic, limit=100)
    lake.run().ok()
    partition = os.path.join(lake.table, next(name for name in os.listdir(lake.table) if "=" in name))
    refused(lake.table, ["table", "compact", partition], "_spark_metadata", f"parquet.`{lake.table}`")
    refused(lake.table, ["run", view(lab, "w", "delta", lake.table)], "the Parquet table of a streaming query")


def test_view_takes_no_files_of_others(lab):
    folder = lab.path("own")
    os.makedirs(os.path.join(folder, "day=1"))
    for name in ("a.parquet", "day=1/b.parquet"):
        pq.write_table(pa.table({"x": [1]}), os.path.join(folder, name))
    refused(folder, ["run", view(lab, "mine", "parquet", folder)], "no materialized view wrote")
    fresh = lab.path("fresh")
    for _ in range(2):  # its own are replaced
        sluice.run("run", view(lab, "again", "parquet", fresh)).ok()
    assert len(files_of(fresh)) == 1


def test_vacuum_leaves_a_checkpoint_alone(lab):
    """A checkpoint among the table's files, old enough to be swept: the next run goes on, and begins nothing anew."""
    topic = lab.topic(1)
    lab.generate(topic, 100)
    for place in ("/t", "/t/checkpoint"):
        lake = lab.path("within" + str(len(place)))
        text = (f"CREATE STREAMING TABLE t USING delta LOCATION '{lake}/t' TBLPROPERTIES ('sluice.checkpointLocation' = '{lake}{place}') "
                f"AS SELECT offset FROM STREAM read_kafka(bootstrapServers => '{lab.broker.address}', subscribe => '{topic}', "
                "startingOffsets => 'earliest')")
        pipeline = lab.write("within.sql", text)
        said = sluice.run("run", pipeline, "--available-now").ok()
        assert "VACUUM" in said.err, said.err
        for at, _, names in os.walk(lake):
            for name in names:
                os.utime(os.path.join(at, name), (1, 1))
        sluice.run("table", "vacuum", f"{lake}/t").ok()
        sluice.run("run", pipeline, "--available-now").ok()
        assert sorted(row[0] for row in delta.rows(f"{lake}/t", "offset")) == list(range(100))


def test_other_storage_is_refused(lab):
    for location in ("s3://bucket/t", "hdfs://host/t", "abfss://a@b/t"):
        text = (f"CREATE STREAMING TABLE t USING delta LOCATION '{location}' TBLPROPERTIES ('sluice.checkpointLocation' = '/none/c') "
                "AS SELECT value FROM STREAM read_kafka(bootstrapServers => 'localhost:1', subscribe => 't')")
        sluice.run("run", lab.write("far.sql", text), "--available-now").expect(REFUSED, location, "not supported", "far.sql:1")
