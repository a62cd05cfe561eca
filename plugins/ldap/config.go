package ldap

import "github.com/claimsmith/claimsmith/plugins/sdk"

// Config is the plugin's configuration. Only urls and base have no default.
type Config struct {
	// URLs of the directory's servers: ldap://, ldaps:// or ldapi://. They hold
	// the same data. The first that works is used; one that fails is left alone
	// for a moment, up to a few seconds, and used again once it answers.
	URLs []string `json:"urls" jsonschema:"minItems=1"`
	// StartTLS turns connections to ldap:// into TLS before anything else is said.
	StartTLS bool `json:"start_tls,omitempty"`
	// CA is a file of PEM certificates that the servers' certificates must come
	// from. Default: those that the system trusts.
	CA string `json:"ca,omitempty"`
	// ClientCertificate is a file with the PEM certificate, and what leads up to
	// its root, that is shown to the servers. It is read again for every connection.
	ClientCertificate string `json:"client_certificate,omitempty"`
	// ClientKey is the file of the client certificate's PEM key.
	ClientKey string `json:"client_key,omitempty"`
	// InsecureSkipVerify accepts any certificate. For experiments only.
	InsecureSkipVerify bool `json:"insecure_skip_verify,omitempty"`
	// InsecurePlaintext lets passwords travel unencrypted to an ldap:// server
	// that is not on this machine. Default: that is an error.
	InsecurePlaintext bool `json:"insecure_plaintext,omitempty"`

	// BindDN is the service account that searches. In Active Directory it may
	// also be a user principal name. Default: anonymous.
	BindDN string `json:"bind_dn,omitempty"`
	// BindPassword is the service account's password.
	BindPassword sdk.Secret `json:"bind_password,omitempty" jsonschema:"writeOnly=true"`
	// BindExternal binds by the client certificate, or on ldapi:// by the
	// process's user, instead (SASL EXTERNAL).
	BindExternal bool `json:"bind_external,omitempty"`

	// Directory chooses defaults: standard, or active_directory. Default: standard.
	Directory string `json:"directory,omitempty" jsonschema:"enum=standard,enum=active_directory"`
	// Base is the DN that people are searched under. It may hold placeholders,
	// such as {organisation}, which become what the request says, escaped.
	// A request that lacks one of them means nobody.
	Base string `json:"base"`
	// Scope of the search for people: sub, one or base. Default: sub.
	Scope string `json:"scope,omitempty" jsonschema:"enum=sub,enum=one,enum=base"`
	// Filter finds the entry. {username} is the user name, {client_id} and
	// {issuer} are the caller's, any other placeholder is an attribute of the
	// request, all escaped; they stand in values only. Nobody is let in if two entries
	// match. When a login is refreshed the filter must still let the entry in, where an
	// assertion with a placeholder only asks that the attribute is there.
	// Default: (&(objectClass=person)(uid={username})), in Active Directory
	// (&(objectCategory=person)(objectClass=user)(sAMAccountName={username})).
	Filter string `json:"filter,omitempty"`
	// Usernames are the forms of user name that are taken beside the plain one.
	Usernames Usernames `json:"usernames,omitzero"`

	// Attributes of the entry that fill the identity.
	Attributes Attributes `json:"attributes,omitzero"`
	// Claims are further claims by name.
	Claims map[string]Claim `json:"claims,omitempty"`
	// Groups says how the entry's groups are found.
	Groups Groups `json:"groups,omitzero"`

	// LockoutDuration is how long the directory's password policy locks an
	// entry (pwdLockoutDuration). Default: a lock lasts as long as the
	// attribute pwdAccountLockedTime is there.
	LockoutDuration Duration `json:"lockout_duration,omitzero"`
	// DecoyDN is an entry that nobody logs in as. When a user name is unknown, a
	// bind that must fail is tried on it, so that this takes as long as for a wrong
	// password. Give it a random password hashed like those of people and exempt it
	// from lockout. Default: a DN that does not exist, which suffices where
	// the directory's password hash is fast.
	DecoyDN string `json:"decoy_dn,omitempty"`

	// Connections is how many searches, and how many binds, run at once; more wait.
	// As many connections are kept for each. Default: 16.
	Connections int `json:"connections,omitempty" jsonschema:"minimum=0,maximum=1024"`
	// ConnectTimeout bounds connecting, TLS and the service bind together. Default: 3s.
	ConnectTimeout Duration `json:"connect_timeout,omitzero"`
	// Timeout bounds each search and each bind. Default: 5s.
	Timeout Duration `json:"timeout,omitzero"`
	// IdleTimeout is how long an unused connection is kept. Default: 1m.
	IdleTimeout Duration `json:"idle_timeout,omitzero"`
}

