//go:build !unix

package main

// onReopen does nothing if there is no SIGUSR1.
func onReopen(func()) (stop func()) { return func() {} }

// onHangup does nothing on systems without SIGHUP.
func onHangup(func()) (stop func()) { return func() {} }

// onUpgrade does nothing on systems without SIGUSR2.
func onUpgrade(func()) (stop func()) { return func() {} }
