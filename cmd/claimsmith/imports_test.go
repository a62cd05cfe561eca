package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/claimsmith/claimsmith/"

// mayImport says which of our packages a package may import. What stands below
// a package (plugins/sdk/sdktest below plugins/sdk) has its own row or may
// import what its parent may, and its parent. cmd/claimsmith may import all.
var mayImport = map[string][]string{
	"internal/servertest": {},
	"internal/nearest":    {},
	"internal/yamltree":   {},
	"internal/clienttls":  {},
	"internal/strictyaml": {"internal/nearest", "internal/yamltree"},

	"jwks":          {},
	"plugins/sdk":   {},
	"server/shape":  {"internal/nearest", "internal/yamltree"},
	"storage/sqldb": {},

	"storage":             {"jwks", "storage/sqldb"},
	"plugins/host":        {"plugins/sdk"},
	"plugins/ldap":        {"plugins/sdk", "internal/clienttls"},
	"plugins/database":    {"plugins/sdk", "storage/sqldb"},
	"plugins/apikey":      {"plugins/sdk", "storage/sqldb", "internal/clienttls"},
	"plugins/sdk/sdktest": {"plugins/sdk"},
	"server/audit":        {"storage"},
	"server/authn":        {"plugins/sdk", "server/audit"},
	"server/dialect":      {"server/shape", "server/audit", "plugins/sdk", "internal/nearest", "internal/strictyaml"},

	"server/oauth": {"jwks", "storage", "plugins/sdk", "server/audit", "server/shape"},
	"server":       {"server/oauth", "server/dialect", "server/audit", "jwks", "storage", "plugins/sdk"},

	"examples": {},
}

// mayUse says which packages may import a module of others.
var mayUse = map[string][]string{
	"github.com/ory/fosite":          {"server/oauth"},
	"github.com/lib/pq":              {"storage/sqldb"},
	"modernc.org/sqlite":             {"storage/sqldb"},
	"github.com/go-sql-driver/mysql": {"storage/sqldb"},
	"cel.dev/cel-go":                 {"server/shape"},
	"github.com/hashicorp/go-plugin": {"plugins/host"},
}

type listed struct {
	ImportPath, Doc  string
	GoFiles, Imports []string
}

// TestPackages holds the tree to its plan: who imports whom, who alone knows a
// package of others, and that each package says what it owns.
func TestPackages(t *testing.T) {
	for _, p := range listPackages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s: the package has no comment", path)
		}
		for _, i := range p.Imports {
			if ours, ok := strings.CutPrefix(i, module); ok {
				checkOurs(t, path, ours)
				continue
			}
			for foreign, allowed := range mayUse {
				if below(i, foreign) && !slices.ContainsFunc(allowed, func(a string) bool { return below(path, a) }) {
					t.Errorf("%s imports %s, which only %v may", path, i, allowed)
				}
			}
		}
	}
}

func checkOurs(t *testing.T, path, imported string) {
	if below(path, "cmd/claimsmith") || below(path, "bench") {
		return
	}
	row := rowOf(path)
	if row == "" {
		t.Errorf("%s has no row in mayImport", path)
		return
	}
	if below(imported, row) {
		return
	}
	if !slices.ContainsFunc(mayImport[row], func(a string) bool { return imported == a || rowOf(imported) == a }) {
		t.Errorf("%s imports %s, which it may not", path, imported)
	}
}

// rowOf returns the row of mayImport for a package: its own, or its nearest parent's.
func rowOf(path string) string {
	for {
		if _, ok := mayImport[path]; ok {
			return path
		}
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return ""
		}
		path = path[:i]
	}
}

func below(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}

func listPackages(t *testing.T) []listed {
	out, err := exec.Command("go", "list", "-json=ImportPath,Doc,GoFiles,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages only", len(all))
	}
	return all
}
