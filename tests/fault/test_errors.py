"""System calls that fail: a clear error with the path, exit status 1, nothing lost, and the next start goes on."""
import os
import resource
import shutil
import subprocess

from fault.test_crash import LIMIT, each, readers_see_no_half_rows, source
from lib import process, sluice
from lib.lab import Skip, values_of

REASONS = {"enospc": "No space left on device", "eio": "Input/output error", "edquot": "Disk quota exceeded",
           "erofs": "Read-only file system", "emfile": "Too many open files", "exdev": "Invalid cross-device link",
           "einval": "Invalid argument"}
WRITING = ("enospc", "eio", "edquot", "erofs", "emfile")


def fail_then_restart(lab, case):
    point, nth, name = case
    topic, values = source(lab)
    lake = lab.lake(topic, name="-".join(map(str, case)), limit=LIMIT if point != "purge.pre" else 28, retain=2)
    result = lake.run(failpoints=f"{point}:{nth}:{name}")
    assert result.status == 1, f"status {result.status}: {result.err[-300:]}"
    assert REASONS[name] in result.err, f"no reason in: {result.err[-300:]}"
    assert point == "read.mid" or f"`{lake.dir}" in result.err, f"no path in: {result.err[-300:]}"
    readers_see_no_half_rows(lake, values)
    lake.run().ok()
    lake.check_whole(values)


def test_every_error_in_writing(lab):
    source(lab)
    calls = [("create", (1, 2)), ("write", (1, 4)), ("fsync", (1, 2)), ("rename", (1, 2))]
    cases = [(f"io.{call}", nth, name) for call, nths in calls for name in WRITING for nth in nths]
    each(cases, lambda case: fail_then_restart(lab, case))


def test_checksum_that_cannot_be_written(lab):
    """The second and third write are those of the sidecar of `metadata`: a file without a checksum is as good."""
    topic, values = source(lab)
    for nth in (2, 3):
        lake = lab.lake(topic, name=f"sidecar-{nth}", limit=LIMIT)
        lake.run(failpoints=f"io.write:{nth}:enospc").ok()
        assert not os.path.exists(lake.file(".metadata.crc"))
        lake.run().ok()
        lake.check_whole(values)


def test_fsync_fails_once(lab):
    """A failed fsync is never tried again on the same file, wherever it happens."""
    source(lab)
    each([("io.fsync", nth, "eio") for nth in range(3, 46, 3)], lambda case: fail_then_restart(lab, case))


def test_errors_in_the_protocol(lab):
    source(lab)
    steps = [(name, step) for name in ("offsets", "commits", "intents", "manifest", "marker")
             for step in ("pre", "synced", "named", "dirsynced")]
    cases = [(f"{name}.{step}", 2, "eio") for name, step in steps]
    cases += [("publish.rename", 2, "eio"), ("read.mid", 2, "eio"), ("purge.pre", 1, "erofs"),
              ("metadata.synced", 1, "enospc"), ("initial.named", 1, "enospc")]
    each(cases, lambda case: fail_then_restart(lab, case))


# ---- renames ----

def test_rename_without_noreplace(lab):
    """File systems that do not know RENAME_NOREPLACE say EINVAL: the names are then taken with link() and unlink()."""
    topic, values = source(lab)
    lake = lab.lake(topic, limit=LIMIT)
    lake.run(failpoints="io.noreplace:*:einval").ok()
    assert len(lake.batches()) > 2
    lake.check_whole(values)


def killed_between_link_and_unlink(lab, nth):
    topic, values = source(lab)
    lake = lab.lake(topic, name=f"linked-{nth}", limit=LIMIT)
    result = lake.run(failpoints=f"io.noreplace:*:einval,io.linked:{nth}:crash")
    assert result.status == sluice.CRASHED, f"status {result.status}: {result.err[-300:]}"
    readers_see_no_half_rows(lake, values)
    lake.run(failpoints="io.noreplace:*:einval" if nth < 8 else None).ok()
    lake.check_whole(values)


def test_kill_between_link_and_unlink(lab):
    source(lab)
    each(range(1, 13), lambda nth: killed_between_link_and_unlink(lab, nth))


def test_rename_fails(lab):
    """EXDEV and EINVAL of a plain rename have no second way."""
    source(lab)
    cases = [("io.rename", nth, name) for name in ("exdev", "einval") for nth in range(1, 20, 3)]
    cases += [("publish.rename", nth, name) for name in ("exdev", "einval") for nth in (1, 2, 5)]
    each(cases, lambda case: fail_then_restart(lab, case))


def test_partition_directory_is_another_file_system(lab):
    """A real EXDEV, met behind the commit point; when the mount is gone the batch is finished."""
    topic, values = source(lab)
    lake = lab.lake(topic, limit=LIMIT)
    folder = os.path.join(lake.table, "bucket=1")
    mount_tmpfs(folder, "1m")
    try:
        for _ in range(2):
            lake.run().expect(1, "Invalid cross-device link", f"`{folder}/part-")
            readers_see_no_half_rows(lake, values)
        assert lake.batches() == []
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
    lake.run().ok()
    lake.check_whole(values)


