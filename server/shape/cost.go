package shape

import (
	"math"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
)

// trackedCost is the estimate above which an expression's cost is counted
// while it runs. Below, its work is proportional to its input, which is
// bounded, and counting would double it.
const trackedCost = 1000

// checkCost adds an expression's estimate to the shape's and returns it.
func (c *compiler) checkCost(checked *cel.Ast, line, column int) uint64 {
	estimate, err := c.env.cel.EstimateCost(checked, sizes{})
	if err != nil {
		c.fault(line, column, "", "%v", err)
		return 0
	}
	const hint = "a list within a list multiplies: look once, or let the plugin compute it"
	before := c.cost
	c.cost += min(estimate.Max, MaxCost)
	switch {
	case estimate.Max == math.MaxUint64:
		c.fault(line, column, hint, "the expression may run long: its cost has no bound")
	case estimate.Max > MaxCost:
		c.fault(line, column, hint, "the expression may run long: its cost is up to %d, allowed are %d", estimate.Max, MaxCost)
	case before <= MaxTotalCost && c.cost > MaxTotalCost:
		c.fault(line, column, hint, "the expressions up to this one may run long: their cost is up to %d, allowed are %d", c.cost, MaxTotalCost)
	}
	return estimate.Max
}

// sizes are the estimates behind MaxCost.
type sizes struct{}

const estimatedSize = 256

// formattedCost is that of a list or map which format writes out: CEL counts
// none for it.
const formattedCost = 20_000

// EstimateCallCost leaves the costs of calls to CEL, but for format.
func (sizes) EstimateCallCost(function, _ string, _ *cost.AstNode, args []cost.AstNode) *cost.CallEstimate {
	if function != "format" || len(args) != 1 {
		return nil
	}
	estimate := cost.FixedCostEstimate(formattedCost)
	if list := args[0].Expr(); list.Kind() == celast.ListKind {
		estimate = cost.FixedCostEstimate(estimatedSize)
		for _, e := range list.AsList().Elements() {
			if e.Kind() != celast.LiteralKind {
				estimate = estimate.Add(cost.FixedCostEstimate(formattedCost))
			}
		}
	}
	return cost.NewCallEstimate(estimate, &cost.SizeEstimate{Max: estimatedSize})
}

// EstimateSize estimates what CEL cannot know: the sizes of variables.
func (sizes) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	if n.ComputedSize() != nil {
		return nil
	}
	switch n.Type().Kind() {
	case types.BoolKind, types.IntKind, types.UintKind, types.DoubleKind, types.TimestampKind, types.DurationKind:
		one := cost.FixedSizeEstimate(1)
		return &one
	}
	return variableSize
}

// variableSize is the size of a string, and of lists and maps of such, within
// each other as far as anybody looks.
var variableSize = func() *cost.SizeEstimate {
	size := &cost.SizeEstimate{Max: estimatedSize}
	for range 8 {
		size = &cost.SizeEstimate{Max: estimatedSize, Key: &cost.SizeEstimate{Max: estimatedSize}, Elem: size}
	}
	return size
}()
