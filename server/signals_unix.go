//go:build unix

package main

import (
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// onReopen calls reopen for each SIGUSR1, which would otherwise end the
// process, until stop is called. From here on SIGPIPE is ignored: who reads the
// log on standard output may go away without taking the server along.
func onReopen(reopen func()) (stop func()) {
	signal.Ignore(syscall.SIGPIPE)
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go func() {
		for range asked {
			reopen()
		}
	}()
	return func() {
		signal.Stop(asked)
		close(asked)
	}
}

// onHangup logs each SIGHUP and ignores it otherwise, until stop is called: who
// sends it asks for a reload, or has closed a terminal, and neither is a reason
// to end without draining.
func onHangup(log *slog.Logger) (stop func()) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP)
	go func() {
		for range asked {
			log.Info("ignoring SIGHUP: settings and certificate are read at start; new ones need a restart")
		}
	}()
	return func() {
		signal.Stop(asked)
		close(asked)
	}
}
