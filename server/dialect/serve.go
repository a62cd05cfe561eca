package dialect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/server/audit"
)

// Endpoint is an API over a Backend: an HTTP handler for its paths.
type Endpoint struct {
	*API
	Backend Backend
	Usage   *Usage // nil: nobody counts
}

// Mount puts the endpoint on a mux: its path and all below.
func (e *Endpoint) Mount(mux *http.ServeMux) {
	mux.Handle(e.Host+e.Path+"/", e)
	if e.Path != "" {
		mux.Handle(e.Host+e.Path, e)
	}
}

// call is one request to an Endpoint.
type call struct {
	*Endpoint
	route  *route
	w      http.ResponseWriter
	r      *http.Request
	in     input
	fields fields
	event  *audit.Event
	now    time.Time

	proved  bool     // a credential or a token was right
	refusal *Refusal // how it ended; nil for a success
}

// ServeHTTP answers in the dialect's spelling whatever is asked, and however it
// ends.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) { e.Usage.count(e.answer(w, r)) }

// Unavailable answers a request that the server cannot take, for a cause of its
// own.
func (e *Endpoint) Unavailable(w http.ResponseWriter, r *http.Request, cause error) {
	c := e.begin(w, r)
	c.find() // what it is about has an answer of its own, perhaps
	c.fail(&Refusal{Outcome: Unavailable, RetryAfter: time.Second, Err: cause})
}

func (e *Endpoint) begin(w http.ResponseWriter, r *http.Request) *call {
	c := &call{Endpoint: e, route: e.dialect.fallback, w: w, r: r, event: audit.FromContext(r.Context()), now: time.Now()}
	c.event.Issuer = e.IssuerName
	e.announceEnd(w.Header())
	return c
}

func (e *Endpoint) answer(w http.ResponseWriter, r *http.Request) *call {
	c := e.begin(w, r)
	defer func() {
		if v := recover(); v != nil {
			c.fail(&Refusal{Outcome: Internal, Err: fmt.Errorf("panic: %v", v)})
			panic(v) // whoever makes the event logs the stack
		}
	}()
	err := c.find()
	c.event.Route = e.Name + "." + c.route.name
	if err == nil {
		err = c.serve()
	}
	if err != nil {
		c.fail(asRefusal(err))
	}
	return c
}

func asRefusal(err error) *Refusal {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	return &Refusal{Outcome: Internal, Err: err}
}

// announceEnd tells callers that the API ends (RFC 9745, RFC 8594).
func (a *API) announceEnd(h http.Header) {
	if !a.Deprecated.IsZero() {
		h.Set("Deprecation", "@"+strconv.FormatInt(a.Deprecated.Unix(), 10))
	}
	if !a.Sunset.IsZero() {
		h.Set("Sunset", a.Sunset.UTC().Format(http.TimeFormat))
	}
}

// find finds the route for the method and path.
func (c *call) find() error {
	below, ok := strings.CutPrefix(oneSlash(c.r.URL.Path), c.Path)
	if !ok || below != "" && below[0] != '/' {
		return &Refusal{Outcome: NotFound, Err: fmt.Errorf("the dialect is at %s and below", c.Path)}
	}
	asked := segmentsOf(below)
	method := c.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var others []string
	for _, r := range c.dialect.routes {
		named, ok := r.match(asked)
		switch {
		case !ok:
		case r.method == method:
			c.route, c.in = r, input{r: c.r, path: named}
			return nil
		default:
			others = append(others, r.method)
		}
	}
	if len(others) == 0 {
		return &Refusal{Outcome: NotFound}
	}
	slices.Sort(others)
	c.w.Header().Set("Allow", strings.Join(slices.Compact(others), ", "))
	return &Refusal{Outcome: MethodNotAllowed}
}

