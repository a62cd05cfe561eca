// Command faulty is a plugin for tests: it knows everybody, by the password
// secret-of-NAME, and does harm for certain names.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

type faulty struct {
	Mark string // told in every identity
}

func main() { sdk.Serve(new(faulty)) }

func (f *faulty) Describe() sdk.Description {
	return sdk.Description{Name: "faulty", Version: "1.0.0", Kinds: []sdk.Kind{sdk.Password}}
}

func (f *faulty) Configure(_ context.Context, config json.RawMessage) error {
	d := json.NewDecoder(bytes.NewReader(config))
	d.DisallowUnknownFields()
	return d.Decode(f)
}

func (f *faulty) Authenticate(_ context.Context, r sdk.Request) (sdk.Identity, error) {
	name := r.Credential.Username
	if r.Credential.Secret.Reveal() != "secret-of-"+name {
		return sdk.Identity{}, sdk.Denied(sdk.Invalid)
	}
	id := sdk.Identity{Subject: name, Unit: f.Mark, Claims: map[string]any{"pid": os.Getpid()}}
	switch name {
	case "panic":
		panic("with " + r.Credential.Secret.Reveal())
	case "exit":
		os.Exit(3)
	case "hang":
		select {}
	case "leak":
		leak()
	case "flood":
		for n := range 100_000 {
			fmt.Fprintln(os.Stderr, "flood", n)
		}
	case "huge":
		id.Claims["huge"] = strings.Repeat("x", sdk.MaxMessage)
	}
	return id, nil
}

// leak opens files until there is no descriptor left.
func leak() {
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 256, Max: 256})
	for {
		if _, err := syscall.Open(os.DevNull, syscall.O_RDONLY, 0); err != nil {
			return
		}
	}
}
