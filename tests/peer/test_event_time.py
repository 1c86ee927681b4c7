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


def seed_of_run():
    return int(os.environ.get("SLUICE_SEED", "5"))


def check_one(lab, case, every, stops):
    """What differs first, or None. every: batches per relation; stops: in how many batches each run ends."""
    folders = {name: lab.path(f"{case.name}_{name}") for name in every}
    points = {engine: lab.path(f"{case.name}_{engine}") for engine in ("spark", "ours")}
    for begin, end in zip([0, *stops], stops):
        for name in every:
            event_time.write_batches(folders[name], every[name][begin:end], begin)
        spark = event_time.spark_batches(lab.spark, case, folders, points["spark"])
        ours = event_time.sluice_batches(lab, case, folders, points["ours"])
        found = event_time.difference(case, spark, ours)
        if found:
            return f"{found}\n  (batches {begin} to {end}, seed {seed_of_run()}) {case.ours}"
    return None


def check(lab, cases, relations=("events",), batches=7, restart=4, make=make_batches):
    wrong = []
    for case in cases:
        rng = random.Random(f"{seed_of_run()} {case.name}")
        every = {name: make(rng, batches) for name in relations}
        wrong.append(check_one(lab, case, every, [restart, batches] if restart else [batches]))
    assert not any(wrong), "\n".join(filter(None, wrong))


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


def limited(name, sql=None, mode="append", **options):
    return Case(name, sql, mode, operators=("globalLimit",), **options)


def test_limits(lab):
    """The first rows of all batches; the count outlives a restart. Of groups, which come in no order, any will do."""
    check(lab, [limited("limit_inside_a_run", "SELECT id, v FROM events LIMIT 45"),
                limited("limit_behind_a_restart", "SELECT id, v FROM events LIMIT 105", watermarks={}),
                limited("limit_of_a_filter", "SELECT id, v FROM (SELECT * FROM events WHERE v > 0 LIMIT 30) WHERE k = 'a'"),
                limited("limits_of_branches", "(SELECT id, v FROM events LIMIT 50) UNION ALL (SELECT id, -v FROM events LIMIT 70)"),
                limited("limit_never_reached", "SELECT id FROM events LIMIT 100000"),
                limited("limit_below_groups", "SELECT k, count(*) AS n, sum(v) AS s FROM (SELECT * FROM events LIMIT 95) GROUP BY k", "complete"),
                limited("limit_around_groups", "SELECT k, count(*) AS n FROM (SELECT * FROM events LIMIT 95) GROUP BY k ORDER BY n DESC, k LIMIT 2", "complete"),
                limited("limit_below_windows", "SELECT window.start AS b, k, count(*) AS n FROM (SELECT * FROM events LIMIT 95) "
                                               "GROUP BY window(ts, '10 minutes'), k"),
                limited("limit_of_windows", "SELECT window.start AS b, k, count(*) AS n FROM events GROUP BY window(ts, '10 minutes'), k LIMIT 13",
                        any_rows=True),
                limited("limit_of_first_rows", spark=lambda s: s.table("events").dropDuplicates(["id"]).select("id").limit(60),
                        ours="SELECT id FROM events DEDUPLICATE BY (id) LIMIT 60", any_rows=True)])


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


MANY = "more than one event time columns are available"


def check_times(lab, cases, relations):
    """Both answer alike, or both refuse: that two event times reach what remembers rows."""
    fine, wrong = [], []
    for case in cases:
        refused = {}
        folders = {name: lab.path(f"{case.name}_{name}") for name in relations}
        rng = random.Random(case.name)
        for name in relations:
            event_time.write_batches(folders[name], make_batches(rng, 3), 0)
        for engine, run in (("spark", lambda: event_time.spark_batches(lab.spark, case, folders, lab.path(f"{case.name}_spark"))),
                            ("ours", lambda: event_time.sluice_batches(lab, case, folders, lab.path(f"{case.name}_ours")))):
            try:
                refused[engine] = (None, run())
            except Exception as error:  # what an engine says, of whatever kind
                refused[engine] = (MANY if MANY in str(error).lower() else str(error)[:900], None)
        if refused["spark"][0] != refused["ours"][0]:
            wrong.append(f"{case.name}: Spark says {refused['spark'][0]}, ours {refused['ours'][0]}")
        elif not refused["spark"][0]:
            found = event_time.difference(case, refused["spark"][1], refused["ours"][1])
            wrong += [found] if found else []
            fine.append(case.name)
    assert not wrong, "\n".join(wrong)
    return fine


