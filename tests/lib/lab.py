"""What a test gets: its own directory, the shared broker, the shared Spark session, and shorthands."""
import itertools
import os
import shutil
import tempfile

from lib import ledger, process, sluice, table
from lib.broker import Broker, Missing

FLOW = os.path.join(sluice.ROOT, "tests/flow")


class Skip(Exception):
    pass


class Shared:
    """One per run: what is dear to start."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="sluice-e2e-")
        self._broker = self._spark = None
        self.numbers = itertools.count()
        self.cache = {}

    @property
    def broker(self):
        if self._broker is None:
            self._broker = Broker(os.path.join(self.dir, "kafka"))
        if self._broker.child.poll() is not None:
            self._broker.start()
        return self._broker

    @property
    def spark(self):
        if self._spark is None:
            from lib import spark
            self._spark = spark.start(self.dir)
        return self._spark

    def close(self):
        if self._spark is not None:
            from lib import spark
            spark.stop(self._spark)
        if self._broker is not None:
            self._broker.kill9()
        shutil.rmtree(self.dir, ignore_errors=True)


class Lab:
    def __init__(self, shared, name):
        self.shared = shared
        self.dir = os.path.join(shared.dir, f"{next(shared.numbers)}-{name}")
        os.makedirs(self.dir)
        self.cache = shared.cache
        self.running = []

    @property
    def broker(self):
        return self.shared.broker

    @property
    def spark(self):
        return self.shared.spark

    def close(self):
        for child in self.running:
            process.kill(child.child)
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def topic(self, partitions=1, **config):
        return self.broker.create(f"t{next(self.shared.numbers)}", partitions, **config)

    def generate(self, topic, count, *more, seed=1):
        """Sends orders; the path of the ledger."""
        path = self.path(f"ledger-{next(self.shared.numbers)}")
        sluice.run("gen", "orders", "-b", self.broker.address, "-t", topic, "-n", count, "--mode", "count", "--seed",
                   seed, "--ledger", path, "-q", *more).ok()
        return path

    def write(self, name, text):
        with open(self.path(name), "w") as out:
            out.write(text)
        return self.path(name)

    def lake(self, topic="", name="lake", pipeline="raw.sql", **variables):
        return Lake(self, topic, self.path(name), os.path.join(FLOW, pipeline), variables)


class Lake:
    """A pipeline with its table and checkpoint."""

    def __init__(self, lab, topic, directory, pipeline, variables):
        self.lab, self.topic, self.dir, self.pipeline = lab, topic, directory, pipeline
        self.table, self.checkpoint = os.path.join(directory, "t"), os.path.join(directory, "c")
        self.variables = {"limit": 1000000, "start": "earliest", "loss": "true", "retain": 100, **variables}
        os.makedirs(directory, exist_ok=True)

    def args(self, *more, trigger="--available-now"):
        settings = {"brokers": self.lab.broker.address, "topic": self.topic, "lake": self.dir, **self.variables}
        # an empty variable is refused on the command line; a blank says the same in SQL
        sets = itertools.chain.from_iterable(("-s", f"{key}={value if value != '' else ' '}") for key, value in settings.items())
        return ["run", self.pipeline, *sets, *([trigger] if trigger else []), "--log-format", "text",
                *(str(arg) for arg in more)]

    def run(self, *more, failpoints=None, trigger="--available-now", timeout=sluice.MAX_SECONDS):
        return sluice.run(*self.args(*more, trigger=trigger), failpoints=failpoints, timeout=timeout)

    def start(self, *more, failpoints=None, trigger=None):
        running = sluice.Running(self.args(*more, trigger=trigger), failpoints)
        self.lab.running.append(running)
        return running

    def rows(self, *columns):
        return table.rows(self.table, columns)

    def rows_so_far(self, *columns):
        """Rows of the batches in the log: right while a query runs, too."""
        return table.rows_of(self.table, table.files_by_log(self.table), columns)

    def batches(self):
        return table.numbered(os.path.join(self.checkpoint, "commits"))

    def offsets(self, batch):
        """The first source's offsets of a planned batch: {topic: {partition: offset}}"""
        import json
        with open(os.path.join(self.checkpoint, "offsets", str(batch))) as text:
            return json.loads(text.read().split("\n")[2])

    def file(self, *parts):
        return os.path.join(self.checkpoint, *parts)

    def check_whole(self, values):
        """raw.sql: the table has each (partition, offset): value exactly once in both views; nothing is left over."""
        rows = self.rows("p", "o", "value")
        assert len({row[:2] for row in rows}) == len(rows), "a record is in the table twice"
        have = {row[:2]: row[2] for row in rows}
        lost, extra = values.keys() - have.keys(), have.keys() - values.keys()
        assert not lost, f"{len(lost)} records are lost, such as {sorted(lost)[:3]}"
        assert not extra, f"{len(extra)} records are too many, such as {sorted(extra)[:3]}"
        wrong = [at for at in values if values[at] != have[at]]
        assert not wrong, f"the value of {wrong[0]} is {have[wrong[0]]!r}, not {values[wrong[0]]!r}"
        self.check_settled()

    def check_settled(self):
        """After a clean end: every planned batch committed and in Spark's log, no temporaries, no intents."""
        offsets, commits = (table.numbered(self.file(name)) for name in ("offsets", "commits"))
        assert offsets == commits, f"offsets/ has {offsets}, commits/ has {commits}"
        last = max(table.log_batches(self.table), default=-1)
        assert last == max(commits, default=-1), f"Spark's log ends at {last}, commits/ at {commits[-1:]}"
        left = table.leftovers(self.table, self.checkpoint)
        assert not left, f"left over: {left[:5]}"
        intents = self.file(".sluice", "intents")
        assert not os.path.isdir(intents) or not os.listdir(intents), f"intents left: {os.listdir(intents)}"


def values_of(broker, topic, committed=True):
    """{(partition, offset): value} as an independent consumer sees them."""
    return {at: message.value() for at, message in broker.read(topic, committed).items()}


__all__ = ["Lab", "Lake", "Missing", "Shared", "Skip", "ledger", "values_of"]
