package dialect_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"testing"

	"github.com/claimsmith/claimsmith/server/dialect"
)

// What plugins tell of one person: a directory has texts alone, a database has
// the types of its columns, and a web service may say null.
var (
	toldByDirectory = map[string]any{
		"user_type": "7", "time_zone": "Europe/London", "date_format": "dd/MM/yyyy", "email_verified": "TRUE", "terms_and_conditions": "FALSE",
		"created": "1600000000000", "updated": "2020-09-13T12:26:40Z", "expdb": "480",
	}
	toldByDatabase = map[string]any{
		"user_type": json.Number("7"), "time_zone": json.Number("2"), "date_format": json.Number("1"), "email_verified": json.Number("1"),
		"terms_and_conditions": json.Number("0"), "created": "2020-09-13T12:26:40Z", "updated": json.Number("1600000000000"), "expdb": json.Number("480"),
	}
	toldNull = map[string]any{
		"user_type": nil, "time_zone": nil, "date_format": nil, "email_verified": nil, "terms_and_conditions": nil, "created": nil, "updated": nil,
		"expdb": nil, "accounts": nil,
	}
)

// tell lets the plugin tell other claims of alice.
func (p *people) tell(claims map[string]any) { p.accounts[0].Claims = maps.Clone(claims) }

// TestTypesAreTheDialectsWhateverAPluginSends holds the types of members to what
// clients of each dialect read, in the token and in what is answered with it.
func TestTypesAreTheDialectsWhateverAPluginSends(t *testing.T) {
	for name, want := range map[string]struct {
		directory, database, null string // of the claims, and where there is one the session, as JSON
	}{
		"asset-infinity": {
			directory: `"dateFormat":"dd/MM/yyyy",.*"timeZone":"Europe/London",.*"userTypeId":"7"\}.*"createdDate":"2020-09-13T12:26:40.000Z"`,
			database:  `"dateFormat":"1",.*"timeZone":"2",.*"userTypeId":"7"\}.*"createdDate":"2020-09-13T12:26:40.000Z"`,
			null:      `"dateFormat":"",.*"timeZone":"",.*"userTypeId":""\}.*"isActive":true,"tokenExpiryMinutes"`,
		},
		"woodwing":        {directory: `"userType":"7"\}`, database: `"userType":"7"\}`, null: `"userType":"Pro"\}`},
		"servicemobility": {directory: `"expdb":480,`, database: `"expdb":480,`, null: `"exp":[0-9]+,"iat"`},
		"oisp": {
			directory: `"created":1600000000000,.*"termsAndConditions":false,"updated":1600000000000,"verified":true,"type":"7"\}`,
			database:  `"created":1600000000000,.*"termsAndConditions":false,"updated":1600000000000,"verified":true,"type":"7"\}`,
			null:      `^\{"accounts":\[\],.*"created":0,.*"termsAndConditions":true,"updated":0,"verified":true\}`,
		},
	} {
		s := newSite(t, dialect.Config{Dialect: load(t, name)})
		for _, told := range []struct {
			what   string
			claims map[string]any
			want   string
		}{{"directory", toldByDirectory, want.directory}, {"database", toldByDatabase, want.database}, {"null", toldNull, want.null}} {
			s.people.tell(told.claims)
			token := s.login(t, name)
			claims, err := json.Marshal(s.read(t, name, token).Claims)
			if err != nil {
				t.Fatal(err)
			}
			said := string(claims)
			if path := map[string]string{"asset-infinity": "/api/auth", "oisp": "/v1/api/auth/me"}[name]; path != "" {
				said += s.as(token, "GET", path, "").Body.String()
			}
			if !regexp.MustCompile(told.want).MatchString(said) {
				t.Errorf("%s, %s: %s", name, told.what, said)
			}
		}
	}
}

// TestAnAddressIsUnverifiedHoweverAPluginSaysSo would otherwise let in whom the
// dialect refuses.
func TestAnAddressIsUnverifiedHoweverAPluginSaysSo(t *testing.T) {
	s := newSite(t, dialect.Config{Dialect: load(t, "oisp")})
	for _, said := range []any{false, "FALSE", "false", "0", "no", "", json.Number("0"), int64(0)} {
		s.people.tell(map[string]any{"email_verified": said})
		if got := answerTo(s.post(logins["oisp"].path, logins["oisp"].body)); got != `401 application/json {"code":2402,"message":"User's email not verified"}` {
			t.Errorf("%T %v: %s", said, said, got)
		}
	}
	for _, said := range []any{true, "TRUE", "1", json.Number("1")} {
		s.people.tell(map[string]any{"email_verified": said})
		s.login(t, "oisp")
	}
}
