"""sluice.onSchemaDrift = evolve: a field that a producer adds becomes a column, without a restart and with the query as it is."""
import json
import os
import signal
import time

import pyarrow.dataset as dataset

from flow import test_schema_change
from flow.test_schema_change import DATA, REFUSED, produce, progress, text
from lib import delta, letters


def lake_of(lab, topic, columns="j.*", schema="id INT", form="delta", properties="", options="", limit=1000, name="lake"):
    return lab.lake(topic, name=name, pipeline="schema_evolve.sql", columns=columns, schema=schema, format=form,
                    properties=properties, options=options, limit=limit)


def columns_of(lake):
    metadata = delta.actions(lake.table, "metaData")[-1]
    return [(field["name"], field["type"]) for field in json.loads(metadata["schemaString"])["fields"]]


def check_rows(lake, want, *columns):
    """As others read them: the older rows have NULL in the new columns."""
    delta.check_readers(lake.table, want, *columns)


def schema_files(lake):
    path = lake.file(".sluice", "schema")
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def test_a_new_field_is_a_column_in_the_commit_of_its_rows(lab):
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0), text(id=1, new="x"), text(id=2)])
    lake = lake_of(lab, topic, limit=1)
    result = lake.run("--progress", "-").ok()
    assert columns_of(lake) == [("id", "integer"), ("new", "string")]
    assert {"metaData", "txn", "add"} <= {name for name, _ in delta.commit(lake.table, 1)}
    check_rows(lake, [(0, None), (1, "x"), (2, None)], "id", "new")
    assert [part.get("addedFields") for part in progress(result)] == [None, ["new"], None]
    assert [part["newFields"] for part in progress(result)] == [[], ["new"], []]
    assert "`new` was added to the schema of from_json as STRING" in result.err, result.err
    assert schema_files(lake) == ["0"]
    lake.run().ok()
    produce(lab, topic, [text(id=3, new="y"), text(id=4, new="z", more=1.5)])
    lake.run().ok()
    assert columns_of(lake) == [("id", "integer"), ("new", "string"), ("more", "double")]
    check_rows(lake, [(0, None, None), (1, "x", None), (2, None, None), (3, "y", None), (4, "z", 1.5)], "id", "new", "more")
    assert schema_files(lake) == ["0", "1"]


def test_a_running_query_gets_the_column(lab):
    """No restart: the producer changes while the query runs."""
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0)])
    lake = lake_of(lab, topic)
    running = lake.start()
    for count, record in ((1, None), (2, text(id=1, new=7))):
        if record:
            produce(lab, topic, [record])
        deadline = time.monotonic() + 60
        while len(delta.versions(lake.table)) < count:
            assert time.monotonic() < deadline and running.is_running(), running.err
            time.sleep(0.05)
    running.signal(signal.SIGINT)
    running.wait().ok()
    assert columns_of(lake) == [("id", "integer"), ("new", "long")]
    check_rows(lake, [(0, None), (1, 7)], "id", "new")


def test_types_of_new_fields(lab):
    """As Spark infers them, widened over the records of a batch; a null or an empty list tells nothing and waits."""
    topic = lab.topic(3)
    records = [text(id=0, a=1, b=1, c=1, d=None, e=True, g=[], h={}, i=""),
               text(id=1, a=2.5, b="x", c={"x": 1}, d=None, e=False, f={"z": 1, "y": [1]}, i=5),
               text(id=2, a=3, b=None, f={"y": [2.5, None], "w": {"v": "t"}}, big=12345678901234567890)]
    lab.broker.produce(topic, [(number % 3, None, value) for number, value in enumerate(records)])
    lake = lake_of(lab, topic)
    lake.run().ok()
    have = dict(columns_of(lake))
    assert {name for name in have if name in "dgh"} == set(), have
    assert (have["a"], have["b"], have["c"], have["e"], have["i"], have["big"]) == (
        "double", "string", "string", "boolean", "string", "decimal(20,0)"), have
    fields = {field["name"]: field["type"] for field in have["f"]["fields"]}
    assert fields["z"] == "long" and fields["y"]["elementType"] == "double" and fields["w"]["fields"][0]["type"] == "string"
    check_rows(lake, [(0, 1.0, "1", "1", ""), (1, 2.5, "x", '{"x":1}', "5"), (2, 3.0, None, None, None)],
               "id", "a", "b", "c", "i")
    produce(lab, topic, [text(id=3, d=1, g=[1], h={"x": False})])
    lake.run().ok()
    have = dict(columns_of(lake))
    assert have["d"] == "long" and have["g"]["elementType"] == "long" and have["h"]["fields"][0]["type"] == "boolean"


