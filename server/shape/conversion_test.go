package shape_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestConversions reads one claim in each way; "" is an error.
func TestConversions(t *testing.T) {
	for _, tt := range []struct {
		claim                       any
		text, number, truth, moment string
	}{
		{"480", `"480"`, "480", "", `"1970-01-01T00:08:00.000Z"`},
		{json.Number("1"), `"1"`, "1", "true", `"1970-01-01T00:00:01.000Z"`},
		{json.Number("0.5"), `"0.5"`, "0.5", "true", `"1970-01-01T00:00:00.500Z"`},
		{json.Number("1699999999999"), `"1699999999999"`, "1699999999999", "true", `"2023-11-14T22:13:19.999Z"`},
		{true, `"true"`, "", "true", ""},
		{" No ", `" No "`, "", "false", ""},
		{"", `""`, "", "false", ""},
		{"maybe", `"maybe"`, "", "", ""},
		{"0x10", `"0x10"`, "", "", ""},
		{"1e400", `"1e400"`, "", "", ""},
		{"2020-09-13T14:26:40+02:00", `"2020-09-13T14:26:40+02:00"`, "", "", `"2020-09-13T12:26:40.000Z"`},
		{"20200913122640.0Z", `"20200913122640.0Z"`, "", "", `"2020-09-13T12:26:40.000Z"`},
		{json.Number("1e15"), `"1e+15"`, "1000000000000000", "true", ""},
		{[]any{"7"}, "", "", "", ""},
		{map[string]any{"a": "7"}, "", "", "", ""},
		{nil, "null", "null", "null", "null"},
	} {
		v := alice()
		v.Identity.Claims = map[string]any{"x": tt.claim}
		for function, want := range map[string]string{"asText": tt.text, "asNumber": tt.number, "asBool": tt.truth, "asTime": tt.moment} {
			got := render(t, "${identity.claims.?x."+function+"()}", v)
			if want == "" && strings.Contains(got, function+" cannot read") {
				continue
			}
			if got != want {
				t.Errorf("%v.%s(): %s, want %s", tt.claim, function, got, want)
			}
		}
	}
}
