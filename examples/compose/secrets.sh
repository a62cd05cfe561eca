#!/bin/sh
# Makes the secrets that are missing in the directory $1: the master key, and
# the passwords of claimsmith at PostgreSQL and at the directory. They belong to
# the user that claimsmith and slapd run as; PostgreSQL reads its own as root.
set -eu
umask 077

for name in master.key postgres.password ldap.password; do
	if [ ! -s "$1/$name" ]; then
		head -c 32 /dev/urandom | base64 | tr -d '\n' >"$1/$name.new"
		mv "$1/$name.new" "$1/$name"
	fi
done
if [ "$(id -u)" -eq 0 ]; then
	chown -R 65532:65532 "$1"
fi
