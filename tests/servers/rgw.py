"""The S3 server of rgw.sh for a test written in Python."""

import datetime
import hashlib
import hmac
import http.client
import os
import pathlib
import re
import socket
import subprocess
import sys
import urllib.parse
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent


def free_port():
    """A port with two free ones behind it."""
    while True:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        try:
            for i in range(3):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port + i))
            return port
        except OSError:
            continue


class Rgw:
    """Starts the server; ends the test with 77 where that cannot be. `env` is what clients need."""

    def __init__(self, directory, **settings):
        self.directory, self.port = pathlib.Path(directory).resolve(), free_port()
        started = subprocess.run([HERE / "rgw.sh", "start", self.directory, str(self.port)], check=False,
                                 capture_output=True, text=True, env={**os.environ, **settings})
        if started.returncode != 0:
            print(started.stdout + started.stderr, end="")
            sys.exit(started.returncode)
        self.url, self.tls = f"http://127.0.0.1:{self.port}", f"https://127.0.0.1:{self.port + 2}"
        self.ca = str(self.directory / "ca.crt")
        # Whatever the machine's own user has set up must play no part.
        keep = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        self.env = {**keep, "HOME": str(self.directory), "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1",
                    "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": self.url, "AWS_REGION": "us-east-1",
                    "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "testaccess",
                    "AWS_SECRET_ACCESS_KEY": "testsecret"}

    def put(self, path, body, **query):
        self.ask("PUT", path, body, **query)

    def ask(self, method, path, body=b"", /, **query):
        """One signed request (AWS Signature Version 4, written down here once more); the answer's body."""
        day = f"{datetime.datetime.now(datetime.timezone.utc):%Y%m%dT%H%M%SZ}"
        path = urllib.parse.quote(path, safe="/-_.~")
        words = "&".join(f"{k}={urllib.parse.quote(v, safe='-_.~')}" for k, v in sorted(query.items()))
        headers = {"host": f"127.0.0.1:{self.port}", "x-amz-content-sha256": "UNSIGNED-PAYLOAD", "x-amz-date": day}
        signed = ";".join(headers)
        lines = [method, path, words, *(f"{k}:{v}" for k, v in headers.items()), "", signed, "UNSIGNED-PAYLOAD"]
        scope = f"{day[:8]}/us-east-1/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{day}\n{scope}\n{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}"
        key = b"AWS4testsecret"
        for part in [*scope.split("/"), text]:
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential=testaccess/{scope}, SignedHeaders={signed}, "
                                    f"Signature={key.hex()}")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, f"{path}?{words}", body, headers)
        answer = connection.getresponse()
        found = answer.read()
        connection.close()
        if answer.status >= 300:
            raise OSError(f"{method} {path}: {answer.status} {found}")
        return found

    def make_bucket(self, name):
        self.ask("PUT", f"/{name}")

    def keys(self, bucket, prefix):
        """Key to size of all objects below a prefix."""
        found, more = {}, {}
        while True:
            body = self.ask("GET", f"/{bucket}", **{"list-type": "2", "prefix": prefix}, **more).decode()
            root = xml.etree.ElementTree.fromstring(re.sub(r' xmlns="[^"]*"', "", body))
            found |= {c.findtext("Key"): int(c.findtext("Size")) for c in root.iter("Contents")}
            if root.findtext("IsTruncated") != "true":
                return found
            more = {"continuation-token": root.findtext("NextContinuationToken")}

    def processor_seconds(self):
        """What the server's processes have taken so far."""
        ticks = 0
        for name in ("gateway", "store", "monitor"):
            pid = (self.directory / f"{name}.pid").read_text().strip()
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        subprocess.run([HERE / "rgw.sh", "stop", self.directory], check=False)
