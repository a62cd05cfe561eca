package strictyaml

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

var durationTypes = []reflect.Type{reflect.TypeFor[Duration](), reflect.TypeFor[time.Duration]()}

func isDuration(t reflect.Type) bool { return t == durationTypes[0] || t == durationTypes[1] }

// isScalar says whether values of a type are written as one scalar.
func isScalar(t reflect.Type) bool {
	switch k := t.Kind(); {
	case isDuration(t), reflect.PointerTo(t).Implements(textType):
		return true
	default:
		return k == reflect.String || k == reflect.Bool || isNumber(k)
	}
}

func isNumber(k reflect.Kind) bool {
	return reflect.Int <= k && k <= reflect.Uint64 || k == reflect.Float32 || k == reflect.Float64
}

func (d *Document) scalar(n ast.Node, v reflect.Value, r rules) {
	switch t := v.Type(); {
	case isDuration(t):
		d.duration(n, v)
	case reflect.PointerTo(t).Implements(textType):
		text, ok := d.text(n)
		if !ok {
			return
		}
		if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			d.faultAt(n, false, "", "%v", err)
		}
	case t.Kind() == reflect.String:
		text, ok := d.text(n)
		if !ok {
			return
		}
		if message, hint := r.checkText(text); message != "" {
			if len(r.enum) > 0 {
				message = fmt.Sprintf("%q %s", text, message)
			} else {
				message = "the text " + message
			}
			d.faultAt(n, len(r.enum) > 0, hint, "%s", message)
			return
		}
		v.SetString(text)
	case t.Kind() == reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.faultAt(n, false, boolHint(n), "true or false is wanted, not %s", kindOf(n))
			return
		}
		v.SetBool(b.Value)
	case t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64:
		d.float(n, v, r)
	default:
		d.integer(n, v, r)
	}
}

// text returns a string. Numbers and booleans are none unless they are quoted.
func (d *Document) text(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	hint := ""
	if _, ok := n.(ast.ScalarNode); ok {
		hint = "put it in quotes"
	}
	d.faultAt(n, false, hint, "a text is wanted, not %s", kindOf(n))
	return "", false
}

func boolHint(n ast.Node) string {
	if s, ok := n.(*ast.StringNode); ok {
		switch strings.ToLower(s.Value) {
		case "yes", "on", "y":
			return "write true"
		case "no", "off", "n":
			return "write false"
		case "true", "false":
			return "write it without quotes"
		}
	}
	return ""
}

func (d *Document) duration(n ast.Node, v reflect.Value) {
	var err error = errDuration
	var std time.Duration
	if s, ok := n.(*ast.StringNode); ok {
		std, err = ParseDuration(s.Value)
	}
	if err != nil {
		d.faultAt(n, kindOf(n) == "a number", "", "%v", err)
		return
	}
	v.SetInt(int64(std))
}

var plainNumber = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?$|^0[xo][0-9A-Fa-f]+$`)

// written returns a number as it stands in the text, and reports it where
// readers of YAML do not agree on what it is.
func (d *Document) written(n ast.Node) string {
	text := n.GetToken().Value
	if !plainNumber.MatchString(text) {
		d.faultAt(n, true, "write digits alone, without a zero before them", "%s: readers of YAML do not agree on this number", text)
	}
	return text
}

func (d *Document) integer(n ast.Node, v reflect.Value, r rules) {
	number, ok := n.(*ast.IntegerNode)
	if _, isFloat := n.(*ast.FloatNode); isFloat {
		d.faultAt(n, true, "", "a whole number is wanted")
		return
	}
	if !ok {
		d.faultAt(n, false, unquoteHint(n), "a whole number is wanted, not %s", kindOf(n))
		return
	}
	text := d.written(n)
	var err error
	switch i := number.Value.(type) {
	case int64:
		err = setInteger(v, i, i < 0)
	case uint64:
		if i > math.MaxInt64 {
			err = errRange
			if v.CanUint() && !v.OverflowUint(i) {
				v.SetUint(i)
				err = nil
			}
		} else {
			err = setInteger(v, int64(i), false)
		}
	}
	if err != nil {
		d.faultAt(n, true, "", "%s %v", text, err)
		return
	}
	f := 0.0
	if v.CanUint() {
		f = float64(v.Uint())
	} else {
		f = float64(v.Int())
	}
	if message := r.checkNumber(f, text); message != "" {
		d.faultAt(n, true, "", "%s %s", text, message)
	}
}

var errRange = errors.New("is out of range")

func setInteger(v reflect.Value, i int64, negative bool) error {
	switch {
	case v.CanUint() && (negative || v.OverflowUint(uint64(i))), v.CanInt() && v.OverflowInt(i):
		return errRange
	case v.CanUint():
		v.SetUint(uint64(i))
	default:
		v.SetInt(i)
	}
	return nil
}

func unquoteHint(n ast.Node) string {
	if s, ok := n.(*ast.StringNode); ok && plainNumber.MatchString(s.Value) {
		return "write it without quotes"
	}
	return ""
}

func (d *Document) float(n ast.Node, v reflect.Value, r rules) {
	var f float64
	switch number := n.(type) {
	case *ast.FloatNode:
		f = number.Value
	case *ast.IntegerNode:
		switch i := number.Value.(type) {
		case int64:
			f = float64(i)
		case uint64:
			f = float64(i)
		}
	default:
		d.faultAt(n, false, unquoteHint(n), "a number is wanted, not %s", kindOf(n))
		return
	}
	text := d.written(n)
	if v.OverflowFloat(f) {
		d.faultAt(n, true, "", "%s is out of range", text)
		return
	}
	v.SetFloat(f)
	if message := r.checkNumber(f, text); message != "" {
		d.faultAt(n, true, "", "%s %s", text, message)
	}
}

// kindOf names what a node is, for people.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	}
	return "nothing"
}
