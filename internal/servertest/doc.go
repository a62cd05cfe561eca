// Package servertest starts the real servers that tests talk to: PostgreSQL,
// MariaDB, OpenLDAP and Samba's Active Directory, from the programs that Debian's
// packages install.
//
// A test calls the function named after the server and gets an address that is
// its own. The first call in a test binary starts the server, in a temporary
// directory, on loopback, without fsync; later calls share it. Nobody
// has to stop anything and no TestMain is needed: a server ends, and its
// directory goes, when the test binary ends, even when that is killed.
// A Line stands between a program and a server, and breaks as networks do.
//
// Where the programs are not installed the test is skipped with the reason;
// with CLAIMSMITH_TEST_ALL=1 in the environment it fails instead, as it does
// for anybody but root where only root can start a server.
package servertest
