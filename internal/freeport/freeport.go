// Package freeport finds addresses for programs that must be given the one to listen on:
// tests, benchmarks and attacks start servers that cannot say which port they got.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports that no system gives out by itself: Linux begins at 32768, macOS and
// Windows at 49152. What listens meanwhile on a port of the system's choice, or
// connects from one, has none of them.
const (
	first = 16384
	last  = 32767
)

// tries is how many ports are looked at. Few of the 16,384 are ever taken.
const tries = 100

// Address is one of the loopback interface on which nothing listens now, over TCP
// or UDP.
func Address() (string, error) {
	var err error
	for range tries {
		address := fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(last-first+1))
		if err = free(address); err == nil {
			return address, nil
		}
	}
	return "", fmt.Errorf("no port is free between %d and %d: %w", first, last, err)
}

func free(address string) error {
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	return udp.Close()
}
