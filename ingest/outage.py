"""What the driver raises while the store is away, or confused by how it went: try again later."""

import asyncpg

LOST = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
