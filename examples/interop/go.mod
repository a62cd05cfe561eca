module github.com/claimsmith/claimsmith/examples/interop

go 1.26.0

replace github.com/claimsmith/claimsmith => ../..

require (
	github.com/MicahParks/keyfunc/v3 v3.7.0
	github.com/coreos/go-oidc/v3 v3.21.0
	github.com/go-jose/go-jose/v4 v4.1.8
	github.com/golang-jwt/jwt/v5 v5.3.1
	golang.org/x/oauth2 v0.37.0
	golang.org/x/time v0.9.0
)

require github.com/MicahParks/jwkset v0.11.0 // indirect
