"""What the acceptance tests share: the simulated site and its truth, the tap, and the counting of checks.

Only the standard library is used, since every client has a virtual environment of its own.
"""

import contextlib
import datetime
import decimal
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "acceptance" / "out"
TAP = ROOT / "bin" / "tap-confluence"
SITE = ROOT / "bin" / "simconfluence"
CONFIG = ROOT / "integration_tests" / "config.json"

# The site that every client reads: small, and with rows in every stream.
SITE_FLAGS = ["-seed", "5", "-pages", "120", "-spaces", "4", "-blog-posts", "16"]

# Streams whose records name their parent, by the beginning of the stream's name.
PARENTS = {"space_": "spaceId", "page_": "pageId", "blog_post_": "blogPostId", "attachment_": "attachmentId", "group_": "groupId"}
ENTITIES = {"page_versions": "page", "blog_post_versions": "blogpost", "attachment_versions": "attachment"}


class Failure(Exception):
    """A client, or the tap, did not do what it must."""


class Checks:
    """Counts what was checked and keeps what was wrong. The first differences of each check are shown."""

    def __init__(self):
        self.count, self.wrong = 0, []

    def true(self, what, holds, shown=""):
        self.count += 1
        if not holds:
            self.wrong.append(f"{what}: {str(shown)[:600]}" if shown != "" else what)
            print("WRONG", self.wrong[-1], flush=True)

    def equal(self, what, got, want):
        self.true(what, got == want, f"got {str(got)[:280]}, want {str(want)[:280]}" if got != want else "")

    def rows(self, what, got, want):
        """Compares two sets of records by key, field by field."""
        missing, extra = sorted(want.keys() - got.keys()), sorted(got.keys() - want.keys())
        differ = [key for key in sorted(want.keys() & got.keys()) if got[key] != want[key]]
        self.count += len(want)
        if not (missing or extra or differ):
            return
        text = f"{what}: {len(got)} rows, want {len(want)}; missing {missing[:3]}, too many {extra[:3]}, {len(differ)} differ"
        for key in differ[:2]:
            fields = [f for f in {**got[key], **want[key]} if got[key].get(f) != want[key].get(f)]
            for field in fields[:3]:
                text += f"\n  {key} {field}:\n   got {got[key].get(field)!r:.300}\n  want {want[key].get(field)!r:.300}"
        self.wrong.append(text)
        print("WRONG", text, flush=True)

    def finish(self, summary):
        """Ends the process. The last line is what the caller shows."""
        if self.wrong:
            print(f"{len(self.wrong)} of {self.count} checks failed; the first: {self.wrong[0].splitlines()[0][:300]}")
            sys.exit(1)
        print(f"{self.count:,} checks: {summary}")
        sys.exit(0)


def loads(text):
    """Parses JSON without losing digits; halves of surrogate pairs become U+FFFD, as every UTF-8 writer needs it."""
    return mend(json.loads(text, parse_float=decimal.Decimal))


def mend(value):
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, list):
        return [mend(v) for v in value]
    if isinstance(value, dict):
        return {mend(k): mend(v) for k, v in value.items()}
    return value


def without_nul(value):
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [without_nul(v) for v in value]
    if isinstance(value, dict):
        return {without_nul(k): without_nul(v) for k, v in value.items()}
    return value


def timestamp(value):
    """Writes a time as records have it: UTC, milliseconds, Z."""
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    if value.tzinfo is not None:
        value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return value.isoformat(timespec="milliseconds") + "Z"


