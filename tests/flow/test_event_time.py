"""Event time from Kafka: the examples against a naive evaluation of the records, late rows told and kept, modes of the
sinks."""
import collections
import json
import os
import random
from datetime import datetime, timedelta, timezone

from lib import delta, sluice, table

HOUR, FIVE_MINUTES, DELAY = timedelta(hours=1), timedelta(minutes=5), timedelta(minutes=10)


def example(lab, name, source, **replaced):
    with open(os.path.join(sluice.ROOT, "examples", name)) as file:
        text = file.read().replace("subscribe => 'orders'", f"subscribe => '{source}'")
    for before, after in replaced.items():
        text = text.replace(f"topic = '{before}'", f"topic = '{after}'")
    return lab.lake(source, pipeline=lab.write(name, text))


def send_orders(lab, topic, count, partitions=3):
    """Orders of twelve hours, some a quarter of an hour old, some broken; those that can be read, with their times."""
    rng, orders = random.Random(3), []
    begin = datetime(2025, 12, 15, 8, tzinfo=timezone.utc)
    records = []
    for i in range(count):
        at = begin + timedelta(seconds=int(43200 * i / count) - (rng.randrange(300, 900) if rng.random() < 0.1 else 0))
        order = {"order_id": f"ORD-{i:06}", "customer_id": f"CUST-{rng.randrange(20):05}", "product_id": f"PROD-{rng.randrange(10):03}",
                 "quantity": rng.randrange(1, 6), "amount": round(rng.uniform(-20, 900), 2), "order_timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
        if rng.random() < 0.02:
            order["customer_id"] = None
        broken = rng.random() < 0.02
        records.append((i % partitions, order["product_id"], json.dumps(order)[:-9] if broken else json.dumps(order)))
        if not broken:
            orders.append({**order, "at": at})
    lab.broker.produce(topic, records)
    return orders


def window_of(at, width):
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    return at - (at - epoch) % width


def groups_of(orders, width, key):
    groups = collections.defaultdict(list)
    for order in orders:
        groups[window_of(order["at"], width), order[key]].append(order)
    return groups


def test_hours_of_customers(lab):
    """One batch, so nothing is late in it: exactly the windows that the watermark has passed are in the table."""
    source = lab.topic(3)
    orders = send_orders(lab, source, 4000)
    lake = example(lab, "orders_windows.sql", source)
    lake.run().ok()
    watermark = max(order["at"] for order in orders) - DELAY
    kept = [order for order in orders if order["amount"] > 0 and order["customer_id"]]
    want = {key: rows for key, rows in groups_of(kept, HOUR, "customer_id").items() if key[0] + HOUR <= watermark}
    path = os.path.join(lake.dir, "orders_aggregated")
    columns = ["window_start", "window_end", "customer_id", "order_count", "total_sales", "total_quantity", "avg_order_value"]
    have = {(row[0].replace(tzinfo=timezone.utc), row[2]): row for row in table.rows_of(path, table.files_by_log(path), columns)}
    assert len(want) > 50 and have.keys() == want.keys(), f"{len(have)} windows, want {len(want)}"
    for key, rows in want.items():
        row = have[key]
        sales = sum(order["amount"] for order in rows)
        assert row[1].replace(tzinfo=timezone.utc) == key[0] + HOUR
        assert row[3] == len(rows) and abs(row[4] - sales) < 1e-6
        assert row[5] == sum(order["quantity"] for order in rows) and abs(row[6] - sales / len(rows)) < 1e-6


def test_five_minutes_to_kafka(lab):
    source, target = lab.topic(3), lab.topic(4)
    orders = send_orders(lab, source, 3000)
    lake = example(lab, "order_aggregates.sql", source, order_aggregates=target)
    for _ in range(2):
        lake.run().ok()
    watermark = max(order["at"] for order in orders) - DELAY
    want = {key: rows for key, rows in groups_of(orders, FIVE_MINUTES, "product_id").items() if key[0] + FIVE_MINUTES <= watermark}
    have = {}
    for message in lab.broker.read(target).values():
        record = json.loads(message.value())
        key = datetime.fromisoformat(record["window_start"].replace("Z", "+00:00")), record["product_id"]
        assert key not in have and message.key().decode() == record["product_id"]
        have[key] = record
    assert len(want) > 20 and have.keys() == want.keys(), f"{len(have)} windows, want {len(want)}"
    for key, rows in want.items():
        assert have[key]["order_count"] == len(rows)
        assert abs(have[key]["total_sales"] - sum(order["amount"] for order in rows)) < 1e-6


def event(ident, at, k="a"):
    return 0, None, json.dumps({"id": ident, "k": k, "ts": at})


def pipeline(lab, topic, select, target, more=""):
    text = f"""{more}
{target}
WITH parsed AS (SELECT from_json(CAST(value AS STRING), 'id STRING, k STRING, ts TIMESTAMP') AS e
                FROM STREAM read_kafka(bootstrapServers => '${{brokers}}', subscribe => '{topic}', startingOffsets => 'earliest')),
     events AS (SELECT * FROM (SELECT e.* FROM parsed) WATERMARK ts DELAY OF INTERVAL 10 MINUTES)
{select};
"""
    return lab.lake(topic, pipeline=lab.write("events.sql", text))


def table_target(form, name="t", **properties):
    listed = {"sluice.checkpointLocation": "${lake}/_checkpoints/" + name, **{key.replace("_", "."): value for key, value in properties.items()}}
    words = ", ".join(f"'{key}' = '{value}'" for key, value in listed.items())
    return f"CREATE STREAMING TABLE {name} USING {form} LOCATION '${{lake}}/{name}' TBLPROPERTIES ({words}) AS"


COUNTS = "SELECT window.start AS b, k, count(*) AS n FROM events GROUP BY window(ts, '10 minutes'), k"


def test_late_rows_become_dead_letters(lab):
    topic = lab.topic(1)
    letters = "CREATE STREAMING TABLE letters USING delta LOCATION '${lake}/letters' TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/_checkpoints/letters');"
    lake = pipeline(lab, topic, COUNTS, table_target("delta", sluice_quarantine="letters", sluice_lateRows="quarantine"), letters)
    lab.broker.produce(topic, [event("1", "2025-12-15T09:01:00Z"), event("2", "2025-12-15T10:00:00Z")])
    lake.run().ok()
    lab.broker.produce(topic, [event("3", "2025-12-15T09:02:00Z"), event("4", "2025-12-15T10:01:00Z")])
    lake.run().expect(0, "1 late row (watermark", "partition 0 offset 2")
    found = delta.rows(os.path.join(lake.dir, "letters"), "offset", "kind", "value")
    assert [(row[0], row[1], json.loads(row[2])["id"]) for row in found] == [(2, "late", "3")], found


def test_complete_mode_replaces_a_delta_table(lab):
    topic = lab.topic(1)
    lake = pipeline(lab, topic, "SELECT k, count(*) AS n FROM events GROUP BY k", table_target("delta", sluice_outputMode="complete"))
    want = collections.Counter()
    for round_ in range(3):
        lab.broker.produce(topic, [event(str(i), "2025-12-15T09:01:00Z", "abc"[i % (round_ + 1)]) for i in range(5)])
        want.update("abc"[i % (round_ + 1)] for i in range(5))
        lake.run().ok()
        path = os.path.join(lake.dir, "t")
        assert dict(delta.rows(path, "k", "n")) == dict(want)
        delta.check_readers(path, sorted(want.items()), "k", "n")
    assert "; output mode complete\n" in sluice.run("explain", *lake.args(trigger=None)[1:]).ok().out
    checkpoint = os.path.join(lake.dir, "_checkpoints/t")
    assert "stateStoreSave  versions 1 to 3, " in sluice.run("checkpoint", "show", checkpoint).ok().out
    os.remove(os.path.join(checkpoint, ".sluice/state/0/2.changes"))
    assert "version 3 cannot be loaded" in sluice.run("checkpoint", "verify", checkpoint).expect(3).out


def test_state_beyond_the_memory_limit(lab):
    """The query ends with an error; with more memory it goes on where it was, and no key is there twice or not at all."""
    topic, count = lab.topic(1), 120000
    lake = pipeline(lab, topic, "SELECT id FROM (SELECT * FROM events DEDUPLICATE BY (id))", table_target("delta"))
    lab.broker.produce(topic, [event(f"{i % (count // 2)}-{'x' * 60}", "2025-12-15T09:01:00Z") for i in range(count)])
    result = lake.run("--memory", "8m")
    assert result.status != 0 and "would pass the memory limit of 8.0 MB" in result.err, result.err[-500:]
    lake.run().ok()
    found = [row[0] for row in delta.rows(os.path.join(lake.dir, "t"), "id")]
    assert len(found) == len(set(found)) == count // 2


def test_modes_that_a_sink_does_not_take_are_refused(lab):
    topic = lab.topic(1)
    for form, mode in (("parquet", "update"), ("parquet", "complete"), ("delta", "update")):
        lake = pipeline(lab, topic, COUNTS, table_target(form, sluice_outputMode=mode))
        lake.run().expect(78, "STREAMING_OUTPUT_MODE.UNSUPPORTED_DATASOURCE", mode)
        sluice.run("validate", *lake.args(trigger=None)[1:]).expect(78, "STREAMING_OUTPUT_MODE.UNSUPPORTED_DATASOURCE")
    lake = pipeline(lab, topic, COUNTS, table_target("parquet", sluice_outputMode="sometimes"))
    lake.run().expect(78, "STREAMING_OUTPUT_MODE.INVALID")
