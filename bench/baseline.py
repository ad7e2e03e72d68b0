"""The least that a Singer tap in Python does, with requests: read the lists, parse them, write every row as a record.

    baseline.py json|orjson URL STREAM...

It does less than the tap: it checks nothing, retries nothing, cleans no text and keeps no state. page_labels asks for the
labels of each page, one request a page.
"""

import json
import sys
import time
import urllib.parse

import requests

LISTS = {
    "pages": "/wiki/api/v2/pages?limit=250&sort=id&body-format=storage&status=current,archived",
    "blog_posts": "/wiki/api/v2/blogposts?limit=250&sort=id&body-format=storage&status=current",
    "attachments": "/wiki/api/v2/attachments?limit=250&sort=created-date&status=current,archived",
    "spaces": "/wiki/api/v2/spaces?limit=250&sort=id&description-format=plain&include-icon=true",
    "tasks": "/wiki/api/v2/tasks?limit=250&body-format=storage",
}
BARE_PAGES = "/wiki/api/v2/pages?limit=250&sort=id&status=current,archived"


def either(first, second):
    """Makes a function that asks the second when the first cannot do it."""

    def both(value):
        try:
            return first(value)
        except (TypeError, ValueError):
            return second(value)

    return both


def main():
    parser, site, streams = sys.argv[1], sys.argv[2], sys.argv[3:]
    if parser == "orjson":
        import orjson

        # orjson refuses halves of surrogate pairs, which a site can hold: then json does that answer or row.
        loads, dump = either(orjson.loads, json.loads), either(orjson.dumps, lambda message: json.dumps(message).encode())
    else:
        loads, dump = json.loads, lambda message: json.dumps(message).encode()
    session = requests.Session()
    session.auth = ("bench@example.org", "bench")
    out = sys.stdout.buffer

    def rows(path):
        """Yields the rows of a list, page after page."""
        while path:
            answer = session.get(urllib.parse.urljoin(site, path), timeout=60)
            answer.raise_for_status()
            page = loads(answer.content)
            yield from page["results"]
            path = page.get("_links", {}).get("next")

    def write(stream, row):
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        out.write(dump({"type": "RECORD", "stream": stream, "record": row, "time_extracted": now}) + b"\n")

    for stream in streams:
        if stream == "page_labels":
            for page in rows(BARE_PAGES):
                for row in rows(f"/wiki/api/v2/pages/{page['id']}/labels?limit=250"):
                    row["pageId"] = page["id"]
                    write(stream, row)
            continue
        for row in rows(LISTS[stream]):
            if "version" in row:
                row["modifiedAt"] = row["version"]["createdAt"]
            row.pop("_links", None)
            write(stream, row)


main()
