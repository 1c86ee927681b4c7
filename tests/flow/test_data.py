"""Records as they should not be, and partition values that try to leave the table."""
import json
import math
import os
import urllib.parse

from lib import process, table


def data_lake(lab, values, columns, schema, by="", name="lake", ansi="true", **config):
    """A finished lake over one partition with these values."""
    topic = lab.topic(1, **config)
    lab.broker.produce(topic, [(0, None, value) for value in values])
    lake = lab.lake(topic, name=name, pipeline="data.sql", columns=columns, schema=schema, by=by, ansi=ansi)
    lake.run().ok()
    return lake


def text(**fields):
    return json.dumps(fields).encode()


# ---- partition values ----

def test_partition_values_stay_inside_the_table(lab):
    """apache/hudi#19342: a field value must never become a path."""
    names = ["../../x", "..", ".", "/etc/passwd", "a/b", "a\\b", "a=b", "a%2Fb", "%", "x:y", "a b", "é", "\U0001f600", "~", "'", '"',
             "a\nb", "a\x01b", "a\x7fb", "*?[]{}^", "#", ".hidden", "_hidden", "", None, "null", "__HIVE_DEFAULT_PARTITION__", "x" * 100]
    lake = data_lake(lab, [text(k=name) for name in names], "j.k AS k, o AS n", "k STRING", "PARTITIONED BY (k)")
    inside = {os.path.realpath(folder) for folder, _, _ in os.walk(lab.dir)}
    assert all(path.startswith(os.path.realpath(lab.dir)) for path in inside)
    assert sorted(os.listdir(lab.dir)) == ["lake"], os.listdir(lab.dir)
    assert sorted(os.listdir(lake.dir)) == ["c", "t"], os.listdir(lake.dir)
    top = [name for name in os.listdir(lake.table) if name not in ("_spark_metadata", ".sluice-staging", ".sluice.lock")]
    assert all(name.startswith("k=") for name in top), top
    logged = table.files_by_log(lake.table)
    rows = dict(table.rows_of(lake.table, logged, ["o", "k"]))
    assert sorted(rows) == list(range(len(names)))
    nulls = {"", None, "__HIVE_DEFAULT_PARTITION__"}
    for at, name in enumerate(names):
        want = None if name in nulls else name
        assert rows[at] == want, f"partition value {name!r} became {rows[at]!r}"
    found = [os.path.join(folder, name) for folder, _, files in os.walk(lake.table) for name in files if name.endswith(".parquet")]
    assert len(found) == len(logged)


def test_long_partition_value(lab):
    """A directory name longer than the file system takes: a clear error, not a crash, nothing half done."""
    topic = lab.topic(1)
    lab.broker.produce(topic, [(0, None, text(k="x" * 300)), (0, None, text(k="ok"))])
    lake = lab.lake(topic, pipeline="data.sql", columns="j.k AS k, o AS n", schema="k STRING", by="PARTITIONED BY (k)", ansi="true")
    result = lake.run()
    result.expect(1, "partition column `k`", "255")
    assert lake.batches() == [] and table.files_by_listing(lake.table) == []


def test_thousand_partitions(lab):
    lake = data_lake(lab, [text(k=i % 1000) for i in range(3000)], "j.k AS k, o AS n", "k INT", "PARTITIONED BY (k)")
    rows = lake.rows("o", "k")
    assert len(rows) == 3000 and all(int(k) == o % 1000 for o, k in rows)
    folders = [name for name in os.listdir(lake.table) if name.startswith("k=")]
    assert len(folders) == 1000
    lake.check_settled()


def test_typed_partition_values(lab):
    values = [text(i=-5, b=True, d="2025-01-15", t="2025-01-15T10:23:45.5Z", m="1.50"), text()]
    lake = data_lake(lab, values, "j.*", "i INT, b BOOLEAN, d DATE, t TIMESTAMP, m DECIMAL(10,2)", "PARTITIONED BY (i, b, d, t, m)")
    got = sorted(urllib.parse.unquote(os.path.dirname(path)) for path in table.files_by_listing(lake.table))
    null = "__HIVE_DEFAULT_PARTITION__"
    assert got == ["i=-5/b=true/d=2025-01-15/t=2025-01-15 10:23:45.5/m=1.50", f"i={null}/b={null}/d={null}/t={null}/m={null}"], got


# ---- JSON ----

