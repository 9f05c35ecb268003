package config

import (
	"errors"
	"math/bits"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/suggest"
)

// hinter is a value that can say how a text which it refuses was probably
// meant. Candidates that it refuses too are no harm: see likely.
type hinter interface {
	candidates(s string) []string
}

// likely is the first of v's candidates for s that v accepts, "" if there is
// none. It changes the field of v, which is not used if there is a mistake.
func likely(v value, s string) string {
	h, ok := v.(hinter)
	if !ok || len(s) > maxShown {
		return ""
	}
	for _, candidate := range h.candidates(s) {
		if candidate != s && v.set(candidate) == nil {
			return candidate
		}
	}
	return ""
}

// remedy is likely for a value that is refused with err: one that is there already
// is as it was meant.
func remedy(v value, s string, err error) string {
	if errors.Is(err, errTwice) {
		return ""
	}
	return likely(v, s)
}

// powers of thousand behind a plain number.
var powers = map[string]string{"k": "000", "m": "000000"}

func (v *count) candidates(s string) []string {
	whole, fraction, unit, ok := suggest.Quantity(s)
	if !ok || fraction != "" {
		return nil
	}
	if n, err := strconv.ParseUint(whole, 10, 31); err == nil && v.powerOfTwo && n > 0 {
		whole = strconv.Itoa(1 << bits.Len64(n-1))
	}
	return []string{whole + powers[unit]}
}

func (v *rate) candidates(s string) []string {
	whole, fraction, unit, ok := suggest.Quantity(s)
	if !ok || fraction != "" {
		return nil
	}
	return []string{whole + powers[unit] + "/s"}
}

// binary are the units for which people write something shorter: they mean
// memory, which is counted in powers of two.
var binary = map[string]string{
	"": "B", "b": "B", "k": "KiB", "kb": "KiB", "kib": "KiB", "m": "MiB", "mb": "MiB", "mib": "MiB",
	"g": "GiB", "gb": "GiB", "gib": "GiB", "t": "TiB", "tb": "TiB", "tib": "TiB",
}

func (v *size) candidates(s string) []string {
	whole, fraction, unit, ok := suggest.Quantity(s)
	name := binary[unit]
	if !ok || name == "" {
		return nil
	}
	factor := map[string]float64{"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}[name]
	n, err := strconv.ParseFloat(whole+fraction, 64)
	if err != nil || n*factor > 1<<53 {
		return nil
	}
	return []string{formatSize(int64(n*factor)) + v.unit()}
}

func (v *span) candidates(s string) []string {
	// 60000 without a unit is too long as seconds: it was milliseconds.
	return []string{suggest.Duration(s, "s"), suggest.Duration(s, "ms")}
}

func (v *choice) candidates(s string) []string {
	if on, ok := yesOrNo(s); ok && slices.Contains(v.of, "off") {
		if !on {
			return []string{"off"}
		}
		others := slices.DeleteFunc(slices.Clone(v.of), func(one string) bool { return one == "off" })
		return others[len(others)-1:] // the last is the most there is
	}
	return []string{suggest.Nearest(s, v.of)}
}

func (v *level) candidates(s string) []string {
	names := []string{"debug", "info", "warn", "error"}
	switch s = strings.ToLower(s); s {
	case "warning":
		return []string{"warn"}
	case "err", "fatal", "critical":
		return []string{"error"}
	case "trace", "verbose":
		return []string{"debug"}
	}
	return []string{suggest.Nearest(s, names)}
}

func (v *toggle) candidates(s string) []string {
	if on, ok := yesOrNo(s); ok {
		return []string{strconv.FormatBool(on)}
	}
	return nil
}

// yesOrNo reads what people write for true and false; ok is whether it is either.
func yesOrNo(s string) (on, ok bool) {
	switch strings.ToLower(s) {
	case "yes", "y", "on", "1", "true", "t", "enabled":
		return true, true
	case "no", "n", "off", "0", "false", "f", "disabled":
		return false, true
	}
	return false, false
}

// defaultPort is the one that a listener's address gets in a hint that had none.
const defaultPort = "8443"

func (v *address) candidates(s string) []string {
	if v.off && (s == "none" || s == "false" || s == "no" || s == "disabled") {
		return []string{"off"}
	}
	_, rest, _ := strings.Cut(s, "://")
	if rest == "" {
		rest = s
	}
	rest = strings.TrimSuffix(rest, "/")
	all := []string{rest, ":" + rest}
	i := strings.LastIndexByte(rest, ':')
	if i > 0 && net.ParseIP(rest[:i]) != nil {
		all = append(all, net.JoinHostPort(rest[:i], rest[i+1:]))
	}
	if rest != "" && (i < 0 || net.ParseIP(rest) != nil) {
		all = append(all, net.JoinHostPort(rest, defaultPort))
	}
	return all
}
