package shape

import (
	"maps"
	"slices"
)

// With returns a shape with the members of both; where both name one, over's
// stands in its place, even if it turns out absent. Of two spreads over's
// remains. Where one of them is no mapping the result is over.
func (s *Shape[V]) With(over *Shape[V]) *Shape[V] {
	base, ok := s.root.(*mapping)
	top, also := over.root.(*mapping)
	if !ok || !also {
		return over
	}
	merged := &mapping{members: slices.Clone(base.members), spread: base.spread}
	for _, m := range top.members {
		at := slices.IndexFunc(merged.members, func(o member) bool { return o.Name == m.Name })
		if at >= 0 {
			merged.members[at] = m
		} else {
			merged.members = append(merged.members, m)
		}
	}
	if top.spread != nil {
		merged.spread = top.spread
	}
	if merged.spread != nil {
		merged.spread = merged.spread.without(merged.members, base.spread, top.spread)
	}
	return &Shape[V]{root: merged, variables: s.variables}
}

// without returns a spread that adds none of the members nor what either of
// two others must not add.
func (s *spread) without(members []member, others ...*spread) *spread {
	result := *s
	result.taken = maps.Clone(s.taken)
	for _, m := range members {
		result.taken[m.Name] = true
	}
	for _, o := range others {
		if o != nil {
			maps.Copy(result.taken, o.taken)
		}
	}
	return &result
}
