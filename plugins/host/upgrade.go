package host

import (
	"context"
	"fmt"
)

// Upgrade replaces the process by one started for c, without losing a call:
// the new one is started, configured and checked beside the old one, takes
// over, and the old one is stopped when its last call has ended. If the new
// one fails, the old one goes on serving and the error says why. It returns
// when the old one is gone. The same Config starts the same plugin afresh; to
// take a new executable at the same path, give its new SHA256.
func (p *Plugin) Upgrade(ctx context.Context, c Config) error {
	c, err := c.check()
	if err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	if c.Name != p.Name() {
		return fmt.Errorf("upgrade plugin %s: it cannot become %s", p.Name(), c.Name)
	}
	if !p.running.Load() {
		return fmt.Errorf("upgrade plugin %s: it does not run", p.Name())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.stopped:
			cancel()
		case <-ctx.Done():
		}
	}()
	process, err := start(ctx, &c)
	if err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	retired := make(chan *Process, 1)
	select {
	case p.handover <- successor{process, retired}:
	case <-p.stopped:
		process.Stop()
		return fmt.Errorf("upgrade plugin %s: %w", p.Name(), errStopped)
	case <-ctx.Done():
		process.Stop()
		return fmt.Errorf("upgrade plugin %s: %w", p.Name(), ctx.Err())
	}
	if old := <-retired; old != nil {
		old.drain()
		old.Stop()
	}
	return nil
}
