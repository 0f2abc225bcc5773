"""A web server on this machine that answers well, or in one of the bad ways."""

import re
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answers(BaseHTTPRequestHandler):
    """Serves `server.files`; `server.manner` says how."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        server = self.server
        path = self.path.partition("?")[0]
        server.asked.append((path, self.headers.get("Range")))
        manner = server.manner
        if manner == "elsewhere" or path.startswith("/from/"):
            target = server.target or f"http://example.org{path}"
            return self._head(302, 0, Location=target)
        if path not in server.files or manner == "error":
            return self._head(503 if manner == "error" else 404, 0)
        body = server.files[path]
        if manner == "tampered":
            body = body[:-1] + bytes([body[-1] ^ 1])
        start = self._start(len(body))
        if start == len(body):
            return self._head(416, 0)
        if start and manner == "wrong rest":
            return self._send(206, body[:10], f"bytes 0-9/{len(body)}")
        if start:
            return self._send(206, body[start:], f"bytes {start}-/{len(body)}")
        return self._send(200, body)

    def _start(self, length):
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        known = wanted and self.server.manner != "ignores ranges"
        return min(int(wanted[1]), length) if known else 0

    def _head(self, status, length, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _send(self, status, body, content_range=None):
        extra = {"Content_Range": content_range} if content_range else {}
        if self.server.manner == "endless":
            self.send_response(200)
            self.end_headers()
            while not self.server.stopped.is_set():
                self.wfile.write(b"x" * 65536)
            return
        self._head(status, len(body), **extra)
        half = len(body) // 2
        if self.server.manner in ("breaks", "silent"):
            self.wfile.write(body[:half])
            self.wfile.flush()
            if self.server.manner == "silent":
                self.server.stopped.wait(5)
            self.close_connection = True
            return
        self.wfile.write(body)

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


@contextmanager
def serving(files: dict[str, bytes]):
    """Serve files by path on this machine; yields the server with its `url`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    server.files, server.manner, server.asked = dict(files), "well", []
    server.target, server.stopped = None, threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
        time.sleep(0)
