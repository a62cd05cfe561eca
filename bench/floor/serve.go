package floor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
)

// servers make the floors that answer over HTTP.
var servers = map[string]func(Config) (http.Handler, error){
	"hello":     func(Config) (http.Handler, error) { return fixed("text/plain", "hello\n"), nil },
	"jwks":      func(Config) (http.Handler, error) { return newSigner().published(), nil },
	"token":     newToken,
	"login":     newLogin,
	"directory": newDirectory,
	"refresh":   newRefresh,
}

// Serve serves a floor until ctx ends, on an address that it tells ready.
func Serve(ctx context.Context, name string, c Config, ready func(address string)) error {
	newHandler, ok := servers[name]
	if !ok {
		return fmt.Errorf("no floor %q", name)
	}
	handler, err := newHandler(c)
	if err != nil {
		return fmt.Errorf("floor %s: %w", name, err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler}
	context.AfterFunc(ctx, func() { server.Close() })
	ready(listener.Addr().String())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func fixed(mediaType, body string) http.Handler {
	text := []byte(body)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		w.Write(text)
	})
}
