package host

import (
	"context"
	"crypto"
)

// Generate asks the plugin for a key pair.
func (p *Plugin) Generate(ctx context.Context, algorithm string) (ref string, public crypto.PublicKey, err error) {
	c, err := p.begin(ctx)
	if err != nil {
		return "", nil, err
	}
	ref, public, err = c.process.client.Generate(c.ctx, algorithm)
	return ref, public, p.finish(&c, err)
}

// Sign asks the plugin for a signature.
func (p *Plugin) Sign(ctx context.Context, ref string, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	c, err := p.begin(ctx)
	if err != nil {
		return nil, err
	}
	signature, err := c.process.client.Sign(c.ctx, ref, digest, opts)
	return signature, p.finish(&c, err)
}

// Destroy tells the plugin that a key is not needed any more.
func (p *Plugin) Destroy(ctx context.Context, ref string) error {
	c, err := p.begin(ctx)
	if err != nil {
		return err
	}
	return p.finish(&c, c.process.client.Destroy(c.ctx, ref))
}
