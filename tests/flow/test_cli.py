"""The command line as its user meets it: messages, suggestions, exit statuses, streams and signals."""
import csv
import fcntl
import io
import json
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import termios
import time

from lib import process, sluice
from lib.sluice import run

ORDERS = os.path.join(sluice.ROOT, "examples/orders.sql")
PIPE_CLOSED = 128 + signal.SIGPIPE


def check(cases):
    """(arguments, exit status, parts of the message)"""
    for args, status, *texts in cases:
        try:
            run(*args).expect(status, *texts)
        except AssertionError as wrong:
            raise AssertionError(f"sluice {' '.join(map(str, args))}: {wrong}") from None


# ---- help ----

def test_every_command_has_help(lab):
    listing = run("help").ok().out
    names = [line.split()[0] for line in listing.split("commands:")[1].split("examples:")[0].splitlines() if line.strip()]
    assert len(names) >= 9, names
    for name in names:
        text = run("help", name).ok().out
        if name not in ("help", "version"):
            assert text == run(name, "--help").ok().out == run(name, "-h").ok().out
            assert f"usage: sluice {name}" in text and "examples:" in text and "common options:" in text, text
            assert max(map(len, text.splitlines())) <= 132, "a line of the help is too long"


def test_no_command(lab):
    result = run()
    assert result.status == 2 and "usage: sluice COMMAND" in result.out + result.err


def test_version_names_libraries(lab):
    text = run("version").ok().out
    assert text == run("--version").ok().out == run("-V").ok().out
    for name in ("sluice ", "librdkafka ", "zstd ", "lz4 ", "zlib ", "pcre2 ", "openssl "):
        assert any(line.startswith(name) and line[len(name)].isdigit() for line in text.splitlines()), text


# ---- wrong words ----

def test_misspelt_words_get_a_suggestion(lab):
    check([
        (["rnu"], 2, "there is no command `rnu`", "did you mean `sluice run`?"),
        (["vers"], 2, "did you mean `sluice version`?"),
        (["help", "gne"], 2, "did you mean `sluice help gen`?"),
        (["pipeline.sql"], 2, "did you mean `sluice run pipeline.sql`?"),
        (["--available-now", "x.sql"], 2, "stands where the command should be"),
        (["run", "--availble-now", "x.sql"], 2, "unknown option `--availble-now`", "did you mean `--available-now`?",
         "usage: sluice run FILE"),
        (["run", "-available-now", "x.sql"], 2, "did you mean `--available-now`?"),
        (["topic", "list"], 2, "did you mean `sluice topic ls`?"),
        (["topic", "delete", "t"], 2, "did you mean `sluice topic rm`?"),
        (["gen", "oders"], 2, "it has `orders`"),
        (["functions", "uper"], 2, "there is no function `uper`", "did you mean `upper`?"),
        (["sql", "-c", "SELEC 1"], 78, "did you mean `SELECT`?"),
        (["sql", "-c", "SELECT * FORM x"], 78, "--> -c:1:10", "did you mean `FROM`?"),
        (["sql", "-c", "SELECT upperr('a')"], 78, "[UNRESOLVED_ROUTINE]", "did you mean `upper`?"),
        (["sql", "-c", "SELECT amont FROM (SELECT 1 AS amount)"], 78, "(42703)", "did you mean `amount` (INT)?"),
    ])


def test_missing_and_superfluous_arguments(lab):
    check([
        (["run"], 2, "an argument is missing", "usage: sluice run FILE"),
        (["run", "a.sql", "b.sql"], 2, "unexpected argument `b.sql`"),
        (["run", "a.sql", "--every", "--once"], 2, "`--every` needs a value: DURATION"),
        (["run", "a.sql", "--once", "--available-now"], 2, "one of --every, --available-now and --once"),
        (["run", "a.sql", "-s", "brokers"], 2, "`-s brokers` is not KEY=VALUE"),
        (["explain"], 2, "an argument is missing"),
        (["validate"], 2, "an argument is missing"),
        (["sql", "-c", "SELECT 1", "x.sql"], 2, "the SQL is given twice"),
        (["sql", "-c", "SELECT 1", "-c", "SELECT 2"], 2, "the SQL is given twice"),
        (["sql", "SELECT 1"], 1, "could not open `SELECT 1`", "sluice sql -c '..'"),
        (["gen", "orders", "--topic", "", "-n", "1"], 2, "`--topic` is empty"),
        (["sql", "-c", "SELECT 1", "--json", "--csv"], 2, "one of --format, --json and --csv"),
        (["topic", "ls", "x"], 2, "unexpected argument `x`"),
        (["topic", "create"], 2, "an argument is missing"),
        (["checkpoint", "show"], 2, "an argument is missing"),
        (["run", os.path.join(lab.dir, "none.sql")], 1, "none.sql`: No such file or directory"),
        (["run", lab.dir], 1, "Is a directory"),
    ])


