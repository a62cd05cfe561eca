package apikey

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// row is a Record as the table has it, and the hash.
type row struct {
	ID           string `db:"id"`
	Hash         string `db:"hash"`
	Imported     int64  `db:"imported"`
	Name         string `db:"name"`
	Subject      string `db:"subject"`
	Username     string `db:"username"`
	OwnerName    string `db:"owner_name"`
	Email        string `db:"email"`
	Organisation string `db:"organisation"`
	DefaultUnit  string `db:"default_unit"`
	Units        string `db:"units"`
	Groups       string `db:"groups"`
	Roles        string `db:"roles"`
	Claims       string `db:"claims"`
	Scopes       string `db:"scopes"`
	Audience     string `db:"audience"`
	Sources      string `db:"sources"`
	Created      int64  `db:"created"`
	Expires      int64  `db:"expires"`
	Revoked      int64  `db:"revoked"`
	LastUsed     int64  `db:"last_used"`
	Successor    string `db:"successor"`
}

const maxClaims = 64 << 10

// row checks what identities of the key will have to be and returns its row.
func (r Record) row(hash string) (row, error) {
	if err := r.identity().Check(); err != nil {
		return row{}, fmt.Errorf("%w: owner: %w", ErrInvalid, err)
	}
	if strings.IndexByte(r.Name, 0) >= 0 || len(r.Name) > sdk.MaxString {
		return row{}, fmt.Errorf("%w: the name is not %d bytes without NUL", ErrInvalid, sdk.MaxString)
	}
	claims, err := encode(r.Owner.Claims)
	if err != nil || len(claims) > maxClaims {
		return row{}, fmt.Errorf("%w: claims are not %d bytes of JSON", ErrInvalid, maxClaims)
	}
	var errs [6]error
	o := r.Owner
	text := row{
		ID: r.ID, Hash: hash, Name: r.Name, Subject: o.Subject, Username: o.Username, OwnerName: o.Name, Email: o.Email,
		Organisation: o.Organisation, DefaultUnit: o.DefaultUnit, Claims: claims, Successor: r.Successor,
		Created: sqldb.Milliseconds(r.Created), Expires: sqldb.Milliseconds(r.Expires), Revoked: sqldb.Milliseconds(r.Revoked), LastUsed: sqldb.Milliseconds(r.LastUsed),
	}
	text.Units, errs[0] = encode(o.Units)
	text.Groups, errs[1] = encode(o.Groups)
	text.Roles, errs[2] = encode(o.Roles)
	text.Scopes, errs[3] = encode(r.Scopes)
	text.Audience, errs[4] = encode(r.Audience)
	text.Sources, errs[5] = encode(r.Sources)
	if r.Imported {
		text.Imported = 1
	}
	return text, errors.Join(errs[:]...)
}

func (r row) record() (Record, error) {
	record := Record{
		ID: r.ID, Name: r.Name, Successor: r.Successor, Imported: r.Imported != 0,
		Owner: Owner{
			Subject: r.Subject, Username: r.Username, Name: r.OwnerName, Email: r.Email,
			Organisation: r.Organisation, DefaultUnit: r.DefaultUnit,
		},
		Created: sqldb.Instant(r.Created), Expires: sqldb.Instant(r.Expires), Revoked: sqldb.Instant(r.Revoked), LastUsed: sqldb.Instant(r.LastUsed),
	}
	var id sdk.Identity // knows how numbers in claims are read
	err := errors.Join(
		json.Unmarshal([]byte(`{"claims":`+r.Claims+`}`), &id),
		json.Unmarshal([]byte(r.Units), &record.Owner.Units),
		json.Unmarshal([]byte(r.Groups), &record.Owner.Groups),
		json.Unmarshal([]byte(r.Roles), &record.Owner.Roles),
		json.Unmarshal([]byte(r.Scopes), &record.Scopes),
		json.Unmarshal([]byte(r.Audience), &record.Audience),
		json.Unmarshal([]byte(r.Sources), &record.Sources),
	)
	if err != nil {
		return Record{}, fmt.Errorf("read API key %s: %w", r.ID, err)
	}
	record.Owner.Claims = id.Claims
	return record, nil
}

func encode(value any) (string, error) {
	text, err := json.Marshal(value)
	return string(text), err
}
