package ldap

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// stateAttributes are those in which directories keep the state of an account.
var stateAttributes = []string{
	"userAccountControl", "msDS-User-Account-Control-Computed", "accountExpires", "pwdLastSet", // Active Directory
	"pwdAccountLockedTime", "pwdReset", "pwdStartTime", "pwdEndTime", // draft-behera-ldap-password-policy
	"nsAccountLock",          // 389, FreeIPA
	"krbPrincipalExpiration", // FreeIPA
	"loginDisabled",          // eDirectory
}

// loginAttributes are those of them that tell what the answer to a bind does not:
// when the account ends, and that it is locked where the directory keeps that
// to itself. Each one asked for costs every login something.
func loginAttributes(directory string) []string {
	if directory == "active_directory" {
		return []string{"accountExpires"}
	}
	return []string{"pwdAccountLockedTime", "pwdEndTime", "krbPrincipalExpiration"}
}

// account is what an entry says of whether its person may log in.
type account struct {
	disabled        bool
	lockedNow       bool      // says the directory, which knows how long a lock lasts
	lockedAt        time.Time // how long it lasts stands in the password policy; zero if not locked
	starts, expires time.Time // zero: no limit
	passwordExpired bool
	mustChange      bool
}

// The bits of userAccountControl and its computed twin.
const (
	bitDisabled        = 0x2
	bitLocked          = 0x10
	bitPasswordExpired = 0x800000
)

func readAccount(e *entry) account {
	text := e.first
	yes := func(attribute string) bool { return strings.EqualFold(text(attribute), "TRUE") }
	bits, computed := number(text("userAccountControl")), number(text("msDS-User-Account-Control-Computed"))
	return account{
		disabled:        bits&bitDisabled != 0 || yes("nsAccountLock") || yes("loginDisabled"),
		lockedNow:       computed&bitLocked != 0,
		lockedAt:        lockTime(text("pwdAccountLockedTime")),
		starts:          generalizedTime(text("pwdStartTime")),
		expires:         earliest(fileTime(text("accountExpires")), generalizedTime(text("pwdEndTime")), generalizedTime(text("krbPrincipalExpiration"))),
		passwordExpired: computed&bitPasswordExpired != 0,
		mustChange:      yes("pwdReset") || text("pwdLastSet") == "0",
	}
}

// number reads an integer; 0 if there is none.
func number(text string) int64 {
	if text == "" {
		return 0
	}
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

// ended is a denial if the account may not be used whatever its password's state.
func (a account) ended(now time.Time) error {
	switch {
	case a.disabled, now.Before(a.starts):
		return sdk.Denied(sdk.Disabled)
	case !a.expires.IsZero() && !now.Before(a.expires):
		return sdk.Denied(sdk.Expired)
	}
	return nil
}

// locked is a denial if the account is locked. duration is how long a lock
// lasts, 0 if until it is taken off. A successful bind knows better.
func (a account) locked(now time.Time, duration time.Duration) error {
	switch {
	case a.lockedNow:
		return sdk.Denied(sdk.Locked)
	case a.lockedAt.IsZero():
		return nil
	case duration == 0 || a.lockedAt == forGood:
		return sdk.Denied(sdk.Locked)
	}
	if left := a.lockedAt.Add(duration).Sub(now); left > 0 {
		return &sdk.DeniedError{Reason: sdk.Locked, RetryAfter: left}
	}
	return nil
}

// passwordEnded is a denial if the password could no longer be used to log in.
func (a account) passwordEnded() error {
	switch {
	case a.mustChange:
		return sdk.Denied(sdk.MustChange)
	case a.passwordExpired:
		return sdk.Denied(sdk.Expired)
	}
	return nil
}

// forGood is the time of a lock that an operator put on.
var forGood = time.Unix(1, 0)

// lockTime reads pwdAccountLockedTime. What is there and cannot be read locks for good.
func lockTime(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	if t := generalizedTime(text); t.After(forGood) { // 000001010000Z says for good
		return t
	}
	return forGood
}

// generalized is a time with minutes and seconds or without, and a fraction of the
// last that is there (RFC 4517, section 3.3.13).
var generalized = regexp.MustCompile(`^(\d{10}(?:\d\d){0,2})(?:[.,](\d+))?(Z|[+-]\d\d(?:\d\d)?)$`)

// generalizedTime reads a time as LDAP writes it; zero if there is none.
func generalizedTime(text string) time.Time {
	parts := generalized.FindStringSubmatch(text)
	if parts == nil {
		return time.Time{}
	}
	digits, fraction, zone := parts[1], parts[2], parts[3]
	if len(zone) == len("+01") {
		zone += "00"
	}
	t, err := time.Parse("20060102150405"[:len(digits)]+"Z0700", digits+zone)
	if err != nil {
		return time.Time{}
	}
	part, _ := strconv.ParseFloat("0."+fraction, 64)
	unit := map[int]time.Duration{10: time.Hour, 12: time.Minute, 14: time.Second}[len(digits)]
	return t.Add(time.Duration(part * float64(unit)))
}

// fileTime reads a time as Active Directory writes it, in 100 ns since 1601;
// zero if it stands for never.
func fileTime(text string) time.Time {
	const seconds1601To1970, never = 11644473600, 1<<63 - 1
	n := number(text)
	if n <= 0 || n == never {
		return time.Time{}
	}
	return time.Unix(n/1e7-seconds1601To1970, n%1e7*100)
}

// earliest is the first of the times that are not zero.
func earliest(times ...time.Time) (first time.Time) {
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
