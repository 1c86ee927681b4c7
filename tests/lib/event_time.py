"""The same batches of events through Spark and through sluice: files of JSON, one file a batch, so that both plan the
same batches; rows, batch ids and watermarks of every batch side by side."""
import json
import os
import re

from lib import files, sluice

SCHEMA = "id STRING, k STRING, ts TIMESTAMP, v INT, d DOUBLE"
MAX_SECONDS = 180


def write_batches(directory, batches, first=0):
    """Each list of events (or of lines of JSON) becomes a file; their times of change are a minute apart, which is the order of reading."""
    for number, events in enumerate(batches, first):
        path = os.path.join(directory, f"b{number:04}.json")
        files.write(path, "".join((event if isinstance(event, str) else json.dumps(event)) + "\n" for event in events) or "\n")
        os.utime(path, (1_700_000_000 + 60 * number, 1_700_000_000 + 60 * number))


class Case:
    """A query over streaming relations, named by their directories. sql: what both run; spark: a function of the
    session that makes the DataFrame where SQL has no words for it; ours: sluice's words for it. any_rows: which of the
    rows come is not determined, only how many. operators: names of stateful operators whose counts are compared, too. options: of sluice's sink."""

    schema, ansi = SCHEMA, True  # of the events, of both engines

    def __init__(self, name, sql=None, mode="append", watermarks=None, spark=None, ours=None, static=None, any_rows=False, operators=(), options=None):
        self.name, self.sql, self.mode = name, sql, mode
        self.any_rows, self.operators, self.options = any_rows, operators, options or {}
        self.watermarks = {"events": ("ts", "10 minutes")} if watermarks is None else watermarks
        self.spark, self.ours, self.static = spark, ours or sql, static or {}


class Batch:
    def __init__(self):
        self.rows, self.watermark, self.operators = [], None, []


def text(value):
    return "null" if value is None else str(value)


def spark_batches(session, case, directories, checkpoint):
    """{batch id: Batch} of one run with Trigger.AvailableNow."""
    session.conf.set("spark.sql.ansi.enabled", case.ansi)
    for name, directory in directories.items():
        frame = session.readStream.schema(case.schema).option("maxFilesPerTrigger", 1).json(directory)
        if name in case.watermarks:
            frame = frame.withWatermark(*case.watermarks[name])
        frame.createOrReplaceTempView(name)
    for name, (rows, schema) in case.static.items():
        session.createDataFrame(rows, schema).createOrReplaceTempView(name)
    frame = case.spark(session) if case.spark else session.sql(case.sql)
    found = {}

    def take(rows, batch_id):
        rows = rows.selectExpr(*[f"CAST(`{column}` AS STRING) AS `{column}`" for column in rows.columns])
        found.setdefault(batch_id, Batch()).rows = [tuple(text(cell) for cell in row) for row in rows.collect()]

    query = (frame.writeStream.outputMode(case.mode).foreachBatch(take).option("checkpointLocation", checkpoint)
             .trigger(availableNow=True).start())
    if not query.awaitTermination(MAX_SECONDS):
        query.stop()
        raise AssertionError(f"Spark's query {case.name} did not end within {MAX_SECONDS} s")
    for progress in query.recentProgress:
        note_progress(found, case, progress if isinstance(progress, dict) else json.loads(progress.json))
    return found


def note_progress(found, case, progress):
    batch = found.get(progress["batchId"])
    if batch and progress.get("eventTime", {}).get("watermark"):
        batch.watermark = progress["eventTime"]["watermark"]
    if batch:
        batch.operators = sorted((one["operatorName"], one["numRowsTotal"], one["numRowsUpdated"], one["numRowsRemoved"])
                           for one in progress["stateOperators"] if one["operatorName"] in case.operators)


def relation(case, name, directory):
    source = files.relation("json", directory, {"schema": case.schema, "maxFilesPerTrigger": 1}, stream=True)
    if name not in case.watermarks:
        return f"{name} AS (SELECT * FROM {source})"
    column, delay = case.watermarks[name]
    return f"{name} AS (SELECT * FROM {source} WATERMARK {column} DELAY OF INTERVAL {delay})"


def pipeline(case, directories, checkpoint):
    names = [relation(case, name, directory) for name, directory in directories.items()]
    for name, (rows, schema) in case.static.items():
        columns = ", ".join(part.split()[0] for part in schema.split(","))
        values = ", ".join("(" + ", ".join(files.quote(cell) if isinstance(cell, str) else text(cell) for cell in row) + ")" for row in rows)
        names.append(f"{name} AS (SELECT * FROM VALUES {values} AS {name}({columns}))")
    more = "".join(f", '{name}' = {files.quote(value)}" for name, value in case.options.items())
    return (f"SET spark.sql.ansi.enabled = {str(case.ansi).lower()};\nCREATE SINK shown USING console OPTIONS (numRows = 1000000, truncate = false, checkpointLocation = '{checkpoint}',"
            f" 'sluice.outputMode' = '{case.mode}'{more});\n"
            f"CREATE FLOW {case.name} AS INSERT INTO shown BY NAME WITH {', '.join(names)} {case.ours};\n")


HEADER = re.compile(r"-{43}\nBatch: (\d+)\n-{43}\n")


def parse_console(output):
    found = {}
    parts = HEADER.split(output)
    for batch_id, body in zip(parts[1::2], parts[2::2]):
        batch = found.setdefault(int(batch_id), Batch())
        lines = [line for line in body.splitlines() if line.startswith("|")]
        batch.rows = [tuple(cell.strip().replace("NULL", "null") for cell in line[1:-1].split("|")) for line in lines[1:]]
    return found


def sluice_batches(lab, case, directories, checkpoint, **options):
    path, progress = lab.path(f"{case.name}.sql"), lab.path(f"{case.name}.progress")
    with open(path, "w") as file:
        file.write(pipeline(case, directories, checkpoint))
    if os.path.exists(progress):
        os.remove(progress)
    result = sluice.run("run", path, "--available-now", "--progress", progress, **options).ok()
    found = parse_console(result.out)
    with open(progress) as file:
        for line in file:
            note_progress(found, case, json.loads(line))
    return found


def difference(case, spark, ours):
    """What differs first, as text; None if nothing does."""
    if sorted(spark) != sorted(ours):
        return f"{case.name}: batches of Spark {sorted(spark)}, ours {sorted(ours)}"
    for batch_id in sorted(spark):
        a, b = spark[batch_id], ours[batch_id]
        if a.watermark != b.watermark:
            return f"{case.name}, batch {batch_id}: watermark of Spark {a.watermark}, ours {b.watermark}"
        if a.operators != b.operators:
            return f"{case.name}, batch {batch_id}: operators of Spark {a.operators}, ours {b.operators}"
        if case.any_rows and len(a.rows) == len(b.rows):
            continue
        if sorted(a.rows) != sorted(b.rows):
            only_spark = [row for row in a.rows if row not in b.rows]
            only_ours = [row for row in b.rows if row not in a.rows]
            return (f"{case.name}, batch {batch_id}: {len(a.rows)} rows of Spark, {len(b.rows)} ours\n"
                    f"  only Spark {only_spark[:5]}\n  only ours  {only_ours[:5]}")
    return None
