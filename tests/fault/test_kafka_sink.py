"""The Kafka sink under kill -9, errors, rivals and broker failures: a reader of committed records finds every record of
the source exactly once."""
import json
import os
import random
import shutil
import signal
import time

from fault.test_crash import PUT_STEPS, each
from flow.test_kafka_sink import check_copied, filled, quarantine, records, sink_of
from lib import process, sluice
from lib.lab import values_of

STEPS = ("begun", "produced", "flushed", "offsets", "committed")


def new_copy(lab, name, count=600, limit=200, **variables):
    """A source of three batches, a target, the pipeline between them."""
    if "sink-source" not in lab.cache:
        lab.cache["sink-source"] = filled(lab, 600, 4)
    source = lab.cache["sink-source"] if count == 600 else filled(lab, count, 4)
    target = lab.topic(3)
    more = variables.pop("more", "")
    return sink_of(lab, source, f", topic = '{target}'{more}", name=name, limit=limit, **variables), source, target


def stopped(running, what):
    process.wait_for(lambda: "T" in open(f"/proc/{running.child.pid}/stat").read().split()[2], what)


def crash_then_restart(lab, crashes):
    lake, source, target = new_copy(lab, "-".join(crashes).replace(":", "-"))
    for crash in crashes:
        result = lake.run(failpoints=crash)
        assert result.status == sluice.CRASHED, f"{crash} did not kill it: status {result.status} {result.err[-300:]}"
    lake.run().ok()
    check_copied(lab, source, target)
    assert lake.batches() == [0, 1, 2]


def sweep(lab, cases):
    new_copy(lab, "first")
    each(cases, lambda case: crash_then_restart(lab, [case] if isinstance(case, str) else case))


def test_crash_at_each_step(lab):
    sweep(lab, [f"kafka_sink.{step}:{nth}:crash" for step in STEPS for nth in (1, 3)])


def test_crash_in_the_checkpoint(lab):
    sweep(lab, [f"{name}.{step}:2:crash" for name in ("offsets", "commits") for step in PUT_STEPS])


def test_crash_while_writing(lab):
    sweep(lab, [f"read.mid:{nth}:crash" for nth in (1, 4)])


def test_crash_in_replay_and_recovery(lab):
    first = ("kafka_sink.produced:2", "kafka_sink.flushed:2", "kafka_sink.offsets:1", "kafka_sink.committed:2")
    later = ("kafka_sink.begun:1", "kafka_sink.offsets:1", "kafka_sink.committed:1", "commits.pre:1")
    sweep(lab, [[f"{a}:crash", f"{b}:crash", f"{c}:crash"] for a in first for b, c in zip(later, later[1:])])


def test_errors_at_each_step(lab):
    """The batch fails with status 1 and is written at the next start; behind the commit it is not written again."""
    def check(step):
        lake, source, target = new_copy(lab, f"error-{step}")
        lake.run(failpoints=f"kafka_sink.{step}:2:eio").expect(1, "Input/output error", "batch 1")
        assert lake.batches() == [0]
        lake.run().ok()
        check_copied(lab, source, target)
    each(STEPS, check)


def test_an_aborted_batch_does_not_hold_readers_back(lab):
    """A batch that fails aborts its transaction at once."""
    lake, _, target = new_copy(lab, "aborted")
    lake.run(failpoints="kafka_sink.flushed:1:eio").expect(1)
    lab.broker.transaction(target, [(p, b"k", b"behind") for p in range(3)], True)
    assert [row[2] for row in records(lab, target)] == [b"behind"] * 3


def test_a_killed_process_does_not_hold_readers_back(lab):
    """Its transaction stays open until the next start, which ends it."""
    lake, source, target = new_copy(lab, "killed")
    assert lake.run(failpoints="kafka_sink.flushed:1:crash").status == sluice.CRASHED
    lab.broker.produce(target, [(p, b"k", b"behind") for p in range(3)])
    before = {at: value for at, value in values_of(lab.broker, target).items() if value == b"behind"}
    assert not before, "the open transaction does not hold readers back: the test is wrong"
    lake.run().ok()
    values = sorted(values_of(lab.broker, target).values())
    assert values == sorted([b"behind"] * 3 + list(values_of(lab.broker, source).values()))


def test_kill_at_random_instants(lab):
    chance = random.Random(int(os.environ.get("SLUICE_SEED", "1")))
    source, target = lab.topic(3), lab.topic(3)
    generator = sluice.Running(["gen", "orders", "-b", lab.broker.address, "-t", source, "--rate", "400", "-n", "4000",
                                "--mode", "count", "-q"])
    lab.running.append(generator)
    lake = sink_of(lab, source, f", topic = '{target}'", limit=150)
    kills, patience = 0, 0.6
    while kills < 12 or len(lake.batches()) <= 3:
        before = len(lake.batches())
        running = lake.start()
        time.sleep(0.25 + chance.random() * patience)
        status = running.kill9().status
        assert status == sluice.CRASHED, f"ended by itself with {status}: {running.err[-500:]}"
        kills += 1
        if len(lake.batches()) == before:  # a slow machine: killed before it had done anything
            patience *= 1.3
        assert patience < 60, "no batch in a minute"
    generator.wait().ok()
    lake.run().ok()
    want, have = (sorted(values_of(lab.broker, topic).values()) for topic in (source, target))
    assert have == want, f"{len(have)} records, want {len(want)}"


