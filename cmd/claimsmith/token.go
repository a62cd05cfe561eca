package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func newTokenCommand() *cobra.Command {
	c := &cobra.Command{Use: "token", Short: "Look into tokens"}
	c.AddCommand(newTokenInspectCommand())
	return c
}

// maxToken bounds what token inspect reads, in bytes.
const maxToken = 64 << 10

func newTokenInspectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect",
		Short: "Decode the token, or the token endpoint's answer, on standard input; it is not verified",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			in, err := io.ReadAll(io.LimitReader(c.InOrStdin(), maxToken))
			if err != nil {
				return err
			}
			header, payload, err := decodeToken(accessTokenOf(in))
			if err != nil {
				return hint(fmt.Errorf("inspect token: %w", err), "pipe a JWT into it, or the answer of the token endpoint")
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s\n%s\n", header, payload)
			return err
		},
	}
}

// accessTokenOf returns the access token of a token endpoint's answer, or the
// text itself.
func accessTokenOf(in []byte) string {
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(in, &answer) == nil && answer.AccessToken != "" {
		return answer.AccessToken
	}
	return strings.TrimSpace(string(in))
}

// decodeToken returns a JWT's header and payload as indented JSON.
func decodeToken(token string) (header, payload []byte, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, nil, errors.New("not a JWT: it has not three parts")
	}
	if header, err = decodePart(parts[0]); err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	if payload, err = decodePart(parts[1]); err != nil {
		return nil, nil, fmt.Errorf("payload: %w", err)
	}
	return header, payload, nil
}

func decodePart(part string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil, errors.New("not base64url")
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return nil, errors.New("not JSON")
	}
	return out.Bytes(), nil
}