PAIR = "events e JOIN others o ON e.k = o.k AND o.ts BETWEEN e.ts AND e.ts + INTERVAL 5 MINUTES"
TIMES = f"SELECT e.id, e.k, e.v, e.ts AS t, o.ts AS u, o.id AS r FROM {PAIR}"
THREE = {**BOTH, "thirds": ("ts", "7 minutes")}


def two_times(name, sql, mode="append", **options):
    return Case(name, sql, mode, watermarks=BOTH, **options)


def three(name, kind, condition, columns, first="JOIN"):
    return Case(name, f"SELECT {columns} FROM {PAIR.replace('JOIN', first)} {kind} JOIN thirds c ON c.k = e.k AND {condition}", watermarks=THREE)


def behind(column, minutes=5):
    return f"c.ts BETWEEN {column} AND {column} + INTERVAL {minutes} MINUTES"


def test_event_times_above_a_join(lab):
    """Which of the two is read decides what is late, and that both are is refused: by groups, first rows, sessions."""
    def drop(columns, out, within=False):
        def make(session):
            frame = session.sql(TIMES)
            return (frame.dropDuplicatesWithinWatermark(columns) if within else frame.dropDuplicates(columns)).selectExpr(*out)
        return make

    def dropped(name, columns, out, within=False):
        return two_times(name, None, spark=drop(columns, out, within), any_rows=True,
                         ours=f"SELECT {', '.join(out)} FROM ({TIMES}) DEDUPLICATE BY ({', '.join(columns)}){' WITHIN WATERMARK' if within else ''}")
    fine = check_times(lab, [
        two_times("both_shown", TIMES), two_times("group_by_one", f"SELECT t, max(u) AS u, count(*) AS n FROM ({TIMES}) GROUP BY t"),
        two_times("group_by_other", f"SELECT u, max(t) AS t, count(*) AS n FROM ({TIMES}) GROUP BY u"),
        two_times("group_by_both", f"SELECT t, u, count(*) AS n FROM ({TIMES}) GROUP BY t, u"),
        two_times("window_and_other", f"SELECT window.start AS b, u, count(*) AS n FROM ({TIMES}) GROUP BY window(t, '5 minutes'), u"),
        two_times("distinct_both", f"SELECT DISTINCT t, u FROM ({TIMES})"), two_times("distinct_one", f"SELECT DISTINCT k, u FROM ({TIMES})"),
        two_times("session_of_one", f"SELECT session_window.start AS b, k, count(*) AS n FROM ({TIMES}) GROUP BY session_window(t, '5 minutes'), k"),
        two_times("session_and_other", f"SELECT session_window.start AS b, u, count(*) AS n FROM ({TIMES}) GROUP BY session_window(t, '5 minutes'), u"),
        dropped("first_of_both", ["id"], ["id", "t", "u"]), dropped("first_of_one", ["id"], ["id", "t"]), dropped("first_of_other", ["id"], ["id", "u"]),
        dropped("first_of_none", ["id"], ["id"]), dropped("first_by_one", ["id", "t"], ["id"]), dropped("first_by_both", ["id", "t", "u"], ["id"]),
        dropped("first_as_text", ["id"], ["id", "t", "CAST(u AS STRING)"]), dropped("within_both", ["id"], ["id"], True)], ("events", "others"))
    assert len(fine) == 9, fine


