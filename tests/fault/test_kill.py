"""kill -9 at random instants while records keep arriving."""
import os
import random
import signal
import time

from lib import ledger, process, sluice
from lib.lab import values_of

ROUNDS = 20


def test_kill_at_random_instants(lab):
    seed = int(os.environ.get("SLUICE_SEED", "1"))
    chance = random.Random(seed)
    topic = lab.topic(4)
    path = lab.path("ledger")
    generator = sluice.Running(["gen", "orders", "-b", lab.broker.address, "-t", topic, "--rate", "400", "-n", "6000",
                                "--mode", "count", "--ledger", path, "--bad", "2%", "--dup", "2%", "-q"])
    lab.running.append(generator)
    lake = lab.lake(topic, limit=150)
    kills = 0
    for _ in range(ROUNDS):
        running = lake.start()
        try:
            running.child.wait(0.1 + chance.random() * 0.45)
        except Exception:
            kills += 1
        status = running.kill9().status
        assert status == sluice.CRASHED, f"seed {seed}: ended by itself with {status}: {running.err[-500:]}"
    assert len(lake.batches()) > 3, "it was always killed before it had done anything"
    generator.wait().ok()
    lake.run().ok()
    values = values_of(lab.broker, topic)
    ledger.check_values(path, values.values())
    lake.check_whole(values)


def test_kill_while_committing(lab):
    """Slow system calls widen the windows between the steps of the commit, then the kill comes at a random instant."""
    chance = random.Random(int(os.environ.get("SLUICE_SEED", "2")))
    topic = lab.topic(2)
    lab.generate(topic, 600)
    values = values_of(lab.broker, topic)
    lake = lab.lake(topic, limit=100)
    for _ in range(10):
        running = lake.start(failpoints="io.fsync:*:sleep=4,publish.rename:*:sleep=5")
        time.sleep(0.05 + chance.random() * 0.6)
        running.kill9()
    lake.run().ok()
    lake.check_whole(values)


def test_stopped_process_loses_its_place_to_nobody(lab):
    """SIGSTOP, a second copy, SIGCONT: the second one is refused while the first lives, and nothing is doubled."""
    topic = lab.topic(1)
    lab.broker.produce(topic, [(0, b"k", b"%d" % i) for i in range(100)])
    lake = lab.lake(topic, limit=10)
    first = lake.start(failpoints="intents.synced:2:stop")
    process.wait_for(lambda: "T" in open(f"/proc/{first.child.pid}/stat").read().split()[2], "the first to stop")
    lake.run().expect(75, str(first.child.pid), ".sluice.lock")
    first.signal(signal.SIGCONT)
    process.wait_for(lambda: len(lake.batches()) == 10, "the first to go on")
    first.signal(signal.SIGTERM)
    first.wait().ok()
    lake.check_whole(values_of(lab.broker, topic))


def test_first_signal_with_a_silent_broker(lab):
    """Between batches, and at the start, with a broker that takes connections and says nothing: status 0, soon."""
    topic = lab.topic(1)
    lab.broker.produce(topic, [(0, b"k", b"%d" % i) for i in range(10)])
    lake = lab.lake(topic)
    running = lake.start()
    process.wait_for(lambda: lake.batches() == [0], "the first batch")
    lab.broker.pause()
    try:
        time.sleep(0.2)
        for number, attempt in ((signal.SIGTERM, running), (signal.SIGINT, lab.lake(topic, "late").start())):
            time.sleep(0.5)
            began = time.monotonic()
            attempt.signal(number)
            attempt.wait().ok()
            assert time.monotonic() - began < 5, "it waited for the broker"
    finally:
        lab.broker.resume()
    lake.run().ok()
    assert lake.batches() == [0]
    lake.check_settled()
