package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Config says what a plugin is and how it runs. Exactly one of Builtin and
// Command is set.
type Config struct {
	// Name tells the plugin from others, in logs, metrics and identities.
	Name string

	// Builtin names a plugin of this very program, which is executed again
	// as `PROGRAM plugin serve BUILTIN`.
	Builtin string
	// Command is an external executable, by its path, and its arguments.
	Command []string
	// SHA256 is the hash, in hexadecimal, that the executable must have. It is
	// checked at each start, on the file that is then executed. Required for a
	// Command unless InsecureUnpinned is set.
	SHA256           string
	InsecureUnpinned bool

	// Needs is what the plugin has to be able to do beside judging credentials;
	// one that cannot does not serve.
	Needs []sdk.Ability

	// Settings is the plugin's own configuration, secrets included. It goes to
	// the plugin by Configure and nowhere else.
	Settings json.RawMessage
	// Secrets are the texts that are taken out of the plugin's log and
	// errors. Nil: every string of more than three characters in Settings.
	Secrets []string

	CallTimeout  time.Duration // of each call, waiting for a process included; 0: 5 s
	StartTimeout time.Duration // from start to serving; 0: 30 s
	HealthEvery  time.Duration // between two health checks; 0: 5 s
	MaxInFlight  int           // calls at the same time, more are refused; 0: 1024

	// NoAutoMTLS leaves the socket without TLS, for plugins that cannot do it.
	// The socket's directory is private to the host and the plugin either way.
	NoAutoMTLS bool
	// User is whom the process runs as; nil: as the host. Needs privilege.
	User *User
	// Dir is where the sockets' directories are made; "": the system's
	// directory for temporary files.
	Dir string

	// Log receives what the plugin logs and what happens to it; nil: slog.Default().
	Log *slog.Logger
}

// Format prints the name alone, whatever the verb: Settings hold secrets.
func (c Config) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "plugin %s", c.Name) }

// LogValue is the name alone.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.Name) }

// MarshalText returns the name alone.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.Name), nil }

// User is the identity of a process.
type User struct{ UID, GID uint32 }

// socketPath is the longest that go-plugin makes below Config.Dir, and
// maxSocketPath what the smallest sockaddr_un (Darwin's) holds.
const (
	socketPath    = "/plugin-dir4294967295/plugin4294967295"
	maxSocketPath = 103
)

var (
	nameSyntax = regexp.MustCompile(`^[a-z0-9]([a-z0-9_.-]{0,61}[a-z0-9])?$`)
	hashSyntax = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
)

// check returns c with its defaults, or everything that is wrong with it.
func (c Config) check() (Config, error) {
	if c.CallTimeout == 0 {
		c.CallTimeout = 5 * time.Second
	}
	if c.StartTimeout == 0 {
		c.StartTimeout = 30 * time.Second
	}
	if c.HealthEvery == 0 {
		c.HealthEvery = 5 * time.Second
	}
	if c.MaxInFlight == 0 {
		c.MaxInFlight = 1024
	}
	if c.Dir == "" {
		c.Dir = os.TempDir()
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.SHA256 = strings.ToLower(c.SHA256)

	var faults []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	external := len(c.Command) > 0
	fault(!nameSyntax.MatchString(c.Name), "name %q: want lower-case letters, digits, '-', '_' and '.'", c.Name)
	fault(external == (c.Builtin != ""), "want either a built-in plugin or a command")
	fault(external && !strings.ContainsRune(first(c.Command), '/'), "command %q: want a path; it is not looked for in PATH", first(c.Command))
	fault(c.SHA256 != "" && !hashSyntax.MatchString(c.SHA256), "sha256: want 64 hexadecimal digits")
	fault(c.SHA256 != "" && !external, "sha256: a built-in plugin is this program and is not pinned")
	fault(external && c.SHA256 == "" && !c.InsecureUnpinned,
		"command is not pinned; hint: set sha256 to what `sha256sum %s` prints, or insecure_unpinned: true", first(c.Command))
	fault(c.SHA256 != "" && c.InsecureUnpinned, "sha256 and insecure_unpinned contradict each other")
	fault(len(c.Settings) > 0 && !json.Valid(c.Settings), "settings are not JSON")
	fault(c.CallTimeout < 0 || c.StartTimeout < 0 || c.HealthEvery < 0 || c.MaxInFlight < 0, "negative timeout or limit")
	fault(len(c.Dir)+len(socketPath) > maxSocketPath, "directory %q: too long for a socket's path; at most %d bytes",
		c.Dir, maxSocketPath-len(socketPath))
	if len(faults) > 0 {
		return Config{}, fmt.Errorf("plugin %q: %w", c.Name, errors.Join(faults...))
	}
	return c, nil
}

// slow is how long a failure takes that is no answer any more: somebody who
// waits so long would rather have been told at once.
func (c *Config) slow() time.Duration { return c.CallTimeout / 4 }

// breakerPause is how long an open breaker lets nobody through.
func (c *Config) breakerPause() time.Duration { return min(time.Second, c.CallTimeout) }

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}
