#!/usr/bin/env python3
"""A claimsmith plugin in Python: it judges API keys by their hashes, which its
configuration lists. How it is started and asked is in plugin.py."""

from hashlib import sha256

from plugin import Unknown, serve


class Keys:
    name = "partnerkeys"
    version = "1.0.0"
    kinds = ["api_key"]

    def configure(self, config):
        for key in config:
            if key != "keys":
                raise ValueError(f"{key}: unknown key")
        self.keys = config.get("keys", {})
        for hash, owner in self.keys.items():
            if not isinstance(owner, dict) or not owner.get("subject"):
                raise ValueError(f"keys.{hash}.subject: required")
        self.owners = {owner["subject"]: owner for owner in self.keys.values()}

    def authenticate(self, request):
        return found(self.keys.get(sha256(request.credential.secret).hexdigest()))

    def refresh(self, identity):
        return found(self.owners.get(identity.subject))

    def lookup(self, name):
        return found(self.owners.get(name))


def found(owner):
    if owner is None:
        raise Unknown
    return owner


if __name__ == "__main__":
    serve(Keys())
