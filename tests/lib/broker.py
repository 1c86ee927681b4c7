"""A real Apache Kafka broker (KRaft, one node, 127.0.0.1) from jars; one per test run."""
import os
import shutil
import signal
import socket
import subprocess

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic

from lib import process
from lib.proxy import Proxy

CLUSTER_ID = "c2x1aWNlLXNsdWljZS1zbA"
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{behind},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{proxied}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=2
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.retention.ms=-1
log.retention.bytes=-1
log.cleaner.backoff.ms=100
log.cleaner.dedupe.buffer.size=2097152
log.segment.delete.delay.ms=0
message.max.bytes=31457280
controlled.shutdown.enable=false
"""


class Missing(Exception):
    """A peer that is not installed."""


def jars_dir():
    for path in (os.environ.get("SLUICE_KAFKA_JARS"),
                 os.path.join(os.environ.get("SLUICE_PEERS", "build/peers"), "kafka")):
        if path and os.path.isdir(path) and os.listdir(path):
            return os.path.abspath(path)
    raise Missing("Kafka's jars (tools/peers fetches them)")


class Broker:
    def __init__(self, directory):
        if not shutil.which("java"):
            raise Missing("java")
        self.jars = jars_dir()
        self.dir = directory
        self.port, self.controller, self.behind, self.outside = (process.free_port() for _ in range(4))
        self.address, self.proxied = (f"127.0.0.1:{port}" for port in (self.port, self.outside))
        self.child = None
        self.admin = None
        os.makedirs(directory)
        self.config = os.path.join(directory, "server.properties")
        with open(self.config, "w") as out:
            out.write(PROPERTIES.format(port=self.port, controller=self.controller, behind=self.behind, proxied=self.outside,
                                        data=os.path.join(directory, "data")))
        with open(os.path.join(directory, "simplelogger.properties"), "w") as out:
            out.write("org.slf4j.simpleLogger.defaultLogLevel=warn\n")
        self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", self.config)
        self.start()

    def _class_path(self):
        return f"{self.dir}:{self.jars}/*"

    def _java(self, *args):
        done = subprocess.run(["java", "-XX:TieredStopAtLevel=1", "-cp", self._class_path(), *args],
                              capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError("kafka format failed: " + done.stdout + done.stderr)

    # ---- life ----

    def start(self):
        """Nothing if it runs: a second process on the same directory, as `lab.broker.start()` would make where
        `lab.broker` has started it again by itself, cuts off the first one's metadata."""
        if self.child is not None and self.child.poll() is None:
            return
        log = open(os.path.join(self.dir, "server.log"), "ab")
        self.child = process.start(
            ["java", "-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", self._class_path(),
             "kafka.Kafka", self.config], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        process.wait_for(self._answers, "the Kafka broker to listen", 60, 0.05)
        self.admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        process.wait_for(self._serves, "the Kafka broker to serve", 30, 0.05)

    def _answers(self):
        if self.child.poll() is not None:
            raise AssertionError("the Kafka broker ended; see " + self.dir + "/server.log")
        try:
            socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            return True
        except OSError:
            return False

    def _serves(self):
        """A broker that was killed has no partitions until its old session has ended: 9 s."""
        try:
            known = self.admin.list_topics(timeout=2)
        except KafkaException:
            return False
        led = all(partition.leader >= 0 for topic in known.topics.values() for partition in topic.partitions.values())
        return bool(known.brokers) and led

    def kill9(self):
        process.kill(self.child)

    def stop(self):
        os.killpg(self.child.pid, signal.SIGTERM)
        self.child.wait(30)
        process.forget(self.child)

    def append(self, topic, data, partition=0):
        """Puts bytes behind a partition's log as they are; the broker must be stopped, and believes its log."""
        assert self.child.poll() is not None, "the broker has the log open"
        folder = os.path.join(self.dir, "data", f"{topic}-{partition}")
        newest = max(name for name in os.listdir(folder) if name.endswith(".log"))
        with open(os.path.join(folder, newest), "ab") as log:
            log.write(data)

    def pause(self):
        os.killpg(self.child.pid, signal.SIGSTOP)

    def resume(self):
        os.killpg(self.child.pid, signal.SIGCONT)

    def proxy(self):
        """A network between clients of `proxied` and the broker; to be closed."""
        return Proxy(self.outside, self.behind)

    # ---- topics ----

    def create(self, topic, partitions=1, **config):
        config = {key.replace("_", "."): str(value) for key, value in config.items()}
        new = NewTopic(topic, num_partitions=partitions, replication_factor=1, config=config)
        # a broker that was killed checks the logs of all its partitions first
        process.wait_for(lambda: self._made(new), f"topic {topic} to be made", 120, 0.2)
        process.wait_for(lambda: self.partitions(topic) == partitions, f"topic {topic}")
        return topic

    def _made(self, new):
        """Tried again while a broker that was killed finds its controller."""
        for future in self.admin.create_topics([new], operation_timeout=10).values():
            try:
                future.result(15)
            except TimeoutError:  # the request went to the connection of the broker that was killed
                return False
            except KafkaException as error:
                name = error.args[0].name()
                if name not in ("_TRANSPORT", "_TIMED_OUT", "REQUEST_TIMED_OUT", "NOT_CONTROLLER", "TOPIC_ALREADY_EXISTS"):
                    raise
                return name == "TOPIC_ALREADY_EXISTS"
        return True

    def partitions(self, topic):
        known = self.admin.list_topics(timeout=10).topics.get(topic)
        return len(known.partitions) if known and known.error is None else 0

    def grow(self, topic, partitions):
        for future in self.admin.create_partitions([NewPartitions(topic, partitions)]).values():
            future.result(20)
        process.wait_for(lambda: self.partitions(topic) == partitions, f"partitions of {topic}")

    def delete(self, topic):
        for future in self.admin.delete_topics([topic], operation_timeout=20).values():
            future.result(30)
        process.wait_for(lambda: self.partitions(topic) == 0, f"topic {topic} to go")

    def configure(self, topic, **config):
        entries = [ConfigEntry(key.replace("_", "."), str(value), incremental_operation=AlterConfigOpType.SET)
                   for key, value in config.items()]
        resource = ConfigResource("topic", topic, incremental_configs=entries)
        for future in self.admin.incremental_alter_configs([resource]).values():
            future.result(20)

    def forget_group(self, group):
        """Its offsets are gone, as they are after offsets.retention.minutes."""
        for future in self.admin.delete_consumer_groups([group]).values():
            future.result(20)

    def delete_records(self, topic, before):
        """before: {partition: offset}"""
        wanted = [TopicPartition(topic, partition, offset) for partition, offset in before.items()]
        for future in self.admin.delete_records(wanted).values():
            future.result(20)

    def produce(self, topic, records, **config):
        """records: (partition, key, value) or (partition, key, value, headers, timestamp); None values allowed."""
        producer = Producer({"bootstrap.servers": self.address, "linger.ms": 5, "message.max.bytes": 31457280,
                             "log_level": 0, **{k.replace("_", "."): v for k, v in config.items()}})
        self._send(producer, topic, records)
        assert producer.flush(60) == 0, "records were not delivered"

    @staticmethod
    def _send(producer, topic, records):
        for partition, key, value, *more in records:
            options = {}
            if more and more[0] is not None:
                options["headers"] = more[0]
            if len(more) > 1:
                options["timestamp"] = more[1]
            producer.produce(topic, key=key, value=value, partition=partition, **options)
            producer.poll(0)

    def transaction(self, topic, records, commit, transactional_id="lab"):
        producer = Producer({"bootstrap.servers": self.address, "transactional.id": transactional_id, "log_level": 0})
        producer.init_transactions(60)
        producer.begin_transaction()
        self._send(producer, topic, records)
        producer.flush(30)
        producer.commit_transaction(30) if commit else producer.abort_transaction(30)

    def ends(self, topic):
        """{partition: (earliest, end)}"""
        consumer = self._consumer()
        ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10, cached=False)
                for p in range(self.partitions(topic))}
        consumer.close()
        return ends

    def read(self, topic, committed=True):
        """Every record there is: {(partition, offset): message}"""
        consumer = self._consumer("read_committed" if committed else "read_uncommitted")
        parts = range(self.partitions(topic))
        consumer.assign([TopicPartition(topic, p, 0) for p in parts])
        found, open_parts = {}, set(parts)
        while open_parts:
            message = consumer.poll(20)
            assert message is not None, f"no end of topic {topic}"
            if message.error():
                assert message.error().name() == "_PARTITION_EOF", message.error()
                open_parts.discard(message.partition())
            else:
                found[message.partition(), message.offset()] = message
        consumer.close()
        return found

    def _consumer(self, isolation="read_committed"):
        return Consumer({"bootstrap.servers": self.address, "group.id": "lab", "enable.auto.commit": False,
                         "enable.partition.eof": True, "isolation.level": isolation, "auto.offset.reset": "earliest",
                         "fetch.max.bytes": 52428800, "message.max.bytes": 52428800, "max.partition.fetch.bytes": 52428800,
                         "log_level": 0})
