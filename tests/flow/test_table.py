"""`sluice table` and OPTIMIZE, VACUUM, DESCRIBE: what a reader finds before and after, beside other writers, and after a
kill at every step."""
import json
import os
import re
import shutil
import time

from lib import delta, sluice, table
from lib.lab import Skip, values_of

REFUSED = 78  # EX_CONFIG: SL_USER in base/code.def
UNCHECKED = ("-s", "spark.databricks.delta.retentionDurationCheck.enabled=false")
PUT_STEPS = ("pre", "written", "synced", "named", "dirsynced")


def delta_rs():
    if delta.deltalake is None:
        raise Skip("deltalake is not installed")
    import pyarrow
    return delta.deltalake, pyarrow


def append(path, first, rows, days=("a", "b"), **options):
    lake, pa = delta_rs()
    ids = list(range(first, first + rows))
    lake.write_deltalake(path, pa.table({"id": pa.array(ids, pa.int64()), "text": [f"row {i % 7}" for i in ids],
                                         "x": [None if i % 5 == 0 else i / 3 for i in ids],
                                         "day": [days[i % len(days)] for i in ids]}), mode="append", partition_by=["day"], **options)


def small_files(lab, name="t", commits=12, rows=50):
    path = lab.path(name)
    for i in range(commits):
        append(path, i * rows, rows)
    return path


def content(path):
    rows = sorted(delta.rows(path, "id", "text", "x", "day"))
    delta.check_readers(path, rows, "id", "text", "x", "day")
    assert len({row[0] for row in rows}) == len(rows), "a row is there twice"
    return rows


def command(*args, **options):
    return sluice.run("table", *args, **options)


def as_json(*args):
    return [json.loads(line) for line in command(*args, "--json").ok().out.splitlines()]


# ---- Delta: OPTIMIZE ----

def test_compact(lab):
    path = small_files(lab)
    before, last = content(path), delta.versions(path)[-1]
    assert "24 files" in command("compact", path).ok().out
    assert content(path) == before
    actions = delta.commit(path, last + 1)
    info = actions[0][1]
    assert (info["operation"], info["isolationLevel"], info["isBlindAppend"]) == ("OPTIMIZE", "SnapshotIsolation", False)
    assert info["operationParameters"] == {"predicate": "[]", "zOrderBy": "[]", "clusterBy": "[]", "auto": False}
    adds, removes = ([c for name, c in actions if name == kind] for kind in ("add", "remove"))
    assert (len(adds), len(removes)) == (2, 24) and not any(c["dataChange"] for c in adds + removes)
    assert info["operationMetrics"]["numRemovedFiles"] == "24" and info["operationMetrics"]["numAddedFiles"] == "2"
    for add in adds:
        assert add["path"].startswith(f"day={add['partitionValues']['day']}/"), add
    lake, _ = delta_rs()
    assert sorted(lake.DeltaTable(path, version=last).to_pyarrow_table()["id"].to_pylist()) == [row[0] for row in before]
    assert lake.DeltaTable(path).history(1)[0]["operation"] == "OPTIMIZE"
    assert "nothing to compact" in command("compact", path).ok().out
    assert delta.versions(path)[-1] == last + 1, "a compaction that had nothing to do made a version"


def test_compact_to_a_target_size(lab):
    path = small_files(lab, commits=10, rows=2000)
    before = content(path)
    size = sum(add["size"] for add in delta.live(path).values()) // len(delta.live(path))
    command("compact", path, "--target-size", size * 3).ok()
    assert content(path) == before
    assert len(delta.live(path)) == 8, "10 files a partition, three to a bin"
    command("compact", path).ok()
    assert content(path) == before and len(delta.live(path)) == 2


def test_compact_some_partitions(lab):
    path = small_files(lab)
    before = content(path)
    command("compact", path, "--where", "day = 'a' and length(day) < 2").ok()
    assert content(path) == before
    days = [add["partitionValues"]["day"] for add in delta.live(path).values()]
    assert (days.count("a"), days.count("b")) == (1, 12)
    command("compact", path, "--where", "id > 3").expect(REFUSED, "DELTA_NON_PARTITION_COLUMN_REFERENCE", "`id`")
    command("compact", path, "--where", "dya = 'a'").expect(REFUSED, "UNRESOLVED_COLUMN")


