"""examples/medallion.sql: order events from Kafka through bronze and silver to gold, in one command a round, against a
naive evaluation of the records of the topic."""
import collections
import json
import os
import re
from datetime import datetime, timedelta, timezone

from lib import delta, sluice

MEDALLION = "examples/medallion.sql"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
WINDOW = DELAY = timedelta(minutes=10)
SILVER = ("event_id", "event_ts", "order_id", "customer_id", "product_id", "product_name", "category", "quantity", "unit_price",
          "total_price", "payment_method", "device", "location")


def run(lab, lake, topic):
    sluice.run("run", MEDALLION, "-s", f"brokers={lab.broker.address}", "-s", f"lake={lake}", "-s", f"topic={topic}", "--available-now").ok()


def events_of(lab, topic):
    """([event], [what is no event]) of a topic, in the order of the partitions."""
    events, broken = [], []
    for _, message in sorted(lab.broker.read(topic).items()):
        try:
            event = json.loads(message.value())
            events.append({"event_id": event["event_id"], "at": datetime.fromisoformat(event["event_timestamp"]).replace(tzinfo=timezone.utc),
                           **event["order"], **event["payment"]})
        except (TypeError, ValueError, KeyError):
            broken.append(message.value())
    return events, broken


def orders_of(events):
    """Paid, each event once."""
    return list({event["event_id"]: event for event in events if event["status"] == "PAID"}.values())


def sums(orders, key, value):
    total = collections.Counter()
    for order in orders:
        total[key(order)] += value(order)
    return total


def send_by_hand(lab, topic):
    """What the generator has not: events that are not paid, some again that an earlier round has read, and one so late in
    the century that it ends every window of the others."""
    events = [message.value() for message in lab.broker.read(topic).values() if b'"PAID"' in message.value()]
    other = [event.replace(b'"event_id": "', b'"event_id": "x') for event in events[:21]]
    last = re.sub(rb'"event_timestamp": "[^"]*"', b'"event_timestamp": "2099-01-01T00:00:00"', other.pop())
    unpaid = [event.replace(b'"PAID"', b'"FAILED"') for event in other]
    lab.broker.produce(topic, [(i % 8, None, event) for i, event in enumerate(unpaid + events[:20] + [last])])


def check_revenue(lake, orders):
    watermark = max(order["at"] for order in orders) - DELAY
    window_start = lambda order: order["at"] - (order["at"] - EPOCH) % WINDOW
    revenue = sums(orders, lambda order: (window_start(order), order["category"]), lambda order: order["total_price"])
    want = {key: value for key, value in revenue.items() if key[0] + WINDOW <= watermark}
    have = {(start.replace(tzinfo=timezone.utc), category): value
            for start, category, value in delta.rows(os.path.join(lake, "gold/revenue"), "window_start", "category", "revenue")}
    assert len(want) > 10 and have == want, f"{len(have)} windows, want {len(want)}"


def shown(path, column):
    """A column as `sluice sql` shows it, in its order."""
    out = sluice.run("sql", "--json", "-c", f"SELECT {column} FROM delta.`{path}`").ok().out
    return [json.loads(line)[column] for line in out.splitlines()]


def check_totals(lake, orders):
    sellers, customers = os.path.join(lake, "gold/best_sellers"), os.path.join(lake, "gold/top_customers")
    sold = sums(orders, lambda order: order["product_name"], lambda order: order["quantity"])
    assert dict(delta.rows(sellers, "product_name", "total_quantity")) == dict(sold)
    assert shown(sellers, "total_quantity") == sorted(sold.values(), reverse=True)
    spent = sums(orders, lambda order: order["customer_id"], lambda order: order["unit_price"] * order["quantity"])
    assert shown(customers, "total_spend") == sorted(spent.values(), reverse=True)[:5]
    assert all(spent[customer] == value for customer, value in delta.rows(customers, "customer_id", "total_spend"))


def test_medallion(lab):
    """Two rounds, with repeated, broken and unpaid records: every record of the topic is in bronze or among the dead
    letters, silver has each paid event once, gold what follows from silver."""
    topic, lake = lab.topic(8), lab.path("lake")
    lab.generate(topic, 3000, "--shape", "paid", "--dup", "5%", "--bad", "3%", "--rate", "3000", "--virtual-clock", "x5000")
    run(lab, lake, topic)
    send_by_hand(lab, topic)
    run(lab, lake, topic)
    events, broken = events_of(lab, topic)
    ids = {event["event_id"] for event in events}
    assert len(broken) > 50 and len(ids) < len(events) - 100
    assert len(delta.rows(os.path.join(lake, "bronze/events"), "event_id")) == len(events)
    assert len(delta.rows(os.path.join(lake, "dlq/invalid_json"), "value")) == len(broken)
    orders = orders_of(events)
    silver = delta.rows(os.path.join(lake, "silver/orders"), *SILVER)
    assert sorted(row[0] for row in silver) == sorted(order["event_id"] for order in orders)
    assert len(orders) == len(ids) - 20
    check_revenue(lake, orders)
    check_totals(lake, orders)
