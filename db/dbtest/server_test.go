package dbtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childVariable makes TestChild, run in a process of its own, do what it names.
const childVariable = "DBTEST_CHILD"

func TestChild(t *testing.T) {
	switch os.Getenv(childVariable) {
	case "":
		return // an ordinary run
	case "lack":
		t.Run("postgres", func(t *testing.T) {
			_, err := startPostgres("")
			refuse(t, err)
		})
		t.Run("redis", func(t *testing.T) { Redis(t) })
	default:
		fmt.Println("server", Postgres(t))
		fmt.Println("server", Redis(t))
		fmt.Println("ready")
		ending, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		if ending == "panic\n" {
			panic("as told")
		}
	}
}

func child(t *testing.T, do string, environment ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), program, "-test.run=^TestChild$", "-test.v")
	c.Env = append(os.Environ(), append(environment, childVariable+"="+do)...)
	return c
}

func TestServersEndWithTheirProcess(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*exec.Cmd, io.Writer) error{
		"ordinary": func(_ *exec.Cmd, stdin io.Writer) error { _, err := io.WriteString(stdin, "end\n"); return err },
		"panic":    func(_ *exec.Cmd, stdin io.Writer) error { _, err := io.WriteString(stdin, "panic\n"); return err },
		"killed":   func(c *exec.Cmd, _ io.Writer) error { return c.Process.Kill() },
		// As Ctrl-C and some runners do it; the group is the child's own here.
		"group killed": func(c *exec.Cmd, _ io.Writer) error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := sharedFolder(t)
			c := child(t, "serve", "TMPDIR="+folder, "TEST_DATABASE_URL=", "TEST_REDIS_URL=", "VAKTREFFEN_TEST_REQUIRE=")
			c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			stdin, err := c.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := c.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			var addresses []string
			lines := bufio.NewScanner(stdout)
			for lines.Scan() && lines.Text() != "ready" {
				if strings.Contains(lines.Text(), "SKIP") {
					t.Skip("This machine has not both servers.")
				}
				if address, ok := strings.CutPrefix(lines.Text(), "server "); ok {
					u, err := url.Parse(address)
					if err != nil {
						t.Fatal(err)
					}
					addresses = append(addresses, u.Host)
				}
			}
			if len(addresses) != 2 || len(left(t, folder)) != 2 {
				t.Fatalf("servers %q in %q", addresses, left(t, folder))
			}
			if err := end(c, stdin); err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, stdout)
			err = c.Wait()
			if (err == nil) != (name == "ordinary") {
				t.Errorf("the child ended with %v", err)
			}
			eventually(t, func() error {
				for _, address := range addresses {
					if connection, err := net.Dial("tcp", address); err == nil {
						connection.Close()
						return fmt.Errorf("%s still answers", address)
					}
				}
				return empty(t, folder)
			})
		})
	}
}

func TestAServerStillStartingEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	requiredPostgres(t)
	folder := sharedFolder(t)
	c := child(t, "serve", "TMPDIR="+folder, "TEST_DATABASE_URL=")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if empty(t, folder) == nil {
			return errors.New("the server has no files yet")
		}
		return nil
	})
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err == nil {
		t.Error("the child was not killed")
	}
	eventually(t, func() error { return empty(t, folder) })
}

// sharedFolder returns a temporary folder that PostgreSQL's account can use too.
func sharedFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "dbtest") // a parent made by t.TempDir would keep that account out
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	return folder
}

func left(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func empty(t *testing.T, folder string) error {
	t.Helper()
	if files := left(t, folder); len(files) > 0 {
		return fmt.Errorf("%q are left", files)
	}
	return nil
}

// eventually fails the test when done still has an objection after 20 seconds.
func eventually(t *testing.T, done func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		err := done()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal(err)
		}
	}
}