def test_event_times_under_other_names(lab):
    twice = "SELECT *, ts AS w FROM events"
    groups = f"SELECT ts, w, count(*) AS n FROM ({twice}) GROUP BY ts, w"
    fine = check_times(lab, [
        Case("names_append", groups), Case("names_update", groups, "update"), Case("names_complete", groups, "complete"),
        Case("one_group_two_names", "SELECT ts, ts AS w, count(*) AS n FROM events GROUP BY ts"),
        Case("name_of_window", "SELECT window.start AS b, ts, count(*) AS n FROM events GROUP BY window(ts, '5 minutes'), ts", "update"),
        Case("session_complete", "SELECT session_window.start AS b, ts, count(*) AS n FROM events GROUP BY session_window(ts, '5 minutes'), ts", "complete"),
        Case("without_watermark", groups, "update", {}),
        Case("name_not_read", spark=lambda s: s.sql(twice).dropDuplicates(["id"]).select("id", "ts"), any_rows=True,
             ours=f"SELECT id, ts FROM ({twice}) DEDUPLICATE BY (id)"),
        Case("name_read", spark=lambda s: s.sql(twice).dropDuplicates(["id"]).select("id", "ts", "w"), ours=f"SELECT id, ts, w FROM ({twice}) DEDUPLICATE BY (id)"),
        Case("name_in_filter", spark=lambda s: s.sql(twice).filter("w > '2025-12-15 09:01:00'").dropDuplicates(["id"]).select("id", "ts"), any_rows=True,
             ours=f"SELECT id, ts FROM (SELECT * FROM ({twice}) WHERE w > '2025-12-15 09:01:00') DEDUPLICATE BY (id)"),
        two_times("join_of_names", f"SELECT e.id, o.ts, e.w FROM ({twice}) e JOIN others o ON e.k = o.k AND o.ts BETWEEN e.ts AND e.ts + INTERVAL 5 MINUTES"),
        two_times("join_by_name", f"SELECT e.id, o.ts, e.w FROM ({twice}) e JOIN others o ON e.k = o.k AND o.ts BETWEEN e.w AND e.w + INTERVAL 5 MINUTES")],
        ("events", "others"))
    assert len(fine) == 6, fine


def test_joins_of_three_streams(lab):
    fine = check_times(lab, [
        three("third_by_first", "", behind("e.ts"), "e.id, e.ts AS t, c.id AS third, c.ts AS w"),
        three("third_by_second", "", behind("o.ts"), "e.id, o.id AS r, c.id AS third, c.ts AS w"),
        three("second_shown", "", behind("o.ts"), "e.id, o.ts AS u, c.id AS third"),
        three("second_shown_as_well", "", behind("e.ts"), "e.id, o.ts AS u, c.ts AS w"),
        three("both_shown_of_three", "", behind("e.ts"), "e.id, e.ts AS t, o.ts AS u, c.ts AS w"),
        three("first_shown_as_well", "", behind("o.ts"), "e.id, e.ts AS t, c.ts AS w"),
        three("both_in_condition", "", "c.ts BETWEEN e.ts AND o.ts + INTERVAL 5 MINUTES", "e.id, c.id AS third"),
        three("left_by_first", "LEFT", behind("e.ts"), "e.id, e.v, o.id AS r, c.id AS third", "LEFT JOIN"),
        three("left_by_second", "LEFT", behind("o.ts"), "e.id, o.id AS r, c.id AS third", "LEFT JOIN"),
        three("right_of_three", "RIGHT", behind("e.ts"), "e.id, c.id AS third, c.ts AS w"),
        three("semi_first", "", behind("e.ts"), "e.id, e.ts AS t, c.id AS third", "LEFT SEMI JOIN"),
        three("semi_last", "LEFT SEMI", behind("o.ts"), "e.id, o.id AS r"),
        three("equal_times", "", "c.ts = e.ts", "e.id, c.ts AS w", "JOIN"),
        Case("windows_of_three", f"SELECT window.start AS b, count(*) AS n, count(third) AS m FROM (SELECT e.ts AS t, c.id AS third FROM {PAIR} "
                                 f"LEFT JOIN thirds c ON c.k = e.k AND {behind('e.ts', 2)}) GROUP BY window(t, '10 minutes')", watermarks=THREE)],
        ("events", "others", "thirds"))
    assert len(fine) >= 9, fine


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


# ---- random queries ----