# ---- rivals ----

def test_a_copy_of_the_checkpoint_fences_the_first(lab):
    """The first process stands still before its commit; a second one, with a copy of the checkpoint, writes the batch.
    The first wakes up and is locked out."""
    lake, source, target = new_copy(lab, "first", limit=100000)
    running = lake.start(failpoints="kafka_sink.flushed:1:stop", trigger="--available-now")
    stopped(running, "the first to stand still")
    shutil.copytree(lake.dir, lab.path("second"))
    second = sink_of(lab, source, f", topic = '{target}'", name="second")
    second.run().ok()
    check_copied(lab, source, target)
    running.signal(signal.SIGCONT)
    running.wait().expect(75, "another process writes for the same query")
    check_copied(lab, source, target)
    lake.run().ok()  # its batch is in the topic: the marker says so
    assert lake.batches() == [0]
    check_copied(lab, source, target)


def test_transaction_open_for_too_long(lab):
    """The broker ends it: an error with the cause, and the next start writes the batch."""
    lake, source, target = new_copy(lab, "slow", limit=100000, more=", 'kafka.transaction.timeout.ms' = '2000'")
    # the broker looks for old transactions every ten seconds
    result = lake.run(failpoints="kafka_sink.flushed:1:sleep=14000")
    result.expect(75, "kafka.transaction.timeout.ms", "maxOffsetsPerTrigger")
    assert not records(lab, target)
    lake.run().ok()
    check_copied(lab, source, target)


# ---- brokers ----

def test_broker_silent_at_the_commit(lab):
    """No answer for some seconds: the commit is asked for again, until it is known."""
    lake, source, target = new_copy(lab, "silent")
    running = lake.start(failpoints="kafka_sink.offsets:2:sleep=1000", trigger="--available-now")
    process.wait_for(lambda: lake.batches() == [0], "the first batch")
    time.sleep(0.3)
    lab.broker.pause()
    time.sleep(8)
    lab.broker.resume()
    running.wait().ok()
    check_copied(lab, source, target)
    assert lake.batches() == [0, 1, 2]


def test_broker_killed_in_a_transaction(lab):
    """kill -9 of the broker at each step of a transaction, and its restart. The queries that were running finish their
    batch by themselves; one that was killed with it and is started anew, too."""
    survivors, queries = STEPS[:-1], {}
    for step in (*survivors, "anew"):
        lake, source, target = new_copy(lab, f"broker-{step}")
        point = "offsets" if step == "anew" else step
        queries[step] = (lake, source, target, lake.start(failpoints=f"kafka_sink.{point}:2:stop"))
    for step, (*_, running) in queries.items():
        stopped(running, f"the query to stand still at {step}")
    lab.broker.kill9()
    queries["anew"][3].kill9()
    for step in survivors:
        queries[step][3].signal(signal.SIGCONT)
    lab.broker.start()
    lake, source, target, _ = queries["anew"]
    queries["anew"] = (lake, source, target, lake.start())
    for step, (lake, source, target, running) in queries.items():
        process.wait_for(lambda: lake.batches() == [0, 1, 2], f"the rest of {step}; it said:\n{running.err[-1000:]}", 90)
        running.signal(signal.SIGTERM)
        running.wait().ok()
        check_copied(lab, source, target)


# ---- checkpoints and markers ----

def test_older_checkpoint_restored(lab):
    source, target = filled(lab, 100), lab.topic(1)
    lake = sink_of(lab, source, f", topic = '{target}'")
    lake.run().ok()
    shutil.copytree(lake.checkpoint, lab.path("backup"))
    lab.broker.produce(source, [(0, b"k", b"more")])
    lake.run().ok()
    shutil.rmtree(lake.checkpoint)
    shutil.copytree(lab.path("backup"), lake.checkpoint)
    lake.run().expect(1, "the last batch in the topic is 1", "the last planned in the checkpoint is 0", "older copy")
    check_copied(lab, source, target)


def test_older_checkpoint_that_went_on_elsewhere(lab):
    """The same batch made from other offsets: told by the hash in the marker."""
    source, target, other = filled(lab, 100), lab.topic(1), lab.topic(1)
    lake = sink_of(lab, source, f", topic = '{target}'")
    lake.run().ok()
    shutil.copytree(lake.checkpoint, lab.path("backup"))
    lab.broker.produce(source, [(0, b"k", b"more")])
    lake.run().ok()
    lab.broker.produce(source, [(0, b"k", b"still more")])
    shutil.rmtree(lake.checkpoint)
    shutil.copytree(lab.path("backup"), lake.checkpoint)
    elsewhere = sink_of(lab, source, f", topic = '{other}', 'sluice.delivery' = 'at-least-once'")
    elsewhere.run().ok()
    lake = sink_of(lab, source, f", topic = '{target}'")
    lake.run().expect(1, "made from other offsets than this checkpoint's")


