package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// secretFlag says where a command finds a secret, which is never an argument:
// others see those.
type secretFlag struct {
	name  string
	stdin bool
	file  string
	env   string
}

// flags adds --NAME-stdin, --NAME-file and --NAME-env.
func (f *secretFlag) flags(c *cobra.Command, name, what string) {
	f.name = name
	c.Flags().BoolVar(&f.stdin, name+"-stdin", false, what+", on a line of standard input")
	c.Flags().StringVar(&f.file, name+"-file", "", what+", in a `FILE`")
	c.Flags().StringVar(&f.env, name+"-env", "", what+", in an environment `VARIABLE`")
	c.MarkFlagsMutuallyExclusive(name+"-stdin", name+"-file", name+"-env")
}

// read returns the secret, or "" where no flag was given. Of several secrets on
// standard input each is a line.
func (f *secretFlag) read(stdin *bufio.Reader) (sdk.Secret, error) {
	var text string
	var err error
	switch {
	case f.stdin:
		if text, err = stdin.ReadString('\n'); errors.Is(err, io.EOF) {
			err = nil
		}
	case f.file != "":
		var b []byte
		b, err = os.ReadFile(f.file)
		text = string(b)
	case f.env != "":
		text = os.Getenv(f.env)
	default:
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", f.name, err)
	}
	if text = strings.TrimRight(text, "\r\n"); text == "" {
		return "", fmt.Errorf("read %s: there is none", f.name)
	}
	return sdk.Secret(text), nil
}
