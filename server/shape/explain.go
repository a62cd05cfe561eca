package shape

import (
	"encoding/json"
	"reflect"
)

// Member is a top-level member as it was written.
type Member struct {
	Name         string // without its question mark; "..." for a spread
	Optional     bool
	Line, Column int    // of the name
	Source       string // of the value
}

// Members returns the top-level members in the order of the text, or nil where
// the shape is no mapping.
func (s *Shape[V]) Members() []Member {
	m, ok := s.root.(*mapping)
	if !ok {
		return nil
	}
	var members []Member
	for i := range m.members {
		members = append(members, m.members[i].Member)
	}
	if m.spread != nil {
		members = append(members, m.spread.Member)
	}
	return members
}

// Explanation is a member with what it is for some values of the variables.
type Explanation struct {
	Member
	JSON json.RawMessage // nil where the member is left out; for a spread, an object of what it adds
	Err  error           // where it has no value
}

// Explain renders each of Members by itself, so that one that fails does not
// hide the others.
func (s *Shape[V]) Explain(variables *V) []Explanation {
	m, ok := s.root.(*mapping)
	if !ok {
		return nil
	}
	r := run{variables: s.variables, values: reflect.ValueOf(variables).Elem()}
	var all []Explanation
	for i := range m.members {
		e := Explanation{Member: m.members[i].Member}
		text, err := m.members[i].append([]byte("{"), &r)
		if e.Err = err; err == nil && len(text) > 1 {
			e.JSON = text[1+len(m.members[i].key):]
		}
		all = append(all, e)
	}
	if m.spread != nil {
		e := Explanation{Member: m.spread.Member}
		if e.JSON, e.Err = m.spread.append([]byte("{"), &r); e.Err == nil {
			e.JSON = append(e.JSON, '}')
		} else {
			e.JSON = nil
		}
		all = append(all, e)
	}
	return all
}
