"""Schemas that change: fields nobody knew, columns a table gets, columns a table declares."""
import json

from lib import delta, letters

DATA, REFUSED = 1, 78  # exit statuses: bad data; SL_USER


def text(**fields):
    return json.dumps(fields).encode()


def produce(lab, topic, values):
    lab.broker.produce(topic, [(0, None, value) for value in values])


def lake_of(lab, topic, columns, schema, declared="", options="", properties="", name="lake", limit=1000):
    return lab.lake(topic, name=name, pipeline="schema_change.sql", columns=columns, schema=schema, declared=declared,
                    options=options, properties=properties, limit=limit)


def progress(result):
    return [json.loads(line)["schemaDrift"] for line in result.out.splitlines()]


def test_drift_is_told_once(lab):
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0), text(id=1, new=2), text(id=2, new=3, items=[{"sku": "a", "colour": "red"}])])
    lake = lake_of(lab, topic, "j.id", "id INT, items ARRAY<STRUCT<sku: STRING>>", limit=1,
                   properties=", 'sluice.onSchemaDrift' = 'warn'")
    result = lake.run("--progress", "-").ok()
    assert [part["records"] for part in progress(result)] == [0, 1, 1]
    assert [part["newFields"] for part in progress(result)] == [[], ["new"], ["items.element.colour"]]
    warned = [line for line in result.err.splitlines() if "is not in the schema of from_json" in line]
    assert len(warned) == 2 and "`new`" in warned[0] and f"topic {topic} partition 0 offset 1" in warned[0], result.err
    assert '"red"' in warned[1]
    assert sorted(delta.rows(lake.table, "id")) == [(0,), (1,), (2,)]


def test_drift_goes_to_the_letters_and_comes_back(lab):
    """A new field makes a letter; with the field in the schema, and merged into the table, the letter is replayed."""
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0), text(id=1, new="x"), text(id="?")])
    properties = ", 'sluice.onSchemaDrift' = 'quarantine', 'sluice.quarantine' = 'letters', 'mergeSchema' = 'true'"
    lake = lake_of(lab, topic, "j.*", "id INT", properties=properties)
    lake.run().ok()
    assert delta.rows(lake.table, "id") == [(0,)]
    kept = letters.rows_of(lab.path("lake/letters"), "delta", "offset", "kind", "error_class")
    assert sorted(kept) == [(1, "drift", "UNKNOWN_FIELD_EXCEPTION"), (2, "malformed", "MALFORMED_RECORD_IN_PARSING")], kept
    lake.variables["schema"] = "id INT, new STRING"
    produce(lab, topic, [text(id=3, new="y")])
    lake.run().ok()
    letters.dlq(lake, "replay").ok()
    delta.check_readers(lake.table, [(0, None), (1, "x"), (3, "y")], "id", "new")


def test_drift_stops_the_batch(lab):
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0), text(id=1, s={"x": 1, "y": 2})])
    lake = lake_of(lab, topic, "j.id", "id INT, s STRUCT<x: INT>", properties=", 'sluice.onSchemaDrift' = 'fail'", limit=1)
    lake.run().expect(DATA, "UNKNOWN_FIELD_EXCEPTION", "`s.y`", "it is 2", f"topic {topic} partition 0 offset 1")
    assert lake.batches() == [0]
    lake.variables["schema"] = "id INT, s STRUCT<x: INT, y: INT>"
    lake.run().ok()
    assert sorted(delta.rows(lake.table, "id")) == [(0,), (1,)]


def test_rescued_data(lab):
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0), text(id="x7", address={"city": "Bonn", "zip": "53111"}), b'{"id":'])
    lake = lake_of(lab, topic, "j.id, j.address.city, j._rescued", "id INT, address STRUCT<city: STRING>",
                   options=", map(\"rescuedDataColumn\", \"_rescued\")")
    lake.run().ok()
    rows = sorted(delta.rows(lake.table, "id", "city", "_rescued"), key=str)
    assert rows == sorted([(0, None, None), (None, "Bonn", '{"id":"x7","address":{"zip":"53111"}}'), (None, None, None)],
                          key=str), rows


def test_merge_schema(lab):
    """The second query has a column and a field more, the third one fewer; other readers see all rows."""
    topic = lab.topic(1)
    produce(lab, topic, [text(id=0, s={"x": 1})])
    lake = lake_of(lab, topic, "j.*", "id INT, s STRUCT<x: INT>")
    lake.run().ok()
    produce(lab, topic, [text(id=1, s={"x": 2, "y": 3}, day="2025-01-15")])
    lake.variables.update(schema="id INT, s STRUCT<x: INT, y: INT>, day DATE")
    lake.run().expect(REFUSED, "DELTA_METADATA_MISMATCH", "`day`")
    lake.variables["properties"] = ", 'mergeSchema' = 'true'"
    lake.run().ok()
    version = delta.commit(lake.table, delta.versions(lake.table)[-1])
    assert {"metaData", "txn", "add"} <= {name for name, _ in version}
    produce(lab, topic, [text(id=2, s={"y": 9})])
    lake.variables["schema"] = "id INT, s STRUCT<y: INT>"
    lake.run().ok()
    lake.variables["schema"] = "id STRING"
    produce(lab, topic, [text(id=3)])
    lake.run().expect(REFUSED, "DELTA_FAILED_TO_MERGE_FIELDS", "`id`")
    want = [(0, {"x": 1, "y": None}, None), (1, {"x": 2, "y": 3}, "2025-01-15"), (2, {"x": None, "y": 9}, None)]
    for reader, have in delta.readers(lake.table, "id", "s", "day"):
        assert sorted((id_, s, day and str(day)) for id_, s, day in have) == want, (reader, have)


def test_declared_columns(lab):
    topic = lab.topic(1)
    produce(lab, topic, [text(id=1, amount=2.5), text(amount=1)])
    declared = "(amount DECIMAL(5,1), ID BIGINT NOT NULL COMMENT \"the key\")"
    lake = lake_of(lab, topic, "j.id, j.amount", "id INT, amount DOUBLE", declared=declared, limit=1)
    lake.run().expect(DATA, "CHECK_CONSTRAINT_VIOLATION", "NOT NULL ID", f"topic {topic} partition 0 offset 1")
    lake.variables["properties"] = ", 'sluice.quarantine' = 'letters'"
    lake.run().ok()
    kept = letters.rows_of(lab.path("lake/letters"), "delta", "offset", "kind", "rule")
    assert kept == [(1, "write", "NOT NULL ID")], kept
    assert [(str(a), b) for a, b in delta.rows(lake.table, "amount", "ID")] == [("2.5", 1)]
    metadata = next(content for name, content in delta.commit(lake.table, 0) if name == "metaData")
    fields = json.loads(metadata["schemaString"])["fields"]
    assert [(f["name"], f["type"], f["nullable"], f["metadata"]) for f in fields] == [
        ("amount", "decimal(5,1)", True, {}), ("ID", "long", False, {"comment": "the key"})], fields
    lake.variables["declared"] = "(amount STRING, id INT, day DATE)"
    lake.run().expect(REFUSED, "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_FIND_DATA", "`day`")
