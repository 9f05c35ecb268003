//go:build unix

package main

import (
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// onReopen calls reopen for each SIGUSR1, which would otherwise end the
// process, until stop is called. From here on SIGPIPE is ignored: the
// reader of a log on standard output may go away without ending the server.
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

// onHangup logs each SIGHUP and ignores it otherwise, until stop is called: it
// stands for a reload, or for a terminal that was closed, and neither is a reason
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
