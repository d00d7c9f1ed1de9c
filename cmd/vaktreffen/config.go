package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph"
	"github.com/vaktreffen/vaktreffen/worker"
)

// Config is everything that can be set, by flag or by environment. Defaults suit one machine; production sets DATABASE_URL,
// REDIS_URL, SMTP_URL, MAIL_FROM and PUBLIC_URL.
type Config struct {
	DatabaseURL        string        `env:"DATABASE_URL" placeholder:"URL" help:"postgres://… or sqlite:/path/to/file.db; without it an SQLite file in the data folder."`
	Data               string        `env:"DATA" default:"data" help:"Folder of the SQLite file."`
	Files              string        `env:"FILES" placeholder:"FOLDER" help:"Folder of the files beside reports, the same for all processes on one database; without it beside the SQLite file, with PostgreSQL nowhere: then reports take links only."`
	RedisURL           string        `env:"REDIS_URL" placeholder:"URL" help:"redis://…, rediss://… or redis-sentinel://…; without it a Redis inside the process."`
	SMTPURL            string        `name:"smtp-url" env:"SMTP_URL" placeholder:"URL" help:"The mail server: smtp://user:password@host:587, smtps://…, smtp+starttls://…"`
	SMTPConnections    int           `name:"smtp-connections" env:"SMTP_CONNECTIONS" default:"10" help:"Connections to the mail server for bulk mail, shared by all workers, each of which has one at least; two more in each are kept for urgent mail."`
	SMTPRate           int           `name:"smtp-rate" env:"SMTP_RATE" default:"0" help:"Mails a second to the mail server from all workers together; 0 for no limit. Urgent mail goes first."`
	SMTPEHLO           string        `name:"smtp-ehlo" env:"SMTP_EHLO" placeholder:"NAME" help:"Name that this machine gives the mail server; without it its host name."`
	SMTPCA             string        `name:"smtp-ca" env:"SMTP_CA" placeholder:"FILE" help:"Certificates in PEM that may vouch for the mail server; without it those that this machine trusts."`
	DKIMKeys           []string      `name:"dkim-keys" env:"DKIM_KEYS" placeholder:"SELECTOR:FILE" help:"Private keys that mails are signed with, RSA or Ed25519 in PEM, each with its selector: mail2027:/etc/vaktreffen/rsa.pem"`
	DKIMDomain         string        `name:"dkim-domain" env:"DKIM_DOMAIN" placeholder:"DOMAIN" help:"Domain that signs; without it that of the sender."`
	BounceDomain       string        `env:"BOUNCE_DOMAIN" placeholder:"DOMAIN" help:"Domain that mails come back to, so that addresses which take none are found out; without it they come back to the sender."`
	BounceListen       string        `env:"BOUNCE_LISTEN" placeholder:"ADDRESS" help:"Address to take mail for the bounce domain on, by SMTP: 0.0.0.0:25"`
	MailFrom           string        `env:"MAIL_FROM" placeholder:"SENDER" help:"Sender of all mails: Name <address@domain>."`
	PublicURL          string        `env:"PUBLIC_URL" placeholder:"URL" help:"Where people reach this program: https://meetings.example.org"`
	Listen             string        `env:"LISTEN" default:"127.0.0.1:8080" help:"Address to serve on."`
	AllowedOrigins     []string      `env:"ALLOWED_ORIGINS" placeholder:"ORIGIN" help:"Sites whose pages may call the API from a browser: https://www.example.org"`
	Documents          string        `env:"TRUSTED_DOCUMENTS" placeholder:"FILE" help:"Manifest of the documents that clients may name by their hash; vaktreffen documents makes one."`
	DocumentsMode      string        `env:"TRUSTED_DOCUMENTS_MODE" default:"off" help:"off: there are none; prefer: clients may name them; only: nothing else runs."`
	OpenIDIssuer       string        `name:"openid-issuer" env:"OPENID_ISSUER" placeholder:"URL" help:"An OpenID Connect provider that people may sign in with: https://login.example.org"`
	OpenIDName         string        `name:"openid-name" env:"OPENID_NAME" placeholder:"NAME" help:"What people call that provider."`
	OpenIDClientID     string        `name:"openid-client-id" env:"OPENID_CLIENT_ID" placeholder:"ID" help:"What the provider knows this program as; its redirect address is PUBLIC_URL/openid/callback."`
	OpenIDClientSecret string        `name:"openid-client-secret" env:"OPENID_CLIENT_SECRET" placeholder:"SECRET" help:"The secret for that, when the provider gave one."`
	ResponseCache      int           `env:"RESPONSE_CACHE" default:"64" help:"Megabytes for the answers of public operations; 0 keeps none."`
	Points             int           `env:"POINTS_PER_MINUTE" default:"600000" help:"How much cost, in the points of the API, one client may spend in a minute; 0 for no limit. An agenda costs some hundred."`
	ProxyHeader        string        `env:"PROXY_HEADER" placeholder:"NAME" help:"Header in which a proxy before this program writes the client's address, for example X-Forwarded-For; without it headers count for nothing."`
	Development        bool          `env:"DEVELOPMENT" help:"Serve GraphiQL and allow introspection."`
	Lease              time.Duration `env:"LEASE" default:"30s" help:"After how long a worker that was not seen counts as dead."`
	MetricsListen      string        `env:"METRICS_LISTEN" placeholder:"ADDRESS" help:"Address to serve numbers for Prometheus on, under /metrics; without it nowhere. Keep it off the public network."`
	TracesURL          string        `name:"traces-url" env:"OTEL_EXPORTER_OTLP_ENDPOINT" placeholder:"URL" help:"Where to send OpenTelemetry traces by OTLP over HTTP: http://collector:4318. Further OTEL_ variables apply."`
	LogLevel           slog.Level    `env:"LOG_LEVEL" default:"info" help:"debug, info, warn or error."`
}

