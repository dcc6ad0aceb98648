"""The product's database in a cluster: created, migrated, with a login for each program."""

import os
import secrets
import subprocess
import sys
from dataclasses import dataclass

import asyncpg

from deploy.local.errors import Cannot
from deploy.local.postgres import Cluster
from deploy.local.settings import CHECKOUT

LOGINS = {"ingest": "qingyu_ingest", "service": "qingyu_service"}  # login: the role it acts as


@dataclass(frozen=True, slots=True)
class Database:
    """URLs of one database: for its owner, the collectors and the service."""

    owner: str
    ingest: str
    service: str


async def create(cluster: Cluster, name: str) -> None:
    """Create an empty database where there is none."""
    connection = await asyncpg.connect(cluster.url("postgres"))
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()


async def drop(cluster: Cluster, name: str) -> None:
    """Drop a database, whoever is connected."""
    connection = await asyncpg.connect(cluster.url("postgres"))
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()


def migrate(cluster: Cluster, name: str) -> None:
    """Bring the tables of a database to the newest revision."""
    environment = {**os.environ, "QINGYU_DATABASE": cluster.url(name)}
    answer = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        raise Cannot(f"The database cannot be migrated: {answer.stderr.strip()[-500:]}")


async def open_logins(cluster: Cluster, name: str) -> Database:
    """Give each program a login with a new password; the roles come from the migrations."""
    connection = await asyncpg.connect(cluster.url(name))
    urls = {}
    try:
        for login, role in LOGINS.items():
            password = secrets.token_urlsafe(24)
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", login):
                await connection.execute(f"CREATE ROLE {login} LOGIN INHERIT")
            await connection.execute(f"ALTER ROLE {login} PASSWORD '{password}'")
            await connection.execute(f"GRANT {role} TO {login}")
            urls[login] = cluster.url(name, login, password)
    finally:
        await connection.close()
    return Database(cluster.url(name), urls["ingest"], urls["service"])
