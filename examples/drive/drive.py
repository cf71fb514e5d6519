"""A small file API that knows nothing of tokens: the gateway in front of it does.

Each caller has a folder of its own, named after the subject that the gateway verified.

    GET    /files         the names of the caller's files
    GET    /files/NAME    a file
    PUT    /files/NAME    writes a file, up to 1 MiB
    DELETE /files/NAME    removes a file
"""

import argparse
import contextlib
import hashlib
import json
import os
import re
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

LARGEST = 1024 * 1024
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(;.*)?\r\n")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Refused(Exception):
    """A status and why: the connection cannot be trusted any further."""


class Drive(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "drive"
    timeout = 30
    folder: Path

    def do_GET(self):
        # The body first, whatever the method: what stayed unread would be taken for the next
        # request on this connection, with an identity that no gateway verified.
        try:
            content, own = self.body(), self.own()
        except Refused as refused:
            self.close_connection = True
            return self.answer(refused.args[0], {"error": refused.args[1]})
        name = self.name()
        if name is None:
            return self.answer(404, {"error": "no such file"})
        if name == "":
            if self.command in ("PUT", "DELETE"):
                return self.answer(405, {"error": "name a file"})
            return self.answer(200, {"files": sorted(file.name for file in own.iterdir())})
        try:
            if self.command == "PUT":
                return self.write(own / name, content)
            if self.command == "DELETE":
                (own / name).unlink()
                return self.answer(200, {"removed": name})
            self.send(200, "application/octet-stream", (own / name).read_bytes())
        except FileNotFoundError:
            self.answer(404, {"error": "no such file"})

    do_HEAD = do_PUT = do_DELETE = do_GET

    def write(self, file, content):
        # Written beside and moved: a reader never sees half a file.
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as new:
            new.write(content)
        os.replace(new.name, file)
        self.answer(201, {"name": file.name, "size": len(content)})

    def name(self):
        """The file's name, empty for the list, None when it can be none."""
        path = unquote(self.path.partition("?")[0])
        if path in ("/files", "/files/"):
            return ""
        name = path.removeprefix("/files/")
        return name if name != path and NAME.fullmatch(name) else None

    def own(self):
        """The caller's folder; its name is a digest, so no subject can name another's."""
        subjects = self.headers.get_all("X-Auth-Subject", [])
        if len(subjects) != 1 or not subjects[0]:
            raise Refused(400, "X-Auth-Subject is missing; ask through the gateway")
        folder = self.folder / hashlib.sha256(subjects[0].encode()).hexdigest()[:32]
        folder.mkdir(exist_ok=True)
        return folder

    def body(self):
        lengths = self.headers.get_all("Content-Length", [])
        codings = [coding.lower() for coding in self.headers.get_all("Transfer-Encoding", [])]
        if len(lengths) + len(codings) > 1 or codings not in ([], ["chunked"]):
            raise Refused(400, "the body has more than one length, or an unknown coding")
        if codings:
            return self.chunks()
        length = lengths[0].strip() if lengths else "0"
        if not re.fullmatch(r"[0-9]{1,18}", length):
            raise Refused(400, "Content-Length is no number")
        return self.exactly(int(length))

    def chunks(self):
        content = b""
        while True:
            line = CHUNK.fullmatch(self.rfile.readline(1024))
            if line is None:
                raise Refused(400, "a chunk has no size")
            size = int(line[1], 16)
            content += self.exactly(size, LARGEST - len(content))
            if self.exactly(2) != b"\r\n":
                raise Refused(400, "a chunk does not end where it says, or has trailers")
            if size == 0:
                return content

    def exactly(self, size, most=LARGEST):
        if size > most:
            raise Refused(413, "a file has at most 1 MiB")
        content = self.rfile.read(size)
        if len(content) != size:
            raise Refused(400, "the body is shorter than it says")
        return content

    def answer(self, status, value):
        self.send(status, "application/json", json.dumps(value).encode() + b"\n")

    def send(self, status, kind, content):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--port", type=int, default=0, help="0 takes a free one")
    arguments.add_argument("--folder", type=Path, required=True)
    arguments = arguments.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    Drive.folder = arguments.folder
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), Drive)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