def test_compact_beside_an_append(lab):
    """The append commits between our reading and our commit: both hold, and neither waits for the other."""
    path = small_files(lab)
    before = content(path)
    running = sluice.Running(["table", "compact", path], "optimize.staged:1:sleep=1500")
    lab.running.append(running)
    time.sleep(0.7)
    append(path, 100000, 10)
    running.wait().ok()
    after = content(path)
    assert len(after) == len(before) + 10 and set(before) < set(after)
    assert len(delta.live(path)) == 4


def test_compact_beside_a_delete(lab):
    """Rows that delta-rs deletes meanwhile stay deleted; the partition that it left alone is compacted."""
    path = small_files(lab)
    before = content(path)
    running = sluice.Running(["table", "compact", path], "optimize.staged:1:sleep=1500")
    lab.running.append(running)
    time.sleep(0.7)
    delta.deltalake.DeltaTable(path).delete("id = 7")  # a file of day b
    result = running.wait().ok()
    assert content(path) == [row for row in before if row[0] != 7]
    days = [add["partitionValues"]["day"] for add in delta.live(path).values()]
    assert days.count("a") == 1 and days.count("b") == 12, (days, result.out)
    assert [p for p in delta.orphans(path) if p.endswith(".parquet")] == [], "the file of the lost bin stayed"


def test_compact_beside_another_compaction(lab):
    path = small_files(lab)
    before = content(path)
    running = sluice.Running(["table", "compact", path], "optimize.staged:1:sleep=1500")
    lab.running.append(running)
    time.sleep(0.7)
    delta.deltalake.DeltaTable(path).optimize.compact()
    running.wait().ok()
    assert content(path) == before and len(delta.live(path)) == 2


def test_kill_a_compaction(lab):
    """At each step: the rows are those of before, for every reader, and the next run does it."""
    for point in ["optimize.staged:1", "io.fsync:2", "io.create:2", "io.write:2"] + [f"delta.{step}:1" for step in PUT_STEPS]:
        path = small_files(lab, point.replace(":", "-"), commits=4)
        before = content(path)
        assert command("compact", path, failpoints=point + ":crash").status == sluice.CRASHED, point
        assert content(path) == before, point
        command("compact", path).ok()
        assert content(path) == before and len(delta.live(path)) == 2, point
        command("vacuum", path, "--retain", "0s", *UNCHECKED).ok()
        assert content(path) == before
        assert [p for p in delta.orphans(path) if p.endswith(".parquet")] == [], point


def test_disk_full_while_compacting(lab):
    path = small_files(lab)
    before = content(path)
    for point in ("io.write:3", "io.fsync:1", "delta.written:1", "optimize.staged:1"):
        result = command("compact", path, failpoints=point + ":enospc")
        assert result.status not in (0, sluice.CRASHED), point
        assert "No space left on device" in result.err, result.err
        assert content(path) == before, point
        assert [p for p in delta.orphans(path) if p.endswith(".parquet")] == [], point


def test_compact_keeps_codec_and_partition_texts(lab):
    """Values that no directory can hold as they are, nulls, and the codec of the files there are."""
    lake, pa = delta_rs()
    path = lab.path("t")
    for i in range(6):
        lake.write_deltalake(path, pa.table({"id": pa.array([i, i + 10, i + 20], pa.int64()), "p": ["a=b/c %41", None, "ü+1"]}),
                             mode="append", partition_by=["p"],
                             writer_properties=lake.WriterProperties(compression="ZSTD"))
    before = sorted(delta.rows(path, "id", "p"), key=str)
    command("compact", path).ok()
    assert sorted(delta.rows(path, "id", "p"), key=str) == before
    delta.check_readers(path, before, "id", "p")
    assert len(delta.live(path)) == 3 and all(name.endswith(".zstd.parquet") for name in delta.live(path))


# ---- Delta: VACUUM ----

