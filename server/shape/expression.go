package shape

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// expression compiles one ${}: at returns the position of a byte of its
// source. It returns nil where it reported a fault.
func (c *compiler) expression(source string, inText bool, at func(int) (int, int)) leaf {
	faults := len(c.faults)
	line, column := at(0)
	switch {
	case strings.TrimSpace(source) == "":
		c.fault(line, column, "", "an empty expression")
		return nil
	case utf8.RuneCountInString(source) > MaxExpression:
		c.fault(line, column, "", "an expression of more than %d characters", MaxExpression)
		return nil
	}
	parsed, issues := c.env.cel.Parse(source)
	if issues.Err() != nil {
		c.syntaxFault(source, issues, at)
		return nil
	}
	checked, issues := c.env.cel.Check(parsed)
	if issues.Err() != nil {
		c.checkFaults(source, parsed, issues, at)
		return nil
	}
	line, column = at(len(source) - len(strings.TrimLeft(source, " \t\r\n")))
	c.checkType(checked.OutputType(), inText, line, column)
	cost := c.checkCost(checked, line, column)
	c.checkGrowth(checked, line, column)
	if len(c.faults) > faults {
		return nil
	}
	return c.plan(checked, cost, place{line: line, column: column, source: source})
}

// plan chooses how an expression without faults is evaluated: as a path, as a
// constant or by CEL.
func (c *compiler) plan(checked *cel.Ast, cost uint64, here place) leaf {
	root := checked.NativeRep().Expr()
	if p := pathOf(root, c.env.variables); p != nil {
		p.place = here
		return p
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if cost > trackedCost {
		options = append(options, cel.CostLimit(MaxCost))
	}
	prg, err := c.env.cel.Program(checked, options...)
	if err != nil {
		c.fault(here.line, here.column, "", "%v", err)
		return nil
	}
	p := &program{place: here, cel: prg}
	if !c.readsVariables(root) {
		return c.constant(p)
	}
	return p
}

func (c *compiler) readsVariables(root celast.Expr) (reads bool) {
	celast.PostOrderVisit(root, celast.NewExprVisitor(func(e celast.Expr) {
		if e.Kind() == celast.IdentKind {
			_, ok := c.env.variables.fields[strings.TrimPrefix(e.AsIdent(), ".")]
			reads = reads || ok
		}
	}))
	return reads
}

// constantLeaf is an expression that was computed when it was compiled.
type constantLeaf struct {
	*program
	json literal
}

func (l *constantLeaf) append(dst []byte, r *run) ([]byte, error) { return l.json.append(dst, r) }

func (c *compiler) constant(p *program) leaf {
	json, err := p.append(nil, &run{variables: &object{}})
	if err == errAbsent {
		return p
	}
	if err != nil {
		if rendering, ok := errors.AsType[*RenderError](err); ok {
			err = rendering.Err
		}
		c.fault(p.line, p.column, "", "%v", err)
		return nil
	}
	return &constantLeaf{program: p, json: json}
}

// checkType refuses what can never become JSON.
func (c *compiler) checkType(t *cel.Type, inText bool, line, column int) {
	if t.Kind() == types.OpaqueKind && t.TypeName() == "optional_type" {
		t = t.Parameters()[0]
	}
	if o := c.objectIn(t); o != nil {
		c.fault(line, column, "name one of its fields: "+strings.Join(o.names, ", "), "an object is no value")
		return
	}
	switch t.Kind() {
	case types.TypeKind:
		c.fault(line, column, "", "a type has no JSON form")
	case types.ListKind:
		if inText {
			c.fault(line, column, "join its items: .join(' ')", "a list cannot stand within text")
		}
	case types.MapKind, types.NullTypeKind:
		if inText {
			c.fault(line, column, "", "a map or null cannot stand within text")
		}
	}
}

// objectIn returns the first of our structs that a type holds.
func (c *compiler) objectIn(t *cel.Type) *object {
	if t.Kind() == types.StructKind {
		return c.env.objects[t.TypeName()]
	}
	for _, p := range t.Parameters() {
		if o := c.objectIn(p); o != nil {
			return o
		}
	}
	return nil
}

// syntaxFault reports the first syntax error; the others follow from it.
func (c *compiler) syntaxFault(source string, issues *cel.Issues, at func(int) (int, int)) {
	first := issues.Errors()[0]
	message := strings.TrimPrefix(first.Message, "Syntax error: ")
	message, _, _ = strings.Cut(message, " expecting ")
	message = strings.ReplaceAll(message, "mismatched input '<EOF>'", "the expression ends too early")
	line, column := at(byteOffset(source, first.Location.Line(), first.Location.Column()))
	c.fault(line, column, "", "%s", message)
}

// byteOffset returns where a line, from 1, and a column of characters, from 0,
// is in a text.
func byteOffset(s string, line, column int) int {
	offset := 0
	for ; line > 1; line-- {
		n := strings.IndexByte(s[offset:], '\n')
		if n < 0 {
			break
		}
		offset += n + 1
	}
	for ; column > 0 && offset < len(s); column-- {
		_, n := utf8.DecodeRuneInString(s[offset:])
		offset += n
	}
	return offset
}

var quoted = regexp.MustCompile(`'([^']*)'`)

// checkFaults reports what CEL's checker found, in our words.
func (c *compiler) checkFaults(source string, parsed *cel.Ast, issues *cel.Issues, at func(int) (int, int)) {
	byID := map[int64]celast.Expr{}
	celast.PostOrderVisit(parsed.NativeRep().Expr(), celast.NewExprVisitor(func(e celast.Expr) { byID[e.ID()] = e }))
	seen := map[string]bool{}
	unknownCall := false
	for _, issue := range issues.Errors() {
		name := ""
		if m := quoted.FindStringSubmatch(issue.Message); m != nil {
			name = m[1]
		}
		offset := byteOffset(source, issue.Location.Line(), issue.Location.Column())
		message, hint := issue.Message, ""
		isCall := byID[issue.ExprID] != nil && byID[issue.ExprID].Kind() == celast.CallKind
		switch {
		case strings.HasPrefix(message, "undeclared reference") && isCall:
			unknownCall = true
			message, hint = "no such function: "+name, suggest("", name, c.env.functions)
		case strings.HasPrefix(message, "undeclared reference") && unknownCall:
			continue // a variable of the macro that the unknown function was meant to be
		case strings.HasPrefix(message, "undeclared reference"):
			message, hint = "no such variable: "+name, suggest("", name, c.env.variables.names)
		case strings.HasPrefix(message, "undefined field"):
			message, hint = c.noSuchField(byID[issue.ExprID], name)
			offset += strings.Index(source[offset:]+name, name)
		case strings.HasPrefix(message, "found no matching overload"):
			message = overloadMessage(message, name)
		}
		if line, column := at(offset); !seen[message] {
			seen[message] = true
			c.fault(line, column, hint, "%s", message)
		}
	}
}

func (c *compiler) noSuchField(e celast.Expr, name string) (message, hint string) {
	prefix, fields := "", []string(nil)
	if operand := operandOf(e); operand != nil {
		if p := pathOf(operand, c.env.variables); p != nil && p.fields[len(p.fields)-1].inner != nil {
			prefix, fields = pathText(operand)+".", p.fields[len(p.fields)-1].inner.names
		}
	}
	return prefix + name + ": no such field", suggest(prefix, name, fields)
}

// operandOf returns what a field is selected from: x of x.f and of x.?f.
func operandOf(e celast.Expr) celast.Expr {
	switch {
	case e == nil:
		return nil
	case e.Kind() == celast.SelectKind:
		return e.AsSelect().Operand()
	case e.Kind() == celast.CallKind && len(e.AsCall().Args()) > 0:
		return e.AsCall().Args()[0]
	}
	return nil
}

func pathText(e celast.Expr) string {
	if e.Kind() == celast.SelectKind {
		return pathText(e.AsSelect().Operand()) + "." + e.AsSelect().FieldName()
	}
	return e.AsIdent()
}

func overloadMessage(message, name string) string {
	_, arguments, _ := strings.Cut(message, " applied to ")
	arguments = strings.Trim(arguments, "'")
	if operator, ok := operators.FindReverse(name); ok && operator != "" {
		return operator + " does not apply to " + arguments
	}
	return name + " does not apply to " + arguments
}
