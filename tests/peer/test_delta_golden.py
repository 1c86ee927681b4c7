"""delta-io's golden-tables: each is read as delta-rs reads it, value by value, or refused by name."""
import collections
import datetime
import decimal
import json
import os
import struct
import zlib

from lib import duckdb_delta, sluice
from lib.lab import Missing, Skip

# Tables that cannot be read, and what the message says.
GONE = "DELTA_FILE_NOT_FOUND_DETAILED"  # tables of log tests, which have no data files
LOST = "holds no `{}` action"
REFUSED = {
    "checkpoint": GONE,
    "corrupted-last-checkpoint": GONE,
    "data-reader-absolute-paths-escaped-chars": LOST.format("metaData"),
    "delete-re-add-same-file-different-transactions": GONE,
    "deltalog-commit-info": GONE,
    "deltalog-invalid-protocol-version": "needs a reader of version 99",
    "deltalog-state-reconstruction-from-checkpoint-missing-metadata": LOST.format("metaData"),
    "deltalog-state-reconstruction-from-checkpoint-missing-protocol": LOST.format("protocol"),
    "deltalog-state-reconstruction-without-metadata": LOST.format("metaData"),
    "deltalog-state-reconstruction-without-protocol": LOST.format("protocol"),
    "log-replay-special-characters-b": GONE,
    "spark-variant-checkpoint": "variantType-preview",
    "update-deleted-directory": GONE,
    "versions-not-contiguous": "DELTA_VERSIONS_NOT_CONTIGUOUS",
}
# Tables that delta-rs does not read: rows and CRC-32 of what we read, each checked by eye against the table's origin
# (GoldenTables.scala) when it was written down.
ALONE = {
    "basic-with-vacuum-protocol-check-feature": (100, 1150953258),
    "canonicalized-paths-normal-a": (0, 0),
    "canonicalized-paths-normal-b": (0, 0),
    "canonicalized-paths-special-a": (0, 0),
    "canonicalized-paths-special-b": (0, 0),
    "type-widening": (2, 3022622034),
    "type-widening-nested": (2, 1779102183),
}
# Tables without schemaString, which DuckDB demands.
UNCOUNTED = ["canonicalized-paths-normal-a", "canonicalized-paths-normal-b", "canonicalized-paths-special-a", "canonicalized-paths-special-b"]


def corpus():
    base = os.environ.get("SLUICE_CORPORA", os.path.join(sluice.ROOT, "../shared/corpora"))
    path = os.path.join(base, "delta-golden-tables")
    if not os.path.isdir(path):
        raise Skip("the corpora are not there (SLUICE_CORPORA)")
    return path


def tables():
    root = corpus()
    for folder, below, _ in sorted(os.walk(root)):
        if "_delta_log" in below:
            yield os.path.relpath(folder, root), folder


# ---- both sides in one form, led by Arrow's type ----

def moment(value):
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
    return value.replace(tzinfo=None).isoformat()


def plain(kind, value):
    import pyarrow.types as t
    if value is None:
        return None
    if t.is_struct(kind):
        return {f.name: plain(f.type, value.get(f.name)) for f in kind}
    if t.is_map(kind):
        pairs = value.items() if isinstance(value, dict) else value
        return {str(k): plain(kind.item_type, v) for k, v in pairs}
    if t.is_list(kind) or t.is_large_list(kind) or t.is_list_view(kind):
        return [plain(kind.value_type, v) for v in value]
    if t.is_timestamp(kind):
        return moment(value)
    if t.is_date(kind):
        return str(value)
    if t.is_decimal(kind):
        return str(decimal.Context(prec=76).quantize(decimal.Decimal(value), decimal.Decimal(1).scaleb(-kind.scale)))
    if t.is_float32(kind):
        return repr(struct.unpack("f", struct.pack("f", float(value)))[0])
    if t.is_floating(kind):
        return repr(float(value))
    if t.is_binary(kind) or t.is_large_binary(kind) or t.is_binary_view(kind):
        return value.decode("latin-1") if isinstance(value, bytes) else value
    return value


def bag(rows):
    return collections.Counter(json.dumps(row, sort_keys=True) for row in rows)


def by_delta_rs(folder):
    """(Arrow schema, rows)"""
    import deltalake
    import pyarrow
    table = pyarrow.table(deltalake.QueryBuilder().register("t", deltalake.DeltaTable(folder)).execute("SELECT * FROM t").read_all())
    return table.schema, [{f.name: plain(f.type, row[f.name]) for f in table.schema} for row in table.to_pylist()]


