package database

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// Plugin checks passwords against a database. Make it with [New] and configure
// it before anything else.
type Plugin struct {
	servers *servers
	checker *checker
	renewal *renewal // nil where weak hashes stay
}

var (
	_ sdk.Authenticator = (*Plugin)(nil)
	_ sdk.Configurer    = (*Plugin)(nil)
	_ sdk.Describer     = (*Plugin)(nil)
	_ sdk.Refresher     = (*Plugin)(nil)
	_ sdk.Lookuper      = (*Plugin)(nil)
)

// people is where persons are found: the users table or the operator's query.
// Errors wrap sqldb.ErrNotFound for nobody, errAmbiguous for more than one;
// others are faults.
type people interface {
	// find returns who logs in with r.
	find(ctx context.Context, r sdk.Request) (account, error)
	// complete adds what only a right password makes worth reading.
	complete(ctx context.Context, r sdk.Request, a *account) error
	// again returns the person of an identity that find returned before.
	again(ctx context.Context, id sdk.Identity) (account, error)
	// named returns the person with a subject or user name.
	named(ctx context.Context, name string) (account, error)
	// prepare makes ready what is written to.
	prepare(ctx context.Context) error
	// renew stores a new hash unless the weak one is there no longer.
	renew(ctx context.Context, w weak) (bool, error)
	// try looks in vain for nobody, as find would.
	try(ctx context.Context) error
}

// errAmbiguous is that a name means more than one person.
var errAmbiguous = errors.New("more than one person has this name")

// New returns the plugin, to be configured.
func New() *Plugin { return &Plugin{} }

// Describe names the plugin and its configuration.
func (p *Plugin) Describe() sdk.Description {
	return sdk.Description{Name: "database", Version: "1", Kinds: []sdk.Kind{sdk.Password}, Schema: schema}
}

// Configure opens the database and its replicas, brings the users table up to date
// where that is used, and tries the operator's queries once where not.
func (p *Plugin) Configure(ctx context.Context, config json.RawMessage) error {
	c, policy, err := parseConfig(config)
	if err != nil {
		return err
	}
	servers, err := openServers(ctx, c)
	if err != nil {
		return err
	}
	p.servers, p.checker = servers, newChecker(policy, c.Queue)
	if c.Rehash {
		p.renewal = newRenewal(p.checker.gate, servers.primary)
	}
	return nil
}

// Close closes the database, after the renewal of a hash that is under way.
func (p *Plugin) Close() error {
	if p.servers == nil {
		return nil
	}
	if p.renewal != nil {
		p.renewal.running.Wait()
	}
	return p.servers.close()
}

// Authenticate checks a user name and password.
func (p *Plugin) Authenticate(ctx context.Context, r sdk.Request) (sdk.Identity, error) {
	if r.Credential.Kind != sdk.Password {
		return sdk.Identity{}, sdk.ErrUnknown
	}
	password := &attempt{checker: p.checker, secret: r.Credential.Secret}
	id, err := ask(p.servers, func(from people) (sdk.Identity, error) { return login(ctx, from, r, password) })
	if err == nil && p.renewal != nil {
		p.renewal.begin(r, id.Subject, password)
	}
	return id, err
}

func login(ctx context.Context, from people, r sdk.Request, password *attempt) (sdk.Identity, error) {
	found, refusal := find(ctx, from, r)
	if errors.Is(refusal, sdk.ErrUnavailable) {
		return sdk.Identity{}, refusal
	}
	right, err := password.check(ctx, found)
	switch {
	case err != nil:
		return sdk.Identity{}, err
	case refusal != nil:
		return sdk.Identity{}, refusal
	case !right:
		return sdk.Identity{}, sdk.Denied(sdk.Invalid)
	}
	if err := from.complete(ctx, r, found); err != nil {
		return sdk.Identity{}, unavailable("read details", err)
	}
	return found.admit(r.Attributes["unit"], time.Now())
}

// find returns the person who logs in, or none and how to refuse.
func find(ctx context.Context, from people, r sdk.Request) (*account, error) {
	found, err := from.find(ctx, r)
	switch {
	case err == nil:
		return &found, nil
	case errors.Is(err, sqldb.ErrNotFound):
		return nil, sdk.ErrUnknown
	case errors.Is(err, errAmbiguous):
		slog.WarnContext(ctx, "refused a login: more than one person has the name", "username", r.Credential.Username)
		return nil, sdk.Denied(sdk.Invalid)
	}
	return nil, unavailable("find person", err)
}

// Refresh returns the identity as it is now, for the same unit.
func (p *Plugin) Refresh(ctx context.Context, id sdk.Identity) (sdk.Identity, error) {
	return ask(p.servers, func(from people) (sdk.Identity, error) {
		found, err := from.again(ctx, id)
		if err == nil {
			err = from.complete(ctx, requestOf(id), &found)
		}
		if err != nil {
			return sdk.Identity{}, absent(err)
		}
		return found.admit(id.Unit, time.Now())
	})
}

// Lookup returns the identity of a subject or user name, also of one who may
// not log in.
func (p *Plugin) Lookup(ctx context.Context, name string) (sdk.Identity, error) {
	return ask(p.servers, func(from people) (sdk.Identity, error) {
		found, err := from.named(ctx, name)
		if err == nil {
			err = from.complete(ctx, requestOf(found.identity), &found)
		}
		if err != nil {
			return sdk.Identity{}, absent(err)
		}
		return found.identity, nil
	})
}

// requestOf returns the request that an identity would log in with.
func requestOf(id sdk.Identity) sdk.Request {
	return sdk.Request{
		Credential: sdk.Credential{Kind: sdk.Password, Username: id.Username},
		Attributes: map[string]string{"organisation": id.Organisation, "unit": id.Unit},
	}
}

func absent(err error) error {
	if errors.Is(err, sqldb.ErrNotFound) || errors.Is(err, errAmbiguous) {
		return sdk.ErrUnknown
	}
	return unavailable("find person", err)
}

func unavailable(doing string, err error) error {
	return sdk.Unavailable(fmt.Errorf("%s: %w", doing, err))
}
