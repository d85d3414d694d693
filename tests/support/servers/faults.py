"""A web server that does wrong what it is told to, once for each time that it is told."""

import asyncio
import random
import re
import socket
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field

from physlite.storage.http import hosts

BOUNDARY = "THE_BOUNDARY"


@dataclass
class Request:
    """What a client asked for: the target of its request line to the letter, and its headers in lower case."""

    target: str
    headers: dict[str, str]

    @property
    def ranges(self):
        """The `Range` header, without its unit."""
        return self.headers.get("range", "").removeprefix("bytes=")


@dataclass
class FaultServer:
    """Serves `content` under every path, but for what stands in `faults` for the next requests.

    Attributes:
        content: the file.
        several: whether a request of several ranges is answered with all of them; else with the whole file.
        faults: names of methods below, without `do_`, or functions; each is for one request, None for a good answer.
        otherwise: called with the request where `faults` is empty; returns a fault.
        delay: seconds before each answer.
        bytes_per_second: bandwidth of all connections together; None: as fast as it goes.
        requests: what was asked for.
        most_connections: how many were open at the same time.
    """

    content: bytes
    several: bool = True
    etag: str = '"1"'
    faults: deque = field(default_factory=deque)
    otherwise: object = None
    delay: float = 0.0
    bytes_per_second: float | None = None
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    connections: int = 0
    most_connections: int = 0
    _busy_until: float = 0.0

    @property
    def url(self):
        """Of the file."""
        return f"http://127.0.0.1:{self.port}/file.root"

    # ------------------------------------------------------------------------------------------------------ protocol

    async def serve(self, reader, writer):
        """One connection."""
        self.connections += 1
        self.most_connections = max(self.most_connections, self.connections)
        try:
            while head := await self._head(reader):
                request = self._parse(head)
                self.requests.append(request)
                await asyncio.sleep(self.delay)
                fault = self.faults.popleft() if self.faults else self.otherwise and self.otherwise(request)
                answer = getattr(self, f"do_{fault}") if isinstance(fault, str) else fault or self.do_well
                if await answer(request, writer) == "close":
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.connections -= 1
            writer.close()

    async def _head(self, reader):
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""

    def _parse(self, head):
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if line)
        return Request(first.split(" ")[1], {name.lower(): value for name, value in headers.items()})

    async def send(self, writer, status, headers, body=b"", *, length=None):
        """An answer with the length of its body, or another one."""
        headers = {"Content-Length": str(len(body) if length is None else length), **headers}
        head = f"HTTP/1.1 {status}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
        writer.write(head.encode())
        await self._body(writer, body)

    async def _body(self, writer, body):
        if self.bytes_per_second is None:
            writer.write(body)
            await writer.drain()
            return
        loop = asyncio.get_running_loop()
        for at in range(0, len(body), 1 << 14):
            part = body[at : at + (1 << 14)]
            # Sleep is as coarse as a millisecond: what it was too long is made up for.
            self._busy_until = max(self._busy_until, loop.time() - 0.002) + len(part) / self.bytes_per_second
            await asyncio.sleep(self._busy_until - loop.time())
            writer.write(part)
            await writer.drain()

    def wanted(self, request):
        """The ranges of a request, as (begin, end)."""
        size = len(self.content)
        out = []
        for first, last in re.findall(r"(\d*)-(\d*)", request.ranges):
            begin = int(first) if first else max(size - int(last), 0)
            out.append((begin, min(int(last) + 1, size) if first and last else size))
        return out

    def part(self, begin, end, *, total=None):
        """The header of a part."""
        return {"Content-Range": f"bytes {begin}-{end - 1}/{len(self.content) if total is None else total}"}

    # ------------------------------------------------------------------------------------------------------- answers

    async def do_well(self, request, writer):
        """As it should be."""
        wanted = self.wanted(request)
        tag = {"ETag": self.etag}
        if not wanted or (len(wanted) > 1 and not self.several):
            await self.send(writer, "200 OK", tag, self.content)
        elif any(begin >= end for begin, end in wanted):
            await self.send(writer, "416 Range Not Satisfiable", {"Content-Range": f"bytes */{len(self.content)}"})
        elif len(wanted) == 1:
            await self.send(writer, "206 Partial Content", tag | self.part(*wanted[0]), self.content[slice(*wanted[0])])
        else:
            await self.send(writer, "206 Partial Content", tag | self.multipart_type(), self.multipart(wanted))

    def multipart_type(self):
        """The header of an answer with several parts."""
        return {"Content-Type": f"multipart/byteranges; boundary={BOUNDARY}"}

    def multipart(self, wanted):
        """The body of an answer with several parts."""
        out = b""
        for begin, end in wanted:
            head = f"\r\n--{BOUNDARY}\r\nContent-Type: x/y\r\nContent-Range: {self.part(begin, end)['Content-Range']}"
            out += head.encode() + b"\r\n\r\n" + self.content[begin:end]
        return out + f"\r\n--{BOUNDARY}--\r\n".encode()

    async def do_status(self, request, writer, status, **headers):
        """A status without what was asked for."""
        await self.send(writer, status, headers, b"<Error>no</Error>")

    async def do_500(self, request, writer):
        """An error of the server."""
        await self.do_status(request, writer, "500 Internal Server Error")

    async def do_503(self, request, writer):
        """A server that is overloaded."""
        await self.do_status(request, writer, "503 Service Unavailable")

    async def do_429(self, request, writer):
        """Too many requests; come back in a second."""
        await self.do_status(request, writer, "429 Too Many Requests", **{"Retry-After": "1"})

    async def do_403(self, request, writer):
        """Access denied."""
        await self.do_status(request, writer, "403 Forbidden")

    async def do_404(self, request, writer):
        """No such file."""
        await self.do_status(request, writer, "404 Not Found")

    async def do_hang_up(self, request, writer):
        """Closes the connection instead of an answer."""
        return "close"

    async def do_reset(self, request, writer):
        """Breaks the connection off in the middle of the body."""
        await self._half(request, writer)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # RST instead of FIN
        writer.transport.abort()
        return "close"

    async def do_short(self, request, writer):
        """Ends in the middle of the body."""
        await self._half(request, writer)
        return "close"

    async def do_stall(self, request, writer):
        """Stops in the middle of the body, and keeps the connection."""
        await self._half(request, writer)
        await asyncio.sleep(3600)

    async def _half(self, request, writer):
        begin, end = self.wanted(request)[0]
        body = self.content[begin:end]
        headers = {"ETag": self.etag} | self.part(begin, end)
        await self.send(writer, "206 Partial Content", headers, body[: len(body) // 2], length=len(body))

    async def do_wrong_range(self, request, writer):
        """Gives the bytes beside those that were asked for, and says so."""
        begin, end = self.wanted(request)[0]
        begin, end = (begin + 1, end + 1) if end < len(self.content) else (begin - 1, end - 1)
        headers = {"ETag": self.etag} | self.part(begin, end)
        await self.send(writer, "206 Partial Content", headers, self.content[begin:end])

    async def do_nonsense_range(self, request, writer):
        """Says nothing that makes sense of which bytes it gives."""
        begin, end = self.wanted(request)[0]
        headers = {"ETag": self.etag, "Content-Range": f"bytes {end}-{begin}/7"}
        await self.send(writer, "206 Partial Content", headers, self.content[begin:end])

    async def do_wrong_length(self, request, writer):
        """Gives fewer bytes than its Content-Range says, though as many as its Content-Length does."""
        begin, end = self.wanted(request)[0]
        headers = {"ETag": self.etag} | self.part(begin, end)
        await self.send(writer, "206 Partial Content", headers, self.content[begin:end][:-1])

    async def do_one_part(self, request, writer):
        """Answers a request of several ranges with the first of them."""
        begin, end = self.wanted(request)[0]
        headers = {"ETag": self.etag} | self.part(begin, end)
        await self.send(writer, "206 Partial Content", headers, self.content[begin:end])

    async def do_everything(self, request, writer):
        """The whole file, whatever was asked for."""
        await self.send(writer, "200 OK", {"ETag": self.etag}, self.content)

    async def do_gzip(self, request, writer):
        """Bytes in an encoding that nobody asked for."""
        begin, end = self.wanted(request)[0]
        headers = {"ETag": self.etag, "Content-Encoding": "gzip"} | self.part(begin, end)
        await self.send(writer, "206 Partial Content", headers, self.content[begin:end])

    async def do_damaged_parts(self, request, writer):
        """Several parts, cut off in the header of one of them."""
        body = self.multipart(self.wanted(request))
        body = body[: body.rindex(b"Content-Range") + 5]
        await self.send(writer, "206 Partial Content", {"ETag": self.etag} | self.multipart_type(), body)

    async def do_endless_header(self, request, writer):
        """A part whose header does not end."""
        body = f"--{BOUNDARY}\r\nContent-Range: ".encode() + b"x" * 1_000_000
        await self.send(writer, "206 Partial Content", {"ETag": self.etag} | self.multipart_type(), body)

    async def do_other_version(self, request, writer):
        """The file was replaced by one of the same size."""
        begin, end = self.wanted(request)[0]
        headers = {"ETag": '"2"'} | self.part(begin, end)
        await self.send(writer, "206 Partial Content", headers, bytes(end - begin))

    async def do_other_size(self, request, writer):
        """The file was replaced by a longer one."""
        begin, end = self.wanted(request)[0]
        headers = {"ETag": self.etag} | self.part(begin, end, total=len(self.content) + 1)
        await self.send(writer, "206 Partial Content", headers, bytes(end - begin))

    async def do_refuse_several(self, request, writer):
        """A server that does not like the header of several ranges."""
        await self.do_status(request, writer, "400 Bad Request")


def redirect_to(url, status="307 Temporary Redirect"):
    """A fault: sends on to another URL."""

    async def answer(request, writer):
        writer.write(f"HTTP/1.1 {status}\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    return answer


@contextmanager
def fault_server(content, *, tls=None, host="127.0.0.1", **options):
    """A FaultServer in a thread of its own."""
    server = FaultServer(content, **options)
    loop = asyncio.new_event_loop()

    async def start():
        listening = await asyncio.start_server(server.serve, host, 0, ssl=tls)
        server.port = listening.sockets[0].getsockname()[1]
        return listening

    thread = threading.Thread(target=loop.run_forever, name="fault-server")
    thread.start()
    listening = asyncio.run_coroutine_threadsafe(start(), loop).result()
    for scheme in ("http", "https"):  # an earlier server may have had the port, of which something is known
        hosts._hosts.pop((scheme, host, server.port), None)

    async def stop():
        listening.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def random_content(size, seed):
    """Bytes that are different everywhere."""
    return random.Random(seed).randbytes(size)
