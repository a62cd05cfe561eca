package floor

import (
	"context"
	"crypto/subtle"
	"errors"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// newPluginStep is one gRPC call over a Unix socket to an echo process.
func newPluginStep(c Config) (step, error) {
	call, err := dialEcho(c.Echo)
	if err != nil {
		return nil, err
	}
	message := credential(c.Username, c.Password, c)
	return func(ctx context.Context) error {
		_, err := call(ctx, message)
		return err
	}, nil
}

// newArgon2Step is one verification of the hashes that the users table makes.
func newArgon2Step(c Config) (step, error) {
	salt := make([]byte, 16)
	derive := func() []byte { return argon2.IDKey([]byte(c.Password), salt, 2, 19<<10, 1, 32) }
	key := derive()
	return func(context.Context) error {
		if subtle.ConstantTimeCompare(derive(), key) != 1 {
			return errors.New("another key")
		}
		return nil
	}, nil
}

// newBcryptStep is one verification of a bcrypt hash of cost 10.
func newBcryptStep(c Config) (step, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(c.Password), bcrypt.DefaultCost)
	return func(context.Context) error { return bcrypt.CompareHashAndPassword(hash, []byte(c.Password)) }, err
}

// newSQLStep reads one row by its primary key.
func newSQLStep(c Config) (step, error) {
	db, err := openDatabase(c.Database)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		var hash, subject string
		return db.QueryRowContext(ctx, `select hash, subject from api_keys where id = $1 and imported = 0`, c.Key).Scan(&hash, &subject)
	}, nil
}