def age(path, days=10):
    then = time.time() - days * 86400
    for folder, _, names in os.walk(path):
        if "_delta_log" not in folder:
            for name in names:
                os.utime(os.path.join(folder, name), (then, then))
    for folder, _, _ in os.walk(path):
        os.utime(folder, (then, then))


def test_vacuum(lab):
    path = small_files(lab, commits=4)
    before = content(path)
    command("compact", path).ok()
    for name in ("day=a/orphan.parquet", "day=c/lonely.parquet", ".hidden.parquet", "_other/x.parquet", "_change_data/c.parquet"):
        os.makedirs(os.path.dirname(os.path.join(path, name)), exist_ok=True)
        with open(os.path.join(path, name), "w") as out:
            out.write("x")
    age(path)
    with open(os.path.join(path, "day=a", "young.parquet"), "w") as out:
        out.write("x")
    dry = command("vacuum", path, "--dry-run").ok().out.split()
    assert sorted(dry) == ["_change_data/c.parquet", "day=a/orphan.parquet", "day=c/lonely.parquet"], dry
    version = delta.versions(path)[-1]
    assert sorted(command("vacuum", path).ok().out.split()) == sorted(dry)
    assert content(path) == before
    assert not os.path.exists(os.path.join(path, "day=c")), "an empty directory stayed"
    for name in ("day=a/young.parquet", ".hidden.parquet", "_other/x.parquet"):
        assert os.path.exists(os.path.join(path, name)), name
    start, end = (delta.commit(path, version + i)[0][1] for i in (1, 2))
    assert (start["operation"], end["operation"]) == ("VACUUM START", "VACUUM END")
    assert start["operationParameters"] == {"retentionCheckEnabled": True, "defaultRetentionMillis": 604800000}
    assert start["operationMetrics"] == {"numFilesToDelete": "3", "sizeOfDataToDelete": "3"}
    assert end["operationParameters"] == {"status": "COMPLETED"}
    assert end["operationMetrics"] == {"numDeletedFiles": "3", "numVacuumedDirectories": "2"}
    assert delta.deltalake.DeltaTable(path).history(1)[0]["operation"] == "VACUUM END"
    assert len(delta.deltalake.DeltaTable(path, version=3).to_pyarrow_table()) == len(before), "time travel within the retention"


def test_vacuum_refuses_a_short_retention(lab):
    path = small_files(lab, commits=3)
    command("compact", path).ok()
    command("vacuum", path, "--retain", "1h").expect(REFUSED, "168.0 hours", "retentionDurationCheck")
    sluice.run("sql", "-c", f"VACUUM '{path}' RETAIN 1 HOURS").expect(REFUSED, "168.0 hours")
    before = content(path)
    assert len(command("vacuum", path, "--retain", "0s", *UNCHECKED).ok().out.split()) == 6
    assert content(path) == before and delta.orphans(path) == []


def test_kill_a_vacuum(lab):
    for point in ("vacuum.unlink:1", "vacuum.unlink:3", "delta.pre:1", "delta.named:1", "delta.pre:2"):
        path = small_files(lab, point.replace(":", "-"), commits=3)
        before = content(path)
        command("compact", path).ok()
        args = ("vacuum", path, "--retain", "0s", *UNCHECKED)
        assert command(*args, failpoints=point + ":crash").status == sluice.CRASHED, point
        assert content(path) == before, point
        command(*args).ok()
        assert content(path) == before
        on_disk = [name for _, _, names in os.walk(path) for name in names if name.endswith(".parquet") and "part-" in name]
        assert len(on_disk) == 2, point


# ---- what a table is ----

