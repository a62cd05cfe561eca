package servertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// certifyServer writes into dir a CA and what is made of it: a certificate for a
// server at an address, and one for a client. Each is NAME.pem with NAME.key:
// ca, server and client.
func certifyServer(dir string, address net.IP) error {
	ca := &x509.Certificate{
		Subject: pkix.Name{CommonName: "CA of one test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		Subject: pkix.Name{CommonName: "server"}, IPAddresses: []net.IP{address}, DNSNames: []string{"localhost"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	client := &x509.Certificate{
		Subject: pkix.Name{CommonName: "client"}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	caKey, err := certify(filepath.Join(dir, "ca"), ca, ca, nil)
	if err == nil {
		_, err = certify(filepath.Join(dir, "server"), server, ca, caKey)
	}
	if err == nil {
		_, err = certify(filepath.Join(dir, "client"), client, ca, caKey)
	}
	if err != nil {
		return fmt.Errorf("write certificates: %w", err)
	}
	return nil
}

// certify writes PATH.pem and PATH.key; the issuer's key is nil for a certificate that signs itself.
func certify(path string, certificate, issuer *x509.Certificate, issuerKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if issuerKey == nil {
		issuerKey = key
	}
	certificate.SerialNumber = big.NewInt(time.Now().UnixNano())
	certificate.NotBefore, certificate.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, certificate, issuer, &key.PublicKey, issuerKey)
	if err != nil {
		return nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	for ending, block := range map[string]*pem.Block{
		".pem": {Type: "CERTIFICATE", Bytes: der},
		".key": {Type: "PRIVATE KEY", Bytes: pkcs8},
	} {
		if err := os.WriteFile(path+ending, pem.EncodeToMemory(block), 0o600); err != nil {
			return nil, err
		}
	}
	return key, nil
}