VALUES = ["count(*) AS n", "count(v) AS nv", "sum(v) AS s", "sum(d) AS sd", "avg(v) AS a", "min(v) AS lo", "max(d) AS hi", "max(id) AS last_id", "min(ts) AS first_t",
          "count_if(v > 0) AS positive", "sum(CAST(d AS DECIMAL(20,4))) AS exact", "count(*) FILTER (WHERE k = 'a') AS of_a", "bool_or(v > 40) AS big",
          "sort_array(collect_set(v)) AS vs", "sort_array(collect_list(k)) AS ks", "max_by(v, d * 1000 + v) AS best", "bit_xor(v) AS bits"]
SPANS = ["2 minutes", "5 minutes", "10 minutes", "15 minutes", "1 hour"]


def some(rng, items, least=1, most=4):
    return rng.sample(items, rng.randint(least, min(most, len(items))))


def random_source(rng, name="events"):
    """The relation, or it behind a filter, in part on the event time."""
    filters = some(rng, ["v > -20", "k IS NOT NULL", "ts > TIMESTAMP '2025-12-15 08:58:00'", "k <> 'b' OR v > 0", "ts IS NOT NULL", "length(id) > 2"], 1, 2)
    return name if rng.random() < 0.6 else f"(SELECT * FROM {name} WHERE {' AND '.join(f'({part})' for part in filters)})"


def random_window(rng):
    length = rng.choice(SPANS)
    kind = rng.randrange(3)
    if kind == 0:
        return f"window(ts, '{length}')"
    if kind == 1:
        return f"window(ts, '{length}', '{rng.choice([span for span in SPANS if SPANS.index(span) <= SPANS.index(length)])}')"
    return f"window(ts, '{length}', '{length}', '{rng.randrange(1, 90)} seconds')"


def random_groups(rng, name):
    keys = some(rng, ["k", "v % 3", "d > 0", "substr(id, 2, 1)"], 0, 2)
    window = rng.random() < 0.75
    mode = rng.choice(["append", "update", "complete"] if window else ["update", "complete"])
    groups = ([random_window(rng)] if window else []) + keys
    shown = (["window.start AS b", "window.end AS e"] if window else []) + [f"{key} AS k{i}" for i, key in enumerate(keys)] + some(rng, VALUES)
    having = f" HAVING {rng.choice(['count(*) > 1', 'sum(v) > 0', 'max(d) IS NOT NULL'])}" if rng.random() < 0.25 else ""
    sql = f"SELECT {', '.join(shown)} FROM {random_source(rng)}{' GROUP BY ' + ', '.join(groups) if groups else ''}{having}"
    if mode == "complete" and rng.random() < 0.3:
        sql += f" ORDER BY {', '.join(str(i + 1) for i in range(len(shown)))} LIMIT {rng.randrange(1, 12)}"
    return Case(name, sql, mode)


def random_sessions(rng, name):
    gap = rng.choice(["'2 minutes'", "'5 minutes'", "CASE WHEN k = 'a' THEN '1 minute' WHEN k = 'c' THEN '0 seconds' ELSE '7 minutes' END"])
    shown = ", ".join(some(rng, VALUES))
    return Case(name, f"SELECT session_window.start AS b, session_window.end AS e, k, {shown} FROM {random_source(rng)} GROUP BY session_window(ts, {gap}), k",
                rng.choice(["append", "complete"]))


def random_first_rows(rng, name):
    source, mode = random_source(rng), rng.choice(["append", "update"])
    if rng.random() < 0.3:
        return Case(name, f"SELECT DISTINCT {rng.choice(['k, ts', 'ts, v % 2', 'window(ts, $), k'])} FROM {source}".replace("$", "'5 minutes'"), mode)
    keys = rng.choice([["id"], ["k"], ["id", "ts"], ["k", "ts"], ["v"], ["k", "v"]])
    return Case(name, spark=lambda session: session.sql(f"SELECT * FROM {source}").dropDuplicates(keys).select(keys), mode=mode,
                ours=f"SELECT {', '.join(keys)} FROM (SELECT * FROM {source}) DEDUPLICATE BY ({', '.join(keys)})")


