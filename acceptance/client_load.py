"""Loads a site through one Singer target and compares what it stored with the truth, three times.

    client_load.py NAME TARGET...

First everything in full, with the discovered catalog fed back unchanged. Then everything again, incrementally where
that is possible: rows must be updated and none added. Then items of the site are changed, and an incremental run with
the state that the target printed must change these rows and no others. The virtual environment of this script has the
database's driver; TARGET is the target's program in its own. NAME is one of those below and in targets.py.
"""

import contextlib
import decimal
import functools
import importlib
import json
import re
import shutil
import subprocess
import sys

import database
import targets
from common import (CONFIG, OUT, ROOT, TAP, Checks, Failure, Site, check_emitted, check_nasty, edit, incremental, kind, loads, log,
                    replication_keys)

checks = Checks()


class Postgres:
    """A target that loads into the schema confluence of a Postgres server."""

    add, keyed, versions = True, True, True  # every row must be there once; tables have primary keys

    def __init__(self, server, name):
        self.more = f"deletions; types and keys of the tables in Postgres {server.version}"
        self.name, self.folded = name, name == "pipelinewise"  # it writes all names in small letters
        self.psycopg = importlib.import_module("psycopg")
        self.connection = self.psycopg.connect(server.conninfo, autocommit=True)
        importlib.import_module("psycopg.types.json").set_json_loads(functools.partial(json.loads, parse_float=decimal.Decimal), self.connection)
        self.deletes = not self.folded
        # Without hard_delete ACTIVATE_VERSION crashes it for tables that have a column of the name version.
        self.config = {"sqlalchemy_url": server.url, "default_target_schema": "confluence", "hard_delete": True}
        if self.folded:
            self.config = {"host": server.folder, "port": 5432, "user": server.user, "password": "none", "dbname": server.database,
                           "default_target_schema": "confluence", "validate_records": True}

    def kept(self, value, declared):
        """Returns what the target makes of a value. pipelinewise goes by CSV with JSON's escapes in it: an empty text
        becomes NULL, and a line feed in the text of a column the two characters that stand for it in JSON."""
        if not self.folded:
            return value
        if isinstance(value, str) and value:
            return json.dumps(value, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        return None if value == "" else value

    def rows(self, stream):
        cursor = self.connection.execute(f'SELECT * FROM confluence."{stream}"')
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor]

    def types(self, stream):
        """Returns the columns' types, arrays as their elements' with []."""
        cursor = self.connection.execute(
            "SELECT column_name, CASE data_type WHEN 'ARRAY' THEN substr(udt_name, 2) || '[]' ELSE data_type END "
            "FROM information_schema.columns WHERE table_schema = 'confluence' AND table_name = %s", (stream,))
        return dict(cursor.fetchall())

    def key(self, stream):
        cursor = self.connection.execute(
            "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) "
            "WHERE i.indisprimary AND i.indrelid = %s::regclass", (f'confluence."{stream}"',))
        return sorted(row[0] for row in cursor)

    def wanted(self, declared):
        """Returns the type of the column of a property."""
        wanted = kind(declared)
        if self.folded:
            return {"string": "timestamp without time zone" if declared.get("format") else "character varying", "integer": "numeric",
                    "number": "double precision", "boolean": "boolean", "object": "jsonb", "array": "jsonb"}[wanted]
        if wanted == "array" and "items" in declared:
            return {"string": "text[]", "object": "jsonb[]"}[kind(declared["items"])]
        return {"string": "timestamp without time zone" if declared.get("format") else "text", "integer": "bigint",
                "number": "numeric", "boolean": "boolean", "object": "jsonb", "array": "jsonb"}[wanted]


