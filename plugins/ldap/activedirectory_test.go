package ldap_test

import (
	"slices"
	"strings"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

const (
	svcDN   = "CN=svc,DC=corp,DC=example"
	aliceDN = "CN=Alice Liddell,OU=People,DC=corp,DC=example"
	rawGUID = "\x33\x22\x11\x00\x55\x44\x77\x66\x88\x99\xaa\xbb\xcc\xdd\xee\xff"
	guid    = "00112233-4455-6677-8899-aabbccddeeff"
)

// aliceInAD is how Active Directory writes an entry.
func aliceInAD() *goldap.Entry {
	return goldap.NewEntry(aliceDN, map[string][]string{
		"objectGUID":         {rawGUID},
		"objectSid":          {"\x01\x05\x00\x00\x00\x00\x00\x05\x15\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x50\x04\x00\x00"},
		"sAMAccountName":     {"alice"},
		"displayName":        {"Alice Liddell"},
		"mail":               {"alice@corp.example"},
		"userPrincipalName":  {"alice@corp.example"},
		"memberOf":           {`CN=Rabbits\, white,OU=Groups,DC=corp,DC=example`, "CN=Cards,OU=Groups,DC=corp,DC=example"},
		"userAccountControl": {"512"},
		"accountExpires":     {"9223372036854775807"},
		"pwdLastSet":         {"133000000000000000"},
	})
}

// activeDirectory answers as a domain controller with one person in it; bind is its answer to her.
func activeDirectory(t *testing.T, bind answer) *script {
	s := &script{
		bind: func(dn, password string) answer {
			switch {
			case dn == svcDN || dn == aliceDN && password == "wonderland" && bind.code == 0:
				return answer{}
			case dn == aliceDN && bind.code != 0:
				return bind
			}
			return answer{code: goldap.LDAPResultInvalidCredentials, text: subCode("52e")}
		},
		search: func(base, filter string) answer {
			if strings.Contains(filter, "1.2.840.113556.1.4.1941:="+aliceDN) {
				return answer{entries: []*goldap.Entry{
					goldap.NewEntry("CN=Cards,OU=Groups,DC=corp,DC=example", nil),
					goldap.NewEntry("CN=Deck,OU=Groups,DC=corp,DC=example", nil),
					goldap.NewEntry(`CN=Rabbits\, white,OU=Groups,DC=corp,DC=example`, nil),
				}}
			}
			for _, known := range []string{"=alice)", "=alice@corp.example)", "(objectGUID=" + goldap.EscapeFilter(rawGUID) + ")"} {
				if strings.Contains(filter, known) {
					return answer{entries: []*goldap.Entry{aliceInAD()}}
				}
			}
			return answer{}
		},
	}
	return s.start(t)
}

func subCode(code string) string {
	return "80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data " + code + ", v3839\x00"
}

func forAD(s *script, more config) config {
	c := config{
		"urls": []string{s.URL}, "directory": "active_directory", "base": "DC=corp,DC=example",
		"bind_dn": svcDN, "bind_password": "x",
	}
	for key, value := range more {
		c[key] = value
	}
	return c
}

// onEachController runs a test of what holds for any domain controller: the scripted
// one, and Samba's. Both know the same alice. configure is what a plugin needs, and more.
func onEachController(t *testing.T, test func(t *testing.T, configure func(more config) config)) {
	t.Run("scripted", func(t *testing.T) {
		s := activeDirectory(t, answer{})
		test(t, func(more config) config { return forAD(s, more) })
	})
	t.Run("Samba", func(t *testing.T) {
		d := realDomain(t)
		test(t, func(more config) config { return forDomain(d, more) })
	})
}

func TestActiveDirectoryEntryBecomesIdentity(t *testing.T) {
	onEachController(t, func(t *testing.T, configure func(config) config) {
		p := configured(t, configure(config{"claims": config{
			"upn": config{"attribute": "userPrincipalName"}, "guid": config{"attribute": "objectGUID", "binary": "guid"},
		}}))
		got, err := p.Authenticate(t.Context(), password("alice", "wonderland"))
		if err != nil {
			t.Fatal(err)
		}
		want := sdk.Identity{
			Subject: got.Subject, Username: "alice", Name: "Alice Liddell", Email: "alice@corp.example",
			Groups: []string{"Cards", "Rabbits, white"}, Claims: map[string]any{"upn": "alice@corp.example", "guid": got.Subject},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("login (-want +got):\n%s", diff)
		}
		if got, err = p.Refresh(t.Context(), got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("refresh (-want +got):\n%s", diff)
		}
	})
}

func TestActiveDirectoryIdentifiersBecomeText(t *testing.T) {
	p := configured(t, forAD(activeDirectory(t, answer{}), config{"claims": config{"sid": config{"attribute": "objectSid"}}}))
	id, err := p.Authenticate(t.Context(), password("alice", "wonderland"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "S-1-5-21-1-2-3-1104"; id.Subject != guid || id.Claims["sid"] != want {
		t.Errorf("subject and SID are %s and %v, want %s and %s", id.Subject, id.Claims["sid"], guid, want)
	}
}

func TestActiveDirectoryFormsOfUsername(t *testing.T) {
	onEachController(t, testFormsOfUsername)
}

func testFormsOfUsername(t *testing.T, configure func(config) config) {
	p := configured(t, configure(config{
		"usernames": config{"domains": []string{"CORP"}, "upn_suffixes": []string{"corp.internal"}},
	}))
	for username, want := range map[string]string{
		"alice":                "identity",
		`CORP\alice`:           "identity",
		`corp\alice`:           "identity",
		"alice@corp.example":   "identity", // userPrincipalName
		"alice@corp.internal":  "identity", // account name and a known suffix
		`OTHER\alice`:          "unknown",
		`\alice`:               "unknown",
		`CORP\`:                "unknown",
		"alice@other.example":  "unknown",
		`CORP\CORP\alice`:      "unknown",
		"@corp.internal":       "unknown",
		"alice@corp.example@x": "unknown",
	} {
		_, err := p.Authenticate(t.Context(), password(username, "wonderland"))
		if got := outcome(err); got != want {
			t.Errorf("%s is %s, want %s", username, got, want)
		}
	}
}

func TestActiveDirectorySaysWhyInSubCode(t *testing.T) {
	for code, want := range map[string]string{
		"525": "denied: invalid", "52e": "denied: invalid", "52f": "denied: disabled", "530": "denied: locked", "531": "denied: locked",
		"532": "denied: expired", "533": "denied: disabled", "701": "denied: expired", "773": "denied: must_change", "775": "denied: locked",
		"57": "denied: invalid",
	} {
		refuse := answer{code: goldap.LDAPResultInvalidCredentials, text: subCode(code)}
		p := configured(t, forAD(activeDirectory(t, refuse), nil))
		_, err := p.Authenticate(t.Context(), password("alice", "wonderland"))
		if got := outcome(err); got != want {
			t.Errorf("sub-code %s is %s, want %s", code, got, want)
		}
	}
}

func TestActiveDirectoryFollowsNestedGroups(t *testing.T) {
	onEachController(t, func(t *testing.T, configure func(config) config) {
		p := configured(t, configure(config{"groups": config{"nested": "in_chain"}}))
		id, err := p.Authenticate(t.Context(), password("alice", "wonderland"))
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"Cards", "Deck", "Rabbits, white"}; !slices.Equal(id.Groups, want) {
			t.Errorf("groups are %q, want %q", id.Groups, want)
		}
	})
}

func TestStateOfAccountDecidesRefresh(t *testing.T) {
	for _, c := range []struct{ attribute, value, want string }{
		{"userAccountControl", "514", "denied: disabled"},
		{"msDS-User-Account-Control-Computed", "16", "denied: locked"},
		{"msDS-User-Account-Control-Computed", "8388608", "denied: expired"},
		{"accountExpires", "133000000000000000", "denied: expired"}, // 2022
		{"accountExpires", "0", "identity"},
		{"accountExpires", "180000000000000000", "identity"}, // 2171
		{"pwdLastSet", "0", "denied: must_change"},
		{"nsAccountLock", "TRUE", "denied: disabled"},
		{"nsAccountLock", "FALSE", "identity"},
		{"loginDisabled", "true", "denied: disabled"},
		{"krbPrincipalExpiration", "20200101000000Z", "denied: expired"},
		{"pwdAccountLockedTime", "000001010000Z", "denied: locked"},
		{"pwdAccountLockedTime", "20200101000000Z", "identity"}, // past lockout_duration
		{"pwdAccountLockedTime", "20990101000000.123Z", "denied: locked"},
		{"pwdAccountLockedTime", "garbage", "denied: locked"},
		{"pwdReset", "TRUE", "denied: must_change"},
		{"pwdEndTime", "20200101000000Z", "denied: expired"},
		{"pwdEndTime", "2020010100Z", "denied: expired"},
		{"pwdEndTime", "202001010000.5+01", "denied: expired"},
		{"pwdStartTime", "20990101000000Z", "denied: disabled"},
	} {
		t.Run(c.attribute+" "+c.value, func(t *testing.T) {
			s := activeDirectory(t, answer{})
			s.search = func(string, string) answer {
				e := aliceInAD()
				e.Attributes = slices.DeleteFunc(e.Attributes, func(a *goldap.EntryAttribute) bool { return a.Name == c.attribute })
				e.Attributes = append(e.Attributes, goldap.NewEntryAttribute(c.attribute, []string{c.value}))
				return answer{entries: []*goldap.Entry{e}}
			}
			p := configured(t, forAD(s, config{"lockout_duration": "10m"}))
			_, err := p.Refresh(t.Context(), sdk.Identity{Subject: guid})
			if got := outcome(err); got != c.want {
				t.Errorf("refresh is %s, want %s", got, c.want)
			}
		})
	}
}

func TestExpiryOfAccountBoundsIdentity(t *testing.T) {
	s := activeDirectory(t, answer{})
	s.search = func(string, string) answer {
		e := aliceInAD()
		e.Attributes = append(e.Attributes, goldap.NewEntryAttribute("pwdEndTime", []string{"20990102030405Z"}))
		return answer{entries: []*goldap.Entry{e}}
	}
	p := configured(t, forAD(s, nil))
	id, err := p.Authenticate(t.Context(), password("alice", "wonderland"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := id.Expires.UTC().Format("2006-01-02T15:04:05"), "2099-01-02T03:04:05"; got != want {
		t.Errorf("identity expires %s, want %s", got, want)
	}
}
