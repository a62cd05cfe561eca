package strictyaml

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration written as in Go, with days besides: "90s",
// "1h30m", "30d", "1d12h". A day is 24 hours.
type Duration time.Duration

// Std returns the time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String writes days only where nothing else remains.
func (d Duration) String() string {
	const day = 24 * time.Hour
	if std := time.Duration(d); std != 0 && std%day == 0 {
		return strconv.FormatInt(int64(std/day), 10) + "d"
	}
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText returns what String does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	std, err := ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = Duration(std)
	return nil
}

var errDuration = errors.New("a duration is wanted, such as 90s, 1h30m or 30d")

var days = regexp.MustCompile(`^([0-9]{1,6})d(.*)$`)

const durationPattern = `^([0-9]+d)?(([0-9]+(\.[0-9]+)?)(ns|us|µs|ms|s|m|h))*$`

// ParseDuration reads a Duration. It is never negative, and needs its unit.
func ParseDuration(s string) (time.Duration, error) {
	var total time.Duration
	rest := s
	if m := days.FindStringSubmatch(s); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil || n > math.MaxInt64/int(24*time.Hour) {
			return 0, errDuration
		}
		total, rest = time.Duration(n)*24*time.Hour, m[2]
		if rest == "" {
			return total, nil
		}
	}
	std, err := time.ParseDuration(rest)
	if err != nil || std < 0 || rest[0] == '+' || rest[0] == '-' || total+std < total {
		return 0, errDuration
	}
	return total + std, nil
}
