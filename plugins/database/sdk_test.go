package database_test

import (
	"encoding/json"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/database"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

func TestPluginContract(t *testing.T) {
	table := newDatabase(t, "sqlite")
	if _, err := openUsers(t, table).AddHashed(t.Context(), alice(), // of "correct horse"
		"$2y$04$d5VkI6SUrjzaiFJw8Jq7b.YuoQT9vc6riwxVwIIM8aM5JhhuaPgJe"); err != nil {
		t.Fatal(err)
	}
	tables := newDatabase(t, "postgres")
	legacy(t, tables)
	execute(t, tables, `delete from person where tenant = 'Other'`) // a name that two have is looked up in vain
	for name, c := range map[string]struct {
		config     map[string]any
		attributes map[string]string
	}{
		"users table": {map[string]any{"url": table}, map[string]string{"unit": "south"}},
		"users table and a replica": {
			map[string]any{"url": table, "replicas": []string{table}, "max_lag": "10s", "lag": "select 0"},
			map[string]string{"unit": "south"},
		},
		"query": {legacyConfig(tables), map[string]string{"organisation": "Acme", "unit": "south"}},
	} {
		t.Run(name, func(t *testing.T) {
			config, _ := json.Marshal(c.config)
			plugin := sdktest.Plugin{
				New:        func() sdk.Authenticator { return closedWith(t, database.New()) },
				Config:     config,
				Password:   sdktest.Password{User: "alice", Secret: "correct horse"},
				Attributes: c.attributes,
			}
			sdktest.Run(t, plugin)
		})
	}
}

// closedWith closes a plugin at the end of the test.
func closedWith(t *testing.T, p *database.Plugin) *database.Plugin {
	t.Cleanup(func() { p.Close() })
	return p
}
