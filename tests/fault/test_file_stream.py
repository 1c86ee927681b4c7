"""A stream of files is killed at every step, or refused a write: after a restart each row is there once."""
import json

from fault.test_crash import PUT_STEPS, each
from lib import files, sluice, table

FILES, ROWS = 24, 5


def make(lab, name, log_interval=None):
    stream = files.Stream(lab, "json", {"schema": "id BIGINT", "maxFilesPerTrigger": "2"}, name=name.replace(":", "-").replace(",", "+"))
    for number in range(FILES):
        stream.add(f"{number:02}.json", "".join(json.dumps({"id": number * ROWS + i}) + "\n" for i in range(ROWS)), modified=1700000000 + number)
    return stream


def check(stream):
    rows = sorted(row[0] for row in table.rows_of(stream.table, table.files_by_log(stream.table), ["id"]))
    assert rows == list(range(FILES * ROWS)), f"{len(rows)} rows, want {FILES * ROWS}"
    logged = [entry["path"] for batch in range(FILES // 2) for entry in stream.log(batch) if entry["batchId"] == batch]
    assert len(logged) == len(set(logged)) == FILES


def killed(lab, failpoint):
    stream = make(lab, failpoint)
    result = stream.run(failpoints=failpoint)
    assert result.status == sluice.CRASHED, f"{failpoint} did not kill it: status {result.status} {result.err[-300:]}"
    stream.run().ok()
    check(stream)


def test_kill_at_the_files_log(lab):
    """The 10th write of the log is a compaction."""
    each([f"sources.{step}:{nth}:crash" for step in PUT_STEPS for nth in (1, 2, 10, 11)], lambda case: killed(lab, case))


def test_kill_between_log_and_commit(lab):
    points = ["offsets.pre:1", "offsets.named:3", "read.mid:1", "read.mid:4", "intents.pre:2", "intents.named:2", "manifest.synced:1", "commits.pre:1", "commits.named:5"]
    each([f"{point}:crash" for point in points], lambda case: killed(lab, case))


def test_the_log_cannot_be_written(lab):
    def refused(case):
        stream = make(lab, case)
        result = stream.run(failpoints=case)
        assert result.status == 1 and "sources" in result.err, f"status {result.status} {result.err[-300:]}"
        stream.run().ok()
        check(stream)
    each([f"sources.{step}:{nth}:enospc" for step in PUT_STEPS[1:3] for nth in (1, 10)], refused)


def test_a_damaged_log_is_refused(lab):
    import os
    stream = make(lab, "damaged")
    stream.run().ok()
    path = os.path.join(stream.checkpoint, "sources/0/11")
    with open(path, "r+b") as file:
        file.seek(20)
        file.write(b"#")
    stream.add("new.json", '{"id":1}\n')
    stream.run().expect(78, "sources/0/11")
