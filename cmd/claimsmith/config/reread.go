package config

// Reread returns the configuration as it stands on disk now. Faults are as
// those of Load; c stays as it is.
func (c *Config) Reread() (*Config, error) {
	if c.demo {
		return Demo(c.DataDir)
	}
	return Load(c.File, c.DataDir)
}
