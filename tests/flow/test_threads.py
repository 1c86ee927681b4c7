"""Several tasks at one operator that remembers: the rows of four workers are those of one. Files only, so that the same test
runs in a build with ThreadSanitizer (tools/test), which ends a run with a data race by another status."""
import json
import os
import random

from lib import files, sluice, table

BATCHES, FILES, ROWS, KEYS = 3, 8, 250, 60
SCHEMA = "id STRING, k INT, ts TIMESTAMP, v INT"
WINDOW = "window(ts, '5 minutes')"
SELECTS = {
    "dedup": "SELECT id, k, 0L AS n FROM events DEDUPLICATE BY (id)",
    "dedup_within": "SELECT id, k, 0L AS n FROM events DEDUPLICATE BY (id) WITHIN WATERMARK",
    "aggregate": f"SELECT CAST(window.start AS STRING) AS id, k, count(*) + 1000 * sum(v) AS n FROM events GROUP BY {WINDOW}, k",
    "sliding": "SELECT CAST(window.start AS STRING) AS id, k, sum(v) AS n FROM events GROUP BY window(ts, '10 minutes', '5 minutes'), k",
    "sets": f"SELECT concat_ws(',', sort_array(collect_set(v))) AS id, k, approx_count_distinct(id) AS n FROM events GROUP BY {WINDOW}, k",
    "sessions": "SELECT CAST(session_window.end AS STRING) AS id, k, count(*) + 1000 * sum(v) AS n FROM events GROUP BY session_window(ts, '20 seconds'), k",
    "join": """SELECT e.id, e.k, CAST(r.v AS BIGINT) AS n FROM events AS e JOIN replies AS r ON e.id = r.id
               AND r.ts BETWEEN e.ts - INTERVAL 3 MINUTES AND e.ts + INTERVAL 3 MINUTES""",
    "outer": """SELECT e.id, e.k, CAST(r.v AS BIGINT) AS n FROM events AS e LEFT JOIN replies AS r ON e.id = r.id
                AND r.ts BETWEEN e.ts AND e.ts + INTERVAL 3 MINUTES""",
    "static": "SELECT e.id, e.k, n.n FROM events e JOIN (SELECT * FROM VALUES (1, 10L), (2, 20L) AS n(k, n)) n ON e.k = n.k",
    "chain": f"""SELECT CAST(window.start AS STRING) AS id, k, sum(n) AS n FROM (SELECT window AS w, k, count(*) AS n FROM
                 (SELECT * FROM events DEDUPLICATE BY (id, ts, k)) GROUP BY window(ts, '1 minute'), k) GROUP BY window(w, '5 minutes'), k""",
}


def write_events(folder, seed):
    rng = random.Random(seed)
    for number in range(BATCHES * FILES):
        lines = []
        for _ in range(ROWS):
            minute = 10 * (number // FILES) + rng.randrange(-4, 10)
            lines.append(json.dumps({"id": f"i{rng.randrange(BATCHES * FILES * ROWS // 2)}", "k": rng.randrange(KEYS), "v": rng.randrange(100),
                                     "ts": f"2025-12-15T09:{minute + 10:02}:{rng.randrange(60):02}Z"}))
        path = files.write(os.path.join(folder, f"{number:03}.json"), "\n".join(lines) + "\n")
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))


def rows_of(lab, kind, workers):
    home = lab.path(f"{kind}-{workers}")
    relations = ", ".join(
        f"{name} AS (SELECT * FROM {files.relation('json', lab.path(name), {'schema': SCHEMA, 'maxFilesPerTrigger': FILES}, stream=True)} "
        "WATERMARK ts DELAY OF INTERVAL 5 MINUTES)" for name in (("events", "replies") if "replies" in SELECTS[kind] else ("events",)))
    sql = files.write(os.path.join(home, "p.sql"), f"CREATE STREAMING TABLE t USING parquet LOCATION '{home}/t' "
                      f"TBLPROPERTIES ('sluice.checkpointLocation' = '{home}/c') AS WITH {relations} {SELECTS[kind]};\n")
    for more in (["--max-batches", "2"], []):  # a restart loads the shards side by side
        sluice.run("run", sql, "--available-now", "--workers", workers, *more).ok()
    # which k a deduplicated id has is that of whichever row came first
    columns = ["id", "n"] if kind.startswith("dedup") else ["id", "k", "n"]
    return sorted(table.rows_of(f"{home}/t", table.files_by_log(f"{home}/t"), columns), key=repr)


def test_four_workers_as_one(lab):
    for name, seed in (("events", 1), ("replies", 2)):
        write_events(lab.path(name), seed)
    wrong = []
    for kind in SELECTS:
        one, four = rows_of(lab, kind, 1), rows_of(lab, kind, 4)
        assert len(one) > 20, f"{kind}: {len(one)} rows show nothing"
        if kind == "dedup_within":  # when a key goes depends on which of its rows was the first
            one, four = sorted({row[0] for row in one}), sorted({row[0] for row in four})
        if one != four:
            wrong.append(f"{kind}: {[row for row in four if row not in one][:3]} instead of {[row for row in one if row not in four][:3]}")
    assert not wrong, "; ".join(wrong)
