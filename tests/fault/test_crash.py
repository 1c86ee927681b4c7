"""The program is killed at every named failpoint; after a restart each record is in the table exactly once."""
import concurrent.futures
import os

from lib import ledger, sluice, table
from lib.lab import values_of

PUT_STEPS = ("pre", "written", "synced", "named", "dirsynced")
RECORDS, LIMIT = 600, 200  # three batches


def source(lab):
    """A topic of mixed records, made once: (topic, {(partition, offset): value})."""
    if "crash" not in lab.cache:
        topic = lab.topic(4)
        path = lab.generate(topic, RECORDS, "--bad", "3%", "--null", "3%", "--dup", "3%", "--negative", "3%", "--keyed")
        values = values_of(lab.broker, topic)
        ledger.check_values(path, values.values())
        lab.cache["crash"] = topic, values
    return lab.cache["crash"]


def each(cases, check):
    """Runs the cases side by side; all failures in one message."""
    failures = []
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        futures = {pool.submit(check, case): case for case in cases}
        for future in concurrent.futures.as_completed(futures):
            if future.exception():
                failures.append(f"{futures[future]}: {str(future.exception())[:400]}")
    assert not failures, f"{len(failures)} of {len(futures)} cases: " + " | ".join(sorted(failures)[:4])


def readers_see_no_half_rows(lake, values):
    """Between crash and restart a reader may see part of a batch, but no wrong row and none twice."""
    for files in (table.files_by_listing(lake.table) if os.path.isdir(lake.table) else [], table.files_by_log(lake.table)):
        rows = table.rows_of(lake.table, files, ["p", "o", "value"])
        assert len({row[:2] for row in rows}) == len(rows), "a reader sees a row twice after the crash"
        assert all(values[row[:2]] == row[2] for row in rows), "a reader sees a wrong row after the crash"


def crash_then_restart(lab, crashes, limit=LIMIT, retain=100):
    """crashes: failpoint texts, one per start; each start must be killed by its own."""
    topic, values = source(lab)
    lake = lab.lake(topic, name="+".join(crashes).replace(":", "-"), limit=limit, retain=retain)
    for crash in crashes:
        result = lake.run(failpoints=crash)
        assert result.status == sluice.CRASHED, f"{crash} did not kill it: status {result.status} {result.err[-300:]}"
        readers_see_no_half_rows(lake, values)
    lake.run().ok()
    lake.check_whole(values)


def sweep(lab, points, nths):
    source(lab)
    cases = [f"{point}:{nth}:crash" for point in points for nth in nths]
    each(cases, lambda case: crash_then_restart(lab, [case]))


def test_crash_in_offsets(lab):
    sweep(lab, [f"offsets.{step}" for step in PUT_STEPS], (1, 3))


def test_crash_in_commits(lab):
    sweep(lab, [f"commits.{step}" for step in PUT_STEPS], (1, 3))


def test_crash_in_intents(lab):
    sweep(lab, [f"intents.{step}" for step in PUT_STEPS], (1, 2))


def test_crash_in_manifest(lab):
    sweep(lab, [f"manifest.{step}" for step in PUT_STEPS], (1, 3))


def test_crash_in_marker(lab):
    sweep(lab, [f"marker.{step}" for step in PUT_STEPS], (1, 2))


def test_crash_in_first_files(lab):
    sweep(lab, [f"{name}.{step}" for name in ("metadata", "initial") for step in PUT_STEPS], (1,))


def test_crash_while_publishing(lab):
    sweep(lab, ["publish.rename"], (1, 2, 3, 7))


def test_crash_while_reading(lab):
    sweep(lab, ["read.mid"], (1, 2, 5))


def test_crash_at_every_tenth_log(lab):
    """Compaction of _spark_metadata (batches 9, 19) and purge of the checkpoint, in a run of many batches."""
    source(lab)
    cases = ["purge.pre:1:crash", *(f"manifest.{step}:10:crash" for step in PUT_STEPS), "commits.pre:11:crash",
             "manifest.named:20:crash"]
    each(cases, lambda case: crash_then_restart(lab, [case], limit=28, retain=2))


def every_nth(lab, point, limit, most):
    """Crash at the first, second, ... use of a system call until the run ends without reaching it."""
    topic, values = source(lab)

    def reaches(nth):
        lake = lab.lake(topic, name=f"{point}-{nth}", limit=limit)
        result = lake.run(failpoints=f"{point}:{nth}:crash")
        assert result.status in (0, sluice.CRASHED), f"status {result.status}: {result.err[-300:]}"
        readers_see_no_half_rows(lake, values)
        if result.status:
            lake.run().ok()
        lake.check_whole(values)
        return result.status != 0

    reached = []
    each(range(1, most + 1), lambda nth: reached.append((nth, reaches(nth))))
    assert (1, True) in reached, f"{point} is never used"
    assert not dict(reached)[most], f"{point} is used more than {most} times: raise the bound"


def test_crash_at_every_fsync(lab):
    every_nth(lab, "io.fsync", 1000000, 48)


def test_crash_at_every_write(lab):
    every_nth(lab, "io.write", 1000000, 40)


def test_crash_at_every_create(lab):
    every_nth(lab, "io.create", 1000000, 9)


def test_crash_at_every_rename(lab):
    every_nth(lab, "io.rename", 1000000, 16)


def test_crash_in_recovery_twice(lab):
    """A crash behind the commit point, then a crash of the recovery, then one more."""
    source(lab)
    first = ("intents.named:2", "publish.rename:3", "marker.synced:1", "manifest.synced:2")
    later = ("recover.redo:1", "marker.written:1", "manifest.pre:1", "commits.synced:1", "commits.pre:1")
    cases = [(a, b, c) for a in first for b, c in zip(later, later[1:])]
    each(cases, lambda case: crash_then_restart(lab, [f"{point}:crash" for point in case]))


def test_crash_in_rerun_twice(lab):
    """A crash before the commit point, then two crashes of the rerun."""
    source(lab)
    cases = [("offsets.named:2", "read.mid:1", "intents.pre:1"), ("read.mid:3", "io.fsync:3", "intents.written:1"),
             ("intents.synced:1", "io.write:1", "intents.dirsynced:1"), ("offsets.dirsynced:1", "publish.rename:1", "recover.redo:1")]
    each(cases, lambda case: crash_then_restart(lab, [f"{point}:crash" for point in case]))
