"""A stateful query moves between Spark and sluice with its checkpoint, there and back: whoever goes on gives the rows,
batch ids and watermarks that Spark alone gives, batch for batch."""
import json
import os
import random
import shutil

from lib import event_time, files, sluice
from lib.event_time import Case

from peer.test_event_time import make_batches

FILES = 8
THERE_AND_BACK = [("spark", 0, 2), ("ours", 2, 5), ("spark", 5, 6), ("ours", 6, 8)]
FROM_HERE = [("ours", 0, 3), ("spark", 3, 5), ("ours", 5, 6), ("spark", 6, 8)]
NEW = {"sluice.stateFormat": "spark"}


def run(engine, lab, case, folders, checkpoint):
    if engine == "spark":
        return event_time.spark_batches(lab.spark, case, folders, checkpoint)
    if engine == "ours":
        return event_time.sluice_batches(lab, case, folders, checkpoint)
    path = lab.path(f"{case.name}.sql")
    files.write(path, event_time.pipeline(case, folders, checkpoint))
    for failpoint in engine:
        result = sluice.run("run", path, "--available-now", failpoints=failpoint)
        assert result.status == sluice.CRASHED, f"{failpoint} did not kill it: status {result.status} {result.err[-300:]}"
    event_time.sluice_batches(lab, case, folders, checkpoint)
    return None  # what was shown in the starts that were killed is not known


def move(lab, case, turns, make):
    """What differs first between Spark alone and the engines in turns, over one directory of files."""
    rng = random.Random(f"{os.environ.get('SLUICE_SEED', '5')} {case.name}")
    every = make(rng, FILES)
    folders = {"events": lab.path(f"{case.name}_events")}
    for engine, begin, end in turns:
        event_time.write_batches(folders["events"], every[begin:end], begin)
        spark = run("spark", lab, case, folders, lab.path(f"{case.name}_alone"))
        mixed = run(engine, lab, case, folders, lab.path(f"{case.name}_moving"))
        found = mixed is not None and event_time.difference(case, spark, mixed)
        if found:
            return f"{found}\n  (the turn of {engine}, files {begin} to {end})"
    return None


def check(lab, cases, turns=None, make=make_batches):
    wrong = [found for found in (move(lab, case, turns or THERE_AND_BACK, make) for case in cases) if found]
    assert not wrong, "\n".join(wrong)


AGGREGATES = ("count(*) AS n, count(v) AS nv, sum(v) AS s, sum(d) AS sd, avg(v) AS a, min(v) AS lo, max(d) AS hi, min(id) AS first_id, "
              "count_if(v > 0) AS positive, min_by(id, v) AS least, bool_or(v > 40) AS big, bit_xor(v) AS bits, "
              "round(stddev(d), 6) AS dev, approx_count_distinct(id) AS ids")
DECIMALS = ("sum(CAST(v AS DECIMAL(8,2))) AS short_sum, avg(CAST(v AS DECIMAL(11,2))) AS short_mean, sum(CAST(v AS DECIMAL(12,2))) AS sums, "
            "avg(CAST(v AS DECIMAL(20,3))) AS mean, max(CAST(d AS DECIMAL(30,4))) AS top, sum(CAST(d AS DECIMAL(38,2))) AS widest")


def windows(mode):
    return Case(f"moving_{mode}", f"SELECT CAST(window.start AS STRING) AS b, k, {AGGREGATES} FROM events "
                                  "GROUP BY window(ts, '10 minutes'), k", mode)


def test_windows_move(lab):
    check(lab, [windows("append"), windows("update"), windows("complete")])


def test_groups_move(lab):
    check(lab, [Case("moving_keys", f"SELECT k, {DECIMALS} FROM events GROUP BY k", "update"),
                Case("moving_global", f"SELECT {AGGREGATES}, {DECIMALS} FROM events", "complete"),
                Case("moving_having", "SELECT window.start AS b, count(*) AS n FROM events GROUP BY window(ts, '5 minutes') HAVING count(v) > 1 AND sum(v) > -9", "append"),
                Case("moving_distinct", "SELECT DISTINCT k, ts FROM events")])


