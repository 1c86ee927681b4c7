"""Numbers and times at the ends of their types, through queries that remember: int64 and one more, 1e400, NaN, -0.0,
decimals that overflow, the years 1 and 294247, times before 1970, milliseconds where seconds were meant. The same files
through Spark and sluice, batch for batch, with a restart in between."""
import datetime
import logging
import os
import random
import re

from lib import event_time, sluice
from lib.event_time import Case

SCHEMA = "id STRING, k STRING, ts TIMESTAMP, n BIGINT, i INT, m DECIMAL(38,6), d DOUBLE, f FLOAT"
BIG = 2**63 - 1
LONGS = ["0", "1", "-7", str(BIG), str(-BIG - 1), str(BIG + 1), str(-BIG - 2), "1e3", "1.5", '"12"', "null", str(10**30)]
INTS = ["0", "3", str(2**31 - 1), str(-2**31), str(2**31), "2147483648.0", "null"]
DOUBLES = ["0.0", "-0.0", "1.5", "-1e308", "1.7976931348623157e308", "1e400", "-1e400", '"NaN"', '"Infinity"', '"-Infinity"', "NaN", "4.9e-324", "1e-400", "null",
           "0.1", "123456789012345678901234567890"]
FLOATS = ["0.5", "-0.0", "3.4028235e38", "3.5e38", "1e400", '"NaN"', "1.4e-45", "16777217", "null"]
# no large negative ones, here and in the sums of BIGINT: sums that come back from an overflow depend on the order of
# rows (docs/differences.md)
DECIMALS = ["0", "1.5", "0.0000005", "-0.0000004", "99999999999999999999999999999999.999999",
            "99999999999999999999999999999999.9999995", "100000000000000000000000000000000", "1e31", "1e-40", "null"]
START = 1_765_789_200  # 2025-12-15 09:00 UTC
TIMES = ['"0001-01-01T00:00:00Z"', '"1582-10-10T12:00:00Z"', '"1969-12-31T23:59:59.999999Z"', '"1970-01-01T00:00:00Z"', '"1969-12-31T23:55:00Z"',
         '"9999-12-31T23:59:59.999999Z"', '"+10000-01-01T00:00:00Z"', '"+294247-01-10T04:00:54.775807Z"', '"+294247-01-10T04:00:54.775808Z"', '"+294277-01-01T00:00:00Z"',
         '"-0001-06-01T00:00:00Z"', '"2025-12-15T09:00:00.123456789Z"', str(START), str(START * 1000), str(START * 1000000), "-1", "0", "null", '"2025-12-15"',
         '"2025-12-15T24:00:00Z"', '"2025-02-30T00:00:00Z"']


def honest(rng, batch):
    at = datetime.datetime.fromtimestamp(START + 300 * batch + rng.randrange(300), datetime.timezone.utc)
    return f'"{at:%Y-%m-%dT%H:%M:%SZ}"'


def line(rng, number, batch, times):
    ts = rng.choice(times) if rng.random() < 0.5 else honest(rng, batch)
    return (f'{{"id":"e{rng.randrange(number + 2)}","k":"{rng.choice("abc")}","ts":{ts},"n":{rng.choice(LONGS)},"i":{rng.choice(INTS)},'
            f'"m":{rng.choice(DECIMALS)},"d":{rng.choice(DOUBLES)},"f":{rng.choice(FLOATS)}}}')


def make(times):
    return lambda rng, count: [[line(rng, 30 * batch + i, batch, times) for i in range(rng.randrange(5, 30))] for batch in range(count)]


def same_doubles(batches):
    """Java before 19 prints some doubles with a digit too many."""
    for batch in batches.values():
        batch.rows = [tuple(repr(float(cell)) if re.fullmatch(r"-?\d+\.\d+E-?\d+", cell) else cell for cell in row) for row in batch.rows]
    return batches


