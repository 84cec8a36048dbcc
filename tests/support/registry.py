#!/usr/bin/env python3
"""A registry that serves one OCI layout (a tar as make_image.py makes it) over HTTP on a free port of 127.0.0.1.

usage: registry.py LAYOUT.tar [LAYOUT.tar ...]

Prints the port. The image is served under every name except those that begin with "missing/" (404) and "private/" (401),
with every tag; a tag that ends in a digit stands for the layout of that number, from 0, any other for the first. Under "slow/" layers come in many pieces with pauses, under "stuck/" half of a layer comes and then nothing.
GET /requests answers how often each path was asked for, and how many layers were being sent at once at most. Reads its standard input and leaves when that ends, so that it never outlives the test that started it.
"""
import http.server
import json
import os
import re
import sys
import tarfile
import threading
import time


def load(path):
    with tarfile.open(path) as tar:
        files = {m.name: tar.extractfile(m).read() for m in tar.getmembers() if m.isfile()}
    blobs = {"sha256:" + name.rpartition("/")[2]: data for name, data in files.items() if name.startswith("blobs/")}
    return blobs, json.loads(files["index.json"])["manifests"][0]


def main():
    layouts = [load(path) for path in sys.argv[1:]]
    blobs = {digest: data for some, _ in layouts for digest, data in some.items()}
    manifests = {manifest["digest"]: manifest for _, manifest in layouts}
    seen, guard = {"at_once": 0, "most_at_once": 0, "paths": {}}, threading.Lock()

    def note(path="", at_once=0):
        with guard:
            if path:
                seen["paths"][path] = seen["paths"].get(path, 0) + 1
            seen["at_once"] += at_once
            seen["most_at_once"] = max(seen["most_at_once"], seen["at_once"])
            return json.dumps(seen).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status, body=b"{}", **headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET" and len(body) > 65536 and "/blobs/" in self.path:
                self.send_layer(body)
            elif self.command == "GET":
                self.wfile.write(body)

        def send_layer(self, body):
            note(at_once=1)
            try:
                slow, stuck = self.path.startswith("/v2/slow/"), self.path.startswith("/v2/stuck/")
                piece = max(1, len(body) // 40) if slow else len(body) // 2 + 1
                for begin in range(0, len(body), piece):
                    self.wfile.write(body[begin:begin + piece])
                    self.wfile.flush()
                    time.sleep(0.1 if slow else 3600 if stuck else 0)
            finally:
                note(at_once=-1)

        def do_GET(self):
            if self.path == "/requests":
                return self.answer(200, note())
            note(self.command + " " + self.path)
            if self.path.rstrip("/") == "/v2":
                return self.answer(200)
            match = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/?]+)(\?.*)?", self.path)
            if not match or match[1].startswith("missing/"):
                return self.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
            if match[1].startswith("private/"):
                return self.answer(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}', WWW_Authenticate='Basic realm="test"')
            digest = match[3]
            if digest not in blobs and match[2] == "manifests":
                number = int(digest[-1]) if digest[-1].isdigit() else 0
                digest = layouts[number % len(layouts)][1]["digest"]
            if digest not in blobs:
                return self.answer(404)
            kind = manifests[digest]["mediaType"] if digest in manifests else "application/octet-stream"
            return self.answer(200, blobs[digest], Content_Type=kind, Docker_Content_Digest=digest)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
