package host

import "reflect"

// Runs reports whether the plugin's processes are started by c, so that Upgrade
// to it would change nothing but the process.
func (p *Plugin) Runs(c Config) bool {
	c, err := c.check()
	if err != nil {
		return false
	}
	own := *p.config.Load()
	own.Log, c.Log = nil, nil
	return reflect.DeepEqual(own, c)
}
