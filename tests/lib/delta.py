"""A Delta table as its log says it is, read without a Delta library, and as delta-rs and DuckDB read it."""
import datetime
import decimal
import json
import os
import re
import urllib.parse

import pyarrow.parquet as pq

from lib import duckdb_delta
from lib.broker import Missing

try:
    import deltalake
except ImportError:
    deltalake = None


def versions(table):
    log = os.path.join(table, "_delta_log")
    names = os.listdir(log) if os.path.isdir(log) else []
    found = sorted(int(name[:20]) for name in names if re.fullmatch(r"\d{20}\.json", name))
    assert found == list(range(len(found))), f"versions are not contiguous from 0: {found}"
    return found


def commit(table, version):
    """Actions of a version: [(name, content)]"""
    with open(os.path.join(table, "_delta_log", f"{version:020}.json")) as text:
        content = text.read()
    return [next(iter(json.loads(line).items())) for line in content.splitlines()]


def actions(table, kind):
    return [content for version in versions(table) for name, content in commit(table, version) if name == kind]


def live(table):
    """Live add actions by decoded path."""
    files = {}
    for version in versions(table):
        for name, content in commit(table, version):
            if name in ("add", "remove"):
                path = urllib.parse.unquote(content["path"])
                files.pop(path, None)
                if name == "add":
                    files[path] = content
    return files


def last_batch(table, query):
    return max((txn["version"] for txn in actions(table, "txn") if txn["appId"] == query), default=-1)


def rows(table, *columns):
    """Tuples of the live files; partition columns as the log's texts."""
    found = []
    for path, add in live(table).items():
        full = os.path.join(table, path)
        assert os.path.getsize(full) == add["size"], f"{path} is not as large as the log says"
        data = pq.ParquetFile(full).read()
        if "stats" in add:
            check_stats(path, data, json.loads(add["stats"]))
        values = add["partitionValues"]
        assert not set(values) & set(data.column_names), f"{path} holds its partition columns"
        sources = [[values[c]] * data.num_rows if c in values else data[c].to_pylist() for c in columns]
        found += zip(*sources)
    return found


def comparable(value):
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="milliseconds")[:23]
    if isinstance(value, datetime.date):
        return value.isoformat()
    return float(value) if isinstance(value, decimal.Decimal) else value


def check_stats(path, data, stats):
    """Every bound holds for every row (timestamps: to the millisecond), counts are exact."""
    assert stats["numRecords"] == data.num_rows, path
    for name, count in stats.get("nullCount", {}).items():
        if not isinstance(count, dict):
            assert data[name].null_count == count, f"{path}: nullCount of {name}"
    for bounds, fits in (("minValues", lambda v, bound: v >= bound), ("maxValues", lambda v, bound: v <= bound)):
        for name, bound in stats.get(bounds, {}).items():
            for value in data[name].to_pylist():
                if value is None or isinstance(value, dict):
                    continue
                to = bound[:23] if isinstance(value, datetime.datetime) else bound
                value = comparable(value)
                assert fits(value, to), f"{path}: {bounds} of {name} is {to!r}, there is {value!r}"


def orphans(table):
    """Data files that no version names."""
    named = set(live(table)) | {urllib.parse.unquote(remove["path"]) for remove in actions(table, "remove")}
    found = []
    for folder, folders, names in os.walk(table):
        folders[:] = [name for name in folders if name != "_delta_log"]
        found += [os.path.relpath(os.path.join(folder, name), table) for name in names]
    return sorted(set(found) - named)


def rows_of_delta_rs(table, *columns):
    """The same rows as delta-rs reads them, or None where it is not installed."""
    if deltalake is None:
        return None
    import pyarrow as pa
    content = pa.table(deltalake.QueryBuilder().register("t", deltalake.DeltaTable(table)).execute(
        f"SELECT {', '.join(columns)} FROM t").read_all())
    return list(zip(*(content[c.strip('"')].to_pylist() for c in columns)))


def readers(table, *columns):
    """[(reader, rows)] of the readers that others made: those that are installed, or all where peers are required."""
    found = [("delta-rs", rows_of_delta_rs)] if deltalake else []
    found += [("DuckDB", duckdb_delta.rows)] if duckdb_delta.is_installed() else []
    if len(found) < 2 and os.environ.get("SLUICE_REQUIRE_PEERS") == "1":
        raise Missing("deltalake, or DuckDB with its Delta extension (tools/peers makes both)")
    return [(name, read(table, *columns)) for name, read in found]


def check_readers(table, want, *columns):
    """Every reader has these rows, in any order."""
    for reader, have in readers(table, *columns):
        have, wanted = (sorted(rows, key=repr) for rows in (have, want))
        assert have == wanted, f"{reader} has {len(have)} rows, such as {have[:3]}; want {len(wanted)}, such as {wanted[:3]}"
