// Package ldap is the plugin that judges passwords by an LDAP directory:
// OpenLDAP, 389 Directory Server, Active Directory and their kin.
//
// A login is one search, as the configured service account, for the entry that
// the user name means, and one bind as that entry with the password offered.
// Groups that must be searched for cost one more search. Both run on
// connections that are kept: those for searching stay bound as the service
// account; those for binds take a new identity with every login and are never
// searched on.
//
//	username ─filter, base─▶ entry ─bind─▶ verdict ─attributes, groups─▶ identity
//
// The package owns the configuration ([Config]), the connections, what is said on
// them and the reading of what directories answer. It knows neither HTTP nor tokens; it is
// served over plugins/sdk.
package ldap