def test_describe(lab):
    path = small_files(lab, commits=15)
    text = command("describe", path).ok().out
    for part in ("30 files", "750 rows", "day: 2", "warning: 30 of 30 files are small", f"help: sluice table compact {path}"):
        assert part in text, text
    [told] = as_json("describe", path)
    assert told["numFiles"] == 30 and told["rows"] == 750 and told["numPartitions"] == 2
    assert sum(bucket["files"] for bucket in told["fileSizes"]) == 30
    assert [column["name"] for column in told["schema"]["fields"]] == ["id", "text", "x", "day"]
    assert len(told["warnings"]) == 1
    command("compact", path).ok()
    assert "warning" not in command("describe", path).ok().out
    files = as_json("files", path)
    assert sorted(f["partition"] for f in files) == ["day=a", "day=b"] and sum(f["rows"] for f in files) == 750
    history = as_json("history", path, "--limit", "2")
    assert [h["version"] for h in history] == [15, 14] and history[0]["operation"] == "OPTIMIZE"
    assert as_json("detail", path)[0]["partitionColumns"] == ["day"]
    [listed] = as_json("ls", lab.dir)
    assert (listed["format"], listed["path"], listed["files"]) == ("delta", path, 2)


def sql(text, *more):
    return [json.loads(line) for line in sluice.run("sql", "-c", text, "--json", *more).ok().out.splitlines()]


def test_statements(lab):
    path = small_files(lab)
    before = content(path)
    [row] = sql(f"OPTIMIZE delta.`{path}` WHERE day = 'b'")
    assert row["path"] == path and (row["metrics"]["numFilesAdded"], row["metrics"]["numFilesRemoved"]) == (1, 12)
    assert row["metrics"]["filesRemoved"]["totalFiles"] == 12 and row["metrics"]["partitionsOptimized"] == 1
    assert delta.commit(path, delta.versions(path)[-1])[0][1]["operationParameters"]["predicate"] == '["day = \'b\'"]'
    assert content(path) == before
    assert [h["version"] for h in sql(f"DESCRIBE HISTORY '{path}' LIMIT 3")] == [12, 11, 10]
    [detail] = sql(f"DESCRIBE DETAIL delta.`{path}`")
    assert (detail["format"], detail["numFiles"], detail["minWriterVersion"]) == ("delta", 13, 2)
    assert [r["col_name"] for r in sql(f"DESCRIBE TABLE delta.`{path}`")] == [
        "id", "text", "x", "day", "# Partition Information", "# col_name", "day"]
    assert {"Provider", "Location"} < {r["col_name"] for r in sql(f"DESCRIBE EXTENDED delta.`{path}`")}
    assert sql(f"VACUUM delta.`{path}` RETAIN 168 HOURS DRY RUN") == []
    assert sql(f"VACUUM delta.`{path}`") == [{"path": path}]
    named = f"CREATE STREAMING TABLE t USING delta LOCATION '{path}' AS SELECT 1 AS id;"
    assert len(sql(named + "OPTIMIZE t")) == 1 and content(path) == before
    sluice.run("sql", "-c", f"OPTIMIZE '{path}' ZORDER BY (id)").expect(REFUSED, "ZORDER")
    sluice.run("sql", "-c", f"VACUUM '{path}' LITE").expect(REFUSED, "VACUUM LITE")
    sluice.run("sql", "-c", "OPTIMIZE nowhere").expect(REFUSED, "TABLE_OR_VIEW_NOT_FOUND")
    sluice.run("sql", "-c", "OPTIMIZE text.`/tmp`").expect(REFUSED, "delta and parquet have")


# ---- behind a query's commits ----

def test_auto_compaction(lab):
    """60 batches of one file a partition: files become few while the query runs, and no record is lost."""
    topic = lab.topic(1)
    lab.broker.produce(topic, [(0, None, b"%d" % i) for i in range(300)])
    pipeline = lab.write("auto.sql", """CREATE STREAMING TABLE t USING delta PARTITIONED BY (part) LOCATION '${lake}/t'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/c', 'sluice.autoCompact' = 'true', 'sluice.autoCompact.minFiles' = '20')
AS SELECT offset AS o, value, offset % 2 AS part
FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
  maxOffsetsPerTrigger => 5);""")
    for trigger in ("-s lake=" + lab.path("lake"),):
        sluice.run("run", pipeline, "-s", f"brokers={lab.broker.address}", "-s", f"topic={topic}", *trigger.split(),
                   "--available-now").ok()
    path = lab.path("lake", "t")
    rows = delta.rows(path, "o")
    assert sorted(o for (o,) in rows) == list(range(300))
    delta.check_readers(path, rows, "o")
    optimized = [info for info in delta.actions(path, "commitInfo") if info["operation"] == "OPTIMIZE"]
    assert optimized and all(info["operationParameters"]["auto"] is True for info in optimized)
    assert len(delta.live(path)) < 80, f"{len(delta.live(path))} of 120 files are left"


