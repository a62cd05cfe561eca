package shape

import (
	"errors"
	"maps"
	"reflect"
	"slices"
)

// node is a compiled part of a shape. append writes its JSON; errAbsent says
// that there is nothing to write.
type node interface {
	append(dst []byte, r *run) ([]byte, error)
}

// run is one rendering: the variables' values, as CEL asks for them.
type run struct {
	variables *object
	values    reflect.Value
}

// literal is JSON that is always the same.
type literal []byte

func (l literal) append(dst []byte, _ *run) ([]byte, error) { return append(dst, l...), nil }

// text is a string with expressions in it.
type text []part

// part is escaped JSON text or, where leaf is set, an expression.
type part struct {
	literal []byte
	leaf    leaf
}

var errInText = errors.New("a list, map or null cannot stand within text")

func (t text) append(dst []byte, r *run) ([]byte, error) {
	dst = append(dst, '"')
	for _, p := range t {
		if p.leaf == nil {
			dst = append(dst, p.literal...)
			continue
		}
		start := len(dst)
		var err error
		if dst, err = p.leaf.append(dst, r); err != nil {
			if errors.Is(err, errAbsent) {
				err = p.leaf.fail(errMissing)
			}
			return dst, err
		}
		switch dst[start] {
		case '"':
			dst = append(dst[:start], dst[start+1:len(dst)-1]...)
		case '{', '[':
			return dst, p.leaf.fail(errInText)
		case 'n':
			return dst, p.leaf.fail(errNull)
		}
	}
	return append(dst, '"'), nil
}

var errNull = errors.Join(errInText, errMissing)

// list is a sequence. Absent items are left out.
type list []node

func (l list) append(dst []byte, r *run) ([]byte, error) {
	dst = append(dst, '[')
	for _, item := range l {
		mark := len(dst)
		if dst[mark-1] != '[' {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = item.append(dst, r); errors.Is(err, errAbsent) {
			dst = dst[:mark]
		} else if err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

// mapping is a JSON object.
type mapping struct {
	members []member
	spread  *spread
}

// member is one member of a mapping.
type member struct {
	Member
	key  []byte // the name as JSON, with its colon
	node node
}

func (m *mapping) append(dst []byte, r *run) ([]byte, error) {
	dst = append(dst, '{')
	var err error
	for i := range m.members {
		if dst, err = m.members[i].append(dst, r); err != nil {
			return dst, err
		}
	}
	if m.spread != nil {
		if dst, err = m.spread.append(dst, r); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// append writes a member with its comma, or nothing.
func (m *member) append(dst []byte, r *run) ([]byte, error) {
	mark := len(dst)
	if dst[mark-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, m.key...)
	start := len(dst)
	dst, err := m.node.append(dst, r)
	if err != nil {
		if errors.Is(err, errAbsent) || m.Optional && errors.Is(err, errMissing) {
			return dst[:mark], nil
		}
		return dst, err
	}
	if m.Optional && isEmpty(dst[start:]) {
		return dst[:mark], nil
	}
	return dst, nil
}

func isEmpty(json []byte) bool {
	switch string(json) {
	case `null`, `""`, `[]`, `{}`:
		return true
	}
	return false
}

// spread adds the members of a map, but for those that the shape names itself.
type spread struct {
	Member
	leaf  leaf
	taken map[string]bool
}

func (s *spread) append(dst []byte, r *run) ([]byte, error) {
	v, err := s.leaf.value(r)
	if errors.Is(err, errAbsent) || s.Optional && errors.Is(err, errMissing) {
		return dst, nil
	}
	if err != nil {
		return dst, err
	}
	members, err := membersOf(v)
	if err != nil {
		return dst, s.leaf.fail(err)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if s.taken[name] {
			continue
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, name), ':')
		if dst, err = appendValue(dst, members[name], 1); err != nil {
			return dst, s.leaf.fail(err)
		}
	}
	return dst, nil
}

// fold makes a literal of a node that does not depend on variables.
func fold(n node) node {
	constant := false
	switch n := n.(type) {
	case list:
		constant = !slices.ContainsFunc(n, func(item node) bool { return !isLiteral(item) })
	case *mapping:
		constant = n.spread == nil && !slices.ContainsFunc(n.members, func(m member) bool { return !isLiteral(m.node) })
	}
	if !constant {
		return n
	}
	json, err := n.append(nil, nil)
	if err != nil {
		return n
	}
	return literal(slices.Clip(json))
}

func isLiteral(n node) bool {
	_, ok := n.(literal)
	return ok
}
