#!/bin/sh
# Serves the entries of people.ldif, which it loads into a new directory at
# each start, and cn=claimsmith, who may read them.
set -eu

: "${LISTEN:=ldap://:1389}"
: "${PEOPLE:=/etc/claimsmith/people.ldif}"
: "${PASSWORD_FILE:=/run/claimsmith/ldap.password}"
: "${DATA:=/tmp/ldap}"

rm -rf "$DATA"
mkdir -p "$DATA/db"

cat >"$DATA/slapd.conf" <<END
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix dc=example,dc=com
directory $DATA/db
index objectClass,uid,member eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact=cn=claimsmith,dc=example,dc=com read by * none
END

{
	cat "$PEOPLE"
	cat <<END

dn: cn=claimsmith,dc=example,dc=com
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: claimsmith
userPassword: $(slappasswd -n -T "$PASSWORD_FILE")
END
} | slapadd -q -f "$DATA/slapd.conf"

# slapd reserves memory for as many connections as it may have files open.
ulimit -n 1024
exec slapd -d 0 -f "$DATA/slapd.conf" -h "$LISTEN"
