"""Runs examples/dlt as it stands: all streams into DuckDB, again, and after changes, with the state that dlt keeps.

The virtual environment of this script has dlt.
"""

import importlib.metadata
import json
import os
import re
import subprocess
import sys

import duckdb

from common import CONFIG, OUT, ROOT, TAP, Checks, Failure, Site, check_emitted, check_nasty, edit, loads, log

WORK = OUT / "dlt"
RECORDS = WORK / "messages.jsonl"
checks = Checks()

# The script looks for the tap on the PATH. What it finds is the program, with a copy of its output kept for us.
(WORK / "bin").mkdir(parents=True)
wrapper = WORK / "bin" / "tap-confluence"
wrapper.write_text(f'#!/bin/bash\nset -o pipefail\n"{TAP}" "$@" | tee "{RECORDS}"\n')
wrapper.chmod(0o755)


def run(site):
    """Runs the script. Returns the keys of the tap's records by stream."""
    with log("dlt-pipeline") as file:
        status = subprocess.run([sys.executable, ROOT / "examples" / "dlt" / "confluence.py"], cwd=WORK, stdout=file, stderr=file, timeout=600).returncode
    if status != 0:
        raise Failure(f"the pipeline ended with {status}: see {file.name}")
    keys = {}
    for line in RECORDS.read_text(encoding="utf-8").split("\n"):
        message = loads(line) if line else {}
        if message.get("type") == "RECORD":
            keys.setdefault(message["stream"], []).append(site.key(message["stream"], message["record"]))
    return keys


def snake(name):
    return re.sub(r"([a-z\d])([A-Z])", r"\1_\2", name).lower()


def compare(site, want, what):
    """Compares tables with the truth. Columns have names in snake case."""
    with duckdb.connect(str(WORK / "confluence.duckdb"), read_only=True) as database:
        for name, rows in want.items():
            cursor = database.execute(f'SELECT * FROM wiki."{name}"')
            columns, declared = [column[0] for column in cursor.description], site.streams[name]["schema"]["properties"]
            found = [dict(zip(columns, row)) for row in cursor.fetchall()]
            got = site.keyed(name, ({field: row.get(snake(field)) for field in declared} for row in found), checks)
            checks.rows(f"{what}: {name}", got, rows)


with Site() as site:
    config = json.loads(CONFIG.read_text())
    os.environ.update({f"TAP_CONFLUENCE_{name.upper()}": value for name, value in config.items() if isinstance(value, str)})
    os.environ.update(PATH=f"{wrapper.parent}:{os.environ['PATH']}", STREAMS=",".join(site.streams), DLT_DATA_DIR=str(WORK / "data"),
                      RUNTIME__DLTHUB_TELEMETRY="false", PYTHONUNBUFFERED="1")
    truths = site.truths()
    check_nasty(checks, truths)
    run(site)
    compare(site, truths, "first run")
    before, after, changed = edit(site)
    emitted = run(site)
    check_emitted(checks, site, emitted, before, changed)
    compare(site, {**site.truths(), **after}, "changes")
rows, changes = sum(map(len, truths.values())), sum(map(len, changed.values()))
checks.finish(f"dlt {importlib.metadata.version('dlt')}: {rows:,} rows into DuckDB, then {changes} changed rows with the state that dlt keeps")
