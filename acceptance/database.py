"""Servers of Postgres and MariaDB of their own for a test, in temporary folders, listening on sockets only."""

import glob
import importlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from common import Failure

PATH = f"{os.environ['PATH']}:/usr/sbin"

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


class MariaDB:
    """A running server with one empty database, without accounts: so it needs no tables of its own, nor the program that makes them."""

    user, database = "root", "confluence"

    def __init__(self):
        if not shutil.which("mariadbd", path=PATH):
            raise Failure("no MariaDB server program (mariadbd) here; on Debian and Ubuntu: apt-get install mariadb-server-core")
        self.folder = tempfile.mkdtemp(prefix="tap-confluence-mariadb.", dir="/tmp")
        self.socket = f"{self.folder}/socket"
        os.mkdir(f"{self.folder}/data")
        with open(f"{self.folder}/server.log", "wb") as log:
            self.process = subprocess.Popen(
                [shutil.which("mariadbd", path=PATH), "--no-defaults", f"--datadir={self.folder}/data", f"--socket={self.socket}", "--skip-networking",
                 "--skip-grant-tables", "--innodb-flush-log-at-trx-commit=0", *(["--user=root"] if os.getuid() == 0 else [])], stdout=log, stderr=log)

    def __enter__(self):
        pymysql = importlib.import_module("pymysql")
        for _ in range(300):
            try:
                with pymysql.connect(unix_socket=self.socket, user=self.user) as connection:
                    cursor = connection.cursor()
                    cursor.execute(f"CREATE DATABASE {self.database} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
                    cursor.execute("SELECT version()")
                    self.version = cursor.fetchone()[0].partition("-")[0]
                return self
            except pymysql.err.OperationalError:  # it does not listen yet
                time.sleep(0.1)
        raise Failure(f"MariaDB did not start: see {self.folder}/server.log")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
