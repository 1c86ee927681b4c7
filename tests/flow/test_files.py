"""Directories of files as streams and as batches."""
import gzip
import json
import os
import shutil
import subprocess

from lib import files, sluice, table

SCHEMA = "id BIGINT, name STRING"


def lines(first, count):
    return "".join(json.dumps({"id": first + i, "name": f"n{i}"}) + "\n" for i in range(count))


def ids(stream, column="id"):
    return sorted(row[0] for row in table.rows_of(stream.table, table.files_by_log(stream.table), [column]))


# ---- streams ----

def test_chain_of_tables(lab):
    """JSON files -> bronze -> silver, both Parquet, in one file, over several runs."""
    raw, bronze, silver = lab.path("raw"), lab.path("bronze"), lab.path("silver")
    sql = files.write(lab.path("p.sql"), f"""SET spark.sql.streaming.checkpointLocation = {lab.path('c')};
CREATE STREAMING TABLE silver USING parquet LOCATION '{silver}'
AS SELECT id * 10 AS ten, day FROM STREAM bronze WHERE id % 2 = 0;
CREATE STREAMING TABLE bronze USING parquet PARTITIONED BY (day) LOCATION '{bronze}'
AS SELECT id, name, day FROM STREAM json.`{raw}` WITH (schema = 'id BIGINT, name STRING, day DATE', maxFilesPerTrigger = 2);
""")
    total = 0
    os.makedirs(raw)
    for turn in range(4):
        for number in range(3):
            files.write(f"{raw}/day=2025-01-0{turn + 1}/{number}.json", lines(total, 7))
            total += 7
        sluice.run("run", sql, "--available-now").ok()
        rows = table.rows_of(bronze, table.files_by_log(bronze), ["id", "day"])
        assert sorted(row[0] for row in rows) == list(range(total))
        assert all(str(day) == f"2025-01-0{id_ // 21 + 1}" for id_, day in rows), rows[:3]
        tens = sorted(row[0] for row in table.rows_of(silver, table.files_by_log(silver), ["ten"]))
        assert tens == [id_ * 10 for id_ in range(total) if id_ % 2 == 0]


def test_limits_and_order(lab):
    stream = files.Stream(lab, "json", {"schema": SCHEMA, "maxFilesPerTrigger": "2"})
    for number in range(5):
        stream.add(f"{9 - number}.json", lines(number * 10, 10), modified=1700000000 + number)
    stream.run().ok()
    assert [len(stream.log(batch)) for batch in range(3)] == [2, 2, 1]
    assert [os.path.basename(entry["path"]) for batch in range(3) for entry in stream.log(batch)] == [f"{9 - i}.json" for i in range(5)]
    assert stream.offsets() == {batch: f'{{"logOffset":{batch}}}' for batch in range(3)}
    assert ids(stream) == list(range(50))
    stream.run().ok()
    assert len(stream.offsets()) == 3, "nothing new, no batch"


def test_running_query_sees_new_files(lab):
    stream = files.Stream(lab, "csv", {"schema": SCHEMA})
    running = sluice.Running(["run", stream.sql])
    lab.running.append(running)
    for number in range(3):
        stream.add(f"{number}.csv", f"{number},x\n")
        for _ in range(200):
            if os.path.isdir(stream.table) and os.path.isdir(os.path.join(stream.table, "_spark_metadata")) and len(ids(stream)) > number:
                break
            subprocess.run(["sleep", "0.05"], check=True)
        assert ids(stream) == list(range(number + 1))
    running.signal(15)
    running.wait().ok()


def test_parquet_and_text_streams(lab):
    source = files.Stream(lab, "json", {"schema": SCHEMA})
    source.add("a.json", lines(0, 30))
    source.run().ok()
    copy = files.Stream(lab, "parquet", {}, name="copy")
    shutil.rmtree(copy.input)
    os.symlink(source.table, copy.input)
    copy.run().ok()
    assert ids(copy) == list(range(30))
    text = files.Stream(lab, "text", {}, columns="CAST(value AS BIGINT) AS id", name="text")
    text.add("a.txt", "1\r\n2\n3")
    text.add("b.txt.gz", gzip.compress(b"4\n5\n"))
    text.run().ok()
    assert ids(text) == [1, 2, 3, 4, 5]


def test_schema_is_wanted(lab):
    stream = files.Stream(lab, "json", {})
    stream.add("a.json", lines(0, 3))
    stream.run().expect(78, "Schema must be specified when creating a streaming source", "schemaInference")
    sluice.run("run", stream.sql, "--available-now", "-s", "spark.sql.streaming.schemaInference=true").ok()
    assert ids(stream) == [0, 1, 2]


