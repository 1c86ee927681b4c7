"""Streams into Delta tables: what the log says, who can read them, and what is refused."""
import datetime
import json
import os
import re
import shutil

from lib import delta, sluice
from lib.lab import Skip, values_of

REFUSED = 78  # EX_CONFIG: SL_USER in base/code.def


def check_whole(lake, values):
    """delta.sql: the table has each (partition, offset): value exactly once, by the log and for other readers."""
    columns = ("p", "o", "value")
    for reader, rows in [("the log", delta.rows(lake.table, *columns)), *delta.readers(lake.table, *columns)]:
        have = {row[:2]: row[2] for row in rows}
        assert len(have) == len(rows), f"{reader}: a record is in the table twice"
        assert have == values, f"{reader}: {len(have)} records, want {len(values)}"


def stream(lab, records=1000, limit=200, name="lake"):
    topic = lab.topic(2)
    lab.generate(topic, records, "--keyed")
    return lab.lake(topic, name=name, pipeline="delta.sql", limit=limit), values_of(lab.broker, topic)


def query_of(lake):
    with open(lake.file("metadata")) as text:
        return json.load(text)["id"]


def data_lake(lab, values, columns, schema, by="", properties="", name="lake"):
    topic = lab.topic(1)
    lab.broker.produce(topic, [(0, None, json.dumps(value).encode()) for value in values])
    return lab.lake(topic, name=name, pipeline="delta_data.sql", columns=columns, schema=schema, by=by, properties=properties)


def delta_rs():
    if delta.deltalake is None:
        raise Skip("deltalake is not installed")
    import pyarrow
    return delta.deltalake, pyarrow


# ---- what is written ----

def test_stream_to_delta(lab):
    lake, values = stream(lab)
    lake.run().ok()
    check_whole(lake, values)
    query = query_of(lake)
    first = delta.commit(lake.table, 0)
    assert [name for name, _ in first[:4]] == ["commitInfo", "metaData", "protocol", "txn"], first[:4]
    assert first[2][1] == {"minReaderVersion": 1, "minWriterVersion": 2}
    assert first[1][1]["partitionColumns"] == ["bucket"]
    for batch, version in zip(lake.batches(), delta.versions(lake.table)):
        content = delta.commit(lake.table, version)
        info, txn = content[0][1], next(c for name, c in content if name == "txn")
        assert info["operation"] == "STREAMING UPDATE" and info["isBlindAppend"] is True
        assert info["operationParameters"] == {"outputMode": "Append", "queryId": query, "epochId": str(batch)}
        assert (txn["appId"], txn["version"]) == (query, batch) and "lastUpdated" in txn
        adds = [c for name, c in content if name == "add"]
        assert info["operationMetrics"]["numAddedFiles"] == str(len(adds))
        assert info["operationMetrics"]["numOutputRows"] == str(sum(json.loads(add["stats"])["numRecords"] for add in adds))
    assert len(delta.versions(lake.table)) == len(lake.batches())
    assert delta.orphans(lake.table) == []
    before = delta.versions(lake.table)
    lake.run().ok()
    assert delta.versions(lake.table) == before, "a run without new records made a version"


def test_flow_into_delta(lab):
    """The table without a query, and a flow that inserts into it."""
    topic, folder = lab.topic(1), lab.path("flow")
    lab.broker.produce(topic, [(0, None, b"x"), (0, None, b"y")])
    file = lab.write("flow.sql", f"""CREATE STREAMING TABLE t USING delta PARTITIONED BY (o) LOCATION '{folder}'
TBLPROPERTIES ('sluice.checkpointLocation' = '{lab.path("c")}');
CREATE FLOW f AS INSERT INTO t BY NAME SELECT offset AS o, value FROM STREAM read_kafka(
  bootstrapServers => '{lab.broker.address}', subscribe => '{topic}', startingOffsets => 'earliest');""")
    sluice.run("run", file, "--available-now").ok()
    assert sorted(delta.rows(folder, "o", "value")) == [("0", b"x"), ("1", b"y")]
    assert delta.commit(folder, 0)[0][1]["operation"] == "STREAMING UPDATE"


