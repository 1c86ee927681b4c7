"""Parts of two histories in one checkpoint: a state, an offset or a watermark that was copied from elsewhere, or is gone,
is refused by name, or what it said is found again exactly. No row is lost or there twice."""
import json
import os
import shutil
import struct

from fault.test_crash import each
from fault.test_state import OTHERS, WINDOWS, Query, undisturbed
from lib import ledger, sluice

COUNT = 14
SELECTS = {"windows": WINDOWS, "outer": OTHERS["outer"]}


def prepare(lab):
    for select in SELECTS.values():
        undisturbed(lab, select, COUNT)


def copy(query, of, part):
    """Puts the part of `of`'s checkpoint in the place of the query's."""
    source, target = (os.path.join(one.checkpoint, part) for one in (of, query))
    if os.path.isdir(source):
        shutil.rmtree(target)
        shutil.copytree(source, target)
        return
    shutil.copy(source, target)
    folder, name = os.path.split(part)
    sidecar = os.path.join(folder, f".{name}.crc")
    if os.path.exists(os.path.join(of.checkpoint, sidecar)):
        shutil.copy(os.path.join(of.checkpoint, sidecar), os.path.join(query.checkpoint, sidecar))


def forked(lab, name, select, into_other=None):
    """Two checkpoints of one query with five batches in common and four of their own."""
    query, other = Query(lab, f"{name} a", select, COUNT), Query(lab, f"{name} b", select, COUNT)
    query.run("--max-batches", "5").ok()
    for folder in ("checkpoint", "table"):
        shutil.copytree(getattr(query, folder), getattr(other, folder))
    shutil.rmtree(other.input), shutil.rmtree(other.replies)
    other.input, other.replies = query.input, query.replies  # the same files: only the times of the batches differ
    other.save(select)
    for one in (query, other):
        one.run("--max-batches", "4").ok()
    return query, other


PARTS = {".sluice/state": "version 9 of the state was made from other offsets than this checkpoint's offsets/8",
         ".sluice/state/0/9.changes": "version 9 of the state was made from other offsets than this checkpoint's offsets/8",
         ".sluice/state/0/7.changes": "does not follow from version",
         "offsets/8": "made from other offsets", "offsets": "made from other offsets"}


def test_state_of_another_history(lab):
    """A fork of the same query, with the same files and the same ends of its batches."""
    prepare(lab)

    def check(case):
        kind, part = case
        query, other = forked(lab, f"{kind} {part}".replace("/", " "), SELECTS[kind])
        before, kept = query.rows(), query.checkpoint + " kept"
        shutil.copytree(query.checkpoint, kept)
        copy(query, other, part)
        result = query.run()
        assert result.status in (1, 78) and PARTS[part] in result.err, f"{result.status}: {result.err[-400:]}"
        assert "help: " in result.err and query.rows() == before
        shutil.rmtree(query.checkpoint)  # the whole checkpoint of one history goes on
        shutil.copytree(kept, query.checkpoint)
        query.run().ok()
        assert query.rows() == undisturbed(lab, SELECTS[kind], COUNT)
    each([(kind, part) for kind in SELECTS for part in PARTS], check)


def strip(path):
    """The file as releases before the ties wrote it: its header without them, in the same length."""
    with open(path, "r+b") as file:
        data = file.read()
        length = struct.unpack_from("<I", data, 8)[0]
        header = json.loads(data[12:12 + length])
        assert len(header.pop("offsets")) == 16 and len(header.pop("before")) == 16
        text = json.dumps(header, separators=(",", ":")).encode().ljust(length)
        assert len(text) == length
        file.seek(12)
        file.write(text + struct.pack("<Q", ledger.xxh64(text)))


def test_state_of_older_releases(lab):
    """Files without ties are read; those that come behind them have them."""
    prepare(lab)

    def check(kind):
        query = Query(lab, f"older {kind}", SELECTS[kind], COUNT)
        query.run("--max-batches", "6").ok()
        for folder, _, names in os.walk(query.state()):
            for name in names:
                strip(os.path.join(folder, name))
        query.run("--max-batches", "3").ok()
        query.run("--workers", "1").ok()
        assert query.rows() == undisturbed(lab, SELECTS[kind], COUNT)
    each(SELECTS, check)


def lose_record(query, how):
    path = os.path.join(query.checkpoint, ".sluice/watermark")
    if how == "gone":
        os.remove(path)
        return
    with open(path) as file:
        record = json.load(file)
    record["batchId"] -= 3  # of another moment
    with open(path, "w") as file:
        json.dump(record, file)


def test_lost_watermark(lab):
    """The record is gone, or of another batch. With one clause all is known without it: between batches from commits/N,
    behind a commit that was not logged by running the batch again. With two clauses the query stops."""
    prepare(lab)

    def check(case):
        kind, how, point = case
        query = Query(lab, " ".join(map(str, case)).replace(":", "-"), SELECTS[kind], COUNT)
        if point:
            assert query.run(failpoints=f"{point}:crash").status == sluice.CRASHED
        else:
            query.run("--max-batches", "7").ok()
        lose_record(query, how)
        if kind == "windows":
            query.run().ok()
            assert query.rows() == undisturbed(lab, SELECTS[kind], COUNT)
        else:
            before = query.rows()
            query.run().expect(78, ".sluice/watermark has no record of batch", "2 WATERMARK clauses", "restore the whole checkpoint")
            assert query.rows() == before
    points = (None, "rows.committed:8", "commits.pre:8", "intents.pre:4", "offsets.named:8")
    each([(kind, how, point) for kind in SELECTS for how in ("gone", "old") for point in points], check)


def test_verify_tells(lab):
    """`sluice checkpoint verify` finds a fork before a query does."""
    query, other = forked(lab, "verified", WINDOWS)
    sluice.run("checkpoint", "verify", query.checkpoint).ok()
    copy(query, other, ".sluice/state/0/9.changes")
    result = sluice.run("checkpoint", "verify", query.checkpoint)
    assert result.status == 3 and "9.changes" in result.out and "other offsets" in result.out, result.out