def test_structs_and_arrays_of_structs_grow(lab):
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0, s={"x": 1}, items=[{"sku": "a"}])])
    lake = lake_of(lab, topic, columns="j.id, j.s, j.items", schema="id INT, s STRUCT<x: INT>, items ARRAY<STRUCT<sku: STRING>>")
    lake.run().ok()
    produce(lab, topic, [text(id=1, s={"x": 2, "y": {"z": True}}, items=[{"sku": "b", "colour": "red"}, {"sku": "c"}])])
    lake.run().ok()
    want = [(0, {"x": 1, "y": None}, [{"sku": "a", "colour": None}]),
            (1, {"x": 2, "y": {"z": True}}, [{"sku": "b", "colour": "red"}, {"sku": "c", "colour": None}])]
    check_rows(lake, want, "id", "s", "items")


def test_a_query_that_lists_its_fields_warns(lab):
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0, new=1, s={"x": 1, "y": 2}), text(id=1, new=2)])
    lake = lake_of(lab, topic, columns="j.id, j.s.x", schema="id INT, s STRUCT<x: INT>")
    result = lake.run().ok()
    warned = sorted(line for line in result.err.splitlines() if "becomes no column" in line)
    assert len(warned) == 2 and "`new`" in warned[0] and "`s.y`" in warned[1], result.err
    assert f"topic {topic} partition 0 offset 0" in warned[0] and "does not select it" in warned[0]
    assert [name for name, _ in columns_of(lake)] == ["id", "x"] and schema_files(lake) == []


def test_names_that_can_be_no_column(lab):
    """Same name in other case, a column of the query, a character that Delta refuses: told, and the rows go through."""
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0, ID=1, day="x", new=1, New=2, **{"a b": 1, "a.b": 2})])
    lake = lake_of(lab, topic, columns="j.*, 'd' AS day")
    result = lake.run().ok()
    assert sum("becomes no column" in line for line in result.err.splitlines()) == 4, result.err
    assert [name for name, _ in columns_of(lake)] == ["id", "new", "a.b", "day"], columns_of(lake)
    assert delta.rows(lake.table, "id", "day", "new", "a.b") == [(0, "d", 1, 2)]


def test_hostile_fields(lab):
    """Too deep, too long, control characters, names by the thousand in one struct: told or refused, never a table nobody reads."""
    topic = lab.topic(1)
    deep = json.loads('{"x":' * 40 + "1" + "}" * 40)
    lists = json.loads("[" * 200 + "1" + "]" * 200)
    produce(lab, topic, [text(id=0, deep=deep, lists=lists, good=1, **{"k" * 300: 1, "nul\0": 1, "": 1})])
    for form in ("delta", "parquet"):
        lake = lake_of(lab, topic, form=form, name=form)
        result = lake.run().ok()
        assert sum("becomes no column" in line for line in result.err.splitlines()) == 5, result.err
        lake.run().ok()
    wide = lab.topic(1)
    produce(lab, wide, [text(id=0, s={f"k{number:06}": number for number in range(60000)})])
    started = time.monotonic()
    lake_of(lab, wide, name="wide").run().expect(DATA, "`sluice.onSchemaDrift.maxFields` (1000)", "`s`")
    assert time.monotonic() - started < 30


def test_a_value_of_another_type_is_never_a_silent_null(lab):
    """In a known field, old or new: the batch fails, or the record is a dead letter. Broken JSON is as always."""
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0, new=1), b'{"id":'])
    lake = lake_of(lab, topic, limit=2)
    lake.run().ok()
    assert sorted(delta.rows(lake.table, "id", "new"), key=str) == [(0, 1), (None, None)]
    produce(lab, topic, [text(id=1, new="x"), text(id=2, new=3)])
    lake.run().expect(DATA, "CANNOT_PARSE_JSON_FIELD", "`new`: BIGINT expected", f"topic {topic} partition 0 offset 2")
    lake.variables["properties"] = ", 'sluice.quarantine' = 'letters'"
    lake.run().ok()
    kept = letters.rows_of(lab.path("lake/letters"), "delta", "offset", "kind")
    assert kept == [(2, "malformed")], kept
    assert sorted(delta.rows(lake.table, "id", "new"), key=str) == [(0, 1), (2, 3), (None, None)]