def test_checkpoint_every_tenth_version(lab):
    lake, values = stream(lab, records=600, limit=25)
    lake.run().ok()
    assert len(delta.versions(lake.table)) > 20
    with open(os.path.join(lake.table, "_delta_log", "_last_checkpoint")) as text:
        last = json.load(text)["version"]
    assert last % 10 == 0 and os.path.exists(os.path.join(lake.table, "_delta_log", f"{last:020}.checkpoint.parquet"))
    check_whole(lake, values)
    # a reader that has to use the checkpoint sees the same
    expected = delta.rows(lake.table, "p", "o")
    for version in range(last):
        os.unlink(os.path.join(lake.table, "_delta_log", f"{version:020}.json"))
    delta.check_readers(lake.table, expected, "p", "o")
    lake.lab.broker.produce(lake.topic, [(0, None, b"later")])
    lake.run().ok()
    for reader, rows in delta.readers(lake.table, "p", "o"):
        assert len(rows) == len(expected) + 1, reader


def test_partition_values(lab):
    names = ["../../x", "..", "/etc/passwd", "a/b", "a=b", "a%2Fb", "%", "bar+%21", "11:11", "a b", "é", "'", '"', "a\nb", "#?[]", "",
             None, "__HIVE_DEFAULT_PARTITION__", "x" * 100]
    lake = data_lake(lab, [{"k": name} for name in names], "j.k AS k", "k STRING", "PARTITIONED BY (k)")
    lake.run().ok()
    assert sorted(os.listdir(lake.dir)) == ["c", "t"]
    want = {at: name or None for at, name in enumerate(names)}
    assert dict(delta.rows(lake.table, "o", "k")) == want
    delta.check_readers(lake.table, want.items(), "o", "k")


def test_types(lab):
    schema = ("b BOOLEAN, y TINYINT, s SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, m DECIMAL(20,3), t STRING, a DATE, z TIMESTAMP, "
              "st STRUCT<x: INT, y: STRING>, ar ARRAY<INT>, mp MAP<STRING, INT>")
    value = {"b": True, "y": -5, "s": 300, "i": 7, "l": 2**40, "f": 1.5, "d": -2.25, "m": 12345678901234.125, "t": "ä" * 40, "a": "2025-01-15",
             "z": "2025-01-15T10:23:45.123456Z", "st": {"x": 1, "y": "q"}, "ar": [1, None, 3], "mp": {"k": 1}}
    lake = data_lake(lab, [value, {}, {**value, "i": -7, "t": "a", "a": "1969-12-31"}], "j.*", schema)
    lake.run().ok()
    rows = {row[0]: row[1:] for row in delta.rows(lake.table, "o", "b", "i", "t", "a", "st", "ar", "m")}
    assert rows[0] == (True, 7, "ä" * 40, datetime.date(2025, 1, 15), {"x": 1, "y": "q"}, [1, None, 3], rows[0][6])
    assert str(rows[0][6]) == "12345678901234.125" and all(value is None for value in rows[1][:5])
    delta.check_readers(lake.table, delta.rows(lake.table, "o", "b", "i", "t", "a", "st", "ar", "m"), "o", "b", "i", "t", "a", "st", "ar", "m")


def test_typed_partitions(lab):
    columns = "i INT, b BOOLEAN, d DATE, t TIMESTAMP, m DECIMAL(10,2)"
    lake = data_lake(lab, [{"i": -5, "b": True, "d": "2025-01-15", "t": "2025-01-15T10:23:45.5Z", "m": 1.5}, {}], "j.*", columns,
                     "PARTITIONED BY (i, b, d, t, m)")
    lake.run().ok()
    values = sorted((add["partitionValues"] for add in delta.live(lake.table).values()), key=lambda v: v["i"] is None)
    assert values == [{"i": "-5", "b": "true", "d": "2025-01-15", "t": "2025-01-15T10:23:45.500000Z", "m": "1.50"},
                      {"i": None, "b": None, "d": None, "t": None, "m": None}], values
    delta.check_readers(lake.table, [(0, -5, True, datetime.date(2025, 1, 15)), (1, None, None, None)], "o", "i", "b", "d")


