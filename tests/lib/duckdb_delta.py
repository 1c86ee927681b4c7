"""A Delta table as DuckDB's Delta extension (over delta-kernel-rs) reads it.

The package that holds the extension fits one version of DuckDB, which is not the one that judges Parquet files: both
are in an environment of their own (tools/peers), and queries run there in a process of their own. The extension is
loaded from the package's file, with its signature checked; nothing is fetched.
"""
import os
import pickle
import subprocess

from lib import sluice

PYTHON = os.path.join(os.environ.get("SLUICE_PEERS", os.path.join(sluice.ROOT, "build/peers")), "duckdb-delta/bin/python")
PROGRAM = """
import os, pickle, sys
import duckdb, duckdb_extension_delta

package = os.path.dirname(duckdb_extension_delta.__file__)
extension = os.path.join(package, "extensions", "v" + duckdb.__version__, "delta.duckdb_extension")

def connect():
    session = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    session.execute(f"LOAD '{extension}'")
    return session

def answer(text):
    global session
    try:
        return session.execute(text).fetchall()
    except duckdb.Error as error:
        if isinstance(error, (duckdb.InternalException, duckdb.FatalException)):
            session = connect()
        return str(error).splitlines()[0]

out = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)  # a slow query's progress goes to standard output
session = connect()
out.write(pickle.dumps([answer(text) for text in pickle.load(sys.stdin.buffer)]))
out.close()
"""


def is_installed():
    return os.path.exists(PYTHON)


def scan(table):
    place = table.replace("'", "''")
    return f"delta_scan('{place}')"


def answers(queries):
    """Of each its rows, as DuckDB's Python client makes them, or the text of its error."""
    done = subprocess.run([PYTHON, "-c", PROGRAM], input=pickle.dumps(queries), capture_output=True, timeout=300)
    assert done.returncode == 0, f"DuckDB: {done.stderr.decode()[-1000:]}"
    return pickle.loads(done.stdout)


def rows(table, *columns):
    found, = answers([f"SELECT {', '.join(columns)} FROM {scan(table)}"])
    assert not isinstance(found, str), f"DuckDB cannot read {table}: {found}"
    return found
