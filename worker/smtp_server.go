package worker

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"

	"github.com/wneessen/go-mail"
)

// SMTPConfig names the mail server that takes every message.
//
// URL is smtp://user:password@host:port. The scheme smtp:// encrypts when the server offers STARTTLS, and on the
// loopback address never; smtp+starttls:// insists on STARTTLS, smtps:// speaks TLS from the first byte. For smtp://
// the query ?tls=none, ?tls=opportunistic or ?tls=starttls chooses otherwise. The port may be left out (587, or 465
// for smtps://, or 25 without encryption). A certificate that does not verify is a failure, never a reason to go on
// in the clear. The user signs in by the first of SCRAM-SHA-256, SCRAM-SHA-1, PLAIN, LOGIN and CRAM-MD5 that the server
// offers, where it need not be encrypted by CRAM-MD5 before PLAIN. PLAIN and LOGIN tell the password, so it crosses the network only
// encrypted; on loopback it may go in the clear.
type SMTPConfig struct {
	URL   string
	Roots *x509.CertPool // who may vouch for the server; nil: those of the system
	EHLO  string         // the name this machine goes by towards the mail server; empty: its host name
	DKIM  *DKIM          // signs every message; nil: nobody does
}

// CheckEHLO refuses what SMTPConfig.EHLO cannot be: it is a domain name or an address literal (RFC 5321 section 4.1.2), or empty.
func CheckEHLO(name string) error {
	if name == "" || IsDomain(name) || addressLiteral.MatchString(name) {
		return nil
	}
	return errors.New("is a domain name such as mail.example.org, or an address in brackets")
}

var addressLiteral = regexp.MustCompile(`^\[(IPv6:)?[0-9A-Fa-f.:]+\]$`)

// IsDomain reports whether the name is that of a domain with at least one dot, in ASCII (RFC 1123 section 2.1).
func IsDomain(name string) bool { return len(name) <= 253 && domainName.MatchString(name) }

var domainName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`)

type encryption int

const (
	plaintext     encryption = iota
	opportunistic            // STARTTLS when the server offers it
	starttls                 // STARTTLS or nothing
	implicitTLS              // TLS from the first byte
)

// smtpServer is an SMTPConfig that was understood.
type smtpServer struct {
	host           string
	port           int
	user, password string
	encryption     encryption
	ehlo           string
	roots          *x509.CertPool // nil: those of the system
}

// parse reads the URL. Its errors never repeat the URL, which may hold a password.
func (c SMTPConfig) parse() (smtpServer, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Opaque != "" {
		return smtpServer{}, errors.New("smtp url: not of the form smtp://user:password@host:port")
	}
	s := smtpServer{host: u.Hostname(), user: u.User.Username(), ehlo: c.EHLO, roots: c.Roots}
	s.password, _ = u.User.Password()
	if s.host == "" {
		return smtpServer{}, errors.New("smtp url: the host is missing")
	}
	if u.Path != "" && u.Path != "/" {
		return smtpServer{}, errors.New("smtp url: a path has no meaning; write a / within the password as %2F")
	}

	if err := CheckEHLO(s.ehlo); err != nil {
		return smtpServer{}, fmt.Errorf("smtp ehlo: %w", err)
	}
	query := u.Query()
	wanted := query.Get("tls")
	query.Del("tls")
	if len(query) > 0 {
		return smtpServer{}, errors.New("smtp url: the only parameter is tls")
	}
	switch {
	case u.Scheme == "smtps" && wanted == "":
		s.encryption = implicitTLS
	case u.Scheme == "smtp+starttls" && wanted == "":
		s.encryption = starttls
	case u.Scheme == "smtps" || u.Scheme == "smtp+starttls":
		return smtpServer{}, fmt.Errorf("smtp url: %s already says how to encrypt; leave the parameter tls out", u.Scheme)
	case u.Scheme != "smtp":
		return smtpServer{}, errors.New("smtp url: the scheme must be smtp, smtps or smtp+starttls")
	case wanted == "none", wanted == "" && isLoopback(s.host):
		s.encryption = plaintext
	case wanted == "opportunistic", wanted == "":
		s.encryption = opportunistic
	case wanted == "starttls":
		s.encryption = starttls
	default:
		return smtpServer{}, errors.New("smtp url: tls must be none, opportunistic or starttls")
	}

	switch port := u.Port(); {
	case port != "":
		if s.port, err = strconv.Atoi(port); err != nil || s.port < 1 || s.port > 65535 {
			return smtpServer{}, errors.New("smtp url: the port must be between 1 and 65535")
		}
	case s.encryption == implicitTLS:
		s.port = 465
	case s.encryption == plaintext:
		s.port = 25
	default:
		s.port = 587
	}
	return s, nil
}

// address is what the server is known by among workers.
func (s smtpServer) address() string { return net.JoinHostPort(s.host, strconv.Itoa(s.port)) }

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (s smtpServer) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12, RootCAs: s.roots}
}

// mechanisms are the ways to sign in, the one tried first if the server offers it first.
func (s smtpServer) mechanisms() []mail.SMTPAuthType {
	best := []mail.SMTPAuthType{mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1}
	if s.encryption == starttls || s.encryption == implicitTLS {
		// Servers offer CRAM-MD5 without the passwords that it needs; PLAIN, which all can check, tells nobody else here.
		return append(best, mail.SMTPAuthPlain, mail.SMTPAuthLogin, mail.SMTPAuthCramMD5)
	}
	return append(best, mail.SMTPAuthCramMD5, mail.SMTPAuthPlain, mail.SMTPAuthLogin)
}

// options configures a go-mail client that dials through dial.
func (s smtpServer) options(dial mail.DialContextFunc) []mail.Option {
	policy := mail.NoTLS // for implicit TLS too: the dialer has shaken hands already
	switch s.encryption {
	case starttls:
		policy = mail.TLSMandatory
	case opportunistic:
		policy = mail.TLSOpportunistic
	}
	options := []mail.Option{
		mail.WithPort(s.port),
		mail.WithTLSConfig(s.tlsConfig()),
		mail.WithTLSPolicy(policy),
		mail.WithTimeout(messageTimeout),
		mail.WithDialContextFunc(dial),
	}
	if s.ehlo != "" {
		options = append(options, mail.WithHELO(s.ehlo))
	}
	if s.user != "" {
		options = append(options, mail.WithUsername(s.user), mail.WithPassword(s.password),
			// go-mail's own order has NTLM before PLAIN, which needs a domain of Windows, and takes implicit TLS, which it does not
			// know of, for none.
			mail.WithOpportunisticSMTPAuth(s.mechanisms()...))
	}
	return options
}