def check(lab, cases, times=TIMES, relations=("events",), batches=6, restart=3):
    seed, wrong = int(os.environ.get("SLUICE_SEED", "5")), []
    for case in cases:
        rng = random.Random(f"{seed} {case.name}")
        every = {name: make(times)(rng, batches) for name in relations}
        folders = {name: lab.path(f"{case.name}_{name}") for name in relations}
        points = {engine: lab.path(f"{case.name}_{engine}") for engine in ("spark", "ours")}
        for begin, end in ((0, restart), (restart, batches)) if restart else ((0, batches),):
            for name in relations:
                event_time.write_batches(folders[name], every[name][begin:end], begin)
            try:
                found = event_time.difference(case, same_doubles(event_time.spark_batches(lab.spark, case, folders, points["spark"])),
                                              same_doubles(event_time.sluice_batches(lab, case, folders, points["ours"])))
            except Exception as error:
                found = f"{case.name}: {str(error)[-700:]}"
            if found:
                wrong.append(f"{found}\n  (batches {begin} to {end}, seed {seed})")
                break
    assert not wrong, "\n".join(wrong)


def case(name, sql, mode="update", watermarks=None, ansi=True):
    made = Case(name, sql, mode, {} if watermarks is None else watermarks)
    made.schema, made.ansi = SCHEMA, ansi
    return made


WHOLE = "count(n) AS cn, try_sum(CASE WHEN n > 0 THEN n END) AS sn, min(n) AS ln, max(n) AS hn, avg(n) AS an, try_sum(i) AS si, max(i) AS hi"
REAL = "count(d) AS cd, sum(d) AS sd, avg(d) AS ad, min(d) AS ld, max(d) AS hd, sum(f) AS sf, min(f) AS lf, max(f) AS hf"
EXACT = "count(m) AS cm, try_sum(m) AS sm, min(m) AS lm, max(m) AS hm"


def test_aggregates_of_extreme_numbers(lab):
    check(lab, [case("whole", f"SELECT k, {WHOLE} FROM events GROUP BY k"), case("exact", f"SELECT k, {EXACT} FROM events GROUP BY k"),
                case("wrapped", "SELECT k, sum(n) AS s, sum(i) AS t, sum(m) AS m FROM events GROUP BY k", ansi=False)])


def test_aggregates_of_extreme_doubles(lab):
    """One row a batch and key: the sum of doubles depends on the order, which is nobody's."""
    check(lab, [case("real", f"SELECT id, {REAL} FROM events GROUP BY id HAVING count(*) < 3"),
                case("extremes_only", "SELECT k, min(d) AS l, max(d) AS h, min(f) AS lf, max(f) AS hf, bool_or(isnan(d)) AS nan, count_if(d = 0) AS zeros FROM events GROUP BY k")])


def test_extreme_keys(lab):
    check(lab, [case("by_double", "SELECT d, count(*) AS n FROM events GROUP BY d"), case("by_float", "SELECT f, count(*) AS n FROM events GROUP BY f", "complete"),
                case("by_decimal", "SELECT m, count(*) AS c, max(n) AS h FROM events GROUP BY m"), case("by_long", "SELECT n, i, count(*) AS c FROM events GROUP BY n, i"),
                case("by_time", "SELECT ts, count(*) AS c FROM events GROUP BY ts")])


def test_windows_at_the_ends_of_time(lab):
    usable = [time for time in TIMES if "294247" not in time]  # the window's end would not fit: the next test
    check(lab, [case("far_windows", "SELECT CAST(window.start AS STRING) AS b, CAST(window.end AS STRING) AS e, count(*) AS n FROM events GROUP BY window(ts, '10 minutes')"),
                case("far_sliding", "SELECT CAST(window.start AS STRING) AS b, count(*) AS n FROM events GROUP BY window(ts, '1 hour', '20 minutes', '7 minutes')", "complete"),
                case("far_sessions", "SELECT CAST(session_window.start AS STRING) AS b, CAST(session_window.end AS STRING) AS e, k, count(*) AS n FROM events "
                                     "GROUP BY session_window(ts, '5 minutes'), k", "complete")], usable)


BEFORE = ['"1969-12-31T23:59:59.999999Z"', '"1970-01-01T00:00:00Z"', '"1969-12-31T22:00:00Z"', '"1970-01-01T00:30:00Z"', "0", "-1", "-1765789200"]
MARK = {"events": ("ts", "10 minutes")}