def test_files_of_the_wanted_size(lab):
    lake = data_lake(lab, [{"t": os.urandom(300).hex()} for _ in range(12000)], "j.t AS t", "t STRING",
                     properties=", 'sluice.file.targetSize' = '1m', 'compression' = 'none', 'parquet.enable.dictionary' = 'false'")
    lake.run().ok()
    sizes = sorted(add["size"] for add in delta.live(lake.table).values())
    assert len(sizes) >= 3 and sizes[-1] < 4 << 20, sizes  # a file ends behind the batch of rows that fills it
    assert len(delta.rows(lake.table, "o")) == 12000


def test_table_properties(lab):
    lake = data_lake(lab, [{"k": "a"}], "j.k AS k", "k STRING", properties=", 'delta.checkpointInterval' = '3', 'delta.appendOnly' = 'true'")
    lake.run().ok()
    assert delta.actions(lake.table, "metaData")[0]["configuration"] == {"delta.checkpointInterval": "3", "delta.appendOnly": "true"}
    for number, (properties, text) in enumerate({
            ", 'compresion' = 'zstd'": "did you mean `compression`",
            ", 'delta.minWriterVersion' = '7'": "delta.minWriterVersion",
            ", 'delta.columnMapping.mode' = 'name'": "columnMapping"}.items()):
        lake = data_lake(lab, [{"k": "a"}], "j.k AS k", "k STRING", properties=properties, name=f"refused{number}")
        result = lake.run()
        assert result.status != 0 and text in result.err, result.err
        assert not os.path.exists(os.path.join(lake.table, "_delta_log"))


def test_docs_list_every_property(lab):
    """docs/delta.md has each option of the sink with its default and what it says about itself."""
    with open(os.path.join(sluice.ROOT, "docs/delta.md")) as page:
        text = page.read()
    with open(os.path.join(sluice.ROOT, "src/conn/delta/delta_sink_options.def")) as table:
        rows = re.findall(r'^OPTION\("(.*?)", \w+, "(.*?)", "(.*?)"\)', table.read(), re.M)
    assert len(rows) > 8
    for name, default, said in rows:
        if name in ("path", "checkpointLocation"):
            assert f"`{name}`" in text, name
        else:
            assert f"| `{name}` | {default} | {said}" in text, name


# ---- next to others ----

def test_foreign_appends(lab):
    """delta-rs appends between our batches; our rows and its rows are all there, once."""
    deltalake, pa = delta_rs()
    topic = lab.topic(1)
    lake = lab.lake(topic, pipeline="delta.sql")
    want = {}
    for round_ in range(3):
        lab.broker.produce(topic, [(0, None, b"%d" % i) for i in range(10)])
        lake.run().ok()
        want.update({(0, 10 * round_ + i): b"%d" % i for i in range(10)})
        row = {"p": [100], "o": [round_], "key": [None], "value": [b"foreign"], "bucket": [1]}
        schema = pa.schema([("p", pa.int32()), ("o", pa.int64()), ("key", pa.string()), ("value", pa.binary()), ("bucket", pa.int64())])
        deltalake.write_deltalake(lake.table, pa.table(row, schema=schema), mode="append")
        want[(100, round_)] = b"foreign"
    check_whole(lake, want)


