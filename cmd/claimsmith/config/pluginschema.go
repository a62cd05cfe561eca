package config

import (
	"encoding/json"
	"fmt"

	"github.com/claimsmith/claimsmith/plugins/apikey"
	"github.com/claimsmith/claimsmith/plugins/database"
	"github.com/claimsmith/claimsmith/plugins/ldap"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Builtin makes the plugins that are part of this program, by name.
var Builtin = map[string]func() sdk.Authenticator{
	"apikey":   func() sdk.Authenticator { return apikey.New() },
	"database": func() sdk.Authenticator { return database.New() },
	"ldap":     func() sdk.Authenticator { return ldap.New() },
}

// PluginSchema returns the JSON Schema of a built-in plugin's configuration, or
// nil where there is no such plugin.
func PluginSchema(name string) []byte {
	newPlugin, ok := Builtin[name]
	if !ok {
		return nil
	}
	d, ok := newPlugin().(sdk.Describer)
	if !ok {
		return nil
	}
	return d.Describe().Schema
}

// checkSettings holds the configuration of a built-in plugin to its JSON
// Schema. A plugin's own program checks what it is given when it starts.
func (c *checker) checkSettings(path string, p Plugin) {
	text := PluginSchema(p.Use)
	if text == nil || p.settings.json == nil {
		return
	}
	var settings any
	if err := json.Unmarshal(p.settings.json, &settings); err != nil {
		c.doc.Fault(path, "not representable as JSON", "")
		return
	}
	schema, err := parseSchema(text)
	if err != nil {
		panic(fmt.Sprintf("schema of plugin %s: %v", p.Use, err)) // a fault of this program
	}
	for _, f := range schema.faults(settings) {
		c.doc.Fault(path+f.path, f.message, "see claimsmith plugin serve "+p.Use+" --schema")
	}
}
