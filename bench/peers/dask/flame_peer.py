"""
Both ends of the Dask peer: `server` is a scheduler and one worker with one thread, `client` submits to it. Each speaks with us over
file descriptor 3 (see lib/foreign.mjs) and ends when that does. Over TLS with a key of this run: a scheduler without one runs whatever
anybody sends who can reach its port.
"""
import asyncio
import json
import logging
import shutil
import socket
import struct
import sys
import tempfile
import time

import dask
from distributed import Client, LocalCluster
from distributed.security import Security

import flame_peer_calls as calls

PARTS = {"ca": "tls_ca_file", "cert": "tls_client_cert", "key": "tls_client_key"}
LETTERS = {b"A": "add", b"E": "echo", b"S": "sink", b"O": "source"}


class Pipe:
    """Messages with their length before them."""

    @classmethod
    async def open(cls):
        pipe = cls()
        pipe.reader, pipe.writer = await asyncio.open_connection(sock=socket.socket(fileno=3))
        return pipe

    async def receive(self):
        """The next message; None when there is none any more."""
        try:
            (length,) = struct.unpack(">I", await self.reader.readexactly(4))
            return await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def answer(self, payload):
        await self._send(b"\0", payload)

    async def refuse(self, words):
        await self._send(b"\1", words.encode())

    async def _send(self, status, payload):
        self.writer.write(struct.pack(">I", 1 + len(payload)) + status)
        self.writer.write(payload)
        await self.writer.drain()


async def server(host):
    # Workers leave a folder with locks in it, which is nobody's: here it is in one of ours.
    scratch = tempfile.mkdtemp(prefix="flame-dask-")
    try:
        with dask.config.set({"temporary-directory": scratch}):
            await serve(host, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


async def serve(host, scratch):
    pipe = await Pipe.open()
    security = Security.temporary()
    async with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=True,
        host=host,
        protocol="tls://",
        security=security,
        dashboard_address=None,
        asynchronous=True,
        silence_logs=logging.ERROR,
        local_directory=scratch,
    ) as cluster:
        where = {name: getattr(security, part) for name, part in PARTS.items()}
        await pipe.answer(json.dumps({"address": cluster.scheduler_address, **where}).encode())
        while await pipe.receive() is not None:
            pass


async def client():
    pipe = await Pipe.open()
    where = json.loads(await pipe.receive())
    security = Security(require_encryption=True, **{part: where[name] for name, part in PARTS.items()})
    async with Client(where["address"], security=security, asynchronous=True, set_as_default=False) as dask:
        await pipe.answer(b"")
        while (question := await pipe.receive()) is not None:
            try:
                payload = await ask(dask, question[:1], question[1:])
            except Exception as error:  # told to who asked
                await pipe.refuse(f"{type(error).__name__}: {error}")
            else:
                await pipe.answer(payload)


async def call(dask, function, *arguments):
    # `pure=False`: the same call again is a call again, and no look-up of the last result.
    return await dask.submit(function, *arguments, pure=False)


async def ask(dask, letter, payload):
    if letter == b"M":
        return await measure(dask, payload)
    if letter == b"A":
        return struct.pack("<d", await call(dask, calls.add, *struct.unpack("<dd", payload)))
    if letter == b"O":
        return await call(dask, calls.source, int(struct.unpack("<d", payload)[0]))
    if letter == b"S":
        return struct.pack("<d", await call(dask, calls.sink, payload))
    return await call(dask, calls.echo, payload)


async def measure(dask, payload):
    letters = [b"S", b"O"] if payload[:1] == b"B" else [payload[:1]]
    names = [LETTERS[letter] for letter in letters]
    size, in_flight, ms = (int(number) for number in struct.unpack("<ddd", payload[1:]))
    message = b"\x5a" * size
    arguments = {"add": (1, 2), "source": (size,), "echo": (message,), "sink": (message,)}
    start = time.perf_counter()
    until = start + ms / 1000

    async def one_after_the_other(name):
        function = getattr(calls, name)
        times = []
        while True:
            sent = time.perf_counter()
            await call(dask, function, *arguments[name])
            received = time.perf_counter()
            times.append((received - sent) * 1e6)
            if received >= until:
                return times

    times = sum(await asyncio.gather(*(one_after_the_other(names[i % len(names)]) for i in range(in_flight))), [])
    seconds = time.perf_counter() - start
    return struct.pack(f"<{1 + len(times)}d", seconds, *times)


if __name__ == "__main__":
    role, *rest = sys.argv[1:]
    asyncio.run({"server": server, "client": client}[role](*rest))
