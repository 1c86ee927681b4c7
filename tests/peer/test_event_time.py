"""Stateful streaming queries answer as Spark's, batch for batch: the same random events (late, out of order, repeated,
without a time, in the future), with a restart in between."""
import os
import random

from lib import event_time
from lib.event_time import Case

KEYS = ["a", "b", "c", None]
START = 1_765_789_200  # 2025-12-15 09:00 UTC


def iso(seconds):
    import datetime
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def make_event(rng, number, batch):
    """Event time advances by five minutes a batch; some events are up to forty minutes old, some repeat an id."""
    seconds = START + 300 * batch + rng.uniform(-300, 300)
    kind = rng.random()
    if kind < 0.15:
        seconds -= rng.uniform(600, 2400)
    elif kind < 0.2:
        seconds = START + 300 * rng.randrange(-6, 12)  # on the edge of a window
    elif kind < 0.22:
        seconds = None
    elif kind < 0.23:
        seconds += 1800
    ident = f"e{rng.randrange(number + 1)}" if rng.random() < 0.3 else f"e{number}"
    return {"id": ident, "k": rng.choice(KEYS), "ts": iso(seconds) if seconds else None,
            "v": rng.choice([None, rng.randrange(-50, 50)]), "d": rng.choice([None, rng.randrange(-99, 99) / 4])}


def make_batches(rng, count, size=40):
    return [[make_event(rng, batch * size + i, batch) for i in range(rng.randrange(1, size))] for batch in range(count)]


def check(lab, cases, relations=("events",), batches=7, restart=4, make=make_batches):
    seed = int(os.environ.get("SLUICE_SEED", "5"))
    wrong = []
    for case in cases:
        rng = random.Random(f"{seed} {case.name}")
        every = {name: make(rng, batches) for name in relations}
        folders = {name: lab.path(f"{case.name}_{name}") for name in relations}
        points = {engine: lab.path(f"{case.name}_{engine}") for engine in ("spark", "ours")}
        for begin, end in ((0, restart), (restart, batches)) if restart else ((0, batches),):
            for name in relations:
                event_time.write_batches(folders[name], every[name][begin:end], begin)
            spark = event_time.spark_batches(lab.spark, case, folders, points["spark"])
            ours = event_time.sluice_batches(lab, case, folders, points["ours"])
            found = event_time.difference(case, spark, ours)
            if found:
                wrong.append(f"{found}\n  (batches {begin} to {end}, seed {seed})")
                break
    assert not wrong, "\n".join(wrong)


AGGREGATES = ("count(*) AS n, count(v) AS nv, sum(v) AS s, sum(d) AS sd, avg(v) AS a, min(v) AS lo, max(d) AS hi, "
              "min(id) AS first_id, count_if(v > 0) AS positive")


def windows(window, mode, name, keys="k, "):
    return Case(name, f"SELECT CAST(window.start AS STRING) AS begins, CAST(window.end AS STRING) AS ends, {keys}{AGGREGATES} "
                      f"FROM events GROUP BY {window}{', ' + keys.rstrip(', ') if keys else ''}", mode)


def test_windows_in_every_mode(lab):
    check(lab, [windows("window(ts, '10 minutes')", mode, f"tumbling_{mode}") for mode in ("append", "update", "complete")])


def test_sliding_windows_and_offsets(lab):
    check(lab, [windows("window(ts, '10 minutes', '5 minutes')", "append", "sliding"),
                windows("window(ts, '1 hour', '1 hour', '7 minutes')", "append", "shifted", ""),
                windows("window(ts, '30 minutes', '10 minutes')", "update", "sliding_update", "")])


def test_aggregates_without_windows(lab):
    check(lab, [Case("by_key", f"SELECT k, {AGGREGATES} FROM events GROUP BY k", "update"),
                Case("by_key_complete", f"SELECT k, {AGGREGATES} FROM events GROUP BY k", "complete"),
                Case("global_complete", f"SELECT {AGGREGATES} FROM events", "complete"),
                Case("global_update", f"SELECT {AGGREGATES} FROM events", "update"),
                Case("by_time", "SELECT ts, count(*) AS n FROM events GROUP BY ts", "append"),
                Case("sorted", "SELECT k, sum(v) AS s FROM events GROUP BY k ORDER BY s DESC NULLS LAST, k LIMIT 2", "complete")])