# ---- Parquet directories ----

def stream(lab, name="lake", records=600, limit=25):
    topic = lab.topic(2)
    lab.generate(topic, records, "--keyed")
    lake = lab.lake(topic, name=name, limit=limit)
    lake.run().ok()
    return lake, values_of(lab.broker, topic)


def test_compact_parquet_that_spark_wrote_last(lab):
    """Without our marker nobody can tell whether a query runs that knows no lock."""
    lake, values = stream(lab, records=300)
    last = max(table.log_batches(lake.table))
    os.remove(os.path.join(lake.table, "_spark_metadata", f".{last}.sluice"))
    command("compact", lake.table).expect(75, "was written by Spark", "--writer-stopped")
    command("compact", lake.table, "--writer-stopped").ok()
    lake.check_whole(values)


def copy_of(lake, name):
    """The lake at another place, with its log's paths."""
    other = lake.lab.lake(lake.topic, name=name, limit=lake.variables["limit"])
    shutil.rmtree(other.dir)
    shutil.copytree(lake.dir, other.dir)
    log = os.path.join(other.table, "_spark_metadata")
    for entry in os.listdir(log):
        path = os.path.join(log, entry)
        if entry.endswith(".crc"):
            os.remove(path)
        else:
            with open(path) as text:
                content_of = text.read()
            with open(path, "w") as text:
                text.write(content_of.replace(lake.dir + "/", other.dir + "/"))
    return other


def test_compact_parquet(lab):
    lake, values = stream(lab)
    before = len(table.files_by_log(lake.table))
    command("compact", lake.table).ok()
    after = len(table.files_by_log(lake.table))
    assert after < before / 2, (before, after)
    lake.check_whole(values)
    lab.generate(lake.topic, 400, "--keyed", seed=2)
    lake.run().ok()
    values = values_of(lab.broker, lake.topic)
    lake.check_whole(values)
    command("compact", lake.table).ok()
    lake.check_whole(values)
    found = sql(f"SELECT p, o FROM parquet.`{lake.table}`", "--rows", "100000")
    assert len(found) == len(values)
    told = as_json("describe", lake.table)[0]
    assert told["numFiles"] == len(table.files_by_log(lake.table)) and told["partitionColumns"] == ["bucket"]


def test_spark_reads_compacted_parquet(lab):
    lake, values = stream(lab)
    command("compact", lake.table).ok()
    rows = lab.spark.read.parquet(lake.table).select("p", "o", "value").collect()
    assert {(row.p, row.o): bytes(row.value) for row in rows} == values and len(rows) == len(values)


def test_compact_parquet_is_refused_beside_its_query(lab):
    lake, _ = stream(lab, records=100)
    running = lake.start()
    deadline = time.monotonic() + 30
    while "waiting" not in running.err and running.is_running() and time.monotonic() < deadline - 27:
        time.sleep(0.1)
    command("compact", lake.table).expect(75, "a query is writing to the table")
    running.kill9()


def test_kill_a_compaction_of_parquet(lab):
    """Behind the commit point the next start of anything finishes it; readers of the log see all rows at every moment."""
    lake, values = stream(lab, records=400)
    first = True
    points = ["compact.staged:1", "compact.rename:1", "compact.rename:2", "compact.remove:1", "compact.remove:9"]
    points += [f"{name}.{step}:1" for name in ("intents", "manifest") for step in ("pre", "synced", "named")]
    for point in points:
        copy = copy_of(lake, point.replace(":", "-"))
        assert command("compact", copy.table, failpoints=point + ":crash").status == sluice.CRASHED, point
        logged = table.rows_of(copy.table, table.files_by_log(copy.table), ("p", "o", "value"))
        assert {row[:2]: row[2] for row in logged} == values and len(logged) == len(values), point
        if first:
            command("compact", copy.table).ok()
        else:
            copy.run().ok()  # the query finishes it as well
        first = not first
        copy.check_whole(values)


