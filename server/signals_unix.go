//go:build unix

package main

import (
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

// onHangup calls reload for SIGHUP, which would otherwise end the process without
// draining, until stop is called. Those that come during a reload are one more.
func onHangup(reload func()) (stop func()) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP)
	go func() {
		for range asked {
			reload()
		}
	}()
	return func() {
		signal.Stop(asked)
		close(asked)
	}
}