func TestALackSkipsUnlessRequired(t *testing.T) {
	t.Parallel()
	for required, outcome := range map[string][2]string{
		"":               {"SKIP", "SKIP"},
		"mailbox":        {"SKIP", "SKIP"},
		"redis":          {"SKIP", "FAIL"},
		"postgres,redis": {"FAIL", "FAIL"},
	} {
		t.Run("required: "+required, func(t *testing.T) {
			t.Parallel()
			c := child(t, "lack", "PATH=", "TEST_REDIS_URL=", "VAKTREFFEN_TEST_REQUIRE="+required)
			output, err := c.CombinedOutput()
			if failed := strings.Contains(required, "redis"); failed != (err != nil) {
				t.Errorf("ended with %v", err)
			}
			for i, server := range []string{"postgres", "redis"} {
				if want := "--- " + outcome[i] + ": TestChild/" + server + " "; !strings.Contains(string(output), want) {
					t.Errorf("no %q", want)
				}
				mentioned := strings.Contains(string(output), "dbtest: tests are left out: no "+server+" to test with. Install ")
				if mentioned != (outcome[i] == "SKIP") {
					t.Errorf("%s mentioned as left out: %t", server, mentioned)
				}
			}
			if t.Failed() {
				t.Logf("%s", output)
			}
		})
	}
}

func TestATakenPortIsPassedOver(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	_, taken, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	free, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	programs := map[string]string{redisScript: requiredRedis(t), postgresScript: requiredPostgres(t)}
	for script, program := range programs {
		account, err := unprivileged()
		if err != nil {
			t.Fatal(err)
		}
		s, err := launch(script, program, account, []string{taken, free[0], free[1]})
		if err != nil {
			t.Fatal(err)
		}
		if s.port == taken {
			t.Errorf("listens on a taken port")
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		if _, err := launch(script, program, account, []string{taken}); err == nil || !strings.Contains(err.Error(), "Address already in use") {
			t.Errorf("with a taken port alone: %v", err)
		}
	}
}

func TestAFolderThatTheServersAccountCannotUse(t *testing.T) {
	t.Parallel()
	requiredPostgres(t)
	requiredRedis(t)
	if account, err := unprivileged(); account == nil || err != nil {
		t.Log("The server runs under the account of this process: there is no such folder.", err)
		return
	}
	folder := t.TempDir()
	c := child(t, "serve", "TMPDIR="+folder, "TEST_DATABASE_URL=", "TEST_REDIS_URL=")
	c.Stdin = strings.NewReader("end\n")
	if output, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

func TestALaunchThatFailsTellsWhy(t *testing.T) {
	t.Parallel()
	_, err := launch("prepare() { echo the disk is full; return 1; }", "some-server", nil, []string{"1"})
	if err == nil || err.Error() != "some-server does not start:\nthe disk is full\n" {
		t.Errorf("got %v", err)
	}
}

func requiredRedis(t *testing.T) string {
	t.Helper()
	program, err := privateRedis()
	if err != nil {
		refuse(t, err)
	}
	return program
}

func requiredPostgres(t *testing.T) string {
	t.Helper()
	programs := postgresPrograms(exec.LookPath, debian)
	if programs == "" {
		_, err := startPostgres(programs)
		refuse(t, err)
	}
	return programs
}

func TestLogicalDatabasesRunOutAndComeBack(t *testing.T) {
	t.Setenv("TEST_REDIS_URL", "") // it takes every logical database, so it needs a private server
	server := Redis(t)
	var give func() error
	for range 15 {
		database, release, err := claim(t.Context(), server)
		if err != nil || database == "" {
			t.Fatalf("got %q, %v", database, err)
		}
		give = release
	}
	if database, _, err := claim(t.Context(), server); database != "" || err != nil {
		t.Errorf("the sixteenth: %q, %v", database, err)
	}
	if err := give(); err != nil {
		t.Fatal(err)
	}
	if database, _, err := claim(t.Context(), server); !strings.HasSuffix(database, "/15") || err != nil {
		t.Errorf("the one that came back: %q, %v", database, err)
	}
}