def test_keys_of_many_types(lab):
    double = "CASE v % 4 WHEN 0 THEN double('NaN') WHEN 1 THEN -0.0D WHEN 2 THEN 0.0D ELSE d END"
    keys = ["CAST(v % 7 AS DECIMAL(10,2))", double, "named_struct('a', k, 'b', v % 2, 'c', -0.0D)", "CAST(ts AS DATE)", "v > 0",
            "array(k, substr(id, 2, 1))"]
    check(lab, [Case("typed_keys", f"SELECT {', '.join(f'{key} AS k{i}' for i, key in enumerate(keys))}, count(*) AS n, sum(CAST(d AS DECIMAL(20,4))) AS s, "
                                   f"approx_count_distinct(id) AS ids, sort_array(collect_set(v)) AS vs FROM events GROUP BY {', '.join(keys)}", "update"),
                Case("by_float", f"SELECT {double} AS x, count(*) AS n, sort_array(collect_list(k)) AS ks FROM events GROUP BY x", "complete")])


def test_having_and_filters(lab):
    check(lab, [Case("having", "SELECT window.end AS e, k, sum(v) AS s FROM events WHERE v IS NOT NULL GROUP BY window(ts, '10 minutes'), k "
                               "HAVING count(*) > 1", "append"),
                Case("filtered", "SELECT window.start AS b, count(*) FILTER (WHERE v > 0) AS n, sum(d) FILTER (WHERE k = 'a') AS s FROM events "
                                 "GROUP BY window(ts, '5 minutes')", "update")])


def test_no_watermark(lab):
    check(lab, [Case("unbounded_update", "SELECT window.start AS b, count(*) AS n FROM events GROUP BY window(ts, '10 minutes')", "update", {}),
                Case("unbounded_complete", "SELECT k, max(ts) AS t FROM events GROUP BY k", "complete", {})])


def test_deduplicate(lab):
    def drop(columns, within=False):
        def make(session):
            frame = session.table("events")
            return frame.dropDuplicatesWithinWatermark(columns) if within else frame.dropDuplicates(columns)
        return make
    # of rows with equal keys either engine may take another one: only the keys are compared
    check(lab, [Case("distinct", "SELECT DISTINCT k, ts FROM events"),
                Case("by_id", spark=lambda s: drop(["id"])(s).select("id"), ours="SELECT id FROM events DEDUPLICATE BY (id)"),
                Case("by_id_and_time", spark=lambda s: drop(["id", "ts"])(s).select("id", "ts"),
                     ours="SELECT id, ts FROM events DEDUPLICATE BY (id, ts)"),
                Case("no_watermark", spark=lambda s: drop(["k"])(s).select("k"), ours="SELECT k FROM events DEDUPLICATE BY (k)", watermarks={})])


def test_deduplicate_within_watermark(lab):
    # which of the equal rows of one batch is the first decides until when the key is kept: here they all differ
    def unique(batch):
        seen = set()
        return [event for event in batch if event["ts"] and not (event["id"] in seen or seen.add(event["id"]))]

    check(lab, [Case("within", spark=lambda s: s.table("events").dropDuplicatesWithinWatermark(["id"]),
                     ours="SELECT * FROM events DEDUPLICATE BY (id) WITHIN WATERMARK")],
          make=lambda rng, count: [unique(batch) for batch in make_batches(rng, count)])


def test_chained_aggregations(lab):
    check(lab, [Case("two_windows", "SELECT CAST(window.start AS STRING) AS b, sum(n) AS n, count(*) AS parts FROM "
                                    "(SELECT window AS w, k, count(*) AS n FROM events GROUP BY window(ts, '5 minutes'), k) "
                                    "GROUP BY window(w, '15 minutes')"),
                Case("deduplicated", spark=lambda s: s.table("events").dropDuplicates(["id", "ts"]).groupBy(
                         __import__("pyspark").sql.functions.window("ts", "10 minutes")).count().selectExpr("CAST(window.start AS STRING) AS b", "count"),
                     ours="SELECT CAST(window.start AS STRING) AS b, count(*) AS count FROM (SELECT * FROM events DEDUPLICATE BY (id, ts)) "
                          "GROUP BY window(ts, '10 minutes')")])


