package dialect

import "encoding/json"

// Interpret returns what a token says whose signature nobody here can check.
func (a *API) Interpret(text string) (*Token, error) {
	p, err := parse(text)
	if err != nil {
		return nil, err
	}
	payload, err := p.inflated()
	if err != nil {
		return nil, err
	}
	t := &Token{Text: text, Header: p.header}
	if t.Claims, err = parseObject(payload); err != nil {
		return nil, err
	}
	return t, a.interpret(t)
}

// Deflate and Inflate are the two ends of a compressed payload.
var (
	Deflate = deflate
	Inflate = inflate
)

// Members returns the members of a JSON object as a request may have them.
func Members(body []byte) (map[string]json.RawMessage, error) { return parseMembers(body) }
