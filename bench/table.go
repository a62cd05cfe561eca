package main

import (
	"fmt"
	"strings"
)

// table is a table in Markdown, as the widths of its columns: it is printed line
// by line, and pasted into docs/performance.md as it is.
type table []int

func (t table) head(names ...string) {
	t.line(names...)
	rules := make([]string, len(t))
	for i, width := range t {
		rules[i] = strings.Repeat("-", width)
	}
	t.line(rules...)
}

// line prints a line, which may have fewer cells than there are columns.
func (t table) line(cells ...string) {
	var b strings.Builder
	for i, width := range t {
		cell := ""
		if i < len(cells) {
			cell = cells[i]
		}
		fmt.Fprintf(&b, "| %-*s ", width, cell)
	}
	fmt.Println(b.String() + "|")
}
