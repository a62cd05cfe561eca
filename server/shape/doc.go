// Package shape turns YAML trees with ${CEL} leaves into JSON.
//
// A shape is what an operator writes to say which claims a token carries or
// how a vendor's login API answers. It is compiled, type-checked and costed
// when the configuration is loaded, so that a misspelt field or an expression
// that would run long never reaches a request, and it is rendered on every
// token.
//
// The consumer declares the variables that expressions may name as a Go
// struct and makes an [Env] of it; [Compile] makes a [Shape], whose comment
// defines the language; [Shape.AppendJSON] is the hot path. The package knows
// neither tokens nor dialects and reads no files. Only this package imports
// CEL.
package shape
