package oauth

import (
	"bytes"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// What is appended by hand is what encoding/json would write.
func TestAppendedIsWhatJSONEncodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string) string {
			return rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z "\\<>&/\x00-\x1f\x7f]*`),
				rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, name)
		}
		number := rapid.Int64()
		claims := accessClaims{
			Issuer: text("iss"), Subject: text("sub"), Audience: rapid.SliceOfN(rapid.String(), 1, 3).Draw(t, "aud"), Client: text("client_id"),
			Expires: number.Draw(t, "exp"), Issued: number.Draw(t, "iat"), ID: text("jti"), Session: text("sid"), Scope: text("scope"),
		}
		if rapid.Bool().Draw(t, "acts") {
			claims.Actor = json.RawMessage(`{"sub":"service"}`)
		}
		answer := tokenResponse{
			AccessToken: text("access"), TokenType: "Bearer", ExpiresIn: number.Draw(t, "expires_in"),
			RefreshToken: text("refresh"), Scope: text("scopes"), IssuedType: text("type"),
		}
		for _, c := range []struct {
			of  any
			got []byte
		}{{claims, claims.appendJSON(nil)}, {answer, answer.appendJSON(nil)}} {
			if want, err := json.Marshal(c.of); err != nil || !bytes.Equal(c.got, want) {
				t.Errorf("%s\nwant %s (%v)", c.got, want, err)
			}
		}
	})
}