// Usernames are forms of user name. The zero value takes a name as it is.
type Usernames struct {
	// Domains are the names that may stand before a backslash, DOMAIN\name;
	// Filter then sees the name alone. Once there is one, a name in any other
	// domain is unknown. Default: a backslash is a character like others.
	Domains []string `json:"domains,omitempty"`
	// UPNFilter finds the entry for a name with an @ in it, in Filter's place.
	// Default: none, in Active Directory
	// (&(objectCategory=person)(objectClass=user)(userPrincipalName={username})).
	UPNFilter string `json:"upn_filter,omitempty"`
	// UPNSuffixes are the domains after an @ for which name@suffix may also be what
	// Filter calls name. Default: none.
	UPNSuffixes []string `json:"upn_suffixes,omitempty"`
}

// Attributes names the attributes of an entry that fill the identity; "-" is none.
// Values of objectGUID and objectSid become their usual text.
type Attributes struct {
	// Subject must be there once, never change and never go to another entry.
	// Default: entryUUID, in Active Directory objectGUID.
	Subject string `json:"subject,omitempty"`
	// Username as the person knows it. Default: uid, in Active Directory sAMAccountName.
	Username string `json:"username,omitempty"`
	// Name for display. Default: cn, in Active Directory displayName.
	Name string `json:"name,omitempty"`
	// Email address. Default: mail.
	Email string `json:"email,omitempty"`
	// Organisation of the person. An entry of another organisation than the
	// request names is not found. Default: none, and the identity has the
	// organisation that a placeholder asked for.
	Organisation string `json:"organisation,omitempty"`
	// Units are all units of the person. A login for another unit than these is
	// denied. Default: none, and units in a request are ignored.
	Units string `json:"units,omitempty"`
	// Roles of the person. Default: none.
	Roles string `json:"roles,omitempty"`
}

// Claim is a claim made of an attribute. An entry without the attribute has no such claim.
type Claim struct {
	// Attribute that holds the claim.
	Attribute string `json:"attribute"`
	// Multi makes the claim a list of all values. Default: the first value.
	Multi bool `json:"multi,omitempty"`
	// Binary says what text is made of values that are none: base64, hex, guid
	// (as in objectGUID) or sid. Default: values are text, and one that is not UTF-8, or has a NUL in it, is base64.
	Binary string `json:"binary,omitempty" jsonschema:"enum=base64,enum=hex,enum=guid,enum=sid"`
}

// Groups says how groups are found: named by an attribute of the entry, searched
// for with a filter, or both. The zero value finds none, except in Active
// Directory, where it is the attribute memberOf.
type Groups struct {
	// Attribute of the entry that names its groups, such as memberOf. A DN becomes
	// what Name says; other values stay as they are. Costs nothing.
	Attribute string `json:"attribute,omitempty"`
	// Filter finds the groups of an entry: {dn} is its DN, {username} and {subject} its
	// user name and subject, any other placeholder an attribute of it, such as
	// (|(memberUid={username})(gidNumber={gidNumber})). An assertion whose
	// placeholder has no value matches nothing. Costs a search.
	Filter string `json:"filter,omitempty"`
	// Base of the search for groups. Default: base from its last placeholder on.
	Base string `json:"base,omitempty"`
	// Name is the attribute that a group is called by, or dn for its whole DN, which
	// is safer where people who manage one branch must not make groups
	// that look like another's. A group named by Attribute has no other
	// attributes than those in the first part of its DN; else it is its DN. Default: cn.
	Name string `json:"name,omitempty"`
	// Nested finds groups of groups too. in_chain lets Active Directory do it, in
	// one search instead of Filter (LDAP_MATCHING_RULE_IN_CHAIN). recursive
	// searches again with Filter, {dn} being the groups found, level by level.
	// Default: none.
	Nested string `json:"nested,omitempty" jsonschema:"enum=in_chain,enum=recursive"`
	// Depth is how many levels of groups of groups are looked at. Default: 8.
	Depth int `json:"depth,omitempty" jsonschema:"minimum=0,maximum=64"`
}