def random_chain(rng, name):
    inner, outer = sorted(rng.sample(range(len(SPANS)), 2))
    return Case(name, f"SELECT window.start AS b, sum(n) AS n, max(s) AS s, count(*) AS parts FROM (SELECT window AS w, k, count(*) AS n, sum(v) AS s "
                      f"FROM {random_source(rng)} GROUP BY window(ts, '{SPANS[inner]}'), k) GROUP BY window(w, '{SPANS[outer]}')")


def random_limit(rng, name):
    """More than a batch has: of fewer Spark's watermark sees only those that it reads (docs/differences.md)."""
    below = f"SELECT * FROM {random_source(rng)} LIMIT {rng.randrange(40, 160)}"
    kind = rng.randrange(3)
    if kind == 0:
        return Case(name, f"SELECT id, v FROM ({below}) WHERE v > 0")
    if kind == 1:
        return limited(name, f"SELECT k, count(*) AS n, sum(v) AS s FROM ({below}) GROUP BY k", "complete")
    return limited(name, f"SELECT window.start AS b, count(*) AS n FROM ({below}) GROUP BY window(ts, '5 minutes')")


def random_join(rng, name):
    kind = rng.choice(["INNER", "INNER", "LEFT", "RIGHT", "LEFT SEMI"])
    low, high = sorted(rng.sample(range(-8, 12), 2))
    bounds = rng.choice([f"o.ts BETWEEN e.ts + INTERVAL {low} MINUTES AND e.ts + INTERVAL {high} MINUTES", "e.ts = o.ts",
                         f"o.ts > e.ts - INTERVAL {abs(low)} MINUTES AND o.ts <= e.ts + INTERVAL {high + 9} MINUTES"])
    more = rng.choice(["", "", " AND e.v < o.v", " AND o.v IS NOT NULL"])
    key = rng.choice(["e.k = o.k", "e.k = o.k AND e.v % 2 = o.v % 2", "substr(e.id, 3, 1) = substr(o.id, 3, 1)"])
    join = f"{random_source(rng)} e {kind} JOIN {random_source(rng, 'others')} o ON {key} AND {bounds}{more}"
    one, two = ("o", "e") if kind == "RIGHT" else ("e", "o")
    if rng.random() < 0.3:
        return Case(name, f"SELECT window.start AS b, count(*) AS n FROM (SELECT {one}.ts AS t FROM {join}) GROUP BY window(t, '10 minutes')", watermarks=BOTH)
    columns = [f"{one}.id", f"{one}.ts AS t"] + ([] if kind == "LEFT SEMI" else some(rng, [f"{two}.id AS r", f"{two}.ts AS u", f"{two}.v AS w"]))
    return Case(name, f"SELECT {', '.join(columns)} FROM {join}", watermarks=BOTH)


def test_random_queries(lab):
    """Queries of all operators and modes, restarts in any places. SLUICE_CASES: how many; a case can be asked for by its seed alone."""
    kinds = [random_groups, random_groups, random_sessions, random_first_rows, random_chain, random_limit, random_join]
    wrong = []
    for number in range(int(os.environ.get("SLUICE_CASES", "7"))):
        rng = random.Random(f"{seed_of_run()} {number}")
        case = kinds[number % len(kinds)](rng, f"random{seed_of_run()}_{number}")
        if case.watermarks is not BOTH:
            case.watermarks = {"events": ("ts", rng.choice(["10 minutes", "1 minute", "30 minutes", "0 seconds"]))}
        batches = rng.randint(3, 6)
        relations = ("events", "others") if case.watermarks is BOTH else ("events",)
        every = {name: make_batches(rng, batches, rng.choice([6, 25, 40])) for name in relations}
        # behind a restart Spark's watermark of several clauses stands (docs/differences.md)
        stops = [] if len(relations) > 1 else sorted(rng.sample(range(1, batches), rng.randint(0, 2)))
        try:
            wrong.append(check_one(lab, case, every, [*stops, batches]))
        except Exception as error:
            wrong.append(f"{case.name}: {str(error)[:600]}\n  {case.mode}: {case.ours}")
    assert not any(wrong), "\n".join(filter(None, wrong))
