module github.com/claimsmith/claimsmith/examples/signer-softhsm

go 1.26.0

require (
	github.com/ThalesGroup/crypto11 v1.5.0
	github.com/claimsmith/claimsmith v0.0.0
)

require (
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/miekg/pkcs11 v1.1.1 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/thales-e-security/pool v0.0.2 // indirect
)

replace github.com/claimsmith/claimsmith => ../..
