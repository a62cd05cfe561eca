package dialect

import (
	"maps"
	"slices"
)

// checkOptions holds the defaults of options to what a configuration can say.
func (c *compiler) checkOptions() {
	for _, name := range slices.Sorted(maps.Keys(c.Options)) {
		switch c.Options[name].(type) {
		case nil, string, bool, int64, uint64, float64:
		default:
			c.doc.Fault("options."+name, "an option is a text, a number, true, false or null", "")
		}
	}
}
