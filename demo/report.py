"""Compares the tables that a demo loaded with what the simulated site holds, and asks them three questions.

The streams and their keys come from the tap's catalog, the true counts from the site. A table is right when
it has as many rows as the site and as many distinct keys as rows. The exit status is 1 when one is not.
"""

import argparse
import datetime
import json
import sys
import unicodedata

QUESTIONS = [
    (
        "Which spaces have the most comments on their pages?",
        """
        SELECT s.key AS space, s.name AS name, count(*) AS comments, count(DISTINCT p.id) AS "pages with comments"
        FROM (SELECT "pageId" FROM page_footer_comments UNION ALL SELECT "pageId" FROM page_inline_comments) c
        JOIN pages p ON p.id = c."pageId"
        JOIN spaces s ON s.id = p."spaceId"
        GROUP BY s.key, s.name
        ORDER BY comments DESC, space
        LIMIT 5
        """,
    ),
    (
        "Who has the most open tasks?",
        """
        SELECT coalesce("assignedTo", '(nobody)') AS assignee, count(*) AS "open tasks", min("dueAt") AS "first due"
        FROM tasks
        WHERE status = 'incomplete'
        GROUP BY "assignedTo"
        ORDER BY count(*) DESC, assignee
        LIMIT 5
        """,
    ),
    (
        "Which labels are used most?",
        """
        SELECT name AS label, count(*) AS uses,
               count(*) FILTER (WHERE kind = 'page') AS pages,
               count(*) FILTER (WHERE kind = 'post') AS "blog posts",
               count(*) FILTER (WHERE kind = 'file') AS attachments
        FROM (SELECT name, 'page' AS kind FROM page_labels
              UNION ALL SELECT name, 'post' FROM blog_post_labels
              UNION ALL SELECT name, 'file' FROM attachment_labels) l
        GROUP BY name
        ORDER BY uses DESC, label
        LIMIT 5
        """,
    ),
]


def connect(args):
    """Returns a connection whose execute() answers with a cursor; table names need no schema."""
    if args.duckdb:
        import duckdb

        return duckdb.connect(args.duckdb, read_only=True)
    import psycopg

    connection = psycopg.connect(args.postgres, autocommit=True)
    connection.execute("SET search_path TO confluence")
    return connection


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


def ask(connection, question, query):
    cursor = connection.execute(query)
    header, rows = [column[0] for column in cursor.description], cursor.fetchall()
    print(f"\n  {question}\n")
    print_table(header, rows)
    if not rows:
        print("  (none)")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--catalog", required=True, help="the tap's catalog")
    parser.add_argument("--truth", required=True, help="rows by stream, as the site counts them")
    parser.add_argument("--counts-only", action="store_true", help="ask no questions")
    parser.add_argument("--since", metavar="TIME", help="no row may have been loaded earlier (UTC; Postgres only)")
    database = parser.add_mutually_exclusive_group(required=True)
    database.add_argument("--duckdb", metavar="FILE")
    database.add_argument("--postgres", metavar="CONNINFO")
    args = parser.parse_args()

    connection = connect(args)
    print()
    if not compare(connection, load(args.catalog), load(args.truth), args.since):
        return 1
    if not args.counts_only:
        for question, query in QUESTIONS:
            ask(connection, question, query)
    return 0


if __name__ == "__main__":
    sys.exit(main())