def plain_dir(lab, name="plain", files=8):
    import pyarrow as pa
    import pyarrow.parquet as pq
    path = lab.path(name)
    for i in range(files):
        folder = os.path.join(path, f"k={i % 2}")
        os.makedirs(folder, exist_ok=True)
        columns = {"id": pa.array(range(i * 10, i * 10 + 10), pa.int64()), "s": [str(i)] * 10}
        if i >= files - 2:
            columns["more"] = ["x"] * 10  # other columns: not to be mixed
        pq.write_table(pa.table(columns), os.path.join(folder, f"{i}.parquet"))
    return path


def plain_rows(path):
    import pyarrow.parquet as pq
    found = []
    for name in table.files_by_listing(path):
        found += pq.ParquetFile(os.path.join(path, name)).read(["id"])["id"].to_pylist()
    return sorted(found)


def test_compact_a_plain_directory(lab):
    path = plain_dir(lab)
    command("compact", path).ok()
    assert plain_rows(path) == list(range(80))
    assert len(table.files_by_listing(path)) == 4, "two partitions, two sets of columns"
    command("vacuum", path).expect(REFUSED, "every file in it is part of the table")
    sluice.run("sql", "-c", f"OPTIMIZE parquet.`{path}` WHERE k = 1").expect(REFUSED, "is for Delta tables")


def test_kill_a_compaction_of_a_plain_directory(lab):
    """No row is ever there twice; while rows are missing our reader refuses; the next compaction finishes."""
    for point in ("compact.staged:1", "intents.synced:1", "intents.named:1", "compact.remove:2", "compact.rename:1", "compact.rename:2"):
        path = plain_dir(lab, point.replace(":", "-"))
        assert command("compact", path, failpoints=point + ":crash").status == sluice.CRASHED, point
        rows = plain_rows(path)
        assert len(set(rows)) == len(rows), f"{point}: rows are there twice"
        result = sluice.run("sql", "-c", f"SELECT count(id) FROM parquet.`{path}`") if len(rows) < 80 else None
        assert result is None or (result.status == 75 and "are being compacted" in result.err), (point, result.err)
        command("compact", path).ok()
        assert plain_rows(path) == list(range(80)) and len(table.files_by_listing(path)) == 4, point


def test_vacuum_parquet(lab):
    lake, values = stream(lab, records=200, limit=50)
    with open(os.path.join(lake.table, "bucket=1", "orphan.parquet"), "w") as out:
        out.write("x")
    os.utime(os.path.join(lake.table, "bucket=1", "orphan.parquet"), (1, 1))
    with open(os.path.join(lake.table, "bucket=1", "young.parquet"), "w") as out:
        out.write("x")
    assert command("vacuum", lake.table).ok().out.split() == ["bucket=1/orphan.parquet"]
    os.remove(os.path.join(lake.table, "bucket=1", "young.parquet"))
    lake.check_whole(values)


# ---- file sizes ----

def test_files_are_cut_by_bytes(lab):
    topic = lab.topic(1)
    lab.broker.produce(topic, [(0, None, os.urandom(4000)) for _ in range(1000)])
    for format_name in ("delta", "parquet"):
        pipeline = lab.write(f"{format_name}.sql", f"""CREATE STREAMING TABLE t USING {format_name} LOCATION '{lab.path(format_name)}'
TBLPROPERTIES ('sluice.checkpointLocation' = '{lab.path(format_name + "-c")}', 'sluice.file.targetSize' = '500k')
AS SELECT offset AS o, value FROM STREAM read_kafka(bootstrapServers => '{lab.broker.address}', subscribe => '{topic}',
  startingOffsets => 'earliest');""")
        sluice.run("run", pipeline, "--available-now", "-s", "sluice.batchRows=32").ok()
        sizes = [f["bytes"] for f in as_json("files", lab.path(format_name))]
        assert 6 <= len(sizes) <= 9 and max(sizes) < 800000, (format_name, sizes)


# ---- beside delta-spark ----

