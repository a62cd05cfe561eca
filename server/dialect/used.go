package dialect

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

var (
	usedOption = regexp.MustCompile(`\boptions\.\??([A-Za-z_][A-Za-z0-9_]*)`)
	usedValue  = regexp.MustCompile(`\brequest\.values\.\??([A-Za-z_][A-Za-z0-9_]*)`)
)

// checkUsed finds what expressions use and nobody declares: options, whose types
// are only known when they are set, and fields of the dialect's own. Shapes
// cannot, to which both are maps.
func (c *compiler) checkUsed() {
	options := slices.Sorted(maps.Keys(c.Options))
	c.undeclared(usedOption, options, "no option is called %q", "; declare it under options, with its default")
	own := map[string]bool{}
	for _, r := range c.Routes {
		for name := range r.Fields {
			own[name] = !known[name]
		}
	}
	maps.DeleteFunc(own, func(_ string, is bool) bool { return !is })
	c.undeclared(usedValue, slices.Sorted(maps.Keys(own)), "request.values has no %q", "; declare it among the fields of a route. Secrets are no variables, and the fields that the server knows by name are request.NAME")
}

// undeclared reports each name that a pattern finds in the file and that is not declared.
func (c *compiler) undeclared(pattern *regexp.Regexp, declared []string, message, hint string) {
	line := 0
	for text := range strings.Lines(c.text) {
		line++
		if strings.HasPrefix(strings.TrimSpace(text), "#") {
			continue
		}
		for _, m := range pattern.FindAllStringSubmatchIndex(text, -1) {
			if name := text[m[2]:m[3]]; !slices.Contains(declared, name) {
				c.doc.FaultAt(line, m[2]+1, fmt.Sprintf(message, name), "there are "+cmp.Or(strings.Join(declared, ", "), "none")+hint)
			}
		}
	}
}
