"""What is wrong, where, and what to do: the important part of every message, and the exit status."""
import gzip
import os
import re

from lib import files, sluice

PIPELINE = ("CREATE STREAMING TABLE x USING {format} {by} {location} TBLPROPERTIES ({checkpoint}{properties})\n"
            "AS SELECT {columns}\nFROM {stream} read_kafka(bootstrapServers => '${{brokers}}', {source}{options}){end}")
PARTS = {"format": "parquet", "by": "", "location": "LOCATION '${lake}/t'", "checkpoint": "'sluice.checkpointLocation' = '${lake}/c'",
         "properties": "", "columns": "offset", "stream": "STREAM", "source": "subscribe => '${topic}'", "options": "", "end": ""}

# (changed parts, texts that the message has)
SQL = [
    ({"options": ", maxOffsetPerTrigger => '5'"}, ["unknown option `maxOffsetPerTrigger`", "p.sql:3:", "did you mean `maxOffsetsPerTrigger`?"]),
    ({"options": ", maxOffsetsPerTrigger => 'ten'"}, ["`maxOffsetsPerTrigger` wants a whole number", "`ten`"]),
    ({"options": ", maxOffsetsPerTrigger => '-1'"}, ["`maxOffsetsPerTrigger` wants a whole number of at least 1", "`-1`"]),
    ({"options": ", failOnDataLoss => 'maybe'"}, ["`failOnDataLoss` wants true or false, not `maybe`"]),
    ({"options": ", startingOffsets => 'first'"}, ["`startingOffsets` cannot be `first`", "earliest, latest, or offsets"]),
    ({"options": ", startingOffsets => '{\"${topic}\":{\"7\":1}}'"}, ["`startingOffsets` must name every partition", "${topic}-7 is not read"]),
    ({"options": ", endingOffsets => 'latest'"}, ["`endingOffsets` is not allowed in a streaming query"]),
    ({"options": ", `kafka.auto.offset.reset` => 'latest'"}, ["`kafka.auto.offset.reset` is not supported", "`startingOffsets`"]),
    ({"options": ", `kafka.bootstrap.severs` => 'x'"}, ["`kafka.bootstrap.severs`", "did you mean `kafka.bootstrap.servers`?"]),
    ({"source": "startingOffsets => 'earliest'"}, ["one of `subscribe`, `subscribePattern` and `assign` must be set"]),
    ({"source": "subscribe => 'a', assign => '{\"a\":[0]}'"}, ["only one of `subscribe`, `subscribePattern` and `assign`"]),
    ({"source": "subscribe => 'no-such-topic'"}, ["topic `no-such-topic` does not exist", "${brokers}"]),
    ({"source": "assign => '{\"${topic}\":[9]}'"}, ["${topic}", "9"]),
    ({"columns": "ofset"}, ["UNRESOLVED_COLUMN.WITH_SUGGESTION", "`ofset`", "p.sql:2:11", "did you mean `offset`"]),
    ({"columns": "uper(topic)"}, ["UNRESOLVED_ROUTINE", "`uper`", "did you mean `upper`?"]),
    ({"columns": "topic + true"}, ["DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE", "BOOLEAN"]),
    ({"columns": "substring(topic)"}, ["WRONG_NUM_ARGS", "substring"]),
    ({"columns": "offset,"}, ["PARSE_SYNTAX_ERROR"]),
    ({"columns": "count(*)"}, ["42KDE", "without watermark"]),
    ({"columns": "offset, NULL AS n"}, ["`n` has type VOID", "CAST(NULL AS STRING)"]),
    ({"columns": "offset, offset"}, ["COLUMN_ALREADY_EXISTS", "`offset`"]),
    ({"columns": "from_json(CAST(value AS STRING), 'a INTT')"}, ["INTT"]),
    ({"by": "PARTITIONED BY (yr)", "columns": "offset, 1 AS year"}, ["partition column `yr`"]),
    ({"by": "PARTITIONED BY (offset)"}, ["cannot use all columns for partition columns"]),
    ({"by": "PARTITIONED BY (j)", "columns": "offset, struct(1 AS a) AS j"}, ["`j`", "partition column"]),
    ({"location": ""}, ["table `x` has no directory", "LOCATION"]),
    ({"checkpoint": "'a.b' = 'c'"}, ["`x` has no checkpoint location", "sluice.checkpointLocation"]),
    ({"format": "parqet"}, ["DATA_SOURCE_NOT_FOUND", "`parqet`", "did you mean `parquet`?"]),
    ({"properties": ", 'compression' = 'lzo'"}, ["CODEC_NOT_AVAILABLE", "`lzo`", "snappy"]),
    ({"properties": ", 'compresion' = 'zstd'"}, ["`compresion`", "did you mean `compression`?"]),
    ({"source": "subscribe => '${nope}'"}, ["`nope`", "-s nope="]),
    ({"stream": ""}, ["BATCH_RELATION_FOR_STREAMING_TABLE", "FROM STREAM read_kafka"]),
    ({"end": " ORDER BY offset"}, ["0A000", "ORDER BY"]),
]


def run(lab, topic, sql, *args, brokers=None, lake="lake"):
    file = lab.write("p.sql", sql)
    return sluice.run("run", file, "-s", f"brokers={brokers or lab.broker.address}", "-s", f"topic={topic}", "-s",
                      f"lake={lab.path(lake)}", *(args or ("--available-now",)))


