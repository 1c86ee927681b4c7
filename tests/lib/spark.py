"""One PySpark session per run: local[2], Kafka connector and Delta from jars, UTC."""
import glob
import os
import shutil
import signal

from lib.broker import Missing


def find_jars(variable, folder, pattern="*.jar"):
    for path in (os.environ.get(variable), os.path.join(os.environ.get("SLUICE_PEERS", "build/peers"), folder)):
        found = glob.glob(os.path.join(path, pattern)) if path else []
        if found:
            return found
    return []


def jars():
    found = find_jars("SLUICE_SPARK_JARS", "spark-jars")
    if not found:
        raise Missing("Spark's Kafka connector (tools/peers fetches it)")
    return found


def delta_jars():
    return find_jars("SLUICE_DELTA_JARS", "delta-jars", "delta-*.jar")


def start(directory):
    if not shutil.which("java"):
        raise Missing("java")
    names = jars() + delta_jars()
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise Missing(f"pyspark ({error})") from None
    os.environ["TZ"] = "UTC"
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    builder = SparkSession.builder
    if delta_jars():
        builder = (builder.config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
                   .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
                   .config("spark.databricks.delta.snapshotPartitions", "2"))
    session = (builder.master("local[2]").appName("sluice peer")
               .config("spark.jars", ",".join(names))
               .config("spark.ui.enabled", "false")
               .config("spark.driver.host", "127.0.0.1")
               .config("spark.driver.memory", "1g")
               .config("spark.driver.extraJavaOptions", "-Duser.timezone=UTC -XX:+UseSerialGC")
               .config("spark.local.dir", os.path.join(directory, "spark"))
               .config("spark.sql.warehouse.dir", os.path.join(directory, "warehouse"))
               .config("spark.sql.session.timeZone", "UTC")
               .config("spark.sql.shuffle.partitions", "2")
               .config("spark.log.level", "OFF")
               .config("spark.ui.showConsoleProgress", "false")
               .getOrCreate())
    session.sparkContext.setLogLevel("OFF")
    return session


def stop(session):
    gateway = session.sparkContext._gateway
    session.stop()
    gateway.shutdown()
    java = getattr(gateway, "proc", None)
    if java is not None:
        java.stdin.close()
        try:
            java.wait(10)
        except Exception:
            os.kill(java.pid, signal.SIGKILL)
            java.wait()


def stream(session, broker, topic, **options):
    reader = session.readStream.format("kafka").option("kafka.bootstrap.servers", broker.address)
    reader = reader.option("subscribe", topic).option("startingOffsets", "earliest")
    for name, value in options.items():
        reader = reader.option(name, value)
    return reader.load()


def write(frame, table, checkpoint, partition_by, name="raw", form="parquet"):
    """Everything that is there, in batches; the query's last progress."""
    query = (frame.writeStream.format(form).partitionBy(*partition_by).option("path", table)
             .option("checkpointLocation", checkpoint).queryName(name).trigger(availableNow=True).start())
    if not query.awaitTermination(120):
        query.stop()
        raise AssertionError("Spark's query did not end within 120 s")
    return query.lastProgress


def write_with_retry(frame, table, checkpoint, partition_by, form="parquet"):
    """As write; Spark 4.1.1 dies once of a NullPointerException after it re-ran a planned batch (SPARK-55271)."""
    from pyspark.errors import StreamingQueryException
    try:
        return write(frame, table, checkpoint, partition_by, form=form)
    except StreamingQueryException as error:
        if "NullPointerException" not in str(error) and '"scala.Option.get()" is null' not in str(error):
            raise
        return write(frame, table, checkpoint, partition_by, form=form)
