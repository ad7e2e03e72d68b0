"""Runs the commands, settings and queries of README.md, docs and examples, with the site, the token and the database replaced.

    client_snippets.py VENVS

Each document is a script of its own, in a folder of its own, in which the files that README.md makes are at hand. What
can't be run here says so in the document (see snippets.py), and is listed. VENVS is the folder of the environments.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import psycopg
import yaml

import snippets
from common import CONFIG, OUT, ROOT, TAP, Checks, Failure, Site, loads
from database import Server

VENVS = pathlib.Path(sys.argv[1]).resolve()
WORK = OUT / "snippets"
DOCUMENTS = ["README.md", *sorted(str(p.relative_to(ROOT)) for folder in ("docs", "examples") for p in (ROOT / folder).rglob("*.md"))]
QUERIES = "docs/queries.md"  # the client queries runs its SQL, and compares the results with those shown
checks = Checks()

# What users have on the PATH.
PROGRAMS = {"tap-confluence": TAP, "target-duckdb": VENVS / "duckdb/bin/target-duckdb", "target-postgres": VENVS / "singer/bin/target-postgres",
            "meltano": VENVS / "meltano/bin/meltano", "python": VENVS / "airbyte/bin/python"}
# pip must find what is installed already; make shows what it would do; go puts programs into a folder of this test.
STUBS = {
    "pip": f"""#!{sys.executable}
import pathlib, re, sys
pinned = "".join(p.read_text() for f in ("acceptance", "demo") for p in pathlib.Path({str(ROOT)!r}, f).glob("requirements-*.*"))
for wanted in sys.argv[2:]:
    if not re.search("(?m)^" + re.escape(wanted) + ("" if "==" in wanted else "==") + r"\\S*(?: |$)", pinned):
        sys.exit(f"the acceptance tests do not install {{wanted}}")
