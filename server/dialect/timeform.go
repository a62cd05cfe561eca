package dialect

import (
	"encoding/json"
	"strconv"
	"time"
)

// timeForm is how a dialect writes times in claims.
type timeForm string

const (
	seconds      timeForm = "seconds"
	decimal      timeForm = "string" // seconds, as a string
	iso          timeForm = "iso"
	milliseconds timeForm = "milliseconds"
)

const isoMillis = "2006-01-02T15:04:05.000Z"

func (f timeForm) value(t time.Time) any {
	switch f {
	case decimal:
		return strconv.FormatInt(t.Unix(), 10)
	case iso:
		return t.UTC().Format(isoMillis)
	case milliseconds:
		return t.UnixMilli()
	}
	return t.Unix()
}

// firstMilli is the first number that is taken for milliseconds: as seconds it
// is in the year 5138.
const firstMilli = 100_000_000_000

// parseTime reads a time claim in any of the forms, so that tokens outlive a
// change from one to another.
func parseTime(v any) (time.Time, bool) {
	switch v := v.(type) {
	case json.Number:
		return parseNumber(v.String())
	case string:
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return t, true
		}
		return parseNumber(v)
	}
	return time.Time{}, false
}

func parseNumber(s string) (time.Time, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil { // RFC 7519 section 2 allows a fraction
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || f < 0 || f >= firstMilli {
			return time.Time{}, false
		}
		return time.UnixMilli(int64(f * 1000)), true
	}
	switch {
	case n < 0 || n >= firstMilli*1000:
		return time.Time{}, false
	case n >= firstMilli:
		return time.UnixMilli(n), true
	}
	return time.Unix(n, 0), true
}
