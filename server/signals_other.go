//go:build !unix

package main

// onReopen does nothing where there is no SIGUSR1.
func onReopen(func()) (stop func()) { return func() {} }
