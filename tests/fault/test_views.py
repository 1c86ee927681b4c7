"""A materialized view is replaced whole: the run is killed at each step of the replacement."""
import os

from lib import sluice, table

VIEW = """
CREATE MATERIALIZED VIEW v USING parquet PARTITIONED BY (p) LOCATION '${lake}/t'
AS SELECT id, id % 3 AS p, '${version}' AS version FROM VALUES (1), (2), (3), (4), (5) AS x(id) WHERE id > ${above}
"""
SELECT = "SELECT id, version FROM parquet.`${lake}/t`"
REPLACING = "being replaced by a materialized view"
FILES = 3  # one a partition


class View:
    def __init__(self, lab, name):
        self.dir = lab.path(name)
        self.table = os.path.join(self.dir, "t")
        self.pipeline, self.select = lab.write("view.sql", VIEW), lab.write("select.sql", SELECT)
        os.makedirs(self.dir)

    def run(self, version, above=0, failpoints=None):
        return sluice.run("run", self.pipeline, "-s", f"lake={self.dir}", "-s", f"version={version}", "-s",
                          f"above={above}", "--log-format", "text", failpoints=failpoints)

    def read(self):
        return sluice.run("sql", "-f", self.select, "-s", f"lake={self.dir}")

    def is_complete(self):
        return os.path.exists(os.path.join(self.table, "_SUCCESS"))

    def rows(self):
        return sorted(table.rows_of(self.table, table.files_by_listing(self.table), ["id", "version"]))

    def leftovers(self):
        staging = os.path.join(self.table, ".sluice-staging")
        return os.listdir(staging) if os.path.isdir(staging) else []

    def check(self, version, above=0):
        assert self.is_complete(), "no _SUCCESS"
        assert self.rows() == [(i, version) for i in range(above + 1, 6)], self.rows()
        self.read().ok()


def crash(lab, point, nth, committed):
    """committed: the point lies behind the commit point."""
    view = View(lab, f"{point}-{nth}")
    view.run("old").ok()
    view.check("old")
    result = view.run("new", above=1, failpoints=f"{point}:{nth}:crash")
    assert result.status == sluice.CRASHED, f"{point}:{nth} did not kill it: {result.status} {result.err[-300:]}"
    if not committed:
        view.check("old")
        view.run("third").ok()
    else:
        # either all of it, or nobody can take it for whole
        if view.is_complete():
            whole = [(i, "old") for i in range(1, 6)], [(i, "new") for i in range(2, 6)]
            assert view.rows() in whole, view.rows()
        elif view.leftovers():
            view.read().expect(75, REPLACING)
        # the next start first finishes what was begun, whatever becomes of its own work
        assert view.run("third", failpoints="intents.pre:1:crash").status == sluice.CRASHED
        view.check("new", above=1)
        view.run("third").ok()
    view.check("third")
    assert not view.leftovers(), view.leftovers()


def test_crash_before_the_commit_point(lab):
    for point in ("io.create", "intents.pre", "intents.written", "intents.synced"):
        crash(lab, point, 1, committed=False)


def test_crash_behind_the_commit_point(lab):
    for point in ("intents.named", "intents.dirsynced"):
        crash(lab, point, 1, committed=True)
    for step in ("pre", "written", "synced", "named"):
        crash(lab, f"success.{step}", 1, committed=True)


def test_crash_while_replacing(lab):
    for nth in range(1, FILES + 1):
        crash(lab, "replace.remove", nth, committed=True)
        crash(lab, "publish.rename", nth, committed=True)


def test_crash_in_recovery(lab):
    view = View(lab, "twice")
    view.run("old").ok()
    for point in ("replace.remove:2", "publish.rename:1", "publish.rename:2", "success.written:1"):
        assert view.run("new", failpoints=f"{point}:crash").status == sluice.CRASHED, point
        assert not view.is_complete()
        view.read().expect(75, REPLACING)
    assert view.run("third", failpoints="intents.pre:1:crash").status == sluice.CRASHED
    view.check("new")


def test_error_while_replacing(lab):
    """Not killed: the run ends with the reason, the next one finishes first."""
    for number, point in enumerate(("replace.remove:2:eio", "publish.rename:2:enospc", "success.written:1:eio")):
        view = View(lab, f"error{number}")
        view.run("old").ok()
        view.run("new", failpoints=point).expect(1, "error")
        view.read().expect(75, REPLACING)
        assert view.run("third", failpoints="intents.pre:1:crash").status == sluice.CRASHED
        view.check("new")


def test_what_cannot_be_finished_is_computed_again(lab):
    """Staged files are gone, or the intent is damaged: a view is derived, so it is made anew, and told."""
    for number, harm in enumerate(("staged", "intent")):
        view = View(lab, f"harm{number}")
        view.run("old").ok()
        assert view.run("new", failpoints="publish.rename:2:crash").status == sluice.CRASHED
        staging = os.path.join(view.table, ".sluice-staging")
        if harm == "staged":
            directory = next(os.path.join(staging, name) for name in os.listdir(staging) if name.startswith("view-"))
            for name in os.listdir(directory):
                os.unlink(os.path.join(directory, name))
        else:
            with open(os.path.join(staging, "view", "0"), "r+b") as file:
                file.truncate(40)
        view.run("third").expect(0, "computing it again")
        view.check("third")