def test_error_in_recovery(lab):
    topic, values = source(lab)
    lake = lab.lake(topic, limit=LIMIT)
    assert lake.run(failpoints="publish.rename:2:crash").status == sluice.CRASHED
    for failure in ("recover.redo:1:eio", "publish.rename:2:enospc", "io.read:9:eio", "commits.named:1:eio"):
        lake.run(failpoints=failure).expect(1, f"`{lake.dir}" if "redo" not in failure else "batch 0")
    lake.run().ok()
    lake.check_whole(values)


# ---- real limits ----

def mount_tmpfs(folder, size):
    os.makedirs(folder, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        raise Skip("mount -t tmpfs is not allowed here: " + done.stderr.strip())
    return folder


def full_disk(lab, where):
    topic = lab.topic(4)
    lab.generate(topic, 300)
    values = values_of(lab.broker, topic)
    folder = mount_tmpfs(lab.path("small"), "64k")
    try:
        lake = lab.lake(topic, limit=LIMIT)
        os.makedirs(os.path.join(folder, where))
        os.symlink(os.path.join(folder, where), os.path.join(lake.dir, where))
        with open(os.path.join(folder, "ballast"), "wb") as ballast:
            ballast.write(b"x" * 61440)
        lake.run().expect(1, "No space left on device", f"`{lake.dir}/{where}/")
        readers_see_no_half_rows(lake, values)
        os.unlink(os.path.join(folder, "ballast"))
        subprocess.run(["mount", "-o", "remount,size=10m", folder], check=True)
        lake.run().ok()
        lake.check_whole(values)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        lab.generate(topic, 10)
        lake.run().expect(1, "Read-only file system", f"`{lake.dir}/{where}/")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_full_disk_of_table(lab):
    full_disk(lab, "t")


def test_full_disk_of_checkpoint(lab):
    full_disk(lab, "c")


def limited(lab, lake, kind, value):
    """Runs with a resource limit of the child only."""
    child = process.start([sluice.binary(), *lake.args()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=sluice.environment(), preexec_fn=lambda: resource.setrlimit(kind, (value, value)))
    out, err = child.communicate(timeout=60)
    process.forget(child)
    return sluice.Result(child.returncode, out, err)


def test_file_size_limit(lab):
    """EFBIG must be an error like any other, not a death by SIGXFSZ."""
    topic, values = source(lab)
    lake = lab.lake(topic)
    limited(lab, lake, resource.RLIMIT_FSIZE, 4096).expect(1, "File too large", f"`{lake.dir}")
    lake.run().ok()
    lake.check_whole(values)


def test_file_descriptor_limit(lab):
    topic, values = source(lab)
    for count in (16, 24, 40):
        lake = lab.lake(topic, name=f"fd{count}")
        result = limited(lab, lake, resource.RLIMIT_NOFILE, count)
        assert result.status in (0, 1, 69), f"{count} descriptors: status {result.status}: {result.err[-300:]}"
        assert result.status == 0 or "open files" in result.err, f"no reason in: {result.err[-300:]}"
        lake.run().ok()
        lake.check_whole(values)


# ---- paths ----

def test_table_path_is_a_file(lab):
    topic, _ = source(lab)
    lake = lab.lake(topic)
    open(lake.table, "w").close()
    lake.run().expect(1, f"`{lake.table}`", "a file of that name exists")


def test_checkpoint_path_is_a_file(lab):
    topic, _ = source(lab)
    lake = lab.lake(topic)
    open(lake.checkpoint, "w").close()
    lake.run().expect(1, f"`{lake.checkpoint}`", "a file of that name exists")


def test_table_removed_under_its_checkpoint(lab):
    topic, _ = source(lab)
    lake = lab.lake(topic, limit=LIMIT)
    lake.run().ok()
    shutil.rmtree(lake.table)
    lake.run().expect(78, f"the checkpoint has committed batch {lake.batches()[-1]}", f"`{lake.table}` ends at batch -1", "backup")


def test_table_removed_while_running(lab):
    """Rows that were committed are gone by somebody's hand: the program must stop and say so, at the latest at restart."""
    topic = lab.topic(1)
    lab.broker.produce(topic, [(0, b"k", b"%d" % i) for i in range(10)])
    lake = lab.lake(topic)
    running = lake.start(trigger="--every=100ms")
    process.wait_for(lambda: lake.batches() == [0], "batch 0")
    shutil.rmtree(lake.table)
    lab.broker.produce(topic, [(0, b"k", b"%d" % i) for i in range(10)])
    result = running.wait(20)
    assert result.status in (1, 78) and f"`{lake.table}" in result.err, f"status {result.status}: {result.err[-500:]}"
