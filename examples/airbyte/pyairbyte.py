"""Reads a Confluence site into the DuckDB file of a PyAirbyte cache, changes only from the second run on.

    CONFLUENCE_DOMAIN, CONFLUENCE_EMAIL, CONFLUENCE_API_TOKEN    the site and the account
    TAP_CONFLUENCE                                               the program (default: the one on the PATH)
    CONFLUENCE_API_URL                                           another address of the API, for tests
"""

import os
import shutil
import sys

import airbyte as ab

# What can be read incrementally. PyAirbyte asks for that for every stream; the others are read in full each time that
# they are selected, so leave them to a run of its own, once a week.
STREAMS = [
    "pages",
    "page_versions",
    "page_footer_comments",
    "page_inline_comments",
    "blog_posts",
    "blog_post_versions",
    "blog_post_footer_comments",
    "blog_post_inline_comments",
    "attachments",
    "attachment_versions",
    "custom_content",
    "tasks",
]


def main():
    program = os.environ.get("TAP_CONFLUENCE") or shutil.which("tap-confluence")
    if not program:
        sys.exit("tap-confluence is not on the PATH")
    config = {
        "domain": os.environ["CONFLUENCE_DOMAIN"],
        "email": os.environ["CONFLUENCE_EMAIL"],
        "api_token": os.environ["CONFLUENCE_API_TOKEN"],
        # Where the first run begins: before the site existed.
        "anchor_date": "2004-01-01",
    }
    if "CONFLUENCE_API_URL" in os.environ:
        config["api_url"] = os.environ["CONFLUENCE_API_URL"]

    source = ab.get_source("source-confluence", local_executable=program, config=config, streams=STREAMS)
    source.check()
    cache = ab.new_local_cache("confluence", cleanup=False)
    result = source.read(cache=cache)
    for name in STREAMS:
        print(f"{name}: {len(result[name])} rows")
    print(f"{result.processed_records} records came in this run")


if __name__ == "__main__":
    main()
