//go:build linux

// Package servers runs the servers that a tool compares or attacks, each a process
// that is pinned to a core, and has the configuration of those that are not ours.
// What tools/bench measures and tools/attack attacks is so the same server.
//
// A Process belongs to one goroutine, but for Exited.
package servers
