package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// demoFacts are what a caller of the demo needs to know. DIR/demo.env holds
// them as shell variables.
type demoFacts struct {
	Issuer, AdminURL       string
	ClientID, ClientSecret string
	Username, Password     string
	APIKey                 string
	Organisation           string
}

const demoEnv = "demo.env"

// write writes demo.env, which holds secrets, for its owner alone.
func (f demoFacts) write(dir string) error {
	var b bytes.Buffer
	for _, v := range [][2]string{
		{"ISSUER", f.Issuer}, {"ADMIN_URL", f.AdminURL},
		{"CLIENT_ID", f.ClientID}, {"CLIENT_SECRET", f.ClientSecret},
		{"USERNAME", f.Username}, {"PASSWORD", f.Password},
		{"API_KEY", f.APIKey}, {"ORGANISATION", f.Organisation},
	} {
		fmt.Fprintf(&b, "%s='%s'\n", v[0], v[1])
	}
	if err := os.WriteFile(filepath.Join(dir, demoEnv), b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", demoEnv, err)
	}
	return nil
}

// readDemoKey returns the API key of an earlier run in dir, or "".
func readDemoKey(dir string) string {
	f, err := os.Open(filepath.Join(dir, demoEnv))
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if v, ok := strings.CutPrefix(lines.Text(), "API_KEY='"); ok {
			return strings.TrimSuffix(v, "'")
		}
	}
	return ""
}

// showDemo prints commands to paste, each with the answer that it got just now.
func showDemo(ctx context.Context, w io.Writer, dir string, f demoFacts) {
	fmt.Fprintf(w, `claimsmith demo

  issuer    %s
  admin     %s
  client    %s / %s
  person    %s / %s
  API key   %s
  data      %s  (the same facts, as shell variables: demo.env)

`, f.Issuer, f.AdminURL, f.ClientID, f.ClientSecret, f.Username, f.Password, f.APIKey, dir)
	fmt.Fprint(w, "Get a token with a password:\n\n")
	f.try(ctx, w, "grant_type=password", "username="+f.Username, "password="+f.Password, "scope=read offline_access")
	fmt.Fprint(w, "With an API key:\n\n")
	f.try(ctx, w, "grant_type=urn:claimsmith:params:oauth:grant-type:api-key", "api_key="+f.APIKey)
	fmt.Fprint(w, "As the client itself:\n\n")
	f.try(ctx, w, "grant_type=client_credentials", "scope=read")
	f.showDialects(ctx, w)
	fmt.Fprintf(w, "The keys that verify them:\n\n  curl -s %s/.well-known/jwks.json\n\nStop with Ctrl-C.\n", f.Issuer)
}

// try prints a curl line for a token request, makes the request, and prints its answer.
func (f demoFacts) try(ctx context.Context, w io.Writer, parameters ...string) {
	endpoint := f.Issuer + "/oauth2/token"
	fmt.Fprintf(w, "  curl -s -u %s:%s %s", f.ClientID, f.ClientSecret, endpoint)
	form := url.Values{}
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		form.Set(name, value)
		flag := "-d"
		if strings.ContainsAny(value, " +&%") {
			flag, p = "--data-urlencode", "'"+p+"'"
		}
		fmt.Fprintf(w, " \\\n    %s %s", flag, p)
	}
	answer, err := f.post(ctx, endpoint, form)
	if err != nil {
		answer = err.Error()
	}
	fmt.Fprintf(w, "\n\n  %s\n\n", answer)
}

func (f demoFacts) post(ctx context.Context, endpoint string, form url.Values) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.SetBasicAuth(f.ClientID, f.ClientSecret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return shorten(string(body)), err
}

var longValue = regexp.MustCompile(`[\w.~-]{80,}`)

// shorten cuts the middle out of long tokens.
func shorten(s string) string {
	return longValue.ReplaceAllStringFunc(s, func(t string) string { return t[:24] + "…" + t[len(t)-8:] })
}
