package dialect

import (
	"github.com/goccy/go-yaml/ast"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
)

// file is a dialect as it is written. Its comments are the schema's.
type file struct {
	// What configurations, logs and metrics call the dialect.
	Dialect string `yaml:"dialect" jsonschema:"required,pattern=^[a-z0-9][a-z0-9-]{0\\,62}$"`
	// For people.
	Title string `yaml:"title"`
	// Where the API begins: everything at and below this path is the dialect's.
	Path string `yaml:"path" jsonschema:"pattern=^(/[A-Za-z0-9._~-]+)*$"`
	// The only host that it answers at. Default: every one.
	Host string `yaml:"host"`
	// What a configuration may set, with the value for one that does not. Null takes any scalar.
	Options map[string]any `yaml:"options"`
	Token   tokenFile      `yaml:"token" jsonschema:"required"`
	Routes  []routeFile    `yaml:"routes" jsonschema:"required,minItems=1,maxItems=50"`
	// Answers by outcome, for all routes that have none of their own. Needed are denied, malformed, unavailable and internal, or failure for all that have none.
	Answers map[string]answerFile `yaml:"answers" jsonschema:"required"`
}

// tokenFile says what tokens are.
type tokenFile struct {
	// HS256, HS384 and HS512 sign with a secret of the dialect, all others with the issuer's published keys.
	Algorithm string `yaml:"algorithm" jsonschema:"required,enum=HS256,enum=HS384,enum=HS512,enum=ES256,enum=ES384,enum=EdDSA,enum=PS256,enum=PS384,enum=PS512,enum=RS256,enum=RS384,enum=RS512"`
	// The typ of the header; "" for none. Default JWT.
	Type *string `yaml:"type"`
	// Default: the client's.
	Lifetime strictyaml.Duration `yaml:"lifetime"`
	// How token.exp, token.iat and token.nbf are written: integer seconds, a string of them, ISO 8601 with milliseconds, or integer milliseconds. Default seconds.
	Times string `yaml:"times" jsonschema:"enum=seconds,enum=string,enum=iso,enum=milliseconds"`
	// How far token.nbf lies before token.iat.
	Backdate strictyaml.Duration `yaml:"backdate"`
	// DEF compresses the payload, as a zlib stream.
	Zip string `yaml:"zip" jsonschema:"enum=DEF"`
	// What token.id looks like: uuid (its first 18 characters are the session's), hex (32, upper case), base62 (22) or text. Default text.
	ID string `yaml:"id" jsonschema:"enum=uuid,enum=hex,enum=base62,enum=text"`
	// The payload: a shape.
	Claims ast.Node `yaml:"claims" jsonschema:"required"`
	// What claims say, read back: a shape over claims and header with the members id, session, subject, username, organisation and unit. Without id a token is known by its hash.
	Read ast.Node `yaml:"read" jsonschema:"required"`
}

// routeFile is one thing that a client may ask.
type routeFile struct {
	// Unique within the dialect; part of what logs and metrics call the route.
	Name string `yaml:"name" jsonschema:"required,pattern=^[a-z0-9][a-z0-9_-]{0\\,62}$"`
	// login: a credential for a token. session: who a token stands for, as the plugin tells it now. inspect: what a token says.
	// refresh: a refresh token for a token. start_refresh: a token for its first refresh token. end_refresh and logout: an end of either. health: an answer.
	Kind   string `yaml:"kind" jsonschema:"required,enum=login,enum=session,enum=inspect,enum=refresh,enum=start_refresh,enum=end_refresh,enum=logout,enum=health"`
	Method string `yaml:"method" jsonschema:"required,enum=GET,enum=POST,enum=PUT,enum=PATCH,enum=DELETE"`
	// Below the dialect's path; {name} takes one segment, for "path name".
	Path string `yaml:"path" jsonschema:"pattern=^(/([A-Za-z0-9._~-]+|\\{[a-z_]+\\}))*$"`
	// What a body may be. Default json. A route whose fields come from elsewhere reads none.
	Accepts []string `yaml:"accepts" jsonschema:"enum=json,enum=form,enum=multipart,enum=empty,uniqueItems"`
	// What counts as JSON; "*TEXT*" for whatever has the text in it, in lower case, and "*" for anything. Default application/json.
	ContentTypes []string `yaml:"content_types"`
	// Refuse members of a JSON body that no field names.
	Closed bool `yaml:"closed"`
	// What a login proves itself by. Default password.
	Grant string `yaml:"grant" jsonschema:"enum=password,enum=api_key"`
	// Start a session at login: token.refresh is its refresh token, "" where the client may have none.
	RefreshToken bool `yaml:"refresh_token"`
	// username, password, api_key, organisation, unit, device, token, refresh_token, subject, csrf; others are request.values of expressions.
	Fields map[string]fieldFile `yaml:"fields"`
	// Who is refused although the proof was right.
	Refuse []refuseFile `yaml:"refuse"`
	// Answers by outcome; success is needed.
	Answers map[string]answerFile `yaml:"answers" jsonschema:"required"`
}

// fieldFile says where a value of a request is found.
type fieldFile struct {
	// The first that has a value counts: json NAME, form NAME, query NAME, header NAME, cookie NAME, path NAME, bearer, basic#username, basic#password.
	// "#username" and "#password" take a part of base64("username:password").
	From []string `yaml:"from" jsonschema:"required,minItems=1"`
	// An empty value counts as none.
	Required bool `yaml:"required"`
	// For a request that has none.
	Default string `yaml:"default"`
}

// refuseFile is a condition on a login.
type refuseFile struct {
	// ${expression} that is true or false, over what claims may name.
	When ast.Node `yaml:"when" jsonschema:"required"`
	// The outcome, by one of the names of answers.
	Outcome string `yaml:"outcome" jsonschema:"required"`
}

// answerFile is an HTTP answer. Without body and text it has no content.
type answerFile struct {
	// A number, or ${expression} that gives one. Default: 200, or failure.code, which is what HTTP has for the outcome.
	Status ast.Node `yaml:"status"`
	// Texts, with ${expressions} in them. Content-Type is application/json unless it is here.
	Headers map[string]ast.Node `yaml:"headers"`
	// A shape, sent as JSON.
	Body ast.Node `yaml:"body"`
	// A shape that gives a text, sent as it is.
	Text ast.Node `yaml:"text"`
}
