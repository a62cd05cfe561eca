package dialect

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed vendors/*.yaml
var vendors embed.FS

// Names returns the dialects that come with this program.
func Names() []string {
	files, _ := fs.Glob(vendors, "vendors/*.yaml") // only a malformed pattern fails
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(path.Base(f), ".yaml"))
	}
	return names
}

// Text returns the file of a dialect that comes with this program.
func Text(name string) ([]byte, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("no dialect %q comes with this program: there are %s", name, strings.Join(Names(), ", "))
	}
	return vendors.ReadFile("vendors/" + name + ".yaml")
}