class DuckDB:
    """target-duckdb. It writes names in small letters, integers as hugeint and an empty text as NULL."""

    add, keyed, folded, versions, deletes, more = True, True, True, True, False, "deletions; types of the tables"

    def __init__(self, name, site):
        self.duckdb, self.path = importlib.import_module("duckdb"), OUT / "load.duckdb"
        self.path.unlink(missing_ok=True)
        # add_metadata_columns is needed for more than the columns: see demo/requirements-duckdb.in.
        self.name, self.config = name, {"path": str(self.path), "default_target_schema": "main", "add_metadata_columns": True}

    def kept(self, value, declared):
        return None if value == "" else value

    def ask(self, query, *values):
        with self.duckdb.connect(str(self.path), read_only=True) as connection:
            cursor = connection.execute(query, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row)) for row in cursor.fetchall()]

    def rows(self, stream):
        return self.ask(f'SELECT * FROM "{stream}"')

    def types(self, stream):
        return {row["column_name"]: row["data_type"].lower() for row in self.ask(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = ?", stream)}

    def key(self, stream):
        rows = self.ask("SELECT constraint_column_names AS names FROM duckdb_constraints() WHERE table_name = ? AND constraint_type = 'PRIMARY KEY'", stream)
        return sorted(name for row in rows for name in row["names"])

    def wanted(self, declared):
        return {"string": "timestamp" if declared.get("format") else "varchar", "integer": "hugeint", "number": "double",
                "boolean": "boolean", "object": "json", "array": "json"}[kind(declared)]


class JSONLines:
    """target-jsonl. It has neither types nor keys: it appends what comes, so each run is compared by itself."""

    add, folded, versions, more = False, False, True, "no types or keys there"

    def __init__(self, name, site):
        self.name, self.folder = name, OUT / "load-jsonl"
        self.config = {"destination_path": str(self.folder), "do_timestamp_file": False}
        self.empty()

    def empty(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def kept(self, value, declared):
        return value

    def rows(self, stream):
        file = self.folder / f"{stream}.jsonl"
        return [loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line] if file.exists() else []


def sync(site, target, program, catalog, state):
    """Pipes a sync into the target. Returns the keys of the records by stream, and the last state that the target printed."""
    work = OUT / f"load-{target.name}"
    work.mkdir(parents=True, exist_ok=True)
    files = {"config": target.config, "catalog": catalog, "state": state, "tap": {"emit_activate_version": target.versions and not state}}
    for name, content in files.items():
        if content is not None:
            (work / f"{name}.json").write_text(json.dumps(content))
    args = [TAP, "--config", CONFIG, "--config", work / "tap.json", "--catalog", work / "catalog.json", *(["--state", work / "state.json"] if state else [])]
    with log(f"load-{target.name}-tap") as tap_log, log(f"load-{target.name}-target") as target_log:
        source = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=tap_log)
        tee = subprocess.Popen(["tee", work / "messages.jsonl"], stdin=source.stdout, stdout=subprocess.PIPE)
        loader = subprocess.Popen([*program, "--config", work / "config.json"], stdin=tee.stdout, stdout=subprocess.PIPE, stderr=target_log)
        source.stdout.close(), tee.stdout.close()  # or the tap would not be told when the target dies
        printed, _ = loader.communicate(timeout=600)
        status = source.wait(60), tee.wait(60), loader.returncode
    if status != (0, 0, 0):
        raise Failure(f"the tap, the pipe and {target.name} ended with {status}")
    states = [line for line in printed.decode("utf-8").split("\n") if line]
    if not states:
        raise Failure(f"{target.name} printed no state")
    emitted = {}
    for line in (work / "messages.jsonl").read_text(encoding="utf-8").split("\n"):
        message = loads(line) if line else {}
        if message.get("type") == "RECORD":
            emitted.setdefault(message["stream"], []).append(site.key(message["stream"], message["record"]))
    return emitted, loads(states[-1])


def kept(site, target, stream, rows):
    """Returns rows as the target keeps them."""
    declared = site.streams[stream]["schema"]["properties"]
    return {key: {name: target.kept(value, declared[name]) for name, value in row.items()} for key, row in rows.items()}


def compare(site, target, want, what):
    """Compares every table with the truth."""
    tables = {name: site.keyed(name, target.rows(name), checks) for name in want}
    for name, rows in tables.items():
        checks.rows(f"{what}: {name}", rows, kept(site, target, name, want[name]))
    return tables


def check_tables(site, target):
    """Compares the columns' types and the tables' keys."""
    for name, stream in site.streams.items():
        fold = str.lower if target.folded else str
        types = target.types(name)
        for field, declared in stream["schema"]["properties"].items():
            checks.equal(f"{name}.{field}: type of the column", types.get(fold(field)), target.wanted(declared))
        checks.equal(f"{name}: primary key", target.key(name), sorted(map(fold, stream["key_properties"])) if target.keyed else [])


def check_documents(target):
    """Runs the queries of docs/limits.md, which are written for this target: each must find something."""
    queries = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "limits.md").read_text(encoding="utf-8"), re.S)
    for query in queries:
        checks.true(f"rows of {query}", target.connection.execute(query).fetchall())
    checks.true("queries in docs/limits.md", len(queries) >= 5, len(queries))


