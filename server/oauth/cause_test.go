package oauth_test

import (
	"testing"

	"github.com/claimsmith/claimsmith/server/audit"
)

// Whoever has the request id of a refusal finds in its event what was wrong.
func TestTheEventOfARefusalSaysWhatWasWrong(t *testing.T) {
	i := newIssuer(t)
	const login = "grant_type=password&username=alice&password=wonderland"
	for form, want := range map[string]string{
		"username=alice&password=wonderland":       "grant_type is missing",
		"grant_type=password&username=alice":       "password is missing",
		"grant_type=authorization_code&code=x":     "this server has no such grant type; grant_types_supported of its metadata lists those it has",
		login + "&username=bob":                    "a parameter is given more than once",
		login + "&client_secret=portal-secret":     "the client authenticates in more than one way",
		login + "&scope=read+admin":                `"admin": a scope is unknown or not allowed to the client`,
		login + "&resource=https://other.example/": `"https://other.example/": a resource or audience is unknown or not allowed to the client`,
	} {
		var e audit.Event
		i.guess(t, &e, "portal-secret", form)
		if e.Err == nil || e.Err.Error() != want {
			t.Errorf("%s: the event says %v, want %s", form, e.Err, want)
		}
	}
}
