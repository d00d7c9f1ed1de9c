package smtptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"time"
)

// certificates are what the server can present after STARTTLS.
type certificates struct {
	good, elsewhere *tls.Certificate
	pool            *x509.CertPool
}

// STARTTLS makes the server offer encryption (RFC 3207) with a self-signed certificate for 127.0.0.1 and localhost,
// which [Server.CertPool] makes trusted.
func STARTTLS() Setting {
	return func(s *Server) {
		s.certs = &certificates{pool: x509.NewCertPool()}
		s.certs.good = s.certs.issue("localhost", net.IPv4(127, 0, 0, 1))
		s.certs.elsewhere = s.certs.issue("elsewhere.example")
	}
}

// certificate picks what a handshake gets to see.
func (s *Server) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.badCertificate {
		return s.certs.elsewhere, nil
	}
	return s.certs.good, nil
}

// issue makes a self-signed certificate and adds it to the pool. It can only fail for reasons that lie in this file.
func (c *certificates) issue(host string, ips ...net.IP) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Errorf("smtptest: make a key: %w", err))
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: host},
		DNSNames:              []string{host},
		IPAddresses:           ips,
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(fmt.Errorf("smtptest: make a certificate: %w", err))
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(fmt.Errorf("smtptest: read back a certificate: %w", err))
	}
	c.pool.AddCert(leaf)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
