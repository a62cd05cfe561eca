package sdk

import (
	"fmt"
	"log/slog"
)

// Secret is a string that no formatter, encoder or logger prints. Reveal
// returns it; calling Reveal is the only way to get at it.
type Secret string

const redacted = "[redacted]"

// Reveal returns the secret itself. Hand it to what checks it and to nothing else.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) String() string               { return redacted }
func (s Secret) Format(f fmt.State, _ rune)   { fmt.Fprint(f, redacted) } // every verb, the wrong ones too
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
