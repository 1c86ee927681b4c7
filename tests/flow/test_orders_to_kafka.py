"""examples/orders_to_kafka.sql: completed orders from topic to topic, exactly once."""
import json
import os

from lib import sluice
from lib.lab import values_of

EXAMPLE = os.path.join(sluice.ROOT, "examples/orders_to_kafka.sql")


def test_completed_orders_arrive_once(lab):
    source, target = lab.topic(3), lab.topic(4)
    lab.generate(source, 3000, "--bad", "2%")
    with open(EXAMPLE) as text:
        changed = text.read().replace("subscribe => 'orders'", f"subscribe => '{source}'").replace("topic = 'orders_completed'", f"topic = '{target}'")
    lake = lab.lake(source, pipeline=lab.write("orders_to_kafka.sql", changed))
    for _ in range(2):
        lake.run().ok()
    want = {}
    for (partition, offset), value in values_of(lab.broker, source).items():
        try:
            order = json.loads(value)
        except ValueError:
            continue
        if order.get("status") == "completed":
            want[f"{source}-{partition}-{offset}"] = order
    found = lab.broker.read(target)
    have = {dict(message.headers())["source"].decode(): message for message in found.values()}
    assert len(found) == len(have) and have.keys() == want.keys(), f"{len(found)} records, want {len(want)}"
    for place, message in have.items():
        order = json.loads(message.value())
        assert order["order_id"] == want[place]["order_id"] and message.key().decode() == want[place]["customer_id"]
        if "price" in order and "quantity" in order:
            assert abs(order["revenue"] - order["price"] * order["quantity"]) < 1e-9
    keys = {}
    for (partition, _), message in found.items():
        assert keys.setdefault(message.key(), partition) == partition, "one key is in two partitions"
