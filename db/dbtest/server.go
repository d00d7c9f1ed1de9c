package dbtest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// supervision follows the definitions of prepare, start and stop in a shell script. It owns everything that a server leaves
// on the machine, from the first file on, so that there is no moment at which killing the test process leaks something:
// standard input is a pipe that only the test process writes to, and its end, for whatever reason, is the sign to clean up.
const supervision = `
trap : HUP INT TERM PIPE
program=$1
shift
# The account of a server may not write to the folder of this user.
dir=$(mktemp -d "$TMPDIR/vaktreffen.XXXXXX" 2>/dev/null || mktemp -d /tmp/vaktreffen.XXXXXX) || exit
exec 3>&1 >>"$dir/log" 2>&1
serve() {
	prepare </dev/null 3>&- || return
	for port; do
		if start "$port" </dev/null 3>&-; then
			echo "listening $port" >&3
			read -r _
			stop
			return
		fi
	done
	return 1
}
serve "$@" || cat "$dir/log" >&3
rm -rf "$dir"
`

// A server runs on 127.0.0.1 until stop is called or this process ends.
type server struct {
	port       string
	supervisor *exec.Cmd
	lifeline   io.Closer // must stay reachable: collecting it would close the pipe and stop the server
}

// launch starts a server by a script that defines three functions: prepare fills $dir, start returns once $program listens
// on port $1 and fails when it cannot, stop ends it. The ports are tried in turn. A nil account means the one of this process.
func launch(script, program string, account *syscall.Credential, ports []string) (*server, error) {
	arguments := append([]string{"-c", script + supervision, "dbtest", program}, ports...)
	supervisor := exec.Command("/bin/sh", arguments...)
	supervisor.Dir = "/"
	// Nothing else is passed on: PGDATA, PGOPTIONS and their like would bend the server.
	supervisor.Env = []string{"PATH=" + os.Getenv("PATH") + ":/usr/bin:/bin", "TMPDIR=" + os.TempDir(), "LC_ALL=C"}
	// In a session of its own it outlives a Ctrl-C in the terminal, which ends every process of the foreground group.
	supervisor.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: account}
	lifeline, err := supervisor.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := supervisor.StdoutPipe()
	if err != nil {
		return nil, err
	}
	supervisor.Stderr = supervisor.Stdout
	if err := supervisor.Start(); err != nil {
		return nil, err
	}
	s := &server{supervisor: supervisor, lifeline: lifeline}
	said := bufio.NewReader(stdout)
	first, _ := said.ReadString('\n')
	if port, ok := strings.CutPrefix(first, "listening "); ok {
		s.port = strings.TrimSpace(port)
		return s, nil
	}
	lifeline.Close()
	rest, _ := io.ReadAll(said)
	_ = supervisor.Wait() // what it said tells more than its exit code
	return nil, fmt.Errorf("%s does not start:\n%s%s", program, first, rest)
}

// stop ends the server and returns when its files are gone.
func (s *server) stop() error {
	s.lifeline.Close()
	return s.supervisor.Wait()
}

// freePorts returns a few TCP ports that were free a moment ago. Another process may take one first, hence a few.
func freePorts() ([]string, error) {
	var ports []string
	for range 4 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close() // all stay open until the last is found, so that they differ
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}
