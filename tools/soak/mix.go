//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"time"

	"github.com/e0ac7cd4/hotpath/tools/attack/attackers"
	"github.com/e0ac7cd4/hotpath/tools/attack/catalog"
	"github.com/e0ac7cd4/hotpath/tools/attack/target"
)

// What is mixed in beside the load; each has to have happened.
const (
	purges         = "purges"
	reloads        = "reloads"
	clientRestarts = "restarts of clients"
	originRestarts = "restarts of the origin"
	attacks        = "tries of attacks"
	evictions      = "evictions"
)

var mixed = []string{purges, reloads, clientRestarts, originRestarts, attacks, evictions}

// Rests between two of a kind.
const (
	purgeRest  = time.Second
	reloadRest = 5 * time.Second
	originRest = 12 * time.Second
	clientLife = 20 * time.Second
)

// repeat does something again and again, with rests, until ctx ends or it fails.
func (k *soak) repeat(ctx context.Context, what string, rest time.Duration, do func(i int) (times int, err error)) error {
	for i := 0; ; i++ {
		// Half at once, so that a short run has some of each.
		if i == 0 {
			pause(ctx, rest/2)
		} else {
			pause(ctx, rest)
		}
		if ctx.Err() != nil {
			return nil
		}
		times, err := do(i)
		if ctx.Err() != nil {
			return nil // it was ended
		}
		if err != nil {
			return fmt.Errorf("%s, number %d: %w", what, i+1, err)
		}
		k.count(what, times)
	}
}

// purgeOf are the parameters of the i-th purge: each form in turn, hard and soft, of
// keys by chance. What empties the whole cache is rare, since it has to become full.
func purgeOf(i int, site string, chance func(int) int) url.Values {
	v := make(url.Values)
	key := func(n int) string { return fmt.Sprintf("%s/key/%d", site, chance(n)) }
	soft := i/4%2 == 1
	switch {
	case i%60 == 59:
		v.Set("all", "1")
	case i%60 == 24:
		v.Set("host", hostOf(site))
	case i%4 == 0:
		v.Add("url", key(keys))
		v.Add("url", key(keys))
	case i%4 == 1:
		v.Set("prefix", key(100))
	case i%4 == 2:
		v.Set("tag", tagOf(chance(tags)))
	default:
		v.Set("host", hostOf(site))
		soft = true
	}
	if soft {
		v.Set("soft", "1")
	}
	if i%3 == 0 {
		v.Set("count", "1")
	}
	return v
}

func hostOf(site string) string {
	u, err := url.Parse(site)
	if err != nil {
		return site
	}
	return u.Hostname()
}

func (k *soak) purge(ctx context.Context) func(int) (int, error) {
	return func(i int) (int, error) {
		_, err := k.server.ask(ctx, http.MethodPost, "/purge?"+purgeOf(i, k.server.upstreamURL(), rand.IntN).Encode())
		return 1, err
	}
}

func (k *soak) reload(ctx context.Context) func(int) (int, error) {
	return func(i int) (int, error) {
		return 1, k.journal.during(fmt.Sprintf("reload %d", i+1), func() error { return k.server.reload(ctx, i) })
	}
}

func (k *soak) restartOrigin(ctx context.Context) func(int) (int, error) {
	return func(int) (int, error) {
		k.origin.down()
		pause(ctx, downFor)
		return 1, k.origin.up()
	}
}

// attackTime is how long each attack goes on: so that a run has twenty rounds of all
// that there are, but long enough to do something, and not longer than limits need.
func attackTime(duration time.Duration, attacks int) time.Duration {
	return min(max(duration/20/time.Duration(attacks), 2*time.Second), 30*time.Second)
}

// leftOut is why an attack is not performed beside the load; "": it is.
func leftOut(a catalog.Attack) string {
	if a.Needs != (catalog.Needs{}) {
		return "it takes all connections or descriptors of a server that is started with few, the good client's too"
	}
	return ""
}

// chosenAttacks are those that can be performed, and match.
func chosenAttacks(only *regexp.Regexp) (chosen []catalog.Attack) {
	for _, a := range catalog.All() {
		if leftOut(a) == "" && only.MatchString(a.Name) {
			chosen = append(chosen, a)
		}
	}
	return chosen
}

// attack performs one after the other, all of them in an order by chance, and again.
func (k *soak) attack(ctx context.Context) func(int) (int, error) {
	all := chosenAttacks(k.only)
	length := attackTime(k.duration, len(all))
	host := "localhost" + k.server.port()
	to := &target.Target{Addr: k.server.address, Authority: host, File: fileName(0), Large: largeFile, Origin: attackPath, HeaderBytes: 16 << 10}
	return func(i int) (int, error) {
		if i%len(all) == 0 {
			rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		}
		a := all[i%len(all)]
		tries := 0
		err := k.journal.during("attack "+a.Name, func() error {
			tally, err := attackers.Run(ctx, attackers.Asked{Name: a.Name, To: to, Clients: a.Short, For: length}, (*exec.Cmd).Start)
			if err == nil {
				tries = tally.Tries
			}
			return err
		})
		return tries, err
	}
}
