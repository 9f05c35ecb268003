package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"strings"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"golang.org/x/term"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// harmless is the rate up to which no confirmation is asked for.
const harmless = 1000

// confirm asks before a load that a stranger would suffer from: over 1,000/s to
// an address that is neither this machine's nor a private network's.
func (o *options) confirm(ctx context.Context, cfg *attack.Config, s streams) error {
	if o.yes || fastest(cfg) <= harmless {
		return nil
	}
	strangers := strangers(ctx, cfg)
	if len(strangers) == 0 {
		return nil
	}
	what := "as many requests as it can"
	if rate := fastest(cfg); !math.IsInf(rate, 1) {
		what = "up to " + human.Rate(rate)
	}
	text := fmt.Sprintf("%s to %s, which is neither this machine nor on a private network", what, strings.Join(strangers, ", "))
	if !term.IsTerminal(int(s.in.Fd())) || o.targets == standard || o.replay.file == standard {
		return usageError{fmt.Errorf("this would send %s: -yes says that it may", text)}
	}
	fmt.Fprintf(s.err, "This sends %s.\nIs it yours to load? Type yes: ", text)
	given := make(chan error, 1)
	go func() { given <- answer(s.in) }() // it may never come
	select {
	case err := <-given:
		return err
	case <-ctx.Done():
		return usageError{errors.New("nothing was sent: interrupted")}
	}
}

// answer accepts a yes alone.
func answer(r io.Reader) error {
	line, err := bufio.NewReader(r).ReadString('\n')
	if strings.TrimSpace(line) == "yes" {
		return nil
	}
	if err != nil && err != io.EOF {
		return fmt.Errorf("reading the answer: %w", err)
	}
	return usageError{errors.New("nothing was sent: the answer was not yes")}
}

// fastest is the highest rate of the attack.
func fastest(cfg *attack.Config) float64 {
	switch p := cfg.Pacer.(type) {
	case vegeta.ConstantPacer:
		return p.Rate(0)
	case vegeta.LinearPacer:
		if (cfg.Duration == 0 || cfg.Duration == attack.Forever) && p.Slope > 0 {
			break // whatever its number of requests, or who ends it, leads to
		}
		return max(p.Rate(0), p.Rate(cfg.Duration))
	case vegeta.SinePacer:
		return p.Mean.Rate(0) + p.Amp.Rate(0)
	case attack.Stages:
		return p.Highest()
	case attack.Replay:
		return float64(p.Busiest())
	}
	return math.Inf(1) // a closed loop
}

// strangers are the hosts that connections are made to and that have an address elsewhere, or whose
// addresses cannot be found.
func strangers(ctx context.Context, cfg *attack.Config) (hosts []string) {
	all, err := cfg.Hosts()
	if err != nil { // Check would have found it
		return []string{err.Error()}
	}
	for _, h := range all {
		host := h.Name
		addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if unknown := new(net.DNSError); errors.As(err, &unknown) && unknown.IsNotFound && !h.Behind {
			continue // no address, no load: the report will say so
		} else if err != nil {
			hosts = append(hosts, host+" (whose address could not be looked up)")
		}
		for _, a := range addresses {
			if !ours(a) {
				hosts = append(hosts, fmt.Sprintf("%s (%v)", host, a.Unmap()))
				break
			}
		}
	}
	return hosts
}

// ours reports whether an address belongs to this machine or a private network:
// loopback, unspecified (which connects to loopback), link-local, RFC 1918,
// RFC 4193.
func ours(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLoopback() || a.IsUnspecified() || a.IsPrivate() || a.IsLinkLocalUnicast()
}
