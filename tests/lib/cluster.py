"""Three real Kafka brokers. The first one is the controller, too, and stays; the others may be killed."""
import os
import signal
import subprocess

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from lib import process
from lib.broker import CLUSTER_ID, PROPERTIES, Broker, jars_dir

MORE = """\
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
transaction.state.log.num.partitions=6
default.replication.factor=3
min.insync.replicas=2
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
replica.lag.time.max.ms=5000
unclean.leader.election.enable=false
"""


class Node(Broker):
    """One broker of several; made by Cluster."""

    def __init__(self, number, directory, controller):
        self.jars, self.dir, self.number = jars_dir(), directory, number
        self.controller = controller
        self.port, self.behind, self.outside = (process.free_port() for _ in range(3))
        self.address, self.child, self.admin = f"127.0.0.1:{self.port}", None, None
        os.makedirs(directory)
        self.config = os.path.join(directory, "server.properties")
        text = PROPERTIES.format(port=self.port, controller=controller, behind=self.behind, proxied=self.outside, data=os.path.join(directory, "data"))
        lines = [line for line in text.splitlines() if line.split("=")[0] not in {more.split("=")[0] for more in MORE.splitlines()}]
        if number > 1:
            lines = [line.replace("broker,controller", "broker").replace(f",CONTROLLER://127.0.0.1:{controller}", "") for line in lines]
        lines = [line.replace("node.id=1", f"node.id={number}") for line in lines]
        with open(self.config, "w") as out:
            out.write("\n".join(lines) + "\n" + MORE)
        with open(os.path.join(directory, "simplelogger.properties"), "w") as out:
            out.write("org.slf4j.simpleLogger.defaultLogLevel=warn\n")
        self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", self.config)

    def launch(self):
        log = open(os.path.join(self.dir, "server.log"), "ab")
        self.child = process.start(["java", "-Xms256m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", self._class_path(),
                                    "kafka.Kafka", self.config], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()


class Cluster(Broker):
    """As one broker for topics and records; `nodes` by number."""

    def __init__(self, directory):
        controller = process.free_port()
        self.nodes = {number: Node(number, os.path.join(directory, str(number)), controller) for number in (1, 2, 3)}
        self.address = ",".join(node.address for node in self.nodes.values())
        for node in self.nodes.values():
            node.launch()
        for node in self.nodes.values():
            process.wait_for(node._answers, f"broker {node.number} to listen", 180, 0.1)
        self.admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        process.wait_for(lambda: len(self.admin.list_topics(timeout=5).brokers) == 3, "three brokers", 180, 0.2)

    def create(self, topic, partitions=1, **config):
        new = NewTopic(topic, num_partitions=partitions, replication_factor=3, config={key.replace("_", "."): str(value) for key, value in config.items()})
        process.wait_for(lambda: self._made(new), f"topic {topic} to be made", 60, 0.2)
        process.wait_for(lambda: self.partitions(topic) == partitions and all(leader > 0 for leader in self.leaders(topic)), f"topic {topic}")
        return topic

    def _partitions(self, topic):
        """The client may still ask the broker that was killed."""
        def ask():
            try:
                return self.admin.list_topics(topic, timeout=5).topics[topic].partitions
            except KafkaException:
                return None
        return process.wait_for(ask, f"an answer about topic {topic}", 60, 0.1)

    def leaders(self, topic):
        known = self._partitions(topic)
        return [known[number].leader for number in sorted(known)]

    def in_sync(self, topic):
        return min(len(partition.isrs) for partition in self._partitions(topic).values())

    def kill9(self, number=None):
        for node in self.nodes.values():
            if number in (None, node.number) and node.child is not None:
                process.kill(node.child)

    def stop(self, number):
        """As an administrator does: partitions move first."""
        os.killpg(self.nodes[number].child.pid, signal.SIGTERM)
        self.nodes[number].child.wait(60)
        process.forget(self.nodes[number].child)

    def start(self, number):
        node = self.nodes[number]
        node.launch()
        process.wait_for(node._answers, f"broker {number} to listen", 180, 0.1)
