package host

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// A plugin's log is bounded: a line's bytes, a record's attributes, and lines
// on average and at once. It is always read, so that a plugin never blocks on it.
const (
	maxLine       = 8 << 10
	maxAttributes = 32
	linesPerSec   = 100
	linesAtOnce   = 500
)

// output makes records of what one process writes. Its writers may be used at
// the same time.
type output struct {
	log    *slog.Logger
	redact redactor

	mu      sync.Mutex
	tokens  float64   // lines that may be logged now
	filled  time.Time // when tokens was last computed
	dropped int       // lines since the last one logged
	last    string    // the last line, for the error of a process that never served
}

func newOutput(log *slog.Logger, redact redactor) *output {
	return &output{log: log, redact: redact, tokens: linesAtOnce, filled: time.Now()}
}

// copy logs r line by line until it ends.
func (o *output) copy(r io.Reader) {
	w := &lines{each: o.line, most: maxLine + o.redact.longest}
	_, _ = io.Copy(w, r) // a broken pipe is the end of the plugin
	w.flush()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.admitDropped()
}

// line logs a line, or the beginning of a longer one.
func (o *output) line(b []byte, cut bool) {
	text := o.redact.Replace(strings.ToValidUTF8(string(bytes.TrimRight(b, "\r\n \t")), "\uFFFD"))
	if cut { // its end may be the beginning of a secret
		text = text[:max(0, len(text)-o.redact.longest)]
	}
	if cut || len(text) > maxLine {
		text = strings.ToValidUTF8(text[:min(len(text), maxLine)], "") + "…"
	}
	if text == "" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = text
	if !o.allowed(time.Now()) {
		o.dropped++
		return
	}
	o.admitDropped()
	level, message, attrs := parseLine(text)
	o.log.LogAttrs(context.Background(), level, message, attrs...)
}

// lastLine returns what the plugin last said.
func (o *output) lastLine() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

func (o *output) allowed(now time.Time) bool {
	o.tokens = min(linesAtOnce, o.tokens+now.Sub(o.filled).Seconds()*linesPerSec)
	o.filled = now
	if o.tokens < 1 {
		return false
	}
	o.tokens--
	return true
}

func (o *output) admitDropped() {
	if o.dropped > 0 {
		o.log.Warn("plugin logs too much", "dropped_lines", o.dropped)
		o.dropped = 0
	}
}

// parseLine understands the JSON of slog and of hclog; everything else is a
// message, and that of a dying Go process an error.
func parseLine(text string) (slog.Level, string, []slog.Attr) {
	var fields map[string]any
	if text[0] != '{' || json.Unmarshal([]byte(text), &fields) != nil {
		if strings.HasPrefix(text, "panic: ") || strings.HasPrefix(text, "fatal error: ") {
			return slog.LevelError, text, nil
		}
		return slog.LevelInfo, text, nil
	}
	level := parseLevel(take(fields, "level", "@level"))
	message := take(fields, "msg", "@message")
	if message == "" {
		return level, text, nil
	}
	for _, known := range []string{"time", "@timestamp", "@module", "source", "plugin"} {
		delete(fields, known)
	}
	var attrs []slog.Attr
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if len(attrs) < maxAttributes {
			attrs = append(attrs, slog.Any(strings.TrimPrefix(name, "@"), fields[name]))
		}
	}
	return level, message, attrs
}

// take removes the names from fields and returns the first that is a string.
func take(fields map[string]any, names ...string) (text string) {
	for _, name := range names {
		if s, ok := fields[name].(string); ok && text == "" {
			text = s
		}
		delete(fields, name)
	}
	return text
}

func parseLevel(s string) slog.Level {
	if strings.EqualFold(s, "trace") {
		return slog.LevelDebug
	}
	var level slog.Level
	if level.UnmarshalText([]byte(s)) != nil {
		return slog.LevelInfo
	}
	return level
}

// lines is a writer that cuts what it gets into lines of at most so many
// bytes; the rest of a longer one is lost.
type lines struct {
	each func(line []byte, cut bool)
	most int
	part []byte // the line so far
	cut  bool   // the line so far is full
}

func (l *lines) Write(b []byte) (int, error) {
	n := len(b)
	for {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			l.add(b)
			return n, nil
		}
		l.add(b[:end])
		l.flush()
		b = b[end+1:]
	}
}

func (l *lines) add(b []byte) {
	if room := l.most - len(l.part); len(b) > room {
		b, l.cut = b[:room], true
	}
	l.part = append(l.part, b...)
}

func (l *lines) flush() {
	if len(l.part) > 0 {
		l.each(l.part, l.cut)
	}
	l.part, l.cut = l.part[:0], false
}
