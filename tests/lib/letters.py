"""Tables of good rows and tables of dead letters, read by code that is not the program's."""
import os
import re

from lib import delta, sluice, table


def rows_of(path, kind, *columns):
    if kind == "delta":
        return delta.rows(path, *columns) if os.path.isdir(path) and delta.versions(path) else []
    return table.rows(path, columns) if os.path.isdir(path) else []


def once(rows, what):
    """{(partition, offset): value} of rows that must be unique."""
    found = {row[:2]: row[2] for row in rows}
    assert len(found) == len(rows), f"a record is in {what} twice"
    return found


def check_split(lake, kind, values, is_bad):
    """Every record is in the table or in the letters, as is_bad says, exactly once, with its value."""
    good = once(rows_of(lake.table, kind, "p", "o", "value"), "the table")
    bad = once(rows_of(os.path.join(lake.dir, "bad"), kind, "partition", "offset", "value"), "the letters")
    want_bad = {at: value for at, value in values.items() if is_bad(*at)}
    want_good = {at: value for at, value in values.items() if not is_bad(*at)}
    assert bad == want_bad, f"{len(bad)} letters, want {len(want_bad)}"
    assert good == want_good, f"{len(good)} rows, want {len(want_good)}"


def dlq(lake, action, *more, failpoints=None):
    args = lake.args(trigger=None)
    return sluice.run("dlq", action, *args[1:], *more, failpoints=failpoints)


def in_topic(lab, topic, name="to_topic.sql"):
    """quarantine.sql with its letters in a topic: the path of the file."""
    with open(os.path.join(sluice.ROOT, "tests/flow/quarantine.sql")) as text:
        sink = f"CREATE SINK bad USING kafka OPTIONS ('bootstrapServers' = '${{brokers}}', 'topic' = '{topic}');"
        with_headers = text.read().replace("failOnDataLoss =>", "includeHeaders => 'true', failOnDataLoss =>")
        return lab.write(name, re.sub(r"CREATE STREAMING TABLE bad[^;]*;", sink, with_headers))


def of_topic(broker, topic):
    """[(partition, offset, value)] of the records that the letters of a topic came from, for readers of committed records."""
    found = []
    for message in broker.read(topic, True).values():
        headers = dict(message.headers() or [])
        if "sluice.query" in headers:
            found.append((int(headers["sluice.partition"]), int(headers["sluice.offset"]), message.value()))
    return found
