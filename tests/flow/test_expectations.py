"""Expectations of a table: what is counted, dropped, stopped, and what becomes a dead letter."""
import json
import os

from lib import table

KEEP = "CONSTRAINT has_id EXPECT (id IS NOT NULL)"
DROP = "CONSTRAINT positive EXPECT (amount > 0) ON VIOLATION DROP ROW"
FAIL = "CONSTRAINT small EXPECT (amount < 50) ON VIOLATION FAIL UPDATE"
QUARANTINE = ", 'sluice.quarantine' = 'letters'"


def text(**fields):
    return json.dumps(fields).encode()


def lake_of(lab, values, rules, name="lake", more="", topic=None, **variables):
    if topic is None:
        topic = lab.topic(1)
        lab.broker.produce(topic, [(0, None, value) for value in values])
    return lab.lake(topic, name=name, pipeline="expectations.sql", rules=rules, more=more, **variables)


def counts(result):
    """Passed and failed of every expectation, summed over the batches of a run with --progress -."""
    sums = {}
    for line in result.out.splitlines():
        for item in json.loads(line)["expectations"]:
            assert item["dataset"] == "checked"
            passed, failed = sums.get(item["name"], (0, 0))
            sums[item["name"]] = (passed + item["passed_records"], failed + item["failed_records"])
    return sums


def test_counting_and_dropping(lab):
    """Every expectation counts every row, NULL is a violation, and a row that another one drops is counted too."""
    values = [text(id=i, amount=amount) for i, amount in enumerate([5, -1, None, 7, 3])] + [text(amount=2), text(amount=-4)]
    lake = lake_of(lab, values, f"{KEEP}, {DROP}", limit=3)
    result = lake.run("--progress", "-").ok()
    assert lake.batches() == [0, 1, 2]
    assert sorted(lake.rows("o", "amount")) == [(0, 5), (3, 7), (4, 3), (5, 2)]
    assert counts(result) == {"has_id": (5, 2), "positive": (4, 3)}


def test_fail_update(lab):
    """The batch with the violation is not committed, those before are; the message names rule, condition and record."""
    values = [text(id=i, amount=amount) for i, amount in enumerate([5, 6, 7, 80])]
    for more in ("", QUARANTINE):
        lake = lake_of(lab, values, f"{DROP}, {FAIL}", name="q" if more else "p", more=more, limit=2)
        lake.run().expect(1, "EXPECTATION_VIOLATION", "`small`", "`amount < 50`", f"topic {lake.topic} partition 0 offset 3")
        assert lake.batches() == [0]
        assert sorted(o for o, in lake.rows_so_far("o")) == [0, 1]


def test_rows_that_fail_without_a_quarantine_stop_the_batch(lab):
    lake = lake_of(lab, [text(id=1, amount=0)], DROP)
    lake.run().expect(1, "DIVIDE_BY_ZERO", "offset 0")
    assert lake.batches() == []


def test_every_kind_of_bad_record_is_a_dead_letter(lab):
    """Malformed, not computable, against a rule: letters, each once, with the reason; good rows are in the table. The type of
    a field that the query does not read is not looked at, a tombstone is not malformed, and a row that WHERE leaves out is none."""
    values = [text(id=0, amount=5), b'{"id":1,"amount":', text(id="two", amount=2), text(id=3, amount=0), text(id=4, amount=-5), None,
              text(id=6, amount=4, unread="x"), text(id=2000, amount=-1), text(id=8, amount=10), b"[1]"]
    lake = lake_of(lab, values, f"{KEEP}, {DROP}", more=QUARANTINE)
    result = lake.run("--progress", "-").ok()
    assert sorted(o for o, in lake.rows("o")) == [0, 6, 8]
    letters = {offset: rest for offset, *rest in
               table.rows(os.path.join(lake.dir, "letters"), ("offset", "kind", "rule", "error_class", "error"))}
    assert sorted(letters) == [1, 2, 3, 4, 5, 9], letters
    assert [letters[o][0] for o in sorted(letters)] == ["malformed", "malformed", "evaluation", "constraint", "constraint", "malformed"]
    assert "byte 17" in letters[1][3] and 'field `id`: INT expected, found "two"' in letters[2][3]
    assert letters[3][1:3] == ["/", "DIVIDE_BY_ZERO"] and letters[4][1:3] == ["positive", "EXPECTATION_VIOLATION"]
    assert "`amount > 0` is not true (amount = NULL)" in letters[5][3] and "an object expected, found an array" in letters[9][3]
    # rows that failed before the rules are not counted by them
    assert counts(result) == {"has_id": (4, 1), "positive": (3, 2)}
