package dialect

import (
	"crypto/rand"
	"encoding/hex"
	"math/big"
	"strings"

	"github.com/google/uuid"
)

// idForm is what a token's id looks like.
type idForm string

const (
	uuidForm   idForm = "uuid"
	hexForm    idForm = "hex"
	base62Form idForm = "base62"
	textForm   idForm = "text"
)

// sessionPart is how much of a UUID names the session.
const sessionPart = len("xxxxxxxx-xxxx-4xxx")

// ids returns the ids of a new token and its session. A token of a session
// that exists has a new id where the form can hold both, else the session's.
func (f idForm) ids(session string) (id, of string) {
	if f == uuidForm {
		id = uuid.NewString()
		if len(session) == sessionPart {
			id = session + id[sessionPart:]
		}
		return id, id[:sessionPart]
	}
	if session == "" {
		session = f.random()
	}
	return session, session
}

func (f idForm) random() string {
	switch f {
	case hexForm:
		var b [16]byte
		rand.Read(b[:])
		return strings.ToUpper(hex.EncodeToString(b[:]))
	case base62Form:
		var b [16]byte
		rand.Read(b[:])
		text := new(big.Int).SetBytes(b[:]).Text(62) // at most 22 digits
		return strings.Repeat("0", 22-len(text)) + text
	}
	return rand.Text()
}
