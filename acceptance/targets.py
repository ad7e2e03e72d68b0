"""Further targets of client_load.py: where each stores rows, and what it makes of values.

Each has rows(stream), which gives the stored rows under the API's names, and kept(value, declared), which says what the target
makes of a value of a property so declared. add: rows are updated by key. versions: it takes ACTIVATE_VERSION. deletes:
whether it then removes rows. A target that appends has empty(), which removes what it stored.
"""

import ast
import csv
import http.server
import importlib
import io
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import tempfile
import threading

from common import OUT, kind, loads


def pruned(value, declared):
    """Drops what the schema does not declare, and makes an object or list without content None, as columns for each field do."""
    if isinstance(value, dict) and "properties" in declared:
        children = {name: pruned(value.get(name), child) for name, child in declared["properties"].items()}
        return {name: child for name, child in children.items() if child is not None} or None
    if isinstance(value, list):
        return [pruned(item, declared.get("items", {})) for item in value] or None
    return value


class Flat:
    """A target that makes a column for each field of an object, named after the path to it."""

    add, folded, versions, more = True, True, True, "objects as columns"

    def __init__(self, site):
        self.schemas = {name: stream["schema"]["properties"] for name, stream in site.streams.items()}

    def kept(self, value, declared):
        return pruned(value, declared)

    def nested(self, declared, path, columns):
        """Puts the columns below a path together again."""
        if "properties" not in declared:
            value = columns.get("__".join(map(self.fold, path)))
            return self.items(value, declared) if kind(declared) == "array" else value
        children = {name: self.nested(child, [*path, name], columns) for name, child in declared["properties"].items()}
        return {name: child for name, child in children.items() if child is not None} or None

    def items(self, value, declared):
        """Returns a list by what its column holds."""
        return value

    def record(self, stream, columns):
        return {name: self.nested(declared, [name], columns) for name, declared in self.schemas[stream].items()}


class SQLite(Flat):
    """target-sqlite. It writes names in snake case, and a list as Python shows it."""

    deletes = False

    def __init__(self, name, site):
        super().__init__(site)
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)  # it commits each row
        self.name, self.path = name, f"{self.folder.name}/load.db"
        self.config = {"database": self.path}

    def fold(self, name):
        return re.sub(r"([a-z\d])([A-Z])", r"\1_\2", name).lower()

    def rows(self, stream):
        connection = sqlite3.connect(self.path)
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute(f'SELECT * FROM "{stream}"')]
        connection.close()
        return [self.record(stream, row) for row in found]

    def items(self, value, declared):
        return pruned(ast.literal_eval(value), declared) if value else None


class Datamill(Flat):
    """datamill's target-postgres. It writes names in small letters, and puts the items of a list into a table of their own.

    Its second ACTIVATE_VERSION fails for such a table, if the name is long.
    """

    versions, more = False, "objects as columns, lists as tables"

    def __init__(self, server, name, site):
        super().__init__(site)
        self.name, self.keys = name, {name: stream["key_properties"] for name, stream in site.streams.items()}
        psycopg2 = importlib.import_module("psycopg2")
        self.connection = psycopg2.connect(server.conninfo)
        self.connection.autocommit = True
        self.ask("CREATE SCHEMA confluence")  # it makes none
        self.config = {"postgres_host": server.folder, "postgres_database": server.database, "postgres_username": server.user,
                       "postgres_password": "none", "postgres_schema": "confluence", "disable_collection": True}

    fold = staticmethod(str.lower)

    def ask(self, query):
        with self.connection.cursor() as cursor:
            cursor.execute(query)
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row)) for row in cursor.fetchall()] if names else []

    def lists(self, declared, path):
        """Returns the column's name and the items' schema of each list below a path."""
        for name, child in declared.items():
            if kind(child) == "array":
                yield "__".join([*path, self.fold(name)]), child["items"]
            yield from self.lists(child.get("properties", {}), [*path, self.fold(name)])

    def rows(self, stream):
        found = {tuple(row[self.fold(key)] for key in self.keys[stream]): row for row in self.ask(f"SELECT * FROM confluence.{stream}")}
        for column, declared in self.lists(self.schemas[stream], []):
            for item in self.ask(f"SELECT * FROM confluence.{stream}__{column} ORDER BY _sdc_level_0_id"):
                row = found[tuple(item[f"_sdc_source_key_{self.fold(key)}"] for key in self.keys[stream])]
                value = item["_sdc_value"] if "_sdc_value" in item else {name: item[self.fold(name)] for name in declared["properties"]}
                row.setdefault(column, []).append(pruned(value, declared))
        return [self.record(stream, row) for row in found.values()]