def delta_spark(lab):
    from lib import spark
    if not spark.delta_jars():
        raise Skip("delta-spark's jars are not there (tools/peers)")
    return lab.spark


def test_compact_a_table_of_spark_with_deletion_vectors(lab):
    """Deleted rows go with their vectors; Spark reads the same rows, tells our commits, and goes on with the table."""
    spark, path = delta_spark(lab), lab.path("t")
    spark.sql(f"CREATE TABLE delta.`{path}` (id BIGINT, s STRING, day STRING) USING delta PARTITIONED BY (day) "
              "TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')")
    for i in range(4):
        spark.range(i * 100, i * 100 + 100, 1, 1).selectExpr("id", "concat('s', id) AS s", "concat('d', id % 2) AS day").write.format(
            "delta").mode("append").save(path)
    spark.sql(f"DELETE FROM delta.`{path}` WHERE id % 10 = 3")

    def by_spark():
        return sorted(tuple(row) for row in spark.read.format("delta").load(path).select("id", "s", "day").collect())

    before = by_spark()
    assert len(before) == 360 and sum(f["deletedRows"] for f in as_json("files", path)) == 40
    [row] = sql(f"OPTIMIZE delta.`{path}`")
    assert row["metrics"]["deletionVectorStats"]["numDeletionVectorsRemoved"] > 0, row
    assert row["metrics"]["deletionVectorStats"]["numDeletionVectorRowsRemoved"] == 40, row
    assert by_spark() == before
    files = as_json("files", path)
    assert len(files) == 2 and sum(f["deletedRows"] for f in files) == 0 and sum(f["rows"] for f in files) == 360
    assert command("vacuum", path, "--retain", "0s", *UNCHECKED).ok().out.count("deletion_vector_") > 0
    assert by_spark() == before
    ours = sql(f"DESCRIBE HISTORY delta.`{path}`")
    theirs = [r.asDict(recursive=True) for r in spark.sql(f"DESCRIBE HISTORY delta.`{path}`").collect()]
    assert [r["operation"] for r in theirs][:3] == ["VACUUM END", "VACUUM START", "OPTIMIZE"]
    names = set(theirs[0]) & set(ours[0]) - {"timestamp"}
    assert set(ours[0]) <= set(theirs[0]), set(ours[0]) - set(theirs[0])
    for a, b in zip(ours, theirs):
        assert {k: a[k] for k in names} == {k: b[k] for k in names}, (a, b)
    [detail], [spark_detail] = sql(f"DESCRIBE DETAIL delta.`{path}`"), spark.sql(f"DESCRIBE DETAIL delta.`{path}`").collect()
    for name in ("format", "id", "location", "partitionColumns", "numFiles", "sizeInBytes", "properties", "minReaderVersion",
                 "minWriterVersion"):
        assert detail[name] == spark_detail[name], (name, detail[name], spark_detail[name])
    assert sorted(detail["tableFeatures"]) == sorted(spark_detail["tableFeatures"])
    spark.sql(f"INSERT INTO delta.`{path}` VALUES (1000, 'new', 'd0')")
    spark.sql(f"OPTIMIZE delta.`{path}`")
    assert by_spark() == sorted(before + [(1000, "new", "d0")])


def test_optimize_tells_what_spark_tells(lab):
    """The same table optimised by Spark and by us: the same parameters, and metrics of the same names."""
    spark, path = delta_spark(lab), lab.path("spark")
    for i in range(3):
        spark.range(i * 10, i * 10 + 10, 1, 1).write.format("delta").mode("append").save(path)
    shutil.copytree(path, lab.path("ours"))
    spark.sql(f"OPTIMIZE delta.`{path}`")
    command("compact", lab.path("ours")).ok()
    theirs, ours = (delta.actions(p, "commitInfo")[-1] for p in (path, lab.path("ours")))
    assert ours["operationParameters"] == theirs["operationParameters"]
    assert set(ours["operationMetrics"]) == set(theirs["operationMetrics"])
    for name in ("isolationLevel", "isBlindAppend", "readVersion", "operation"):
        assert ours[name] == theirs[name], name
    spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
    spark.conf.set("spark.databricks.delta.vacuum.logging.enabled", "true")
    spark.sql(f"VACUUM delta.`{path}` RETAIN 0 HOURS")
    command("vacuum", lab.path("ours"), "--retain", "0s", *UNCHECKED).ok()
    for i in (-2, -1):
        theirs, ours = (delta.actions(p, "commitInfo")[i] for p in (path, lab.path("ours")))
        for name in ("operation", "operationParameters", "isolationLevel", "isBlindAppend"):
            assert ours[name] == theirs[name], (name, ours[name], theirs[name])
        assert set(ours["operationMetrics"]) == set(theirs["operationMetrics"]), (ours, theirs)


