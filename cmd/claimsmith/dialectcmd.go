package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/server/dialect"
)

func newDialectCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "dialect",
		Short: "Look at vendors' login APIs and write your own",
		Long:  "A dialect is a vendor's login API as one YAML file. docs/dialects.md tells how to\nwrite one.",
	}
	c.AddCommand(newDialectListCommand(), newDialectShowCommand(), newDialectCheckCommand(), newDialectExplainCommand(), newDialectSchemaCommand())
	return c
}

func newDialectShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Print the file of a dialect that comes with the program",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := dialect.Text(args[0])
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		},
	}
}

func newDialectCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Print every fault of a dialect's file, with line, column and a hint",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := loadDialect(args[0])
			if err != nil {
				return err
			}
			w := c.OutOrStdout()
			fmt.Fprintf(w, "%s: ok, %s\n", args[0], d.Title)
			for _, r := range d.Routes() {
				fmt.Fprintf(w, "  %-6s %-50s %s (%s)\n", r.Method, r.Path, r.Name, r.Kind)
			}
			return nil
		},
	}
}

func newDialectSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of a dialect's file",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			schema, err := dialect.Schema()
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(schema)
			return err
		},
	}
}

func newDialectExplainCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain FILE REQUEST",
		Short: "Print what a dialect makes of a request: each value, the token and the answer",
		Long: "Print what a dialect makes of a request, if the credential were right: where each\n" +
			"value was found, the token's header and claims, and the answer. FILE is a\n" +
			"dialect's file or the name of one that comes with the program. REQUEST is a file,\n" +
			"or - for standard input, such as\n\n" +
			"  POST /createjwt\n  Content-Type: application/json\n\n  {\"username\":\"alice\",\"password\":\"wonderland\"}\n\n" +
			"Nobody is asked and nothing is issued: the person is made up, and so is the key.",
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := loadDialect(args[0])
			if err != nil {
				return err
			}
			text, err := readRequest(c.InOrStdin(), args[1])
			if err != nil {
				return err
			}
			r, err := dialect.ParseRequest(text)
			if err != nil {
				return hint(err, "write the method and the path in the first line, then headers, a blank line and the body")
			}
			e, err := d.Explain(r.WithContext(c.Context()))
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), e)
			}
			return printExplanation(c.OutOrStdout(), e)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// maxRequest bounds a request that is explained.
const maxRequest = 1 << 20

func readRequest(stdin io.Reader, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(stdin, maxRequest))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxRequest))
}

func printExplanation(w io.Writer, e dialect.Explanation) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "route %s\n", e.Route)
	for _, f := range e.Fields {
		source := f.Source
		if source == "" {
			source = "default"
		}
		fmt.Fprintf(&b, "  %-14s %-30q %s\n", f.Name, f.Value, source)
	}
	if e.Problem != "" {
		fmt.Fprintf(&b, "problem %s\n", e.Problem)
	}
	if e.Claims != nil {
		fmt.Fprintf(&b, "token\n%s\n%s\n", indented(e.Header), indented(e.Claims))
	}
	fmt.Fprintf(&b, "answer %d\n", e.Status)
	for _, name := range slices.Sorted(maps.Keys(e.Answer)) {
		fmt.Fprintf(&b, "  %s: %s\n", name, shorten(strings.Join(e.Answer[name], ", ")))
	}
	fmt.Fprintf(&b, "\n%s\n", shorten(e.Body))
	_, err := w.Write(b.Bytes())
	return err
}

func indented(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "  ", "  ") != nil {
		return "  " + string(raw)
	}
	return "  " + b.String()
}

// loadDialect loads a dialect that comes with the program, or a file.
func loadDialect(name string) (*dialect.Dialect, error) {
	if slices.Contains(dialect.Names(), name) {
		text, err := dialect.Text(name)
		if err != nil {
			return nil, err
		}
		return dialect.Load(name+".yaml", text)
	}
	text, err := config.ReadDialect(name)
	if err != nil {
		return nil, hint(fmt.Errorf("read dialect: %w", err), "give a file, or one of %s", strings.Join(dialect.Names(), ", "))
	}
	return dialect.Load(name, text)
}
