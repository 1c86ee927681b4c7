"""Delta tables as batch queries read them: versions, moments, columns that changed, rows that are gone, and what is refused."""
import json
import os
import shutil
import time

from lib import delta, sluice
from lib.lab import Skip

REFUSED = 78


def rows(sql):
    result = sluice.run("sql", "--json", "-c", sql).ok()
    return sorted(result.out.splitlines())


def delta_rs():
    if delta.deltalake is None:
        raise Skip("deltalake is not installed")
    import pyarrow
    return delta.deltalake, pyarrow


def table_of(lab, versions, name="t", **more):
    """A table of delta-rs: one append per list of numbers. The directory."""
    deltalake, pa = delta_rs()
    folder = lab.path(name)
    for numbers in versions:
        deltalake.write_deltalake(folder, pa.table({"n": pa.array(numbers, pa.int64())}), mode="append", **more)
    return folder


def lines(numbers):
    return sorted('{"n":%d}' % n for n in numbers)


def test_versions(lab):
    folder = table_of(lab, [[1], [2], [3]])
    for version in range(3):
        want = lines(range(1, version + 2))
        for clause in (f"VERSION AS OF {version}", f"VERSION AS OF '{version}'", f"FOR VERSION AS OF {version}",
                       f"FOR SYSTEM_VERSION AS OF {version}", f"WITH (versionAsOf = {version})"):
            assert rows(f"SELECT * FROM delta.`{folder}` {clause}") == want, clause
    sluice.run("sql", "-c", f"SELECT * FROM delta.`{folder}` VERSION AS OF 3").expect(REFUSED, "DELTA_VERSION_NOT_FOUND")
    sluice.run("sql", "-c", f"SELECT * FROM delta.`{folder}` VERSION AS OF 1 WITH (versionAsOf = 1)").expect(REFUSED, "given twice")
    sluice.run("sql", "-c", f"SELECT * FROM delta.`{folder}` VERSION AS OF 1 WITH (timestampAsOf = '2025-01-01')").expect(
        REFUSED, "DELTA_ONEOF_IN_TIMETRAVEL")


def test_moments(lab):
    folder = table_of(lab, [[1], [2], [3]])
    for version, second in enumerate((1000, 2000, 3000)):
        os.utime(os.path.join(folder, "_delta_log", f"{version:020}.json"), (second, second))
    for moment, count in {"1970-01-01 00:16:40": 1, "1970-01-01T00:33:19.999Z": 1, "1970-01-01 00:33:20": 2,
                          "1970-01-01 01:33:20+01:00": 2, "1970-01-01 00:50:00": 3}.items():
        for clause in (f"TIMESTAMP AS OF '{moment}'", f"FOR SYSTEM_TIME AS OF '{moment}'", f"TIMESTAMP AS OF TIMESTAMP '{moment}'"):
            assert rows(f"SELECT * FROM delta.`{folder}` {clause}") == lines(range(1, count + 1)), clause
    for moment, text in {"1970-01-01": "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION", "2020-01-01": "DELTA_TIMESTAMP_GREATER_THAN_COMMIT",
                         "soon": "DELTA_INVALID_TIMESTAMP_FORMAT"}.items():
        sluice.run("sql", "-c", f"SELECT * FROM delta.`{folder}` TIMESTAMP AS OF '{moment}'").expect(REFUSED, text)


def test_versions_of_a_table_of_the_file(lab):
    """By its name, too; a view and a common table expression have no versions."""
    folder = table_of(lab, [[1], [2]])
    head = f"CREATE STREAMING TABLE t USING delta LOCATION '{folder}'; CREATE VIEW v AS SELECT * FROM t;\n"

    def run(sql):
        return sluice.run("sql", "--json", lab.write("f.sql", head + sql))

    assert sorted(run("SELECT * FROM t VERSION AS OF 0").ok().out.splitlines()) == lines([1])
    assert sorted(run("SELECT * FROM t AS OF_NOW").ok().out.splitlines()) == lines([1, 2])
    run("SELECT * FROM v VERSION AS OF 0").expect(REFUSED, "UNSUPPORTED_FEATURE.TIME_TRAVEL", "the view `v`")
    run("WITH c AS (SELECT 1) SELECT * FROM c VERSION AS OF 0").expect(REFUSED, "UNSUPPORTED_FEATURE.TIME_TRAVEL")


