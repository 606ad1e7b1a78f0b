#!/usr/bin/python3
"""Who may do what on S3: keys from every place that has them, quota and policy; and the way there and back, short
enough for the sanitizers.

access.py SEGUE SCRATCH
"""

import os
import pathlib
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "servers"), str(TESTS / "s3")]

from client import Client, chosen, timed  # noqa: E402
from harness import check, lake_digests, program_and_scratch, same  # noqa: E402
from keys import ARN, AUTHORIZATION, IDENTITY, SESSION, WORDS, Keys  # noqa: E402
from proxy import Proxy  # noqa: E402
from rgw import Rgw  # noqa: E402

LS = ("s3", "ls", "s3://first/")


def credentials(client, rgw):
    """Each place in turn, and their order; the token goes along; what cannot work is said."""
    none = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    pathlib.Path("identity").write_text(IDENTITY + "\n")
    pathlib.Path("authorization").write_text(AUTHORIZATION)
    with Keys("testaccess", "testsecret") as keys, Proxy(rgw.port) as proxy:
        identity = {"AWS_WEB_IDENTITY_TOKEN_FILE": "identity", "AWS_ROLE_ARN": ARN, "AWS_ENDPOINT_URL_STS": keys.url}
        container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{keys.url}/container",
                     "AWS_CONTAINER_AUTHORIZATION_TOKEN": AUTHORIZATION}
        by_file = {**container, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "authorization"}
        instance = {"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{keys.url}/"}
        pathlib.Path("wrong").write_text("somebody else")
        through = {**none, "AWS_ENDPOINT_URL": proxy.url}

        def asks(words, env, expected):
            keys.asked.clear()
            proxy.reset()
            client(*LS, env={**through, **env})
            check(keys.asked == expected, f"{words}: {keys.asked}")
            heads = [r.head.decode().lower() for r in proxy.requests]
            check(heads and all(f"x-amz-security-token: {SESSION}" in h for h in heads), f"{words}: no token went along")

        sts, box = ["POST / AssumeRoleWithWebIdentity"], ["GET /container"]
        place = "/latest/meta-data/iam/security-credentials/"
        imds = ["PUT /latest/api/token", f"GET {place}", f"GET {place}lake-role"]
        asks("web identity", identity, sts)
        asks("the container", container, box)
        asks("the container, by a file", by_file, box)
        asks("the instance", instance, imds)
        asks("web identity before the others", {**instance, **container, **identity}, sts)
        asks("the container before the instance", {**instance, **container}, box)
        # Keys that expire within minutes are asked for anew before the next request, not after a refusal.
        keys.seconds = 60
        keys.asked.clear()
        client("s3", "put", "identity", "s3://first/short", env={**through, **container})
        check(len(keys.asked) > 1, f"expiring keys: {keys.asked}")
        keys.seconds = 3600

        def refused(words, env, says, code=1):
            p = client.refused(words, *LS, env={**through, **env}, says=says, code=code)
            for word in WORDS:
                check(word not in p.stdout + p.stderr, f"{words}: '{word}' is shown")

        refused("another's identity", {**identity, "AWS_WEB_IDENTITY_TOKEN_FILE": "wrong"}, [f"the role {ARN} was not given"])
        refused("no role", {**identity, "AWS_ROLE_ARN": ""}, ["AWS_ROLE_ARN is not"], code=2)
        refused("not this container", {**container, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "x"}, ["the container's endpoint"])
        for url in ("http://keys.example.org/", "http://10.0.0.1/", "http://127.0.0.1@10.0.0.1/", "http://169.254.170.2.example.org/", "nonsense"):
            refused(f"keys from {url}", {**container, "AWS_CONTAINER_CREDENTIALS_FULL_URI": url}, ["must be https, or an address of this machine"], code=2)
        # A place that is set up and fails is an error: other keys, which somebody else's may be, are not taken.
        refused("no fall back", {**instance, **container, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "x"}, ["container"])
        refused("no instance", {"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"},
                ["no S3 credentials: looked at"], code=2)
    client("s3", "rm", "s3://first/short")


