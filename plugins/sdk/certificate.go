package sdk

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"math/big"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// NewCertificate makes the certificate of one side of a plugin's socket, for
// localhost, with a key on P-256 that lives as long as the process. It is its
// own authority: the other side trusts it and no other.
func NewCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	const lifetime = 30 * 365 * 24 * time.Hour // longer than any process
	template := x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "localhost"},
		DNSNames:              []string{"localhost"},
		NotBefore:             time.Now().Add(-time.Minute),
		NotAfter:              time.Now().Add(lifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// transport makes the server speak TLS with the host alone, whose certificate it
// is given, in PEM. The certificate that it returns is the server's own, as
// the handshake has it. Without one of the host's it does neither.
func transport(host string) (options []grpc.ServerOption, certificate string, err error) {
	if host == "" {
		return nil, "", nil
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM([]byte(host)) {
		return nil, "", errors.New("PLUGIN_CLIENT_CERT holds none")
	}
	own, err := NewCertificate()
	if err != nil {
		return nil, "", err
	}
	creds := credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{own},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    trusted,
		MinVersion:   tls.VersionTLS13,
	})
	return []grpc.ServerOption{grpc.Creds(creds)}, base64.RawStdEncoding.EncodeToString(own.Certificate[0]), nil
}
