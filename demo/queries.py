"""Runs the queries of docs/queries.md on a loaded database, and compares what comes with what the document shows.

    queries.py --duckdb FILE | --postgres CONNINFO             compare
    queries.py --duckdb FILE | --postgres CONNINFO --write     write the results into the document

A query is the first block of SQL below a heading, its result the table behind it. The results are those of the site that
make demo loads with EXTRA=1.
"""

import argparse
import datetime
import decimal
import pathlib
import re
import sys

DOCUMENT = pathlib.Path(__file__).resolve().parent.parent / "docs" / "queries.md"
BLOCK = re.compile(r"^## (?P<title>.+)\n(?P<text>(?:(?!## |```).*\n)*)```sql\n(?P<sql>(?:(?!```).*\n)*)```\n\n(?P<table>(?:\|.*\n)*\n?)", re.M)


def connect(duckdb_file, postgres):
    """Returns a connection whose execute() answers with a cursor; table names need no schema."""
    if duckdb_file:
        import duckdb

        return duckdb.connect(duckdb_file, read_only=True)
    import psycopg

    connection = psycopg.connect(postgres, autocommit=True)
    connection.execute("SET search_path TO confluence")
    return connection


def queries():
    """Returns the document's queries by title."""
    return {match["title"]: match["sql"] for match in BLOCK.finditer(DOCUMENT.read_text(encoding="utf-8"))}


def ask(connection, query):
    """Returns the columns of a query's result and its rows."""
    cursor = connection.execute(query)
    return [column[0] for column in cursor.description], cursor.fetchall()


def text(value):
    """Writes a value in one way, whichever database it comes from."""
    if value is None:
        return ""
    if isinstance(value, (float, decimal.Decimal)):
        return f"{value:.1f}"
    if isinstance(value, datetime.datetime):
        return f"{value:%Y-%m-%d}"
    return str(value).replace("|", "\\|")


def table(header, rows):
    """Writes a result as a table in Markdown, numbers to the right."""
    right = [any(row[i] is not None for row in rows) and all(isinstance(row[i], (int, float, decimal.Decimal, type(None))) for row in rows)
             for i in range(len(header))]
    lines = [header, ["---:" if numeric else "---" for numeric in right], *([text(value) for value in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the results into the document")
    database = parser.add_mutually_exclusive_group(required=True)
    database.add_argument("--duckdb", metavar="FILE")
    database.add_argument("--postgres", metavar="CONNINFO")
    args = parser.parse_args()

    connection = connect(args.duckdb, args.postgres)
    document, out, end, wrong, count = DOCUMENT.read_text(encoding="utf-8"), "", 0, 0, 0
    for match in BLOCK.finditer(document):
        count += 1
        try:
            header, rows = ask(connection, match["sql"])
        except Exception as error:  # each driver has exceptions of its own
            print(f"{match['title']}: {error}")
            wrong += 1
            continue
        got = table(header, rows) + "\n"
        if not rows or got.rstrip("\n") != match["table"].rstrip("\n"):
            print(f"{match['title']}: got {len(rows)} rows\n{got}want\n{match['table']}")
            wrong += 1
        out += document[end : match.start("table")] + got
        end = match.end("table")
    if args.write:
        DOCUMENT.write_text((out + document[end:]).rstrip("\n") + "\n", encoding="utf-8")
    if document.count("```sql") != count:
        print("a block of SQL is not the first below its heading")
        wrong += 1
    print(f"{count} queries, {wrong} differ")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())