def test_wrong_values(lab):
    at = ["run", ORDERS, "-s", "brokers=x", "-s", f"lake={lab.dir}"]
    check([
        ([*at, "--memory", "tiny"], 2, "`--memory` is `tiny`", "such as 256m"),
        ([*at, "--workers", "abc"], 2, "`--workers` is `abc`"),
        ([*at, "--color", "purple"], 2, "auto, always or never"),
        ([*at, "--log-format", "xml"], 2, "auto, text or json"),
        ([*at, "--durability", "none"], 2, "power or process"),
        ([*at, "--every", "banana"], 2, "not a duration such as 30s"),
        ([*at, "--max-batches", "0"], 2, "at least 1"),
        (["gen", "orders", "--stdout", "--mode", "slow"], 2, "continuous, count, burst or fast"),
        (["gen", "orders", "--stdout", "--shape", "orders8"], 2, "orders9, paid, simple, orders11 or payments"),
        (["gen", "nexmark", "--stdout", "--dup", "1%"], 2, "`--dup` is for `gen orders` only"),
        (["gen", "orders", "--stdout", "--bad", "200%"], 2, "a share such as 5% or 0.05"),
        (["gen", "orders", "--stdout", "--rate", "quick"], 2, "records a second, or max"),
        (["gen", "orders", "--stdout", "--count", "-1"], 2, "must not be negative"),
        (["sql", "-c", "SELECT 1", "--format", "xml"], 2, "table, csv or json"),
        (["sql", "-c", "SELECT 1", "--rows", "-1"], 2, "must not be negative"),
        (["checkpoint", "show", lab.dir], 78, "is not a checkpoint"),
        (["checkpoint", "show", ORDERS], 78, "is a file"),
        (["checkpoint", "verify", lab.path("none")], 78, "there is no checkpoint directory"),
    ])


def test_help_names_every_option(lab):
    """What a pipeline can set is on one page: from the tables that the engine reads, so none is missing."""
    text = run("help", "options").ok().out
    for name in ("subscribePattern", "startingOffsets = latest", "maxOffsetsPerTrigger", "sluice.checkpointLocation",
                 "compression = snappy", "spark.sql.session.timeZone = UTC", "pipelines.trigger.interval"):
        assert f"\n  {name}" in text, name
    assert "help options" in run("help").ok().out
    run("help", "option").expect(2, "did you mean `sluice help options`?")


def test_functions_by_part_of_the_name(lab):
    names = [line.split("(")[0] for line in run("functions", "timestamp_m").ok().out.splitlines()]
    assert {"timestamp_millis", "timestamp_micros"} <= set(names) and all("timestamp_m" in name for name in names), names
    assert "> SELECT" in run("functions", "timestamp_millis").ok().out


def test_text_without_a_query(lab):
    with open(lab.path("empty.sql"), "w") as out:
        out.write("-- nothing\n")
    for command in ("sql", "explain", "validate"):
        run(command, lab.path("empty.sql")).expect(0, "empty.sql holds no query")
    assert not run("sql", lab.path("empty.sql"), "-q").ok().err


def test_text_in_other_encodings(lab):
    """A byte order mark and CRLF are fine; UTF-16 is named instead of shown as rubbish."""
    text = "SELECT 1 AS a;\r\nSELECT 2\r\nFROM x"
    for name, encoding in (("bom.sql", "utf-8-sig"), ("u16.sql", "utf-16")):
        with open(lab.path(name), "w", encoding=encoding, newline="") as out:
            out.write(text)
    result = run("sql", lab.path("bom.sql")).expect(78, "bom.sql:3:6")
    assert "|1  |" in result.out and "\r" not in result.err, result
    run("sql", lab.path("u16.sql")).expect(78, "u16.sql` is UTF-16", "save it as UTF-8")


