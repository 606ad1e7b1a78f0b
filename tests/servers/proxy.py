"""A proxy between segue and an S3 server that breaks what it is told to break.

    with Proxy(upstream_port) as proxy:
        proxy.rule = lambda request: "cut" if request.number == 3 else None

A rule gets each request and returns what to do with it:
    None       pass it on
    "slow"     answer 503 SlowDown
    "drop"     hang up without passing it on
    "lost"     pass it on, hang up without the answer
    "cut"      pass it on, hang up in the middle of the answer
    "damage"   pass it on, change the last byte of the answer
    (code, body)   answer that
"""

import re
import socket
import threading

SLOW = b"<?xml version='1.0'?><Error><Code>SlowDown</Code></Error>"


class Request:
    def __init__(self, head, number):
        self.head, self.number = head, number
        self.method, self.path = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")[:2]

    @property
    def changes(self):
        return self.method in ("PUT", "POST", "DELETE")


def read_head(f):
    lines = []
    while True:
        line = f.readline(65536)
        if not line:
            return None
        lines.append(line)
        if line == b"\r\n":
            return b"".join(lines)


def length_of(head):
    found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    return int(found[1]) if found else 0


def read_body(f, head):
    if re.search(rb"\r\ntransfer-encoding: *chunked", head, re.IGNORECASE):
        body = b""
        while True:
            line = f.readline()
            size = int(line, 16)
            body += line + f.read(size + 2)
            if size == 0:
                return body
    return f.read(length_of(head))


class Proxy:
    def __init__(self, upstream):
        self.upstream, self.rule, self.requests = upstream, lambda request: None, []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.listener.close()

    def reset(self, rule=lambda request: None):
        self.rule, self.requests = rule, []

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            with client, client.makefile("rb") as reader:
                while self.one(client, reader):
                    pass
        except OSError:
            pass

    def one(self, client, reader):
        head = read_head(reader)
        if head is None:
            return False
        body = read_body(reader, head)
        with self.lock:
            request = Request(head, len(self.requests) + 1)
            self.requests.append(request)
        action = self.rule(request)
        if action == "slow":
            action = (503, SLOW)
        if action == "drop":
            return False
        if isinstance(action, tuple):
            return self.answer(client, *action)
        with socket.create_connection(("127.0.0.1", self.upstream)) as server:
            server.sendall(re.sub(rb"\r\nConnection:[^\r]*", b"", head)[:-2] + b"Connection: close\r\n\r\n" + body)
            answer = b"".join(iter(lambda: server.recv(1 << 20), b""))
        if action == "lost":
            return False
        if action == "damage":
            answer = answer[:-1] + bytes([answer[-1] ^ 1])
        if action == "cut":
            client.sendall(answer[: answer.index(b"\r\n\r\n") + 4 + length_of(answer) // 2])
            return False
        client.sendall(answer)
        return False

    @staticmethod
    def answer(client, status, body):
        client.sendall(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
        return True
