package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// printer writes what a command lists: as a table for people, or as JSON for
// programs.
type printer struct{ json bool }

func (p *printer) flag(c *cobra.Command) {
	c.Flags().BoolVar(&p.json, "json", false, "print JSON")
}

// print writes rows, any JSON list, under the head of a table whose cells row gives.
func print[T any](p printer, w io.Writer, head string, rows []T, row func(T) []any) error {
	if p.json {
		if rows == nil {
			rows = []T{}
		}
		return printJSON(w, rows)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.ToUpper(strings.ReplaceAll(head, " ", "\t")))
	for _, r := range rows {
		cells := row(r)
		for i, cell := range cells {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, text(cell))
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// text is how a table shows a value: "-" for nothing.
func text(v any) string {
	s := ""
	switch v := v.(type) {
	case time.Time:
		if !v.IsZero() {
			s = v.UTC().Format(time.RFC3339)
		}
	case time.Duration:
		if v != 0 {
			s = v.String()
		}
	case []string:
		s = strings.Join(v, " ")
	default:
		s = fmt.Sprint(v)
	}
	if s == "" {
		return "-"
	}
	return s
}
