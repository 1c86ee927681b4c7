"""examples/bronze.sql: nested order events become flat rows and order lines, and every record is in one table."""
import json

from lib import sluice, table

BRONZE = "examples/bronze.sql"
GENERATED = 300
BROKEN = [b"", b"not json", b'{"event_id": "cut', b"null", b'{"event_type": "ORDER_PLACED"}', b"[1]",
          b'{"event_id": "e", "order": {"quantity": "many"}}', None]


def event(number, **order):
    base = {"order_id": f"ORD-{number}", "customer_id": "CUST-1", "currency": "INR"}
    return json.dumps({"event_id": f"ev-{number}", "event_type": "ORDER_PLACED", "event_timestamp": "2025-12-15T06:30:37.042439",
                       "order": {**base, **order}, "payment": {"payment_method": "UPI", "status": "PAID", "transaction_id": "T"},
                       "customer_context": {"device": "Web", "location": "Pune", "ip_address": "203.0.113.7", "session_id": "s"}}).encode()


def run(lab, lake, topic, *more):
    sluice.run("run", BRONZE, "-s", f"brokers={lab.broker.address}", "-s", f"lake={lake}", "-s", f"topic={topic}", "--available-now", *more).ok()


def rows(lake, name, *columns):
    path = f"{lake}/{name}"
    return sorted(table.rows_of(path, table.files_by_log(path), list(columns)))


def test_bronze_tables_hold_every_record(lab):
    """Generated events, orders of several lines and broken records: nothing lost, nothing twice, in two runs."""
    topic, lake = lab.topic(2), lab.path("lake")
    lab.generate(topic, GENERATED, "--shape", "paid")
    items = [{"product_id": f"P{i}", "product_name": "n", "category": "c", "quantity": i, "unit_price": 2.5} for i in (1, 2, 3)]
    lab.broker.produce(topic, [(0, None, event(1, items=items)), (0, None, event(2, items=[])),
                               (0, None, event(3, product_id="P9", quantity=4, unit_price=1.5))])
    run(lab, lake, topic)
    lab.broker.produce(topic, [(1, b"k", value) for value in BROKEN])
    run(lab, lake, topic)

    events = rows(lake, "bronze/events", "partition", "offset")
    invalid = rows(lake, "dlq/invalid_json", "partition", "offset", "value")
    assert len(events) == GENERATED + 3
    assert len(invalid) == len(BROKEN)
    assert [value for _, _, value in invalid] == [None if value is None else value.decode() for value in BROKEN]
    both = set(events) | {row[:2] for row in invalid}
    assert len(both) == len(events) + len(invalid)

    lines = rows(lake, "bronze/order_lines", "event_id", "line_number", "product_id", "quantity", "line_price")
    assert [line for line in lines if line[0] == "ev-1"] == [("ev-1", 1, "P1", 1, 2.5), ("ev-1", 2, "P2", 2, 5.0), ("ev-1", 3, "P3", 3, 7.5)]
    assert [line for line in lines if line[0] == "ev-2"] == [], "an order whose list is empty has no lines"
    assert [line for line in lines if line[0] == "ev-3"] == [("ev-3", 1, "P9", 4, 6.0)]
    assert len(lines) == GENERATED + 4
    prices = rows(lake, "bronze/events", "event_id", "quantity", "unit_price", "total_price", "status")
    generated = [row for row in prices if not row[0].startswith("ev-")]
    assert len(generated) == GENERATED
    assert all(quantity * price == total and status for _, quantity, price, total, status in generated)


def test_bronze_as_delta(lab):
    """The same file with -s format=delta: every table has the rows that the topic asks for."""
    from deltalake import DeltaTable
    topic, lake = lab.topic(1), lab.path("lake")
    items = [{"product_id": f"P{i}", "quantity": i, "unit_price": 2.0} for i in (1, 2)]
    lab.broker.produce(topic, [(0, None, event(1, items=items)), (0, None, event(2)), (0, None, b"no json")])
    run(lab, lake, topic, "-s", "format=delta")
    counts = {name: DeltaTable(f"{lake}/{name}").to_pyarrow_table().num_rows
              for name in ("bronze/events", "bronze/order_lines", "dlq/invalid_json")}
    assert counts == {"bronze/events": 2, "bronze/order_lines": 3, "dlq/invalid_json": 1}, counts
