"""Compares the tables that a demo loaded with what the simulated site holds, and draws three pictures of them.

The streams and their keys come from the tap's catalog, the true counts from the site. A table is right when
it has as many rows as the site and as many distinct keys as rows. The exit status is 1 when one is not.
"""

import argparse
import datetime
import json
import sys
import unicodedata

import queries

# What is shown as bars: a query of docs/queries.md, and the columns of the labels and of the numbers.
PICTURES = [("Comment activity by month", "month", "comments"), ("Spaces by size", "space", "pages"), ("Open tasks by assignee", "assignee", "open")]

def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def count(connection, stream, key, since):
    """Returns a table's rows and distinct keys, or nothing when it can't be read, and what is wrong with it."""
    keys = f"SELECT DISTINCT {', '.join(map(quoted, key))} FROM {quoted(stream)}"
    try:
        rows = connection.execute(f"SELECT count(*) FROM {quoted(stream)}").fetchone()[0]
        distinct = connection.execute(f"SELECT count(*) FROM ({keys}) AS k").fetchone()[0]
        old = 0
        if since:
            older = f"SELECT count(*) FROM {quoted(stream)} WHERE _sdc_batched_at < %s"
            old = connection.execute(older, (since,)).fetchone()[0]
    except Exception as error:  # each driver has exceptions of its own; a table that isn't there is the usual one
        return None, None, str(error).splitlines()[0]
    return rows, distinct, f"{old} row(s) not written again" if old else ""


def verdict(rows, distinct, want, problem):
    """Says what is wrong with a table, or nothing."""
    if problem:
        return problem
    if want is None:
        return "the site knows no such stream"
    if rows != want:
        return f"{abs(rows - want)} row(s) too {'many' if rows > want else 'few'}"
    if distinct != rows:
        return f"{rows - distinct} row(s) repeat a key"
    return ""


def text(value):
    if value is None:
        return "-"
    if isinstance(value, datetime.datetime):
        return f"{value:%Y-%m-%d}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def width(string):
    """Returns the columns that a string takes on a terminal; Chinese characters and the like take two."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in string)


def print_table(header, rows):
    """Prints rows in columns: numbers to the right, all else to the left."""
    numeric = [all(isinstance(row[i], int) or row[i] is None for row in rows) for i in range(len(header))]
    cells = [[str(name) for name in header]] + [[text(value) for value in row] for row in rows]
    widths = [max(width(row[i]) for row in cells) for i in range(len(header))]
    cells.insert(1, ["-" * w for w in widths])
    for row in cells:
        line = []
        for i, cell in enumerate(row):
            space = " " * (widths[i] - width(cell))
            line.append(space + cell if numeric[i] else cell + space)
        print("  " + "  ".join(line).rstrip())


def compare(connection, catalog, truth, since):
    """Prints a line for each stream and returns whether all tables are as the site says."""
    keys = {stream["tap_stream_id"]: stream["key_properties"] for stream in catalog["streams"]}
    lines, wrong = [], 0
    for stream in [*keys, *(name for name in truth if name not in keys)]:
        want = truth.get(stream)
        if stream in keys:
            rows, distinct, problem = count(connection, stream, keys[stream], since)
        else:
            rows, distinct, problem = None, None, "not in the tap's catalog"
        problem = verdict(rows, distinct, want, problem)
        wrong += problem != ""
        lines.append((stream, rows, distinct, want, problem or "equal"))
    print_table(("table", "rows", "distinct keys", "site's truth", "result"), lines)
    total = sum(line[1] or 0 for line in lines)
    if wrong == 0 and total > 0:
        print(f"\n  {len(lines)} tables, {total:,} rows: each as the site has it.")
        return True
    print(f"\n  {wrong} of {len(lines)} tables differ from the site, {total:,} rows in all.")
    return False


def picture(connection, title, label, number):
    """Draws the result of a query as bars, the longest of them 40 columns long."""
    header, rows = queries.ask(connection, queries.queries()[title])
    labels, numbers = ([row[header.index(name)] for row in rows] for name in (label, number))
    labels = [f"{value:%Y-%m}" if isinstance(value, datetime.date) else str(value) for value in labels]
    widest, most = max(map(width, labels), default=0), max([1, *numbers])
    print(f"\n  {title} ({number})\n")
    for name, value in zip(labels, numbers):
        eighths = round(value * 320 / most)
        bar = "\u2588" * (eighths // 8) + " \u258f\u258e\u258d\u258c\u258b\u258a\u2589"[eighths % 8].strip()
        print(f"  {name}{' ' * (widest - width(name))}  {bar} {value:,}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--catalog", required=True, help="the tap's catalog")
    parser.add_argument("--truth", required=True, help="rows by stream, as the site counts them")
    parser.add_argument("--counts-only", action="store_true", help="draw no pictures")
    parser.add_argument("--since", metavar="TIME", help="no row may have been loaded earlier (UTC; Postgres only)")
    database = parser.add_mutually_exclusive_group(required=True)
    database.add_argument("--duckdb", metavar="FILE")
    database.add_argument("--postgres", metavar="CONNINFO")
    args = parser.parse_args()

    connection = queries.connect(args.duckdb, args.postgres)
    print()
    if not compare(connection, load(args.catalog), load(args.truth), args.since):
        return 1
    if not args.counts_only:
        for title, label, number in PICTURES:
            picture(connection, title, label, number)
        print("\n  docs/queries.md has these queries, and more.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