def test_keys_of_many_types_move(lab):
    double = "CASE v % 4 WHEN 0 THEN double('NaN') WHEN 1 THEN -0.0D WHEN 2 THEN 0.0D ELSE d END"
    keys = ["CAST(v % 7 AS DECIMAL(10,2))", "CAST(v % 5 AS DECIMAL(30,2))", double, f"CAST({double} AS FLOAT)", "named_struct('a', k, 'b', v % 2, 'c', -0.0D)",
            "CAST(ts AS DATE)", "v > 0", "array(k, substr(id, 2, 1))", "CAST(id AS BINARY)", "CAST(v AS TINYINT)", "CAST(v AS SMALLINT)", "CAST(v AS BIGINT)",
            "CAST(ts AS TIMESTAMP_NTZ)", "INTERVAL '1' DAY * v", "INTERVAL '1' MONTH * v"]

    def shown(key):
        return f"hex({key})" if "BINARY" in key else key

    check(lab, [Case("moving_types", f"SELECT {', '.join(f'{shown(key)} AS k{i}' for i, key in enumerate(keys))}, count(*) AS n, "
                                     f"max(named_struct('v', v, 'k', k)) AS top, first(k, true) IS NULL AS f FROM events GROUP BY {', '.join(keys)}", "update")])


def drop(columns, within=False):
    def make(session):
        frame = session.table("events")
        return frame.dropDuplicatesWithinWatermark(columns) if within else frame.dropDuplicates(columns)
    return make


def unique_batches(rng, count):
    """Without equal ids in one batch: which of them comes first is not said."""
    def unique(batch):
        seen = set()
        return [event for event in batch if event["ts"] and not (event["id"] in seen or seen.add(event["id"]))]
    return [unique(batch) for batch in make_batches(rng, count)]


def test_deduplications_move(lab):
    check(lab, [Case("moving_ids", spark=lambda s: drop(["id"])(s).select("id"), ours="SELECT id FROM events DEDUPLICATE BY (id)"),
                Case("moving_times", spark=lambda s: drop(["id", "ts"])(s).select("id", "ts"), ours="SELECT id, ts FROM events DEDUPLICATE BY (ts, id)")])
    check(lab, [Case("moving_within", spark=lambda s: drop(["id"], True)(s), ours="SELECT * FROM events DEDUPLICATE BY (id) WITHIN WATERMARK")],
          make=unique_batches)


def test_sessions_move(lab):
    columns = ("CAST(session_window.start AS STRING) AS b, CAST(session_window.end AS STRING) AS e, k, count(*) AS n, sum(v) AS s, min(id) AS lo, "
               "avg(d) AS a, sum(CAST(v AS DECIMAL(8,2))) AS short_sum, first(k) AS f, max_by(id, ts) AS last_id")
    check(lab, [Case("moving_sessions", f"SELECT {columns} FROM events GROUP BY session_window(ts, '5 minutes'), k"),
                Case("moving_gaps", f"SELECT {columns}, v % 2 AS odd FROM events GROUP BY k, session_window(ts, CASE WHEN k = 'a' THEN '2 minutes' ELSE '10 minutes' END), v % 2",
                     "complete")])
    check(lab, [Case("new_sessions", f"SELECT {columns} FROM events GROUP BY k, session_window(ts, '5 minutes')", options=NEW)], FROM_HERE)


def test_chains_move(lab):
    check(lab, [Case("moving_chain", "SELECT CAST(window.start AS STRING) AS b, sum(n) AS n, count(*) AS parts FROM "
                                     "(SELECT window AS w, k, count(*) AS n FROM events GROUP BY window(ts, '5 minutes'), k) GROUP BY window(w, '15 minutes')")])


def test_new_state_moves_to_spark(lab):
    window = "SELECT CAST(window.start AS STRING) AS b, k, {} FROM events GROUP BY window(ts, '10 minutes'), k"
    check(lab, [Case("new_windows", window.format(f"{AGGREGATES}, {DECIMALS}"), "append", options=NEW),
                Case("new_global", f"SELECT {AGGREGATES} FROM events", "complete", options=NEW),
                Case("new_ids", spark=lambda s: drop(["id", "ts"])(s).select("id", "ts"), ours="SELECT id, ts FROM events DEDUPLICATE BY (id, ts)", options=NEW)],
          FROM_HERE)


