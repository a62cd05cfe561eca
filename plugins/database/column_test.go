package database

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestListsInAColumn(t *testing.T) {
	for _, c := range []struct {
		column any
		want   []string
	}{
		{"", []string{}},
		{"a", []string{"a"}},
		{" a, b c ,,d", []string{"a", "b c", "d"}},
		{`["a","b,c",3]`, []string{"a", "b,c", "3"}},
		{"{}", []string{}},
		{"{a,b}", []string{"a", "b"}},
		{`{"a,b","c \"d\" \\",NULL,"NULL"}`, []string{"a,b", `c "d" \`, "NULL"}},
		{int64(7), []string{"7"}},
	} {
		if diff := cmp.Diff(c.want, values(c.column)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.column, diff)
		}
	}
}

func TestTimesInAColumn(t *testing.T) {
	want := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, column := range []any{
		want, want.In(time.FixedZone("", 3600)), want.Unix(), want.UnixMilli(), float64(want.Unix()), "1767323045",
		"2026-01-02T03:04:05Z", "2026-01-02 03:04:05", "2026-01-02T04:04:05+01:00", "2026-01-02 04:04:05+01:00",
	} {
		if got, err := moment(column); err != nil || !got.Equal(want) {
			t.Errorf("%v: %v, %v", column, got, err)
		}
	}
	for _, column := range []any{nil, "", int64(0), " "} {
		if got, err := moment(column); err != nil || !got.IsZero() {
			t.Errorf("%v: %v, %v, want no time", column, got, err)
		}
	}
	for _, column := range []any{"tomorrow", true, []byte{0xff}} {
		if got, err := moment(column); err == nil {
			t.Errorf("%v: %v, want an error", column, got)
		}
	}
}

func TestFlagsInAColumn(t *testing.T) {
	for _, column := range []any{true, int64(1), float64(2), "t", "TRUE", "y", "Yes", "1", "\x01", []byte{1}} {
		if got, err := truth(column); err != nil || !got {
			t.Errorf("%v: %v, %v, want true", column, got, err)
		}
	}
	for _, column := range []any{nil, false, int64(0), "f", "0", "", "no", "\x00", []byte{0}} {
		if got, err := truth(column); err != nil || got {
			t.Errorf("%v: %v, %v, want false", column, got, err)
		}
	}
	if _, err := truth("perhaps"); err == nil {
		t.Error("perhaps is no error")
	}
}
