package worker_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// postfix is a Postfix of the test's own. It takes mail on a loopback port over TLS from who signs in, and delivers mail for
// example.org into one maildir, but for full@example.org, whose mailbox is full. What comes back goes to the bounce server.
type postfix struct {
	port  int
	roots *x509.CertPool
	inbox string // a maildir
	log   string // a file
}

const (
	postfixUser, postfixPassword = "robot", "ge/heim: 100 %@"
	nobody                       = 65534 // owns the mailboxes
	mailboxLimit                 = 200_000
)

// startPostfix starts a Postfix whose recipients are greylisted when greylist says so, with doors besides its port. Without Postfix or the rights to start it the
// test is left out, unless VAKTREFFEN_TEST_REQUIRE names postfix.
func startPostfix(t *testing.T, bounces string, greylist func(recipient string) bool, doors ...*door) *postfix {
	t.Helper()
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	if _, err := exec.LookPath("postfix"); err != nil {
		withoutPostfix(t, "no Postfix to test with. Install it (Debian: postfix).")
	}
	if os.Geteuid() != 0 {
		withoutPostfix(t, "Postfix starts as root only.")
	}
	dir, err := os.MkdirTemp("", "postfix") // short enough for the names of sockets, and open to Postfix's own user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ports := freePorts(t, 1+len(doors))
	for i, d := range doors {
		d.port = ports[1+i]
	}
	p := &postfix{port: ports[0], inbox: filepath.Join(dir, "mail/inbox"), log: filepath.Join(dir, "maillog")}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, content string) {
		t.Helper()
		must(os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	must(os.Chmod(dir, 0o755))
	for _, folder := range []string{"etc", "queue", "mail"} {
		must(os.Mkdir(filepath.Join(dir, folder), 0o755))
	}
	must(os.Chown(filepath.Join(dir, "mail"), nobody, nobody))
	write("mail/full", "From nobody\n\n"+strings.Repeat("x\n", (mailboxLimit-100)/2))
	must(os.Chown(filepath.Join(dir, "mail/full"), nobody, nobody))
	certificate, key := p.certificate(t)
	write("cert.pem", certificate)
	write("key.pem", key)

	write("etc/master.cf", strings.ReplaceAll(`
127.0.0.1:PORT inet n - n - - smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
error     unix  - - n - - error
retry     unix  - - n - - error
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
showq     unix  n - n - - showq
postlog   unix-dgram n - n - 1 postlogd
`, "PORT", strconv.Itoa(p.port))+furnish(t, dir, doors))
	bounceHost, bouncePort, err := net.SplitHostPort(bounces)
	must(err)
	write("etc/main.cf", strings.NewReplacer(
		"DIR", dir, "POLICY", policy(t, greylist), "AUTH", signIn(t), "NOBODY", strconv.Itoa(nobody), "LIMIT", strconv.Itoa(mailboxLimit),
		"BOUNCES", fmt.Sprintf("[%s]:%s", bounceHost, bouncePort),
	).Replace(`
compatibility_level = 3.6
queue_directory = DIR/queue
data_directory = DIR/data
maillog_file = DIR/maillog
maillog_file_prefixes = DIR
myhostname = mail.example.org
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
alias_maps =
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = DIR/cert.pem
smtpd_tls_key_file = DIR/key.pem
smtpd_tls_received_header = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_authenticated_header = yes
smtpd_sasl_local_domain = example.org
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:AUTH
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_policy_service inet:POLICY, permit_sasl_authenticated, reject
smtpd_client_restrictions =
virtual_mailbox_domains = example.org
virtual_mailbox_base = DIR/mail
virtual_mailbox_maps = inline:{ guest2@example.org=full }, static:inbox/
virtual_uid_maps = static:NOBODY
virtual_gid_maps = static:NOBODY
virtual_mailbox_limit = LIMIT
message_size_limit = LIMIT
maximal_queue_lifetime = 0
bounce_queue_lifetime = 0
transport_maps = inline:{ bounces.example.org=smtp:BOUNCES }
`))
	if out, err := exec.Command("postfix", "-c", dir+"/etc", "start").CombinedOutput(); err != nil {
		log, _ := os.ReadFile(p.log)
		t.Fatalf("start Postfix: %v\n%s\n%s", err, out, log)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("postfix", "-c", dir+"/etc", "stop").CombinedOutput(); err != nil {
			t.Errorf("stop Postfix: %v\n%s", err, out)
		}
		if log, err := os.ReadFile(p.log); t.Failed() && err == nil {
			t.Logf("Postfix:\n%s", log)
		}
	})
	return p
}

func withoutPostfix(t *testing.T, why string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("VAKTREFFEN_TEST_REQUIRE"), ","), "postfix") {
		t.Fatal(why)
	}
	t.Skip(why)
}

// url is the server's address as configuration has it, for who signs in with the password.
func (p *postfix) url(password string) string {
	return (&url.URL{Scheme: "smtp+starttls", User: url.UserPassword(postfixUser, password), Host: fmt.Sprintf("127.0.0.1:%d", p.port)}).String()
}

// mails are those in the inbox, with the line ends that they travelled with.
func (p *postfix) mails(t *testing.T) (mails [][]byte) {
	t.Helper()
	files, err := filepath.Glob(p.inbox + "/new/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		mails = append(mails, bytes.ReplaceAll(content, []byte("\n"), []byte("\r\n")))
	}
	return mails
}

// certificate makes a certificate for the loopback address that vouches for itself.
func (p *postfix) certificate(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	p.roots = x509.NewCertPool()
	p.roots.AppendCertsFromPEM([]byte(certificate))
	return certificate, string(pkcs8(t, private))
}

// freePorts returns different ports that nobody listens on.
func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// policy runs a server of Postfix's access policy protocol: requests are lines of name=value up to an empty one, and so are answers.
func policy(t *testing.T, greylist func(recipient string) bool) (address string) {
	recipients := sync.Map{} // by connection, in the request being read
	return answer(t, "", func(conn net.Conn, line string) string {
		name, value, _ := strings.Cut(line, "=")
		if name == "recipient" {
			recipients.Store(conn, value)
		}
		if name != "" {
			return ""
		}
		if recipient, ok := recipients.LoadAndDelete(conn); ok && greylist(recipient.(string)) {
			return "action=defer_if_permit 4.7.1 Greylisted, please try again later\n\n"
		}
		return "action=dunno\n\n"
	})
}

// signIn runs a server of Dovecot's authentication protocol, in its version 1.1, which Postfix asks about passwords.
func signIn(t *testing.T) (address string) {
	right := "resp=" + base64.StdEncoding.EncodeToString([]byte("\x00"+postfixUser+"\x00"+postfixPassword))
	hello := "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t" + strings.Repeat("0", 32) + "\nDONE\n"
	return answer(t, hello, func(_ net.Conn, line string) string {
		request := strings.Split(line, "\t")
		switch {
		case request[0] != "AUTH":
			return ""
		case slices.Contains(request, right):
			return "OK\t" + request[1] + "\tuser=" + postfixUser + "\n"
		}
		return "FAIL\t" + request[1] + "\n"
	})
}

// answer runs a server on loopback that answers lines.
func answer(t *testing.T, hello string, reply func(conn net.Conn, line string) string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var talks sync.WaitGroup
	talks.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			talks.Go(func() {
				defer conn.Close()
				fmt.Fprint(conn, hello)
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					fmt.Fprint(conn, reply(conn, lines.Text()))
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); talks.Wait() })
	return l.Addr().String()
}