// serve reads the request and does what the route is for.
func (c *call) serve() error {
	if c.route.asks {
		if refusal := c.in.readQuery(); refusal != nil {
			return refusal
		}
	}
	if c.route.reads {
		if refusal := c.route.readBody(c.w, &c.in); refusal != nil {
			return refusal
		}
	}
	values, refusal := c.route.fieldsOf(&c.in)
	if c.fields = values; refusal != nil {
		if refusal.Outcome == Invalid && c.lacksToken() {
			return &Refusal{Outcome: Unauthenticated}
		}
		return refusal
	}
	return c.act(c.r.Context())
}

// lacksToken reports whether the request should carry a token in its head and
// does not: then it is not logged in rather than not valid.
func (c *call) lacksToken() bool {
	i := slices.IndexFunc(c.route.fields, func(f field) bool { return f.name == tokenField && f.required })
	return i >= 0 && c.fields.value(tokenField) == "" &&
		!slices.ContainsFunc(c.route.fields[i].from, func(s source) bool { return s.place == inJSON || s.place == inForm })
}

func (c *call) act(ctx context.Context) error {
	switch c.route.kind {
	case loginKind:
		return c.login(ctx)
	case sessionKind, inspectKind:
		return c.session(ctx)
	case refreshKind:
		return c.refresh(ctx)
	case startRefreshKind:
		return c.startRefresh(ctx)
	case endRefreshKind:
		return c.endRefresh(ctx)
	case logoutKind:
		return c.logout(ctx)
	}
	return c.succeed(&answering{})
}

// request are the request's variables.
func (c *call) request() requestVariables {
	v := c.fields.variables(c.route.name)
	v.Remote = c.event.Remote
	return v
}

// succeed writes the route's success.
func (c *call) succeed(v *answering) error {
	v.Request, v.Issuer, v.Options, v.Now = c.request(), c.Issuer, c.options, c.now
	status, err := c.route.success.statusOf(v, http.StatusOK)
	if err != nil {
		return fmt.Errorf("answer success: %w", err)
	}
	answer, err := c.route.success.render(v, status)
	if err != nil {
		return fmt.Errorf("answer success: %w", err)
	}
	if c.event.Outcome == "" {
		c.event.Outcome = audit.OK
	}
	answer.write(c.w, c.r.Method)
	return nil
}

// fail writes the answer for a refusal.
func (c *call) fail(r *Refusal) {
	c.refusal = r
	r.record(c.event)
	answer, err := c.renderFailure(r)
	if err != nil {
		internal := &Refusal{Outcome: Internal, Err: fmt.Errorf("answer %s: %w", r.Outcome, err)}
		internal.record(c.event)
		if answer, err = c.renderFailure(internal); err != nil {
			answer = &response{status: http.StatusInternalServerError}
		}
	}
	answer.write(c.w, c.r.Method)
}

func (c *call) renderFailure(r *Refusal) (*response, error) {
	v := &failing{
		Failure: failureVariables{
			Outcome: string(r.Outcome), Code: cmp.Or(statuses[r.Outcome], statuses[Denied]),
			Message: cmp.Or(r.Message, messages[r.Outcome], messages[Denied]), Errors: []map[string]string{},
			RetryAfter: int(math.Ceil(r.RetryAfter.Seconds())),
		},
		Request: c.request(), Issuer: c.Issuer, Options: c.options, Now: c.now,
	}
	for _, f := range r.Fields {
		v.Failure.Errors = append(v.Failure.Errors, map[string]string{"field": f.Field, "message": f.Message})
	}
	a := c.route.failure(r.Outcome)
	v.Failure.Status = v.Failure.Code
	status, err := a.statusOf(v, v.Failure.Code)
	if err != nil {
		return nil, err
	}
	v.Failure.Status = status
	answer, err := a.render(v, status)
	if err == nil && r.RetryAfter > 0 {
		answer.headers.Set("Retry-After", strconv.Itoa(v.Failure.RetryAfter))
	}
	return answer, err
}
