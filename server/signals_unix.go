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
	return onSignal(syscall.SIGUSR1, reopen)
}

// onHangup calls reload for SIGHUP, which would otherwise end the process without
// draining, until stop is called.
func onHangup(reload func()) (stop func()) { return onSignal(syscall.SIGHUP, reload) }

// onUpgrade calls upgrade for SIGUSR2, until stop is called.
func onUpgrade(upgrade func()) (stop func()) { return onSignal(syscall.SIGUSR2, upgrade) }

// onSignal calls do for a signal until stop is called. Those that come while do
// runs are one more.
func onSignal(s os.Signal, do func()) (stop func()) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, s)
	go func() {
		for range asked {
			do()
		}
	}()
	return func() {
		signal.Stop(asked)
		close(asked)
	}
}
