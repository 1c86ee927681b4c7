"""What README.md and docs/*.md show is so. Every `sluice` command in a ```console block runs as it stands there: in the
project's directory, in the order of the page, with only the broker's address and the lake's path replaced; in a block
that is marked `checked` the lines below a command are part of what it prints, in that order. The statements of
streaming-rules.md are judged as their lines say, and the tables of event-time-by-example.md come out."""
import glob
import os
import re
import shlex
import subprocess

from lib import sluice

ENDLESS = ("--every",)  # runs that end by a signal only


def read(path):
    with open(os.path.join(sluice.ROOT, path)) as page:
        return page.read()


def commands(path):
    """(command, lines of its output that have to come)"""
    for checked, block in re.findall(r"^```console( checked)?\n(.*?)^```", read(path), re.M | re.S):
        for part in re.split(r"^\$ ", re.sub(r"\\\n\s*", "", block), flags=re.M)[1:]:
            command, *lines = part.splitlines()
            if re.match(r"(\w+=\S+ )*(sluice|mkdir|printf|echo|sed) ", command):
                yield command, [line for line in lines if line.strip()] if checked else []


def check_output(command, expected, printed):
    printed = iter(printed.splitlines())
    for line in expected:
        assert any(line in one for one in printed), f"`{command}` does not print `{line}` where the page says so"


def run_page(lab, path):
    lake = lab.path("lake-" + os.path.basename(path))
    ran = 0
    for command, expected in commands(path):
        text = re.split(r"\s+#\s", command)[0].replace("localhost:9092", lab.broker.address).replace("/data/lake", lake)
        words = shlex.split(text)
        if any(word in ENDLESS for word in words):
            text += " --max-batches 1"
        folder = os.path.join(lab.dir, "bin")
        os.makedirs(folder, exist_ok=True)
        if not os.path.exists(os.path.join(folder, "sluice")):
            os.symlink(sluice.binary(), os.path.join(folder, "sluice"))
        env = {**sluice.environment(), "PATH": f"{folder}:{os.environ['PATH']}", "SLUICE_BROKERS": lab.broker.address,
               "TMPDIR": lab.dir}
        done = subprocess.run(["bash", "-o", "pipefail", "-c", text], cwd=sluice.ROOT, env=env, capture_output=True, text=True,
                              timeout=120)
        assert done.returncode == 0, f"{os.path.basename(path)}: `{command}` ends with {done.returncode}: {done.stderr[-500:]}"
        check_output(command, [line.replace("/data/lake", lake) for line in expected], done.stdout + done.stderr)
        ran += 1
    return ran


def test_readme_commands_run(lab):
    assert run_page(lab, os.path.join(sluice.ROOT, "README.md")) >= 5


def test_docs_commands_run(lab):
    for path in sorted(glob.glob(os.path.join(sluice.ROOT, "docs/*.md"))):
        run_page(lab, path)


def rules():
    """(mode, statement, condition or "runs") of streaming-rules.md"""
    words = {"mode": "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION", "operation": "UNSUPPORTED_STREAMING_OPERATION",
             "feature": "UNSUPPORTED_FEATURE"}
    for mode, statement, condition in re.findall(r"^\| (append|update|complete) \| `(.*?)` \| (\w+) \|$", read("docs/streaming-rules.md"), re.M):
        yield mode, re.sub(r"\bWM\b", "WATERMARK at DELAY OF INTERVAL 5 MINUTES", statement), words.get(condition, condition)


def test_streaming_rules_are_so(lab):
    views = re.search(r"^```sql\n(.*?)^```", read("docs/streaming-rules.md"), re.M | re.S).group(1)
    lake, pipeline, wrong, count = lab.path("lake"), lab.path("rule.sql"), [], 0
    for name in ("clicks", "buys"):
        os.makedirs(os.path.join(lake, name))
    for mode, statement, condition in rules():
        with open(pipeline, "w") as file:
            file.write(f"{views}CREATE SINK rule USING memory OPTIONS ('sluice.outputMode' = '{mode}', 'sluice.checkpointLocation' = "
                       f"'${{lake}}/c');\nCREATE FLOW f AS INSERT INTO rule BY NAME\n{statement};\n")
        done = sluice.run("validate", pipeline, "-s", f"lake={lake}")
        said = re.search(r"^error\[(.*?)\]", done.err, re.M)
        if (said.group(1) if said else "runs" if done.status == 0 else done.err) != condition:
            wrong.append(f"{mode}: {statement}: {condition}, but {done.err or 'it runs'}")
        count += 1
    assert not wrong, "\n".join(wrong)
    assert count > 50, count


def rows_written(done):
    """"12:00 = 3, 12:10 = 1" of the console's tables"""
    return ", ".join(f"{window} = {clicks}" for window, clicks in sorted(re.findall(r"^\|\s*(\d\d:\d\d)\|\s*(\d+)\|$", done.out, re.M)))


def test_event_time_by_example_in_every_mode(lab):
    lake = lab.path("lake")
    os.makedirs(os.path.join(lake, "clicks"))
    table = re.findall(r"^\| (\d\.json) \| ([\d: ]+) \| ([\d:]+) \| (.*?) ?\| (.*?) \| (.*?) \|$", read("docs/event-time-by-example.md"), re.M)
    assert len(table) == 5, table
    for name, clicks, watermark, *expected in table:
        with open(os.path.join(lake, "clicks", name), "w") as file:
            file.writelines(f'{{"at":"2026-01-15 {click}"}}\n' for click in clicks.split())
        for mode, rows in zip(("append", "update", "complete"), expected):
            done = sluice.run("run", os.path.join(sluice.ROOT, "examples/clicks.sql"), "-s", f"lake={lake}", "-s", f"mode={mode}", "--available-now")
            done.expect(0)
            assert rows_written(done) == rows, f"{name}, {mode}: {rows_written(done)}"
        show = sluice.run("checkpoint", "show", os.path.join(lake, "_checkpoints/clicks_append"))
        assert f"watermark 2026-01-15T{watermark}:00.000Z" in show.out.splitlines()[-2], show.out
