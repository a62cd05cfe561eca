package load

import (
	"encoding/base64"
	"net/url"
)

// basic is an Authorization header (RFC 6749 section 2.3.1).
func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(user)+":"+url.QueryEscape(password)))
}
