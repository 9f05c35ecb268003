package wire

import (
	"bufio"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// A client may change its keys at any time and ask us to change ours (RFC 8446
// §4.6.3). Go's cannot, OpenSSL's does at a line of "k" or "K".
func TestKeyUpdate(t *testing.T) {
	testkit.Need(t, "openssl")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		nc, err := l.Accept()
		if err != nil {
			return
		}
		c := New(nc, serverTLS(), newOptions())
		if err := c.Handshake(time.Now().Add(patience)); err != nil {
			t.Errorf("handshake: %v", err)
			c.Close()
			return
		}
		echo(c)
	}()
	defer func() { l.Close(); <-ended }()
	client := exec.CommandContext(t.Context(), "openssl", "s_client", "-connect", l.Addr().String(), "-tls1_3")
	in, err := client.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	client.Stderr = client.Stdout // on which it confirms a command
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		_ = client.Wait() // its exit code depends on its stdin
	}()
	lines := bufio.NewScanner(out)
	await := func(line string) {
		t.Helper()
		for lines.Scan() {
			if strings.HasSuffix(lines.Text(), line) {
				return
			}
		}
		t.Fatalf("openssl ended before %q: %v", line, lines.Err())
	}
	for _, command := range []string{"", "k", "K", "K"} {
		if command != "" {
			send(t, in, []byte(command+"\n"))
			await("KEYUPDATE")
		}
		line := "after '" + command + "'"
		send(t, in, []byte(line+"\n"))
		await(line)
	}
}
