package dialect_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/server/dialect"
	"github.com/claimsmith/claimsmith/server/oauth"
)

// person is a login's body, or query, to a dialect as anybody.
func person(name, username, password string) (path, body string) {
	login := logins[name]
	with := strings.NewReplacer("alice", username, "wonderland", password)
	return with.Replace(login.path), with.Replace(login.body)
}

// answerTo returns status, type and body of an answer.
func answerTo(w *httptest.ResponseRecorder) string {
	return fmt.Sprint(w.Code, " ", w.Header().Get("Content-Type"), " ", w.Body)
}

// TestEveryOutcomeHasItsAnswer holds each dialect's answer to each way in which a
// login can fail. What a request must look like stands in the transcripts.
func TestEveryOutcomeHasItsAnswer(t *testing.T) {
	asset := func(status int, message string) string {
		return fmt.Sprintf(`%d application/json {"isSuccess":false,"message":"%s","statusCode":%d,"data":null}`, status, message, status)
	}
	woodwing := func(message string) string {
		return `200 application/json;charset=utf-8 {"loginSuccess":false,"loginFaultMessage":"` + message + `","serverVersion":"6.3.0.1"}`
	}
	oisp := func(status, code int, message string) string {
		return fmt.Sprintf(`%d application/json {"code":%d,"message":"%s"}`, status, code, message)
	}
	oispStatus := func(status int, message string) string {
		return fmt.Sprintf(`%d application/json {"code":%d,"status":%d,"message":"%s"}`, status, status, status, message)
	}
	service := func(status int, message string) string {
		return fmt.Sprintf(`%d application/json {"code":%d,"detail":{"message":"%s"}}`, status, status, message)
	}
	crm := func(name, message string) string {
		return `200 application/json {"data":{},"status":{"code":"COM.CRM.EXCEPTION.SECURITY.` + name + `EXCEPTION","description":"","message":"` + message + `"}}`
	}
	const (
		wrong    = "Invalid username or password"
		disabled = "The account is disabled"
		expired  = "The account has expired"
		change   = "The password must be changed first"
		locked   = "The account is locked"
		attempts = "Too many attempts; try again later"
		down     = "The service is unavailable; try again later"
		large    = "The request is larger than 64 KiB"
		fault    = "Internal server error"
		denied   = "Not Authorized"
		refused  = "Not allowed"
	)
	wants := map[string][5]string{ // in the order of dialect.Names
		"unknown":     {asset(401, wrong), crm("INVALIDCREDENTIALS", wrong), oisp(401, 401, denied), service(401, "Invalid Logon"), woodwing(wrong)},
		"locked":      {asset(403, locked), crm("INVALIDCREDENTIALS", locked), oisp(403, 2403, "Account locked"), service(401, "Invalid Logon"), woodwing(locked)},
		"disabled":    {asset(401, disabled), crm("INVALIDCREDENTIALS", disabled), oisp(401, 401, denied), service(401, "Invalid Logon"), woodwing(disabled)},
		"expired":     {asset(401, expired), crm("INVALIDCREDENTIALS", expired), oisp(401, 401, denied), service(401, "Invalid Logon"), woodwing(expired)},
		"must-change": {asset(401, change), crm("INVALIDCREDENTIALS", change), oisp(401, 401, denied), service(401, "Invalid Logon"), woodwing(change)},
		"throttled":   {asset(429, attempts), crm("UNAVAILABLE", attempts), oisp(429, 429, attempts), service(429, attempts), woodwing(attempts)},
		"down":        {asset(503, down), crm("UNAVAILABLE", down), oispStatus(503, "Service Unavailable"), service(503, down), woodwing(down)},
		"unusable":    {asset(500, fault), crm("UNAVAILABLE", fault), oispStatus(500, "Internal Server Error"), service(500, fault), woodwing(fault)},
		"too-large":   {asset(413, large), crm("INVALIDREQUEST", large), oispStatus(413, large), service(413, large), woodwing(large)},
		"no-grant":    {asset(403, refused), crm("INVALIDCREDENTIALS", refused), oisp(401, 401, denied), service(401, "Invalid Logon"), woodwing(refused)},
	}
	for i, name := range dialect.Names() {
		whole := newSite(t, dialect.Config{Dialect: load(t, name)})
		for what, want := range wants {
			s := whole
			path, body := person(name, what, "right")
			switch what {
			case "unusable": // there is a fault in claims or, where these cannot have any, in the secrets
				s = newSite(t, dialect.Config{Dialect: load(t, name), Secrets: noSecrets{}})
			case "too-large":
				path, _, _ = strings.Cut(path, "?")
				body = strings.Repeat(" ", 64<<10) + body + " "
			case "no-grant":
				s = newSite(t, dialect.Config{Dialect: load(t, name)})
				s.forbid(t)
			}
			if diff := cmp.Diff(want[i], answerTo(s.post(path, body))); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, what, diff)
			}
		}
	}
}

// forbid takes every grant from the client that dialects speak for.
func (s *site) forbid(t *testing.T) {
	t.Helper()
	client, err := s.db.Client(t.Context(), issuerName, "fleet")
	if err != nil {
		t.Fatal(err)
	}
	client.Grants = []string{oauth.GrantClientCredentials}
	if err := s.db.UpdateClient(t.Context(), client); err != nil {
		t.Fatal(err)
	}
}
