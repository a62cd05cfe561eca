package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/plugins/host"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

// pluginTest is what plugin test was told.
type pluginTest struct {
	config, badConfig string // files
	user              string
	password, apiKey  secretFlag
	assertion         secretFlag
	assertionType     string
	panicUser         string
	hugeUser          string
	attributes        map[string]string
	sha256            string
	noAutoMTLS        bool
	startTimeout      time.Duration
	showLog           bool
}

func newPluginTestCommand() *cobra.Command {
	o := new(pluginTest)
	c := &cobra.Command{
		Use:   "test NAME|EXECUTABLE [-- ARGUMENT...]",
		Short: "Prove that a plugin behaves as plugins must",
		Long: `Start a plugin as the server does and hold it to what every plugin must do: a
built-in one by its name, or an executable in whatever language by its path.

What is asked of it are the credentials that are given here. They belong to
somebody whom the plugin knows with the configuration given.`,
		Example: `  claimsmith plugin test ./people --config people.json --user alice --password-stdin <alice.password
  claimsmith plugin test apikey --config apikey.json --api-key-env API_KEY`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return o.run(c, args) },
	}
	f := c.Flags()
	f.StringVar(&o.config, "config", "", "`FILE` with the plugin's own configuration, JSON or YAML")
	f.StringVar(&o.badConfig, "bad-config", "", "`FILE` with a configuration that it must refuse")
	f.StringVar(&o.user, "user", "", "`NAME` of somebody whom it knows")
	o.password.flags(c, "password", "their password")
	o.apiKey.flags(c, "api-key", "an API key that it knows")
	f.StringVar(&o.assertionType, "assertion-type", "", "`URI` of the type of an assertion that it takes")
	o.assertion.flags(c, "assertion", "that assertion")
	f.StringVar(&o.panicUser, "panic-user", "", "`NAME`, with the same password, over whom its code panics or throws")
	f.StringVar(&o.hugeUser, "huge-user", "", "`NAME`, with the same password, who has more than 256 KiB of claims")
	f.StringToStringVar(&o.attributes, "attribute", nil, "`NAME=VALUE` that is sent with each credential")
	f.StringVar(&o.sha256, "sha256", "", "the hash that the executable must have")
	f.BoolVar(&o.noAutoMTLS, "no-auto-mtls", false, "the plugin cannot do mutual TLS (auto_mtls: false)")
	f.DurationVar(&o.startTimeout, "start-timeout", 30*time.Second, "how long it may take to serve")
	f.BoolVar(&o.showLog, "log", false, "print what the plugin logs to standard error")
	return c
}

func (o *pluginTest) run(c *cobra.Command, args []string) error {
	process, err := o.process(args)
	if err != nil {
		return err
	}
	log := &pluginLog{}
	if o.showLog {
		log.also = c.ErrOrStderr()
	}
	process.Log = slog.New(slog.NewTextHandler(log, nil))
	plugin, err := o.plugin(c.InOrStdin(), process)
	if err != nil {
		return err
	}
	plugin.Log = log.String
	session, err := sdktest.Open(c.Context(), plugin)
	if err != nil {
		return hint(err, "--log shows what the plugin logs")
	}
	defer session.Close()
	introduce(c.OutOrStdout(), session.Describe(), process)
	if err := runChecks(c.Context(), c.OutOrStdout(), session); err != nil {
		return err
	}
	if plugin.Password.User == "" && plugin.APIKey == "" && plugin.Assertion.Secret == "" {
		fmt.Fprintln(c.OutOrStdout(), "hint: most is proved with a credential that it knows: --user and --password-stdin, --api-key-stdin or --assertion-stdin")
	}
	return nil
}

// process says what is started.
func (o *pluginTest) process(args []string) (host.Config, error) {
	p := host.Config{SHA256: o.sha256, NoAutoMTLS: o.noAutoMTLS, StartTimeout: o.startTimeout}
	if _, ok := config.Builtin[args[0]]; ok {
		p.Name, p.Builtin = args[0], args[0]
		return p, nil
	}
	if !strings.ContainsRune(args[0], filepath.Separator) {
		return p, hint(fmt.Errorf("no built-in plugin %q", args[0]), "there are: %s; an executable is named by its path, as ./%s", builtinNames(), args[0])
	}
	p.Name, p.Command, p.InsecureUnpinned = "under-test", args, o.sha256 == ""
	return p, nil
}

