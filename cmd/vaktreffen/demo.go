package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"time"

	"github.com/vaktreffen/vaktreffen/cmd/vaktreffen/mailbox"
	"github.com/vaktreffen/vaktreffen/db"
)

// The programmes of the demo: real meetings, and one that is yet to come and marked as an example.
//
//go:embed programmes/*.json
var programmes embed.FS

// The demo's people, all invented.
const (
	demoOrganiser   = "organiser@example.org"
	demoCoordinator = "coordinator@example.org"
	demoParticipant = "participant@example.org"
)

type demoCommand struct {
	Scale int `help:"Add this many generated editions of 40 sessions, and 20,000 people who can be invited, for load tests." placeholder:"N"`
}

// Run shows everything on this machine: example programmes, API, worker, and a mailbox that catches every mail.
func (demo demoCommand) Run(ctx context.Context, c *Config) error {
	listener, err := listenLoopback(c.Listen)
	if err != nil {
		return err
	}
	box := mailbox.New(5000)
	smtp, err := box.ListenSMTP(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer box.Close()
	here := "http://" + listener.Addr().String()
	c.SMTPURL, c.MailFrom, c.PublicURL, c.Development = "smtp://"+smtp.String(), "Vaktreffen <vaktreffen@example.org>", here, true
	if err := c.checkDemo(); err != nil {
		return err
	}
	d, err := c.openDB(ctx, true)
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // the process ends
	if err := demo.load(ctx, d); err != nil {
		return err
	}
	p := &process{db: d, log: c.logger()}
	if err := p.startTelling(ctx, c); err != nil {
		p.stop()
		return err
	}
	if err := p.startWorker(ctx, c); err != nil {
		return err
	}
	if err := p.startHTTP(c, listener, demoPages(c, d, box)); err != nil {
		p.stop()
		return err
	}
	if err := firstCampaign(ctx, d); err != nil {
		p.stop()
		return err
	}
	greet(c, here)
	return p.wait(ctx)
}

// checkDemo is check without what the demo brings itself.
func (c *Config) checkDemo() error {
	shared := c.RedisURL
	if shared == "" {
		c.RedisURL = "redis://unused" // one process may keep its queue to itself, on PostgreSQL too
	}
	err := c.check(needs{http: true, mail: true})
	c.RedisURL = shared
	return err
}

func listenLoopback(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, badConfig{"LISTEN: is an address with a port, for example 127.0.0.1:8080"}
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, badConfig{"LISTEN: the demo shows every mail to everybody and so serves this machine only; use 127.0.0.1"}
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w; choose another address with --listen", err)
	}
	return listener, nil
}

// load imports the programmes, which changes nothing when they are there, and what --scale asks for.
func (demo demoCommand) load(ctx context.Context, d *db.DB) error {
	files, err := fs.Glob(programmes, "programmes/*.json")
	if err != nil {
		return err
	}
	for _, name := range files {
		content, err := programmes.ReadFile(name)
		if err != nil {
			return err
		}
		problems, err := importProgramme(ctx, d, content, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if len(problems) > 0 {
			return fmt.Errorf("%s:%d: %s: %s", path.Base(name), problems[0].Line, problems[0].Path, problems[0].Message)
		}
	}
	if demo.Scale == 0 {
		return nil
	}
	began, part := time.Now(), 0
	for file := range scaleFiles(demo.Scale) {
		problems, err := d.Import(ctx, file, nil)
		if err != nil {
			return fmt.Errorf("generated content: %w", err)
		}
		if len(problems) > 0 {
			return fmt.Errorf("generated content: %s: %s", problems[0].Path, problems[0].Message)
		}
		if part++; part%5 == 0 {
			fmt.Fprintf(os.Stderr, "generated content: part %d, %.0f s\n", part, time.Since(began).Seconds())
		}
	}
	return nil
}

// firstCampaign invites everybody in the partnership to the meeting that is yet to come. Its key makes it happen once.
func firstCampaign(ctx context.Context, d *db.DB) error {
	token, err := d.IssueToken(ctx, demoOrganiser, time.Minute)
	if err != nil {
		return err
	}
	organiser, ok, err := d.Authenticate(ctx, token)
	if err != nil || !ok {
		return errors.Join(errors.New("the demo's organiser cannot sign in"), err)
	}
	published, one := db.EditionPublished, 1
	partnership := organiser.Coordinates[0].PartnershipID
	editions, err := d.Editions(ctx, organiser, db.Page{First: &one}, db.EditionFilter{PartnershipID: &partnership, Status: &published}, nil)
	if err != nil || len(editions.Nodes) == 0 {
		return errors.Join(errors.New("the demo has no meeting to invite to"), err)
	}
	message := "We look forward to welcoming you in Groningen."
	_, err = d.SendInvitations(ctx, organiser, db.SendInvitationsInput{
		IdempotencyKey: "demo-first-campaign", EditionID: &editions.Nodes[0].ID,
		Audience: db.AudienceInput{PartnershipID: &partnership}, Message: &message,
	}, nil)
	if problems, expected := db.AsErrors(err); expected {
		fmt.Fprintln(os.Stderr, "The first campaign was not sent:", problems[0].Message)
		return nil
	}
	return err
}

func greet(c *Config, here string) {
	fmt.Printf(`
Vaktreffen is running. Open
  %[1]s            what there is
  %[1]s/graphiql   ask the graph; the operations are ready as tabs
  %[1]s/mailbox    every mail that was sent

The people of the demo, all invented:
  organiser    %[2]s
  coordinator  %[3]s
  participant  %[4]s
A bearer token for one of them:
  go run ./cmd/vaktreffen %[5]stoken %[2]s

Ctrl-C ends.
`, here, demoOrganiser, demoCoordinator, demoParticipant, dataFlag(c.Data))
}

// demoPages are what the demo serves beside the API.
func demoPages(c *Config, d *db.DB, box *mailbox.Mailbox) map[string]http.Handler {
	site := &demoSite{db: d, log: c.logger(), now: time.Now, here: c.publicURL(), flags: dataFlag(c.Data)}
	pages := site.pages()
	pages["/mailbox"], pages["/mailbox/"] = box, box
	return pages
}
