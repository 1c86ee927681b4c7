"""Directories of files as sources: pipelines over them, and the same reads by Spark."""
import json
import os

from lib import sluice


def write(path, data):
    """Under its name only when it is complete: a stream reads a file once."""
    folder, name = os.path.split(path)
    os.makedirs(folder, exist_ok=True)
    hidden = os.path.join(folder, "._" + name)
    with open(hidden, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    os.rename(hidden, path)
    return path


def quote(text):
    return "'" + str(text).replace("\\", "\\\\").replace("'", "\\'") + "'"


def options_text(options):
    return ", ".join(f"{name} = {quote(value)}" for name, value in options.items())


def relation(form, path, options, stream=False):
    text = f"{'STREAM ' if stream else ''}{form}.`{path}`"
    return text + (f" WITH ({options_text(options)})" if options else "")


def read(form, path, options, columns="*", **settings):
    """Rows as dicts of texts, or the error's first line."""
    sets = "".join(f"SET {name} = {value};\n" for name, value in settings.items())
    result = sluice.run("sql", "--format", "json", "-c", f"{sets}SELECT {columns} FROM {relation(form, path, options)}")
    if result.status != 0:
        return "error: " + result.err.splitlines()[0]
    return [json.loads(line) for line in result.out.splitlines() if line]


class Stream:
    """A pipeline that reads a directory into a Parquet table."""

    def __init__(self, lab, form, options, columns="*", name="files", by=""):
        self.lab, self.form, self.options, self.columns, self.by = lab, form, options, columns, by
        self.input, self.table, self.checkpoint = (lab.path(name, part) for part in ("in", "t", "c"))
        self.sql = lab.path(name, "p.sql")
        os.makedirs(self.input)
        self.save()

    def save(self, **more):
        options = {**self.options, **more}
        write(self.sql, f"""CREATE STREAMING TABLE t USING parquet {self.by} LOCATION '{self.table}'
TBLPROPERTIES ('sluice.checkpointLocation' = '{self.checkpoint}')
AS SELECT {self.columns} FROM {relation(self.form, self.input, options, stream=True)};
""")

    def add(self, name, data, modified=None):
        path = write(os.path.join(self.input, name), data)
        if modified is not None:
            os.utime(path, (modified, modified))
        return path

    def run(self, *more, failpoints=None):
        return sluice.run("run", self.sql, "--available-now", *more, failpoints=failpoints)

    def log(self, batch):
        base = os.path.join(self.checkpoint, "sources/0", str(batch))
        path = base if os.path.exists(base) else base + ".compact"
        with open(path) as file:
            lines = file.read().split("\n")
        assert lines[0] == "v1", lines[:1]
        return [json.loads(line) for line in lines[1:]]

    def offsets(self):
        found = {}
        folder = os.path.join(self.checkpoint, "offsets")
        for name in os.listdir(folder):
            if name.isdigit():
                with open(os.path.join(folder, name)) as file:
                    found[int(name)] = file.read().split("\n")[2]
        return found
