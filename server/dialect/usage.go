package dialect

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Use is what one kind of program asked of one route.
type Use struct {
	Issuer    string    `json:"issuer"`
	Dialect   string    `json:"dialect"` // as it is configured
	Route     string    `json:"route"`   // "none" where none matched
	UserAgent string    `json:"user_agent"`
	Requests  int64     `json:"requests"`
	Logins    int64     `json:"logins"` // those that got a token
	Last      time.Time `json:"last"`
}

// Usage counts who uses dialects, so that an operator learns who would miss one.
// It counts what passed through it since it was made, and is safe for
// concurrent use. A nil Usage counts nothing.
type Usage struct {
	mu     sync.Mutex
	uses   map[usageKey]*Use
	agents map[agentKey]map[string]bool // those that are counted by name
}

type (
	usageKey struct{ issuer, dialect, route, agent string }
	agentKey struct{ issuer, dialect string }
)

// NewUsage returns a Usage that has counted nothing.
func NewUsage() *Usage {
	return &Usage{uses: map[usageKey]*Use{}, agents: map[agentKey]map[string]bool{}}
}

// What a caller is counted as, beside the names of programs.
const (
	maxAgents   = 20 // names for each dialect
	maxAgent    = 40 // bytes of a name
	otherAgents = "other"
	noAgent     = "none"
)

// Uses returns what was counted, by issuer, dialect, route and user agent.
func (u *Usage) Uses() []Use {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := make([]Use, 0, len(u.uses))
	for _, use := range u.uses {
		all = append(all, *use)
	}
	slices.SortFunc(all, func(a, b Use) int {
		return cmp.Or(cmp.Compare(a.Issuer, b.Issuer), cmp.Compare(a.Dialect, b.Dialect), cmp.Compare(a.Route, b.Route), cmp.Compare(a.UserAgent, b.UserAgent))
	})
	return all
}

// count counts a call that was answered.
func (u *Usage) count(c *call) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	key := usageKey{c.IssuerName, c.Name, c.route.name, u.agent(c)}
	use := u.uses[key]
	if use == nil {
		use = &Use{Issuer: key.issuer, Dialect: key.dialect, Route: key.route, UserAgent: key.agent}
		u.uses[key] = use
	}
	use.Requests++
	if c.refusal == nil && c.route.kind == loginKind {
		use.Logins++
	}
	if use.Last.Before(c.now) {
		use.Last = c.now
	}
}

// agent returns what a caller is counted as. Only who has proved something gets
// a program's name onto the list: strangers cannot fill it.
func (u *Usage) agent(c *call) string {
	name := productOf(c.r.UserAgent())
	if name == noAgent || name == otherAgents {
		return name
	}
	key := agentKey{c.IssuerName, c.Name}
	known := u.agents[key]
	if known[name] {
		return name
	}
	if !c.proved || len(known) >= maxAgents {
		return otherAgents
	}
	if known == nil {
		known = map[string]bool{}
		u.agents[key] = known
	}
	known[name] = true
	return name
}

// productOf returns the first product of a User-Agent header, without its
// version (RFC 9110 section 10.1.5).
func productOf(userAgent string) string {
	end := strings.IndexFunc(userAgent, func(r rune) bool { return !isTokenChar(r) })
	if end < 0 {
		end = len(userAgent)
	}
	switch {
	case end == 0:
		return noAgent
	case end > maxAgent:
		return otherAgents
	}
	return userAgent[:end]
}

func isTokenChar(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r < 0x80 && strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
