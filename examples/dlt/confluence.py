"""Loads a Confluence site into DuckDB with dlt: everything since the anchor date at first, then changes.

    TAP_CONFLUENCE_DOMAIN, TAP_CONFLUENCE_EMAIL, TAP_CONFLUENCE_API_TOKEN    the site and the account
    TAP_CONFLUENCE_ANCHOR_DATE    where the first run begins, such as 2004-01-01 (default: a year ago)
    STREAMS    names of streams, separated by commas (default: the twelve that can tell what changed)

tap-confluence must be on the PATH. dlt stores the state in the same load as the rows. For another database, name it in
dlt.pipeline.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import dlt

TYPES = {"string": "text", "integer": "bigint", "number": "double", "boolean": "bool", "object": "json", "array": "json"}


def choose(catalog, names):
    """Keeps the streams that are named, or else those that can be read incrementally, and has these read so."""
    kept = []
    for stream in catalog["streams"]:
        root = next(m["metadata"] for m in stream["metadata"] if not m["breadcrumb"])
        keys = root.get("valid-replication-keys")
        if keys:
            root["replication-method"] = "INCREMENTAL"
        if stream["tap_stream_id"] in names if names else keys:
            kept.append(stream)
    return {"streams": kept}


def column(declared):
    """Returns the type of a column. Objects stay JSON."""
    kinds = [kind for kind in declared["type"] if kind != "null"] if isinstance(declared["type"], list) else [declared["type"]]
    return {"data_type": "timestamp" if declared.get("format") == "date-time" else TYPES[kinds[0]]}


def table(message):
    """Returns what dlt must know of a stream's table."""
    return dlt.mark.make_hints(
        table_name=message["stream"], primary_key=message["key_properties"], write_disposition="merge",
        columns={name: column(declared) for name, declared in message["schema"]["properties"].items()})


@dlt.resource(name="confluence", max_table_nesting=0)
def confluence(names, statuses):
    """Runs the tap, yields its records, a thousand at a time, and appends its exit status to statuses."""
    state = dlt.current.resource_state()
    with tempfile.TemporaryDirectory() as folder:
        files = {name: pathlib.Path(folder, f"{name}.json") for name in ("config", "catalog", "state")}
        discovered = subprocess.run(["tap-confluence", "--config", "ENV", "--discover"], stdout=subprocess.PIPE, check=True).stdout
        files["catalog"].write_text(json.dumps(choose(json.loads(discovered), names)))
        files["state"].write_text(json.dumps(state.get("singer", {})))
        tap = subprocess.Popen(["tap-confluence", "--config", "ENV", "--catalog", files["catalog"], "--state", files["state"]],
                               stdout=subprocess.PIPE, encoding="utf-8")
        rows = {}
        for line in tap.stdout:
            message = json.loads(line)
            if message["type"] == "SCHEMA":
                yield dlt.mark.with_hints([], table(message), create_table_variant=True)
            elif message["type"] == "RECORD":
                batch = rows.setdefault(message["stream"], [])
                batch.append(message["record"])
                if len(batch) == 1000:
                    yield dlt.mark.with_table_name(rows.pop(message["stream"]), message["stream"])
            elif message["type"] == "STATE":
                state["singer"] = message["value"]
        for name, batch in rows.items():
            yield dlt.mark.with_table_name(batch, name)
        statuses.append(tap.wait())


if __name__ == "__main__":
    pipeline = dlt.pipeline("confluence", destination="duckdb", dataset_name="wiki")
    statuses = []
    print(pipeline.run(confluence([name for name in os.environ.get("STREAMS", "").split(",") if name], statuses)))
    sys.exit(max(statuses))  # what came before a failure is stored; the next run resumes there
