"""Runs singer-check-tap on the program, both ways in which it can be run.

Mode B pipes a sync into it; mode A has it run the tap itself, without a catalog, and a second time with the state.
Mode A reads the tap's output in a thread that it does not wait for, so that it may look at the result too early: the
wrapper keeps the process for a moment after its output has ended.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

from common import CONFIG, OUT, TAP, Checks, Site, tap

WRAPPER = """#!/bin/sh
"{tap}" "$@"
status=$?
exec >&-
sleep 3
exit $status
"""

checks = Checks()
tool = pathlib.Path(sys.executable).parent / "singer-check-tap"
work = OUT / "check-tap"
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)


def report(what, done, want, runs):
    """Checks the tables of records by stream that the tool prints, one for each run."""
    print(what, done.stdout, done.stderr[-3000:])
    checks.equal(f"{what}: status", done.returncode, 0)
    told = re.findall(r"^\W*(\w+)\W+(\d+)\W+(\d+)\W*$", done.stdout, re.M)
    for name, rows in want.items():
        tables = [(int(records), int(schemas)) for stream, records, schemas in told if stream == name]
        checks.equal(f"{what}: records and schemas of {name} in {runs} runs", tables, [(rows, 1)] * runs)


with Site(extra="all") as site:
    want = {name: len(rows) for name, rows in site.truths().items()}
    catalog = work / "catalog.json"
    catalog.write_text(json.dumps(site.catalog))
    done = subprocess.run([tool], input=tap("--config", CONFIG, "--catalog", catalog), capture_output=True,
                          text=True, encoding="utf-8", timeout=300, cwd=work)
    report("mode B", done, want, 1)
    if checks.wrong:  # in mode A the tool would hang on a tap that it doesn't like
        checks.finish("")

    wrapper = work / "tap-confluence"
    wrapper.write_text(WRAPPER.format(tap=TAP))
    wrapper.chmod(0o755)
    done = subprocess.run([tool, "-t", wrapper, "-c", CONFIG], capture_output=True, text=True, encoding="utf-8",
                          timeout=600, cwd=work, env={**os.environ, "PYTHONUTF8": "1"})
    report("mode A", done, want, 2)
    state = json.loads((work / "singer-check-tap-data" / "state.json").read_text())
    checks.equal("streams in the state", sorted(state["bookmarks"]), sorted(want))
checks.finish("singer-check-tap with a catalog on its standard input, and running the tap itself, without a state and with it")
