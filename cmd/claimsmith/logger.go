package main

import (
	"io"
	"log/slog"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
)

// logger is a log whose level can change while it is used.
type logger struct {
	*slog.Logger
	level *slog.LevelVar
}

// newLogger returns the logger of a configuration.
func newLogger(w io.Writer, c config.Log) logger {
	level := new(slog.LevelVar)
	level.Set(levelOf(c))
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "text" {
		return logger{slog.New(slog.NewTextHandler(w, options)), level}
	}
	return logger{slog.New(slog.NewJSONHandler(w, options)), level}
}

// levelOf is the level of a configuration; info where it names none.
func levelOf(c config.Log) (level slog.Level) {
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		return slog.LevelInfo
	}
	return level
}
