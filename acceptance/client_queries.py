"""Runs the queries of docs/queries.md on DuckDB and Postgres, each loaded by its target with every stream of the demo's site.

    client_queries.py DUCKDB-ENVIRONMENT SITE-OPTION...

The results must be those that the document shows. demo/queries.py does that, in the environment that has the driver.
"""

import json
import pathlib
import re
import subprocess
import sys

from common import CONFIG, OUT, ROOT, TAP, Checks, Failure, Site
from database import Server

WORK = OUT / "queries"
checks = Checks()


def load(name, target, config, messages):
    """Pipes what the tap wrote into a target."""
    (WORK / f"{name}.json").write_text(json.dumps(config))
    with open(messages, "rb") as source, open(WORK / f"{name}.log", "wb") as log:
        status = subprocess.run([target, "--config", WORK / f"{name}.json"], stdin=source, stdout=subprocess.DEVNULL, stderr=log, timeout=600).returncode
    if status != 0:
        raise Failure(f"the target of {name} ended with {status}")


def compare(name, python, *database):
    """Runs the document's queries on a database, and returns how many there are."""
    done = subprocess.run([python, ROOT / "demo" / "queries.py", *database], capture_output=True, text=True, encoding="utf-8", timeout=300)
    print(name, done.stdout, done.stderr, flush=True)
    checks.equal(f"{name}: differing queries", done.stdout.strip().split("\n")[-1].partition(", ")[2], "0 differ")
    return int(re.search(r"(\d+) queries", done.stdout)[1])


environment, *flags = sys.argv[1:]
here, there = pathlib.Path(sys.executable).parent, pathlib.Path(environment) / "bin"
WORK.mkdir(parents=True)
with Site(*flags, base=(), extra="all"), Server() as server:
    with open(WORK / "messages.jsonl", "wb") as messages, open(WORK / "tap.log", "wb") as log:
        subprocess.run([TAP, "--config", CONFIG], stdout=messages, stderr=log, check=True, timeout=300)
    load("postgres", here / "target-postgres", {"sqlalchemy_url": server.url, "default_target_schema": "confluence"}, WORK / "messages.jsonl")
    # add_metadata_columns is needed for more than the columns: see demo/requirements-duckdb.in.
    load("duckdb", there / "target-duckdb", {"path": f"{WORK}/queries.duckdb", "default_target_schema": "main", "add_metadata_columns": True},
         WORK / "messages.jsonl")
    counts = {compare("postgres", sys.executable, "--postgres", server.conninfo), compare("duckdb", there / "python", "--duckdb", f"{WORK}/queries.duckdb")}
checks.equal("queries of both", len(counts), 1)
checks.finish(f"{min(counts)} queries of docs/queries.md give what it shows, on DuckDB and on Postgres {server.version}")
