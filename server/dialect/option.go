package dialect

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

var usedOption = regexp.MustCompile(`\boptions\.\??([A-Za-z_][A-Za-z0-9_]*)`)

// checkOptions finds options that expressions use and that nobody declares. An
// option's type is only known when it is set, so shapes cannot.
func (c *compiler) checkOptions() {
	declared := strings.Join(slices.Sorted(maps.Keys(c.Options)), ", ")
	line := 0
	for text := range strings.Lines(c.text) {
		line++
		if strings.HasPrefix(strings.TrimSpace(text), "#") {
			continue
		}
		for _, m := range usedOption.FindAllStringSubmatchIndex(text, -1) {
			if name := text[m[2]:m[3]]; !c.declares(name) {
				c.doc.FaultAt(line, m[2]+1, fmt.Sprintf("no option is called %q", name), "there are "+cmp.Or(declared, "none")+"; declare it under options, with its default")
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Options)) {
		switch c.Options[name].(type) {
		case nil, string, bool, int64, uint64, float64:
		default:
			c.doc.Fault("options."+name, "an option is a text, a number, true, false or null", "")
		}
	}
}

func (c *compiler) declares(option string) bool {
	_, ok := c.Options[option]
	return ok
}