def foreign_table(lab, columns, name="lake", partition_by=None, **more):
    deltalake, pa = delta_rs()
    lake = data_lake(lab, [{"k": "a", "n": 1}], "j.k AS K, j.n AS n", "k STRING, n INT", name=name)
    fields = [pa.field(column, type_, nullable) for column, type_, nullable in columns]
    deltalake.DeltaTable.create(lake.table, deltalake.Schema.from_arrow(pa.schema(fields)), partition_by=partition_by, **more)
    return lake


def test_table_of_another_engine(lab):
    """Names and order are the table's; what the query lacks is null; its partitioning is followed."""
    _, pa = delta_rs()
    lake = foreign_table(lab, [("extra", pa.float64(), True), ("n", pa.int32(), True), ("O", pa.int64(), False), ("k", pa.string(), True)],
                         partition_by=["n"])
    lake.run().ok()
    assert delta.rows(lake.table, "extra", "n", "O", "k") == [(None, "1", 0, "a")]
    delta.check_readers(lake.table, [(None, 1, 0, "a")], "extra", "n", '"O"', "k")


def test_new_table_with_a_constraint(lab):
    lake = data_lake(lab, [{"k": "a"}], "j.k AS k", "k STRING", properties=", 'delta.constraints.early' = 'o < 2'")
    lake.run().ok()
    assert delta.actions(lake.table, "protocol")[0] == {"minReaderVersion": 1, "minWriterVersion": 3}
    lab.broker.produce(lake.topic, [(0, None, b"{}"), (0, None, b"{}")])
    result = lake.run()
    assert result.status != 0 and "`early` is violated" in result.err, result.err
    assert delta.rows(lake.table, "o") == [(0,)]


def test_schema_mismatch_is_refused(lab):
    _, pa = delta_rs()
    o, k, n = ("o", pa.int64(), True), ("k", pa.string(), True), ("n", pa.int32(), True)
    cases = [([o, k], "column `n` (INT) is not in the table"),
             ([o, k, ("n", pa.int64(), True)], "column `n` is INT in the query, BIGINT in the table"),
             ([o, k, n, ("must", pa.int64(), False)], "`must`")]
    for number, (columns, text) in enumerate(cases):
        lake = foreign_table(lab, columns, name=f"lake{number}")
        lake.run().expect(REFUSED, text)
        assert len(delta.versions(lake.table)) == 1 and delta.orphans(lake.table) == []


def refuses_bad_row(lake, lab, bad, text):
    """The first batch is fine; a second one with a bad row fails as a whole, and the table stays as it is."""
    lake.run().ok()
    before, rows = delta.versions(lake.table), delta.rows(lake.table, "o")
    assert len(rows) == 1
    lab.broker.produce(lake.topic, [(0, None, b'{"k": "b", "n": 2}'), (0, None, bad)])
    result = lake.run()
    assert result.status not in (0, REFUSED) and text in result.err, result.err
    assert delta.versions(lake.table) == before and delta.orphans(lake.table) == []


def test_not_null_is_kept(lab):
    _, pa = delta_rs()
    lake = foreign_table(lab, [("o", pa.int64(), True), ("k", pa.string(), False), ("n", pa.int32(), True)])
    refuses_bad_row(lake, lab, b'{"n": 5}', "the table's constraint `NOT NULL k` is violated")


def test_constraints_are_kept(lab):
    deltalake, pa = delta_rs()
    lake = foreign_table(lab, [("o", pa.int64(), True), ("k", pa.string(), True), ("n", pa.int32(), True)])
    deltalake.DeltaTable(lake.table).alter.add_constraint({"small": "n < 10 AND k <> 'x'"})
    refuses_bad_row(lake, lab, b'{"k": "x", "n": 3}', "`small` is violated: `n < 10 AND k != 'x'`")


def test_constraint_that_is_not_understood_is_refused(lab):
    deltalake, pa = delta_rs()
    lake = foreign_table(lab, [("o", pa.int64(), True), ("k", pa.string(), True), ("n", pa.int32(), True)])
    deltalake.DeltaTable(lake.table).alter.add_constraint({"odd": "n < 10"})
    path = os.path.join(lake.table, "_delta_log", f"{1:020}.json")
    with open(path) as text:
        content = text.read()
    with open(path, "w") as out:
        out.write(content.replace("n < 10", "no_such_function(n)"))
    lake.run().expect(REFUSED, "no_such_function")
    assert len(delta.versions(lake.table)) == 2 and delta.orphans(lake.table) == []