// plugin says what the process is tested with.
func (o *pluginTest) plugin(stdin io.Reader, process host.Config) (sdktest.Plugin, error) {
	p := sdktest.Plugin{Attributes: o.attributes, PanicUser: o.panicUser, HugeUser: o.hugeUser, StartTimeout: o.startTimeout}
	var err error
	if o.config != "" {
		if p.Config, process.Secrets, err = config.ReadSettings(o.config); err != nil {
			return p, err
		}
	}
	if o.badConfig != "" {
		if p.BadConfig, _, err = config.ReadSettings(o.badConfig); err != nil {
			return p, err
		}
	}
	lines := bufio.NewReader(stdin)
	password, err1 := o.password.read(lines)
	key, err2 := o.apiKey.read(lines)
	assertion, err3 := o.assertion.read(lines)
	if err := errors.Join(err1, err2, err3); err != nil {
		return p, err
	}
	if (o.user == "") != (password == "") {
		return p, hint(errors.New("a user name and a password go together"), "give --user and one of --password-stdin, --password-file and --password-env")
	}
	if (o.assertionType == "") != (assertion == "") {
		return p, hint(errors.New("an assertion and its type go together"), "give --assertion-type and one of --assertion-stdin, --assertion-file and --assertion-env")
	}
	p.Password, p.APIKey = sdktest.Password{User: o.user, Secret: password}, key
	p.Assertion = sdktest.Assertion{Type: o.assertionType, Secret: assertion}
	p.Start = func(ctx context.Context, settings json.RawMessage) (*sdk.Client, func(), error) {
		c := process
		c.Settings = settings
		started, err := host.Start(ctx, c)
		if err != nil {
			return nil, nil, err
		}
		return started.Client(), started.Stop, nil
	}
	return p, nil
}

// introduce prints what is tested, and what an operator needs to pin it.
func introduce(w io.Writer, d sdk.Description, process host.Config) {
	kinds := "credentials of every kind"
	if len(d.Kinds) > 0 {
		kinds = strings.Trim(fmt.Sprint(d.Kinds), "[]")
	}
	fmt.Fprintf(w, "plugin   %s %s: %s\n", text(d.Name), text(d.Version), kinds)
	if len(process.Command) > 0 {
		if b, err := os.ReadFile(process.Command[0]); err == nil {
			sum := sha256.Sum256(b)
			fmt.Fprintf(w, "sha256   %s\n", hex.EncodeToString(sum[:]))
		}
	}
	fmt.Fprintln(w)
}

// runChecks prints a line for each check, and returns an error if one failed.
func runChecks(ctx context.Context, w io.Writer, s *sdktest.Session) error {
	failed, skipped, checks := 0, 0, sdktest.Checks()
	for _, check := range checks {
		err := check.Run(ctx, s)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if skip, ok := errors.AsType[sdktest.Skip](err); ok {
			skipped++
			fmt.Fprintf(w, "skip  %s: %s\n", check.Name, skip)
		} else if err != nil {
			failed++
			fmt.Fprintf(w, "FAIL  %s: %s\n", check.Name, strings.ReplaceAll(err.Error(), "\n", "\n      "))
		} else {
			fmt.Fprintf(w, "ok    %s\n", check.Name)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(checks))
	}
	_, err := fmt.Fprintf(w, "\n%d checks passed, %d do not apply\n", len(checks)-skipped, skipped)
	return err
}

// pluginLog keeps what the plugin logs, to be searched for secrets.
type pluginLog struct {
	also io.Writer // or nil

	mu   sync.Mutex
	text bytes.Buffer
}

func (l *pluginLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.also != nil {
		_, _ = l.also.Write(b)
	}
	return l.text.Write(b)
}

func (l *pluginLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