def kind(schema):
    """Returns the one type of a property that is not null."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return next(t for t in types if t != "null")


class Site:
    """A simulated site in a process of its own, whose items can be changed. extra is the setting extra_streams."""

    def __init__(self, *flags, base=SITE_FLAGS, extra=""):
        config = loads(CONFIG.read_text())
        command = [SITE, "-admin", *base, *flags, "-email", config["email"], "-token", config["api_token"]]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise Failure("the simulated site did not start")
        with urllib.request.urlopen(f"{self.url}/_edge/tenant_info", timeout=60):
            pass  # now the truth knows at which address the site is asked
        # Where the site is and how fast it may be asked. Everything else is in the config, as users have it.
        os.environ["TAP_CONFLUENCE_API_URL"] = self.url
        os.environ["TAP_CONFLUENCE_REQUESTS_PER_SECOND"] = "0"
        os.environ["TAP_CONFLUENCE_EXTRA_STREAMS"] = json.dumps([extra] if extra else [])  # JSON, since Meltano reads it, too
        self.catalog = loads(tap("--config", CONFIG, "--discover"))
        self.streams = {s["tap_stream_id"]: s for s in self.catalog["streams"]}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def admin(self, what, method="GET", **query):
        url = f"{self.url}/_admin/{what}?{urllib.parse.urlencode(query, doseq=True)}"
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=60) as answer:
            return answer.read().decode("utf-8")

    def change(self, what, stream, n):
        """Edits, creates or deletes n items and returns their ids."""
        return loads(self.admin(what, "POST", stream=stream, n=n))["ids"]

    def truth(self, stream, **query):
        """Returns the records that a stream must give, by key: made of the site's own rows, and not by the tap."""
        records = {}
        for line in self.admin("truth", stream=stream, **query).split("\n"):
            if line:
                row = loads(line)
                record = self.record(stream, row["row"], row["parent"])
                records[record["id"] if stream == "audit_records" else "/".join(row["key"])] = record
        return records

    def record(self, stream, row, parent):
        schema, record = self.streams[stream]["schema"]["properties"], {}
        own = "parentId" if stream == "child_pages" else next((f for p, f in PARENTS.items() if stream.startswith(p)), None)
        text = kind(schema.get("value", {"type": "object"})) == "string"  # any JSON, carried as text
        if stream == "audit_records":
            row = {**row, "id": audit_id(without_nul(row)), "creationDate": int(row["creationDate"])}
        elif stream == "space_role_assignments":
            row = {**row, **row["principal"], "principalType": row["principal"]["principalType"].lower()}
        for name, declared in schema.items():
            value = None if text and name == "value" else without_nul(row.get(name))
            if name == "properties" and isinstance(value, dict):  # two names for one value: the older one does not come
                value = {k: v for k, v in value.items() if k not in ("inline-marker-ref", "inline-original-selection")}
            if name == own and value is None:
                value = parent
            elif name == "modifiedAt":
                value = timestamp(row["version"]["createdAt"])
            elif name == "createdAt" and stream == "audit_records":
                value = timestamp(datetime.datetime.fromtimestamp(row["creationDate"] / 1000, datetime.timezone.utc))
            elif name == ENTITIES.get(stream):
                value = {k: (value or {}).get(k) for k in ("id", "title")}
            elif declared.get("format") == "date-time":
                value = timestamp(value)
            record[name] = value
        record = self.normal(stream, record)
        if text and "value" in row:
            record["value"] = {"json": without_nul(row["value"])}
        return record

    def truths(self, **query):
        return {name: self.truth(name, **query) for name in self.streams}

    def normal(self, stream, record, columns=None):
        """Brings a record to the form in which it is compared, wherever it was kept.

        Databases give back times, JSON and numbers in types of their own; columns may have lost their capitals.
        """
        names = {name.lower(): name for name in record} if columns is None else columns
        out = {}
        for name, declared in self.streams[stream]["schema"]["properties"].items():
            value = record.get(name, record.get(names.get(name.lower())))
            if value is not None:
                value = normal_value(value, declared, name)
            out[name] = value
        return out

    def key(self, stream, record):
        return "/".join(str(record[name]) for name in self.streams[stream]["key_properties"])

    def keyed(self, stream, rows, checks):
        """Returns rows by key. Two with the same key are a mistake."""
        records = [self.normal(stream, row) for row in rows]
        keyed = {self.key(stream, record): record for record in records}
        checks.equal(f"{stream}: distinct keys", len(keyed), len(records))
        return keyed


# The fields that tell records of the audit log apart, which have no ids.
AUDITED = ["creationDate", "author.accountId", "category", "summary", "description", "affectedObject.name", "affectedObject.objectType",
           "changedValues.name", "changedValues.oldValue", "changedValues.newValue", "changedValues.hiddenOldValue",
           "changedValues.hiddenNewValue", "remoteAddress"]