def test_old_rows_of_new_columns_are_null(lab):
    deltalake, pa = delta_rs()
    folder = table_of(lab, [[1]])
    deltalake.write_deltalake(folder, pa.table({"n": pa.array([2], pa.int64()), "x": ["a"]}), mode="append", schema_mode="merge")
    assert rows(f"SELECT n, x FROM delta.`{folder}`") == ['{"n":1,"x":null}', '{"n":2,"x":"a"}']
    assert rows(f"SELECT * FROM delta.`{folder}` VERSION AS OF 0") == lines([1])


def test_files_are_skipped(lab):
    """By partition, by statistics: a file that cannot hold a wanted row need not even be there."""
    deltalake, pa = delta_rs()
    folder = lab.path("t")
    for part in ("a", "b", None):
        for first in (0, 10):
            numbers = pa.array(range(first, first + 10), pa.int64())
            deltalake.write_deltalake(folder, pa.table({"n": numbers, "p": pa.array([part] * 10, pa.string())}), mode="append", partition_by=["p"])
    for path, add in delta.live(folder).items():
        if add["partitionValues"]["p"] != "a" or json.loads(add["stats"])["minValues"]["n"] != 0:
            os.unlink(os.path.join(folder, path))
    assert len(rows(f"SELECT n FROM delta.`{folder}` WHERE p = 'a' AND n < 5")) == 5
    assert len(rows(f"SELECT n FROM delta.`{folder}` WHERE n = 3 AND p = 'a'")) == 1
    for condition in ("p = 'a'", "p = 'b' AND n < 5", "n < 5"):
        result = sluice.run("sql", "-c", f"SELECT n FROM delta.`{folder}` WHERE {condition}")
        assert result.status != 0 and "DELTA_FILE_NOT_FOUND_DETAILED" in result.err, (condition, result.err)


def test_refusals(lab):
    folder = table_of(lab, [[1]])
    sluice.run("sql", "-c", f"SELECT * FROM parquet.`{folder}`").expect(REFUSED, "DELTA_INVALID_FORMAT", f"delta.`{folder}`")
    sluice.run("sql", "-c", f"SELECT * FROM parquet.`{folder}/`").expect(REFUSED, "DELTA_INVALID_FORMAT")
    sluice.run("sql", "-c", f"SELECT * FROM delta.`{folder}x`").expect(REFUSED, "DELTA_PATH_DOES_NOT_EXIST")
    os.mkdir(lab.path("empty"))
    sluice.run("sql", "-c", f"SELECT * FROM delta.`{lab.path('empty')}`").expect(REFUSED, "DELTA_MISSING_DELTA_TABLE")
    sluice.run("sql", "-c", f"SELECT * FROM delta.`{folder}` WITH (mergeSchema = true)").expect(REFUSED, "mergeSchema")
    log = os.path.join(folder, "_delta_log")
    with open(os.path.join(log, f"{1:020}.json"), "w") as out:
        out.write('{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["timeMachine"],"writerFeatures":["timeMachine"]}}\n')
    result = sluice.run("sql", "-c", f"SELECT * FROM delta.`{folder}`")
    result.expect(REFUSED, "DELTA_UNSUPPORTED_FEATURES_FOR_READ", "timeMachine")


def test_reading_beside_a_writer(lab):
    """A query sees one version, whole, however fast versions come."""
    topic = lab.topic(1)
    lake = lab.lake(topic, pipeline="delta.sql", limit=10)
    running = lake.start()
    seen = []
    for round_ in range(30):
        lab.broker.produce(topic, [(0, None, b"x")] * 10)
        if not delta.versions(lake.table):
            time.sleep(0.1)
            continue
        have = sorted(int(line[5:-1]) for line in rows(f"SELECT o FROM delta.`{lake.table}`"))
        assert have == list(range(len(have))), have
        seen.append(len(have))
    running.kill9()
    assert seen == sorted(seen) and seen[-1] > 0
    shutil.rmtree(lake.dir)