def read(folder, *options):
    return sluice.run("sql", "--json", "-c", f"SELECT * FROM delta.`{folder}`{''.join(options)}")


def rows_of(text):
    return [json.loads(line, parse_float=decimal.Decimal) for line in text.splitlines()]


def test_golden_tables_are_read_as_delta_rs_reads_them(lab):
    """Every table by value; those in REFUSED by their message."""
    try:
        import deltalake
    except ImportError:
        raise Skip("deltalake is missing") from None
    wrong = []
    for name, folder in tables():
        got = read(folder)
        if name in REFUSED:
            if got.status == 0 or REFUSED[name] not in got.err:
                wrong.append(f"{name}: status {got.status}, {got.err[:300]}")
            continue
        if got.status:
            wrong.append(f"{name}: {got.err[:300]}")
            continue
        if name in ALONE:
            lines = sorted(got.out.splitlines())
            have = len(lines), zlib.crc32("\n".join(lines).encode())
            if have != ALONE[name]:
                wrong.append(f"{name}: rows and CRC are {have}")
            continue
        try:
            schema, want = by_delta_rs(folder)
        except Exception as error:  # whatever delta-rs says: the table belongs into ALONE
            lines = sorted(got.out.splitlines())
            wrong.append(f"{name}: delta-rs: {str(error)[:200]}; ours {len(lines), zlib.crc32(chr(10).join(lines).encode())}")
            continue
        have = bag({f.name: plain(f.type, row.get(f.name)) for f in schema} for row in rows_of(got.out))
        want = bag(want)
        if have != want:
            wrong.append(f"{name}: {sum(have.values())} rows, delta-rs {sum(want.values())}; only here: "
                         f"{list((have - want))[:2]}; only there: {list((want - have))[:2]}")
    assert not wrong, "\n".join(wrong)


def test_golden_tables_have_the_rows_that_duckdb_counts(lab):
    if not duckdb_delta.is_installed():
        raise Missing("DuckDB with its Delta extension (tools/peers makes it)")
    read = [(name, folder) for name, folder in tables() if name not in REFUSED]
    counts = duckdb_delta.answers([f"SELECT count(*) FROM {duckdb_delta.scan(folder)}" for _, folder in read])
    wrong, unread = [], []
    for (name, folder), found in zip(read, counts):
        if isinstance(found, str):
            unread.append(name)
            continue
        got = sluice.run("sql", "--json", "-c", f"SELECT 1 AS n FROM delta.`{folder}`")
        count = got.out.count("\n")
        if got.status or count != found[0][0]:
            wrong.append(f"{name}: {count} rows, DuckDB counts {found[0][0]} {got.err[:200]}")
    assert not wrong, "\n".join(wrong)
    assert unread == UNCOUNTED, unread


def test_golden_tables_as_streams(lab):
    """The stream of a table that nobody writes to is the table: every one into a Parquet table, compared with the batch read."""
    wrong = []
    for number, (name, folder) in enumerate(tables()):
        if name in REFUSED:
            continue
        target, checkpoint = lab.path(f"t{number}"), lab.path(f"c{number}")
        path = lab.write(f"{number}.sql", f"""
CREATE STREAMING TABLE t USING parquet LOCATION '{target}' TBLPROPERTIES ('sluice.checkpointLocation' = '{checkpoint}')
AS SELECT * FROM STREAM delta.`{folder}` WITH (maxFilesPerTrigger = 7);""")
        got = sluice.run("run", path, "--available-now")
        want = sluice.run("sql", "--json", "-c", f"SELECT * FROM delta.`{folder}`")
        have = sluice.run("sql", "--json", "-c", f"SELECT * FROM parquet.`{target}`")
        if name.startswith("canonicalized-paths"):  # its metadata has no schema
            if "DELTA_SCHEMA_NOT_SET" not in got.err:
                wrong.append(f"{name}: {got.err[:300]}")
        elif got.status or want.status:
            wrong.append(f"{name}: {(got.err or want.err)[:300]}")
        elif want.out and sorted(have.out.splitlines()) != sorted(want.out.splitlines()):
            wrong.append(f"{name}: {len(have.out.splitlines())} rows, want {len(want.out.splitlines())}; {have.err[:200]}")
    assert not wrong, "\n".join(wrong)