def among_writers(lab, seconds, with_rivals):
    """delta-rs appends, with rivals deletes too, while we compact again and again. (Its own compactions would double rows:
    delta-rs 1.6 commits one though its files were compacted by another meanwhile.)"""
    import threading
    lake, _ = delta_rs()
    path = small_files(lab, commits=4, rows=20)
    end, ids, gone, errors, ran = time.monotonic() + seconds, set(range(80)), set(), [], [0]

    def lost_race(error):
        return any(word in str(error) for word in ("concurrent transaction", "Commit failed", "conflict"))

    def appends():
        first = 1000
        while time.monotonic() < end:
            try:
                append(path, first, 20)
            except Exception as error:  # delta-rs' append gives way to its own delete
                if not (with_rivals and lost_race(error)):
                    raise
                continue
            ids.update(range(first, first + 20))
            first += 20

    def deletes():
        for victim in range(0, 80, 3):
            if time.monotonic() > end:
                return
            try:
                lake.DeltaTable(path).delete(f"id = {victim}")
                gone.add(victim)
            except Exception as error:  # a file that it rewrites was compacted
                if not lost_race(error):
                    raise
            time.sleep(0.2)

    def compactions():
        while time.monotonic() < end:
            command("compact", path).ok()
            ran[0] += 1

    def guarded(work):
        try:
            work()
        except BaseException as error:
            errors.append(f"{work.__name__}: {error}")

    works = (appends, compactions, deletes) if with_rivals else (appends, compactions)
    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
    assert ran[0] >= 2 and len(ids) > 100
    assert {row[0] for row in content(path)} == ids - gone
    command("vacuum", path, "--retain", "0s", *UNCHECKED).ok()
    assert {row[0] for row in content(path)} == ids - gone


def test_no_append_fails_beside_compactions(lab):
    among_writers(lab, 6, False)


def test_compactions_among_writers(lab):
    """No row is lost, doubled or raised from the dead, and every command of ours ends well."""
    among_writers(lab, 10, True)


def test_places_without_a_table_are_told(lab):
    """A path that is wrong, or one above the tables, is no table with nothing to do."""
    path = small_files(lab, commits=2)
    above, empty = os.path.dirname(path), lab.path("empty")
    os.makedirs(empty, exist_ok=True)
    for action in ("compact", "vacuum", "describe", "history", "detail", "files"):
        command(action, lab.path("nope")).expect(78, "path does not exist", lab.path("nope"))
        command(action, above).expect(78, "is no table", f"tables below it: `{path}` (delta)")
        command(action, empty).expect(78, "is no table", "none below it")
    for statement in ("OPTIMIZE '{}'", "DESCRIBE HISTORY '{}'", "VACUUM '{}'", "DESCRIBE DETAIL delta.`{}`", "OPTIMIZE parquet.`{}`"):
        sluice.run("sql", "-c", statement.format(lab.path("nope"))).expect(78, "path does not exist")
        sluice.run("sql", "-c", statement.format(above)).expect(78, "is no table", path)


def test_history_and_detail_fit_a_terminal(lab):
    path = small_files(lab, commits=3)
    command("compact", path).ok()
    for action in ("history", "detail"):
        text = command(action, path).ok().out
        assert max(map(len, text.splitlines())) <= 120, text
    history = command("history", path).ok().out
    assert re.search(r"^3  20\S+ \S+  OPTIMIZE$", history, re.M) and "  metrics  " in history, history
    assert "partitionColumns  day" in command("detail", path).ok().out