""",
    "make": f'#!/bin/bash\nexec /usr/bin/env -i PATH="{os.environ["PATH"]}" make --no-print-directory -C "{ROOT}" -n "$@"\n',
    "go": f'#!/bin/bash\ncd "{ROOT}" && GOBIN="{WORK}/gobin" exec "{shutil.which("go")}" "$@"\n',
}


COUNT = "import duckdb; d = duckdb.connect('confluence.duckdb'); print(d.execute('SELECT count(*) FROM pages').fetchone()[0])"


def prepare():
    """Makes the folder with the programs."""
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "bin").mkdir(parents=True)
    for name, text in {**STUBS, **{name: f'#!/bin/bash\nexec "{program}" "$@"\n' for name, program in PROGRAMS.items()}}.items():
        (WORK / "bin" / name).write_text(text)
        (WORK / "bin" / name).chmod(0o755)


def replaced(text, names):
    for old, new in names.items():
        text = text.replace(old, new)
    return text


def with_example(text, names):
    """Puts a part of a meltano.yml into that of the example. Plugins of the same name are replaced."""
    part, whole = yaml.safe_load(text), yaml.safe_load(replaced((ROOT / "examples/meltano/meltano.yml").read_text(), names))
    if "loaders" in part["plugins"]:
        return text
    for kind, plugins in part["plugins"].items():
        known = {plugin["name"]: plugin for plugin in whole["plugins"].get(kind, [])}
        for plugin in plugins:
            known[plugin["name"]] = {**known.get(plugin["name"], {}), **plugin}
        whole["plugins"][kind] = list(known.values())
    return yaml.safe_dump(whole, sort_keys=False)


def write(name, text):
    return f"cat >{name} <<'END OF FILE'\n{text}END OF FILE\n"


def steps(block, names):
    """Returns what a shell does for a block."""
    text, script = replaced(block.text, names), "".join(f"{install}\n" for install in block.installs)
    if block.kind in ("commands", "sh", "bash"):
        return script + text
    if block.kind == "python":
        return script + write("snippet.py", text) + "python snippet.py\n"
    if block.kind == "yaml" and "plugins" in yaml.safe_load(text):
        return script + write("meltano.yml", with_example(text, names)) + "meltano config print tap-confluence\n"
    if block.kind == "yaml":
        yaml.safe_load(text)
    if block.kind == "json":
        json.loads(text)
    if block.kind in ("json", "yaml") and block.file:
        return script + write(block.file, text)
    return script


def run(document, blocks, names, folder, **env):
    """Runs a document's blocks as one script."""
    script = "set -euo pipefail\n"
    for block in blocks:
        script += f"echo '== {block.place}' | tee -a snippets.log >&2\n{steps(block, names)}"
    (folder / "snippets.sh").write_text(script)
    done = subprocess.run(["bash", "snippets.sh"], cwd=folder, env={**os.environ, "PATH": f"{WORK}/bin:{os.environ['PATH']}", **env}, timeout=900,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    print(f"==== {document}\n{done.stdout[-20000:]}", flush=True)
    last = (folder / "snippets.log").read_text().split("== ")[-1].strip() if (folder / "snippets.log").exists() else document
    checks.true(f"{last} runs", done.returncode == 0, done.stdout.strip()[-500:])


def query(block, server, database="postgres"):
    """Runs a query, which must find something."""
    with psycopg.connect(server.conninfo.replace(server.database, database)) as connection:
        try:
            checks.true(f"{block.place} finds rows", connection.execute(block.text).fetchall())
        except psycopg.Error as error:
            checks.true(f"{block.place} is a query", False, error)


def count(server, database, stream):
    with psycopg.connect(f"host={server.folder} user={server.user} dbname={database}") as connection:
        return connection.execute(f"SELECT count(*) FROM confluence.{stream}").fetchone()[0]


def check_readme(site, server, folder):
    """Checks what README.md has loaded, and that its recipe for the state survives a run that is refused."""
    pages = len(site.truth("pages"))
    checks.equal("pages in Postgres", count(server, "postgres", "pages"), pages)
    checks.equal("pages by Meltano", count(server, "meltano", "pages"), pages)
    found = subprocess.run([VENVS / "duckdb/bin/python", "-c", COUNT], cwd=folder, stdout=subprocess.PIPE, text=True).stdout.strip()
    checks.equal("pages in DuckDB", found, str(pages))
    state = loads((folder / "state.json").read_text())
    checks.true("bookmarks in the state", state["bookmarks"]["pages"]["replication_key_value"], state)
    recipe = next(block for block in blocks["README.md"] if "tail -n 1" in block.text)
    again = recipe.text[recipe.text.index("tap-confluence") :]
    subprocess.run(["bash", "-c", again], cwd=folder, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=300,
                   env={**os.environ, "PATH": f"{WORK}/bin:{os.environ['PATH']}", "TAP_CONFLUENCE_API_TOKEN": "refused"})
    checks.equal("the state after a refused run", loads((folder / "state.json").read_text()), state)


prepare()
blocks = {name: snippets.cut(name, (ROOT / name).read_text(encoding="utf-8")) for name in DOCUMENTS}
RUN = ("commands", "sh", "bash", "json", "yaml", "python", "sql")
everything = [block for some in blocks.values() for block in some if block.kind in RUN and not (block.kind == "sql" and block.document == QUERIES)]
aside = [block for block in everything if block.reason]
config = loads(CONFIG.read_text())
with Site() as site, Server() as server:
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute("CREATE DATABASE meltano")
        connection.execute("CREATE DATABASE others")
    names = {
        "API_TOKEN=...": f"API_TOKEN={config['api_token']}", "https://acme.atlassian.net": site.url, "bot@acme.com": config["email"],
        "TARGET_POSTGRES_SQLALCHEMY_URL=...": f"TARGET_POSTGRES_SQLALCHEMY_URL='{server.url.replace('/' + server.database, '/meltano')}'",  # no rows of the step before
        "PAGE_ID": next(iter(site.truth("pages"))),
        "postgresql+psycopg://user:password@localhost/warehouse": server.url,
    }
    os.environ.update(
        CONFLUENCE_API_URL=site.url, EMAIL=config["email"], TOKEN=config["api_token"], NO_COLOR="1", MELTANO_SEND_ANONYMOUS_USAGE_STATS="false",
        UV_CONSTRAINT=str(ROOT / "acceptance" / "requirements-singer.txt"), AIRBYTE_OFFLINE_MODE="1", DO_NOT_TRACK="1",
        AIRBYTE_LOGGING_ROOT=str(WORK / "airbyte"))
    token = {}
    for document in DOCUMENTS:
        folder = WORK / document.replace("/", "-").removesuffix(".md")
        folder.mkdir()
        if document != "README.md":
            for file in (WORK / "README").glob("*.json"):
                shutil.copy(file, folder)
        for file in (ROOT / document).parent.glob("*.py"):
            shutil.copy(file, folder)
        chosen = [block for block in blocks[document] if block in everything and not block.reason]
        if any(block.kind != "sql" for block in chosen):
            run(document, [block for block in chosen if block.kind != "sql"], names, folder, **token)
        if document == "README.md":
            check_readme(site, server, folder)
            token = {"TAP_CONFLUENCE_API_TOKEN": config["api_token"], "TARGET_POSTGRES_SQLALCHEMY_URL": server.url.replace("/" + server.database, "/others")}
        for block in chosen:
            if block.kind == "sql":
                query(block, server)
for block in aside:
    print(f"not run: {block.place}: {block.reason}")
checks.count += len(everything) - len(aside)
checks.true("enough blocks", len(everything) - len(aside) >= 40, len(everything))
checks.finish(f"{len(everything) - len(aside)} blocks of {len(DOCUMENTS)} documents; {len(aside)} can't be run here, each with its reason")
