"""Record batches in a topic that are damaged, of an unknown kind, or bombs: an error that names the place, never a skip,
never a wait without an end, never much memory. The batches are written into the log of a stopped broker."""
import json

from flow.test_triggers import numbers
from lib import process, record_batch, sluice
from lib.record_batch import GIB, MIB

GOOD, BAD, AFTER = 100, 10, 10  # records in front, in the bad batch, behind it
PEAK = 400 * MIB
SECONDS = 30


def flipped(batch):
    """One bit of the last value."""
    return batch[:-2] + bytes([batch[-2] ^ 1]) + batch[-1:]


def bad_batches():
    """{name: (batch, text of the message)}"""
    values = [b"bad%d" % i for i in range(BAD)]
    records = b"".join(record_batch.record(i, b"k", value) for i, value in enumerate(values))
    plain = record_batch.plain(GOOD, values)
    packed = lambda codec, payload: record_batch.batch(GOOD, BAD, payload, record_batch.CODECS.index(codec))
    cases = {"flipped": (flipped(plain), "failed CRC32C check"),
             "flipped-gzip": (flipped(record_batch.plain(GOOD, values, "gzip")), "failed CRC32C check"),
             "not-gzip": (packed("gzip", records), "Decompression (codec 0x1)"),
             "magic": (plain[:16] + b"\x03" + plain[17:], "Unsupported Message(Set) MagicByte 3")}
    for codec in (5, 6, 7):
        cases[f"codec{codec}"] = record_batch.batch(GOOD, BAD, records, codec), f"Decompression (codec 0x{codec})"
    bombs = {"gzip": ("gzip", record_batch.compress("gzip", record_batch.zeros(GIB))),
             "lz4": ("lz4", record_batch.compress("lz4", record_batch.zeros(GIB))),
             "zstd": ("zstd", record_batch.compress("zstd", record_batch.zeros(GIB))),
             "zstd-sized": ("zstd", record_batch.zstd_zeros(4 * GIB)),
             "zstd-just-above": ("zstd", record_batch.zstd_zeros(65 * MIB)),
             "lz4-claim": ("lz4", record_batch.lz4_claim(4 * GIB)),
             "snappy-claim": ("snappy", record_batch.snappy_claim(GIB)),
             "snappy-largest-claim": ("snappy", record_batch.snappy_claim(4 * GIB - 1)),
             "snappy-java": ("snappy", record_batch.snappy_java([record_batch.snappy_claim(64 * MIB)] * 16))}
    for name, (codec, payload) in bombs.items():
        assert len(payload) < 5 * MIB, f"bomb {name} has {len(payload)} bytes"  # lz4 cannot do better than 1 to 255
        cases[f"bomb-{name}"] = packed(codec, payload), f"Decompression (codec {record_batch.CODECS.index(codec):#x})"
    return cases


def good_batches():
    """{name: (batch, values)}: proof that the writer's batches are read when they are right."""
    values = [b"%d" % i for i in range(BAD)]
    cases = {codec: (record_batch.plain(GOOD, values, codec), values) for codec in record_batch.CODECS}
    large = [bytes(30 * MIB)]
    cases["large-gzip"] = record_batch.plain(GOOD, large, "gzip"), large
    return cases


def planted(lab):
    """Made once, with one stop of the broker: ({name: (topic, text)}, {name: (topic, values)})."""
    if "planted" in lab.cache:
        return lab.cache["planted"]
    bad, good = bad_batches(), good_batches()
    topics = {}
    broker = lab.broker  # which lab starts again when it is asked for while it is down
    for name in [*bad, *(f"good-{name}" for name in good)]:
        topics[name] = lab.topic()
        broker.produce(topics[name], numbers(0, GOOD))
    broker.stop()
    for name, (batch, _) in bad.items():
        behind = record_batch.plain(GOOD + BAD, [b"after%d" % i for i in range(AFTER)])
        broker.append(topics[name], batch + behind)
    for name, (batch, _) in good.items():
        broker.append(topics[f"good-{name}"], batch)
    broker.start()
    lab.cache["planted"] = ({name: (topics[name], text) for name, (_, text) in bad.items()},
                            {name: (topics[f"good-{name}"], values) for name, (_, values) in good.items()})
    return lab.cache["planted"]


def run_within(lab, lake):
    """Runs with a limit of time and memory."""
    status, out, err, peak = process.run_measured([sluice.binary(), *lake.args()], lake.dir, SECONDS, env=sluice.environment())
    assert peak < PEAK, f"peak RSS {peak // MIB} MiB; {err[-300:]}"
    return sluice.Result(status, out, err)


def stops_at_the_batch(lab, name):
    topic, text = planted(lab)[0][name]
    assert lab.broker.ends(topic) == {0: (0, GOOD + BAD + AFTER)}, "the broker does not have the planted batches"
    in_front = {(0, i): b'{"n":%d}' % i for i in range(GOOD)}
    for limit, batches in ((GOOD // 2, [0, 1]), (7, list(range(-(-GOOD // 7) - 1))), (1000000, [])):
        lake = lab.lake(topic, name=f"{name}-{limit}", limit=limit)
        for _ in range(2):  # a restart does not get past it either
            run_within(lab, lake).expect(1, f"{topic}-0 at offset {GOOD} ", text, "it was not skipped")
        assert lake.batches() == batches, f"{name}: batches {lake.batches()} are committed, want {batches}"
        rows = {(p, o): v for p, o, v in lake.rows("p", "o", "value")} if batches else {}
        want = {at: v for at, v in in_front.items() if at[1] < len(batches) * limit}
        assert rows == want, f"{name}: {len(rows)} rows, want {len(want)}"


def stop_at_all(lab, prefix):
    names = [name for name in planted(lab)[0] if name.startswith(prefix)]
    assert names
    for name in names:
        stops_at_the_batch(lab, name)


def test_hand_made_batches_are_read(lab):
    for name, (topic, values) in planted(lab)[1].items():
        lake = lab.lake(topic, name=name)
        run_within(lab, lake).ok()
        want = {(0, i): b'{"n":%d}' % i for i in range(GOOD)}
        lake.check_whole(want | {(0, GOOD + i): value for i, value in enumerate(values)})


def test_flipped_byte(lab):
    stop_at_all(lab, "flipped")


def test_unknown_codec(lab):
    stop_at_all(lab, "codec")


def test_unknown_format(lab):
    stop_at_all(lab, "magic")
    stop_at_all(lab, "not-gzip")


def test_gzip_bomb(lab):
    stop_at_all(lab, "bomb-gzip")


def test_lz4_bombs(lab):
    stop_at_all(lab, "bomb-lz4")


def test_zstd_bombs(lab):
    stop_at_all(lab, "bomb-zstd")


def test_snappy_bombs(lab):
    stop_at_all(lab, "bomb-snappy")


def test_a_new_query_can_begin_behind_the_bad_batch(lab):
    """What is left to do for who needs the rest."""
    for name in ("flipped", "codec7", "bomb-gzip"):
        topic, _ = planted(lab)[0][name]
        start = json.dumps({topic: {"0": GOOD + BAD}})
        lake = lab.lake(topic, name=name, start=start)
        run_within(lab, lake).ok()
        lake.check_whole({(0, GOOD + BAD + i): b"after%d" % i for i in range(AFTER)})