// badConfig names everything that is wrong with the configuration at once.
type badConfig []string

func (b badConfig) Error() string {
	return "the configuration has to be mended:\n  " + strings.Join(b, "\n  ")
}

// needs are the parts of the configuration that a command uses.
type needs struct{ http, mail bool }

// check looks at everything a command uses and reports all that is wrong.
func (c *Config) check(n needs) error {
	var bad badConfig
	refuse := func(variable, format string, args ...any) {
		bad = append(bad, variable+": "+fmt.Sprintf(format, args...))
	}
	postgres := strings.HasPrefix(c.DatabaseURL, "postgres://") || strings.HasPrefix(c.DatabaseURL, "postgresql://")
	if c.DatabaseURL != "" && !postgres && !strings.HasPrefix(c.DatabaseURL, "sqlite:") {
		refuse("DATABASE_URL", "starts with postgres:// or sqlite:")
	}
	if _, _, err := net.SplitHostPort(c.MetricsListen); c.MetricsListen != "" && err != nil {
		refuse("METRICS_LISTEN", "is an address with a port, for example 127.0.0.1:9090")
	}
	if u, err := url.Parse(c.TracesURL); c.TracesURL != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
		refuse("OTEL_EXPORTER_OTLP_ENDPOINT", "is the address of a collector, for example http://127.0.0.1:4318")
	}
	if n.http {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			refuse("LISTEN", "is an address with a port, for example 127.0.0.1:8080")
		}
		if c.ResponseCache < 0 {
			refuse("RESPONSE_CACHE", "is a number of megabytes, 0 for no cache")
		}
		for _, origin := range c.AllowedOrigins {
			if u, err := url.Parse(origin); err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" {
				refuse("ALLOWED_ORIGINS", "%q is not an origin; write https://www.example.org without a path", origin)
			}
		}
		if !slices.Contains([]string{"off", "prefer", "only"}, c.DocumentsMode) {
			refuse("TRUSTED_DOCUMENTS_MODE", "is off, prefer or only")
		} else if _, err := c.trusted(); err != nil {
			refuse("TRUSTED_DOCUMENTS", "%s", err)
		}
	}
	if postgres && c.RedisURL == "" && (n.mail || n.http) {
		refuse("REDIS_URL", "is needed with PostgreSQL, so that several processes share one queue and count together")
	}
	if n.http && c.OpenIDIssuer != "" {
		if u, err := url.Parse(c.OpenIDIssuer); err != nil || u.Scheme != "https" && u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost" || u.Host == "" {
			refuse("OPENID_ISSUER", "is the https address of the provider, as its tokens name it")
		}
		if c.OpenIDClientID == "" {
			refuse("OPENID_CLIENT_ID", "is needed with OPENID_ISSUER")
		}
		if c.OpenIDName == "" {
			refuse("OPENID_NAME", "is needed with OPENID_ISSUER, for the link on the page")
		}
		if c.PublicURL == "" {
			refuse("PUBLIC_URL", "is needed with OPENID_ISSUER: the provider leads people back to it")
		}
	}
	if n.mail {
		if c.SMTPURL == "" {
			refuse("SMTP_URL", "names no mail server; mails could not be sent")
		} else if _, err := worker.NewPool(worker.SMTPConfig{URL: c.SMTPURL}, 1); err != nil {
			refuse("SMTP_URL", "%s", err)
		}
		if _, err := c.smtpRoots(); err != nil {
			refuse("SMTP_CA", "%s", err)
		}
		if err := worker.CheckEHLO(c.SMTPEHLO); err != nil {
			refuse("SMTP_EHLO", "%s", err)
		}
		from, err := mail.ParseAddress(c.MailFrom)
		if err != nil {
			refuse("MAIL_FROM", "is the sender of all mails, written Name <address@domain>")
		} else if variable, err := c.checkSignatures(from); err != nil {
			refuse(variable, "%s", err)
		}
		if c.BounceDomain != "" && !worker.IsDomain(c.BounceDomain) {
			refuse("BOUNCE_DOMAIN", "is the domain that mails come back to, for example bounces.example.org")
		}
		if c.BounceListen != "" {
			if _, _, err := net.SplitHostPort(c.BounceListen); err != nil {
				refuse("BOUNCE_LISTEN", "is an address with a port, for example 0.0.0.0:25")
			}
			if c.BounceDomain == "" {
				refuse("BOUNCE_DOMAIN", "is needed with BOUNCE_LISTEN; it is the domain whose mail is taken there")
			}
		}
		if u, err := url.Parse(c.PublicURL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			refuse("PUBLIC_URL", "is where people reach this program, for example https://meetings.example.org")
		}
		if c.SMTPConnections < 1 || c.SMTPConnections > 100 {
			refuse("SMTP_CONNECTIONS", "is a number from 1 to 100")
		}
		if c.SMTPRate < 0 {
			refuse("SMTP_RATE", "is a number of mails a second, 0 for no limit")
		}
		if c.Lease < time.Second || c.Lease > 5*time.Minute {
			refuse("LEASE", "is a duration from 1s to 5m")
		}
	}
	if c.RedisURL != "" {
		if _, err := worker.OpenRedis(context.Background(), c.RedisURL); err != nil {
			refuse("REDIS_URL", "%s", err)
		}
	}
	if len(bad) > 0 {
		return bad
	}
	return nil
}

