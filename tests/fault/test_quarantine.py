"""Killed at every step of batches with two sinks, of shared reads and of replays: after a restart each record is in the
table or in the letters, exactly once."""
import os

from fault.test_crash import PUT_STEPS, each, source
from flow.test_quarantine import check_shared
from lib import letters, sluice, table

LIMIT = 200


def is_seventh(_partition, offset):
    return offset % 7 == 3


def crashed(result, crash):
    assert result.status == sluice.CRASHED, f"{crash} did not kill it: status {result.status} {result.err[-300:]}"


def no_record_twice(lake, kind):
    """Between crash and restart a reader sees no record twice."""
    bad = os.path.join(lake.dir, "bad")
    for path, columns in ((lake.table, ("p", "o", "value")), (bad, ("partition", "offset", "value"))):
        if kind == "delta":
            letters.once(letters.rows_of(path, kind, *columns), path)
        elif os.path.isdir(path):  # what is listed may be ahead of the log for a moment
            for files in (table.files_by_listing(path), table.files_by_log(path)):
                letters.once(table.rows_of(path, files, columns), path)


def quarantine_crashes(lab, kind, crashes):
    topic, values = source(lab)
    name = kind + "+".join(crashes).replace(":", "-")
    lake = lab.lake(topic, name=name, pipeline="quarantine.sql", format=kind, drop=3, limit=LIMIT)
    for crash in crashes:
        crashed(lake.run(failpoints=crash), crash)
        no_record_twice(lake, kind)
    lake.run().ok()
    letters.check_split(lake, kind, values, is_seventh)
    seals = lake.file(".sluice", "letters")
    left = [name for name in os.listdir(seals) if name.isdigit()] if os.path.isdir(seals) else []
    assert not left, f"seals of letters stay: {left}"


def sweep(lab, kind, points, nths):
    source(lab)
    each([f"{point}:{nth}:crash" for point in points for nth in nths], lambda case: quarantine_crashes(lab, kind, [case]))


def test_crash_between_letters_and_rows(lab):
    for kind in ("delta", "parquet"):
        sweep(lab, kind, ["letters.committed", "rows.committed", "batch.committed", "read.mid"], (1, 3))


def test_crash_while_the_letters_are_sealed(lab):
    sweep(lab, "delta", [f"letters.{step}" for step in PUT_STEPS], (1, 2))


def test_crash_in_either_delta_commit(lab):
    sweep(lab, "delta", [f"delta.{step}" for step in PUT_STEPS], (1, 2, 3, 4))


def test_crash_in_either_parquet_commit(lab):
    points = [f"{name}.{step}" for name in ("intents", "manifest") for step in PUT_STEPS]
    sweep(lab, "parquet", [*points, "publish.rename"], (1, 2, 3))


def test_crash_in_commits(lab):
    sweep(lab, "delta", [f"commits.{step}" for step in PUT_STEPS], (1, 3))


def test_crash_of_letters_twice(lab):
    source(lab)
    cases = [("letters.committed:1", "rows.committed:1"), ("letters.committed:2", "letters.committed:1"),
             ("letters.named:1", "delta.named:2"), ("letters.committed:2", "read.mid:1")]
    cases = [tuple(point + ":crash" for point in case) for case in cases[:1] + cases[2:]]
    each(cases, lambda case: quarantine_crashes(lab, "delta", case))


def test_crash_in_shared_reads(lab):
    topic, values = source(lab)

    def check(crash):
        lake = lab.lake(topic, name="shared-" + crash.replace(":", "-"), pipeline="shared.sql", shared="true", limit=LIMIT)
        crashed(lake.run(failpoints=crash), crash)
        no_record_twice(lake, "delta")
        lake.run().ok()
        check_shared(lake, values)

    points = [f"{name}.{step}" for name in ("offsets", "commits") for step in PUT_STEPS]
    points += ["letters.committed", "rows.committed", "batch.committed", "delta.named", "intents.named", "read.mid"]
    each([f"{point}:{nth}:crash" for point in points for nth in (1, 2)], check)


def test_crash_in_a_replay(lab):
    """The next run of the pipeline, not of dlq, finishes what is planned."""
    topic, values = source(lab)

    def check(case):
        kind, crash = case
        lake = lab.lake(topic, name=kind + crash.replace(":", "-"), pipeline="quarantine.sql", format=kind, drop=3, limit=LIMIT)
        lake.run().ok()
        lake.variables["drop"] = 100
        crashed(letters.dlq(lake, "replay", failpoints=crash), crash)
        no_record_twice(lake, kind)
        lake.run().ok()
        letters.dlq(lake, "replay").ok()
        rows = letters.once(letters.rows_of(lake.table, kind, "p", "o", "value"), "the table")
        assert rows == values, f"{len(rows)} rows, want {len(values)}"

    points = [f"{name}.{step}" for name in ("replay", "offsets", "commits") for step in PUT_STEPS]
    points += ["read.mid", "rows.committed", "batch.committed"]
    cases = [("delta", f"{point}:1:crash") for point in [*points, "delta.pre", "delta.named"]]
    cases += [("parquet", f"{point}:1:crash") for point in ("replay.named", "offsets.dirsynced", "intents.named", "publish.rename",
                                                            "manifest.pre", "commits.pre")]
    each(cases, check)


def test_crash_in_a_replay_of_letters_in_a_topic(lab):
    """Half of the letters fail again: the killed batch writes rows and letters, each exactly once."""
    topic, values = source(lab)

    def check(crash):
        rejected = lab.topic(2)
        name = "topic" + crash.replace(":", "-")
        lake = lab.lake(topic, name=name, pipeline=letters.in_topic(lab, rejected, name + ".sql"), format="delta", drop=3, limit=LIMIT)
        lake.run().ok()
        with open(lake.pipeline) as text:
            fixed = text.read().replace("o % 7 <> ${drop}", "o % 7 <> ${drop} OR p % 2 = 0")
        lake.pipeline = lab.write(name + ".sql", fixed)
        crashed(letters.dlq(lake, "replay", failpoints=crash), crash)
        lake.run().ok()
        again = letters.of_topic(lab.broker, rejected)
        rows = letters.once(letters.rows_of(lake.table, "delta", "p", "o", "value"), "the table")
        odd = {at: value for at, value in values.items() if is_seventh(*at) and at[0] % 2}
        assert rows == {at: value for at, value in values.items() if at not in odd}
        assert sorted(set(again)) == sorted((*at, value) for at, value in values.items() if is_seventh(*at))
        assert sorted(row for row in again if row[:2] in odd) == sorted(2 * [(*at, value) for at, value in odd.items()])

    points = ["offsets.named", "read.mid", "letters.committed", "rows.committed", "commits.named", "batch.committed"]
    each([f"{point}:1:crash" for point in points], check)