def test_letters_of_drift_are_replayed_into_columns(lab):
    """First kept aside, then wanted: the replay is the batch that adds the column."""
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0), text(id=1, new="x"), text(id=2)])
    drift = ", 'sluice.quarantine' = 'letters', 'sluice.onSchemaDrift' = "
    lake = test_schema_change.lake_of(lab, topic, "j.*", "id INT", properties=drift + "'quarantine'")
    lake.run().ok()
    assert sorted(delta.rows(lake.table, "id")) == [(0,), (2,)]
    lake.variables["properties"] = drift + "'evolve'"
    letters.dlq(lake, "replay").ok()
    check_rows(lake, [(0, None), (1, "x"), (2, None)], "id", "new")
    produce(lab, topic, [text(id=3, new="y")])
    lake.run().ok()
    check_rows(lake, [(0, None), (1, "x"), (2, None), (3, "y")], "id", "new")


def test_the_query_may_declare_the_field_later(lab):
    """Its own place counts then; the others stay added."""
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0, a=1, b="x")])
    lake = lake_of(lab, topic, form="parquet")
    lake.run().ok()
    lake.variables["schema"] = "id INT, b STRING"
    produce(lab, topic, [text(id=1, a=2, b="y")])
    lake.run().ok()
    files = sorted(os.path.join(at, name) for at, _, names in os.walk(lake.table) for name in names if name.endswith(".parquet"))
    found = [dataset.dataset(path).schema.names for path in files]
    assert sorted(found) == [["id", "a", "b"], ["id", "b", "a"]], found
    assert schema_files(lake) == ["0"]


def test_union_grows_on_both_sides(lab):
    one, two = lab.topic(1), lab.topic(1)
    produce(lab, one, [text(id=0)])
    produce(lab, two, [text(id=1, new="x")])
    lake = lake_of(lab, one, columns="j.*")
    query = open(lake.pipeline).read().rstrip().rstrip(";")
    lake.pipeline = lab.write("union.sql", query + "\nUNION ALL\n" + query[query.index("SELECT ${columns}"):].replace("${topic}", two) + ";")
    lake.run().ok()
    check_rows(lake, [(0, None), (1, "x")], "id", "new")


def test_union_with_a_side_that_cannot_grow(lab):
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0, new="x")])
    lake = lake_of(lab, topic, columns="j.*")
    query = open(lake.pipeline).read().rstrip().rstrip(";")
    fixed = query[query.index("SELECT ${columns}"):].replace("${columns}", "offset AS id")
    lake.pipeline = lab.write("union.sql", query + "\nUNION ALL\n" + fixed + ";")
    result = lake.run().ok()
    assert sum("becomes no column" in line for line in result.err.splitlines()) == 1, result.err
    check_rows(lake, [(0,), (0,)], "id")


def test_whole_struct_and_rescued_data(lab):
    """A struct that is selected whole grows; what has no place in the query stays in the rescued column."""
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0, new=1)])
    lake = lake_of(lab, topic, columns="j")
    lake.run().ok()
    check_rows(lake, [({"id": 0, "new": 1},)], "j")
    rescues = ', map("rescuedDataColumn", "_rescued")'
    lake = lake_of(lab, topic, columns="j.id, j._rescued", options=rescues, name="listed")
    lake.run().ok()
    check_rows(lake, [(0, '{"new":1}')], "id", "_rescued")
    lake = lake_of(lab, topic, columns="j.*", options=rescues, name="star")
    lake.run().ok()
    check_rows(lake, [(0, 1, None)], "id", "new", "_rescued")