def both(catalog):
    """Returns the catalog with every stream, incremental where it can be."""
    changed = incremental(catalog)
    for stream in changed["streams"]:
        next(m["metadata"] for m in stream["metadata"] if not m["breadcrumb"])["selected"] = True
    return changed


def check_deletions(site, target, program):
    """Deletes pages and reads everything in full, with ACTIVATE_VERSION: docs/running.md says what the target makes of it."""
    gone = set(site.change("delete", "pages", 2))
    sync(site, target, program, site.catalog, None)
    left = gone & {row["id"] for row in target.rows("pages")}
    checks.equal("deleted pages in the table", sorted(left), [] if target.deletes else sorted(gone))


def load(site, target, program):
    truths = site.truths()
    check_nasty(checks, truths)
    sync(site, target, program, site.catalog, None)
    compare(site, target, truths, "full")
    if hasattr(target, "types"):
        check_tables(site, target)
    if target.name == "meltanolabs":
        check_documents(target)
    if not target.add:
        target.empty()
    emitted, state = sync(site, target, program, both(site.catalog), None)
    compare(site, target, truths, "again")
    for name in truths:
        checks.equal(f"{name}: records of the second run", len(emitted.get(name, ())), len(truths[name]))

    before, after, changed = edit(site)
    if not target.add:
        target.empty()
    old = {name: site.keyed(name, target.rows(name), checks) for name in after} if target.add else None
    emitted, _ = sync(site, target, program, incremental(site.catalog), state)
    check_emitted(checks, site, emitted, before, changed)
    checks.equal("streams that must not be read", sorted(set(emitted) - set(replication_keys(site))), [])
    checks.true("enough rows changed", sum(map(len, changed.values())) >= 15, changed)
    if old is None:
        for name, rows in after.items():
            got = site.keyed(name, target.rows(name), checks)
            checks.rows(f"incremental: {name}", got, kept(site, target, name, {key: rows[key] for key in emitted.get(name, ())}))
        return sum(map(len, truths.values())), sum(map(len, changed.values()))
    tables = compare(site, target, after, "incremental")
    for name in after:
        differ = {key for key, row in tables[name].items() if old[name].get(key) != row}
        checks.equal(f"{name}: rows that the incremental run changed", differ, changed[name])
    if hasattr(target, "deletes"):
        check_deletions(site, target, program)
    return sum(map(len, truths.values())), sum(map(len, changed.values()))


@contextlib.contextmanager
def prepared(name, site, program):
    """Makes the target, and the server that it loads into."""
    if name in ("meltanolabs", "pipelinewise", "datamill"):
        with database.Server() as server:
            yield targets.Datamill(server, name, site) if name == "datamill" else Postgres(server, name)
    elif name == "mariadb":
        with database.MariaDB() as server:
            yield targets.MariaDB(server, name)
    elif name == "s3":
        with targets.Bucket(program[0]) as bucket:
            yield targets.Parquet(name, site, bucket)
    else:
        makes = {"duckdb": DuckDB, "jsonl": JSONLines, "sqlite": targets.SQLite, "csv": targets.CSV, "stitch": targets.Stitch}
        yield makes[name](name, site)


def main():
    name, *program = sys.argv[1:]
    with Site(extra="all") as site, prepared(name, site, program) as target:
        rows, changed = load(site, target, program)
    checks.finish(f"{rows:,} rows in full, again by key, {changed} changed rows incrementally; {target.more}")


main()