def test_watermarks_before_the_epoch(lab):
    """Watermarks begin at 0: what is older is late from the first batch on, or not, as in Spark."""
    windows = "SELECT CAST(window.start AS STRING) AS b, k, count(*) AS n FROM events WHERE year(ts) < 2000 GROUP BY window(ts, '10 minutes'), k"
    check(lab, [case("old_windows", windows, "append", MARK), case("old_updates", windows, "update", MARK),
                case("old_distinct", "SELECT DISTINCT k, ts FROM events WHERE year(ts) < 2000", "append", MARK)], BEFORE)


def test_watermarks_from_the_far_future(lab):
    """One event ten years ahead, one of the year 9999: all that is honest is late from then on, in both."""
    far = ['"2035-12-15T09:00:00Z"', '"9999-12-31T23:59:59.999999Z"', '"1970-01-01T00:00:00Z"']
    windows = "SELECT CAST(window.start AS STRING) AS b, k, count(*) AS n FROM events GROUP BY window(ts, '10 minutes'), k"
    check(lab, [case("far_append", windows, "append", MARK), case("far_update", windows, "update", MARK),
                case("far_dedup", "SELECT DISTINCT k, ts FROM events", "append", MARK)], far)


def test_joins_at_the_ends_of_time(lab):
    both = {"events": ("ts", "10 minutes"), "others": ("ts", "5 minutes")}
    times = ['"1969-12-31T23:59:59.999999Z"', '"1970-01-01T00:00:00Z"', '"0001-01-01T00:00:00Z"', '"2035-12-15T09:00:00Z"', '"9999-12-31T23:00:00Z"']
    sql = ("SELECT e.id AS l, o.id AS r, e.ts AS t, o.ts AS u FROM events e {} JOIN others o ON e.k = o.k AND o.ts BETWEEN e.ts - INTERVAL 5 MINUTES "
           "AND e.ts + INTERVAL 10 MINUTES")
    check(lab, [case(f"far_{kind.lower()}", sql.format(kind), "append", both) for kind in ("INNER", "LEFT")], times, ("events", "others"), restart=None)


OVERFLOWS = {"a sum of BIGINT": ("SELECT k, sum(n) AS s FROM events GROUP BY k", '"n":9223372036854775807', "ARITHMETIC_OVERFLOW"),
             "a sum of DECIMAL": ("SELECT k, sum(m) AS s FROM events GROUP BY k", '"m":99999999999999999999999999999999.999999', "ARITHMETIC_OVERFLOW")}


def test_overflow_stops_the_query(lab):
    """ANSI: the batch fails, with Spark's condition; what was remembered before it is whole."""
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)  # PySpark tells each error once more
    for number, (what, (sql, field, condition)) in enumerate(OVERFLOWS.items()):
        folder = lab.path(f"overflow{number}")
        small = '{"k":"a","n":1,"m":1}'
        event_time.write_batches(folder, [[small]])
        query = case(f"overflow{number}", sql)
        points = {engine: lab.path(f"o{number}_{engine}") for engine in ("spark", "ours")}
        event_time.spark_batches(lab.spark, query, {"events": folder}, points["spark"])
        event_time.sluice_batches(lab, query, {"events": folder}, points["ours"])
        event_time.write_batches(folder, [[f'{{"k":"a",{field}}}'] * 9], 1)
        try:
            event_time.spark_batches(lab.spark, query, {"events": folder}, points["spark"])
            raise AssertionError(f"Spark took {what}")
        except AssertionError:
            raise
        except Exception as error:
            assert condition in str(error), f"{what}: Spark said {str(error)[:300]}"
        path = lab.path(f"overflow{number}.sql")
        with open(path, "w") as file:
            file.write(event_time.pipeline(query, {"events": folder}, points["ours"]))
        result = sluice.run("run", path, "--available-now")
        assert result.status != 0 and condition in result.err, f"{what}: {result.status} {result.err[-300:]}"
        # the file is changed to what it should have been: the batch runs again over what was there before it
        event_time.write_batches(folder, [[small] * 9], 1)
        rows = event_time.sluice_batches(lab, query, {"events": folder}, points["ours"])[1].rows
        assert [row[0] for row in rows] == ["a"] and float(rows[0][1]) == 10, rows