def test_killed_batches_move_on(lab):
    """Whenever sluice is killed while it writes Spark's files, both go on from what is there."""
    killed = [f"{point}:crash" for point in ("state.changes.written:1", "state.changes.named:2", "state.saved:1", "commits.pre:1")]
    check(lab, [Case("killed_keys", "SELECT k, count(*) AS n, sum(v) AS s, min(id) AS lo, avg(d) AS a FROM events GROUP BY k", "complete")],
          [("spark", 0, 1), (killed, 1, 4), ("spark", 4, 6), (killed[1:], 6, 7), ("spark", 7, 8)])


def refused(lab, case, spark_case, change=None):
    """What sluice says to a checkpoint that Spark made with another query, or that `change` changed."""
    folders = {"events": lab.path(f"{case.name}_events")}
    batches = make_batches(random.Random(1), 2)
    event_time.write_batches(folders["events"], batches[:1])
    checkpoint = lab.path(f"{case.name}_refused")
    event_time.spark_batches(lab.spark, spark_case, folders, checkpoint)
    event_time.write_batches(folders["events"], batches[1:], 1)
    if change:
        change(checkpoint)
    path = lab.path(f"{case.name}.sql")
    files.write(path, event_time.pipeline(case, folders, checkpoint))
    before = snapshot(os.path.join(checkpoint, "state"))
    result = sluice.run("run", path, "--available-now")
    assert result.status != 0, f"{case.name} was not refused"
    assert snapshot(os.path.join(checkpoint, "state")) == before, f"{case.name}: the refused start changed the state"
    return result.err


def snapshot(directory):
    return {os.path.join(folder, name): os.path.getmtime(os.path.join(folder, name)) for folder, _, names in os.walk(directory) for name in names}


def set_conf(name, value):
    def change(checkpoint):
        folder = os.path.join(checkpoint, "offsets")
        for entry in os.listdir(folder):
            if entry.isdigit():
                path = os.path.join(folder, entry)
                lines = open(path).read().split("\n")
                metadata = json.loads(lines[1])
                metadata["conf"][name] = value
                files.write(path, "\n".join([lines[0], json.dumps(metadata), *lines[2:]]))
                os.remove(os.path.join(folder, f".{entry}.crc"))
    return change


def drop_partition(checkpoint):
    shutil.rmtree(os.path.join(checkpoint, "state/0/1"))


def test_what_cannot_move_is_refused(lab):
    def group(name, columns, keys="k", mode="update"):
        return Case(name, f"SELECT {columns} FROM events GROUP BY {keys}", mode)

    plain = group("refused_plain", "k, sum(v) AS s")
    swapped = "SELECT k, b, a FROM (SELECT k, sum(v) AS a, sum(v + 1) AS b FROM events GROUP BY k)"
    stores = "spark.sql.streaming.stateStore."
    for case, spark, change, words in [
            (group("refused_list", "k, collect_list(v) AS l"), None, None, "Spark's state of the function collect_list is not read"),
            (group("refused_sketch", "k, percentile_approx(v, 0.5) AS l"), None, None, "Spark's state of the function percentile_approx is not read"),
            (Case("refused_order", swapped, "update"), None, None, "look alike"),
            (group("refused_key", "id, sum(v) AS s", "id, v"), plain, None, "STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE"),
            (group("refused_value", "k, max(v) AS s"), plain, None, "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE"),
            (Case("refused_operator", ours="SELECT k FROM events DEDUPLICATE BY (k)"), plain, None, "NOT_MATCH_IN_STATE_METADATA"),
            (Case("refused_stateless", "SELECT k FROM events"), plain, None, "NOT_MATCH_IN_STATE_METADATA"),
            (plain, plain, set_conf(stores + "providerClass", "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"), "RocksDBStateStoreProvider"),
            (plain, plain, set_conf(stores + "compression.codec", "zstd"), "compression.codec = zstd"),
            (plain, plain, set_conf("spark.sql.shuffle.partitions", "3"), "has 2 partitions"),
            (plain, plain, drop_partition, "is missing"),
            (Case("refused_form", plain.sql, "update", options={"sluice.stateFormat": "sluice"}), plain, None, "keeps its state in Spark's form")]:
        said = refused(lab, case, spark or case, change)
        assert words in said, f"{case.name}: {said}"
        shutil.rmtree(lab.path(f"{case.name}_refused"))
        shutil.rmtree(lab.path(f"{case.name}_events"))