def test_other_partitioning_is_refused(lab):
    _, pa = delta_rs()
    lake = foreign_table(lab, [("o", pa.int64(), True), ("k", pa.string(), True), ("n", pa.int32(), True)], partition_by=["n"])
    lake.variables["by"] = "PARTITIONED BY (K)"
    lake.run().expect(REFUSED, "PARTITIONED BY names `K`, the table is partitioned by `n`")


def test_parquet_table_is_refused(lab):
    topic = lab.topic(1)
    lab.broker.produce(topic, [(0, None, b"x")])
    lab.lake(topic).run().ok()
    lake = lab.lake(topic, pipeline="delta.sql")
    shutil.rmtree(lake.checkpoint)
    lake.run().expect(REFUSED, "is the Parquet table of a streaming query")


# ---- the checkpoint and the table are of one moment ----

def test_older_checkpoint_is_refused(lab):
    lake, values = stream(lab, limit=300)
    lake.run().ok()
    saved = lab.path("saved")
    shutil.copytree(lake.checkpoint, saved)
    lab.broker.produce(lake.topic, [(0, None, b"more")])
    lake.run().ok()
    shutil.rmtree(lake.checkpoint)
    shutil.copytree(saved, lake.checkpoint)
    before = delta.versions(lake.table)
    lake.run().expect(REFUSED, "restored from an older backup")
    assert delta.versions(lake.table) == before


def test_other_offsets_are_refused(lab):
    """A batch that was committed from other offsets than the checkpoint now has is not taken for it."""
    lake, values = stream(lab, limit=300)
    lake.run().ok()
    last = lake.batches()[-1]
    for folder in ("offsets", "commits"):
        path = lake.file(folder, str(last))
        if folder == "commits":
            os.unlink(path)
            continue
        with open(path) as text:
            lines = text.read().split("\n")
        place = json.loads(lines[2])
        partition = next(iter(place[lake.topic]))
        place[lake.topic][partition] -= 1
        lines[2] = json.dumps(place, separators=(",", ":"))
        with open(path, "w") as out:
            out.write("\n".join(lines))
        crc = lake.file(folder, f".{last}.crc")
        if os.path.exists(crc):
            os.unlink(crc)
    lake.run().expect(REFUSED, "was made from other offsets")


def test_removed_table_is_refused(lab):
    lake, _ = stream(lab)
    lake.run().ok()
    shutil.rmtree(lake.table)
    lake.run().expect(REFUSED, "there is no Delta table")


# ---- views ----

def test_view_replaces_the_rows(lab):
    """Every run of a view puts its rows in place of the old ones, in one version."""
    topic, folder = lab.topic(1), lab.path("view")
    view = lab.write("view.sql", f"""CREATE MATERIALIZED VIEW v USING delta PARTITIONED BY (p) LOCATION '{folder}' AS
SELECT partition AS p, offset AS o, value FROM read_kafka(bootstrapServers => '{lab.broker.address}', subscribe => '{topic}');""")
    for run in range(1, 4):
        lab.broker.produce(topic, [(0, None, b"x"), (0, None, b"y")])
        sluice.run("run", view).ok()
        want = [(o,) for o in range(2 * run)]
        assert sorted(delta.rows(folder, "o")) == want
        delta.check_readers(folder, want, "o")
    assert len(delta.versions(folder)) == 3
    info = delta.commit(folder, 2)[0][1]
    assert info["operation"] == "WRITE" and info["isBlindAppend"] is False
    assert info["operationParameters"] == {"mode": "Overwrite", "partitionBy": '["p"]'}
