// Command server is hotpath: an HTTPS edge server that answers from memory.
//
//	go run ./server                     the demo site on https://localhost:8443
//	go run ./server -root DIR           a directory
//	go run ./server -upstream URL       another server, behind a cache
//	go run ./server -config FILE        any number of sites
//	go run ./server check -config FILE  validate a configuration, and exit
//	go run ./server health              ask a running server whether it is ready
//	go run ./server reload              have a running server read its configuration again
//	go run ./server upgrade             have it start its program again, and hand over to it
//	go run ./server diff -config FILE   what that would change
//	go run ./server purge -tag TAG      have it use no more what is stored, or take it for stale
//	go run ./server explain URL         what it would do with a request, and why
//	go run ./server misses              which paths miss most, and why
//	go run ./server ech NAME            make a key for Encrypted Client Hello
//	go run ./server schema              what editors know the configuration by
//	go run ./server completion bash     what a shell completes the command line by
//	go run ./server man                 the manual page
//	go run ./server version             what was built
//
// # The life of a request
//
//  1. listen/server.go    a connection is accepted and gets a permit
//  2. listen/greet.go     its PROXY header, if a balancer is before it (listen/proxyheader.go),
//     and its ClientHello arrive; a place among the handshakes (listen/places.go);
//     listen/handshake.go: TLS, the certificate (certs/index.go) and the protocol
//  3. wire/conn.go        a batch of bytes arrives and is decrypted: a turn (internal/wire)
//  4. h2/recv.go          frames; h1/hit.go: request heads, read by h1/parse.go
//  5. h2/headers.go       a header block becomes a request (internal/hpack); its client
//     (client/forwarded.go), and whether that client may have one more (h2/perclient.go, h1/perclient.go)
//  6. edge/look.go        the fast path: its site (site/table.go), that site's rules
//     (rules/guard.go), its key (site/site.go), what is stored (store/store.go), and whether that may be reused (rfc9111/reuse.go)
//  7. h2/answer.go        a hit goes into the batch; h1/hit.go
//  8. wire/write.go       the batch is encrypted and written: the turn's end
//  9. h2/count.go         it is counted and, if it is one for the log, recorded (access/tap.go),
//     in a span of its trace too (traces/request.go)
//
// Over QUIC 1 to 5 are listen/quic.go, listen/arrival.go and h3/stream.go, and a hit
// is h3/hit.go's, a miss h3/exchange.go's.
//
// A request that the connection has sent before, byte for byte, skips 5 and most
// of 6: h2/repeat.go, h1/repeat.go. A request that is no hit leaves the
// connection's goroutine after 6:
//
//	6a. h2/handler.go      the slow path: a goroutine for the request; h1/exchange.go
//	6b. edge/serve.go      methods, and a second look: what may answer it, or why not
//	6c. edge/flight.go     one fetch for all misses of the same key
//	6d. edge/fetch.go      the origin answers: origin/directory.go, origin/proxy/fetch.go
//	6e. edge/sink.go       at the head of its answer: shared and stored, or one request's alone
//	6f. stream/reply.go    the way back; message/growing.go: a content that is still arriving
//	6g. h2/inbox.go        the connection takes it at its next turn; h1/inbox.go
//
// Package main only wires: run.go, parts.go for the public side, tls.go for its TLS,
// plain.go for the listener without, http3.go for the socket of QUIC, sites.go for what
// is served, reload.go and watch.go for what changes while it runs, operate.go and
// cachecontrol.go for the admin listener; memory.go and descriptors.go bound what it
// takes; health.go, ask.go and cachecommands.go are subcommands. handover has the
// sockets, also those of a predecessor; acme obtains
// certificates, which certs follows as files, and redirect is plain HTTP.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/e0ac7cd4/hotpath/internal/buildinfo"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/handover"
)

// Exit codes.
const (
	exitFailure = 1 // the command line was right, and it could not do it
	exitUsage   = 2 // the command line or the configuration was wrong
)

func main() {
	os.Exit(dispatch(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// dispatch runs the command, and returns the exit code.
func dispatch(args, environ []string, stdout, stderr io.Writer) int {
	first := ""
	if len(args) > 0 {
		first = args[0]
	}
	switch first {
	case "check":
		return config.Check(args[1:], environ, stdout, stderr, memoryWarning)
	case "health":
		return health(args[1:], environ, stdout, stderr)
	case "reload":
		return reload(args[1:], environ, stdout, stderr)
	case "upgrade":
		return upgrade(args[1:], environ, stdout, stderr)
	case "diff":
		return diff(args[1:], environ, stdout, stderr)
	case "purge":
		return purge(args[1:], environ, stdout, stderr)
	case "explain":
		return explain(args[1:], environ, stdout, stderr)
	case "misses":
		return misses(args[1:], environ, stdout, stderr)
	case "ech":
		return config.ECH(args[1:], stdout, stderr)
	case "schema":
		return done(0, config.WriteSchema(stdout))
	case "completion":
		return config.Completion(args[1:], stdout, stderr)
	case "man":
		return done(0, config.WriteMan(stdout))
	case "version", "-version", "--version", "-v", "-V":
		return done(fmt.Fprintln(stdout, buildinfo.Line("hotpath")))
	case "help", "-?":
		return done(0, config.WriteHelp(stdout))
	}
	if first != "" && !strings.HasPrefix(first, "-") {
		config.WriteError(stderr, config.UnknownCommand(first))
		return exitUsage
	}
	return serve(args, environ, stdout, stderr)
}

// done is the exit code of a command that only writes.
func done(_ int, err error) int {
	if err != nil {
		return exitFailure
	}
	return 0
}

// serve is the command without a name: the server.
func serve(args, environ []string, stdout, stderr io.Writer) int {
	src := &source{args: args, environ: environ}
	cfg, err := src.load()
	if errors.Is(err, config.ErrHelp) {
		return done(0, config.WriteHelp(stdout))
	}
	if err != nil {
		config.WriteError(stderr, err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	h, err := handover.New(handover.Config{PIDFile: cfg.PIDFile, ReusePort: cfg.ReusePort})
	if err != nil {
		config.WriteError(stderr, err)
		return exitFailure
	}
	if err := run(ctx, src, cfg, h, stderr); err != nil {
		config.WriteError(stderr, err)
		return exitFailure
	}
	return 0
}
