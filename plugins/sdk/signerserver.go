package sdk

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/claimsmith/claimsmith/plugins/sdk/internal/pluginpb"
)

func (s *server) GenerateKey(ctx context.Context, m *pluginpb.GenerateKeyRequest) (*pluginpb.GenerateKeyResponse, error) {
	p, ok := s.plugin.(Signer)
	if !ok {
		return s.UnimplementedPluginServer.GenerateKey(ctx, m)
	}
	out := new(pluginpb.GenerateKeyResponse)
	out.Failure = s.withKeys(ctx, "generate key", func(ctx context.Context) error {
		ref, public, err := p.Generate(ctx, m.GetAlgorithm())
		if err != nil {
			return err
		}
		if err := checkRef(ref); err != nil {
			return err
		}
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			return fmt.Errorf("encode public key: %w", err)
		}
		out.Ref, out.PublicKey = ref, der
		return nil
	})
	return out, nil
}

func (s *server) Sign(ctx context.Context, m *pluginpb.SignRequest) (*pluginpb.SignResponse, error) {
	p, ok := s.plugin.(Signer)
	if !ok {
		return s.UnimplementedPluginServer.Sign(ctx, m)
	}
	out := new(pluginpb.SignResponse)
	out.Failure = s.withKeys(ctx, "sign", func(ctx context.Context) error {
		opts, err := signFromWire(m)
		if err != nil {
			return err
		}
		out.Signature, err = p.Sign(ctx, m.GetRef(), m.GetDigest(), opts)
		return err
	})
	return out, nil
}

func (s *server) DestroyKey(ctx context.Context, m *pluginpb.DestroyKeyRequest) (*pluginpb.DestroyKeyResponse, error) {
	p, ok := s.plugin.(Signer)
	if !ok {
		return s.UnimplementedPluginServer.DestroyKey(ctx, m)
	}
	return &pluginpb.DestroyKeyResponse{Failure: s.withKeys(ctx, "destroy key", func(ctx context.Context) error {
		return p.Destroy(ctx, m.GetRef())
	})}, nil
}

// withKeys turns what the author's code does with a key, a panic too, into a
// failure; nil for none.
func (s *server) withKeys(ctx context.Context, call string, f func(context.Context) error) (failure *pluginpb.Failure) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("plugin panicked", "call", call, "panic", clean(fmt.Sprint(p), ""), "stack", string(debug.Stack()))
			failure = unavailableToWire(errors.New("the plugin panicked; its log holds the stack"))
		}
	}()
	if _, ok := s.plugin.(Configurer); ok && !s.configured.Load() {
		return unavailableToWire(errors.New("not configured"))
	}
	if err := f(ctx); err != nil {
		return unavailableToWire(err)
	}
	return nil
}

// unavailableToWire is failureToWire for what concerns no principal.
func unavailableToWire(err error) *pluginpb.Failure {
	if !errors.Is(err, ErrUnavailable) {
		err = Unavailable(err)
	}
	return failureToWire(err, "").GetFailure()
}