class CSV:
    """target-csv. An empty text and null are the same there, and objects stand as Python shows them."""

    add, folded, versions, more = False, False, True, "no types or keys there"

    def __init__(self, name, site):
        self.name, self.folder = name, OUT / "load-csv-files"
        self.schemas = {name: stream["schema"]["properties"] for name, stream in site.streams.items()}
        self.config = {"output_path": str(self.folder)}
        csv.field_size_limit(1 << 27)
        self.empty()

    def empty(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def kept(self, value, declared):
        return None if value == "" else value

    def value(self, text, declared):
        if text == "":
            return None
        if kind(declared) == "boolean":
            return text == "True"
        return ast.literal_eval(text) if kind(declared) in ("object", "array") else text

    def rows(self, stream):
        file, declared = self.folder / f"{stream}.csv", self.schemas[stream]
        if not file.exists():
            return []
        with open(file, encoding="utf-8", newline="") as lines:
            return [{name: self.value(text, declared[name]) for name, text in row.items()} for row in csv.DictReader(lines)]


class Bucket:
    """A bucket of a simulated S3 (moto), whose program lies beside the target's."""

    def __init__(self, program):
        with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as free:
            port = free.server_port
        self.account = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
        self.url = f"http://127.0.0.1:{port}"
        with open(OUT / "load-s3-moto.log", "wb") as log:
            self.process = subprocess.Popen([pathlib.Path(program).with_name("moto_server"), "-H", "127.0.0.1", "-p", str(port)],
                                            stdout=log, stderr=log)

    def __enter__(self):
        boto3, config = importlib.import_module("boto3"), importlib.import_module("botocore.config")
        patient = config.Config(retries={"max_attempts": 20})  # until moto listens
        self.bucket = boto3.resource("s3", endpoint_url=self.url, region_name="us-east-1", config=patient, **self.account).Bucket("confluence")
        self.bucket.create()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Parquet:
    """target-s3, with Parquet in a bucket. It keeps whole seconds of timestamps, and what the schema declares."""

    add, folded, versions, more = False, False, True, "Parquet in a bucket"

    def __init__(self, name, site, store):
        self.name, self.bucket = name, store.bucket
        self.schemas = {name: stream["schema"]["properties"] for name, stream in site.streams.items()}
        self.parquet = importlib.import_module("pyarrow.parquet")
        self.config = {"format": {"format_type": "parquet"}, "prefix": "rows", "append_date_to_prefix": False, "cloud_provider": {
            "cloud_provider_type": "aws", "aws": {**store.account, "aws_region": "us-east-1", "aws_bucket": "confluence",
                                                  "aws_endpoint_override": store.url}}}

    def empty(self):
        self.bucket.objects.all().delete()

    def kept(self, value, declared):
        if value is not None and declared.get("format") == "date-time":
            return value[:-5] + ".000Z"
        return pruned(value, declared)

    def rows(self, stream):
        found = []
        for item in self.bucket.objects.filter(Prefix=f"rows/{stream}/"):
            found += self.parquet.read_table(io.BytesIO(item.get()["Body"].read())).to_pylist()
        return [{name: pruned(row.get(name), declared) for name, declared in self.schemas[stream].items()} for row in found]


class Stitch:
    """target-stitch, and what it posts to a stand-in of the import API: rows are updated by key, as Stitch does it."""

    add, folded, versions, more = True, False, True, "key_names of each batch"

    def __init__(self, name, site):
        self.name, self.tables, keys = name, {}, {name: stream["key_properties"] for name, stream in site.streams.items()}

        class Import(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):
                batch = loads(handler.rfile.read(int(handler.headers["Content-Length"])).decode("utf-8"))
                if batch["key_names"] != keys[batch["table_name"]] or handler.headers["Authorization"] != "Bearer any":
                    handler.send_error(400)
                    return
                table = self.tables.setdefault(batch["table_name"], {})
                for message in batch["messages"]:
                    if message["action"] == "upsert":
                        table[tuple(message["data"][key] for key in batch["key_names"])] = message["data"]
                handler.send_response(201)
                handler.send_header("Content-Type", "application/json")
                handler.end_headers()
                handler.wfile.write(b'{"status": "OK", "message": "Batch accepted"}')

            def log_message(handler, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Import)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{self.server.server_port}/v2/import/batch"
        self.config = {"client_id": 1, "token": "any", "small_batch_url": url, "big_batch_url": url, "batch_size_preferences": {},
                       "disable_collection": True}

    def kept(self, value, declared):
        return value

    def rows(self, stream):
        return list(self.tables.get(stream, {}).values())


class MariaDB:
    """A target of Meltano's SDK for MariaDB. It makes no primary key without maxLength: texts as long as any can't be one."""

    add, keyed, folded, versions = True, True, False, False

    def __init__(self, server, name):
        self.name, self.more = name, f"types and keys of the tables in MariaDB {server.version}"
        self.connection = importlib.import_module("pymysql").connect(unix_socket=server.socket, user=server.user, database=server.database, autocommit=True)
        self.config = {"sqlalchemy_url": f"mysql+pymysql://{server.user}@/{server.database}?unix_socket={server.socket}"}

    def kept(self, value, declared):
        return value

    def ask(self, query, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(query, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row)) for row in cursor.fetchall()]

    def rows(self, stream):
        return self.ask(f"SELECT * FROM `{stream}`")

    def types(self, stream):
        return {row["Field"]: row["Type"].partition("(")[0] for row in self.ask(f"SHOW COLUMNS FROM `{stream}`")}

    def key(self, stream):
        return sorted(row["Field"] for row in self.ask(f"SHOW COLUMNS FROM `{stream}`") if row["Key"] == "PRI")

    def wanted(self, declared):
        if kind(declared) == "string":
            return "datetime" if declared.get("format") else "varchar" if "maxLength" in declared else "longtext"
        return {"integer": "bigint", "number": "double", "boolean": "tinyint"}.get(kind(declared), "longtext")
