"""State beyond `--memory`: the same rows and counts, batch for batch, as with memory for all of it."""
import json
import os
import random
from datetime import datetime, timedelta, timezone

from lib import files, sluice, table

ROWS, FILES = 60_000, 4
LITTLE = "16m"  # for some 20 MB of state and what else there is
SCHEMA = "id STRING, k STRING, v BIGINT, ts TIMESTAMP"
COUNTS = ["numRowsTotal", "numRowsUpdated", "numRowsRemoved", "numRowsDroppedByWatermark"]
QUERIES = {
    "dedup": ("SELECT id, k, v FROM (SELECT * FROM events DEDUPLICATE BY (id, k, v, ts))", "id"),
    "within": ("SELECT id, k, v FROM (SELECT * FROM events DEDUPLICATE BY (id) WITHIN WATERMARK)", "id"),
    "windows": ("SELECT window.start AS b, id, count(*) AS n, sum(v) AS s FROM events GROUP BY window(ts, '1 hour', '30 minutes'), id", "b, id, n, s"),
    "sessions": ("SELECT session_window.start AS b, id, count(*) AS n FROM events GROUP BY session_window(ts, '20 minutes'), id", "b, id, n"),
    "join": ("SELECT e.id, e.v, r.v AS w FROM events e LEFT JOIN replies r ON e.id = r.id AND r.ts BETWEEN e.ts AND e.ts + INTERVAL 10 MINUTES", "id, v, w"),
    "chain": ("SELECT window.start AS b, k, count(*) AS n, sum(v) AS s FROM (SELECT * FROM events DEDUPLICATE BY (id, ts)) GROUP BY window(ts, '10 minutes'), k",
              "b, k, n, s"),
}


def write_inputs(lab):
    """Every tenth event repeats an id of its file, every third has a reply."""
    rng, begin = random.Random(4), datetime(2025, 12, 15, 9, tzinfo=timezone.utc)
    for number in range(FILES):
        lines = {"in": [], "re": []}
        for i in range(ROWS):
            at = begin + timedelta(minutes=12 * number, seconds=600 * i // ROWS)
            event = {"id": f"{number * ROWS + (i if i % 10 else rng.randrange(ROWS)):032x}", "k": f"k{i % 50}", "v": rng.randrange(1000),
                     "ts": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
            lines["in"].append(json.dumps(event))
            if i % 3 == 0:
                lines["re"].append(json.dumps(event))
        for folder, texts in lines.items():
            path = files.write(lab.path("input", folder, f"{number}.json"), "\n".join(texts) + "\n")
            os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))


def run(lab, name, part, *starts):
    """Rows of the table, progress by batch, and the log of all starts."""
    select, columns = QUERIES[name]
    relations = ", ".join(
        f"{relation} AS (SELECT * FROM {files.relation('json', lab.path('input', folder), {'schema': SCHEMA, 'maxFilesPerTrigger': 1}, stream=True)} "
        "WATERMARK ts DELAY OF INTERVAL 2 MINUTES)" for relation, folder in (("events", "in"), ("replies", "re")))
    place, progress, log = lab.path(f"{name}-{part}"), lab.path(f"{name}-{part}.progress"), ""
    sql = lab.write(f"{name}-{part}.sql", f"""CREATE STREAMING TABLE t USING parquet LOCATION '{place}/t'
        TBLPROPERTIES ('sluice.checkpointLocation' = '{place}/c') AS WITH {relations} {select};""")
    for options in starts:
        log += sluice.run("run", sql, "--available-now", "--progress", progress, *options).ok().err
    with open(progress) as lines:
        batches = {one["batchId"]: one["stateOperators"] for one in map(json.loads, lines)}
    rows = table.rows_of(f"{place}/t", table.files_by_log(f"{place}/t"), [column.strip() for column in columns.split(",")])
    return sorted(rows, key=repr), batches, log


def counts(batches):
    return {number: [[one[field] for field in COUNTS] for one in operators] for number, operators in batches.items()}


def test_state_beyond_memory(lab):
    write_inputs(lab)
    for name in QUERIES:
        rows, batches, log = run(lab, name, "memory", ["--memory", "2g"])
        assert len(rows) > 100 and "on disk" not in log, name
        few, spilled, told = run(lab, name, "disk", ["--memory", LITTLE, "--max-batches", "2"], ["--memory", LITTLE])
        assert few == rows, f"{name}: {len(few)} rows with little memory, {len(rows)} with much"
        assert counts(spilled) == counts(batches), f"{name}: {counts(spilled)} instead of {counts(batches)}"
        assert told.count("does not fit into --memory (16 MB)") == 2, f"{name}: told once by each start: {told[-2000:]}"
        metrics = [one["customMetrics"] for operators in spilled.values() for one in operators]
        assert sum(one["rowsSpilled"] for one in metrics) > 1000 and max(one["shardsOnDisk"] for one in metrics) > 0, (name, metrics)


def test_a_query_moves_between_much_and_little_memory(lab):
    write_inputs(lab)
    rows, _, _ = run(lab, "within", "memory", ["--memory", "2g"])
    mixed, _, _ = run(lab, "within", "mixed", ["--max-batches", "1"], ["--memory", LITTLE, "--max-batches", "2"], ["--memory", "2g"])
    assert mixed == rows


def test_queries_that_share_little_memory(lab):
    """None of three queries that remember may keep what the next one needs, although each alone holds its share."""
    write_inputs(lab)
    have = {}
    for memory in ("2g", "32m"):
        texts, place = [], lab.path(f"three-{memory}")
        for name in ("dedup", "within", "windows"):
            events = files.relation("json", lab.path("input", "in"), {"schema": SCHEMA, "maxFilesPerTrigger": 1}, stream=True)
            texts.append(f"""CREATE STREAMING TABLE {name} USING parquet LOCATION '{place}/{name}' TBLPROPERTIES ('sluice.checkpointLocation' = '{place}/c/{name}')
                AS WITH events AS (SELECT * FROM {events} WATERMARK ts DELAY OF INTERVAL 30 MINUTES) {QUERIES[name][0]};""")
        sql = lab.write(f"three-{memory}.sql", "\n".join(texts))
        log = "".join(sluice.run("run", sql, "--available-now", "--memory", memory, *more).ok().err for more in (["--max-batches", "2"], []))
        assert ("on disk" in log) == (memory == "32m"), log[-2000:]
        have[memory] = {name: sorted(table.rows_of(f"{place}/{name}", table.files_by_log(f"{place}/{name}"), QUERIES[name][1].split(", ")), key=repr)
                        for name in ("dedup", "within", "windows")}
    assert have["32m"] == have["2g"]
    assert len(have["2g"]["dedup"]) > 100
