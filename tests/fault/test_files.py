"""Damaged, missing and foreign checkpoint files: refused with the file's name, never taken silently."""
import json
import os
import shutil

from fault.test_crash import LIMIT, source
from lib import process, sluice, table
from lib.lab import Skip

EMPTY, HALF, NULS = b"", None, "nul"


def sidecar(path):
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.crc")


def damage(path, how, keep_sidecar=False):
    """keep_sidecar: as a disk does it; without, as somebody who knows Hadoop's checksums."""
    if not keep_sidecar and os.path.exists(sidecar(path)):
        os.remove(sidecar(path))
    with open(path, "rb") as file:
        content = file.read()
    new = content[:len(content) // 2] if how is HALF else bytes(len(content)) if how == NULS else how
    with open(path, "wb") as file:
        file.write(new)


def flip_digit(path):
    """Changes one digit of the last line, so that the file stays well-formed."""
    with open(path, "rb") as file:
        content = bytearray(file.read())
    at = max(i for i, byte in enumerate(content) if chr(byte).isdigit())
    content[at] ^= 1
    damage(path, bytes(content))


def finished(lab, name="lake", limit=LIMIT):
    topic, values = source(lab)
    lake = lab.lake(topic, name=name, limit=limit)
    lake.run().ok()
    return lake, values


def planned(lab, name, point="intents.pre:2"):
    """Batch 1 is planned, but not committed."""
    topic, values = source(lab)
    lake = lab.lake(topic, name=name, limit=LIMIT)
    assert lake.run(failpoints=point + ":crash").status == sluice.CRASHED
    return lake, values


def refuse(lake, status, *texts):
    """Refused with a message; nothing in table or checkpoint has changed."""
    before = (table.files_by_listing(lake.table), lake.batches())
    result = lake.run()
    assert result.status in (status if isinstance(status, tuple) else (status,)), f"status {result.status}: {result.err[-500:]}"
    for text in texts:
        assert text in result.err, f"`{text}` is not in: {result.err[-500:]}"
    assert (table.files_by_listing(lake.table), lake.batches()) == before, "something was changed"


def test_damaged_offsets(lab):
    for number, how in enumerate((EMPTY, HALF, NULS, b"v1\n", b"v9\n{}\n{}", b"v1\n{}\n")):
        lake, _ = finished(lab, f"last{number}")
        damage(lake.file("offsets", str(lake.batches()[-1])), how)
        refuse(lake, (1, 78), f"{lake.checkpoint}/offsets/{lake.batches()[-1]}")
        lake, _ = planned(lab, f"planned{number}")
        damage(lake.file("offsets", "1"), how)
        refuse(lake, (1, 78), f"{lake.checkpoint}/offsets/1")


def test_flipped_digit_in_offsets(lab):
    lake, _ = finished(lab)
    last = lake.batches()[-1]
    flip_digit(lake.file("offsets", str(last)))
    refuse(lake, 78, f"batch {last} of table", f"other offsets than offsets/{last}")
    lake, _ = planned(lab, "before")
    flip_digit(lake.file("offsets", "0"))
    refuse(lake, 78, "batch 0 of table", "other offsets than offsets/0")


def test_flipped_digit_behind_the_commit_point(lab):
    lake, _ = planned(lab, "intended", "publish.rename:8")
    flip_digit(lake.file("offsets", "1"))
    result = lake.run()
    result.expect(78, "batch 1 of table", "other offsets than offsets/1")


def test_damaged_commits(lab):
    for number, how in enumerate((EMPTY, HALF, NULS, b"v9\n{}", b"v1\n{\"nextBatch", b"hello")):
        lake, _ = finished(lab, f"lake{number}")
        last = str(lake.batches()[-1])
        damage(lake.file("commits", last), how)
        refuse(lake, (1, 78), f"{lake.checkpoint}/commits/{last}")


def test_damaged_metadata(lab):
    for number, how in enumerate((EMPTY, HALF, NULS, b"{}", b'{"id":""}', b'{"id":5}')):
        lake, _ = finished(lab, f"lake{number}")
        damage(lake.file("metadata"), how)
        refuse(lake, 78, f"{lake.checkpoint}/metadata", "backup")


def test_damaged_intent(lab):
    for number, how in enumerate((EMPTY, HALF, NULS)):
        lake, _ = planned(lab, f"lake{number}", "publish.rename:8")
        damage(lake.file(".sluice", "intents", "1"), how)
        refuse(lake, 1, f"{lake.checkpoint}/.sluice/intents/1", "damaged", "backup")


def test_every_flipped_bit_of_an_intent(lab):
    lake, values = planned(lab, "lake", "intents.dirsynced:2")
    path = lake.file(".sluice", "intents", "1")
    with open(path, "rb") as file:
        good = file.read()
    for at in range(0, len(good), max(1, len(good) // 25)):
        bad = bytearray(good)
        bad[at] ^= 1 << at % 8
        damage(path, bytes(bad))
        refuse(lake, 1, "damaged")
    damage(path, good)
    lake.run().ok()
    lake.check_whole(values)


def refuse_each_flip(lake, path, texts, flips=20):
    with open(path, "rb") as file:
        good = file.read()
    for at in range(0, len(good), max(1, len(good) // flips)):
        bad = bytearray(good)
        bad[at] ^= 1 << at % 8
        damage(path, bytes(bad), keep_sidecar=True)
        refuse(lake, 78, *texts)
    damage(path, good, keep_sidecar=True)


def test_flipped_bits_of_each_file(lab):
    """Every file that Spark has, too: a bit flips, and its checksum tells."""
    topic, values = source(lab)
    lake = lab.lake(topic, name="planned", limit=LIMIT)
    assert lake.run(failpoints="intents.pre:1:crash").status == sluice.CRASHED
    for name in ("metadata", "sources/0/0", "offsets/0"):
        refuse_each_flip(lake, lake.file(name), [f"{lake.checkpoint}/{name}", "checksum"])
    lake.run().ok()
    lake.check_whole(values)
    last = lake.batches()[-1]
    for name in (f"offsets/{last}", f"commits/{last}"):
        refuse_each_flip(lake, lake.file(name), [f"{lake.checkpoint}/{name}", "checksum"])


def test_flipped_bits_of_the_table_log(lab):
    """A reader of the log and the next compaction refuse it."""
    topic, _ = source(lab)
    lake = lab.lake(topic, limit=60)
    lake.run("--max-batches", 9).ok()
    path = os.path.join(lake.table, "_spark_metadata", "4")
    with open(path, "rb") as file:
        good = file.read()
    for at in range(0, len(good), len(good) // 10):
        damage(path, good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1:], keep_sidecar=True)
        lake.run().expect(78, path)
    damage(path, good, keep_sidecar=True)
    lake.run().ok()


def test_damaged_initial_offsets(lab):
    for number, how in enumerate((EMPTY, HALF, NULS)):
        topic, _ = source(lab)
        lake = lab.lake(topic, name=f"lake{number}", limit=LIMIT)
        assert lake.run(failpoints="intents.pre:1:crash").status == sluice.CRASHED
        damage(lake.file("sources", "0", "0"), how)
        refuse(lake, (1, 78), f"{lake.checkpoint}/sources/0/0")


def test_damaged_table_log(lab):
    topic, _ = source(lab)
    lake = lab.lake(topic, limit=60)
    lake.run("--max-batches", 9).ok()
    damage(os.path.join(lake.table, "_spark_metadata", "4"), EMPTY)
    lake.run().expect(78, f"{lake.table}/_spark_metadata/4", "v1")


def test_staged_file_gone(lab):
    lake, _ = planned(lab, "lake", "publish.rename:8")
    staged = table.leftovers(lake.table)
    os.unlink(next(path for path in staged if ".sluice-staging" in path))
    for _ in range(2):
        lake.run().expect(1, "batch 1 was committed, but its file", "is gone")


def test_metadata_missing(lab):
    lake, _ = finished(lab)
    os.unlink(lake.file("metadata"))
    refuse(lake, 78, f"`{lake.checkpoint}`", "metadata")


def test_hole_in_offsets(lab):
    lake, _ = finished(lab)
    last = lake.batches()[-1]
    os.unlink(lake.file("offsets", str(last - 1)))
    refuse(lake, 78, f"batch {last - 1} doesn't exist", f"`{lake.checkpoint}`")


def test_commits_ahead_of_offsets(lab):
    lake, _ = finished(lab)
    last = lake.batches()[-1]
    os.unlink(lake.file("offsets", str(last)))
    refuse(lake, 78, f"commits/{last} has no offsets/{last}")


def test_commits_far_behind_offsets(lab):
    """Batches that are in the table must not be run again, however many commits are missing."""
    lake, _ = finished(lab)
    last = lake.batches()[-1]
    for batch in (last, last - 1):
        os.unlink(lake.file("commits", str(batch)))
    before = table.files_by_listing(lake.table)
    result = lake.run()
    assert table.files_by_listing(lake.table) == before, "rows were doubled"
    assert result.status in (0, 78), result.err


def test_older_checkpoint_restored(lab):
    """A backup of the checkpoint beside a newer table: going on would lose or double rows."""
    topic, _ = source(lab)
    lake = lab.lake(topic, limit=LIMIT)
    lake.run("--max-batches", 1).ok()
    shutil.copytree(lake.checkpoint, lab.path("backup"))
    lake.run().ok()
    shutil.rmtree(lake.checkpoint)
    shutil.copytree(lab.path("backup"), lake.checkpoint)
    refuse(lake, 78, f"`{lake.table}` has batch", "planned only up to batch 0", "backup")


def test_older_checkpoint_that_went_on_elsewhere(lab):
    """The same batch ids, made from other offsets."""
    topic, _ = source(lab)
    lake = lab.lake(topic, limit=LIMIT)
    lake.run("--max-batches", 1).ok()
    shutil.copytree(lake.dir, lab.path("twin"))
    lake.run().ok()
    twin = lab.lake(topic, name="twin", limit=LIMIT // 2)
    twin.run("--max-batches", len(lake.batches()) - 1).ok()
    shutil.rmtree(lake.checkpoint)
    shutil.copytree(twin.checkpoint, lake.checkpoint)
    refuse(lake, 78, "was made from other offsets", f"`{lake.table}`")


def test_new_checkpoint_on_a_used_table(lab):
    lake, _ = finished(lab)
    shutil.rmtree(lake.checkpoint)
    before = table.files_by_listing(lake.table)
    lake.run().expect(78, f"`{lake.table}` already has batches", "checkpoint is new")
    assert table.files_by_listing(lake.table) == before


def test_checkpoint_of_two_sources(lab):
    lake, _ = finished(lab)
    path = lake.file("offsets", str(lake.batches()[-1]))
    with open(path, "rb") as file:
        content = file.read()
    damage(path, content + b'\n{"other":{"0":1}}')
    refuse(lake, 78, "2 sources", "1 sources")


def test_two_starts_on_one_checkpoint(lab):
    topic, values = source(lab)
    lake = lab.lake(topic, limit=LIMIT)
    first = lake.start()
    process.wait_for(lambda: lake.batches(), "the first to run")
    result = lake.run().expect(75, str(first.child.pid), lake.checkpoint)
    assert os.uname().nodename in result.err, f"the holder's host is not named: {result.err}"
    os.kill(first.child.pid, 15)
    first.wait().ok()
    lake.run().ok()
    lake.check_whole(values)


def test_lock_file_deleted_while_running(lab):
    """Even without the lock file a second writer finds out and neither loses nor doubles a row."""
    topic = lab.topic(1)
    lab.generate(topic, 100)
    lake = lab.lake(topic)
    first = lake.start(trigger="--every=50ms")
    process.wait_for(lambda: lake.batches(), "batch 0")
    os.unlink(lake.file(".sluice.lock"))
    second = lake.start(trigger="--every=50ms")
    process.wait_for(lambda: os.path.exists(lake.file(".sluice.lock")), "the second to start")
    for seed in range(2, 8):
        lab.generate(topic, 50, seed=seed)
    process.wait_for(lambda: not (first.is_running() and second.is_running()), "one to give up")
    for running in (first, second):
        if running.is_running():
            os.kill(running.child.pid, 15)
    results = [first.wait(), second.wait()]
    assert any(result.status not in (0, -15) for result in results), [result.status for result in results]
    lake.run()
    rows = table.rows_of(lake.table, table.files_by_log(lake.table), ["p", "o"])
    assert len(rows) == len(set(rows)), "Spark's readers see a row twice"