def group_of(lake, name="copy"):
    with open(lake.file("metadata")) as text:
        return f"sluice-{json.load(text)['id']}-{name}"


def forget(lab, lake):
    lab.broker.forget_group(group_of(lake))


def test_marker_forgotten(lab):
    """Between batches it does not matter. In doubt it does, if the batch was planned long ago."""
    source, target = filled(lab, 100), lab.topic(1)
    lake = sink_of(lab, source, f", topic = '{target}'")
    lake.run().ok()
    forget(lab, lake)
    lab.broker.produce(source, [(0, b"k", b"more")])
    assert lake.run(failpoints="kafka_sink.offsets:1:crash").status == sluice.CRASHED
    lake.run().ok()  # planned a moment ago: brokers have not forgotten, so it is not in
    check_copied(lab, source, target)
    lab.broker.produce(source, [(0, b"k", b"yet more")])
    assert lake.run(failpoints="kafka_sink.offsets:1:crash").status == sluice.CRASHED
    forget(lab, lake)
    long_ago = time.time() - 3 * 86400
    os.utime(lake.file("offsets", "2"), (long_ago, long_ago))
    lake.run().expect(1, "whether the rows of batch 2 are in the topic is not known", "72 hours ago", "at-least-once")
    sink_of(lab, source, f", topic = '{target}', 'sluice.delivery' = 'at-least-once'").run().ok()
    check_copied(lab, source, target)
    lab.broker.produce(source, [(0, b"k", b"last")])
    lake.run().ok()
    check_copied(lab, source, target)


def test_marker_of_dead_letters_forgotten(lab):
    """The quarantine asks the same, but only of batches that had letters."""
    source, target, letters = lab.topic(1), lab.topic(1), lab.topic(1)
    lake = quarantine(lab, source, target, letters)

    def crash_long_ago(value, failpoint, batch):
        lab.broker.produce(source, [(0, b"k", value), (0, b"k", b"1")])
        assert lake.run(failpoints=failpoint).status == sluice.CRASHED
        seal, long_ago = lake.file(".sluice", "letters", str(batch)), time.time() - 3 * 86400
        for path in (lake.file("offsets", str(batch)), seal):
            if os.path.exists(path):
                os.utime(path, (long_ago, long_ago))
        return os.path.exists(seal)

    lab.broker.produce(source, [(0, b"k", b"0")])
    lake.run().ok()  # from here the rows have a marker, and the letters none
    assert not crash_long_ago(b"2", "kafka_sink.flushed:1:crash", 1), "a batch without letters has a seal"
    lake.run().ok()
    assert [row[2] for row in records(lab, target)] == [b"0", b"2", b"1"]
    assert crash_long_ago(b"bad", "letters.committed:1:crash", 2), "a batch with letters has no seal"
    lab.broker.forget_group(group_of(lake, "letters-letters"))
    lake.run().expect(1, "whether the dead letters of batch 2 are in the topic is not known", "72 hours ago", "at-least-once")
    assert [row[2] for row in records(lab, letters)] == [b"bad"]


def test_modes_in_turn(lab):
    source, target = filled(lab, 100), lab.topic(1)
    for number, delivery in enumerate(("exactly-once", "at-least-once", "at-least-once", "exactly-once", "exactly-once")):
        lab.broker.produce(source, [(0, b"k", b"%d" % number)])
        sink_of(lab, source, f", topic = '{target}', 'sluice.delivery' = '{delivery}'").run().ok()
    check_copied(lab, source, target)


def test_at_least_once_loses_nothing(lab):
    def check(case):
        lake, source, target = new_copy(lab, "alo-" + case.replace(":", "-"), more=", 'sluice.delivery' = 'at-least-once'")
        assert lake.run(failpoints=case).status == sluice.CRASHED
        lake.run().ok()
        want, have = (set(values_of(lab.broker, topic).values()) for topic in (source, target))
        assert have == want
    new_copy(lab, "first")
    each([f"kafka_sink.{step}:2:crash" for step in ("begun", "produced", "flushed", "committed")], check)


def test_letters_and_rows_each_once(lab):
    """Rows and dead letters are two sinks and two transactions of one batch: a crash between them doubles neither."""
    def check(case):
        source, target, letters = lab.topic(1), lab.topic(1), lab.topic(1)
        lab.broker.produce(source, [(0, b"k", b"%d" % i if i % 3 else b"bad%d" % i) for i in range(9)])
        lake = quarantine(lab, source, target, letters, name="q" + case.replace(":", "-"))
        assert lake.run(failpoints=case).status == sluice.CRASHED
        lake.run().ok()
        assert [row[2] for row in records(lab, target)] == [b"%d" % i for i in range(9) if i % 3]
        assert [row[2] for row in records(lab, letters)] == [b"bad%d" % i for i in range(0, 9, 3)]
    new_copy(lab, "first")
    each([f"kafka_sink.{step}:{nth}:crash" for step in STEPS for nth in (1, 2, 3)], check)