def test_data_as_names_stops_the_query(lab):
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0, **{f"k{number}": number for number in range(5)})])
    lake = lake_of(lab, topic, properties=", 'sluice.onSchemaDrift.maxFields' = '4'")
    lake.run().expect(DATA, "`sluice.onSchemaDrift.maxFields` (4)", "MAP")
    assert schema_files(lake) == [] and delta.versions(lake.table) == []
    lake.variables["properties"] = ", 'sluice.onSchemaDrift.maxFields' = '5'"
    lake.run().ok()
    assert len(columns_of(lake)) == 6
    produce(lab, topic, [text(id=1, s={"x": 1})])
    lake.run().expect(DATA, "maxFields")


def test_parquet_files_have_the_column(lab):
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0), text(id=1, new="x")])
    lake = lake_of(lab, topic, form="parquet", limit=1)
    lake.run().ok()
    files = [os.path.join(at, name) for at, _, names in os.walk(lake.table) for name in names if name.endswith(".parquet")]
    schemas = [dataset.dataset(path).schema for path in files]
    whole = dataset.dataset(files, schema=max(schemas, key=len)).to_table().to_pylist()
    assert sorted(map(len, schemas)) == [1, 2]
    assert sorted((row["id"], row["new"]) for row in whole) == [(0, None), (1, "x")], whole
    lake.check_settled()


def test_fields_go_into_a_kafka_value(lab):
    topic, out = lab.topic(1), lab.topic(1)
    produce(lab, topic, [text(id=0), text(id=1, new={"x": 1})])
    pipeline = lab.write("to_kafka.sql", """
CREATE SINK copy USING kafka OPTIONS ('kafka.bootstrap.servers' = '${brokers}', 'topic' = '${out}',
  'checkpointLocation' = '${lake}/c', 'sluice.onSchemaDrift' = 'evolve');
CREATE FLOW copying AS INSERT INTO copy BY NAME
SELECT ${columns} FROM (SELECT from_json(CAST(value AS STRING), 'id INT') AS j
  FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest'));
""")
    lake = lab.lake(topic, out=out, columns="j.*")
    lake.pipeline = pipeline
    lake.run().expect(REFUSED, "`sluice.onSchemaDrift` cannot be `evolve`", "Kafka sink has fixed columns")
    lake.variables["columns"] = "to_json(struct(j.*)) AS value"
    lake.run().ok()
    values = sorted(message.value() for message in lab.broker.read(out, True).values())
    assert values == [b'{"id":0}', b'{"id":1,"new":{"x":1}}'], values


def test_what_cannot_evolve_is_refused(lab):
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0)])
    lake = lake_of(lab, topic, properties=", 'mergeSchema' = 'false'")
    lake.run().expect(REFUSED, "`mergeSchema` is `false`")
    lake.variables["properties"] = ", 'sluice.onSchemaDrift.maxFields' = 'many'"
    lake.run().expect(REFUSED, "maxFields", "a number from 1")


def test_the_type_of_the_table_can_be_declared(lab):
    """The table has the column with another type already: refused, nothing is written down; declared in the query it goes on."""
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0, new=1.5)])
    first = lake_of(lab, topic)
    first.run().ok()
    other = lab.topic(1)
    produce(lab, other, [text(id=1, new=2)])
    second = lake_of(lab, other, name="second")
    second.pipeline = lab.write("second.sql", open(first.pipeline).read().replace("${lake}/t", first.table))
    second.run().expect(REFUSED, "DELTA_FAILED_TO_MERGE_FIELDS", "`new`", "schema of from_json")
    assert schema_files(second) == []
    second.variables["schema"] = "id INT, new DOUBLE"
    second.run().ok()
    assert sorted(delta.rows(first.table, "id", "new")) == [(0, 1.5), (1, 2.0)]


def test_two_evolving_queries_of_one_topic(lab):
    """They do not share the read: a batch of one may run twice. Each table has every record once."""
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0), text(id=1, new="x"), text(id=2)])
    source = open(lake_of(lab, topic).pipeline).read()
    create = source[source.index("CREATE STREAMING TABLE data"):]
    twice = source + create.replace("TABLE data", "TABLE again").replace("${lake}/t", "${lake}/u").replace("${lake}/c", "${lake}/d")
    lake = lake_of(lab, topic, limit=1)
    lake.pipeline = lab.write("twice.sql", twice)
    lake.run().ok()
    for table in (lake.table, os.path.join(lake.dir, "u")):
        delta.check_readers(table, [(0, None), (1, "x"), (2, None)], "id", "new")
