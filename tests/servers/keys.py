"""Places that hand out S3 keys, as AWS's own do, over a real socket: what a container, an instance and web identity get.

    with Keys(access, secret) as keys: keys.url ...

Each contract is the documented one: IMDSv2 wants a PUT for a session token that every further request carries; the
container's endpoint wants its authorisation; STS wants AssumeRoleWithWebIdentity in a form and answers XML.
"""

import datetime
import http.server
import json
import threading
import urllib.parse

TOKEN, SESSION, ROLE, ARN = "imds-word", "the-session-word", "lake role", "arn:aws:iam::1:role/lake"
AUTHORIZATION, IDENTITY = "Bearer container-word", "identity.word.x+y/z="
WORDS = [TOKEN, SESSION, "container-word", IDENTITY]  # that nobody may read


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, body, kind="application/json"):
        body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def keys(self):
        keys = self.server.keys
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=keys.seconds)
        return {"AccessKeyId": keys.access, "SecretAccessKey": keys.secret, "Token": SESSION,
                "Expiration": f"{until:%Y-%m-%dT%H:%M:%SZ}"}

    def do_PUT(self):
        self.server.keys.asked.append(f"PUT {self.path}")
        lives = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        good = self.path == "/latest/api/token" and lives and 1 <= int(lives) <= 21600
        self.reply(200 if good else 400, TOKEN if good else "", "text/plain")

    def do_GET(self):
        self.server.keys.asked.append(f"GET {self.path}")
        if self.path == "/container":
            good = self.headers.get("Authorization") == AUTHORIZATION
            self.reply(200 if good else 401, json.dumps(self.keys() if good else {"code": "Denied", "message": "no"}))
            return
        place = "/latest/meta-data/iam/security-credentials/"
        if self.headers.get("X-aws-ec2-metadata-token") != TOKEN:
            self.reply(401, "", "text/plain")
        elif self.path == place:
            self.reply(200, ROLE.replace(" ", "-"), "text/plain")
        elif self.path == place + ROLE.replace(" ", "-"):
            self.reply(200, json.dumps({"Code": "Success", "Type": "AWS-HMAC", **self.keys()}))
        else:
            self.reply(404, "", "text/plain")

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.keys.asked.append(f"POST {self.path} {form.get('Action', [''])[0]}")
        good = {k: v[0] for k, v in form.items()}
        named = good.pop("RoleSessionName", "")
        if not named or good != {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": ARN,
                                 "WebIdentityToken": IDENTITY}:
            self.reply(403, '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Code>AccessDenied'
                       "</Code><Message>not this one</Message></Error></ErrorResponse>", "text/xml")
            return
        keys = self.keys()
        self.reply(200, '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
                   "<AssumeRoleWithWebIdentityResult><Credentials>"
                   f"<AccessKeyId>{keys['AccessKeyId']}</AccessKeyId><SecretAccessKey>{keys['SecretAccessKey']}"
                   f"</SecretAccessKey><SessionToken>{SESSION}</SessionToken><Expiration>{keys['Expiration']}</Expiration>"
                   "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>", "text/xml")


class Keys:
    def __init__(self, access, secret):
        self.access, self.secret, self.seconds, self.asked = access, secret, 3600, []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.keys = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()
