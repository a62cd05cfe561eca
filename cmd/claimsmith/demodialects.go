package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/claimsmith/claimsmith/server/dialect"
)

// demoLogins are a login by each dialect that comes with the program.
var demoLogins = map[string]struct{ path, body string }{
	"asset-infinity":  {"/api/auth/signin", `{"email":"%[4]s","password":"%[2]s","company":"%[3]s"}`},
	"woodwing":        {"/services/apilogin", `username=%[1]s&password=%[2]s`},
	"oisp":            {"/v1/api/auth/token", `{"username":"%[1]s","password":"%[2]s"}`},
	"servicemobility": {"/createjwt", `{"username":"%[1]s","password":"%[2]s"}`},
	"crm-com":         {"/crmapi/rest/v2/authentication/token", `{"username":"%[1]s","password":"%[2]s","organisation":"%[3]s"}`},
}

// showDialects prints a curl line for a login by each dialect, with the answer
// that it got just now.
func (f demoFacts) showDialects(ctx context.Context, w io.Writer) {
	fmt.Fprint(w, "With the login APIs of other products:\n\n")
	for _, name := range dialect.Names() {
		login, ok := demoLogins[name]
		if !ok {
			continue // not mounted in the demo
		}
		body := login.body
		for i, fact := range []string{f.Username, f.Password, f.Organisation, demoEmail} {
			body = strings.ReplaceAll(body, fmt.Sprintf("%%[%d]s", i+1), fact)
		}
		contentType, flag := "application/json", " -H 'Content-Type: application/json'"
		if !strings.HasPrefix(body, "{") {
			contentType, flag = "application/x-www-form-urlencoded", ""
		}
		answer, err := postText(ctx, f.Issuer+login.path, contentType, body)
		if err != nil {
			answer = err.Error()
		}
		fmt.Fprintf(w, "  # %s\n  curl -s %s%s \\\n    -d '%s'\n\n  %s\n\n", name, f.Issuer+login.path, flag, body, shorten(answer))
	}
}

func postText(ctx context.Context, url, contentType, body string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return string(text), err
}
