// Command server is hotpath: an HTTPS edge server that answers from memory.
//
//	go run ./server                     the demo site on https://localhost:8443
//	go run ./server -root DIR           a directory
//	go run ./server check -config FILE  validate a configuration, and exit
//	go run ./server health              ask a running server whether it is ready
//	go run ./server version             what was built
//
// # The life of a request
//
//  1. listen/server.go   a connection is accepted and gets a permit
//  2. listen/greet.go    its ClientHello arrives; listen/handshake.go: TLS and the protocol
//  3. wire/conn.go       a batch of bytes arrives and is decrypted: a turn (internal/wire)
//  4. h2/recv.go         frames; h1/parse.go: request heads
//  5. h2/headers.go      a header block becomes a request (internal/hpack)
//  6. edge/source.go     the request's key; the cache is asked (cache)
//  7. h2/answer.go       a hit goes into the batch; h1/answer.go
//  8. wire/write.go      the batch is encrypted and written: the turn's end
//  9. access/            the access log hears of it, sampled
//
// What is no hit leaves the connection's goroutine after 6:
//
//	6a. h2/handler.go     a goroutine for the request; h1/conn.go: fetch
//	6b. edge/serve.go     parts, conditions, methods; edge/flight.go: one fetch
//	6c. origin/           the demo site, or a directory
//	6d. h2/mail.go        the answer comes back to the connection
//
// Package main only wires: run.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/e0ac7cd4/hotpath/internal/buildinfo"
	"github.com/e0ac7cd4/hotpath/server/config"
)

// Exit codes.
const (
	exitFailure = 1 // it was asked for something right, and could not do it
	exitUsage   = 2 // it was asked for something wrong
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 {
		switch args[0] {
		case "check":
			os.Exit(config.Check(args[1:], os.Environ(), os.Stdout, os.Stderr))
		case "health":
			os.Exit(health(args[1:], os.Environ(), os.Stdout, os.Stderr))
		case "version":
			fmt.Println(buildinfo.Line("hotpath"))
			return
		}
	}
	cfg, err := config.Load(args, os.Environ(), config.ReadFile)
	switch {
	case errors.Is(err, config.ErrHelp):
		if err := config.WriteHelp(os.Stdout); err != nil {
			os.Exit(exitFailure)
		}
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "hotpath:", err)
		os.Exit(exitUsage)
	}
	if err := cfg.CheckFiles(); err != nil {
		fmt.Fprintln(os.Stderr, "hotpath:", err)
		os.Exit(exitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, cfg, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "hotpath:", err)
		os.Exit(exitFailure)
	}
}