def test_message_does_not_steer_the_terminal(lab):
    result = run("sql", "-c", "SELECT * FROM parquet.`/none\033[31m\xa0\x9b`")
    assert result.status == 78 and "/none?[31m" in result.err and "\033" not in result.err, result.err


# ---- variables ----

def test_variable_without_a_value(lab):
    """`-s lake=$LAKE` with LAKE unset must not write to the root directory."""
    run("validate", ORDERS, "-s", "brokers=x", "-s", "lake=").expect(2, "`-s lake=` gives the variable no value")
    run("sql", "-c", "SET lake=; SELECT '[${lake}]' AS x").expect(0)
    run("sql", "-c", "SELECT 1", "-s", "spark.some.key=").ok()


def test_variable_that_ends_its_literal(lab):
    result = run("validate", ORDERS, "-s", "brokers=x", "-s", "lake=it's")
    result.expect(78, "orders.sql:11:11", "a quote in it ends the literal")
    assert "a quote in it" not in run("sql", "-c", "SELEC 1").err


def test_misspelt_setting_is_named(lab):
    result = run("validate", ORDERS, "-s", "brokers=x", "-s", "lake=y", "-s", "sluice.worker=3").ok()
    assert "did you mean `sluice.workers`?" in result.err, result.err


def test_unused_variable_is_named(lab):
    result = run("validate", ORDERS, "-s", "broker=x", "-s", "lake=y")
    result.expect(78, "warning: `-s broker` has no effect", "did you mean `brokers`?",
                  "error[UNRESOLVED_VARIABLE]", "no setting `brokers`", "orders.sql:")
    run("validate", ORDERS, "-s", "brokers=x", "-s", "lake=y", "-s", "spark.sql.ansi.enabled=true").ok()
    assert "warning" not in run("validate", ORDERS, "-s", "brokers=x", "-s", "lake=y").ok().err


def test_statements_that_run_does_not_run_are_named(lab):
    """One warning, with the line of the first in the file as it is."""
    topic = lab.topic(1)
    table = f"""SET a = b;
CREATE STREAMING TABLE t USING noop AS SELECT value
FROM STREAM read_kafka(bootstrapServers => '{lab.broker.address}', subscribe => '${{topic}}', startingOffsets => 'earliest');
"""
    args = ("-s", f"topic={topic}", "--available-now")
    result = run("run", lab.write("more.sql", table + "\nOPTIMIZE delta.`/t`;\nSELECT 1;\nDESCRIBE delta.`/t`;"), *args).ok()
    warned = [line for line in result.err.splitlines() if line.startswith("warning")]
    assert len(warned) == 1 and "line 5 of " in warned[0] and "OPTIMIZE is not run, nor are 2 more" in warned[0], warned
    assert "`sluice sql -f " in warned[0] and "more.sql`" in warned[0], warned
    result = run("run", lab.write("one.sql", "SELECT 1;\n" + table), *args).ok()
    assert "line 1 of " in result.err and "SELECT is not run;" in result.err, result.err
    assert "warning" not in run("run", lab.write("none.sql", table), *args).ok().err


def test_explain_needs_no_variables(lab):
    result = run("explain", ORDERS).expect(0, "note: ${brokers} is not set", "note: ${lake} is not set")
    assert "== Streaming query orders ==" in result.out and "StreamingRelation" in result.out
    assert "Write parquet <lake>/orders, partitioned by year, month, day; checkpoint <lake>/_checkpoints/orders" in result.out


# ---- formats ----

ROW = "SELECT 1 AS a, 'x,\"y' AS b, NULL AS c, array(1, 2) AS d, named_struct('x', 1, 'y', 'q') AS e, " \
      "map('k', true) AS f, double('NaN') AS g, 1.50 AS h"


def test_table_prints_nested_values_as_spark_does(lab):
    """Spark 4.1's show(): ToPrettyString, in nested values too."""
    result = run("sql", "-c", "SELECT struct(NULL AS a) AS s, array(1, NULL) AS a, array(X'6162') AS b, map('k', NULL) AS m").ok()
    assert "|{NULL}|[1, NULL]|[[61 62]]|{k -> NULL}|" in result.out, result.out


