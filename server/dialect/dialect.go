package dialect

import (
	"slices"
	"time"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/shape"
)

// Dialect is a vendor's login API, compiled from its file. It is safe for
// concurrent use.
type Dialect struct {
	Name, Title string
	Path, Host  string // where the API begins, and the only host it answers at; may be ""
	Algorithm   string // of its tokens, unless a Config says otherwise
	Lifetime    time.Duration
	Options     map[string]any // with their defaults

	typ      string // of the header; "" for none
	times    timeForm
	backdate time.Duration
	zip      bool
	id       idForm
	claims   *shape.Shape[issuing]
	read     *shape.Shape[reading]
	routes   []*route
	fallback *route // for what no route matches: it has answers alone
}

// Load compiles the text of a dialect's file; name is what faults call it. The
// error is of type strictyaml.Faults and holds all that is wrong.
func Load(name string, text []byte) (*Dialect, error) {
	c := &compiler{file: &file{}, text: string(text)}
	c.doc, _ = strictyaml.Decode(name, text, c.file)
	if err := c.doc.Err(); err != nil && c.doc.Empty() {
		return nil, err
	}
	d := c.compile()
	if err := c.doc.Err(); err != nil {
		return nil, err
	}
	return d, nil
}

// RouteInfo tells of a route without its inside.
type RouteInfo struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Method string `json:"method"`
	Path   string `json:"path"` // the dialect's included
}

// Routes tells of the dialect's routes, in the order of the file.
func (d *Dialect) Routes() []RouteInfo {
	var all []RouteInfo
	for _, r := range d.routes {
		all = append(all, RouteInfo{r.name, string(r.kind), r.method, d.Path + joined(r.segments)})
	}
	return all
}

func joined(segments []string) string {
	path := ""
	for _, s := range segments {
		path += "/" + s
	}
	return path
}

// Kinds are the credentials that logins take, in the order of the file.
func (d *Dialect) Kinds() []sdk.Kind {
	var kinds []sdk.Kind
	for _, r := range d.routes {
		kind := sdk.Password
		if r.grant == apiKeyField {
			kind = sdk.APIKey
		}
		if r.kind == loginKind && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}
