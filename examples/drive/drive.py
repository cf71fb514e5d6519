"""A small file API that knows nothing of tokens: the gateway in front of it does.

Each caller has a folder of its own, named after the subject that the gateway verified.

    GET    /files         the names of the caller's files
    GET    /files/NAME    a file
    PUT    /files/NAME    writes a file, up to 1 MiB
    DELETE /files/NAME    removes a file
"""

import argparse
import hashlib
import json
import os
import re
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

LARGEST = 1024 * 1024
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Drive(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "drive"
    folder: Path

    def do_GET(self):
        name = self.name()
        if name is None:
            return
        if name == "":
            return self.answer(200, {"files": sorted(file.name for file in self.own().iterdir())})
        try:
            content = (self.own() / name).read_bytes()
        except FileNotFoundError:
            return self.answer(404, {"error": "no such file"})
        self.send(200, "application/octet-stream", content)

    do_HEAD = do_GET

    def do_PUT(self):
        name = self.name()
        if name is None:
            return
        if name == "":
            return self.answer(405, {"error": "name a file"})
        content = self.body()
        if content is None:
            return
        # Written beside and moved: a reader never sees half a file.
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as new:
            new.write(content)
        os.replace(new.name, self.own() / name)
        self.answer(201, {"name": name, "size": len(content)})

    def do_DELETE(self):
        name = self.name()
        if name is None:
            return
        if name == "":
            return self.answer(405, {"error": "name a file"})
        try:
            (self.own() / name).unlink()
        except FileNotFoundError:
            return self.answer(404, {"error": "no such file"})
        self.answer(200, {"removed": name})

    def name(self):
        """The file's name, empty for the list; answers and returns None when there is none such."""
        path = unquote(urlsplit(self.path).path)
        if path in ("/files", "/files/"):
            return ""
        name = path.removeprefix("/files/")
        if name != path and NAME.fullmatch(name):
            return name
        self.answer(404, {"error": "no such file"})
        return None

    def own(self):
        """The caller's folder; its name is a digest, so no subject can name another's."""
        subject = self.headers.get("X-Auth-Subject", "")
        folder = self.folder / hashlib.sha256(subject.encode()).hexdigest()[:32]
        folder.mkdir(exist_ok=True)
        return folder

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            content = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                if len(content) + size > LARGEST:
                    self.close_connection = True
                    return self.answer(413, {"error": "a file has at most 1 MiB"})
                content += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return content
        size = int(self.headers.get("Content-Length", 0))
        if size > LARGEST:
            self.close_connection = True
            return self.answer(413, {"error": "a file has at most 1 MiB"})
        return self.rfile.read(size)

    def answer(self, status, value):
        self.send(status, "application/json", json.dumps(value).encode() + b"\n")

    def send(self, status, kind, content):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
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
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
