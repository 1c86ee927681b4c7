"""Every `sluice` command that README.md and docs/*.md show in a ```console block runs as it stands there: in the
project's directory, in the order of the page, with only the broker's address and the lake's path replaced."""
import glob
import os
import re
import shlex
import subprocess

from lib import sluice

ENDLESS = ("--every",)  # runs that end by a signal only


def commands(path):
    with open(path) as page:
        blocks = re.findall(r"^```console\n(.*?)^```", page.read(), re.M | re.S)
    for block in blocks:
        lines = re.sub(r"\\\n\s*", "", block).splitlines()
        yield from (line[2:] for line in lines if re.match(r"\$ (\w+=\S+ )*sluice ", line))


def run_page(lab, path):
    lake = lab.path("lake-" + os.path.basename(path))
    ran = 0
    for command in commands(path):
        text = re.split(r"\s+#\s", command)[0].replace("localhost:9092", lab.broker.address).replace("/data/lake", lake)
        words = shlex.split(text)
        if any(word in ENDLESS for word in words):
            text += " --max-batches 1"
        folder = os.path.join(lab.dir, "bin")
        os.makedirs(folder, exist_ok=True)
        if not os.path.exists(os.path.join(folder, "sluice")):
            os.symlink(sluice.binary(), os.path.join(folder, "sluice"))
        env = {**sluice.environment(), "PATH": f"{folder}:{os.environ['PATH']}", "SLUICE_BROKERS": lab.broker.address}
        done = subprocess.run(["bash", "-o", "pipefail", "-c", text], cwd=sluice.ROOT, env=env, capture_output=True, text=True,
                              timeout=120)
        assert done.returncode == 0, f"{os.path.basename(path)}: `{command}` ends with {done.returncode}: {done.stderr[-500:]}"
        ran += 1
    return ran


def test_readme_commands_run(lab):
    assert run_page(lab, os.path.join(sluice.ROOT, "README.md")) >= 5


def test_docs_commands_run(lab):
    for path in sorted(glob.glob(os.path.join(sluice.ROOT, "docs/*.md"))):
        run_page(lab, path)
