"""A Parquet table seen in both ways readers see it: by its directory, and by Spark's _spark_metadata."""
import json
import os
import re
import urllib.parse

import pyarrow.parquet as pq


def files_by_listing(table):
    """Data files that a reader sees that lists the directory (names with . or _ are hidden), relative."""
    found = []
    for folder, folders, names in os.walk(table):
        folders[:] = [name for name in folders if name[0] not in "._" or "=" in name]
        found += [os.path.relpath(os.path.join(folder, name), table) for name in names if name[0] not in "._"]
    return sorted(found)


def log_batches(table):
    """Batches in the log: {id: is_compact}, with the rule that the newest ones are without a hole."""
    log = os.path.join(table, "_spark_metadata")
    batches = {}
    for name in os.listdir(log) if os.path.isdir(log) else []:
        match = re.fullmatch(r"(\d+)(\.compact)?", name)
        if match:
            batches[int(match[1])] = batches.get(int(match[1]), False) or bool(match[2])
    return batches


def files_by_log(table):
    """Data files according to _spark_metadata, in the way Spark reads it; relative."""
    batches = log_batches(table)
    if not batches:
        return []
    compact = max((b for b, is_compact in batches.items() if is_compact), default=-1)
    live = [b for b in sorted(batches) if b >= compact]
    first = max(compact, 0)
    assert live == list(range(first, first + len(live))), f"Spark's log has a hole: {live}"
    found = []
    for batch in live:
        name = f"{batch}.compact" if batch == compact else str(batch)
        with open(os.path.join(table, "_spark_metadata", name)) as text:
            lines = text.read().split("\n")
        assert lines[0] == "v1", f"{name} begins with {lines[0]!r}"
        for line in filter(None, lines[1:]):
            entry = json.loads(line)
            assert entry["action"] == "add", entry
            path = urllib.parse.unquote(urllib.parse.urlparse(entry["path"]).path)
            assert os.path.getsize(path) == entry["size"], f"{path} is not as large as its log entry says"
            found.append(os.path.relpath(path, os.path.realpath(table)))
    assert len(set(found)) == len(found), "a file is in Spark's log twice"
    return sorted(found)


def partition_values(path):
    """{column: text} of a relative path such as year=2025/part-0.parquet."""
    values = {}
    for part in path.split("/")[:-1]:
        column, _, value = part.partition("=")
        value = urllib.parse.unquote(value)
        values[column] = None if value == "__HIVE_DEFAULT_PARTITION__" else value
    return values


def rows_of(table, files, columns):
    """List of tuples; a column that is not in the file is taken from the path."""
    rows = []
    for path in files:
        data = pq.ParquetFile(os.path.join(table, path))
        names = set(data.schema_arrow.names)
        values = partition_values(path)
        content = data.read([c for c in columns if c in names])
        sources = [content[c].to_pylist() if c in names else [values[c]] * content.num_rows for c in columns]
        rows += zip(*sources)
    return rows


def rows(table, columns):
    """Rows of the table, after proving that both views show the same files."""
    listed, logged = files_by_listing(table), files_by_log(table)
    assert listed == logged, (f"listing and _spark_metadata differ: only listed {sorted(set(listed) - set(logged))[:5]}, "
                              f"only logged {sorted(set(logged) - set(listed))[:5]}")
    return rows_of(table, listed, columns)


def leftovers(*folders):
    """Hidden temporaries and staged files below the folders."""
    found = []
    for top in folders:
        for folder, _, names in os.walk(top):
            staged = ".sluice-staging" in folder
            found += [os.path.join(folder, name) for name in names if staged or name.endswith(".tmp")]
    return found


def numbered(folder):
    """Sorted batch ids of offsets/ or commits/."""
    return sorted(int(name) for name in os.listdir(folder) if name.isdigit()) if os.path.isdir(folder) else []