// smtpRoots reads who may vouch for the mail server; nil for those that this machine trusts.
func (c *Config) smtpRoots() (*x509.CertPool, error) {
	if c.SMTPCA == "" {
		return nil, nil
	}
	content, err := os.ReadFile(c.SMTPCA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(content) {
		return nil, errors.New("holds no certificate in PEM")
	}
	return roots, nil
}

// dkim reads the keys that mails are signed with; nil when there are none.
func (c *Config) dkim(from *mail.Address) (*worker.DKIM, error) {
	if len(c.DKIMKeys) == 0 {
		return nil, nil
	}
	var keys []worker.DKIMKey
	for _, entry := range c.DKIMKeys {
		selector, file, ok := strings.Cut(entry, ":")
		if !ok {
			return nil, fmt.Errorf("%q has no file; write SELECTOR:FILE", entry)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("the key of selector %s cannot be read: %w", selector, err)
		}
		keys = append(keys, worker.DKIMKey{Selector: selector, PEM: content})
	}
	return worker.NewDKIM(c.dkimDomain(from), keys...)
}

func (c *Config) dkimDomain(from *mail.Address) string {
	if c.DKIMDomain != "" {
		return c.DKIMDomain
	}
	return domainOf(from)
}

func domainOf(a *mail.Address) string { return a.Address[strings.LastIndexByte(a.Address, '@')+1:] }

// checkSignatures reports which variable keeps mails from being signed as receivers want it.
func (c *Config) checkSignatures(from *mail.Address) (variable string, err error) {
	sender, signer := strings.ToLower(domainOf(from)), strings.ToLower(c.dkimDomain(from))
	switch {
	case c.DKIMDomain != "" && len(c.DKIMKeys) == 0:
		return "DKIM_KEYS", errors.New("is needed with DKIM_DOMAIN; it names the keys, written SELECTOR:FILE")
	case c.DKIMDomain != "" && !worker.IsDomain(c.DKIMDomain):
		return "DKIM_DOMAIN", errors.New("is the domain that signs, for example example.org")
	case sender != signer && !strings.HasSuffix(sender, "."+signer) && !strings.HasSuffix(signer, "."+sender):
		return "DKIM_DOMAIN", errors.New("is the domain of MAIL_FROM or lies above or below it; receivers take no other signature for the sender's (RFC 7489 section 3.1.1)")
	}
	_, err = c.dkim(from)
	return "DKIM_KEYS", err
}

// openDB opens the database and, unless only told to look, brings its schema up to date.
func (c *Config) openDB(ctx context.Context, migrate bool) (*db.DB, error) {
	address := c.DatabaseURL
	if address == "" {
		path, err := filepath.Abs(filepath.Join(c.Data, "vaktreffen.db"))
		if err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
		address = "sqlite:" + path
	}
	d, err := db.Open(ctx, address, db.WithPublicURL(c.publicURL()), db.WithFiles(c.filesFor(address)))
	if err != nil {
		return nil, err
	}
	if migrate {
		err = d.Migrate(ctx)
	} else {
		err = d.Migrated(ctx)
	}
	if err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// filesFor returns the folder of the files beside the reports of a database; "" when there is none.
func (c *Config) filesFor(database string) string {
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok && c.Files == "" {
		path, _, _ = strings.Cut(path, "?")
		return filepath.Join(filepath.Dir(path), "files")
	}
	return c.Files
}

// proof returns what words the mails of previews; nil when nobody knows where their links lead.
func (c *Config) proof() (func(*db.Mail) (subject, text, html string, err error), error) {
	if c.PublicURL == "" {
		return nil, nil
	}
	proofs, err := worker.NewProofs(c.publicURL())
	if err != nil {
		return nil, err
	}
	return proofs.Write, nil
}

// trusted reads the manifest of trusted documents, nothing in the mode off.
func (c *Config) trusted() (graph.Documents, error) {
	if c.DocumentsMode == "off" {
		return nil, nil
	}
	if c.Documents == "" {
		return nil, errors.New("names no manifest, which this mode needs")
	}
	content, err := os.ReadFile(c.Documents)
	if err != nil {
		return nil, err
	}
	return graph.ReadManifest(content)
}

// logger writes to standard error: text for people, and never an address, a name or a mail body.
func (c *Config) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: c.LogLevel}))
}

func (c *Config) publicURL() string { return strings.TrimRight(c.PublicURL, "/") }

// openID is the provider that people may sign in with; nil when none is configured.
func (c *Config) openID() *graph.OpenID {
	if c.OpenIDIssuer == "" {
		return nil
	}
	return &graph.OpenID{
		Name: c.OpenIDName, Issuer: c.OpenIDIssuer, ClientID: c.OpenIDClientID, ClientSecret: c.OpenIDClientSecret,
		RedirectURL: c.publicURL() + "/openid/callback",
	}
}