def audit_id(row):
    """Returns the id that a record of the audit log must get: a hash of a list of texts, as JSON that is safe in HTML."""

    def at(value, path):
        if isinstance(value, list):
            return [at(v, path) for v in value]
        if isinstance(value, dict):
            return at(value.get(path[0]), path[1:])
        return "" if value is None else str(value)

    text = json.dumps([at(row, field.split(".")) for field in AUDITED], ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return hashlib.sha256(text.encode()).hexdigest()


def normal_value(value, declared, name):
    wanted = kind(declared)
    if name == "value" and wanted == "string":
        return {"json": loads(value)} if isinstance(value, str) else value
    if declared.get("format") == "date-time":
        return timestamp(value)
    if wanted in ("object", "array") and isinstance(value, str):
        return loads(value)
    if wanted in ("object", "array"):  # a driver's own lists and objects
        return [loads(v) if isinstance(v, str) and v[:1] == "{" else v for v in value] if isinstance(value, list) else value
    if wanted == "integer":
        return int(value)
    if wanted == "boolean":
        return bool(value)
    return value


def check_nasty(checks, truths):
    """Makes sure that the site holds what tests of text and numbers are about."""
    text = json.dumps(truths, ensure_ascii=False, default=str)
    for what, pattern in {"a character beyond the BMP": "[\U00010000-\U0010ffff]", "U+2028": "\u2028", "U+0085": "\u0085",
                          "a number beyond 2^63": r": \d{20,}[,}\]]", "a number beyond 2^53": r": 9007199254740993[,}\]]"}.items():
        checks.true(f"the site has {what}", re.search(pattern, text))


def tap(*args, **more):
    """Runs the tap and returns its stdout. A failure raises."""
    done = subprocess.run([TAP, *args], capture_output=True, text=True, encoding="utf-8", timeout=600, **more)
    if done.returncode != 0:
        raise Failure(f"the tap ended with {done.returncode}: {done.stderr[-2000:]}{done.stdout[-500:] if 'read' in args else ''}")
    return done.stdout


def incremental(catalog):
    """Returns the catalog with every stream incremental that can be, the others deselected."""
    catalog = json.loads(json.dumps(catalog))
    for stream in catalog["streams"]:
        root = next(m["metadata"] for m in stream["metadata"] if not m["breadcrumb"])
        keys = root.get("valid-replication-keys")
        root["selected"] = bool(keys)
        if keys:
            root["replication-method"], root["replication-key"] = "INCREMENTAL", keys[0]
    return catalog


def replication_keys(site):
    """Returns the replication key of each stream that can be read incrementally."""
    keys = {}
    for name, stream in site.streams.items():
        root = next(m["metadata"] for m in stream["metadata"] if not m["breadcrumb"])
        if root.get("valid-replication-keys"):
            keys[name] = root["valid-replication-keys"][0]
    return keys


# How many items of which stream are changed between two incremental runs.
EDITS = [("edit", "pages", 3), ("create", "pages", 2), ("edit", "blog_posts", 1), ("edit", "attachments", 2),
         ("edit", "page_footer_comments", 2), ("create", "page_inline_comments", 1), ("edit", "blog_post_footer_comments", 1),
         ("edit", "tasks", 2), ("edit", "custom_content", 1)]


def edit(site):
    """Changes items of the site. Returns per incremental stream the truth before, the truth after, and the changed keys."""
    before = {name: site.truth(name) for name in replication_keys(site)}
    for what, stream, n in EDITS:
        if len(site.change(what, stream, n)) != n:
            raise Failure(f"the site could not {what} {n} {stream}")
    after = {name: site.truth(name) for name in before}
    for name in ENTITIES:  # all versions of a changed item come again, under its present title; the others stay as they were
        edited = {key.split("/")[0] for key in after[name].keys() - before[name].keys()}
        after[name].update({key: row for key, row in before[name].items() if key in after[name] and key.split("/")[0] not in edited})
    changed = {name: {k for k, r in after[name].items() if before[name].get(k) != r} for name in before}
    return before, after, changed


def check_emitted(checks, site, emitted, before, changed):
    """An incremental run must send every changed row and else only rows as new as the bookmark it began with.

    emitted has the keys of the records of each stream. Custom content has a bookmark for each type.
    """
    for name, replication_key in replication_keys(site).items():
        newest = {}
        for record in before[name].values():
            group = record.get("type") if name == "custom_content" else None
            newest[group] = max(newest.get(group, ""), record[replication_key])
        ties = {k for k, r in before[name].items()
                if r[replication_key] == newest[r.get("type") if name == "custom_content" else None]}
        keys = set(emitted.get(name, ()))
        checks.equal(f"{name}: changed rows that did not come", sorted(changed[name] - keys), [])
        with_versions = {k.split("/")[0] for k in changed[name] | ties} if name in ENTITIES else set()  # an item's versions come together
        spare = {k for k in keys - changed[name] - ties if k.split("/")[0] not in with_versions}
        checks.equal(f"{name}: rows that came without need", sorted(spare), [])


@contextlib.contextmanager
def log(name):
    """Opens a file for what a client's programs write."""
    OUT.mkdir(parents=True, exist_ok=True)
    with open(OUT / f"{name}.log", "ab") as file:
        yield file
