"""Runs the project of examples/meltano as it stands, in a copy, against a site and a Postgres server.

    client_meltano.py MELTANO

The environment says where the site and the database are, as it does for users. The virtual environment of this script
has the database's driver; MELTANO is the program in its own.
"""

import functools
import json
import os
import shutil
import subprocess
import sys

import psycopg
import psycopg.types.json

from common import CONFIG, OUT, ROOT, TAP, Checks, Failure, Site, check_emitted, decimal, edit, loads, log, replication_keys
from database import Server

MELTANO = sys.argv[1]
PROJECT = OUT / "meltano"
RECORDS = OUT / "meltano-records.jsonl"
STATE = "prod:tap-confluence-to-target-postgres"

checks = Checks()
shutil.copytree(ROOT / "examples" / "meltano", PROJECT)

# Meltano looks for the tap on the PATH. What it finds is the program, with a copy of its output kept for us.
(OUT / "meltano-bin").mkdir()
wrapper = OUT / "meltano-bin" / "tap-confluence"
wrapper.write_text(f'#!/bin/bash\nset -o pipefail\n"{TAP}" "$@" | tee -a "{RECORDS}"\n')
wrapper.chmod(0o755)


def meltano(*args, **env):
    """Runs a command in the project and returns its stdout."""
    with log("meltano-commands") as file:
        file.write(f"\n== meltano {' '.join(args)}\n".encode())
        file.flush()
        done = subprocess.run([MELTANO, *args], cwd=PROJECT, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=file,
                              stdin=subprocess.DEVNULL, timeout=900)
        file.write(done.stdout)
    if done.returncode != 0:
        raise Failure(f"meltano {' '.join(args)} ended with {done.returncode}: see {file.name}")
    checks.count += 1
    return done.stdout.decode("utf-8")


def emitted(site):
    """Returns the keys of the records of the last run by stream."""
    keys = {}
    for line in RECORDS.read_text(encoding="utf-8").split("\n"):
        message = loads(line) if line[:16] == '{"type":"RECORD"' else {}
        if message:
            keys.setdefault(message["stream"], []).append(site.key(message["stream"], message["record"]))
    RECORDS.unlink()
    return keys


def compare(site, connection, want, what):
    """Compares tables with the truth."""
    for name, rows in want.items():
        cursor = connection.execute(f'SELECT * FROM confluence."{name}"')
        names = [column.name for column in cursor.description]
        got = site.keyed(name, (dict(zip(names, row)) for row in cursor), checks)
        checks.rows(f"{what}: {name}", got, rows)


def look(site):
    """Asks what users ask before they run anything."""
    config = json.loads(meltano("config", "--unsafe", "print", "tap-confluence"))
    checks.equal("the token reaches the config", config.get("api_token"), os.environ["TAP_CONFLUENCE_API_TOKEN"])
    listed = meltano("select", "--list", "--all", "tap-confluence")
    for line in ("pages.title", "page_footer_comments.body", "pages._links", "spaces.name"):
        checks.true(f"{line} is listed", line in listed)
    (PROJECT / ".meltano" / "run").mkdir(parents=True, exist_ok=True)
    found = json.loads(meltano("invoke", "tap-confluence", "--discover"))
    checks.equal("discovered streams", [s["tap_stream_id"] for s in found["streams"]], list(site.streams))
    about = json.loads(meltano("invoke", "tap-confluence", "--about", "--format=json"))
    records = [loads(line) for line in meltano("invoke", "tap-confluence", TAP_CONFLUENCE__SELECT='["pages.*", "!pages._links"]').split("\n")
               if line.startswith('{"type":"RECORD"')]
    checks.true("a deselected field does not come", records and not any("_links" in r["record"] for r in records), records[:1])
    checks.equal("selected streams", {r["stream"] for r in records}, {"pages"})
    checks.true("settings that the project declares", set(config) <= set(about["settings"]["properties"]), config.keys())
    meltano("config", "test", "tap-confluence")


def run(site, connection):
    keys = replication_keys(site)
    truths = {name: site.truth(name) for name in keys}
    meltano("run", "tap-confluence", "target-postgres")
    compare(site, connection, truths, "first run")
    checks.equal("streams of the first run", sorted(emitted(site)), sorted(keys))
    state = json.loads(meltano("state", "get", STATE))["singer_state"]
    for name, key in keys.items():
        checks.equal(f"{name}: replication key in the state", state["bookmarks"][name].get("replication_key"), key)

    meltano("run", "daily")
    check_emitted(checks, site, emitted(site), truths, {name: set() for name in keys})
    before, after, changed = edit(site)
    meltano("run", "daily")
    check_emitted(checks, site, emitted(site), before, changed)
    compare(site, connection, after, "changes")

    meltano("run", "weekly")
    whole = {**site.truths(), **after}
    full = emitted(site)
    for name, rows in whole.items():
        checks.equal(f"{name}: records of the weekly run", len(full.get(name, ())), len(rows))
    # The full run gives former versions the title that the site has for them now.
    compare(site, connection, site.truths(), "weekly")
    checks.true("the daily state is kept", STATE in meltano("state", "list"))
    meltano("run", "--full-refresh", "tap-confluence", "target-postgres")
    again = emitted(site)
    for name, rows in after.items():
        checks.equal(f"{name}: records of a full refresh", len(again.get(name, ())), len(rows))
    return sum(map(len, whole.values())), sum(map(len, changed.values()))


with Site(extra="all") as site, Server() as server:
    config = loads(CONFIG.read_text())
    os.environ.update(
        PATH=f"{wrapper.parent}:{os.environ['PATH']}", TAP_CONFLUENCE_EMAIL=config["email"], TAP_CONFLUENCE_API_TOKEN=config["api_token"],
        TARGET_POSTGRES_SQLALCHEMY_URL=server.url, UV_CONSTRAINT=str(ROOT / "acceptance" / "requirements-singer.txt"), NO_COLOR="1",
        MELTANO_SEND_ANONYMOUS_USAGE_STATS="false", MELTANO_CLI_LOG_LEVEL="info")
    meltano("install")
    look(site)
    RECORDS.unlink(missing_ok=True)
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        psycopg.types.json.set_json_loads(functools.partial(json.loads, parse_float=decimal.Decimal), connection)
        rows, changed = run(site, connection)
version = subprocess.run([MELTANO, "--version"], capture_output=True, text=True).stdout.split()[-1]
checks.finish(f"Meltano {version}: install, config, select, discover, config test; daily run, with state, with {changed} changed rows; "
              f"weekly run of {rows:,} rows; full refresh")