def test_options_are_checked(lab):
    stream = files.Stream(lab, "json", {"schema": SCHEMA})
    for option, value, part in (("maxFilesPerTriger", "1", "maxFilesPerTrigger"), ("maxFilesPerTrigger", "0", "positive"), ("modifiedAfter", "2025-01-01", "not allowed in file stream"),
                                ("cleanSource", "burn", "off, archive or delete"), ("cleanSource", "archive", "sourceArchiveDir"), ("encoding", "UTF-16", "UTF-8"),
                                ("mode", "LAX", "PERMISSIVE"), ("schema", "id BIGNT", "did you mean `bigint`"), ("timestampFormat", "qqqq", "pattern")):
        stream.save(**{option: value})
        stream.run().expect(78, part)
    stream.save(maxFilesPerTrigger="1", maxBytesPerTrigger="1m")
    stream.run().expect(78, "cannot be both set")


def test_clean_source(lab):
    stream = files.Stream(lab, "json", {"schema": SCHEMA, "cleanSource": "delete", "maxFilesPerTrigger": "1"})
    kept = files.Stream(lab, "json", {"schema": SCHEMA, "cleanSource": "archive", "sourceArchiveDir": lab.path("old")}, name="kept")
    for one in (stream, kept):
        for number in range(3):
            one.add(f"{number}.json", lines(number * 5, 5))
        one.run().ok()
        assert ids(one) == list(range(15))
        assert os.listdir(one.input) == []
    assert sorted(os.listdir(lab.path("old") + kept.input)) == ["0.json", "1.json", "2.json"]
    inside = files.Stream(lab, "json", {"schema": SCHEMA, "cleanSource": "archive", "sourceArchiveDir": lab.path("inside/in/old")}, name="inside")
    inside.run().expect(78, "sourceArchiveDir", "outside")


def test_clean_source_after_a_kill(lab):
    """Killed between the commit of a batch and its cleaning: the next start cleans, also without anything new to read."""
    for point in ("rows.committed:1", "batch.committed:1", "commits.named:1"):
        name = point.replace(":", "-")
        stream = files.Stream(lab, "json", {"schema": SCHEMA, "cleanSource": "archive", "sourceArchiveDir": lab.path("old")}, name=name)
        stream.add("a.json", lines(0, 5))
        assert stream.run(failpoints=point + ":crash").status == sluice.CRASHED, point
        stream.run().ok()
        assert ids(stream) == list(range(5)) and os.listdir(stream.input) == [], point
        assert os.listdir(lab.path("old") + stream.input) == ["a.json"], point