def test_json_is_json(lab):
    for flags in (["--json"], ["--format", "json"]):
        row = json.loads(run("sql", "-c", ROW, *flags).ok().out)
        assert row == {"a": 1, "b": 'x,"y', "c": None, "d": [1, 2], "e": {"x": 1, "y": "q"}, "f": {"k": True}, "g": "NaN",
                       "h": 1.5}, row


def test_csv_is_csv(lab):
    rows = list(csv.reader(io.StringIO(run("sql", "-c", ROW, "--csv").ok().out)))
    assert rows[0] == list("abcdefgh") and rows[1][:3] == ["1", 'x,"y', ""], rows


def shell(command, **env):
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60,
                          env={**sluice.environment(), "SLUICE": sluice.binary(), **env})


def test_standard_input(lab):
    for args in ("sql", "sql -", "explain -", "validate -"):
        done = shell(f"echo 'SELECT 40 + 2 AS answer' | $SLUICE {args}")
        assert done.returncode == 0 and ("answer" in done.stdout or "validate" in args), done


# ---- where the output goes ----

def printing(lab):
    return ["help", "help run", "version", "functions", "functions --markdown", "sql -c 'SELECT 1'",
            "sql --csv -c 'SELECT 1'", "sql --json -c 'SELECT 1'", f"explain {ORDERS} -q", "gen orders --stdout -n 20000 -q",
            "demo --print-sql", f"demo -n 100 --lake {lab.path('NUMBER')}"]


def test_full_device_is_an_error(lab):
    for number, command in enumerate(printing(lab)):
        done = shell(f"$SLUICE {command.replace('NUMBER', f'full{number}')} > /dev/full")
        assert done.returncode == 1, (command, done)
        assert "could not write to standard output: No space left on device" in done.stderr, (command, done)


def test_reader_that_goes_away(lab):
    """`sluice .. | head`: no message, no crash; the status is the one of a program that SIGPIPE ended."""
    for number, command in enumerate(printing(lab)):
        done = shell(f"$SLUICE {command.replace('NUMBER', f'pipe{number}')} | sleep 0; exit ${{PIPESTATUS[0]}}")
        # the reader may live just long enough for a short text
        assert done.returncode in (0, PIPE_CLOSED) and not done.stderr, (command, done)
    done = shell("$SLUICE gen orders --stdout -n 200000 -q | head -1; exit ${PIPESTATUS[0]}")
    assert done.returncode == PIPE_CLOSED and not done.stderr, done


def on_terminal(command, seconds=20, columns=0, **env):
    """What the command writes to a terminal."""
    child, fd = pty.fork()
    if child == 0:
        if columns:
            fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execvpe(command[0], command, {"PATH": os.environ["PATH"], "TERM": "xterm", **env})
    text, end = b"", time.monotonic() + seconds
    while time.monotonic() < end and select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
        try:
            chunk = os.read(fd, 65536)
        except OSError:
            break
        if not chunk:
            break
        text += chunk
    os.close(fd)
    os.waitpid(child, 0)
    return text.decode(errors="replace")


