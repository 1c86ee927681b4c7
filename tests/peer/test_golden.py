"""tests/golden on a live topic: sluice plans the batches that Spark planned, and goes on with what Spark left."""
import datetime
import importlib.util
import json
import os
import shutil

from lib import sluice, table

GOLDEN = os.path.join(sluice.ROOT, "tests/golden")
TOPICS = "g_orders,g_returns"
PIPELINE = """\
CREATE STREAMING TABLE golden
USING parquet
PARTITIONED BY (city)
LOCATION '${{lake}}/t'
TBLPROPERTIES ('sluice.checkpointLocation' = '${{lake}}/c')
AS SELECT o.*
FROM (SELECT from_json(CAST(value AS STRING), '{schema}') AS o
  FROM STREAM read_kafka(bootstrapServers => '${{brokers}}', subscribe => '${{topic}}', startingOffsets => 'earliest',
                         maxOffsetsPerTrigger => '{limit}'))
WHERE o.amount > 0;
"""
COLUMNS = ["id", "amount", "price", "big", "ts", "day", "flag", "items", "attributes", "city"]


def maker():
    spec = importlib.util.spec_from_file_location("golden_make", os.path.join(GOLDEN, "make.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lake_of(lab):
    """The topics as Spark had them, made anew for each test, and an empty lake."""
    make = maker()
    for topic in TOPICS.split(","):
        if lab.broker.partitions(topic):
            lab.broker.delete(topic)
    make.fill(lab.broker.address)
    return lab.lake(TOPICS, pipeline=lab.write("golden.sql", PIPELINE.format(schema=make.SCHEMA, limit=make.LIMIT)))


def plain(value):
    """INT96 comes as a nanosecond timestamp without a zone, ours as one in UTC."""
    return value.replace(tzinfo=None) if isinstance(value, datetime.datetime) else value


def rows_by_id(root, files):
    rows = table.rows_of(root, files, COLUMNS)
    by_id = {row[0]: tuple(map(plain, row[1:])) for row in rows}
    assert len(by_id) == len(rows), "a record is there twice"
    return by_id


def sparks_rows(version="spark-4.1.1"):
    root = os.path.join(GOLDEN, version, "table")
    return rows_by_id(root, table.files_by_listing(root))


def test_batches_and_rows_are_sparks(lab):
    """The same limit over the same topics: every offsets line, the first offsets and all rows are Spark 4.1's."""
    lake = lake_of(lab)
    lake.run().ok()
    golden = os.path.join(GOLDEN, "spark-4.1.1", "checkpoint")
    assert lake.batches() == table.numbered(os.path.join(golden, "commits"))
    for name in [f"offsets/{n}" for n in lake.batches()]:
        with open(os.path.join(golden, name)) as want, open(lake.file(name)) as have:
            want, have = want.read().split("\n"), have.read().split("\n")
        assert have[2:] == want[2:], f"{name}: {have[2:]}, Spark {want[2:]}"
        assert json.loads(have[1])["conf"] == json.loads(want[1])["conf"], name
    for name in [f"commits/{n}" for n in lake.batches()] + ["sources/0/0"]:
        with open(os.path.join(golden, name), "rb") as want, open(lake.file(name), "rb") as have:
            assert have.read() == want.read(), name
    assert rows_by_id(lake.table, table.files_by_listing(lake.table)) == sparks_rows()


def goes_on(lab, version):
    lake = lake_of(lab)
    shutil.copytree(os.path.join(GOLDEN, version, "checkpoint"), lake.checkpoint)
    shutil.copytree(os.path.join(GOLDEN, version, "table"), lake.table)
    log = os.path.join(lake.table, "_spark_metadata")
    for name in os.listdir(log):
        path = os.path.join(log, name)
        if name.endswith(".crc"):
            os.unlink(path)
            continue
        with open(path) as text:
            content = text.read()
        with open(path, "w") as out:
            out.write(content.replace("file:///golden/table/", f"file://{os.path.realpath(lake.table)}/"))
    before = rows_by_id(lake.table, table.files_by_log(lake.table))
    assert before == sparks_rows(version)
    lake.run().ok()
    assert rows_by_id(lake.table, table.files_by_log(lake.table)) == before, "sluice added to what was complete"
    before = add(lab, lake, before)
    assert rows_by_id(lake.table, table.files_by_log(lake.table)) == before


def add(lab, lake, before):
    """Sends some records once more under new ids; what the table has to hold then."""
    records = [maker().record(n).replace('"G-', '"H-') for n in range(10, 60)]
    lab.broker.produce("g_orders", [(n % 3, None, record.encode()) for n, record in enumerate(records)])
    last = lake.batches()[-1]
    lake.run().ok()
    assert lake.batches()[-1] > last
    return {**before, **{"H" + key[1:]: row for key, row in before.items() if 10 <= int(key[2:]) < 60}}


def test_we_go_on_with_spark_41(lab):
    goes_on(lab, "spark-4.1.1")


def test_we_go_on_with_spark_35(lab):
    goes_on(lab, "spark-3.5.7")
