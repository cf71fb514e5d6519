"""The file API by itself, over HTTP."""

import http.client
import json
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
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

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


if __name__ == "__main__":
    unittest.main()