def test_mistakes_in_a_pipeline(lab):
    """Exit status 78, the place, and a proposal; no batch is planned."""
    topic, failures = lab.topic(1), []
    for parts, texts in SQL:
        result = run(lab, topic, PIPELINE.format(**{**PARTS, **parts}))
        texts = [text.replace("${topic}", topic).replace("${brokers}", lab.broker.address) for text in texts]
        lacking = [text for text in texts if text not in result.err]
        if result.status != 78 or lacking or len(result.err) > 2500:
            failures.append(f"{parts}: status {result.status}, lacks {lacking}: {result.err[:300]}")
    assert not failures, f"{len(failures)} of {len(SQL)}: " + " | ".join(failures[:4])


def test_mistakes_of_the_command_line(lab):
    topic, good = lab.topic(1), PIPELINE.format(**PARTS)
    for args, texts in ((["--available-nw"], ["`--available-nw`", "did you mean `--available-now`?"]),
                        (["--available-now", "--once"], ["one of --every, --available-now and --once"]),
                        (["--every", "soon"], ["`soon`", "not a duration"]),
                        (["-s", "novalue"], ["`-s novalue` is not KEY=VALUE"]),
                        (["--memory", "lots"], ["`--memory` is `lots`"]),
                        (["--max-batches", "x"], ["max-batches"])):
        run(lab, topic, good, *args).expect(2, *texts)
    for trigger in ([], ["--available-now"], ["--once"]):
        run(lab, topic, "SET pipelines.trigger.interval = soon;\n" + good, *trigger).expect(78, "the trigger interval is `soon`")
    run(lab, topic, "SET sluice.worker = 3;\n" + good).expect(78, "no setting `sluice.worker`", "did you mean `sluice.workers`?")
    sluice.run("rnu").expect(2, "no command `rnu`", "did you mean `sluice run`?")
    sluice.run("run").expect(2, "argument is missing")
    sluice.run("run", lab.path("nope.sql")).expect(1, "nope.sql", "No such file or directory")
    sluice.run("run", lab.write("empty.sql", "")).expect(78, "defines no table or flow")


def test_brokers_that_are_not_there(lab):
    """Within seconds, with the reason; both at once because each takes its ten seconds."""
    from concurrent.futures import ThreadPoolExecutor
    good = PIPELINE.format(**PARTS)
    cases = (("127.0.0.1:1", ["Connection refused", "check that the broker runs"]),
             ("no-such-host.invalid:9092", ["resolve", "check the host name"]))
    with ThreadPoolExecutor(2) as pool:
        for (brokers, texts), result in zip(cases, pool.map(lambda case: run(lab, "t", good, brokers=case[0], lake=case[0]), cases)):
            result.expect(69, f"`{brokers}`", *texts)


def test_secrets_are_not_shown(lab):
    """A password that comes in by a variable is in no message, log line, progress or checkpoint file."""
    import os
    topic = lab.topic(1)
    lab.broker.produce(topic, [(0, None, b"x")])
    canary = "canary-5ecret"
    options = (", startingOffsets => 'earliest', `kafka.sasl.jaas.config` => "
               "'org.apache.kafka.common.security.plain.PlainLoginModule required username=\"u\" password=\"${secret}\";'")
    for extra in ("", ", `kafka.security.protocol` => 'SASL_PLAINTEXT', `kafka.sasl.mechanism` => 'PLAIN'", ", maxOffsetsPerTriger => '1'"):
        result = run(lab, topic, PIPELINE.format(**{**PARTS, "options": options + extra}), "--available-now", "-v", "-s", f"secret={canary}", "--progress", lab.path("progress"))
        assert canary not in result.out + result.err, result.err
    for folder, _, files in os.walk(lab.dir):
        for name in files:
            with open(os.path.join(folder, name), "rb") as file:
                assert name == "p.sql" or canary.encode() not in file.read(), name


def test_what_people_type_for_tables(lab):
    """Paths without a format, functions that are misspelt, a version that is asked for help."""
    table = lab.path("t")
    sluice.run("sql", "-c", f"SELECT 1 FROM `{table}`").expect(78, "cannot be found", f"delta.`{table}`, parquet.`{table}`")
    os.makedirs(os.path.join(table, "_delta_log"))
    sluice.run("sql", "-c", f"SELECT 1 FROM `{table}`").expect(78, f"named with its format: delta.`{table}`")
    sluice.run("sql", "-c", "SELECT 1 FROM read_kafak(subscribe => 'x')").expect(78, "did you mean `read_kafka`?")
    assert "sluice version" in sluice.run("help", "version").ok().out


def test_files_that_cannot_be_read(lab):
    """A record in FAILFAST: its text, its place, the reason. A gzip that ends too early: how far it goes, what helps."""
    bad = lab.path("bad/a.json")
    files.write(bad, '{"a":1}\n{"a":"x"}\n')
    result = sluice.run("sql", "-c", f"SELECT a FROM json.`{bad}` WITH (schema = 'a INT', mode = 'FAILFAST')")
    result.expect(1, "FAILFAST", "field `a`: INT expected, found \"x\"", 'in: {"a":"x"}', "line 2", bad, "PERMISSIVE")
    whole = gzip.compress(b"".join(b'{"a":%d}\n' % i for i in range(200000)))
    path = lab.path("cut/b.json.gz")
    os.makedirs(os.path.dirname(path))
    with open(path, "wb") as file:
        file.write(whole[:len(whole) // 2])
    result = sluice.run("sql", "-c", f"SELECT a FROM json.`{path}` WITH (schema = 'a INT') WHERE a < 0")
    result.expect(1, "ends in the middle of its compressed data", path, "copy it again", "ignoreCorruptFiles")
    assert re.search(r"behind line \d{4,}", result.err), result.err