def test_vanished_and_damaged_files(lab):
    """A file that is gone, or cut off, ends the query by name; or is passed over when that is asked for."""
    packed = gzip.compress(lines(100, 5000).encode())
    for kind, option in (("gone", "ignoreMissingFiles"), ("cut", "ignoreCorruptFiles")):
        stream = files.Stream(lab, "json", {"schema": SCHEMA}, name=kind)
        stream.add("a.json", lines(0, 5))
        bad = stream.add("b.json.gz", packed if kind == "gone" else packed[:len(packed) // 2])
        if kind == "gone":
            result = stream.run(failpoints="offsets.dirsynced:1:crash")
            assert result.status == sluice.CRASHED
            os.remove(bad)
        stream.run().expect(1, "b.json.gz", option if kind == "gone" else "compressed data")
        assert not os.path.isdir(os.path.join(stream.table, "_spark_metadata"))
        stream.save(**{option: "true"})
        result = stream.run().ok()
        assert "is passed over" in result.err
        got = ids(stream)
        assert got[:5] == list(range(5)) and (kind == "cut") == (len(got) > 5), len(got)


def test_stream_of_a_sinks_directory(lab):
    """_spark_metadata decides what is in the directory."""
    source = files.Stream(lab, "json", {"schema": SCHEMA})
    source.add("a.json", lines(0, 5))
    source.run().ok()
    stray = [name for name in os.listdir(source.table) if name.endswith(".parquet")][0]
    shutil.copy(os.path.join(source.table, stray), os.path.join(source.table, "stray.parquet"))
    copy = files.Stream(lab, "parquet", {}, name="copy")
    os.rmdir(copy.input)
    os.symlink(source.table, copy.input)
    copy.run().ok()
    assert ids(copy) == list(range(5))
    copy.save(cleanSource="delete")
    source.add("b.json", lines(5, 5))
    source.run().ok()
    copy.run().expect(78, "cleanSource", "_spark_metadata")


def test_malformed_lines_become_dead_letters(lab):
    """File and line of each record that could not be read; the good ones go on."""
    for form, bad in (("json", ['{"id":1', '{"id":"x"}']), ("csv", ["x,y", "1,2,3"])):
        stream = files.Stream(lab, form, {"schema": SCHEMA}, name=form)
        letters = lab.path(form, "letters")
        with open(stream.sql) as file:
            text = file.read()
        files.write(stream.sql, f"CREATE STREAMING TABLE letters USING delta LOCATION '{letters}';\n" + text.replace("TBLPROPERTIES (", "TBLPROPERTIES ('sluice.quarantine' = 'letters', "))
        good = ['{"id":5,"name":"a"}', '{"id":6}'] if form == "json" else ["5,a", "6,"]
        stream.add(f"f.{form}", "\n".join([good[0], bad[0], good[1], bad[1]]) + "\n")
        stream.run().ok()
        assert ids(stream) == [5, 6]
        rows = files.read("delta", letters, {}, "topic, offset, kind, rule, error, CAST(value AS STRING) AS value, CAST(CAST(headers[0].value AS STRING) AS BIGINT) AS byte")
        rows.sort(key=lambda row: row["offset"])
        assert [(row["offset"], row["kind"], row["rule"]) for row in rows] == [(2, "malformed", form), (4, "malformed", form)], rows
        assert [row["value"] for row in rows] == bad, "the text as it stands in the file"
        assert [row["byte"] for row in rows] == [len(good[0]) + 1, sum(map(len, [*good, bad[0]])) + 3], rows
        assert all(row["topic"].endswith(f"f.{form}") for row in rows)
        assert all(text in row["error"] for text, row in zip(bad, rows)), rows
        shown = sluice.run("dlq", "show", stream.sql).ok().out
        assert f"f.{form}, line 2, byte {len(good[0]) + 1}\n" in shown, shown


def test_lines_of_text_are_kept_as_they_are(lab):
    """What is made of a line fails; the letter holds the line, not the row as JSON."""
    text, letters = lab.path("in"), lab.path("letters")
    files.write(f"{text}/a.txt", 'one "two"\n7\n')
    sql = files.write(lab.path("p.sql"), f"""CREATE STREAMING TABLE letters USING delta LOCATION '{letters}';
CREATE STREAMING TABLE good USING delta LOCATION '{lab.path("good")}'
TBLPROPERTIES ('sluice.checkpointLocation' = '{lab.path("c")}', 'sluice.quarantine' = 'letters')
AS SELECT CAST(value AS INT) AS n FROM STREAM text.`{text}`;""")
    sluice.run("run", sql, "--available-now").ok()
    assert files.read("delta", letters, {}, "CAST(value AS STRING) AS value, offset") == [{"value": 'one "two"', "offset": 1}]


def test_malformed_elements_of_arrays_become_dead_letters(lab):
    """An array is one record: its rows go together."""
    stream = files.Stream(lab, "json", {"schema": SCHEMA})
    letters = lab.path("letters")
    with open(stream.sql) as file:
        text = file.read()
    files.write(stream.sql, f"CREATE STREAMING TABLE letters USING delta LOCATION '{letters}';\n" + text.replace("TBLPROPERTIES (", "TBLPROPERTIES ('sluice.quarantine' = 'letters', "))
    stream.add("f.json", '[]\n[{"id":1},{"id":2}]\n[{"id":"x"},{"id":3}]\n[]\n{"id":4}\n')
    stream.run().ok()
    assert ids(stream) == [1, 2, 4]
    rows = files.read("delta", letters, {}, "offset, rule, error, CAST(value AS STRING) AS value")
    assert {(row["offset"], row["rule"]) for row in rows} == {(3, "json")} and '"x"' in rows[0]["error"], rows
    assert '[{"id":"x"},{"id":3}]' in [row["value"] for row in rows], "the first of its letters has the whole array"


def test_partition_types_of_a_chain(lab):
    """`hour=01` is the text that the query made of it, also when the types would be guessed from files."""
    raw, bronze, silver = lab.path("raw"), lab.path("bronze"), lab.path("silver")
    sql = files.write(lab.path("p.sql"), f"""SET spark.sql.streaming.checkpointLocation = {lab.path('c')};
CREATE STREAMING TABLE bronze USING parquet PARTITIONED BY (hour) LOCATION '{bronze}'
AS SELECT id, concat('0', name) AS hour FROM STREAM json.`{raw}` WITH (schema = 'id BIGINT, name STRING');
CREATE STREAMING TABLE silver USING parquet LOCATION '{silver}' AS SELECT id, concat(hour, 'h') AS hour FROM STREAM bronze;
""")
    for turn in range(2):
        files.write(f"{raw}/{turn}.json", json.dumps({"id": turn, "name": "7"}) + "\n")
        sluice.run("run", sql, "--available-now").ok()
    assert sorted(table.rows_of(silver, table.files_by_log(silver), ["id", "hour"])) == [(0, "07h"), (1, "07h")]


# ---- batches ----

def test_read_files(lab):
    for name, data in (("j/a.json", lines(0, 3)), ("c/a.csv", "id,name\n1,x\n2,y\n"), ("t/a.txt", "hello\n"), ("z/a.json.gz", gzip.compress(lines(5, 2).encode()))):
        files.write(lab.path(name), data)

    def rows(call):
        result = sluice.run("sql", "--format", "json", "-c", f"SELECT * FROM {call}")
        return [json.loads(line) for line in result.out.splitlines()] if result.status == 0 else result.err
    assert [row["id"] for row in rows(f"read_files('{lab.path('j')}', format => 'json')")] == [0, 1, 2]
    assert rows(f"read_files('{lab.path('c')}', format => 'csv', header => true, inferSchema => true)") == [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}]
    assert rows(f"read_files(path => '{lab.path('t')}')") == [{"value": "hello"}]
    assert [row["id"] for row in rows(f"read_files('{lab.path('z')}', schema => 'id INT')")] == [5, 6]
    assert "read_files needs a path" in rows("read_files(format => 'json')")
    assert "`avro`" in rows(f"read_files('{lab.path('j')}', format => 'avro')")
    assert "no option `headr`" in rows(f"read_files('{lab.path('c')}', headr => true)")


def test_batch_options(lab):
    for name in ("a.json", "b.txt", "sub/c.json", "_no.json"):
        files.write(lab.path("d", name), lines(ord(name[0]), 1))
    os.utime(lab.path("d/a.json"), (1600000000, 1600000000))

    def found(**options):
        rows = files.read("json", lab.path("d"), {"schema": "id INT", **options})
        return sorted(row["id"] for row in rows) if isinstance(rows, list) else rows
    assert found() == [97, 98]
    assert found(recursiveFileLookup="true") == [97, 98, 115]
    assert found(pathGlobFilter="*.{json,x}") == [97]
    assert found(modifiedAfter="2021-01-01T00:00:00") == [98]
    assert found(modifiedBefore="2021-01-01") == [97]
    assert "`samplingRatio`" in sluice.run("sql", "-c", f"SELECT * FROM json.`{lab.path('d')}` WITH (samplngRatio = '1')").err


def test_partition_values(lab):
    files.write(lab.path("d/day=2025-01-15/n=01/a.json"), '{"id":1}\n')
    files.write(lab.path("d/day=2025-01-16/n=__HIVE_DEFAULT_PARTITION__/a.json"), '{"id":2}\n')
    rows = files.read("json", lab.path("d"), {}, "id, day, n, typeof(day) AS t, typeof(n) AS u")
    assert rows == [{"id": 1, "day": "2025-01-15", "n": 1, "t": "date", "u": "int"}, {"id": 2, "day": "2025-01-16", "n": None, "t": "date", "u": "int"}], rows
    rows = files.read("json", lab.path("d"), {"schema": "n STRING, id INT"}, "id, n")
    assert [row["n"] for row in rows] == ["01", None]
    result = sluice.run("sql", "-c", f"SELECT * FROM json.`{lab.path('d')}` WITH (schema = 'id INT, day INT')")
    result.expect(1, "failed to cast value `2025-01-15` to INT for partition column `day`")


def test_big_file_in_parts(lab):
    """A file that several tasks read: every line once."""
    path = files.write(lab.path("d/a.json"), lines(0, 300000))
    assert os.path.getsize(path) > 8 << 20
    sql = files.write(lab.path("v.sql"), f"CREATE MATERIALIZED VIEW v USING parquet LOCATION '{lab.path('v')}' AS SELECT id FROM json.`{lab.path('d')}`;\n")
    sluice.run("run", sql).ok()
    got = sorted(row[0] for row in table.rows_of(lab.path("v"), table.files_by_listing(lab.path("v")), ["id"]))
    assert got == list(range(300000))
