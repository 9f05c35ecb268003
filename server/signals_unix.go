//go:build unix

package main

import (
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