def test_broken_json(lab):
    """PERMISSIVE as in Spark: every record gives a row; what cannot be read is null."""
    good = text(a=1, s="x")
    values = [good, b"", b" ", b"not json", good[:-1], good + b"x", b"[" + good + b"]", b"5", b"null", b"\xef\xbb\xbf" + good, b"\x00" + good,
              b'{"a":1,"s":"\x00"}', b'{"a":1,"s":"\xff\xfe"}', b'{"a":"1"}', b'{"a":1.5}', b'{"a":null,"s":null}', b'{"a":1,"a":2}', b"{}", None, b'{"A":7}', b'{"s":5}', b'{"s":{"x":[1]}}']
    lake = data_lake(lab, values, "j IS NULL AS gone, j.a AS a, j.s AS s", "a INT, s STRING")
    rows = {o: (gone, a, s) for o, gone, a, s in lake.rows("o", "gone", "a", "s")}
    assert sorted(rows) == list(range(len(values))), "a record has no row"
    assert rows[0] == (False, 1, "x")
    assert rows[18] == (True, None, None), "a tombstone gives a null struct"
    assert rows[15] == (False, None, None) and rows[17] == (False, None, None)
    assert rows[16][1] == 2, "of a double key the last counts"
    assert rows[20] == (False, None, "5") and rows[21] == (False, None, '{"x":[1]}')
    assert rows[3][1:] == (None, None) and rows[5][1] in (1, None)


def test_deep_json(lab):
    deep = lambda n: b'{"a":1,"x":' + b"[" * n + b"]" * n + b"}"
    values = [deep(n) for n in (10, 998, 1000, 1001, 100_000)] + [b"[" * 900_000, text(a=2)]
    lake = data_lake(lab, values, "j.a AS a", "a INT")
    rows = dict(lake.rows("o", "a"))
    assert len(rows) == len(values) and rows[0] == 1 and rows[6] == 2


def test_numbers(lab):
    cases = ["2147483647", "2147483648", "-2147483648", "-2147483649", "9223372036854775807", "9223372036854775808", "1e400", "-0.0", "1e-320", "NaN", '"NaN"', '"Infinity"', "1.5", "123456789012345678901234567890"]
    values = [b'{"i":%s,"l":%s,"d":%s,"m":%s}' % ((case.encode(),) * 4) for case in cases]
    lake = data_lake(lab, values, "j.i AS i, j.l AS l, j.d AS d, j.m AS m", "i INT, l BIGINT, d DOUBLE, m DECIMAL(20,3)")
    rows = {cases[o]: rest for o, *rest in lake.rows("o", "i", "l", "d", "m")}
    assert rows["2147483647"][0] == 2147483647 and rows["2147483648"][0] is None and rows["-2147483649"][0] is None
    assert rows["2147483648"][1] == 2147483648 and rows["9223372036854775808"][1] is None
    assert math.isinf(rows["1e400"][2]) and math.copysign(1, rows["-0.0"][2]) == -1 and rows["1e-320"][2] > 0
    assert math.isnan(rows["NaN"][2]) and math.isnan(rows['"NaN"'][2]) and math.isinf(rows['"Infinity"'][2])
    assert rows["123456789012345678901234567890"][3] is None


def test_dates(lab):
    cases = ["2025-01-15T10:23:45.123456Z", "2025-01-15T10:23:45+05:30", "2025-02-30T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
             "1969-12-31T23:59:59.999999Z", "1970-01-01", "hello", "", "2025-06-15T24:00:00Z"]
    lake = data_lake(lab, [text(t=case) for case in cases], "CAST(try_to_timestamp(j.t) AS STRING) AS t", "t STRING")
    rows = {cases[o]: t for o, t in lake.rows("o", "t")}
    want = ["2025-01-15 10:23:45.123456", "2025-01-15 04:53:45", None, "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999",
            "1969-12-31 23:59:59.999999", "1970-01-01 00:00:00", None, None, None]
    assert [rows[case] for case in cases] == want, [rows[case] for case in cases]


def test_ansi_overflow_stops_and_legacy_does_not(lab):
    """A row that cannot be computed names its record; with ANSI off it is null."""
    topic = lab.topic(1)
    lab.broker.produce(topic, [(0, None, text(a=1)), (0, None, text(a=2147483647))])
    columns, schema = "j.a + 1 AS a", "a INT"
    strict = lab.lake(topic, pipeline="data.sql", columns=columns, schema=schema, by="", ansi="true")
    strict.run().expect(1, "ARITHMETIC_OVERFLOW", topic, "offset 1")
    assert strict.batches() == []
    loose = lab.lake(topic, name="loose", pipeline="data.sql", columns=columns, schema=schema, by="", ansi="false")
    loose.run().ok()
    assert dict(loose.rows("o", "a")) == {0: 2, 1: -2147483648}
