"""Reads a site with PyAirbyte into its DuckDB cache, twice, as its users do.

PyAirbyte asks for every stream incrementally that it selects. So the second read must send the rows that were changed
in between, all rows of the streams that can only be read in full, and nothing else.
"""

import importlib.metadata
import json
import os
import shutil
import sys

from common import CONFIG, ENTITIES, OUT, TAP, Checks, Site, check_nasty, edit, replication_keys

WORK = OUT / "pyairbyte"
shutil.rmtree(WORK, ignore_errors=True)
WORK.mkdir(parents=True)
os.chdir(WORK)  # it keeps its caches and files in the working directory
os.environ.update(AIRBYTE_OFFLINE_MODE="1", AIRBYTE_DISABLE_TELEMETRY="1", DO_NOT_TRACK="1", AIRBYTE_LOGGING_ROOT=str(WORK))

import airbyte as ab  # noqa: E402
import sqlalchemy  # noqa: E402

checks = Checks()
ignored = []
sys.unraisablehook = ignored.append  # exceptions of generators that PyAirbyte drops


def source(**more):
    return ab.get_source("source-confluence", local_executable=TAP, config={**json.loads(CONFIG.read_text()), **more})


def rows(cache, stream):
    with cache.get_sql_engine().connect() as connection:
        return [dict(row) for row in connection.execute(sqlalchemy.text(f'SELECT * FROM "{cache.schema_name}"."{stream}"')).mappings()]


def compare(site, cache, want, what):
    for name in want:
        checks.rows(f"{what}: {name}", site.keyed(name, rows(cache, name), checks), want[name])


def repeated_versions(before, after, changed):
    """Counts the versions that come again with an item that changed, or that is as new as the bookmark."""
    n = 0
    for name in ENTITIES:
        newest = max(record["createdAt"] for record in before[name].values())
        items = {key.split("/")[0] for key in changed[name] | {k for k, r in before[name].items() if r["createdAt"] == newest}}
        n += sum(key.split("/")[0] in items for key in after[name])
    return n


def newest_rows(before):
    """Returns how many rows of each incremental stream may come again, being as new as the bookmark."""
    count = {}
    for name, key in replication_keys(site).items():
        newest = {}
        for record in before[name].values():
            kind = record.get("type") if name == "custom_content" else None
            newest.setdefault(kind, []).append(record[key])
        count[name] = sum(times.count(max(times)) for times in newest.values())
    return count


with Site(extra="all") as site:
    tap = source()
    tap.check()
    checks.count += 1
    try:
        source(api_token="not-the-right-token").check()
        checks.true("a wrong token is found out", False)
    except ab.exceptions.AirbyteConnectorCheckFailedError as error:
        checks.true("a wrong token is found out", "token" in str(error), error)
    checks.equal("streams", sorted(tap.get_available_streams()), sorted(site.streams))
    tap.select_all_streams()

    truths = site.truths()
    check_nasty(checks, truths)
    cache = ab.new_local_cache("confluence", cache_dir=WORK / "cache")
    first = tap.read(cache=cache)
    checks.equal("records of the first read", first.processed_records, sum(map(len, truths.values())))
    compare(site, cache, truths, "first read")
    for name in truths:
        checks.equal(f"{name}: rows of the data set", len(first[name]), len(truths[name]))

    before, after, changed = edit(site)
    second = tap.read(cache=cache)
    whole = {**site.truths(), **after}
    compare(site, cache, whole, "second read")
    least = sum(len(changed[name]) if name in changed else len(whole[name]) for name in whole)
    most = least + sum(newest_rows(before).values()) + repeated_versions(before, after, changed)
    checks.true("records of the second read", least <= second.processed_records <= most, f"{second.processed_records}, want {least} to {most}")

    few = ["spaces", "child_pages", "tasks"]
    third = tap.read(cache=cache, streams=few, force_full_refresh=True)
    checks.equal("records of a forced full refresh", third.processed_records, sum(len(whole[name]) for name in few))
    compare(site, cache, whole, "forced full refresh")

    catalog = WORK / "catalog.json"
    catalog.write_text(tap.get_configured_catalog().model_dump_json(exclude_none=True))
    messages = tap.executor.execute(["read", "--config", str(CONFIG), "--catalog", str(catalog)])
    checks.true("a message before an early end", next(messages).startswith("{"))
    messages.close()  # raises unless the program ends with 0 or by SIGTERM
    checks.count += 1
checks.equal("exceptions that PyAirbyte ignored", [str(i.exc_value) for i in ignored], [])
changes = sum(map(len, changed.values()))
checks.finish(f"PyAirbyte {importlib.metadata.version('airbyte')}: check, wrong token, {first.processed_records:,} records, again with {changes} changed rows, "
              "a forced full refresh, an early end")