def test_session_windows(lab):
    check(lab, [Case("sessions", "SELECT CAST(session_window.start AS STRING) AS b, CAST(session_window.end AS STRING) AS e, k, count(*) AS n, "
                                 "sum(v) AS s FROM events GROUP BY session_window(ts, '5 minutes'), k", "append"),
                Case("dynamic", "SELECT CAST(session_window.start AS STRING) AS b, CAST(session_window.end AS STRING) AS e, k, count(*) AS n FROM events "
                                "GROUP BY session_window(ts, CASE WHEN k = 'a' THEN '2 minutes' ELSE '10 minutes' END), k", "append"),
                Case("all_sessions", "SELECT session_window.start AS b, session_window.end AS e, k, count(*) AS n FROM events "
                                     "GROUP BY session_window(ts, '3 minutes'), k", "complete")])


BOTH = {"events": ("ts", "10 minutes"), "others": ("ts", "5 minutes")}


def join(kind, name, condition="AND o.ts BETWEEN e.ts - INTERVAL 5 MINUTES AND e.ts + INTERVAL 10 MINUTES", columns="e.id AS l, o.id AS r, e.ts AS t, o.ts AS u"):
    return Case(name, f"SELECT {columns} FROM events e {kind} JOIN others o ON e.k = o.k {condition}", "append", BOTH)


def check_two(lab, cases, **options):
    """Without a restart: behind one, Spark's watermark of several clauses stands (docs/differences.md)."""
    check(lab, cases, ("events", "others"), restart=None, **options)


def test_stream_stream_joins(lab):
    check_two(lab, [join("INNER", "inner_join"), join("LEFT", "left_join"), join("RIGHT", "right_join"),
                    join("LEFT SEMI", "semi_join", columns="e.id AS l, e.ts AS t"),
                    join("INNER", "inner_by_value", "AND e.v < o.v AND o.ts BETWEEN e.ts - INTERVAL 5 MINUTES AND e.ts + INTERVAL 10 MINUTES"),
                join("INNER", "inner_by_time", "AND e.ts = o.ts"), join("RIGHT", "right_by_time", "AND e.ts = o.ts AND o.v > 0")])


def test_around_joins(lab):
    window = "SELECT window AS w, k, count(*) AS n FROM {} GROUP BY window(ts, '10 minutes'), k"
    joined = "e.k = o.k AND o.v > e.v AND o.ts BETWEEN e.ts - INTERVAL 5 MINUTES AND e.ts + INTERVAL 10 MINUTES"
    check_two(lab, [Case("windows_of_join", f"SELECT window.start AS b, l, count(*) AS n, count(v) AS m FROM (SELECT e.ts AS t, e.k AS l, o.v AS v "
                                            f"FROM events e LEFT JOIN others o ON {joined}) GROUP BY window(t, '10 minutes'), l", "append", BOTH),
                    Case("join_of_windows", f"SELECT a.w.start AS b, a.k, a.n, c.n AS m FROM ({window.format('events')}) a "
                                            f"LEFT JOIN ({window.format('others')}) c ON a.w = c.w AND a.k = c.k", "append", BOTH),
                    Case("union_of_windows", f"{window.format('events')} UNION ALL {window.format('others')}", "append", BOTH)])


def test_stream_stream_full_join(lab):
    # without NULL keys: in Spark's full join of streams NULL equals NULL (docs/differences.md)
    def with_keys(rng, count):
        return [[event for event in batch if event["k"]] for batch in make_batches(rng, count)]
    check_two(lab, [join("FULL", "full_join")], make=with_keys)


def test_stream_static_joins(lab):
    static = {"names": ([("a", "Anna"), ("b", "Bert"), ("b", "Berta"), ("z", "Zoe")], "k STRING, name STRING")}
    check(lab, [Case("static_inner", "SELECT e.id, e.k, n.name FROM events e JOIN names n ON e.k = n.k", static=static),
                Case("static_left", "SELECT e.id, e.k, n.name FROM events e LEFT JOIN names n ON e.k = n.k", static=static),
                Case("static_semi", "SELECT e.id FROM events e LEFT SEMI JOIN names n ON e.k = n.k", static=static),
                Case("static_anti", "SELECT e.id FROM events e LEFT ANTI JOIN names n ON e.k = n.k", static=static),
                Case("static_then_window", "SELECT window.start AS b, n.name, sum(e.v) AS s FROM events e JOIN names n ON e.k = n.k "
                                           "GROUP BY window(e.ts, '10 minutes'), n.name", static=static)])
