package host_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/host"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

// The suite for authors runs against a process as it does in their own.
func TestSuiteAgainstAProcess(t *testing.T) {
	var log syncBuffer
	dir := t.TempDir()
	sdktest.Run(t, sdktest.Plugin{
		Start: func(ctx context.Context, settings json.RawMessage) (*sdk.Client, func(), error) {
			p, err := host.Start(ctx, host.Config{
				Name: "echo", Builtin: "echo", Settings: settings, Dir: dir, Log: slog.New(slog.NewJSONHandler(&log, nil)),
			})
			if err != nil {
				return nil, nil, err
			}
			return p.Client(), p.Stop, nil
		},
		Config:    json.RawMessage(`{}`),
		BadConfig: json.RawMessage(`{"refuse": "as asked"}`),
		Password:  sdktest.Password{User: "alice", Secret: "secret-of-alice"},
		PanicUser: "panic",
		HugeUser:  "huge",
		Log:       log.String,
	})
}
