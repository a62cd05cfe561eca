// Package strictyaml decodes YAML that people write into Go structs and says
// everything that is wrong with it at once.
//
// Each fault has its line and column and, where possible, what to write
// instead: unknown and duplicate keys, wrong types, missing keys, values out
// of their enum or range. Anchors, aliases, merge keys, tags and second
// documents are refused, as are texts that are large or deep. What the keys
// may be is said by the structs' tags, and [Schema] makes a JSON Schema of the
// same tags.
//
// The package knows nothing of what is configured. Checks across keys are the
// caller's, who reports them with [Document.Fault].
package strictyaml
