"""A socket with buffers, so that a small packet costs no system call of its own."""

import socket
import ssl

CHUNK = 256 * 1024  # bytes read at once
MAX_UNSENT = 1024 * 1024  # bytes kept back before the writer is told to wait


class Stream:
    """A socket that does not block, with one buffer for each direction.

    What `send` took goes out with `flush`. As long as `buffered`, there is something to read
    although the socket itself may never again be readable.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._read = b""
        self._position = 0
        self._unsent = bytearray()
        self._error: OSError | None = None

    @property
    def buffered(self) -> bool:
        """Whether bytes were read from the socket that nobody has taken yet."""
        if self._position < len(self._read):
            return True
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def recv(self, size: int) -> bytes:
        """Return up to ``size`` bytes, none at the end; raises what the socket raises."""
        if self._position == len(self._read):
            if self._error is not None:
                raise self._error
            self._read, self._position = b"", 0  # `recv` may raise
            self._read = self._socket.recv(CHUNK)
        start = self._position
        self._position = stop = min(start + size, len(self._read))
        return self._read[start:stop]

    def send(self, data: bytes | bytearray) -> int:
        """Take all of the bytes; raises `BlockingIOError` while too much is not sent."""
        if self._error is not None:
            raise self._error
        if len(self._unsent) >= MAX_UNSENT and not self.flush():
            raise BlockingIOError
        self._unsent += data
        return len(data)

    def flush(self) -> bool:
        """Send what was taken and tell whether all of it is out.

        An error of the socket is raised by the next `recv` or `send`.
        """
        while self._unsent and self._error is None:
            try:
                del self._unsent[: self._socket.send(self._unsent)]
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            except OSError as error:
                self._error = error
        return True

    def close(self) -> None:
        """Send what can be sent at once, and close."""
        self.flush()
        self._socket.close()

    def fileno(self) -> int:
        """Return the number to wait for."""
        return self._socket.fileno()

    def setblocking(self, flag: bool) -> None:
        """Let the socket block or not."""
        self._socket.setblocking(flag)