def admin(rgw, *args):
    subprocess.run(["radosgw-admin", "-c", rgw.directory / "ceph.conf", "-n", "client.rgw", *args], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)


def quota(client, rgw):
    """A bucket that is full: said in words, at once, and what was there stays."""
    admin(rgw, "quota", "set", "--quota-scope=bucket", "--bucket=full", "--max-objects=2")
    admin(rgw, "quota", "enable", "--quota-scope=bucket", "--bucket=full")
    pathlib.Path("three").mkdir()
    for i in range(3):
        pathlib.Path(f"three/{i}").write_text(str(i))
    p = client.refused("quota", "s3", "put", "three", "s3://full/", "--s3-requests", 1,
                       says=["403 QuotaExceeded: the quota of the bucket or the user is used up"])
    check("attempts" not in p.stderr and len(client.keys("s3://full/")) <= 2, f"a quota: {p.stderr}")


def policy(client, rgw):
    """Another user, who may read one prefix and nothing else."""
    admin(rgw, "user", "create", "--uid=other", "--display-name=other", "--access-key=otheraccess", "--secret=othersecret")
    other = {"AWS_ACCESS_KEY_ID": "otheraccess", "AWS_SECRET_ACCESS_KEY": "othersecret"}
    for key in ("open/x", "shut/x"):
        client("s3", "put", "identity", f"s3://first/{key}")
    client.refused("not the owner", *LS, env=other, says=["403 AccessDenied", "segue catalog --iam"])
    rgw.put("/first", """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS":
        ["arn:aws:iam:::user/other"]}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::first/open/*"}]}""", policy="")
    client("s3", "get", "s3://first/open/x", "x", env=other)
    client.refused("another prefix", "s3", "get", "s3://first/shut/x", "y", env=other, says=["403"])
    client.refused("only to read", "s3", "put", "x", "s3://first/open/x", env=other, says=["403 AccessDenied"])
    check(not pathlib.Path("y").exists(), "a refused file is there")


def there_and_back(client, rgw):
    """Short and long files, in parts and by ranges; a listing, a lake: once, for the sanitizers."""
    pathlib.Path("files").mkdir()
    for i in range(40):
        pathlib.Path(f"files/{i}").write_text(str(i) * i)
    pathlib.Path("files/long").write_bytes(os.urandom(1 << 20) * 6)
    client("s3", "put", "files", "s3://first/files", "--part-size", 5)
    client("s3", "get", "s3://first/files/", "back", "--part-size", 5)
    same("there and back", lake_digests("files"), lake_digests("back"))
    lines = ["id,name,artists,id_artists,genre,f"]
    lines += [f"{g}{i},n,['a'],['a{i}'],{g},{i}" for g in ("rock", "jazz") for i in range(3)]
    pathlib.Path("t.csv").write_text("\n".join(lines) + "\n")
    client("curate", "--tracks", "t.csv", "--group", "genre", "--features", "f", "--run", "t.h5", "--quiet", plain=False)
    client("export", "t.h5", "s3://first/lake", "--quiet")
    check("curated_tracks_by_genre" in client("catalog", "s3://first/lake").stdout, "no table")
    if client.segue.program.with_name("segue-sql").exists():
        p = client("sql", "--lake", "s3://first/lake", "--csv", "SELECT count(*) FROM curated_tracks_by_genre")
        check(p.stdout.split()[1:] == ["6"], p.stdout)
    client("clean", "s3://first/lake", "--older-than", "0", "--quiet")
    client("s3", "rm", "s3://first/", "--recursive", "--quiet")
    check(not client.keys("s3://first/"), "rm left something")


def main():
    segue = program_and_scratch()
    with Rgw("rgw") as rgw:
        for bucket in ("first", "full"):
            rgw.make_bucket(bucket)
        for part in chosen(credentials, quota, policy, there_and_back):
            timed(part, Client(segue, rgw), rgw)


if __name__ == "__main__":
    main()
