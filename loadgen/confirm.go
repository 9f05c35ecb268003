package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// harmless is the rate up to which nobody is asked.
const harmless = 1000

// confirm asks before a load that a stranger would suffer from: over 1,000/s to
// an address that is neither this machine's nor a private network's.
func (o *options) confirm(ctx context.Context, cfg *attack.Config, s streams) error {
	if o.yes || fastest(cfg) <= harmless {
		return nil
	}
	strangers, err := strangers(ctx, cfg)
	if err != nil || len(strangers) == 0 {
		return err
	}
	what := "as many requests as it can"
	if cfg.Pacer != nil {
		what = "up to " + human.Rate(fastest(cfg))
	}
	text := fmt.Sprintf("%s to %s, which is neither this machine nor on a private network", what, strings.Join(strangers, ", "))
	if !term.IsTerminal(int(s.in.Fd())) || o.targets == "-" {
		return usageError{fmt.Errorf("this would send %s: -yes says that it may", text)}
	}
	fmt.Fprintf(s.err, "This sends %s.\nIs it yours to load? Type yes: ", text)
	return answer(s.in)
}

// answer wants a yes.
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

// fastest is the highest rate of the attack, looked for at a thousand moments.
func fastest(cfg *attack.Config) float64 {
	if cfg.Pacer == nil {
		return 1e12
	}
	duration := cfg.Duration
	if duration == 0 {
		duration = time.Hour
	}
	highest := 0.0
	for i := range 1001 {
		highest = max(highest, cfg.Pacer.Rate(duration*time.Duration(i)/1000))
	}
	return highest
}

// strangers are the targets' hosts that have an address elsewhere.
func strangers(ctx context.Context, cfg *attack.Config) (hosts []string, err error) {
	seen := make(map[string]bool)
	for _, t := range cfg.Targets {
		u, err := url.Parse(t.URL)
		if err != nil || seen[u.Hostname()] { // Check has parsed it
			continue
		}
		host := u.Hostname()
		seen[host] = true
		addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			continue // no address, no load: the report will say so
		}
		for _, a := range addresses {
			if !ours(a) {
				hosts = append(hosts, fmt.Sprintf("%s (%v)", host, a.Unmap()))
				break
			}
		}
	}
	return hosts, nil
}

// sharedSpace is for networks behind a carrier's address translation (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// ours reports whether an address belongs to this machine or a private network:
// loopback, link-local, RFC 1918, RFC 4193.
func ours(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || sharedSpace.Contains(a)
}
