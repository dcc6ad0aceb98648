"""PostgreSQL's settings for the memory of this machine."""

import os
from pathlib import Path

MIB = 1 << 20
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_ALWAYS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "password_encryption": "scram-sha-256",
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "jit": "off",  # it makes a statement of 6 ms over a few chunks take half a second
    "max_locks_per_transaction": "512",  # a statement over many chunks locks each of them
    "max_worker_processes": "24",
    "checkpoint_timeout": "30min",
    "wal_compression": "lz4",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_lock_waits": "on",
}


def memory() -> int:
    """Return the bytes of memory that this machine or container gives us."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = (path.read_text().strip() for path in _CGROUP_LIMITS if path.exists())
    return min([machine, *(int(limit) for limit in limits if limit.isdigit())])


def settings(available: int) -> dict[str, str]:
    """Return the settings for a machine with so many bytes of memory, shared with the programs."""

    def share(part: int, least: int, most: int) -> str:
        return f"{max(least, min(most, available // part // MIB))}MB"

    return {
        **_ALWAYS,
        "shared_buffers": share(6, 128, 4096),
        "effective_cache_size": share(2, 256, 65536),
        "maintenance_work_mem": share(32, 64, 1024),
        "work_mem": share(512, 8, 64),
        "max_wal_size": share(4, 1024, 8192),
        "min_wal_size": share(16, 128, 1024),
    }
