"""A Postgres server of its own for a test, in a temporary folder, listening on a socket only."""

import glob
import os
import pathlib
import shutil
import subprocess
import tempfile

from common import Failure


def programs():
    """Returns the directory of the newest server's programs."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: float(path.split("/")[-2]), reverse=True)
    if shutil.which("initdb"):
        found.append(str(pathlib.Path(shutil.which("initdb")).resolve().parent))
    for path in found:
        if all(os.access(os.path.join(path, name), os.X_OK) for name in ("initdb", "pg_ctl", "postgres")):
            return path
    raise Failure("no Postgres server programs (initdb, pg_ctl) here; on Debian and Ubuntu: apt-get install postgresql")


class Server:
    """A running server with one empty database. Its user needs no password: only it and root can reach the socket."""

    user, database = "acceptance", "postgres"

    def __init__(self):
        self.bin = programs()
        # Not in TMPDIR: a socket's path has 100 characters or so.
        self.folder = tempfile.mkdtemp(prefix="tap-confluence-pg.", dir="/tmp")
        self.prefix = []
        if os.getuid() == 0:  # the server refuses to run as root
            account = "postgres" if "\npostgres:" in "\n" + pathlib.Path("/etc/passwd").read_text() else "nobody"
            shutil.chown(self.folder, account)
            self.prefix = ["runuser", "-u", account, "--"]
        self.version = self.run("postgres", "--version").split()[2]
        self.run("initdb", "--pgdata", self.data, "--username", self.user, "--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync")
        self.run("pg_ctl", "--pgdata", self.data, "--log", f"{self.folder}/server.log", "--wait", "--timeout", "60",
                 "--options", f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c fsync=off", "start", quiet=True)

    @property
    def data(self):
        return f"{self.folder}/data"

    @property
    def url(self):
        """The database for SQLAlchemy."""
        return f"postgresql+psycopg://{self.user}@/{self.database}?host={self.folder}"

    @property
    def conninfo(self):
        """The database for psycopg."""
        return f"host={self.folder} user={self.user} dbname={self.database}"

    def run(self, program, *args, quiet=False):
        """Runs one of the server's programs and returns its output.

        quiet gives it none: the server that pg_ctl starts would keep our pipe open.
        """
        done = subprocess.run([*self.prefix, f"{self.bin}/{program}", *args], cwd=self.folder, text=True, timeout=120, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL if quiet else subprocess.PIPE, stderr=subprocess.DEVNULL if quiet else subprocess.STDOUT)
        if done.returncode != 0:
            raise Failure(f"{program} ended with {done.returncode}: {(done.stdout or '')[-500:]}")
        return done.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.run("pg_ctl", "--pgdata", self.data, "--mode", "immediate", "--wait", "stop", quiet=True)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