def test_colours_only_where_wanted(lab):
    command = [sluice.binary(), "sql", "-c", "SELEC 1"]
    assert "\033[" in on_terminal(command)
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\033[" not in on_terminal(command, **env), env
    assert "\033[" in on_terminal(command, NO_COLOR="")
    assert "\033[" not in on_terminal([*command, "--color", "never"])
    assert "\033[" in run("sql", "-c", "SELEC 1", "--color", "always").err
    assert "\033[" not in run("sql", "-c", "SELEC 1").err


def test_progress_and_logs(lab):
    topic = lab.topic(2)
    lab.generate(topic, 300)
    lake = lab.lake(topic)
    result = sluice.run(*[arg for arg in lake.args("--progress", "-") if arg not in ("--log-format", "text")]).ok()
    batches = [json.loads(line) for line in result.out.splitlines()]
    assert sum(batch["numInputRows"] for batch in batches) == 300 and batches[0]["sources"], batches
    lines = [json.loads(line) for line in result.err.splitlines()]
    assert lines and all({"ts", "level", "category", "msg"} <= line.keys() for line in lines), result.err
    again = lake.run().ok()
    assert "no new records" in again.err, again.err
    assert not lake.run("--quiet").ok().err
    table = lake.run("--profile").ok().err
    assert "ns/row" in table, table


def test_status_line_on_a_terminal(lab):
    topic = lab.topic(1)
    lab.generate(topic, 100)
    plain = [arg for arg in lab.lake(topic).args() if arg not in ("--log-format", "text")]
    text = on_terminal([sluice.binary(), *plain])
    assert "\033[K" in text and "rows 100" in text, text
    plain = [arg for arg in lab.lake(topic, name="dumb").args() if arg not in ("--log-format", "text")]
    text = on_terminal([sluice.binary(), *plain], TERM="dumb")
    assert "\033" not in text and "rows 100" in text, text


def test_status_line_fits_the_terminal(lab):
    """A line that wraps cannot be written over."""
    topic = lab.topic(1)
    lab.generate(topic, 100)
    plain = [arg for arg in lab.lake(topic).args() if arg not in ("--log-format", "text")]
    lines = on_terminal([sluice.binary(), *plain], columns=30).split("\033[K")[1:]
    assert lines and all(len(line.strip()) <= 29 for line in lines), lines


def test_closed_standard_output(lab):
    """With descriptor 1 free, the lock or a table's file would get it, and the progress JSON with it."""
    topic = lab.topic(1)
    lab.generate(topic, 50)
    lake = lab.lake(topic)
    done = shell(f"$SLUICE {shlex.join(map(str, lake.args('--progress', '-')))} >&-")
    assert done.returncode == 0 and "could not write the progress: Bad file descriptor" in done.stderr, done
    assert len(lake.rows("o")) == 50
    spoiled = subprocess.run(["grep", "-rl", "numInputRows", lab.dir], capture_output=True, text=True).stdout
    assert not spoiled, spoiled
    done = shell("$SLUICE sql -c 'SELECT 1' >&-")
    assert done.returncode == 1 and "could not write to standard output" in done.stderr, done


def test_progress_reader_that_goes_away(lab):
    """The pipeline outlives whoever looked at it."""
    topic = lab.topic(1)
    lab.generate(topic, 50)
    lake = lab.lake(topic)
    args = " ".join(f"'{arg}'" for arg in lake.args("--progress", "-"))
    done = shell(f"$SLUICE {args} > /dev/full")
    assert done.returncode == 0 and "could not write the progress: No space left on device" in done.stderr, done
    assert len(lake.rows("o")) == 50


# ---- signals ----

def test_interrupt_at_every_stage(lab):
    topic = lab.topic(2)
    lab.generate(topic, 100)
    idle = lab.lake(topic, name="idle")
    cases = [
        (idle.args(trigger=None), 0),
        (lab.lake(topic, name="every").args("--every", "30s", trigger=None), 0),
        (["gen", "orders", "-b", lab.broker.address, "-t", topic], 0),
        (["gen", "orders", "--stdout"], 0),
        (["gen", "orders", "-b", "127.0.0.1:1"], 130),
        (["topic", "consume", topic, "-b", "127.0.0.1:1"], 130),
        (["demo", "-n", "30000000", "--lake", lab.path("demo-NUMBER")], 130),
    ]
    for args, status in cases:
        for number in (signal.SIGINT, signal.SIGTERM):
            running = sluice.Running([str(arg).replace("NUMBER", str(int(number))) for arg in args])
            lab.running.append(running)
            time.sleep(1)
            assert running.is_running(), (args, running.wait().err)
            running.signal(number)
            began = time.monotonic()
            result = running.wait()
            assert result.status == status, (args, result.status, result.err)
            assert time.monotonic() - began < 5, f"{args} took {time.monotonic() - began:.1f} s to stop"
            assert status == 0 or result.err == "stopped\n", (args, result.err)
    assert len(idle.rows("o")) >= 100
    idle.check_settled()


def test_interrupted_generator_tells_what_it_sent(lab):
    """And what it tells of is in the topic, and in the ledger."""
    for rate in ("300", "max"):
        topic, ledger = lab.topic(1), lab.path(f"ledger-{rate}")
        running = sluice.Running(["gen", "orders", "-b", lab.broker.address, "-t", topic, "--rate", rate, "--ledger", ledger])
        lab.running.append(running)
        process.wait_for(lambda: sum(end for _, end in lab.broker.ends(topic).values()) > 100, "records")
        running.signal(signal.SIGINT)
        told = re.match(r"sent (\d+) records \(", running.wait().ok().err)
        count = sum(end for _, end in lab.broker.ends(topic).values())
        with open(ledger) as lines:
            assert told and int(told[1]) == count == sum(1 for _ in lines), (running.err, count)


# ---- topics ----

def test_topics(lab):
    brokers = ("-b", lab.broker.address)
    name = f"named{os.getpid()}"
    run("topic", "create", name, "-p", 3, *brokers).expect(0, f"created topic {name} with 3 partitions")
    run("topic", "create", name, *brokers).expect(78, "already exists")
    one = lab.topic(1)
    listed = run("topic", "ls", *brokers).ok().out.splitlines()
    assert f"{name}\t3 partitions" in listed and f"{one}\t1 partition" in listed, listed
    done = shell(f"printf 'k\\tone\\nk\\ttwo\\nk\\tthree\\n' | $SLUICE topic produce {name} --keyed -b {lab.broker.address}")
    assert done.returncode == 0 and "sent 3 records" in done.stderr, done
    values = "one\ntwo\nthree\n"
    assert run("topic", "consume", name, *brokers).ok().out == values
    assert run("topic", "consume", name, "-o", -1, *brokers).ok().out == "three\n"
    assert run("topic", "consume", name, "-o", -100, *brokers).ok().out == values
    assert run("topic", "consume", name, "-o", 1, *brokers).ok().out == "two\nthree\n"
    assert run("topic", "consume", name, "-o", 99, *brokers).ok().out == ""
    assert run("topic", "consume", name, "-n", 2, *brokers).ok().out == "one\ntwo\n"
    assert run("topic", "consume", name, "-X", "security.protocol=PLAINTEXT", *brokers).ok().out == values
    run("topic", "consume", name, "-X", "security.protocol=SSL", "--count", 1, *brokers).expect(69)
    check([(["topic", verb, name[:-1] + "x", *brokers], 78, f"there is no topic `{name[:-1]}x`", f"did you mean `{name}`?")
           for verb in ("describe", "rm", "consume", "produce")])
    check([(["topic", "consume", name, "-o", "latest", *brokers], 2, "earliest, an offset, or -N"),
           (["gen", "orders", "-n", 1, "-X", "securty.protocol=SSL", *brokers], 78, "id you mean `kafka.security.protocol`?")])
    assert run("topic", "describe", name, *brokers).ok().out.count("\n") == 4
    run("topic", "rm", name, *brokers).expect(0, f"removed topic {name}")


def test_unreachable_broker_is_named(lab):
    port = process.free_port()
    address = f"127.0.0.1:{port}"
    commands = [["topic", "ls", "-b", address], ["topic", "consume", "x", "-b", address], ["gen", "orders", "-n", "1", "-b", address],
                ["run", ORDERS, "-s", f"brokers={address}", "-s", f"lake={lab.path('lake')}", "--available-now"]]
    running = [sluice.Running(command) for command in commands]
    for one in running:
        one.wait(30).expect(69, f"`{address}`", "Connection refused")


# ---- places ----

def test_location_that_cannot_be(lab):
    topic = lab.topic(1)
    lab.generate(topic, 10)
    with open(lab.path("file"), "w") as out:
        out.write("x")
    for place, reason in ((lab.path("file"), "file"), ("/proc/none", "No such file")):
        result = run("run", os.path.join(sluice.ROOT, "tests/flow/raw.sql"), "--available-now", "-s",
                     f"brokers={lab.broker.address}", "-s", f"topic={topic}", "-s", f"lake={place}", "-s", "limit=100", "-s",
                     "start=earliest", "-s", "loss=true", "-s", "retain=100")
        result.expect(1, place, reason)


def test_second_process_is_told(lab):
    topic = lab.topic(1)
    lake = lab.lake(topic)
    first = lake.start()
    process.wait_for(lambda: os.path.exists(lake.file(".sluice.lock")), "the lock")
    lake.run().expect(75, ".sluice.lock` is held by another process", str(first.child.pid))
    first.signal(signal.SIGTERM)
    first.wait().ok()


# ---- demo ----

def test_demo_works_anywhere(lab):
    began = time.monotonic()
    done = subprocess.run([sluice.binary(), "demo", "--lake", "lake"], cwd=lab.dir, capture_output=True, text=True, timeout=60,
                          env=sluice.environment())
    assert done.returncode == 0, done
    assert time.monotonic() - began < 10, "the demo is too slow"
    for text in ("rows in      10000", "broken JSON", "amount below 0", "a NULL where", "duplicates are in the table",
                 "year=", "|order_id", "Time:", "by hand", "Try next"):
        assert text in done.stdout, f"`{text}` is not in the demo"
    numbers = {line.split()[0]: int(line.split()[1]) for line in done.stdout.splitlines()
               if line.startswith("     ") and len(line.split()) > 1 and line.split()[1].isdigit()}
    rejected = int(done.stdout.split("rejected")[1].split()[0])
    assert rejected == numbers["bad"] + numbers["negative"] + numbers["null"], numbers
    run("demo", "--lake", lab.path("lake")).expect(2, "holds the lake of an earlier run")
    count = run("sql", "--json", "-c", f"SELECT order_id FROM parquet.`{lab.path('lake/orders')}`").ok().out.count("\n")
    assert count == 10000 - rejected
    with open(ORDERS) as sql:
        assert run("demo", "--print-sql").ok().out == sql.read()
    run("demo", lab.path("none.sql")).expect(1, "none.sql`: No such file")


def test_demo_of_a_pipeline_of_ones_own(lab):
    """Its tables are shown whatever their names, and what has no rows yet is no error; what it says to type can be typed."""
    pipeline, place = lab.path("own.sql"), lab.path("own-place")
    os.makedirs(place)
    with open(pipeline, "w") as file:
        file.write("".join(
            f"CREATE STREAMING TABLE {name} USING {kind} LOCATION '${{lake}}/{name}' TBLPROPERTIES ('sluice.checkpointLocation' = "
            f"'${{lake}}/_checkpoints/{name}') AS SELECT CAST(key AS STRING) AS k, partition FROM STREAM read_kafka(bootstrapServers => "
            f"'${{brokers}}', subscribe => 'orders', startingOffsets => 'earliest') WHERE {keep};\n"
            for name, kind, keep in (("all_of_them", "delta", "true"), ("none_of_them", "parquet", "partition < 0"))))
    done = shell(f"$SLUICE demo -n 20 {pipeline}", TMPDIR=place)
    assert done.returncode == 0 and not done.stderr, done
    assert "/all_of_them" in done.stdout and "|ORD-" not in done.stdout and "rejected" not in done.stdout, done.stdout
    lines = done.stdout[done.stdout.index("Try next"):].splitlines()[1:]
    assert len(lines) >= 5 and lines[-1].startswith("  rm -r "), lines
    for line in lines:
        typed = shell(f"sluice() {{ $SLUICE \"$@\"; }}; {line}")
        assert typed.returncode == 0, (line, typed.stderr)


def test_demo_reads_all_it_sent(lab):
    """More than the embedded broker keeps: the pipeline runs in between."""
    text = run("demo", "-n", 700000, "--lake", lab.path("large")).ok().out
    assert "rows in     700000 in 4 batches" in text and ".. and" not in text, text
    numbers = {line.split()[0]: int(line.split()[1]) for line in text.splitlines()
               if line.startswith("     ") and len(line.split()) > 1 and line.split()[1].isdigit()}
    assert int(text.split("rejected")[1].split()[0]) == numbers["bad"] + numbers["negative"] + numbers["null"], numbers


def test_demo_in_an_odd_place(lab):
    """TMPDIR counts, and what the demo says to type can be typed."""
    place = lab.path("a `b` 'c'")
    os.makedirs(place)
    done = shell("$SLUICE demo -n 20", TMPDIR=place)
    assert done.returncode == 0 and place in done.stdout and "0  broken JSON" not in done.stdout, done
    ours = os.listdir(place)
    assert len(ours) == 1, ours
    lines = done.stdout[done.stdout.index("Try next"):].splitlines()[1:]
    assert len(lines) == 4, lines
    for line in lines:
        assert shell(f"sluice() {{ $SLUICE \"$@\"; }}; {line}").returncode == 0, line
    assert not os.listdir(place)
    assert "name a place with --lake" in shell("$SLUICE demo -n 20", TMPDIR=lab.path("none")).stderr
