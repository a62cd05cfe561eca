package shape

import (
	"maps"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// maxCopies bounds how often an expression may repeat what it is given in what
// it makes. CEL's costs do not see copies: [x].map(a, [a, a]) shares its halves,
// and thirty of these after each other are a billion values for whoever
// compares or writes them.
const maxCopies = 1000

// checkGrowth refuses an expression that makes too much out of little.
func (c *compiler) checkGrowth(checked *cel.Ast, line, column int) {
	g := growth{types: checked.NativeRep().TypeMap(), local: map[string]float64{}, most: new(float64)}
	if g.copies(checked.NativeRep().Expr()); *g.most > maxCopies {
		c.fault(line, column, "let the plugin compute it", "the expression may run long: it repeats what it is given up to %.0f times, allowed are %d", min(*g.most, 1e9), maxCopies)
	}
}

// growth counts copies. The variable of a macro stands for an item of its range.
type growth struct {
	types map[int64]*types.Type
	local map[string]float64
	most  *float64 // of any part of the expression
}

// copies returns how often one value may occur in what e gives.
func (g growth) copies(e celast.Expr) float64 {
	n := g.of(e)
	*g.most = max(*g.most, n)
	return n
}

func (g growth) of(e celast.Expr) float64 {
	switch e.Kind() {
	case celast.IdentKind:
		if n, ok := g.local[e.AsIdent()]; ok {
			return n
		}
	case celast.SelectKind:
		return g.copies(e.AsSelect().Operand())
	case celast.ListKind:
		return max(1, g.sum(e.AsList().Elements()))
	case celast.MapKind:
		n := 0.0
		for _, entry := range e.AsMap().Entries() {
			n += g.copies(entry.AsMapEntry().Value())
		}
		return max(1, n)
	case celast.CallKind:
		return g.ofCall(e)
	case celast.ComprehensionKind:
		return g.ofMacro(e.AsComprehension())
	}
	return 1
}

// ofCall takes a function's result for all of its arguments, unless it is a
// scalar: of these CEL counts the cost.
func (g growth) ofCall(e celast.Expr) float64 {
	arguments := g.sum(e.AsCall().Args())
	if e.AsCall().FunctionName() == operators.Conditional {
		return max(g.copies(e.AsCall().Args()[1]), g.copies(e.AsCall().Args()[2]))
	}
	if e.AsCall().IsMemberFunction() {
		arguments += g.copies(e.AsCall().Target())
	}
	switch t := g.types[e.ID()]; {
	case t == nil:
	case t.Kind() == types.BoolKind, t.Kind() == types.StringKind, t.Kind() == types.IntKind, t.Kind() == types.UintKind,
		t.Kind() == types.DoubleKind, t.Kind() == types.BytesKind, t.Kind() == types.TimestampKind, t.Kind() == types.DurationKind:
		return 1
	}
	return max(1, arguments)
}

// ofMacro follows what map, filter and their relatives are expanded to: what
// one step adds to the accumulator.
func (g growth) ofMacro(m celast.ComprehensionExpr) float64 {
	inner := growth{g.types, maps.Clone(g.local), g.most}
	item := g.copies(m.IterRange())
	inner.local[m.IterVar()], inner.local[m.IterVar2()] = item, item
	inner.local[m.AccuVar()] = 0
	return max(1, inner.copies(m.LoopStep()), g.copies(m.AccuInit()))
}

func (g growth) sum(all []celast.Expr) float64 {
	n := 0.0
	for _, e := range all {
		n += g.copies(e)
	}
	return n
}
