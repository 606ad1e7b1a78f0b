"""What the tests of S3 have in common."""

import os
import time

from harness import check

SECRETS = ["testsecret", "hushhush", "othersecret"]


class Client:
    """segue with the server's environment; every message is searched for secrets."""

    def __init__(self, segue, rgw):
        self.segue, self.rgw, self.env = segue, rgw, rgw.env

    def environment(self, more=None):
        return {**self.env, **(more or {})}

    def __call__(self, *args, env=None, ranks=1, expect=0, plain=True):
        p = self.segue(*args, *(["--allow-http"] if plain else []), ranks=ranks, expect=expect,
                       env=self.environment(env))
        for secret in SECRETS:
            check(secret not in p.stdout + p.stderr, f"a secret is shown: {p.stdout}{p.stderr}")
        return p

    def refused(self, words, *args, says, code=1, **more):
        p = self(*args, expect=code, **more)
        for text in says:
            check(text in p.stderr, f"{words}: '{text}' is not in: {p.stderr}")
        return p

    def keys(self, prefix):
        """As an independent client sees them."""
        bucket, _, rest = prefix.removeprefix("s3://").partition("/")
        return self.rgw.keys(bucket, rest)


def chosen(*parts):
    names = os.environ.get("SEGUE_PARTS")
    return [p for p in parts if not names or p.__name__ in names.split(",")]


def timed(part, *args):
    began = time.monotonic()
    part(*args)
    if os.environ.get("SEGUE_TIMES"):
        print(f"{part.__name__}: {time.monotonic() - began:.1f} s")
