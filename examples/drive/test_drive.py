"""The file API by itself, over HTTP."""

import http.client
import json
import socket
import tempfile
import threading
import unittest
from http.server import ThreadingHTTPServer
from pathlib import Path

from drive import LARGEST, Drive


class DriveTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        Drive.folder = Path(self.folder.name)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Drive)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()

    def ask(self, method, path, body=None, subject="ada", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=5)
        connection.request(method, path, body, {"X-Auth-Subject": subject, **(headers or {})})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    def test_a_file_is_written_listed_read_and_removed(self):
        self.assertEqual(self.ask("PUT", "/files/a.txt", b"hello")[0], 201)
        self.assertEqual(json.loads(self.ask("GET", "/files")[1]), {"files": ["a.txt"]})
        self.assertEqual(self.ask("GET", "/files/a.txt"), (200, b"hello"))
        self.assertEqual(self.ask("DELETE", "/files/a.txt")[0], 200)
        self.assertEqual(self.ask("GET", "/files/a.txt")[0], 404)

    def test_nobody_sees_the_files_of_another(self):
        self.ask("PUT", "/files/a.txt", b"hello")
        self.assertEqual(json.loads(self.ask("GET", "/files", subject="../ada")[1]), {"files": []})
        self.assertEqual(self.ask("GET", "/files/a.txt", subject="bob")[0], 404)

    def test_no_name_leads_out_of_the_folder(self):
        for name in ("..", "../x", "%2e%2e%2fx", "a%2fb", ".hidden", "a%00", "x" * 101):
            self.assertEqual(self.ask("GET", f"/files/{name}")[0], 404, name)
            self.assertEqual(self.ask("PUT", f"/files/{name}", b"x")[0], 404, name)

    def test_a_file_that_is_too_large_is_refused(self):
        self.assertEqual(self.ask("PUT", "/files/a", b"", headers={"Content-Length": str(LARGEST + 1)})[0], 413)

    def test_a_chunked_body_is_taken(self):
        status, _ = self.ask("PUT", "/files/a", iter([b"hel", b"lo"]))
        self.assertEqual((status, self.ask("GET", "/files/a")[1]), (201, b"hello"))


    def raw(self, request):
        """Sends octets as they are and gives all that is answered until the server hangs up."""
        with socket.create_connection(("127.0.0.1", self.server.server_port), timeout=5) as stream:
            stream.sendall(request)
            stream.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: stream.recv(65536), b""))

    def test_a_body_is_never_taken_for_a_request(self):
        planted = (
            b"PUT /files/planted HTTP/1.1\r\nHost: x\r\nX-Auth-Subject: victim\r\n"
            b"Content-Length: 1\r\n\r\nx"
        )
        length = b"Content-Length: %d\r\n" % len(planted)
        for line, framing in [
            (b"PUT /files/.bad", length),
            (b"PUT /files", length),
            (b"GET /files", length),
            (b"DELETE /files/none", length),
            (b"POST /files", length),
            (b"PUT /files/a", length + b"Transfer-Encoding: chunked\r\n"),
            (b"PUT /files/a", length + b"Content-Length: 0\r\n"),
            (b"PUT /files/a", b"Content-Length: -1\r\n"),
            (b"PUT /files/a", b"Content-Length: %d\r\n" % (LARGEST + 1)),
            (b"PUT /files/a", b"Transfer-Encoding: gzip\r\n"),
            (b"PUT /files/a", b"Transfer-Encoding: chunked\r\n"),
        ]:
            head = line + b" HTTP/1.1\r\nHost: x\r\nX-Auth-Subject: mallory\r\n" + framing + b"\r\n"
            answer = self.raw(head + planted)
            self.assertEqual(answer.count(b"HTTP/1.1"), 1, (head, answer))
        self.assertEqual(json.loads(self.ask("GET", "/files", subject="victim")[1]), {"files": []})

    def test_a_broken_chunk_is_refused(self):
        head = b"PUT /files/a HTTP/1.1\r\nHost: x\r\nX-Auth-Subject: ada\r\nTransfer-Encoding: chunked\r\n\r\n"
        for chunks in (b"-1\r\n", b"zz\r\n", b"2\r\nabc\r\n0\r\n\r\n", b"5\r\nab", b""):
            self.assertTrue(self.raw(head + chunks).startswith(b"HTTP/1.1 400"), chunks)
        self.assertEqual(self.ask("GET", "/files/a")[0], 404)

    def test_a_request_without_one_verified_subject_is_refused(self):
        for subjects in (b"", b"X-Auth-Subject:\r\n", b"X-Auth-Subject: ada\r\nX-Auth-Subject: bob\r\n"):
            answer = self.raw(b"GET /files HTTP/1.1\r\nHost: x\r\n" + subjects + b"\r\n")
            self.assertTrue(answer.startswith(b"HTTP/1.1 400"), answer)


if __name__ == "__main__":
    unittest.main()
