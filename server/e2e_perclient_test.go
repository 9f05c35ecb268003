package main

import (
	"fmt"
	"net/http"
	"testing"
)

// TestLimitsOfAClient: requests beyond a client's limit are answered 429 on both
// protocols, and its connections beyond another are closed.
func TestLimitsOfAClient(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			p := start(t, "-limit-requests", "1/s", "-limit-burst", "5", "-limit-by", "x-api-key", "-limit-connections", "1", "-limit-handshakes", "100/s")
			c := p.client(protocol)
			got := make(map[int]int)
			for range 20 {
				got[p.ask(c, "GET", "/", "X-Api-Key", "a")]++
			}
			// Tokens come back while the requests are sent, if that takes long.
			if got[http.StatusOK] < 5 || got[http.StatusTooManyRequests] < 1 || len(got) != 2 {
				t.Errorf("statuses %v, want 5 times 200 and else 429", got)
			}
			if status := p.ask(c, "GET", "/", "X-Api-Key", "b"); status != http.StatusOK {
				t.Errorf("another key is answered %d", status)
			}
			if answer, err := p.client(protocol).Get(p.url + "/"); err == nil {
				answer.Body.Close()
				t.Error("a second connection of the client is served")
			}
			p.eventually("the limits to be counted", func() error {
				m := p.metrics()
				requests, connections := m[`hotpath_limited_total{kind="requests",mode="refuse"}`], m[`hotpath_limited_total{kind="connections",mode="refuse"}`]
				if int(requests) != got[http.StatusTooManyRequests] || connections < 1 || m["hotpath_limit_clients"] < 2 {
					return fmt.Errorf("%v requests, %v connections, %v clients", requests, connections, m["hotpath_limit_clients"])
				}
				return nil
			})
		})
	}
}
