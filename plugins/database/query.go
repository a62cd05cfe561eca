package database

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// query is a statement of the operator's with ? in place of its parameters.
type query struct {
	text       string
	parameters []string // one for each ?
}

// parseQuery reads a statement with parameters such as :username, which must be
// among known. What is quoted or a comment is left alone, and so are PostgreSQL's
// casts (::) and MySQL's assignments (:=). It must be one statement that reads.
func parseQuery(driver sqldb.Driver, text string, known []string) (query, error) {
	q, verb, err := parseStatement(driver, text, known)
	if err == nil && !slices.Contains([]string{"select", "with", "values", "table"}, verb) {
		err = errors.New("is not a query: it begins with none of select, with, values and table")
	}
	return q, err
}

// parseUpdate is parseQuery for a statement that changes rows.
func parseUpdate(driver sqldb.Driver, text string, known []string) (query, error) {
	q, verb, err := parseStatement(driver, text, known)
	if err == nil && verb != "update" && verb != "with" {
		err = errors.New("is not an update: it begins with neither update nor with")
	}
	return q, err
}

func parseStatement(driver sqldb.Driver, text string, known []string) (q query, verb string, err error) {
	p := queryParser{driver: driver, rest: text, known: known}
	for p.rest != "" {
		if err := p.step(); err != nil {
			return query{}, "", err
		}
	}
	return query{text: p.out.String(), parameters: p.parameters}, strings.ToLower(p.verb), nil
}

// uses reports whether the query has one of the parameters.
func (q query) uses(names ...string) bool {
	return slices.ContainsFunc(q.parameters, func(name string) bool { return slices.Contains(names, name) })
}

// arguments returns the values of the parameters in their order.
func (q query) arguments(values map[string]string) []any {
	arguments := make([]any, len(q.parameters))
	for i, name := range q.parameters {
		arguments[i] = values[name]
	}
	return arguments
}

type queryParser struct {
	driver     sqldb.Driver
	rest       string
	known      []string
	out        strings.Builder
	parameters []string
	verb       string // the first word
	ended      bool   // there was a semicolon
}

// step takes what rest begins with.
func (p *queryParser) step() error {
	if size := comment(p.driver, p.rest); size > 0 {
		p.take(size)
		return nil
	}
	c := p.rest[0]
	switch {
	case strings.IndexByte(" \t\r\n", c) >= 0:
		p.take(1)
		return nil
	case c == ';':
		p.ended, p.rest = true, p.rest[1:]
		return nil
	case p.ended:
		return errors.New("holds more than one statement")
	case c == '?':
		return errors.New("holds a ?: write parameters as :name; PostgreSQL's operators with a ? have names too, such as jsonb_exists")
	case strings.HasPrefix(p.rest, "::"), strings.HasPrefix(p.rest, ":="):
		p.take(2)
		return nil
	case c == ':':
		return p.parameter()
	}
	if size, err := quoted(p.driver, p.rest); size > 0 || err != nil {
		p.take(size)
		return err
	}
	if size := word(p.rest); size > 0 {
		if p.verb == "" {
			p.verb = p.rest[:size]
		}
		if p.driver == sqldb.PostgreSQL && (strings.HasPrefix(p.rest, "E'") || strings.HasPrefix(p.rest, "e'")) {
			return errBackslash
		}
		p.take(size)
		return nil
	}
	p.take(1)
	return nil
}

func (p *queryParser) take(size int) {
	p.out.WriteString(p.rest[:size])
	p.rest = p.rest[size:]
}

func (p *queryParser) parameter() error {
	size := word(p.rest[1:])
	name := p.rest[1 : 1+size]
	if size == 0 {
		p.take(1) // a slice of an array
		return nil
	}
	if !slices.Contains(p.known, name) {
		return fmt.Errorf("unknown parameter :%s: want one of :%s", name, strings.Join(p.known, ", :"))
	}
	p.parameters = append(p.parameters, name)
	p.out.WriteByte('?')
	p.rest = p.rest[1+size:]
	return nil
}

// word returns the length of the name or number that s begins with.
func word(s string) int {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || c >= 0x80 || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || c != '$' && (c < '0' || c > '9')) {
			return i
		}
	}
	return len(s)
}

// comment returns the length of the comment that s begins with, or 0.
func comment(driver sqldb.Driver, s string) int {
	switch {
	case strings.HasPrefix(s, "--"):
		return through(s, 2, "\n")
	case s[0] == '#' && driver == sqldb.MySQL:
		return through(s, 1, "\n")
	case strings.HasPrefix(s, "/*"):
		return through(s, 2, "*/")
	}
	return 0
}

// errBackslash is a backslash that MySQL, and PostgreSQL in E'…', would take for
// more than itself, so that it is not plain where the text ends.
var errBackslash = errors.New("escapes with a backslash in quotes: write '' for a quote, and char(92) or chr(92) for a backslash")

// quoted returns the length of the quoted text or name that s begins with, or 0.
func quoted(driver sqldb.Driver, s string) (int, error) {
	switch c := s[0]; {
	case c == '\'' || c == '"':
		size := through(s, 1, s[:1])
		if driver == sqldb.MySQL && strings.Contains(s[:size], `\`) {
			return 0, errBackslash
		}
		return size, nil
	case c == '`' && driver != sqldb.PostgreSQL:
		return through(s, 1, "`"), nil
	case c == '$' && driver == sqldb.PostgreSQL:
		return dollarQuoted(s), nil
	}
	return 0, nil
}

// dollarQuoted returns the length of the $tag$text$tag$ that s begins with, or 0.
func dollarQuoted(s string) int {
	end := strings.IndexByte(s[1:], '$') + 2
	if end < 2 || strings.ContainsFunc(s[1:end-1], func(r rune) bool { return word(string(r)) == 0 && (r < '0' || r > '9') }) {
		return 0
	}
	return through(s, end, s[:end])
}

// through returns where the first end after from is over, or all of s.
func through(s string, from int, end string) int {
	if at := strings.Index(s[from:], end); at >= 0 {
		return from + at + len(end)
	}
	return len(s)
}
